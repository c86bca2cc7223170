"""Coverage of a search by condition, in numbers and in a sentence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.ranges import Agreement
from fixedpoint_tf._utils.results import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Coverage"]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Coverage(Result):
    """Coverage of a search, a row per condition or a row per point.

    By :func:`fixedpoint_tf.analysis.estimate_coverage`.

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
            starts of the same kind would meet, see ``chao1``, or how many are known, where
            these are more. It is no bound of how many there are.
        xstar: ``(n_points, n_states)``, the distinct points, of all conditions.
        counts: ``(n_points,)`` int, starts that ended in each.
        condition: ``(n_points,)`` int, row of ``inputs``.
        member: ``(n_starts,)`` int, the point of each start; -1 elsewhere, -2 no point.
        confidence: confidence level of the bounds.
        of: ``"fixed"`` or ``"all"``, the points asked for.
        n_otherwise: ``(n_conditions,)`` int, points that are known and no start led to.
        interrupted: whether Ctrl-C ended the proofs early: ``n_points_lower`` counts what
            was proved by then.

    Example:
        >>> from fixedpoint_tf import FixedPoints
        >>> from fixedpoint_tf.analysis import estimate_coverage
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
    n_otherwise: np.ndarray | None = None
    interrupted: bool = False

    _axes = {
        "n_conditions": "n_starts n_unfinished n_diverged n_lost n_elsewhere n_points n_once "
        "missing missing_upper missing_reached missing_reached_upper n_points_lower "
        "n_points_estimate n_otherwise",
        "n_conditions n_inputs": "inputs",
        "n_points n_states": "xstar",
        "n_points": "counts condition",
        "n_starts": "member",
    }
    _ranges = {
        "0 inf": "n_starts n_unfinished n_diverged n_lost n_elsewhere n_points n_once "
        "n_points_lower n_points_estimate n_otherwise counts",
        "0 1": "missing missing_upper missing_reached missing_reached_upper confidence",
        "0 <n_conditions": "condition",
        "-2 <n_points": "member",
    }
    _words = {"of": ("fixed", "all")}

    def __post_init__(self) -> None:
        if self.n_otherwise is None:  # of files of older releases
            object.__setattr__(self, "n_otherwise", np.zeros(len(self.n_points), dtype=int))

    def _agreements(self) -> Iterator[Agreement]:
        n = len(self.inputs)
        member, condition = self.member.astype(int), self.condition.astype(int)
        met = np.bincount(member[member >= 0], minlength=len(self.counts))
        yield "counts", self.counts == met, "how often member names each"
        points = np.bincount(condition, minlength=n)
        yield "n_points", self.n_points == points, "those of each condition"
        once = np.bincount(condition[self.counts == 1], minlength=n)
        yield "n_once", self.n_once == once, "those that counts says to be met once"
        n_starts = len(self.member)
        yield "n_starts", self.n_starts.sum() == n_starts, f"a sum of {n_starts}, the starts"

    @property
    def n_known(self) -> np.ndarray:
        """Number of points found by starts or known from elsewhere, ``(n_conditions,)``."""
        return self.n_points + np.asarray(self.n_otherwise)

    def __repr__(self) -> str:
        total = int(self.n_starts.sum())
        if not total:
            return "no starts"
        return self._said(total) + (" (interrupted)" if self.interrupted else "")

    def _said(self, total: int) -> str:
        """Describe the points that the starts met."""
        noun = "fixed point" if self.of == "fixed" else "fixed or slow point"
        n, n_once = int(self.n_points.sum()), int(self.n_once.sum())
        n_known = int(self.n_known.sum())
        where_lost = self._lost()
        if not n:
            ends = [*where_lost]
            if self.n_elsewhere.sum():
                ends.insert(0, f"{int(self.n_elsewhere.sum()):,} ended at slow points")
            known = f", {n_known:,} known from elsewhere" if n_known else ""
            return (
                f"no {noun}s found by {pluralize(total, 'start')} ({', '.join(ends)}){known}: "
                "their number cannot be estimated"
            )
        once = {0: "none by a single start", n: "each by a single start"}
        words = ", " + once.get(n_once, f"{n_once:,} by a single start")
        if n == 1:
            words = ", once" if n_once else ""
        parts = [f"{pluralize(n, noun)} found by {pluralize(total, 'start')}{words}"]
        if n_known > n:
            parts.append(f"{n_known - n:,} more known from elsewhere")
        lower = int(self.n_points_lower.sum())
        if lower:
            parts.append(f"at least {lower:,} {'exists' if lower == 1 else 'exist'} (proved)")
        worst = int(np.argmax(self.missing_upper))
        where = "" if len(self.inputs) == 1 else f" (condition {worst} of {len(self.inputs)})"
        parts.append(
            "estimated chance that one more start of the same kind finds a new point: "
            f"{self.missing[worst]:.2g}, at most {self.missing_upper[worst]:.2g} at "
            f"{100 * self.confidence:g}% confidence{where}, if starts are independent"
        )
        estimate = float(self.n_points_estimate.sum())
        if estimate > n_known + 0.5:
            parts.append(
                f"with many more such starts some {estimate:,.0f} or more are expected"
            )
        if where_lost:
            n_lost = int(self.n_lost.sum())
            each = "it counts" if n_lost == 1 else "each counts"
            parts.append(f"{', '.join(where_lost)}: {each} as a start that led to a new point")
        return "; ".join(parts)

    def _lost(self) -> list[str]:
        """Count the starts that reached no point, by reason."""
        unfinished, diverged = int(self.n_unfinished.sum()), int(self.n_diverged.sum())
        others = int(self.n_lost.sum()) - unfinished - diverged
        words = ("did not converge", "diverged", "ended at no point")
        counts = zip((unfinished, diverged, others), words, strict=True)
        return [f"{pluralize(n, 'start')} {word}" for n, word in counts if n]

    def plot(self, *, fig: Figure | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """Draw the expected number of distinct points among the first ``n`` starts.

        A flat curve means that one more start is unlikely to find a new point. The dashed line
        is Chao's estimate of the number of points that very many such starts would find, where
        it exceeds the number found. With many conditions, the first twelve are drawn.

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
