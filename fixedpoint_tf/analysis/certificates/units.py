"""Units of states of unequal sizes, in which balls are sampled."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from fixedpoint_tf.search.solvers.base import Scaled
from fixedpoint_tf.search.starts.region import MOST_UNEQUAL
from fixedpoint_tf.systems.system import DynamicalSystem

SURELY_NOT_NOISE = 1e-6  # of the size of another state

__all__ = ["in_units", "unequal_sizes"]


def unequal_sizes(x: np.ndarray, x_init: np.ndarray | None = None) -> np.ndarray | None:
    """Return the size of each state where the sizes are very unequal.

    A ball around states in volts and in spikes per second would be nothing for the one and
    everything for the other.

    Args:
        x: states, ``(n, n_states)``.
        x_init: starts that led to them. Without, a state that is zero or below a millionth of
            the others at all of them is taken to be as large as these.

    Returns:
        ``(n_states,)``, powers of two; None where the largest is not more than 64 times the
        smallest.

    Example:
        >>> unequal_sizes(np.array([[1.0, 1e-3], [0.0, -2e-3]])).tolist()
        [1.0, 0.001953125]
        >>> unequal_sizes(np.array([[1.0, 0.1]])) is None
        True
    """
    size = _largest(x)
    size[size < SURELY_NOT_NOISE * size.max(initial=0.0)] = 0.0
    if x_init is not None:
        size = np.maximum(size, _largest(x_init))
    known = size[size > 0.0]
    if not len(known):
        return None
    size = np.where(size > 0.0, size, np.median(known))
    if size.max() <= MOST_UNEQUAL * size.min():
        return None
    return 2.0 ** np.round(np.log2(size))


def _largest(x: np.ndarray) -> np.ndarray:
    return np.max(np.abs(x), axis=0, initial=0.0, where=np.isfinite(x))


def in_units(system: DynamicalSystem, units: np.ndarray) -> DynamicalSystem:
    """Return the same system of states ``x / units``.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> square = as_system(lambda h, u: h * h, n_states=1, n_inputs=0)
        >>> in_units(square, np.array([2.0])).step([[3.0]], np.zeros((1, 0))).numpy().tolist()
        [[18.0]]
    """
    return DynamicalSystem(
        Scaled(system.equations, system.time),
        lambda dtype: (
            system.weights(dtype),
            tf.constant(units, dtype),
            tf.zeros(len(units), dtype),
        ),
        system.layout,
        system.n_inputs,
        time=system.time,
        bounds=(system.lower / units, system.upper / units),
        dtypes=system.dtypes,
        name=system.name,
    )
