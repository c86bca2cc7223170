"""The orbits of a search as one result, stable ones first."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.analysis.cycles.orbits.orbits import Orbit
from fixedpoint_tf.analysis.cycles.result import Cycles
from fixedpoint_tf.analysis.outcomes import StartOutcome
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["build_result"]


def build_result(
    system: DynamicalSystem,
    orbits: list[Orbit],
    outcomes: tuple[StartOutcome, ...],
    index_of_start: np.ndarray,
    lyapunov: np.ndarray,
    lyapunov_error: np.ndarray,
    n_run: np.ndarray,
    interrupted: bool,
) -> Cycles:
    """Build the result from the orbits and the outcome of each start.

    Args:
        system: whose orbits they are.
        orbits: the distinct ones.
        outcomes, lyapunov, lyapunov_error, n_run, interrupted: as :class:`Cycles` has them.
        index_of_start: ``(n_starts,)``, index into ``orbits``, or -1.
    """
    order = sorted(range(len(orbits)), key=lambda i: (not orbits[i].is_stable, i))
    rank = np.full(len(orbits) + 1, -1)
    rank[order] = np.arange(len(orbits))
    cycle_of_start = rank[index_of_start]
    orbits = [orbits[i] for i in order]
    n, d = len(orbits), system.n_states
    multipliers = np.full((n, d), np.nan, dtype=complex)
    for row, orbit in enumerate(orbits):
        multipliers[row, : len(orbit.multipliers)] = orbit.multipliers
    return Cycles(
        period=np.array([orbit.period for orbit in orbits], dtype=float),
        points=np.concatenate([np.zeros((0, d)), *(orbit.points for orbit in orbits)]),
        lengths=np.array([len(orbit.points) for orbit in orbits], dtype=int),
        multipliers=multipliers,
        residual=np.array([orbit.residual for orbit in orbits], dtype=float),
        amplitude=np.array([orbit.amplitude for orbit in orbits], dtype=float),
        is_exact=np.array([orbit.is_exact for orbit in orbits], dtype=bool),
        inputs=np.array([orbit.u for orbit in orbits]).reshape(n, system.n_inputs),
        n_starts=np.bincount(cycle_of_start[cycle_of_start >= 0], minlength=n),
        outcomes=outcomes,
        cycle_of_start=cycle_of_start,
        lyapunov=lyapunov.copy(),
        lyapunov_error=lyapunov_error.copy(),
        n_run=n_run.copy(),
        turns=np.array([orbit.turns for orbit in orbits], dtype=int),
        n_family=np.array([orbit.n_family for orbit in orbits], dtype=int),
        family_closes=np.array([orbit.family_closes for orbit in orbits], dtype=bool),
        on_kink=np.array([orbit.on_kink for orbit in orbits], dtype=bool),
        period_error=np.array([orbit.period_error for orbit in orbits], dtype=float),
        n_curves=np.array([orbit.n_curves for orbit in orbits], dtype=int),
        kink_stability=tuple(orbit.kink_stability for orbit in orbits),
        time=system.time,
        state_names=tuple(system.state_names),
        interrupted=interrupted,
    )
