"""Points that stand for the same fixed point, and those that stand for different ones."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from fixedpoint_tf._utils.chunks import chunks

__all__ = ["compare_points", "shrink_to_others"]

_SLACK = 1e-11  # against rounding of a distance
_AT_ONCE = 2000  # points whose neighbours are listed at once


def compare_points(
    x: np.ndarray,
    u: np.ndarray,
    certified: np.ndarray,
    existence: np.ndarray,
    uniqueness: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return distances to the nearest point, who is the same, how many are distinct.

    Args:
        x: ``(n, n_states)``.
        u: ``(n, n_inputs)``; points under other inputs have nothing to do with each other.
        certified: ``(n,)`` bool.
        existence: ``(n,)``, radii within which a fixed point lies.
        uniqueness: ``(n,)``, radii within which there is no other.
    """
    n = len(x)
    nearest, same_as = np.full(n, np.inf), np.full(n, -1)
    n_distinct = 0
    for rows in _by_input(u):
        finite = rows[np.isfinite(x[rows]).all(axis=1)]
        if len(finite) > 1:
            nearest[finite] = _nearest(x[finite])
        own = rows[certified[rows]]
        if len(own):
            same_as[own], n_apart = _firsts(x[own], existence[own], uniqueness[own])
            same_as[own] = own[same_as[own]]
            n_distinct += n_apart
    return nearest, same_as, n_distinct


def _nearest(x: np.ndarray) -> np.ndarray:
    """Return the distance to the nearest other point, ``(n,)``."""
    # Equal points are merged first: a tree is slow where many are equal.
    as_bytes = np.ascontiguousarray(x).view(np.dtype((np.void, x.strides[0]))).ravel()
    _, one, number, times = np.unique(
        as_bytes, return_index=True, return_inverse=True, return_counts=True
    )
    distance = np.zeros(len(one))
    alone = times == 1
    if len(one) > 1:
        distance[alone] = cKDTree(x[one]).query(x[one[alone]], k=2)[0][:, 1]
    return distance[number.ravel()]


def _firsts(
    x: np.ndarray, existence: np.ndarray, uniqueness: np.ndarray
) -> tuple[np.ndarray, int]:
    """Return, for each point, the first that is the same, and the number of distinct points."""
    # Only points whose balls of existence may meet are compared: a tree finds them.
    same_as = np.full(len(x), -1)
    tree, largest = cKDTree(x), float(existence.max())
    apart = np.zeros(len(x), dtype=bool)  # proved to be others than all before them
    for i in range(len(x)):
        if same_as[i] >= 0:
            continue
        same_as[i] = i
        reach = (existence[i] + largest) * (1.0 + 4.0 * _SLACK)
        near = np.asarray(tree.query_ball_point(x[i], reach), dtype=int)
        distance = np.linalg.norm(x[near] - x[i], axis=1)
        low, high = distance * (1.0 - _SLACK), distance * (1.0 + _SLACK)
        meets = low <= existence[i] + existence[near]
        apart[i] = not (meets & apart[near]).any()
        # The true point of one lies within the ball in which that of the other is alone.
        same = high + existence[near] <= uniqueness[i]
        same |= high + existence[i] <= uniqueness[near]
        same &= meets & (near > i) & (same_as[near] < 0)
        same_as[near[same]] = i
    return same_as, int(apart.sum())


def _by_input(u: np.ndarray) -> list[np.ndarray]:
    """Return the rows under each input, in rising order."""
    if (u == u[:1]).all():  # sorting rows takes long, and mostly there is one
        return [np.arange(len(u))] if len(u) else []
    condition = np.unique(u, axis=0, return_inverse=True)[1].reshape(-1)
    order = np.argsort(condition, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(condition[order])) + 1)


def shrink_to_others(
    x: np.ndarray,
    u: np.ndarray,
    same_as: np.ndarray,
    existence: np.ndarray,
    uniqueness: np.ndarray,
) -> np.ndarray:
    """Return sampled balls, shrunk until none reaches another point that samples support.

    Args:
        x, u, existence, uniqueness: as for :func:`compare_points`.
        same_as: ``(n,)``, as that returns it.
    """
    uniqueness = uniqueness.copy()
    for rows in _by_input(u):
        rows = rows[same_as[rows] >= 0]
        firsts = rows[same_as[rows] == rows]
        if len(firsts) < 2:
            continue
        tree, largest = cKDTree(x[firsts]), float(existence[firsts].max())
        for some in chunks(len(rows), size=_AT_ONCE):
            own = rows[some]
            reach = (uniqueness[own] + largest) * (1.0 + 4.0 * _SLACK)
            near = tree.query_ball_point(x[own], reach)
            at = np.repeat(own, [len(each) for each in near])
            other = firsts[np.concatenate([np.asarray(each, dtype=int) for each in near])]
            kept = other != same_as[at]
            at, other = at[kept], other[kept]
            free = np.linalg.norm(x[other] - x[at], axis=1) * (1.0 - _SLACK) - existence[other]
            np.minimum.at(uniqueness, at, free)
        uniqueness[rows] = np.maximum(uniqueness[rows], existence[rows])
    return uniqueness
