"""Points that stand for the same fixed point, and those that stand for different ones."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["compare_points", "shrink_to_others"]

_SLACK = 1e-11  # against rounding of a distance


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
    _, condition = np.unique(u, axis=0, return_inverse=True)
    condition = condition.reshape(-1)
    for c in range(condition.max(initial=-1) + 1):
        rows = np.flatnonzero(condition == c)
        finite = rows[np.isfinite(x[rows]).all(axis=1)]
        if len(finite) > 1:
            nearest[finite] = cKDTree(x[finite]).query(x[finite], k=2)[0][:, 1]
        first: list[int] = []  # of the points that stand for one true point each
        apart: list[int] = []  # of these, those proved to be others than all before them
        for i in rows[certified[rows]]:
            distance = np.linalg.norm(x[first] - x[i], axis=1)
            far, near = distance * (1.0 - _SLACK), distance * (1.0 + _SLACK)
            # The true point of one lies within the ball in which that of the other is alone.
            same = near + existence[i] <= uniqueness[first]
            same |= near + existence[first] <= uniqueness[i]
            same &= far <= existence[i] + existence[first]
            if same.any():
                same_as[i] = first[int(np.argmax(same))]
                continue
            same_as[i] = i
            others = np.isin(first, apart)
            if (far[others] > existence[i] + existence[first][others]).all():
                apart.append(i)
            first.append(i)
        n_distinct += len(apart)
    return nearest, same_as, n_distinct


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
    _, condition = np.unique(u, axis=0, return_inverse=True)
    condition = condition.reshape(-1)
    firsts = np.flatnonzero(same_as == np.arange(len(x)))
    for i in np.flatnonzero(same_as >= 0):
        others = firsts[(firsts != same_as[i]) & (condition[firsts] == condition[i])]
        if len(others):
            reach = (
                np.linalg.norm(x[others] - x[i], axis=1) * (1.0 - _SLACK) - existence[others]
            )
            uniqueness[i] = max(existence[i], min(uniqueness[i], float(reach.min())))
    return uniqueness
