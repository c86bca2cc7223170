"""The smoothing baseline: a weighted mean of what was observed, and its best width."""

import logging

import numpy as np
import pytest

from lfads_tf.analysis import (
    r_squared,
    select_gaussian_width,
    smooth_causal_gaussian,
    smooth_gaussian,
    smooth_pca,
)


def dense(counts, bin_width, sd):
    """Row by row from the definition, the kernel ending after four standard deviations."""
    n_bins = counts.shape[-2]
    lag = np.arange(n_bins)[:, None] - np.arange(n_bins)
    kernel = np.exp(-0.5 * (lag * bin_width / sd) ** 2)
    kernel[np.abs(lag) > int(4 * sd / bin_width + 0.5)] = 0.0
    seen = ~np.isnan(counts)
    with np.errstate(invalid="ignore"):
        mean = (kernel @ np.where(seen, counts, 0.0)) / (kernel @ seen)
    return mean / bin_width


def spikes_of(rates, bin_width, seed=0):
    return np.random.default_rng(seed).poisson(rates * bin_width).astype(float)


class TestGaussian:
    @pytest.mark.parametrize("sd", [0.001, 0.02, 0.055, 0.3, 5.0])
    def test_is_the_weighted_mean_of_its_definition(self, sd):
        counts = np.random.default_rng(0).poisson(1.0, (3, 40, 4)).astype(float)
        got = smooth_gaussian(counts, 0.02, sd)
        np.testing.assert_allclose(got, dense(counts, 0.02, sd), rtol=1e-12)
        counts[0, 30:] = np.nan
        counts[1, 5:9, 2] = np.nan
        got = smooth_gaussian(counts, 0.02, sd)
        np.testing.assert_allclose(got, dense(counts, 0.02, sd), rtol=1e-12)

    def test_a_constant_rate_stays_constant_to_the_very_ends(self):
        counts = np.full((2, 50, 3), 3.0)
        counts[0, 35:] = np.nan
        rates = smooth_gaussian(counts, 0.01, 0.05)
        np.testing.assert_allclose(rates[~np.isnan(counts)], 300.0, rtol=1e-12)

    def test_padding_changes_nothing(self):
        counts = np.random.default_rng(0).poisson(1.0, (2, 30, 4)).astype(float)
        padded = np.concatenate([counts, np.full((2, 20, 4), np.nan)], axis=1)
        np.testing.assert_allclose(
            smooth_gaussian(padded, 0.01, 0.03)[:, :30],
            smooth_gaussian(counts, 0.01, 0.03),
            rtol=1e-12,
        )

    def test_far_from_any_observation_nothing_is_said(self):
        counts = np.full((1, 100, 1), np.nan)
        counts[0, 10] = 2.0
        rates = smooth_gaussian(counts, 0.01, 0.05)[0, :, 0]
        near = np.abs(np.arange(100) - 10) <= 20
        np.testing.assert_allclose(rates[near], 200.0)
        assert np.isnan(rates[~near]).all()

    def test_trials_do_not_mix(self):
        counts = np.random.default_rng(0).poisson(1.0, (4, 30, 2)).astype(float)
        whole = smooth_gaussian(counts, 0.01, 0.1)
        for trial in range(4):
            alone = smooth_gaussian(counts[trial], 0.01, 0.1)
            np.testing.assert_allclose(whole[trial], alone, rtol=1e-12)

    def test_units_are_seconds(self):
        counts = np.random.default_rng(0).poisson(0.2, (2, 100, 3)).astype(float)
        np.testing.assert_allclose(
            smooth_gaussian(counts, 0.01, 0.05),
            10 * smooth_gaussian(counts, 0.1, 0.5),
            rtol=1e-12,
        )

    @pytest.mark.parametrize(
        ("dtype", "expected"),
        [("uint8", "float32"), ("float32", "float32"), ("int64", "float64")],
    )
    def test_types(self, dtype, expected):
        counts = np.full((2, 20, 3), 200, dtype)
        rates = smooth_gaussian(counts, 0.1, 0.1)
        assert rates.dtype == expected
        np.testing.assert_allclose(rates, 2000.0, rtol=1e-5)

    def test_wrong_arguments(self):
        with pytest.raises(ValueError, match="sd: expected a positive number, received -1"):
            smooth_gaussian(np.ones((2, 3)), 0.1, -1)
        with pytest.raises(
            TypeError, match="bin_width: expected a positive number, received None"
        ):
            smooth_gaussian(np.ones((2, 3)), None, 0.1)
        with pytest.raises(ValueError, match=r"spikes: expected shape .* received \(3,\)"):
            smooth_gaussian(np.ones(3), 0.1, 0.1)


