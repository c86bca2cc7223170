"""Continuation of a search by further starts until none leads to a new point.

Starts on trajectories miss saddles that no trajectory passes. So when they have been worked
through, batches of starts follow that are drawn otherwise (:mod:`.starts.distributions`) or
bred from known points (:mod:`.starts.offspring`), each kind in the share that its yield of
new points earns. Unless the network is easy, directional fibres through known points and
others (:mod:`.fibres`) have their share too. What they arrive at passes the same evidence as
any other point.
"""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf.fixed_points.search_end import SearchEnd
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.search.active_sets import ActiveSets
from fixedpoint_tf.search.fibres import Fibres
from fixedpoint_tf.search.index import sum_of_ends
from fixedpoint_tf.search.solvers import forward
from fixedpoint_tf.search.solvers.base import Points
from fixedpoint_tf.search.starts.distributions import ball_states, preimage_states
from fixedpoint_tf.search.starts.further import release
from fixedpoint_tf.search.starts.offspring import differences, midpoints, mixtures
from fixedpoint_tf.search.stopping import Patience
from fixedpoint_tf.search.structure import Structure

if TYPE_CHECKING:
    import fixedpoint_tf.search.search

__all__ = ["go_on"]

logger = logging.getLogger(__name__)

BATCH = 1024  # starts, of networks of fewer states than MANY_STATES
LARGE_BATCH = 256  # of networks of many states, so that the time is looked at now and then
MANY_STATES = 128  # from here on a batch of 1024 takes seconds
LEAST_BATCH = 64  # starts: fewer cost as much, by the calls alone
LEAST_STARTS = 256  # further starts since the last new point, at effort 1
STARTS_AN_INPUT = 64  # the same of each input, while they are no more than the given starts
EASY = 0.5  # share of the first batch that arrives where a network is easy
EXTENSION = 4  # of the patience where the indices of the points show that some are missing
MOST_EXTENDED = 2  # times, after which the summary says that points are missing
FIBRES = 8  # since the last new point, at effort 1, where a network is not easy
MANY_FIBRES = 32  # the same where few starts arrive
FIBRES_AT_ONCE = 16  # followed together; of networks of many states half as many
SOLVES_A_START = 24.0  # Jacobians that a start costs, as measured where half of them arrive
LEAST_PART = 0.25  # of the work, for starts and for fibres each
POLISH_ITERS = 12  # of Newton's method from where a fibre crosses a fixed point
PROBE_ITERS = 12  # of Newton's method in the first batch: nearly all arrive that ever will
ITERS = 42  # the same afterwards
FADING = 0.7  # of the weight of a batch in the yields, with each batch that follows
LEAST_SHARE = 0.06  # of each kind of start, in a batch
PRIOR = 1.0, 64.0  # new points and starts that are added to the yield of each kind
MANY_STARTS, MOST = 1000.0, 0.5  # further starts, and share of new points, without an end
LEAST_ARRIVING = 0.1  # share of the starts; where fewer arrive, what is found is a lower bound
SECONDS = 60.0  # at effort 1, unless the user says otherwise


@dataclasses.dataclass
class Yield:
    """Yield of new points, the latest batches first."""

    n_new: float = 0.0
    n_tried: float = 0.0
    n_all: float = 0.0  # tried, none of them faded

    @property
    def rate(self) -> float:
        """New points per start, equal for all sources not yet tried."""
        return (self.n_new + PRIOR[0]) / (self.n_tried + PRIOR[1])

    def learn(self, n_tried: float, n_new: int) -> None:
        """Note what a batch has yielded."""
        self.n_tried = FADING * self.n_tried + n_tried
        self.n_new = FADING * self.n_new + n_new
        self.n_all += n_tried


@dataclasses.dataclass
class Kind:
    """Kind of further starts."""

    draw: Callable[[int, np.ndarray, np.ndarray], np.ndarray]  # of known points, at an input
    needs: int  # known points
    earned: Yield = dataclasses.field(default_factory=Yield)


def go_on(search: fixedpoint_tf.search.search.Search) -> SearchEnd:
    """Search from further starts until they lead to no new point.

    Args:
        search: a search that has worked through its own starts; new isolated fixed points
            are entered among its ends. Its options say with which effort, and for how long.

    Returns:
        The rule that ended it.
    """
    options = search.options
    if options.max_seconds is None:
        until = time.monotonic() + SECONDS * options.effort
    else:
        until = search.begin + options.max_seconds
    return _Continued(search).run(until)


