"""One network of every kind that can be analysed, small and with random weights."""

from __future__ import annotations

import dataclasses
import inspect
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

N_INPUTS = 3
UNITS = 4


@keras.saving.register_keras_serializable("zoo")
class LeakyCell(layers.Layer):
    """One state; an argument of its own; a get_config."""

    def __init__(self, units, leak=0.3, **kwargs):
        super().__init__(**kwargs)
        self.units, self.leak = units, leak
        self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")
        self.built = True

    def call(self, inputs, states, training=False):
        (h,) = states
        drive = keras.ops.matmul(inputs, self.kernel) + keras.ops.matmul(h, self.recurrent)
        h = (1 - self.leak) * h + self.leak * keras.ops.tanh(drive)
        return h, [h]

    def get_config(self):
        return {**super().get_config(), "units": self.units, "leak": self.leak}


class AdaptingCell(layers.Layer):
    """Two states of different width: rates and a slow adaptation common to all."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.state_size = [units, 1]

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")
        self.built = True

    def call(self, inputs, states):  # takes no `training`
        rates, slow = states
        ops = keras.ops
        drive = ops.matmul(inputs, self.kernel) + ops.matmul(rates, self.recurrent) - slow
        slow = 0.9 * slow + 0.1 * ops.mean(rates, axis=-1, keepdims=True)
        rates = ops.sigmoid(drive)
        return rates, [rates, slow]


class FunctionCell(LeakyCell):
    """Made from an object that no configuration can hold, so it can not be copied."""

    def __init__(self, units, function, **kwargs):
        super().__init__(units, **kwargs)
        self.function = function

    def call(self, inputs, states, training=False):
        _, (h,) = super().call(inputs, states)
        return self.function(h), [self.function(h)]

    def get_config(self):
        raise NotImplementedError


class ForgetfulCell(LeakyCell):
    """Its get_config forgets the leak: a copy would compute something else."""

    def get_config(self):
        return {**layers.Layer.get_config(self), "units": self.units}


class SublayerCell(layers.Layer):
    """Made of layers, which Keras makes in its global type; noise is off unless training."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units
        self.read_in = layers.Dense(units)
        self.mix = layers.Dense(units, use_bias=False)
        self.norm = layers.LayerNormalization()
        self.drop = layers.Dropout(0.5)
        self.noise = layers.GaussianNoise(1.0)

    def build(self, input_shape):
        self.read_in.build(input_shape)
        self.mix.build((None, self.units))
        self.norm.build((None, self.units))
        self.built = True

    def call(self, inputs, states, training=True):
        h = self.norm(self.read_in(inputs) + self.mix(states[0]))
        h = self.noise(self.drop(keras.ops.tanh(h), training=training), training=training)
        return h, [h]


class WrapperCell(layers.Layer):
    """A cell with a cell inside, and a residual connection."""

    def __init__(self, cell, **kwargs):
        super().__init__(**kwargs)
        self.cell = cell
        self.state_size = cell.state_size

    def build(self, input_shape):
        self.cell.build(input_shape)
        self.built = True

    def call(self, inputs, states, training=False):
        output, new_states = self.cell(inputs, states, training=training)
        return output, [0.5 * new + old for new, old in zip(new_states, states, strict=True)]

    def get_config(self):
        cell = keras.saving.serialize_keras_object(self.cell)
        return {**super().get_config(), "cell": cell}

    @classmethod
    def from_config(cls, config):
        cell = keras.saving.deserialize_keras_object(config.pop("cell"))
        return cls(cell, **config)


class ModelCell(keras.Model):
    """A model that is itself a cell."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = units
        self.dense = layers.Dense(units, activation="tanh")

    def call(self, inputs, states):
        h = self.dense(keras.ops.concatenate([inputs, states[0]], axis=-1))
        return h, [h]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class PlainCell:
    """No layer at all, only the cell contract."""

    state_size = UNITS

    def __init__(self):
        rng = np.random.default_rng(5)
        self.weights = [
            tf.Variable(rng.normal(0, 0.5, (n, UNITS)), dtype=tf.float32)
            for n in (N_INPUTS, UNITS)
        ]

    def call(self, inputs, states):
        h = tf.tanh(inputs @ self.weights[0] + states[0] @ self.weights[1])
        return h, [h]

    __call__ = call


class Reader(layers.Layer):
    """A layer of the user's own around an RNN layer."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rnn = layers.GRU(UNITS)
        self.out = layers.Dense(2)

    def build(self, input_shape):
        self.rnn.build(input_shape)
        self.out.build((None, UNITS))
        self.built = True

    def call(self, x):
        return self.out(self.rnn(x))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.rnn = layers.LSTM(UNITS, return_sequences=True)
        self.out = layers.Dense(2)

    def call(self, x):
        return self.out(self.rnn(x))


