"""What is compiled of a network is made once, and goes with the network."""

import dataclasses
import gc
import weakref

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf._utils.compiling import compiled, kept_with_equations


@kept_with_equations
def next_state(equations):
    return compiled("h", "u")(lambda w, h, u: equations.step(w, h, u))


def analyse(rnn, **options):
    finder = FixedPointFinder(rnn, verbose=False, **options)
    starts, inputs = np.ones((3, 2)), np.zeros((1, 2))
    unique, _ = finder.find_fixed_points(starts, inputs)
    dt = {"dt": 0.1} if finder.system.time == "continuous" else {}
    finder.simulate(np.zeros((1, 4, 2)), **dt)
    finder.continue_branches(unique, [inputs[0], inputs[0] + 0.1])
    finder.find_cycles(np.ones((1, 6, 2)), inputs, **dt)
    return weakref.ref(finder.system), weakref.ref(finder.system.equations)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"method": "adam", "max_iters": 20},
        {"time": "continuous"},
    ],
    ids=["levenberg-marquardt", "adam", "continuous"],
)
def test_a_function_that_was_analysed_is_let_go(options):
    # A cache that outlived it kept some 10 MB a network, for hundreds of networks.
    def halve(h, u):
        return 0.5 * tf.tanh(h) + u

    kept = weakref.ref(halve), *analyse(halve, n_states=2, n_inputs=2, **options)
    del halve
    gc.collect()
    assert [reference() for reference in kept] == [None, None, None]


def test_cells_of_a_kind_and_size_share_what_is_compiled():
    cells = [keras.layers.GRUCell(2) for _ in range(2)]
    for cell in cells:
        cell.build((None, 2))
    first, second = (next_state(as_system(cell).equations) for cell in cells)
    assert first is second


def test_functions_share_nothing_and_each_is_compiled_once():
    systems = [as_system(lambda h, u: 0.5 * h, n_states=2, n_inputs=1) for _ in range(2)]
    first, second = (next_state(system.equations) for system in systems)
    assert first is not second
    assert next_state(systems[0].equations) is first


def n_graphs():
    gc.collect()
    return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())


@dataclasses.dataclass(frozen=True)
class Scaling:
    """Equations of a kind and size."""

    n_states: int

    def step(self, w, h, u):
        return 0.5 * h + tf.reduce_sum(u, 1, keepdims=True)


def test_kinds_of_networks_and_solvers_without_end_are_no_more_graphs():
    # Thirty-two kinds were kept of each of some fifteen solvers, 2 MB each.
    solvers = [
        kept_with_equations(lambda equations: compiled("h", "u")(equations.step))
        for _ in range(16)
    ]

    def after(sizes):
        for n_states in sizes:
            for solver in solvers:
                solver(Scaling(n_states))(tf.ones(2), tf.ones((3, n_states)), tf.ones((3, 1)))
        return n_graphs()

    assert after(range(1, 8)) >= after(range(8, 15))


def test_numbers_of_inputs_without_end_are_no_more_graphs():
    def after(numbers):
        for n_inputs in numbers:
            next_state(Scaling(2))(tf.ones(2), tf.ones((3, 2)), tf.ones((3, n_inputs)))
        return n_graphs()

    assert after(range(1, 11)) >= after(range(11, 21))
