"""A search goes on by itself until further starts lead to nothing new."""

import itertools
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import brentq

from fixedpoint_tf import FixedPointFinder, FixedPoints, SearchEnd, Status
from fixedpoint_tf.search import continued

QUIET = {"verbose": False}


def two_thresholds(n, seed):
    """Units with five points each, their coordinates turned, and all their points."""
    rng = np.random.default_rng(seed)
    gain, at = rng.uniform(6.0, 9.0, n), rng.uniform(0.45, 0.55, n)
    turn = np.linalg.qr(rng.normal(size=(n, n)))[0]

    def unit(z, k, tanh=np.tanh):
        return 0.5 * (tanh(gain[k] * (z - at[k])) + tanh(gain[k] * (z + at[k])))

    def step(h, u):
        z = tf.matmul(h, tf.constant(turn, h.dtype))
        y = tf.stack([unit(z[:, k], k, tf.tanh) for k in range(n)], axis=1)
        return tf.matmul(y, tf.constant(turn.T, h.dtype))

    grid = np.linspace(-1.2, 1.2, 4001) + 1e-7
    roots = []
    for k in range(n):
        value = unit(grid, k) - grid
        left = np.flatnonzero(value[:-1] * value[1:] < 0)
        roots.append([brentq(lambda z, k=k: unit(z, k) - z, *grid[i : i + 2]) for i in left])
    return step, np.array(list(itertools.product(*roots))) @ turn.T


def gru(n, seed, gain):
    """A strongly driven gated network of random weights."""
    rng = np.random.default_rng(seed)
    cell = keras.layers.GRUCell(n)
    cell.build((None, 1))
    recurrent = gain / np.sqrt(n) * rng.normal(size=(n, 3 * n))
    cell.set_weights([np.zeros((1, 3 * n)), recurrent, 0.3 * rng.normal(size=(2, 3 * n))])
    return cell


def test_from_a_corner_of_the_state_space_it_finds_all():
    step, truth = two_thresholds(2, 0)
    starts = truth[:1] + 0.01 * np.random.default_rng(0).normal(size=(8, 2))
    options = {"n_states": 2, "n_inputs": 0, **QUIET}
    few = FixedPointFinder(step, effort=0, **options).find_fixed_points(starts)[0]
    every = FixedPointFinder(step, **options).find_fixed_points(starts)[0]
    assert few.fixed.n < len(truth) == every.fixed.n == 25
    distance = np.linalg.norm(every.fixed.xstar[:, None] - truth, axis=2)
    assert distance.min(axis=0).max() < 1e-9
    assert (few.search_end, every.search_end) == ("starts alone", "settled")


def test_where_its_starts_find_nothing_new_it_finds_the_same_points_as_without_them():
    step, truth = two_thresholds(2, 1)
    starts = np.random.default_rng(0).uniform(-1.5, 1.5, size=(512, 2))
    points = []
    for effort in (0, 1):
        finder = FixedPointFinder(step, n_states=2, n_inputs=0, effort=effort, **QUIET)
        unique, every = finder.find_fixed_points(starts)
        assert unique.n == len(truth) and every.n == len(starts)
        points.append(unique.xstar[np.lexsort(unique.xstar.T.round(6))])
    np.testing.assert_allclose(points[1], points[0], atol=1e-9)


def test_a_driven_gated_network_has_points_that_its_own_starts_never_reach():
    cell = gru(12, 3, 6.0)
    starts = np.random.default_rng(0).normal(size=(64, 12))
    n = [
        FixedPointFinder(cell, effort=effort, **QUIET)
        .find_fixed_points(starts, [[0.0]])[0]
        .fixed
        for effort in (0, 1)
    ]
    assert n[1].n > n[0].n
    # Poincare-Hopf: in the box that the network maps into itself the signs add up to one.
    signs = np.sign(np.linalg.det(np.eye(12) - n[1].J_xstar))
    assert signs.sum() == 1
    x = n[1].xstar
    assert (
        np.abs(np.asarray(FixedPointFinder(cell, **QUIET).system.step(x, [[0.0]])) - x).max()
        < 1e-9
    )


def test_the_same_seed_gives_the_same_points():
    cell = gru(8, 1, 6.0)
    starts = np.random.default_rng(0).normal(size=(32, 8))
    first, second = (
        FixedPointFinder(cell, **QUIET).find_fixed_points(starts, [[0.0]])[0] for _ in range(2)
    )
    np.testing.assert_array_equal(first.xstar, second.xstar)


