"""Unstable cycles, by Newton's method from where early motions nearly return."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fixedpoint_tf.analysis.cycles.orbits.recurrences import near_recurrences, returns
from fixedpoint_tf.analysis.cycles.orbits.solving import KnownOrbits

__all__ = ["seek_unstable"]


def seek_unstable(
    orbits: KnownOrbits,
    states: np.ndarray,
    u: np.ndarray,
    rng: np.random.Generator,
    *,
    max_period: int,
    n_candidates: int,
    dt: float,
    say: Callable[[str], None],
) -> None:
    """Add to the known orbits those that some starts pass by.

    Args:
        orbits: cycles known so far.
        states: early states of each start, ``(n, n_time, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        rng: source of randomness.
        max_period: longest period sought in discrete time.
        n_candidates: guesses for each period, in continuous time in all.
        dt: length of a step.
        say: takes a word on what is being done.
    """
    if orbits.tangents.system.time == "continuous":
        say("unstable cycles")
        guesses = _guess_returns(states, n_candidates, rng)
        for _ in orbits.solve_returns(states, u, dt, guesses):
            pass  # what is found is kept
        return
    for k in range(2, max_period + 1):
        if states.shape[1] <= 2 * k or not n_candidates:
            break
        say(f"unstable cycles of period {k}")
        places = near_recurrences(states, k, n_candidates, rng)
        if len(places):
            near = np.stack([states[i, t : t + k] for i, t in places])
            orbits.solve(near, u[places[:, 0]])


def _guess_returns(
    states: np.ndarray, n_candidates: int, rng: np.random.Generator
) -> list[tuple[int, int, int]]:
    """Draw starts, times and lengths of motions that come back to where they were."""
    guesses: list[tuple[int, int, int]] = []
    for _ in range(n_candidates if len(states) else 0):
        i = int(rng.integers(len(states)))
        if np.isfinite(states[i]).all():
            # Early times: an attractor has been looked at already.
            t = int(states.shape[1] * 0.5 * rng.random() ** 3)
            guesses += [(i, t, int(k)) for k in returns(states[i], t, 1)]
    return guesses
