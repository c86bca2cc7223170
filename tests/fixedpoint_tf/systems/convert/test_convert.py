"""What a user may pass, and what is made of it. Each kind of network: ``test_cells.py``."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
import zoo
from keras import layers

from fixedpoint_tf import as_system

H = np.full((2, zoo.UNITS), 0.3)
U = np.full((1, zoo.N_INPUTS), 0.2)


def gru_cell():
    cell = layers.GRUCell(zoo.UNITS, name="memory")
    cell.build((None, zoo.N_INPUTS))
    zoo.randomise(cell)
    return cell


def test_a_cell_its_layer_and_its_model_are_one_network(tmp_path):
    cell = gru_cell()
    layer = layers.RNN(cell)
    x = keras.Input((None, zoo.N_INPUTS))
    model = keras.Model(x, layers.Dense(1)(layer(x)))
    model.save(tmp_path / "model.keras")
    forms = [cell, layer, model, tmp_path / "model.keras", str(tmp_path / "model.keras")]
    images = [as_system(form).step(H, U).numpy() for form in forms]
    for image in images[1:]:
        np.testing.assert_array_equal(image, images[0])


def test_networks_are_called_by_their_names():
    assert as_system(gru_cell()).name == "memory"
    assert as_system(layers.RNN(gru_cell(), name="loop")).name == "loop"
    halve = functools.partial(lambda a, h, u: a * h, 0.5)
    assert as_system(halve, n_states=1, n_inputs=1).name == "partial"


def test_a_layer_reached_by_its_name_in_a_nested_model():
    inner = keras.Sequential([keras.Input((None, 2)), layers.GRU(3, name="deep")])
    x = keras.Input((None, 2))
    outer = keras.Model(x, [inner(x), layers.LSTM(4, name="flat")(x)])
    assert as_system(outer, layer="deep").n_states == 3
    assert as_system(outer, layer="flat").n_states == 8


def test_one_direction_of_a_bidirectional_layer_by_its_name():
    x = keras.Input((None, 2))
    model = keras.Model(x, layers.Bidirectional(layers.GRU(3, name="gru"))(x))
    system = as_system(model, layer="backward_gru")
    cell = model.layers[1].backward_layer.cell
    h, u = np.ones((1, 3)), np.ones((1, 2))
    np.testing.assert_allclose(
        system.step(h, u), cell(tf.ones([1, 2]), [tf.ones([1, 3])])[0], atol=1e-6
    )


def test_standard_cells_know_their_box():
    gru = as_system(gru_cell())
    np.testing.assert_array_equal([gru.lower, gru.upper], np.outer([-1, 1], np.ones(4)))
    lstm = layers.LSTMCell(1)
    lstm.build((None, 1))
    system = as_system(lstm)
    np.testing.assert_array_equal(system.upper, [1, np.inf])
    np.testing.assert_array_equal(system.lower, [-1, -np.inf])


def test_a_users_box_replaces_the_known_one():
    system = as_system(gru_cell(), bounds=(-2.0, np.arange(1.0, 5.0)))
    np.testing.assert_array_equal(system.lower, [-2.0] * 4)
    np.testing.assert_array_equal(system.upper, [1, 2, 3, 4])


def test_a_velocity_has_no_box_of_its_own():
    assert np.isinf(as_system(gru_cell(), time="continuous").upper).all()


def inverse(dtype):
    weights = tf.Variable(np.eye(2), dtype=dtype)
    return lambda h, u: tf.matmul(h, weights) + u


@pytest.mark.parametrize(
    ("function", "dtype", "dtypes"),
    [
        (lambda h, u: 0.5 * h + u, None, ("float32", "float64")),
        (lambda h, u: 0.5 * h + u, "float32", ("float32", "float32")),
        (inverse("float32"), None, ("float32", "float32")),
        (inverse("float64"), None, ("float64", "float64")),
        (lambda h, u: tf.cast(h, tf.float32), None, ("float32", "float32")),
    ],
)
def test_the_floating_types_of_a_function_are_found_by_trying(function, dtype, dtypes):
    assert as_system(function, n_states=2, n_inputs=2, dtype=dtype).dtypes == dtypes


def test_a_compiled_function_is_a_function():
    system = as_system(tf.function(lambda h, u: 0.5 * h + u), n_states=2, n_inputs=2)
    np.testing.assert_array_equal(system.jacobian([[1, 2]], [[0, 0]])[0], 0.5 * np.eye(2))


def test_a_subclass_of_a_standard_cell_is_not_taken_for_it():
    class Doubled(layers.GRUCell):
        def call(self, inputs, states, training=False):
            h, _ = super().call(inputs, states, training=training)
            return 2.0 * h, [2.0 * h]

    cell = Doubled(zoo.UNITS)
    cell.build((None, zoo.N_INPUTS))
    own = cell(tf.constant(np.tile(U, (2, 1)), "float32"), [tf.constant(H, "float32")])[0]
    np.testing.assert_allclose(as_system(cell).step(H, U), own, atol=1e-6)


def test_systems_of_one_cell_do_not_disturb_each_other():
    cell = zoo.NETWORKS["custom cell"]().cell
    first, second = as_system(cell), as_system(cell)
    expected = first.step(H, U).numpy()
    cell.kernel.assign(2 * cell.kernel)
    changed = second.step(H, U).numpy()
    assert not np.allclose(changed, expected)
    np.testing.assert_array_equal(first.step(H, U), changed)


def test_a_model_with_a_generator_says_so():
    class Generative(keras.Model):
        def __init__(self):
            super().__init__()
            self.generator = keras.layers.GRUCell(3)
            self.readout = keras.layers.Dense(2)

        def call(self, inputs):
            return self.readout(inputs)

    with pytest.raises(ValueError, match=r"rnn=model\.generator"):
        as_system(Generative())
