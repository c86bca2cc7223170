"""Starting values have the variance they promise and come back from their configuration."""

import keras
import numpy as np
import pytest

from lfads_tf.layers.initializers import GatesBias, MeanAndLogVariance, scaled_normal


@pytest.mark.parametrize("n_in", [1, 10, 500])
def test_sums_of_unit_inputs_start_with_variance_one(n_in):
    weights = np.asarray(scaled_normal(n_in, seed=1)((n_in, 20_000)))
    inputs = np.random.default_rng(0).normal(size=n_in)
    inputs *= np.sqrt(n_in) / np.linalg.norm(inputs)
    sums = inputs @ weights
    assert abs(sums.mean()) < 4 / np.sqrt(20_000)
    assert abs(sums.var() - 1) < 4 * np.sqrt(2 / 20_000)


def test_no_input_at_all_makes_no_weight():
    assert scaled_normal(0, seed=0)((0, 6)).shape == (0, 6)


def test_the_seed_decides():
    first, again, other = (np.asarray(scaled_normal(9, s)((9, 9))) for s in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 4.5 / 9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gates_start_open(dtype):
    bias = GatesBias()((9,), dtype=dtype)
    assert keras.backend.standardize_dtype(bias.dtype) == dtype
    np.testing.assert_array_equal(bias, [1] * 6 + [0] * 3)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_posterior_starts_with_the_given_variance(dtype):
    bias = MeanAndLogVariance(0.1)((6,), dtype=dtype)
    assert keras.backend.standardize_dtype(bias.dtype) == dtype
    np.testing.assert_allclose(np.exp(bias), [1, 1, 1, 0.1, 0.1, 0.1], rtol=1e-6)


@pytest.mark.parametrize("made", [GatesBias(), MeanAndLogVariance(0.3), scaled_normal(4, 2)])
def test_initializers_serialise(made):
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(made))
    assert again.get_config() == made.get_config()
    np.testing.assert_array_equal(again((12,)), made((12,)))
