"""Sentences of results and errors that say what a user can do next."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.analysis import compare_networks
from fixedpoint_tf.plotting import plot_flow


def step(h, u):
    return h + 0.1 * (u + h - h**3)


@pytest.fixture(scope="module")
def finder():
    return FixedPointFinder(step, n_states=1, n_inputs=1, verbose=False)


STARTS = np.linspace(-1.5, 1.5, 16)[:, None]


def test_a_finder_shows_its_network(finder):
    assert repr(finder) == (
        "FixedPointFinder(DynamicalSystem(step: discrete, states h (1); 1 input))"
    )


def test_the_missing_bounds_are_called_by_their_argument(finder):
    unique, _ = finder.find_fixed_points(STARTS, [[0.0]])
    assert "(no bounds of its states are known); bounds= gives some" in repr(unique)
    proof = repr(finder.prove_complete(unique))
    assert "the states have no bounds (bounds= gives them)" in proof
    assert "enclosed" not in proof, "no point was examined"


def test_a_search_without_a_fixed_point_says_that_some_may_be_missing():
    finder = FixedPointFinder(lambda h, u: h + u, n_states=1, n_inputs=1, verbose=False)
    unique, _ = finder.find_fixed_points(STARTS, [[0.5]])
    assert not len(unique.fixed)
    assert "some may be missing, and the number found is a lower bound" in repr(unique)


def test_a_proof_that_runs_out_says_of_what():
    matrix = np.random.default_rng(0).normal(size=(8, 8))
    cell = keras.layers.SimpleRNNCell(8)
    cell.build((None, 1))
    cell.set_weights([np.zeros((1, 8)), 2.0 * matrix, np.zeros(8)])
    finder = FixedPointFinder(cell, verbose=False)
    proof = finder.prove_complete(np.zeros((1, 8)), inputs=[[0.0]], max_boxes=8)
    assert repr(proof).startswith("limit of time or boxes: at least ")


def test_several_inputs_of_one_search_are_told_apart(finder):
    with pytest.raises(ValueError, match="received 2 rows. .* FixedPoints.concatenate"):
        finder.find_fixed_points(STARTS, [[0.0], [0.1]])
    with pytest.raises(ValueError, match=r"received shape \(1,\). One constant input is a row"):
        finder.find_fixed_points(STARTS, [0.0])


def test_a_function_needs_both_sizes():
    with pytest.raises(TypeError, match="needs both sizes, n_states= and n_inputs="):
        FixedPointFinder(step)
    with pytest.raises(TypeError, match="n_inputs: .* received None. A function needs both"):
        FixedPointFinder(step, n_states=1)


def test_numpy_needs_a_wrapper_even_with_differences():
    def through_numpy(h, u):
        return tf.convert_to_tensor(np.tanh(h))

    with pytest.raises(ValueError, match="Call such a part by tf.numpy_function"):
        FixedPointFinder(through_numpy, n_states=1, n_inputs=0, derivatives="differences")


def test_a_function_of_one_state_is_asked_for_rows():
    def single(h, u):
        return 0.5 * h / (1.0 + tf.reduce_mean(h))

    with pytest.raises(ValueError, match=r"take rows of states, \(n, n_states\)"):
        FixedPointFinder(single, n_states=2, n_inputs=0)


def test_a_flow_asks_for_the_system_of_a_finder(finder):
    with pytest.raises(TypeError, match="expected a dynamical system, such as finder.system"):
        plot_flow(finder, np.zeros((3, 2)))


def test_starts_of_many_networks_may_be_a_function():
    with pytest.raises(ValueError, match="or a function from a finder to such states"):
        compare_networks({"step": step}, np.zeros((4, 5, 1)), [[0.0]])


def test_a_printed_comparison_is_its_table(finder):
    table, _ = compare_networks(
        {"step": finder.system}, STARTS, [[0.0]], measures={"ones": lambda *_: 1.0}
    )
    assert str(table) == table.to_markdown() and "| step | 3 | 2 | 1 |" in str(table)
    assert repr(table).startswith("1 network: fixed, stable")


def test_ways_to_the_only_attractor_are_counted():
    def one_sided(
        h, u
    ):  # a source at 1, an attractor at 0, and no other: beyond it all runs away
        return h + 0.1 * (h * h - h)

    finder = FixedPointFinder(one_sided, n_states=1, n_inputs=0, verbose=False)
    unique, _ = finder.find_fixed_points([[-0.2], [0.1], [0.9], [1.1]])
    said = repr(finder.find_connections(unique))
    assert said.startswith("2 ways out of 1 saddle; 1 to a fixed point given; 1 running away")


def test_perturbations_that_do_not_grow_are_so_called():
    def contraction(h, u):
        return 0.5 * h + u

    finder = FixedPointFinder(contraction, n_states=1, n_inputs=1, verbose=False)
    unique, _ = finder.find_fixed_points(STARTS, [[0.0]])
    said = repr(finder.analyze_sensitivity(unique))
    assert said.endswith("perturbations do not grow")
