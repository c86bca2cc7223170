"""The flow on a plane through chosen points, and how fast the states move there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.linearization.time_units import check_time
from fixedpoint_tf.plotting.projection import Projection, principal_components
from fixedpoint_tf.plotting.style import (
    coordinate_names,
    groups,
    legend_above,
    new_axes,
    padded,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_flow"]

#: A point further from the plane than this share of the plane's width is drawn faintly.
_OFF_PLANE = 0.05


class System(Protocol):
    """The attributes of a dynamical system that the flow field needs."""

    n_states: int
    n_inputs: int
    time: str

    def step(self, h: Any, u: Any) -> Any:
        """(n, n_states), (n, n_inputs) -> the next states, or dh/dt."""


def plot_flow(
    system: System,
    points: FixedPoints | np.ndarray,
    inputs: np.ndarray | None = None,
    *,
    fps: FixedPoints | None = None,
    margin: float = 0.3,
    n_grid: int = 81,
    n_arrows: int = 21,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the flow and the speed of a system on a plane.

    The plane goes through three points; through more it is the one of their first two
    principal components. A system of two units is drawn in its own coordinates. Colour
    shows the whole speed, ``|F(h) - h|`` (continuous: ``|dh/dt|``), on a logarithmic scale; the
    arrows show the direction of the part that lies in the plane, all in one length.

    Beware that the plane need not be invariant: where the arrows seem to meet, the state
    may leave the plane, and only dark places where the colour agrees are near fixed
    points.

    Args:
        system: anything with ``step``, ``n_states``, ``n_inputs`` and ``kind``.
        points: ``(n, n_states)`` or a set of points, that the plane goes through and that
            the figure has in view. At least three, unless the system has two units.
        inputs: ``(n_inputs,)``, the constant input. By default that of ``points`` where
            they all have the same, else zero where there are none.
        fps: points to mark, by default ``points`` where they are a ``FixedPoints``. Those
            away from the plane are drawn faintly, where they project to.
        margin: room around the points, as a share of their extent.
        n_grid: number of places on a side of the map of speed.
        n_arrows: number of arrows on a side.
        fig: the figure to add axes to.
        ax: the axes to draw in.

    Returns:
        The figure and the axes.

    Raises:
        ValueError: too few points, points on one line, or arrays of another shape.

    Example:
        >>> import numpy as np
        >>> class Spiral:
        ...     n_states, n_inputs, time = 2, 0, "continuous"
        ...     def step(self, h, u):
        ...         return h @ np.array([[-0.1, 1.0], [-1.0, -0.1]])
        >>> fig, ax = plot_flow(Spiral(), np.array([[-1.0, -1.0], [1.0, 1.0]]))
        >>> ax.get_xlabel()
        'state 1'
    """
    check_time(system.time)
    states = points.xstar if isinstance(points, FixedPoints) else np.asarray(points, float)
    if states.ndim != 2 or states.shape[1] != system.n_states:
        raise ValueError(
            f"points: expected shape (n, n_states={system.n_states}), received {states.shape}."
        )
    if not np.isfinite(states).all():
        raise ValueError("points: expected finite states, received NaN or infinity.")
    constant_input = _constant_input(system, points, inputs)
    plane = _plane(states)
    if fps is None and isinstance(points, FixedPoints):
        fps = points

    in_plane = plane.points(states) if len(states) else np.zeros((1, 2))
    limits = [padded(in_plane[:, i], margin) for i in range(2)]

    def velocity(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        x, y = (np.linspace(*limit, n) for limit in limits)
        grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
        h = plane.origin + grid @ plane.axes
        moved = np.asarray(system.step(h, np.tile(constant_input, (len(h), 1))), np.float64)
        return x, y, (moved - h if system.time == "discrete" else moved).reshape(n, n, -1)

    fig, ax = new_axes(fig, ax, size=(5.8, 5.0))
    from matplotlib.colors import LogNorm

    x, y, v = velocity(n_grid)
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
    letter, per = (
        ("|F(h) − h|", "per step") if system.time == "discrete" else ("|dh/dt|", "1/time")
    )
    fig.colorbar(mesh, ax=ax, label=f"speed {letter} ({per})")

    x, y, v = velocity(n_arrows)
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
    if fps is not None:
        _mark(ax, fps, plane, limits)
    ax.set_xlim(limits[0])
    ax.set_ylim(limits[1])
    names = ["plane axis 1", "plane axis 2"]
    if system.n_states == 2:
        names = coordinate_names(getattr(system, "state_names", None), 2)
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    legend_above(ax, n_columns=1)
    return fig, ax


def _constant_input(
    system: System, points: FixedPoints | np.ndarray, inputs: np.ndarray | None
) -> np.ndarray:
    if inputs is None:
        if not isinstance(points, FixedPoints) or points.inputs is None or not points.n:
            if system.n_inputs:
                raise ValueError(
                    f"inputs: expected shape (n_inputs={system.n_inputs},), received None."
                )
            return np.zeros(0)
        if np.ptp(points.inputs, axis=0).max(initial=0.0) > 0:
            raise ValueError(
                "inputs: expected one input, since the points have several; received None."
            )
        inputs = points.inputs[0]
    constant = np.asarray(inputs, dtype=np.float64)
    if constant.shape == (1, system.n_inputs):
        constant = constant[0]
    if constant.shape != (system.n_inputs,):
        raise ValueError(
            f"inputs: expected shape (n_inputs={system.n_inputs},), received {constant.shape}."
        )
    return constant


def _plane(states: np.ndarray) -> Projection:
    n, n_states = states.shape
    if n_states == 2:
        return Projection(np.zeros(2), np.eye(2), np.full(2, np.nan))
    if n_states < 2:
        raise ValueError("system: expected at least 2 states to span a plane, received 1.")
    if n < 3:
        raise ValueError(f"points: expected at least 3 to span a plane, received {n}.")
    plane = principal_components(states, 2)
    if not plane.explained[1] > 1e-12:
        raise ValueError("points: expected points that span a plane, received ones on a line.")
    return plane


def _mark(
    ax: Axes, fps: FixedPoints, plane: Projection, limits: list[tuple[float, float]]
) -> None:
    width = max(high - low for low, high in limits)
    for number, (look, points) in enumerate(groups(fps)):
        at = plane.points(points.xstar)
        away = points.xstar - plane.origin - at @ plane.axes
        near = np.linalg.norm(away, axis=1) <= _OFF_PLANE * width
        label = look.label(points.n)
        if not near.all():
            label += f" ({(~near).sum():,} off the plane, faint)"
        options = look.marker_options()
        if look.filled:
            options["markeredgewidth"] = 1.2  # Dark on the dark of slow places.
        for rows, alpha in ((near, 1.0), (~near, 0.35)):
            if rows.any():
                ax.plot(*at[rows].T, **options, alpha=alpha, label=label, zorder=3 + number)
                label = "_nolegend_"
