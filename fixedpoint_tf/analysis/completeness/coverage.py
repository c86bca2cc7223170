r"""Coverage: estimates of the number of fixed points that a search has missed.

Each start is a draw from an unknown distribution over the points where starts end: their
basins of attraction under the search, weighted by where the starts lie. So the chance that
one more start, drawn like the others, ends in a point not yet seen is the *missing mass*
:math:`M_0` of that sample (Good 1953, Biometrika 40:237). Points in basins that no such start
can reach are outside this question: only other starts find them. A start that reached no point
(it did not converge, ran away, ended far outside) may have missed one: it counts as one that
leads to a point not yet met.

All of this is an estimate from independent starts, and never says that the points are all.
Points that are known from elsewhere, from further starts or a curve, raise the number of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fixedpoint_tf._utils import selection
from fixedpoint_tf._utils.checks import check_choice, check_number, check_seed
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf.analysis.certificates import certify
from fixedpoint_tf.analysis.certificates.proofs import has_closed_form
from fixedpoint_tf.analysis.certificates.same_point import compare_points
from fixedpoint_tf.analysis.completeness.coverage_result import Coverage
from fixedpoint_tf.analysis.completeness.estimators import LOST, chao1, missing_mass_bound
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.at_points import check_one_set
from fixedpoint_tf.systems.convert import system_of

__all__ = ["estimate_coverage"]

#: The label of a start that ended in a point of another kind: a slow one.
ELSEWHERE = -1
COUNTS = (
    "n_starts", "n_unfinished", "n_diverged", "n_lost", "n_elsewhere", "n_points", "n_once",
    "n_otherwise", "n_points_lower",
)  # fmt: skip
CHANCES = (
    "missing", "missing_upper", "missing_reached", "missing_reached_upper", "n_points_estimate",
)  # fmt: skip


def estimate_coverage(
    points: FixedPoints,
    *,
    known: FixedPoints | None = None,
    system: Any = None,
    of: str = "fixed",
    confidence: float = 0.95,
    seed: int = 0,
) -> Coverage:
    """Estimate the chance that one more start finds a new point.

    Conditions (distinct inputs) are estimated separately. Ends nearer than ``tol_unique`` of
    the points are one point, as in :meth:`fixedpoint_tf.FixedPoints.get_unique`.

    The starts must be independent draws from one distribution in each condition, as those
    of ``FixedPointFinder.sample_states`` are; a grid of starts is not random. By default the
    finder gives some starts to known points instead of descending once more
    (``share_descents``), so that the starts depend slightly on each other: switch this off
    where the estimate matters.

    Args:
        points: the second result of :meth:`fixedpoint_tf.FixedPointFinder.find_fixed_points`,
            a row per start, with its ``status``.
        known: points known from elsewhere, such as the first result of the search, which
            includes those of its further starts; they are counted beside the points that starts
            met. Points under inputs that no start had are left out.
        system: the network, as :func:`fixedpoint_tf.as_system` takes it, by which the distinct
            fixed points of cells in closed form are certified, for a lower bound of their
            number. ``finder.estimate_coverage`` passes its own.
        of: ``"fixed"``: fixed points only; ``"all"``: slow points too.
        confidence: confidence level of the upper bounds.
        seed: seed of the random half of the starts that is held out.

    Returns:
        The estimates of each condition.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: sorting the end points; milliseconds for thousands of starts. With a system, the
    certificates of the distinct fixed points.

    Example:
        >>> ends = FixedPoints(
        ...     xstar=np.repeat([[0.0], [1.0], [2.0]], [60, 39, 1], axis=0),
        ...     status=np.zeros(100, int),
        ... )
        >>> estimate_coverage(ends)
        3 fixed points found by 100 starts, 1 by a single start; estimated chance that one more
        start of the same kind finds a new point: 0.01, at most 0.091 at 95% confidence, if
        starts are independent
    """
    _check(points, of, confidence)
    check_seed(seed)
    system = None if system is None else system_of(system)
    inputs = np.zeros((points.n, 0)) if points.inputs is None else points.inputs
    stop = Interruption("points not examined by then are not counted as proved")

    def sort() -> tuple[np.ndarray, ...]:
        conditions, of_start = np.unique(inputs, axis=0, return_inverse=True)
        of_start = of_start.reshape(-1)
        if points.n == 0:
            conditions = conditions[:0]
        member, first = _members(points, inputs, of)
        others = _others(known, points, conditions, first, of_start[first], of)
        return conditions, of_start, member, first, *others

    conditions, condition_of_start, member, first, others, of_others = stop.complete(sort)
    proved: dict[int, int] = {}
    with stop:
        if not stop.came:
            proved = _count_proved(
                system,
                np.concatenate([points.xstar[first], others]),
                conditions,
                np.concatenate([condition_of_start[first], of_others]),
                stop,
            )

    def answer() -> Coverage:
        rng = np.random.default_rng(seed)
        columns: dict[str, list[float]] = {}
        for c in range(len(conditions)):
            labels = member[condition_of_start == c]
            row = _estimates(labels, confidence, rng)
            status = np.asarray(points.status)[condition_of_start == c]
            row["n_unfinished"] = int((status == Status.NOT_CONVERGED).sum())
            row["n_diverged"] = int((status == Status.DIVERGED).sum())
            row["n_otherwise"] = int((of_others == c).sum())
            row["n_points_lower"] = proved.get(c, 0)
            at_least = max(row["n_points"] + row["n_otherwise"], row["n_points_lower"])
            row["n_points_estimate"] = max(row["n_points_estimate"], at_least)
            for name, value in row.items():
                columns.setdefault(name, []).append(value)
        table = {
            name: np.array(columns.get(name, []), np.int64 if name in COUNTS else np.float64)
            for name in (*COUNTS, *CHANCES)
        }
        return Coverage(
            inputs=conditions,
            xstar=points.xstar[first],
            counts=np.bincount(member[member >= 0], minlength=len(first)),
            condition=condition_of_start[first],
            member=member,
            confidence=float(confidence),
            of=of,
            interrupted=stop.came,
            **table,
        )

    return stop.complete(answer)


def _check(points: Any, of: str, confidence: float) -> None:
    """Refuse what is no result of a search with a row per start, and options out of range."""
    check_one_set(points)
    if not isinstance(points, FixedPoints):
        raise TypeError(
            "points: expected a FixedPoints, one row a start, received "
            f"{type(points).__name__}."
        )
    if points.status is None:
        raise ValueError(
            "points: expected a status, which tells where starts ended, received None."
        )
    if points.eigval_J_xstar is not None:
        raise ValueError(
            "points: expected the second result of find_fixed_points, a row a start, received "
            f"{points.n} points with eigenvalues, as the first has them, a row a point."
        )
    check_choice(of, "of", ("fixed", "all"))
    check_number(confidence, "confidence", 0.0, 1.0)
    ended = np.isin(points.status, (Status.FIXED_POINT, Status.SLOW_POINT))
    bad = np.flatnonzero(ended & ~np.isfinite(points.xstar).all(axis=1))
    if len(bad):
        raise ValueError(
            f"points: expected finite states where starts ended at points, received NaN or "
            f"infinity in {len(bad)} of {points.n} rows, first in row {bad[0]}."
        )
    if points.inputs is not None and not np.isfinite(points.inputs).all():
        raise ValueError("points: expected finite inputs, received NaN or infinity.")


def _members(points: FixedPoints, inputs: np.ndarray, of: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each start's point, and the start that stands for each point."""
    status = np.asarray(points.status)
    member = np.where(status > Status.SLOW_POINT, LOST, ELSEWHERE)
    ended = np.flatnonzero(status <= Status.SLOW_POINT)
    place = np.hstack([points.xstar, inputs])[ended]
    q = np.zeros(points.n) if points.qstar is None else points.qstar
    # A fixed point stands for the slow points beside it: it comes first in rank.
    rank = np.where(status[ended] == Status.FIXED_POINT, -1.0, q[ended])
    kept, owner = selection.select_distinct(place, rank, points.tol_unique)
    if of == "fixed":
        kept = kept[status[ended[kept]] == Status.FIXED_POINT]
    number = np.full(len(ended), ELSEWHERE)
    number[kept] = np.arange(len(kept))
    member[ended] = number[owner]
    return member, ended[kept]


