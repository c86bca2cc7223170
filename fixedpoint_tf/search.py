"""The search: from many starts to distinct end points, each with what is known of it.

    broad    a little forward, then a cheap descent in single precision from every start
    attract  some starts run forward until they rest
    sharpen  near fixed points: distinct ones in double precision, the others assigned
    settle   the rest: descend to stationary points of q in double precision

Every start ends as the member of one end point. Where many starts head for the same one, the
expensive descent is shared: a start is given to a known end point if a Newton step from it
lands there, or if q falls all the way along the straight line to it (so that a descent can
take that line).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from fixedpoint_tf.evidence import Evidence, examine, stationarity_tolerance
from fixedpoint_tf.filters import thin
from fixedpoint_tf.solvers import adam, forward, krylov, levenberg_marquardt
from fixedpoint_tf.solvers.base import Points, Problem
from fixedpoint_tf.status import Status

__all__ = ["Ends", "Options", "Search"]

CANDIDATE_Q = 1e-7  # below it, a descent in single precision has found what it can
BROAD_Q = 1e-8
BROAD_ITERS = 12
SINGLE_GRADIENT = 3e-3  # the relative gradient that single precision resolves
CANDIDATE_RADIUS = 1e-2
N_SETTLE = 64  # starts run forward; end points settled at a time
KRYLOV_MIN_STATES = 128  # below it a factorisation is cheaper than 16 vectors
SHARED_ITERS = 10  # iterations between two looks at what could be shared
PATH = (0.2, 0.4, 0.6, 0.8)


@dataclasses.dataclass(frozen=True)
class Options:
    """How to search. See :class:`fixedpoint_tf.FixedPointFinder` for the meanings."""

    method: str = "newton"
    tol_q: float = 1e-12
    tol_dq: float = 1e-20
    max_iters: int = 5000
    dtype: str = "float32"
    share_descents: bool = True
    memory_limit: float = 2.0**30
    random_seed: int = 0
    adam: adam.AdamOptions = dataclasses.field(default_factory=adam.AdamOptions)


class Ends:
    """End points, appended as they are found."""

    def __init__(self, n_states: int, n_inputs: int):
        self.x = np.zeros((0, n_states))
        self.u = np.zeros((0, n_inputs))
        self.image = np.zeros((0, n_states))
        self.q = np.zeros(0)
        self.dq = np.zeros(0)
        self.n_iters = np.zeros(0, dtype=np.int64)
        self.newton_step = np.zeros(0)
        self.n_at_bound = np.zeros(0, dtype=np.int64)
        self.status = np.zeros(0, dtype=np.int8)
        self.source = np.zeros(0, dtype=np.int64)
        self.inverses: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.x)

    def append(self, points: Points, evidence: Evidence, status, source) -> np.ndarray:
        """Add points with their evidence; returns their numbers."""
        numbers = np.arange(len(self), len(self) + len(points.x))
        for name, rows in (
            ("x", points.x),
            ("u", points.u),
            ("image", evidence.image),
            ("q", evidence.q),
            ("dq", points.dq),
            ("n_iters", points.n_iters),
            ("newton_step", evidence.newton_step),
            ("n_at_bound", evidence.n_at_bound),
            ("status", status),
            ("source", source),
        ):
            setattr(self, name, np.concatenate([getattr(self, name), rows]))
        self.status = self.status.astype(np.int8)
        return numbers


class Search:
    """One search, its state kept in attributes so that an interruption loses nothing.

    Args:
        problem: residual, weights and box.
        x: starts, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        artificial: ``(n_states,)`` boolean, coordinates whose bound is only a guess.
        options: how to search.
        progress: called with this search each time it has advanced.

    Attributes:
        points: the starts as far as they have come.
        ends: the end points so far.
        member: ``(n,)``, the end point of each start, or -1.
    """

    def __init__(
        self,
        problem: Problem,
        x: np.ndarray,
        u: np.ndarray,
        artificial: np.ndarray,
        options: Options,
        progress: Callable[[Search], None] = lambda search: None,
    ):
        self.problem, self.options, self.artificial = problem, options, artificial
        self.points = Points(x.copy(), u)
        self.start = x
        self.ends = Ends(problem.n_states, u.shape[1])
        self.member = np.full(len(x), -1)
        self.progress = progress
        self.rng = np.random.default_rng(options.random_seed)
        search, final = problem.system.dtypes
        self.search_dtype = final if options.dtype == "float64" else search
        self.final_dtype = final
        self.eps = float(np.finfo(final).eps)
        matrices = 6.0 * problem.n_states**2 * np.dtype(final).itemsize
        self.matrix_free = matrices > options.memory_limit

    # -- phases ---------------------------------------------------------------------------

    def run(self) -> None:
        """All phases. An interruption leaves what has been found so far in place."""
        self.broad()
        if self.options.method == "newton":
            self.attract()
        self.sharpen()
        self.settle()

    def broad(self) -> None:
        """A cheap descent from every start, in single precision."""
        every = np.arange(len(self.points.x))
        report = self._report
        if self.options.method == "adam":
            adam.solve(
                self.problem,
                self.points,
                every,
                dtype=self.search_dtype,
                max_iters=self.options.max_iters,
                tol_q=self.options.tol_q,
                tol_dq=self.options.tol_dq,
                options=self.options.adam,
                on_progress=report,
            )
            return
        self.points.x = forward.smooth(self.problem, self.points.x, self.points.u, 2)
        left = every
        if self.problem.n_states >= KRYLOV_MIN_STATES or self.matrix_free:
            left = self._newton_krylov(every)
        self._descend(self.points, left, BROAD_ITERS)

    def _newton_krylov(self, every: np.ndarray) -> np.ndarray:
        """Newton-GMRES, on all starts if a few of them show that it arrives anywhere."""
        order = self.rng.permutation(every)
        left = []
        for batch in (order[:N_SETTLE], order[N_SETTLE:]):
            arrived = krylov.newton(
                self.problem,
                self.points,
                batch,
                dtype=self.search_dtype,
                max_iters=min(25, self.options.max_iters),
                tol_q=BROAD_Q,
                on_progress=self._report,
            )
            left.append(batch[~arrived])
            if arrived.sum() < 0.5 * len(batch):
                left.append(order[len(batch) :] if batch is not order[N_SETTLE:] else [])
                break
        return np.sort(np.concatenate(left).astype(int))

    def _descend(self, points: Points, which, n_iters: int, *, final: bool = False) -> None:
        """Levenberg-Marquardt, in single precision, or to the end in double."""
        levenberg_marquardt.solve(
            self.problem,
            points,
            which,
            dtype=self.final_dtype if final else self.search_dtype,
            max_iters=min(n_iters, self.options.max_iters),
            tol_q=self._finest_q() if final else BROAD_Q,
            tol_gradient=0.1 * stationarity_tolerance(self.eps) if final else SINGLE_GRADIENT,
            tol_dq=0.0 if final else self.options.tol_dq,
            stall=1.0 - 1e-6 if final else 0.98,
            matrix_free=self.matrix_free,
            on_progress=None if final else self._report,
        )

    def _finest_q(self) -> float:
        """The speed to which rounding lets a fixed point be located."""
        return self.problem.n_states * (100.0 * self.eps) ** 2

    def attract(self) -> None:
        """Run some starts forward, from each input, until they rest; sharpen where."""
        chosen = self._some_starts()
        x, moves = forward.settle(self.problem, self.start[chosen], self.points.u[chosen])
        resting = np.isfinite(x).all(axis=1) & (moves < 1e-3)
        chosen, x = chosen[resting], x[resting]
        u = self.points.u[chosen]
        kept, _ = thin(np.hstack([x, u]), np.arange(len(x)), CANDIDATE_RADIUS)
        self._finish(Points(x[kept], u[kept]), chosen[kept], only_fixed=True)

    def _some_starts(self) -> np.ndarray:
        """Starts to run forward: 64, or four of each input where there are many."""
        order = self.rng.permutation(len(self.start))
        _, condition = np.unique(self.points.u[order], axis=0, return_inverse=True)
        n_each = max(4, N_SETTLE // max(1, condition.max() + 1))
        rank = np.zeros(len(order), dtype=int)
        by_condition = np.argsort(condition, kind="stable")
        sorted_condition = condition[by_condition]
        first = np.searchsorted(sorted_condition, sorted_condition)
        rank[by_condition] = np.arange(len(order)) - first
        return order[rank < n_each][: 16 * N_SETTLE]

    def sharpen(self) -> None:
        """Locate the fixed points that the broad descent came near, in double precision."""
        pending = np.flatnonzero(self.points.q < CANDIDATE_Q)
        while len(pending):
            pending = pending[~self._newton_lands(pending)]
            if not len(pending):
                break
            place = np.hstack([self.points.x, self.points.u])[pending]
            kept, _ = thin(place, self.points.q[pending], CANDIDATE_RADIUS, max_kept=256)
            chosen = pending[kept]
            self._finish_members(chosen)
            pending = np.setdiff1d(pending, chosen, assume_unique=True)

    def settle(self) -> None:
        """Take every other start to a stationary point of q, in double precision."""
        pending = np.flatnonzero(self.member < 0)
        if not len(pending):
            return
        if self.options.share_descents:
            # A first few to the end, so that there is something to be shared.
            pending = pending[~self._downhill_to_known(pending)]
            self._finish_members(self._spread(pending))
        pending = np.flatnonzero(self.member < 0)
        while len(pending):
            if self.options.share_descents:
                pending = pending[~self._downhill_to_known(pending)]
            done = self._advance(pending)
            self._finish_members(pending[done])
            pending = pending[~done]

    def _spread(self, pending: np.ndarray) -> np.ndarray:
        """Some of the slowest points, no two of them near each other."""
        place = np.hstack([self.points.x, self.points.u])[pending]
        q = self.points.q[pending]
        kept, _ = thin(place, q, 10.0 * CANDIDATE_RADIUS, max_kept=N_SETTLE)
        return pending[kept]

    def _advance(self, pending: np.ndarray) -> np.ndarray:
        """A few iterations in double precision with matrices in single; which are done."""
        before = self.points.n_iters[pending].copy()
        levenberg_marquardt.solve(
            self.problem,
            self.points,
            pending,
            dtype=self.final_dtype,
            matrix_dtype=self.search_dtype,
            max_iters=SHARED_ITERS,
            tol_q=BROAD_Q,
            tol_gradient=stationarity_tolerance(self.eps),
            stall=0.99,
            matrix_free=self.matrix_free,
            initial_damping=1e-3,
            on_progress=None,
        )
        return self.points.n_iters[pending] - before < SHARED_ITERS

    def _finish_members(self, chosen: np.ndarray) -> None:
        if len(chosen):
            self.member[chosen] = self._finish(self._copy(chosen), chosen)
            self._report()

    def rerun(self, scale: float) -> None:
        """More iterations for points that did not converge, ``q`` far above the median."""
        lost = self.ends.status == Status.NOT_CONVERGED
        lost &= self.ends.q > scale * np.median(self._end_speeds())
        again = np.flatnonzero((self.member >= 0) & lost[self.member])
        numbers = self.member[again]
        self.points.x[again], self.points.q[again] = self.ends.x[numbers], self.ends.q[numbers]
        self.points.n_iters[again] = self.ends.n_iters[numbers]
        self._finish_members(again)

    def _end_speeds(self) -> np.ndarray:
        return self.ends.q[self.member[self.member >= 0]]

    # -- pieces ---------------------------------------------------------------------------

    def _copy(self, which: np.ndarray) -> Points:
        copy = Points(self.points.x[which], self.points.u[which])
        copy.n_iters = self.points.n_iters[which].copy()
        copy.dq = self.points.dq[which].copy()
        return copy

    def _finish(self, points: Points, source, *, only_fixed: bool = False) -> np.ndarray:
        """Descend to the end in double precision, examine, and enter among the ends.

        A point that ends where a known one is becomes its member. Returns the number of
        the end point of each; -1 where ``only_fixed`` and it is no fixed point.
        """
        if not len(points.x):
            return np.zeros(0, dtype=int)
        budget = self.options.max_iters
        self._descend(points, np.arange(len(points.x)), budget, final=True)
        evidence = examine(
            self.problem,
            points.x,
            points.u,
            matrix_free=self.matrix_free,
            keep_inverse=not self.matrix_free,
        )
        status = self._status(points, evidence)
        numbers = np.full(len(points.x), -1)
        order = np.argsort(evidence.q, kind="stable")
        for i in order[np.isfinite(points.x[order]).all(axis=1)] if only_fixed else order:
            if only_fixed and status[i] != Status.FIXED_POINT:
                continue
            known = self._same_end(points.x[i], points.u[i], status[i])
            if known is None:
                row = np.array([i])
                picked = Points(points.x[row], points.u[row])
                picked.dq, picked.n_iters = points.dq[row], points.n_iters[row]
                known = self.ends.append(
                    picked,
                    Evidence(
                        **{
                            f.name: None
                            if getattr(evidence, f.name) is None or f.name == "inverse"
                            else getattr(evidence, f.name)[row]
                            for f in dataclasses.fields(Evidence)
                        }
                    ),
                    status[row],
                    np.atleast_1d(source)[row],
                )[0]
                self._remember_inverse(known, status[i], evidence, i)
            numbers[i] = known
        return numbers

    def _remember_inverse(self, number: int, status: int, evidence: Evidence, i: int) -> None:
        held = len(self.ends.inverses) * self.problem.n_states**2 * 8.0
        room = held < self.options.memory_limit
        if evidence.inverse is not None and status == Status.FIXED_POINT and room:
            self.ends.inverses[number] = evidence.inverse[i]

    def _status(self, points: Points, evidence: Evidence) -> np.ndarray:
        fixed = evidence.is_fixed(points.x, self.options.tol_q, self.eps)
        slow = evidence.is_stationary(self.eps) & ~fixed
        at_guess = (points.x <= self.problem.lower) | (points.x >= self.problem.upper)
        left = (at_guess & self.artificial).any(axis=1)
        finite = np.isfinite(points.x).all(axis=1) & np.isfinite(evidence.q)
        status = np.full(len(points.x), Status.NOT_CONVERGED, dtype=np.int8)
        status[slow] = Status.SLOW_POINT
        status[fixed] = Status.FIXED_POINT
        status[left | ~finite] = Status.DIVERGED
        return status

    def _same_end(self, x: np.ndarray, u: np.ndarray, status: int) -> int | None:
        """The known end point at the same place, to the precision of either."""
        if not len(self.ends):
            return None
        # A fixed point is located to rounding, the bottom of a shallow canyon is not.
        exact = status == Status.FIXED_POINT and self.eps < 1e-12
        radius = (1e-6 if exact else 1e-3) * (1.0 + np.linalg.norm(x))
        near = (self.ends.status == status) & (np.abs(self.ends.u - u) <= 0.0).all(axis=1)
        candidates = np.flatnonzero(near)
        if not len(candidates):
            return None
        distance = np.linalg.norm(self.ends.x[candidates] - x, axis=1)
        best = int(np.argmin(distance))
        return int(candidates[best]) if distance[best] <= radius else None

    def _newton_lands(self, pending: np.ndarray) -> np.ndarray:
        """Give to known fixed points the starts whose Newton step lands on them."""
        numbers = np.array(sorted(self.ends.inverses), dtype=int)
        if not len(numbers) or not len(pending):
            return np.zeros(len(pending), dtype=bool)
        place = np.hstack([self.points.x, self.points.u])[pending]
        ends = np.hstack([self.ends.x, self.ends.u])[numbers]
        _, nearest = cKDTree(ends).query(place)
        r = self._residual(self.points.x[pending], self.points.u[pending])
        landed = np.zeros(len(pending), dtype=bool)
        for k in np.unique(nearest):
            rows = np.flatnonzero(nearest == k)
            number = numbers[k]
            away = self.points.x[pending[rows]] - self.ends.x[number]
            after = away - r[rows] @ self.ends.inverses[number].T
            before, miss = np.linalg.norm(away, axis=1), np.linalg.norm(after, axis=1)
            same_input = (self.points.u[pending[rows]] == self.ends.u[number]).all(axis=1)
            close = miss <= 0.1 * before + 1e-6
            landed[rows] = same_input & (before <= 10.0 * CANDIDATE_RADIUS) & close
            self.member[pending[rows[landed[rows]]]] = number
        return landed

    def _downhill_to_known(self, pending: np.ndarray) -> np.ndarray:
        """Give to known end points the starts from which a straight line leads down."""
        usable = np.flatnonzero(self.ends.status <= Status.SLOW_POINT)
        given = np.zeros(len(pending), dtype=bool)
        if not len(usable) or not len(pending):
            return given
        place = np.hstack([self.points.x, self.points.u])[pending]
        ends = np.hstack([self.ends.x, self.ends.u])[usable]
        n_near = min(4, len(usable))
        _, near = cKDTree(ends).query(place, k=list(range(1, n_near + 1)))
        for j in range(n_near):
            rows = np.flatnonzero(~given)
            target = usable[near[rows, j]]
            x, u = self.points.x[pending[rows]], self.points.u[pending[rows]]
            line = self.ends.x[target] - x
            down = (u == self.ends.u[target]).all(axis=1)
            previous = self._speed(x, u)
            for t in PATH:
                q = self._speed(x + t * line, u)
                down &= q <= previous
                previous = q
            down &= self.ends.q[target] <= previous
            given[rows[down]] = True
            self.member[pending[rows[down]]] = target[down]
        return given

    def _residual(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        w = self.problem.weights(self.final_dtype)
        parts = [np.zeros((0, x.shape[1]))]
        for i in range(0, len(x), 4096):
            rows = self.problem.rows(self.final_dtype, x[i : i + 4096], u[i : i + 4096])
            parts.append(self.problem.residual.value(w, *rows).numpy().astype(np.float64))
        return np.concatenate(parts)

    def _speed(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        return 0.5 * np.sum(self._residual(x, u) ** 2, axis=1)

    def standing(self) -> tuple[int, float]:
        """How many starts have arrived, and the median speed of all."""
        arrived = (self.member >= 0) | (self.points.q < CANDIDATE_Q)
        return int(arrived.sum()), float(np.median(self.points.q))

    def final_states(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """State, image and speed of every start: of its end point, or where it was left."""
        x, ended = self.points.x.copy(), self.member >= 0
        image, q = np.empty_like(x), np.empty(len(x))
        rest = np.flatnonzero(~ended)
        r = self._residual(x[rest], self.points.u[rest])
        q[rest] = 0.5 * np.sum(r**2, axis=1)
        image[rest] = r + x[rest] if self.problem.system.kind == "discrete" else r
        numbers = self.member[ended]
        x[ended], image[ended] = self.ends.x[numbers], self.ends.image[numbers]
        q[ended] = self.ends.q[numbers]
        return x, image, q

    def _report(self, *unused) -> None:
        self.progress(self)
