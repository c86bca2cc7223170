"""Rates against a field potential: known lags, known frequencies, and nothing by chance."""

import numpy as np
import pytest
from scipy import stats

from lfads_tf.analysis import band_pass, cross_correlation
from lfads_tf.analysis.field_potentials.cross_correlation import (
    _groups,
    _pairing,
    peak_frequency,
)

WIDTH = 0.01
N_TRIALS, N_BINS = 30, 100


def waves(frequency, lag=0.0, n_trials=N_TRIALS, n_bins=N_BINS, seed=0):
    """Sinusoids with a phase of their own in each trial, and the same later."""
    phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (n_trials, 1))
    time = np.arange(n_bins) * WIDTH
    return (
        np.cos(2 * np.pi * frequency * time + phases),
        np.cos(2 * np.pi * frequency * (time - lag) + phases),
    )


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class TestCrossCorrelation:
    @pytest.mark.parametrize("lag", [-0.02, 0.0, 0.01])  # Half a period is 0.05 s.
    def test_a_delayed_sinusoid_is_found_at_its_lag(self, lag):
        x, y = waves(10.0, lag)
        found = cross_correlation(5 + 2 * y, 7 * x - 3, WIDTH, max_lag=0.02)
        assert found.lags.tolist() == pytest.approx(np.arange(-2, 3) * WIDTH)
        assert found.peak_lag == pytest.approx(lag)
        assert found.peak == pytest.approx(1.0, abs=1e-12)

    def test_a_sinusoid_upside_down_has_a_negative_peak(self):
        x, y = waves(10.0, 0.02)
        found = cross_correlation(-y, x, WIDTH, max_lag=0.02)
        assert found.peak_lag == pytest.approx(0.02)
        assert found.peak == pytest.approx(-1.0, abs=1e-12)

    @pytest.mark.parametrize("shift", [-7, 0, 4])
    def test_a_shifted_copy_correlates_fully_at_its_shift_even_at_the_ends(self, shift):
        long = noise(N_TRIALS, N_BINS + 20)
        x, y = long[:, 10:-10], long[:, 10 - shift : 10 - shift + N_BINS]
        found = cross_correlation(y, x, WIDTH, max_lag=0.1)
        assert found.peak_lag == pytest.approx(shift * WIDTH)
        assert found.peak == pytest.approx(1.0, abs=1e-12)

    def test_is_pearsons_correlation_of_its_definition(self):
        x, y = noise(6, 20), noise(6, 20, 3, seed=1) + 4.0
        found = cross_correlation(y, x, WIDTH, max_lag=0.1, n_shuffles=1)
        for row, lag in enumerate(range(-10, 11)):
            of_x = x[:, max(-lag, 0) : 20 - max(lag, 0)]
            of_y = y[:, max(lag, 0) : 20 - max(-lag, 0)]
            of_x = of_x - of_x.mean(axis=1, keepdims=True)
            of_y = of_y - of_y.mean(axis=1, keepdims=True)
            for n in range(3):
                expected = np.corrcoef(of_x.ravel(), of_y[..., n].ravel())[0, 1]
                assert found.correlation[row, n] == pytest.approx(expected, abs=1e-12)

    def test_offsets_of_trials_and_units_do_not_count(self):
        x, y = noise(N_TRIALS, N_BINS), noise(N_TRIALS, N_BINS, seed=1)
        plain = cross_correlation(y, x, WIDTH, max_lag=0.1, n_shuffles=3)
        moved = cross_correlation(
            1e3 * (y + 100 * noise(N_TRIALS, 1, seed=2)),
            x - 50 * noise(N_TRIALS, 1, seed=3),
            WIDTH,
            max_lag=0.1,
            n_shuffles=3,
        )
        np.testing.assert_allclose(plain.correlation, moved.correlation, atol=1e-9)
        np.testing.assert_allclose(plain.shuffled, moved.shuffled, atol=1e-9)

    def test_neurons_are_taken_one_by_one(self):
        x, y = noise(8, 40), noise(8, 40, 3, seed=1)
        all_at_once = cross_correlation(y, x, WIDTH, max_lag=0.1, n_shuffles=5)
        assert all_at_once.shuffled.shape == (5, 21, 3)
        assert all_at_once.p_value.shape == all_at_once.peak_lag.shape == (3,)
        alone = cross_correlation(y[..., 1], x, WIDTH, max_lag=0.1, n_shuffles=5)
        np.testing.assert_allclose(all_at_once.correlation[:, 1], alone.correlation)
        np.testing.assert_allclose(all_at_once.shuffled[..., 1], alone.shuffled)

    def test_a_signal_that_never_varies_has_no_correlation(self):
        x, y = noise(8, 40), noise(8, 40, 2, seed=1)
        y[..., 1] = 20.0 + np.arange(8)[:, None] * 0.1  # Varies between trials only.
        found = cross_correlation(y, x, WIDTH, max_lag=0.1, n_shuffles=2)
        assert (
            np.isnan(found.correlation[:, 1]).all()
            and not np.isnan(found.correlation[:, 0]).any()
        )
        assert np.isnan([found.peak[1], found.peak_lag[1], found.p_value[1]]).all()


