"""Fibres are followed where starts seldom arrive or points are missing, and nowhere else."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.search.solvers import fibres


@pytest.fixture
def followed(monkeypatch):
    """Number of fibres of each call."""
    n, follow = [], fibres.follow

    def counted(problem, x, *args, **options):
        n.append(len(x))
        return follow(problem, x, *args, **options)

    monkeypatch.setattr(fibres, "follow", counted)
    return n


def bistable(effort):
    finder = FixedPointFinder(
        lambda h, u: tf.tanh(2.0 * h), n_states=2, n_inputs=0, effort=effort, verbose=False
    )
    starts = np.random.default_rng(0).uniform(-1.5, 1.5, (64, 2))
    return finder.find_fixed_points(starts)[0]


def gru(n, seed, gain):
    rng = np.random.default_rng(seed)
    cell = keras.layers.GRUCell(n)
    cell.build((None, 1))
    recurrent = gain / np.sqrt(n) * rng.normal(size=(n, 3 * n))
    cell.set_weights([np.zeros((1, 3 * n)), recurrent, 0.3 * rng.normal(size=(2, 3 * n))])
    return cell


@pytest.mark.parametrize(("effort", "least"), [(0, 0), (1, 0), (2, 16)])
def test_an_easy_network_has_none_unless_effort_asks_for_them(followed, effort, least):
    assert bistable(effort).fixed.n == 9
    assert sum(followed) >= least
    assert least or not followed


def test_a_driven_gated_network_has_some_and_the_same_with_the_same_seed(followed):
    sets = []
    for _ in range(2):
        finder = FixedPointFinder(gru(12, 3, 6.0), verbose=False)
        starts = np.random.default_rng(0).normal(size=(64, 12))
        sets.append(finder.find_fixed_points(starts, [[0.0]])[0])
    assert len(followed) % 2 == 0
    assert sum(followed) >= 2 * 8
    np.testing.assert_array_equal(sets[0].xstar, sets[1].xstar)


def test_where_few_starts_arrive_32_are_followed(followed):
    """Infinitely steep at its point, about which Newton's method circles."""

    def step(h, u):
        return h - 0.1 * tf.sign(h - 0.3) * tf.abs(h - 0.3) ** 0.4

    finder = FixedPointFinder(step, n_states=1, n_inputs=0, verbose=False)
    points = finder.find_fixed_points([[2.0], [-3.0]])[0]
    assert sum(followed) >= 32
    assert points.search_end == "few arrived"
    np.testing.assert_allclose(points.fixed.xstar, [[0.3]], atol=1e-6)
