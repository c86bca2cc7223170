"""Structure of a network, from which known fixed points lead to others without a search.

The mirror image, where the network is odd; images under permutations and signs of its units
that commute with it; combinations of what independent blocks do. The weights show the last
two, the first is tested for any network. Nothing of it is taken on trust: symmetries are held
against the network at states, and what they lead to passes the same evidence as any point.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from fixedpoint_tf.search.end_points import place
from fixedpoint_tf.search.solvers.base import Points
from fixedpoint_tf.search.starts.products import Products
from fixedpoint_tf.search.starts.symmetries import may_permute, signed_permutations
from fixedpoint_tf.systems.cells.couplings import Couplings
from fixedpoint_tf.systems.cells.curvature import as_arrays
from fixedpoint_tf.systems.cells.equations import CellEquations
from fixedpoint_tf.systems.cells.registry import is_builtin

if TYPE_CHECKING:
    import fixedpoint_tf.search.search

__all__ = ["Structure", "couplings_of"]

N_STATES = 8  # at which a symmetry is tested
ROUNDINGS = 64.0  # by which the two sides may then differ
AT_ONCE = 1024  # candidates that are entered together
MOST_BETWEEN = 4096  # candidates between two batches of starts; the others come at the end
MOST_INPUTS = 64  # under which permutations are looked for
WEAK = 1e-4  # share of the largest coupling, below which blocks may nearly be independent
EXACT_REACH = 1e-9  # of the size of the states: coordinates of a block that are one
WEAK_REACH = 1e-2  # the same where the other blocks shift them

Symmetry = Callable[[np.ndarray], np.ndarray]


def couplings_of(search: fixedpoint_tf.search.search.Search) -> Couplings | None:
    """Return the couplings between a network's units, or None if unknown."""
    system = search.problem.system
    equations = system.equations
    if (
        system.time != "discrete"
        or not isinstance(equations, CellEquations)
        or not is_builtin(equations)
    ):
        return None
    return equations.couplings(as_arrays(system.weights("float64")))


