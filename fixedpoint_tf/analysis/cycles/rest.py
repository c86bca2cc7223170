"""Motions that come to rest, detected on the scale of the states themselves."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["comes_to_rest", "stands_still"]

STILL = 1e-8  # extent of what stands still, relative to the states
NOTHING = 1e-13  # the same, relative to all states since the start: rounding moves more
N_PARTS = 8  # of a window, over which a motion that comes to rest shrinks from part to part
SHRUNK = 0.5  # from the first part to the last
N_NEWTON = 20  # steps to the point at which a motion may come to rest
STABLE = 1.0 - 1e-9  # greatest modulus of a multiplier, beyond which nothing is claimed


def stands_still(
    states: np.ndarray, size: np.ndarray | float = 0.0, rounding: float = 1e-16
) -> np.ndarray:
    """Test whether motions have stopped.

    Args:
        states: ``(n, n_time, n_states)``, the last part of the motions.
        size: ``(n,)``, greatest entry of all states since the start.
        rounding: relative rounding of the states.

    Returns:
        ``(n,)`` boolean.

    Example:
        >>> stands_still(np.array([[[1.0], [1.0]], [[1.0], [1.001]]])).tolist()
        [True, False]
    """
    extent = np.ptp(states, axis=1).max(axis=1, initial=0.0)
    here = np.abs(states).max(axis=(1, 2), initial=0.0)
    still = max(STILL, 4.0 * rounding) * here
    return np.asarray(extent <= np.maximum(still, NOTHING * np.asarray(size)))


def comes_to_rest(system: DynamicalSystem, states: np.ndarray, u: np.ndarray) -> bool:
    """Test whether a motion that still moves shrinks to a stable fixed point.

    Args:
        system: the network.
        states: ``(n_time, n_states)``, the last part of the motion.
        u: ``(n_inputs,)``.

    Returns:
        True where Newton's method finds a stable fixed point from the last state, and the
        distance from it falls from each part of the motion to the next, by half over all.

    Example:
        >>> import tensorflow as tf
        >>> from fixedpoint_tf import as_system
        >>> halved = as_system(lambda h, u: 0.5 * h, n_states=1, n_inputs=0)
        >>> comes_to_rest(halved, 0.5 ** np.arange(64.0)[:, None], np.zeros(0))
        True
    """
    parts = np.array_split(states, N_PARTS)
    if np.abs(parts[-1] - states[-1]).max() > np.abs(parts[0] - states[-1]).max():
        return False
    point, inputs = states[-1].copy(), u[None]
    for _ in range(N_NEWTON):
        away = system.step(point[None], inputs).numpy()[0].astype(np.float64)
        jacobian = system.jacobian(point[None], inputs).numpy()[0].astype(np.float64)
        if system.time == "discrete":
            away = away - point
            matrix = jacobian - np.eye(len(point))
        else:
            matrix = jacobian
        if not (np.isfinite(away).all() and np.isfinite(matrix).all()):
            return False
        change = np.linalg.lstsq(matrix, away, rcond=None)[0]
        point = point - change
        if np.abs(change).max() <= 1e-14 * np.abs(point).max():
            break
    values = np.linalg.eigvals(jacobian)
    if system.time == "discrete":
        stable = np.abs(values).max() < STABLE
    else:
        stable = values.real.max() < -1e-9 * np.abs(values).max()
    distance = np.array([np.abs(part - point).max() for part in parts])
    falls = (distance[1:] <= distance[:-1]).all() and distance[-1] <= SHRUNK * distance[0]
    return bool(stable and falls)
