"""Accuracy with which conditions are classified, over time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils import checks, figures
from lfads_tf._utils.checks import seconds_per_bin
from lfads_tf.analysis.comparison_style import style_by_name
from lfads_tf.analysis.separation.result import Separation
from lfads_tf.plotting import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_separation"]


def plot_separation(
    results: Mapping[str, Separation],
    *,
    bin_width: float,
    start: float = 0.0,
    event: float | None = None,
    event_name: str = "target",
    ax: Any = None,
) -> tuple[Figure, Axes]:
    """Draw the share of trials whose condition is classified correctly, bin by bin.

    Bands are a standard error over trials; the dotted line is chance. Accuracy above chance
    before the event comes from rates that were inferred from later bins.

    Args:
        results: of :func:`separate_conditions` by name, over
            the same bins.
        bin_width: width of a bin in seconds.
        start: time of the first bin's beginning in seconds.
        event: time at which the conditions begin to differ, such as that of the target.
        event_name: label of the event.
        ax: axes to draw in.

    Returns:
        The figure and the axes.

    Raises:
        ValueError: nothing to draw, more than seven results, or different numbers of bins.
        TypeError: ``results`` is not a dictionary of results by name.

    Example:
        >>> import numpy as np
        >>> kinds = np.arange(2)
        >>> conditions = np.arange(20) % 2
        >>> told = np.random.default_rng(0).integers(0, 2, (20, 30))
        >>> result = Separation(kinds, conditions, told, 0.5)
        >>> fig, ax = plot_separation({"guessed": result}, bin_width=0.02, event=0.2)
        >>> ax.get_ylabel()
        'accuracy (2 conditions)'
    """
    width = seconds_per_bin(bin_width)
    looks = style_by_name("results", results, Separation)
    checks.check_number(start, "start", low=-np.inf)
    if event is not None:
        checks.check_number(event, "event", low=-np.inf)
    checks.check_text(event_name, "event_name")
    checks.check_axes(ax)
    sizes = {result.predictions.shape[1] for result, _, _ in looks.values()}
    if len(sizes) > 1:
        raise ValueError(
            f"results: expected the same number of bins in all, received {sorted(sizes)}."
        )
    fig, ax_ = figures.new_axes(ax=ax, size=(5.2, 3.6))
    time = style.times(sizes.pop(), width, start)
    for name, (result, color, _) in looks.items():
        accuracy, error = result.accuracy, result.standard_error
        ax_.plot(time, accuracy, color=color, linewidth=1.6, label=name)
        ax_.fill_between(
            time, accuracy - error, accuracy + error, color=color, alpha=0.2, linewidth=0
        )
    first = next(iter(looks.values()))[0]
    grey = figures.COLORS["grey"]
    ax_.axhline(first.chance, color=grey, linestyle=":", linewidth=1.2, label="chance")
    if event is not None:
        ax_.axvline(event, color=grey, linewidth=0.8, zorder=1)
        ax_.annotate(
            event_name,
            (event, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize="small",
            color="0.35",
        )
    ax_.set_ylim(0.0, 1.02)
    ax_.set_xlabel("time (s)")
    ax_.set_ylabel(f"accuracy ({len(first.kinds)} conditions)")
    figures.legend_above(ax_, height=1.07)  # over the name of the event
    return fig, ax_
