r"""Branch points to full precision, where Newton's method onto the curve itself is singular.

Near a branch point the curve is not one, but two that cross. Bordered by the left null
vector :math:`\psi` and the plane of both tangents, the equations
:math:`G(z) + \beta \psi = 0` are regular and give :math:`\beta` as a function on that
plane (Lyapunov-Schmidt reduction; Golubitsky & Schaeffer 1985, chapter VII): the branches
are where it is zero, and they cross where its gradient vanishes.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.continuation.curve import Curve

__all__ = ["refine"]

MAX_ITERATIONS = 8
INNER_ITERATIONS = 6
DIFFERENCE = 1e-4
FARTHEST = 1e-2  # what moves farther than this is another point


def _reduced(curve: Curve, centre, plane, psi, places, piece):
    """Gradients of beta at places ``(n, 2)`` of the plane, and the points there."""
    n, d = len(places), curve.d
    z = centre + places @ plane
    beta = np.zeros(n)
    border = np.zeros((n, d + 2, d + 2))
    border[:, :d, d + 1], border[:, d:, : d + 1] = psi, plane
    unit = np.zeros((d + 2, 2))
    unit[d:] = np.eye(2)
    for _ in range(INNER_ITERATIONS):
        value, slopes, _ = curve.evaluate(z, np.full(n, piece))
        border[:, :d, : d + 1] = slopes
        off = (z - centre) @ plane.T - places
        right = np.concatenate([value + beta[:, None] * psi, off], axis=1)
        sides = np.concatenate([right[:, :, None], unit[None].repeat(n, axis=0)], axis=2)
        solved = np.linalg.solve(border, sides)
        z = z - solved[:, :-1, 0]
        beta = beta - solved[:, -1, 0]
        if np.abs(solved[:, :, 0]).max() < 1e-13:
            break
    return solved[:, -1, 1:], z


def refine(curve: Curve, z: np.ndarray, piece: int) -> np.ndarray:
    """The branch point near a place that is known roughly.

    Args:
        curve: of fixed points.
        z: ``(n_states + 1,)``, within about 1e-3 of the branch point.
        piece: of the path, beyond whose corners it goes straight on.

    Returns:
        The branch point, in the same shape, or ``z`` where none is found nearby.
    """
    _, slopes, _ = curve.evaluate(z[None], np.array([piece]))
    left, _, right = np.linalg.svd(slopes[0])
    plane, psi = right[-2:], left[:, -1]
    place = np.zeros(2)
    offsets = DIFFERENCE * np.array([[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]], float)
    point = z
    try:
        for _ in range(MAX_ITERATIONS):
            gradient, points = _reduced(curve, z, plane, psi, place + offsets, piece)
            point = points[0]
            hessian = np.stack(
                [gradient[1] - gradient[2], gradient[3] - gradient[4]], axis=1
            ) / (2.0 * DIFFERENCE)
            step = -np.linalg.solve(hessian, gradient[0])
            place = place + step
            if not np.abs(place).max() < FARTHEST:
                return z
            if np.abs(step).max() < 1e-12:
                break
    except np.linalg.LinAlgError:
        return z
    return point if np.isfinite(point).all() else z
