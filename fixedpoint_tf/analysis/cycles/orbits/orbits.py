"""Single cycles: least period, and equality of two cycles."""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf.linearization.stability import Stability

__all__ = ["Orbit", "distance_to", "extent_of", "least_period", "is_same_orbit", "trivial"]

FIXED_TOL = 1e-7  # extent, relative to the states, below which an orbit is a fixed point
REPEAT_TOL = 1e-6  # of the extent: how near a repeat must be
ROUNDING = 1e-10  # of the states: nothing that is solved for is known better
MISFITS = 3.0  # of two curves, within which they may be one
ON_CURVE = 0.75  # of the points of a curve that are at no corner
BENDS, CORNERS = 0.05, 0.5  # of a chord: how much it may cut there, and at a right angle
TRIVIAL_TOL = 1e-2  # Lyapunov exponents of curves with kinks are no better known


def trivial(multipliers: np.ndarray) -> int | None:
    """Return the index of the multiplier 1 of a shift along the curve, or None.

    Args:
        multipliers: ``(n,)``, NaN where there are fewer.

    Example:
        >>> trivial(np.array([1.5, 1.0, 0.2])), trivial(np.array([1.5, 0.2]))
        (1, None)
    """
    distance = np.abs(multipliers - 1.0)
    near = np.flatnonzero(distance <= TRIVIAL_TOL)
    return int(near[np.argmin(distance[near])]) if len(near) else None


@dataclasses.dataclass
class Orbit:
    """Cycle during a search, with the fields of :class:`Cycles`."""

    period: float
    points: np.ndarray
    multipliers: np.ndarray
    residual: float
    u: np.ndarray
    is_exact: bool
    is_discrete: bool
    turns: int = 1
    n_family: int = 0
    family_closes: bool = False
    on_kink: bool = False
    kink_stability: str = ""
    n_curves: int = 1
    period_error: float = 0.0

    @property
    def amplitude(self) -> float:
        """Root mean square distance from the mean."""
        deviation = self.points - self.points.mean(axis=0)
        return float(np.sqrt((deviation**2).sum(axis=1).mean()))

    @property
    def is_stable(self) -> bool:
        """True if all multipliers but the trivial one lie within the unit circle."""
        if self.on_kink:
            return self.kink_stability == Stability.STABLE
        size = np.abs(self.multipliers)
        if not np.isfinite(size).all():
            return False
        if self.family_closes or not (self.is_exact and self.is_discrete):
            along = trivial(self.multipliers)
            if along is None:
                return False
            size = np.delete(size, along)
        return bool((size < 1.0 - 1e-6).all())


def extent_of(points: np.ndarray) -> float:
    """Return the greatest range of a coordinate over points.

    Args:
        points: ``(..., m, n_states)``.

    Example:
        >>> extent_of(np.array([[10.0, 1.0], [10.5, 1.0]]))
        0.5
    """
    return float(np.ptp(points, axis=-2).max(initial=0.0))


def least_period(points: np.ndarray, size: float = 0.0) -> int:
    """Count the points before the first one recurs, 1 for a fixed point.

    Args:
        points: ``(m, n_states)``, at equal times on a closed orbit.
        size: size of the states; their greatest entry, where that is more.

    Example:
        >>> least_period(np.array([[0.0], [1.0], [0.0], [1.0]]))
        2
        >>> least_period(np.array([[0.0], [1.0], [0.0], [1.0]]) * 1e-6 + 1e-3)
        2
    """
    m, extent = len(points), extent_of(points)
    size = max(size, float(np.abs(points).max()))
    if extent <= FIXED_TOL * size:
        return 1
    tol = REPEAT_TOL * extent + ROUNDING * size
    for k in range(1, m):
        if m % k == 0 and np.abs(np.roll(points, -k, axis=0) - points).max() < tol:
            return k
    return m


def chords(orbit: Orbit) -> np.ndarray:
    """Compute the chord from each point to the next on its curve, ``(m, n_states)``."""
    rings = orbit.points.reshape(orbit.n_curves, -1, orbit.points.shape[1])
    return (np.roll(rings, -1, axis=1) - rings).reshape(orbit.points.shape)


def distance_to(orbit: Orbit, states: np.ndarray) -> np.ndarray:
    """Return the distance of states ``(n, n_states)`` from an orbit, ``(n,)``.

    Where the orbit is a curve, or several, the chords between its points stand for it.
    """
    p, distance = orbit.points, np.empty(len(states))
    chord = chords(orbit)
    squared = np.maximum((chord**2).sum(axis=1), 1e-300)
    for rows in chunks(len(states), p.size):
        offset = states[rows, None, :] - p
        if not (orbit.is_exact and orbit.is_discrete):
            along = np.einsum("nmd,md->nm", offset, chord) / squared
            offset -= np.clip(along, 0.0, 1.0)[:, :, None] * chord
        distance[rows] = np.linalg.norm(offset, axis=2).min(axis=1)
    return distance


def is_same_orbit(a: Orbit, b: Orbit, tol: float) -> bool:
    """Test whether two orbits are one cycle, from any first point.

    ``b`` must have many points where it is a curve; ``a`` may have few.
    """
    if a.is_exact != b.is_exact or not np.array_equal(a.u, b.u):
        return False
    if not a.is_exact:
        return is_same_curve(a, b, tol) and is_same_curve(b, a, tol)
    if abs(a.period - b.period) > 1e-3 * a.period:
        return False
    if a.is_discrete and len(a.points) != len(b.points):
        return False
    scale = tol * extent_of(b.points) + ROUNDING * np.abs(b.points).max()
    if not a.is_discrete:  # chords cut bends
        scale += 0.05 * np.linalg.norm(chords(b), axis=1).max()
    return bool((distance_to(b, a.points) < scale).all())


def is_same_curve(a: Orbit, b: Orbit, tol: float) -> bool:
    """Test whether the points of one closed curve lie on another, whatever their periods.

    Chords cut corners, by up to half of their length, but at few of the points.

    Args:
        a, b: closed curves, or sets of several, of many points.
        tol: as :func:`same` has it.
    """
    away, chord = distance_to(b, a.points), np.linalg.norm(chords(b), axis=1)
    # Neither curve is known better than its samples fit it.
    scale = tol * extent_of(b.points) + ROUNDING * np.abs(b.points).max()
    scale += MISFITS * (a.residual + b.residual)
    mostly = float(np.quantile(away, ON_CURVE))
    bound = scale + BENDS * float(np.quantile(chord, ON_CURVE))
    return mostly < bound and float(away.max()) < scale + CORNERS * float(chord.max())
