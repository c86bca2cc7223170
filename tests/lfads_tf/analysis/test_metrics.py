"""Metrics against values worked out by hand and against independent definitions."""

import numpy as np
import pytest
from scipy import stats

from lfads_tf.analysis import (
    bits_per_spike,
    mean_rates,
    poisson_log_likelihood,
    r_squared,
    squared_correlation,
)


def rates_and_spikes(seed=0, shape=(20, 30, 5), bin_width=0.02):
    rng = np.random.default_rng(seed)
    rates = rng.gamma(2.0, 10.0, shape)
    return rates, rng.poisson(rates * bin_width), bin_width


def with_gaps(array, seed=1):
    array = np.array(array, float)
    array[np.random.default_rng(seed).random(array.shape) < 0.3] = np.nan
    return array


class TestRSquared:
    def test_by_hand(self):
        true = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 12.0]])
        estimated = np.array([[1.0, 4.0], [2.0, 4.0], [4.0, 10.0]])
        # Errors 1 and 8; deviations from the means 2 and 6: 2 and 56.
        np.testing.assert_allclose(
            r_squared(true, estimated, average=None), [1 - 1 / 2, 1 - 8 / 56]
        )
        assert r_squared(true, estimated) == pytest.approx((1 / 2 + 48 / 56) / 2)
        assert r_squared(true, estimated, average="pooled") == pytest.approx(1 - 9 / 58)

    def test_mean_scores_zero_and_truth_one(self):
        true, _, _ = rates_and_spikes()
        mean = np.broadcast_to(true.mean(axis=(0, 1)), true.shape)
        for average in ("neurons", "pooled"):
            assert r_squared(true, mean, average=average) == pytest.approx(0, abs=1e-12)
            assert r_squared(true, true, average=average) == 1.0

    def test_known_noise(self):
        rng = np.random.default_rng(0)
        true = rng.normal(size=(500, 200, 2))
        noisy = true + 0.5 * rng.normal(size=true.shape)
        assert r_squared(true, noisy) == pytest.approx(1 - 0.25, abs=5e-3)

    @pytest.mark.parametrize("average", ["neurons", "pooled"])
    def test_what_was_not_observed_changes_nothing(self, average):
        rng = np.random.default_rng(0)
        true, estimated = rng.normal(size=(2, 4, 10, 3))
        padded_true = np.concatenate([true, np.full((4, 5, 3), np.nan)], axis=1)
        padded = np.concatenate([estimated, rng.normal(size=(4, 5, 3))], axis=1)
        padded[0, -1] = np.nan
        assert r_squared(padded_true, padded, average=average) == pytest.approx(
            r_squared(true, estimated, average=average), rel=1e-12
        )

    def test_constant_columns_are_left_out_of_the_mean_but_not_of_pooled_errors(self):
        rng = np.random.default_rng(0)
        true, estimated = rng.normal(size=(2, 50, 2))
        constant = np.full((50, 1), 0.1)  # its mean is not exactly 0.1 in floating point
        each = r_squared(
            np.hstack([true, constant]), np.hstack([estimated, constant + 1.0]), average=None
        )
        assert np.isnan(each[2])
        np.testing.assert_array_equal(each[:2], r_squared(true, estimated, average=None))
        pooled = r_squared(
            np.hstack([true, constant]),
            np.hstack([estimated, constant + 1.0]),
            average="pooled",
        )
        error = np.sum((true - estimated) ** 2) + 50.0
        assert pooled == pytest.approx(1 - error / np.sum((true - true.mean(0)) ** 2))
        for average in ("neurons", "pooled"):
            assert np.isnan(r_squared(constant, constant, average=average))

    def test_a_missing_estimate_is_an_error_not_a_gift(self):
        true = np.arange(6.0).reshape(3, 2)
        estimated = true.copy()
        estimated[1, 1] = np.nan
        with pytest.raises(
            ValueError, match="estimated: expected a finite number .* in 1 of 6"
        ):
            r_squared(true, estimated)

    def test_wrong_arguments(self):
        with pytest.raises(ValueError, match=r"estimated: expected shape \(3, 2\), as true's"):
            r_squared(np.ones((3, 2)), np.ones((2, 3)))
        with pytest.raises(ValueError, match="average: expected .* received 'mean'"):
            r_squared(np.ones((3, 2)), np.ones((3, 2)), average="mean")
        with pytest.raises(ValueError, match=r"true: expected shape .* received \(3,\)"):
            r_squared(np.ones(3), np.ones(3))
        with pytest.raises(TypeError, match="true: expected an array of real numbers"):
            r_squared(np.full((2, 2), "a"), np.ones((2, 2)))


