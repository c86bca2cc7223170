"""Flat states, and a map between them that can be called by itself."""

import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import as_system
from fixedpoint_tf.systems.system import StateLayout

LSTM = StateLayout(("h", "c"), (2, 3))
H, C = np.arange(8.0).reshape(4, 2), 10 + np.arange(12.0).reshape(4, 3)
FLAT = np.hstack([H, C])


def affine(h, u):
    return 0.5 * h + u


@pytest.fixture
def system():
    return as_system(affine, n_states=2, n_inputs=2)


@pytest.mark.parametrize(
    "states",
    [
        FLAT,
        FLAT.tolist(),
        list(FLAT),
        tf.constant(FLAT),
        [H, C],
        (H, C),
        [[H], [C]],
        {"h": H, "c": C},
        {"c": C, "h": H},
        [tf.constant(H), tf.constant(C)],
    ],
    ids=lambda states: type(states).__name__,
)
def test_states_are_packed_from_every_form(states):
    np.testing.assert_array_equal(LSTM.pack(states), FLAT)


def test_packing_keeps_leading_axes_and_double_precision():
    trajectories = [np.full((5, 7, 2), 0.1), np.full((5, 7, 3), 0.2)]
    packed = LSTM.pack(trajectories)
    assert packed.shape == (5, 7, 5) and packed.dtype == np.float64
    assert packed[0, 0, 0] == 0.1 and packed[0, 0, 4] == 0.2
    assert LSTM.pack(FLAT.astype("float32")).dtype == np.float64


def test_unpacking_is_the_inverse_of_packing():
    named = LSTM.unpack(FLAT)
    assert list(named) == ["h", "c"]
    np.testing.assert_array_equal(named["h"], H)
    np.testing.assert_array_equal(named["c"], C)
    np.testing.assert_array_equal(LSTM.pack(LSTM.unpack(FLAT[0])), FLAT[0])


def test_a_list_of_one_row_is_a_row_and_a_list_of_one_array_a_state():
    layout = StateLayout(("h",), (2,))
    assert layout.pack([np.zeros(2)]).shape == (1, 2)
    assert layout.pack([np.zeros((5, 2))]).shape == (5, 2)
    assert layout.pack([[0.0, 1.0]]).shape == (1, 2)


def test_states_of_one_unit_each_are_not_taken_for_rows():
    layout = StateLayout(("h", "c"), (1, 1))
    pair = [np.zeros((3, 1)), np.ones((3, 1))]
    np.testing.assert_array_equal(layout.pack(pair), np.tile([0.0, 1.0], (3, 1)))
    rows = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    np.testing.assert_array_equal(layout.pack(rows), [[1, 2], [3, 4]])


def test_python_numbers_keep_their_double_precision(system):
    image = system.step([[0.1, 0.3]], [[0.0, 0.0]]).numpy()
    assert image.dtype == np.float64
    np.testing.assert_array_equal(image, [[0.05, 0.15]])


def test_one_input_serves_all_states(system):
    h, u = np.random.default_rng(0).normal(size=(5, 2)), np.array([[1.0, -1.0]])
    np.testing.assert_array_equal(system.step(h, u), system.step(h, np.tile(u, (5, 1))))
    assert system.jacobian(h, u).shape == (5, 2, 2)
    assert system.input_jacobian(h, u).shape == (5, 2, 2)


def test_a_system_is_differentiable_from_outside(system):
    h = tf.constant([[1.0, 2.0]], tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(h)
        speed = tf.reduce_sum(system.step(h, [[0.0, 0.0]]) ** 2)
    np.testing.assert_allclose(tape.gradient(speed, h), 0.5 * h)


def test_a_system_can_be_compiled(system):
    step = tf.function(lambda h: system.step(h, tf.zeros([1, 2])))
    np.testing.assert_allclose(step(tf.ones([3, 2])), np.full((3, 2), 0.5))


def test_without_bounds_the_box_is_infinite(system):
    assert np.isneginf(system.lower).all() and np.isposinf(system.upper).all()


def test_a_network_without_inputs_has_inputs_of_no_width():
    system = as_system(lambda h, u: 0.5 * h, n_states=2, n_inputs=0)
    assert system.step(np.ones((3, 2)), np.zeros((1, 0))).shape == (3, 2)
    assert system.input_jacobian(np.ones((3, 2)), np.zeros((1, 0))).shape == (3, 2, 0)


def test_the_repr_names_states_and_inputs(system):
    assert repr(system) == "DynamicalSystem(affine: discrete, states h (2); 2 inputs)"