class _Continued:
    """The further starts of one search."""

    def __init__(self, search: fixedpoint_tf.search.search.Search):
        self.search = search
        self.problem = search.descents.widest
        self.rng = np.random.default_rng([search.options.random_seed, 1])
        n_inputs = len(search.inputs)
        self.patience = Patience(
            search.options.effort,
            least=max(LEAST_STARTS, min(STARTS_AN_INPUT * n_inputs, len(search.start))),
        )
        self.order, self.n_batches = self.rng.permutation(n_inputs), 0
        self.n_arrived = 0
        self.structure = Structure(search, self.rng)
        centre, half = _middle(search)
        self.fibres = Fibres(search, centre, half, self.rng)
        self.by_starts, self.by_fibres = Yield(), Yield()
        self.is_easy = search.options.effort <= 1.0
        self.longest = float(half.max())
        self.active_sets = ActiveSets(search, self.rng)
        self.kinds = {
            "ball": Kind(lambda n, known, u: ball_states(self.rng, n, centre, half), 0),
            "mixtures": Kind(lambda n, known, u: mixtures(self.rng, n, known), 2),
            "differences": Kind(lambda n, known, u: differences(self.rng, n, known), 3),
            "midpoints": Kind(lambda n, known, u: midpoints(self.rng, n, known), 2),
        }
        if self.problem.system.time == "discrete":
            self.kinds["image"] = Kind(
                lambda n, known, u: forward.image(
                    self.problem,
                    preimage_states(self.rng, n, centre, half),
                    np.repeat(u[None], n, axis=0),
                ),
                0,
            )
        if self.active_sets.pieces is not None:
            self.kinds["active sets"] = Kind(self.active_sets.draw, 1)

    @property
    def is_endless(self) -> bool:
        """Test whether most of the latest of very many starts led to new points."""
        found = self.by_starts
        return found.n_all >= MANY_STARTS and found.rate > MOST and not self.structure.n_left

    def run(self, until: float) -> SearchEnd:
        """Make batches of starts until a rule ends it."""
        search, structure = self.search, self.structure
        self.active_sets.enter(until)
        structure.enter(until)
        largest = BATCH if self.problem.n_states < MANY_STATES else LARGE_BATCH
        n_iters, n_extended = PROBE_ITERS, 0
        fibres_at_once = FIBRES_AT_ONCE if largest == BATCH else FIBRES_AT_ONCE // 2
        while True:
            self.patience.least_fibres = self.least_fibres
            if self.patience.is_over:
                structure.enter(until, structure.n_left)
                if structure.n_left:
                    return SearchEnd.TOO_MANY
                missing = self.inputs_with_missing_points()
                if not len(missing):
                    return SearchEnd.FEW_ARRIVED if self.few_arrive else SearchEnd.SETTLED
                if n_extended == MOST_EXTENDED:
                    return SearchEnd.MISSING
                n_extended += 1
                self.is_easy = False
                self.patience.effort *= EXTENSION
                self.order = self.rng.permutation(missing)
            if time.monotonic() >= until:
                return SearchEnd.ENDLESS if self.is_endless else SearchEnd.TIME
            if self.prefers_fibres:
                self.follow_fibres(fibres_at_once, until)
                continue
            n = int(np.clip(self.patience.n_due, LEAST_BATCH, largest))
            self.batch(n, n_iters, until)
            if n_iters == PROBE_ITERS and self.n_arrived < EASY * search.n_further:
                self.patience.n_since = 0  # so few iterations were no trial
                self.is_easy = False
            n_iters = ITERS

    def inputs_with_missing_points(self) -> np.ndarray:
        """Return the inputs under which the known points' indices do not add up to one."""
        return np.flatnonzero(sum_of_ends(self.search).is_missing)

    @property
    def few_arrive(self) -> bool:
        """Test for a network in which Newton's method seldom arrives."""
        return self.n_arrived < LEAST_ARRIVING * self.search.n_further

    @property
    def least_fibres(self) -> int:
        """Fibres to follow since the last new point, at effort 1."""
        if self.is_easy:
            return 0
        return MANY_FIBRES if self.few_arrive else FIBRES

    @property
    def prefers_fibres(self) -> bool:
        """True if fibres are due, or yield more than starts if both are due."""
        if not (self.least_fibres and self.by_starts.n_all):
            return False
        if self.patience.n_due <= 0 or self.patience.n_fibres_due <= 0:
            return self.patience.n_due <= 0
        part = self.by_fibres.n_all / (self.by_starts.n_all + self.by_fibres.n_all)
        if not LEAST_PART <= part <= 1.0 - LEAST_PART:
            return part < LEAST_PART
        return self.by_fibres.rate > self.by_starts.rate

    def follow_fibres(self, n: int, until: float) -> None:
        """Follow fibres under some inputs in turn, and enter what they cross."""
        search, first_new = self.search, len(self.search.ends)
        conditions = np.take(self.order, self.n_batches + np.arange(n), mode="wrap")
        self.n_batches += n
        x, condition, n_solved = self.fibres.follow(conditions, search.ends.isolated(), until)
        points = Points(
            np.clip(x, self.problem.lower, self.problem.upper), search.inputs[condition]
        )
        arrived = np.flatnonzero(search.descents.newton(points, POLISH_ITERS, self.longest))
        search.enter_isolated(points.take(arrived), condition[arrived], x[arrived])
        n_new = self.go_on_from(first_new, until)
        work = n_solved / SOLVES_A_START
        self.by_fibres.learn(work, n_new)
        self.patience.count_fibres(n, work, n_new, self.structure.n_to_find)
        logger.debug(
            "%d fibres: %d Jacobians, %d crossings, %d new points",
            n, n_solved, len(x), n_new,
        )  # fmt: skip

    def go_on_from(self, first_new: int, until: float) -> int:
        """Enter the points that follow from new ones by structure, and count the new."""
        search, structure = self.search, self.structure
        new, n_to_find = np.arange(first_new, len(search.ends)), structure.n_to_find
        if len(new):
            release(search, new, only_isolated=True)
        self.active_sets.enter(until)
        structure.enter(until)
        n_new = len(search.ends) - first_new
        if structure.falls_apart:  # combinations of known points of blocks are not new
            n_new = structure.n_to_find - n_to_find
        self.is_easy &= n_new == 0
        return n_new

    def batch(self, n: int, n_iters: int, until: float) -> None:
        """Make one batch of starts, under some inputs in turn, and learn from its yield."""
        search, first_new = self.search, len(self.search.ends)
        n_pieces = int(np.clip(n // STARTS_AN_INPUT, 1, len(self.order)))
        conditions = np.take(self.order, self.n_batches + np.arange(n_pieces), mode="wrap")
        self.n_batches += n_pieces
        condition = np.sort(np.resize(conditions, n))
        u, x = search.inputs[condition], np.empty((n, self.problem.n_states))
        kind = np.empty(n, dtype=int)
        for c in np.unique(condition):
            rows = np.flatnonzero(condition == c)
            x[rows], kind[rows] = self.draw(c, len(rows))
        x = np.clip(x, self.problem.lower, self.problem.upper)
        points = Points(x.copy(), u)
        arrived = np.flatnonzero(search.descents.newton(points, n_iters, self.longest))
        self.n_arrived += len(arrived)
        search.n_further += n
        numbers = search.enter_isolated(points.take(arrived), condition[arrived], x[arrived])
        new, first = np.unique(numbers[numbers >= first_new], return_index=True)
        by = kind[arrived[np.flatnonzero(numbers >= first_new)[first]]]
        for i, k in enumerate(self.kinds.values()):
            k.earned.learn(int((kind == i).sum()), int((by == i).sum()))
        n_new = self.go_on_from(first_new, until)
        self.by_starts.learn(n, n_new)
        self.patience.count(n, n_new, self.structure.n_to_find)
        logger.debug(
            "%d further starts: %d arrived, %d new points, by kind %s",
            n, len(arrived), n_new,
            {name: int((by == i).sum()) for i, name in enumerate(self.kinds)},
        )  # fmt: skip

    def draw(self, condition: int, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw starts under an input, ``(n, n_states)``, and the number of the kind of each."""
        known = self.search.ends.x[self.search.ends.isolated(condition)]
        rate = np.array([k.earned.rate * (len(known) >= k.needs) for k in self.kinds.values()])
        share = np.where(rate > 0.0, np.maximum(rate / rate.sum(), LEAST_SHARE), 0.0)
        kind = np.sort(self.rng.choice(len(share), size=n, p=share / share.sum()))
        x = np.empty((n, self.problem.n_states))
        for i, k in enumerate(self.kinds.values()):
            rows = np.flatnonzero(kind == i)
            if len(rows):
                x[rows] = k.draw(len(rows), known, self.search.inputs[condition])
        return x, kind


def _middle(search: fixedpoint_tf.search.search.Search) -> tuple[np.ndarray, np.ndarray]:
    """Return centre and half-widths of the box in which further starts are drawn."""
    region, ends = search.descents.region, search.ends
    seen = np.concatenate([search.start, ends.x[ends.status == Status.FIXED_POINT]])
    lower = np.where(region.guessed_lower, seen.min(axis=0), region.lower)
    upper = np.where(region.guessed_upper, seen.max(axis=0), region.upper)
    # The scale is the size of the states: starts that lie near each other tell no less.
    guessed = region.guessed_lower | region.guessed_upper
    half = np.maximum(0.5 * (upper - lower), np.where(guessed, 1.0, 0.0))
    return 0.5 * (lower + upper), half
