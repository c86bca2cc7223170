"""A number, array or function that is replaced after a system was made is refused by name."""

import sys
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.systems.user_objects.object_walk import places

pytestmark = pytest.mark.slow

UNITS = 4
H, U = np.full((1, UNITS), 0.5), np.ones((1, 2))


@keras.saving.register_keras_serializable("test_unchanged")
class Leaky(keras.layers.Layer):
    """A cell with parts of every sort."""

    gain = 1.0

    def __init__(self, units, alpha=0.1, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units
        self.alpha = alpha
        self.mask = np.ones((units, units))
        self.options = {"scale": 1.0, "offsets": [0.0, 0.5]}
        self.shift = tf.constant(1.0)
        self.kind = "tanh"
        self.dense = keras.layers.Dense(units)
        self.norm = keras.layers.LayerNormalization()
        self.drop = keras.layers.Dropout(0.5)
        self.note, self.epoch, self.n_calls, self.cache = "none", 0, 0, {}

    def build(self, shape):
        self.w = self.add_weight(shape=(self.units, self.units), name="w")
        self.dense.build((None, self.units))
        self.norm.build((None, self.units))
        self.built = True

    def slope(self):
        return self.gain * self.options["scale"]

    def call(self, inputs, states, training=False):
        self.n_calls += 1
        self.cache["last"] = self.n_calls
        h = states[0]
        w = tf.cast(self.w, h.dtype) * tf.cast(self.mask, h.dtype)
        z = self.slope() * tf.matmul(h, w) + self.options["offsets"][1]
        z = z + self.drop(self.norm(self.dense(h)), training=training)
        z = tf.tanh(z) if self.kind == "tanh" else tf.nn.relu(z)
        h = (1 - self.alpha) * h + self.alpha * z * tf.cast(self.shift, h.dtype)
        return h, [h]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "alpha": self.alpha}


def built(cell=None):
    cell = Leaky(UNITS) if cell is None else cell
    cell.build((None, 2))
    return cell


def change_mask(cell):
    cell.mask[0, 1] = 0.0


def change_option(cell):
    cell.options["offsets"][1] = 2.0


def replace_norm(cell):
    cell._tracker.unlock()
    cell.norm = keras.layers.LayerNormalization()
    cell.norm.build((None, UNITS))


def hold(inputs, states, training=False):
    return states[0], [states[0]]


def double(inputs, training=False):
    return 2.0 * inputs


CHANGES = {
    "a number": (lambda c: setattr(c, "alpha", 0.2), r"alpha: expected 0\.1 .* received 0\.2"),
    "an entry": (change_mask, r"mask\[0, 1\]: expected 1\.0 .* received 0\.0"),
    "an array": (lambda c: setattr(c, "mask", 2 * c.mask), r"mask\[0, 0\]: expected 1\.0"),
    "a nested number": (change_option, r"options\['offsets'\]\[1\]: expected 0\.5"),
    "options": (
        lambda c: c.options.update({"scale": 3.0}),
        r"options\['scale'\]: expected 1\.0",
    ),
    "a tensor": (lambda c: setattr(c, "shift", tf.constant(2.0)), r"shift: expected 1\.0"),
    "a word": (lambda c: setattr(c, "kind", "relu"), "kind: expected 'tanh' .* 'relu'"),
    "an attribute of the class": (lambda c: setattr(c, "gain", 2.0), r"gain: expected .* 2\.0"),
    "a part of a part": (lambda c: setattr(c.norm, "epsilon", 0.1), r"norm\.epsilon: expected"),
    "an activation": (
        lambda c: setattr(c.dense, "activation", tf.tanh),
        r"dense\.activation: expected the function 'linear'",
    ),
    "the call": (lambda c: setattr(c, "call", hold), "call: expected"),
    "the call of a part": (lambda c: setattr(c.dense, "call", double), r"dense\.call"),
    "a method": (lambda c: setattr(c, "slope", lambda: 3.0), "slope: expected the function"),
    "a layer": (replace_norm, r"norm\.\w+: expected the variable"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_part_of_a_cell_is_refused(change):
    cell = built()
    system = as_system(cell, n_inputs=2)
    system.step(H, U)
    edit, message = CHANGES[change]
    edit(cell)
    with pytest.raises(ValueError, match=rf"cell\.{message}.*; make a new finder of"):
        system.step(H, U)
    again = as_system(cell, n_inputs=2)
    own = cell(tf.constant(U, "float32"), [tf.constant(H, "float32")])[0]
    np.testing.assert_allclose(again.step(H, U), own, atol=1e-5)


def set_the_same(cell):
    cell.alpha, cell.shift, cell.mask = 0.1, tf.constant(1.0), np.ones((UNITS, UNITS))
    cell.options = {"scale": 1.0, "offsets": [0.0, 0.5]}


def set_others(cell):
    cell.note, cell.epoch, cell.extra, cell.trainable = "b", 3, np.ones(3), False
    cell.drop.rate = 0.1
    cell(tf.constant(U, "float32"), [tf.constant(H, "float32")])


def train(cell):
    rnn = keras.layers.RNN(cell)
    model = keras.Sequential([keras.Input((None, 2)), rnn])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3, 2)), np.ones((4, UNITS)), verbose=0)


