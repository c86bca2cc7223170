"""Lines, rings, planes and isolated points in the space of states, and the drift along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.checks import check_index
from fixedpoint_tf._utils.figures import COLORS, lay_out, legend_above, new_axes, say_if_empty
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.analysis.attractors.group_type import GroupType
from fixedpoint_tf.analysis.connections.plotting import planar_view
from fixedpoint_tf.plotting.projection import as_plane

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fixedpoint_tf.analysis.attractors import Attractors, Group

__all__ = ["plot_attractors", "plot_drift"]

_CYCLE = ("blue", "green", "purple", "sky blue", "orange")
_CLOSED = (GroupType.RING, GroupType.CYCLE)
_MARKERS = {
    GroupType.LINE: "o",
    GroupType.RING: "o",
    GroupType.CYCLE: ".",
    GroupType.PLANE: "s",
    GroupType.UNCLEAR: "^",
}
MOST_NAMED = 5  # groups in the legend, beyond which it would cover the picture


def plot_attractors(
    attractors: Attractors,
    *,
    condition: int | None = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the figure that ``Attractors.plot`` describes."""
    groups = list(range(len(attractors)))
    if condition is not None:
        check_index(condition, "condition", len(attractors.inputs), "conditions")
        groups = [g for g in groups if attractors.condition[g] == condition]
    view, names = planar_view(attractors.settled)
    place = as_plane(view.points(attractors.settled))
    fig, ax = new_axes(fig, ax, size=(5.5, 2.0 if len(names) == 1 else 5.0))
    alone: list[int] = []
    unclear: list[int] = []
    n_named = 0
    several = len(set(attractors.condition[groups])) > 1
    for g in groups:
        rows = attractors.rows(g)
        if attractors.group_type[g] == GroupType.POINT:
            alone.append(rows.start)
            continue
        if attractors.n_members[g] == 1:
            unclear.append(rows.start)
            continue
        color = COLORS[_CYCLE[n_named % len(_CYCLE)]]
        label = _name(attractors[g]) if n_named < MOST_NAMED else None
        if label is not None and several:
            label += f", condition {attractors.condition[g]}"
        _draw_group(ax, attractors[g], place[rows], color, label)
        n_named += 1
    single, doubtful = np.array(alone, dtype=int), np.array(unclear, dtype=int)
    unstable = attractors.n_unstable[single] > 0
    for some, marker, color, filled, adjective, words in (
        (doubtful, "^", COLORS["grey"], True, "unclear", ""),
        (single[unstable], "D", COLORS["vermillion"], False, "isolated", ", unstable"),
        (single[~unstable], "o", COLORS["black"], True, "isolated", ", stable"),
    ):
        if len(some):
            ax.plot(
                *place[some].T,
                linestyle="none",
                marker=marker,
                markersize=7.0,
                color=color,
                markerfacecolor=color if filled else "white",
                zorder=4,
                label=f"{pluralize(len(some), f'{adjective} point')}{words}",
            )
    say_if_empty(ax, n_named + len(single) + len(doubtful), "no points")
    ax.set_xlabel(names[0])
    if len(names) == 2:
        ax.set_ylabel(names[1])
        ax.set_aspect("equal", adjustable="datalim")
    else:
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
    ax.margins(0.08)
    legend_above(ax)
    lay_out(fig)
    return fig, ax


def _name(group: Group) -> str:
    """Name a group, such as "ring of 16 points"."""
    unclear = ", unclear" if group.group_type == GroupType.UNCLEAR else ""
    return repr(group).split(" (")[0] + unclear


def _draw_group(
    ax: Axes, group: Group, place: np.ndarray, color: str, label: str | None
) -> None:
    if np.isfinite(group.coordinate).all() and len(group) > 1:
        closed = group.group_type in _CLOSED
        path = np.concatenate([place, place[:1]]) if closed else place
        ax.plot(*path.T, color=color, linewidth=1.2, zorder=2)
    # Slow states are small: only fixed points are stable or not.
    states, unstable = group.is_slow_state, group.n_unstable > 0
    large = 6.0 if (~states).sum() <= 40 else 3.5
    for rows, filled, size in (
        (~states & ~unstable, True, large),
        (~states & unstable, False, large),
        (states, True, 2.5),
    ):
        if rows.any():
            ax.plot(
                *place[rows].T,
                linestyle="none",
                marker=_MARKERS[group.group_type],
                markersize=size,
                color=color,
                markerfacecolor=color if filled else "white",
                label=label,
                zorder=3,
            )
            label = None


def plot_drift(
    attractors: Attractors,
    group: int = 0,
    *,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the figure that ``Attractors.plot_drift`` describes."""
    chosen = attractors[group]
    if not np.isfinite(chosen.coordinate).all():
        raise ValueError(
            f"group: expected a line or a ring, received {group}, which is: {chosen!r}."
        )
    fig, ax = new_axes(fig, ax, size=(5.5, 3.2))
    at, between = chosen.coordinate, np.isfinite(chosen.drift_between)
    following = np.append(at[1:], chosen.length)
    x = np.concatenate([at, (0.5 * (at + following))[between]])
    y = np.concatenate([chosen.drift, chosen.drift_between[between]])
    order = np.argsort(x, kind="stable")
    ax.axhline(0.0, color=COLORS["grey"], linewidth=0.8)
    x, y = x[order], y[order]
    if chosen.group_type in _CLOSED:  # which ends where it began
        x, y = np.append(x, chosen.length), np.append(y, y[0])
    states, unstable = chosen.is_slow_state, chosen.n_unstable > 0
    # Slow states lie a little beside the line, and each has a drift of its own.
    style: dict[str, Any] = {"linestyle": "none", "marker": ".", "markersize": 2.5}
    ax.plot(x, y, color=COLORS["blue"], **(style if states.all() else {"linewidth": 1.2}))
    size = 6.0 if (~states).sum() <= 40 else 3.5
    for rows, filled, words in (
        (~states & ~unstable, True, "stable"),
        (~states & unstable, False, "unstable"),
    ):
        if rows.any():
            ax.plot(
                at[rows],
                chosen.drift[rows],
                linestyle="none",
                marker="o",
                markersize=size,
                color=COLORS["blue"],
                markerfacecolor=COLORS["blue"] if filled else "white",
                label=f"{pluralize(int(rows.sum()), 'member')}, {words}",
            )
    # Below the rounding of a step there is no drift, and nothing to magnify.
    reach = max(1.15 * float(np.abs(y).max()), 1e-12)
    ax.set_ylim(-reach, reach)
    unclear = chosen.group_type == GroupType.UNCLEAR
    ax.set_xlabel(f"distance along the {'line' if unclear else chosen.group_type}")
    ax.set_ylabel(f"drift (per {chosen.time_unit})")
    ax.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    legend_above(ax, height=1.07)  # The power of ten of the drift stands below it.
    return fig, ax
