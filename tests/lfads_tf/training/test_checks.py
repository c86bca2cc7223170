"""What the observation model cannot reach is said; what is no data is refused."""

import warnings

import numpy as np
import pytest

from lfads_tf import LFADS, LFADSConfig
from lfads_tf.training.checks import check_values
from lfads_tf.training.trial_arrays import as_arrays


def config(**changes):
    return LFADSConfig(n_neurons=3, n_bins=5, bin_width=0.02, n_factors=2, **changes)


def test_counts_above_the_highest_rate_are_said():
    counts = np.random.default_rng(0).poisson(1e5, (4, 5, 3)).astype(np.float32)
    counts[0] = np.nan
    with pytest.warns(UserWarning, match="x: the observation .* at most 22,026 .* 45 counts"):
        check_values(counts, config(), "x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_values(counts / 10 // 1, config(), "x")
        check_values(counts, config(observation="gamma"), "x")


def test_deviations_above_the_largest_are_said():
    data = np.random.default_rng(0).normal(1e6, [1.0, 10.0, 1000.0], (50, 5, 3))
    data[:, :, 0] = np.nan
    with pytest.warns(UserWarning, match="standard deviations of at most 148, received 1 neur"):
        check_values(data, config(observation="gaussian"), "x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_values(data / 10, config(observation="gaussian"), "x")


def test_training_says_so():
    model = LFADS(config())
    model.compile(jit_compile=False)
    with pytest.warns(UserWarning, match="at most 22,026 spikes in a bin"):
        model.fit(np.full((4, 5, 3), 1e5), verbose=0)


SPIKES = np.random.default_rng(1).poisson(1.0, (4, 5, 3))


@pytest.mark.parametrize(
    "wrong",
    [
        SPIKES.astype(str),
        SPIKES.astype("M8[D]"),
        SPIKES + 1j,
        np.where(SPIKES > 1, None, SPIKES),
        None,
        "data.h5",
        {"spikes": SPIKES},
    ],
    ids=["text", "dates", "complex", "None among them", "None", "path", "mapping"],
)
def test_what_is_no_array_of_numbers_is_refused(wrong):
    with pytest.raises(TypeError, match="x: expected an array of real numbers, received"):
        as_arrays(wrong, config())
    with pytest.raises(TypeError, match="x, external inputs: expected an array of real numb"):
        as_arrays((SPIKES, SPIKES.astype(str)), config(n_external_inputs=3))


def test_masked_samples_are_not_observed():
    masked = np.ma.masked_array(SPIKES, mask=SPIKES > 1)
    found = as_arrays(masked, config())["spikes_btn"]
    np.testing.assert_array_equal(found, np.where(SPIKES > 1, np.nan, SPIKES))
