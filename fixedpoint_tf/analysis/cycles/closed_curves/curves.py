"""Closed curve that a start of a map has reached, with its multipliers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import CubicSpline

from fixedpoint_tf.analysis.cycles.closed_curves.curve_sets import CurveSet
from fixedpoint_tf.analysis.cycles.closed_curves.lyapunov import growths, lyapunov_exponents
from fixedpoint_tf.analysis.cycles.closed_curves.splines import curve_through
from fixedpoint_tf.analysis.cycles.maps import VariationalMap
from fixedpoint_tf.analysis.cycles.orbits.orbits import Orbit

__all__ = ["filled", "orbit_on"]

NEUTRAL_GROWTH = 3.0  # e-foldings in a window, of what neither grows nor decays
N_EXPONENTS = 8  # the largest, among which that along the curve is looked for
N_POINTS = 256  # of a curve, at phases evenly apart
MAX_GAP = 1.0 / 32.0  # of the phases: wider ones are filled by running on
MAX_CHORD = 0.03  # of the extent, between neighbours by phase: the same
HOPELESS = 0.03  # of the extent: a misfit of what is filled in, where there is no curve
MAX_FILLING = 1 << 18  # steps of running on: a bound on the work
BLOCK = 4096  # steps that are run, and held, at a time


def filled(
    found: CurveSet,
    states: np.ndarray,
    run: Callable[[np.ndarray, int], np.ndarray],
) -> list[CubicSpline] | None:
    """Trace curves on which samples lie in clusters, a nearly whole number of steps apart.

    Args:
        found: the curves as the samples show them.
        states: ``(n_time, n_states)``, the samples.
        run: the states from one on, for a number of steps.

    Returns:
        The curves by phase, from places all around them where they are reached in time; None
        where these show that there are no such curves.
    """
    k = found.n_curves
    if all(_is_fine(curve) for curve in found.curves):
        return list(found.curves)
    phases = (found.rho * np.arange(MAX_FILLING // k)) % 1.0
    times = np.unique(np.floor(phases * N_POINTS).astype(int), return_index=True)[1]
    wanted = np.sort((k * times[:, None] + np.arange(k)).ravel())
    kept, done, state = [], 0, states[len(states) - 1 - (len(states) - 1) % k]
    while done <= wanted[-1]:
        part = run(state, BLOCK)
        kept.append(part[wanted[(wanted >= done) & (wanted < done + BLOCK)] - done])
        state, done = part[BLOCK], done + BLOCK
    along = np.concatenate(kept).reshape(len(times), k, -1)
    curves = [
        _through(phases[np.sort(times)], along[:, j], c) for j, c in enumerate(found.curves)
    ]
    return None if any(curve is None for curve in curves) else curves


def _is_fine(curve: CubicSpline) -> bool:
    """Test samples for neighbours by phase that are near each other all around."""
    knots = curve(curve.x)
    chord = np.linalg.norm(np.diff(knots, axis=0), axis=1).max()
    fine = chord <= MAX_CHORD * np.ptp(knots, axis=0).max()
    return bool(fine and np.diff(curve.x).max() <= MAX_GAP)


def _through(phases: np.ndarray, states: np.ndarray, before: CubicSpline):
    """Fit the curve through states, keep the one before if it has smaller gaps, or None."""
    order = np.argsort(phases)
    half = curve_through(phases[order[::2]], states[order[::2]])
    if half is not None and len(phases) >= N_POINTS // 2:
        off = np.abs(half(phases[order[1::2]]) - states[order[1::2]]).max(axis=1)
        if np.median(off) > HOPELESS * np.ptp(states, axis=0).max():
            return None
    finer = curve_through(phases, states)
    wider = finer is None or np.diff(finer.x).max() >= np.diff(before.x).max()
    return before if wider else finer


def orbit_on(
    tangents: VariationalMap,
    found: CurveSet,
    states: np.ndarray,
    u: np.ndarray,
    rng: np.random.Generator,
    run: Callable[[np.ndarray, int], np.ndarray],
) -> tuple[Orbit | None, float]:
    """Describe motion on a closed curve, or on several in turn, as an orbit.

    Args:
        tangents: the map.
        found: the curves.
        states: ``(n_time, n_states)``, a motion on it.
        u: ``(n_inputs,)``.
        rng: source of the first tangent vectors.
        run: the states from one on, for a number of steps.

    Returns:
        The orbit, or None where no deviation keeps its size, as one along a curve does; and
        the largest Lyapunov exponent per step.
    """
    n_exponents = min(N_EXPONENTS, states.shape[1])
    logs = growths(tangents, states[None], u[None], n_exponents, rng)
    exponents = lyapunov_exponents(logs)[0]
    largest = float(exponents[0])
    along = int(np.argmin(np.abs(exponents)))
    if not np.abs(exponents[along]) * len(states) / 2.0 < NEUTRAL_GROWTH:
        return None, largest
    if along and exponents[0] * len(states) / 2.0 > NEUTRAL_GROWTH:
        return None, largest
    # Along a curve the exponent is 0; at corners its average converges slowly.
    exponents[along] = 0.0
    values = np.exp(-np.sort(-exponents) / found.frequency).astype(complex)
    curves = filled(found, states, run)
    if curves is None:
        return None, largest
    phases = np.arange(N_POINTS) / N_POINTS
    orbit = Orbit(
        1.0 / found.frequency,
        np.concatenate([curve(phases) for curve in curves]),
        values,
        found.misfit,
        u,
        False,
        True,
        n_curves=found.n_curves,
        period_error=found.frequency_error / found.frequency**2,
    )
    return orbit, largest
