"""The descents a search is made of: coarse, shared, to the end. Points go in and are moved."""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf.evidence import Evidence, examine, stationarity_tolerance
from fixedpoint_tf.solvers import adam, krylov, levenberg_marquardt
from fixedpoint_tf.solvers.base import OnProgress, Points, Problem
from fixedpoint_tf.status import Status

__all__ = ["CANDIDATE_Q", "Descents", "Options"]

CANDIDATE_Q = 1e-7  # below it, a descent in single precision has found what it can
COARSE_ITERS = 12
SINGLE_GRADIENT = 3e-3  # the relative gradient that single precision resolves
KRYLOV_ITERS = 25
KRYLOV_MIN_STATES = 128  # below it a factorisation is cheaper than 16 vectors
N_TRIED = 64  # points on which Newton-GMRES must show that it arrives
MIXED_MIN_STATES = 64  # below it matrices in double precision cost hardly more
MIXED_ITERS = 60
FINAL_ITERS = 200  # what has not settled by then creeps along a canyon that has no bottom


@dataclasses.dataclass(frozen=True)
class Options:
    """How to search. See :class:`fixedpoint_tf.FinderConfig` for the meanings."""

    method: str = "newton"
    tol_q: float = 1e-12
    tol_dq: float = 1e-20
    max_iters: int = 5000
    dtype: str = "float32"
    share_descents: bool = True
    memory_limit: float = 2.0**30
    random_seed: int = 0
    adam: adam.AdamOptions = dataclasses.field(default_factory=adam.AdamOptions)


class Descents:
    """Descents on the speed of one problem, in the precisions that its system has.

    Args:
        problem: residual, weights and box.
        artificial: ``(n_states,)`` boolean, coordinates whose bound is only a guess.
        options: how to search.
        rng: source of randomness.
        on_progress: called after each batch of iterations.
    """

    def __init__(
        self,
        problem: Problem,
        artificial: np.ndarray,
        options: Options,
        rng: np.random.Generator,
        on_progress: OnProgress,
    ):
        self.problem, self.artificial, self.options = problem, artificial, options
        self.rng, self.on_progress = rng, on_progress
        search, self.final_dtype = problem.system.dtypes
        self.search_dtype = self.final_dtype if options.dtype == "float64" else search
        self.eps = float(np.finfo(self.final_dtype).eps)
        matrices = 6.0 * problem.n_states**2 * np.dtype(self.final_dtype).itemsize
        self.matrix_free = matrices > options.memory_limit

    def classic(self, points: Points) -> None:
        """Adam from every point."""
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

    def coarse(self, points: Points, *, only_fixed: bool = False) -> None:
        """A cheap descent in single precision; ``only_fixed`` need not find slow points."""
        left = np.arange(len(points.x))
        if self.problem.n_states >= KRYLOV_MIN_STATES or self.matrix_free:
            left = self._newton_krylov(points)
            if only_fixed:
                return
        levenberg_marquardt.solve(
            self.problem,
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

    def _newton_krylov(self, points: Points) -> np.ndarray:
        """Newton-GMRES on a few points; if it arrives from most, on all. Who is left."""
        order = self.rng.permutation(len(points.x))
        left = order
        for batch in (order[:N_TRIED], order[N_TRIED:]):
            arrived = krylov.newton(
                self.problem,
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

    def towards(self, points: Points, which: np.ndarray, n_iters: int) -> np.ndarray:
        """Some iterations towards a stationary point, in double precision.

        Matrices are in single precision where they are large enough to cost more in double.

        Returns:
            Which of the points are done, that is, used fewer iterations.
        """
        before = points.n_iters[which]
        n_iters = min(n_iters, self.options.max_iters)
        large = self.problem.n_states >= MIXED_MIN_STATES
        levenberg_marquardt.solve(
            self.problem,
            points,
            which,
            dtype=self.final_dtype,
            matrix_dtype=self.search_dtype if large else self.final_dtype,
            max_iters=n_iters,
            tol_q=self._finest_q(),
            tol_gradient=0.1 * stationarity_tolerance(self.eps),
            stall=0.9999,
            matrix_free=self.matrix_free,
            on_progress=self.on_progress,
        )
        return points.n_iters[which] - before < n_iters

    def to_the_end(self, points: Points) -> tuple[Evidence, np.ndarray]:
        """Descend until rounding ends it, and say what was reached.

        Returns:
            The evidence, and the status ``(n,)`` of each point.
        """
        every = np.arange(len(points.x))
        if self.problem.n_states >= MIXED_MIN_STATES:
            self.towards(points, every, MIXED_ITERS)
        levenberg_marquardt.solve(
            self.problem,
            points,
            every,
            dtype=self.final_dtype,
            max_iters=min(FINAL_ITERS, self.options.max_iters),
            tol_q=self._finest_q(),
            tol_gradient=0.1 * stationarity_tolerance(self.eps),
            stall=1.0 - 1e-8,
            matrix_free=self.matrix_free,
            on_progress=self.on_progress,
        )
        evidence = examine(self.problem, points.x, points.u, matrix_free=self.matrix_free)
        return evidence, self._status(points.x, evidence)

    def _finest_q(self) -> float:
        """The speed to which rounding lets a fixed point be located."""
        return self.problem.n_states * (100.0 * self.eps) ** 2

    def _status(self, x: np.ndarray, evidence: Evidence) -> np.ndarray:
        fixed = evidence.is_fixed(x, self.options.tol_q, self.eps)
        slow = evidence.is_stationary(self.eps) & ~fixed
        at_bound = (x <= self.problem.lower) | (x >= self.problem.upper)
        left = (at_bound & self.artificial).any(axis=1)
        finite = np.isfinite(x).all(axis=1) & np.isfinite(evidence.q)
        status = np.full(len(x), Status.NOT_CONVERGED, dtype=np.int8)
        status[slow] = Status.SLOW_POINT
        status[fixed] = Status.FIXED_POINT
        status[left | ~finite] = Status.DIVERGED
        return status

    def residual(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """The residual of each state, in the final precision, ``(n, n_states)``."""
        w = self.problem.weights(self.final_dtype)
        r = np.empty_like(x)
        for i in range(0, len(x), 4096):
            rows = slice(i, i + 4096)
            tensors = self.problem.rows(self.final_dtype, x[rows], u[rows])
            r[rows] = self.problem.residual.value(w, *tensors).numpy()
        return r
