"""Picture of coverage: distinct points against starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.figures import COLORS, legend_above, new_axes, say_if_empty
from fixedpoint_tf.analysis.completeness.coverage_result import Coverage
from fixedpoint_tf.analysis.completeness.estimators import accumulation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_coverage"]

_CYCLE = ("blue", "vermillion", "green", "orange", "purple", "sky blue")
_MOST_LINES = 12  # conditions that are drawn: more lines cannot be distinguished
_MOST_IN_WORDS = 3  # conditions with a sentence of their own in the legend


def plot_coverage(
    coverage: Coverage, *, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the figure that ``Coverage.plot`` describes."""
    from matplotlib.ticker import MaxNLocator

    fig, ax = new_axes(fig, ax, size=(5.5, 4.0))
    n_conditions = len(coverage.inputs)
    shown = range(min(n_conditions, _MOST_LINES))
    top = 1.0
    for c in shown:
        total = int(coverage.n_starts[c])
        n = np.unique(np.geomspace(1, total, 200).astype(int))
        counts = coverage.counts[coverage.condition == c]
        color = COLORS[_CYCLE[c % len(_CYCLE)]]
        found, estimate = int(coverage.n_points[c]), float(coverage.n_points_estimate[c])
        more = estimate > found + 0.05
        if n_conditions > _MOST_IN_WORDS:
            label = f"condition {c}: {found:,}" + (f" (some {estimate:.0f})" if more else "")
        else:
            name = "" if n_conditions == 1 else f"condition {c}: "
            upper = coverage.missing_upper[c]
            label = f"{name}{found:,} found; next start new: at most {upper:.2g}"
            label = label if found else f"{name}none found"
        curve = accumulation(counts, n, total)
        ax.plot(n, curve, color=color, linewidth=1.8, label=label)
        ax.plot(total, found, "o", color=color, markersize=5, clip_on=False)
        if more:
            by_chao = estimate > coverage.n_known[c] + 0.05
            in_words = (
                f"more such starts: {estimate:.1f} or more (Chao)"
                if by_chao
                else f"with those known from elsewhere: {estimate:.0f}"
            )
            ax.axhline(
                estimate,
                color=color,
                linestyle="--",
                linewidth=1.0,
                label=in_words if n_conditions <= _MOST_IN_WORDS else None,
            )
        top = max(top, found, estimate)
    ax.set_xscale("log")
    ax.set_ylim(0.0, 1.08 * top)
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("starts")
    noun = "fixed points" if coverage.of == "fixed" else "fixed and slow points"
    ax.set_ylabel(f"distinct {noun}")
    say_if_empty(ax, n_conditions, "no starts")
    legend_above(ax)
    return fig, ax
