"""ReLU networks, whose fixed points are all known from every set of active units."""

import itertools

import keras
import numpy as np
import pytest
from relu_cells import (
    ALPHA,
    LeakyReLUCell,
    motif_weights,
    single,
    threshold_linear_weights,
)
from scipy.optimize import nnls

from fixedpoint_tf import FixedPointFinder, Status

pytestmark = pytest.mark.slow


def enumerate_points(weights, bias, inside=False):
    """Fixed points of relu(h W + b), or of relu(h) W + b, with their active sets."""
    n, found, sets = len(bias), [], []
    for bits in itertools.product([0.0, 1.0], repeat=n):
        d = np.diag(bits)
        if inside:
            x = np.linalg.solve(np.eye(n) - weights.T @ d, bias)
            true = np.maximum(x, 0.0) @ weights + bias
        else:
            x = np.linalg.solve(np.eye(n) - d @ weights.T, d @ bias)
            true = np.maximum(x @ weights + bias, 0.0)
        if np.abs(true - x).max() < 1e-9:
            found.append(x)
            sets.append(d)
    return np.array(found), sets


def moduli(weights, sets, alpha, inside):
    """Of the eigenvalues of the Jacobian in each active set."""
    inner = [weights.T @ d if inside else d @ weights.T for d in sets]
    eye = np.eye(len(weights))
    return [np.abs(np.linalg.eigvals((1 - alpha) * eye + alpha * a)) for a in inner]


def excitable(n, rng):
    """Gaussian weights and, beyond a threshold, units that keep themselves far away."""
    weights = 0.5 / np.sqrt(n) * rng.normal(size=(n, n))
    bias = rng.normal(size=n)
    weights[0] = 0.0
    weights[0, 0], bias[0] = 0.98, 0.3  # alone, unit 0 rests at 15
    return weights, bias


def cell_of(kind, weights, bias, n_inputs=1):
    """A cell of a kind with these recurrent weights, deaf to its input."""
    n = len(bias)
    kernel = np.zeros((n_inputs, n))
    if kind == "simple":
        cell, values = keras.layers.SimpleRNNCell(n, activation="relu"), [kernel, weights, bias]
    elif kind == "gru":
        cell = keras.layers.GRUCell(n, activation="relu", reset_after=True)
        gates = np.random.default_rng(5).normal(size=(n, n))
        recurrent = np.hstack([gates, np.zeros((n, n)), 2.0 * weights])  # r = 1/2
        b = np.zeros((2, 3 * n))
        b[0, 2 * n :] = bias
        values = [np.zeros((n_inputs, 3 * n)), recurrent, b]
    else:
        cell, values = LeakyReLUCell(n, inside=kind == "inside"), [kernel, weights, bias]
    cell.build((None, n_inputs))
    cell.set_weights(values)
    return cell


CASES = [
    ("simple", motif_weights, 2),
    ("simple", motif_weights, 5),
    ("simple", excitable, 4),
    ("outside", motif_weights, 4),
    ("outside", threshold_linear_weights, 6),
    ("outside", excitable, 5),
    ("inside", motif_weights, 4),
    ("inside", threshold_linear_weights, 5),
    ("gru", motif_weights, 4),
    ("gru", motif_weights, 5),
]


@pytest.mark.parametrize(("kind", "draw", "n"), CASES)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_fixed_point_of_a_relu_network(kind, draw, n, seed):
    """All true points and no others, with their stability; no start is lost."""
    rng = np.random.default_rng([seed, n])
    weights, bias = map(single, draw(n, rng))
    inside = kind == "inside"
    true, sets = enumerate_points(weights, bias, inside)
    finder = FixedPointFinder(cell_of(kind, weights, bias), verbose=False)
    initial = rng.uniform(0.0, 2.0, size=(16, n))
    states = finder.simulate(np.zeros((16, 60, 1)), initial)
    starts = finder.sample_states(states, 512, noise_scale=states.std())
    unique, all_points = finder.find_fixed_points(starts, np.zeros((1, 1)))
    found = unique.fixed
    distance = np.abs(found.xstar[:, None] - true[None]).max(axis=2) / np.abs(true).max()
    assert len(found) == len(true)
    assert distance.min(axis=0).max() < 1e-6  # every true point was found
    assert distance.min(axis=1).max() < 1e-6  # every found point is true
    assert not (all_points.status == Status.DIVERGED).any()
    if kind != "gru":  # its update gate moves, so that J is not of this form
        alpha = 1.0 if kind == "simple" else ALPHA
        stable = np.array([m.max() < 1.0 for m in moduli(weights, sets, alpha, inside)])
        assert np.array_equal(found.is_stable, stable[distance.argmin(axis=1)])


