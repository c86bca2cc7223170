"""Families of cycles: curves on which every point has the same period.

A rotation by a rational angle fills a circle with cycles. One multiplier of each is 1, and
its eigenvector leads to the next cycle of the family. The family is one oscillation, and is
counted as one.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf.analysis.cycles.maps import VariationalMap
from fixedpoint_tf.analysis.cycles.orbits.orbits import Orbit
from fixedpoint_tf.analysis.cycles.orbits.winding import turns_of_lag
from fixedpoint_tf.systems.simulation import roll_out

__all__ = ["Family", "find_family", "is_same_family"]

NULL_TOL = 1e-7  # singular values of the derivative once around minus 1, relative
RETURN_TOL = 1e-10  # of the extent: how nearly a point must come back
MAX_CORRECTIONS = 8  # Newton steps back onto the family
N_RELAXED = 4  # periods that are run, in which a stable family draws near what is beside it
SHIFT = 0.02  # of the distance between neighbours, along the family
N_PER_NEIGHBOUR = 8  # steps along the family between two points of a cycle
N_BEGINNINGS = 8  # points of a cycle nearest to where another begins, that may be the same
MAX_FOLLOWED = 400  # steps along the family, of which 8 lead from neighbour to neighbour


@dataclasses.dataclass(frozen=True)
class Family:
    """The cycles around one of them.

    Attributes:
        n_dimensions: number of dimensions of the family, along which there are other cycles.
        turns: number of turns around its curve in a period; None where unknown.
    """

    n_dimensions: int
    turns: int | None


class _Returns:
    """The map k times over, and points of period k near given ones."""

    def __init__(self, tangents: VariationalMap, u: np.ndarray, k: int, extent: float):
        self.tangents, self.u, self.k, self.extent = tangents, u, k, extent

    def orbit(self, x: np.ndarray) -> np.ndarray:
        """Return x and its images, ``(k + 1, n_states)``."""
        inputs = np.broadcast_to(self.u, (1, self.k, len(self.u)))
        after = roll_out(self.tangents.system, inputs, x[None])[0]
        return np.concatenate([x[None], after])

    def displacement(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the displacement F^k(x) - x, and its derivative by x."""
        points = self.orbit(x)
        inputs = np.broadcast_to(self.u, (self.k, len(self.u)))
        product = np.eye(len(x))
        for jacobian in self.tangents(points[:-1], inputs)[1]:
            product = jacobian @ product
        return points[-1] - x, product - np.eye(len(x))

    def correct(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Return the nearest point of period k, with the derivative there, or None."""
        for _ in range(MAX_CORRECTIONS):
            away, derivative = self.displacement(x)
            if not (np.isfinite(away).all() and np.isfinite(derivative).all()):
                return None
            if np.abs(away).max() < RETURN_TOL * self.extent:
                return x, derivative
            x = x - np.linalg.pinv(derivative, rcond=NULL_TOL) @ away
        return None


def _null_space(derivative: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the null space, ``(n, n_states)``."""
    _, values, rows = np.linalg.svd(derivative)
    return rows[values <= NULL_TOL * max(1.0, values.max(initial=0.0))]


def find_family(tangents: VariationalMap, orbit: Orbit) -> Family | None:
    """Find the family that a cycle of a map belongs to, if it belongs to one.

    Args:
        tangents: the map.
        orbit: an exact cycle, one of whose multipliers is 1.

    Returns:
        None where the cycle stands alone.
    """
    points, k = orbit.points, len(orbit.points)
    extent = float(np.ptp(points, axis=0).max())
    returns = _Returns(tangents, orbit.u, k, extent)
    start = points[0]
    away, derivative = returns.displacement(start)
    if not (np.isfinite(away).all() and np.isfinite(derivative).all()):
        return None
    null = _null_space(derivative)
    nearest = float(np.linalg.norm(points[1:] - start, axis=1).min())
    shift = SHIFT * nearest
    n_dimensions = 0
    for direction in null:
        beside = returns.correct(start + shift * direction)
        if beside is None:
            return None
        moved = np.linalg.norm(beside[0] - start)
        n_dimensions += int(0.3 * shift < moved < 3.0 * shift)
    if not n_dimensions:
        return None
    lag = _follow(returns, points, null[0], nearest) if n_dimensions == 1 else None
    return Family(n_dimensions, None if lag is None else turns_of_lag(lag, points))


def _follow(returns: _Returns, points: np.ndarray, direction, nearest: float) -> int | None:
    """Count the steps along the family to the first point of the cycle."""
    step = nearest / N_PER_NEIGHBOUR
    x, outset = points[0], direction
    for n_done in range(MAX_FOLLOWED):
        ahead = returns.correct(x + step * direction)
        if ahead is None:
            return None
        moved = ahead[0] - x
        length = float(np.linalg.norm(moved))
        if not 0.2 * step < length < 3.0 * step:
            return None
        # Where between both ends a point of the cycle is passed.
        share = np.clip((points - x) @ moved / length**2, 0.0, 1.0)
        off = np.linalg.norm(points - x - share[:, None] * moved, axis=1)
        if n_done == 0:
            off[0] = np.inf
        met = int(np.argmin(off))
        if off[met] < 0.3 * length:
            # On a line through a fixed point the map turns what lies ahead around.
            inputs = np.broadcast_to(returns.u, (met, len(returns.u)))
            for jacobian in returns.tangents(points[:met], inputs)[1] if met else ():
                outset = jacobian @ outset
            return met if met and outset @ moved > 0 else None
        null = _null_space(ahead[1])
        if len(null) != 1:
            return None
        x, direction = ahead[0], null[0] * np.sign(null[0] @ moved)
    return None


def is_same_family(tangents: VariationalMap, a: Orbit, b: Orbit) -> bool:
    """Test whether cycles lead from one cycle of a family to another.

    Args:
        tangents: the map.
        a, b: exact cycles that both belong to a family.
    """
    if len(a.points) != len(b.points) or a.turns != b.turns or not np.array_equal(a.u, b.u):
        return False
    extent = float(np.ptp(a.points, axis=0).max())
    shifted = np.argsort(np.linalg.norm(b.points - a.points[0], axis=1))[:N_BEGINNINGS]
    apart = [np.linalg.norm(np.roll(b.points, -s, axis=0) - a.points) for s in shifted]
    start, end = a.points[0], b.points[shifted[int(np.argmin(apart))]]
    distance = float(np.linalg.norm(end - start))
    if distance < RETURN_TOL * extent:
        return True
    returns = _Returns(tangents, a.u, len(a.points), extent)
    for share in (0.25, 0.5, 0.75):
        between = start + share * (end - start)
        for _ in range(N_RELAXED):  # a stable family draws near what is beside it
            between = returns.orbit(between)[-1]
        found = returns.correct(between)
        if found is None or np.linalg.norm(found[0] - between) > 0.5 * distance:
            return False
    return True
