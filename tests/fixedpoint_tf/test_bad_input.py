"""Bad input is refused before any work, in words that say what was expected and what came."""

import functools
import re
import zipfile

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import zoo
from each import each
from keras import layers

from fixedpoint_tf import (
    FinderConfig,
    FixedPointFinder,
    FixedPoints,
    Status,
    analysis,
    as_system,
)
from fixedpoint_tf._utils.checks import unmasked
from fixedpoint_tf.analysis import search_deflated

QUIET = {"verbose": False}
MAP = {"n_states": 2, "n_inputs": 1}


def halve(h, u):
    return 0.5 * h + u


@functools.cache
def plain_finder():
    return FixedPointFinder(halve, **MAP, **QUIET)


def finder(**options):
    return FixedPointFinder(halve, **MAP, **QUIET, **options) if options else plain_finder()


@functools.cache
def lstm_finder():
    cell = layers.LSTMCell(2)
    cell.build((None, 1))
    return FixedPointFinder(cell, **QUIET)


X, U = np.zeros((6, 2)), np.zeros((1, 1))


def with_bad(array, value, *rows):
    array = np.array(array)
    array[list(rows), 0] = value
    return array


# -- states and inputs --------------------------------------------------------------------

SEARCHES = {
    "one state and not a batch": (
        (np.zeros(2), U),
        r"initial_states: expected shape \(n, n_states\) = \(n, 2\), received shape \(2,\)",
    ),
    "trajectories": (
        (np.zeros((2, 3, 2)), U),
        r"initial_states: expected shape \(n, n_states\) = \(n, 2\), received shape "
        r"\(2, 3, 2\)",
    ),
    "states too wide": (
        (np.zeros((6, 3)), U),
        r"initial_states: expected shape \(\.\.\., 2\), received shape \(6, 3\)",
    ),
    "no states": (
        (np.zeros((0, 2)), U),
        r"initial_states: expected at least one row, received",
    ),
    "nothing": ((None, U), "initial_states: expected an array of real numbers, received None"),
    "words": ((["a", "b"], U), "initial_states: expected an array of real numbers, received"),
    "complex states": ((X * 1j, U), "initial_states: expected .* real numbers, .* complex128"),
    "ragged": (([[0.0, 1.0], [2.0]], U), r"initial_states: expected .*, received"),
    "NaN states": (
        (with_bad(X, np.nan, 1, 4), U),
        r"initial_states: expected finite numbers, received NaN or infinity in 2 of 6 rows "
        r"\(rows 1, 4\)",
    ),
    "many NaN states": (
        (np.full((9, 2), np.nan), U),
        r"in 9 of 9 rows \(rows 0, 1, 2, 3, 4, \.\.\.\)",
    ),
    "infinite states": ((with_bad(X, -np.inf, 3), U), r"initial_states.* \(rows 3\)"),
    "inputs of another rank": (
        (X, np.zeros(1)),
        r"inputs: expected shape \(n, n_inputs\) = \(n, 1\), received shape \(1,\)",
    ),
    "inputs too wide": (
        (X, np.zeros((1, 4))),
        r"inputs: expected shape \(n, n_inputs\) = \(n, 1\), received shape \(1, 4\)",
    ),
    "inputs of another length": (
        (X, np.zeros((5, 1))),
        "inputs: expected one row, or one for each of the 6 initial states, received 5 rows",
    ),
    "no inputs": ((X, np.zeros((0, 1))), "inputs: expected at least one row"),
    "NaN inputs": (
        (X, with_bad(np.zeros((6, 1)), np.inf, 5)),
        r"inputs: expected finite numbers, received NaN or infinity in 1 of 6 rows \(rows 5\)",
    ),
    "no input at all": ((X, None), "inputs: expected an array of real numbers, received None"),
    "labels of another length": (
        (X, U, np.arange(4)),
        r"cond_ids: expected whole numbers of shape \(6,\).*, received int64 of shape \(4,\)",
    ),
    "labels that are no numbers": (
        (X, U, list("abcdef")),
        r"cond_ids: expected whole numbers of shape \(6,\)",
    ),
}


@each(case=SEARCHES)
def test_states_and_inputs(case):
    arguments, message = SEARCHES[case]
    with pytest.raises((ValueError, TypeError), match=message):
        finder().find_fixed_points(*arguments)


