"""Inferred inputs over time, of single trials or on average, with events marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils import checks, figures
from lfads_tf._utils.checks import seconds_per_bin
from lfads_tf.plotting import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_inferred_inputs"]


def plot_inferred_inputs(
    inferred: Any,
    *,
    bin_width: float,
    conditions: Any = None,
    event_bins: Any = None,
    trials: Any = None,
    start: float = 0.0,
    cyclic: bool = False,
    axes: Any = None,
) -> tuple[Figure, np.ndarray]:
    """Draw what the controller fed to the generator.

    Without ``trials``: the mean and standard deviation over trials of the posterior means,
    one panel per input, one colour per condition; of more than three conditions the mean
    alone. If events come at different times in different trials, the trials are aligned to
    them first, and bins that fewer than half of a condition's trials reach are left out.
    With ``trials``: these trials, one per column, with the posterior's mean and standard
    deviation.

    Inferred inputs have no unit, sign or size of their own.

    Args:
        inferred: a result of inference, or posterior means of the inferred inputs,
            ``(n_trials, n_bins, n_inferred_inputs)``.
        bin_width: width of a bin in seconds.
        conditions: conditions of the trials, ``(n_trials,)``; not with ``trials``.
        event_bins: the bin of an event: one number, or one for each trial, ``(n_trials,)``,
            with NaN for trials without.
        trials: trials to draw one by one.
        start: time of the first bin's beginning in seconds.
        cyclic: the conditions, in order, follow one another around a circle, as directions
            of reaching do; so do their colours.
        axes: axes to draw in, one row per input; one column, or one for each of ``trials``.

    Returns:
        The figure and the axes, ``(n_inferred_inputs, n_columns)``.

    Raises:
        TypeError: ``cyclic`` is neither True nor False.
        ValueError: wrong shapes, no inferred inputs, trials or events out of range.

    Example:
        >>> import numpy as np
        >>> pulse = np.zeros((30, 50, 1))
        >>> pulse[np.arange(30), np.arange(30) + 10] = 1.0
        >>> fig, axes = plot_inferred_inputs(
        ...     pulse, bin_width=0.01, event_bins=np.arange(30) + 10
        ... )
        >>> axes[0, 0].get_xlabel(), float(axes[0, 0].get_lines()[0].get_ydata().max())
        ('time from event (s)', 1.0)
    """
    width = seconds_per_bin(bin_width)
    mean = style.field(
        "inferred",
        inferred,
        "inferred_input_mean",
        3,
        "(n_trials, n_bins, n_inferred_inputs)",
        nan=True,
    )
    checks.check_number(start, "start", low=-np.inf)
    n_trials, n_bins, n_inputs = mean.shape
    if n_inputs == 0:
        raise ValueError(
            "inferred: expected inferred inputs, received none: the model has no controller "
            "(n_inferred_inputs=0)."
        )
    events = _events(event_bins, n_trials, n_bins)
    if trials is not None:
        if conditions is not None:
            raise ValueError(
                "conditions: expected none beside trials, which are drawn one by one, received "
                f"{checks.shown(conditions)}."
            )
        rows = style.chosen("trials", trials, n_trials, ())
        sd = getattr(inferred, "inferred_input_sd", None)
        time = style.times(n_bins, width, start)
        fig, grid = figures.panels(
            axes, n_inputs, len(rows), size=(2.6, 1.9), sharex=True, sharey="row"
        )
        for column, row in zip(grid.T, rows, strict=True):
            for i, ax in enumerate(column):
                deviation = None if sd is None else np.asarray(sd)[row, :, i]
                _draw(ax, time, mean[row, :, i], deviation, figures.COLORS["blue"], None)
                if events is not None and not np.isnan(events[row]):
                    _mark(ax, start + (events[row] + 0.5) * width)
            column[0].set_title(f"trial {row}", fontsize="medium")
        _name_axes(grid, "time (s)", "mean" if sd is None else "mean ± s.d.")
        return fig, grid
    key = style.condition_key(conditions, n_trials, cyclic)
    fig, grid = figures.panels(axes, n_inputs, 1, size=(4.8, 2.0), sharex=True)
    known = np.zeros(0) if events is None else np.unique(events[~np.isnan(events)])
    mark: float | None = None
    if events is not None and len(known) > 1:
        values, time = _aligned(mean, events, width)
        mark, x_label = 0.0, "time from event (s)"
    else:
        values, time = mean.astype(np.float64), style.times(n_bins, width, start)
        x_label = "time (s)"
        if len(known):
            mark = start + (float(known[0]) + 0.5) * width
    reached = False
    for name, color, members in key:
        group = values[members]
        n_seen = (~np.isnan(group)).sum(axis=0)
        enough = (n_seen >= max(1, 0.5 * n_seen.max())).all(axis=-1)
        if not n_seen.any():
            continue
        reached = True
        for i, ax in enumerate(grid[:, 0]):
            part = group[:, enough, i]
            deviation = np.nanstd(part, axis=0) if len(key) <= 3 else None
            _draw(ax, time[enough], np.nanmean(part, axis=0), deviation, color, name)
    if not reached:
        raise ValueError("event_bins: expected an event in some trial, received NaN only.")
    if mark is not None:
        for ax in grid[:, 0]:
            _mark(ax, mark)
    _name_axes(grid, x_label, "mean ± s.d." if len(key) <= 3 else "mean")
    if conditions is not None:
        figures.legend_above_panels(fig, grid, own=axes is None, title="condition")
    return fig, grid


def _events(event_bins: Any, n_trials: int, n_bins: int) -> np.ndarray | None:
    """Return the bin of each trial's event, ``(n_trials,)``, NaN where there is none."""
    if event_bins is None:
        return None
    events = checks.as_numbers(event_bins, "event_bins")
    if events.shape not in ((), (n_trials,)):
        raise ValueError(
            f"event_bins: expected one number, or one for each of {n_trials} trials, received "
            f"shape {events.shape}."
        )
    outside = (events < 0) | (events > n_bins - 1)
    if outside.any():
        raise ValueError(
            f"event_bins: expected numbers from 0 to {n_bins - 1}, received "
            f"{np.atleast_1d(events)[np.atleast_1d(outside)][0]:g}."
        )
    return np.broadcast_to(events, (n_trials,))


