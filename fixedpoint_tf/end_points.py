"""The distinct places where a search has ended so far."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from fixedpoint_tf.evidence import Evidence
from fixedpoint_tf.filters import thin
from fixedpoint_tf.solvers.base import Points
from fixedpoint_tf.status import Status

__all__ = ["EndPoints", "place"]

# Points under different inputs are never the same. Setting them this far apart in one more
# coordinate keeps every search for neighbours within one input.
_APART = 1e6


def place(x: np.ndarray, condition: np.ndarray) -> np.ndarray:
    """Coordinates in which only points under the same input can be near each other."""
    return np.column_stack([x, _APART * condition])


class EndPoints:
    """End points in the order in which they were found, a row each in every array.

    Attributes:
        x: ``(k, n_states)``.
        condition: ``(k,)``, the number of the input.
        image: this and the next four as :class:`fixedpoint_tf.evidence.Evidence` has them.
        q: see there.
        newton_step: see there.
        n_at_bound: see there.
        singular: see there.
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
        self.q, self.dq, self.newton_step = np.zeros((3, 0))
        self.condition, self.n_iters, self.n_at_bound, self.source = np.zeros((4, 0), int)
        self.status = np.zeros(0, dtype=np.int8)
        self.singular = np.zeros(0, dtype=bool)
        self.inverses: dict[int, np.ndarray] = {}
        self._most_inverses = int(memory_limit / (8.0 * n_states**2))

    def __len__(self) -> int:
        return len(self.x)

    def enter(
        self,
        points: Points,
        evidence: Evidence,
        status: np.ndarray,
        condition: np.ndarray,
        source: np.ndarray,
        origin: np.ndarray,
        double: bool,
    ) -> np.ndarray:
        """Enter the end of each descent, unless it is a known one; returns their numbers.

        Args:
            points: where ``m`` descents ended.
            evidence: about them.
            status: ``(m,)``.
            condition: ``(m,)``.
            source: ``(m,)``.
            origin: ``(m, n_states)``.
            double: whether they were located in double precision.
        """
        numbers = np.full(len(points.x), -1)
        for kind in np.unique(status):
            rows = np.flatnonzero(status == kind)
            # A fixed point is located to rounding, the bottom of a shallow canyon is not.
            radius = 1e-6 if double and kind == Status.FIXED_POINT else 1e-3
            size = np.linalg.norm(points.x[rows], axis=1)
            radius *= 1.0 + float(np.mean(size, where=np.isfinite(size)))
            if kind == Status.DIVERGED or not np.isfinite(radius):
                radius = 0.0
            where = np.nan_to_num(place(points.x[rows], condition[rows]))
            known = np.flatnonzero(self.status == kind)
            if len(known):
                tree = cKDTree(np.nan_to_num(place(self.x[known], self.condition[known])))
                distance, near = tree.query(where, distance_upper_bound=radius)
                hit = np.isfinite(distance)
                numbers[rows[hit]] = known[near[hit]]
                rows, where = rows[~hit], where[~hit]
            kept, owner = thin(where, evidence.q[rows], radius)
            new = len(self) + np.arange(len(kept))
            self._append(points, evidence, status, condition, source, origin, rows[kept])
            numbers[rows] = new[np.searchsorted(kept, owner)]
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