def _estimates(
    labels: np.ndarray, confidence: float, rng: np.random.Generator
) -> dict[str, float]:
    """Return the estimates of one condition from the ``labels`` of its starts."""
    _, counts = np.unique(labels[labels >= 0], return_counts=True)
    reached = labels[labels != LOST]
    once, n_lost = int((counts == 1).sum()), len(labels) - len(reached)
    return {
        "n_starts": len(labels),
        "n_lost": n_lost,
        "n_elsewhere": int((labels == ELSEWHERE).sum()),
        "n_points": len(counts),
        "n_once": once,
        "missing": (once + n_lost) / len(labels) if len(labels) else np.nan,
        "missing_upper": missing_mass_bound(labels, confidence, rng),
        "missing_reached": once / len(reached) if len(reached) else np.nan,
        "missing_reached_upper": missing_mass_bound(reached, confidence, rng),
        "n_points_estimate": chao1(counts),
    }


def _others(
    known: FixedPoints | None,
    points: FixedPoints,
    conditions: np.ndarray,
    first: np.ndarray,
    condition: np.ndarray,
    of: str,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the known points that no start led to, and the number of the input of each."""
    nothing = np.zeros((0, points.n_states)), np.zeros(0, dtype=int)
    if known is None:
        return nothing
    _check_known(known, points, conditions)
    last = Status.FIXED_POINT if of == "fixed" else Status.SLOW_POINT
    known = known[np.asarray(known.status) <= last]
    if not known.n or not len(conditions):
        return nothing
    tol = min(points.tol_unique, known.tol_unique)
    states, numbers = [], []
    for c, u in enumerate(conditions):
        given = known.inputs if known.inputs is not None else np.tile(u, (known.n, 1))
        x = known.xstar[(given == u).all(axis=1)]
        place = np.concatenate([points.xstar[first[condition == c]], x])
        n_met = len(place) - len(x)
        # What starts met comes first, and so stands for the known points beside it.
        kept, _ = selection.select_distinct(place, np.arange(len(place)), tol)
        states.append(place[kept[kept >= n_met]])
        numbers.append(np.full(len(states[-1]), c))
    return np.concatenate(states), np.concatenate(numbers)


def _check_known(known: Any, points: FixedPoints, conditions: np.ndarray) -> None:
    """Refuse known points that are not of the system of the starts."""
    if not isinstance(known, FixedPoints):
        raise TypeError(f"known: expected a FixedPoints, received {type(known).__name__}.")
    if known.status is None:
        raise ValueError("known: expected a status, received None.")
    if known.n_states != points.n_states or (
        known.inputs is not None and known.inputs.shape[1] != conditions.shape[1]
    ):
        raise ValueError(
            f"known: expected points of {points.n_states} states and {conditions.shape[1]} "
            f"inputs, as the starts have them, received {known.n_states} and {known.n_inputs}."
        )
    if known.inputs is None and len(conditions) > 1:
        raise ValueError(
            f"known: expected points with inputs beside starts under {len(conditions)} inputs, "
            "received None."
        )


def _count_proved(
    system: Any,
    x: np.ndarray,
    conditions: np.ndarray,
    condition: np.ndarray,
    stop: Interruption,
) -> dict[int, int]:
    """Count the different fixed points that are proved to exist, by condition."""
    if system is None or not len(x):
        return {}
    if not has_closed_form(system):
        return {}
    inputs = conditions[condition]
    answer = certify(system, x, inputs=inputs)
    if answer.interrupted:  # which it has said; what is proved remains a lower bound
        stop.came = True
    radii = answer.existence_radius, answer.uniqueness_radius
    found = {}
    for c in np.unique(condition):
        some = condition == c
        at = x[some], inputs[some], answer.proved[some]
        found[int(c)] = compare_points(*at, *(radius[some] for radius in radii))[2]
    return found