def softplus_like(x):
    """Apply an activation that has no closed form here."""
    return keras.ops.log(1 + keras.ops.exp(x)) - 0.5


def weights_of(thing) -> list[Any]:
    return list(getattr(thing, "weights", None) or [])


def randomise(thing, seed=0, scale=0.5):
    """Set random weights, small enough that no unit saturates."""
    rng = np.random.default_rng(seed)
    for w in weights_of(thing):
        w.assign(rng.normal(0, scale, w.shape))


@dataclasses.dataclass
class Network:
    """Network as a user passes it, with the cell in it that the test calls by itself."""

    rnn: Any
    cell: Any
    options: dict[str, Any] = dataclasses.field(default_factory=dict)

    def call(self, h: np.ndarray, u: np.ndarray) -> tf.Tensor:
        """Return the cell's own answer, flat, in its own type."""
        return self.own(*(tf.constant(x, self.dtype) for x in (h, u)))

    def own(self, h, u):
        if hasattr(self.cell, "state_size"):
            cells = getattr(self.cell, "cells", None)
            sizes = self.cell.state_size if cells is None else [c.state_size for c in cells]
            sizes = [sizes] if isinstance(sizes, int) else list(sizes)
            parts = iter(tf.split(h, tf.nest.flatten(sizes), axis=-1))
            states = tf.nest.map_structure(lambda _: next(parts), sizes)
            takes_training = "training" in inspect.signature(self.cell.call).parameters
            off = {"training": False} if takes_training else {}
            _, new = self.cell(u, states, **off)
            return tf.concat(tf.nest.flatten(new), axis=-1)
        return self.cell(h, u)

    @property
    def dtype(self) -> str:
        default = "float64" if "float64" in self.options.get("dtype", "") else "float32"
        return str(getattr(self.cell, "compute_dtype", default))


def cell(make: Callable[[], Any]) -> Callable[[], Network]:
    def network():
        made = make()
        made.build((None, N_INPUTS))
        randomise(made)
        return Network(made, made)

    return network


def called(make: Callable[[], Any], **options) -> Callable[[], Network]:
    """Return a cell built by its first call."""

    def network():
        made = make()
        sizes = tf.nest.flatten(made.state_size)
        made(tf.zeros([1, N_INPUTS]), [tf.zeros([1, n]) for n in sizes])
        randomise(made)
        return Network(made, made, options)

    return network


def layer(make: Callable[[], Any], batch=2) -> Callable[[], Network]:
    def network():
        made = make()
        made(tf.zeros([batch, 2, N_INPUTS]))
        randomise(made)
        return Network(made, made.cell)

    return network


def model(make: Callable[[], Any], find: Callable[[Any], Any]) -> Callable[[], Network]:
    def network():
        made = make()
        randomise(made)
        return Network(made, find(made).cell)

    return network


def function(make: Callable[[], Callable], **options) -> Callable[[], Network]:
    def network():
        made = make()
        return Network(made, made, {"n_states": UNITS, "n_inputs": N_INPUTS, **options})

    return network


def in_policy(policy: str, network: Callable[[], Network]) -> Callable[[], Network]:
    """Return an object made under another global policy of Keras."""

    def made():
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(policy)
        try:
            return network()
        finally:
            keras.config.set_dtype_policy(before)

    return made


def functional():
    x = keras.Input((None, N_INPUTS))
    return keras.Model(x, layers.Dense(2)(layers.GRU(UNITS, name="memory")(x)))


def masked_and_embedded():
    x = keras.Input((None,), dtype="int32")
    y = layers.Embedding(10, N_INPUTS, mask_zero=True)(x)
    return keras.Model(x, layers.LSTM(UNITS, return_state=True, name="memory")(y))


def nested():
    inner = keras.Sequential(
        [keras.Input((None, N_INPUTS)), layers.SimpleRNN(UNITS, name="memory")], name="core"
    )
    x = keras.Input((None, N_INPUTS))
    return keras.Model(x, layers.Dense(2)(inner(layers.Masking()(x))))


