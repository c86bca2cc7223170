r"""All fixed points of a piecewise-linear network within some of its active sets.

Of ``y = f(V y + c)`` with ReLU units each choice of active ones leaves a linear system, whose
solution is a fixed point where the units that are taken as active have arguments above zero
and the others below. A solution that floating arithmetic leaves at a threshold, or a matrix
that it can't tell from a singular one, is decided in rational arithmetic, which is exact.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf._utils.linalg import inverses_or_nan
from fixedpoint_tf._utils.norms import EPS
from fixedpoint_tf.analysis.completeness.proof.limits import Limits
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear

__all__ = ["TINY", "Roots", "Rectifiers", "all_sets", "solve_active_sets"]

TINY = np.finfo(np.float64).tiny  # covers what underflow can lose in a sum of products
LARGEST = Fraction(float(np.finfo(np.float64).max))  # output of a unit
MOST_EXACT = 2000  # active sets that are decided in rational arithmetic, a millisecond each
MOST_EXACT_UNITS = 64  # in such a system: a second each


@dataclasses.dataclass(frozen=True)
class Rectifiers:
    """Equations ``y = f(V y + c)`` at one constant input, exact numbers.

    Attributes:
        recurrent: ``V``, ``(n, n)``.
        offset: ``c``, rational numbers.
        rectified: ``(n,)`` bool, the other units are linear.
        slope_below: ``(n,)``, slope of ``f`` below the threshold; 0 of a ReLU.
    """

    recurrent: np.ndarray
    offset: list[Fraction]
    rectified: np.ndarray
    slope_below: np.ndarray

    @classmethod
    def of(cls, network: PiecewiseLinear, u: np.ndarray) -> Rectifiers:
        """Put the constant input ``(n_inputs,)`` of a network into the offset."""
        values = [Fraction(float(v)) for v in u]
        offset = []
        for b, row in zip(network.bias, network.from_input, strict=True):
            products = (Fraction(float(k)) * v for k, v in zip(row, values, strict=True))
            offset.append(Fraction(float(b)) + sum(products, Fraction()))
        below = np.broadcast_to(network.slope_below, network.rectified.shape)
        return cls(np.asarray(network.recurrent), offset, network.rectified, below)

    @property
    def n(self) -> int:
        """Number of units."""
        return len(self.offset)

    @property
    def is_homogeneous(self) -> bool:
        """True for an offset of zero, where zero is a fixed point and others form rays."""
        return not any(self.offset)

    @property
    def steepest(self) -> float:
        """The largest slope of the units, at least 1."""
        return float(np.abs(self.slope_below[self.rectified]).max(initial=1.0))

    def offset_interval(self) -> Interval:
        """Enclose the offset, ``(n,)``."""
        c = np.array([float(v) for v in self.offset])
        exact = np.array([Fraction(float(v)) == v for v in self.offset], dtype=bool)
        lower = np.where(exact, c, np.nextafter(c, -np.inf))
        return Interval(lower, np.where(exact, c, np.nextafter(c, np.inf)))

    def slopes(self, active: np.ndarray) -> np.ndarray:
        """Return the slopes of the units within active sets, ``(..., n)`` bool."""
        return np.where(active | ~self.rectified, 1.0, self.slope_below)


@dataclasses.dataclass(frozen=True)
class Roots:
    """Fixed points of the equations within some active sets.

    Attributes:
        y: outputs of the units, ``(m, n)``.
        radius: the largest error of each, ``(m,)``.
        n_open: active sets that are undecided: they hold a continuum of fixed points, or were
            too many or too large for exact arithmetic.
        n_sets: active sets that were looked at.
        timed_out: the deadline ended it.
    """

    y: np.ndarray
    radius: np.ndarray
    n_open: int
    n_sets: int
    timed_out: bool


def all_sets(equations: Rectifiers) -> Iterator[np.ndarray]:
    """Yield every active set, ``(k, n)`` bool at a time."""
    units = np.flatnonzero(equations.rectified)
    for rows in chunks(2 ** len(units), equations.n**2, memory_limit=2.0**27):
        numbers = np.arange(rows.start, rows.stop)
        active = np.ones((len(numbers), equations.n), dtype=bool)
        active[:, units] = (numbers[:, None] >> np.arange(len(units))) & 1
        yield active


def solve_active_sets(
    equations: Rectifiers, sets: Iterator[np.ndarray], limits: Limits
) -> Roots:
    """Find all fixed points within some active sets.

    Args:
        equations: their weights, taken as exact.
        sets: parts ``(k, n)`` bool, no set twice.
        limits: limits of the proof.
    """
    found: list[np.ndarray] = []
    error: list[np.ndarray] = []
    doubtful: list[np.ndarray] = [np.zeros((0, equations.n), dtype=bool)]
    exact: dict[tuple[Fraction, ...], None] = {}
    if equations.is_homogeneous:
        exact[tuple(equations.offset)] = None
    n_sets, n_open, timed_out = 0, 0, False
    for active in sets:
        if limits.are_reached():
            timed_out = True
            break
        with limits.stop:
            y, radius, is_root, is_open = _decide(equations, active)
            n_sets += len(active)
            found.append(y[is_root])
            error.append(radius[is_root])
            doubtful.append(active[is_open])
    timed_out |= limits.stop.came
    left = np.concatenate(doubtful)
    for i, active_set in enumerate(left):
        timed_out |= limits.are_reached()
        root, is_unique = None, False
        if not timed_out and i < MOST_EXACT:
            with limits.stop:
                root, is_unique = _solve_exactly(equations, active_set)
            timed_out |= limits.stop.came
        if timed_out or i >= MOST_EXACT:
            n_open += len(left) - i
            break
        if root is not None and max(map(abs, root), default=0) > LARGEST:
            root, is_unique = None, False  # no number in double precision stands for it
        n_open += 0 if is_unique else 1
        if root is not None:
            exact[tuple(root)] = None
    if exact:  # several active sets hold the same point at their common threshold
        found.append(np.array([[float(v) for v in root] for root in exact]))
        error.append(np.abs(found[-1]).max(axis=1, initial=0.0) * EPS)
    y = np.concatenate([*found, np.zeros((0, equations.n))])
    return Roots(y, np.concatenate([*error, np.zeros(0)]), n_open, n_sets, timed_out)


def _decide(
    equations: Rectifiers, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Solve active sets, and return solutions, errors, roots and undecided sets."""
    V, n, c = equations.recurrent, equations.n, equations.offset_interval()
    slopes = equations.slopes(active)
    matrix = np.eye(n) - slopes[:, :, None] * V
    inverse = inverses_or_nan(matrix)
    middle, width = c.centre, c.radius
    right = slopes * middle
    y = (inverse @ right[..., None])[..., 0]
    slack = 4.0 * (n + 4) * EPS
    size = np.abs(matrix) + np.eye(n)
    # |I - C A| and |C (b - A y)|, rounding included.
    defect = np.abs(np.eye(n) - inverse @ matrix).sum(axis=-1)
    defect += slack * (np.abs(inverse) @ size.sum(axis=-1)[..., None])[..., 0]
    contraction = defect.max(axis=-1) * (1.0 + slack)
    if equations.is_homogeneous:  # zero is the one solution where there is one
        none = np.zeros(len(active), dtype=bool)
        return y, np.zeros(len(active)), none, ~(contraction < 1.0)
    left = np.abs(right - (matrix @ y[..., None])[..., 0])
    left += slack * (np.abs(right) + (size @ np.abs(y)[..., None])[..., 0])
    left += equations.steepest * width + TINY * (1.0 + np.abs(y).sum(axis=1, keepdims=True))
    with np.errstate(all="ignore"):
        radius = (np.abs(inverse) @ left[..., None])[..., 0].max(axis=-1) * (1.0 + slack)
        radius = np.where(contraction < 1.0, radius / (1.0 - contraction), np.inf)
        argument = y @ V.T + middle
        reach = radius[:, None] * np.abs(V).sum(axis=1) * (1.0 + slack) + width
        reach = reach + slack * (np.abs(y) @ np.abs(V).T + np.abs(middle)) + TINY
        right_side = np.where(active, argument, -argument)
        right_side = np.where(equations.rectified, right_side, np.inf)
        known = np.isfinite(radius) & np.isfinite(y).all(axis=1)
        wrong = known & (right_side < -reach).any(axis=1)
        root = known & (right_side > reach).all(axis=1)
    return y, radius * (1.0 + slack), root, ~wrong & ~root


