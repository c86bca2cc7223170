"""Making a finder and searching leave the user's network, seeds and globals as they were."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from fixedpoint_tf import FixedPointFinder, as_system

pytestmark = pytest.mark.slow

UNITS, N_INPUTS = 4, 3
STARTS = np.random.default_rng(0).normal(size=(6, UNITS))


def make_cell(base, counters):
    """A cell that no configuration can copy and that counts its own calls."""

    class Counting(base.layers.Layer):
        def __init__(self, function, **kwargs):
            super().__init__(**kwargs)
            self.function = function
            self.state_size = self.units = UNITS

        def build(self, shape):
            def weight(name, trainable=True, shape=(), initializer="zeros"):
                return self.add_weight(
                    shape=shape, initializer=initializer, trainable=trainable, name=name
                )

            self.kernel = weight("kernel", True, (N_INPUTS, UNITS), "glorot_uniform")
            self.recurrent = weight("recurrent", True, (UNITS, UNITS), "glorot_uniform")
            if "frozen" in counters:
                self.frozen = weight("frozen", trainable=False)
            if "trained" in counters:
                self.trained = weight("trained")
            if "raw" in counters:
                self.raw = tf.Variable(0.0)
            if "listed" in counters:
                self.listed = [tf.Variable(0.0), {"inner": tf.Variable(0, trainable=False)}]
            if "closed over" in counters:
                self.closed_over = closing_over(tf.Variable(0.0))
            if "generator" in counters:
                self.generator = tf.random.Generator.from_seed(3)
            if "seed" in counters:
                self.seed_generator = keras.random.SeedGenerator(7)
            if "python" in counters:
                self.n_calls, self.seen, self.last = 0, [], None
            self.built = True

        def call(self, inputs, states, training=False):
            for name in ("frozen", "trained", "raw"):
                if name in counters:
                    getattr(self, name).assign_add(1.0)
            if "listed" in counters:
                self.listed[0].assign_add(2.0)
                self.listed[1]["inner"].assign_add(1)
            if "closed over" in counters:
                self.closed_over()
            noise = 0.0
            if "generator" in counters:
                noise = 0.0 * self.generator.normal([UNITS], dtype=inputs.dtype)
            if "seed" in counters:
                noise = 0.0 * keras.random.normal([UNITS], seed=self.seed_generator)
            if "python" in counters:
                self.n_calls += 1
                self.seen.append(self.n_calls)
                self.last = inputs
            z = tf.matmul(inputs, tf.cast(self.kernel, inputs.dtype)) + noise
            h = self.function(z + tf.matmul(states[0], tf.cast(self.recurrent, z.dtype)))
            return h, [h]

        def get_config(self):
            raise NotImplementedError

    return Counting


def closing_over(variable):
    return lambda: variable.assign_add(1.0)


def values(cell):
    """Numbers of the cell that a user could see."""
    found = [np.asarray(v).tolist() for v in cell.variables]
    for name in ("raw", "listed", "n_calls", "seen"):
        if hasattr(cell, name):
            found += [float(x) for x in tf.nest.flatten(getattr(cell, name))]
    found.append(getattr(cell, "last", None) is None)
    if hasattr(cell, "closed_over"):
        found.append(float(cell.closed_over.__closure__[0].cell_contents))
    if hasattr(cell, "generator"):
        found.append(cell.generator.state.numpy().tolist())
    if hasattr(cell, "seed_generator"):
        found.append(np.asarray(cell.seed_generator.state).tolist())
    return found


COUNTERS = [
    "frozen", "trained", "raw", "listed", "closed over", "generator", "seed", "python",
]  # fmt: skip


ALL = ", ".join(COUNTERS)
CASES = [(keras, some) for some in [*COUNTERS, ALL]]
CASES += [(tf_keras, "frozen, trained, raw, listed, closed over, generator, python")]


@pytest.mark.parametrize(("base", "counters"), CASES)
def test_a_cell_that_cannot_be_copied_keeps_its_counters(base, counters):
    cell = make_cell(base, counters.split(", "))(tf.tanh)
    cell.build((None, N_INPUTS))
    before = values(cell)
    finder = FixedPointFinder(cell, n_inputs=N_INPUTS, verbose=False)
    assert values(cell) == before
    unique, _ = finder.find_fixed_points(STARTS, np.zeros((1, N_INPUTS)))
    finder.simulate(np.zeros((2, 3, N_INPUTS)))
    assert values(cell) == before
    x = tf.constant(unique.xstar, "float32")
    np.testing.assert_allclose(cell(tf.zeros((unique.n, N_INPUTS)), [x])[0], x, atol=1e-4)
    assert values(cell) != before


def test_its_weights_are_followed_all_the_same():
    cell = make_cell(keras, ["raw", "frozen"])(tf.tanh)
    cell.build((None, N_INPUTS))
    system = as_system(cell, n_inputs=N_INPUTS)
    cell.recurrent.assign(0.5 * np.eye(UNITS))
    image = system.step(np.ones((1, UNITS)), np.zeros((1, N_INPUTS)))
    np.testing.assert_allclose(image, np.full((1, UNITS), np.tanh(0.5)), rtol=1e-6)


@pytest.mark.parametrize("counters", ["frozen, seed", "trained, raw"])
def test_predict_and_fit_go_on_as_those_of_a_twin(counters):
    x = np.random.default_rng(0).normal(size=(8, 5, N_INPUTS)).astype("float32")
    outcomes = []
    for search in (False, True):
        keras.utils.set_random_seed(1)
        cell = make_cell(keras, counters.split(", "))(tf.tanh)
        rnn = keras.layers.RNN(cell, return_sequences=True)
        model = keras.Sequential([keras.Input((None, N_INPUTS)), rnn])
        model.compile("adam", "mse")
        if search:
            finder = FixedPointFinder(model, n_inputs=N_INPUTS, verbose=False)
            finder.find_fixed_points(STARTS, np.zeros((1, N_INPUTS)))
        predicted = model.predict(x, verbose=0)
        history = model.fit(x, x[..., :1] + np.zeros(UNITS), epochs=2, verbose=0).history
        drawn = random.random(), np.random.rand(), tf.random.normal([2]).numpy().tolist()
        outcomes.append((predicted.tolist(), history, values(cell), drawn))
    assert outcomes[0] == outcomes[1]


def test_a_function_keeps_its_counters():
    count, steps, seen = tf.Variable(0.0), 0, []

    def update(h, u):
        nonlocal steps
        steps += 1
        seen.append(steps)
        count.assign_add(1.0)
        return 0.5 * h

    finder = FixedPointFinder(update, n_states=2, n_inputs=0, verbose=False)
    unique, _ = finder.find_fixed_points(np.ones((3, 2)))
    assert (float(count), steps, seen) == (0.0, 0, [])
    np.testing.assert_allclose(unique.xstar, np.zeros((1, 2)), atol=1e-9)


def test_a_variable_that_cannot_be_replaced_is_refused():
    counts = (tf.Variable(0.0), 1)

    def update(h, u):
        counts[0].assign_add(1.0)
        return 0.5 * h

    with pytest.raises(ValueError, match="rnn: expected 'update' to change no variable"):
        as_system(update, n_states=2, n_inputs=0)
    assert float(counts[0]) == 0.0


def draw_everywhere():
    return [
        random.random(),
        np.random.rand(),
        tf.random.normal([2]).numpy().tolist(),
        tf.random.normal([2], seed=3).numpy().tolist(),
        tf.random.get_global_generator().normal([2]).numpy().tolist(),
        np.asarray(keras.random.normal([2])).tolist(),
        np.asarray(keras.initializers.GlorotUniform()((2, 2))).tolist(),
        np.asarray(tf_keras.initializers.GlorotUniform()((2, 2))).tolist(),
        keras.layers.Dense(2).name,
        tf_keras.layers.Dense(2).name,
    ]


class Drawing(keras.layers.Layer):
    """Its making and its call draw from every stream of random numbers."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units
        draw_everywhere()
        self.dense = keras.layers.Dense(units, activation="tanh")

    def build(self, shape):
        self.dense.build((None, self.units))
        self.built = True

    def call(self, inputs, states):
        if tf.executing_eagerly():
            draw_everywhere()
        h = self.dense(states[0]) + 0.0 * tf.random.normal([self.units], dtype=inputs.dtype)
        return h, [h]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@pytest.mark.parametrize(
    "make",
    [
        lambda: Drawing(UNITS),
        lambda: keras.layers.LSTMCell(UNITS),
        lambda: keras.layers.GRUCell(UNITS, activation="elu", dropout=0.5),
        lambda: tf_keras.layers.GRUCell(UNITS, activation="elu", dropout=0.5),
        lambda: make_cell(keras, ["seed", "generator"])(tf.tanh),
    ],
    ids=["drawing", "LSTM", "dropout", "tf_keras", "uncopied"],
)
def test_the_random_numbers_that_come_next_stay_the_same(make):
    drawn = []
    for search in (False, True):
        keras.utils.clear_session()
        keras.utils.set_random_seed(5)
        tf_keras.utils.set_random_seed(5)
        tf.random.set_global_generator(tf.random.Generator.from_seed(5))
        tf_keras.backend.reset_uids()
        cell = make()
        cell.build((None, N_INPUTS))
        if search:
            finder = FixedPointFinder(cell, n_inputs=N_INPUTS, verbose=False)
            states = np.random.default_rng(0).normal(size=(3, finder.system.n_states))
            finder.find_fixed_points(states, np.zeros((1, N_INPUTS)))
        drawn.append(draw_everywhere())
    assert drawn[0] == drawn[1]
