"""Descents of a search, coarse, shared and final, which move points in place."""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf._utils.chunks import MEMORY_LIMIT, map_chunks
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.search.evidence.evidence import Evidence, stationarity_tolerance
from fixedpoint_tf.search.evidence.examination import examine
from fixedpoint_tf.search.evidence.rounding import (
    is_double,
    rounded_distance,
    rounding_level,
    state_size,
)
from fixedpoint_tf.search.solvers import adam, kinked, krylov, levenberg_marquardt, newton
from fixedpoint_tf.search.solvers.base import OnProgress, Points, Problem
from fixedpoint_tf.search.starts.region import WIDENINGS, Region
from fixedpoint_tf.systems.cells.equations import CellEquations
from fixedpoint_tf.systems.kinks.sides import is_smooth

__all__ = ["CANDIDATE_Q", "Descents", "SolverOptions"]

CANDIDATE_Q = 1e-7  # below it, a descent in single precision has found what it can
COARSE_ITERS = 12  # from every start; why so many is not on record
SINGLE_GRADIENT = 3e-3  # the relative gradient that single precision resolves
KRYLOV_ITERS = 25  # of Newton-GMRES; why so many is not on record
KRYLOV_MIN_STATES = 128  # below it a factorisation is cheaper than 16 vectors
N_TRIED = 64  # points on which Newton-GMRES must show that it arrives
MIXED_MIN_STATES = 64  # below it matrices in double precision cost hardly more
MIXED_ITERS = 60  # with matrices in single precision; why so many is not on record
FURTHER = (10.0, 1e3)  # distances, relative to its own, at which a far point is looked beyond
LOCATED = 1e-11  # Newton step, relative to the size of a state, of a point located well
KEPT = 1e-3  # distance, relative to its size, between a fixed point and where its gates lead
FINAL_ITERS = 200  # what has not settled by then creeps along a canyon that has no bottom


@dataclasses.dataclass(frozen=True)
class SolverOptions:
    """Options of a search, explained in :class:`fixedpoint_tf.FinderConfig`."""

    method: str = "newton"
    tol_q: float = 1e-12
    tol_dq: float = 1e-20
    max_iters: int = 5000
    dtype: str = "float32"
    share_descents: bool = True
    memory_limit: float = MEMORY_LIMIT
    random_seed: int = 0
    effort: float = 1.0
    max_seconds: float | None = None
    adam: adam.AdamOptions = dataclasses.field(default_factory=adam.AdamOptions)


