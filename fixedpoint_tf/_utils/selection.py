"""Pure functions that choose among points, such as the distinct ones."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["distance_outliers", "is_slow", "state_scale", "select_distinct"]

COINCIDENT = 1e-6  # states nearer to each other than this, relative to their size, coincide


def _collapse_equal_rows(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first index of each distinct row, and the class of every row."""
    if points.shape[1] == 0:
        return np.zeros(min(1, len(points)), int), np.zeros(len(points), int)
    # Adding zero turns -0.0 into 0.0, so that equal numbers have equal bytes.
    rows = np.ascontiguousarray(points + 0.0)
    as_bytes = rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))
    _, first, inverse = np.unique(as_bytes.ravel(), return_index=True, return_inverse=True)
    return first, inverse


def select_distinct(
    points: np.ndarray, q: np.ndarray, tol: float, max_kept: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Select points of which no two lie within ``tol``, lowest speed first.

    Points are taken in the order of their speed ``q``, each one kept unless a kept point
    lies within ``tol`` (Euclidean). So no two kept points are nearer than ``tol``, and
    every dropped point lies within ``tol`` of a kept one of lower or equal ``q``. A chain
    of neighbours, such as a line attractor, is thinned, not merged into one point.

    Args:
        points: ``(n, n_coordinates)``.
        q: ``(n,)``, the rank: lower is kept first.
        tol: smallest distance between two kept points.
        max_kept: stop after this many kept points (the rest is left without an owner).

    Returns:
        ``kept``, the sorted indices of the kept points, and ``owner``, ``(n,)``: for each
        point the index of the kept point that stands for it, or -1.

    Example:
        >>> import numpy as np
        >>> line = np.array([[0.0], [0.4], [0.8], [1.2]])
        >>> kept, owner = select_distinct(line, q=np.array([1.0, 0.0, 1.0, 1.0]), tol=0.5)
        >>> kept.tolist(), owner.tolist()
        ([1, 3], [1, 1, 1, 3])
    """
    points = np.asarray(points, dtype=np.float64)
    n = len(points)
    if n == 0:
        return np.zeros(0, int), np.zeros(0, int)
    first, group = _collapse_equal_rows(points)
    best = np.full(len(first), np.inf)
    np.minimum.at(best, group, np.where(np.isnan(q), np.inf, q))
    distinct = points[first]
    tree = cKDTree(distinct)
    owner_of_group = np.full(len(first), -1)
    order = np.argsort(best, kind="stable")
    kept_groups: list[int] = []
    for g in order:
        if owner_of_group[g] >= 0:
            continue
        if max_kept is not None and len(kept_groups) == max_kept:
            break
        kept_groups.append(g)
        near = np.asarray(tree.query_ball_point(distinct[g], tol), dtype=int)
        near = near[owner_of_group[near] < 0]
        owner_of_group[near] = g
        owner_of_group[g] = g
    # The representative of a group is its member of lowest q.
    by_q = np.lexsort((np.arange(n), np.where(np.isnan(q), np.inf, q)))
    representative = np.full(len(first), -1)
    representative[group[by_q[::-1]]] = by_q[::-1]
    owner_group = owner_of_group[group]
    owner = np.where(owner_group >= 0, representative[owner_group], -1)
    return np.sort(representative[kept_groups]), owner


def distance_outliers(
    points: np.ndarray,
    initial_states: np.ndarray,
    scale: float,
    *,
    reached: np.ndarray | None = None,
) -> np.ndarray:
    """Test points for lying unusually far from the states the search began with.

    The measure of FixedPointFinder (Golub & Sussillo 2018): the distance from the centroid
    of the initial states, in units of their mean distance from it.

    Args:
        points: ``(n, n_states)``.
        initial_states: ``(m, n_states)``.
        scale: points beyond this many mean distances are outliers.
        reached: ``(k, n_states)``, states that the network reaches from the initial ones:
            nothing is an outlier within twice their distance.

    Returns:
        ``(n,)`` boolean. Nothing is an outlier where the initial states coincide, to within
        a millionth of their size, since they then set no scale.

    Example:
        >>> import numpy as np
        >>> starts = np.array([[-1.0], [1.0]])  # at a mean distance of 1 from their centroid
        >>> distance_outliers(np.array([[0.5], [30.0]]), starts, scale=10.0).tolist()
        [False, True]
    """
    centroid = initial_states.mean(axis=0)
    mean_distance = np.linalg.norm(initial_states - centroid, axis=1).mean()
    if not mean_distance > COINCIDENT * np.linalg.norm(initial_states, axis=1).max():
        return np.zeros(len(points), dtype=bool)
    limit = scale * mean_distance
    if reached is not None and len(reached):
        limit = max(limit, 2.0 * float(np.linalg.norm(reached - centroid, axis=1).max()))
    return np.linalg.norm(points - centroid, axis=1) > limit


def state_scale(states: np.ndarray) -> float:
    """Measure the size of the region that states fill, the unit of every distance in it.

    Args:
        states: ``(n, n_states)``; rows that are not finite are left out.

    Returns:
        The largest distance from their mean; of states that all coincide, the largest
        distance from the origin; 0 without any.

    Example:
        >>> state_scale(np.array([[-1.0], [3.0]])), state_scale(np.array([[2.0], [2.0]]))
        (2.0, 2.0)
    """
    states = states[np.isfinite(states).all(axis=1)]
    if not len(states):
        return 0.0
    radius = float(np.linalg.norm(states - states.mean(axis=0), axis=1).max())
    size = float(np.linalg.norm(states, axis=1).max())
    return radius if radius > 1e-9 * size else size


def is_slow(speed: np.ndarray, scale: float, min_time_constant: float) -> np.ndarray:
    """Test which states need at least a given time to cross their region.

    The measure has no unit of its own: states a thousand times as large that move a
    thousand times as far are as slow. For a linear leak ``dx/dt = -x / tau`` the states are
    slow up to a ``min_time_constant`` of ``tau``.

    Args:
        speed: ``(n,)``, ``|F(x) - x|``, or ``|dx/dt|`` in continuous time; not ``q``.
        scale: the size of the region, see :func:`state_scale`.
        min_time_constant: in steps, or units of time.

    Returns:
        ``(n,)`` boolean; False where the speed is NaN.

    Example:
        >>> is_slow(np.array([1e-3, 1.3]), scale=2.0, min_time_constant=100.0).tolist()
        [True, False]
    """
    # A little more is allowed than rounding takes from a speed that is just slow enough.
    return np.asarray(speed) * min_time_constant <= scale * (1.0 + 1e-6)