PACKED = {
    "too few": ([np.zeros((3, 2))], "one by one with widths"),
    "of another width": ([np.zeros((3, 2)), np.zeros((3, 4))], r"'c'\] one by one with widths"),
    "of other lengths": (
        [np.zeros((3, 2)), np.zeros((4, 2))],
        r"received shapes \[\(3, 2\), \(4, 2\)\]",
    ),
    "of other names": (
        {"h": np.zeros((3, 2)), "memory": np.zeros((3, 2))},
        r"initial_states: expected the states \['h', 'c'\], received \['h', 'memory'\]",
    ),
    "half of them": (
        np.zeros((3, 2)),
        r"expected shape \(\.\.\., 4\), or the states \['h', 'c'\] one by one with "
        r"widths \[2, 2\], received shape \(3, 2\)",
    ),
}


@each(case=PACKED)
def test_nested_states(case):
    states, message = PACKED[case]
    with pytest.raises(ValueError, match=message):
        lstm_finder().find_fixed_points(states, U)


def test_a_network_that_returns_nan_at_the_start():
    def root(h, u):
        return tf.sqrt(h) + u

    x = with_bad(np.ones((6, 2)), -1.0, 0, 2)
    with pytest.raises(
        ValueError,
        match="rnn: expected finite new states, received NaN or infinity at 2 of the 6 initial",
    ):
        FixedPointFinder(root, **MAP, **QUIET).find_fixed_points(x, U)


def test_nan_weights_are_found_at_the_start():
    cell = layers.GRUCell(2)
    cell.build((None, 1))
    cell.bias.assign(np.full(cell.bias.shape, np.nan))
    with pytest.raises(ValueError, match="NaN or infinity at 6 of the 6 initial states. Check"):
        FixedPointFinder(cell, **QUIET).find_fixed_points(X, U)


@pytest.mark.parametrize(
    ("h", "u", "message"),
    [
        (np.zeros(2), U, r"h: expected shape \(n, 2\), received shape \(2,\)"),
        (tf.zeros([1, 3]), U, r"h: expected shape \(n, 2\), received shape \(1, 3\)"),
        (X, np.zeros((1, 2)), r"u: expected shape \(n, 1\), received shape \(1, 2\)"),
        (
            X,
            np.zeros((4, 1)),
            "u: expected one row, or one for each of the 6 states, received 4",
        ),
        (X, None, "u: expected an array of real numbers, received None"),
    ],
)
@pytest.mark.parametrize("method", ["step", "jacobian", "input_jacobian"])
def test_evaluating_a_system(method, h, u, message):
    with pytest.raises((ValueError, TypeError), match=message):
        getattr(as_system(halve, **MAP), method)(h, u)


# -- networks -----------------------------------------------------------------------------


def untouched(make):
    """A layer as its class makes it: never called, never built."""
    return lambda: make()


def called_on(shape, make):
    def network():
        made = make()
        made(tf.zeros(shape))
        return made

    return network


def built(make, n_inputs=3):
    def network():
        made = make()
        made.build((None, n_inputs))
        return made

    return network


def legacy(name, *args, shape=None):
    def network():
        made = zoo.legacy(name, *args)()
        if shape:
            made(tf.zeros(shape))
        return made

    return network


def legacy_bidirectional():
    import tf_keras

    return tf_keras.layers.Bidirectional(tf_keras.layers.GRU(2))


def bidirectional_model():
    x = keras.Input((None, 3))
    return keras.Model(x, layers.Bidirectional(layers.GRU(2), name="both")(x))


def model_without_rnn():
    return keras.Sequential([keras.Input((3,)), layers.Dense(2, name="readout")])


class AttentiveCell(zoo.LeakyCell):
    def call(self, inputs, states, constants):
        return super().call(inputs + constants, states)


class LyingCell(zoo.LeakyCell):
    def call(self, inputs, states):
        _, (h,) = super().call(inputs, states)
        return h, [h[:, :1]]


class UnknownWidth(layers.Layer):
    """Built, but nothing tells for how many inputs."""

    state_size = 2

    def call(self, inputs, states):
        return states[0], states

    def get_build_config(self):
        return None