class TestBestGaussian:
    candidates = (0.01, 0.03, 0.06, 0.1, 0.2, 0.4)
    bin_width = 0.01

    def data(self, seed=0, n_trials=60):
        """Rates of a slow and a fast neuron and one that never varies."""
        rng = np.random.default_rng(seed)
        t = np.arange(200) * self.bin_width
        phase = rng.uniform(0, 2 * np.pi, (n_trials, 1, 3))
        frequency = np.array([0.7, 1.5, 0.0])
        wave = np.sin(2 * np.pi * frequency * t[None, :, None] + phase)
        rates = 30.0 + np.array([25.0, 20.0, 0.0]) * wave
        return rates, spikes_of(rates, self.bin_width, seed)

    def test_the_estimate_is_the_error_against_the_true_rates(self):
        rates, spikes = self.data(n_trials=2000)
        blind = select_gaussian_width(spikes, self.bin_width, self.candidates)
        known = select_gaussian_width(spikes, self.bin_width, self.candidates, true_rates=rates)
        assert blind.sd == known.sd
        # The standard error of the estimate is 4 (spikes/s)^2, of errors of 90 to 850.
        np.testing.assert_allclose(blind.errors, known.errors, atol=10.0)

    def test_the_estimate_holds_with_gaps(self):
        rates, spikes = self.data(n_trials=2000)
        gaps = np.random.default_rng(3).random(spikes.shape) < 0.3
        spikes[gaps] = np.nan
        spikes[:100, 120:] = np.nan
        blind = select_gaussian_width(spikes, self.bin_width, self.candidates)
        known = select_gaussian_width(spikes, self.bin_width, self.candidates, true_rates=rates)
        np.testing.assert_allclose(blind.errors, known.errors, atol=12.0)

    def test_errors_are_those_of_the_smoothed_rates(self):
        rates, spikes = self.data()
        choice = select_gaussian_width(
            spikes, self.bin_width, self.candidates, true_rates=rates
        )
        for sd, error in zip(self.candidates, choice.errors, strict=True):
            smoothed = smooth_gaussian(spikes, self.bin_width, sd)
            assert error == pytest.approx(np.mean((smoothed - rates) ** 2), rel=1e-10)
        scores = [
            r_squared(rates, smooth_gaussian(spikes, self.bin_width, sd), average="pooled")
            for sd in self.candidates
        ]
        assert choice.sd == self.candidates[int(np.argmax(scores))]

    def test_faster_rates_need_a_narrower_kernel(self):
        t = np.arange(300) * self.bin_width
        chosen = []
        for frequency in (0.5, 2.0):
            rates = 30 + 25 * np.sin(2 * np.pi * frequency * t)[None, :, None]
            spikes = spikes_of(np.repeat(rates, 50, axis=0), self.bin_width)
            chosen.append(select_gaussian_width(spikes, self.bin_width).sd)
        assert chosen[1] < chosen[0]

    def test_the_end_of_the_candidates_is_told(self, caplog):
        _, spikes = self.data()
        with caplog.at_level(logging.WARNING, logger="lfads_tf"):
            select_gaussian_width(spikes, self.bin_width, [0.01, 0.02])
        assert "at the end of the candidates (0.01 to 0.02 s)" in caplog.text
        caplog.clear()
        with caplog.at_level(logging.WARNING, logger="lfads_tf"):
            select_gaussian_width(spikes, self.bin_width, self.candidates)
        assert not caplog.records

    def test_wrong_arguments(self):
        rates, spikes = self.data(n_trials=2)
        with pytest.raises(ValueError, match="candidates: expected at least one"):
            select_gaussian_width(spikes, 0.01, [])
        with pytest.raises(ValueError, match="candidates: expected a positive number"):
            select_gaussian_width(spikes, 0.01, [0.1, 0.0])
        with pytest.raises(ValueError, match=r"true_rates: expected shape \(2, 200, 3\)"):
            select_gaussian_width(spikes, 0.01, true_rates=rates[:1])
        with pytest.raises(ValueError, match="train_spikes: expected observed counts"):
            select_gaussian_width(np.full((2, 3, 1), np.nan), 0.01)


