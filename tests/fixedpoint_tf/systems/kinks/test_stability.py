"""On a kink the pieces of all sides together decide what states near a fixed point do."""

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.systems.kinks.sides import near_kink, sides_at
from fixedpoint_tf.systems.kinks.stability import growth_at_kink

pytestmark = pytest.mark.slow

ZERO = np.zeros((1, 1))


def found(function, n_states, starts=8, scale=1.0, **options):
    """The fixed points of a function."""
    finder = FixedPointFinder(function, n_states=n_states, n_inputs=1, verbose=False, **options)
    x = scale * np.random.default_rng(0).normal(size=(starts, n_states))
    return finder.find_fixed_points(x, ZERO)[0].fixed


def rectified(seed):
    """``h' = A h + C relu(W h)``: weights and function."""
    r = np.random.default_rng(seed)
    n, m = 2 + seed % 2, 1 + (seed // 2) % 2
    A = r.normal(size=(n, n)) * 0.8
    W, C = r.normal(size=(m, n)), r.normal(size=(n, m))

    def function(h, u):
        A_, W_, C_ = (tf.constant(a.T, h.dtype) for a in (A, W, C))
        return h @ A_ + tf.nn.relu(h @ W_) @ C_ + 0.0 * u

    return A, W, C, function


def growth_of_states(A, W, C, n_steps=400):
    """Largest growth a step of a thousand states, by the equation itself."""
    x = np.random.default_rng(1).normal(size=(1000, len(A)))
    logs = np.zeros(len(x))
    for _ in range(n_steps):
        x = x @ A.T + np.maximum(x @ W.T, 0.0) @ C.T
        length = np.linalg.norm(x, axis=1)
        logs += np.log(length)
        x /= length[:, None]
    return np.exp(logs.max() / n_steps)


@pytest.mark.parametrize("seed", [1729, 729, 934, 1281, 2273])
def test_where_all_sides_agree_states_may_still_do_the_opposite(seed):
    A, W, C, function = rectified(seed)
    sides = [np.abs(np.linalg.eigvals(J)).max() > 1.0 for J in (A, A + C @ W)]
    expected = growth_of_states(A, W, C)
    assert sides[0] == sides[1] != (expected > 1.0)
    points = found(function, len(A))
    assert points.n == 1 and np.linalg.norm(points.xstar) < 1e-6
    assert points.is_stable.tolist() == [expected < 1.0]
    assert (points.n_unstable[0] > 0) == (expected > 1.0)
    assert ("stable)" in repr(points)) == (expected < 1.0)
    np.testing.assert_allclose(points.growth_at_kink, expected, rtol=0.03)


@pytest.mark.parametrize(
    ("below", "above", "expected"),
    [
        (-2.0, -0.8, 1.6**0.5),
        (-0.5, -1.5, 0.75**0.5),
        (-0.5, -2.0, 1.0),  # all states near are on cycles of period 2
        (0.5, 0.9, 0.9),
        (1.5, 0.5, 1.5),
        (-5.0, 0.5, 0.5),
        (0.0, -3.0, 0.0),
    ],
)
def test_one_state_leaves_by_the_product_of_the_slopes_it_meets(below, above, expected):
    points = found(lambda h, u: tf.where(h < 0.0, below * h, above * h) + u, 1)
    (place,) = np.flatnonzero(np.abs(points.xstar[:, 0]) < 1e-9)
    np.testing.assert_allclose(points.growth_at_kink[place], expected, rtol=1e-9, atol=1e-12)
    kind = "stable" if expected < 1.0 else "unstable" if expected > 1.0 else "marginal"
    assert points.stability_class[place] == kind
    assert points.is_stable[place] == (expected < 1.0)
    assert points.n_unstable[place] == (expected > 1.0)
    assert points.J_xstar[place, 0, 0] in (below, above)


def test_a_map_whose_states_all_come_round_is_marginal():
    # x'' = |x'| - x: every orbit has period 9 (Brown 1983); no side alone is neutral.
    def function(h, u):
        return tf.stack([tf.abs(h[:, 0]) - h[:, 1], h[:, 0]], axis=1) + 0.0 * u

    points = found(function, 2)
    assert points.stability_class.tolist() == ["marginal"] and not points.is_stable.any()
    np.testing.assert_allclose(points.growth_at_kink, 1.0, atol=1e-6)


def test_where_no_side_is_neutral_the_point_may_be():
    points = found(lambda h, u: tf.where(h < 0.0, -0.5 * h, -2.0 * h) + 0.0 * u[:, :1], 6)
    assert points.stability_class.tolist() == ["marginal"]  # each unit is on its own 2-cycle
    np.testing.assert_allclose(points.growth_at_kink, 1.0, atol=1e-6)


def test_states_that_leave_along_a_single_ray_are_seen():
    # On its own side the unstable direction is an exact ray; beside it states are pushed
    # away, into the other side, where they come back.
    system = as_system(
        lambda h, u: tf.where(
            h[:, :1] > 2.0 * tf.abs(h[:, 1:]), h * tf.constant([1.1, 3.0], h.dtype), 0.1 * h
        ),
        n_states=2, n_inputs=0,
    )  # fmt: skip
    sides = [np.array([np.diag([1.1, 3.0]), 0.1 * np.eye(2)])]
    growth, decided = growth_at_kink(system, np.zeros((1, 2)), np.zeros((1, 0)), 1e-9, sides)
    assert decided.all() and growth[0] >= 1.1


@pytest.mark.parametrize("turned", [False, True])
def test_in_continuous_time_two_stable_spirals_may_make_an_unstable_point(turned):
    # Branicky 1998, example 1.2: each of both matrices is a stable spiral; switched by the
    # quadrants, states leave or come back, by which matrix is where.
    one, two = np.array([[-0.1, 1.0], [-10.0, -0.1]]), np.array([[-0.1, 10.0], [-1.0, -0.1]])
    one, two = (two, one) if turned else (one, two)

    def function(h, u):
        between = h[:, :1] * h[:, 1:] < 0.0
        first, second = (h @ tf.constant(a.T, h.dtype) for a in (one, two))
        return tf.where(between, first, second) + 0.0 * u

    system = as_system(function, n_states=2, n_inputs=1, time="continuous")
    growth, decided = growth_at_kink(
        system, np.zeros((1, 2)), ZERO, 1e-9, [np.array([one, two])]
    )
    assert decided.all()
    # A quarter turn takes pi / (2 sqrt(10)) and changes the length by sqrt(10).
    rate = np.log(10.0**0.5) / (np.pi / 2.0 / 10.0**0.5)
    np.testing.assert_allclose(growth, -0.1 + (-rate if turned else rate), rtol=0.05)


@pytest.mark.parametrize("distance", [1e-11, 1e-12])
def test_a_point_beside_a_kink_is_not_on_it(distance):
    points = found(lambda h, u: tf.where(h < 0.0, 0.5 * h, 1.5 * h) - 0.5 * distance + u, 1)
    order = np.argsort(points.xstar[:, 0])
    np.testing.assert_allclose(points.xstar[order, 0], [-distance, distance], rtol=1e-3)
    assert points.is_stable[order].tolist() == [True, False]
    assert points.J_xstar[order].ravel().tolist() == [0.5, 1.5]


class TestWhereTwoKinksCoincide:
    def test_the_jacobian_is_that_of_states_beside(self):
        def function(h, u):
            return tf.clip_by_value(h, -1.0, 1.0) + 0.5 * (tf.clip_by_value(h, 1.0, 3.0) - 1.0)

        system = as_system(function, n_states=1, n_inputs=0)
        x, u = np.ones((1, 1)), np.zeros((1, 0))
        assert system.jacobian(x, u).numpy().item() == 1.5  # that of no state near
        ((sides, _),) = sides_at(system, x, u, 1e-6)
        assert sorted(sides.ravel()) == [0.5, 1.0]
        points = found(lambda h, u: function(h, u) + 0.0 * u, 1, starts=32, scale=3.0)
        assert (np.abs(points.J_xstar.ravel()) <= 1.0).all()
        assert not (points.n_unstable > 0).any()

    def test_sides_that_agree_are_no_kink_whatever_is_said_at_the_point(self):
        def function(h, u):
            return 0.5 * (tf.nn.relu(h - u) - tf.nn.relu(u - h))

        system = as_system(function, n_states=1, n_inputs=1)
        assert not near_kink(system, ZERO, ZERO, 1e-6).any()
        points = found(function, 1)
        assert (points.n, points.xstar.item()) == (1, 0.0)
        assert (points.J_xstar.item(), points.dFdu.item()) == (0.5, -0.5)
        assert points.is_stable.all() and np.isnan(points.growth_at_kink).all()