class MatrixCell(zoo.LeakyCell):
    def __init__(self):
        super().__init__(2)
        self.state_size = [tf.TensorShape([2, 2])]


class NamelessSize(zoo.LeakyCell):
    def __init__(self):
        super().__init__(2)
        self.state_size = "many"


def half_precision():
    return zoo.FunctionCell(2, tf.sin, dtype="mixed_float16")


NETWORKS = {
    "unbuilt cell": (
        untouched(lambda: layers.GRUCell(2, name="mine")),
        {},
        r"expected 'mine' \(GRUCell\) with its weights.*or call \.build\(\(None, n_inputs\)\)",
    ),
    "unbuilt layer": (untouched(lambda: layers.LSTM(2)), {}, r"\(LSTMCell\) with its weights"),
    "unbuilt stack": (
        untouched(lambda: layers.StackedRNNCells([layers.GRUCell(2)])),
        {},
        "with its weights, received one that is not built",
    ),
    "unbuilt model": (
        untouched(lambda: keras.Sequential([layers.GRU(2)])),
        {},
        "with its weights, received one that is not built",
    ),
    "unbuilt tf_keras cell": (
        legacy("GRUCell", 2),
        {},
        "with its weights, received one that is not built",
    ),
    "cell without a number of inputs": (
        built(UnknownWidth),
        {},
        "n_inputs: expected the number of .*which does not remember it, received None",
    ),
    "another number of inputs": (
        built(lambda: layers.GRUCell(2, name="mine")),
        {"n_inputs": 4},
        "n_inputs: expected 3, as 'mine' was built, received 4",
    ),
    "another number of states": (
        built(lambda: layers.LSTMCell(2, name="mine")),
        {"n_states": 2},
        "n_states: expected 4, as 'mine' has it, received 2",
    ),
    "Bidirectional": (
        untouched(lambda: layers.Bidirectional(layers.GRU(2, name="gru"))),
        {},
        r"is Bidirectional.*Say which direction to take: pass its \.forward_layer "
        r"\('forward_gru'\) or \.backward_layer \('backward_gru'\)",
    ),
    "model with a Bidirectional": (
        bidirectional_model,
        {},
        "the layer 'both' is Bidirectional",
    ),
    "Bidirectional by its name": (
        bidirectional_model,
        {"layer": "both"},
        "the layer 'both' is Bidirectional",
    ),
    "tf_keras Bidirectional": (legacy_bidirectional, {}, "is Bidirectional"),
    "model without an RNN": (
        model_without_rnn,
        {},
        r"expected an RNN layer in .*, received layers \[.*'readout \(Dense\)'\]",
    ),
    "model with two": (
        zoo.two_layers,
        {},
        r"one RNN layer in .*, received 2: \['first', 'second'\]\. Name one of them with "
        "layer=",
    ),
    "name of no layer": (
        zoo.two_layers,
        {"layer": "third"},
        r"layer: expected an RNN layer of the model .*\['first', 'second'\], received 'third'",
    ),
    "a layer's name for a cell": (
        built(lambda: layers.GRUCell(2)),
        {"layer": "first"},
        "layer: expected None beside 'gru_cell.*', which is no model.*, received 'first'",
    ),
    "convolutional layer": (
        called_on([1, 2, 4, 4, 1], lambda: layers.ConvLSTM2D(2, 3, name="mine")),
        {},
        r"expected states of 'mine' \(ConvLSTMCell\) that are vectors, received convolutional",
    ),
    "unbuilt convolutional layer": (
        untouched(lambda: layers.ConvLSTM1D(2, 3)),
        {},
        "that are vectors, received convolutional",
    ),
    "tf_keras convolutional layer": (
        legacy("ConvLSTM2D", 2, 3, shape=[1, 2, 4, 4, 1]),
        {},
        "that are vectors, received convolutional",
    ),
    "states that are matrices": (
        built(MatrixCell),
        {},
        "that are vectors of at least one unit",
    ),
    "state_size that is no size": (
        built(NamelessSize),
        {},
        "state_size of .* that is a whole number or a list of them, received 'many'",
    ),
    "cell that wants constants": (
        built(lambda: AttentiveCell(2)),
        {},
        r"to accept inputs \(n, 3\) and states of widths \[2\], and nothing else, received .* "
        "on zeros: TypeError: .*constants",
    ),
    "cell that returns other states": (
        built(lambda: LyingCell(2)),
        {},
        r"to return new states of widths \[2\], as its state_size says, received 1 columns",
    ),
    "cell in half precision without a configuration": (
        built(half_precision),
        {},
        "computes in float16 .*cannot be copied in float32 .*Give FunctionCell a get_config",
    ),
    "layer that is no RNN": (
        called_on([1, 3], lambda: layers.Dense(2, name="mine")),
        {},
        "rnn: expected a Keras cell, .*, received the layer 'mine' of type Dense, which has no "
        "state",
    ),
    "tf_keras layer that is no RNN": (
        legacy("Dense", 2, shape=[1, 3]),
        {},
        "rnn: expected a Keras cell, .* of type Dense, which has no state_size",
    ),
    "class": (lambda: layers.GRUCell, {}, "received the class GRUCell: make one"),
    "number": (lambda: 3, {}, "rnn: expected a Keras cell, an RNN layer, .*, received int"),
    "nothing": (lambda: None, {}, "rnn: expected a Keras cell, .*, received NoneType"),
    "list": (lambda: [layers.GRUCell(2)], {}, "rnn: expected a Keras cell, .*, received list"),
    "path of no file": (lambda: "no.keras", {}, "the path 'no.keras', which is no file"),
    "time": (lambda: halve, {"time": "discreet", **MAP}, "time: expected 'discrete' or 'conti"),
    "function alone": (
        lambda: halve,
        {},
        "n_states: expected a whole number of at least 1 for 'halve', received None",
    ),
    "function of no states": (
        lambda: halve,
        {"n_states": 0, "n_inputs": 1},
        "at least 1 for .*, received 0",
    ),
    "function without inputs": (
        lambda: halve,
        {"n_states": 2},
        "n_inputs: expected a whole number of at least 0 for",
    ),
    "fraction of a state": (lambda: halve, {"n_states": 2.5, "n_inputs": 1}, "received 2.5"),
    "function that returns NumPy": (
        lambda: lambda h, u: np.tanh(h),
        MAP,
        "that returns a TensorFlow tensor, so that it can be differentiated, received ndarray",
    ),
    "function through NumPy": (
        lambda: lambda h, u: tf.convert_to_tensor(np.tanh(h)),
        MAP,
        "to consist of TensorFlow operations, .* NumPy on the states",
    ),
    "function of another width": (
        lambda: lambda h, u: tf.concat([h, u], 1),
        MAP,
        r"that returns the next states, of shape \(n, 2\), received \(2, 3\) for n = 2",
    ),
    "function that mixes its rows": (
        lambda: lambda h, u: h - tf.reduce_mean(h, axis=0),
        MAP,
        "to map each state by itself and always alike, .* changes with the other rows",
    ),
    "function with noise": (
        lambda: lambda h, u: h + tf.random.normal(tf.shape(h), dtype=h.dtype),
        MAP,
        "to map each state by itself and always alike, .* second call: noise",
    ),
    "function that fails": (
        lambda: lambda h, u: tf.matmul(h, tf.zeros([5, 5], h.dtype)),
        MAP,
        r"of states \(n, 2\) and inputs \(n, 1\) that keeps their type, received one that "
        "fails",
    ),
    "function that changes the type": (
        lambda: lambda h, u: tf.cast(h, tf.float16),
        MAP,
        "float32: it returns float16; float64: it returns float16",
    ),
    "type": (
        lambda: halve,
        {"dtype": "int32", **MAP},
        "dtype: expected 'float32' or 'float64'",
    ),
    "bounds upside down": (
        lambda: halve,
        {"bounds": (1.0, -1.0), **MAP},
        r"bounds: expected lower < upper in every coordinate, received \(1.0, -1.0\)",
    ),
    "bounds of another width": (
        lambda: halve,
        {"bounds": (np.zeros(3), np.ones(3)), **MAP},
        r"bounds: expected \(lower, upper\), numbers or arrays of shape \(2,\)",
    ),
    "one bound": (lambda: halve, {"bounds": 1.0, **MAP}, r"bounds: expected \(lower, upper\)"),
    "options of a system": (
        lambda: as_system(halve, **MAP),
        {"time": "continuous"},
        "time: expected None beside a DynamicalSystem, received",
    ),
}


