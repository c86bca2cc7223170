"""A gate that is shut to rounding keeps every state, which makes no fixed points of them."""

import keras
import numpy as np
import pytest

from fixedpoint_tf import FixedPointFinder


def shut(bias, seed=0):
    cell = keras.layers.GRUCell(2, dtype="float64")
    cell.build((None, 1))
    rng = np.random.default_rng(seed)
    kernel, recurrent, biases = (rng.normal(size=w.shape) for w in cell.get_weights())
    biases[:, :2] = bias / 2
    cell.set_weights([kernel, recurrent, biases])
    return cell


@pytest.mark.parametrize("bias", [0.0, 10.0, 60.0])
def test_only_where_the_candidate_rests_too_is_a_fixed_point(bias):
    finder = FixedPointFinder(shut(bias), verbose=False)
    x = np.random.default_rng(1).uniform(-1, 1, (64, 2))
    unique, _ = finder.find_fixed_points(x, [[0.0]])
    proof = finder.prove_complete(unique)
    assert proof.codes == ("complete",)
    assert not len(proof.not_enclosed)  # nothing false
    if bias < 37.0:  # beyond, the gate rounds to one, and the step tells no state from another
        assert not proof.new.n


def test_where_no_state_moves_the_index_is_open():
    cell = keras.layers.GRUCell(1, dtype="float64")
    cell.build((None, 1))
    weights = [np.zeros_like(w) for w in cell.get_weights()]
    weights[2][0, 0], weights[2][0, 2] = 60.0, 0.5  # the one fixed point is tanh(1/2)
    cell.set_weights(weights)
    unique, _ = FixedPointFinder(cell, verbose=False).find_fixed_points(
        [[np.tanh(0.5)]], [[0.0]]
    )
    assert unique.fixed.n == 1
    assert unique.index.status == ("undetermined",)
