"""The distinct places where a search has ended so far."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
from scipy.spatial import cKDTree

from fixedpoint_tf._utils.chunks import ALL_MEMORY
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.selection import select_distinct
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.search.evidence.evidence import Evidence
from fixedpoint_tf.search.merging import crowded, match_located, merge_located
from fixedpoint_tf.search.solvers.base import Points

__all__ = ["DEFAULT_TOL_UNIQUE", "EndPoints", "distinct_ends", "nearest_distance", "place"]

logger = logging.getLogger(__name__)

#: Of FinderConfig, relative to the size of a state: a larger one is a wish.
DEFAULT_TOL_UNIQUE = 1e-3

# Points under different inputs are never the same. Setting them this far apart in one more
# coordinate keeps every search for neighbours within one input.
_APART = 1e6


def place(x: np.ndarray, condition: np.ndarray) -> np.ndarray:
    """Return coordinates in which only points under the same input can be near."""
    return np.column_stack([x, _APART * condition])


CERTAIN = -1  # a fixed point with a distance within which it is the only one


def _sort(status: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Return the status of each point, fixed points that are certain by themselves."""
    certain = (status == Status.FIXED_POINT) & np.isfinite(radius)
    return np.where(certain, CERTAIN, status.astype(int))


class EndPoints:
    """End points in the order in which they were found, a row each in every array.

    Attributes:
        x: ``(k, n_states)``.
        condition: ``(k,)``, the number of the input.
        image: this and the next six as
            :class:`fixedpoint_tf.search.evidence.evidence.Evidence` has them.
        q: see there.
        newton_step: see there.
        n_at_bound: see there.
        singular: see there.
        distance: see there.
        radius: see there.
        located: ``(k,)``, distance to which a fixed point is located: its radius, or what
            rounding leaves open where none is certain; infinite on a continuum.
        dq: of the descent that found it.
        n_iters: of the same.
        status: ``(k,)`` of :class:`Status`.
        source: ``(k,)``, a start under the same input.
        origin: ``(k, n_states)``, the state from which the descent to it began: that start
            itself, unless it was found from between other end points.
        inverses: number of a fixed point to the inverse of its ``J - I``, while the memory
            set aside for them lasts.
    """

    def __init__(self, n_states: int, memory_limit: float):
        self.x = np.zeros((0, n_states))
        self.image = np.zeros((0, n_states))
        self.origin = np.zeros((0, n_states))
        self.q, self.dq, self.newton_step, self.distance = np.zeros((4, 0))
        self.radius, self.located = np.zeros((2, 0))
        self.condition, self.n_iters, self.n_at_bound, self.source = np.zeros((4, 0), int)
        self.status = np.zeros(0, dtype=np.int8)
        self.singular = np.zeros(0, dtype=bool)
        self.inverses: dict[int, np.ndarray] = {}
        self._most_inverses = int(min(memory_limit, ALL_MEMORY) / (8.0 * n_states**2))

    def __len__(self) -> int:
        return len(self.x)

    def isolated(self, condition: int | None = None) -> np.ndarray:
        """Mark the isolated fixed points, of one input or all, ``(n_ends,)``."""
        fixed = (self.status == Status.FIXED_POINT) & ~self.singular
        return fixed if condition is None else fixed & (self.condition == condition)

    def enter(
        self,
        points: Points,
        evidence: Evidence,
        status: np.ndarray,
        condition: np.ndarray,
        source: np.ndarray,
        origin: np.ndarray,
        double: bool,
        locate: Callable[[np.ndarray], np.ndarray],
    ) -> np.ndarray:
        """Enter the end of each descent unless it is known, and return the numbers.

        Fixed points that are certain are the same where the balls meet in which they are
        located; others where they lie nearer than descents end apart.

        Args:
            points: where ``m`` descents ended.
            evidence: about them.
            status: ``(m,)``.
            condition: ``(m,)``.
            source: ``(m,)``.
            origin: ``(m, n_states)``.
            double: whether they were located in double precision.
            locate: gives for some of the rows the distance to which the rounding that is
                measured there locates them. Asked where points crowd or none is certain.
        """
        numbers = np.full(len(points.x), -1)
        sort, sort_known = _sort(status, evidence.radius), _sort(self.status, self.radius)
        for kind in np.unique(sort):
            rows = np.flatnonzero(sort == kind)
            known = np.flatnonzero(sort_known == kind)
            size = np.linalg.norm(points.x[rows], axis=1)
            size = 1.0 + float(np.mean(size, where=np.isfinite(size)))
            # A fixed point is located to rounding, the bottom of a canyon is not.
            is_fixed = kind in (CERTAIN, Status.FIXED_POINT)
            reach = (1e-6 if double and is_fixed else 1e-3) * size
            where = np.nan_to_num(place(points.x[rows], condition[rows]))
            where_known = np.nan_to_num(place(self.x[known], self.condition[known]))
            if kind == CERTAIN:
                radius = evidence.radius[rows]
                same, owner = _tell_apart(where, radius, where_known, self.radius[known])
                kept = np.unique(owner[same < 0])
                near = crowded(where[kept], where_known, reach)
                if near.any():
                    some = np.isin(owner, kept[near])
                    radius[some] = np.maximum(radius[some], locate(rows[some]))
                    evidence.radius[rows] = radius
                    same, owner = _tell_apart(where, radius, where_known, self.radius[known])
            else:
                if kind == Status.DIVERGED or not np.isfinite(size):
                    reach = 0.0
                same, owner = _merge_near(where, evidence.q[rows], where_known, reach)
            fresh = same < 0
            numbers[rows[~fresh]] = known[same[~fresh]]
            kept, which = np.unique(owner[fresh], return_inverse=True)
            numbers[rows[fresh]] = len(self) + which.reshape(-1)
            located = evidence.radius[rows[kept]]
            if kind == Status.FIXED_POINT:
                isolated = ~evidence.singular[rows[kept]]
                located[isolated] = locate(rows[kept[isolated]])
            self.located = np.concatenate([self.located, located])
            self._append(points, evidence, status, condition, source, origin, rows[kept])
        return numbers

    def _append(self, points, evidence, status, condition, source, origin, rows) -> None:
        first = len(self)
        for name, values in (
            ("x", points.x),
            ("dq", points.dq),
            ("n_iters", points.n_iters),
            ("image", evidence.image),
            ("q", evidence.q),
            ("newton_step", evidence.newton_step),
            ("n_at_bound", evidence.n_at_bound),
            ("singular", evidence.singular),
            ("distance", evidence.distance),
            ("radius", evidence.radius),
            ("status", status),
            ("condition", condition),
            ("source", source),
            ("origin", origin),
        ):
            setattr(self, name, np.concatenate([getattr(self, name), values[rows]]))
        if evidence.inverse is None:
            return
        for number, row in enumerate(rows, first):
            room = len(self.inverses) < self._most_inverses
            if room and status[row] == Status.FIXED_POINT:
                self.inverses[number] = evidence.inverse[row].copy()


