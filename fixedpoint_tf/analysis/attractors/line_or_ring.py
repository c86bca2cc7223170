"""Shape of a cloud of points: its dimension, the order along a line, a closed ring.

Pure geometry: nothing here knows of dynamics. A point is looked at together with its
nearest neighbours, so that a curved line is a line; noise across a line is distinguished from a
second dimension by looking at several sizes of neighbourhood.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import minimum_spanning_tree, shortest_path
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist, squareform

from fixedpoint_tf._utils.linalg import each
from fixedpoint_tf._utils.selection import select_distinct

__all__ = [
    "OrderedCurve",
    "local_dimension",
    "neighbour_pairs",
    "project_on_path",
    "trace_curve",
]

#: Neighbours of a point that are looked at together.
SCALES = (4, 6, 10, 16, 24, 40, 64)
#: What leaves the tangent, in units of the extent along it, before it is a dimension.
FLATNESS = 0.25
#: Most points at which the dimension is taken, for a median of them.
CENTRES = 300
#: Points beyond which a tree is built from near neighbours only.
DENSE = 3000


def _lengths(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)


def _graph(points: np.ndarray, pairs: np.ndarray) -> csr_matrix:
    """Return distances as a sparse graph, in which a zero would be no edge."""
    n, lengths = len(points), np.maximum(_lengths(points, pairs), np.finfo(float).tiny)
    return coo_matrix((lengths, (pairs[:, 0], pairs[:, 1])), shape=(n, n)).tocsr()


def _nearest(points: np.ndarray, k: int) -> np.ndarray:
    """Return the nearest other points of each, ``(n, k)``."""
    _, index = cKDTree(points).query(points, k=k + 1)
    own = np.arange(len(points))
    # Among equal points a point need not come first in its own list.
    others = np.argsort(index == own[:, None], axis=1, kind="stable")[:, :k]
    return np.asarray(np.take_along_axis(index, others, axis=1))


def _spanning_tree(points: np.ndarray) -> np.ndarray:
    """Return the edges ``(n - 1, 2)`` of least total length that join all points."""
    if len(points) <= DENSE:
        distances = squareform(np.maximum(pdist(points), np.finfo(float).tiny))
        tree = minimum_spanning_tree(distances)
    else:
        tree = minimum_spanning_tree(_graph(points, _near_pairs(points, 16)))
    return np.stack(tree.nonzero(), axis=1).astype(int)


def _near_pairs(points: np.ndarray, k: int) -> np.ndarray:
    near = _nearest(points, min(k, len(points) - 1))
    own = np.repeat(np.arange(len(points)), near.shape[1])
    return np.stack([own, near.ravel()], axis=1)


def neighbour_pairs(points: np.ndarray, k: int = 8) -> np.ndarray:
    """List pairs of points that may be neighbours on a manifold.

    Args:
        points: ``(n, n_states)``.
        k: nearest neighbours of each point.

    Returns:
        ``(n_pairs, 2)``, the lower index first: each point with its ``k`` nearest, and the
        minimum spanning tree, which bridges clumps (beyond 3,000 points only between near
        neighbours).

    Example:
        >>> neighbour_pairs(np.array([[0.0], [1.0], [5.0]]), k=1).tolist()
        [[0, 1], [1, 2]]
    """
    if len(points) < 2:
        return np.zeros((0, 2), dtype=int)
    pairs = np.concatenate([_near_pairs(points, k), _spanning_tree(points)])
    return np.unique(np.sort(pairs, axis=1), axis=0)


def local_dimension(points: np.ndarray) -> tuple[int, float]:
    """Estimate the dimension of the manifold of a cloud of points from near neighbours.

    At each point the neighbourhood is turned to its principal components, and the
    dimension is the smallest ``d`` for which the other components are a quadratic function
    of the first ``d``, which a curved manifold is locally, to a quarter of the extent.
    (Plain local principal components, Fukunaga & Olsen 1971, take curvature for a
    dimension where points are few.) The median over the points is taken at each of several
    numbers of neighbours, and of those the lowest: a small neighbourhood sees noise, a
    large one sees bends.

    Args:
        points: ``(n, n_states)``.

    Returns:
        The dimension (0 for one point; 3 stands for three or more), and the root mean
        square distance of the points from the manifold.

    Example:
        >>> angle = np.linspace(0.0, 6.0, 40)
        >>> dimension, noise = local_dimension(np.stack([np.cos(angle), np.sin(angle)], 1))
        >>> dimension, noise < 1e-2
        (1, True)
    """
    n = len(points)
    if n < 2:
        return 0, 0.0
    largest = min(n - 1, max(SCALES[0], n // 4))
    scales = sorted({min(k, largest) for k in SCALES})
    found = [_dimension_at(points, k) for k in scales]
    return min(found)


def _dimension_at(points: np.ndarray, k: int) -> tuple[int, float]:
    """Return the median dimension with ``k`` neighbours, and the median distance from it."""
    near = np.concatenate([np.arange(len(points))[:, None], _nearest(points, k)], axis=1)
    near = near[:: -(-len(points) // CENTRES)]
    found = np.array(each(_flat_in, points[near]))
    d = int(np.median(found[:, 0]))
    same = found[:, 0] == d
    return d, float(np.median(found[same, 1])) if same.any() else 0.0


def _flat_in(local: np.ndarray) -> tuple[float, float]:
    """Return the dimension of one neighbourhood ``(n_points, n_states)``, and the misfit."""
    n_points, most = len(local), min(2, len(local) - 1, local.shape[1])
    # Not by scikit-learn's PCA: there are thousands of such neighbourhoods of a few points, and
    # their products serve the quadratic fit below, too.
    local = local - local.mean(axis=0)
    products = local @ local.T
    values, vectors = np.linalg.eigh(products)
    values, vectors = values[::-1], vectors[:, ::-1]
    extent = np.sqrt(max(values[0], 0.0) / (n_points - 1))
    for d in range(1, most + 1):
        # The tangent coordinates, and what is left of the products without them.
        t = vectors[:, :d] * np.sqrt(np.maximum(values[:d], 0.0))
        columns, n_free = [np.ones((n_points, 1)), t], n_points - 1 - d
        n_squares = d * (d + 1) // 2
        if n_free > n_squares:
            i, j = np.triu_indices(d)
            columns.append(t[:, i] * t[:, j])
            n_free -= n_squares
        design = np.concatenate(columns, axis=1)
        design /= np.maximum(np.linalg.norm(design, axis=0), 1e-300)
        u, s, _ = np.linalg.svd(design, full_matrices=False)
        u = u[:, s > 1e-8 * s[0]]
        rest = products - t @ t.T
        square = np.trace(rest) - np.trace(u.T @ rest @ u)
        residual = np.sqrt(max(float(square), 0.0) / max(n_free, 1))
        if residual <= FLATNESS * extent:
            return float(d), residual
    return 3.0 if most == 2 else float(most), 0.0


@dataclasses.dataclass(frozen=True)
class OrderedCurve:
    """Points in their order along a line or ring.

    Attributes:
        coordinate: ``(n,)``, arc length at each point, from 0.
        tangent: ``(n, n_states)``, unit vectors towards higher coordinates.
        length: length of the whole curve, of a ring with the closing piece.
        closing_gap: distance between the two ends of the line.
        may_close: whether the ends are as near as neighbours: a ring, for geometry.
        gap_ratio: the largest gap over the median gap (of a ring, the closing one too).
        ends: two points, the first and the last along the line.
        covered: share of the points that lie near the curve; less than 1 where it branches.
    """

    coordinate: np.ndarray
    tangent: np.ndarray
    length: float
    closing_gap: float
    may_close: bool
    gap_ratio: float
    ends: tuple[int, int]
    covered: float


def trace_curve(
    points: np.ndarray, noise: float = 0.0, closed: bool | None = None
) -> OrderedCurve:
    """Order points along the line or ring that they lie on.

    The line is the longest path through the minimum spanning tree; either end may come
    first. Where the points
    scatter by ``noise`` about the line, the path goes through means of points that are
    nearer to each other than four times that.

    Args:
        points: ``(n, n_states)``, at least two.
        noise: root mean square distance from the line.
        closed: whether it is a ring; by default, whether its ends are as near as
            neighbours.

    Returns:
        The curve.

    Example:
        >>> curve = trace_curve(np.array([[0.0], [3.0], [1.0]]))
        >>> np.argsort(curve.coordinate).tolist(), curve.length, curve.may_close
        ([1, 2, 0], 3.0, False)
    """
    kept, owner = select_distinct(points, np.zeros(len(points)), 4.0 * noise)
    if len(kept) < min(5, len(points)):
        kept, owner = select_distinct(points, np.zeros(len(points)), 0.0)
    nodes = np.stack([points[owner == k].mean(axis=0) for k in kept])
    if len(nodes) < 2:
        nodes = points[:2]
    path = nodes[_longest_path(nodes)]
    gaps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    closing = float(np.linalg.norm(path[-1] - path[0]))
    near = closing <= 3.0 * gaps.max() and closing <= gaps.sum() / 3.0
    may_close = bool(len(path) >= 5 and near)
    closed = may_close if closed is None else closed
    if closed:
        path, gaps = np.concatenate([path, path[:1]]), np.append(gaps, closing)
    coordinate, tangent, distance = project_on_path(points, path, closed)
    length = float(gaps.sum()) if closed else float(np.ptp(coordinate))
    coordinate = coordinate % length if closed and length > 0 else coordinate
    coordinate = coordinate - coordinate.min()
    typical = float(np.median(gaps))
    reach = np.maximum(4.0 * noise, 2.0 * typical)
    return OrderedCurve(
        coordinate=coordinate,
        tangent=tangent,
        length=length,
        closing_gap=closing,
        may_close=may_close,
        gap_ratio=float(gaps.max()) / typical if typical > 0 else np.inf,
        ends=(int(coordinate.argmin()), int(coordinate.argmax())),
        covered=float((distance <= reach).mean()),
    )


def _longest_path(nodes: np.ndarray) -> np.ndarray:
    """Return the nodes along the longest path of the minimum spanning tree."""
    tree = _graph(nodes, _spanning_tree(nodes))
    start = int(_finite(shortest_path(tree, directed=False, indices=0)).argmax())
    distance, before = shortest_path(
        tree, directed=False, indices=start, return_predecessors=True
    )
    path = [int(_finite(distance).argmax())]
    while path[-1] != start:
        path.append(int(before[path[-1]]))
    return np.array(path[::-1])


def _finite(distances: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(distances), distances, -1.0)


def project_on_path(
    points: np.ndarray, path: np.ndarray, closed: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the nearest place on a polyline to each point.

    Args:
        points: ``(n, n_states)``.
        path: ``(n_nodes, n_states)``, at least two; of a closed one the last is the first.
        closed: whether it is a ring. The end segments of an open one go on for ever.

    Returns:
        The arc length there ``(n,)``, the tangent ``(n, n_states)``, of length 1, and the
        distance ``(n,)`` of each point from it.

    Example:
        >>> path = np.array([[0.0, 0.0], [2.0, 0.0], [2.0, 2.0]])
        >>> at, tangent, distance = project_on_path(np.array([[0.5, 0.1]]), path)
        >>> at.tolist(), distance.tolist()
        ([0.5], [0.1])
    """
    gaps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    n_segments = len(gaps)
    start = np.concatenate([[0.0], np.cumsum(gaps)])
    padded = np.concatenate([path[-2:-1], path, path[1:2]]) if closed else path
    at_node = np.gradient(padded, axis=0) if len(padded) > 1 else padded
    at_node = at_node[1:-1] if closed else at_node
    _, nearest = cKDTree(path[:-1] if closed else path).query(points)
    best = np.full(len(points), np.inf)
    coordinate, tangent = np.zeros(len(points)), np.zeros_like(points)
    for shift in (-1, 0):
        raw = nearest + shift
        segment = raw % n_segments if closed else np.clip(raw, 0, n_segments - 1)
        along = path[segment + 1] - path[segment]
        square = np.maximum((along**2).sum(axis=1), np.finfo(float).tiny)
        t = ((points - path[segment]) * along).sum(axis=1) / square
        # Beyond an end of an open line the end segment goes on.
        low = np.where((segment == 0) & (not closed), -np.inf, 0.0)
        high = np.where((segment == n_segments - 1) & (not closed), np.inf, 1.0)
        t = np.clip(t, low, high)
        away = np.linalg.norm(points - path[segment] - t[:, None] * along, axis=1)
        nearer = away < best
        best = np.where(nearer, away, best)
        coordinate = np.where(nearer, start[segment] + t * gaps[segment], coordinate)
        share = np.clip(t, 0.0, 1.0)[:, None]
        mixed = (1.0 - share) * at_node[segment] + share * at_node[segment + 1]
        tangent = np.where(nearer[:, None], mixed, tangent)
    size = np.linalg.norm(tangent, axis=1, keepdims=True)
    return coordinate, tangent / np.where(size > 0, size, 1.0), best
