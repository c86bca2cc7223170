"""The graph of what leads where, and the sizes of basins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.checks import as_numbers, check_finite, check_switch
from fixedpoint_tf._utils.figures import COLORS, lay_out, legend_above, new_axes, say_if_empty
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.analysis.outcomes import RunOutcome
from fixedpoint_tf.plotting.projection import (
    Projection,
    as_plane,
    coordinate_names,
    own_coordinates,
    principal_components,
)
from fixedpoint_tf.plotting.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fixedpoint_tf.analysis.basins import Basins
    from fixedpoint_tf.analysis.connections import Connections

__all__ = ["planar_view", "plot_basins", "plot_connections"]

_ATTRACTOR = Look("", "attractor", "o", COLORS["black"], 9.0)
_SADDLE = Look("", "saddle", "D", COLORS["vermillion"], 6.5, False)
_HIGHER = Look("", "point", "^", COLORS["purple"], 7.0, False)
_DEEP = 0.1  # share of the variance from which a third component is shown
_OBLIQUE = (0.35, 0.25)  # how far it moves a point to the right and upwards


def planar_view(states: np.ndarray) -> tuple[Projection, list[str]]:
    """Return a plane of two principal components of states, or their own coordinates.

    Where a third component holds much of the variance, the view is oblique, so that what
    lies behind each other is seen beside each other: a cube is drawn as a cube.

    Args:
        states: ``(n, n_states)``.

    Returns:
        The view, and the names of its axes.
    """
    n_states = states.shape[1]
    if n_states <= 2:
        return own_coordinates(n_states), coordinate_names(None, n_states)
    view = principal_components(states, 3)
    names = view.names
    axes, depth = view.axes[:2], view.axes[2]
    if view.explained[2] >= _DEEP:
        axes = axes + np.array(_OBLIQUE)[:, None] * depth
        names = [f"{name} + {k:g} {names[2]}" for name, k in zip(names, _OBLIQUE, strict=False)]
    return Projection(view.origin, axes, view.explained[:2]), names[:2]


def plot_connections(
    connections: Connections,
    *,
    coordinates: np.ndarray | None = None,
    higher: bool = True,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the figure that ``Connections.plot`` describes."""
    check_switch(higher, "higher")
    found = connections
    n = len(found.xstar)
    # What is reached besides the points belongs to the picture: a cycle, say.
    elsewhere = np.isin(
        found.outcome, [RunOutcome.OTHER_REST, RunOutcome.CYCLE, RunOutcome.MOVING]
    )
    view, names = planar_view(np.concatenate([found.xstar, found.final[elsewhere]]))
    place = as_plane(view.points(found.xstar))
    if coordinates is not None:
        place, names = as_numbers(coordinates, "coordinates"), []
        if place.shape != (n, 2):
            raise ValueError(
                f"coordinates: expected shape (n, 2) = ({n}, 2), received shape {place.shape}."
            )
        if n:
            check_finite(place, "coordinates")
    fig, ax = new_axes(fig, ax, size=(5.5, 2.0 if len(names) == 1 else 5.0))
    one, several = found.n_unstable == 1, found.n_unstable > 1
    along = (found.outcome == RunOutcome.BOUNDARY) & (one | (several & higher))[found.source]
    on_boundary = set(
        zip(found.source[along].tolist(), found.target[along].tolist(), strict=True)
    )
    for source, target in found.edges:
        if higher or one[source]:
            dashed = (source, target) in on_boundary
            _arrow(ax, place[source], place[target], dark=bool(one[source]), dashed=dashed)
    _draw_ends(ax, found, view, place, drawn=one | (several & higher), given=bool(names))
    shown = 0
    looks = [
        (_HIGHER, several & higher, " with several unstable directions"),
        (_SADDLE, one, " with 1 unstable direction"),
        (_ATTRACTOR, found.is_attractor, ""),
    ]
    for look, rows, words in looks:
        if rows.any():
            shown += 1
            label = look.label(int(rows.sum())) + words
            ax.plot(*place[rows].T, **look.marker_options(), zorder=4, label=label)
    if along.any():
        label = f"{pluralize(int(along.sum()), 'way')} along a boundary between basins"
        ax.plot([], [], color="0.75", linestyle="--", linewidth=1.0, label=label)
    say_if_empty(ax, shown, "no fixed points")
    if n:
        span = max(float(np.ptp(place, axis=0).max()), 1e-9)
        ax.update_datalim(np.concatenate([place - 0.06 * span, place + 0.06 * span]))
        ax.autoscale_view()
    if len(names) == 2:
        ax.set_aspect("equal", adjustable="datalim")
        ax.set_ylabel(names[1])
    if names:
        ax.set_xlabel(names[0])
    if len(names) == 1:
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
    legend_above(ax)
    lay_out(fig)
    return fig, ax


