r"""Coverage: estimates of the fixed points that the starts of a search have not met.

Each start is a draw from an unknown distribution over the points where starts end: their
basins of attraction under the search, weighted by where the starts lie. So the chance that
one more start, drawn like the others, ends in a point not yet seen is the *missing mass*
:math:`M_0` of that sample (Good 1953, Biometrika 40:237). Points in basins that no such start
can reach are outside this question: only other starts find them. A start that reached no point
(it did not converge, ran away, ended far outside) may have missed one: it counts as one that
leads to a point not yet met.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import gammaln
from scipy.stats import beta

from fixedpoint_tf._utils import selection
from fixedpoint_tf._utils.checks import check_number, check_seed
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.analysis.certificates import certify
from fixedpoint_tf.analysis.certificates.proofs import has_closed_form
from fixedpoint_tf.analysis.certificates.same_point import compare_points
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.at_points import check_one_set
from fixedpoint_tf.systems.convert import as_system

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Coverage", "accumulation", "chao1", "estimate_coverage", "missing_mass_bound"]

#: The label of a start that ended in a point of another kind: a slow one.
ELSEWHERE = -1
#: The label of a start that reached no point.
LOST = -2


def chao1(counts: np.ndarray) -> float:
    """Estimate the number of points that very many such starts meet, rather too low.

    It is a lower bound of the *expected* number, and none of the number that exist. The
    bias-corrected form of Chao (1984, Scand. J. Stat. 11:265): ``S + (1 - 1/N) f1 (f1 -
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
            :data:`LOST`, which always is.
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
    new = (~np.isin(held, kept) & (held >= seen)) | (held == LOST)
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
    """Coverage of a search, by :func:`estimate_coverage`: a row a condition, or a row a point.

    Attributes:
        inputs: ``(n_conditions, n_inputs)``, the input of each condition.
        n_starts: ``(n_conditions,)`` int, starts.
        n_unfinished: ``(n_conditions,)`` int, of these, starts that did not converge.
        n_diverged: ``(n_conditions,)`` int, starts that ran away to infinity.
        n_lost: ``(n_conditions,)`` int, starts that reached no point: those two, and those
            that ended where states move on, or far from all initial states.
        n_elsewhere: ``(n_conditions,)`` int, starts that ended at slow points, where fixed
            points are asked for.
        n_points: ``(n_conditions,)`` int, distinct points.
        n_once: ``(n_conditions,)`` int, points met by a single start.
        missing: ``(n_conditions,)``, Good-Turing estimate of the chance that one more start
            of the same kind leads to a point not yet met, where every start that reached no
            point counts as one that did; NaN without starts.
        missing_upper: ``(n_conditions,)``, its upper confidence bound, see
            ``missing_mass_bound``.
        missing_reached: ``(n_conditions,)``, the estimate among the starts that reached a
            point, as if the others did not matter; NaN where none did.
        missing_reached_upper: ``(n_conditions,)``, its upper confidence bound.
        n_points_lower: ``(n_conditions,)`` int, how many different fixed points are proved to
            exist, see :func:`fixedpoint_tf.analysis.certify`; 0 where nothing is proved, as of
            a function of the user's own, or where no system was given.
        n_points_estimate: ``(n_conditions,)``, estimate of how many points very many more
            starts of the same kind would meet, see ``chao1``. It is no bound of how many
            there are.
        xstar: ``(n_points, n_states)``, the distinct points, of all conditions.
        counts: ``(n_points,)`` int, starts that ended in each.
        condition: ``(n_points,)`` int, row of ``inputs``.
        member: ``(n_starts,)`` int, the point of each start; -1 elsewhere, -2 no point.
        confidence: of the bounds.
        of: ``"fixed"`` or ``"all"``, the points asked for.

    Example:
        >>> from fixedpoint_tf import FixedPoints
        >>> ends = FixedPoints(xstar=[[0.0], [0.0], [0.0], [2.0]], status=[0, 0, 0, 0])
        >>> answer = estimate_coverage(ends)
        >>> answer.n_points.tolist(), answer.n_once.tolist(), answer.missing.tolist()
        ([2], [1], [0.25])
    """

    inputs: np.ndarray
    n_starts: np.ndarray
    n_unfinished: np.ndarray
    n_diverged: np.ndarray
    n_lost: np.ndarray
    n_elsewhere: np.ndarray
    n_points: np.ndarray
    n_once: np.ndarray
    missing: np.ndarray
    missing_upper: np.ndarray
    missing_reached: np.ndarray
    missing_reached_upper: np.ndarray
    n_points_lower: np.ndarray
    n_points_estimate: np.ndarray
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
        n, n_once = int(self.n_points.sum()), int(self.n_once.sum())
        where_lost = self._lost()
        if not n:
            ends = [*where_lost]
            if self.n_elsewhere.sum():
                ends.insert(0, f"{int(self.n_elsewhere.sum()):,} ended at slow points")
            return (
                f"no {noun}s met by {pluralize(total, 'start')} ({', '.join(ends)}): how many "
                "there are cannot be estimated"
            )
        once = {0: "none of them once", n: "each of them once"}
        words = ", " + once.get(n_once, f"{n_once:,} of them once")
        if n == 1:
            words = ", once" if n_once else ""
        parts = [f"{pluralize(n, noun)} met by {pluralize(total, 'start')}{words}"]
        lower = int(self.n_points_lower.sum())
        if lower:
            parts.append(f"at least {lower:,} {'exists' if lower == 1 else 'exist'} (proved)")
        worst = int(np.argmax(self.missing_upper))
        where = "" if len(self.inputs) == 1 else f" (condition {worst} of {len(self.inputs)})"
        parts.append(
            f"one more start of the same kind meets a new one with an estimated chance of "
            f"{self.missing[worst]:.2g}, at most {self.missing_upper[worst]:.2g} at "
            f"{100 * self.confidence:g}% confidence{where}"
        )
        estimate = float(self.n_points_estimate.sum())
        if estimate > n + 0.5:
            parts.append(
                f"many more of the same starts would meet some {estimate:,.0f} or more"
            )
        if where_lost:
            n_lost = int(self.n_lost.sum())
            each = "it counts" if n_lost == 1 else "each counts"
            parts.append(f"{', '.join(where_lost)}: {each} as one that led to a new point")
        return "; ".join(parts)

    def _lost(self) -> list[str]:
        """Count the starts that reached no point, by reason."""
        unfinished, diverged = int(self.n_unfinished.sum()), int(self.n_diverged.sum())
        others = int(self.n_lost.sum()) - unfinished - diverged
        words = ("did not converge", "ran away", "ended at no point")
        counts = zip((unfinished, diverged, others), words, strict=True)
        return [f"{pluralize(n, 'start')} {word}" for n, word in counts if n]

    def plot(self, *, fig: Figure | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """Draw the expected number of distinct points among the first ``n`` starts.

        A curve that has become flat says that one more start will hardly meet a new point. The
        dashed line is Chao's estimate of how many points very many such starts would meet,
        where it lies above what was found. With many conditions, the first twelve are drawn.

        Args:
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Example:
            >>> from fixedpoint_tf import FixedPoints
            >>> from fixedpoint_tf.analysis import estimate_coverage
            >>> xstar = np.repeat([[0.0], [1.0]], [9, 3], axis=0)
            >>> ends = FixedPoints(xstar=xstar, status=[0] * 12)
            >>> fig, ax = estimate_coverage(ends).plot()
            >>> ax.get_xlabel()
            'starts'
        """
        from fixedpoint_tf.analysis.completeness.coverage_plotting import plot_coverage

        return plot_coverage(self, fig=fig, ax=ax)


def estimate_coverage(
    points: FixedPoints,
    *,
    system: Any = None,
    of: str = "fixed",
    confidence: float = 0.95,
    seed: int = 0,
) -> Coverage:
    """Estimate how much of what the starts can reach has been found.

    Conditions (distinct inputs) are apart. Ends nearer than ``tol_unique`` of the points are
    one point, as in :meth:`fixedpoint_tf.FixedPoints.get_unique`.

    The starts must be independent draws from one distribution in each condition, as those
    of ``FixedPointFinder.sample_states`` are; a grid of starts is none. By default the finder
    gives some starts to known points instead of descending once more
    (``share_descents``), so that a start depends a little on the others: switch that off
    where the number matters.

    Args:
        points: the second result of :meth:`fixedpoint_tf.FixedPointFinder.find_fixed_points`,
            a row a start, with its ``status``.
        system: the network, as :func:`fixedpoint_tf.as_system` takes it: then the distinct
            fixed points of cells in closed form are certified, which gives the lower bound of
            their number. ``finder.estimate_coverage`` gives its own.
        of: ``"fixed"``: fixed points only; ``"all"``: slow points too.
        confidence: of the upper bounds.
        seed: of which half of the starts is held out.

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
        3 fixed points met by 100 starts, 1 of them once; one more start of the same kind meets
        a new one with an estimated chance of 0.01, at most 0.091 at 95% confidence
    """
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
    if of not in ("fixed", "all"):
        raise ValueError(f"of: expected 'fixed' or 'all', received {of!r}.")
    check_number(confidence, "confidence", 0.0, 1.0)
    rng = np.random.default_rng(check_seed(seed))
    ended = np.isin(points.status, (Status.FIXED_POINT, Status.SLOW_POINT))
    bad = np.flatnonzero(ended & ~np.isfinite(points.xstar).all(axis=1))
    if len(bad):
        raise ValueError(
            f"points: expected finite states where starts ended at points, received NaN or "
            f"infinity in {len(bad)} of {points.n} rows, first in row {bad[0]}."
        )
    if points.inputs is not None and not np.isfinite(points.inputs).all():
        raise ValueError("points: expected finite inputs, received NaN or infinity.")
    inputs = np.zeros((points.n, 0)) if points.inputs is None else points.inputs
    conditions, condition_of_start = np.unique(inputs, axis=0, return_inverse=True)
    condition_of_start = condition_of_start.reshape(-1)
    if points.n == 0:
        conditions = conditions[:0]
    member, first = _members(points, inputs, of)
    proved = _count_proved(system, points[first], inputs[first], condition_of_start[first])
    columns: dict[str, list[float]] = {}
    for c in range(len(conditions)):
        labels = member[condition_of_start == c]
        for name, value in _of_one(labels, confidence, rng).items():
            columns.setdefault(name, []).append(value)
        status = np.asarray(points.status)[condition_of_start == c]
        for name, which in (
            ("unfinished", Status.NOT_CONVERGED),
            ("diverged", Status.DIVERGED),
        ):
            columns.setdefault(f"n_{name}", []).append(int((status == which).sum()))
        columns.setdefault("n_points_lower", []).append(proved.get(c, 0))
    whole = [
        "n_starts",
        "n_unfinished",
        "n_diverged",
        "n_lost",
        "n_elsewhere",
        "n_points",
        "n_once",
    ]
    whole += ["n_points_lower"]
    real = ["missing", "missing_upper", "missing_reached", "missing_reached_upper"]
    real += ["n_points_estimate"]
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


def _of_one(
    labels: np.ndarray, confidence: float, rng: np.random.Generator
) -> dict[str, float]:
    """The row of one condition; ``labels`` are the points of its starts."""
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


def _count_proved(
    system: Any, points: FixedPoints, inputs: np.ndarray, condition: np.ndarray
) -> dict[int, int]:
    """Count the different fixed points that are proved to exist, by condition."""
    if system is None or not points.n:
        return {}
    system = as_system(system)
    if not has_closed_form(system):
        return {}
    answer = certify(system, points.xstar, inputs=inputs)
    if answer.interrupted:
        raise KeyboardInterrupt
    radii = answer.existence_radius, answer.uniqueness_radius
    found = {}
    for c in np.unique(condition):
        some = condition == c
        at = points.xstar[some], inputs[some], answer.proved[some]
        found[int(c)] = compare_points(*at, *(radius[some] for radius in radii))[2]
    return found
