"""Multiple shooting: Newton's method on all points of a cycle at once.

The unknowns are m points, each of which must map to the next and the last to the first;
in continuous time also the period, with the phase held by a condition (Keller 1976;
Seydel 2010, chapter 7). Points spread over the cycle keep the growth between two of them
small, so that unstable cycles are found as well as stable ones.
"""

from __future__ import annotations

import copy
import dataclasses

import numpy as np

from fixedpoint_tf._utils.chunks import chunk_size, chunks
from fixedpoint_tf._utils.linalg import each, inverses
from fixedpoint_tf.analysis.cycles.maps import VariationalMap

__all__ = ["Shot", "multipliers", "shoot"]

MAX_ITERATIONS = 40  # Newton steps and halvings, after which a guess is given up
MAX_HALVINGS = 8  # of a Newton step, in a row: less than 1/256 of it leads nowhere
LEAST_SIZE = 1e-3  # of a guess, relative: residuals are held against no less
N_ROUNDINGS = 16.0  # of single precision, which may be all that the system has
RESIDUAL_TOL = 1e-10  # relative to the size of the state
STEP_TOL = 1e-8  # of the last Newton step, relative to the size of the state


@dataclasses.dataclass
class Shot:
    """End of Newton's method, a row per start.

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
    tangents: VariationalMap,
    points: np.ndarray,
    u: np.ndarray,
    periods: np.ndarray | None = None,
) -> Shot:
    """Run Newton's method from guesses of cycles, all with the same number of points.

    Args:
        tangents: the map or flow.
        points: ``(n, m, n_states)``, guesses.
        u: ``(n, n_inputs)``, the constant inputs.
        periods: ``(n,)``, guesses of the period in continuous time.

    Returns:
        What came of each guess.
    """
    n, m, d = points.shape
    shots = [
        _shoot(
            tangents,
            points[rows].astype(np.float64),
            u[rows],
            None if periods is None else periods[rows].astype(np.float64),
        )
        for rows in chunks(n, m * d * d)
    ]
    if not shots:
        none = np.zeros(0)
        return Shot(points, none, none, none.astype(bool))
    columns = [f.name for f in dataclasses.fields(Shot)]
    return Shot(*(np.concatenate([getattr(s, name) for s in shots]) for name in columns))


class _Pieces:
    """Pieces of n cycles between their m points, with images, Jacobians and residuals.

    Where the Jacobians of all pieces are more than a chunk they are computed
    again for each pass, a block at a time, instead of being held: those of a cycle of 2,000
    steps of 512 units would take 4 GB.
    """

    def __init__(self, tangents: VariationalMap, points, u, periods):
        self.tangents, self.points, self.u, self.periods = tangents, points, u, periods
        n, m, d = points.shape
        self.size = chunk_size(n * d * d)
        self.held: tuple | None = None
        images = np.empty_like(points)
        for rows, some, _ in self.blocks():
            images[:, rows] = some
        self.residual = images - np.roll(points, -1, axis=1)
        self.by_period = None  # the change of the images with the period
        if tangents.is_flow:
            velocity = tangents.velocity(images.reshape(-1, d), np.repeat(u, m, axis=0))
            self.by_period = velocity.reshape(points.shape) / m

    def blocks(self):
        """Yield slices of the pieces, with their images and Jacobians ``(n, size, d, d)``."""
        n, m, d = self.points.shape
        if self.held is not None:
            yield self.held
            return
        for rows in chunks(m, size=self.size):
            part = self.points[:, rows]
            length = part.shape[1]
            time = None
            if self.tangents.is_flow:
                time = np.repeat(self.periods / m, length)
            inputs = np.repeat(self.u, length, axis=0)
            images, jacobians = self.tangents(part.reshape(-1, d), inputs, time)
            block = rows, images.reshape(part.shape), jacobians.reshape(n, length, d, d)
            if length == m:
                self.held = block
            yield block

    def __getitem__(self, some: np.ndarray) -> _Pieces:
        """Return the pieces of some of the cycles, chosen by a mask."""
        if some.all():
            return self
        chosen = copy.copy(self)
        chosen.points, chosen.u = self.points[some], self.u[some]
        chosen.periods, chosen.residual = self.periods[some], self.residual[some]
        if self.by_period is not None:
            chosen.by_period = self.by_period[some]
        if self.held is not None:
            rows, images, jacobians = self.held
            chosen.held = rows, images[some], jacobians[some]
        return chosen

    def around(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return derivative ``(n, d, d)``, summed residuals and slopes once around."""
        n, _, d = self.points.shape
        product = np.empty((n, d, d))
        offset, slope = np.zeros((n, d)), np.zeros((n, d))
        for rows, _, jacobians in self.blocks():
            block = np.stack(each(_product, jacobians))
            product = block @ product if rows.start else block
            for k, i in enumerate(range(rows.start, rows.stop)):
                offset = np.einsum("nij,nj->ni", jacobians[:, k], offset) + self.residual[:, i]
                if self.by_period is not None:
                    slope = np.einsum("nij,nj->ni", jacobians[:, k], slope)
                    slope += self.by_period[:, i]
        return product, offset, slope

    def carried(self, first: np.ndarray, change: np.ndarray) -> np.ndarray:
        """Return the changes of all points from those of the first point and of the period."""
        step = np.empty_like(self.points)
        step[:, 0] = first
        last = step.shape[1] - 1
        for rows, _, jacobians in self.blocks():
            for k, i in enumerate(range(rows.start, min(rows.stop, last))):
                following = np.einsum("nij,nj->ni", jacobians[:, k], step[:, i])
                following += self.residual[:, i]
                if self.by_period is not None:
                    following += self.by_period[:, i] * change[:, None]
                step[:, i + 1] = following
        return step