@pytest.mark.parametrize("kind", ["simple", "outside"])
def test_saddles_far_from_all_starts_are_found_region_by_region(kind):
    """One of four points lies at 50, the starts within 4."""
    rng = np.random.default_rng(105)
    weights, bias = single(0.8 * rng.normal(size=(4, 4))), single(rng.normal(size=4))
    truth, _ = enumerate_points(weights, bias)
    assert len(truth) == 4 and np.abs(truth).max() > 50.0
    finder = FixedPointFinder(cell_of(kind, weights, bias), verbose=False)
    unique, _ = finder.find_fixed_points(rng.normal(size=(128, 4)), np.zeros((1, 1)))
    found = unique.fixed.xstar
    nearest = np.abs(truth[:, None] - found).max(axis=2)
    assert len(found) == 4 and nearest.min(axis=1).max() < 1e-9 * np.abs(truth).max()


def test_a_silent_unit_does_not_make_a_point_diverged():
    """h1 = relu(h1/2 + 1), h2 = relu(h2/2 - 1): the point (2, 0) attracts all starts."""
    cell = cell_of("simple", 0.5 * np.eye(2), np.array([1.0, -1.0]))
    finder = FixedPointFinder(cell, verbose=False)
    starts = np.random.default_rng(0).uniform(0.0, 3.0, size=(64, 2))
    unique, all_points = finder.find_fixed_points(starts, [[0.0]])
    np.testing.assert_allclose(unique.fixed.xstar, [[2.0, 0.0]], atol=1e-12)
    assert (all_points.status == Status.FIXED_POINT).all()


@pytest.mark.parametrize("rest", [5.0, 50.0, 500.0])
def test_an_attractor_far_from_the_starts(rest):
    """h = relu(0.99 h + rest / 100) has one fixed point, at rest; runs get there."""
    cell = cell_of("simple", single([[0.99]]), single([rest / 100.0]))
    true = single(rest / 100.0) / (1.0 - single(0.99))
    finder = FixedPointFinder(cell, verbose=False)
    starts = np.random.default_rng(0).uniform(0.0, 1.0, size=(64, 1))
    unique, all_points = finder.find_fixed_points(starts, [[0.0]])
    np.testing.assert_allclose(unique.fixed.xstar, [[true]], rtol=1e-7)
    assert not (all_points.status == Status.DIVERGED).any()


def test_a_network_that_runs_away_has_no_fixed_point():
    """h = relu(1.5 h + 1) grows without end; its only other solution, -2, is negative."""
    cell = cell_of("simple", np.array([[1.5]]), np.array([1.0]))
    finder = FixedPointFinder(cell, verbose=False)
    starts = np.random.default_rng(0).uniform(0.0, 3.0, size=(64, 1))
    unique, all_points = finder.find_fixed_points(starts, [[0.0]])
    assert len(unique.fixed) == 0
    assert not (all_points.status == Status.FIXED_POINT).any()


def steepest_fall(x, weights, bias):
    """Fall of the speed along the steepest way out of a state of a leaky network.

    On a kink the directional derivative is linear on each of the cones that the thresholds
    of the units at zero divide the directions into: the steepest way within a cone is minus
    the gradient there, less its part that leaves the cone. Relative to the residual.
    """
    a = x @ weights + bias
    r = ALPHA * (np.maximum(a, 0.0) - x)
    at_zero = np.flatnonzero(np.abs(a) < 1e-6)
    on = a > 1e-6
    falls = []
    for bits in itertools.product([0.0, 1.0], repeat=len(at_zero)):
        signs = 2.0 * np.array(bits) - 1.0
        some = on.copy()
        some[at_zero] = signs > 0.0
        gradient = ALPHA * (weights[:, some] @ r[some] - r)
        walls = weights[:, at_zero] * signs
        fall = nnls(walls, gradient)[1] if len(at_zero) else np.linalg.norm(gradient)
        falls.append(fall / np.linalg.norm(r))
    return max(falls), len(at_zero)


def test_slow_points_at_kinks_are_true_minima_of_the_speed():
    weights, bias = map(single, threshold_linear_weights(7, np.random.default_rng(3)))
    finder = FixedPointFinder(cell_of("outside", weights, bias), verbose=False)
    x = np.random.default_rng(0).uniform(0.0, 1.5, (256, 7))
    slow = finder.find_fixed_points(x, [[0.0]])[0].slow
    assert len(slow) > 0
    ways = [steepest_fall(x, weights, bias) for x in slow.xstar]
    assert max(fall for fall, _ in ways) < 1e-4
    assert max(n_at_zero for _, n_at_zero in ways) > 0
