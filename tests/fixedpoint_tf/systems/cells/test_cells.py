"""Every kind of network that can be analysed computes what the network itself computes."""

import functools
import random

import keras
import numpy as np
import pytest
import tensorflow as tf
import zoo
from each import each

from fixedpoint_tf import as_system
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff

N = 5


class Case:
    """A network, its system and some points, made once for all tests of its kind."""

    def __init__(self, name):
        self.name = name
        self.network = zoo.NETWORKS[name]()
        self.cell = self.network.cell
        self.before = visible(self.network.cell)
        numbers = random.getstate()
        self.system = as_system(self.network.rnn, **self.network.options)
        self.drew_random_numbers = random.getstate() != numbers
        self.final = self.system.dtypes[1]
        rng = np.random.default_rng(3)
        self.h = rng.normal(0, 0.5, (N, self.system.n_states))
        self.u = rng.normal(0, 0.5, (N, self.system.n_inputs))

    def tolerance(self, dtype=None):
        return {"float16": 2e-2, "float32": 3e-5, "float64": 1e-12}[dtype or self.final]

    def own_tolerance(self):
        return max(self.tolerance(), self.tolerance(self.network.dtype))


#: Facts that hold of every network; each is stated of those that its test does not leave out.
FACTS = []


def fact(test=None, *, but_of=()):
    """Add a fact to those of every network, but of some."""
    if test is None:
        return functools.partial(fact, but_of=but_of)
    FACTS.append((test, frozenset(but_of)))
    return test


@pytest.mark.parametrize("name", zoo.NETWORKS)
def test_every_fact_holds(name):
    case = Case(name)

    @each(fact=[fact for fact, but_of in FACTS if name not in but_of])
    def holds(fact):
        fact(case)

    holds()
    # After all of them, the user's network and settings are as they were.
    assert visible(case.cell) == case.before
    if name != "saved":  # loading a model makes layers, in the open
        assert not case.drew_random_numbers


def test_facts_are_many_and_few_networks_are_left_out():
    assert len(FACTS) == 11
    assert {but_of for _, but_of in FACTS} == {
        frozenset(names) for names in ((), zoo.DIFFERENTIATED, zoo.UNCHANGING)
    }


def by_gradients(function, x):
    """Automatic differentiation of each row, one output at a time, (n, d, k)."""
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        outputs = tf.unstack(function(x), axis=-1)
    zero = tf.UnconnectedGradients.ZERO
    rows = [tape.gradient(y, x, unconnected_gradients=zero).numpy() for y in outputs]
    return np.stack(rows, axis=1).astype(np.float64)


def visible(cell):
    """All that a user could see change."""
    layers = cell._flatten_layers() if hasattr(cell, "_flatten_layers") else []
    return {
        "weights": [v.numpy().tobytes() for v in zoo.weights_of(cell)],
        "types": [str(v.dtype) for v in zoo.weights_of(cell)],
        "layers": [
            (x.name, x.built, x.trainable, str(x.compute_dtype), str(x.variable_dtype))
            for x in layers
        ],
        "policy": keras.config.dtype_policy().name,
        "floatx": keras.config.floatx(),
    }


def finite_differences(function, x, step):
    """Central differences of each row, (n, d, k)."""
    columns = []
    for k in range(x.shape[1]):
        e = step * np.eye(x.shape[1])[k]
        columns.append((function(x + e) - function(x - e)).numpy() / (2 * step))
    return np.stack(columns, axis=-1)


@fact
def one_step_is_the_cells_own_call(case):
    ours = case.system.step(case.h, case.u).numpy()
    theirs = case.network.call(case.h, case.u).numpy().astype(np.float64)
    assert ours.dtype == case.final
    np.testing.assert_allclose(ours, theirs, atol=case.own_tolerance())


@fact
def the_result_is_in_double_precision_wherever_the_network_can_be_copied(case):
    assert case.final == ("float32" if case.name in zoo.SINGLE_PRECISION else "float64")


