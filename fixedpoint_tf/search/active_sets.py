"""Active sets of a search: the solved ones, and the next ones to solve.

Of networks of few rectified units all sets are solved, of others those beside the sets of known
points: :mod:`.starts.active_sets`. What they give passes the same evidence as any other point.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf.search.solvers.base import Points
from fixedpoint_tf.search.starts.active_sets import (
    MOST_UNITS,
    neighbouring_solutions,
    pieces_of,
    solve_all_sets,
    solve_beside,
)

if TYPE_CHECKING:
    import fixedpoint_tf.search.search

__all__ = ["ActiveSets"]

MOST_INPUTS = 16  # under which all active sets of a network are tried


class ActiveSets:
    """Active sets of one search, none for networks without rectified units.

    Args:
        search: the search; points are entered among its ends.
        rng: source of randomness.
    """

    def __init__(self, search: fixedpoint_tf.search.search.Search, rng: np.random.Generator):
        self.search, self.rng = search, rng
        self.problem = search.descents.widest
        self.pieces = pieces_of(self.problem.system)
        self.n_beside = 0  # end points of which the sets beside theirs were solved
        self.seen: set[tuple[int, bytes]] = set()  # sets, by input

    def draw(self, n: int, known: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Draw starts by sets that differ in few units from those of known points."""
        if self.pieces is None:
            return known[:0]
        natural = self.problem.natural(known)
        x = neighbouring_solutions(self.rng, n, natural, self.pieces, u)
        return (x - self.problem.origin) / self.problem.scale

    def enter(self, until: float) -> None:
        """Enter the fixed points of all active sets, or of those beside new points.

        Args:
            until: time at which to end.
        """
        pieces, inputs, ends = self.pieces, self.search.inputs, self.search.ends
        if pieces is None:
            return
        if pieces.rectified.sum() <= MOST_UNITS and len(inputs) <= MOST_INPUTS:
            if not self.n_beside:
                for c, u in enumerate(inputs):
                    self._enter(solve_all_sets(pieces, u), c)
                self.n_beside = len(ends)
            return
        while self.n_beside < len(ends) and time.monotonic() < until:
            k, self.n_beside = self.n_beside, self.n_beside + 1
            if not ends.isolated()[k]:
                continue
            c = int(ends.condition[k])
            x = self.problem.natural(ends.x[k])
            states, active = solve_beside(pieces, inputs[c], x)
            sets = [(c, row.tobytes()) for row in np.packbits(active, axis=1)]
            new = np.array([one not in self.seen for one in sets], dtype=bool)
            self.seen.update(sets)
            self._enter(states[new], c)

    def _enter(self, states: np.ndarray, condition: int) -> None:
        """Enter the fixed points near states in the units of the network."""
        if not len(states):
            return
        x = (states - self.problem.origin) / self.problem.scale
        x = np.clip(x, self.problem.lower, self.problem.upper)
        conditions = np.full(len(x), condition)
        points = Points(x.copy(), self.search.inputs[conditions])
        self.search.enter_isolated(points, conditions, x)
