r"""Active sets that can hold a fixed point, where the recurrent weights are of low rank.

With ``V = P Q + E``, ``P`` of ``r`` columns and ``E`` small, the fixed points of :math:`y = f(V
y + c)` have the coordinates :math:`\kappa = Q y = Q f(P \kappa + E y + c)`. They are looked for
as rays: of :math:`(\kappa, t)` with :math:`t \ge 0` the largest entry is one in absolute value,
and :math:`\kappa = Q f(P \kappa + E y + c\,t)`. So the ``2 r + 1`` faces of a cube hold all of
the unbounded space. Each is cut into boxes; a unit whose threshold does not cross a box is
linear there, any other is enclosed by a chord, and the box is thrown away where that linear
system has no solution within it. Where no threshold crosses a box, it names one active set,
which is decided afterwards with all of the weights.
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np

from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf._utils.linalg import inverses_or_nan
from fixedpoint_tf._utils.norms import EPS, gamma
from fixedpoint_tf.analysis.completeness.proof.active_sets import Rectifiers
from fixedpoint_tf.analysis.completeness.proof.limits import Limits

__all__ = ["Candidates", "LowRank"]

LEFT_OUT = 1e-5  # singular values below this share of the largest may be left out
MOST_COORDINATES = 5  # of the low-dimensional space: the number of boxes grows with its power
BATCH = 2**20  # entries of boxes times units at once
N_SHRINKS = 3  # rounds of shrinking before a box is cut
WORTHWHILE = 0.7  # a box that shrinks below this share of its width is not yet cut
SMALL = 1e-7  # width of a box that lies at thresholds, to rounding
MOST_AT_THRESHOLD = 12  # units there: each choice of active ones is a candidate
MOST_CANDIDATES = 100_000  # active sets that are then solved, some ten microseconds each


@dataclasses.dataclass(frozen=True)
class Candidates:
    """Active sets that can hold fixed points.

    Attributes:
        active: ``(m, n)`` bool, each once. No other active set holds any.
        n_boxes: boxes that were looked at.
        n_open: boxes in which too many thresholds meet.
        timed_out: a limit ended it.
    """

    active: np.ndarray
    n_boxes: int
    n_open: int
    timed_out: bool


class LowRank:
    """Equations in the coordinates of their low-dimensional space.

    Args:
        equations: with ``rank`` columns and rows that nearly make up the weights.
        rank: rank of the weights, nearly.

    Attributes:
        is_near: what is left out is small enough to be enclosed.
    """

    def __init__(self, equations: Rectifiers, rank: int):
        self.equations, self.rank = equations, rank
        V, n = equations.recurrent, equations.n
        c = equations.offset_interval()
        left = np.linalg.svd(V, full_matrices=False)[0][:, :rank]
        Q = left.T @ V
        # A power of two in each coordinate, which is exact, makes them of the size of c.
        reach = np.abs(Q) @ (c.size + c.size.max(initial=0.0))
        reach = np.where(reach > 0.0, reach, np.maximum(reach.max(initial=0.0), 1.0))
        scale = 2.0 ** np.ceil(np.log2(reach))
        P = left * scale
        self.Q = Q / scale[:, None]
        rest = (Interval.at(V) - Interval.at(P).matmul(self.Q)).size.sum(axis=1)
        g = equations.steepest
        self.is_near = bool(g * rest.max(initial=0.0) < 0.25)
        # The last column is that of t; without an offset all is a cone, and t is left out.
        columns = [P] if equations.is_homogeneous else [P, c.centre[:, None]]
        self.A = np.concatenate(columns, axis=1)
        self.size = np.abs(self.A)
        most = self.size.sum(axis=1) + c.radius
        self.left_out = 2.0 * g * most.max(initial=0.0) * rest * (1.0 + 1e-9) + c.radius
        self.left_out = self.left_out + gamma(8 * rank + 32) * most + np.finfo(float).tiny
        whole = np.abs(self.Q) @ (most + self.left_out)
        self.rounding = 16.0 * gamma(n + 4 * rank + 16) * (g * whole + 1.0)
        self.products = (self.Q.T[:, :, None] * self.A[:, None, :]).reshape(n, -1)

    @classmethod
    def of(cls, equations: Rectifiers) -> LowRank | None:
        """Return the coordinates of equations, None if their rank is not low."""
        values = np.linalg.svd(equations.recurrent, compute_uv=False)
        rank = int((values > LEFT_OUT * values.max(initial=0.0)).sum())
        if not 0 < rank <= min(MOST_COORDINATES, equations.n - 1):
            return None
        network = cls(equations, rank)
        return network if network.is_near else None

    def candidates(self, limits: Limits) -> Candidates:
        """List the active sets that can hold fixed points.

        Args:
            limits: limits of the proof.
        """
        n = self.equations.n
        batch = max(16, BATCH // n)
        stack = [self._faces()]
        found: set[bytes] = set()
        n_boxes, n_open, timed_out = 0, 0, False
        while stack:
            lower, upper = stack.pop()
            if limits.are_reached(n_boxes):
                timed_out = True
                break
            if len(found) > MOST_CANDIDATES:
                n_open += 1
                break
            if len(lower) > batch:
                stack.append((lower[batch:], upper[batch:]))
                lower, upper = lower[:batch], upper[:batch]
            n_boxes += len(lower)
            with limits.stop:
                lower, upper, low, high = self._shrink(lower, upper)
                if not len(lower):
                    continue
                mixed = (low < 0.0) & (high > 0.0) & self.equations.rectified
                n_mixed = mixed.sum(axis=1)
                small = (upper - lower).max(axis=1) < SMALL
                # Cutting helps no unit that only what is left out keeps from being decided.
                moves = mixed & ((upper - lower) @ self.size.T > self.left_out)
                stuck = small | ~moves.any(axis=1)
                done = (n_mixed == 0) | (stuck & (n_mixed <= MOST_AT_THRESHOLD))
                n_open += int((small & ~done).sum())
                for i in np.flatnonzero(done):
                    found |= self._sets_at(low[i] >= 0.0, mixed[i])
                rest = ~done & ~small
                if rest.any():
                    lower, upper = self._cut(lower[rest], upper[rest], mixed[rest])
                    if stack and len(stack[-1][0]) + len(lower) <= batch:
                        last = stack.pop()
                        lower = np.concatenate([last[0], lower])
                        upper = np.concatenate([last[1], upper])
                    stack.append((lower, upper))
        timed_out |= limits.stop.came
        rows = np.array([np.frombuffer(one, dtype=np.uint8) for one in sorted(found)])
        active = np.unpackbits(rows, axis=1, count=n) if len(rows) else np.zeros((0, n))
        return Candidates(active.astype(bool), n_boxes, n_open, timed_out)

    def _faces(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the faces of the cube that every ray crosses, with ``t`` from zero on."""
        k = self.A.shape[1]
        lower, upper = [], []
        for j, side in itertools.product(range(k), (-1.0, 1.0)):
            low, high = -np.ones(k), np.ones(k)
            if k > self.rank:
                low[-1] = 0.0
            low[j] = high[j] = side
            if j < self.rank or side > 0.0:
                lower.append(low)
                upper.append(high)
        return np.array(lower), np.array(upper)

    def _sets_at(self, active: np.ndarray, mixed: np.ndarray) -> set[bytes]:
        """Name the active sets of a box, those of its undecided units in all ways."""
        units = np.flatnonzero(mixed)
        active = active | ~self.equations.rectified
        sets = np.repeat(active[None], 2 ** len(units), axis=0)
        sets[:, units] = (np.arange(len(sets))[:, None] >> np.arange(len(units))) & 1
        return {row.tobytes() for row in np.packbits(sets, axis=1)}

    def _cut(
        self, lower: np.ndarray, upper: np.ndarray, mixed: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Halve boxes along the coordinate that moves their undecided units most."""
        rows = np.arange(len(lower))
        moves = (mixed.astype(np.float64) @ self.size + np.finfo(float).tiny) * (upper - lower)
        widest = moves.argmax(axis=1)
        middle = 0.5 * (lower[rows, widest] + upper[rows, widest])
        first, second = upper.copy(), lower.copy()
        first[rows, widest] = middle
        second[rows, widest] = middle
        return np.concatenate([lower, second]), np.concatenate([first, upper])

    def _shrink(self, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, ...]:
        """Shrink boxes to where fixed points can be, and give the arguments of units there."""
        for _ in range(N_SHRINKS):
            low, high = self._arguments(lower, upper)
            new_lower, new_upper = self._solve(lower, upper, low, high)
            keep = (new_lower <= new_upper).all(axis=1)
            before = (upper - lower)[keep]
            lower, upper = new_lower[keep], new_upper[keep]
            after = upper - lower
            if not len(lower) or not (after < WORTHWHILE * before).any(axis=1).mean() > 0.2:
                break
        return lower, upper, *self._arguments(lower, upper)

    def _arguments(self, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Enclose the arguments of the units over boxes, ``(m, n)``."""
        centre = 0.5 * (lower + upper)
        radius = np.maximum(upper - centre, centre - lower) * (1.0 + 4.0 * EPS)
        middle = centre @ self.A.T
        spread = radius @ self.size.T + self.left_out
        return middle - spread, middle + spread

    def _solve(
        self, lower: np.ndarray, upper: np.ndarray, low: np.ndarray, high: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Intersect boxes with the solutions of their linear systems."""
        r, k = self.rank, self.A.shape[1]
        rectified, below = self.equations.rectified, self.equations.slope_below
        inside = rectified & (low < 0.0) & (high > 0.0)
        width = np.where(inside, high - low, 1.0)
        chord = np.where(inside, (high - below * low) / width, 1.0)
        chord = np.where(rectified & (high <= 0.0), below, chord)
        # f(z) - chord z is 0 at the threshold and the same at both ends.
        end = np.where(inside, np.maximum(high, 0.0) - chord * high, 0.0)
        centre = 0.5 * (lower + upper)
        radius = np.maximum(upper - centre, centre - lower) * (1.0 + 4.0 * EPS)
        L = -(chord @ self.products).reshape(-1, r, k)
        L[:, np.arange(r), np.arange(r)] += 1.0
        right = 0.5 * end @ self.Q.T - (L @ centre[..., None])[..., 0]
        spread = (0.5 * np.abs(end) + np.abs(chord) * self.left_out) @ np.abs(self.Q).T
        spread = spread * (1.0 + gamma(len(chord[0]) + 8)) + self.rounding
        # L d = right +- spread, |d| <= radius.
        reach = (np.abs(L) @ radius[..., None])[..., 0]
        possible = (np.abs(right) <= (spread + reach) * (1.0 + 1e-12)).all(axis=1)
        free = np.argsort(radius == 0.0, axis=1, kind="stable")[:, :r]  # all but one
        square = np.take_along_axis(L, free[:, None, :], axis=2)
        with np.errstate(all="ignore"):
            C = inverses_or_nan(square)
            slack = 8.0 * (r + 8) * EPS
            defect = np.abs(np.eye(r) - C @ square)
            defect = defect + slack * (np.abs(C) @ np.abs(square) + np.eye(r))
            own = np.take_along_axis(radius, free, axis=1)
            # The coordinates that are not free: one, of radius zero, unless all are small.
            others = reach - (np.abs(square) @ own[..., None])[..., 0]
            spread = spread + np.maximum(others, 0.0) + slack * (np.abs(right) + reach)
            d = (C @ right[..., None])[..., 0]
            about = (np.abs(C) @ spread[..., None])[..., 0] * (1.0 + slack)
            about = about + (defect @ own[..., None])[..., 0] * (1.0 + slack)
            about = about + slack * np.abs(d) + 4.0 * EPS
        middle = np.take_along_axis(centre, free, axis=1)
        new_lower, new_upper = lower.copy(), upper.copy()
        low_free = np.fmax(np.take_along_axis(lower, free, axis=1), middle + d - about)
        high_free = np.fmin(np.take_along_axis(upper, free, axis=1), middle + d + about)
        np.put_along_axis(new_lower, free, low_free, axis=1)
        np.put_along_axis(new_upper, free, high_free, axis=1)
        new_lower[~possible, 0] = np.inf
        return new_lower, new_upper
