"""Search from between and beside the fixed points that are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf.descents import CANDIDATE_Q
from fixedpoint_tf.solvers import forward
from fixedpoint_tf.solvers.base import Points
from fixedpoint_tf.status import Status

if TYPE_CHECKING:
    from fixedpoint_tf.search import Search

__all__ = ["explore"]

N_RELEASED = 32  # new fixed points that are left on both sides, at most
N_EXPLORE = 64  # pairs of fixed points whose midpoints are tried, at least
ASIDE = 1e-2  # distance from a fixed point, relative to its size, of a state to run on from
PAIRS_A_POINT = 4  # the same for each fixed point that is known
MOST_PAIRS = 512
EXPLORE_ROUNDS = 16  # at most
MOST_FRUITLESS = 1  # rounds without a new point after one with some; the first ends it at once


def explore(search: Search) -> None:
    """Search from between and beside known fixed points under the same input.

    Between two attractors lies a saddle, often one that few starts lead to; and where
    parts of a network are bistable by themselves, what tells two points apart, added to
    a third, leads to a fourth.

    Args:
        search: a search that has settled; new points are entered among its ends.
    """
    fruitless = MOST_FRUITLESS
    for k in range(EXPLORE_ROUNDS):
        n_known = len(search.ends)
        a, b = _pairs(search, N_EXPLORE if k == 0 else MOST_PAIRS)
        if not len(a):
            return
        x = search.ends.x
        source, origin = search.ends.source[a], 0.5 * (x[a] + x[b])
        if k % 2:
            third = search.rng.permutation(b)
            same = search.ends.condition[third] == search.ends.condition[a]
            origin[same] = (x[a] + x[b] - x[third])[same]
        points = Points(origin.copy(), search.inputs[search.ends.condition[a]])
        search.descents.coarse(points, only_fixed=True, problem=search.descents.widest)
        near = points.q <= CANDIDATE_Q
        search.enter_new(points.take(near), source[near], origin[near])
        if len(search.ends) > n_known:
            fruitless = 0
            _release(search, np.arange(n_known, len(search.ends)))
        else:
            fruitless += 1
        if fruitless > MOST_FRUITLESS:
            return


def _release(search: Search, numbers: np.ndarray) -> None:
    """Run forward from both sides of new fixed points, and enter where that ends.

    From a saddle that leads to attractors, of which it may be the only trace.
    """
    numbers = numbers[~search.ends.singular[numbers]][:N_RELEASED]
    if not len(numbers):
        return
    x = search.ends.x[numbers]
    aside = search.rng.normal(size=x.shape)
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    aside *= ASIDE * (1.0 + np.linalg.norm(x, axis=1, keepdims=True))
    origin = np.concatenate([x + aside, x - aside])
    source = np.tile(search.ends.source[numbers], 2)
    u = search.inputs[np.tile(search.ends.condition[numbers], 2)]
    x, moves = forward.settle(search.descents.widest, origin, u)
    size = 1.0 + np.abs(np.nan_to_num(x)).max(axis=1)
    rests = np.flatnonzero(np.isfinite(x).all(axis=1) & (moves < 1e-3 * size))
    points = Points(x[rests], u[rests])
    search.reached.update(search.enter_new(points, source[rests], origin[rests]))


def _pairs(search: Search, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Some pairs of isolated fixed points under the same input, at random.

    Between points of one line attractor lies only more of the line.
    """
    fixed = np.flatnonzero((search.ends.status == Status.FIXED_POINT) & ~search.ends.singular)
    if len(fixed) < 2:
        return fixed[:0], fixed[:0]
    most = int(np.clip(PAIRS_A_POINT * len(fixed), N_EXPLORE, most))
    i, j = search.rng.integers(len(fixed), size=(2, 8 * most))
    pairs = np.unique(np.sort(np.column_stack([fixed[i], fixed[j]]), axis=1), axis=0)
    a, b = search.rng.permutation(pairs).T
    same = (a != b) & (search.ends.condition[a] == search.ends.condition[b])
    return a[same][:most], b[same][:most]