@fact
def jacobians_are_those_of_automatic_differentiation(case):
    """Of the cell itself, in its own type."""
    dtype = case.network.dtype
    h, u = (tf.constant(x, dtype) for x in (case.h, case.u))
    tolerance = 3 * case.own_tolerance()
    np.testing.assert_allclose(
        case.system.jacobian(case.h, case.u),
        by_gradients(lambda h: case.network.own(h, u), h),
        atol=tolerance,
    )
    np.testing.assert_allclose(
        case.system.input_jacobian(case.h, case.u),
        by_gradients(lambda u: case.network.own(h, u), u),
        atol=tolerance,
    )


@fact
def jacobians_are_those_of_finite_differences(case):
    step, tolerance = (1e-5, 1e-8) if case.final == "float64" else (1e-2, 1e-3)
    system = case.system
    by_state = finite_differences(lambda h: system.step(h, case.u), case.h, step)
    by_input = finite_differences(lambda u: system.step(case.h, u), case.u, step)
    ours, ours_by_input = (
        system.jacobian(case.h, case.u).numpy(),
        system.input_jacobian(case.h, case.u).numpy(),
    )
    assert ours.shape == (N, system.n_states, system.n_states)
    assert ours_by_input.shape == (N, system.n_states, system.n_inputs)
    np.testing.assert_allclose(ours, by_state, atol=tolerance)
    np.testing.assert_allclose(ours_by_input, by_input, atol=tolerance)


@fact
def every_standard_cell_has_a_closed_form(case):
    differentiated = isinstance(case.system.equations, Autodiff)
    assert differentiated == (case.name in zoo.DIFFERENTIATED)


@fact(but_of=zoo.DIFFERENTIATED)
def closed_form_and_automatic_differentiation_agree_to_rounding(case):
    system, equations = case.system, case.system.equations
    w, h, u = system.weights(), tf.constant(case.h), tf.constant(case.u)
    automatic = by_gradients(lambda h: equations.step(w, h, u), h)
    by_input = by_gradients(lambda u: equations.step(w, h, u), u)
    np.testing.assert_allclose(system.jacobian(h, u), automatic, atol=1e-14)
    np.testing.assert_allclose(system.input_jacobian(h, u), by_input, atol=1e-14)


@fact
def single_precision_computes_the_same_network(case):
    search = case.system.dtypes[0]
    equations, w = case.system.equations, case.system.weights(search)
    h, u = (tf.constant(x, search) for x in (case.h, case.u))
    image = equations.step(w, h, u)
    assert image.dtype == search
    exact = case.system.step(case.h, case.u)
    np.testing.assert_allclose(image, exact, atol=case.tolerance(search))


@fact
def dropout_and_noise_are_off(case):
    first, second = (case.system.step(case.h, case.u).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, second)


@fact(but_of=zoo.UNCHANGING)
def weights_are_read_at_each_call(case):
    variables = zoo.weights_of(case.cell)
    before = [v.numpy() for v in variables]
    image, jacobian = case.system.step(case.h, case.u), case.system.jacobian(case.h, case.u)
    try:
        for v, old in zip(variables, before, strict=True):
            v.assign(0.5 * old + 0.1)
        changed = case.system.step(case.h, case.u).numpy()
        own = case.network.call(case.h, case.u).numpy().astype(float)
        np.testing.assert_allclose(changed, own, atol=case.own_tolerance())
        assert np.abs(changed - image).max() > 1e-3
        assert np.abs(case.system.jacobian(case.h, case.u) - jacobian).max() > 1e-3
    finally:
        for v, old in zip(variables, before, strict=True):
            v.assign(old)
    np.testing.assert_array_equal(case.system.step(case.h, case.u), image)


@fact
def states_pack_and_unpack_by_name(case):
    layout = case.system.layout
    named = layout.unpack(case.h)
    assert list(named) == [name for name, _ in case.system.state_names]
    assert len(set(named)) == len(named)
    for name, size in case.system.state_names:
        assert named[name].shape == (N, size)
    np.testing.assert_array_equal(layout.pack(named), case.h)
    np.testing.assert_array_equal(layout.pack(list(named.values())), case.h)
    np.testing.assert_array_equal(layout.pack(case.h), case.h)


