"""Support by samples: never called a proof, and no ball with a second fixed point in it."""

import itertools

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from fixedpoint_tf import FixedPoints, as_system
from fixedpoint_tf.analysis import certify
from fixedpoint_tf.analysis.certificates import certification as certifying
from fixedpoint_tf.analysis.certificates.precision import working_precision

pytestmark = pytest.mark.slow


def roots_of(function, low=-4.01, high=4.0):
    """All zeros of a function of one variable, from a fine grid."""
    x = np.linspace(low, high, 100_001)
    sign = np.sign(function(x))
    return [
        scipy.optimize.brentq(function, x[k], x[k + 1], xtol=1e-15)
        for k in np.flatnonzero(sign[:-1] != sign[1:])
    ]


def rotated(function, tf_function, parameters, n_states, rng):
    """A function that acts on each of a few hidden, orthogonal directions; its fixed points.

    ``y' = y + 0.4 (f(y; p) - y)`` along direction ``p``, and 0.3 times as far along the rest.
    """
    n = len(parameters)
    Q = np.linalg.qr(rng.normal(size=(n_states, n_states)))[0]

    def step(h, u):
        along, across = (tf.constant(part, h.dtype) for part in (Q[:, :n], Q[:, n:]))
        y, z = tf.matmul(h, along), tf.matmul(h, across)
        y = y + 0.4 * (tf_function(y, tf.constant(parameters, h.dtype)) - y)
        return tf.matmul(y, along, transpose_b=True) + 0.3 * tf.matmul(
            z, across, transpose_b=True
        )

    roots = [roots_of(lambda y, p=p: function(y, p) - y) for p in parameters]
    points = np.array(list(itertools.product(*roots))) @ Q[:, :n].T
    return as_system(step, n_states=n_states, n_inputs=0), points


