"""Run a system on inputs of its recurrent layer, masks held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.checks import (
    as_booleans,
    as_numbers,
    check_float_type,
    check_rows,
    check_time_step,
    check_trajectories,
)
from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf._utils.compiling import compiled, kept_with_equations
from fixedpoint_tf.systems.models.rnn_inputs import RNNInputs

if TYPE_CHECKING:
    from fixedpoint_tf.systems.system import DynamicalSystem, Equations

__all__ = ["prompt_steps", "roll_out", "simulate"]

PROMPT_PRODUCTS = 2**29  # of an entry of a matrix and a state: a fraction of a second
PROMPT_STEPS = 1024  # the same of a few states


def prompt_steps(n: int, n_states: int) -> int:
    """Count the steps of one compiled call, which an interruption has to wait for.

    Args:
        n: states that are run together.
        n_states: their entries.

    Example:
        >>> prompt_steps(64, 512), prompt_steps(1, 2)
        (32, 1024)
    """
    return min(PROMPT_STEPS, max(1, PROMPT_PRODUCTS // max(1, n * n_states**2)))


@kept_with_equations
def _runner(equations: Equations, time: str, masked: bool):
    def advance(w, h, u, dt):
        def rate(h):
            return equations.step(w, h, u)

        if time == "discrete":
            return rate(h)
        # Classical Runge-Kutta of fourth order, the input held over the step.
        k1 = rate(h)
        k2 = rate(h + 0.5 * dt * k1)
        k3 = rate(h + 0.5 * dt * k2)
        k4 = rate(h + dt * k3)
        return h + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)

    def loop(w, h, inputs_txbxi, dt, mask_txbx1):
        def step(t, h, states):
            new = advance(w, h, inputs_txbxi[t], dt)
            h = tf.where(mask_txbx1[t], new, h) if masked else new
            return t + 1, h, states.write(t, h)

        n_time = tf.shape(inputs_txbxi)[0]
        states = tf.TensorArray(h.dtype, size=n_time, element_shape=h.shape)
        _, _, states = tf.while_loop(lambda t, h, s: t < n_time, step, (0, h, states))
        return states.stack()

    if masked:

        @compiled("h", "inputs_txbxi", "mask_txbx1")
        def run_masked(w, h, inputs_txbxi, dt, mask_txbx1):
            return loop(w, h, inputs_txbxi, dt, mask_txbx1)

        return run_masked

    @compiled("h", "inputs_txbxi")
    def run_all(w, h, inputs_txbxi, dt):
        return loop(w, h, inputs_txbxi, dt, None)

    return run_all


def roll_out(
    system: DynamicalSystem,
    inputs: Any,
    initial_states: Any = None,
    *,
    mask: Any = None,
    dt: float | None = None,
    dtype: str | None = None,
) -> np.ndarray:
    """Apply a system to inputs one after the other, whatever model it came from.

    Args:
        system: the system.
        inputs: ``(n_batch, n_time, n_inputs)``, what the recurrent layer receives.
        initial_states: ``(n_batch, n_states)`` or nested as the cell has them; zero by
            default.
        mask: ``(n_batch, n_time)`` boolean; where it is False the state is kept.
        dt: length of a step, for a continuous system (Runge-Kutta of fourth order).
        dtype: floating type of the run; default: the system's final one, float64.

    Returns:
        ``(n_batch, n_time, n_states)``, the state after each input.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> decay = as_system(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
        >>> mask = [[True, False, True]]
        >>> roll_out(decay, [[[1.0], [9.0], [0.0]]], mask=mask).ravel().tolist()
        [1.0, 1.0, 0.5]
    """
    array = _checked_inputs(system, inputs, "inputs")
    check_time_step(dt, system.time)
    dtype = system.dtypes[1] if dtype is None else check_float_type(dtype)
    n_batch = len(array)
    if initial_states is None:
        h = np.zeros((n_batch, system.n_states))
    else:
        h = system.layout.pack(initial_states, "initial_states")
        check_rows(h, "initial_states", system.n_states, "n_states")
        if len(h) != n_batch:
            raise ValueError(
                f"initial_states: expected a row for each of the {n_batch} sequences of "
                f"inputs, received {len(h)}."
            )
    if mask is not None:
        mask = as_booleans(mask, "mask", array.shape[:2], "n_batch, n_time")
    _check_steps(array, mask, "inputs")
    run = _runner(system.equations, system.time, mask is not None)
    weights, last = system.weights(dtype), tf.constant(h, dtype)
    kept = None if mask is None else mask.T[..., None]
    n_time = array.shape[1]
    states_txbxn = np.empty((n_time, n_batch, system.n_states))
    for some in chunks(n_time, size=prompt_steps(n_batch, system.n_states)):
        inputs_txbxi = tf.constant(array[:, some].transpose(1, 0, 2), dtype)
        arguments = [weights, last, inputs_txbxi, tf.constant(dt or 1.0, dtype)]
        if kept is not None:
            arguments.append(tf.constant(kept[some]))
        part = run(*arguments)
        last = part[-1]
        states_txbxn[some] = part.numpy()
    return states_txbxn.transpose(1, 0, 2)


def simulate(
    system: DynamicalSystem,
    inputs: Any,
    initial_states: Any = None,
    *,
    mask: Any = None,
    dt: float | None = None,
    dtype: str | None = None,
) -> np.ndarray:
    """Simulate a recurrent layer, as :meth:`DynamicalSystem.simulate` describes.

    A layer that goes backwards takes the last input first, and its states come in the order
    in which it goes through them, as ``return_sequences=True`` gives them.

    Example:
        >>> import keras
        >>> from fixedpoint_tf import as_system
        >>> rnn = keras.layers.SimpleRNN(1, activation="linear", go_backwards=True)
        >>> rnn.build((None, None, 1))
        >>> rnn.set_weights([np.ones((1, 1)), np.full((1, 1), 0.5), np.zeros(1)])
        >>> simulate(as_system(rnn), [[[1.0], [0.0], [4.0]]]).ravel().tolist()
        [4.0, 2.0, 2.0]
    """
    path = getattr(system, "path", None)
    array = _checked_inputs(system, inputs, "u")
    if isinstance(inputs, RNNInputs):
        u = inputs
    elif path is None:
        u = RNNInputs(array, np.zeros((len(array), system.n_states)))
    else:
        path.check_given(initial_states is not None, mask is not None)
        u = path.layer_inputs(array)
    initial_states = u.initial_states if initial_states is None else initial_states
    if mask is None:
        mask = u.mask
    else:
        mask = as_booleans(mask, "mask", u.shape[:2], "n_batch, n_time")
    _check_steps(u.values, mask, "u")
    values = u.values
    if u.go_backwards:
        values = values[:, ::-1]
        mask = None if mask is None else mask[:, ::-1]
    return roll_out(system, values, initial_states, mask=mask, dt=dt, dtype=dtype)


def _checked_inputs(system: DynamicalSystem, inputs: Any, argument: str) -> np.ndarray:
    """Return the layer's inputs as numbers, or raise an error that names the layer."""
    array = as_numbers(inputs, argument)
    try:
        check_trajectories(array, argument, system.n_inputs, "n_inputs")
    except ValueError as error:
        path = getattr(system, "path", None)
        if path is None or array.ndim != 3 or array.shape[2] == system.n_inputs:
            raise
        raise ValueError(
            f"{error} These are {path.describe()}: finder.rnn_inputs(model_inputs) makes them "
            "from the model's, finder.simulate_model(model_inputs) runs the model itself."
        ) from None
    return array


def _check_steps(inputs: np.ndarray, mask: np.ndarray | None, argument: str) -> None:
    """Refuse inputs that are not finite, but where a mask keeps the state."""
    bad = ~np.isfinite(inputs).all(axis=2) & (True if mask is None else mask)
    if bad.any():
        trial, step = (int(each[0]) for each in np.nonzero(bad))
        raise ValueError(
            f"{argument}: expected finite numbers at every step that the mask does not leave "
            f"out, received NaN or infinity at {bad.sum():,} of {bad.size:,} steps (first at "
            f"trial {trial}, step {step})."
        )
