"""The smooth pieces that meet at a kink."""

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import as_system
from fixedpoint_tf.systems.kinks.sides import near_kink, side_states, sides_at

rng = np.random.default_rng(0)
R = rng.normal(size=(5, 5))


def relu_network():
    return as_system(
        lambda h, u: tf.nn.relu(tf.matmul(h, tf.constant(R, h.dtype)) + u),
        n_states=5,
        n_inputs=5,
    )


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_two_thresholds_through_a_state_give_four_pieces(scale):
    system = relu_network()
    x = scale * rng.normal(size=5)
    u = scale * np.ones(5) - x @ R  # every unit above threshold...
    u[:2] = -(x @ R)[:2]  # ... and two exactly at it
    ((pieces, _),) = sides_at(system, x[None], u[None], 1e-6 * scale)
    assert len(pieces) == 4
    wanted = {(a, b) for a in (0, 1) for b in (0, 1)}
    slopes = {tuple((np.abs(p[:2]).max(axis=1) > 0).astype(int)) for p in pieces}
    assert slopes == wanted
    for piece in pieces:
        np.testing.assert_allclose(piece[2:], R.T[2:], rtol=1e-12)


def test_a_smooth_network_has_one_piece_everywhere():
    system = as_system(
        lambda h, u: tf.tanh(tf.matmul(h, tf.constant(3 * R, h.dtype))), n_states=5, n_inputs=0
    )
    x = rng.normal(size=(20, 5))
    assert not near_kink(system, x, np.zeros((20, 0)), 1e-6).any()


def test_only_states_within_the_radius_are_near_a_kink():
    system = as_system(lambda h, u: tf.abs(h), n_states=1, n_inputs=0)
    x = np.array([[1e-7], [-1e-7], [1e-5], [3.0]])
    assert near_kink(system, x, np.zeros((4, 0)), 1e-6).tolist() == [True, True, False, False]


def test_states_at_the_sides_come_in_opposite_pairs():
    x = rng.normal(size=(3, 4))
    states = side_states(x, np.array([1.0, 2.0, 3.0]), 6)
    np.testing.assert_array_equal(states[:, 0], x)
    np.testing.assert_allclose(states[:, 1:7] + states[:, 7:], 2 * np.repeat(x[:, None], 6, 1))
    distances = np.linalg.norm(states[:, 1:] - x[:, None], axis=2)
    np.testing.assert_allclose(distances, np.repeat([[1.0], [2.0], [3.0]], 12, axis=1))
