"""Points, lines along their modes and trajectories in the space of states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.checks import as_numbers, check_whole, shown
from fixedpoint_tf._utils.figures import COLORS, legend_above, new_axes, say_if_empty
from fixedpoint_tf._utils.plurals import pluralize
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

__all__ = ["checked_trajectories", "plot_states"]


def plot_states(
    groups: Sequence[tuple[Look, np.ndarray]],
    state_traj: np.ndarray | None = None,
    *,
    n_states: int,
    modes: np.ndarray | None = None,
    rings: tuple[np.ndarray, str] | None = None,
    state_names: Any = None,
    plot_batch_idx: Sequence[int] | np.ndarray | None = None,
    plot_start_time: int = 0,
    plot_stop_time: int | None = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw states of several kinds, among trajectories where given.

    Args:
        groups: the look of each kind of point, and states ``(n, n_states)``.
        state_traj: ``(n_batch, n_time, n_states)`` or ``(n_time, n_states)``, NaN where
            there are none; of these ``plot_batch_idx`` are drawn, and of the time steps
            ``plot_start_time`` to before ``plot_stop_time``.
        n_states: length of the flat state. Three and more are drawn in their first three
            principal components, of all trajectories where given.
        modes: ``(n_lines, 2, n_states)``, ends of the lines along unstable modes.
        rings: states ``(n, n_states)`` to draw a ring around, and their name.
        state_names: pairs ``(name, size)`` of the blocks of the flat state, or None.
        fig: the figure to add axes to.
        ax: the axes to draw in, three-dimensional ones for three units or more.

    Raises:
        ValueError: trajectories of another shape, or axes of another kind.
    """
    trajectories = checked_trajectories(state_traj, n_states)
    rows, steps = _drawn(trajectories, plot_batch_idx, plot_start_time, plot_stop_time)
    is_3d = n_states > 2
    if not is_3d:
        view = own_coordinates(n_states)
    elif trajectories is not None:
        view = principal_components(trajectories.reshape(-1, n_states), 3)
    else:
        drawn = [np.zeros((0, n_states)), *(states for _, states in groups)]
        view = principal_components(np.concatenate(drawn), 3)
    is_number_line = n_states == 1 and trajectories is None
    size = (5.5, 5.0) if is_3d else (5.0, 1.8 if is_number_line else 4.5)
    fig, ax = new_axes(fig, ax, projection="3d" if is_3d else None, size=size)
    if is_3d:
        _prepare_3d(ax)

    if trajectories is not None:
        chosen = trajectories[rows]
        times = np.arange(chosen.shape[1])[steps]
        lines = view.points(chosen[:, times])
        if n_states == 1:
            over_time = np.broadcast_to(times[None, :, None], lines.shape)
            lines = np.concatenate([lines, over_time], axis=2)
        if lines.size:
            ax.plot(
                *_as_one_line(lines).T,
                color=COLORS["sky blue"],
                linewidth=0.5 if is_3d else 0.8,
                alpha=0.6 if is_3d else 0.8,
                zorder=1,
                label=pluralize(len(lines), "trajectory", "trajectories"),
            )
    if modes is not None and modes.size:
        ax.plot(
            *_as_one_line(as_plane(view.points(modes))).T,
            color=COLORS["vermillion"],
            linewidth=1.4,
            zorder=2,
            label="unstable modes",
        )
    for number, (look, states) in enumerate(groups):
        at = as_plane(view.points(states))
        ax.plot(*at.T, **look.marker_options(), label=look.label(len(at)), zorder=3 + number)
    if rings is not None and len(rings[0]):
        ax.plot(
            *as_plane(view.points(rings[0])).T,
            linestyle="none",
            marker="o",
            markersize=14,
            markerfacecolor="none",
            markeredgecolor=COLORS["blue"],
            markeredgewidth=1.5,
            zorder=20,
            label=rings[1],
        )
    if is_3d:
        _open_flat_axes(ax)
    _label(ax, view, state_names, has_time=trajectories is not None)
    say_if_empty(ax, len(groups), "no fixed or slow points")
    legend_above(ax, height=0.9 if is_3d else 1.0)
    return fig, ax