def subclassed():
    made = Subclassed()
    made(tf.zeros([1, 2, N_INPUTS]))
    return made


def reader():
    made = Reader()
    made(tf.zeros([1, 2, N_INPUTS]))
    return made


def over_time():
    made = layers.TimeDistributed(layers.GRU(UNITS))
    made(tf.zeros([1, 2, 3, N_INPUTS]))
    return made


def shared_layer():
    x = keras.Input((None, N_INPUTS))
    memory = layers.GRU(UNITS, name="memory")
    return keras.Model(x, layers.Add()([memory(x), memory(2 * x)]))


def two_layers():
    x = keras.Input((None, N_INPUTS))
    y = layers.GRU(UNITS, return_sequences=True, name="first")(x)
    return keras.Model(x, layers.LSTM(UNITS, name="second")(y))


def named_layer() -> Network:
    made = two_layers()
    randomise(made)
    return Network(made, made.get_layer("first").cell, {"layer": "first"})


def forward_layer() -> Network:
    wrapper = layers.Bidirectional(layers.GRU(UNITS))
    wrapper(tf.zeros([1, 2, N_INPUTS]))
    randomise(wrapper)
    return Network(wrapper.forward_layer, wrapper.forward_layer.cell)


def saved() -> Network:
    x = keras.Input((None, N_INPUTS))
    made = keras.Model(x, layers.RNN(LeakyCell(UNITS, leak=0.7), name="memory")(x))
    randomise(made)
    folder = Path(tempfile.mkdtemp())
    made.save(folder / "model.keras")
    return Network(folder / "model.keras", made.get_layer("memory").cell)


def shared_cell():
    one = layers.SimpleRNNCell(N_INPUTS, activation=softplus_like)
    return layers.StackedRNNCells([one, one])


def legacy(name: str, *args, **kwargs) -> Callable[[], Any]:
    """Return a layer of ``tf_keras``, loaded when the first test needs it."""

    def make():
        import tf_keras

        return getattr(tf_keras.layers, name)(*args, **kwargs)

    return make


