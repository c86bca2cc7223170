"""The course of training: the loss, its parts, their warm-up and the learning rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils import checks, figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_history"]

_TRAIN = {"color": figures.COLORS["blue"], "linewidth": 1.4}
_VALID = {"color": figures.COLORS["vermillion"], "linewidth": 1.0}
_THIN = {"color": figures.COLORS["vermillion"], "linewidth": 0.8, "alpha": 0.45}
_SMOOTH = {"color": figures.COLORS["vermillion"], "linewidth": 1.8}
_HELD = {"color": figures.COLORS["green"], "linewidth": 1.2, "linestyle": "--"}

#: Title and y label of each panel, and the columns drawn in it.
_PANELS: tuple[tuple[str, str, dict[str, tuple[str, dict[str, Any]]]], ...] = (
    (
        "negative log-likelihood",
        "nats/sample",
        {
            "nll": ("training", _TRAIN),
            "val_nll": ("validation trials", _VALID),
            "val_nll_smoothed": ("validation, smoothed", _SMOOTH),
            "sv_nll": ("left-out samples", _HELD),
        },
    ),
    (
        "loss",
        "nats/sample",
        {"loss": ("training", _TRAIN), "val_loss": ("validation trials", _VALID)},
    ),
    (
        "KL of initial conditions",
        "nats/sample",
        {
            "kl_initial_condition": ("training", _TRAIN),
            "val_kl_initial_condition": ("validation trials", _VALID),
        },
    ),
    (
        "KL of inferred inputs",
        "nats/sample",
        {
            "kl_inferred_inputs": ("training", _TRAIN),
            "val_kl_inferred_inputs": ("validation trials", _VALID),
        },
    ),
    ("L2 penalty", "nats/sample", {"l2": ("training", _TRAIN)}),
    ("warm-up", "weight", {"warm_up": ("training", _TRAIN)}),
    ("learning rate", "", {"learning_rate": ("training", _TRAIN)}),
)


def plot_history(history: Any, *, axes: Any = None) -> tuple[Figure, np.ndarray]:
    """Draw the learning curve with its parts, one panel per part.

    A dotted line marks the epoch of the lowest negative log-likelihood in validation, smoothed
    if the history holds the smoothed one. If the first twentieth of the epochs would take up
    half of a y axis or more, the axis is scaled to the later epochs.

    Args:
        history: what ``fit`` returned, or its ``history``, or columns of a log by name:
            numbers, one per epoch (NaN where there is none). Drawn are ``loss``, ``nll``,
            ``kl_initial_condition``, ``kl_inferred_inputs`` (each also with ``val_`` before
            it), ``val_nll_smoothed``, ``sv_nll``, ``l2``, ``warm_up`` and
            ``learning_rate``; what is missing, or 0 throughout, is left out.
        axes: axes to draw in, one per panel.

    Returns:
        The figure and the axes, ``(n_panels,)``.

    Raises:
        ValueError: none of these columns, columns of different length.
        TypeError: not a history.

    Example:
        >>> history = {"nll": [3.0, 1.5], "val_nll": [3.1, 2.2], "l2": [0.1, 0.1]}
        >>> fig, axes = plot_history(history)
        >>> [ax.get_title() for ax in axes]
        ['negative log-likelihood', 'L2 penalty']
    """
    columns = _columns(history)
    drawn = [
        (title, unit, {name: look for name, look in looks.items() if name in columns})
        for title, unit, looks in _PANELS
    ]
    drawn = [panel for panel in drawn if panel[2]]
    fig, grid = figures.panel_rows(axes, len(drawn), size=(3.9, 2.0), most_columns=2)
    best = _best_epoch(columns)
    handles: dict[str, Any] = {}
    for ax, (title, unit, looks) in zip(grid.ravel(), drawn, strict=False):
        for name, (label, look) in looks.items():
            if name == "val_nll" and "val_nll_smoothed" in columns:
                look = _THIN
            values = columns[name]
            epochs = np.arange(1, len(values) + 1)
            finite = ~np.isnan(values)
            marker = "." if finite.sum() < 30 else None
            (line,) = ax.plot(
                epochs[finite], values[finite], label=label, marker=marker, **look
            )
            handles.setdefault(label, line)
        if title == "learning rate" and min(columns["learning_rate"]) > 0:
            _log_scale(ax)
        elif title == "warm-up":
            ax.set_ylim(-0.05, 1.05)
        else:
            _limit(ax, [columns[name] for name in looks])
            ax.ticklabel_format(axis="y", scilimits=(-3, 5))
        if best is not None:
            line = ax.axvline(best, **_BEST, label=f"best (epoch {best})")
            handles["best"] = line
        ax.set_title(title, fontsize="medium")
        ax.set_ylabel(unit)
    figures.only_outer_labels(grid, "epoch")
    figures.legend_above_panels(fig, grid, own=axes is None, handles=list(handles.values()))
    return fig, grid.ravel()[: len(drawn)]


_BEST = {"color": figures.COLORS["grey"], "linestyle": ":", "linewidth": 1.2, "zorder": 1}


def _columns(history: Any) -> dict[str, np.ndarray]:
    """Return the columns that are drawn, as float64, all of one length."""
    table = getattr(history, "history", history)
    if not isinstance(table, Mapping):
        raise TypeError(
            "history: expected what fit returned, or numbers by name, received "
            f"{type(history).__name__}."
        )
    known = [name for _, _, looks in _PANELS for name in looks]
    columns = {}
    for name in known:
        values = checks.as_numbers(_known(table.get(name, ())), f"history[{name!r}]")
        if values.size:
            values = np.atleast_1d(values)
            if values.ndim > 1:
                raise ValueError(
                    f"history[{name!r}]: expected a number an epoch, received shape "
                    f"{values.shape}."
                )
            if np.isfinite(values).any() and (values != 0).any():
                columns[name] = values
    if not columns:
        raise ValueError(
            f"history: expected at least one column of {', '.join(known)}, received "
            f"{checks.listed(table) or 'none'}."
        )
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise ValueError(
            "history: expected columns of one length, received "
            + ", ".join(f"{name}: {len(values)}" for name, values in columns.items())
            + "."
        )
    return columns


def _known(column: Any) -> Any:
    """Return NaN for None, as of an epoch without validation."""
    if isinstance(column, list | tuple):
        return [np.nan if number is None else number for number in column]
    return column


def _best_epoch(columns: dict[str, np.ndarray]) -> int | None:
    for name in ("val_nll_smoothed", "val_nll"):
        if name in columns:
            return int(np.nanargmin(columns[name])) + 1
    return None


def _log_scale(ax: Any) -> None:
    """Scale logarithmically, with plain numbers at 1, 2 and 5 of each decade."""
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(FormatStrFormatter("%g"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _limit(ax: Any, lines: Sequence[np.ndarray]) -> None:
    """Leave the first twentieth of the epochs out of the y axis if they need half of it."""
    late = np.concatenate([values[len(values) // 20 :] for values in lines])
    late, values = late[np.isfinite(late)], np.concatenate(lines)
    if late.size and np.nanmax(values) - np.nanmin(values) > 2 * (late.max() - late.min()) > 0:
        margin = 0.06 * (late.max() - late.min())
        ax.set_ylim(late.min() - margin, late.max() + margin)