def _product(jacobians: np.ndarray) -> np.ndarray:
    """Return the derivative along pieces, of those of the pieces ``(m, d, d)``."""
    product = jacobians[0]
    for jacobian in jacobians[1:]:
        product = jacobian @ product
    return product


def _newton_step(pieces: _Pieces) -> tuple[np.ndarray, np.ndarray]:
    """Solve for the changes of points and period, with all but the first point eliminated."""
    n, _, d = pieces.points.shape
    around, offset, slope = pieces.around()
    matrix = around - np.eye(d)
    if pieces.by_period is not None:
        phase = pieces.tangents.velocity(pieces.points[:, 0], pieces.u)
        top = np.concatenate([matrix, slope[:, :, None]], axis=2)
        bottom = np.concatenate([phase, np.zeros((n, 1))], axis=1)[:, None]
        matrix = np.concatenate([top, bottom], axis=1)
        offset = np.concatenate([offset, np.zeros((n, 1))], axis=1)
    finite = np.isfinite(matrix).all(axis=(1, 2)) & np.isfinite(offset).all(axis=1)
    matrix[~finite], offset[~finite] = np.eye(matrix.shape[1]), np.nan
    solution = -np.einsum("nij,nj->ni", inverses(matrix)[0], offset)
    change = solution[:, d] if pieces.by_period is not None else np.zeros(n)
    return pieces.carried(solution[:, :d], change), change


def _shoot(tangents: VariationalMap, points, u, periods) -> Shot:
    n, m, d = points.shape
    periods = np.full(n, float(m)) if periods is None else periods
    residual = np.full(n, np.inf)
    last_step = np.full(n, np.inf)
    base, base_periods = points.copy(), periods.copy()
    step, change = np.zeros_like(points), np.zeros(n)
    share, halvings = np.zeros(n), np.zeros(n, dtype=int)
    active = np.arange(n)
    # What has shrunk to nothing beside its guess is no cycle: it need not be solved finely.
    least = np.maximum(LEAST_SIZE * np.abs(points).max(axis=(1, 2)), np.finfo(float).tiny)
    for _ in range(MAX_ITERATIONS):
        if not len(active):
            break
        trial = base[active] + share[active, None, None] * step[active]
        trial_periods = base_periods[active] + share[active] * change[active]
        with np.errstate(over="ignore", invalid="ignore"):
            pieces = _Pieces(tangents, trial, u[active], trial_periods)
            size = np.maximum(np.abs(trial).max(axis=(1, 2)), least[active])
            length = np.abs(pieces.residual).max(axis=(1, 2)) / size
        better = (length < residual[active]) & (trial_periods > 0)
        worse = active[~better]
        share[worse] *= 0.5
        halvings[worse] += 1
        rows = active[better]
        if len(rows):
            base[rows], base_periods[rows] = trial[better], trial_periods[better]
            residual[rows], halvings[rows] = length[better], 0
            with np.errstate(over="ignore", invalid="ignore"):
                step[rows], change[rows] = _newton_step(pieces[better])
            share[rows] = 1.0
            last_step[rows] = np.abs(step[rows]).max(axis=(1, 2)) / size[better]
        finished = (last_step < 1e-14) | (halvings > MAX_HALVINGS) | ~np.isfinite(last_step)
        # A residual of rounding size falls no further: halving is a waste of time there.
        finished |= (residual < 1e-14) & (halvings > 0)
        active = active[~finished[active]]
    residual_tol = max(RESIDUAL_TOL, N_ROUNDINGS * tangents.rounding)
    step_tol = max(STEP_TOL, N_ROUNDINGS * residual_tol)
    converged = (residual < residual_tol) & (last_step < step_tol)
    return Shot(base, base_periods, residual, converged)


def multipliers(
    tangents: VariationalMap, points: np.ndarray, u: np.ndarray, period: float
) -> np.ndarray:
    """Return the eigenvalues of the derivative once around a cycle, largest first.

    Args:
        tangents: the map or flow.
        points: ``(m, n_states)``, at equal times on the cycle.
        u: ``(n_inputs,)``.
        period: period of a continuous cycle.

    Returns:
        ``(n_states,)`` complex, NaN where the derivative is not finite.
    """
    pieces = _Pieces(tangents, points[None], u[None], np.array([period]))
    around = pieces.around()[0][0]
    if not np.isfinite(around).all():
        return np.full(len(around), np.nan, dtype=complex)
    values = np.linalg.eigvals(around).astype(complex)
    return values[np.argsort(-np.abs(values), kind="stable")]
