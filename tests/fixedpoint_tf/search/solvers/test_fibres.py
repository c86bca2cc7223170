"""A fibre runs through every fixed point on it, and costs less than starts that miss some."""

import itertools

import contourpy
import keras
import numpy as np
import pytest
import tensorflow as tf
from problems import points, problem

from fixedpoint_tf import as_system
from fixedpoint_tf.search.solvers import fibres, newton
from fixedpoint_tf.search.solvers.base import Points

RECURRENT = np.array([[2.2, 0.2], [-0.15, 2.0]])
BIAS = np.array([0.05, -0.02])


def follow(system, x, direction, dtype="float64", **options):
    n, m = system.n_states, len(x)
    bounds = {"lower": np.full(n, -3.0), "upper": np.full(n, 3.0), **options}
    some = problem(system).settled()
    u = np.zeros((m, system.n_inputs))
    return fibres.follow(some, x, u, direction, dtype=dtype, **{"max_steps": 400, **bounds})


def polish(system, x):
    """Fixed points near some states, by Newton's method in double precision."""
    some = Points(x.copy(), np.zeros((len(x), system.n_inputs)))
    options = {"dtype": "float64", "max_iters": 30, "tol_q": 1e-24, "longest": 1.0}
    arrived = newton.solve(problem(system).settled(), some, np.arange(len(x)), **options)
    return some.x[arrived]


def distinct(x, near=1e-6):
    kept = []
    for point in x:
        if all(np.linalg.norm(point - other) > near for other in kept):
            kept.append(point)
    return np.array(kept).reshape(-1, x.shape[1])


def of_two_units():
    def step(h, u):
        return tf.tanh(tf.matmul(h, tf.constant(RECURRENT, h.dtype)) + tf.cast(BIAS, h.dtype))

    return as_system(step, n_states=2, n_inputs=0)


def gru(n, seed, gain):
    rng = np.random.default_rng(seed)
    cell = keras.layers.GRUCell(n)
    cell.build((None, 1))
    recurrent = gain / np.sqrt(n) * rng.normal(size=(n, 3 * n))
    cell.set_weights([np.zeros((1, 3 * n)), recurrent, 0.3 * rng.normal(size=(2, 3 * n))])
    return as_system(cell)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("angle", [0.3, 1.2, 2.0, 2.8])
def test_it_runs_through_all_points_on_it(angle, dtype):
    """The line of equal direction is drawn by contours of a dense grid, and its roots found."""
    system = of_two_units()
    grid = np.linspace(-1.2, 1.2, 41)
    starts = np.array(list(itertools.product(grid, grid)))
    roots = distinct(polish(system, starts))
    assert len(roots) == 9
    c = np.array([np.cos(angle), np.sin(angle)])
    fine = np.linspace(-3.0, 3.0, 1501)
    x = np.stack(np.meshgrid(fine, fine), axis=-1)
    residual = np.tanh(x @ RECURRENT + BIAS) - x
    lines = contourpy.contour_generator(fine, fine, residual @ [-c[1], c[0]]).lines(0.0)
    for start in roots:
        near = np.array(
            [np.linalg.norm(line[:, None] - roots, axis=2).min(axis=0) for line in lines]
        )
        here = int(
            np.array([np.linalg.norm(line - start, axis=1).min() for line in lines]).argmin()
        )
        on_it = roots[near[here] < 0.01]
        found, owner, _ = follow(system, start[None], c[None], dtype)
        found = distinct(np.concatenate([start[None], polish(system, found)]))
        assert (owner == 0).all()
        assert len(found) == len(on_it) > 1
        distance = np.linalg.norm(found[:, None] - on_it, axis=2)
        assert distance.min(axis=0).max() < 1e-6


def test_it_finds_points_that_more_costly_starts_miss():
    system = gru(20, 24, 6.0)
    some = points(system, 512, scale=0.5)
    options = {"dtype": "float32", "max_iters": 42, "tol_q": 1e-9, "longest": 1.0}
    arrived = newton.solve(problem(system).settled(), some, np.arange(512), **options)
    known = distinct(polish(system, some.x[arrived]))
    rng = np.random.default_rng(0)
    begin = known[rng.integers(len(known), size=16)]
    direction = np.tanh(3.0 * rng.normal(size=(16, 20))) - np.tanh(rng.normal(size=(16, 20)))
    found, _, n_solved = follow(system, begin, direction, "float32")
    found = distinct(polish(system, found))
    assert n_solved < some.n_iters.sum()
    assert np.abs(np.asarray(system.step(found, np.zeros((1, 1)))) - found).max() < 1e-10
    distance = np.linalg.norm(found[:, None] - known, axis=2).min(axis=1)
    assert (distance > 1e-3).sum() >= 2


def test_from_any_state_it_leads_to_a_point():
    system = of_two_units()
    x = np.array([[0.6, -1.0]])
    found, _, _ = follow(system, x, np.tanh(x @ RECURRENT + BIAS) - x)
    assert len(polish(system, found))


def test_a_closed_fibre_is_left_when_its_two_ways_meet():
    """The velocity has one component zero on the circle, which is the fibre."""

    def velocity(h, u):
        x, y = h[:, :1], h[:, 1:]
        return tf.concat([x * x + y * y - 1.0, x * y + 0.2 * y], axis=1)

    system = as_system(velocity, n_states=2, n_inputs=0, time="continuous")
    # The points are (1, 0), (-1, 0) and two of x = -0.2.
    found, _, n_solved = follow(system, np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]]))
    assert len(distinct(polish(system, found))) >= 3
    assert n_solved < 2 * 120


def test_a_network_that_is_not_a_number_somewhere_ends_there():
    system = as_system(lambda h, u: tf.sqrt(h + 0.5) - 0.2, n_states=1, n_inputs=0)
    found, _, _ = follow(system, np.array([[0.1]]), np.array([[1.0]]))
    assert np.isfinite(found).all()


def test_the_same_fibres_cross_the_same_states():
    system = gru(8, 1, 6.0)
    x = np.random.default_rng(0).uniform(-1.0, 1.0, (3, 8))
    direction = np.asarray(system.step(x, np.zeros((1, 1)))) - x
    first, second = (follow(system, x, direction) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
