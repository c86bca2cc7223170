"""What is compiled of a network is made once, and goes with the network."""

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
