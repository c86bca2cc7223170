"""Points on and beside kinks of a system whose Jacobian is sampled."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.systems.kinks.sides import AT_KINK, JUMP, near_kink, sides_at
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["beside_kink", "mean_at_kinks"]

KINK_NEAR = 1e-4  # of the size of the states: smooth Jacobians change by little so near


def mean_at_kinks(
    system: DynamicalSystem,
    x: np.ndarray,
    u: np.ndarray,
    jacobian: np.ndarray,
    scale: float,
    eps: float,
) -> tuple[np.ndarray, bool]:
    """Replace, in place, Jacobians at kinks, which may be of no side, by their mean."""
    size = np.maximum(np.linalg.norm(x, axis=1), scale)
    beside = np.zeros(len(x), dtype=bool)
    rows = np.flatnonzero(np.isfinite(x).all(axis=1))
    near = np.maximum(64.0 * eps, AT_KINK) * size
    beside_each = sides_at(system, x[rows], u[rows], near[rows], only_beside=True)
    for i, (sides, _) in zip(rows, beside_each, strict=True):
        own = np.abs(sides - jacobian[i]).max(axis=(1, 2), initial=0.0)
        jumps = len(sides) > 1 or own[0] > JUMP * max(1e-3, np.abs(sides[0]).max())
        if jumps and np.isfinite(sides).all():
            jacobian[i], beside[i] = sides.mean(axis=0), True
    return jacobian, bool(beside.any())


def beside_kink(
    system: DynamicalSystem,
    x: np.ndarray,
    u: np.ndarray,
    refused: np.ndarray,
    y: np.ndarray,
    size: np.ndarray,
) -> np.ndarray:
    """Test which refused points have a kink within their Newton step."""
    beside = np.zeros(len(x), dtype=bool)
    rows = np.flatnonzero(refused & np.isfinite(x).all(axis=1) & np.isfinite(y))
    if len(rows):
        near = np.clip(2.0 * y[rows], 1e-9 * size[rows], KINK_NEAR * size[rows])
        beside[rows] = near_kink(system, x[rows], u[rows], near)
    return beside
