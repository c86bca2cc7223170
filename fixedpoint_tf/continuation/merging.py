"""Which of the points given lie on one and the same branch."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.continuation.curve import Curve

__all__ = ["first_on_branch"]

SAME_TOL = 1e-7


def _nearest(z: np.ndarray, point: np.ndarray) -> tuple[float, int, np.ndarray, np.ndarray]:
    """Distance of a point from the chords of a branch, the chord, the foot and its way."""
    chord = np.diff(z, axis=0)
    offset = point - z[:-1]
    squared = np.maximum((chord**2).sum(axis=1), 1e-300)
    share = np.clip((offset * chord).sum(axis=1) / squared, 0.0, 1.0)
    distance = np.linalg.norm(offset - share[:, None] * chord, axis=1)
    k = int(np.argmin(distance))
    way = chord[k] / max(1e-300, np.linalg.norm(chord[k]))
    return float(distance[k]), k, z[k] + (way @ offset[k]) * way, way


def first_on_branch(
    curve: Curve, branches: list[tuple[np.ndarray, ...]], starts: np.ndarray, reach: float
) -> np.ndarray:
    """For each branch the first of those that are the same one.

    A start is on a branch if Newton's method, in the plane through the start at right
    angles to the branch, leads from the branch to the start.

    Args:
        curve: of fixed points.
        branches: ``z`` of each comes first.
        starts: ``(n, n_states + 1)``, a point of each.
        reach: how far the chords of a branch may be from it.

    Returns:
        ``(n,)`` int.
    """
    n = len(branches)
    pairs, guesses, normals, middles = [], [], [], []
    for i, (z, *_) in enumerate(branches):
        for j in range(n):
            if i != j and len(z) > 1:
                distance, k, foot, way = _nearest(z, starts[j])
                if distance < reach:
                    pairs.append((i, j))
                    guesses.append(foot)
                    normals.append(way)
                    middles.append(0.5 * (z[k, -1] + z[k + 1, -1]))
    first = np.arange(n)
    if not pairs:
        return first
    piece = curve.path.piece(np.array(middles))
    met = curve.correct(np.stack(guesses), np.stack(normals), piece)
    for (i, j), z, good in zip(pairs, met.z, met.converged, strict=True):
        if good and np.linalg.norm(z - starts[j]) < SAME_TOL * (1.0 + np.linalg.norm(z)):
            one, other = sorted((first[i], first[j]))
            first[first == other] = one
    return first
