"""The precision that a function of a user's own computes in, whatever type it returns."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["working_precision"]

STEP = 1e-9  # of the size of the state: far below the grid of float32, above that of float64
COARSE = 1e-13  # of the size of the values: what float64 does not miss so near
N_STATES = 16  # places at which it is tried, of which more than half decide


def working_precision(
    system: DynamicalSystem, x: np.ndarray, u: np.ndarray, rng: np.random.Generator
) -> str:
    """Return the floating type in which a system computes, found by trying.

    A function that takes and returns float64 may compute in float32 between. Then small
    steps of the state leave the values where they are, against what the Jacobian says. Over
    a quarter of the step a smooth function misses its tangent by a sixteenth, a coarse one by
    a quarter.

    Args:
        system: the system.
        x: states near which it is tried, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        rng: source of the steps.

    Returns:
        ``"float32"`` or ``"float64"``.

    Example:
        >>> import tensorflow as tf
        >>> from fixedpoint_tf import as_system
        >>> def step(h, u):
        ...     return tf.cast(tf.tanh(tf.cast(h, "float32")), h.dtype)
        >>> system = as_system(step, n_states=2, n_inputs=0)
        >>> system.dtypes, working_precision(
        ...     system, np.ones((1, 2)), np.zeros((1, 0)), np.random.default_rng(0))
        (('float32', 'float64'), 'float32')
    """
    if system.dtypes[1] != "float64":
        return str(system.dtypes[1])
    rows = np.flatnonzero(np.isfinite(x).all(axis=1))
    if not len(rows):
        return "float64"
    rows = rows[rng.integers(len(rows), size=N_STATES)]
    size = np.abs(x[rows]).max(axis=1, keepdims=True)
    size = np.where(size > 0.0, size, np.abs(x[np.isfinite(x)]).max(initial=0.0))
    size = np.where(size > 0.0, size, 1.0)
    # Beside the points, which may lie at a kink.
    places = x[rows] + 0.01 * size * rng.normal(size=x[rows].shape)
    at = system.step(places, u[rows]).numpy()
    jacobian = system.jacobian(places, u[rows]).numpy()
    direction = rng.normal(size=places.shape)
    missed = []
    for share in (1.0, 0.25):
        beside = places + share * STEP * size * direction
        tangent = np.einsum("nij,nj->ni", jacobian, beside - places)
        missed.append(np.abs(system.step(beside, u[rows]).numpy() - at - tangent).max(axis=1))
    scale = np.abs(at).max(axis=1) + np.abs(jacobian).max(axis=(1, 2)) * size[:, 0]
    with np.errstate(invalid="ignore"):
        coarse = (missed[1] > COARSE * scale) & (missed[1] > 0.1 * missed[0])
    return "float32" if coarse.mean() > 0.5 else "float64"
