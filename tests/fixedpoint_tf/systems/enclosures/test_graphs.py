"""Enclosures by the graph of an update hold what the update gives, whatever it is made of."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import as_system
from fixedpoint_tf._utils.growth import Growth
from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf.systems.enclosures.graphs import trace

W = np.array([[1.5, -0.4, 0.3], [0.7, 1.8, -1.1], [0.2, -0.9, 1.2]])


def weights(like):
    return tf.constant(W, like.dtype)


def einsum(h, u):
    return tf.tanh(tf.einsum("bi,ij->bj", h, weights(h))) + u


def dale(h, u):
    signs = tf.constant([1.0, -1.0, 1.0], h.dtype)
    positive = tf.abs(weights(h)) * signs[:, None] * 0.7
    return 0.9 * h + 0.1 * tf.nn.softplus(h @ positive - 0.3)


def parts(h, u):
    one, two = h[:, :1], h[:, 1:]
    mixed = tf.concat([two * one, tf.reduce_sum(two, axis=1, keepdims=True)], axis=1)
    return tf.reverse(tf.sin(mixed), [1]) + tf.reduce_mean(h, axis=1, keepdims=True)


def stacked(h, u):
    a, b, c = tf.unstack(h, axis=1)
    return tf.stack([tf.exp(-a * a), b / (2.0 + tf.cos(c)), tf.math.erf(a - c)], axis=1)


def matvec(h, u):
    return tf.linalg.matvec(weights(h), tf.nn.sigmoid(4.0 * h)) / -3.0 + tf.where(
        tf.constant([True, False, True]), tf.constant(0.5, h.dtype), tf.constant(-1.0, h.dtype)
    )


def clipped(h, u):
    return tf.clip_by_value(h @ weights(h), -1.0, 1.0) + tf.maximum(h, 0.1 * h)


def roots(h, u):
    safe = h**2 + 1.0
    return tf.sqrt(safe) + tf.math.rsqrt(safe) + tf.math.log(safe) + tf.math.pow(h, 3.0)


def several(h, u):
    return (
        tf.nn.elu(h) + tf.nn.selu(h) + tf.nn.leaky_relu(h) + tf.nn.relu6(3.0 * h)
        + tf.nn.softsign(h) + tf.atan(h) + tf.nn.gelu(h) + tf.nn.silu(h) + tf.abs(h)
        + tf.minimum(h, h[:, ::-1])
    )  # fmt: skip


@tf.function
def _inner(h):
    return tf.tanh(h @ weights(h))


def calls(h, u):
    return _inner(h) + _inner(0.5 * h)


ALL = [einsum, dale, parts, stacked, matvec, clipped, roots, several, calls]


def held(system, network, u, rng, width):
    """Compare enclosures over random boxes with values and derivatives at states in them."""
    n = system.n_states
    centre = rng.normal(size=(6, n))
    radius = width * rng.uniform(size=(6, n))
    box = Interval(centre - radius, centre + radius)
    value, slope = network.enclose(box)
    enclosed = network.enclose_linearly(box)
    linear, rest = enclosed.slope, enclosed.rest
    for _ in range(30):
        x = np.clip(centre + radius * rng.uniform(-1, 1, size=(6, n)), box.lower, box.upper)
        image = system.step(x, u[None]).numpy()
        jacobian = system.jacobian(x, u[None]).numpy()
        slack = 1e-13 * (1.0 + np.abs(image))
        assert (image >= value.lower - slack).all() and (image <= value.upper + slack).all()
        assert (jacobian >= slope.lower - 1e-12).all()
        assert (jacobian <= slope.upper + 1e-12).all()
        off = image - (linear @ (x - box.centre)[..., None])[..., 0]
        slack = 1e-12 * (1.0 + np.abs(off) + np.abs(image))
        assert (off >= rest.lower - slack).all() and (off <= rest.upper + slack).all()
    # They are no wider than they need be where the box is small.
    if width == 1e-6:
        assert (value.upper - value.lower).max() < 1e-3
        assert np.median(rest.upper - rest.lower) < 1e-10


@pytest.mark.parametrize("update", ALL)
def test_values_slopes_and_growth_are_enclosed(update):
    system = as_system(update, n_states=3, n_inputs=1)
    u = np.array([0.3])
    network = trace(system, u)
    rng = np.random.default_rng(0)
    for width in (1e-6, 0.1, 2.0):
        held(system, network, u, rng, width)
    # Over all of space, entry by entry: slope x + rest.
    image = network.run(Growth.coordinates(3))
    x = rng.normal(size=(200, 3)) * 10.0 ** rng.uniform(-2, 6, size=(200, 1))
    y = system.step(x, u[None]).numpy()
    lowest = np.minimum(image.slope.lower * x[:, None], image.slope.upper * x[:, None])
    highest = np.maximum(image.slope.lower * x[:, None], image.slope.upper * x[:, None])
    slack = 1e-12 * (1.0 + np.abs(x).max(axis=1, keepdims=True)) + 1e-12 * np.abs(y)
    known = np.isfinite(y)
    assert (y >= lowest.sum(-1) + image.rest.lower - slack)[known].all()
    assert (y <= highest.sum(-1) + image.rest.upper + slack)[known].all()


@pytest.mark.parametrize("update", [einsum, dale, matvec, clipped, calls])
def test_a_box_holds_every_fixed_point(update):
    scaled = lambda h, u: 0.4 * update(h, u)  # noqa: E731
    system = as_system(scaled, n_states=3, n_inputs=1)
    box = trace(system, np.array([0.3])).box()
    assert box is not None and np.isfinite(box.size).all()
    x = np.random.default_rng(0).normal(size=(50, 3)) * 5.0
    for _ in range(400):
        x = system.step(x, [[0.3]]).numpy()
    resting = np.abs(system.step(x, [[0.3]]).numpy() - x).max(axis=1) < 1e-9
    assert resting.any()
    assert (x[resting] >= box.lower - 1e-9).all() and (x[resting] <= box.upper + 1e-9).all()


@pytest.mark.parametrize(
    "update",
    [
        lambda h, u: tf.cast(tf.tanh(tf.cast(h, tf.float32)), h.dtype),  # rounds to single
        lambda h, u: tf.where(h > 0.0, h, 0.1 * h),
        lambda h, u: tf.linalg.matvec(h[:, None] * h[..., None], h),
        lambda h, u: h ** tf.constant(1.5, h.dtype),
        lambda h, u: tf.pow(tf.constant(2.0, h.dtype), tf.tanh(h)),  # the state as exponent
        # two with one rounding more, which is no whole number: NaN below zero
        lambda h, u: 0.1 * tf.pow(h, u[:, :1] + tf.constant(2.0 + 5e-16, h.dtype)),
        lambda h, u: tf.while_loop(
            lambda i, x: i < 2, lambda i, x: (i + 1, tf.tanh(x)), [tf.constant(0), h]
        )[1],
        # one call in a million is another: what is recorded is one of them
        lambda h, u: (
            tf.tanh(h)
            + tf.cast(tf.equal(tf.random.uniform((), 0, 10**6, tf.int32), 0), h.dtype)
        ),
        lambda h, u: tf.tanh(h) + 1e-18 * tf.random.uniform((), dtype=h.dtype),
    ],
)
def test_an_unknown_operation_ends_it(update):
    assert trace(as_system(update, n_states=2, n_inputs=1), np.zeros(1)) is None


def test_an_update_that_writes_to_a_variable_ends_it():
    counter = tf.Variable(0.0, dtype=tf.float64)

    def update(h, u):
        counter.assign_add(1e-30)
        return tf.tanh(2.0 * h) + tf.cast(counter, h.dtype)

    assert trace(as_system(update, n_states=1, n_inputs=1), np.zeros(1)) is None


@pytest.mark.parametrize(
    "activation",
    ["tanh", "sigmoid", "softsign", "hard_sigmoid", "hard_tanh", "relu6", "softplus", "gelu"],
)
@pytest.mark.parametrize("kind", ["SimpleRNN", "GRU", "LSTM"])
def test_cells_of_keras_are_enclosed(kind, activation):
    cell = getattr(keras.layers, f"{kind}Cell")(2, activation=activation)
    cell.build((None, 1))
    rng = np.random.default_rng(0)
    cell.set_weights([rng.normal(size=w.shape) for w in cell.get_weights()])
    system = as_system(cell)
    network = trace(system, np.array([0.3]))
    x = rng.normal(size=(20, system.n_states))
    value, slope = network.enclose(Interval.around(x, np.full_like(x, 1e-9)))
    image = system.step(x, [[0.3]]).numpy()
    jacobian = system.jacobian(x, [[0.3]]).numpy()
    np.testing.assert_allclose(value.centre, image, atol=1e-7)
    np.testing.assert_allclose(slope.centre, jacobian, atol=1e-7)
    assert ((image >= value.lower - 1e-13) & (image <= value.upper + 1e-13)).all()
