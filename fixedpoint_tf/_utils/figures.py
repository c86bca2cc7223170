"""One style for the figures of both packages: colours, axes, panels, legends and files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils import checks
from fixedpoint_tf._utils.files import writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLORS",
    "hide_frames",
    "lay_out",
    "legend_above",
    "legend_above_panels",
    "new_axes",
    "only_outer_labels",
    "padded",
    "panel_rows",
    "panels",
    "save_figure",
    "say_if_empty",
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
#: Keywords of every legend, wherever it stands.
_LEGEND: dict[str, Any] = {"frameon": False, "fontsize": "small", "title_fontsize": "small"}
#: Dots per inch of files: sharp on a page that is read at twice its size.
_DPI = 200


def new_axes(
    fig: Figure | None = None,
    ax: Any = None,
    *,
    projection: str | None = None,
    size: tuple[float, float] = (5.0, 4.5),
) -> tuple[Figure, Axes]:
    """Take the axes given, else make new ones in the figure given, else in a new one.

    Raises:
        ValueError: no axes of a figure, or flat ones where three dimensions are drawn, or
            the other way round.
    """
    checks.check_figure(fig)
    if ax is not None:
        fig = _figure_of(ax, "ax")
        wanted = projection or "rectilinear"
        if ax.name != wanted:
            raise ValueError(f"ax: expected {wanted} axes, received {ax.name} axes.")
    else:
        if fig is None:
            from matplotlib import pyplot

            fig = pyplot.figure(figsize=size, layout="constrained")
        from matplotlib import rc_context

        with rc_context({"grid.color": "0.9", "grid.linewidth": 0.5}):
            ax = fig.add_subplot(projection=projection)
    if projection is None:
        ax.spines[["top", "right"]].set_visible(False)
    return fig, ax


def panels(
    axes: Any,
    n_rows: int,
    n_columns: int,
    *,
    size: tuple[float, float],
    sharex: bool = False,
    sharey: bool | str = False,
    height_ratios: Sequence[float] | None = None,
) -> tuple[Figure, np.ndarray]:
    """Take a grid of axes that are given, else make new ones in a new figure.

    Args:
        axes: given axes, in any shape, or none.
        n_rows: number of rows of the grid.
        n_columns: number of columns of the grid.
        size: size of one panel in inches.
        sharex: all panels have one x axis.
        sharey: all panels have one y axis, or those of each ``"row"``.
        height_ratios: relative heights of the rows.

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
        for one in given:
            checks.check_axes(one, "axes")
        figure, grid = _figure_of(given[0], "axes"), given.reshape(n_rows, n_columns)
    else:
        from matplotlib import pyplot

        figure, grid = pyplot.subplots(
            n_rows,
            n_columns,
            squeeze=False,
            figsize=(size[0] * n_columns, size[1] * n_rows),
            layout="constrained",
            sharex=sharex,
            sharey=sharey,  # type: ignore[arg-type]
            height_ratios=height_ratios,
        )
    hide_frames(grid)
    return figure, grid


def panel_rows(
    axes: Any, n_panels: int, *, size: tuple[float, float], most_columns: int
) -> tuple[Figure, np.ndarray]:
    """Return panels in rows, the given ones or new ones in a new figure.

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


def hide_frames(axes: np.ndarray) -> None:
    """Leave each panel the two sides that have marks."""
    for ax in axes.ravel():
        ax.spines[["top", "right"]].set_visible(False)


def _outer_figure(ax: Any) -> Figure | None:
    """Return the outermost figure that holds axes, None for axes outside a figure."""
    figure = getattr(ax, "figure", None)
    return None if figure is None else figure.figure


def _figure_of(ax: Any, name: str) -> Figure:
    from matplotlib.axes import Axes

    figure = _outer_figure(ax) if isinstance(ax, Axes) else None
    if figure is None:
        raise ValueError(f"{name}: expected axes that belong to a figure, received {ax!r}.")
    return figure


def legend_above(
    ax: Axes, *, height: float = 1.0, handles: Any = None, title: str | None = None
) -> None:
    """Draw a legend over the axes, where it hides no data.

    Args:
        ax: the axes.
        height: height of the legend's lower edge, as a share of the axes.
        handles: to name; by default all that is labelled.
        title: before the names.
    """
    handles = ax.get_legend_handles_labels()[0] if handles is None else handles
    figure = _outer_figure(ax)
    if not handles or figure is None:
        return
    alone = len(figure.axes) == 1
    room = figure.get_size_inches()[0] if alone else ax.bbox.width / figure.dpi
    ax.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.5, height),
        ncols=_n_columns(handles, room),
        title=title,
        **_LEGEND,
    )


def legend_above_panels(
    figure: Figure,
    axes: np.ndarray,
    *,
    own: bool,
    handles: Any = None,
    title: str | None = None,
) -> None:
    """Draw one legend over all panels, by default that of the first.

    Args:
        figure: that the axes are in.
        axes: all panels.
        own: the figure was made for these panels: the legend stands over it, else over the
            first panel and its title.
        handles: to name.
        title: before the names.
    """
    first = axes.ravel()[0]
    handles = first.get_legend_handles_labels()[0] if handles is None else handles
    if not own:
        over_title = 1.0 + 0.25 * figure.dpi / first.bbox.height
        legend_above(first, height=over_title, handles=handles, title=title)
    elif handles:
        figure.legend(
            handles=handles,
            loc="outside upper center",
            ncols=_n_columns(handles, figure.get_size_inches()[0]),
            title=title,
            **_LEGEND,
        )


def _n_columns(handles: Any, room: float) -> int:
    """Return the number of legend columns that fit in ``room`` inches."""
    longest = max(len(handle.get_label()) for handle in handles)
    fit = int(np.clip(room / (0.55 + 0.07 * longest), 1, len(handles)))
    n_rows = -(-len(handles) // fit)
    return -(-len(handles) // n_rows)  # No row much shorter than the others.


def only_outer_labels(axes: np.ndarray, x: str, y: str | None = None) -> None:
    """Name the x axis under the lowest panel of each column, and y left of each row.

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


def say_if_empty(ax: Axes, n_kinds: int, what: str) -> None:
    """Write in the legend that there is nothing to draw, since an empty figure looks broken."""
    if n_kinds == 0:
        ax.plot(*[[]] * (3 if ax.name == "3d" else 2), linestyle="none", label=what)


def lay_out(fig: Figure) -> None:
    """Lay a figure out once before it is shown, so that the final ticks have room."""
    if fig.get_layout_engine() is not None and len(fig.axes) == 1:
        fig.draw_without_rendering()


def padded(values: np.ndarray, fraction: float) -> tuple[float, float]:
    """Return the range of the values with a margin, or of width 2 for a single value."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = fraction * (high - low) if high > low else 1.0
    return low - margin, high + margin


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure to a file, cut to what is drawn."""
    with writing(path, overwrite=True) as temporary:
        figure.savefig(temporary, dpi=_DPI, bbox_inches="tight")
