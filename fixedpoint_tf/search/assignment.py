"""Assignment of starts to known end points without a new descent."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from fixedpoint_tf.search.end_points import EndPoints, place

__all__ = ["match_by_monotone_path", "match_by_newton_step"]

#: Shares of the line to a known point, along which the speed must fall.
PATH = (0.2, 0.4, 0.6, 0.8)
N_NEAREST = 4  # known points to which a line is tried
ON_CONTINUUM = 1e-6  # distance within which points of a continuum are one
N_REPEATED = 8  # states of each fixed point from which Newton steps are repeated
MOST_REPEATS = 30  # Newton steps, each of which halves the distance even from a double root


def match_by_newton_step(
    ends: EndPoints,
    x: np.ndarray,
    condition: np.ndarray,
    residual: Callable[[np.ndarray, np.ndarray], np.ndarray],
    reach: float,
    *,
    smooth: bool,
) -> np.ndarray:
    """Return the known fixed point on which the Newton step from each state lands.

    The step uses the inverse that was computed at the fixed point. It lands if it takes
    away nine tenths of the distance, as it must near that point and would not near another.
    Where a network may bend sharply, points much nearer to each other than the states are
    to them look alike from there: so from some of the states the steps are repeated until
    they arrive, and where one does not, from all.

    Args:
        ends: what is known.
        x: states, ``(m, n_states)``.
        condition: ``(m,)``.
        residual: of ``states (k, n_states)`` with the conditions ``(k,)``.
        reach: states further than this from a fixed point are not tried.
        smooth: whether the network is known to bend nowhere sharply.

    Returns:
        ``(m,)``, the number of the end point, or -1.
    """
    landed = np.full(len(x), -1)
    known = np.array(sorted(ends.inverses), dtype=int)
    if not len(known) or not len(x):
        return landed
    tree = cKDTree(place(ends.x[known], ends.condition[known]))
    distance, nearest = tree.query(place(x, condition), distance_upper_bound=reach)
    near = np.flatnonzero(np.isfinite(distance))
    if not len(near):
        return landed
    tried, target = near, known[nearest[near]]
    left = _chord_steps(ends, target, x[near], residual(x[near], condition[near]))
    closer = np.linalg.norm(left, axis=1) <= 0.1 * distance[near] + _slack(ends, target)
    tried, target, left = near[closer], target[closer], left[closer]
    landed[tried] = target
    if smooth:
        return landed
    sample = _extremes(target, left)
    arrives = _arrives(ends, target[sample], left[sample], condition[tried[sample]], residual)
    doubtful = np.flatnonzero(np.isin(target, target[sample[~arrives]]))
    if len(doubtful):
        rows = tried[doubtful]
        arrives = _arrives(ends, target[doubtful], left[doubtful], condition[rows], residual)
        landed[rows[~arrives]] = -1
    return landed


def _slack(ends: EndPoints, target: np.ndarray) -> np.ndarray:
    """Return the distance to which each of some end points is located."""
    located = ends.located[target]
    return np.where(np.isfinite(located), located, ON_CONTINUUM)


def _chord_steps(
    ends: EndPoints, target: np.ndarray, x: np.ndarray, r: np.ndarray
) -> np.ndarray:
    """Return the Newton step from each state by the inverse at an end point."""
    left = x - ends.x[target]
    for k in np.unique(target):
        rows = np.flatnonzero(target == k)
        left[rows] -= r[rows] @ ends.inverses[k].T
    return left


def _extremes(target: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Choose some rows of each end point, spread over their remaining distances."""
    chosen = []
    for k in np.unique(target):
        rows = np.flatnonzero(target == k)
        if len(rows) > N_REPEATED:
            rows = rows[np.argsort(left[rows, np.argmax(np.ptp(left[rows], axis=0))])]
            rows = rows[np.linspace(0, len(rows) - 1, N_REPEATED).astype(int)]
        chosen.append(rows)
    return np.concatenate(chosen) if chosen else np.zeros(0, int)


def _arrives(
    ends: EndPoints,
    target: np.ndarray,
    left: np.ndarray,
    condition: np.ndarray,
    residual: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Test whether repeated steps go on to the end point, to where it is located."""
    left, distance = left.copy(), np.linalg.norm(left, axis=1)
    located = 2.0 * _slack(ends, target)
    # Nothing more can be asked of a point that is one of a continuum.
    arrived = (distance <= located) | ~np.isfinite(ends.located[target])
    active = np.flatnonzero(~arrived)
    for _ in range(MOST_REPEATS):
        if not len(active):
            break
        x = ends.x[target[active]] + left[active]
        left[active] = _chord_steps(ends, target[active], x, residual(x, condition[active]))
        before, distance[active] = distance[active], np.linalg.norm(left[active], axis=1)
        arrived[active] = distance[active] <= located[active]
        active = active[~arrived[active] & (distance[active] <= 0.5 * before)]
    arrived[active] = True  # nearer with every step
    return arrived


def match_by_monotone_path(
    ends: EndPoints,
    usable: np.ndarray,
    x: np.ndarray,
    condition: np.ndarray,
    speed: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> np.ndarray:
    """Return a known end point to which the speed falls all along the straight line.

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