class TestSquaredCorrelation:
    def test_is_pearson_in_each_trial(self):
        rng = np.random.default_rng(0)
        true, estimated = rng.normal(size=(2, 4, 12, 3))
        each = squared_correlation(true, estimated, average=None)
        expected = [
            [stats.pearsonr(true[b, :, n], estimated[b, :, n])[0] ** 2 for n in range(3)]
            for b in range(4)
        ]
        np.testing.assert_allclose(each, expected, rtol=1e-10)
        assert squared_correlation(true, estimated) == pytest.approx(np.mean(expected))

    def test_size_sign_and_offset_do_not_matter(self):
        true = np.random.default_rng(0).normal(size=(4, 12, 3))
        assert squared_correlation(true, 3 - 2 * true) == pytest.approx(1.0)

    def test_unobserved_bins_and_constants(self):
        rng = np.random.default_rng(0)
        true, estimated = rng.normal(size=(2, 4, 12, 3))
        short = squared_correlation(true[:, :8], estimated[:, :8], average=None)
        true[:, 8:] = np.nan
        true[1, :8, 0] = 0.1
        estimated[2, :, 1] = 0.1
        each = squared_correlation(true, estimated, average=None)
        assert np.isnan(each[1, 0])
        assert each[2, 1] == 0.0
        each[1, 0], each[2, 1] = short[1, 0], short[2, 1]
        np.testing.assert_allclose(each, short, rtol=1e-10)

    def test_needs_trials(self):
        with pytest.raises(ValueError, match="true: expected shape .n_trials, n_bins"):
            squared_correlation(np.ones((3, 2)), np.ones((3, 2)))


class TestPoisson:
    def test_log_likelihood_is_scipys(self):
        rates, spikes, width = rates_and_spikes()
        expected = stats.poisson.logpmf(spikes, rates * width).sum(axis=(0, 1))
        each = poisson_log_likelihood(rates, spikes, width, per_neuron=True)
        np.testing.assert_allclose(each, expected, rtol=1e-10)
        total = poisson_log_likelihood(rates, spikes, width)
        assert total == pytest.approx(expected.sum())

    def test_unobserved_bins_are_left_out(self):
        rates, spikes, width = rates_and_spikes()
        gappy = with_gaps(spikes)
        seen = ~np.isnan(gappy)
        expected = stats.poisson.logpmf(gappy[seen], rates[seen] * width).sum()
        rates[~seen] = np.nan
        got = poisson_log_likelihood(rates, gappy, width)
        assert got == pytest.approx(expected)

    def test_a_rate_of_zero_costs_the_floor(self):
        assert poisson_log_likelihood([[0.0]], [[1]], 0.1) == pytest.approx(np.log(1e-9))
        assert poisson_log_likelihood([[0.0]], [[0]], 0.1) == pytest.approx(0, abs=1e-8)

    def test_mean_rates(self):
        _, spikes, width = rates_and_spikes()
        gappy = with_gaps(spikes)
        np.testing.assert_allclose(
            mean_rates(gappy, width), np.nanmean(gappy, axis=(0, 1)) / width
        )
        gappy[:, :, 2] = np.nan
        assert np.isnan(mean_rates(gappy, width)[2])

    def test_mean_rates_are_the_most_likely_constant_rates(self):
        _, spikes, width = rates_and_spikes()
        best = mean_rates(spikes, width)
        at_best = poisson_log_likelihood(best, spikes, width, per_neuron=True)
        for factor in (0.95, 1.05):
            other = poisson_log_likelihood(factor * best, spikes, width, per_neuron=True)
            assert (other < at_best).all()

    def test_wrong_arguments(self):
        rates, spikes, width = rates_and_spikes()
        with pytest.raises(ValueError, match=r"rates: expected rates of at least 0.*-1"):
            poisson_log_likelihood(-np.ones_like(rates), spikes, width)
        with pytest.raises(ValueError, match=r"spikes: expected counts of at least 0"):
            poisson_log_likelihood(rates, spikes - 10, width)
        with pytest.raises(ValueError, match=r"bin_width: expected a positive number"):
            poisson_log_likelihood(rates, spikes, 0.0)
        with pytest.raises(ValueError, match=r"rates: expected shape \(20, 30, 5\)"):
            poisson_log_likelihood(rates[:, 1:], spikes, width)


