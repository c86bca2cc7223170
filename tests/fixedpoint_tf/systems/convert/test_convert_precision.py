"""Networks as users bring them: their objects stay as they are, and what is wrong is named."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.systems.user_objects.shared_objects import shared_parts


@keras.saving.register_keras_serializable("test_conversion")
class Cell(keras.layers.Layer):
    """A leaky cell whose call can be given a fault."""

    def __init__(self, units, fault="none", **kwargs):
        super().__init__(**kwargs)
        self.state_size = self.units = units
        self.fault = fault

    def build(self, shape):
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")
        self.offset = tf.Variable(tf.zeros(self.units)) if self.fault == "raw" else 0.0
        self.norm = keras.layers.BatchNormalization()
        self.norm.build((None, self.units))

    def call(self, inputs, states, training=False):
        z = tf.tanh(states[0] @ self.recurrent) + tf.cast(self.offset, inputs.dtype)
        noise = tf.random.normal(tf.shape(z), dtype=z.dtype)
        if self.fault in ("0.3", "1e-5"):
            z += float(self.fault) * noise
        elif self.fault == "training" and training:
            z += noise
        elif self.fault == "seeded":
            z += 0.1 * tf.random.stateless_normal(tf.shape(z), [1, 2], dtype=z.dtype)
        elif self.fault == "batch":
            z -= tf.reduce_mean(z, axis=0)
        elif self.fault == "numpy":
            z = tf.convert_to_tensor(np.tanh(z.numpy()))
        elif self.fault == "norm":
            z = self.norm(z, training=training)
        h = 0.8 * states[0] + 0.2 * z
        return h, [h]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "fault": self.fault}


def built(cell, n_inputs=3):
    cell.build((None, n_inputs))
    return cell


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("0.3", "second call: noise that is always on"),
        ("1e-5", "second call: noise that is always on"),
        ("seeded", "in another row: .*noise of a fixed seed"),
        ("batch", "changes with the other rows: statistics of the batch"),
        ("numpy", "cannot be compiled, for example with NumPy"),
    ],
)
def test_the_fault_of_a_cell_is_named_as_that_of_a_function(fault, cause):
    cell = built(Cell(4, fault))
    with pytest.raises(ValueError, match=f"rnn: expected .*{cause}"):
        as_system(cell, n_inputs=3)
    with pytest.raises(ValueError, match=f"rnn: expected .*{cause}"):
        as_system(
            lambda h, u: cell.call(u, [tf.cast(h, "float32")])[0],
            n_states=4,
            n_inputs=3,
            dtype="float32",
        )


@pytest.mark.parametrize("fault", ["none", "training", "norm"])
def test_what_happens_only_in_training_is_no_fault(fault):
    assert as_system(built(Cell(4, fault)), n_inputs=3).dtypes[1] == "float64"


@pytest.mark.parametrize(
    "activation",
    [
        lambda: keras.layers.LeakyReLU(negative_slope=0.2),
        lambda: keras.layers.PReLU(),
        lambda: keras.layers.Activation("tanh"),
        lambda: (lambda act: lambda x: act(x))(keras.layers.LeakyReLU()),
    ],
    ids=["LeakyReLU", "PReLU", "Activation", "closure"],
)
def test_training_goes_on_as_if_no_finder_had_been_made(activation):
    x = np.random.default_rng(0).normal(size=(8, 5, 3)).astype("float32")
    histories = []
    for make_finder in (False, True):
        keras.utils.set_random_seed(1)
        rnn = keras.layers.SimpleRNN(4, activation=activation(), return_sequences=True)
        model = keras.Sequential([keras.Input((None, 3)), rnn])
        model.compile("adam", "mse")
        before = model.predict(x, verbose=0)
        if make_finder:
            finder = FixedPointFinder(model, verbose=False)
            cell = rnn.cell
            h, u = np.ones((2, 4), "float32"), np.ones((2, 3), "float32")
            np.testing.assert_allclose(
                finder.system.step(h, u), cell(tf.constant(u), [tf.constant(h)])[0], atol=1e-5
            )
        np.testing.assert_array_equal(model.predict(x, verbose=0), before)
        histories.append(model.fit(x, x[..., :1] + np.zeros(4), epochs=3, verbose=0).history)
    assert histories[0] == histories[1]


def test_layers_that_two_functions_refer_to_are_found():
    act = keras.layers.LeakyReLU()
    gain = tf.Variable(1.0)
    assert shared_parts(lambda x: act(x), lambda x: act(x) * gain) == [act]
    assert not shared_parts(lambda x: gain * x, lambda x: tf.tanh(x))


def test_a_variable_that_keras_does_not_track_is_followed():
    cell = built(Cell(4, "raw"))
    finder = FixedPointFinder(cell, n_inputs=3, verbose=False)
    cell.offset.assign(np.ones(4))
    starts = np.random.default_rng(0).normal(size=(16, 4))
    unique, _ = finder.find_fixed_points(starts, np.zeros((1, 3)))
    x = tf.constant(unique.xstar, "float32")
    image = cell(tf.zeros((unique.n, 3)), [x])[0]
    np.testing.assert_allclose(image, x, atol=1e-5)
    assert np.abs(unique.xstar).max() > 0.1  # without the offset it is at zero


@pytest.mark.parametrize("name", ["SimpleRNNCell", "GRUCell", "LSTMCell"])
def test_a_call_replaced_on_the_cell_is_the_one_that_counts(name):
    cell = built(getattr(keras.layers, name)(4))
    old = cell.call

    def lesioned(inputs, states, training=False):
        h, new = old(inputs, states, training=training)
        return 0.5 * h, [0.5 * part for part in new]

    cell.call = lesioned
    system = as_system(cell)
    h = np.ones((2, system.n_states), "float32")
    own = cell(tf.ones((2, 3)), tf.split(tf.constant(h), system.n_states // 4, axis=1))[1]
    np.testing.assert_allclose(system.step(h, np.ones((2, 3))), np.hstack(own), atol=1e-6)


def test_an_activation_replaced_after_the_build_is_the_one_that_counts():
    cell = built(keras.layers.GRUCell(4))
    cell.activation = tf.sin
    h, u = np.full((2, 4), 0.5, "float32"), np.full((2, 3), 2.0, "float32")
    own = cell(tf.constant(u), [tf.constant(h)])[0]
    np.testing.assert_allclose(as_system(cell).step(h, u), own, atol=1e-6)


PROGRAM = """
import keras, numpy as np, sys
sys.path.insert(0, {folder!r})
from fixedpoint_tf import FixedPointFinder
from test_convert_precision import Cell, built
from keras.layers import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
for cell in (SimpleRNNCell(3), GRUCell(3), LSTMCell(3), GRUCell(3, reset_after=False),
             GRUCell(3, activation="elu"), StackedRNNCells([GRUCell(3), LSTMCell(2)]),
             Cell(3)):
    finder = FixedPointFinder(built(cell, 0), n_inputs=0, verbose=False)
    x = np.random.default_rng(0).normal(size=(6, finder.system.n_states))
    unique, _ = finder.find_fixed_points(x)
    assert unique.dFdu.shape == (unique.n, finder.system.n_states, 0), unique.dFdu.shape
