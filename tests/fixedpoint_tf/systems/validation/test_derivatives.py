"""A Jacobian that is not the derivative of its update is refused; any true one is taken."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from each import each

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.systems.validation.derivatives import check_derivatives, check_jacobian

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(4)
R = np.array([[1.5, 0.4], [-0.3, 0.5]])
WIDE = RNG.normal(size=(30, 30)) / 4.0


def mix(h, matrix=R):
    return tf.matmul(h, tf.constant(matrix, h.dtype))


def through_numpy(z):
    y = tf.numpy_function(np.tanh, [z], z.dtype)
    y.set_shape(z.shape)
    return y


@tf.custom_gradient
def surrogate_spike(x):
    return tf.cast(x > 0, x.dtype), lambda g: g / (1 + 10 * tf.abs(x)) ** 2


@tf.custom_gradient
def surrogate_window(x):
    return tf.cast(x > 0, x.dtype), lambda g: g * tf.cast(tf.abs(x) < 0.3, x.dtype)


def hide_unit(h, unit):
    parts = [h[:, :unit], tf.stop_gradient(h[:, unit : unit + 1]), h[:, unit + 1 :]]
    return tf.tanh(mix(tf.concat(parts, axis=1), WIDE))


WRONG = {
    "tf.numpy_function": (lambda h, u: through_numpy(mix(h)), 2, r"h\[0\], h\[1\]"),
    "tf.py_function": (
        lambda h, u: tf.ensure_shape(tf.numpy_function(lambda z: z**3, [h], h.dtype), h.shape),
        2,
        r"h\[0\], h\[1\]",
    ),
    "one unit through numpy": (
        lambda h, u: tf.concat([tf.tanh(mix(h)[:, :1]), through_numpy(mix(h)[:, 1:])], 1),
        2,
        r"d h\[1\] / .* the gradient of h\[1\] is cut",
    ),
    "a unit hidden from the others": (
        lambda h, u: hide_unit(h, 7),
        30,
        r"the gradient by h\[7\] is cut or wrong",
    ),
    "a small part of the step": (
        lambda h, u: h + 0.01 * (tf.stop_gradient(tf.tanh(mix(h))) - h),
        2,
        "= 0.99, where differences give 1.0",
    ),
    "surrogate gradient": (lambda h, u: 0.9 * h + surrogate_spike(mix(h)), 2, "cut or wrong"),
    "surrogate gradient in a window": (
        lambda h, u: 0.9 * h + surrogate_window(mix(h)),
        2,
        "= .*, where differences give",
    ),
    "straight through": (
        lambda h, u: h + tf.stop_gradient(tf.round(h) - h),
        2,
        "= 1, where differences give 0",
    ),
    "clipped, passing gradients": (
        lambda h, u: tf.grad_pass_through(lambda x: tf.clip_by_value(x, -1, 1))(h),
        2,
        "= 1, where differences give 0",
    ),
    "rounded": (
        lambda h, u: tf.round(100 * h) / 100,
        2,
        r"zeros for h\[0\] at each of 96 states, between which it takes \d+ values",
    ),
    "a sign": (lambda h, u: tf.tanh(mix(negated(h))), 2, "cut or wrong"),
}


@tf.custom_gradient
def negated(x):
    return tf.identity(x), lambda g: -g


RIGHT = {
    "relu": lambda h, u: tf.nn.relu(mix(h)),
    "wide relu": lambda h, u: tf.nn.relu(mix(h, WIDE)),
    "wide relu between layers": lambda h, u: mix(tf.nn.relu(mix(h, WIDE)), WIDE),
    "relu6": lambda h, u: tf.nn.relu6(mix(h)),
    "hard sigmoid": lambda h, u: keras.activations.hard_sigmoid(3 * mix(h)),
    "absolute value": lambda h, u: tf.abs(h),
    "clipped": lambda h, u: tf.clip_by_value(h + 0.1, -0.2, 0.2),
    "maximum": lambda h, u: tf.maximum(h, 0.3 * h[:, ::-1]),
    "sorted": lambda h, u: tf.sort(h, axis=1),
    "spikes": lambda h, u: 0.9 * h + tf.cast(h > 0.3, h.dtype),
    "sign": lambda h, u: tf.sign(mix(h)),
    "reset": lambda h, u: tf.where(h > 1, tf.zeros_like(h), h + 0.1),
    "logarithm": lambda h, u: tf.math.log(h),
    "square root": lambda h, u: tf.sqrt(h),
    "power": lambda h, u: h**3 + tf.exp(h),
    "single precision inside": lambda h, u: tf.cast(
        tf.tanh(mix(tf.cast(h, tf.float32))), h.dtype
    ),
    "large states": lambda h, u: 1e8 + 1e8 * tf.tanh(h / 1e8),
    "small states": lambda h, u: 1e-6 * tf.tanh(1e6 * h),
    "steep": lambda h, u: tf.tanh(1e3 * h),
    "fast": lambda h, u: tf.sin(100.0 * h),
    "constant": lambda h, u: tf.ones_like(h),
    "of the inputs alone": lambda h, u: tf.tanh(tf.concat([u, u], axis=1)),
    "never active": lambda h, u: tf.nn.relu(h - 100.0),
    "normalised": lambda h, u: h / tf.norm(h, axis=1, keepdims=True),
}


@pytest.mark.parametrize("dtype", [None, "float32"])
@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_derivative_is_refused_and_the_unit_named(case, dtype):
    function, n_states, message = WRONG[case]
    with pytest.raises(ValueError, match=f"rnn: expected Jacobians of .*{message}"):
        as_system(function, n_states=n_states, n_inputs=1, dtype=dtype)


@pytest.mark.parametrize("time", ["discrete", "continuous"])
@each(case=RIGHT)
def test_a_true_derivative_is_accepted(case, time):
    n_states = 30 if "wide" in case else 2
    for dtype in (None, "float32"):
        system = as_system(RIGHT[case], n_states=n_states, n_inputs=1, dtype=dtype, time=time)
        for seed in range(1, 4):
            check_derivatives(system, seed)


def test_a_cut_input_is_refused():
    with pytest.raises(ValueError, match=r"d h\[\d\] / d u\[1\] = 0, where differences give"):
        as_system(
            lambda h, u: mix(h) + u[:, :1] + tf.stop_gradient(u[:, 1:]), n_states=2, n_inputs=2
        )


def test_a_cell_is_held_against_differences_too():
    @keras.saving.register_keras_serializable("test_derivatives")
    class Cell(keras.layers.Layer):
        state_size = [3, 2]

        def build(self, shape):
            self.kernel = self.add_weight(shape=(3, 2), name="kernel")

        def call(self, inputs, states):
            a, b = states
            hidden = tf.stop_gradient(tf.matmul(a, tf.cast(self.kernel, a.dtype)))
            return a, [tf.tanh(a) + 0.0 * inputs, 0.5 * b + hidden]

    cell = Cell()
    cell.build((None, 3))
    with pytest.raises(ValueError, match=r"d state1\[\d\] / d state0\[\d\] = 0,"):
        as_system(cell)


def test_an_update_that_raises_errors_somewhere_is_judged_elsewhere():
    def guarded(h, u):
        with tf.control_dependencies([tf.debugging.assert_positive(h)]):
            return tf.sqrt(h)

    system = as_system(lambda h, u: tf.sqrt(tf.abs(h)), n_states=2, n_inputs=0)
    check_derivatives(system)
    system.equations.step_for = lambda dtype: guarded
    check_derivatives(system)


def test_at_a_kink_the_jacobian_of_either_side_is_right_and_others_are_not():
    system = as_system(lambda h, u: tf.nn.relu(h), n_states=2, n_inputs=0)
    x, u = np.array([[0.0, 1.0]]), np.zeros((1, 0))
    for side in (0.0, 1.0):
        assert not check_jacobian(system, x, u, np.diag([side, 1.0])[None])


def test_derivatives_below_rounding_are_not_judged():
    """Far out a gate is shut to 1 - 1e-16, and what is left of a derivative is noise."""
    rng = np.random.default_rng(0)
    cell = keras.layers.GRUCell(4, activation="elu")
    cell.build((None, 1))
    cell.set_weights([rng.normal(size=w.shape) for w in cell.get_weights()])
    system = as_system(cell)
    x, u = rng.normal(0.0, 150.0, (400, 4)), np.zeros((400, 1))
    assert not check_jacobian(system, x, u, system.jacobian(x, u).numpy())


def test_a_surrogate_in_a_window_is_met_at_the_points():
    """Too narrow for random states, but a fixed point lies in it."""

    @tf.custom_gradient
    def narrow(x):
        inside = tf.cast(tf.abs(x - 0.7) < 1e-3, x.dtype)
        return tf.identity(x), lambda g: g * (1.0 + inside)

    finder = FixedPointFinder(
        lambda h, u: h + 0.5 * (0.7 - narrow(h)), n_states=2, n_inputs=0, verbose=False
    )
    with pytest.raises(ValueError, match=r"d h\[\d\] / d h\[\d\] = .*, where differences give"):
        finder.find_fixed_points(np.zeros((8, 2)))


def test_the_stable_point_of_a_true_derivative_is_found_as_before():
    unique, _ = FixedPointFinder(
        lambda h, u: tf.tanh(mix(h)), n_states=2, n_inputs=0, verbose=False
    ).find_fixed_points(RNG.normal(size=(32, 2)))
    at_zero = unique[np.abs(unique.xstar).max(axis=1) < 1e-6]
    np.testing.assert_allclose(
        np.sort(at_zero.eigval_J_xstar[0].real), np.sort(np.linalg.eigvals(R).real), atol=1e-8
    )


OSCILLATING = {
    "within the shortest step": lambda h, u: 0.5 * h + 0.2 * tf.sin(h**9),
    "ever faster": lambda h, u: 0.5 * h + 0.1 * tf.sin(tf.exp(3.0 * h)),
    "fast everywhere": lambda h, u: h + 0.1 * tf.sin(1e7 * h),
    "turning by a fast phase": lambda h, u: h * tf.cos(0.05 * tf.sin(10.0 * h**10)),
}


@pytest.mark.parametrize("case", OSCILLATING)
def test_a_function_that_oscillates_within_a_step_is_accepted(case):
    check_derivatives(as_system(OSCILLATING[case], n_states=1, n_inputs=0))


@pytest.mark.parametrize("part", [0.01, 1.0])
def test_a_wrong_gradient_of_an_oscillating_function_is_refused(part):
    @tf.custom_gradient
    def wave(x):
        return tf.sin(x**5), lambda g: g * (1 - part) * 5 * x**4 * tf.cos(x**5)

    with pytest.raises(ValueError, match=r"the gradient of h\[0\] is cut or wrong"):
        check_derivatives(as_system(lambda h, u: 0.5 * h + wave(h), n_states=1, n_inputs=0))


def test_points_far_out_on_a_periodic_function_are_no_wrong_derivatives():
    """At 1e8 a step relative to the state holds a hundred periods."""
    system = as_system(lambda h, u: h + 0.1 * tf.sin(6.0 * h), n_states=1, n_inputs=0)
    x = np.array([[3e3], [2e6 + 0.3], [1e8 + 0.1]])
    jacobians = 1.0 + 0.6 * np.cos(6.0 * x)[:, :, None]
    assert check_jacobian(system, x, np.zeros((3, 0)), jacobians) == []


@tf.custom_gradient
def rounded_tanh(x):
    """A float32 tanh, whose slope of a saturated unit is nothing but rounding."""
    y = tf.tanh(tf.cast(x, "float32"))
    return tf.cast(y, x.dtype), lambda g: g * tf.cast(1.0 - y * y - 2.4e-7, g.dtype)


@pytest.mark.parametrize("part", [0.0, 0.5])
def test_slopes_that_single_precision_rounds_away_are_not_judged(part):
    system = as_system(
        lambda h, u: part * h + rounded_tanh(8.0 * mix(h)), n_states=2, n_inputs=0
    )
    x = np.array([[2.0, -1.0], [1.5, 3.0], [0.1, 0.2]])
    jacobians = system.jacobian(x, np.zeros((1, 0))).numpy()
    assert check_jacobian(system, x, np.zeros((3, 0)), jacobians) == []