class TestBitsPerSpike:
    def test_by_hand(self):
        # Bins of 0.5 s. Neuron 0: counts 2, 0, mean 1, expected counts 1.5 and 0.5; neuron 1:
        # counts 1, 1, mean 1, expected counts 1 and 1, so that it gains nothing.
        spikes = np.array([[[2, 1], [0, 1]]])
        rates = np.array([[[3.0, 2.0], [1.0, 2.0]]])
        gain = (2 * np.log(1.5) - 1.5 - 0.5) - (2 * np.log(1.0) - 1.0 - 1.0)
        got = bits_per_spike(rates, spikes, 0.5)
        assert got == pytest.approx(gain / 4 / np.log(2), rel=1e-12)
        each = bits_per_spike(rates, spikes, 0.5, per_neuron=True)
        np.testing.assert_allclose(each, [gain / 2 / np.log(2), 0.0], atol=1e-12)

    def test_reference_of_other_data_by_hand(self):
        # One bin of 1 s with one spike; rate 2, reference 4: log(2/4) - 2 + 4 nats.
        got = bits_per_spike([[2.0]], [[1]], 1.0, reference=[4.0])
        assert got == pytest.approx((np.log(0.5) + 2.0) / np.log(2), rel=1e-12)

    def test_is_the_difference_of_log_likelihoods(self):
        rates, spikes, width = rates_and_spikes()
        gappy = with_gaps(spikes)
        mean = np.nanmean(gappy, axis=(0, 1)) / width
        nats = poisson_log_likelihood(rates, gappy, width) - poisson_log_likelihood(
            mean, gappy, width
        )
        assert bits_per_spike(rates, gappy, width) == pytest.approx(
            nats / np.nansum(gappy) / np.log(2)
        )

    def test_no_reference_is_harder_than_the_datas_own_mean(self):
        rates, spikes, width = rates_and_spikes()
        own = bits_per_spike(rates, spikes, width)
        half = mean_rates(spikes[:10], width)
        assert bits_per_spike(rates, spikes, width, reference=half) > own
        mean = np.broadcast_to(mean_rates(spikes, width), spikes.shape)
        assert bits_per_spike(mean, spikes, width) == pytest.approx(0, abs=1e-12)

    def test_true_rates_score_their_information(self):
        # Expected gain of the true rates over their mean: E[m log(m / mean)] / E[m].
        rng = np.random.default_rng(0)
        rates = np.where(rng.random((200, 100, 4)) < 0.5, 5.0, 45.0)
        spikes = rng.poisson(rates * 0.01)
        expected = (5 * np.log2(5 / 25) + 45 * np.log2(45 / 25)) / 50
        assert bits_per_spike(rates, spikes, 0.01) == pytest.approx(expected, abs=0.01)

    def test_silent_and_unobserved_neurons(self):
        rates, spikes, width = rates_and_spikes()
        rates, spikes = rates.copy(), spikes.astype(float)
        spikes[..., 0], rates[..., 0] = 0, 0.0
        spikes[..., 1] = np.nan
        each = bits_per_spike(rates, spikes, width, per_neuron=True)
        np.testing.assert_array_equal(np.isnan(each), [True, True, False, False, False])
        assert bits_per_spike(rates, spikes, width) == pytest.approx(
            bits_per_spike(rates[..., 2:], spikes[..., 2:], width), abs=1e-9
        )

    def test_without_a_spike_there_is_no_value(self):
        with pytest.raises(ValueError, match="spikes: expected at least one spike"):
            bits_per_spike(np.ones((3, 2)), np.zeros((3, 2)), 0.1)

    def test_wrong_reference(self):
        with pytest.raises(ValueError, match=r"reference: expected shape \(3, 2\)"):
            bits_per_spike(np.ones((3, 2)), np.ones((3, 2)), 0.1, reference=[[1.0]])


def test_fractions_are_no_counts():
    rates, spikes = np.full((6, 8, 5), 20.0), np.full((6, 8, 5), 0.5)
    spikes[0] = np.nan
    for call in (
        lambda: bits_per_spike(rates, spikes, 0.02),
        lambda: poisson_log_likelihood(rates, spikes, 0.02),
        lambda: mean_rates(spikes, 0.02),
    ):
        with pytest.raises(ValueError, match="spikes: expected whole numbers of spikes .* 0.5"):
            call()
