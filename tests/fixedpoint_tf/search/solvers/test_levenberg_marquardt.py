import numpy as np
import pytest
import tensorflow as tf
from problems import distance_to_roots, double_wells, points, problem

from fixedpoint_tf import as_system
from fixedpoint_tf.search.solvers import levenberg_marquardt

FULL = {"dtype": "float64", "max_iters": 200, "tol_q": 1e-28, "tol_gradient": 1e-10}


def solve(system, start, which=None, **options):
    which = np.arange(len(start.x)) if which is None else which
    levenberg_marquardt.solve(problem(system), start, which, **{**FULL, **options})
    return start


@pytest.mark.parametrize("matrix_free", [False, True])
@pytest.mark.parametrize("matrix_dtype", ["float32", "float64"])
def test_every_point_descends_to_a_known_root(matrix_free, matrix_dtype):
    end = solve(
        double_wells(3),
        points(double_wells(3), 200),
        matrix_dtype=matrix_dtype,
        matrix_free=matrix_free,
    )
    at_root = distance_to_roots(end.x) < 1e-8
    assert at_root.mean() > 0.9
    # The others rest where q is stationary, |h| = the inflexion between two wells.
    assert (end.relative_gradient[~at_root] < 1e-4).all()


def test_q_never_rises():
    system = double_wells(3)
    end = points(system, 100)
    start = end.take(np.arange(100))
    before = 0.5 * np.sum((np.tanh(2 * start.x) - start.x) ** 2, axis=1)
    for _ in range(5):
        solve(system, end, max_iters=1)
        after = 0.5 * np.sum((np.tanh(2 * end.x) - end.x) ** 2, axis=1)
        assert (after <= before + 1e-24).all()  # rounding of q itself
        before = after


def test_each_point_stops_on_its_own():
    end = solve(double_wells(2), points(double_wells(2), 64))
    assert len(np.unique(end.n_iters)) > 2


def test_one_singular_matrix_does_not_take_the_batch_down():
    # J - I vanishes altogether at h = 0 and nowhere else of these starts.
    system = as_system(lambda h, u: h - h**3 * (h - 1.0), n_states=1, n_inputs=1)
    start = points(system, 3)
    start.x[:] = [[0.0], [0.8], [1.3]]
    end = solve(system, start, stall=1.0)
    np.testing.assert_allclose(end.x[:, 0], [0.0, 1.0, 1.0], atol=1e-8)


def test_a_point_that_is_not_finite_harms_no_other():
    system = as_system(lambda h, u: tf.sqrt(h) * 0.5, n_states=1, n_inputs=1)
    start = points(system, 2)
    start.x[:] = [[-1.0], [0.3]]
    end = solve(system, start)
    assert np.isfinite(end.x[1]).all()
    np.testing.assert_allclose(end.x[1], 0.25, atol=1e-8)


def test_points_stay_in_the_box_and_rest_on_its_face():
    # The only fixed point, h = 20, lies outside the box of half-width 10.
    system = as_system(lambda h, u: 0.5 * h + 10.0, n_states=1, n_inputs=1)
    end = solve(system, points(system, 8))
    np.testing.assert_allclose(end.x, 10.0)
    assert (end.relative_gradient < 1e-10).all()


def test_only_the_chosen_points_move():
    system = double_wells(2)
    start = points(system, 4)
    before = start.x.copy()
    solve(system, start, which=np.array([1, 3]))
    np.testing.assert_array_equal(start.x[[0, 2]], before[[0, 2]])
    assert (start.n_iters[[0, 2]] == 0).all() and (start.n_iters[[1, 3]] > 0).all()


def test_a_linear_network_is_solved_in_a_few_iterations():
    rng = np.random.default_rng(0)
    A, b = 0.5 * rng.normal(size=(6, 6)) / np.sqrt(6), rng.normal(size=6)
    system = as_system(lambda h, u: tf.matmul(h, A.T) + b, n_states=6, n_inputs=1)
    end = solve(system, points(system, 10))
    np.testing.assert_allclose(end.x, np.tile(np.linalg.solve(np.eye(6) - A, b), (10, 1)))
    assert end.n_iters.max() <= 4


def test_a_factorisation_that_rounding_would_fail_gets_more_damping():
    # Columns of A nearly equal and of length 1e5: A'A in single precision is indefinite.
    rng = np.random.default_rng(0)
    column = 1e5 * rng.normal(size=(20, 1))
    A = np.eye(20) + column + 1e-3 * rng.normal(size=(20, 20))
    system = as_system(
        lambda h, u: tf.matmul(h, tf.constant(A.T, h.dtype)), n_states=20, n_inputs=0
    )
    start = points(system, 4)
    end = solve(system, start.take(np.arange(4)), dtype="float32", max_iters=30)
    assert np.isfinite(end.x).all()
    assert (end.q < 0.5 * np.sum(((A - np.eye(20)) @ start.x.T) ** 2, axis=0)).all()
