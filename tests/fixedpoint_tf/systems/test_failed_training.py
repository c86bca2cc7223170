"""Weights that became NaN after the finder was made: no question answers."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, FixedPoints, plotting

X, U = np.random.default_rng(0).normal(size=(8, 2)), np.zeros((1, 1))
KERNEL, RECURRENT = np.array([[1.0, 0.5]]), np.array([[2.0, 0.3], [-0.3, 2.0]])


class OwnCell(keras.layers.Layer):
    state_size = output_size = 2

    def build(self, shape):
        self.w = self.add_weight(shape=(2, 2), initializer=keras.initializers.Identity(2.0))

    def call(self, u, states):
        new = tf.tanh(tf.matmul(states[0], tf.cast(self.w, states[0].dtype)) + u)
        return new, [new]


def standard():
    cell = keras.layers.SimpleRNNCell(2)
    cell.build((None, 1))
    cell.set_weights([KERNEL, RECURRENT, np.zeros(2)])
    return cell, {}, lambda: cell.recurrent_kernel.assign(RECURRENT * np.nan)


def own():
    cell = OwnCell()
    cell.build((None, 1))
    return cell, {"n_inputs": 1}, lambda: cell.w.assign(RECURRENT * np.inf)


def function():
    w = tf.Variable(RECURRENT)

    def update(h, u):
        return tf.tanh(tf.matmul(h, tf.cast(w, h.dtype)) + u)

    return update, {"n_states": 2, "n_inputs": 1}, lambda: w.assign(RECURRENT * np.nan)


QUESTIONS = {
    "search": lambda f, p: f.find_fixed_points(X, U),
    "simulate": lambda f, p: f.simulate(np.zeros((1, 2, 1))),
    "certify": lambda f, p: f.certify(p),
    "prove": lambda f, p: f.prove_complete(p),
    "index": lambda f, p: f.sum_index(p),
    "deflated": lambda f, p: f.search_deflated(p),
    "slow": lambda f, p: f.sample_slow_states(X, U),
    "attractors": lambda f, p: f.classify_attractors(p),
    "cycles": lambda f, p: f.find_cycles(X, U),
    "branches": lambda f, p: f.continue_branches(p, np.array([[0.0], [1.0]])),
    "connections": lambda f, p: f.find_connections(p),
    "basins": lambda f, p: f.estimate_basins(p, X),
    "sensitivity": lambda f, p: f.analyze_sensitivity(p),
    "linear": lambda f, p: f.linear_error(p),
    "flow": lambda f, p: plotting.plot_flow(f.system, p, U),
}


@pytest.mark.parametrize("network", [standard, own, function])
def test_no_question_answers_of_weights_that_are_not_finite(network):
    rnn, options, spoil = network()
    finder = FixedPointFinder(rnn, **options, verbose=False)
    points, _ = finder.find_fixed_points(X, U)
    spoil()
    for name, ask in QUESTIONS.items():
        with pytest.raises(ValueError) as raised:
            ask(finder, points)
            pytest.fail(name)
        text = str(raised.value)
        assert text.startswith("rnn: expected finite ") and "weights" in text, (name, text)


def test_jacobians_that_are_not_finite_are_refused_by_name():
    finder = FixedPointFinder(standard()[0], verbose=False)
    points, _ = finder.find_fixed_points(X, U)
    eigen = dict.fromkeys(("eigval_J_xstar", "eigvec_J_xstar", "left_eigvec_J_xstar"))
    for spoilt in (
        dataclasses.replace(points, J_xstar=points.J_xstar * np.nan),
        dataclasses.replace(points, J_xstar=points.J_xstar * np.nan, is_stable=None, **eigen),
    ):
        asked = ["index", "sensitivity", "linear"]
        if spoilt.eigval_J_xstar is None:
            asked += ["attractors", "connections", "basins"]
        for name in asked:
            with pytest.raises(ValueError, match="^points: expected finite numbers in J_xstar"):
                QUESTIONS[name](finder, dataclasses.replace(spoilt))


def test_a_proof_refuses_points_of_another_number_of_inputs():
    finder = FixedPointFinder(standard()[0], verbose=False)
    points = FixedPoints(xstar=np.zeros((9, 2)), inputs=np.zeros((9, 2)))
    with pytest.raises(ValueError, match="points: expected inputs of shape"):
        finder.prove_complete(points)
    with pytest.raises(ValueError, match="points: expected inputs of shape"):
        finder.prove_complete(points, inputs=U)
