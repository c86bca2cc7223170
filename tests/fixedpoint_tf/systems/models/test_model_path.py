"""The states of a model are those that Keras gives, whatever stands before its RNN layer."""

import re

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from keras import layers

from fixedpoint_tf import FixedPointFinder, as_system

RNG = np.random.default_rng(0)
X = (RNG.normal(size=(6, 9, 3)) * 3 + 5).astype("float32")
TOKENS = np.array([[1, 2, 3, 0, 0], [4, 5, 6, 7, 8], [2, 0, 0, 0, 0], [0, 0, 3, 1, 0]])
PADDED = RNG.normal(size=(4, 7, 3)).astype("float32")
PADDED[0, 4:], PADDED[1, :2], PADDED[2, [1, 3]] = -1.0, -1.0, -1.0
HALF = 2e-3  # arithmetic of half precision


def gru(units=4, **options):
    return layers.GRU(units, return_sequences=True, name="rnn", **options)


def randomised(model):
    """Biases too: zeros would hide mistakes."""
    rng = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(rng.normal(size=variable.shape) * 0.5)
    return model


def normalization():
    before = layers.Normalization()
    before.adapt(X)
    model = keras.Sequential([keras.Input((None, 3)), before, gru(), layers.Dense(1)])
    return model, X, lambda: model.get_layer("rnn")(before(X))


def rescaling():
    model = keras.Sequential([keras.Input((None, 3)), layers.Rescaling(0.1, 2.0), gru()])
    return model, X, lambda: model(X)


def dense():
    before = layers.Dense(8, activation="tanh")
    model = keras.Sequential([keras.Input((None, 3)), before, gru(), layers.Dense(1)])
    return model, X, lambda: model.get_layer("rnn")(before(X))


def time_distributed():
    before = layers.TimeDistributed(layers.Dense(3, activation="relu"))
    model = keras.Sequential([keras.Input((9, 3)), before, gru()])
    return model, X, lambda: model.get_layer("rnn")(before(X))


def convolution():
    before = layers.Conv1D(5, 3, padding="causal")
    model = keras.Sequential([keras.Input((None, 3)), before, gru(), layers.Dense(1)])
    return model, X, lambda: model.get_layer("rnn")(before(X))


def strided_convolution():
    before = layers.Conv1D(5, 3, strides=2)
    model = keras.Sequential([keras.Input((None, 3)), before, gru(), layers.Dense(1)])
    return model, X, lambda: model.get_layer("rnn")(before(X))


def batch_statistics():
    before = layers.BatchNormalization()
    model = keras.Sequential([keras.Input((None, 3)), before, gru()])
    before.moving_mean.assign([1.0, 2.0, 3.0])
    return model, X, lambda: model.get_layer("rnn")(before(X, training=False))


def other_rnn():
    before = layers.Bidirectional(layers.LSTM(3, return_sequences=True), name="first")
    model = keras.Sequential([keras.Input((None, 3)), before, gru(), layers.Dense(1)])
    return model, X, lambda: model.get_layer("rnn")(before(X))


def dropout():
    stack = [layers.Dropout(0.5), layers.GaussianNoise(0.9), gru(dropout=0.3)]
    model = keras.Sequential([keras.Input((None, 3)), *stack])
    return model, X, lambda: model(X, training=False)


def embedding():
    model = keras.Sequential([keras.Input((5,), dtype="int32"), layers.Embedding(9, 3), gru()])
    return model, TOKENS, lambda: model(TOKENS)


def embedding_with_mask():
    before = layers.Embedding(9, 3, mask_zero=True)
    model = keras.Sequential([keras.Input((None,)), before, gru(), layers.Dense(2)])
    u = lambda: before(TOKENS.astype("int32"))  # noqa: E731
    return model, TOKENS, lambda: model.get_layer("rnn")(u(), mask=TOKENS != 0)


def masking():
    model = keras.Sequential([keras.Input((None, 3)), layers.Masking(-1.0), gru()])
    return model, PADDED, lambda: model(PADDED)


def masking_backwards():
    stack = [layers.Masking(-1.0), gru(go_backwards=True)]
    model = keras.Sequential([keras.Input((None, 3)), *stack])
    return model, PADDED, lambda: model(PADDED)


