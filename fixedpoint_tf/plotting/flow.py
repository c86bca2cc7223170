"""The flow on a plane through chosen states, and how fast the states move there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.checks import check_whole
from fixedpoint_tf._utils.figures import legend_above, new_axes, padded
from fixedpoint_tf.plotting.projection import (
    Projection,
    coordinate_names,
    own_coordinates,
    principal_components,
)
from fixedpoint_tf.plotting.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_flow_field"]

MOST_PLACES = 2000  # on a side

#: A point further from the plane than this share of the plane's width is drawn faintly.
_OFF_PLANE = 0.05


def plot_flow_field(
    velocity: Callable[[np.ndarray], np.ndarray],
    states: np.ndarray,
    time: str,
    *,
    groups: Sequence[tuple[Look, np.ndarray]] = (),
    state_names: Any = None,
    margin: float = 0.3,
    n_grid: int = 81,
    n_arrows: int = 21,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw velocity on the plane through states: speed as colour, direction as arrows.

    Args:
        velocity: ``(n, n_states)`` states to ``(n, n_states)``, ``F(h) - h`` or ``dh/dt``.
        states: ``(n, n_states)``, that the plane goes through.
        time: ``"discrete"`` or ``"continuous"``.
        groups: the look of each kind of point to mark, and its states.
        state_names: pairs ``(name, size)`` of the blocks of the flat state, or None.
        margin: room around the states, as a share of their extent.
        n_grid: number of places on a side of the map of speed.
        n_arrows: number of arrows on a side.
        fig: the figure to add axes to.
        ax: the axes to draw in.

    Raises:
        ValueError: too few states, or states on one line.
    """
    check_whole(n_grid, "n_grid", least=2, most=MOST_PLACES)
    check_whole(n_arrows, "n_arrows", least=2, most=MOST_PLACES)
    plane = _plane(states)
    in_plane = plane.points(states) if len(states) else np.zeros((1, 2))
    limits = [padded(in_plane[:, i], margin) for i in range(2)]

    def on_grid(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y = (np.linspace(*limit, n) for limit in limits)
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        return x, y, velocity(plane.origin + grid @ plane.axes).reshape(n, n, -1)

    fig, ax = new_axes(fig, ax, size=(5.8, 5.0))
    from matplotlib.colors import LogNorm

    x, y, v = on_grid(n_grid)
    speed = np.linalg.norm(v, axis=2)
    positive = speed[np.isfinite(speed) & (speed > 0)]
    top = positive.max() if len(positive) else 1.0
    # The slowest few places, right beside a point, would stretch the scale without end.
    bottom = max(np.quantile(positive, 0.003), 1e-4 * top) if len(positive) else 0.1
    mesh = ax.pcolormesh(
        x,
        y,
        np.clip(speed, bottom, top),
        norm=LogNorm(bottom, top if top > bottom else 10.0 * bottom),
        cmap="viridis",
        shading="gouraud",
        zorder=0,
    )
    letter, per = ("|F(h) − h|", "per step") if time == "discrete" else ("|dh/dt|", "1/time")
    fig.colorbar(mesh, ax=ax, label=f"speed {letter} ({per})")

    x, y, v = on_grid(n_arrows)
    flow = plane.directions(v)
    length = np.linalg.norm(flow, axis=2, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        flow = np.where(length > 0, flow / length, 0.0)
    ax.quiver(
        x,
        y,
        flow[..., 0],
        flow[..., 1],
        color="white",
        alpha=0.8,
        pivot="mid",
        angles="xy",
        scale=1.3 * n_arrows,
        width=0.003,
        zorder=1,
    )
    _mark(ax, groups, plane, limits)
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])
    names = ["plane axis 1", "plane axis 2"]
    if states.shape[1] == 2:
        names = coordinate_names(state_names, 2)
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    legend_above(ax)
    return fig, ax


def _plane(states: np.ndarray) -> Projection:
    n, n_states = states.shape
    if n_states == 2:
        return own_coordinates(2)
    if n_states < 2:
        raise ValueError("system: expected at least 2 states to span a plane, received 1.")
    if n < 3:
        raise ValueError(f"points: expected at least 3 to span a plane, received {n}.")
    plane = principal_components(states, 2)
    if not plane.explained[1] > 1e-12:
        raise ValueError("points: expected points that span a plane, received ones on a line.")
    return plane


def _mark(
    ax: Axes,
    groups: Sequence[tuple[Look, np.ndarray]],
    plane: Projection,
    limits: list[tuple[float, float]],
) -> None:
    width = max(high - low for low, high in limits)
    for number, (look, states) in enumerate(groups):
        at = plane.points(states)
        away = states - plane.origin - at @ plane.axes
        near = np.linalg.norm(away, axis=1) <= _OFF_PLANE * width
        label = look.label(len(states))
        if not near.all():
            label += f" ({(~near).sum():,} off the plane, faint)"
        options = look.marker_options()
        if look.filled:
            options["markeredgewidth"] = 1.2  # Dark on the dark of slow places.
        for rows, alpha in ((near, 1.0), (~near, 0.35)):
            if rows.any():
                ax.plot(*at[rows].T, **options, alpha=alpha, label=label, zorder=3 + number)
                label = "_nolegend_"
