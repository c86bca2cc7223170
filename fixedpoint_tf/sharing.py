"""Which starts may be given to a known end point, instead of descending once more."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from fixedpoint_tf.end_points import EndPoints, place

__all__ = ["leads_down", "newton_lands"]

PATH = (0.2, 0.4, 0.6, 0.8)
N_NEAREST = 4


def newton_lands(
    ends: EndPoints, x: np.ndarray, r: np.ndarray, condition: np.ndarray, reach: float
) -> np.ndarray:
    """The known fixed point on which the Newton step from each state lands.

    The step uses the inverse that was computed at the fixed point. It lands if it takes
    away nine tenths of the distance, as it must near that point and would not near another.

    Args:
        ends: what is known.
        x: states, ``(m, n_states)``.
        r: their residuals, ``(m, n_states)``.
        condition: ``(m,)``.
        reach: states further than this from a fixed point are not tried.

    Returns:
        ``(m,)``, the number of the end point, or -1.
    """
    landed = np.full(len(x), -1)
    known = np.array(sorted(ends.inverses), dtype=int)
    if not len(known) or not len(x):
        return landed
    tree = cKDTree(place(ends.x[known], ends.condition[known]))
    distance, nearest = tree.query(place(x, condition), distance_upper_bound=reach)
    for k in np.unique(nearest[np.isfinite(distance)]):
        rows = np.flatnonzero(nearest == k)
        away = x[rows] - ends.x[known[k]]
        left = away - r[rows] @ ends.inverses[known[k]].T
        close = np.linalg.norm(left, axis=1) <= 0.1 * distance[rows] + 1e-6
        landed[rows[close]] = known[k]
    return landed


def leads_down(
    ends: EndPoints,
    usable: np.ndarray,
    x: np.ndarray,
    condition: np.ndarray,
    speed: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """A known end point to which the speed falls all along the straight line.

    A descent may take that line, so the start can be given to that end. The nearest few
    are tried.

    Args:
        ends: what is known.
        usable: numbers of the end points that may be given.
        x: states, ``(m, n_states)``.
        condition: ``(m,)``.
        speed: ``q`` of ``states (k, n_states)`` with the conditions ``(k,)``.

    Returns:
        ``(m,)``, the number of the end point, or -1.
    """
    given = np.full(len(x), -1)
    if not len(usable) or not len(x):
        return given
    n_near = min(N_NEAREST, len(usable))
    tree = cKDTree(place(ends.x[usable], ends.condition[usable]))
    _, near = tree.query(place(x, condition), k=list(range(1, n_near + 1)))
    q_start = speed(x, condition)
    for j in range(n_near):
        target = usable[near[:, j]]
        rows = np.flatnonzero((given < 0) & (condition == ends.condition[target]))
        line = ends.x[target[rows]] - x[rows]
        down = np.ones(len(rows), dtype=bool)
        previous = q_start[rows]
        for t in PATH:
            q = speed(x[rows] + t * line, condition[rows])
            down &= q <= previous
            previous = q
        down &= ends.q[target[rows]] <= previous
        given[rows[down]] = target[rows[down]]
    return given