class TestShuffles:
    def test_are_centred_at_zero_with_the_spread_of_independent_signals(self):
        x, y = noise(50, N_BINS), noise(50, N_BINS, seed=1)
        found = cross_correlation(y, x, WIDTH, max_lag=0.1, n_shuffles=400)
        # Each trial's mean is taken off: 99 free bins of 100 at lag 0.
        sd = 1 / np.sqrt(50 * (100 - np.abs(found.lags) / WIDTH - 1))
        spread = found.shuffled.std(axis=0) / sd
        np.testing.assert_allclose(spread, 1.0, atol=4 / np.sqrt(2 * 400))
        # Off 0 by what the means over 50 trials share by chance, and by the 400 shuffles.
        centre = found.shuffled.mean(axis=0) / (sd * np.sqrt(1 / 50 + 1 / 400))
        assert np.abs(centre).max() < 4
        assert abs(centre.mean()) < 4 / np.sqrt(21)

    def test_an_oscillation_of_random_phase_is_gone_after_shuffling(self):
        x, y = waves(10.0, 0.02, n_trials=100)
        found = cross_correlation(y, x, WIDTH, max_lag=0.1, n_shuffles=400)
        # The sum of 100 cosines of random phases, over 100, has a variance of 1 / 200.
        middle = found.shuffled[:, 10]
        assert abs(middle.mean()) < 4 / np.sqrt(200 * 400)
        assert middle.std() == pytest.approx(1 / np.sqrt(200), rel=0.2)
        assert found.p_value == pytest.approx(1 / 401)
        low, high = found.chance()
        assert (low < 0).all() and (high > 0).all() and found.peak > high.max()

    def test_p_values_of_independent_signals_are_even(self):
        x, y = noise(20, 50), noise(20, 50, 300, seed=1)
        p = cross_correlation(y, x, WIDTH, max_lag=0.1, n_shuffles=99).p_value
        assert stats.kstest(p, "uniform").pvalue > 0.01

    def test_what_is_alike_in_all_trials_stays_after_shuffling(self):
        evoked = noise(N_BINS, seed=5)
        x, y = (evoked + 0.1 * noise(N_TRIALS, N_BINS, seed=s) for s in (1, 2))
        found = cross_correlation(y, x, WIDTH, max_lag=0.1)
        assert found.correlation[10] > 0.95
        assert found.shuffled[:, 10].mean() > 0.95
        assert found.p_value > 0.01

    def test_the_mean_over_shuffles_is_what_the_means_over_trials_share(self):
        evoked = noise(40, seed=5)
        x, y = (evoked + noise(10, 40, seed=s) for s in (1, 2))
        found = cross_correlation(y, x, WIDTH, max_lag=0.05, n_shuffles=4000)
        deviations = [a - a.mean(axis=1, keepdims=True) for a in (x, y)]
        means = [d.mean(axis=0) for d in deviations]
        expected = (
            10 * (means[0] @ means[1]) / np.sqrt(np.prod([np.sum(d**2) for d in deviations]))
        )
        error = found.shuffled[:, 5].std() / np.sqrt(4000)
        assert found.shuffled[:, 5].mean() == pytest.approx(expected, abs=4 * error)

    def test_trials_stay_in_their_condition_and_each_is_taken_once(self):
        conditions = np.arange(12) % 3
        groups = _groups(conditions, 12)
        for seed in range(50):
            pairing = _pairing(groups, 12, np.random.default_rng(seed))
            assert sorted(pairing) == list(range(12))
            assert (conditions[pairing] == conditions).all()

    def test_same_seed_same_answer(self):
        x, y = noise(8, 40), noise(8, 40, seed=1)
        ask = [cross_correlation(y, x, WIDTH, max_lag=0.1, seed=s).shuffled for s in (3, 3, 4)]
        np.testing.assert_array_equal(ask[0], ask[1])
        assert (ask[0] != ask[2]).any()


class TestBandPass:
    time = np.arange(300) * WIDTH
    band = (12.0, 18.0)

    def middle(self, frequency, **options):
        """The gain and the phase of a sinusoid, away from the ends."""
        x = np.exp(2j * np.pi * frequency * self.time)
        passed = [
            band_pass(part[None], WIDTH, self.band, **options)[0] for part in (x.real, x.imag)
        ]
        ratio = (passed[0] + 1j * passed[1]) / x
        return ratio[100:200]

    def test_what_is_in_the_band_passes_unmoved(self):
        np.testing.assert_allclose(self.middle(15.0), 1.0, atol=2e-3)

    @pytest.mark.parametrize("frequency", [0.0, 2.0, 6.0, 30.0, 45.0])
    def test_what_is_out_of_the_band_does_not(self, frequency):
        assert np.abs(self.middle(frequency)).max() < 1e-3

    @pytest.mark.parametrize("edge", band)
    def test_half_passes_at_the_edges(self, edge):
        ratio = self.middle(edge, order=2)
        np.testing.assert_allclose(ratio, 0.5, atol=0.01)

    def test_trials_and_neurons_do_not_mix(self):
        x = noise(3, 100, 4)
        whole = band_pass(x, WIDTH, self.band)
        alone = band_pass(x[1:2, :, 2], WIDTH, self.band)
        np.testing.assert_allclose(whole[1, :, 2], alone[0], atol=1e-12)

    def test_the_correlation_is_of_the_band_alone(self):
        """A slow part shared with a lag of its own hides the fast one, until it is cut."""
        x, y = waves(20.0, 0.02, n_bins=200)
        slow_x, slow_y = waves(2.0, -0.05, n_bins=200, seed=1)
        x, y = x + 5 * slow_x, y + 5 * slow_y
        raw = cross_correlation(y, x, WIDTH, max_lag=0.5)
        assert raw.peak_frequency() == pytest.approx(2.0, abs=0.3)
        cut = cross_correlation(y, x, WIDTH, max_lag=0.5, band=(15.0, 25.0))
        assert cut.correlation[50 + 2] == pytest.approx(1.0, abs=0.01)
        assert cut.peak_frequency() == pytest.approx(20.0, abs=0.2)