STEEP = 9.0
WIDTH = 0.05
KINDS = {
    "steep sigmoids": (
        lambda y, p: np.tanh(STEEP * (y - p)) + np.tanh(STEEP * (y + p)),
        lambda y, p: tf.tanh(STEEP * (y - p)) + tf.tanh(STEEP * (y + p)),
        5,
    ),
    "narrow bumps": (
        lambda y, p: 1.3 * p * np.exp(-0.5 * ((y - p) / WIDTH) ** 2),
        lambda y, p: 1.3 * p * tf.exp(-0.5 * ((y - p) / WIDTH) ** 2),
        3,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("n_states", "seed", "n_directions"), [(3, 0, 1), (12, 1, 8), (40, 2, 1)]
)
def test_no_ball_holds_two_fixed_points(kind, n_states, seed, n_directions, monkeypatch):
    rng = np.random.default_rng(seed)
    function, tf_function, n_each = KINDS[kind]
    system, points = rotated(function, tf_function, rng.uniform(0.8, 1.2, 2), n_states, rng)
    assert len(points) == n_each**2
    # Without what the other points given say: each ball by its own samples.
    monkeypatch.setattr(
        certifying, "shrink_to_others", lambda x, u, s, e, uniqueness: uniqueness
    )
    answer = certify(system, points, seed=seed, n_directions=n_directions)
    apart = np.linalg.norm(points[:, None] - points, axis=2)
    np.fill_diagonal(apart, np.inf)
    assert answer.supported.all() and not answer.proved.any()
    assert answer.n_distinct == len(points)
    # Not by luck of the draw: they stay far below the distance of the nearest other one.
    assert (answer.uniqueness_radius < 0.5 * apart.min(axis=1)).all()
    assert (answer.uniqueness_radius > 1e-3 * apart.min(axis=1)).all()


def test_a_bump_that_no_derivative_shows_is_seen_by_the_point_beyond_it():
    """A bump of width 1e-4, which no sampling can resolve: the other point given tells."""
    step = lambda h, u: 0.5 * h + 0.51 * tf.exp(-((1e4 * (h - 1.0)) ** 2))  # noqa: E731
    roots = roots_of(lambda x: 0.51 * np.exp(-((1e4 * (x - 1)) ** 2)) - 0.5 * x, 0.999, 1.001)
    answer = certify(as_system(step, n_states=1, n_inputs=0), [[0.0], [roots[0]]])
    assert answer.certified.all() and (answer.uniqueness_radius < roots[0]).all()


@pytest.mark.parametrize("size", [1e-6, 1e-3, 1.0, 1e3])
def test_points_are_told_apart_at_any_size_of_the_states(size):
    gains = np.array([1.6, 2.0, 2.4])
    roots = [roots_of(lambda x, g=g: np.tanh(g * x) - x, -1.2, 1.21) for g in gains]
    points = size * np.array(list(itertools.product(*roots)))
    system = as_system(
        lambda h, u: size * tf.tanh(tf.constant(gains, h.dtype) * h / size),
        n_states=3,
        n_inputs=0,
    )
    answer = certify(system, points)
    assert answer.n_distinct == 27 and answer.supported.all()
    assert (answer.existence_radius < 1e-12 * size).all()
    assert (answer.uniqueness_radius < answer.nearest).all()
    assert (answer.uniqueness_radius > 1e-3 * size).all()


# ---- kinks ----


def border_collision(gap, n_states=6, sides=(1.5, 0.5)):
    """``a' = gap + s a`` with another slope on either side of ``a = 0``, turned in space."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.normal(size=(n_states, n_states)))[0]
    rates = rng.uniform(-0.5, 0.7, n_states - 1)

    def step(h, u):
        turn = tf.constant(Q, h.dtype)
        y = tf.matmul(h, turn)
        a = y[:, :1]
        a = gap + sides[0] * tf.nn.relu(a) - sides[1] * tf.nn.relu(-a)
        y = tf.concat([a, tf.constant(rates, h.dtype) * y[:, 1:]], axis=1)
        return tf.matmul(y, turn, transpose_b=True)

    return as_system(step, n_states=n_states, n_inputs=0), Q


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9, 1e-12, 1e-15, 1e-18])
def test_no_support_for_the_ghost_of_a_border_collision(gap):
    """``a' > a`` everywhere: there is no fixed point, at any gap."""
    system, Q = border_collision(gap)
    rng = np.random.default_rng(1)
    size = np.concatenate([[0.0, gap, gap / 2], 10.0 ** rng.uniform(-18, -1, 29)])
    a = size * np.where(np.arange(32) % 2, 1.0, -1.0)
    x = a[:, None] * Q[:, 0]
    x = np.concatenate([x, x + 0.1 * size[:, None] * rng.normal(size=x.shape)])
    assert not certify(system, x).certified.any()


def test_two_points_at_both_sides_of_a_kink_are_told_apart():
    """``a' = a + gap + |a| / 2`` with a gap below zero has the fixed points ``+-2 gap``."""
    gap = -1e-6
    system, Q = border_collision(gap)
    answer = certify(system, np.array([[2.0 * gap], [-2.0 * gap]]) * Q[:, 0])
    assert answer.supported.all() and answer.n_distinct == 2
    assert (answer.uniqueness_radius < 2.0e-6).all()  # the kink itself is nearer than that
    assert answer.n_unstable.tolist() == [0, 1]


def test_stability_on_a_kink_is_decided_by_all_sides_or_not_at_all():
    """One fixed point, at the kink itself, where the slopes do not differ much."""
    system, _ = border_collision(0.0, n_states=2, sides=(0.5, 0.48))
    answer = certify(system, np.zeros((1, 2)))
    assert answer.supported.all() and answer.n_unstable.tolist() == [0]
    system, _ = border_collision(0.0, sides=(-0.9, -1.05))  # one side shrinks, one grows
    answer = certify(system, np.zeros((1, 6)))
    assert answer.supported.all() and answer.n_unstable.tolist() == [-1]
    # Slopes 1.5 and 0.5: no neighbour of this map has one fixed point there.
    system, _ = border_collision(0.0)
    answer = certify(system, np.zeros((1, 6)))
    assert answer.codes == ["kink"] and "threshold" in answer.reasons[0]


@pytest.mark.parametrize("n_states", [1, 2, 3])
def test_on_a_kink_the_mean_is_that_of_both_sides(n_states):
    """Slopes -2 and -0.2: ``x - F(x)`` rises on both sides, so that 0 is the only point."""
    system = as_system(
        lambda h, u: tf.nn.leaky_relu(-2.0 * h, 0.1), n_states=n_states, n_inputs=0
    )
    answer = certify(system, np.zeros((1, n_states)))
    assert answer.supported.all() and answer.n_unstable.tolist() == [-1]


def test_a_derivative_that_is_that_of_no_side_is_not_believed():
    """TensorFlow gives ``relu(h) - relu(-h)``, which is ``h``, the slope 0 at 0."""
    system = as_system(
        lambda h, u: 1.5 * (tf.nn.relu(h) - tf.nn.relu(-h)), n_states=2, n_inputs=0
    )
    answer = certify(system, np.zeros((1, 2)))
    assert answer.supported.all() and answer.n_unstable.tolist() == [2]


# ---- arithmetic ----


def float32_inside(h, u):
    """Float64 in and out, float32 between, as a function with float32 weights does it."""
    weights = tf.constant([[0.5, 1.5], [-1.0, 0.3]], "float32")
    return tf.cast(tf.tanh(tf.matmul(tf.cast(h, "float32"), weights)), h.dtype)


def test_the_rounding_is_that_of_the_arithmetic():
    exact = lambda h, u: tf.tanh(  # noqa: E731
        tf.matmul(h, tf.constant([[0.5, 1.5], [-1.0, 0.3]], h.dtype))
    )
    single = as_system(exact, n_states=2, n_inputs=0, dtype="float32")
    inside, double = (as_system(f, n_states=2, n_inputs=0) for f in (float32_inside, exact))
    x = np.array([[0.3, -0.2], [1e-3, 0.2]])
    for system, precision in ((single, "float32"), (inside, "float32"), (double, "float64")):
        answer = certify(system, x)
        assert answer.precision == precision
        unit = np.finfo(precision).eps
        assert (answer.rounding > unit * 0.1).all() and (answer.rounding < unit * 100).all()
    assert "float32 arithmetic" in repr(certify(inside, np.zeros((1, 2))))
    assert "float32" not in repr(certify(double, np.zeros((1, 2))))


def test_a_steep_function_in_double_precision_is_not_taken_for_a_coarse_one():
    for gain in (1.0, 30.0, 300.0):
        system = as_system(
            lambda h, u, gain=gain: 0.5 * h + tf.tanh(gain * (h - 0.1)), n_states=3, n_inputs=0
        )
        rng = np.random.default_rng(0)
        x = rng.normal(size=(20, 3))
        assert working_precision(system, x, np.zeros((20, 0)), rng) == "float64"
    step = lambda h, u: h + 1e-3 * (float32_inside(h, u) - h)  # noqa: E731
    system = as_system(step, n_states=2, n_inputs=0)
    x = np.random.default_rng(0).normal(size=(20, 2))
    assert working_precision(system, x, np.zeros((20, 0)), rng) == "float32"


@pytest.mark.parametrize("gap", [1e-5, 1e-7, 1e-9, 1e-12])
def test_no_ghost_of_a_fold_is_supported_in_float32(gap):
    """``a' - a = gap + a^2 / 10 > 0``; in float32 the smaller gaps cannot be told from none."""
    Q = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0].astype(np.float32)

    def step(h, u):
        y = tf.matmul(h, tf.constant(Q))
        z = tf.concat([y[:, :1] + 0.1 * (10.0 * gap + y[:, :1] ** 2), 0.5 * y[:, 1:]], 1)
        return tf.matmul(z, tf.constant(Q), transpose_b=True)

    system = as_system(step, n_states=4, n_inputs=0)
    size = 10.0 ** np.random.default_rng(1).uniform(-7, -1, 40)
    answer = certify(system, np.concatenate([-size, size])[:, None] * Q[:, 0])
    assert answer.precision == "float32" and not answer.certified.any()


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (np.zeros((0, 1)), "no points to certify"),
        ([[0.0]], "1 of 1 point supported by samples (no proof): 1 distinct fixed point, at"),
        ([[0.6]], "0 of 1 point supported by samples (no proof); 1 slow point"),
        (
            [[0.0], [1.0]],
            "2 of 2 points supported by samples (no proof): 2 distinct fixed po",
        ),
        ([[0.4], [0.6]], "0 of 2 points supported by samples (no proof); 2 slow points"),
    ],
)
def test_the_sentence_is_right_for_none_one_and_several(points, words):
    square = as_system(lambda h, u: h * h, n_states=1, n_inputs=0)
    answer = certify(square, points)
    assert repr(answer).startswith(words)
    assert "proved" not in repr(answer)


@pytest.mark.parametrize("below, above", [(-2.0, -0.8), (0.5, 0.9), (1.5, 0.5)])
@pytest.mark.parametrize("at", [0.0, 1e-49, -1e-49, 1e-20])
def test_a_fixed_point_on_a_kink_is_none_the_less_for_rounding(below, above, at):
    system = as_system(
        lambda h, u: tf.where(h < 0.0, below * h, above * h), n_states=1, n_inputs=0
    )
    # The determinants 1 - slope agree by a wide margin where both slopes are negative.
    code = "supported" if below < 0.0 else "kink"
    assert certify(system, [[at]]).codes == [code]
    found = FixedPoints(xstar=[[at]], x_init=[[1e-3]], inputs=np.zeros((1, 0)), status=[0])
    assert certify(system, found).codes == [code]


def test_points_of_small_states_are_measured_by_their_own_size():
    size = 1e-10
    system = as_system(lambda h, u: 0.5 * h + 0.25 * (tf.abs(h) + size), n_states=1, n_inputs=0)
    answer = certify(system, [[size], [1.01 * size]])  # the second is none
    assert answer.codes == ["supported", "supported"] and answer.n_distinct == 1
    assert answer.existence_radius[1] >= 0.01 * size