@pytest.mark.parametrize("edit", [set_the_same, set_others, train])
def test_what_changes_no_update_is_followed(edit):
    cell = built()
    finder = FixedPointFinder(cell, n_inputs=2, verbose=False)
    edit(cell)
    own = cell(tf.constant(U, "float32"), [tf.constant(H, "float32")])[0]
    np.testing.assert_allclose(finder.system.step(H, U), own, atol=1e-5)


def test_every_question_refuses():
    cell = built()
    finder = FixedPointFinder(cell, n_inputs=2, verbose=False)
    unique, _ = finder.find_fixed_points(np.zeros((4, UNITS)), U)
    cell.alpha = 0.5
    for ask in (
        lambda: finder.find_fixed_points(np.zeros((4, UNITS)), U),
        lambda: finder.simulate(np.ones((1, 3, 2))),
        lambda: finder.classify_attractors(unique),
        lambda: finder.find_cycles(np.zeros((4, UNITS)), U),
        lambda: finder.certify(unique),
        lambda: finder.system.jacobian(H, U),
    ):
        with pytest.raises(ValueError, match=r"cell\.alpha: expected 0\.1 .* received 0\.5"):
            ask()


def test_a_cell_in_a_stack_or_a_wrapper_is_looked_at():
    stack = keras.layers.StackedRNNCells([built(), Leaky(3)])
    stack.build((None, 2))
    system = as_system(stack)
    system.step(np.ones((1, 7)), U)
    stack.cells[1].alpha = 0.5
    with pytest.raises(ValueError, match=r"cells\[1\]\.alpha: expected 0\.1"):
        system.step(np.ones((1, 7)), U)


def test_cells_of_a_standard_stack_that_are_exchanged_are_refused():
    stack = keras.layers.StackedRNNCells([keras.layers.GRUCell(2), keras.layers.GRUCell(2)])
    stack.build((None, 2))
    system = as_system(stack)
    stack.cells.reverse()
    with pytest.raises(ValueError, match="rnn: expected the cells of .* received others"):
        system.step(np.ones((1, 4)), U)


GLOBAL = np.eye(2)
SETTINGS = {"gain": 1.0}


class Parameters:
    def __init__(self):
        self.beta, self.unused = 1.0, 0.0


PARAMETERS = Parameters()


def times(x, factor=1.0):
    return SETTINGS["gain"] * factor * x


def of_globals(h, u):
    return times(tf.matmul(h, tf.constant(GLOBAL, h.dtype))) * PARAMETERS.beta


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda: GLOBAL.__setitem__((0, 0), 2.0), r"GLOBAL\[0, 0\]: expected 1\.0 .* 2\.0"),
        (lambda: SETTINGS.update(gain=0.5), r"SETTINGS\['gain'\]: expected 1\.0 .* 0\.5"),
        (lambda: setattr(PARAMETERS, "beta", 2.0), r"PARAMETERS\.beta: expected 1\.0 .* 2\.0"),
    ],
)
def test_globals_of_a_function_are_looked_at(edit, message):
    system = as_system(of_globals, n_states=2, n_inputs=0)
    h, u = np.ones((1, 2)), np.zeros((1, 0))
    PARAMETERS.unused += 1.0
    before = system.step(h, u)
    try:
        edit()
        with pytest.raises(ValueError, match=f"{message}.*make a new finder of 'of_globals'"):
            system.step(h, u)
    finally:
        GLOBAL[0, 0], SETTINGS["gain"], PARAMETERS.beta = 1.0, 1.0, 1.0
    np.testing.assert_array_equal(system.step(h, u), before)


