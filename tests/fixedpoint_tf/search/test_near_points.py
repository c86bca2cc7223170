"""Fixed points that arithmetic can tell apart are told apart, however near each other."""

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder

pytestmark = pytest.mark.slow

QUIET = {"verbose": False}


def kink(z, d):
    """Two points, beside a kink: the slopes of F are 0.5 on its left, 1.5 on its right."""
    return z - 0.5 * d + 0.5 * tf.abs(z)


def bend(z, d):
    """Two points, on either side of a smooth bend."""
    return z + 0.5 * (tf.sqrt(z * z + 0.25 * d * d) - np.sqrt(1.25) * d)


def three(z, d):
    """A source at 0 between two nodes: the slopes of F are 1.5 and 0.5."""
    return z - 0.5 * (z * z - d * d) * z / (z * z + d * d)


MAPS = {
    "kink": (kink, [-1.0, 1.0], [True, False]),
    "bend": (bend, [-1.0, 1.0], [True, False]),
    "three": (three, [-1.0, 0.0, 1.0], [True, False, True]),
}


def found(part, d, *, centre=0.0, n=1, size=1.0):
    """Fixed points of a network that follows ``part`` along one coordinate.

    The states are turned in their space; along the other coordinates they fall to zero.

    Returns:
        Positions along the coordinate from the centre in units of ``d``, sorted; stability.
    """
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(n, n)))[0] if n > 1 else np.eye(1)

    def step(h, u):
        y = tf.matmul(h / size, tf.constant(turn, h.dtype))
        y = tf.concat([part(y[:, :1] - centre, d) + centre, 0.3 * y[:, 1:]], axis=1)
        return size * tf.matmul(y, tf.constant(turn.T, h.dtype))

    finder = FixedPointFinder(step, n_states=n, n_inputs=0, **QUIET)
    x = np.linspace(-1.0, 1.0, 64)[:, None]
    if n > 1:
        x = np.random.default_rng(1).uniform(-1.0, 1.0, (64, n))
    points = finder.find_fixed_points(size * x)[0].fixed
    z = (points.xstar / size @ turn)[:, 0] - centre
    order = np.argsort(z)
    return z[order] / d, points.is_stable[order].tolist()


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("d", [2e-5, 2e-7, 2e-10, 2e-12])
def test_near_points_are_told_apart(name, d):
    part, true, true_stable = MAPS[name]
    z, stable = found(part, d)
    assert z == pytest.approx(true, abs=0.05)
    assert stable == true_stable


@pytest.mark.parametrize(("name", "size"), [("kink", 1e-4), ("bend", 1e3), ("three", 1e-4)])
def test_near_points_are_told_apart_in_any_unit(name, size):
    part, true, true_stable = MAPS[name]
    z, stable = found(part, 2e-10, size=size)
    assert z == pytest.approx(true, abs=0.05)
    assert stable == true_stable


@pytest.mark.parametrize(("n", "d"), [(1, 2e-12), (4, 2e-10)])
@pytest.mark.parametrize("name", ["kink", "bend"])
def test_near_points_away_from_zero_are_told_apart(name, n, d):
    # Rounding is 1e-16 at 0.5 and moves a point by 2e-16: a ten-thousandth of the distance.
    part, true, true_stable = MAPS[name]
    z, stable = found(part, d, centre=0.5, n=n)
    assert z == pytest.approx(true, abs=0.05)
    assert stable == true_stable


@pytest.mark.parametrize("name", MAPS)
def test_points_within_rounding_of_each_other_are_not_counted_apart(name):
    z, _ = found(MAPS[name][0], 1e-17, centre=0.5)
    assert len(z) <= 1


@pytest.mark.parametrize(("n", "base"), [(1, 1e2), (1, 1e4), (5, 10.0), (5, 1e3)])
def test_rounding_inside_a_function_makes_no_second_point(base, n):
    # Numbers of the size of ``base`` in between round the states to 1e-16 times that.
    def step(h, u):
        mixed = tf.matmul(h, tf.constant(0.5 * np.eye(n) + 0.1 / n, h.dtype))
        return (tf.sin(mixed) + 0.2 + base) - base

    finder = FixedPointFinder(step, n_states=n, n_inputs=0, **QUIET)
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (128, n))
    unique, all_points = finder.find_fixed_points(x)
    assert len(unique.fixed) == 1
    assert len(all_points.fixed) == 128


@pytest.mark.parametrize("d", [1e-4, 1e-6, 1e-9])
def test_a_point_on_a_kink_does_not_hide_one_beside_it(d):
    # Fixed at 0, where a unit reaches its threshold, and at d: slopes 0.3 | 1.5, then 0.5.
    def step(h, u):
        return 0.3 * h + 1.2 * tf.nn.relu(h) - tf.nn.relu(h - 0.5 * d)

    finder = FixedPointFinder(step, n_states=1, n_inputs=0, **QUIET)
    unique, _ = finder.find_fixed_points(np.linspace(-1.0, 1.0, 64)[:, None])
    assert np.sort(unique.fixed.xstar[:, 0]) / d == pytest.approx([0.0, 1.0], abs=1e-3)


def test_a_deflated_search_keeps_a_point_near_a_known_one():
    def step(h, u):
        return bend(h, 1e-4)

    finder = FixedPointFinder(step, n_states=1, n_inputs=0, effort=0, **QUIET)
    unique, _ = finder.find_fixed_points(np.linspace(-1.0, -0.5, 16)[:, None])
    first = unique.fixed[:1]
    assert first.tol_unique == 1e-3
    near = np.linspace(-0.01, 0.01, 16)[:, None]
    both = finder.search_deflated(first, initial_states=near, length=1e-4).points
    assert np.sort(both.xstar[:, 0]) == pytest.approx([-1e-4, 1e-4])
