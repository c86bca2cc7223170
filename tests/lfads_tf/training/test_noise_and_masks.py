"""Each array has a stream of its own, and what a rate of 0 switches off is not drawn."""

import numpy as np
import pytest
import tensorflow as tf

from lfads_tf.config import LFADSConfig
from lfads_tf.training import noise_and_masks

N_TRIALS = 7
RATES = {"dropout": 0.25, "coordinated_dropout": 0.4}
ALWAYS = {"initial_bi": (N_TRIALS, 5)}
SIZES = {
    "n_neurons": 8,
    "n_bins": 20,
    "bin_width": 0.02,
    "n_encode_neurons": 6,
    "n_encode_bins": 15,
    "encoder_units": 9,
    "n_initial_conditions": 5,
    "generator_units": 10,
    "n_factors": 3,
    "controller_encoder_units": 4,
    "controller_units": 11,
}
WITH_CONTROLLER = {"inputs_tbu": (20, N_TRIALS, 2)}
HIDDEN = {"cd_mask_btn": (N_TRIALS, 15, 6)}
DROPPED = {
    "data_btn": (N_TRIALS, 15, 6),
    "encoded_bk": (N_TRIALS, 18),
    "generator_tbg": (20, N_TRIALS, 10),
}
DROPPED_WITH_CONTROLLER = {
    "initial_bg": (N_TRIALS, 10),
    "controller_input_tbk": (20, N_TRIALS, 8),
    "factors_tbf": (20, N_TRIALS, 3),
}
DROPPED_WITH_EXTERNAL = {"external_tbe": (20, N_TRIALS, 4)}


def config(**changes):
    return LFADSConfig(**{**SIZES, **changes})


def draw(settings, seed=(0, 0), rates=RATES, training=True, n_trials=N_TRIALS):
    return noise_and_masks.masks(
        noise_and_masks.draw(seed, settings, n_trials, training=training), rates
    )


@pytest.mark.parametrize(
    ("changes", "training", "expected"),
    [
        ({}, True, ALWAYS | HIDDEN | DROPPED),
        ({}, False, ALWAYS | HIDDEN),
        ({"dropout": 0}, True, ALWAYS | HIDDEN),
        ({"coordinated_dropout": 0}, True, ALWAYS | DROPPED),
        ({"dropout": 0, "coordinated_dropout": 0}, True, ALWAYS),
        ({"n_inferred_inputs": 2}, False, ALWAYS | WITH_CONTROLLER | HIDDEN),
        (
            {"n_inferred_inputs": 2},
            True,
            ALWAYS | WITH_CONTROLLER | HIDDEN | DROPPED | DROPPED_WITH_CONTROLLER,
        ),
        ({"n_external_inputs": 4}, True, ALWAYS | HIDDEN | DROPPED | DROPPED_WITH_EXTERNAL),
    ],
)
def test_what_is_drawn(changes, training, expected):
    drawn = draw(config(**changes), training=training)
    assert {name: tuple(array.shape) for name, array in drawn.items()} == expected
    assert all(array.dtype == tf.float32 for array in drawn.values())


FULL = config(n_inferred_inputs=2, n_external_inputs=4)


def test_trial_axis_is_where_the_trials_are():
    for name, array in draw(FULL).items():
        assert array.shape[noise_and_masks.trial_axis(name)] == N_TRIALS


def test_an_array_is_the_same_whether_or_not_others_are_drawn():
    everything = draw(FULL)
    for changes in (
        {"n_inferred_inputs": 0},
        {"n_external_inputs": 0},
        {"dropout": 0.0},
        {"coordinated_dropout": 0.0},
    ):
        fewer = draw(FULL.replace(**changes))
        assert fewer.keys() < everything.keys()
        for name, array in fewer.items():
            np.testing.assert_array_equal(array, everything[name], err_msg=name)
    validation = draw(FULL, training=False)
    for name, array in validation.items():
        np.testing.assert_array_equal(array, everything[name], err_msg=name)


def test_streams_do_not_depend_on_each_other():
    """Arrays of the same number of entries from different streams have no correlation."""
    settings = LFADSConfig(
        n_neurons=30,
        n_bins=30,
        bin_width=0.01,
        n_inferred_inputs=30,
        n_external_inputs=30,
        generator_units=30,
        n_factors=30,
        controller_encoder_units=15,
        n_initial_conditions=900,
        encoder_units=450,
    )
    drawn = draw(settings, n_trials=30)
    flat = {name: np.ravel(array)[:900] for name, array in drawn.items()}
    correlation = np.corrcoef(list(flat.values()))
    correlation -= np.eye(len(flat))
    assert len(flat) == 10
    assert abs(correlation).max() < 4.5 / np.sqrt(900)


def test_the_seed_decides():
    first, again, other = (draw(FULL, seed) for seed in ((1, 2), (1, 2), (1, 3)))
    for name, array in first.items():
        np.testing.assert_array_equal(array, again[name])
        assert not np.array_equal(array, other[name]), name


def test_values_have_the_right_distribution():
    drawn = draw(FULL.replace(n_initial_conditions=60), n_trials=400)
    for name in ("initial_bi", "inputs_tbu"):
        values = np.ravel(drawn.pop(name))
        assert abs(values.mean()) < 4 / np.sqrt(values.size)
        assert abs(values.var() - 1) < 4 * np.sqrt(2 / values.size)
    shown = np.ravel(drawn.pop("cd_mask_btn"))
    assert set(np.unique(shown)) == {0.0, 1.0}
    assert abs(shown.mean() - 0.6) < 4 * np.sqrt(0.24 / shown.size)
    for name, array in drawn.items():
        values = np.ravel(array)
        np.testing.assert_allclose(np.unique(values), [0.0, 1 / 0.75], rtol=1e-6)
        assert abs(values.mean() - 1) < 4 * np.sqrt(0.25 / 0.75 / values.size), name


def test_rates_are_tensors_and_need_no_new_graph():
    function = tf.function(lambda seed, rates: draw(FULL, seed, rates))
    for step, rate in enumerate((0.1, 0.5)):
        rates = {"dropout": tf.constant(rate), "coordinated_dropout": tf.constant(1 - rate)}
        got = function(tf.constant([0, step]), rates)
        expected = draw(FULL, (0, step), {"dropout": rate, "coordinated_dropout": 1 - rate})
        for name, array in got.items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-6)
    assert function.experimental_get_tracing_count() == 1
