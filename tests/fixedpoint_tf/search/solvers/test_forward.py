import numpy as np
import tensorflow as tf
from problems import ROOT, double_wells, points, problem

from fixedpoint_tf import as_system
from fixedpoint_tf.search.solvers import forward


def test_running_forward_ends_at_attractors_alone():
    system = double_wells(2)
    start = points(system, 64)
    x, moves = forward.settle(problem(system), start.x, start.u)
    assert (moves < 1e-5).all()
    np.testing.assert_allclose(np.abs(x), ROOT, atol=1e-4)


def test_a_limit_cycle_never_rests():
    angle = 0.3

    def turn(h, u):
        c, s = np.cos(angle), np.sin(angle)
        h = h / (tf.norm(h, axis=1, keepdims=True) + 1e-6)
        return tf.stack([c * h[:, 0] - s * h[:, 1], s * h[:, 0] + c * h[:, 1]], axis=1)

    system = as_system(turn, n_states=2, n_inputs=1)
    start = points(system, 4)
    _, moves = forward.settle(problem(system), start.x, start.u, max_steps=500)
    assert (moves > 0.05).all()


def test_continuous_time_relaxes_to_its_attractor():
    system = as_system(
        lambda h, u: 100.0 * (0.7 - h), n_states=1, n_inputs=1, time="continuous"
    )
    start = points(system, 4)
    x, _ = forward.settle(problem(system), start.x, start.u)
    np.testing.assert_allclose(x, 0.7, atol=1e-4)


def test_smoothing_is_so_many_steps_of_the_network_within_the_box():
    system = double_wells(2)
    x = np.array([[0.3, -2.0]])
    out = forward.smooth(problem(system), x, np.zeros((1, 1)), 2)
    np.testing.assert_allclose(out, np.tanh(2 * np.tanh(2 * np.clip(x, -1, 1))), rtol=1e-6)
