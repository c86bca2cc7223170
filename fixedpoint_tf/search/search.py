"""The search, from many starts to distinct end points with evidence for each.

    broad    a little forward, then a cheap descent in single precision from every start
    sharpen  near fixed points: distinct ones in double precision, the others assigned
    attract  some starts run forward until they rest
    settle   the rest: descend to stationary points of q in double precision
    leap     walk from region to region of networks that are linear within regions
    go on    start again from anywhere until that leads to nothing new
    explore  without effort for that: start again between known points

Every start ends as the member of one end point. Where many starts head for the same one, the
expensive descent is shared (:mod:`fixedpoint_tf.search.assignment`).
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable

import numpy as np

from fixedpoint_tf._utils.chunks import chunk_size, chunks
from fixedpoint_tf._utils.selection import select_distinct
from fixedpoint_tf.fixed_points.search_end import SearchEnd
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.search.assignment import match_by_monotone_path, match_by_newton_step
from fixedpoint_tf.search.continued import go_on
from fixedpoint_tf.search.descents import CANDIDATE_Q, Descents, SolverOptions
from fixedpoint_tf.search.end_points import EndPoints, place
from fixedpoint_tf.search.evidence.evidence import Evidence
from fixedpoint_tf.search.evidence.rounding import is_double
from fixedpoint_tf.search.solvers import forward
from fixedpoint_tf.search.solvers.base import Points, Problem
from fixedpoint_tf.search.starts.further import explore, leap
from fixedpoint_tf.search.starts.region import Region
from fixedpoint_tf.systems.kinks.sides import is_smooth
from fixedpoint_tf.systems.self_maps import self_maps

__all__ = ["Search"]

MERGED = 1e-2  # states nearer than this rest at one point
AT_REST = 1e-24  # speed below which states have arrived, and rounding would order them
REACH = 0.1  # how far from a fixed point one Newton step is trusted
FEW_STATES = 16  # up to which steps forward lose saddles: some starts take fewer or none
GROWING = 1.05  # growth over a thousand steps of a state that runs away
N_MEASURED = 16  # starts at which the rounding of the network is measured
N_FIRST = 64  # starts that are run forward, and that are settled first
SHARED_ITERS = 5  # iterations between two looks at what could be shared
SHARED_ROUNDS = 12  # of iterations and looks, after which the rest descend to the end
ENTER_ROUNDS = 4  # in which states that lie near each other may show to lead to several points
LEAST_LANDED = 0.05  # share of the states near known points of which some belong to others
BLOCK = 8192  # starts that are given to known points together: copies of their states


def _blocks(numbers: np.ndarray) -> list[np.ndarray]:
    """Divide points into blocks small enough for copies of their states."""
    return [numbers[rows] for rows in chunks(len(numbers), size=BLOCK)]


class _TimeOver(Exception):
    """The time is over before the given starts are worked through."""


class Search:
    """One search, its state kept in attributes so that an interruption loses nothing.

    Args:
        problem: residual, weights and box.
        x: starts, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        region: the box in which the search begins, and its guessed sides.
        options: how to search.
        progress: called with this search each time it has advanced.

    Attributes:
        start: the starts.
        points: the starts as far as they have come.
        ends: the end points so far.
        member: ``(n,)``, the number of the end point of each start, or -1.
        reached: numbers of the fixed points that were reached by running forward.
        begin: the time at which it was made.
        until: the time at which the given starts are left as they are.
        n_further: starts of its own that it has made.
        end: the rule that ended it.
        signs: number of a fixed point to its index, as far as it has been asked for.
    """

    def __init__(
        self,
        problem: Problem,
        x: np.ndarray,
        u: np.ndarray,
        region: Region,
        options: SolverOptions,
        progress: Callable[[Search], None] = lambda search: None,
    ):
        self.problem, self.options = problem, options
        self.start = x
        self.points = Points(x.copy(), u)
        self.inputs, condition = np.unique(u, axis=0, return_inverse=True)
        self.condition = condition.reshape(-1)
        self.ends = EndPoints(problem.n_states, options.memory_limit)
        self._is_smooth = is_smooth(problem.system.equations)
        self.member = np.full(len(x), -1)
        self.progress = progress
        self.rng = np.random.default_rng(options.random_seed)
        self.descents = Descents(problem, region, options, self.rng, self._report)
        some = self.rng.permutation(len(x))[:N_MEASURED]
        self.descents.measure_rounding(x[some], u[some])
        self.reached: set[int] = set()
        self.begin, self.until = time.monotonic(), np.inf
        self.n_further, self.end = 0, SearchEnd.STARTS_ALONE
        self.signs: dict[int, float] = {}

    @functools.cached_property
    def self_maps(self) -> np.ndarray:
        """Knowledge of whether the network maps a box into itself, by input."""
        return self_maps(self.problem.system, self.inputs)

    @functools.cached_property
    def first_start(self) -> np.ndarray:
        """Number of the first start under each input."""
        return np.unique(self.condition, return_index=True)[1]

    def run(self) -> None:
        """Run all phases, and keep all finds after an interruption."""
        if self.options.max_seconds is not None:
            self.until = self.begin + self.options.max_seconds
        try:
            self._run()
        except _TimeOver:
            self.wrap_up(SearchEnd.TIME)

    def _run(self) -> None:
        self.broad()
        self.sharpen()
        if self.options.method == "newton":
            self.attract()
        self.settle()
        self.until = np.inf  # what follows looks at the time itself
        if self.options.method == "newton":
            is_piecewise_linear = leap(self)
            if self.options.effort > 0.0 and not self.descents.matrix_free:
                self.end = go_on(self)
            else:
                explore(self, patient=is_piecewise_linear)
                if self.options.effort > 0.0:
                    self.end = SearchEnd.MATRIX_FREE

    def wrap_up(self, end: SearchEnd, seconds: float = np.inf) -> None:
        """Locate the points near the ends of interrupted descents, without further search.

        Args:
            end: the rule that ended them.
            seconds: time for all but the nearest, for which functions may have to be
                compiled; the starts that are left then stand where they are.
        """
        self.end, self.until = end, np.inf
        with contextlib.suppress(KeyboardInterrupt, _TimeOver):
            left = np.flatnonzero(self.member < 0)
            self.points.q[left] = self._speed(self.points.x[left], self.condition[left])
            near = left[self.points.q[left] <= CANDIDATE_Q]
            if len(near) and np.isfinite(seconds):
                nearest = near[[self.points.q[near].argmin()]]
                self._finish_members(nearest)
                self._land(self.points.x[nearest], self.condition[nearest])
                self.until = time.monotonic() + seconds
            self.sharpen()
        self.until = np.inf

    # -- phases ---------------------------------------------------------------------------

    def broad(self) -> None:
        """Descend cheaply from every start, in single precision."""
        if self.options.method == "adam":
            self.descents.adam(self.points)
        else:
            self._smooth()
            self.descents.coarse(self.points)

    def _smooth(self) -> None:
        """Run a few steps forward, which collapse fast directions and leave saddles."""
        many = self.problem.n_states > FEW_STATES
        n_steps = (2,) if many else (2, 1, 2, 0)
        for k, n in enumerate(n_steps):
            rows = slice(k, None, len(n_steps))
            x, u = self.points.x[rows], self.points.u[rows]
            self.points.x[rows] = forward.smooth(self.problem, x, u, n)

    def sharpen(self) -> None:
        """Locate the fixed points that the broad descent came near, in double precision."""
        candidates = np.flatnonzero((self.points.q <= CANDIDATE_Q) & (self.member < 0))
        for pending in _blocks(candidates):
            apart = REACH
            while len(pending):
                n_pending = len(pending)
                self.member[pending] = self._land(
                    self.points.x[pending], self.condition[pending]
                )
                pending = pending[self.member[pending] < 0]
                if len(self.ends) and n_pending - len(pending) < LEAST_LANDED * n_pending:
                    apart *= 0.1  # there is more than one point within this distance
                few = len(pending) <= N_FIRST // 4
                chosen = pending if few else self._apart(pending, apart, 4 * N_FIRST)
                self._finish_members(chosen)
                pending = np.setdiff1d(pending, chosen, assume_unique=True)

    def attract(self) -> None:
        """Run some starts of each input forward until they rest, and enter fixed points."""
        chosen = self._some_starts()
        u = self.points.u[chosen]
        x, moves = forward.settle(self.descents.widest, self.start[chosen], u)
        finite = np.isfinite(x).all(axis=1)
        size = 1.0 + np.abs(np.where(finite[:, None], x, 0.0)).max(axis=1)
        resting = finite & (moves < 1e-3 * size)
        # What still creeps, or circles, is sent down: in a region where the network is
        # linear, that leads to the attractor however slowly the states approach it.
        moving = np.flatnonzero(finite & ~resting)
        points = Points(x[moving], u[moving])
        self.descents.coarse(points, only_fixed=True, problem=self.descents.widest)
        x[moving] = points.x
        resting[moving] = points.q <= CANDIDATE_Q
        chosen = chosen[resting]
        points = Points(x[resting], self.points.u[chosen])
        numbers = self.enter_new(points, chosen, self.start[chosen])
        self.reached.update(numbers[numbers >= 0].tolist())

    def _some_starts(self) -> np.ndarray:
        """Choose starts to run forward, 64 or four for each of many inputs."""
        order = self.rng.permutation(len(self.start))
        by_condition = order[np.argsort(self.condition[order], kind="stable")]
        condition = self.condition[by_condition]
        rank = np.arange(len(order)) - np.searchsorted(condition, condition)
        n_each = max(4, N_FIRST // len(self.inputs))
        return by_condition[rank < n_each][: 16 * N_FIRST]

    def settle(self) -> None:
        """Take every other start to a stationary point of q, in double precision."""
        share = self.options.share_descents
        pending = np.flatnonzero(self.member < 0)
        if share:
            # A first few to the end, so that there is something to be shared.
            pending = self._share(pending)
            some = self.rng.permutation(pending)[:BLOCK]
            spread = self.points.x[some].std(axis=0) if len(some) else np.zeros(1)
            chosen = self._apart(some, 0.25 * float(np.linalg.norm(spread)), N_FIRST)
            self._finish_members(chosen)
            pending = np.setdiff1d(pending, chosen, assume_unique=True)
        for _ in range(SHARED_ROUNDS if share else 0):
            pending = self._share(pending)
            done = self.descents.partial(self.points, pending, SHARED_ITERS)
            self._finish_members(pending[done])
            pending = pending[~done]
        self._finish_members(pending)

    def rerun(self, scale: float) -> None:
        """Run more iterations for points that did not converge, ``q`` far above the median."""
        ended = np.flatnonzero(self.member >= 0)
        q, number = self.ends.q[self.member[ended]], self.member[ended]
        lost = self.ends.status[number] == Status.NOT_CONVERGED
        again = ended[lost & (q > scale * np.median(q))] if len(q) else ended
        number = self.member[again]
        self.points.x[again] = self.ends.x[number]
        self.points.n_iters[again] = self.ends.n_iters[number]
        self._finish_members(again)

    # -- outcomes of the starts ----------------------------------------------------------------

    def standing(self) -> tuple[int, float]:
        """Count the starts that have arrived, and compute the median speed of all."""
        ended = self.member >= 0
        q = self.points.q.copy()
        q[ended] = self.ends.q[self.member[ended]]
        return int((ended | (q <= CANDIDATE_Q)).sum()), float(np.median(q))

    def count_starts(self) -> dict[str, int]:
        """Count the starts by the status of what they led to."""
        status = np.full(len(self.member), Status.NOT_CONVERGED, dtype=np.int8)
        ended = self.member >= 0
        status[ended] = self.ends.status[self.member[ended]]
        return {Status(s).name: int((status == s).sum()) for s in Status}

    def end_columns(self) -> dict[str, np.ndarray]:
        """Return what is known of each end point, in the units of the network."""
        ends, natural = self.ends, self.problem.natural
        q = self._natural_speed(ends.x, ends.image, ends.q)
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = np.where(ends.q > 0.0, q / ends.q, 1.0)
        return {
            "xstar": natural(ends.x),
            "x_init": natural(ends.origin),
            "F_xstar": self._natural_image(ends.image),
            "qstar": q,
            "dq": ends.dq * ratio,
            "n_iters": ends.n_iters,
            "status": ends.status,
            "newton_step": ends.distance,
            "n_at_bound": ends.n_at_bound,
        }

    def final_states(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return state, image and speed of every start, in the units of the network.

        Those of a start with an end point are left out: they are of the end point.
        """
        x, rest = self.points.x.copy(), np.flatnonzero(self.member < 0)
        image, q = np.zeros_like(x), np.zeros(len(x))
        r = self.residual(x[rest], self.condition[rest])
        image[rest] = r + x[rest] if self.problem.system.time == "discrete" else r
        q[rest] = self._natural_speed(x[rest], image[rest], 0.5 * np.sum(r**2, axis=1))
        return self.problem.natural(x), self._natural_image(image), q

    def _natural_image(self, image: np.ndarray) -> np.ndarray:
        """Return the next states, or the velocities, in the units of the network."""
        discrete = self.problem.system.time == "discrete"
        return self.problem.natural(image) if discrete else image * self.problem.scale

    def _natural_speed(self, x: np.ndarray, image: np.ndarray, q: np.ndarray) -> np.ndarray:
        """Return the speed in the units of the network, of that in units of the scale."""
        scale = self.problem.scale
        if (scale == scale[0]).all():
            return q * scale[0] ** 2
        r = image - x if self.problem.system.time == "discrete" else image
        return 0.5 * np.sum((scale * r) ** 2, axis=1)

    # -- pieces ---------------------------------------------------------------------------

    def _apart(self, pending: np.ndarray, radius: float, most: int) -> np.ndarray:
        """Select points of lowest speed, no two of them near each other."""
        where = place(self.points.x[pending], self.condition[pending])
        kept, _ = select_distinct(where, self.points.q[pending], radius, max_kept=most)
        return pending[kept]

    def _share(self, pending: np.ndarray) -> np.ndarray:
        """Assign starts to known end points straight downhill, and return the others."""
        usable = np.flatnonzero(self.ends.status <= Status.SLOW_POINT)
        for some in _blocks(pending):
            x, condition = self.points.x[some], self.condition[some]
            self.member[some] = match_by_monotone_path(
                self.ends, usable, x, condition, self._speed
            )
        self._report()
        return pending[self.member[pending] < 0]

    def _finish_members(self, chosen: np.ndarray) -> None:
        # The inverses are held, and little else: four arrays of their size.
        most = max(N_FIRST, chunk_size(self.problem.n_states**2, copies=4))
        for rows in chunks(len(chosen), size=most):
            some = chosen[rows]
            self.member[some] = self._finish(self.points.take(some), some, self.start[some])
            self._report()

    def enter_new(
        self,
        points: Points,
        source: np.ndarray,
        origin: np.ndarray,
        *,
        only_isolated: bool = False,
    ) -> np.ndarray:
        """Enter the fixed points near some states.

        Args:
            points: ``m`` states near fixed points, such as a coarse descent ends at.
            source: ``(m,)``, the number of the start whose input applies.
            origin: ``(m, n_states)``, the state from which each descent began.
            only_isolated: leave out what is one of a continuum.

        Returns:
            ``(m,)``, the number of the end point that each leads to, or -1.
        """
        condition, found = self.condition[source], np.full(len(points.x), -1)
        new, apart = np.arange(len(found)), MERGED
        for _ in range(ENTER_ROUNDS):
            found[new] = self._land(points.x[new], condition[new])
            new = new[found[new] < 0]
            if not len(new):
                break
            where = place(points.x[new], condition[new])
            # The slowest stands for those near it; among states that rest, the first.
            speed = np.maximum(self._speed(points.x[new], condition[new]), AT_REST)
            rank = np.argsort(np.argsort(speed, kind="stable"))
            kept, owner = select_distinct(where, rank, apart)
            some = new[kept]
            found[some] = self._finish(
                points.take(some),
                source[some],
                origin[some],
                only_fixed=True,
                only_isolated=only_isolated,
            )
            # Others near an isolated point that was found may still lead to one beside it.
            beside = np.zeros(len(new), dtype=bool)
            entered = np.flatnonzero(found[new[owner]] >= 0)
            beside[entered] = ~self.ends.singular[found[new[owner[entered]]]]
            new = new[(found[new] < 0) & beside]
            apart *= 0.1
        return found

    def enter_isolated(
        self, points: Points, condition: np.ndarray, origin: np.ndarray
    ) -> np.ndarray:
        """Enter the isolated fixed points near states, and return their numbers, or -1."""
        return self.enter_new(points, self.first_start[condition], origin, only_isolated=True)

    def _land(self, x: np.ndarray, condition: np.ndarray) -> np.ndarray:
        """Find the known fixed points near states by Newton steps, or -1."""
        return match_by_newton_step(
            self.ends, x, condition, self.residual, REACH, smooth=self._is_smooth
        )

    def _finish(
        self,
        points: Points,
        source: np.ndarray,
        origin: np.ndarray,
        *,
        only_fixed: bool = False,
        only_isolated: bool = False,
    ) -> np.ndarray:
        """Descend in double precision, examine and enter end points, -1 where left out."""
        every = np.arange(len(points.x))
        if not len(every):
            return every
        evidence, status = self.descents.refine(points, only_fixed=only_fixed)
        self._run_lost(points, evidence, status, origin)
        rows = every[status == Status.FIXED_POINT] if only_fixed else every
        if only_isolated:
            rows = rows[~evidence.singular[rows]]
        numbers = np.full(len(every), -1)
        numbers[rows] = self.ends.enter(
            points.take(rows),
            evidence.take(rows),
            status[rows],
            self.condition[source[rows]],
            source[rows],
            origin[rows],
            double=is_double(self.descents.eps),
            locate=lambda some: self.descents.locate(
                points.take(rows[some]), evidence.take(rows[some])
            ),
        )
        return numbers

    def _run_lost(
        self, points: Points, evidence: Evidence, status: np.ndarray, origin: np.ndarray
    ) -> None:
        """Run lost starts forward, and mark those that diverge there as diverged."""
        lost = np.flatnonzero((status == Status.DIVERGED) & np.isfinite(points.x).all(axis=1))
        if not len(lost) or self.options.method != "newton":
            return
        u = points.u[lost]
        middle, _ = forward.settle(self.descents.widest, origin[lost], u, max_steps=1000)
        x, moves = forward.settle(self.descents.widest, middle, u, max_steps=1000)
        finite = np.isfinite(x).all(axis=1)
        length, before = (np.linalg.norm(np.nan_to_num(a), axis=1) for a in (x, middle))
        grows = self.descents.region.outside(x) & (length > GROWING * before)
        bounded = finite & ~grows
        status[lost[bounded]] = Status.NOT_CONVERGED
        rests = bounded & (moves < 1e-3 * (1.0 + length))
        rows = lost[rests]
        if not len(rows):
            return
        rested = points.take(rows)
        rested.x[:] = x[rests]
        found, ended = self.descents.refine(rested)
        points.x[rows], points.q[rows] = rested.x, rested.q
        evidence.put(rows, found)
        status[rows] = ended

    def residual(self, x: np.ndarray, condition: np.ndarray) -> np.ndarray:
        """Return the residual of states under inputs by their numbers."""
        return self.descents.residual(x, self.inputs[condition])

    def _speed(self, x: np.ndarray, condition: np.ndarray) -> np.ndarray:
        return 0.5 * np.sum(self.residual(x, condition) ** 2, axis=1)

    def _report(self) -> None:
        self.progress(self)
        if time.monotonic() > self.until:
            raise _TimeOver
