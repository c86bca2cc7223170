"""Units that hardly move, as behind a saturated gate, have the fixed points of quick ones."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import as_system
from fixedpoint_tf.analysis import continue_branches

WHOLE = ("end of path", "end of path")
EPS = np.finfo(float).eps


@pytest.mark.parametrize("rate", [1e-6, 1e-9, 1e-12])
def test_a_slow_unit_does_not_change_where_the_branch_goes(rate):
    """x = x + rate (relu(W x + u + b) - x): the rates drop out of the fixed points."""
    w = np.array([[0.5, -0.3, 0.0], [30.0, 0.2, 0.0], [0.4, 0.4, 0.5]])
    bias, by_u = np.array([-0.2, -15.0, 0.1]), np.array([1.0, 0.0, 0.0])
    rates = np.array([1.0, rate, 1.0])

    def step(x, u):
        on, to, plus, per = (tf.constant(v, x.dtype) for v in (w.T, by_u, bias, rates))
        return x + per * (tf.nn.relu(x @ on + u * to + plus) - x)

    branches = continue_branches(
        as_system(step, n_states=3, n_inputs=1), [[0.0, 0.0, 0.2]], [-1.0, 3.0]
    )
    assert branches.ends == (WHOLE,) and branches.bifurcations == []
    x, u = branches.xstar, branches.inputs
    image = np.maximum(x @ w.T + u * by_u + bias, 0.0)
    # What one rounding of the slow unit's state is worth, and what it moves in the others.
    assert np.abs(image - x).max() < 200.0 * EPS * np.abs(x).max() / rate
    truth = np.linalg.solve(np.eye(3) - w, bias + 3.0 * by_u)
    assert np.abs(x[-1] - truth).max() < 200.0 * EPS * np.abs(truth).max() / rate


@pytest.mark.parametrize("reset_after", [True, False])
def test_a_gru_whose_update_gate_is_saturated(reset_after):
    """The update gate of a GRU drops out of its fixed points, even at 1 - z = 4e-11."""
    rng = np.random.default_rng(0)
    ends = []
    kernel, recurrent = rng.normal(size=(1, 9)), 0.8 * rng.normal(size=(3, 9))
    kernel[:, :3], recurrent[:, :3] = 0.0, 0.0
    for gate in (0.0, 24.0):
        cell = keras.layers.GRUCell(3, activation="relu", reset_after=reset_after)
        cell.build((None, 1))
        bias = np.zeros((2, 9) if reset_after else 9)
        bias[..., 6:] = 0.5 / (1 + reset_after)
        bias[(0, 1) if reset_after else 1] = gate
        cell.set_weights([kernel, recurrent, bias])
        system = as_system(cell)
        if not ends:
            state = system.simulate(np.full((1, 2000, 1), -1.0))[:, -1]
        branches = continue_branches(system, state, [-1.0, 1.0])
        assert branches.ends == (WHOLE,)
        ends.append(branches.xstar[-1])
    assert ends[1] == pytest.approx(ends[0], abs=1e-4)
