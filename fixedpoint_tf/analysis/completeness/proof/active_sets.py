r"""All fixed points of a ReLU network, one active set after another.

Of ``x = f(V x + c)`` with ReLU units each choice of active ones leaves a linear system, whose
solution is a fixed point where the units that are taken as active have arguments above zero
and the others below. A solution that floating arithmetic leaves at a threshold, or a matrix
that it can't tell from a singular one, is decided in rational arithmetic, which is exact.
"""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf._utils.norms import EPS
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear

__all__ = ["MOST_RECTIFIED", "solve_active_sets"]

MOST_RECTIFIED = 20  # ReLU units: a million active sets, half a minute
MOST_EXACT = 2000  # active sets that are decided in rational arithmetic, a millisecond each


def solve_active_sets(
    network: PiecewiseLinear, u: np.ndarray, deadline: float
) -> tuple[np.ndarray, np.ndarray, int, bool]:
    """Find all fixed points of a network of at most ``MOST_RECTIFIED`` ReLU units.

    Args:
        network: its weights, taken as exact.
        u: the constant input, ``(n_inputs,)``.
        deadline: of ``time.monotonic()``.

    Returns:
        The fixed points ``(m, n)``; the largest error of each, ``(m,)``; how many active sets
        are undecided, since they hold a continuum of fixed points or were too many for exact
        arithmetic; and whether the deadline ended the search.
    """
    V, n = network.recurrent, len(network.bias)
    offset = _exact_offset(network, u)
    c = Interval(
        np.array([np.nextafter(float(v), -np.inf) for v in offset]),
        np.array([np.nextafter(float(v), np.inf) for v in offset]),
    )
    units = np.flatnonzero(network.rectified)
    found: list[np.ndarray] = []
    error: list[np.ndarray] = []
    doubtful: list[np.ndarray] = []
    for rows in chunks(2 ** len(units), n * n, memory_limit=2.0**27):
        if time.monotonic() > deadline:
            return _joined(found, error, n), np.concatenate([*error, []]), 0, True
        numbers = np.arange(rows.start, rows.stop)
        active = np.ones((len(numbers), n), dtype=bool)
        active[:, units] = (numbers[:, None] >> np.arange(len(units))) & 1
        x, radius, is_root, is_open = _decide(V, c, active, network.rectified)
        found.append(x[is_root])
        error.append(radius[is_root])
        doubtful.append(active[is_open])
    sets = np.concatenate(doubtful)
    n_open: int = max(0, len(sets) - MOST_EXACT)  # of those not decided by floating arithmetic
    exact: dict[tuple[Fraction, ...], None] = {}
    for active_set in sets[:MOST_EXACT]:
        if time.monotonic() > deadline:
            return _joined(found, error, n), np.concatenate(error), len(sets), True
        root, is_unique = _solve_exactly(V, offset, active_set, network.rectified)
        n_open += 0 if is_unique else 1
        if root is not None:
            exact[tuple(root)] = None
    if exact:  # several active sets hold the same point at their common threshold
        found.append(np.array([[float(v) for v in root] for root in exact]))
        error.append(np.abs(found[-1]).max(axis=1) * EPS)
    return _joined(found, error, n), np.concatenate(error), n_open, False


def _joined(found: list[np.ndarray], error: list[np.ndarray], n: int) -> np.ndarray:
    return np.concatenate([*found, np.zeros((0, n))])


def _exact_offset(network: PiecewiseLinear, u: np.ndarray) -> list[Fraction]:
    """The bias and the part of the input, as rational numbers."""
    values = [Fraction(float(v)) for v in u]
    offset = []
    for b, row in zip(network.bias, network.from_input, strict=True):
        products = (Fraction(float(k)) * v for k, v in zip(row, values, strict=True))
        offset.append(Fraction(float(b)) + sum(products, Fraction()))
    return offset


def _decide(
    V: np.ndarray, c: Interval, active: np.ndarray, rectified: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Solve some active sets; give the solutions, their errors, roots, and undecided sets."""
    n = len(V)
    matrix = np.eye(n) - active[:, :, None] * V
    try:
        inverse = np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        inverse = np.stack([_inverse(m) for m in matrix])
    middle, width = c.centre, c.radius
    right = active * middle
    x = (inverse @ right[..., None])[..., 0]
    slack = 4.0 * (n + 4) * EPS
    size = np.abs(matrix)
    # |I - C A| and |C (b - A x)|, rounding included.
    defect = np.abs(np.eye(n) - inverse @ matrix) + slack * (np.abs(inverse) @ size)
    contraction = defect.sum(axis=-1).max(axis=-1)
    left = np.abs(right - (matrix @ x[..., None])[..., 0])
    left += slack * (np.abs(right) + (size @ np.abs(x)[..., None])[..., 0]) + width
    radius = (np.abs(inverse) @ left[..., None])[..., 0].max(axis=-1) * (1.0 + slack)
    with np.errstate(all="ignore"):
        radius = np.where(contraction < 1.0, radius / (1.0 - contraction), np.inf)
    argument = x @ V.T + middle
    reach = radius[:, None] * np.abs(V).sum(axis=1) * (1.0 + slack) + width
    reach = reach + slack * (np.abs(x) @ np.abs(V).T + np.abs(middle))
    right_side = np.where(active, argument, -argument)
    right_side = np.where(rectified, right_side, np.inf)
    known = np.isfinite(radius) & np.isfinite(x).all(axis=1)
    wrong = known & (right_side < -reach).any(axis=1)
    root = known & (right_side > reach).all(axis=1)
    return x, radius, root, ~wrong & ~root


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse of a matrix; NaN where there is none."""
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError:
        return np.full_like(matrix, np.nan)


def _solve_exactly(
    V: np.ndarray, c: list[Fraction], active: np.ndarray, rectified: np.ndarray
) -> tuple[list[Fraction] | None, bool]:
    """Solve one active set in rational numbers.

    Returns:
        The fixed point, or None; and False where the set may hold a continuum of them.
    """
    n = len(c)
    weights = [[Fraction(float(v)) for v in row] for row in V]
    on = np.flatnonzero(active)
    rows = [[Fraction(int(i == j)) - weights[i][j] for j in on] + [c[i]] for i in on]
    for k in range(len(on)):
        pivot = next((r for r in range(k, len(on)) if rows[r][k] != 0), None)
        if pivot is None:
            return None, _has_no_solution(rows, k)
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for r in range(len(on)):
            if r != k and rows[r][k] != 0:
                factor = rows[r][k] / rows[k][k]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[k], strict=True)]
    x = [Fraction(0)] * n
    for k, unit in enumerate(on):
        x[unit] = rows[k][-1] / rows[k][k]
    for i in range(n):
        if not rectified[i]:
            continue
        argument = c[i] + sum((weights[i][j] * x[j] for j in on), Fraction())
        if (argument < 0) if active[i] else (argument > 0):
            return None, True
    return x, True


def _has_no_solution(rows: list[list[Fraction]], k: int) -> bool:
    """Test the rest of a singular system, from column ``k`` on, for a row ``0 = b``."""
    return any(all(v == 0 for v in row[:-1]) and row[-1] != 0 for row in rows[k:])