class TestPeakFrequency:
    lags = np.arange(-50, 51) * WIDTH

    @pytest.mark.parametrize("frequency", [5.0, 15.0, 33.3])
    @pytest.mark.parametrize("phase", [0.0, 1.0])
    def test_of_a_cosine(self, frequency, phase):
        wave = np.cos(2 * np.pi * frequency * self.lags + phase)
        found = peak_frequency(0.3 + 0.1 * wave, WIDTH)
        # The frequencies looked at are 1 / 32 of a cycle over all lags apart.
        assert found == pytest.approx(frequency, abs=0.04)

    def test_lower_frequencies_are_left_out_if_asked(self):
        waves = [np.cos(2 * np.pi * f * self.lags) for f in (4.0, 20.0)]
        both = 3 * waves[0] + waves[1]
        assert peak_frequency(both, WIDTH) == pytest.approx(4.0, abs=0.1)
        assert peak_frequency(both, WIDTH, least=10) == pytest.approx(20.0, abs=0.1)

    def test_nothing_that_varies(self):
        columns = np.stack([np.cos(60 * self.lags), 0.2 + 0 * self.lags, np.nan * self.lags])
        found = peak_frequency(columns.T, WIDTH)
        assert found[0] == pytest.approx(60 / (2 * np.pi), abs=0.04)
        assert np.isnan(found[1:]).all()


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"rates": np.ones(5)}, ValueError, r"rates: expected shape \(n_trials, n_bins, n_n"),
        ({"lfp": noise(4, 41)}, ValueError, r"lfp: expected shape \(4, 40\), .*\(4, 41\)"),
        ({"lfp": noise(4, 40, 1)}, ValueError, r"lfp: expected shape \(n_trials, n_bins\)"),
        ({"lfp": np.full((4, 40), np.nan)}, ValueError, "lfp: expected finite .*160 of 160"),
        ({"rates": [["a"]]}, TypeError, "rates: expected an array of real numbers"),
        ({"bin_width": 0}, ValueError, "bin_width: expected"),
        ({"max_lag": 0.21}, ValueError, r"max_lag: .* half a trial \(0.01 to 0.2 s\)"),
        ({"max_lag": 0.001}, ValueError, "max_lag: expected from one bin"),
        ({"band": (20, 10)}, ValueError, r"band: expected two frequencies .*\(20, 10\)"),
        ({"band": (20, 50)}, ValueError, r"band: .* half the bins per second \(50\)"),
        ({"band": 20}, TypeError, "band: expected two frequencies in Hz, received 20"),
        ({"n_shuffles": 0}, ValueError, "n_shuffles: expected a whole number of at least 1"),
        ({"conditions": [0, 0, 1, 2]}, ValueError, "conditions: .* received one of 1, 2"),
        ({"conditions": [0, 0, 1]}, ValueError, "conditions: expected one for each of 4"),
        ({"rates": noise(1, 40), "lfp": noise(1, 40)}, ValueError, "at least 2 trials to shu"),
    ],
)
def test_wrong_arguments(changes, error, message):
    given = {"rates": noise(4, 40), "lfp": noise(4, 40), "bin_width": WIDTH, "max_lag": 0.1}
    with pytest.raises(error, match=message):
        cross_correlation(**{**given, **changes})


def test_more_wrong_arguments():
    found = cross_correlation(noise(4, 40), noise(4, 40), WIDTH, max_lag=0.1)
    with pytest.raises(ValueError, match="level: expected above 0 and below 1, received 95"):
        found.chance(95)
    with pytest.raises(ValueError, match="more than 27 bins for a filter of order 4, rec.* 20"):
        band_pass(noise(4, 20), WIDTH, (10, 20))
    with pytest.raises(ValueError, match="correlation: expected at least 3 lags, received 2"):
        peak_frequency([1.0, 2.0], WIDTH)
    with pytest.raises(ValueError, match=r"least: expected at most .*\(50 Hz\), received 60"):
        peak_frequency([1.0, 2.0, 1.0], WIDTH, least=60)