def _solve_exactly(
    equations: Rectifiers, active: np.ndarray
) -> tuple[list[Fraction] | None, bool]:
    """Solve one active set in rational numbers, with False for a possible continuum."""
    n, c = equations.n, equations.offset
    slopes = [Fraction(float(s)) for s in equations.slopes(active)]
    on = [i for i in range(n) if slopes[i] != 0]
    if len(on) > MOST_EXACT_UNITS:
        return None, False
    weights = [[Fraction(float(v)) for v in row] for row in equations.recurrent]
    rows = [
        [Fraction(int(i == j)) - slopes[i] * weights[i][j] for j in on] + [slopes[i] * c[i]]
        for i in on
    ]
    pivots, free = _eliminate(rows, len(on))
    if any(row[-1] != 0 for row in rows[len(pivots) :]):
        return None, True  # a row 0 = b
    if len(free) > 1:
        return None, False
    # The solutions are a point, or a line y + s v.
    y, v = [Fraction(0)] * n, [Fraction(0)] * n
    for k, column in enumerate(pivots):
        y[on[column]] = rows[k][-1]
        if free:
            v[on[column]] = -rows[k][free[0]]
    if free:
        v[on[free[0]]] = Fraction(1)
    low: Fraction | None = None
    high: Fraction | None = None
    for i in np.flatnonzero(equations.rectified):
        sign = 1 if active[i] else -1
        level = sign * (c[i] + sum((weights[i][j] * y[j] for j in on), Fraction()))
        rate = sign * sum((weights[i][j] * v[j] for j in on), Fraction())
        if rate == 0:
            if level < 0:
                return None, True
        elif rate > 0:
            low = -level / rate if low is None else max(low, -level / rate)
        else:
            high = -level / rate if high is None else min(high, -level / rate)
    if not free:
        return y, True
    if low is None or high is None or low < high:
        return None, False
    if low > high:
        return None, True
    return [a + low * b for a, b in zip(y, v, strict=True)], True


def _eliminate(rows: list[list[Fraction]], n_columns: int) -> tuple[list[int], list[int]]:
    """Bring rows to reduced echelon form in place, and return pivot and other columns."""
    pivots: list[int] = []
    for column in range(n_columns):
        k = len(pivots)
        pivot = next((r for r in range(k, len(rows)) if rows[r][column] != 0), None)
        if pivot is None:
            continue
        rows[k], rows[pivot] = rows[pivot], rows[k]
        head = rows[k][column]
        rows[k] = [a / head for a in rows[k]]
        for r in range(len(rows)):
            if r != k and rows[r][column] != 0:
                factor = rows[r][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[k], strict=True)]
        pivots.append(column)
    return pivots, [j for j in range(n_columns) if j not in pivots]
