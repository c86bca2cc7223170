"""What is dropped, moved or hidden, and that nothing is lost or told twice."""

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from lfads_tf.training.augmentations import (
    keep_mask,
    random_bits,
    spike_jitter,
    temporal_shift,
    with_rate,
)

SEED = [3, 4]


def counts(shape=(6, 12, 5), rate=1.5, seed=0):
    return np.random.default_rng(seed).poisson(rate, shape).astype("float32")


# --- masks -------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.0, 0.1, 0.5, 0.9])
def test_mask_keeps_its_share(rate):
    mask = keep_mask(random_bits(SEED, (400, 500)), rate).numpy()
    assert set(np.unique(mask)) <= {0.0, 1.0}
    n = mask.size
    assert abs(mask.sum() - n * (1 - rate)) <= 4 * np.sqrt(n * rate * (1 - rate))


def test_entries_of_a_mask_do_not_depend_on_each_other():
    """Along every axis neighbours agree as often as chance has it."""
    rate = 0.3
    mask = keep_mask(random_bits(SEED, (100, 60, 50)), rate).numpy() - (1 - rate)
    for axis in range(3):
        first, second = np.delete(mask, -1, axis), np.delete(mask, 0, axis)
        correlation = np.mean(first * second) / (rate * (1 - rate))
        assert abs(correlation) < 4 / np.sqrt(first.size)


def test_a_scaled_mask_keeps_the_mean_of_what_it_multiplies():
    for rate in (0.0, 0.3, 0.8):
        scaled = with_rate(keep_mask(random_bits(SEED, (400, 500)), rate), rate).numpy()
        error = np.sqrt(rate / (1 - rate) / scaled.size)
        assert abs(scaled.mean() - 1) <= 4 * error + 1e-6


# --- spike jitter ------------------------------------------------------------------------


@pytest.mark.parametrize("width", [0, 1, 3, 11])
def test_jitter_loses_no_spike(width):
    before = counts()
    after = spike_jitter(SEED, tf.constant(before), width).numpy()
    assert (after >= 0).all()
    np.testing.assert_array_equal(after, np.round(after))
    np.testing.assert_array_equal(after.sum(axis=1), before.sum(axis=1))
    assert (width == 0) == np.array_equal(after, before)


def test_each_spike_moves_evenly_and_no_further_than_the_width():
    n_bins, width, start, n_spikes = 12, 2, 5, 30_000
    before = np.zeros((1, n_bins, 1), "float32")
    before[0, start] = n_spikes
    after = spike_jitter(SEED, tf.constant(before), width).numpy()[0, :, 0]
    reached = abs(np.arange(n_bins) - start) <= width
    assert (after[~reached] == 0).all()
    assert scipy.stats.chisquare(after[reached]).pvalue > 1e-4