class Structure:
    """Structure of the network of one search, and which of its points it was applied to.

    Args:
        search: the search; points are entered among its ends.
        rng: source of randomness.
    """

    def __init__(self, search: fixedpoint_tf.search.search.Search, rng: np.random.Generator):
        self.search, self.rng = search, rng
        self.problem = search.descents.widest
        self.couplings = couplings_of(search)
        self.blocks, self.are_exact = self._find_blocks()
        # An input may tell units apart that the weights do not, and not the other way round.
        self.may_permute = self.couplings is not None and may_permute(self.couplings)
        self.products: dict[int, Products] = {}
        self.symmetries: dict[int, list[Symmetry]] = {}
        self.n_added = 0
        self.left = np.zeros((0, self.problem.n_states)), np.zeros(0, dtype=int)

    @property
    def falls_apart(self) -> bool:
        """Test for independent blocks, exactly so."""
        return self.are_exact and len(self.blocks) > 1

    @property
    def n_to_find(self) -> int:
        """Number of known points that needed a search, added up over independent blocks."""
        if self.falls_apart:
            return sum(p.n_coordinates for p in self.products.values())
        return int(self.search.ends.isolated().sum())

    @property
    def n_left(self) -> int:
        """Number of candidates that were not entered."""
        return len(self.left[0]) + self._n_combinations()

    def _n_combinations(self) -> int:
        """Count the combinations left, where many count only for exact blocks."""
        left = [p.n_left for p in self.products.values()]
        return sum(n for n in left if self.are_exact or n <= MOST_BETWEEN)

    def enter(self, until: float, most: int = MOST_BETWEEN) -> None:
        """Enter what the structure makes of the known points.

        Args:
            until: time at which to end.
            most: candidates at most.
        """
        self._note_new()
        while self.n_left and most > 0 and time.monotonic() < until:
            n = min(AT_ONCE, most)
            x, condition = self.left
            self.left = x[n:], condition[n:]
            x, condition = x[:n], condition[:n]
            if not len(x):
                if self._n_combinations() > most:
                    break  # those of many blocks come at the end
                x, condition = self._combinations(n)
            if not len(x):
                break
            most -= len(x)
            u = self.search.inputs[condition]
            points = Points(np.clip(x, self.problem.lower, self.problem.upper), u)
            self.search.enter_isolated(points, condition, x)
            self._note_new()

    def _combinations(self, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Take combinations of blocks under the first input that has some left."""
        for condition, products in self.products.items():
            x = products.take(self.rng, n)
            if len(x):
                return x, np.full(len(x), condition)
        return np.zeros((0, self.problem.n_states)), np.zeros(0, dtype=int)

    def _note_new(self) -> None:
        """Note new isolated points with their blocks and images."""
        ends, first = self.search.ends, self.n_added
        new = first + np.flatnonzero(self.search.ends.isolated()[first:])
        self.n_added = len(ends)
        conditions = np.unique(ends.condition[new])
        self._find_symmetries(conditions)
        states, numbers = [self.left[0]], [self.left[1]]
        for c in conditions:
            mine = ends.x[new[ends.condition[new] == c]]
            if len(self.blocks) > 1:
                if c not in self.products:
                    reach = EXACT_REACH if self.are_exact else WEAK_REACH
                    self.products[c] = Products(self.blocks, reach)
                self.products[c].add(mine)
            for image in self.symmetries[c]:
                states.append(image(mine))
                numbers.append(np.full(len(mine), c))
        self.left = self._without_known(np.concatenate(states), np.concatenate(numbers))

    def _without_known(
        self, x: np.ndarray, condition: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Leave out candidates that are known points, or each other."""
        if not len(x):
            return x, condition
        rows = self.search.ends.isolated()
        known = place(self.search.ends.x[rows], self.search.ends.condition[rows])
        where = place(x, condition)
        near = EXACT_REACH * (1.0 + np.abs(x).max())
        away = cKDTree(known).query(where, distance_upper_bound=near)[0] > near
        _, first = np.unique(where.round(9), axis=0, return_index=True)
        kept = np.sort(first[away[first]])
        return x[kept], condition[kept]

    def _find_blocks(self) -> tuple[list[np.ndarray], bool]:
        """Find the states of each block, nearly independent where none is so exactly."""
        if self.couplings is None:
            return [], True
        blocks, are_exact = self.couplings.blocks(), True
        if len(blocks) == 1:
            largest = float(np.abs(self.couplings.kernel).max())
            blocks, are_exact = self.couplings.blocks(WEAK * largest), False
        unit = self.couplings.unit
        return [np.flatnonzero(np.isin(unit, units)) for units in blocks], are_exact

    def _find_symmetries(self, conditions: np.ndarray) -> None:
        """Find the symmetries of the network under inputs, each tested at some states."""
        new = np.array([c for c in conditions if c not in self.symmetries], dtype=int)
        if not len(new):
            return
        for c, is_odd in zip(new, self._commutes(np.negative, new), strict=True):
            self.symmetries[c] = [self._in_units_of_search(np.negative)] if is_odd else []
        couplings = self.couplings
        if couplings is None or not self.may_permute:
            return
        for c in new[: max(0, MOST_INPUTS - (len(self.symmetries) - len(new)))]:
            for p in signed_permutations(couplings, self.search.inputs[c]):
                image = functools.partial(p.of_states, couplings)
                if self._commutes(image, np.array([c]))[0]:
                    self.symmetries[c].append(self._in_units_of_search(image))

    def _in_units_of_search(self, image: Symmetry) -> Symmetry:
        scale, origin = self.problem.scale, self.problem.origin
        return lambda x: (image(origin + scale * x) - origin) / scale

    def _commutes(self, image: Symmetry, conditions: np.ndarray) -> np.ndarray:
        """Test at some states whether the residual of the image is the image of it."""
        search, scale = self.search, self.problem.scale
        n = len(conditions)
        x = search.start[self.rng.integers(len(search.start), size=N_STATES * n)]
        number = np.repeat(conditions, N_STATES)
        r = search.residual(x, number)
        there = search.residual(self._in_units_of_search(image)(x), number)
        apart = np.abs(image(scale * r) / scale - there).reshape(n, -1).max(axis=1)
        size = (1.0 + np.abs(x) + np.abs(r)).reshape(n, -1).max(axis=1)
        return apart <= ROUNDINGS * search.descents.eps * size