@each(case=NETWORKS)
def test_networks(case):
    make, options, message = NETWORKS[case]
    rnn = make()
    with pytest.raises((ValueError, TypeError), match=re.compile(message, re.DOTALL)):
        as_system(rnn, **options)


def test_another_backend_of_keras(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(
        ValueError, match="Keras: expected the TensorFlow backend, received 'jax'"
    ):
        FixedPointFinder(halve, **MAP)


@pytest.mark.parametrize("content", [b"", b"no archive"])
def test_a_file_that_is_no_model(tmp_path, content):
    path = tmp_path / "model.keras"
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match="expected a model that Keras can load, received '.*model.keras'"
    ):
        as_system(path)


def test_a_damaged_model_file(tmp_path):
    path = tmp_path / "model.keras"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    with pytest.raises(
        ValueError, match="expected a model that Keras can load, received '.*model.keras'"
    ):
        as_system(path)


# -- options ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tol_q", "tol_dq", "tol_unique"])
@pytest.mark.parametrize("value", [-1e-12, np.nan, "small", None, True])
def test_tolerances(name, value):
    message = rf"{name}: expected a number of at least 0, received {value!r}"
    with pytest.raises(ValueError, match=re.escape(message)):
        finder(**{name: value})


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("tol_uniqe", "tol_unique"),
        ("max_iter", "max_iters"),
        ("do_compute_jacobian", "do_compute_jacobians"),
        ("n_input", "n_inputs"),
    ],
)
def test_an_unknown_option_is_met_with_the_nearest_known_one(name, near):
    with pytest.raises(TypeError, match=f"received '{name}'.*Did you mean '{near}'"):
        finder(**{name: 1})


