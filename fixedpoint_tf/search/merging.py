"""Merging of points that are located to within a distance and may be the same.

Within its radius a located point has one true fixed point (Newton-Kantorovich, see
:class:`fixedpoint_tf.search.evidence.evidence.Evidence`). Two whose balls do not meet are
therefore two; of two whose balls meet, arithmetic cannot tell.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["crowded", "match_located", "merge_located"]

N_NEAREST = 4  # known points whose balls may meet that of a point


def match_located(
    points: np.ndarray, radius: np.ndarray, known: np.ndarray, known_radius: np.ndarray
) -> np.ndarray:
    """Find for each point a known one that it may be.

    Args:
        points: ``(n, n_coordinates)``.
        radius: ``(n,)``, finite.
        known: ``(k, n_coordinates)``.
        known_radius: ``(k,)``, finite.

    Returns:
        ``(n,)``, the index of the nearest known point whose ball meets that of the point,
        or -1.

    Example:
        >>> points, radius = np.array([[0.0], [0.5]]), np.array([0.1, 0.1])
        >>> match_located(points, radius, np.array([[0.15]]), np.array([0.1]))
        array([ 0, -1])
    """
    match = np.full(len(points), -1)
    if not len(points) or not len(known):
        return match
    reach = float(radius.max() + known_radius.max())
    k = list(range(1, min(N_NEAREST, len(known)) + 1))
    distance, near = cKDTree(known).query(points, k=k, distance_upper_bound=_beyond(reach))
    for j in reversed(range(len(k))):
        rows = np.flatnonzero(np.isfinite(distance[:, j]))
        target = near[rows, j]
        meets = distance[rows, j] <= radius[rows] + known_radius[target]
        match[rows[meets]] = target[meets]
    return match


def merge_located(points: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Choose one of all points that may be the same, the one that is located best.

    Args:
        points: ``(n, n_coordinates)``.
        radius: ``(n,)``, finite.

    Returns:
        ``kept``, the sorted indices of the points that are kept, and ``owner``, ``(n,)``,
        the index of the kept point that stands for each.

    Example:
        >>> kept, owner = merge_located(
        ...     np.array([[0.0], [1e-9], [1e-6]]), np.array([1e-8, 1e-12, 1e-12]))
        >>> kept.tolist(), owner.tolist()
        ([1, 2], [1, 1, 2])
    """
    owner = np.full(len(points), -1)
    if not len(points):
        return owner, owner
    tree, widest = cKDTree(points), float(radius.max())
    kept = []
    for i in np.argsort(radius, kind="stable"):
        if owner[i] >= 0:
            continue
        kept.append(i)
        near = np.asarray(tree.query_ball_point(points[i], radius[i] + widest), dtype=int)
        near = near[owner[near] < 0]
        distance = np.linalg.norm(points[near] - points[i], axis=1)
        owner[near[distance <= radius[i] + radius[near]]] = i
        owner[i] = i
    return np.sort(np.array(kept)), owner


def crowded(points: np.ndarray, known: np.ndarray, reach: float) -> np.ndarray:
    """Test points for another one, among themselves or known, within a distance.

    Args:
        points: ``(n, n_coordinates)``.
        known: ``(k, n_coordinates)``.
        reach: the distance.

    Returns:
        ``(n,)`` boolean.

    Example:
        >>> crowded(np.array([[0.0], [0.5], [0.6]]), np.array([[2.0]]), 0.2)
        array([False,  True,  True])
    """
    near = np.zeros(len(points), dtype=bool)
    if len(known):
        near |= cKDTree(known).query(points, distance_upper_bound=_beyond(reach))[0] <= reach
    if len(points) > 1:
        second = cKDTree(points).query(points, k=[2], distance_upper_bound=_beyond(reach))[0]
        near |= second[:, 0] <= reach
    return near


def _beyond(reach: float) -> float:
    """Return a bound that a distance of the reach itself lies below."""
    return reach * (1.0 + 1e-9) + 1e-300