class Descents:
    """Descents on the speed of one problem, in the precisions that its system has.

    Args:
        problem: residual, weights and box.
        region: the box in which the search begins, and its guessed sides.
        options: how to search.
        rng: source of randomness.
        on_progress: called after each batch of iterations.
    """

    def __init__(
        self,
        problem: Problem,
        region: Region,
        options: SolverOptions,
        rng: np.random.Generator,
        on_progress: OnProgress,
    ):
        self.problem, self.region, self.options = problem, region, options
        self.widest = problem
        if region.is_guessed:
            self.widest = problem.with_bounds(*region.widened(WIDENINGS[-1]))
        equations = problem.system.equations
        exact = isinstance(equations, CellEquations) and equations.settles_exactly
        exact &= problem.system.time == "discrete"
        self.settled = self.widest.settled() if exact else None
        self.rng, self.on_progress = rng, on_progress
        search, self.final_dtype = problem.dtypes
        self.search_dtype = self.final_dtype if options.dtype == "float64" else search
        self.eps = problem.resolution
        matrices = 6.0 * problem.n_states**2 * np.dtype(self.final_dtype).itemsize
        self.matrix_free = matrices > options.memory_limit

    def measure_rounding(self, x: np.ndarray, u: np.ndarray) -> None:
        """Set ``eps`` to what the arithmetic of the network carries, measured at states."""
        self.eps = rounding_level(self.problem, x, u)

    def adam(self, points: Points) -> None:
        """Run Adam from every point."""
        adam.solve(
            self.problem,
            points,
            np.arange(len(points.x)),
            dtype=self.search_dtype,
            max_iters=self.options.max_iters,
            tol_q=self.options.tol_q,
            tol_dq=self.options.tol_dq,
            options=self.options.adam,
            on_progress=self.on_progress,
        )

    def coarse(
        self, points: Points, *, only_fixed: bool = False, problem: Problem | None = None
    ) -> None:
        """Descend in single precision, with ``only_fixed`` perhaps without slow points."""
        problem = problem or self.problem
        if not len(points.x):
            return
        left = np.arange(len(points.x))
        if self.problem.n_states >= KRYLOV_MIN_STATES or self.matrix_free:
            left = self._newton_krylov(problem, points)
            if only_fixed:
                return
        levenberg_marquardt.solve(
            problem,
            points,
            left,
            dtype=self.search_dtype,
            max_iters=min(COARSE_ITERS, self.options.max_iters),
            tol_q=CANDIDATE_Q,
            tol_gradient=SINGLE_GRADIENT,
            tol_dq=self.options.tol_dq,
            stall=0.98,
            matrix_free=self.matrix_free,
            on_progress=self.on_progress,
        )

    def _newton_krylov(self, problem: Problem, points: Points) -> np.ndarray:
        """Run Newton-GMRES on a few points, then on all if most converged."""
        order = self.rng.permutation(len(points.x))
        left = order
        for batch in (order[:N_TRIED], order[N_TRIED:]):
            arrived = krylov.newton(
                problem,
                points,
                batch,
                dtype=self.search_dtype,
                max_iters=min(KRYLOV_ITERS, self.options.max_iters),
                tol_q=CANDIDATE_Q,
                on_progress=self.on_progress,
            )
            left = np.setdiff1d(left, batch[arrived], assume_unique=True)
            if arrived.sum() < 0.5 * len(batch):
                break
        return left

    def newton(self, points: Points, n_iters: int, longest: float) -> np.ndarray:
        """Run Newton's method within the widest box, and mark the points that converged."""
        every = np.arange(len(points.x))
        n_iters = min(n_iters, self.options.max_iters)
        if self.problem.n_states >= KRYLOV_MIN_STATES:
            return krylov.newton(
                self.widest,
                points,
                every,
                dtype=self.search_dtype,
                max_iters=n_iters,
                tol_q=CANDIDATE_Q,
                on_progress=self.on_progress,
            )
        return newton.solve(
            self.widest.settled(),
            points,
            every,
            dtype=self.search_dtype,
            max_iters=n_iters,
            tol_q=CANDIDATE_Q,
            longest=longest,
            on_progress=self.on_progress,
        )

    def partial(self, points: Points, which: np.ndarray, n_iters: int) -> np.ndarray:
        """Run some iterations towards a stationary point, in double precision.

        Returns:
            Which of the points are done, that is, used fewer iterations.
        """
        before = points.n_iters[which]
        n_iters = min(n_iters, self.options.max_iters)
        self._descend(self.problem, points, which, n_iters, stall=0.9999, mixed=True)
        return points.n_iters[which] - before < n_iters

    def refine(
        self, points: Points, *, only_fixed: bool = False
    ) -> tuple[Evidence, np.ndarray]:
        """Descend until rounding ends it, and gather the evidence for what was reached.

        A descent that presses on a guessed side of the box goes on beyond it.

        Args:
            points: they are moved, in place.
            only_fixed: what is no fixed point need not be taken to where its descent ends.

        Returns:
            The evidence, and the status ``(n,)`` of each point.
        """
        outside = self.region.outside(points.x)
        self._refine_within(self.problem, points, np.flatnonzero(~outside))
        self._refine_within(self.widest, points, np.flatnonzero(outside))
        if self.region.is_guessed:
            problem = self.problem
            for factor in WIDENINGS:
                pressed = self.region.pressed(points.x, problem.lower, problem.upper)
                pressed = np.flatnonzero(pressed & ~outside)
                if not len(pressed):
                    break
                problem = self.problem.with_bounds(*self.region.widened(factor))
                points.damping[pressed] = np.nan
                self._refine_within(problem, points, pressed)
        evidence = examine(
            self.widest, points.x, points.u, eps=self.eps, matrix_free=self.matrix_free
        )
        status = self._status(points.x, points.u, evidence)
        stalled = np.flatnonzero(status == Status.NOT_CONVERGED)
        if not self.matrix_free and is_double(self.eps):
            # Without kinks, what stalled short of a fixed point does not lead to one.
            if len(stalled) and not (only_fixed and is_smooth(self.problem.system.equations)):
                self._settle_on_kinks(points, stalled, evidence, status)
            self._locate_better(points, evidence, status)
        return evidence, status

    def _locate_better(self, points: Points, evidence: Evidence, status: np.ndarray) -> None:
        """Take one Newton step more where the last residual leaves a fixed point uncertain."""
        known = (status == Status.FIXED_POINT) & np.isfinite(evidence.radius)
        rows = np.flatnonzero(known & (evidence.newton_step > LOCATED * state_size(points.x)))
        if not len(rows) or evidence.inverse is None:
            return
        x, u = points.x[rows], points.u[rows]
        inverse = evidence.inverse[rows]
        x = x - np.einsum("nij,nj->ni", inverse, self.residual(x, u))
        x = np.clip(x, self.widest.lower, self.widest.upper)
        found = examine(self.widest, x, u, eps=self.eps, matrix_free=False)
        nearer = (found.q < evidence.q[rows]) & np.isfinite(found.radius)
        rows, found = rows[nearer], found.take(nearer)
        points.x[rows], points.q[rows] = x[nearer], found.q
        evidence.put(rows, found)

    def _settle_on_kinks(
        self, points: Points, stalled: np.ndarray, evidence: Evidence, status: np.ndarray
    ) -> None:
        """Move descents that stalled at a kink to its minimum, and update their evidence."""
        gradient = kinked.solve(
            self.widest,
            points,
            stalled,
            dtype=self.final_dtype,
            tol_gradient=stationarity_tolerance(self.eps),
            on_progress=self.on_progress,
        )
        rows = stalled[np.isfinite(gradient)]
        if not len(rows):
            return
        found = examine(
            self.widest, points.x[rows], points.u[rows], eps=self.eps, matrix_free=False
        )
        found.relative_gradient[:] = gradient[np.isfinite(gradient)]
        evidence.put(rows, found)
        status[rows] = self._status(points.x[rows], points.u[rows], found)

    def _refine_within(self, problem: Problem, points: Points, which: np.ndarray) -> None:
        """Descend within a box until rounding ends it."""
        if not len(which):
            return
        if self.problem.n_states >= MIXED_MIN_STATES:
            n_iters = min(MIXED_ITERS, self.options.max_iters)
            self._descend(problem, points, which, n_iters, stall=0.9999, mixed=True)
        n_iters = min(FINAL_ITERS, self.options.max_iters)
        self._descend(problem, points, which, n_iters, stall=1.0 - 1e-8, mixed=False)

    def _descend(
        self,
        problem: Problem,
        points: Points,
        which: np.ndarray,
        n_iters: int,
        *,
        stall: float,
        mixed: bool,
    ) -> None:
        """Run Levenberg-Marquardt, if ``mixed`` with matrices in single precision."""
        single = mixed and self.problem.n_states >= MIXED_MIN_STATES
        levenberg_marquardt.solve(
            problem,
            points,
            which,
            dtype=self.final_dtype,
            matrix_dtype=self.search_dtype if single else self.final_dtype,
            max_iters=n_iters,
            tol_q=self._finest_q(),
            tol_gradient=0.1 * stationarity_tolerance(self.eps),
            stall=stall,
            matrix_free=self.matrix_free,
            on_progress=self.on_progress,
        )

    def _finest_q(self) -> float:
        """Return the speed to which rounding lets a fixed point be located."""
        return self.problem.n_states * (100.0 * self.eps) ** 2

    def _status(self, x: np.ndarray, u: np.ndarray, evidence: Evidence) -> np.ndarray:
        """Return the status of each point, ``(n,)``."""
        fixed = evidence.is_fixed(x, self.options.tol_q, self.eps)
        self._reject_kept(x, u, fixed)
        slow = evidence.is_stationary(self.eps) & ~fixed
        finite = np.isfinite(x).all(axis=1) & np.isfinite(evidence.q)
        status = np.full(len(x), Status.NOT_CONVERGED, dtype=np.int8)
        status[slow] = Status.SLOW_POINT
        status[fixed] = Status.FIXED_POINT
        status[~finite] = Status.DIVERGED
        far = np.flatnonzero(finite & ~fixed & self.region.outside(x))
        status[far[self._runs_away(x[far], u[far], evidence.q[far])]] = Status.DIVERGED
        return status

    def _reject_kept(self, x: np.ndarray, u: np.ndarray, fixed: np.ndarray) -> None:
        """Unmark states that only a gate, shut to rounding, keeps in place."""
        rows = np.flatnonzero(fixed)
        if self.settled is None or not len(rows):
            return
        r = map_chunks(self.settled.residual_at, x[rows], u[rows], shape=x.shape[1:])
        moves = np.linalg.norm(r, axis=1)
        fixed[rows[~(moves <= KEPT * state_size(x[rows]))]] = False

    def _runs_away(self, x: np.ndarray, u: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Test states for a speed that falls on and on with the distance from the box."""
        if not len(x):
            return np.zeros(0, dtype=bool)
        away = self.region.pressed(x, self.widest.lower, self.widest.upper)
        centre = 0.5 * (self.region.lower + self.region.upper)
        falls = np.ones(len(x), dtype=bool)
        for factor in FURTHER:
            ahead = centre + factor * (x - centre)
            r = self.residual(np.clip(ahead, self.widest.lower, self.widest.upper), u)
            falls &= 0.5 * np.sum(r**2, axis=1) < q
        return away | falls

    def locate(self, points: Points, evidence: Evidence) -> np.ndarray:
        """Return the distance to which fixed points are located by the rounding there."""
        rounded = rounded_distance(self.widest, points.x, points.u, evidence.inverse)
        return 4.0 * (evidence.newton_step + rounded)

    def residual(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return the residual of each state, in the final precision, ``(n, n_states)``."""
        return map_chunks(self.problem.residual_at, x, u, shape=x.shape[1:])