def _prepare_3d(ax: Any) -> None:
    ax.computed_zorder = False  # Points are drawn over trajectories, seen from anywhere.
    ax.view_init(elev=22, azim=-60)
    ax.set_box_aspect(None, zoom=0.9)  # Room for the label of the vertical axis.
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color("white")
        axis.pane.set_edgecolor("0.8")
        axis.set_tick_params(pad=4 if axis is ax.zaxis else 1)
        axis.labelpad = 7


def _open_flat_axes(ax: Any) -> None:
    """Widen axes along which points vary by rounding only."""
    limits = {letter: getattr(ax, f"get_{letter}lim")() for letter in "xyz"}
    widest = max(high - low for low, high in limits.values())
    for letter, (low, high) in limits.items():
        if high - low < 1e-6 * widest:
            middle = 0.5 * (low + high)
            getattr(ax, f"set_{letter}lim")(middle - widest / 2, middle + widest / 2)


def checked_trajectories(state_traj: Any, n_states: int) -> np.ndarray | None:
    """Return trajectories ``(n_batch, n_time, n_states)``, checked, or None if not given."""
    if state_traj is None:
        return None
    states = as_numbers(
        state_traj,
        "state_traj",
        n_axes=(2, 3),
        sizes={-1: n_states},
        shape=f"(n_batch, n_time, n_states) or (n_time, n_states) with n_states={n_states}",
    )
    return states[None] if states.ndim == 2 else states


def _drawn(
    trajectories: np.ndarray | None, trials: Any, start: Any, stop: Any
) -> tuple[Any, slice]:
    """Return the trials and time steps to draw, where negative numbers count from the end."""
    n_trials, n_time = (0, 0) if trajectories is None else trajectories.shape[:2]
    check_whole(start, "plot_start_time", -n_time)
    if stop is not None:
        check_whole(stop, "plot_stop_time", -n_time)
    if trials is None:
        return slice(None), slice(start, stop)
    rows = as_numbers(trials, "plot_batch_idx", dtype=None)
    rows = rows.astype(int) if rows.size == 0 else rows
    is_mask = rows.dtype == bool
    if (
        rows.ndim != 1
        or rows.dtype.kind not in "biu"
        or (is_mask and len(rows) != n_trials)
        or (not is_mask and ((rows < -n_trials) | (rows >= n_trials)).any())
    ):
        raise ValueError(
            f"plot_batch_idx: expected a list of trials from 0 to {n_trials - 1}, received "
            f"{shown(trials)}."
        )
    return rows, slice(start, stop)


def _as_one_line(lines: np.ndarray) -> np.ndarray:
    """Join lines ``(n_lines, n_points, 2 or 3)`` into one, with NaN between them."""
    gaps = np.full((len(lines), 1, lines.shape[2]), np.nan)
    return np.concatenate([lines, gaps], axis=1).reshape(-1, lines.shape[2])


def _label(ax: Axes, view: Projection, state_names: Any, *, has_time: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    n_states = len(view.origin)
    names = view.names if n_states > 2 else coordinate_names(state_names, n_states)
    if len(names) == 1 and has_time:
        names.append("time (steps)")
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes = "xyz"[: len(names)]
    for letter, name in zip(axes, names, strict=True):
        ax.set(**{f"{letter}label": name})
    if len(names) == 1:
        ax.set_yticks([])
        ax.spines["left"].set_visible(False)
        ax.axhline(0.0, color=COLORS["grey"], linewidth=0.8, zorder=0)
    if len(names) == 3:
        for axis in (ax.xaxis, ax.yaxis, ax.zaxis):  # type: ignore[attr-defined]
            # Numbers at the ends of two axes would touch where they meet.
            axis.set_major_locator(MaxNLocator(5, prune="both"))
