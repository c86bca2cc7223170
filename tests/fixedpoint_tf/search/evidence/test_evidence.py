"""A fixed point is one only where the arithmetic of the network can tell it from a ghost."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, Status

pytestmark = pytest.mark.slow

QUIET = {"verbose": False}
Q = np.linalg.qr(np.random.default_rng(0).normal(size=(6, 6)))[0]
FAST = np.array([0.3, 0.5, -0.2, 0.6, 0.1])


def kinked_ghost(gap):
    """Just past a border collision: a' - a = gap + |a| / 2 > 0, no fixed point."""

    def step(h, u):
        y = tf.matmul(h, tf.constant(Q, h.dtype))
        a = y[:, :1]
        rest = tf.constant(FAST, h.dtype) * y[:, 1:]
        back = tf.constant(Q.T, h.dtype)
        return tf.matmul(tf.concat([a + gap + 0.5 * tf.abs(a), rest], 1), back)

    return step


@pytest.mark.parametrize("gap", [1e-3, 1e-5, 1e-7, 1e-9, 1e-11])
def test_a_ghost_at_a_kink_is_a_slow_point(gap):
    finder = FixedPointFinder(kinked_ghost(gap), n_states=6, n_inputs=0, **QUIET)
    unique, all_points = finder.find_fixed_points(np.random.default_rng(1).normal(size=(64, 6)))
    assert len(unique.fixed) == 0
    assert (all_points.status == Status.SLOW_POINT).mean() > 0.95
    np.testing.assert_allclose(unique.qstar, 0.5 * gap**2, rtol=1e-2)


def has_fixed_point(step, x):
    finder = FixedPointFinder(step, n_states=x.shape[1], n_inputs=0, **QUIET)
    return len(finder.find_fixed_points(x)[0].fixed) > 0


@pytest.mark.parametrize(("at", "gap"), [(0.0, 1e-18), (1.0, 1e-15), (1.0, 3e-16)])
def test_a_ghost_at_a_kink_that_rounding_hides_is_no_fixed_point(at, gap):
    def step(h, u):
        return h + gap + 0.5 * tf.abs(h - at)

    assert not has_fixed_point(step, at + np.linspace(-0.6, 0.6, 9)[:, None])


@pytest.mark.parametrize(("gap", "n_fixed"), [(1e-15, 0), (-1e-3, 2)])
def test_a_ghost_at_a_kink_is_told_without_matrices_too(gap, n_fixed):
    finder = FixedPointFinder(
        lambda h, u: h + gap + 0.5 * tf.abs(h - 1.0),
        n_states=1, n_inputs=0, memory_limit=1.0, **QUIET,
    )  # fmt: skip
    unique, _ = finder.find_fixed_points(1.0 + np.linspace(-0.6, 0.6, 9)[:, None])
    assert len(unique.fixed) == n_fixed


@pytest.mark.parametrize("gap", [1e-11, 1e-15])
def test_a_ghost_of_one_unit_is_not_hidden_by_the_slowness_of_another(gap):
    rates = np.array([1.0 - 1e-6, 0.5, -0.2, 0.6, 0.1])

    def step(h, u):
        y = tf.matmul(h, tf.constant(Q, h.dtype))
        a = y[:, :1]
        z = tf.concat([a + gap + 0.5 * tf.abs(a), tf.constant(rates, h.dtype) * y[:, 1:]], 1)
        return tf.matmul(z, tf.constant(Q.T, h.dtype))

    assert not has_fixed_point(step, np.random.default_rng(0).normal(size=(32, 6)))


@pytest.mark.parametrize("power", [2, 4])
def test_a_smooth_ghost_is_no_fixed_point_from_wherever_the_search_begins(power):
    x = np.array([[0.0], [1e-9], [1e-8], [-1e-9]])
    assert not has_fixed_point(lambda h, u: h + 1e-18 + h**power, x)


def test_a_fold_at_a_kink_that_no_axis_follows_is_no_fixed_point():
    def step(h, u):  # the sum s obeys s' - s = 1e-15 + |s - 1| / 2, the difference decays
        x, y = h[:, :1], h[:, 1:]
        drift = 0.5e-15 + 0.25 * tf.abs(x + y - 1.0)
        return tf.concat([x + drift + 0.25 * (y - x), y + drift + 0.25 * (x - y)], 1)

    assert not has_fixed_point(step, 0.5 + np.random.default_rng(0).normal(size=(16, 2)))


@pytest.mark.parametrize(
    "step",
    [
        lambda h, u: h - 0.5 * tf.nn.relu(h - 1.0) + 0.5 * tf.nn.relu(1.0 - h),
        lambda h, u: h - (h - 1.0) ** 3,  # a cusp: the residual changes its sign
    ],
)
def test_a_point_that_the_signs_around_it_prove_is_one(step):
    assert has_fixed_point(step, 1.0 + np.linspace(-0.6, 0.6, 9)[:, None])


