"""Style of points, the same in every figure."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLORS",
    "Look",
    "by_status",
    "coordinate_names",
    "groups",
    "lay_out",
    "legend_above",
    "new_axes",
    "padded",
    "say_if_empty",
]

#: Colours that colour-blind readers can tell apart (Okabe & Ito 2008).
COLORS = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky blue": "#56B4E9",
    "green": "#009E73",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#8C8C8C",
}


@dataclasses.dataclass(frozen=True)
class Look:
    """Marker, colour and name of one kind of point; shape and filling differ too."""

    adjective: str
    noun: str
    marker: str
    color: str
    size: float
    filled: bool = True

    def label(self, n: int) -> str:
        """The legend's words for n such points: "8 stable fixed points"."""
        return pluralize(n, f"{self.adjective} {self.noun}".strip())

    def marker_options(self) -> dict[str, Any]:
        """Keywords of ``Axes.plot`` that draw markers without a line."""
        return {
            "linestyle": "none",
            "marker": self.marker,
            "markersize": self.size,
            "color": self.color,
            "markerfacecolor": self.color if self.filled else "white",
            "markeredgecolor": "white" if self.filled else self.color,
            "markeredgewidth": 0.6 if self.filled else 1.3,
        }


_SLOW = Look("", "slow point", "^", COLORS["orange"], 7.0)


def groups(fps: FixedPoints) -> list[tuple[Look, FixedPoints]]:
    """The points by kind, drawn first to last; kinds without points are left out.

    Only fixed points and slow points are drawn: what did not converge is no feature of
    the dynamics. Without a status nothing is called a fixed point.
    """
    if fps.status is None:
        noun, candidates, slow = "point", fps, fps[:0]
    else:
        noun, candidates, slow = "fixed point", fps.fixed, fps.slow
    kind = candidates.stability_class
    if kind is None:
        kind = np.full(candidates.n, "unknown")
    unstable = np.isin(kind, ["saddle", "unstable"])
    found = [
        (_SLOW, slow),
        (Look("", noun, "o", COLORS["grey"], 7.0), candidates[kind == "unknown"]),
        (Look("marginal", noun, "s", COLORS["purple"], 6.0), candidates[kind == "marginal"]),
        (Look("unstable", noun, "D", COLORS["vermillion"], 6.0, False), candidates[unstable]),
        (Look("stable", noun, "o", COLORS["black"], 8.0), candidates[kind == "stable"]),
    ]
    return [(look, points) for look, points in found if points.n]


def by_status(fps: FixedPoints) -> list[tuple[str, str, np.ndarray]]:
    """Name, colour and rows of each status that occurs."""
    if fps.status is None:
        return [("unknown status", COLORS["grey"], np.arange(fps.n))] if fps.n else []
    colors = {
        Status.FIXED_POINT: COLORS["blue"],
        Status.SLOW_POINT: COLORS["orange"],
        Status.NOT_CONVERGED: COLORS["grey"],
        Status.DIVERGED: COLORS["vermillion"],
        Status.OUTLIER: COLORS["purple"],
        Status.NOT_SLOW: COLORS["sky blue"],
    }
    rows = {status: np.flatnonzero(fps.status == status) for status in Status}
    return [
        (status.name.lower().replace("_", " "), colors[status], rows[status])
        for status in Status
        if len(rows[status])
    ]


def new_axes(
    fig: Figure | None = None,
    ax: Axes | None = None,
    *,
    projection: str | None = None,
    size: tuple[float, float] = (5.0, 4.5),
) -> tuple[Figure, Axes]:
    """Axes to draw in: those given, else new ones in the figure given, else in a new one.

    Raises:
        ValueError: the axes given are flat where three dimensions are drawn, or the
            other way round.
    """
    if ax is not None:
        wanted = projection or "rectilinear"
        if ax.name != wanted:
            raise ValueError(f"ax: expected {wanted} axes, received {ax.name} axes.")
        figure = ax.get_figure(root=True)
        if figure is None:
            raise ValueError("ax: expected axes that belong to a figure, received none.")
        return figure, ax
    if fig is None:
        from matplotlib import pyplot

        fig = pyplot.figure(figsize=size, layout="constrained")
    from matplotlib import rc_context

    with rc_context({"grid.color": "0.9", "grid.linewidth": 0.5}):
        return fig, fig.add_subplot(projection=projection)


def legend_above(ax: Axes, *, n_columns: int = 2, height: float = 1.0) -> None:
    """A legend over the axes, where it hides no data; none where nothing is labelled.

    Args:
        ax: the axes.
        n_columns: number of columns.
        height: of the legend's lower edge, as a share of the axes.
    """
    handles, labels = ax.get_legend_handles_labels()
    if handles:
        ax.legend(
            handles,
            labels,
            loc="lower center",
            bbox_to_anchor=(0.5, height),
            ncols=min(n_columns, len(handles)),
            frameon=False,
            fontsize="small",
        )


def lay_out(fig: Figure) -> None:
    """Lays a figure out once before it is shown.

    Where one unit is as long along both axes, ticks change with the size of the axes, which
    the first layout does not know: a label could leave the figure.
    """
    if fig.get_layout_engine() is not None and len(fig.axes) == 1:
        fig.draw_without_rendering()


def say_if_empty(ax: Axes, n_kinds: int, what: str = "no fixed or slow points") -> None:
    """Says in the legend that there is nothing to draw: an empty figure looks broken."""
    if n_kinds == 0:
        ax.plot(*[[]] * (3 if ax.name == "3d" else 2), linestyle="none", label=what)


def coordinate_names(state_names: Any, n_states: int) -> list[str]:
    """One name for each coordinate of the flat state: "h 1", "h 2", "c 1", ..."""
    blocks = state_names or (("state", n_states),)
    return [
        name if size == 1 else f"{name} {i + 1}" for name, size in blocks for i in range(size)
    ]


def padded(values: np.ndarray, fraction: float) -> tuple[float, float]:
    """The range of the values with a margin; a range of no width gets a width of 2."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = fraction * (high - low) if high > low else 1.0
    return low - margin, high + margin
