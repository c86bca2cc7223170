r"""Branch points to full precision, where Newton's method onto the curve itself is singular.

Near a branch point the curve is not one, but two that cross. Bordered by the left null
vector :math:`\psi` and the plane of both tangents, the equations
:math:`G(z) + \beta \psi = 0` are regular and give :math:`\beta` as a function on that
plane (Lyapunov-Schmidt reduction; Golubitsky & Schaeffer 1985, chapter VII): the branches
are where it is zero, and they cross where its gradient vanishes.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.curves.curve import Curve

__all__ = ["refine"]

MAX_ITERATIONS = 8  # of Gauss-Newton's method, which converges in a few or not at all
INNER_ITERATIONS = 6  # Newton steps from each place onto the reduced curve
DIFFERENCE = 1e-4  # between places, for second derivatives: wrong by about its square
FARTHEST = 1e-2  # what moves farther than this is another point
TOGETHER = 1e-2  # of the largest slope: smaller singular values may vanish together
ARRIVED = 1e-8  # step and gradients that are zero: the square of the difference above


def _reduced(curve: Curve, centre, plane, psi, places, piece):
    """Return derivatives of beta at places ``(n, m + 1)`` of the plane, and the points."""
    (n, width), d = places.shape, curve.d
    z = centre + places @ plane
    beta = np.zeros((n, width - 1))
    border = np.zeros((n, d + width, d + width))
    border[:, :d, d + 1 :], border[:, d:, : d + 1] = psi, plane
    unit = np.zeros((d + width, width))
    unit[d:] = np.eye(width)
    for _ in range(INNER_ITERATIONS):
        value, slopes, _ = curve.evaluate(z, np.full(n, piece))
        border[:, :d, : d + 1] = slopes
        off = (z - centre) @ plane.T - places
        right = np.concatenate([value + beta @ psi.T, off], axis=1)
        sides = np.concatenate([right[:, :, None], unit[None].repeat(n, axis=0)], axis=2)
        solved = np.linalg.solve(border, sides)
        z = z - solved[:, : d + 1, 0]
        beta = beta - solved[:, d + 1 :, 0]
        if np.abs(solved[:, :, 0]).max() < 1e-13:
            break
    return solved[:, d + 1 :, 1:], z


def refine(curve: Curve, z: np.ndarray, piece: int) -> np.ndarray:
    """Return the branch point near a place that is known roughly.

    Where m eigenvalues pass the edge together, as symmetry makes them, beta has m
    components on a space of m + 1 dimensions, and all their gradients vanish there.

    Args:
        curve: curve of fixed points.
        z: ``(n_states + 1,)``, within about 1e-3 of the branch point.
        piece: of the path, beyond whose corners it goes straight on.

    Returns:
        The branch point, in the same shape, or ``z`` where none is found nearby.
    """
    _, slopes, jacobian = curve.evaluate(z[None], np.array([piece]))
    left, sizes, right = np.linalg.svd(slopes[0])
    largest = max(sizes[0], curve.scale * np.abs(jacobian).max())  # all may vanish
    for m in range(max(1, int((sizes < TOGETHER * largest).sum())), 0, -1):
        found = _from(curve, z, piece, right[-1 - m :], left[:, -m:])
        if found is not None:
            return found
    return z


def _from(curve: Curve, z, piece: int, plane, psi) -> np.ndarray | None:
    """Find the branch point within a space by Gauss-Newton's method, or None."""
    width = len(plane)
    place = np.zeros(width)
    offsets = DIFFERENCE * np.concatenate([np.zeros((1, width)), np.eye(width), -np.eye(width)])
    point, last = z, np.inf
    try:
        for _ in range(MAX_ITERATIONS):
            gradient, points = _reduced(curve, z, plane, psi, place + offsets, piece)
            point = points[0]
            slope = (gradient[1 : width + 1] - gradient[width + 1 :]) / (2.0 * DIFFERENCE)
            hessian = slope.reshape(width, -1).T  # of each derivative, by the place
            if width > 2:
                step = -np.linalg.lstsq(hessian, gradient[0].ravel(), rcond=None)[0]
            else:
                step = -np.linalg.solve(hessian, gradient[0].ravel())
            place = place + step
            last = float(np.abs(step).max())
            if not np.abs(place).max() < FARTHEST:
                return None
            if last < 1e-12:
                break
    except np.linalg.LinAlgError:
        return None
    if width > 2 and not (last < ARRIVED and np.abs(gradient[0]).max() < ARRIVED):
        return None  # the gradients do not vanish together: these are points side by side
    return point if np.isfinite(point).all() else None