@pytest.mark.parametrize("gap", [1e-5, 1e-7])
def test_a_ghost_between_relu_units_of_a_keras_cell_is_no_fixed_point(gap):
    # a = h0 - h1; h0' = relu(1.5 a + gap), h1' = relu(-0.5 a - gap): a' = a + gap + |a| / 2
    cell = keras.layers.SimpleRNNCell(2, activation="relu")
    cell.build((None, 1))
    cell.set_weights(
        [np.zeros((1, 2)), np.array([[1.5, -0.5], [-1.5, 0.5]]), np.array([gap, -gap])]
    )
    x = np.random.default_rng(0).uniform(0, 1, (64, 2))
    unique, _ = FixedPointFinder(cell, **QUIET).find_fixed_points(x, [[0.0]])
    a = np.array([-1.0, -gap, -1e-9, 0.0, 1e-9, gap, 1.0])
    assert (np.maximum(1.5 * a + gap, 0) - np.maximum(-0.5 * a - gap, 0) - a > 0).all()
    assert len(unique.fixed) == 0


def test_a_fixed_point_exactly_on_a_kink_is_one():
    def step(h, u):  # 0 attracts from both sides, at other rates
        return tf.where(h < 0.0, 0.5 * h, 0.9 * h)

    finder = FixedPointFinder(step, n_states=1, n_inputs=0, **QUIET)
    unique, all_points = finder.find_fixed_points(np.linspace(-1, 1, 20)[:, None])
    np.testing.assert_allclose(unique.xstar, 0.0, atol=1e-12)
    assert (all_points.status == Status.FIXED_POINT).all()


@pytest.mark.parametrize(
    ("below", "above", "is_stable"),
    [(0.5, 0.9, True), (1.5, 0.5, False), (0.5, 1.5, False), (-2.0, 0.2, True)],
)
def test_a_point_on_a_kink_is_stable_where_states_come_back_from_all_sides(
    below, above, is_stable
):
    # -2 on one side and 0.2 on the other: what is thrown over the kink comes back for good.
    def step(h, u):
        return tf.where(h < 0.0, below * h, above * h)

    finder = FixedPointFinder(step, n_states=1, n_inputs=0, **QUIET)
    unique, _ = finder.find_fixed_points(np.linspace(-1, 1, 21)[:, None])
    assert unique.is_stable.tolist() == [is_stable]
    assert (unique.n_unstable == 0).tolist() == [is_stable]


def smooth_ghost(gap, cast):
    """Just past a fold: F - x = gap + 0.1 a^2 > 0, with weights in single precision."""
    q = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    q = tf.constant(q, tf.float32)
    rates = tf.constant([0.3, 0.4, 0.5, 0.2, 0.1, 0.6, 0.7])

    def step(h, u):
        x = tf.cast(h, tf.float32) if cast else h
        y = tf.matmul(x, q)
        a = y[:, :1]
        z = tf.concat([a + gap + 0.1 * a * a, rates[None] * y[:, 1:]], 1)
        return tf.cast(tf.matmul(z, q, transpose_b=True), h.dtype)

    return step


@pytest.mark.parametrize("cast", [False, True])
@pytest.mark.parametrize("gap", [1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 0.0])
def test_single_precision_never_takes_a_ghost_for_a_fixed_point(gap, cast):
    # Numbers may be cast inside while the states stay in double precision.
    finder = FixedPointFinder(smooth_ghost(gap, cast), n_states=8, n_inputs=0, **QUIET)
    unique, all_points = finder.find_fixed_points(
        0.5 * np.random.default_rng(1).normal(size=(128, 8))
    )
    assert len(unique.fixed) == 0


@pytest.mark.parametrize("cast", [False, True])
def test_single_precision_finds_what_it_can_tell(cast):
    w = tf.constant(np.diag([1.5, 2.0, 0.5]), tf.float32)

    def step(h, u):
        x = tf.cast(h, tf.float32) if cast else h
        return tf.cast(tf.tanh(tf.matmul(x, w)), h.dtype)

    finder = FixedPointFinder(step, n_states=3, n_inputs=0, **QUIET)
    unique, _ = finder.find_fixed_points(np.random.default_rng(0).uniform(-1, 1, (256, 3)))
    assert len(unique.fixed) == 9


def test_the_precision_of_a_network_is_said_once(caplog):
    finder = FixedPointFinder(smooth_ghost(1e-3, False), n_states=8, n_inputs=0, **QUIET)
    for _ in range(2):
        finder.find_fixed_points(np.random.default_rng(1).normal(size=(8, 8)))
    assert caplog.text.count("single precision") == 1


@pytest.mark.parametrize("seed", [1, 2])
def test_zero_is_a_fixed_point_of_relu_units_without_bias(seed):
    """Exactly so, though sides of its kink disagree in the sign of det(J - I)."""
    rng = np.random.default_rng(seed)
    cell = keras.layers.SimpleRNNCell(32, activation="relu")
    cell.build((None, 1))
    cell.set_weights(
        [np.zeros((1, 32)), 1.4 * rng.normal(size=(32, 32)) / np.sqrt(32), np.zeros(32)]
    )
    finder = FixedPointFinder(cell, verbose=False)
    unique, _ = finder.find_fixed_points(rng.normal(size=(64, 32)), np.zeros((1, 1)))
    assert np.abs(unique.fixed.xstar).max(axis=1).min() < 1e-15