def backwards():
    model = keras.Sequential([keras.Input((None, 3)), gru(go_backwards=True)])
    return model, X, lambda: model(X)


def unrolled():
    stack = [layers.Masking(-1.0), layers.Dense(3), gru(unroll=True, go_backwards=True)]
    model = keras.Sequential([keras.Input((7, 3)), *stack])
    return model, PADDED, lambda: model(PADDED)


def masked_explicitly():
    x, mask = keras.Input((None, 3), name="x"), keras.Input((None,), dtype="bool", name="m")
    model = keras.Model({"x": x, "m": mask}, gru()(x, mask=mask))
    inputs = {"x": PADDED, "m": (PADDED != -1.0).all(axis=-1)}
    return model, inputs, lambda: model(inputs)


def two_inputs_as_list():
    a, b = keras.Input((None, 3)), keras.Input((None, 1))
    model = keras.Model([a, b], gru()(layers.Concatenate()([layers.Dense(2)(a), b])))
    inputs = [X, X[..., :1] * 2]
    return model, inputs, lambda: model(inputs)


def context_beside():
    a, b = keras.Input((9, 3), name="a"), keras.Input((2,), name="b")
    context = layers.RepeatVector(9)(layers.Dense(3)(b))
    y = gru()(layers.Add()([a, context]) * 0.5)
    model = keras.Model({"a": a, "b": b}, {"y": layers.Dense(1)(y), "states": y})
    inputs = {"b": X[:, 0, :2], "a": X}
    return model, inputs, lambda: model(inputs)["states"]


def initial_state_from_input():
    x, h = keras.Input((None, 3)), keras.Input((4,))
    model = keras.Model([x, h], gru()(x, initial_state=h))
    inputs = [X, RNG.normal(size=(6, 4)).astype("float32")]
    return model, inputs, lambda: model(inputs)


def encoder_and_decoder():
    x, y = keras.Input((None, 3)), keras.Input((None, 2))
    _, h, c = layers.LSTM(4, return_state=True, name="encoder")(x)
    decoder = layers.LSTM(4, return_sequences=True, return_state=True, name="rnn")
    out, _, _ = decoder(y, initial_state=[h, c])
    model = keras.Model([x, y], layers.Dense(1)(out))
    inputs = [X, X[:, :5, :2]]

    def truth():
        _, h, c = model.get_layer("encoder")(X)
        return decoder(inputs[1], initial_state=[h, c])[0]

    return model, inputs, truth


class LearnedStart(keras.Model):
    def __init__(self):
        super().__init__()
        self.start = self.add_weight(shape=(1, 4), initializer="zeros", name="start")
        self.before, self.rnn, self.out = layers.Dense(3), gru(), layers.Dense(1)

    def states(self, x):
        n = keras.ops.shape(x)[0]
        start = keras.ops.broadcast_to(keras.ops.tanh(self.start), (n, 4))
        return self.rnn(self.before(x) * 0.5, initial_state=start)

    def call(self, x):
        return self.out(self.states(x))


def learned_start():
    model = LearnedStart()
    model(X)
    return model, X, lambda: model.states(X)


class Compiled(keras.Model):
    def __init__(self):
        super().__init__()
        self.before, self.rnn = layers.Dense(3), gru()
        self.before.build((None, None, 3))  # inside tf.function Keras would trace the
        self.rnn.build((None, None, 3))  # initializers in the place of the weights

    @tf.function
    def call(self, x):
        return self.rnn(self.before(x))


def compiled_call():
    model = Compiled()
    model(X)
    return model, X, lambda: model(X)


def nested():
    inner = keras.Sequential([keras.Input((None, 2)), layers.Masking(0.0), gru()])
    x = keras.Input((None, 3))
    model = keras.Model(x, layers.Dense(1)(inner(layers.Dense(2)(x))))
    return model, X, lambda: inner(model.layers[1](X))


def wrapped_direction():
    both = layers.Bidirectional(layers.GRU(4, return_sequences=True), name="both")
    model = keras.Sequential([keras.Input((None, 3)), layers.Dense(3), both])
    model.rnn_layer = both.backward_layer
    return model, X, lambda: both.backward_layer(model.layers[0](X))


