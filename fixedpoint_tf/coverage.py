r"""Have I found them all? What the starts of a search say about the points not yet met.

Each start is a draw from an unknown distribution over the points where starts end: their
basins of attraction under the search, weighted by where the starts lie. So the chance that
one more start, drawn like the others, ends in a point not yet seen is the *missing mass*
:math:`M_0` of that sample (Good 1953, Biometrika 40:237). Points in basins that no such start
can reach are outside this question: only other starts find them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaln
from scipy.stats import beta

from fixedpoint_tf import filters
from fixedpoint_tf.checks import is_number
from fixedpoint_tf.fixed_points import FixedPoints
from fixedpoint_tf.results import Result
from fixedpoint_tf.status import Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Coverage", "accumulation", "chao1", "coverage", "missing_mass_bound"]

#: The label of a start that ended in no point that is counted.
ELSEWHERE = -1
#: The label of a start that did not converge.
UNFINISHED = -2


def chao1(counts: np.ndarray) -> float:
    """Lower bound of the expected number of points, from how often each was met.

    The bias-corrected form of Chao (1984, Scand. J. Stat. 11:265): ``S + (1 - 1/N) f1 (f1 -
    1) / (2 (f2 + 1))`` with ``f1`` points met once and ``f2`` met twice among ``N`` starts.

    Args:
        counts: ``(n_points,)``, positive whole numbers.

    Example:
        >>> chao1(np.array([5, 3, 1, 1]))
        4.9
    """
    n = int(counts.sum())
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    if n == 0:
        return 0.0
    return len(counts) + (1.0 - 1.0 / n) * once * (once - 1) / (2.0 * (twice + 1))


def missing_mass_bound(
    labels: np.ndarray, confidence: float, rng: np.random.Generator, seen: int = 0
) -> float:
    """Upper confidence bound of the chance that one more draw has a label not yet drawn.

    Half of the draws, chosen at random, are held out. Given the others, the number of these
    whose label the others lack is binomial, with the missing mass of the others as its
    chance; its exact upper bound (Clopper & Pearson 1934) bounds that of all draws too, which
    can only be less. Unlike bounds by concentration (McAllester & Schapire 2000) it holds
    for any number of draws and falls as 1/N.

    Args:
        labels: ``(n,)`` whole numbers; those below ``seen`` are never counted as new, except
            :data:`UNFINISHED`, which always is.
        confidence: in (0, 1).
        rng: chooses which half.
        seen: see ``labels``.

    Returns:
        The bound; 1 where there are fewer than two draws.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> missing_mass_bound(np.zeros(200, int), 0.95, rng)
        0.0295
    """
    order = rng.permutation(len(labels))
    kept, held = labels[order[: len(labels) // 2]], labels[order[len(labels) // 2 :]]
    if not len(kept):
        return 1.0
    new = (~np.isin(held, kept) & (held >= seen)) | (held == UNFINISHED)
    n, k = len(held), int(new.sum())
    return 1.0 if k == n else float(beta.ppf(confidence, k + 1, n - k))


def accumulation(counts: np.ndarray, n_starts: np.ndarray, n_total: int) -> np.ndarray:
    """Expected number of distinct points among the first ``n`` of the starts.

    The rarefaction curve, exact over all orders of the starts (Hurlbert 1971, Ecology
    52:577).

    Args:
        counts: ``(n_points,)``, starts that ended in each point.
        n_starts: ``(m,)``, at most ``n_total``.
        n_total: starts in all, those that ended in no point included.

    Example:
        >>> accumulation(np.array([2, 1]), np.array([0, 1, 3]), 3).round(6).tolist()
        [0.0, 1.0, 2.0]
    """
    n = np.asarray(n_starts, dtype=np.float64)[:, None]
    others = n_total - np.asarray(counts, dtype=np.float64)[None, :]
    possible = others >= n

    def log_choose(a, b):
        return gammaln(a + 1.0) - gammaln(b + 1.0) - gammaln(a - b + 1.0)

    misses = np.where(possible, log_choose(np.maximum(others, n), n), -np.inf)
    return (1.0 - np.exp(misses - log_choose(n_total, n))).sum(axis=1)


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Coverage(Result):
    """What :func:`coverage` answers: arrays with a row a condition, or a row a point.

    Attributes:
        inputs: ``(n_conditions, n_inputs)``, the input of each condition.
        n_starts: ``(n_conditions,)`` int, starts.
        n_unfinished: ``(n_conditions,)`` int, of these, starts that did not converge.
        n_elsewhere: ``(n_conditions,)`` int, starts that ended in no point counted here: at
            slow points (where fixed points are asked for), far outside, at infinity.
        n_points: ``(n_conditions,)`` int, distinct points.
        n_once: ``(n_conditions,)`` int, points met by a single start.
        missing: ``(n_conditions,)``, Good-Turing estimate of the chance that one more start
            that ends somewhere ends in a point not yet seen; NaN where none ended.
        missing_upper: ``(n_conditions,)``, its upper confidence bound, see
            :func:`missing_mass_bound`.
        missing_upper_all: ``(n_conditions,)``, the same, with every start that did not
            converge counted as one that led to a new point.
        n_points_lower: ``(n_conditions,)``, Chao's lower bound of the number of points.
        xstar: ``(n_points, n_states)``, the distinct points, of all conditions.
        counts: ``(n_points,)`` int, starts that ended in each.
        condition: ``(n_points,)`` int, row of ``inputs``.
        member: ``(n_starts,)`` int, the point of each start; -1 elsewhere, -2 unfinished.
        confidence: of the bounds.
        of: ``"fixed"`` or ``"all"``, the points asked for.

    Example:
        >>> from fixedpoint_tf import FixedPoints
        >>> ends = FixedPoints(xstar=[[0.0], [0.0], [0.0], [2.0]], status=[0, 0, 0, 0])
        >>> answer = coverage(ends)
        >>> answer.n_points.tolist(), answer.n_once.tolist(), answer.missing.tolist()
        ([2], [1], [0.25])
    """

    inputs: np.ndarray
    n_starts: np.ndarray
    n_unfinished: np.ndarray
    n_elsewhere: np.ndarray
    n_points: np.ndarray
    n_once: np.ndarray
    missing: np.ndarray
    missing_upper: np.ndarray
    missing_upper_all: np.ndarray
    n_points_lower: np.ndarray
    xstar: np.ndarray
    counts: np.ndarray
    condition: np.ndarray
    member: np.ndarray
    confidence: float
    of: str

    def __repr__(self) -> str:
        total = int(self.n_starts.sum())
        if not total:
            return "no starts"
        noun = "fixed point" if self.of == "fixed" else "fixed or slow point"
        n = int(self.n_points.sum())
        worst = int(np.argmax(self.missing_upper))
        where = "" if len(self.inputs) == 1 else f" (condition {worst} of {len(self.inputs)})"
        return (
            f"{n:,} {noun}{'' if n == 1 else 's'} met by {total:,} starts, "
            f"{int(self.n_once.sum()):,} of them once; the chance that one more start meets a "
            f"new one is estimated as {self.missing[worst]:.2g}, below "
            f"{self.missing_upper[worst]:.2g} at {100 * self.confidence:g}% confidence{where}; "
            f"{int(self.n_unfinished.sum()):,} starts unfinished"
        )

    def plot(self, **options: Any) -> tuple[Figure, Axes]:
        """Draws how the number of points grew with the starts.

        See :func:`fixedpoint_tf.plotting.coverage.plot_coverage`.
        """
        from fixedpoint_tf.plotting.coverage import plot_coverage

        return plot_coverage(self, **options)


def coverage(
    points: FixedPoints, *, of: str = "fixed", confidence: float = 0.95, seed: int = 0
) -> Coverage:
    """How much of what the starts can reach has been found.

    Conditions (distinct inputs) are apart. Ends nearer than ``tol_unique`` of the points are
    one point, as in :meth:`FixedPoints.get_unique`.

    The starts must be independent draws from one distribution in each condition, as those
    of ``FixedPointFinder.sample_states`` are; a grid of starts is none. By default the finder
    gives some starts to known points instead of descending once more
    (``share_descents``), so that a start depends a little on the others: switch that off
    where the number matters.

    Args:
        points: the ``all`` of :meth:`FixedPointFinder.find_fixed_points`, a row a start, with
            its ``status``.
        of: ``"fixed"``: fixed points only; ``"all"``: slow points too.
        confidence: of the upper bounds.
        seed: of which half of the starts is held out.

    Returns:
        The estimates of each condition.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: sorting the end points; milliseconds for thousands of starts.

    Example:
        >>> ends = FixedPoints(
        ...     xstar=np.repeat([[0.0], [1.0], [2.0]], [60, 39, 1], axis=0),
        ...     status=np.zeros(100, int),
        ... )
        >>> coverage(ends)
        3 fixed points met by 100 starts, 1 of them once; the chance that one more start meets
        a new one is estimated as 0.01, below 0.091 at 95% confidence; 0 starts unfinished
    """
    if not isinstance(points, FixedPoints):
        raise TypeError(
            f"points must be a FixedPoints, one row a start; got {type(points).__name__}."
        )
    if points.status is None:
        raise ValueError("points must have a status, which tells where starts ended; got None.")
    if points.eigval_J_xstar is not None:
        raise ValueError(
            "points must be the second result of find_fixed_points, a row a start; got "
            f"{points.n} points with eigenvalues, as the first has them, a row a point."
        )
    if of not in ("fixed", "all"):
        raise ValueError(f"of must be 'fixed' or 'all'; got {of!r}.")
    if not is_number(confidence) or not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence must be a number between 0 and 1; got {confidence!r}.")
    rng = np.random.default_rng(seed)
    inputs = np.zeros((points.n, 0)) if points.inputs is None else points.inputs
    conditions, condition_of_start = np.unique(inputs, axis=0, return_inverse=True)
    condition_of_start = condition_of_start.reshape(-1)
    if points.n == 0:
        conditions = conditions[:0]
    member, first = _members(points, inputs, of)
    columns: dict[str, list[float]] = {}
    for c in range(len(conditions)):
        labels = member[condition_of_start == c]
        for name, value in _of_one(labels, confidence, rng).items():
            columns.setdefault(name, []).append(value)
    whole = ("n_starts", "n_unfinished", "n_elsewhere", "n_points", "n_once")
    real = ("missing", "missing_upper", "missing_upper_all", "n_points_lower")
    table = {name: np.array(columns.get(name, []), dtype=np.int64) for name in whole}
    table |= {name: np.array(columns.get(name, []), dtype=np.float64) for name in real}
    return Coverage(
        inputs=conditions,
        xstar=points.xstar[first],
        counts=np.bincount(member[member >= 0], minlength=len(first)),
        condition=condition_of_start[first],
        member=member,
        confidence=float(confidence),
        of=of,
        **table,
    )


def _members(points: FixedPoints, inputs: np.ndarray, of: str) -> tuple[np.ndarray, np.ndarray]:
    """The number of each start's point, and the start that stands for each point."""
    status = np.asarray(points.status)
    member = np.where(status == Status.NOT_CONVERGED, UNFINISHED, ELSEWHERE)
    ended = np.flatnonzero(status <= Status.SLOW_POINT)
    place = np.hstack([points.xstar, inputs])[ended]
    q = np.zeros(points.n) if points.qstar is None else points.qstar
    # A fixed point stands for the slow points beside it: it comes first in rank.
    rank = np.where(status[ended] == Status.FIXED_POINT, -1.0, q[ended])
    kept, owner = filters.thin(place, rank, points.tol_unique)
    if of == "fixed":
        kept = kept[status[ended[kept]] == Status.FIXED_POINT]
    number = np.full(len(ended), ELSEWHERE)
    number[kept] = np.arange(len(kept))
    member[ended] = number[owner]
    return member, ended[kept]


def _of_one(
    labels: np.ndarray, confidence: float, rng: np.random.Generator
) -> dict[str, float]:
    """The row of one condition; ``labels`` are the points of its starts."""
    _, counts = np.unique(labels[labels >= 0], return_counts=True)
    ended = labels[labels != UNFINISHED]
    once = int((counts == 1).sum())
    return {
        "n_starts": len(labels),
        "n_unfinished": len(labels) - len(ended),
        "n_elsewhere": int((labels == ELSEWHERE).sum()),
        "n_points": len(counts),
        "n_once": once,
        "missing": once / len(ended) if len(ended) else np.nan,
        "missing_upper": missing_mass_bound(ended, confidence, rng),
        "missing_upper_all": missing_mass_bound(labels, confidence, rng),
        "n_points_lower": chao1(counts),
    }
