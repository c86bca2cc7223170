"""Cycles in the space of states, and one state over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.checks import check_instance, check_whole
from fixedpoint_tf._utils.figures import COLORS, lay_out, legend_above, new_axes
from fixedpoint_tf.analysis.cycles import Cycles
from fixedpoint_tf.fixed_points.plotting import groups_of
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.plotting.projection import (
    coordinate_names,
    own_coordinates,
    principal_components,
)
from fixedpoint_tf.plotting.state_space import checked_trajectories

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_cycles"]

_BENEATH: dict[str, Any] = {
    "color": COLORS["grey"],
    "linewidth": 0.5,
    "alpha": 0.5,
    "zorder": 0,
}
_LINES = ["blue", "green", "purple", "sky blue", "orange"]
_MARKERS = ["o", "s", "^", "D", "v"]  # of unstable cycles, which share a colour


def plot_cycles(
    cycles: Cycles,
    fps: FixedPoints | None = None,
    *,
    state_traj: Any = None,
    max_n_cycles: int = 5,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the figure that ``Cycles.plot`` describes."""
    n_states = cycles.points.shape[1]
    check_instance(fps, "fps", FixedPoints, none=True)
    check_whole(max_n_cycles, "max_n_cycles", 0)
    if fps is not None and fps.n_states != n_states:
        raise ValueError(
            f"fps: expected fixed points of n_states={n_states}, received {fps.n_states}."
        )
    if fps is not None and fps.time != cycles.time:
        raise ValueError(
            f"fps: expected fixed points of a {cycles.time} system, received those of a "
            f"{fps.time} one."
        )
    paths = checked_trajectories(state_traj, n_states)
    fig, ax = new_axes(fig, ax, size=(5.4, 4.8))
    points = [] if fps is None else groups_of(fps)
    n_drawn = min(cycles.n, max_n_cycles)
    if n_states == 1:
        for path in () if paths is None else paths[:, :, 0]:
            times = np.arange(len(path))
            ax.plot(times, path, **_BENEATH)
        _draw_over_time(ax, cycles, n_drawn)
        for number, (look, some) in enumerate(points):
            for value in some.xstar[:, 0]:
                ax.axhline(value, color=look.color, linewidth=0.8, linestyle=":", zorder=1)
            ax.plot([], [], **look.marker_options(), label=look.label(some.n), zorder=number)
        ax.set_xlabel("step of the cycle" if cycles.time == "discrete" else "time")
        ax.set_ylabel(coordinate_names(cycles.state_names, 1)[0])
    else:
        shown = [cycles.orbit(i) for i in range(n_drawn)]
        if n_states == 2:
            view = own_coordinates(2)
            names = coordinate_names(cycles.state_names, 2)
        else:
            others = [some.xstar for _, some in points]
            if not shown and paths is not None:
                others = [paths.reshape(-1, n_states)]
            drawn = np.concatenate([np.zeros((0, n_states)), *(shown or others)])
            view = principal_components(drawn, 2)
            names = view.names
        for path in () if paths is None else paths:
            ax.plot(*view.points(path).T, **_BENEATH)
        for i, orbit in enumerate(shown):
            _draw_orbit(ax, cycles, i, view.points(orbit))
        for number, (look, some) in enumerate(points):
            at = view.points(some.xstar)
            options = look.marker_options()
            ax.plot(*at.T, **options, label=look.label(some.n), zorder=5 + number)
        ax.set_xlabel(names[0])
        ax.set_ylabel(names[1])
        ax.set_aspect("equal", adjustable="datalim")
    if 0 < n_drawn < cycles.n:
        ax.plot([], [], linestyle="none", label=f"{cycles.n - n_drawn} more not drawn")
    if not n_drawn:
        _say_there_are_none(ax, cycles, empty=not points and paths is None)
    legend_above(ax)
    lay_out(fig)
    return fig, ax


def _say_there_are_none(ax: Axes, cycles: Cycles, empty: bool) -> None:
    """Write that there are no cycles, in the middle of empty axes or in the legend."""
    found = "no cycles" if cycles.n == 0 else "no cycles drawn"
    ends = cycles.starts_in_words()
    words = f"{found}; starts: {ends}" if ends else found
    if not empty:
        ax.plot([], [], linestyle="none", label=words)
        return
    ax.text(0.5, 0.5, words.replace("; ", "\n"), transform=ax.transAxes, ha="center")
    ax.set_xticks([])
    ax.set_yticks([])


def _label(cycles: Cycles, i: int) -> str:
    words = f"{cycles.stability_in_words()[i]}, period {cycles.periods_in_words()[i]}"
    n = int(cycles.n_curves[i])
    return f"{words}, {n} closed curves" if n > 1 else words


def _strands(cycles: Cycles, i: int, at: np.ndarray) -> list[np.ndarray]:
    """Return the closed lines to draw, or single points where points have no order."""
    k, turns = len(at), int(cycles.turns[i])
    if cycles.is_exact[i] and turns > 1:
        if np.gcd(turns, k) > 1:
            return list(at[:, None])
        at = at[np.arange(k) * pow(turns, -1, k) % k]  # neighbours around the curve
    rings = at.reshape(int(cycles.n_curves[i]), -1, at.shape[1])
    return [np.concatenate([ring, ring[:1]]) for ring in rings]


def _look(cycles: Cycles, i: int, dots: bool) -> dict[str, Any]:
    """Return the keywords of ``Axes.plot`` for one cycle."""
    stable = bool(cycles.is_stable[i])
    color = COLORS[_LINES[i % len(_LINES)]] if stable else COLORS["vermillion"]
    n_before = int((~np.asarray(cycles.is_stable[:i])).sum())
    return {
        "color": color,
        "linestyle": "-" if stable else (0, (4, 2)),
        "solid_capstyle": "round",
        "marker": None if not dots else "o" if stable else _MARKERS[n_before % len(_MARKERS)],
        "markersize": 5.0,
        "markerfacecolor": color if stable else "white",
        "markeredgewidth": 0.0 if stable else 1.2,
        "zorder": 3 if stable else 2,
    }


def _draw_orbit(ax: Axes, cycles: Cycles, i: int, at: np.ndarray) -> None:
    dots = cycles.time == "discrete" and bool(cycles.is_exact[i])
    look = _look(cycles, i, dots) | {"linewidth": 0.7 if dots else 1.8}
    for number, strand in enumerate(_strands(cycles, i, at)):
        ax.plot(*strand.T, **look, label=None if number else _label(cycles, i))


def _draw_over_time(ax: Axes, cycles: Cycles, n_drawn: int) -> None:
    """Draw the values of one unit over one cycle."""
    for i in range(n_drawn):
        values = cycles.orbit(i)[:, 0]
        values = np.roll(values, -int(np.argmax(values)))
        times = np.arange(len(values) + 1) * cycles.period[i] / len(values)
        look = _look(cycles, i, bool(cycles.is_exact[i])) | {"linewidth": 1.0}
        ax.plot(times, np.append(values, values[0]), **look, label=_label(cycles, i))
    if cycles.time == "discrete":
        from matplotlib.ticker import MaxNLocator

        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
