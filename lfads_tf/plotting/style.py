"""One look for all figures: colours, panels, legends, axes of time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLORS",
    "ESTIMATE",
    "SMOOTHED",
    "TRUTH",
    "chosen",
    "condition_key",
    "field",
    "flow",
    "legend_above",
    "only_outer_labels",
    "panels",
    "single_axes",
    "times",
]

#: Colours that colour-blind readers can tell apart (Okabe & Ito 2008).
COLORS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "sky blue": "#56B4E9",
    "black": "#000000",
    "grey": "#8C8C8C",
}

#: More conditions than this are coloured, but not listed.
MOST_LISTED = 16

#: Keywords of ``Axes.plot`` for the three kinds of rates, the same in every figure.
TRUTH = {"color": COLORS["black"], "linewidth": 1.2, "linestyle": (0, (4, 1.5)), "zorder": 4}
ESTIMATE = {"color": COLORS["blue"], "linewidth": 1.8, "zorder": 3}
SMOOTHED = {"color": COLORS["orange"], "linewidth": 1.2, "zorder": 2}


def panels(
    axes: Any,
    n_rows: int,
    n_columns: int,
    *,
    size: tuple[float, float],
    **options: Any,
) -> tuple[Figure, np.ndarray]:
    """A grid of axes: those given, else new ones in a new figure.

    Args:
        axes: given axes, in any shape, or none.
        n_rows: of the grid.
        n_columns: of the grid.
        size: of one panel in inches.
        options: of ``pyplot.subplots``.

    Returns:
        The figure and the axes, ``(n_rows, n_columns)``.

    Raises:
        ValueError: not as many axes as there are panels.
    """
    if axes is not None:
        given = np.array(axes, dtype=object).ravel()
        if len(given) != n_rows * n_columns:
            raise ValueError(
                f"axes: expected {n_rows * n_columns} axes ({n_rows} rows of {n_columns}), "
                f"received {len(given)}."
            )
        return _figure_of(given[0], "axes"), given.reshape(n_rows, n_columns)
    from matplotlib import pyplot

    return pyplot.subplots(
        n_rows,
        n_columns,
        squeeze=False,
        figsize=(size[0] * n_columns, size[1] * n_rows),
        layout="constrained",
        **options,
    )


def flow(
    axes: Any, n_panels: int, *, size: tuple[float, float], most_columns: int
) -> tuple[Figure, np.ndarray]:
    """Panels one after the other in rows: those given, else new ones in a new figure.

    Returns:
        The figure and the axes as a grid; those beyond the last panel are hidden.
    """
    if axes is not None:
        return panels(axes, 1, n_panels, size=size)
    n_columns = min(n_panels, most_columns)
    n_rows = -(-n_panels // n_columns)
    n_columns = -(-n_panels // n_rows)  # No row much shorter than the others.
    figure, grid = panels(None, n_rows, n_columns, size=size, sharex=True)
    for ax in grid.ravel()[n_panels:]:
        ax.set_visible(False)
    return figure, grid


def single_axes(ax: Any, size: tuple[float, float]) -> tuple[Figure, Axes]:
    """The axes given, else new ones in a new figure of that size in inches."""
    if ax is not None:
        return _figure_of(ax, "ax"), ax
    from matplotlib import pyplot

    return pyplot.subplots(figsize=size, layout="constrained")


def _figure_of(ax: Any, name: str) -> Figure:
    figure = ax.get_figure(root=True) if hasattr(ax, "get_figure") else None
    if figure is None:
        raise ValueError(f"{name}: expected axes that belong to a figure, received {ax!r}.")
    return figure


def field(name: str, inferred: Any, attribute: str, n_axes: int, shape: str) -> np.ndarray:
    """An array of an inference's result, or the array itself where only that was given.

    Raises:
        ValueError: there is no such attribute, or it has another number of axes.
    """
    value = getattr(inferred, attribute, inferred)
    try:
        array = np.asarray(value)
    except ValueError:  # a tuple of arrays of different shapes
        array = np.asarray(None)
    is_numeric = array.dtype.kind in "buif"
    if not is_numeric or array.ndim != n_axes or 0 in array.shape[:-1]:
        received = f"shape {array.shape}" if is_numeric else f"a {type(value).__name__}"
        raise ValueError(
            f"{name}: expected {attribute} of shape {shape}, or a result of inference that "
            f"has them, received {received}."
        )
    return array


def chosen(name: str, indices: Any, n: int, default: Iterable[int]) -> list[int]:
    """Indices as a list, checked against the number there is.

    Raises:
        ValueError: they are no whole numbers, or none, or out of range.
    """
    if indices is None:
        return [int(i) for i in default]
    array = np.atleast_1d(np.asarray(indices))
    if array.ndim != 1 or array.dtype.kind not in "iu" or array.size == 0:
        raise ValueError(f"{name}: expected whole numbers in a list, received {indices!r}.")
    if array.min() < 0 or array.max() >= n:
        wrong = array[(array < 0) | (array >= n)][0]
        raise ValueError(f"{name}: expected numbers from 0 to {n - 1}, received {wrong}.")
    return [int(i) for i in array]


def times(n_bins: int, bin_width: float, start: float) -> np.ndarray:
    """Centres of the bins in seconds, where the first begins at ``start``."""
    return start + (np.arange(n_bins) + 0.5) * bin_width


def condition_key(conditions: Any, n_trials: int) -> list[tuple[str | None, Any, np.ndarray]]:
    """Name, colour and trials of each condition, in order; all trials if there are none.

    Up to seven conditions have colours that anyone can tell apart; more have a sequence of
    colours, light to dark, in the order of the conditions. Of more than ``MOST_LISTED``
    the names begin with an underscore, which keeps them out of legends.

    Raises:
        ValueError: not one condition a trial.
    """
    if conditions is None:
        return [(None, COLORS["blue"], np.arange(n_trials))]
    labels = np.asarray(conditions)
    if labels.shape != (n_trials,):
        raise ValueError(
            f"conditions: expected one for each of {n_trials} trials, received shape "
            f"{labels.shape}."
        )
    kinds = np.unique(labels)
    colors: list[Any] = [color for name, color in COLORS.items() if name != "grey"]
    if len(kinds) > len(colors):
        from matplotlib import colormaps

        colors = list(colormaps["viridis"](np.linspace(0.85, 0.0, len(kinds))))
    pairs = zip(kinds, colors, strict=False)
    hidden = "_" if len(kinds) > MOST_LISTED else ""
    return [
        (hidden + _words(kind), color, np.flatnonzero(labels == kind)) for kind, color in pairs
    ]


def _words(kind: Any) -> str:
    return f"{kind:g}" if isinstance(kind, np.floating) else str(kind)


def legend_above(
    figure: Figure,
    axes: np.ndarray,
    *,
    own: bool,
    handles: Any = None,
    title: str | None = None,
) -> None:
    """A legend over all panels, where it hides no data; none where nothing is labelled.

    Args:
        figure: that the axes are in.
        axes: all panels.
        own: the figure was made for these panels: the legend stands over it, else over the
            first panel.
        handles: to name; by default what is labelled in the first panel.
        title: before the names.
    """
    first = axes.ravel()[0]
    if handles is None:
        handles = first.get_legend_handles_labels()[0]
    if not handles:
        return
    # As many in a line as fit: a name takes about half an inch and that of its letters.
    room = figure.get_size_inches()[0] if own else first.bbox.width / figure.dpi
    longest = max(len(handle.get_label()) for handle in handles)
    n_columns = int(np.clip(room / (0.55 + 0.08 * longest), 1, len(handles)))
    options: dict[str, Any] = {
        "handles": handles,
        "title": title,
        "ncols": n_columns,
        "frameon": False,
        "fontsize": "small",
        "title_fontsize": "small",
    }
    if own:
        figure.legend(loc="outside upper center", **options)
    else:
        from matplotlib.transforms import offset_copy

        over_title = offset_copy(first.transAxes, figure, y=18.0, units="points")
        options |= {"bbox_to_anchor": (0.0, 1.0), "bbox_transform": over_title}
        first.legend(loc="lower left", **options)


def only_outer_labels(axes: np.ndarray, x: str, y: str | None = None) -> None:
    """Names the x axis under the lowest panel of each column, and y left of each row.

    Panels that are hidden count as missing.
    """
    for column in axes.T:
        shown = [ax for ax in column if ax.get_visible()]
        if shown:
            shown[-1].set_xlabel(x)
            shown[-1].tick_params(labelbottom=True)
    if y is not None:
        for row in axes:
            row[0].set_ylabel(y)
    for ax in axes.ravel():
        ax.spines[["top", "right"]].set_visible(False)
