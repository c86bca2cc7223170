"""What returns no numbers, or cannot be differentiated, is refused when a system is made."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, as_system

ANY = {"n_states": 2, "n_inputs": 0}


def by_python(h):
    value = tf.py_function(tf.tanh, [2.0 * h], h.dtype)
    value.set_shape(h.shape)
    return value


def triangle(h, u):
    matrix = h[:, :, None] * h[:, None, :] + tf.linalg.diag(tf.constant([1.0, 2.0], h.dtype))
    return 0.1 * tf.linalg.lu(matrix)[0][:, 0]


@keras.saving.register_keras_serializable("tests")
class Cell(keras.layers.Layer):
    state_size = 2

    def __init__(self, step, **options):
        super().__init__(**options)
        self.step = step

    def build(self, shape):
        self.gain = self.add_weight(shape=(1,), initializer="ones")

    def call(self, inputs, states):
        h = self.step(states[0]) * self.gain + inputs
        return h, [h]


def cell(step):
    made = Cell(step)
    made.build((None, 2))
    return made


@pytest.mark.parametrize(
    ("rnn", "said"),
    [
        (lambda h, u: by_python(h), "tf.py_function, which runs Python"),
        (triangle, "no entry for: Lu"),
    ],
)
def test_operations_without_derivatives_are_refused(rnn, said):
    with pytest.raises(ValueError, match=f"differentiated for many states .*{said}"):
        as_system(rnn, **ANY)
    assert as_system(rnn, **ANY, derivatives="differences").n_states == 2


def test_a_cell_that_runs_python_is_refused():
    with pytest.raises(ValueError, match=r"rnn: expected .* received .* tf\.py_function"):
        as_system(cell(by_python), n_inputs=2)


@pytest.mark.parametrize(
    ("rnn", "units"),
    [
        (lambda h, u: h * np.nan, r"h\[0\], h\[1\]"),
        (lambda h, u: tf.concat([h[:, :1], h[:, 1:] + np.inf], axis=1), r"h\[1\]"),
    ],
)
def test_a_network_that_is_never_a_number_is_refused(rnn, units):
    with pytest.raises(ValueError, match=f"finite states, received NaN .* for {units} at each"):
        as_system(rnn, **ANY)


@pytest.mark.parametrize(
    ("rnn", "bounds"),
    [
        (lambda h, u: tf.sqrt(h - 50.0), None),
        (lambda h, u: tf.sqrt(-h), None),
        (lambda h, u: tf.sqrt((h + 66.0) * (-64.0 - h)) - 66.0, (-66.0, -64.0)),
    ],
)
def test_a_network_may_be_undefined_at_some_states(rnn, bounds):
    assert as_system(rnn, **ANY, bounds=bounds).n_states == 2


def test_a_cell_that_cannot_be_copied_is_told_what_is_true_of_it(caplog):
    finder = FixedPointFinder(cell(lambda h: 0.5 * h), n_inputs=2, verbose=False)
    finder.find_fixed_points(np.eye(2), np.zeros((1, 2)))
    assert "computes in single precision" in caplog.text
    assert "copied from its configuration, by a get_config" in caplog.text
    assert "h.dtype" not in caplog.text
