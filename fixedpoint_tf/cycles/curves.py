"""The closed curve that a start of a map has come to, with its multipliers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import CubicSpline

from fixedpoint_tf.cycles.lyapunov import growths, lyapunov_exponents
from fixedpoint_tf.cycles.maps import Tangents
from fixedpoint_tf.cycles.orbits import Orbit
from fixedpoint_tf.cycles.quasiperiodic import ClosedCurve, curve_through

__all__ = ["filled", "orbit_on"]

NEUTRAL_GROWTH = 3.0  # e-foldings in a window, of what neither grows nor decays
N_EXPONENTS = 8
N_POINTS = 256  # of a curve
MAX_GAP = 1.0 / 32.0  # of the phases: wider ones are filled by running on
MAX_FILLING = 1 << 18  # steps


def filled(
    found: ClosedCurve, state: np.ndarray, run: Callable[[np.ndarray, int], np.ndarray]
) -> CubicSpline:
    """Trace a curve on which samples lie in clusters, a nearly whole number of steps apart.

    Args:
        found: the curve as the samples show it.
        state: ``(n_states,)``, on the curve.
        run: the states from one on, for a number of steps.

    Returns:
        The curve by phase, from places all around it where they are reached in time.
    """
    if found.gap <= MAX_GAP:
        return found.curve
    phases = (found.rho * np.arange(MAX_FILLING)) % 1.0
    places = np.floor(phases * N_POINTS).astype(int)
    times = np.unique(places, return_index=True)[1]
    kept, done, block = {}, 0, 4096
    while done <= times.max():
        part = run(state, block)
        for t in times[(times >= done) & (times < done + block)]:
            kept[int(t)] = part[t - done]
        state, done = part[block], done + block
    at = np.array(sorted(kept))
    curve = curve_through(phases[at], np.stack([kept[t] for t in at]))
    wider = curve is None or np.diff(curve.x).max() >= found.gap
    return found.curve if curve is None or wider else curve


def orbit_on(
    tangents: Tangents,
    found: ClosedCurve,
    states: np.ndarray,
    u: np.ndarray,
    rng: np.random.Generator,
    run: Callable[[np.ndarray, int], np.ndarray],
) -> tuple[Orbit | None, float]:
    """Describe motion on a closed curve as an orbit.

    Args:
        tangents: the map.
        found: the curve.
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
    values = np.exp(-np.sort(-exponents) / found.rho).astype(complex)
    points = filled(found, states[-1], run)(np.arange(N_POINTS) / N_POINTS)
    orbit = Orbit(1.0 / found.rho, points, values, found.misfit, u, False, True)
    return orbit, largest