def with_gaps(n_trials, n_bins):
    """Three neurons: observed in all bins, not at the end, not in the middle."""
    flat = np.full((n_trials, n_bins, 3), 4.0, "float32")
    flat[:, n_bins - n_bins // 3 :, 1] = np.nan
    flat[:, 1 : n_bins // 2, 2] = np.nan
    return flat


@pytest.mark.parametrize(("n_bins", "width"), [(12, 2), (5, 4), (2, 1)])
def test_a_flat_rate_stays_flat_up_to_the_ends_of_what_was_observed(n_bins, width):
    before = with_gaps(2000, n_bins)
    after = spike_jitter(SEED, tf.constant(before), width).numpy()
    np.testing.assert_array_equal(np.isnan(after), np.isnan(before))
    for neuron in range(3):
        landed = after[..., neuron].sum(axis=0)
        landed = landed[np.isfinite(landed)]
        assert scipy.stats.chisquare(landed).pvalue > 1e-4 or len(landed) == 1, landed


def test_no_spike_moves_to_where_nothing_was_observed_and_none_is_lost():
    before = with_gaps(50, 12)
    after = spike_jitter(SEED, tf.constant(before), 3).numpy()
    np.testing.assert_array_equal(np.nansum(after, axis=1), np.nansum(before, axis=1))


def test_spikes_of_one_bin_move_apart():
    """Two spikes of a bin go to the same bin in a third of all cases, not always."""
    before = np.zeros((20_000, 9, 1), "float32")
    before[:, 4] = 2
    after = spike_jitter(SEED, tf.constant(before), 1).numpy()
    together = np.mean(after.max(axis=1) == 2)
    assert abs(together - 1 / 3) < 4 * np.sqrt(2 / 9 / 20_000)


# --- temporal shift ----------------------------------------------------------------------


def ramps(n_trials, n_bins, n_neurons):
    """Bin numbers, so that a shift can be read off the values."""
    shape = (n_trials, n_bins, n_neurons)
    return np.broadcast_to(np.arange(n_bins, dtype="float32")[None, :, None], shape)


def test_a_shift_moves_a_whole_channel_and_repeats_the_ends():
    n_bins = 40
    moved = temporal_shift(SEED, tf.constant(ramps(30, n_bins, 7)), 2.0).numpy()
    shift = np.round(n_bins // 2 - moved[:, n_bins // 2]).astype(int)
    for trial, neuron in np.ndindex(shift.shape):
        expected = np.clip(np.arange(n_bins) - shift[trial, neuron], 0, n_bins - 1)
        np.testing.assert_array_equal(moved[trial, :, neuron], expected)


def test_shifts_are_rounded_normals_up_to_three_standard_deviations():
    n_bins, sd = 41, 2.0
    moved = temporal_shift(SEED, tf.constant(ramps(300, n_bins, 50)), sd).numpy()
    shift = (20 - moved[:, 20]).astype(int)
    assert abs(shift).max() == 6
    values = np.arange(-6, 7)
    edges = np.concatenate([[-np.inf], values[:-1] + 0.5, [np.inf]])
    expected = np.diff(scipy.stats.norm.cdf(edges / sd)) * shift.size
    observed = [np.sum(shift == value) for value in values]
    assert scipy.stats.chisquare(observed, expected).pvalue > 1e-4
    # Channels and trials move on their own.
    centred = shift - shift.mean()
    for axis in (0, 1):
        apart = np.delete(centred, -1, axis) * np.delete(centred, 0, axis)
        assert abs(apart.mean()) / sd**2 < 4.5 / np.sqrt(apart.size)


def test_a_shift_beyond_the_trial_stays_defined():
    moved = temporal_shift(SEED, tf.constant(ramps(50, 3, 20)), 4.0).numpy()
    assert set(np.unique(moved)) == {0.0, 1.0, 2.0}


# --- seeds and graphs --------------------------------------------------------------------

FUNCTIONS = {
    "keep_mask": lambda seed, x: keep_mask(random_bits(seed, x.shape), 0.4),
    "spike_jitter": lambda seed, x: spike_jitter(seed, x, 2),
    "temporal_shift": lambda seed, x: temporal_shift(seed, x, 1.5),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_seed_decides(name):
    function, x = FUNCTIONS[name], tf.constant(counts())
    first = function([1, 2], x)
    np.testing.assert_array_equal(first, function([1, 2], x))
    np.testing.assert_array_equal(first, function(tf.constant([1, 2]), x))
    np.testing.assert_array_equal(first, tf.function(function)(tf.constant([1, 2]), x))
    for other in ([1, 3], [2, 2]):
        assert not np.array_equal(first, function(other, x))


def test_rates_are_tensors_and_need_no_new_graph():
    @tf.function
    def augment(seed, x, rate, sd):
        mask = with_rate(keep_mask(random_bits(seed, x.shape), rate), rate)
        return mask * temporal_shift(tf.random.fold_in(seed, 7), x, sd)

    x = tf.constant(counts())
    for step, (rate, sd) in enumerate([(0.0, 0.0), (0.3, 1.0), (0.5, 2.5)]):
        seed = tf.constant([0, step])
        got = augment(seed, x, tf.constant(rate), tf.constant(sd))
        mask = with_rate(keep_mask(random_bits(seed, x.shape), rate), rate)
        expected = mask * temporal_shift(tf.random.fold_in(seed, 7), x, sd)
        np.testing.assert_allclose(got, expected, rtol=1e-6)
        if step == 0:
            np.testing.assert_array_equal(got, x)
    assert augment.experimental_get_tracing_count() == 1
