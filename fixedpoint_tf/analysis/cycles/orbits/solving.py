"""Distinct cycles from guesses: solved by shooting, reduced to their least period."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np

from fixedpoint_tf.analysis.cycles.closed_curves.families import find_family, is_same_family
from fixedpoint_tf.analysis.cycles.maps import VariationalMap
from fixedpoint_tf.analysis.cycles.orbits.orbits import (
    FIXED_TOL,
    Orbit,
    distance_to,
    extent_of,
    is_same_orbit,
    least_period,
)
from fixedpoint_tf.analysis.cycles.orbits.shooting import LEAST_SIZE, multipliers, shoot
from fixedpoint_tf.analysis.cycles.orbits.sides import judge_sides
from fixedpoint_tf.analysis.cycles.orbits.winding import count_turns
from fixedpoint_tf.systems.kinks.sides import JUMP, sides_at

__all__ = ["UNKNOWN", "KnownOrbits"]

ON_ORBIT_TOL = 1e-3  # how near a state must be to an orbit to be on it, of its amplitude
N_SEGMENTS = 24  # of a cycle in continuous time; has many divisors
N_FINE = 240  # points of such a cycle
NEUTRAL_TOL = 1e-6  # of a multiplier: so near 1 there may be a family of cycles
KINK_RADIUS = 1e-9  # of the extent of a cycle: a point so near a kink is on it
SIDE_RADIUS = 10.0  # times that radius: where the pieces on both sides of it are taken
N_ROUNDINGS = (
    64.0  # of the largest state: nearer to a kink than this the two cannot be distinguished
)
N_KINK_DIRECTIONS = 4  # pairs of directions in which the pieces beside a point are sampled
UNKNOWN = np.zeros(0, dtype=complex)  # multipliers, until a cycle is known to be new


class KnownOrbits:
    """Distinct orbits found so far, numbered by their index in ``found``.

    Args:
        tangents: the map or flow.
        tol: cycles nearer than this, of their extent, are one and the same.
    """

    def __init__(self, tangents: VariationalMap, tol: float):
        self.tangents, self.tol = tangents, tol
        self.found: list[Orbit] = []

    def place(self, orbit: Orbit) -> int:
        """Return the index of an orbit among the known ones, and add a new one."""
        for index, known in enumerate(self.found):
            if is_same_orbit(orbit, known, self.tol):
                return index
        if orbit.is_exact:
            values = multipliers(self.tangents, orbit.points, orbit.u, orbit.period)
            orbit = dataclasses.replace(orbit, multipliers=values)
            if orbit.is_discrete:
                orbit = self._described(orbit)
                for index, known in enumerate(self.found):
                    if orbit.n_family and known.n_family == orbit.n_family:
                        if is_same_family(self.tangents, orbit, known):
                            return index
        if not orbit.is_discrete:
            points = self._fine(orbit.points, orbit.u, orbit.period)
            orbit = dataclasses.replace(orbit, points=points)
        self.found.append(orbit)
        return len(self.found) - 1

    def _described(self, orbit: Orbit) -> Orbit:
        """Return an exact cycle of a map with its turns, its kinks and its family."""
        k, system = len(orbit.points), self.tangents.system
        inputs = np.broadcast_to(orbit.u, (k, len(orbit.u)))
        _, jacobians = self.tangents(orbit.points, inputs)
        rounding = N_ROUNDINGS * self.tangents.rounding * np.abs(orbit.points).max()
        radius = max(KINK_RADIUS * extent_of(orbit.points), float(rounding))
        sides = sides_at(system, orbit.points, inputs, radius, n_directions=N_KINK_DIRECTIONS)
        # At a kink the Jacobian of the network may be that of no side.
        own = system.jacobian(orbit.points, inputs).numpy()
        at_points = np.array(
            [
                len(some) > 1 or not _is_near(some[0], one)
                for (some, _), one in zip(sides, own, strict=True)
            ]
        )
        on_kink, stability = bool(at_points.any()), ""
        if on_kink:
            # Farther out than a kink may be, so that both of its sides are met.
            judged = judge_sides(
                self.tangents, orbit.points, orbit.u, SIDE_RADIUS * radius, at_points
            )
            orbit = dataclasses.replace(orbit, multipliers=judged.multipliers)
            stability = judged.stability
        turns, family = count_turns(orbit.points, jacobians), None
        if (np.abs(orbit.multipliers - 1.0) < NEUTRAL_TOL).any() and not on_kink:
            family = find_family(self.tangents, orbit)
        if family is not None and family.turns is not None:
            turns = family.turns
        n_family = 0 if family is None else family.n_dimensions
        return dataclasses.replace(
            orbit,
            turns=turns,
            n_family=n_family,
            family_closes=family is not None and family.turns is not None,
            on_kink=on_kink,
            kink_stability=stability,
        )

    def at(self, states: np.ndarray, u: np.ndarray, only: int | None = None) -> int:
        """Return the stable orbit on which states lie, or -1, among all or ``only`` one."""
        for index in range(len(self.found)) if only is None else (only,):
            orbit = self.found[index]
            if orbit.is_stable and np.array_equal(orbit.u, u):
                if distance_to(orbit, states).max() < ON_ORBIT_TOL * orbit.amplitude:
                    return index
        return -1

    def solve(self, guesses: np.ndarray, u: np.ndarray) -> list[int]:
        """Return the exact cycles that guesses ``(n, k, n_states)`` lead to, or -1."""
        shot = shoot(self.tangents, guesses, u)
        indices = []
        for i in range(len(guesses)):
            index = -1
            size = LEAST_SIZE * float(np.abs(guesses[i]).max())
            k = least_period(shot.points[i], size) if shot.converged[i] else 1
            if k > 1:
                points, residual = shot.points[i][:k], float(shot.residual[i])
                index = self.place(Orbit(float(k), points, UNKNOWN, residual, u[i], True, True))
            indices.append(index)
        return indices

    def solve_returns(
        self, states: np.ndarray, u: np.ndarray, dt: float, guesses: list[tuple[int, int, int]]
    ) -> Iterator[tuple[int, int]]:
        """Solve for continuous cycles near places where trajectories come back.

        Args:
            states: ``(n, n_time, n_states)``, ``dt`` apart.
            u: ``(n, n_inputs)``.
            dt: time between two states.
            guesses: which trajectory, from which time on, and for how many states.

        Yields:
            Which trajectory, and the cycle found from it.
        """
        if not guesses:
            return
        share = np.arange(N_SEGMENTS) / N_SEGMENTS
        points = []
        for i, t, length in guesses:
            at = t + share * length
            low = np.floor(at).astype(int)
            part = (at - low)[:, None]
            points.append((1 - part) * states[i, low] + part * states[i, low + 1])
        which = np.array([i for i, _, _ in guesses])
        periods = dt * np.array([float(length) for _, _, length in guesses])
        shot = shoot(self.tangents, np.stack(points), u[which], periods)
        for row in np.flatnonzero(shot.converged):
            size = max(
                LEAST_SIZE * float(np.abs(points[row]).max()),
                float(np.abs(shot.points[row]).max()),
            )
            k = least_period(shot.points[row], size)
            if k == 1 or extent_of(shot.points[row]) < FIXED_TOL * size:
                continue
            own, period, p = u[which[row]], float(shot.periods[row]), shot.points[row]
            if k < N_SEGMENTS:
                shorter = np.array([period * k / N_SEGMENTS])
                again = shoot(self.tangents, p[None, :k], own[None], shorter)
                if not again.converged[0]:
                    continue
                period, p = float(again.periods[0]), again.points[0]
            orbit = Orbit(period, p, UNKNOWN, float(shot.residual[row]), own, True, False)
            yield int(which[row]), self.place(orbit)

    def _fine(self, points: np.ndarray, u: np.ndarray, period: float) -> np.ndarray:
        """Return many points of a continuous cycle at equal times, ``(N_FINE, n_states)``."""
        m = len(points)
        n_within = N_FINE // m
        times = np.tile(period / m * np.arange(n_within) / n_within, m)
        inputs = np.broadcast_to(u, (len(times), len(u)))
        return self.tangents.images(np.repeat(points, n_within, axis=0), inputs, times)


def _is_near(first: np.ndarray, second: np.ndarray) -> bool:
    """Compare Jacobians at states so near that those of a smooth network agree."""
    return bool(np.abs(first - second).max() <= JUMP * (1e-3 + np.abs(first).max()))
