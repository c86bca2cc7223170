"""Multiple shooting: Newton's method on all points of a cycle at once.

The unknowns are m points, each of which must map to the next and the last to the first;
in continuous time also the period, with the phase held by a condition (Keller 1976;
Seydel 2010, chapter 7). Points spread over the cycle keep the growth between two of them
small, so that unstable cycles are found as well as stable ones.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf.batched import each, inverses
from fixedpoint_tf.cycles.maps import CHUNK, Tangents

__all__ = ["Shot", "multipliers", "shoot"]

MAX_ITERATIONS = 40
MAX_HALVINGS = 8
RESIDUAL_TOL = 1e-10  # relative to the size of the state
STEP_TOL = 1e-8


@dataclasses.dataclass
class Shot:
    """Where Newton's method ended, a row a start.

    Attributes:
        points: ``(n, m, n_states)``.
        periods: ``(n,)``, time of the cycle; of a discrete one, m.
        residual: ``(n,)``, greatest distance between an image and the next point.
        converged: ``(n,)`` bool.
    """

    points: np.ndarray
    periods: np.ndarray
    residual: np.ndarray
    converged: np.ndarray


def shoot(
    tangents: Tangents, points: np.ndarray, u: np.ndarray, periods: np.ndarray | None = None
) -> Shot:
    """Newton's method from guesses of cycles, all of as many points.

    Args:
        tangents: the map or flow.
        points: ``(n, m, n_states)``, guesses.
        u: ``(n, n_inputs)``, the constant inputs.
        periods: ``(n,)``, guesses of the period in continuous time.

    Returns:
        What came of each guess.
    """
    n, m, d = points.shape
    chunk = max(1, CHUNK // (m * d * d))
    shots = [
        _shoot(
            tangents,
            points[i : i + chunk].astype(np.float64),
            u[i : i + chunk],
            None if periods is None else periods[i : i + chunk].astype(np.float64),
        )
        for i in range(0, n, chunk)
    ]
    if not shots:
        none = np.zeros(0)
        return Shot(points, none, none, none.astype(bool))
    columns = [f.name for f in dataclasses.fields(Shot)]
    return Shot(*(np.concatenate([getattr(s, name) for s in shots]) for name in columns))


def _evaluate(tangents: Tangents, points, u, periods):
    """Residuals, Jacobians of the pieces, and the change of the images with the period."""
    n, m, d = points.shape
    time = np.repeat(periods / m, m) if tangents.is_flow else None
    inputs = np.repeat(u, m, axis=0)
    images, jacobians = tangents(points.reshape(-1, d), inputs, time)
    residual = images.reshape(points.shape) - np.roll(points, -1, axis=1)
    by_period = None
    if tangents.is_flow:
        by_period = tangents.velocity(images, inputs).reshape(points.shape) / m
    return residual, jacobians.reshape(n, m, d, d), by_period


def _once_around(jacobians: np.ndarray) -> np.ndarray:
    """The derivative once around, of those of the pieces ``(m, d, d)``."""
    around = jacobians[0]
    for jacobian in jacobians[1:]:
        around = jacobian @ around
    return around


def _newton_step(tangents, points, u, residual, jacobians, by_period):
    """Changes of the points and of the period, by elimination of all but the first point."""
    n, m, d = points.shape
    around = np.stack(each(_once_around, jacobians))
    offset = np.zeros((n, d))
    slope = np.zeros((n, d))
    for i in range(m):
        offset = np.einsum("nij,nj->ni", jacobians[:, i], offset) + residual[:, i]
        if by_period is not None:
            slope = np.einsum("nij,nj->ni", jacobians[:, i], slope) + by_period[:, i]
    matrix = around - np.eye(d)
    if by_period is not None:
        phase = tangents.velocity(points[:, 0], u)
        top = np.concatenate([matrix, slope[:, :, None]], axis=2)
        bottom = np.concatenate([phase, np.zeros((n, 1))], axis=1)[:, None]
        matrix = np.concatenate([top, bottom], axis=1)
        offset = np.concatenate([offset, np.zeros((n, 1))], axis=1)
    finite = np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(offset).all(axis=1)
    matrix[~finite], offset[~finite] = np.eye(matrix.shape[1]), np.nan
    solution = -np.einsum("nij,nj->ni", inverses(matrix)[0], offset)
    step = np.empty_like(points)
    step[:, 0] = solution[:, :d]
    change = solution[:, d] if by_period is not None else np.zeros(n)
    for i in range(m - 1):
        following = np.einsum("nij,nj->ni", jacobians[:, i], step[:, i]) + residual[:, i]
        if by_period is not None:
            following += by_period[:, i] * change[:, None]
        step[:, i + 1] = following
    return step, change


def _shoot(tangents: Tangents, points, u, periods) -> Shot:
    n, m, d = points.shape
    periods = np.full(n, float(m)) if periods is None else periods
    residual = np.full(n, np.inf)
    last_step = np.full(n, np.inf)
    base, base_periods = points.copy(), periods.copy()
    step, change = np.zeros_like(points), np.zeros(n)
    share, halvings = np.zeros(n), np.zeros(n, dtype=int)
    active = np.arange(n)
    for _ in range(MAX_ITERATIONS):
        if not len(active):
            break
        trial = base[active] + share[active, None, None] * step[active]
        trial_periods = base_periods[active] + share[active] * change[active]
        with np.errstate(over="ignore", invalid="ignore"):
            r, jacobians, by_period = _evaluate(tangents, trial, u[active], trial_periods)
            size = 1.0 + np.abs(trial).max(axis=(1, 2))
            length = np.abs(r).max(axis=(1, 2)) / size
        better = (length < residual[active]) & (trial_periods > 0)
        worse = active[~better]
        share[worse] *= 0.5
        halvings[worse] += 1
        rows = active[better]
        if len(rows):
            base[rows], base_periods[rows] = trial[better], trial_periods[better]
            residual[rows], halvings[rows] = length[better], 0
            slopes = None if by_period is None else by_period[better]
            step[rows], change[rows] = _newton_step(
                tangents, trial[better], u[rows], r[better], jacobians[better], slopes
            )
            share[rows] = 1.0
            last_step[rows] = np.abs(step[rows]).max(axis=(1, 2)) / size[better]
        finished = (last_step < 1e-14) | (halvings > MAX_HALVINGS) | ~np.isfinite(last_step)
        # A residual of rounding size falls no further: halving is a waste of time there.
        finished |= (residual < 1e-14) & (halvings > 0)
        active = active[~finished[active]]
    converged = (residual < RESIDUAL_TOL) & (last_step < STEP_TOL)
    return Shot(base, base_periods, residual, converged)


def multipliers(
    tangents: Tangents, points: np.ndarray, u: np.ndarray, period: float
) -> np.ndarray:
    """Eigenvalues of the derivative once around a cycle, largest first.

    Args:
        tangents: the map or flow.
        points: ``(m, n_states)``, at equal times on the cycle.
        u: ``(n_inputs,)``.
        period: of a continuous cycle.

    Returns:
        ``(n_states,)`` complex.
    """
    _, jacobians, _ = _evaluate(tangents, points[None], u[None], np.array([period]))
    values = np.linalg.eigvals(_once_around(jacobians[0])).astype(complex)
    return values[np.argsort(-np.abs(values), kind="stable")]
