"""What is printed and drawn about the points of one search."""

import numpy as np
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder
from fixedpoint_tf.cli.report import meaning


def asked(step, n_states, states):
    """All questions about a map without inputs, searched from given states."""
    finder = FixedPointFinder(step, n_states=n_states, n_inputs=0, verbose=False)
    unique, all_points = finder.find_fixed_points(states, None)
    runs = finder.simulate(np.zeros((len(states), 30, 0)), states)
    return meaning(finder, unique, all_points, runs, np.zeros(0))


def test_two_memories():
    states = np.random.default_rng(0).uniform(-1.5, 1.5, (64, 2))
    told = asked(lambda h, u: h + 0.1 * h * [1.0, -1.0] * (1 - h**2 * [1.0, 0.0]), 2, states)
    true, complete, groups, ways = told.lines
    assert true.startswith("existence: 3 of 3 points")
    assert complete.startswith("completeness: 3 fixed points found by 64 starts")
    assert "3 isolated points (2 stable, 1 with 1 unstable direction)" in groups
    assert "1 of 1 saddle with 1 unstable direction joins 1 pair of 2 attractors" in ways
    assert set(told.figures) == {"attractors", "connections"}


def test_a_cycle_is_told_and_drawn():
    angle = 0.3 * np.sqrt(2)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    def step(h, u):
        radius2 = tf.reduce_sum(h * h, axis=1, keepdims=True)
        return (1.1 - 0.1 * radius2) * (h @ tf.constant(turn, h.dtype))

    told = asked(step, 2, np.random.default_rng(0).uniform(-1.0, 1.0, (32, 2)))
    said = "a stable cycle: the oscillation takes 14.8096 steps"  # 2 pi / angle
    assert said in told.lines[-1]
    assert "cycles" in told.figures


def test_nothing_found_is_no_error():
    told = asked(lambda h, u: h + 1.0, 1, np.zeros((4, 1)))
    assert not any(line.startswith("existence:") for line in told.lines)
