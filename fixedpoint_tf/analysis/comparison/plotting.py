"""Measures of many networks beside each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.checks import check_names
from fixedpoint_tf._utils.figures import COLORS, panels
from fixedpoint_tf.analysis.comparison.networks import Comparison

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_comparison"]


def plot_comparison(
    comparison: Comparison,
    measures: Iterable[str] | None = None,
    *,
    axes: list[Axes] | None = None,
) -> tuple[Figure, np.ndarray]:
    """Draw the figure that ``Comparison.plot`` describes."""
    names = comparison.measures
    if measures is not None:
        names = check_names(measures, "measures", known=comparison.measures)
    if not names:
        raise ValueError("measures: expected at least one, received none.")
    n = len(names)
    size = (max(4.2, 2.6 + 0.35 * len(comparison)), 1.1 + 0.6 / n)
    figure, grid = panels(axes, n, 1, size=size, sharex=True)
    drawn = grid[:, 0]
    places = np.arange(len(comparison))
    for panel, name in zip(drawn, names, strict=True):
        panel.plot(places, comparison[name], "o", color=COLORS["blue"], markersize=6)
        values = np.nan_to_num(comparison[name])
        panel.margins(y=0.15)
        panel.locator_params(axis="y", nbins=4)
        if (values % 1.0 == 0.0).all():
            panel.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
            if np.ptp(values) == 0.0:  # An axis of counts is no narrower than one.
                panel.set_ylim(values[:1] - 0.6, values[:1] + 0.6)
        panel.set_ylabel(name, rotation="horizontal", ha="right", va="center", labelpad=8)
    figure.align_ylabels(list(drawn))
    # Long labels, such as files of checkpoints, are turned.
    turned = max(map(len, comparison.labels), default=0) > 4
    drawn[-1].set_xticks(places, comparison.labels, rotation=30 if turned else 0)
    for text in drawn[-1].get_xticklabels() if turned else ():
        text.set_ha("right")
    drawn[-1].set_xlabel("network")
    return figure, drawn
