"""The encoders compute the equations of the paper, trial by trial."""

import equations
import numpy as np
import pytest
import tensorflow as tf
from layers import (
    assert_every_weight_has_a_gradient,
    assert_serialises,
    gru_weights,
    randomize,
)

from lfads_tf.layers.encoders import (
    BidirectionalGRU,
    ControllerInputEncoder,
    InitialConditionEncoder,
)

N_BINS, N_TRIALS, N_NEURONS, UNITS, N_IC, CLIP = 7, 4, 5, 3, 2, 0.6


@pytest.fixture
def x():
    rng = np.random.default_rng(2)
    return tf.constant(rng.poisson(1.0, (N_BINS, N_TRIALS, N_NEURONS)).astype("float64"))


def ready(layer):
    layer.build((None, None, N_NEURONS))
    randomize(layer)
    return layer


def expected_states(layer, x):
    """Both directions of every trial, ``(n_bins, n_trials, units)``."""
    initial = layer.initial_state.numpy()
    cells = gru_weights(layer.forward_cell), gru_weights(layer.backward_cell)
    trials = [
        equations.bidirectional(x.numpy()[:, i], initial, *cells, layer.clip)
        for i in range(x.shape[1])
    ]
    return tuple(np.stack(direction, axis=1) for direction in zip(*trials, strict=True))


def test_bidirectional_gru(x):
    layer = ready(BidirectionalGRU(UNITS, CLIP, dtype="float64"))
    forward, backward = layer(x)
    for got, expected in zip((forward, backward), expected_states(layer, x), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-13)
        assert np.any(np.abs(got) == CLIP)


def test_each_direction_knows_one_side_only(x):
    """A change at bin 3 moves the forward states from bin 3 on, the backward ones up to it."""
    layer = ready(BidirectionalGRU(UNITS, dtype="float64"))
    changed = tf.tensor_scatter_nd_add(x, [[3, 0, 0]], tf.constant([2.0], tf.float64))
    moved = [np.any(a != b, axis=2) for a, b in zip(layer(x), layer(changed), strict=True)]
    after = np.arange(N_BINS) >= 3
    np.testing.assert_array_equal(moved[0][:, 0], after)
    np.testing.assert_array_equal(moved[1][:, 0], np.arange(N_BINS) <= 3)
    assert not moved[0][:, 1:].any() and not moved[1][:, 1:].any()


def test_directions_start_from_different_weights():
    layer = BidirectionalGRU(UNITS)
    layer.build((None, None, N_NEURONS))
    for a, b in zip(
        gru_weights(layer.forward_cell)[:2], gru_weights(layer.backward_cell)[:2], strict=True
    ):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.4


@pytest.mark.parametrize("masked", [False, True])
def test_initial_condition_encoder(x, masked):
    layer = InitialConditionEncoder(UNITS, N_IC, CLIP, variance_floor=0.05, dtype="float64")
    ready(layer)
    mask = np.random.default_rng(3).choice([0.0, 2.0], (N_TRIALS, 2 * UNITS))
    mean, sd = layer(x, tf.constant(mask) if masked else None)
    forward, backward = expected_states(layer.gru, x)
    # Each direction has read the whole trial where it ends.
    last = np.concatenate([forward[-1], backward[0]], axis=1)
    both = (last * mask if masked else last) @ layer.kernel.numpy() + layer.bias.numpy()
    np.testing.assert_allclose(mean, both[:, :N_IC], atol=1e-13)
    np.testing.assert_allclose(sd, np.sqrt(np.exp(both[:, N_IC:]) + 0.05), atol=1e-13)


def test_the_posterior_starts_about_as_wide_as_the_prior():
    layer = InitialConditionEncoder(UNITS, N_IC, initial_variance=0.1)
    layer(np.zeros((N_BINS, N_TRIALS, N_NEURONS), "float32"))
    layer.kernel.assign(np.zeros(layer.kernel.shape))
    mean, sd = layer(np.ones((N_BINS, N_TRIALS, N_NEURONS), "float32"))
    np.testing.assert_array_equal(mean, 0.0)
    np.testing.assert_allclose(sd, np.sqrt(0.1 + 1e-4), rtol=1e-6)


def test_variance_stays_above_its_floor(x):
    layer = ready(InitialConditionEncoder(UNITS, N_IC, variance_floor=1e-4, dtype="float64"))
    layer.bias.assign([0.0] * N_IC + [-1e4] * N_IC)
    with tf.GradientTape() as tape:
        _, sd = layer(x)
    np.testing.assert_allclose(sd, 1e-2, rtol=1e-9)
    slopes = tape.gradient(sd, layer.trainable_variables, unconnected_gradients="zero")
    assert all(np.isfinite(slope).all() for slope in slopes)


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_controller_input_encoder(x, lag):
    layer = ready(ControllerInputEncoder(UNITS, CLIP, lag=lag, dtype="float64"))
    forward, backward = expected_states(layer.gru, x)
    expected = np.zeros((N_BINS, N_TRIALS, 2 * UNITS))
    for t in range(N_BINS):
        if t - lag >= 0:
            expected[t, :, :UNITS] = forward[t - lag]
        if t + lag < N_BINS:
            expected[t, :, UNITS:] = backward[t + lag]
    np.testing.assert_allclose(layer(x), expected, atol=1e-13)


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_the_controller_does_not_see_bins_nearer_than_its_lag(x, lag):
    """An input is to be inferred from what came before and from its effects."""
    layer = ready(ControllerInputEncoder(UNITS, lag=lag, dtype="float64"))
    changed = tf.tensor_scatter_nd_add(x, [[3, 0, 0]], tf.constant([2.0], tf.float64))
    moved = np.any(layer(x)[:, 0] != layer(changed)[:, 0], axis=1)
    np.testing.assert_array_equal(moved, np.abs(np.arange(N_BINS) - 3) >= lag)


LAYERS = {
    "bidirectional": lambda: BidirectionalGRU(UNITS, 0.7, seed=5, name="both"),
    "initial": lambda: InitialConditionEncoder(
        UNITS, N_IC, 0.7, variance_floor=0.01, initial_variance=0.3, seed=5
    ),
    "controller": lambda: ControllerInputEncoder(UNITS, 0.7, lag=2, seed=5),
    "double": lambda: InitialConditionEncoder(UNITS, N_IC, dtype="float64"),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_serialise(name, x, tmp_path):
    layer = LAYERS[name]()
    inputs = (tf.cast(x, layer.dtype),)
    layer(*inputs)
    randomize(layer)
    assert_serialises(layer, inputs, tmp_path)


@pytest.mark.parametrize("name", LAYERS)
def test_every_weight_has_a_gradient(name, x):
    layer = ready(LAYERS[name]())
    assert_every_weight_has_a_gradient(layer, (tf.cast(x, layer.dtype),))