class TestCausal:
    @pytest.mark.parametrize("sd", [0.001, 0.02, 0.055, 0.3])
    def test_is_the_weighted_mean_of_what_came_before(self, sd):
        counts = np.random.default_rng(0).poisson(1.0, (3, 40, 4)).astype(float)
        counts[1, 5:9, 2] = np.nan
        lag = np.arange(40)[:, None] - np.arange(40)
        kernel = np.where(lag < 0, 0.0, np.exp(-0.5 * (lag * 0.02 / sd) ** 2))
        kernel[lag > int(4 * sd / 0.02 + 0.5)] = 0.0
        seen = ~np.isnan(counts)
        with np.errstate(invalid="ignore"):
            expected = (kernel @ np.where(seen, counts, 0.0)) / (kernel @ seen) / 0.02
        got = smooth_causal_gaussian(counts, 0.02, sd)
        np.testing.assert_allclose(got, expected, rtol=1e-12)

    def test_the_future_has_no_part(self):
        counts = np.random.default_rng(0).poisson(1.0, (2, 40, 3)).astype(float)
        before = smooth_causal_gaussian(counts, 0.02, 0.1)
        counts[:, 20:] += 100.0
        after = smooth_causal_gaussian(counts, 0.02, 0.1)
        np.testing.assert_array_equal(before[:, :20], after[:, :20])
        assert (after[:, 20:] > before[:, 20:]).all()


class TestPCA:
    def test_rates_of_low_rank_pass_unchanged_and_noise_across_them_goes(self):
        wave = 20 + 10 * np.sin(np.linspace(0, 12, 200))
        low = wave[None, :, None] * np.linspace(0.5, 2.0, 6) * 0.01
        np.testing.assert_allclose(
            smooth_pca(low, 0.01, 0.02, 1), smooth_gaussian(low, 0.01, 0.02)
        )
        spikes = spikes_of(np.repeat(low / 0.01, 30, axis=0), 0.01)
        errors = [
            np.mean((rates - low / 0.01) ** 2)
            for rates in (
                smooth_pca(spikes, 0.01, 0.05, 1),
                smooth_gaussian(spikes, 0.01, 0.05),
            )
        ]
        assert errors[0] < 0.5 * errors[1]

    def test_components_may_come_from_other_trials(self):
        spikes = spikes_of(np.random.default_rng(1).gamma(2.0, 10.0, (8, 60, 5)), 0.02)
        alone = smooth_pca(spikes[:2], 0.02, 0.05, 2, fitted_to=spikes)
        np.testing.assert_allclose(alone, smooth_pca(spikes, 0.02, 0.05, 2)[:2])
        assert (alone >= 0).all()


@pytest.mark.parametrize(("width", "sd"), [(1e-9, 0.02), (1e-9, 0.5), (0.02, 1e30)])
def test_kernels_that_fill_the_memory_are_refused_before_any_work(width, sd):
    counts = np.ones((3, 8, 4))
    for smooth in (smooth_gaussian, smooth_causal_gaussian):
        with pytest.raises(ValueError, match="sd: expected at most 100,000 bins of"):
            smooth(counts, width, sd)
    with pytest.raises(ValueError, match="candidates: expected at most 100,000 bins of"):
        select_gaussian_width(counts, width, [width, sd])


def test_a_candidate_longer_than_the_data_is_not_the_best_without_a_word():
    counts = np.random.default_rng(0).poisson(0.5, (6, 8, 5))
    with pytest.warns(UserWarning, match="candidates: .* is longer than the data of 0.16 s"):
        select_gaussian_width(counts, 0.02, [10, 20, 50])


def test_widths_in_ms_are_noticed():
    counts = np.random.default_rng(0).poisson(1.0, (3, 50, 4))
    with pytest.warns(
        UserWarning, match="bin_width: 20 is taken in seconds; for bins of 20 ms"
    ):
        smooth_gaussian(counts, 20, 30)
    with pytest.warns(UserWarning, match="sd: 30 s is longer than the data of 1 s"):
        smooth_causal_gaussian(counts, 0.02, 30)