def stacked_cells():
    cells = [layers.GRUCell(4), layers.SimpleRNNCell(2)]
    rnn = layers.RNN(cells, return_sequences=True, name="rnn")
    model = keras.Sequential([keras.Input((None, 3)), layers.Masking(-1.0), rnn])
    first = layers.RNN(cells[0], return_sequences=True)

    def truth():
        lower = first(model.layers[0](PADDED))
        return keras.ops.concatenate([lower, model(PADDED)], axis=-1)

    return model, PADDED, truth


@keras.saving.register_keras_serializable("test_model_path")
class Biased(layers.SimpleRNNCell):
    """A cell that starts at a state of its own."""

    def get_initial_state(self, batch_size=None):
        return [0.7 * keras.ops.ones((batch_size, self.units))]


def own_start():
    rnn = layers.RNN(Biased(4), return_sequences=True, name="rnn")
    model = keras.Sequential([keras.Input((None, 3)), rnn])
    return model, X, lambda: model(X)


def stateful():
    model = keras.Sequential([keras.Input(batch_shape=(6, None, 3)), gru(stateful=True)])
    randomised(model)
    model(X[:, ::-1])  # it does not stand at zero now
    rnn = model.get_layer("rnn")
    start = [v.numpy() for v in rnn.states]

    def truth():
        states = model(X)
        for variable, value in zip(rnn.states, start, strict=True):
            variable.assign(value)
        return states

    return model, X, truth


class OwnCall(layers.GRU):
    """A layer that scales what it gets."""

    def call(self, sequences, initial_state=None, mask=None, training=False):
        return super().call(0.3 * sequences, initial_state, mask, training)


def own_call():
    rnn = OwnCall(4, return_sequences=True, name="rnn")
    model = keras.Sequential([keras.Input((None, 3)), rnn])
    return model, X, lambda: model(X)


def lazily_built():
    model = keras.Sequential([layers.Dense(3), gru()])
    model(X)
    return model, X, lambda: model(X)


MODELS = [
    normalization, rescaling, dense, time_distributed, convolution, strided_convolution,
    batch_statistics, other_rnn, dropout, embedding, embedding_with_mask, masking,
    masking_backwards, backwards, unrolled, masked_explicitly, two_inputs_as_list,
    context_beside, initial_state_from_input, encoder_and_decoder, learned_start,
    compiled_call, nested, wrapped_direction, stacked_cells, own_start, stateful, own_call,
    lazily_built,
]  # fmt: skip


def values_of(model):
    return [np.copy(v.numpy()) for v in model.variables]


def check_values(model, values):
    for variable, value in zip(model.variables, values, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value)


def finder_of(model):
    inner = getattr(model, "rnn_layer", None)
    several = [x for x in model._flatten_layers() if isinstance(x, keras.layers.RNN)]
    layer = inner.name if inner is not None else "rnn" if len(several) > 1 else None
    return FixedPointFinder(model, layer=layer, verbose=False)


def first_states(finder, states):
    """The part of the state that Keras returns: h of an LSTM."""
    names = dict(finder.system.state_names)
    return states[..., : names["h"]] if set(names) == {"h", "c"} else states


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_the_states_are_those_of_the_model(make):
    model, inputs, truth = make()
    if make is not stateful:
        randomised(model)
    finder = finder_of(model)
    weights = values_of(model)
    u = finder.rnn_inputs(inputs)
    states = finder.simulate(u)
    check_values(model, weights)
    want = np.asarray(truth())
    got = first_states(finder, states)
    assert states.shape == (*u.shape[:2], finder.system.n_states)
    # Steps that are masked before the first one: Keras returns zero for a state it holds.
    seen = np.maximum.accumulate(u.valid_bxt, axis=1)
    np.testing.assert_allclose(got[seen], want[seen], atol=2e-5)
    np.testing.assert_array_equal(finder.simulate_model(inputs), states)
    np.testing.assert_array_equal(finder.system.simulate(u), states)