print("done")
"""

NUMERICS = """
import keras, numpy as np, tensorflow as tf
tf.debugging.enable_check_numerics()
from fixedpoint_tf import FixedPointFinder
for make in (keras.layers.SimpleRNNCell, keras.layers.GRUCell, keras.layers.LSTMCell):
    for method in ("newton", "adam"):
        cell = make(4)
        cell.build((None, 3))
        finder = FixedPointFinder(cell, method=method, verbose=False)
        x = np.random.default_rng(0).normal(size=(8, finder.system.n_states))
        finder.find_fixed_points(x, np.zeros((1, 3)))
print("done")
"""

NO_EAGER = """
import tensorflow as tf
tf.compat.v1.disable_eager_execution()
from fixedpoint_tf import as_system
from lfads_tf import LFADS, LFADSConfig
config = LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3)
for make in (lambda: as_system(lambda h, u: h, n_states=1, n_inputs=0), lambda: LFADS(config)):
    try:
        make()
    except ValueError as error:
        print(str(error).startswith("TensorFlow: expected eager execution"), end=" ")
print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "printed"),
    [(PROGRAM, "done"), (NUMERICS, "done"), (NO_EAGER, "True True done")],
    ids=["inputs of no width", "check_numerics", "no eager execution"],
)
def test_in_a_process_of_its_own(program, printed):
    folder = __file__.rsplit("/", 1)[0]
    code = program.replace("{folder!r}", repr(folder))
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip() == printed


@pytest.mark.parametrize("part", ["activation", "call", "kernel"])
def test_a_part_of_a_standard_cell_that_is_replaced_later_is_refused(part):
    cell = keras.layers.SimpleRNNCell(2, activation="linear")
    cell.build((None, 1))
    finder = FixedPointFinder(cell, verbose=False)
    x = np.random.default_rng(0).normal(size=(4, 2))
    finder.find_fixed_points(x, [[0.0]])
    if part == "activation":
        cell.activation = keras.activations.tanh
    elif part == "call":
        cell.call = lambda inputs, states, training=False: (states[0], [states[0]])
    else:
        cell._tracker.unlock()
        cell.kernel = keras.Variable(np.ones((1, 2), "float32"))
    with pytest.raises(ValueError, match=f"expected the {part} of .* received another"):
        finder.find_fixed_points(x, [[0.0]])
    again, _ = FixedPointFinder(cell, verbose=False).find_fixed_points(x, [[0.0]])
    assert len(again)


def test_values_of_a_standard_cell_may_change():
    cell = keras.layers.SimpleRNNCell(2, activation="linear")
    cell.build((None, 1))
    finder = FixedPointFinder(cell, verbose=False)
    cell.set_weights([np.zeros((1, 2)), 0.5 * np.eye(2), np.ones(2)])
    found, _ = finder.find_fixed_points(np.zeros((1, 2)), [[0.0]])
    np.testing.assert_allclose(found.xstar, [[2.0, 2.0]], rtol=1e-6)