def _arrow(
    ax: Axes, start: np.ndarray, end: np.ndarray, *, dark: bool, dashed: bool = False
) -> None:
    ax.annotate(
        "",
        xy=tuple(end),
        xytext=tuple(start),
        arrowprops={
            "arrowstyle": "-|>,head_length=0.45,head_width=0.2",
            "color": COLORS["blue"] if dark else "0.75",
            "linewidth": 1.3 if dark else 0.6,
            "linestyle": "--" if dashed else "-",
            "shrinkA": 4.0,
            "shrinkB": 6.0,
        },
        zorder=3 if dark else 2,
    )


def _draw_ends(
    ax: Axes, found: Connections, view: Projection, place: np.ndarray, drawn: np.ndarray, given
) -> None:
    """Draw stars at ends that are no known point, and count the trajectories that diverge."""
    colors = {
        RunOutcome.OTHER_REST: COLORS["green"],
        RunOutcome.CYCLE: COLORS["sky blue"],
        RunOutcome.MOVING: COLORS["orange"],
        RunOutcome.DIVERGED: COLORS["grey"],
    }
    for outcome, color in colors.items():
        edges = np.flatnonzero((found.outcome == outcome) & drawn[found.source])
        if not len(edges):
            continue
        label = f"{pluralize(len(edges), 'way')} {outcome.short}"
        options: dict[str, Any] = {"linestyle": "none", "marker": "*", "markersize": 11.0}
        ends = as_plane(view.points(found.final[edges]))
        if not given or outcome == RunOutcome.DIVERGED:  # The place of the end is not known.
            ends = np.full((1, 2), np.nan)
        for edge, end in zip(edges, ends, strict=False):
            if np.isfinite(end).all():
                _arrow(ax, place[found.source[edge]], end, dark=False)
        ax.plot(*ends.T, **options, color=color, markeredgewidth=0.0, label=label, zorder=3)


def plot_basins(
    basins: Basins, *, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the figure that ``Basins.plot`` describes."""
    from matplotlib.ticker import PercentFormatter

    order = np.argsort(basins.fraction, kind="stable")
    names = [f"point {i}" for i in basins.attractors[order]]
    fraction, lower, upper = (
        part[order] for part in (basins.fraction, basins.lower, basins.upper)
    )
    n_run = int((basins.outcome != RunOutcome.NOT_RUN).sum())
    elsewhere = n_run - int(basins.counts.sum())
    if elsewhere:
        names.insert(0, "elsewhere")
        fraction = np.insert(fraction, 0, elsewhere / n_run)
        lower, upper = np.insert(lower, 0, np.nan), np.insert(upper, 0, np.nan)
    fig, ax = new_axes(fig, ax, size=(5.0, 1.2 + 0.3 * max(3, len(names))))
    height = np.arange(len(names))
    colors = [COLORS["grey" if name == "elsewhere" else "blue"] for name in names]
    ax.barh(height, fraction, height=0.7, color=colors)
    known = np.isfinite(lower)
    middle, half = 0.5 * (lower + upper), 0.5 * (upper - lower)
    ax.errorbar(
        middle[known],
        height[known],
        xerr=half[known],
        fmt="none",
        ecolor=COLORS["black"],
        elinewidth=1.2,
        capsize=3,
    )
    ax.set_yticks(height, names)
    ax.set_xlim(left=0.0)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    intervals = f"bars: {basins.confidence:.0%} intervals"
    that = "state that arrives" if n_run == 1 else f"{n_run:,} states that arrive"
    ax.set_xlabel(f"share of {'the ' if n_run == 1 else ''}{that} there\n({intervals})")
    return fig, ax
