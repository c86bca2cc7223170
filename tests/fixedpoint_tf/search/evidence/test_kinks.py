"""Kinks near a state are seen through products with Jacobians, a few states at a time."""

import keras
import numpy as np
import pytest

from fixedpoint_tf import as_system
from fixedpoint_tf._utils import chunks
from fixedpoint_tf.search.evidence.kinks import N_PAIRS, jumps_within, turns_within
from fixedpoint_tf.search.solvers.base import Problem


@pytest.fixture(scope="module")
def network():
    """A ReLU network with a closed form, whose products take whole Jacobians, and states."""
    d, n = 32, 40
    cell = keras.layers.SimpleRNNCell(d, activation="relu")
    cell.build((None, 1))
    rng = np.random.default_rng(0)
    cell.set_weights([np.zeros((1, d)), rng.normal(0.0, 0.5 / d**0.5, (d, d)), np.zeros(d)])
    problem = Problem(as_system(cell), np.full(d, -9.0), np.full(d, 9.0))
    x = rng.normal(size=(n, d))
    x[::4] = 0.0  # on the kinks of all units
    return problem, x, np.zeros((n, 1))


def test_states_at_a_kink_jump_and_turn_whatever_is_looked_at_together(network, monkeypatch):
    problem, x, u = network
    radius, inverse = np.full(len(x), 1e-6), np.broadcast_to(np.eye(32), (len(x), 32, 32))
    jumps = jumps_within(problem, x, u, radius)
    assert jumps[::4].all() and jumps.mean() < 0.5
    turns = turns_within(problem, x, u, inverse, radius)
    assert turns[::4].all()
    monkeypatch.setattr(chunks, "MEMORY_LIMIT", 1)
    np.testing.assert_array_equal(jumps_within(problem, x, u, radius), jumps)
    np.testing.assert_array_equal(turns_within(problem, x, u, inverse, radius), turns)


def test_the_jacobians_of_few_states_are_held_at_once(network, monkeypatch):
    problem, x, u = network
    x, u = np.tile(x, (20, 1)), np.tile(u, (20, 1))
    seen = []
    whole = Problem.jacobian_at

    def counted(self, x, u):
        seen.append(len(x))
        return whole(self, x, u)

    monkeypatch.setattr(Problem, "jacobian_at", counted)
    jumps_within(problem, x, u, np.full(len(x), 1e-6))
    assert sum(seen) == 3 * N_PAIRS * len(x)
    assert max(seen) <= chunks.chunk_size(32**2)
