"""Index of the fixed points of a search, as evidence on missing ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf.fixed_points.index import IndexSum, SelfMap, add_signs
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.search.end_points import DEFAULT_TOL_UNIQUE, distinct_ends
from fixedpoint_tf.search.evidence.rounding import state_size
from fixedpoint_tf.systems.differentiation.finite_differences import Differenced
from fixedpoint_tf.systems.kinks.sides import is_smooth

if TYPE_CHECKING:
    from fixedpoint_tf.search.search import Search

__all__ = ["sum_of_ends"]

#: Newton step, relative to the size of a state, of slow points that may be degenerate fixed
#: points: towards those it falls by a third or less in each iteration, and q ends it early.
DEGENERATE = 1e-2
#: Norm of the inverse of J - I, in the units of the search, up to which its sign is certain:
#: at most, of derivatives by differences, and over the rounding of the network.
LARGEST_INVERSE, LARGEST_DIFFERENCED, OF_ROUNDING = 1e5, 1e3, 1e-3


def sum_of_ends(search: Search, on_kink: np.ndarray | None = None) -> IndexSum:
    """Add up the indices of the distinct fixed points that a search has found so far.

    Args:
        search: the search.
        on_kink: numbers of end points that are known to lie on a kink.

    Returns:
        The sums, under each input of the search.
    """
    ends, system = search.ends, search.problem.system
    outliers = np.flatnonzero(ends.status == Status.OUTLIER)
    numbers = distinct_ends(ends, search.inputs, DEFAULT_TOL_UNIQUE)
    numbers = np.concatenate([numbers, outliers])
    fixed = ends.status[numbers] == Status.FIXED_POINT
    sign = np.full(len(numbers), np.nan)
    holds = np.array([SelfMap(str(word)).decides for word in search.self_maps], dtype=bool)
    smooth = is_smooth(system.equations)
    for i in np.flatnonzero(fixed & holds[ends.condition[numbers]]):
        k = int(numbers[i])
        if smooth or np.isfinite(ends.radius[k]):
            sign[i] = _sign(search, k)
    if on_kink is not None:
        sign[np.isin(numbers, on_kink)] = np.nan
    kept = fixed | _may_be_fixed(search, numbers)
    rows = numbers[kept]
    return add_signs(
        sign[kept], ends.condition[rows], fixed[kept], search.inputs, search.self_maps
    )


def _sign(search: Search, k: int) -> float:
    """Return the sign of ``det(I - J)`` at an end point, NaN where it is not certain."""
    inverse = search.ends.inverses.get(k)
    if inverse is None:
        return np.nan
    if k not in search.signs:
        eps = search.descents.eps
        differenced = isinstance(search.problem.system.equations, Differenced)
        largest = LARGEST_DIFFERENCED if differenced else LARGEST_INVERSE
        certain = np.linalg.norm(inverse) < min(largest, OF_ROUNDING / eps)
        certain &= not search.ends.singular[k]  # of a singular one it is a pseudo-inverse
        search.signs[k] = float(np.linalg.slogdet(-inverse)[0]) if certain else np.nan
    return search.signs[k]


def _may_be_fixed(search: Search, numbers: np.ndarray) -> np.ndarray:
    """Mark end points that are no fixed points for certain, and may be some."""
    ends = search.ends
    near = ends.newton_step[numbers] <= DEGENERATE * state_size(ends.x[numbers])
    other = ends.status[numbers] != Status.FIXED_POINT
    return other & near & (ends.q[numbers] <= search.options.tol_q)