def _tell_apart(where, radius, known, known_radius) -> tuple[np.ndarray, np.ndarray]:
    """Match points to known ones, and choose one representative of each new one."""
    same = match_located(where, radius, known, known_radius)
    fresh, owner = np.flatnonzero(same < 0), np.full(len(where), -1)
    owner[fresh] = fresh[merge_located(where[fresh], radius[fresh])[1]]
    return same, owner


def _merge_near(where, rank, known, reach: float) -> tuple[np.ndarray, np.ndarray]:
    """Merge points that are one wherever they lie within a distance."""
    same, owner = np.full(len(where), -1), np.full(len(where), -1)
    if len(known):
        distance, near = cKDTree(known).query(where, distance_upper_bound=reach)
        same[np.isfinite(distance)] = near[np.isfinite(distance)]
    fresh = np.flatnonzero(same < 0)
    owner[fresh] = fresh[select_distinct(where[fresh], rank[fresh], reach)[1]]
    return same, owner


def distinct_ends(ends: EndPoints, inputs: np.ndarray, tol_unique: float) -> np.ndarray:
    """Choose the distinct fixed points and slow points.

    Among points nearer than ``tol_unique`` one stands for the others. Isolated fixed points
    that are located apart from each other are kept however near, unless a ``tol_unique``
    above the default asks for a coarser set.

    Args:
        ends: end points of a search.
        inputs: the distinct inputs, ``(m, n_inputs)``.
        tol_unique: relative to the size of the states and inputs.

    Returns:
        Sorted numbers of the end points that are kept.
    """
    numbers = np.flatnonzero(ends.status <= Status.SLOW_POINT)
    fixed = ends.status[numbers] == Status.FIXED_POINT
    # A fixed point stands for the slow points beside it: it comes first in rank.
    rank = np.where(fixed, -1.0, ends.q[numbers])
    u = inputs[ends.condition[numbers]] / _input_size(inputs)
    where = np.hstack([ends.x[numbers], u])
    kept, owner = select_distinct(where, rank, tol_unique)
    distance = np.linalg.norm(ends.x[numbers] - ends.x[numbers[owner]], axis=1)
    located = ends.located[numbers] + ends.located[numbers[owner]]
    apart = fixed & (owner != np.arange(len(numbers))) & (distance > located)
    if not apart.any():
        return numbers[kept]
    if tol_unique <= DEFAULT_TOL_UNIQUE:
        return numbers[np.union1d(kept, np.flatnonzero(apart))]
    logger.warning(
        "tol_unique=%g leaves out %s distinct from the kept points",
        tol_unique,
        pluralize(int(apart.sum()), "fixed point"),
    )
    return numbers[kept]


def _input_size(inputs: np.ndarray) -> np.ndarray:
    """Return the size of each input as a power of two, one where an input is zero."""
    size = np.max(np.abs(inputs), axis=0, initial=0.0)
    return 2.0 ** np.round(np.log2(np.where(size > 0.0, size, 1.0)))


def nearest_distance(points: np.ndarray) -> float:
    """Return the smallest distance between two points, infinity where there are fewer."""
    if len(points) < 2:
        return np.inf
    return float(cKDTree(points).query(points, k=2)[0][:, 1].min())