def test_a_line_attractor_is_not_filled_up():
    def step(h, u):
        return tf.concat([h[:, :1], 0.5 * h[:, 1:]], axis=1)

    starts = np.random.default_rng(0).normal(size=(16, 2))
    sets = [
        FixedPointFinder(
            step, n_states=2, n_inputs=0, effort=effort, **QUIET
        ).find_fixed_points(starts)[0]
        for effort in (0, 4)
    ]
    np.testing.assert_array_equal(sets[0].xstar, sets[1].xstar)


def test_of_an_odd_network_every_mirror_image_is_found():
    rng = np.random.default_rng(2)
    recurrent = 8.0 / np.sqrt(10) * rng.normal(size=(10, 10))
    cell = keras.layers.SimpleRNNCell(10, use_bias=False)
    cell.build((None, 1))
    cell.set_weights([np.zeros((1, 10)), recurrent])
    points = (
        FixedPointFinder(cell, **QUIET)
        .find_fixed_points(rng.normal(size=(4, 10)), [[0.0]])[0]
        .fixed
    )
    assert points.n >= 3
    mirrored = np.linalg.norm(points.xstar[:, None] + points.xstar, axis=2)
    assert mirrored.min(axis=1).max() < 1e-8


def test_every_input_has_its_share_of_the_starts():
    starts = np.full((6, 1), 1.2)
    inputs = np.linspace(-0.02, 0.02, 6)[:, None]
    finder = FixedPointFinder(
        lambda h, u: h + 0.1 * (u + h - h**3), n_states=1, n_inputs=1, **QUIET
    )
    points = finder.find_fixed_points(starts, inputs)[0].fixed
    assert points.n == 18
    assert np.unique(points.inputs, return_counts=True)[1].tolist() == [3] * 6


def test_where_few_starts_arrive_the_summary_calls_the_points_a_lower_bound():
    # A drift that stops nowhere: no fixed point, and so none that starts arrive at.
    finder = FixedPointFinder(
        lambda h, u: h + 0.1 * (1.0 + h * h), n_states=1, n_inputs=0, **QUIET
    )
    points = finder.find_fixed_points([[-1.0], [1.0]])[0]
    assert points.search_end == SearchEnd.FEW_ARRIVED
    assert "lower bound" in repr(points)


def test_fixed_points_without_an_end_are_called_a_sample():
    search = object.__new__(continued._Continued)
    search.by_starts, search.structure = continued.Yield(), SimpleNamespace(n_left=0)
    search.by_starts.learn(900, 900)
    assert not search.is_endless  # too few to tell
    search.by_starts.learn(900, 700)
    assert search.is_endless
    search.by_starts.learn(9000, 100)
    assert not search.is_endless
    points = FixedPoints(xstar=[[0.0]], status=[0], search_end=SearchEnd.ENDLESS)
    assert "there may be infinitely many" in repr(points)


def test_a_search_that_runs_out_of_time_says_so(tmp_path):
    cell = gru(12, 3, 6.0)
    finder = FixedPointFinder(cell, max_seconds=1e-3, **QUIET)
    points = finder.find_fixed_points(np.zeros((4, 12)), [[0.0]])[0]
    assert points.search_end == SearchEnd.TIME
    assert "time limit, while" in repr(points)
    points.save(tmp_path / "points.h5")
    assert FixedPoints.load(tmp_path / "points.h5").search_end == "time"
    assert points[:0].search_end is None


@pytest.mark.parametrize(
    "option", [{"effort": -1}, {"effort": np.inf}, {"effort": "much"}, {"max_seconds": 0}]
)
def test_an_effort_that_is_none_is_refused(option):
    error = f"{next(iter(option))}: expected .* received"
    with pytest.raises((TypeError, ValueError), match=error):
        FixedPointFinder(gru(2, 0, 1.0), **option)


def test_the_rule_is_a_word_of_the_field():
    with pytest.raises(ValueError, match="search_end: expected one of .* received 'tired'"):
        FixedPoints(xstar=[[0.0]], search_end="tired")


@pytest.mark.parametrize("method", ["newton", "adam"])
def test_given_starts_are_left_when_the_time_is_over(method):
    cell = gru(24, 3, 6.0)
    starts = np.random.default_rng(0).normal(size=(300, 24))
    finder = FixedPointFinder(cell, method=method, max_seconds=1e-9, **QUIET)
    unique, every = finder.find_fixed_points(starts, [[0.0]])
    assert unique.search_end == "time"
    assert every.n == 300 and (every.status == Status.NOT_CONVERGED).any()
    q = 0.5 * np.sum((finder.system.step(every.xstar, [[0.0]]).numpy() - every.xstar) ** 2, 1)
    np.testing.assert_allclose(every.qstar, q, rtol=1e-3, atol=1e-12)