def test_a_plain_run_of_a_model_that_changes_nothing_is_the_model():
    model, _, truth = dropout()
    np.testing.assert_allclose(as_system(model).simulate(X), truth(), atol=2e-6)

    class Own(keras.Model):
        def __init__(self):
            super().__init__()
            self.rnn, self.out = gru(), layers.Dense(1)

        def call(self, x):
            return self.out(self.rnn(x))

    model = Own()
    model(X)
    np.testing.assert_allclose(as_system(model).simulate(X), model.rnn(X), atol=2e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_is_followed(policy):
    tolerance = HALF if policy == "mixed_float16" else 8 * HALF
    before = layers.Dense(3, dtype=policy)
    rnn = gru(dtype=policy)
    model = randomised(keras.Sequential([keras.Input((None, 3)), before, rnn]))
    finder = FixedPointFinder(model, verbose=False)
    np.testing.assert_array_equal(finder.rnn_inputs(X), np.asarray(before(X)).astype(float))
    want = np.asarray(model(X)).astype(float)
    np.testing.assert_allclose(finder.simulate_model(X), want, atol=10 * tolerance)


def test_a_saved_model_is_followed(tmp_path):
    model, inputs, truth = embedding_with_mask()
    model.save(tmp_path / "model.keras")
    finder = FixedPointFinder(tmp_path / "model.keras", verbose=False)
    np.testing.assert_allclose(finder.simulate_model(inputs)[1], truth()[1], atol=2e-6)


def test_a_layer_alone_takes_arguments_of_its_call():
    rnn = gru(go_backwards=True)
    rnn(X)
    start = np.full((6, 4), 0.3, "float32")
    mask = np.arange(9)[None] < np.arange(3, 9)[:, None]
    finder = FixedPointFinder(rnn, verbose=False)
    states = finder.simulate_model(X, call_arguments={"initial_state": start, "mask": mask})
    seen = np.maximum.accumulate(mask[:, ::-1], axis=1)
    want = np.asarray(rnn(X, initial_state=start, mask=mask))
    np.testing.assert_allclose(states[seen], want[seen], atol=2e-6)
    np.testing.assert_array_equal(states[~seen], np.float64(np.float32(0.3)))
    np.testing.assert_allclose(finder.simulate(X), rnn(X), atol=2e-6)


# -- what is refused -------------------------------------------------------------------------


def test_a_layer_that_is_called_twice_is_refused_by_name():
    a, b = keras.Input((None, 3)), keras.Input((None, 3))
    rnn = gru()
    model = keras.Model([a, b], layers.Add()([rnn(a), rnn(b)]))
    finder = FixedPointFinder(model, verbose=False)
    with pytest.raises(ValueError, match=r"calls the RNN layer 'rnn' once.*calls it 2 times"):
        finder.rnn_inputs([X, X])


class Loop(keras.Model):
    """Calls the cell, not the layer."""

    def __init__(self):
        super().__init__()
        self.rnn = layers.RNN(layers.GRUCell(4), name="rnn")

    def call(self, x):
        h = [keras.ops.zeros((x.shape[0], 4))]
        for t in range(x.shape[1]):
            _, h = self.rnn.cell(x[:, t] * 0.1, h)
        return h[0]


def test_a_layer_that_is_never_called_is_refused_by_name():
    model = Loop()
    model(X)
    finder = FixedPointFinder(model, verbose=False)
    with pytest.raises(ValueError, match="layer 'rnn' once.*Loop.*never calls it"):
        finder.rnn_inputs(X)


def test_a_vectorised_part_is_refused_by_name():
    inner = layers.TimeDistributed(layers.GRU(4, name="rnn"))
    model = keras.Sequential([keras.Input((None, 9, 3)), inner])
    finder = FixedPointFinder(model, verbose=False)
    with pytest.raises(ValueError, match="calls the RNN layer 'rnn' once"):
        finder.rnn_inputs(np.stack([X, X], axis=1))


class OwnLoop(layers.GRU):
    def inner_loop(self, sequences, initial_state, mask, training=False):
        return super().inner_loop(2.0 * sequences, initial_state, mask, training)


def test_a_layer_with_a_loop_of_its_own_is_refused_by_name():
    model = keras.Sequential([keras.Input((None, 3)), OwnLoop(4, name="rnn")])
    finder = FixedPointFinder(model, verbose=False)
    start = np.zeros((6, 4))
    for ask in (finder.rnn_inputs, finder.simulate, lambda x: finder.simulate(x, start)):
        with pytest.raises(ValueError, match="'rnn': its class OwnLoop has its own inner_loop"):
            ask(X)
    for options in ({}, {"initial_states": start}):
        with pytest.raises(ValueError, match="its own inner_loop"):
            finder.system.simulate(X, **options)


def test_inputs_that_the_model_does_not_take_are_refused():
    model, inputs, _ = two_inputs_as_list()
    finder = FixedPointFinder(model, verbose=False)
    with pytest.raises(ValueError, match=r"model_inputs: expected what 'functional.*received"):
        finder.rnn_inputs(X[..., :2])
    with pytest.raises(TypeError, match="model_inputs: expected plain arrays"):
        finder.rnn_inputs([np.ma.masked_less(X, 0.0), inputs[1]])
    with pytest.raises(TypeError, match="model_inputs: expected real numbers"):
        finder.rnn_inputs([X * 1j, inputs[1]])


def test_a_finder_without_a_model_has_no_inputs_of_a_model():
    finder = FixedPointFinder(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
    with pytest.raises(ValueError, match="rnn_inputs: expected a finder made from a model"):
        finder.rnn_inputs(X)


def test_a_wrong_width_names_the_layers_before():
    model, _, _ = dense()
    finder = FixedPointFinder(model, verbose=False)
    for ask in (finder.simulate, finder.system.simulate):
        with pytest.raises(
            ValueError,
            match=r"\(n_batch, n_time, 8\).*RNN layer 'rnn', behind dense.*rnn_inputs",
        ):
            ask(X)
    with pytest.raises(
        ValueError, match=r"\(n, 8\).*RNN layer 'rnn', behind dense.*rnn_inputs"
    ):
        finder.find_fixed_points(np.zeros((1, 4)), np.zeros((1, 3)))


def test_bare_inputs_of_a_layer_with_masks_or_states_from_the_model_need_them():
    masked = FixedPointFinder(masking()[0], verbose=False)
    with pytest.raises(ValueError, match=r"mask: expected.*masking.*\(Masking\) masks steps"):
        masked.simulate(PADDED)
    mask = np.ones(PADDED.shape[:2], bool)
    plain = masked.system.path.layer(PADDED)
    np.testing.assert_allclose(masked.simulate(PADDED, mask=mask), plain, atol=2e-6)
    with pytest.raises(ValueError, match="mask: expected boolean"):
        masked.simulate(PADDED, mask=mask[:, 1:])
    started = FixedPointFinder(initial_state_from_input()[0], verbose=False)
    with pytest.raises(ValueError, match="initial_states: expected.*passes an initial state"):
        started.simulate(X)
    zero = np.zeros((6, 4))
    np.testing.assert_allclose(
        started.simulate(X, zero), started.system.path.layer(X), atol=2e-6
    )


def test_continuous_time_is_no_run_of_keras():
    rnn = layers.RNN(layers.SimpleRNNCell(2))
    rnn.build((None, None, 3))
    finder = FixedPointFinder(rnn, time="continuous", verbose=False)
    with pytest.raises(ValueError, match="simulate_model: expected a network in discrete time"):
        finder.simulate_model(X)
    assert finder.simulate(X, dt=0.1).shape == (6, 9, 2)


# -- words -----------------------------------------------------------------------------------


def test_constants_at_the_layer_are_said_to_be_so_once(caplog):
    model, _, _ = normalization()
    finder = FixedPointFinder(model, verbose=False)
    starts = np.zeros((4, 4))
    for _ in range(2):
        finder.find_fixed_points(starts, np.zeros((1, 3)))
    told = [r.getMessage() for r in caplog.records]
    assert len(told) == 1 and "at the RNN layer 'rnn', behind normalization" in told[0]


def test_states_of_the_model_do_not_silence_whose_the_constants_are(caplog):
    for model in (normalization()[0], learned_start()[0]):
        caplog.clear()
        finder = FixedPointFinder(model, verbose=False)
        finder.simulate_model(X)
        finder.find_fixed_points(np.zeros((2, 4)), np.zeros((1, 3)))
        assert len(caplog.records) == 1 and "at the RNN layer 'rnn'" in caplog.text


def test_nothing_is_said_where_the_model_hands_its_inputs_on(caplog):
    for model in (dropout()[0], backwards()[0], stateful()[0]):
        finder = FixedPointFinder(model, verbose=False)
        finder.find_fixed_points(np.zeros((2, 4)), np.zeros((1, 3)))
    assert not caplog.records


def test_a_constant_input_of_the_model_is_translated(caplog):
    model, _, _ = normalization()
    finder = FixedPointFinder(model, verbose=False)
    constant = finder.rnn_inputs(np.zeros((1, 2, 3)))[:, -1]
    want = np.asarray(model.layers[0](np.zeros((1, 1, 3), "float32")))[:, 0]
    np.testing.assert_array_equal(constant, want)
    unique, _ = finder.find_fixed_points(np.zeros((4, 4)), constant)
    assert not caplog.records
    np.testing.assert_allclose(finder.system.step(unique.xstar, constant), unique.xstar)


class Noisy(layers.Layer):
    def __init__(self, own_seed):
        super().__init__(name="noisy")
        self.seed = keras.random.SeedGenerator(1) if own_seed else None

    def call(self, x):
        if self.seed is None:
            return x + tf.random.normal(tf.shape(x))
        return x + keras.random.normal(keras.ops.shape(x), seed=self.seed)


@pytest.mark.parametrize("own_seed", [True, False])
def test_noise_that_is_always_on_is_said(own_seed, caplog):
    model = keras.Sequential([keras.Input((None, 3)), Noisy(own_seed), gru()])
    finder = FixedPointFinder(model, verbose=False)
    seeds = values_of(model)
    finder.rnn_inputs(X)
    assert "differ from call to call" in caplog.text and "noisy (Noisy)" in caplog.text
    check_values(model, seeds)


# -- the user's objects ----------------------------------------------------------------------


class Counting(layers.Layer):
    def __init__(self):
        super().__init__()
        self.times = 0
        self.count, self.own = tf.Variable(0), self.add_weight(shape=(), initializer="zeros")

    def call(self, x):
        self.times += 1
        self.count.assign_add(1)
        self.own.assign_add(1.0)
        return x + self.own


def test_the_model_is_as_it_was():
    count = Counting()
    model = keras.Sequential([keras.Input((None, 3)), count, gru(dropout=0.2), layers.Dense(1)])
    model(X)
    rnn = model.get_layer("rnn")
    parts = [*model._flatten_layers(), rnn.cell]
    before = [dict(vars(x)) for x in parts]
    counts, losses = (int(count.count), float(count.own.numpy())), list(model.losses)
    finder = FixedPointFinder(model, verbose=False)
    finder.simulate_model(X)
    with pytest.raises(ValueError, match="model_inputs"):
        finder.simulate_model(X[..., :2])
    for part, attributes in zip(parts, before, strict=True):
        assert set(vars(part)) == set(attributes)
        assert all(vars(part)[name] is value for name, value in attributes.items())
    assert (int(count.count), float(count.own.numpy())) == counts and list(
        model.losses
    ) == losses
    assert not tf.config.functions_run_eagerly()


# -- tf_keras --------------------------------------------------------------------------------


def old_gru(**options):
    return tf_keras.layers.GRU(4, return_sequences=True, name="rnn", **options)


def old_normalization():
    before = tf_keras.layers.Normalization()
    before.adapt(X)
    model = tf_keras.Sequential([tf_keras.Input((None, 3)), before, old_gru()])
    return model, X, lambda: model(X)


def old_mask_backwards():
    stack = [
        tf_keras.layers.Masking(-1.0),
        tf_keras.layers.Dense(2),
        old_gru(go_backwards=True),
    ]
    model = tf_keras.Sequential([tf_keras.Input((None, 3)), *stack])
    return model, PADDED, lambda: model(PADDED)


def old_initial_state():
    x, h = tf_keras.Input((None, 3)), tf_keras.Input((2,))
    start = tf_keras.layers.Dense(4, activation="tanh")(h)
    model = tf_keras.Model([x, h], old_gru()(x, initial_state=start))
    inputs = [X, X[:, 0, :2]]
    return model, inputs, lambda: model(inputs)


def old_time_major():
    x = tf_keras.Input((6, 3), batch_size=9)
    model = tf_keras.Model(x, old_gru(time_major=True)(tf_keras.layers.Dense(3)(x)))
    inputs = X.transpose(1, 0, 2)
    return model, inputs, lambda: tf.transpose(model(inputs), [1, 0, 2])


def old_stateful():
    x = tf_keras.Input(batch_shape=(6, None, 3))
    model = tf_keras.Model(x, old_gru(stateful=True)(x))
    model(X * 0.1)
    rnn = model.get_layer("rnn")
    start = [v.numpy() for v in rnn.states]

    def truth():
        rnn.reset_states(start)
        return model(X)

    return model, X, truth


class OldOwn(tf_keras.Model):
    def __init__(self):
        super().__init__()
        self.before, self.rnn = tf_keras.layers.Dense(3), old_gru()

    def call(self, x):
        return self.rnn(self.before(x), initial_state=0.5 * tf.ones([tf.shape(x)[0], 4]))


def old_own():
    model = OldOwn()
    model(X)
    return model, X, lambda: model(X)


OLD = [
    old_normalization, old_mask_backwards, old_initial_state, old_time_major, old_stateful,
    old_own,
]  # fmt: skip


@pytest.mark.parametrize("make", OLD, ids=lambda make: make.__name__)
def test_models_of_tf_keras_are_followed(make):
    model, inputs, truth = make()
    finder = FixedPointFinder(model, verbose=False)
    u = finder.rnn_inputs(inputs)
    states, again = finder.simulate(u), finder.simulate_model(inputs)
    np.testing.assert_array_equal(states, again)
    seen = np.maximum.accumulate(u.valid_bxt, axis=1)
    np.testing.assert_allclose(states[seen], np.asarray(truth())[seen], atol=2e-5)


def test_the_system_of_a_system_keeps_its_path():
    system = as_system(rescaling()[0])
    assert FixedPointFinder(system).rnn_inputs(X).shape == X.shape


def test_training_goes_on_as_if_nothing_had_been_asked():
    """A dropout mask that stayed in the cell would be that of another batch."""

    def trained(ask):
        keras.utils.set_random_seed(3)
        stack = [
            layers.BatchNormalization(),
            layers.Dropout(0.4),
            gru(dropout=0.3),
            layers.Dense(1),
        ]
        model = keras.Sequential([keras.Input((None, 3)), *stack])
        model.compile("adam", "mse")
        model.fit(X, X[..., :1], verbose=0, shuffle=False)
        if ask:
            FixedPointFinder(model, verbose=False).simulate_model(X[:4])
        model.fit(X, X[..., :1], verbose=0, shuffle=False)
        return model.get_weights(), model.predict(X, verbose=0)

    (weights, predicted), (want_weights, want) = trained(True), trained(False)
    for got, value in zip(weights, want_weights, strict=True):
        np.testing.assert_array_equal(got, value)
    np.testing.assert_array_equal(predicted, want)


def test_what_stands_before_is_named_in_the_order_of_the_model():
    model = keras.Sequential(
        [keras.Input((None, 3)), layers.Masking(0.0), layers.Dense(3, name="in"), gru()]
    )
    finder = FixedPointFinder(model, verbose=False)
    assert re.search(r"masking\S* \(Masking\), in \(Dense\)", finder.system.path.describe())


class Block(layers.Layer):
    def __init__(self):
        super().__init__(name="block")
        self.rnn = gru()

    def build(self, shape):
        self.rnn.build(shape)

    def call(self, x):
        return self.rnn(x[:, ::-1])


def test_a_layer_around_the_rnn_that_acts_is_named():
    model = keras.Sequential([keras.Input((None, 3)), Block(), layers.Dense(1)])
    finder = FixedPointFinder(model, verbose=False)
    np.testing.assert_allclose(finder.simulate_model(X), model.layers[0](X), atol=2e-6)
    assert "block (Block)" in finder.system.path.between()


def test_trials_of_unequal_length_are_refused_by_name():
    rnn = keras.layers.SimpleRNN(2, return_sequences=True)
    model = keras.Sequential([keras.Input((None, 1)), rnn])
    finder = FixedPointFinder(model, verbose=False)
    for trials in ([[[1.0], [2.0]], [[1.0]]], [[1.0], [2.0, 3.0]]):
        with pytest.raises(ValueError, match="^model_inputs: expected arrays, or lists of"):
            finder.simulate_model(trials)