def test_an_option_like_no_other():
    with pytest.raises(TypeError, match=r"among \['tol_q', [^?]*received 'zzz'\.$"):
        FinderConfig.from_options({"zzz": 1})


# -- files of results ---------------------------------------------------------------------


def test_a_file_of_fixed_points_that_is_damaged(tmp_path):
    path = tmp_path / "points.h5"
    FixedPoints(xstar=np.zeros((500, 20))).save(path)
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(ValueError, match="'.*points.h5', which is damaged"):
        FixedPoints.load(path)


def test_a_file_of_something_else(tmp_path):
    path = tmp_path / "other.h5"
    with h5py.File(path, "w") as file:
        file["spikes"] = np.zeros(3)
    with pytest.raises(ValueError, match="'.*other.h5', which does not begin with its check"):
        FixedPoints.load(path)
    path.write_bytes(b"\x80\x04 a pickle")
    with pytest.raises(ValueError, match="other.h5', which is no HDF5 file"):
        FixedPoints.load(path)


# -- no fixed point at all is no bad input ------------------------------------------------


def test_a_network_without_fixed_points_has_an_empty_result_that_plots_and_saves(tmp_path):
    drift = FixedPointFinder(lambda h, u: h + 1.0, **MAP, **QUIET)
    unique, all_points = drift.find_fixed_points(
        np.random.default_rng(0).normal(size=(8, 2)), U
    )
    assert len(unique.fixed) == 0
    assert not (all_points.status == Status.FIXED_POINT).any()
    nothing = unique.fixed
    assert nothing.J_xstar.shape == (0, 2, 2) and nothing.dFdu.shape == (0, 2, 1)
    assert "no fixed points" in repr(nothing)
    figure, axes = nothing.plot()
    assert figure is not None and axes is not None
    nothing.save(tmp_path / "none.h5")
    again = FixedPoints.load(tmp_path / "none.h5")
    assert len(again) == 0 and again.n_states == 2


# -- questions ----------------------------------------------------------------------------


@functools.cache
def both_results():
    return finder().find_fixed_points(X, U)


def built(layer):
    layer(np.zeros((1, 2)))
    return layer


