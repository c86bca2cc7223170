"""Networks without true gradients, searched by central differences."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.systems.cells.gru import GRU

R = np.array([[1.5, 0.4], [-0.3, 0.5]])
RNG = np.random.default_rng(0)
STARTS = RNG.normal(size=(32, 2))


def mix(h):
    return tf.matmul(h, tf.constant(R, h.dtype))


def through_numpy(h, u):
    return tf.numpy_function(np.tanh, [mix(h)], h.dtype)


def with_hidden_gradient(h, u):
    return tf.stop_gradient(tf.tanh(mix(h)))


@tf.custom_gradient
def of_another_sign(x):
    return tf.tanh(x), lambda upstream: -upstream


@pytest.fixture(scope="module")
def true_points():
    unique, _ = FixedPointFinder(
        lambda h, u: tf.tanh(mix(h)), n_states=2, n_inputs=0, verbose=False
    ).find_fixed_points(STARTS)
    assert unique.n == 3
    return unique


@pytest.mark.parametrize("method", ["newton", "adam"])
@pytest.mark.parametrize(
    "function", [through_numpy, with_hidden_gradient, lambda h, u: of_another_sign(mix(h))]
)
def test_points_and_eigenvalues_are_those_of_the_update(function, method, true_points):
    with pytest.raises(ValueError, match="derivatives='differences'"):
        as_system(function, n_states=2, n_inputs=0)
    finder = FixedPointFinder(
        function, n_states=2, n_inputs=0, derivatives="differences", method=method,
        verbose=False,
    )  # fmt: skip
    unique, _ = finder.find_fixed_points(STARTS)
    order, true_order = (np.argsort(p.xstar[:, 0]) for p in (unique, true_points))
    assert unique.n == 3
    np.testing.assert_allclose(unique.xstar[order], true_points.xstar[true_order], atol=1e-9)
    np.testing.assert_allclose(
        unique.J_xstar[order], true_points.J_xstar[true_order], atol=1e-8
    )
    np.testing.assert_array_equal(unique.is_stable[order], true_points.is_stable[true_order])


@pytest.mark.parametrize("scale", [1e-6, 1e5])
def test_steps_follow_the_size_of_the_states(scale, caplog):
    finder = FixedPointFinder(
        lambda h, u: scale * tf.stop_gradient(tf.tanh(mix(h / scale))),
        n_states=2, n_inputs=0, derivatives="differences", verbose=False,
    )  # fmt: skip
    unique, _ = finder.find_fixed_points(scale * STARTS)
    at_zero = unique[np.abs(unique.xstar).max(axis=1) < 1e-6 * scale]
    assert unique.n == 3
    np.testing.assert_allclose(at_zero.J_xstar[0], R.T, atol=1e-7)
    assert "are central differences; at these points they are exact to" in caplog.text


def test_a_network_of_spikes_rests_where_its_currents_balance():
    """Away from its threshold each unit is linear: h = (0.1 u + 0.05 s) / 0.1, s 0 or 1."""

    @tf.custom_gradient
    def spike(x):
        surrogate = 1.0 / (1.0 + 10.0 * tf.abs(x)) ** 2
        return tf.cast(x > 0.0, x.dtype), lambda upstream: upstream * surrogate

    def update(h, u):
        return 0.9 * h + 0.1 * u + 0.05 * spike(mix(h) - 0.2)

    u = np.array([[0.1, -0.1]])
    finder = FixedPointFinder(
        update, n_states=2, n_inputs=2, derivatives="differences", verbose=False
    )
    unique, _ = finder.find_fixed_points(STARTS, u)
    expected = [
        h
        for s in ((0, 0), (0, 1), (1, 0), (1, 1))
        if (((h := u[0] + 0.5 * np.array(s)) @ R - 0.2 > 0.0) == s).all()
    ]
    assert unique.n == len(expected)
    for h in expected:
        at = np.abs(unique.xstar - h).max(axis=1) < 1e-9
        np.testing.assert_allclose(unique.J_xstar[at], [0.9 * np.eye(2)], atol=1e-7)
        np.testing.assert_allclose(unique.dFdu[at], [0.1 * np.eye(2)], atol=1e-7)


def test_a_standard_cell_keeps_its_closed_form():
    cell = keras.layers.GRUCell(3)
    cell.build((None, 2))
    assert isinstance(as_system(cell, derivatives="differences").equations, GRU)


def test_a_cell_that_hides_a_gradient_is_searched_by_differences():
    @keras.saving.register_keras_serializable("test_differenced")
    class Hiding(keras.layers.SimpleRNNCell):
        def call(self, inputs, states, training=False):
            z = inputs @ self.kernel + states[0] @ self.recurrent_kernel
            h = tf.stop_gradient(tf.tanh(z)) + self.bias
            return h, [h]

    cell = Hiding(3)
    cell.build((None, 2))
    system = as_system(cell, derivatives="differences")
    x, u = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2))
    kernel, recurrent, _ = (w.astype(np.float64) for w in cell.get_weights())
    slope = 1.0 - np.tanh(u @ kernel + x @ recurrent) ** 2
    for jacobian, matrix in ((system.jacobian, recurrent), (system.input_jacobian, kernel)):
        np.testing.assert_allclose(jacobian(x, u), slope[:, :, None] * matrix.T, atol=1e-8)


def test_other_words_are_refused():
    with pytest.raises(
        ValueError, match=r"derivatives: expected one of \['automatic', 'differences'\]"
    ):
        as_system(through_numpy, n_states=2, n_inputs=0, derivatives="finite")
    system = as_system(through_numpy, n_states=2, n_inputs=0, derivatives="differences")
    with pytest.raises(ValueError, match="derivatives: expected 'automatic' for a Dyn"):
        as_system(system, derivatives="differences")
