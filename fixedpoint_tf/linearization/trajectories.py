"""Trajectories of the system linearised at a point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike

from fixedpoint_tf._utils.checks import (
    as_numbers,
    check_fits,
    check_time_step,
    check_whole,
)
from fixedpoint_tf.linearization.time_units import check_dt, check_time

__all__ = ["linear_trajectories"]


def linear_trajectories(
    xstar: ArrayLike,
    jacobian: ArrayLike,
    initial_states: ArrayLike,
    n_steps: int,
    input_jacobian: ArrayLike | None = None,
    input_deviation: ArrayLike | None = None,
    *,
    drift: ArrayLike | None = None,
    time: str = "discrete",
    dt: float | None = None,
) -> np.ndarray:
    r"""Run the system linearised at one point.

    .. math:: x_{t+1} - x^* = J (x_t - x^*) + B \, \delta u_t + d

    (continuous: :math:`d(x - x^*)/dt` equals the right-hand side; solved exactly, the
    input held constant over each step). Compare the result with the true trajectories to see
    how far from the point the linearisation holds.

    Args:
        xstar: ``(n_states,)``, the point.
        jacobian: ``(n_states, n_states)``, ``J``.
        initial_states: ``(n, n_states)`` or ``(n_states,)``.
        n_steps: number of steps.
        input_jacobian: ``(n_states, n_inputs)``, ``B``.
        input_deviation: the input minus the one at which the point was found:
            ``(n_inputs,)``, constant; ``(n_steps, n_inputs)``; or
            ``(n, n_steps, n_inputs)``. Needs ``input_jacobian``.
        drift: ``(n_states,)``, ``F(x*) - x*`` (continuous: ``dx/dt`` at the point). Zero
            at a fixed point; give it at a slow point, which the states leave.
        time: ``"discrete"`` or ``"continuous"``.
        dt: time between two states of a continuous system; not for a discrete one.

    Returns:
        ``(n, n_steps, n_states)``: the states after each step, without the initial ones.

    Raises:
        ValueError: an argument has the wrong shape, or an argument that another one needs is
            missing.

    Example:
        >>> import numpy as np
        >>> linear_trajectories([1.0], [[0.5]], [[2.0]], n_steps=3).ravel().tolist()
        [1.5, 1.25, 1.125]

        Around the first point of a search:

        >>> from fixedpoint_tf import FixedPoints
        >>> points = FixedPoints(xstar=[[1.0]], J_xstar=[[[0.5]]])
        >>> linear_trajectories(points.xstar[0], points.J_xstar[0], [[2.0]], 3).shape
        (1, 3, 1)
    """
    check_time_step(dt, check_time(time))
    check_whole(n_steps, "n_steps", 0)
    point = _shaped(xstar, "xstar", "(n_states,)", (1,))
    n_states = len(point)
    square = f"({n_states}, {n_states})"
    matrix = _shaped(jacobian, "jacobian", square, (2,), {0: n_states, 1: n_states})
    rows = f"(n, n_states={n_states}) or ({n_states},)"
    starts = np.atleast_2d(
        _shaped(initial_states, "initial_states", rows, (1, 2), {-1: n_states})
    )
    check_fits("n_steps", n_steps, n_steps, len(starts), n_states)
    forcing = np.zeros((len(starts), n_steps, n_states))
    if drift is not None:
        forcing += _shaped(drift, "drift", f"(n_states={n_states},)", (1,), {0: n_states})
    if (input_jacobian is None) != (input_deviation is None):
        missing = "input_jacobian" if input_jacobian is None else "input_deviation"
        raise ValueError(
            f"{missing}: expected both or neither of input_jacobian and input_deviation, "
            "received None."
        )
    if input_jacobian is not None and input_deviation is not None:
        shape = f"(n_states={n_states}, n_inputs)"
        gain = _shaped(input_jacobian, "input_jacobian", shape, (2,), {0: n_states})
        deviation = as_numbers(input_deviation, "input_deviation", finite=True)
        whole = (len(starts), n_steps, gain.shape[1])
        if deviation.ndim not in (1, 2, 3) or deviation.shape != whole[3 - deviation.ndim :]:
            raise ValueError(
                "input_deviation: expected shape (n_inputs,), (n_steps, n_inputs) or "
                f"(n, n_steps, n_inputs) = {whole}, received {deviation.shape}."
            )
        forcing += deviation @ gain.T

    transition, response = _propagators(matrix, time, dt)
    forcing = forcing @ response.T
    states = np.empty_like(forcing)
    deviation_from_point = starts - point
    for t in range(n_steps):
        deviation_from_point = deviation_from_point @ transition.T + forcing[:, t]
        states[:, t] = point + deviation_from_point
    return states


def _shaped(
    value: Any,
    argument: str,
    shape: str,
    n_axes: tuple[int, ...],
    sizes: Mapping[int, int] | None = None,
) -> np.ndarray:
    """Return finite numbers of a shape."""
    return as_numbers(value, argument, n_axes=n_axes, sizes=sizes, shape=shape, finite=True)


def _propagators(
    matrix: np.ndarray, time: str, dt: float | None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the propagators of a deviation and of a constant forcing over one step."""
    identity = np.eye(len(matrix))
    if time == "discrete":
        return matrix, identity
    # exp [[J, I], [0, 0]] dt = [[exp J dt, integral of exp J s], [0, I]] (Van Loan 1978).
    block = np.block([[matrix, identity], [np.zeros_like(matrix), np.zeros_like(matrix)]])
    exponential = scipy.linalg.expm(block * check_dt(dt))
    return exponential[: len(matrix), : len(matrix)], exponential[: len(matrix), len(matrix) :]
