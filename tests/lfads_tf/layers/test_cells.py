"""The clipped GRU cell is Keras's GRU but for the clipping, and fits Keras's loop."""

import equations
import keras
import numpy as np
import pytest
import tensorflow as tf
from layers import assert_every_weight_has_a_gradient, gru_weights, randomize

from lfads_tf.layers.cells import ClippedGRUCell

N_TRIALS, N_BINS, N_IN, UNITS = 5, 7, 4, 6


@pytest.fixture
def rng():
    return np.random.default_rng(1)


def built(clip=5.0, dtype="float64", n_in=N_IN, **options):
    cell = ClippedGRUCell(UNITS, clip, dtype=dtype, **options)
    cell.build((None, n_in))
    return cell


@pytest.mark.parametrize("clip", [0.3, 5.0])
def test_cell_is_the_gru_of_the_paper(clip, rng):
    cell = built(clip)
    randomize(cell)
    x, h = rng.normal(size=(N_TRIALS, N_IN)), 2 * rng.normal(size=(N_TRIALS, UNITS))
    output, (state,) = cell(x, [h])
    expected = [equations.gru(a, b, gru_weights(cell), clip) for a, b in zip(x, h, strict=True)]
    np.testing.assert_allclose(output, expected, atol=1e-14)
    np.testing.assert_array_equal(output, state)
    assert (clip == 0.3) == bool(np.any(np.abs(output) == clip))


def test_cell_with_a_wide_clip_is_the_gru_of_keras(rng):
    cell, theirs = (
        built(100.0),
        keras.layers.GRUCell(UNITS, reset_after=False, dtype="float64"),
    )
    theirs.build((None, N_IN))
    randomize(cell)
    theirs.set_weights(cell.get_weights())
    x, h = rng.normal(size=(N_TRIALS, N_IN)), 3 * rng.normal(size=(N_TRIALS, UNITS))
    np.testing.assert_allclose(cell(x, [h])[0], theirs(x, [h])[0], atol=1e-14)


def test_a_state_never_grows_beyond_the_larger_of_itself_and_one(rng):
    """Each step is a mean of the state and of a hyperbolic tangent."""
    cell = built(100.0)
    randomize(cell, scale=5.0)
    h = 3 * rng.normal(size=(100, UNITS))
    new, _ = cell(rng.normal(size=(100, N_IN)), [h])
    assert np.all(np.abs(new) <= np.maximum(np.abs(h), 1.0) + 1e-12)


def test_cell_runs_in_a_layer_of_keras(rng):
    cell = built()
    randomize(cell)
    x = rng.normal(size=(N_TRIALS, N_BINS, N_IN))
    layer = keras.layers.RNN(cell, return_sequences=True, return_state=True, dtype="float64")
    states, last = layer(x)
    expected = [equations.run_gru(a, np.zeros(UNITS), gru_weights(cell), 5.0) for a in x]
    np.testing.assert_allclose(states, expected, atol=1e-13)
    np.testing.assert_allclose(last, np.array(expected)[:, -1], atol=1e-13)


def test_cell_is_saved_and_loaded_with_its_layer(rng, tmp_path):
    cell = ClippedGRUCell(UNITS, 0.4, encoder=True, seed=3, name="mine")
    model = keras.Sequential([keras.Input((N_BINS, N_IN)), keras.layers.RNN(cell)])
    randomize(model)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    x = rng.normal(size=(N_TRIALS, N_BINS, N_IN)).astype("float32")
    np.testing.assert_array_equal(loaded(x), model(x))
    config = loaded.layers[0].cell.get_config()
    assert config == cell.get_config()
    assert (config["clip"], config["encoder"], config["seed"]) == (0.4, True, 3)


def test_first_weights_follow_from_the_seed():
    first, same, other = (built(seed=seed).get_weights() for seed in (0, 0, 10))
    for a, b in zip(first, same, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.allclose(first[0], other[0])
    assert abs(np.corrcoef(first[0].ravel(), first[1].ravel()[: first[0].size])[0, 1]) < 0.3


@pytest.mark.parametrize(
    ("encoder", "kernel_variance", "recurrent_variance"),
    [(False, 1 / 50, 1 / 200), (True, 1 / 250, 1 / 250)],
)
def test_first_weights_keep_the_variance_of_sums(encoder, kernel_variance, recurrent_variance):
    cell = ClippedGRUCell(200, encoder=encoder)
    cell.build((None, 50))
    assert np.var(cell.kernel.numpy()) == pytest.approx(kernel_variance, rel=0.03)
    assert np.var(cell.recurrent_kernel.numpy()) == pytest.approx(recurrent_variance, rel=0.03)
    update, reset, candidate = np.split(cell.bias.numpy(), 3)
    assert (update == 1).all() and (reset == 1).all() and (candidate == 0).all()


def test_every_weight_has_a_gradient(rng):
    cell = built()
    randomize(cell)
    x, h = tf.constant(rng.normal(size=(3, N_IN))), tf.constant(rng.normal(size=(3, UNITS)))
    assert_every_weight_has_a_gradient(cell, (x, [h]))


def test_a_cell_without_inputs_runs_on_its_own(rng):
    """The generator without controller and without measured inputs."""
    cell = built(n_in=0)
    randomize(cell)
    h = rng.normal(size=(N_TRIALS, UNITS))
    output, _ = cell(np.zeros((N_TRIALS, 0)), [h])
    expected = [equations.gru(np.zeros(0), b, gru_weights(cell), 5.0) for b in h]
    np.testing.assert_allclose(output, expected, atol=1e-14)