def legacy_custom():
    import tf_keras

    class Cell(tf_keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = self.state_size = units
            self.frozen = tf_keras.layers.Dense(units, trainable=False)
            self.mix = tf_keras.layers.Dense(units, use_bias=False)

        def call(self, inputs, states, training=None):
            h = tf.tanh(self.frozen(inputs) + self.mix(states[0]))
            return h, [h]

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    return tf_keras.layers.RNN(Cell(UNITS))


def legacy_stack(**kwargs):
    import tf_keras

    cells = [tf_keras.layers.LSTMCell(UNITS), tf_keras.layers.GRUCell(2)]
    return tf_keras.layers.StackedRNNCells(cells, **kwargs)


def legacy_model():
    import tf_keras

    x = tf_keras.Input((None, N_INPUTS))
    y = tf_keras.layers.LSTM(UNITS, name="memory", time_major=True)(x)
    return tf_keras.Model(x, tf_keras.layers.Dense(2)(y))


def numpy_function():
    rng = np.random.default_rng(1)
    W, B = rng.normal(0, 0.5, (UNITS, UNITS)), rng.normal(size=(N_INPUTS, UNITS))
    return lambda h, u: tf.tanh(tf.matmul(h, W) + tf.matmul(u, B))


def variable_function(dtype):
    rng = np.random.default_rng(1)
    W = tf.Variable(rng.normal(0, 0.5, (UNITS, UNITS)), dtype=dtype)
    B = tf.Variable(rng.normal(size=(N_INPUTS, UNITS)), dtype=dtype)

    def step(h, u):
        return tf.tanh(h @ W + u @ B)

    step.weights = [W, B]
    return step


def leaky_velocity():
    W = np.random.default_rng(1).normal(0, 0.5, (UNITS, UNITS))
    return lambda h, u: -h + tf.tanh(tf.matmul(h, W)) + u[:, :1]


L = layers
NETWORKS: dict[str, Callable[[], Network]] = {
    # Cells with a closed form.
    "SimpleRNNCell tanh": cell(lambda: L.SimpleRNNCell(UNITS)),
    "SimpleRNNCell relu": cell(lambda: L.SimpleRNNCell(UNITS, activation="relu")),
    "SimpleRNNCell linear": cell(lambda: L.SimpleRNNCell(UNITS, activation=None)),
    "SimpleRNNCell sigmoid": cell(lambda: L.SimpleRNNCell(UNITS, activation="sigmoid")),
    "SimpleRNNCell tf.tanh": cell(lambda: L.SimpleRNNCell(UNITS, activation=tf.tanh)),
    "SimpleRNNCell without bias": cell(lambda: L.SimpleRNNCell(UNITS, use_bias=False)),
    "SimpleRNNCell dropout": cell(
        lambda: L.SimpleRNNCell(UNITS, dropout=0.5, recurrent_dropout=0.5)
    ),
    "GRUCell reset after": cell(lambda: L.GRUCell(UNITS)),
    "GRUCell reset before": cell(lambda: L.GRUCell(UNITS, reset_after=False)),
    "GRUCell reset after, without bias": cell(lambda: L.GRUCell(UNITS, use_bias=False)),
    "GRUCell reset before, without bias": cell(
        lambda: L.GRUCell(UNITS, reset_after=False, use_bias=False)
    ),
    "GRUCell relu": cell(lambda: L.GRUCell(UNITS, activation="relu")),
    "GRUCell dropout": cell(lambda: L.GRUCell(UNITS, dropout=0.5, recurrent_dropout=0.5)),
    "GRUCell float64": cell(lambda: L.GRUCell(UNITS, dtype="float64")),
    "GRUCell mixed_float16": cell(lambda: L.GRUCell(UNITS, dtype="mixed_float16")),
    "LSTMCell": cell(lambda: L.LSTMCell(UNITS)),
    "LSTMCell without bias": cell(lambda: L.LSTMCell(UNITS, use_bias=False)),
    "LSTMCell sigmoid": cell(lambda: L.LSTMCell(UNITS, activation="sigmoid")),
    "LSTMCell dropout": cell(lambda: L.LSTMCell(UNITS, dropout=0.5, recurrent_dropout=0.5)),
    "StackedRNNCells of one": cell(lambda: L.StackedRNNCells([L.LSTMCell(UNITS)])),
    "StackedRNNCells LSTM, GRU": cell(
        lambda: L.StackedRNNCells([L.LSTMCell(UNITS), L.GRUCell(3)])
    ),
    "StackedRNNCells of three": cell(
        lambda: L.StackedRNNCells([L.GRUCell(3), L.LSTMCell(2), L.SimpleRNNCell(3)])
    ),
    "StackedRNNCells in a stack": cell(
        lambda: L.StackedRNNCells(
            [L.StackedRNNCells([L.LSTMCell(2), L.GRUCell(3)]), L.GRUCell(2)]
        )
    ),
    # Cells that are differentiated automatically.
    "SimpleRNNCell unknown activation": cell(
        lambda: L.SimpleRNNCell(UNITS, activation=softplus_like)
    ),
    "SimpleRNNCell lambda": cell(
        lambda: L.SimpleRNNCell(UNITS, activation=lambda x: x / (1 + x * x))
    ),
    "GRUCell hard_sigmoid": cell(
        lambda: L.GRUCell(UNITS, recurrent_activation="hard_sigmoid", dropout=0.5)
    ),
    "LSTMCell swish": cell(lambda: L.LSTMCell(UNITS, activation="swish", use_bias=False)),
    "StackedRNNCells with a custom cell": cell(
        lambda: L.StackedRNNCells([L.LSTMCell(3), LeakyCell(2), AdaptingCell(2)])
    ),
    "StackedRNNCells sharing a cell": cell(shared_cell),
    "custom cell": cell(lambda: LeakyCell(UNITS)),
    "custom cell of two states": cell(lambda: AdaptingCell(UNITS)),
    "custom cell without a configuration": cell(lambda: FunctionCell(UNITS, tf.sin)),
    "custom cell with a forgetful configuration": cell(lambda: ForgetfulCell(UNITS, leak=0.9)),
    "custom cell of layers": cell(lambda: SublayerCell(UNITS)),
    "custom cell of layers, mixed_float16": cell(
        lambda: SublayerCell(UNITS, dtype="mixed_float16")
    ),
    "custom cell of layers, made in float64": in_policy(
        "float64", cell(lambda: SublayerCell(UNITS))
    ),
    "custom cell around a cell": cell(lambda: WrapperCell(L.LSTMCell(UNITS))),
    "model that is a cell": called(lambda: ModelCell(UNITS), n_inputs=N_INPUTS),
    "plain object that is a cell": lambda: Network(
        *[PlainCell()] * 2, options={"n_inputs": N_INPUTS}
    ),
    # Layers.
    "SimpleRNN": layer(lambda: L.SimpleRNN(UNITS, go_backwards=True)),
    "GRU": layer(lambda: L.GRU(UNITS, return_sequences=True, dropout=0.5)),
    "LSTM": layer(lambda: L.LSTM(UNITS, stateful=True, return_state=True)),
    "RNN(cell)": layer(lambda: L.RNN(LeakyCell(UNITS))),
    "RNN([cells])": layer(lambda: L.RNN([L.GRUCell(UNITS), L.LSTMCell(3)])),
    "Bidirectional's forward layer": forward_layer,
    # Models, and layers with layers inside.
    "Sequential": model(
        lambda: keras.Sequential(
            [keras.Input((None, N_INPUTS)), L.Masking(), L.LSTM(UNITS), L.Dense(1)]
        ),
        lambda m: m.layers[1],
    ),
    "functional": model(functional, lambda m: m.get_layer("memory")),
    "after an embedding": model(masked_and_embedded, lambda m: m.get_layer("memory")),
    "nested": model(nested, lambda m: m.get_layer("core").get_layer("memory")),
    "subclassed": model(subclassed, lambda m: m.rnn),
    "one layer used twice": model(shared_layer, lambda m: m.get_layer("memory")),
    "named layer": named_layer,
    "layer in a custom layer": model(reader, lambda m: m.rnn),
    "TimeDistributed": model(over_time, lambda m: m.layer),
    "saved": saved,
    # tf_keras.
    "tf_keras SimpleRNNCell": cell(legacy("SimpleRNNCell", UNITS)),
    "tf_keras GRUCell reset after": cell(legacy("GRUCell", UNITS, reset_after=True)),
    "tf_keras GRUCell reset before": cell(legacy("GRUCell", UNITS, reset_after=False)),
    "tf_keras GRUCell hard_sigmoid": cell(
        legacy("GRUCell", UNITS, recurrent_activation="hard_sigmoid")
    ),
    "tf_keras LSTMCell": cell(legacy("LSTMCell", UNITS, dropout=0.5, recurrent_dropout=0.5)),
    "tf_keras LSTMCell float64": cell(legacy("LSTMCell", UNITS, dtype="float64")),
    "tf_keras StackedRNNCells": cell(legacy_stack),
    "tf_keras StackedRNNCells reversed": cell(lambda: legacy_stack(reverse_state_order=True)),
    "tf_keras GRU": layer(legacy("GRU", UNITS, stateful=True)),
    "tf_keras RNN(custom cell)": layer(legacy_custom),
    "tf_keras model": model(legacy_model, lambda m: m.get_layer("memory")),
    # Functions.
    "function of NumPy weights": function(numpy_function),
    "function in single precision": function(lambda: variable_function("float32")),
    "function in double precision": function(
        lambda: variable_function("float64"), dtype="float64"
    ),
    "velocity": function(leaky_velocity, time="continuous"),
    "velocity of a Keras cell": lambda: dataclasses.replace(
        NETWORKS["GRUCell reset after"](), options={"time": "continuous"}
    ),
}

#: Where the final type is not float64: nothing can be copied into another one.
SINGLE_PRECISION = {
    "custom cell without a configuration",
    "custom cell with a forgetful configuration",
    "plain object that is a cell",
    "function in single precision",
}

#: Of which only the update itself is known, so that it is differentiated automatically.
DIFFERENTIATED = {
    "SimpleRNNCell unknown activation",
    "SimpleRNNCell lambda",
    "GRUCell hard_sigmoid",
    "LSTMCell swish",
    "StackedRNNCells with a custom cell",
    "StackedRNNCells sharing a cell",
    "custom cell",
    "custom cell of two states",
    "custom cell without a configuration",
    "custom cell with a forgetful configuration",
    "custom cell of layers",
    "custom cell of layers, mixed_float16",
    "custom cell of layers, made in float64",
    "custom cell around a cell",
    "model that is a cell",
    "plain object that is a cell",
    "RNN(cell)",
    "saved",
    "tf_keras GRUCell hard_sigmoid",
    "tf_keras RNN(custom cell)",
    "function of NumPy weights",
    "function in single precision",
    "function in double precision",
    "velocity",
}

#: Which have no variables that training could change: numbers, or a file.
UNCHANGING = {
    "saved",
    "function of NumPy weights",
    "velocity",
}