def _aligned(
    values: np.ndarray, events: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Align values to events, from ``n_bins - 1`` bins before to as many after."""
    n_trials, n_bins, n = values.shape
    lags = np.arange(1 - n_bins, n_bins)
    aligned = np.full((n_trials, len(lags), n), np.nan)
    for trial in np.flatnonzero(~np.isnan(events)):
        first = n_bins - 1 - int(round(events[trial]))
        aligned[trial, first : first + n_bins] = values[trial]
    return aligned, lags * width


def _draw(
    ax: Any, time: np.ndarray, mean: np.ndarray, sd: np.ndarray | None, color: Any, name: Any
) -> None:
    if sd is not None:
        ax.fill_between(time, mean - sd, mean + sd, color=color, alpha=0.2, linewidth=0)
    ax.plot(time, mean, color=color, linewidth=1.6, label=name)


def _mark(ax: Any, at: float) -> None:
    ax.margins(y=0.15)  # room for the word
    ax.axvline(at, color=figures.COLORS["black"], linestyle="--", linewidth=1.0, zorder=1)
    ax.annotate(
        "event",
        (at, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(2, -1),
        textcoords="offset points",
        ha="left",
        va="top",
        fontsize="x-small",
    )


def _name_axes(grid: np.ndarray, x_label: str, statistic: str) -> None:
    figures.only_outer_labels(grid, x_label)
    for i, row in enumerate(grid):
        row[0].set_ylabel(f"inferred input {i}\n({statistic}, a.u.)", fontsize="small")
        for ax in row:
            ax.axhline(0.0, color=figures.COLORS["grey"], linewidth=0.6, zorder=0)
