"""Measures of many networks beside each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf.analysis.comparison.networks import Comparison
from fixedpoint_tf.plotting.style import COLORS

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
    from matplotlib import pyplot

    names = comparison.measures if measures is None else list(measures)
    unknown = [name for name in names if name not in comparison.measures]
    if unknown or not names:
        raise ValueError(
            f"measures: expected some of {comparison.measures}, received {unknown or names}."
        )
    if axes is None:
        figure, grid = pyplot.subplots(
            len(names),
            1,
            sharex=True,
            squeeze=False,
            layout="constrained",
            figsize=(max(3.5, 1.8 + 0.35 * len(comparison)), 0.6 + 1.1 * len(names)),
        )
        panels = grid[:, 0]
    else:
        panels = np.asarray(axes, dtype=object).ravel()
        if len(panels) != len(names):
            raise ValueError(f"axes: expected {len(names)} axes, received {len(panels)}.")
        figure = panels[0].figure
    places = np.arange(len(comparison))
    for panel, name in zip(panels, names, strict=True):
        panel.plot(places, comparison[name], "o", color=COLORS["blue"], markersize=6)
        if (np.nan_to_num(comparison[name]) % 1.0 == 0.0).all():
            panel.yaxis.get_major_locator().set_params(integer=True)
        panel.set_ylabel(name)
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(y=0.15)
        panel.locator_params(axis="y", nbins=4)
    # Long labels, such as files of checkpoints, are turned.
    turned = max(map(len, comparison.labels), default=0) > 4
    panels[-1].set_xticks(places, comparison.labels, rotation=30 if turned else 0)
    for text in panels[-1].get_xticklabels() if turned else ():
        text.set_ha("right")
    panels[-1].set_xlabel("network")
    return figure, panels