QUESTIONS = {
    "both results to certify": (
        lambda: finder().certify(both_results()),
        "points: expected one FixedPoints, .* received a tuple of 2",
    ),
    "both results to continue": (
        lambda: finder().continue_branches(both_results(), [[0.0], [1.0]]),
        "points: expected one FixedPoints, .* received a tuple of 2",
    ),
    "both results to basins": (
        lambda: finder().estimate_basins(both_results(), X),
        "points: expected one FixedPoints, .* received a tuple of 2",
    ),
    "coverage of points that are NaN": (
        lambda: finder().estimate_coverage(
            FixedPoints(xstar=with_bad(X, np.nan, 1, 4), status=np.zeros(6, int))
        ),
        "points: expected finite states .* received NaN or infinity in 2 of 6 rows, .* row 1",
    ),
    "known points that are NaN": (
        lambda: search_deflated(
            as_system(halve, **MAP),
            FixedPoints(
                xstar=with_bad(X, np.nan, 1, 4),
                inputs=np.zeros((6, 1)),
                status=np.zeros(6, int),
            ),
        ),
        "points: expected finite states, received NaN or infinity in 2 of 6 rows, .* row 1",
    ),
    "a readout that is not built": (
        lambda: finder().analyze_sensitivity(both_results()[0], layers.Dense(1, name="out")),
        r"readout: expected an array .* received 'out' \(Dense\) that is not built yet",
    ),
    "a readout without a kernel": (
        lambda: finder().analyze_sensitivity(both_results()[0], built(layers.Rescaling(2.0))),
        "readout: expected an array .* without a kernel",
    ),
    "a seed in words": (
        lambda: finder().certify(both_results()[0], seed="a"),
        "seed: expected a whole number of at least 0, received 'a'",
    ),
    "a seed below zero": (
        lambda: finder().linear_error(both_results()[0], seed=-1),
        "seed: expected a whole number of at least 0, received -1",
    ),
    "no seed": (
        lambda: finder().estimate_coverage(both_results()[1], seed=None),
        "seed: expected a whole number of at least 0, received None",
    ),
    "a seed of cycles": (
        lambda: finder().find_cycles(X, U, seed=0.5),
        "seed: expected a whole number of at least 0, received 0.5",
    ),
    "a step of a discrete network": (
        lambda: finder().simulate(np.zeros((2, 3, 1)), dt=0.1),
        "dt: expected None for a discrete system, received 0.1",
    ),
    "bounds the wrong way round": (
        lambda: finder().continue_branches(both_results()[0], [[0.0], [1.0]], bounds=(1, 0)),
        r"bounds: expected lower < upper in every coordinate, received \(1, 0\)",
    ),
    "a readout that is NaN": (
        lambda: finder().analyze_sensitivity(both_results()[0], np.array([[1.0, np.nan]])),
        "readout: expected finite numbers, received NaN or infinity in 1 of 2 entries",
    ),
    "an input that is NaN": (
        lambda: finder().sample_slow_states(X, [[np.nan]]),
        r"inputs: expected finite numbers, received \[nan\]",
    ),
    "several inputs for one": (
        lambda: finder().sample_slow_states(X, np.zeros((3, 1))),
        r"inputs: expected shape \(n_inputs,\) = \(1,\) or \(1, 1\), .* received \(3, 1\)",
    ),
    "no limit of q": (
        lambda: finder(tol_dq=np.inf),
        "tol_dq: expected a finite number of at least 0, received inf",
    ),
}


@each(case=QUESTIONS)
def test_questions(case):
    ask, message = QUESTIONS[case]
    with pytest.raises((ValueError, TypeError), match=message):
        ask()


def test_where_each_start_ended_is_as_good_as_the_distinct_points():
    def step(h, u):
        return h + 0.1 * (h - h**3)

    wells = FixedPointFinder(step, n_states=1, n_inputs=0, **QUIET)
    x = np.linspace(-1.5, 1.5, 8)[:, None]
    unique, all_points = wells.find_fixed_points(x)
    by_each = wells.estimate_basins(all_points, x)
    assert len(by_each.attractors) == 2
    assert sorted(by_each.counts) == sorted(wells.estimate_basins(unique, x).counts) == [4, 4]
    assert repr(by_each).startswith("8 states reach 2 of 2 attractors")


