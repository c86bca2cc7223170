r"""Rotation number of a motion on a closed invariant curve, estimated from its samples.

On such a curve the state is a function of a phase that advances by the same angle at each
step, :math:`x_t = X(\rho t \bmod 1)`. The rotation number :math:`\rho` comes from averages
(:mod:`fixedpoint_tf.analysis.cycles.closed_curves.birkhoff_averages`).
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf.analysis.cycles.closed_curves.birkhoff_averages import dominant_frequency
from fixedpoint_tf.analysis.cycles.closed_curves.phase_order import (
    line_length,
    neighbours_agree,
    ordering_range,
)
from fixedpoint_tf.analysis.cycles.closed_curves.splines import (
    MAX_HARMONIC,
    ClosedCurve,
    curve_at,
    misfits,
)

__all__ = ["MUCH_BETTER", "closed_curve"]

CLUSTERED = 1.0 / 32.0  # of the phases: a gap between samples that lie in clusters
PERHAPS = 0.1  # of the extent: a typical misfit, at a rotation number that is a little off
N_COMPONENTS = 12  # principal components, which tell a curve as well as all units
MUCH_BETTER = 30.0  # the misfit of a wrong rotation number is larger by far more


def closed_curve(states: np.ndarray, tol: float) -> ClosedCurve | None:
    """Find the closed curve that a motion is on, and its rotation number.

    The strongest frequency may be a harmonic of the rotation number. The lowest harmonic is
    taken for which the samples, sorted by phase, lie on one curve, which may have corners.

    Args:
        states: ``(n_time, n_states)``, without the transient.
        tol: the misfit at which to stop looking.

    Returns:
        None where the motion is on no such curve.

    Example:
        >>> t = 2 * np.pi * 0.05 * np.sqrt(2) * np.arange(1000)[:, None]
        >>> states = np.hstack([np.cos(2 * t), np.sin(2 * t), 0.5 * np.cos(t)])
        >>> found = closed_curve(states, 1e-6)
        >>> round(found.rho / 0.05, 6), found.misfit < 1e-6
        (1.414214, True)
    """
    frequency = dominant_frequency(states)
    # A few components tell as well as all units whether samples lie on one curve.
    deviation = states - states.mean(axis=0)
    few = deviation @ np.linalg.eigh(deviation.T @ deviation)[1][:, -N_COMPONENTS:]
    every: list[list[tuple[float, float, float]]] = []
    tried: list[tuple[float, float, float]] = []
    for harmonic in range(1, MAX_HARMONIC + 1):
        folded = {
            min(rho, 1.0 - rho)
            for j in range(harmonic)
            for rho in [((frequency + j) / harmonic) % 1.0]
        }
        every.append([(*misfits(few, rho), rho) for rho in sorted(folded)])
        tried.append(min(every[-1]))
        if tried[-1][0] <= tol:
            break
    # A curve gone round several times fits as well, and by chance a little better.
    best = min(misfit for misfit, _, _ in tried)
    rho = next(fit[2] for fit in tried if fit[0] <= max(tol, MUCH_BETTER * best))
    if best > tol:  # with corners, or on no curve
        return _cornered(states, few, [fit for fits in every for fit in fits], tol)
    found = curve_at(states, rho, tol)
    if found is None:
        return None
    harmonic = 1 + next(i for i, fit in enumerate(tried) if fit[2] == rho)
    return dataclasses.replace(found, rho_error=_average_error(states, frequency, harmonic))


def _average_error(states: np.ndarray, frequency: float, harmonic: int) -> float:
    """Return how far an average over half of the samples is from that over all."""
    quarter = len(states) // 4
    half = dominant_frequency(states[quarter : quarter + len(states) // 2])
    rounding = np.finfo(float).eps
    return min(abs(half - frequency), 1.0 / len(states)) / harmonic + rounding


def _cornered(
    states: np.ndarray, few: np.ndarray, fits: list[tuple[float, float, float]], tol: float
) -> ClosedCurve | None:
    """Return the shortest closed curve with corners that the samples may lie on, or None."""
    extent = float(np.abs(few).max())
    hopeful = [rho for _, typical, rho in fits if typical < PERHAPS * extent]
    ranges = [ordering_range(few, rho) for rho in hopeful]
    if not ranges:
        return None
    low, high, rho = min(
        (
            (low, high, rho if low < rho < high else 0.5 * (low + high))
            for (low, high), rho in zip(ranges, hopeful, strict=True)
        ),
        key=lambda one: line_length(few, one[2]),
    )
    found = curve_at(states, rho, tol)
    if found is not None and found.gap > CLUSTERED:  # within clusters any order is that of time
        rho = min(hopeful, key=lambda one: abs(one - rho))
        found = curve_at(states, rho, tol)
    if found is None or (found.misfit > tol and not neighbours_agree(few, rho)):
        return None
    return dataclasses.replace(found, rho_error=max(high - rho, rho - low))
