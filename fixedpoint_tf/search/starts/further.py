"""Further starts of a search, between and beside known fixed points."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.linalg import inverses
from fixedpoint_tf.search.descents import CANDIDATE_Q
from fixedpoint_tf.search.solvers import forward
from fixedpoint_tf.search.solvers.base import Points
from fixedpoint_tf.systems.kinks.sides import is_smooth

if TYPE_CHECKING:
    import fixedpoint_tf.search.search

__all__ = ["explore", "leap", "release"]

N_RELEASED = 32  # new fixed points that are left on both sides, at most
N_EXPLORE = 64  # pairs of fixed points whose midpoints are tried, at least
ASIDE = 1e-2  # distance from a fixed point, relative to its size, of a state to run on from
PAIRS_A_POINT = 4  # the same for each fixed point that is known
MOST_PAIRS = 512  # of points a round from the second round on, a bound on the work
EXPLORE_ROUNDS = 16  # at most, a bound on the work: rounds end by themselves before
N_COMPARED = 16  # states at which Jacobians are compared with those nearby
NEARBY = 1e-4  # distance of the latter, relative to each state
SAME = 1e-12  # change of a Jacobian that is none
MOST_LEAPING = 1024  # starts from which full Newton steps are taken, at most
LEAP_ENTRIES = 2**18  # entries of their Jacobians, at most
LEAP_SCALES = (1.0, 10.0, 1.0, 100.0)  # by which the starts are multiplied in turn
LEAPS = 24  # full Newton steps of each
LANDED = 1e-9  # residual, relative to the size of the state, of a state that has arrived
MOST_FRUITLESS = 1  # rounds without a new point after one with some; the first ends it at once


def explore(search: fixedpoint_tf.search.search.Search, *, patient: bool) -> None:
    """Search from between and beside known fixed points under the same input.

    Between two attractors lies a saddle, often one that few starts lead to; and where parts
    of a network are bistable by themselves, what tells two points apart, added to a third,
    leads to a fourth.

    Args:
        search: a search that has settled; new points are entered among its ends.
        patient: go on after a first round without a new point.
    """
    fruitless = 0 if patient else MOST_FRUITLESS
    for k in range(EXPLORE_ROUNDS):
        n_known = len(search.ends)
        a, b = _pairs(search, N_EXPLORE if k == 0 else MOST_PAIRS)
        if not len(a):
            break
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
            release(search, np.arange(n_known, len(search.ends)))
        else:
            fruitless += 1
        if fruitless > MOST_FRUITLESS:
            break


def _is_piecewise_linear(search: fixedpoint_tf.search.search.Search) -> bool:
    """Test whether Jacobians stay the same nearby, for cells without saturating gates."""
    problem = search.descents.widest
    if is_smooth(problem.system.equations):
        return False
    x, u = search.start[:N_COMPARED], search.points.u[:N_COMPARED]
    aside = NEARBY * search.rng.normal(size=x.shape) * (1.0 + np.abs(x))
    first, second = (problem.jacobian_at(h, u) for h in (x, x + aside))
    change = np.abs(second - first).max(axis=(1, 2), initial=0.0)
    return bool(np.median(change) <= SAME * (1.0 + np.abs(first).max(initial=0.0)))


def leap(search: fixedpoint_tf.search.search.Search) -> bool:
    """Take full Newton steps from some starts of a network that is linear within regions.

    However far a step leads, it ends where its region would have its fixed point: there, or
    in another region, from which the next one leads on (Eisenmann, Monfared, Goring &
    Durstewitz 2023, "Bifurcations and loss jumps in RNN training", for the same walk from
    region to region).

    Args:
        search: a search that has settled; new points are entered among its ends.

    Returns:
        True if the network is such a one; of others no step is taken.
    """
    if not _is_piecewise_linear(search):
        return False
    problem = search.descents.widest
    most = min(MOST_LEAPING, max(1, LEAP_ENTRIES // problem.n_states**2))
    chosen = np.resize(search.rng.permutation(len(search.start)), most)
    origin = search.start[chosen]
    u = search.points.u[chosen]
    x = origin * np.resize(LEAP_SCALES, most)[:, None]
    lands = np.zeros(most, dtype=bool)
    for _ in range(LEAPS):
        moving = np.flatnonzero(~lands & np.isfinite(x).all(axis=1))
        if not len(moving):
            break
        r = problem.residual_at(x[moving], u[moving]).astype(np.float64)
        A = problem.jacobian_at(x[moving], u[moving]).astype(np.float64)
        finite = np.isfinite(A).all(axis=(1, 2)) & np.isfinite(r).all(axis=1)
        x[moving[~finite]] = np.inf
        moving, r, A = moving[finite], r[finite], A[finite]
        if not len(moving):
            break
        inverse, singular = inverses(A)
        size = 1.0 + np.linalg.norm(x[moving], axis=1)
        rests = (np.linalg.norm(r, axis=1) < LANDED * size) & ~singular
        lands[moving] = rests
        x[moving[~rests]] -= np.einsum("nij,nj->ni", inverse[~rests], r[~rests])
    rests = np.flatnonzero(lands)
    if len(rests):
        search.enter_new(Points(x[rests], u[rests]), chosen[rests], origin[rests])
    return True


def release(
    search: fixedpoint_tf.search.search.Search,
    numbers: np.ndarray,
    *,
    only_isolated: bool = False,
) -> None:
    """Run forward from both sides of new fixed points, and enter where that ends.

    From a saddle that leads to attractors, of which it may be the only trace.

    Args:
        search: a search.
        numbers: numbers of the new points among its ends.
        only_isolated: leave out what is one of a continuum.
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
    entered = search.enter_new(
        points, source[rests], origin[rests], only_isolated=only_isolated
    )
    search.reached.update(entered[entered >= 0].tolist())


def _pairs(
    search: fixedpoint_tf.search.search.Search, most: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw pairs of isolated fixed points under the same input."""
    fixed = np.flatnonzero(search.ends.isolated())
    if len(fixed) < 2:
        return fixed[:0], fixed[:0]
    most = int(np.clip(PAIRS_A_POINT * len(fixed), N_EXPLORE, most))
    i, j = search.rng.integers(len(fixed), size=(2, 8 * most))
    pairs = np.unique(np.sort(np.column_stack([fixed[i], fixed[j]]), axis=1), axis=0)
    a, b = search.rng.permutation(pairs).T
    same = (a != b) & (search.ends.condition[a] == search.ends.condition[b])
    return a[same][:most], b[same][:most]
