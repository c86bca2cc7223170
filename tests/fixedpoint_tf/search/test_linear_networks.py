"""A linear network has one fixed point, the solve of (I - A) h = B u + b."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import zoo

from fixedpoint_tf import FixedPointFinder, FixedPoints, as_system

N_STATES, N_INPUTS = 4, 2
RNG = np.random.default_rng(11)
A = RNG.normal(0, 0.4, (N_STATES, N_STATES))
B = RNG.normal(size=(N_STATES, N_INPUTS))
BIAS = RNG.normal(size=N_STATES)
WEIGHTS = [B.T, A.T, BIAS]
U = np.array([[0.5, -1.0]])


def single(x):
    """As a Keras variable in single precision holds it."""
    return np.asarray(x, np.float32).astype(np.float64)


def of_keras(library=keras, wrap=lambda layers, cell: cell):
    cell = library.layers.SimpleRNNCell(N_STATES, activation="linear")
    cell.build((None, N_INPUTS))
    cell.set_weights(WEIGHTS)
    return wrap(library.layers, cell)


def of_tf_keras():
    import tf_keras

    return of_keras(tf_keras)


class Linear(keras.layers.Layer):
    """A custom cell; without the argument `unknown` it could be copied."""

    state_size = N_STATES

    def __init__(self, unknown=None, **kwargs):
        super().__init__(**kwargs)
        self.unknown = unknown
        self.dense = keras.layers.Dense(N_STATES)

    def build(self, input_shape):
        self.dense.build((None, N_STATES + N_INPUTS))
        self.built = True

    def call(self, inputs, states):
        h = self.dense(keras.ops.concatenate([states[0], inputs], axis=-1))
        return h, [h]


def custom(unknown=None):
    cell = Linear(unknown)
    cell.build((None, N_INPUTS))
    cell.set_weights([np.vstack([A.T, B.T]), BIAS])
    return cell


def map_of(a=A):
    def step(h, u):
        terms = [
            tf.matmul(h, tf.constant(a.T, h.dtype)),
            tf.matmul(u, tf.constant(B.T, h.dtype)),
        ]
        return terms[0] + terms[1] + tf.constant(BIAS, h.dtype)

    return step


SIZES = {"n_states": N_STATES, "n_inputs": N_INPUTS}
# name: (network, options, do the weights keep double precision, accuracy)
KINDS = {
    "Keras cell": (of_keras, {}, False, 1e-13),
    "RNN layer": (lambda: of_keras(wrap=lambda L, cell: L.RNN(cell)), {}, False, 1e-13),
    "tf_keras cell": (of_tf_keras, {}, False, 1e-13),
    "custom cell": (custom, {}, False, 1e-13),
    "custom cell in single precision": (lambda: custom(object()), {}, False, 1e-5),
    "function": (map_of, SIZES, True, 1e-13),
    "velocity": (
        lambda: map_of(A - np.eye(N_STATES)),
        {**SIZES, "time": "continuous"},
        True,
        1e-13,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_fixed_point_of_a_linear_network_is_a_solve(kind):
    make, options, double, accuracy = KINDS[kind]
    kept = (lambda x: x) if double else single
    a, b, bias = (kept(x) for x in (A, B, BIAS))
    expected = np.linalg.solve(np.eye(N_STATES) - a, b @ U[0] + bias)
    finder = FixedPointFinder(make(), verbose=False, **options)
    starts = np.random.default_rng(0).normal(size=(32, N_STATES))
    unique, all_points = finder.find_fixed_points(starts, U)
    assert len(unique) == len(unique.fixed) == 1
    np.testing.assert_allclose(unique.xstar[0], expected, atol=accuracy)
    np.testing.assert_allclose(all_points.xstar, np.tile(expected, (32, 1)), atol=10 * accuracy)
    jacobian = a - np.eye(N_STATES) if kind == "velocity" else a
    np.testing.assert_allclose(unique.J_xstar[0], jacobian, atol=accuracy)
    np.testing.assert_allclose(unique.dFdu[0], b, atol=accuracy)
    eigenvalues = np.linalg.eigvals(jacobian)
    np.testing.assert_allclose(
        np.sort_complex(unique.eigval_J_xstar[0]), np.sort_complex(eigenvalues), atol=1e-5
    )
    stable = eigenvalues.real.max() < 0 if kind == "velocity" else np.abs(eigenvalues).max() < 1
    assert unique.is_stable[0] == stable


def test_a_stack_of_linear_cells_is_solved_layer_by_layer():
    cells = [of_keras(), keras.layers.SimpleRNNCell(3, activation="linear")]
    stack = keras.layers.StackedRNNCells(cells)
    stack.build((None, N_INPUTS))
    kernel, recurrent, bias = (np.asarray(w) for w in cells[1].get_weights())
    recurrent = 0.5 * recurrent
    cells[1].set_weights([kernel, recurrent, bias + 1])
    below = np.linalg.solve(np.eye(N_STATES) - single(A), single(B) @ U[0] + single(BIAS))
    above = np.linalg.solve(np.eye(3) - single(recurrent).T, below @ single(kernel) + 1)
    finder = FixedPointFinder(stack, verbose=False)
    starts = {"layer0.h": np.zeros((5, N_STATES)), "layer1.h": np.ones((5, 3))}
    unique, _ = finder.find_fixed_points(starts, U)
    np.testing.assert_allclose(unique.xstar[0], np.concatenate([below, above]), atol=1e-12)
    np.testing.assert_allclose(unique.states("layer1.h")[0], above, atol=1e-12)


def test_after_more_training_the_same_finder_sees_the_new_weights():
    cell = of_keras()
    finder = FixedPointFinder(cell, verbose=False)
    before, _ = finder.find_fixed_points(np.zeros((4, N_STATES)), U)
    cell.set_weights([B.T, A.T, 2 * BIAS])
    after, _ = finder.find_fixed_points(np.zeros((4, N_STATES)), U)
    shift = np.linalg.solve(np.eye(N_STATES) - single(A), single(2 * BIAS) - single(BIAS))
    np.testing.assert_allclose(after.xstar - before.xstar, shift[None], atol=1e-12)


RESULTS = ["LSTMCell", "velocity"]


@pytest.mark.parametrize("name", RESULTS)
def test_results_save_load_index_and_transform(name, tmp_path):
    network = zoo.NETWORKS[name]()
    finder = FixedPointFinder(network.rnn, verbose=False, **network.options)
    d = finder.system.n_states
    starts = np.random.default_rng(0).normal(0, 0.5, (12, d))
    unique, all_points = finder.find_fixed_points(
        starts, np.full((1, finder.system.n_inputs), 0.3), cond_ids=np.full(12, 4)
    )
    assert len(unique.fixed) >= 1
    for points in (unique, all_points):
        points.save(tmp_path / "points.h5")
        loaded = FixedPoints.load(tmp_path / "points.h5")
        for field, value in points.to_dict().items():
            np.testing.assert_array_equal(loaded.to_dict()[field], value, err_msg=field)
    assert loaded.time == finder.system.time
    first = unique[0]
    assert len(first) == 1 and first.dFdu.shape == (1, d, finder.system.n_inputs)
    np.testing.assert_array_equal(unique[unique.qstar >= 0].xstar, unique.xstar)
    assert first in unique
    assert list(unique.states(finder.system.layout.names[0]).shape) == [
        len(unique),
        finder.system.layout.sizes[0],
    ]
    U, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(d, d)))
    turned = unique.transform(U, offset=1.0)
    np.testing.assert_allclose(turned.xstar, unique.xstar @ U + 1.0, atol=1e-12)
    for points in (unique, turned):
        right, values = points.eigvec_J_xstar, points.eigval_J_xstar
        np.testing.assert_allclose(points.J_xstar @ right, right * values[:, None], atol=1e-10)


def test_a_system_is_taken_as_it_is():
    system = as_system(map_of(), **SIZES)
    assert FixedPointFinder(system, verbose=False).system is system