@fact
def bounds_hold_every_image_of_a_bounded_state(case):
    """An image at which a fixed point could be: h' = h for the bounded coordinates."""
    system = case.system
    assert system.lower.shape == system.upper.shape == (system.n_states,)
    assert (system.lower < system.upper).all()
    h = np.clip(case.h, system.lower, system.upper)
    if system.time == "discrete":
        image = system.step(h, case.u).numpy()
        assert (image >= system.lower - 1e-12).all()
        assert (image <= system.upper + 1e-12).all()
    else:
        assert np.isinf(system.lower).all()


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("GRUCell reset after", ["h"]),
        ("LSTMCell", ["h", "c"]),
        ("StackedRNNCells LSTM, GRU", ["layer0.h", "layer0.c", "layer1.h"]),
        (
            "StackedRNNCells in a stack",
            ["layer0.layer0.h", "layer0.layer0.c", "layer0.layer1.h", "layer1.h"],
        ),
        ("tf_keras StackedRNNCells reversed", ["layer0.h", "layer0.c", "layer1.h"]),
        ("custom cell of two states", ["state0", "state1"]),
    ],
)
def test_names_of_states(name, names):
    network = zoo.NETWORKS[name]()
    assert [n for n, _ in as_system(network.rnn, **network.options).state_names] == names


@pytest.mark.parametrize(
    ("name", "closed"),
    [
        ("SimpleRNNCell tanh", True),
        ("GRUCell mixed_float16", True),
        ("StackedRNNCells in a stack", True),
        ("tf_keras LSTMCell", True),
        ("tf_keras StackedRNNCells reversed", True),
        ("SimpleRNNCell unknown activation", False),
        ("custom cell", False),
    ],
)
def test_closed_forms_serve_exactly_the_standard_cells(name, closed):
    network = zoo.NETWORKS[name]()
    system = as_system(network.rnn, **network.options)
    assert isinstance(system.equations, Autodiff) != closed


def test_a_cell_that_cannot_be_copied_says_so(caplog):
    network = zoo.NETWORKS["custom cell without a configuration"]()
    as_system(network.rnn)
    (record,) = caplog.records
    assert "FunctionCell cannot be copied from its configuration" in record.getMessage()
    assert "evaluated in float32 throughout" in record.getMessage()


def test_freezing_layers_later_does_not_mix_up_the_weights():
    """tf_keras lists frozen weights last; layers of equal shape would trade places."""
    network = zoo.NETWORKS["tf_keras RNN(custom cell)"]()
    system = as_system(network.rnn)
    for layer in (network.cell.frozen, network.cell.mix):
        layer.trainable = not layer.trainable
    h, u = np.full((2, zoo.UNITS), 0.3), np.full((2, zoo.N_INPUTS), 0.2)
    np.testing.assert_allclose(system.step(h, u), network.call(h, u), atol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda n: keras.layers.SimpleRNNCell(n),
        lambda n: keras.layers.GRUCell(n),
        lambda n: keras.layers.GRUCell(n, reset_after=False),
        lambda n: keras.layers.LSTMCell(n),
        lambda n: keras.layers.StackedRNNCells(
            [keras.layers.GRUCell(n, reset_after=False), keras.layers.LSTMCell(2)]
        ),
    ],
    ids=["simple", "GRU reset after", "GRU reset before", "LSTM", "stack"],
)
def test_networks_of_one_kind_and_size_share_what_is_compiled_and_others_do_not(make):
    equations = []
    for units, n_inputs in ((3, 2), (4, 2), (4, 1), (5, 3), (3, 1)):
        cell = make(units)
        cell.build((None, n_inputs))
        system = as_system(cell)
        states = system.simulate(np.ones((2, 1, n_inputs)))
        step = system.step(np.zeros((2, system.n_states)), np.ones((1, n_inputs)))
        np.testing.assert_allclose(states[:, 0], step, atol=1e-14)
        equations.append(system.equations)
    assert equations[1] == equations[2] and equations[0] == equations[4]
    assert len(set(equations)) == 3
