import keras
import numpy as np
import pytest
import tensorflow as tf
from problems import distance_to_roots, double_wells, points, problem

from fixedpoint_tf import as_system
from fixedpoint_tf.search.solvers import newton
from fixedpoint_tf.systems.cells.equations import Settled

OPTIONS = {"dtype": "float32", "max_iters": 40, "tol_q": 1e-9, "longest": 1.0}


def test_it_arrives_at_fixed_points_of_all_kinds():
    system = double_wells(3)
    some = points(system, 200)
    arrived = newton.solve(problem(system), some, np.arange(200), **OPTIONS)
    assert arrived.mean() > 0.9
    assert distance_to_roots(some.x[arrived]).max() < 1e-4
    assert len(np.unique(some.x[arrived].round(2), axis=0)) == 27


def test_it_moves_only_the_points_that_were_chosen():
    system = double_wells(2)
    some = points(system, 10)
    before = some.x.copy()
    newton.solve(problem(system), some, np.array([3]), **OPTIONS)
    assert (some.x == before).all(axis=1).sum() == 9


def test_a_singular_jacobian_stops_no_other_point():
    system = as_system(lambda h, u: tf.nn.relu(h) - 1.0 + h * 0.0, n_states=1, n_inputs=0)
    some = points(system, 8)
    newton.solve(problem(system), some, np.arange(8), **OPTIONS)
    assert np.isfinite(some.q).any()


def test_a_network_that_is_not_a_number_somewhere_ends_there():
    system = as_system(lambda h, u: tf.sqrt(h), n_states=1, n_inputs=0)
    some = points(system, 32)
    arrived = newton.solve(problem(system), some, np.arange(32), **OPTIONS)
    assert arrived.any()
    assert np.isfinite(some.x[arrived]).all()


@pytest.mark.parametrize(
    "cell",
    [
        keras.layers.GRUCell(3, seed=1),
        keras.layers.GRUCell(3, reset_after=False, seed=1),
        keras.layers.LSTMCell(3, seed=1),
        keras.layers.SimpleRNNCell(3, seed=1),
        keras.layers.StackedRNNCells(
            [keras.layers.GRUCell(2, seed=1), keras.layers.LSTMCell(2, seed=2)]
        ),
    ],
    ids=["gru", "gru reset before", "lstm", "simple", "stacked"],
)
def test_a_cell_without_its_gates_rests_where_the_cell_does(cell):
    cell.build((None, 2))
    cell.set_weights([0.5 * w for w in cell.get_weights()])  # the steps arrive in time
    system = as_system(cell)
    settled, w = Settled(system.equations), system.weights()
    u = tf.constant([[0.3, -0.5]], tf.float64)
    x = tf.zeros((1, system.n_states), tf.float64)
    for _ in range(2000):
        x = system.step(x, u)
    np.testing.assert_allclose(settled.step(w, x, u), x, atol=1e-12)
    x = tf.constant(np.random.default_rng(0).normal(size=(4, system.n_states)))
    u = tf.repeat(u, 4, axis=0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        image = settled.step(w, x, u)
    expected = tape.batch_jacobian(image, x)
    np.testing.assert_allclose(settled.jacobian(w, x, u), expected, atol=1e-12)
