"""Decide if points and branches belong to one and the same curve.

Near a branch another one may pass at any distance: what counts is whether the curve itself
goes through the point. Between two neighbouring points of a branch the curve is a graph over
their chord, as each step of the continuation saw to, so that in the plane through the point
at right angles to the chord it has just one point, and Newton's method finds it.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf.curves.curve import CONTRACTION, Curve
from fixedpoint_tf.curves.predictor import between, tangents_within

__all__ = ["first_on_branch", "joins", "lies_on", "middles"]

SAME_TOL = 1e-9  # of two solutions by Newton's method to 1e-11
SLACK = 1e-6  # of a chord beyond its ends
WIDEST = 0.25  # of its length that a curve strays from a chord
PARALLEL = 0.8  # least cosine of two chords of a curve at one place
MAX_CUTS = 8  # halves of a chord in turn, until Newton's method is sure


def _on_chords(curve: Curve, begin, finish, share, piece):
    """Correct points over chords onto the curve, and mark those that surely converged."""
    chord = finish - begin
    length = np.maximum(np.linalg.norm(chord, axis=1), 1e-300)[:, None]
    way = chord / length
    first, last = tangents_within(curve, begin, finish, piece)
    guess = between(begin, finish, first, last, share)
    found = curve.correct(guess, way, piece)
    off = np.linalg.norm(found.z - guess, axis=1)
    sure = found.converged & (found.contraction <= CONTRACTION)
    return found.z, sure & (off <= WIDEST * length[:, 0]), found.converged


def lies_on(
    curve: Curve, begin: np.ndarray, finish: np.ndarray, point: np.ndarray, piece: np.ndarray
) -> np.ndarray:
    """Test points of the curve for being on parts of it between two neighbouring points.

    Args:
        curve: curve of fixed points.
        begin: ``(n, n_states + 1)``, where each part begins.
        finish: the same shape, where it ends.
        point: the same shape, on the curve.
        piece: ``(n,)`` int, of the path.

    Returns:
        ``(n,)`` boolean.
    """
    result = np.zeros(len(begin), dtype=bool)
    begin, finish = begin.copy(), finish.copy()
    tol = SAME_TOL * (1.0 + np.linalg.norm(point, axis=1))
    rows = np.arange(len(begin))
    for cut in range(MAX_CUTS):
        share, off, length = _places(begin[rows], finish[rows], point[rows])
        beside = tol[rows] + SLACK * length
        over = (share * length >= -beside) & ((share - 1.0) * length <= beside)
        rows = rows[over & (off <= WIDEST * length + tol[rows]) & (length > 0)]
        if not len(rows):
            break
        share, _, length = _places(begin[rows], finish[rows], point[rows])
        z, sure, converged = _on_chords(curve, begin[rows], finish[rows], share, piece[rows])
        way = (finish - begin)[rows] / length[:, None]
        itself = curve.correct(point[rows], way, piece[rows])
        exact = itself.converged & (
            np.linalg.norm(itself.z - point[rows], axis=1) < 1e3 * tol[rows]
        )
        there = np.where(exact[:, None], itself.z, point[rows])
        same = converged & (np.linalg.norm(z - there, axis=1) <= tol[rows])
        last = cut == MAX_CUTS - 1
        result[rows] = same & (sure | last)
        rows, share = rows[~sure], share[~sure]
        if last or not len(rows):
            break
        half = np.full(len(rows), 0.5)
        middle, sure, _ = _on_chords(curve, begin[rows], finish[rows], half, piece[rows])
        later = share > 0.5
        begin[rows[later]], finish[rows[~later]] = middle[later], middle[~later]
        rows = rows[sure]
    return result


def joins(curve: Curve, begin, finish, first, last, least, piece) -> np.ndarray:
    """Test whether the curve leads from points to others, and not two curves side by side.

    The cubic between points of two curves stays far from both.

    Args:
        curve: curve of fixed points.
        begin: ``(n, n_states + 1)``.
        finish: the same shape.
        first: unit tangents at ``begin``.
        last: unit tangents at ``finish``.
        least: ``(n,)``, how far from the cubic the curve may be.
        piece: ``(n,)`` int, of the path.

    Returns:
        ``(n,)`` boolean.
    """
    good = np.ones(len(begin), dtype=bool)
    way = finish - begin
    way = way / np.maximum(np.linalg.norm(way, axis=1), 1e-300)[:, None]
    for share in (0.125, 0.875):
        guess = between(begin, finish, first, last, np.full(len(begin), share))
        found = curve.correct(guess, way, piece)
        good &= found.converged & (np.linalg.norm(found.z - guess, axis=1) <= least)
    return good


def _places(begin, finish, point):
    """Return the foot of each point on its chord, its distance, and the chord's length."""
    chord, offset = finish - begin, point - begin
    length = np.linalg.norm(chord, axis=1)
    share = (chord * offset).sum(axis=1) / np.maximum(length**2, 1e-300)
    return share, np.linalg.norm(offset - share[:, None] * chord, axis=1), length