def test_what_a_function_closes_over_is_looked_at():
    weights, bias, names = np.ones(2), 0.5, ["a"]

    def update(h, u):
        return weights * h + bias * len(names)

    h, u = np.ones((1, 2)), np.zeros((1, 0))
    system = as_system(update, n_states=2, n_inputs=0)
    weights[1] = np.nan
    with pytest.raises(ValueError, match=r"weights\[1\]: expected 1\.0 .* received nan"):
        system.step(h, u)
    weights[1] = 1.0
    system.step(h, u)
    names.append("b")
    with pytest.raises(ValueError, match="names: expected a list of length 1"):
        system.step(h, u)
    names.pop()
    bias = 0.25
    with pytest.raises(ValueError, match=r"bias: expected 0\.5 .* received 0\.25"):
        system.step(h, u)


def test_a_plain_object_is_looked_at():
    class Plain:
        state_size = 2

        def __init__(self):
            self.leak = 0.5

        def __call__(self, inputs, states):
            h = self.leak * states[0] + tf.zeros_like(inputs[:, :1])
            return h, [h]

    cell = Plain()
    system = as_system(cell, n_inputs=1)
    cell.leak = 0.25
    with pytest.raises(ValueError, match=r"cell\.leak: expected 0\.5"):
        system.step(np.ones((1, 2)), np.ones((1, 1)))


class Slotted:
    __slots__ = ("leak",)

    def __init__(self):
        self.leak = 0.5


GLOROT = keras.initializers.GlorotUniform(seed=0)
DENSE = keras.layers.Dense(2, activation="tanh", kernel_initializer=GLOROT)
MODEL = keras.Sequential([keras.Input((2,)), DENSE])
SLOTTED, CHOSEN, COMPILED_GAIN = Slotted(), {"half"}, np.ones(2)


@tf.function
def compiled_part(h):
    return COMPILED_GAIN * h


OTHERS = {
    "a model": (
        lambda h, u: tf.cast(MODEL(tf.cast(h, "float32")), h.dtype),
        lambda: setattr(MODEL.layers[0], "activation", tf.nn.relu),
        r"activation: expected the function 'tanh'",
    ),
    "slots": (
        lambda h, u: SLOTTED.leak * h,
        lambda: setattr(SLOTTED, "leak", 0.25),
        r"SLOTTED\.leak: expected 0\.5 .* received 0\.25",
    ),
    "a set": (
        lambda h, u: 0.5 * h if "half" in CHOSEN else h,
        CHOSEN.clear,
        "CHOSEN: expected",
    ),
    "a compiled function": (
        lambda h, u: 0.5 * compiled_part(h),
        lambda: COMPILED_GAIN.__setitem__(0, 2.0),
        r"COMPILED_GAIN\[0\]: expected 1\.0",
    ),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_parts_of_a_function_are_looked_at(case):
    function, edit, message = OTHERS[case]
    system = as_system(function, n_states=2, n_inputs=0)
    system.step(np.ones((1, 2)), np.zeros((1, 0)))
    edit()
    with pytest.raises(ValueError, match=message):
        system.step(np.ones((1, 2)), np.zeros((1, 0)))


def test_what_python_and_installed_packages_keep_is_none_of_the_network(monkeypatch):
    """A function of TensorFlow leads to modules that are loaded, as any wrapped one does."""

    def update(h, u):
        return activation(0.5 * h)

    activation = tf.tanh
    system = as_system(update, n_states=2, n_inputs=0)
    system.weights()
    monkeypatch.setitem(sys.modules, "loaded_later", types.ModuleType("loaded_later"))
    system.weights()
    assert not [p for p in places(update, "update") if "modules" in p.path]
