"""Bifurcation diagrams: fixed points against the place on a path of inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.checks import as_numbers, check_index, is_number, shown
from fixedpoint_tf._utils.figures import COLORS, legend_above, new_axes, say_if_empty
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.analysis.continuation import Branches
from fixedpoint_tf.curves.ends import BifurcationType
from fixedpoint_tf.plotting.projection import coordinate_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_branches"]

_SIZES = {"X": 9.5, "P": 9.5, "*": 14.0}  # markers of little area; 7 for the others
_LINES: dict[str, tuple[str, Any, float, int]] = {
    "stable": (COLORS["black"], "-", 1.8, 3),
    "unstable": (COLORS["grey"], (0, (4, 2)), 1.3, 2),
    "marginal": (COLORS["green"], (0, (1, 1)), 1.8, 2),
}
_MARKERS = {
    BifurcationType.SADDLE_NODE: ("o", COLORS["vermillion"]),
    BifurcationType.BRANCH_POINT: ("s", COLORS["purple"]),
    BifurcationType.PERIOD_DOUBLING: ("^", COLORS["green"]),
    BifurcationType.NEIMARK_SACKER: ("D", COLORS["blue"]),
    BifurcationType.HOPF: ("D", COLORS["blue"]),
    BifurcationType.MULTIPLE: ("p", COLORS["orange"]),
    BifurcationType.BORDER_FOLD: ("X", COLORS["vermillion"]),
    BifurcationType.BORDER_COLLISION: ("P", COLORS["blue"]),
    BifurcationType.BORDER_BRANCH_POINT: ("*", COLORS["purple"]),
    BifurcationType.CONTINUUM: ("d", COLORS["green"]),
}


def plot_branches(
    branches: Branches,
    show: int | str | Any = "norm",
    *,
    along: int | None = None,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the figure that ``Branches.plot`` describes."""
    n_inputs = branches.inputs.shape[1]
    value, label = _vertical(branches, show)
    if along is None and n_inputs == 1:
        along = 0
    if along is not None:
        along = check_index(along, "along", n_inputs, "inputs")
    fig, ax = new_axes(fig, ax, size=(5.4, 4.2))
    drawn: set[str] = set()
    for branch in range(branches.n):
        x, across, stability = _with_bifurcations(branches, branch, along)
        y = value(x)
        for begin, end, name in _runs(stability):
            color, style, width, order = _LINES[name]
            ax.plot(
                across[begin : end + 1],
                y[begin : end + 1],
                color=color,
                linestyle=style,
                linewidth=width,
                zorder=order,
            )
            drawn.add(name)
    for name, (color, style, _, _) in _LINES.items():
        if name in drawn:
            ax.plot([], [], color=color, linestyle=style, linewidth=1.6, label=name)
    for what, (marker, color) in _MARKERS.items():
        rows = np.flatnonzero([one == what for one in branches.bifurcation_types])
        if len(rows):
            s, u = branches.bifurcation_s[rows], branches.bifurcation_inputs[rows]
            ax.plot(
                s if along is None else u[:, along],
                value(branches.bifurcation_states[rows]),
                linestyle="none",
                marker=marker,
                markersize=_SIZES.get(marker, 7.0),
                color=color,
                markeredgecolor="white",
                markeredgewidth=0.8,
                zorder=4,
                label=pluralize(len(rows), what, what.plural),
            )
    one = n_inputs == 1
    ax.set_xlabel(
        "place on the path, s" if along is None else "input" if one else f"input {along + 1}"
    )
    ax.set_ylabel(label)
    say_if_empty(ax, len(drawn), "no branches")
    legend_above(ax)
    return fig, ax


def _vertical(branches: Branches, show: Any):
    """Return the function on the vertical axis, and what it is called."""
    n_states = branches.xstar.shape[1]
    names = coordinate_names(branches.state_names, n_states)
    if isinstance(show, str):
        if show != "norm":
            raise ValueError(
                f"show: expected a unit, a vector or 'norm', received {shown(show)}."
            )
        if n_states > 1:
            return lambda x: np.linalg.norm(x, axis=-1), "length of the state"
        show = 0
    if is_number(show):
        unit = check_index(show, "show", n_states, "units")
        return lambda x: x[..., unit], names[unit]
    vector = as_numbers(
        show,
        "show",
        n_axes=(1,),
        sizes={0: n_states},
        shape=f"(n_states={n_states},)",
        finite=True,
    )
    return lambda x: x @ vector, "projection"


def _with_bifurcations(branches: Branches, branch: int, along: int | None):
    """Return states, positions and stability of a branch, its bifurcations inserted."""
    rows = branches.rows(branch)
    x, s, u = branches.xstar[rows], branches.s[rows], branches.inputs[rows]
    stability = _stability(branches, rows)
    mine = np.flatnonzero(branches.bifurcation_places[:, 0] == branch)
    after = branches.bifurcation_places[mine, 1]
    states = np.insert(x, after + 1, branches.bifurcation_states[mine], axis=0)
    place = np.insert(s, after + 1, branches.bifurcation_s[mine])
    inputs = np.insert(u, after + 1, branches.bifurcation_inputs[mine], axis=0)
    # What lies between two points takes the stability of the points; between a point and a
    # bifurcation, that of the point.
    is_point = np.insert(np.ones(len(x), bool), after + 1, False)
    known = np.insert(stability, after + 1, "")
    first, second = known[:-1], known[1:]
    both = np.select(
        [
            first == second,
            ((first == "marginal") | (second == "marginal"))
            & (first != "unstable")
            & (second != "unstable"),
        ],
        [first, "marginal"],
        "unstable",
    )
    between = np.where(
        is_point[:-1] & is_point[1:], both, np.where(is_point[:-1], first, second)
    )
    return states, place if along is None else inputs[:, along], between


def _stability(branches: Branches, rows: slice) -> np.ndarray:
    """Return "stable", "marginal" or "unstable" for each point."""
    words = linearization.classify(branches.eigenvalues[rows], branches.time)
    return np.where(np.isin(words, ["stable", "marginal"]), words, "unstable")


def _runs(stability: np.ndarray) -> list[tuple[int, int, str]]:
    """Return first and last point of each part of one stability."""
    if not len(stability):
        return []
    edges = np.flatnonzero(stability[1:] != stability[:-1]) + 1
    begins = np.concatenate([[0], edges])
    ends = np.concatenate([edges, [len(stability)]])
    return [(int(a), int(b), str(stability[a])) for a, b in zip(begins, ends, strict=True)]
