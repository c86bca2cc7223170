"""Decoded behaviour over dimensions and in single trials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils import checks, figures
from lfads_tf._utils.checks import numbers_or_nan, seconds_per_bin
from lfads_tf.analysis.comparison_style import style_by_name
from lfads_tf.analysis.decoding.dimensions import OverDimensions
from lfads_tf.plotting import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_decoded", "plot_over_dimensions"]

_LINES = (":", "--", "-.")  # of levels


def plot_over_dimensions(
    results: Mapping[str, OverDimensions],
    *,
    levels: Mapping[str, float] | None = None,
    ax: Any = None,
) -> tuple[Figure, Axes]:
    """Draw held-out R^2 against the number of dimensions behaviour is decoded from.

    Lines are means over folds, bands the standard deviation over folds. A curve that rises
    early needs few dimensions.

    Args:
        results: of :func:`decode_over_dimensions` by name.
        levels: R^2 of other decoders by name, as dotted lines, such as that of a Wiener
            filter on all spikes.
        ax: axes to draw in.

    Returns:
        The figure and the axes.

    Raises:
        ValueError: nothing to draw, or more than seven results.
        TypeError: something else than results by name.

    Example:
        >>> import numpy as np
        >>> dimensions = np.array([1, 2, 5, 10])
        >>> r_squared = np.array([[0.3, 0.4], [0.6, 0.7], [0.8, 0.8], [0.8, 0.9]])
        >>> result = OverDimensions(dimensions, r_squared, r_squared)
        >>> fig, ax = plot_over_dimensions({"factors": result}, levels={"Wiener filter": 0.7})
        >>> ax.get_xlabel()
        'dimensions (principal components)'
    """
    looks = style_by_name("results", results, OverDimensions)
    checks.check_mapping(levels, "levels", none=True)
    for level in (levels or {}).values():
        checks.check_number(level, "levels", low=-np.inf)
    if levels is not None and len(levels) > len(_LINES):
        raise ValueError(f"levels: expected at most {len(_LINES)}, received {len(levels)}.")
    checks.check_axes(ax)
    fig, ax_ = figures.new_axes(ax=ax, size=(4.8, 3.4))
    lowest = []
    for name, (result, color, marker) in looks.items():
        mean, sd = result.r_squared, result.fold_r_squared.std(axis=1)
        ax_.plot(
            result.dimensions,
            mean,
            color=color,
            marker=marker,
            markersize=4,
            linewidth=1.6,
            label=name,
        )
        if result.fold_r_squared.shape[1] > 1:
            ax_.fill_between(
                result.dimensions, mean - sd, mean + sd, color=color, alpha=0.2, linewidth=0
            )
        lowest.append(mean.min())
    for (name, level), line in zip((levels or {}).items(), _LINES, strict=False):
        ax_.axhline(
            level, color=figures.COLORS["grey"], linestyle=line, linewidth=1.2, label=name
        )
        lowest.append(level)
    ax_.set_xscale("log")
    most = max(result.dimensions[-1] for result, _, _ in looks.values())
    ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500) if tick <= most]
    ax_.set_xticks(ticks, [str(tick) for tick in ticks])
    ax_.minorticks_off()
    ax_.set_ylim(max(min(0.0, min(lowest)) - 0.02, -0.5), 1.02)
    ax_.set_xlabel("dimensions (principal components)")
    ax_.set_ylabel("held-out R²")
    figures.legend_above(ax_)
    return fig, ax_


def plot_decoded(
    targets: Any,
    predictions: Mapping[str, Any],
    *,
    bin_width: float,
    trials: Any = None,
    dimensions: Any = None,
    names: Any = None,
    start: float = 0.0,
    axes: Any = None,
) -> tuple[Figure, np.ndarray]:
    """Draw decoded behaviour over the measured, in single trials.

    Args:
        targets: measured, ``(n_trials, n_bins, n_targets)``.
        predictions: of the same shape, by name.
        bin_width: width of a bin in seconds.
        trials: trials to draw, one per column; by default four, evenly over the data.
        dimensions: dimensions of behaviour, one a row; by default the first three.
        names: names of all dimensions of behaviour, with their units.
        start: time of the first bin's beginning in seconds.
        axes: axes to draw in, row by row.

    Returns:
        The figure and the axes, ``(n_drawn_dimensions, n_drawn_trials)``.

    Raises:
        ValueError: shapes that differ, trials or dimensions out of range.

    Example:
        >>> import numpy as np
        >>> behavior = np.random.default_rng(0).normal(size=(6, 30, 2)).cumsum(axis=1)
        >>> fig, axes = plot_decoded(behavior, {"LFADS": behavior + 0.5}, bin_width=0.05)
        >>> axes.shape, axes[0, 1].get_title()
        ((2, 4), 'trial 2')
    """
    width = seconds_per_bin(bin_width)
    shape = "(n_trials, n_bins, n_targets)"
    truth = numbers_or_nan(targets, "targets", n_axes=(3,), shape=shape)
    checks.check_number(start, "start", low=-np.inf)
    n_trials, n_bins, n_targets = truth.shape
    drawn = style_by_name("predictions", predictions, None)
    for name, (values, color, marker) in drawn.items():
        array = numbers_or_nan(values, "predictions")
        if array.shape != truth.shape:
            raise ValueError(
                f"predictions: expected shape {truth.shape}, as targets', received "
                f"{array.shape} for {name!r}."
            )
        drawn[name] = array, color, marker
    labels = [f"behavior {i}" for i in range(n_targets)]
    if names is not None:
        labels = checks.check_names(names, "names", unique=False)
    if len(labels) != n_targets:
        raise ValueError(f"names: expected {n_targets}, one a dimension, received {names!r}.")
    columns = style.chosen(
        "trials", trials, n_trials, np.unique(np.linspace(0, n_trials - 1, 4).round())
    )
    rows = style.chosen("dimensions", dimensions, n_targets, range(min(3, n_targets)))
    fig, grid = figures.panels(
        axes, len(rows), len(columns), size=(2.2, 1.6), sharex=True, sharey="row"
    )
    time = style.times(n_bins, width, start)
    for line, dimension in zip(grid, rows, strict=True):
        for panel, trial in zip(line, columns, strict=True):
            for name, (values, color, _) in drawn.items():
                one = values[trial, :, dimension]
                panel.plot(time, one, color=color, linewidth=1.5, label=name)
            panel.plot(time, truth[trial, :, dimension], label="measured", **style.TRUTH)
        line[0].set_ylabel(labels[dimension])
    figures.only_outer_labels(grid, "time (s)")
    for panel, trial in zip(grid[0], columns, strict=True):
        panel.set_title(f"trial {trial}", fontsize="medium")
    figures.legend_above_panels(fig, grid, own=axes is None)
    return fig, grid