def middles(
    curve: Curve, begin: np.ndarray, finish: np.ndarray, piece: np.ndarray
) -> np.ndarray:
    """Return points of the curve between two neighbours, or the first where unsure.

    There the curve is smooth, while either end may be at a border.

    Args:
        curve: curve of fixed points.
        begin: ``(n, n_states + 1)``.
        finish: the same shape.
        piece: ``(n,)`` int, of the path.

    Returns:
        The shape of ``begin``.
    """
    if not len(begin):
        return begin
    z, sure, _ = _on_chords(curve, begin, finish, np.full(len(begin), 0.5), piece)
    return np.where(sure[:, None], z, begin)


def _near(z: np.ndarray, points: np.ndarray, ways: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """List pairs of chords and points that may lie on them."""
    chord = np.diff(z, axis=0)
    length = np.linalg.norm(chord, axis=1)
    long = np.flatnonzero(length > 0)
    way = chord[long] / length[long, None]
    pairs = []
    for rows in chunks(len(points), len(long) * z.shape[1]):
        offset = points[rows, None] - z[long]
        along = np.einsum("nkd,kd->nk", offset, way)
        off = np.linalg.norm(offset - along[:, :, None] * way, axis=2)
        slack = 1e-6 * (length[long] + 1.0)
        near = (along >= -slack) & (along <= length[long] + slack)
        near &= off <= WIDEST * length[long] + slack
        near &= (np.abs(ways[rows] @ way.T) > PARALLEL) | ~ways[rows].any(axis=1, keepdims=True)
        n, k = np.nonzero(near)
        pairs.append((long[k], n + rows.start))
    return np.concatenate([k for k, _ in pairs]), np.concatenate([n for _, n in pairs])


def first_on_branch(
    curve: Curve, branches: list[np.ndarray], firsts: list[np.ndarray]
) -> np.ndarray:
    """Return for each start the first kept branch that passes through it.

    A branch is kept where no branch before it passes through its start, unless a later one
    passes through all that it passes.

    Args:
        curve: curve of fixed points.
        branches: of each, points ``(n_points, n_states + 1)`` in order.
        firsts: of each, its start and the next point on one side, ``(2, n_states + 1)``, or
            the start alone.

    Returns:
        ``(n,)`` int; of a branch that is kept its own number.
    """
    n = len(branches)
    first = np.arange(n)
    if n < 2:
        return first
    points, ways = _tests(curve, firsts)
    through = np.eye(n, dtype=bool)  # whether branch i passes through start k
    for i, z in enumerate(branches):
        if first[i] != i or len(z) < 2:
            continue
        others = np.flatnonzero((first == np.arange(n)) & (np.arange(n) != i))
        through[i, others] = _pass_through(curve, z, points[others], ways[others])
        first[others[(others > i) & through[i, others]]] = i
    for i in map(int, np.flatnonzero(first == np.arange(n))):
        for j in map(int, np.flatnonzero(first == np.arange(n))):
            its = np.flatnonzero(first == i)
            if j <= i or not through[j, i] or not len(branches[j]) > 1:
                continue
            if not through[j, its].all():
                unknown = its[~through[j, its]]
                through[j, unknown] = _pass_through(
                    curve, branches[j], points[unknown], ways[unknown]
                )
            ends, straight = branches[i][[0, -1]], np.zeros((2, points.shape[1]))
            if (
                through[j, its].all()
                and _pass_through(curve, branches[j], ends, straight).all()
            ):
                first[its] = j
                break
    return first


def _tests(curve: Curve, firsts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return a test point beside each start and the direction there, 0 for none."""
    points = np.stack([ends[0] for ends in firsts])
    ways = np.zeros_like(points)
    rows = np.array([k for k, ends in enumerate(firsts) if len(ends) > 1], dtype=int)
    if len(rows):
        begin, finish = (np.stack([firsts[k][m] for k in rows]) for m in (0, 1))
        piece = curve.path.piece(0.5 * (begin[:, -1] + finish[:, -1]))
        points[rows] = middles(curve, begin, finish, piece)
        length = np.linalg.norm(finish - begin, axis=1, keepdims=True)
        ways[rows] = (finish - begin) / np.maximum(length, 1e-300)
    return points, ways


def _pass_through(curve: Curve, z: np.ndarray, points, ways) -> np.ndarray:
    """Test points for lying on a branch."""
    result = np.zeros(len(points), dtype=bool)
    if not len(points):
        return result
    k, which = _near(z, points, ways)
    if len(k):
        piece = curve.path.piece(0.5 * (z[k, -1] + z[k + 1, -1]))
        result[which[lies_on(curve, z[k], z[k + 1], points[which], piece)]] = True
    return result