def test_states_as_they_are_may_be_asked_whether_they_are_slow():
    f = FixedPointFinder(lambda h, u: h + 1e-3 * u, **MAP | {"n_inputs": 2}, **QUIET)
    x = np.array([[0.0, 1.0], [2.0, 3.0]])
    for u in ([1.0, 0.0], [[1.0, 0.0]]):
        found = f.sample_slow_states(x, u, n_steps=0)
        assert sorted(found.xstar.tolist()) == x.tolist()
        np.testing.assert_allclose(found.qstar, 0.5e-6)


def test_the_inputs_of_a_model_are_named_as_such():
    model = keras.Sequential([keras.Input((None, 3)), layers.Rescaling(0.5), layers.GRU(2)])
    f = FixedPointFinder(model, **QUIET)
    with pytest.raises(ValueError, match="^model_inputs: expected"):
        f.simulate_model(np.zeros((2, 4, 2)))


def test_an_operation_over_rows_is_not_called_noise_first():
    with pytest.raises(ValueError, match="another row: an operation over rows"):
        FixedPointFinder(lambda h, u: 0.1 * tf.cumsum(h, axis=0), n_states=2, n_inputs=0)


@pytest.mark.parametrize("n_inits", [True, 0, 2.5, "3", None])
def test_a_number_of_states_to_draw_is_a_whole_number(n_inits):
    finder = FixedPointFinder(lambda h, u: 0.5 * h, n_states=2, n_inputs=0, verbose=False)
    with pytest.raises(
        ValueError, match="n_inits: expected a whole number of at least 1, received"
    ):
        finder.sample_states(np.zeros((2, 3, 2)), n_inits)


def test_without_points_a_deflated_search_asks_for_inputs():
    finder = FixedPointFinder(lambda h, u: h + 1.0, n_states=2, n_inputs=1, verbose=False)
    none, _ = finder.find_fixed_points(np.zeros((2, 2)), [[0.0]])
    with pytest.raises(ValueError, match="points: expected .* received no points"):
        finder.search_deflated(none)


@pytest.mark.parametrize(
    ("question", "counts"),
    [
        ("estimate_basins", {"states": [[0.5], [-0.5]], "max_steps": 64}),
        ("find_connections", {"max_steps": 64, "n_directions": 2}),
        ("linear_error", {"n_steps": 3, "n_directions": 4}),
        ("sample_slow_states", {"states": [[0.5], [-0.5]], "n_steps": 3, "max_points": 9}),
    ],
)
def test_a_count_of_a_small_type_is_that_count(question, counts):
    wells = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
    points = {"points": FixedPoints(xstar=np.array([[-1.0], [0.0], [1.0]]))}
    ask = getattr(analysis, question)
    given = counts if question == "sample_slow_states" else points | counts
    small = {k: np.uint8(v) if isinstance(v, int) else v for k, v in given.items()}
    assert repr(ask(wells, **small)) == repr(ask(wells, **given))


# -- what is right at the edges -----------------------------------------------------------


def test_no_point_at_all_is_certified():
    points, _ = finder().find_fixed_points(X, U)
    assert finder().certify(points[:0]).certified.shape == (0,)


def test_a_memory_without_limit_is_one():
    assert len(finder(memory_limit=np.inf).find_fixed_points(X, U)[0]) == 1


def test_labels_beyond_64_bits_are_refused():
    labels = np.full(6, 2**63, dtype=np.uint64)
    with pytest.raises(ValueError, match="cond_ids: expected whole numbers"):
        finder().find_fixed_points(X, U, cond_ids=labels)


def test_the_mask_of_complex_numbers_hides_them():
    masked = np.ma.masked_array([0.5 + 0.1j, 0.2], mask=[True, False])
    assert np.isnan(unmasked(masked)).tolist() == [True, False]


def test_a_function_of_text_is_no_network():
    with pytest.raises(ValueError, match="rnn: expected a function .* it returns string"):
        FixedPointFinder(lambda h, u: tf.as_string(h), **MAP, **QUIET)


@pytest.mark.parametrize("seed", [2**32, 10**30])
def test_any_whole_number_is_a_seed(seed):
    assert FinderConfig(random_seed=seed).random_seed == seed


def test_the_shortest_step_is_named_where_it_is_too_long():
    points, _ = finder().find_fixed_points(X, U)
    with pytest.raises(ValueError, match="min_step: expected at most max_step"):
        finder().continue_branches(points, [[0.0], [1.0]], min_step=1.5)
