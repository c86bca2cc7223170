"""Choice of points: rows of an index, distinct points, points that coincide with one."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.checks import (
    ArgumentIndexError,
    ArgumentTypeError,
    shown,
    unmasked,
)
from fixedpoint_tf._utils.selection import select_distinct

if TYPE_CHECKING:
    from fixedpoint_tf.fixed_points.points import FixedPoints

__all__ = ["distinct_rows", "find_point", "rows_at"]


def rows_at(index: Any, n: int) -> slice | np.ndarray:
    """Return the rows of an index of ``n`` points, one row for an int."""
    if isinstance(index, slice):
        try:
            index.indices(n)
        except (TypeError, ValueError) as error:
            raise ArgumentTypeError(
                f"index: expected a slice of whole numbers, received {shown(index)}."
            ) from error
        return index
    if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
        i = operator.index(index)
        if not -n <= i < n:
            raise IndexError(f"index: expected one of {n} points, received {i}.")
        i %= n
        return slice(i, i + 1)
    try:
        rows = np.asarray(unmasked(index))
    except Exception as error:  # lists of unequal length, or an array of another library
        raise ArgumentTypeError(
            f"index: expected whole numbers, received {shown(index)}."
        ) from error
    if rows.size == 0 and rows.dtype != bool:
        rows = rows.astype(int)
    if rows.ndim != 1 or rows.dtype.kind not in "biu":
        raise TypeError(
            "index: expected an int, a slice, a boolean mask of shape "
            f"(n={n},) or a list of ints, received {index!r}."
        )
    if rows.dtype == bool and len(rows) != n:
        raise ArgumentIndexError(
            f"index: expected a boolean mask of shape (n={n},), received {rows.shape}."
        )
    outside = rows[:0] if rows.dtype == bool else rows[(rows < -n) | (rows >= n)]
    if len(outside):
        raise ArgumentIndexError(f"index: expected some of {n} points, received {outside[0]}.")
    return rows


def distinct_rows(points: FixedPoints) -> np.ndarray:
    """Find the rows of finite points that are distinct to within ``tol_unique``."""
    place = points.xstar
    if points.inputs is not None:
        place = np.hstack([place, points.inputs])
    finite = np.flatnonzero(np.isfinite(place).all(axis=1))
    q = np.zeros(points.n) if points.qstar is None else points.qstar
    kept, _ = select_distinct(place[finite], q[finite], points.tol_unique)
    return finite[kept]


def find_point(points: FixedPoints, point: FixedPoints) -> np.ndarray:
    """Find the rows of the points within ``tol_unique`` of one point."""
    if (point.n, point.n_states) != (1, points.n_states):
        raise ValueError(
            f"point: expected one point with n_states={points.n_states}, "
            f"received {point.n} with n_states={point.n_states}."
        )
    difference = points.xstar - point.xstar
    if points.inputs is not None and point.inputs is not None:
        if points.inputs.shape[1] != point.inputs.shape[1]:
            raise ValueError(
                f"point: expected inputs of width {points.inputs.shape[1]}, "
                f"received {point.inputs.shape[1]}."
            )
        difference = np.hstack([difference, points.inputs - point.inputs])
    return np.flatnonzero(np.linalg.norm(difference, axis=1) <= points.tol_unique)
