import numpy as np
import tensorflow as tf
from problems import distance_to_roots, double_wells, points, problem

from fixedpoint_tf import as_system
from fixedpoint_tf.search.solvers import krylov


def test_products_with_vectors_are_those_of_the_jacobian():
    system = double_wells(4)
    pts = points(system, 5)
    residual = system.residual
    x, u = tf.constant(pts.x), tf.constant(pts.u)
    v = tf.constant(np.random.default_rng(1).normal(size=pts.x.shape))
    A = residual.jacobian((), x, u)
    r, push, pull = krylov.linearise(residual, (), x, u)
    np.testing.assert_allclose(r, residual.value((), x, u))
    np.testing.assert_allclose(push(v), tf.linalg.matvec(A, v), atol=1e-12)
    np.testing.assert_allclose(pull(v), tf.linalg.matvec(A, v, transpose_a=True), atol=1e-12)


def test_as_many_vectors_as_states_solve_a_linear_network_in_one_step():
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(5, 5)) / 3, rng.normal(size=5)
    system = as_system(lambda h, u: tf.matmul(h, A.T) + b, n_states=5, n_inputs=1)
    pts = points(system, 3)
    arrived = krylov.newton(
        problem(system, 1e3),
        pts,
        np.arange(3),
        dtype="float64",
        max_iters=3,
        tol_q=1e-8,
        n_vectors=(5, 5),
    )
    assert arrived.all()
    expected = np.linalg.solve(np.eye(5) - A, b)
    np.testing.assert_allclose(pts.x, np.tile(expected, (3, 1)), atol=1e-3)


def test_a_point_that_does_not_arrive_keeps_its_state():
    system = as_system(lambda h, u: h + 1.0 + h**2, n_states=1, n_inputs=1)
    pts = points(system, 4)
    before = pts.x.copy()
    arrived = krylov.newton(
        problem(system), pts, np.arange(4), dtype="float32", max_iters=20, tol_q=1e-8
    )
    assert not arrived.any()
    np.testing.assert_array_equal(pts.x, before)


def test_newton_finds_saddles_as_well_as_attractors():
    system = double_wells(3)
    pts = points(system, 200)
    arrived = krylov.newton(
        problem(system), pts, np.arange(200), dtype="float32", max_iters=30, tol_q=1e-10
    )
    assert arrived.mean() > 0.9
    assert distance_to_roots(pts.x[arrived]).max() < 1e-4
    zeros = (np.abs(pts.x[arrived]) < 0.1).sum(axis=1)
    assert set(zeros) == {0, 1, 2, 3}
