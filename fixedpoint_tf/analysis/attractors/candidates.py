"""Candidates for attractors: fixed points, and states that are slow enough, each once."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.selection import is_slow, select_distinct, state_scale
from fixedpoint_tf.analysis.attractors.grouping import NEARLY
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["distinct_rows", "fixed_or_slow", "slow_enough", "speeds_of"]

#: Points nearer than this share of the region are one, whatever ``tol_unique`` allows.
MOST_MERGED = 1e-3


def fixed_or_slow(points: FixedPoints) -> np.ndarray:
    """Find the rows of fixed and slow points, or all rows without a status."""
    if points.status is None:
        return np.arange(points.n)
    return np.flatnonzero(np.isin(points.status, [Status.FIXED_POINT, Status.SLOW_POINT]))


def distinct_rows(points: FixedPoints, inputs: np.ndarray) -> np.ndarray:
    """Find rows of distinct points, in favour of fixed points and low speeds."""
    q = np.zeros(points.n) if points.qstar is None else points.qstar
    is_slow = np.zeros(points.n) if points.status is None else points.status
    rank = np.empty(points.n)
    rank[np.lexsort((q, is_slow))] = np.arange(points.n)
    tol = min(points.tol_unique, MOST_MERGED * state_scale(points.xstar))
    if points.n and inputs.shape[1]:  # points of two inputs are never the same
        inputs = np.unique(inputs, axis=0, return_inverse=True)[1].reshape(-1, 1) * 10.0 * tol
    return select_distinct(np.concatenate([points.xstar, inputs], axis=1), rank, tol)[0]


def speeds_of(system: DynamicalSystem, points: FixedPoints, inputs: np.ndarray) -> np.ndarray:
    """Measure how far each state moves in a step, or in a unit of time."""
    if not points.n:
        return np.zeros(0)
    image = system.step(points.xstar, inputs).numpy().astype(np.float64)
    moved = image - points.xstar if system.time == "discrete" else image
    return np.asarray(np.linalg.norm(moved, axis=1))


def slow_enough(
    points: FixedPoints, speed: np.ndarray, is_slow_state: np.ndarray, min_time_constant: float
) -> tuple[np.ndarray, float]:
    """Test for fixed points and slow enough states, and measure their region.

    To the region belong the states that they were found from. Where these are known, states
    that are not slow do not make the region larger: within it others would then seem slow.
    """
    keep = np.ones(points.n, dtype=bool)
    if points.x_init is None:
        scale = state_scale(points.xstar)
        return ~is_slow_state | is_slow(speed, NEARLY * scale, min_time_constant), scale
    while True:
        scale = state_scale(np.concatenate([points.xstar[keep], points.x_init]))
        fewer = keep & (~is_slow_state | is_slow(speed, NEARLY * scale, min_time_constant))
        if (fewer == keep).all():
            return keep, scale
        keep = fewer
