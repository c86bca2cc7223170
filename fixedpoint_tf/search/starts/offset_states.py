"""States that vary little about a value far from zero, such as a membrane potential of -65 mV.

Lengths of a search are relative to the size of the states. For such states this is how far
they lie from their middle, not from zero: a network may have all its fixed points within a
ten-thousandth of -65 mV. Starts that merely lie near each other are distinguished from that by
the Jacobian, which then hardly changes between them.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["offset_states"]

FAR = 64.0  # distance from zero, in half widths of what is seen of a state, of an offset
BENDS = 1e-2  # change of a Jacobian, relative to its size, over a length that matters
ROUNDINGS = 16.0  # of a Jacobian, that are no change
N_COMPARED = 16  # starts at which Jacobians are compared
MOST_ENTRIES = 2**22  # of Jacobians that are compared of each state by itself


def offset_states(
    system: DynamicalSystem, x: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Find the states that vary about an offset, and by how much.

    Args:
        system: the network.
        x: starts, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.

    Returns:
        The offset of each state, ``(n_states,)``, zero where it has none, and its largest
        distance from there, NaN where it has none.

    Example:
        >>> import tensorflow as tf
        >>> from fixedpoint_tf import as_system
        >>> system = as_system(lambda h, u: tf.sin(h), n_states=2, n_inputs=0)
        >>> offset_states(system, np.array([[1e3, 0.0], [1e3 + 1.0, 1.0]]), np.zeros((2, 0)))
        (array([1000.5,    0. ]), array([0.5, nan]))
    """
    bounded = np.isfinite(system.lower) & np.isfinite(system.upper)
    low = np.where(bounded, system.lower, x.min(axis=0))
    high = np.where(bounded, system.upper, x.max(axis=0))
    middle, half = 0.5 * (low + high), 0.5 * (high - low)
    is_offset = (half > 0.0) & (np.abs(middle) > FAR * half)
    rows = np.flatnonzero(is_offset & ~bounded)
    if len(rows):
        size = np.where(is_offset, half, np.maximum(np.abs(low), np.abs(high)))
        size[size <= 0.0] = 1.0
        is_offset[rows] = _matter(system, x, u, rows, size, np.abs(middle) / size)
    return np.where(is_offset, middle, 0.0), np.where(is_offset, half, np.nan)


def _matter(
    system: DynamicalSystem,
    x: np.ndarray,
    u: np.ndarray,
    states: np.ndarray,
    size: np.ndarray,
    offset: np.ndarray,
) -> np.ndarray:
    """Test states for a Jacobian that changes as they alone vary from start to start."""
    some = np.linspace(0, len(x) - 1, min(N_COMPARED, len(x))).astype(int)
    x, u = x[some], u[some]
    here = _units_of(system.jacobian(x, u).numpy(), size)
    eps = float(np.finfo(system.dtypes[1]).eps)
    noise = ROUNDINGS * eps * (1.0 + offset[states].max()) * np.abs(here).max(initial=0.0)
    shift = np.eye(len(size)) if system.time == "discrete" else 0.0
    least = max(BENDS * np.abs(here - shift).max(initial=0.0), noise)
    each = len(states) * here.size <= MOST_ENTRIES
    matter = np.zeros(len(states), dtype=bool)
    for k in range(len(states) if each else 1):
        moved, which = x.copy(), states[k : k + 1] if each else states
        for column in which:  # to the farthest of the other starts
            lowest, highest = x[:, column].min(), x[:, column].max()
            nearer_low = x[:, column] - lowest < highest - x[:, column]
            moved[:, column] = np.where(nearer_low, highest, lowest)
        there = _units_of(system.jacobian(moved, u).numpy(), size)
        bends = bool(np.nan_to_num(np.abs(there - here)).max(initial=0.0) > least)
        matter[k if each else slice(None)] = bends
    return matter


def _units_of(jacobians: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Return Jacobians of states that are measured in units of their size."""
    return jacobians.astype(np.float64) * (size / size[:, None])
