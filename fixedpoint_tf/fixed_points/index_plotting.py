"""Sums of indices against the inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.figures import COLORS, legend_above, new_axes, say_if_empty
from fixedpoint_tf.fixed_points.index import IndexStatus, IndexSum

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_index"]

_LOOKS = {
    IndexStatus.PLUS_ONE: ("black", "o", "sum +1"),
    IndexStatus.MISSING: ("vermillion", "X", "points are missing"),
    IndexStatus.UNDETERMINED: ("orange", "s", "undetermined"),
    IndexStatus.NO_THEOREM: ("grey", "D", "no theorem"),
}


def plot_index(
    index: IndexSum, *, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the figure that ``IndexSum.plot`` describes."""
    from matplotlib.ticker import MaxNLocator

    fig, ax = new_axes(fig, ax, size=(5.5, 3.0))
    number = np.arange(len(index.status))
    ax.axhline(1.0, color=COLORS["grey"], linewidth=1.0, linestyle="--")
    for status, (color, marker, label) in _LOOKS.items():
        rows = np.array([one == status for one in index.status], dtype=bool)
        if rows.any():
            ax.plot(number[rows], index.total[rows], marker, color=COLORS[color], label=label)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(x=0.1, y=0.2)
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, -0.4), max(high, 2.4))  # whole numbers beside +1 where all are that
    ax.set_xlabel("input")
    ax.set_ylabel("sum of indices")
    say_if_empty(ax, len(number), "no inputs")
    legend_above(ax)
    return fig, ax
