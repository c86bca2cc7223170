"""Active sets of rectified units, tried by their solutions."""

import itertools

import keras
import numpy as np
import pytest

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.search import active_sets
from fixedpoint_tf.search.starts.active_sets import (
    MOST_UNITS,
    neighbouring_solutions,
    solve_all_sets,
    solve_beside,
)
from fixedpoint_tf.systems.cells import PiecewiseLinear


def inhibitory(n, seed):
    rng = np.random.default_rng(seed)
    weights = -rng.uniform(1.2, 1.3, size=(n, n))
    np.fill_diagonal(weights, 0.0)
    return weights.astype(np.float32).astype(float), np.ones(n)


def points_by_hand(weights, bias, below=0.0):
    """Solve each active set of ``y = f(W y + b)`` in turn."""
    points = []
    for active in itertools.product([True, False], repeat=len(bias)):
        slope = np.where(active, 1.0, below)
        z = np.linalg.solve(np.eye(len(bias)) - weights * slope, bias)
        if ((z > 0) == np.array(active)).all():
            points.append(slope * z)
    return np.array(points)


def in_order(points):
    return points[np.lexsort(points.T.round(7))]


@pytest.mark.parametrize("below", [0.0, 0.2])
def test_all_sets_are_those_solved_one_by_one(below):
    weights, bias = inhibitory(6, 0)
    weights += np.random.default_rng(0).normal(0, 0.2, (6, 6))
    network = PiecewiseLinear(
        weights, np.zeros((6, 1)), bias, np.ones(6, bool), slope_below=below
    )
    found = solve_all_sets(network, np.zeros(1))
    expected = points_by_hand(weights, bias, below)
    assert len(expected) > 1
    np.testing.assert_allclose(in_order(found), in_order(expected), atol=1e-9)


def test_inputs_move_the_points():
    network = PiecewiseLinear(
        np.array([[0.5]]), np.array([[2.0]]), np.array([-1.0]), np.ones(1, bool)
    )
    assert solve_all_sets(network, np.array([1.0])).tolist() == [[2.0]]
    assert solve_all_sets(network, np.array([0.0])).tolist() == [[0.0]]


def test_states_may_be_the_arguments_of_the_units():
    # x' = W relu(x + 0.5) + 1, with W = -2: x + 0.5 = z, z = -2 relu(z) + 1.5, z = 0.5
    network = PiecewiseLinear(
        np.array([[-2.0]]),
        np.zeros((1, 0)),
        np.array([1.5]),
        np.ones(1, bool),
        threshold=np.array([0.5]),
    )
    assert solve_all_sets(network, np.zeros(0)).tolist() == [[0.0]]
    rng = np.random.default_rng(0)
    beside = neighbouring_solutions(rng, 8, np.array([[0.0]]), network, np.zeros(0))
    np.testing.assert_allclose(beside, 1.0)  # of the silent unit: z = 1.5


def test_a_singular_set_harms_no_other():
    identity = PiecewiseLinear(np.eye(1), np.zeros((1, 0)), -np.ones(1), np.ones(1, bool))
    assert solve_all_sets(identity, np.zeros(0)).tolist() == [[0.0]]


def test_neighbours_of_one_point_are_the_sets_that_differ_in_few_units():
    weights, bias = inhibitory(8, 0)
    network = PiecewiseLinear(weights, np.zeros((8, 0)), bias, np.ones(8, bool))
    points = points_by_hand(weights, bias)
    beside = neighbouring_solutions(
        np.random.default_rng(1), 400, points[:1], network, np.zeros(0)
    )
    n_changed = ((beside > 1e-12) != (points[0] > 1e-12)).sum(axis=1)
    assert set(range(1, 4)) <= set(n_changed)
    assert np.mean(n_changed <= 2) > 0.7


@pytest.mark.parametrize("below", [0.0, 0.3])
def test_sets_beside_a_point_are_those_solved_one_by_one(below):
    weights, bias = inhibitory(6, 2)
    network = PiecewiseLinear(
        weights, np.zeros((6, 0)), bias, np.ones(6, bool), slope_below=below
    )
    points = solve_all_sets(network, np.zeros(0))
    active = points @ weights.T + bias > 0.0
    for k in range(len(points)):
        states, sets = solve_beside(network, np.zeros(0), points[k])
        beside = (active != active[k]).sum(axis=1) == 1
        np.testing.assert_allclose(in_order(states), in_order(points[beside]), atol=1e-9)
        assert ((sets != active[k]).sum(axis=1) == 1).all()


def test_a_staircase_of_many_units_is_climbed_to_its_ends():
    # y = relu(m (n . y) + b): along one direction a piecewise-linear curve of 40 kinks
    rng = np.random.default_rng(1)
    k = np.linspace(0.0, 10.0, 41)
    sign = np.where(np.arange(40) % 2, -1.0, 1.0)
    weights = np.outer(np.ones(40), 3.0 * sign) * 0.999  # the sum of all outputs, with signs
    bias = -k[:-1] * 0.5
    x = rng.uniform(0, 1, (64, 40))
    network = PiecewiseLinear(weights, np.zeros((40, 1)), bias, np.ones(40, bool))
    finder = finder_of(weights, bias)
    unique, _ = finder.find_fixed_points(x, np.zeros((1, 1)))
    proof = finder.prove_complete(unique)
    assert proof.codes == ("complete",)
    assert unique.fixed.n == len(proof.xstar) and network.is_of_outputs


def finder_of(weights, bias, **options):
    n = len(bias)
    cell = keras.layers.SimpleRNNCell(n, activation="relu")
    cell.build((None, 1))
    cell.set_weights([np.zeros((1, n)), weights.T, bias])
    return FixedPointFinder(cell, verbose=False, **options)


@pytest.mark.parametrize("most_units", [MOST_UNITS, 0])
def test_no_point_of_a_winner_take_all_network_is_missed(most_units, monkeypatch):
    # each unit silences every other: a point for each set of active units but the empty one
    monkeypatch.setattr(active_sets, "MOST_UNITS", most_units)
    weights, bias = inhibitory(8, 10)
    x = np.random.default_rng(0).uniform(0, 1, (256, 8))
    for seed in range(3):
        unique, _ = finder_of(weights, bias, random_seed=seed).find_fixed_points(
            x, np.zeros((1, 1))
        )
        assert len(unique) == len(unique.fixed) == 2**8 - 1
        residual = np.maximum(unique.xstar @ weights.T + bias, 0.0) - unique.xstar
        assert np.abs(residual).max() < 1e-9
