"""Sizes of the states and boxes: nothing is lost at the edge of a guess or by its units."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.optimize import brentq

from fixedpoint_tf import FixedPointFinder, Status

pytestmark = pytest.mark.slow

QUIET = {"verbose": False}


def relu_cell(recurrent, bias):
    cell = keras.layers.SimpleRNNCell(len(bias), activation="relu")
    cell.build((None, 1))
    cell.set_weights([np.zeros((1, len(bias))), np.array(recurrent), np.array(bias)])
    return cell


@pytest.mark.parametrize("height", [5.0, 500.0, 5e4])
@pytest.mark.parametrize("spread", [0.0, 1.0])
def test_an_attractor_is_found_however_far_it_lies(height, spread):
    cell = relu_cell(0.9 * np.eye(3), np.full(3, 0.1 * height))
    x = spread * np.random.default_rng(0).normal(size=(24, 3))
    unique, all_points = FixedPointFinder(cell, **QUIET).find_fixed_points(x, [[0.0]])
    np.testing.assert_allclose(unique.xstar, np.full((1, 3), height), rtol=1e-5)
    assert (all_points.status == Status.FIXED_POINT).all()


def test_a_silent_unit_does_not_make_a_point_diverge():
    cell = relu_cell(0.5 * np.eye(2), [1.0, -1.0])
    x = np.random.default_rng(0).uniform(0, 3, (64, 2))
    unique, all_points = FixedPointFinder(cell, **QUIET).find_fixed_points(x, [[0.0]])
    np.testing.assert_allclose(unique.xstar, [[2.0, 0.0]], atol=1e-12)
    assert (all_points.status == Status.FIXED_POINT).all()


def test_a_saddle_far_outside_the_starts_is_found():
    # Two units that excite themselves: 0 attracts, (30, 30) repels.
    def step(h, u):
        return tf.nn.relu(1.5 * h - 15.0)

    finder = FixedPointFinder(step, n_states=2, n_inputs=0, **QUIET)
    x = np.concatenate([np.random.default_rng(0).normal(size=(40, 2)), np.full((1, 2), 29.0)])
    unique, _ = finder.find_fixed_points(x)
    assert {tuple(p) for p in unique.xstar.round(6).tolist()} >= {(0.0, 0.0), (30.0, 30.0)}


WEIGHTS = np.array([1.6, 2.0, 2.4])
ROOTS = [brentq(lambda x, a=a: np.tanh(a * x) - x, 1e-3, 1) for a in WEIGHTS]
ALL_27 = np.array(list(itertools.product(*[(-r, 0.0, r) for r in ROOTS])))


@pytest.mark.parametrize(
    "size", [1.0, 1e-3, 1e-6, 1e3, 1e-9, np.array([1e-3, 1.0, 1e3]), np.array([1.0, 1e-6, 1e2])]
)
def test_27_points_at_any_size_of_the_states(size):
    def step(h, u):
        s = tf.constant(np.broadcast_to(size, 3), h.dtype)
        return s * tf.tanh(tf.constant(WEIGHTS, h.dtype) * h / s)

    finder = FixedPointFinder(step, n_states=3, n_inputs=0, **QUIET)
    x = size * np.random.default_rng(0).uniform(-1.2, 1.2, (512, 3))
    unique, all_points = finder.find_fixed_points(x)
    assert len(unique) == len(unique.fixed) == 27
    distance = np.linalg.norm(unique.xstar[:, None] / size - ALL_27, axis=2)
    assert sorted(distance.argmin(axis=1)) == list(range(27))
    assert distance.min(axis=1).max() < 1e-7
    # What belongs together is in one unit: that of the network.
    np.testing.assert_allclose(unique.F_xstar, unique.xstar, atol=1e-6 * np.max(size))
    assert (unique.newton_step <= 1e-6 * np.max(size)).all()
    np.testing.assert_array_equal(all_points.x_init, x)
    assert len(unique.get_unique()) == 27
    assert [len(unique.find(point)) for point in unique] == [1] * 27


@pytest.mark.parametrize("seed", range(8))
def test_fixed_points_that_are_located_apart_are_kept_however_near(seed):
    # x' - x = -x (x - a) (x + a): three points within 2e-4 of each other, and tol_unique 1e-3
    a = 1e-4

    def step(h, u):
        return h - 50.0 * h * (h * h - a * a) / (1.0 + 50.0 * h * h)

    x = np.random.default_rng(seed).uniform(-1, 1, (100, 1))
    options = {"n_states": 1, "n_inputs": 0, "random_seed": seed, **QUIET}
    unique, _ = FixedPointFinder(step, **options).find_fixed_points(x)
    np.testing.assert_allclose(np.sort(unique.fixed.xstar[:, 0]), [-a, 0.0, a], atol=1e-9)


def test_a_coarser_set_is_asked_for_and_what_it_leaves_out_is_counted(caplog):
    def step(h, u):
        return tf.tanh(2.0 * h)

    finder = FixedPointFinder(
        step, n_states=1, n_inputs=0, bounds=(-1, 1), tol_unique=1.2, **QUIET
    )
    unique, _ = finder.find_fixed_points(np.linspace(-1, 1, 30)[:, None])
    assert len(unique) < 3
    assert "tol_unique=1.2 leaves out" in caplog.text


@pytest.mark.parametrize("jitter", [0.0, 1e-9])
@pytest.mark.parametrize("n", [1, 12])
def test_starts_that_coincide_make_no_outlier(n, jitter):
    keras.utils.set_random_seed(0)
    cell = keras.layers.GRUCell(4)
    cell.build((None, 3))
    cell.bias.assign(np.random.default_rng(0).normal(size=(2, 12)))
    rng = np.random.default_rng(1)
    x = np.tile(rng.normal(size=(1, 4)), (n, 1)) + jitter * rng.normal(size=(n, 4))
    unique, all_points = FixedPointFinder(cell, **QUIET).find_fixed_points(x, np.zeros((1, 3)))
    assert len(unique.fixed) == 1
    assert (all_points.status == Status.FIXED_POINT).all()


def test_a_state_that_runs_away_for_ever_diverges_and_the_line_says_so():
    finder = FixedPointFinder(lambda h, u: h + 1.0, n_states=2, n_inputs=0, **QUIET)
    unique, all_points = finder.find_fixed_points(np.random.default_rng(0).normal(size=(10, 2)))
    assert len(unique) == 0
    assert "of 10 starts" in repr(unique)


def test_the_saddle_between_two_far_attractors_is_found():
    # Winner takes all: (500, 0) and (0, 500) attract, (500/3, 500/3) lies between.
    def step(h, u):
        inhibition = tf.reverse(h, axis=[1])
        return 0.5 * h + 0.5 * tf.nn.relu(500.0 - 2.0 * inhibition)

    finder = FixedPointFinder(step, n_states=2, n_inputs=0, **QUIET)
    unique, _ = finder.find_fixed_points(np.random.default_rng(0).uniform(0, 1, (64, 2)))
    found = {tuple(p) for p in unique.fixed.xstar.round(3).tolist()}
    assert found == {(500.0, 0.0), (0.0, 500.0), (166.667, 166.667)}


def test_a_descent_along_a_closed_gate_does_not_diverge():
    keras.utils.set_random_seed(0)
    cell = keras.layers.GRUCell(4, activation="relu")
    cell.build((None, 2))
    x = 2.0 * np.abs(np.random.default_rng(0).normal(size=(512, 4)))
    _, all_points = FixedPointFinder(cell, **QUIET).find_fixed_points(x, np.zeros((1, 2)))
    assert not (all_points.status == Status.DIVERGED).any()


@pytest.mark.parametrize("sizes", [(1e-9, 1.0, 1e6), (1e-6, 1e-3, 1e3), (1e6, 1e-9, 1e-9)])
def test_units_of_very_unequal_sizes_are_each_searched_and_certified_in_their_own(sizes):
    # Each unit by itself: -1, 0 and 1 times its size are fixed, 0 repels.
    size = np.array(sizes)

    def step(h, u):
        return h + 0.3 * (h - h**3 / tf.constant(size**2, h.dtype))

    finder = FixedPointFinder(step, n_states=3, n_inputs=0, **QUIET)
    unique, _ = finder.find_fixed_points(size * np.random.default_rng(4).normal(size=(512, 3)))
    corners = unique.xstar / size
    assert {tuple(p) for p in corners.round(6) + 0.0} == set(
        itertools.product((-1.0, 0.0, 1.0), repeat=3)
    )
    assert len(unique) == len(unique.fixed) == 27
    np.testing.assert_array_equal(unique.n_unstable, (corners.round(6) == 0.0).sum(axis=1))
    answer = finder.certify(unique)
    assert answer.supported.all()
    np.testing.assert_array_equal(answer.n_unstable, unique.n_unstable)
    assert (answer.existence_radius < 1e-9).all()  # of the size of each unit
    assert "each state measured in its own size" in repr(answer)


def test_starts_at_which_a_state_is_noise_do_not_make_it_small():
    weights = np.array([[1.5, 0.2, 0.1], [0.1, 1.4, 0.2], [0.3, 0.1, 0.5]])

    def step(h, u):
        return tf.tanh(tf.matmul(h, tf.constant(weights.T, h.dtype)))

    finder = FixedPointFinder(step, n_states=3, n_inputs=0, **QUIET)
    x = np.random.default_rng(0).normal(size=(64, 3))
    usual, _ = finder.find_fixed_points(x)
    unique, _ = finder.find_fixed_points(x * [1.0, 1.0, 1e-13])
    assert len(unique.fixed) == len(usual.fixed) == 5


def test_a_state_that_vanishes_at_all_points_is_not_certified_as_small():
    def step(h, u):
        return tf.concat([tf.tanh(2.0 * h[:, :1]), 0.5 * h[:, 1:]], 1)

    finder = FixedPointFinder(step, n_states=2, n_inputs=0, **QUIET)
    unique, _ = finder.find_fixed_points(np.random.default_rng(0).normal(size=(32, 2)))
    root = unique.xstar[:, 0].max()
    noisy = np.array([[0.0, 1e-17], [root, -1e-20]])
    for points in (unique, noisy):
        answer = finder.certify(points)
        assert answer.supported.all()
        assert (answer.uniqueness_radius > 1e-2).all()


def test_a_gradient_that_is_cut_in_a_small_unit_is_met_beside_a_large_one():
    def step(h, u):
        volt, rate = tf.stop_gradient(h[:, :1]) / 1e-6, h[:, 1:] / 1e3
        slow = 0.5 * h[:, :1] + 0.5e-6 * tf.tanh(volt) + 0.3e-6
        return tf.concat([slow, 500.0 * tf.tanh(1.2 * rate)], 1)

    x = np.random.default_rng(0).normal(size=(32, 2)) * [1e-6, 1e3]
    with pytest.raises(ValueError, match=r"gradient of h\[0\] is cut or wrong"):
        FixedPointFinder(step, n_states=2, n_inputs=0, **QUIET).find_fixed_points(x)
