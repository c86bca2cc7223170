r"""Several closed curves that a motion visits in turn, estimated from its samples.

Beside a unit that flips, or beside a cycle of k steps, a rotation by an irrational angle
fills k closed curves: every k-th state is on the same one. So do the curves that a cycle of
period k gives rise to where it loses its stability to a rotation. Each is an invariant curve
of the k-th iterate of the map, and all have its rotation number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from scipy.interpolate import CubicSpline

from fixedpoint_tf.analysis.cycles.closed_curves.birkhoff_averages import birkhoff_weights
from fixedpoint_tf.analysis.cycles.closed_curves.rotation import MUCH_BETTER, closed_curve
from fixedpoint_tf.analysis.cycles.closed_curves.splines import ClosedCurve, curve_at

__all__ = ["CurveSet", "as_set", "curves_in_turn", "fits_several_better", "own_frequency"]

MAX_CURVES = 32  # visited in turn, that are looked for: a bound on the work
LEAST_SAMPLES = 120  # on a curve, below which a fit to it shows nothing
N_QUICK = 600  # samples that are looked at before all are
QUICK_TOL = 1e-4  # of the extent of a curve: a misfit of few samples that needs no better
N_RING, N_PLACES = 2048, 32  # points of two curves that are compared
MOVES = 1e-6  # of the whole extent: a curve is no point


@dataclasses.dataclass(frozen=True)
class CurveSet:
    """Closed curves visited in turn, often a single one.

    Attributes:
        frequency: turns per step of the oscillation, at most 0.5.
        rho: rotation number in (0, 0.5] of the motion on a curve, once around all of them.
        curves: the states by phase, in cycles, on each curve in the order of their visits.
        misfit: as :class:`ClosedCurve` has it, of the worst curve.
        typical: as :class:`ClosedCurve` has it, of the worst curve.
        frequency_error: bound of the frequency's error.
    """

    frequency: float
    rho: float
    curves: tuple[CubicSpline, ...]
    misfit: float
    typical: float
    frequency_error: float

    @property
    def n_curves(self) -> int:
        """Number of curves."""
        return len(self.curves)

    def points(self, n: int) -> np.ndarray:
        """Return states at equal phases, curve by curve, ``(n * n_curves, d)``."""
        phases = np.arange(n) / n
        return np.concatenate([curve(phases) for curve in self.curves])


def as_set(found: ClosedCurve) -> CurveSet:
    """Take a single closed curve for a set of one.

    Args:
        found: the curve.
    """
    return CurveSet(
        found.rho, found.rho, (found.curve,), found.misfit, found.typical, found.rho_error
    )


def own_frequency(states: np.ndarray, rho: float, k: int) -> float:
    """Find the oscillation whose phase, at every k-th step, has a given rotation number.

    There are several, as k turns more in k steps look the same; the strongest is taken.

    Args:
        states: ``(n_time, n_states)``.
        rho: rotation number of every k-th state.
        k: number of curves.

    Returns:
        Turns per step, at most 0.5.

    Example:
        >>> t = np.arange(2000)
        >>> states = np.stack([np.cos(0.7 * t), np.sin(0.7 * t), (-1.0) ** t], axis=1)
        >>> rho = 2 * 0.7 / (2 * np.pi)
        >>> round(own_frequency(states, rho, 2) * 2 * np.pi, 9)
        0.7
    """
    every = {(sign * rho + j) / k % 1.0 for sign in (1.0, -1.0) for j in range(k)}
    folded = np.array(sorted({min(f, 1.0 - f) for f in every}))
    weights = birkhoff_weights(len(states))
    deviation = weights[:, None] * (states - weights @ states)
    turning = np.exp(-2j * np.pi * folded[:, None] * np.arange(len(states)))
    power = (np.abs(turning @ deviation) ** 2).sum(axis=1)
    return float(folded[int(np.argmax(power))])


def curves_in_turn(states: np.ndarray, tol: float) -> Iterator[CurveSet]:
    """Find the closed curves that a motion visits in turn, two or more.

    Args:
        states: ``(n_time, n_states)``, without the transient.
        tol: the misfit at which to stop looking.

    Yields:
        The sets of up to 32 curves that the samples fit: those that they fit to ``tol``, the
        fewest curves first; then, of those with corners, the ones that fit best. Samples
        that lie in clusters fit several sets.

    Example:
        >>> t = np.arange(2000)
        >>> states = np.stack([np.cos(0.7 * t), np.sin(0.7 * t), (-1.0) ** t], axis=1)
        >>> found = next(curves_in_turn(states, 1e-6))
        >>> found.n_curves, round(found.frequency * 2 * np.pi, 9)
        (2, 0.7)
    """
    extent = float(np.ptp(states, axis=0).max())
    cornered = []
    for k in range(2, min(MAX_CURVES, len(states) // LEAST_SAMPLES) + 1):
        first = states[::k]
        moves = float(np.ptp(first, axis=0).max())
        if moves <= MOVES * extent:
            return
        if closed_curve(first[-N_QUICK:], QUICK_TOL * moves) is None:
            continue
        found = closed_curve(first, tol)
        if found is None:
            continue
        others = [curve_at(states[j::k], found.rho, tol) for j in range(1, k)]
        each = [found, *(other for other in others if other is not None)]
        if len(each) < k:
            continue
        candidate = CurveSet(
            own_frequency(states, found.rho, k),
            found.rho,
            tuple(one.curve for one in each),
            max(one.misfit for one in each),
            max(one.typical for one in each),
            found.rho_error / k,
        )
        if _coincide(candidate.curves[0], candidate.curves[1], candidate.misfit):
            continue  # one curve, of which only a part of the samples is looked at
        if candidate.misfit <= tol:
            yield candidate
        else:
            cornered.append(candidate)
    best = min((one.misfit for one in cornered), default=0.0)
    yield from (one for one in cornered if one.misfit <= MUCH_BETTER * best)


def _coincide(one: CubicSpline, other: CubicSpline, misfit: float) -> bool:
    """Test places on one curve for being on another."""
    ring = one(np.arange(N_RING + 1) / N_RING)
    chord = np.linalg.norm(np.diff(ring, axis=0), axis=1).max()
    places = other(np.arange(N_PLACES) / N_PLACES)
    away = np.linalg.norm(places[:, None] - ring, axis=2).min(axis=1)
    return bool(np.median(away) < chord + 3.0 * misfit)


def fits_several_better(states: np.ndarray, misfit: float, tol: float) -> bool:
    """Test a fit of one curve with corners against that of several curves.

    Args:
        states: ``(n_time, n_states)``.
        misfit: misfit of the single curve.
        tol: the misfit at which to stop looking.

    Returns:
        Whether several curves fit so much better that one is no explanation.
    """
    several = next(curves_in_turn(states, tol), None)
    return several is not None and several.misfit < misfit / MUCH_BETTER
