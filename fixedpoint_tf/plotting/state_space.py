"""Fixed points, their unstable modes and trajectories in the space of states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.plotting.projection import Projection, principal_components
from fixedpoint_tf.plotting.style import (
    COLORS,
    coordinate_names,
    groups,
    legend_above,
    new_axes,
    say_if_empty,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["checked_trajectories", "plot_fixed_points"]


def plot_fixed_points(
    fps: FixedPoints,
    state_traj: np.ndarray | None = None,
    *,
    plot_batch_idx: Sequence[int] | np.ndarray | None = None,
    plot_start_time: int = 0,
    plot_stop_time: int | None = None,
    mode_scale: float = 0.25,
    max_n_modes: int = 3,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw points, their unstable modes and trajectories.

    Stable fixed points are filled circles, unstable ones open diamonds, slow points
    triangles. The axes are the first three principal components, of the trajectories
    where given, else of the points; a system of one or two units is drawn in its own
    coordinates (one unit: over the time axis). Points that did not converge are not
    drawn.

    An unstable mode is a line along its right eigenvector, through the fixed point. The
    two modes of a complex pair are drawn along the axes of the ellipse in which the
    state spirals out.

    Args:
        fps: the points; there may be none.
        state_traj: ``(n_batch, n_time, n_states)`` or ``(n_time, n_states)``, states of
            the system; NaN where there are none.
        plot_batch_idx: which trajectories to draw, all by default. The principal
            components always come from all of them.
        plot_start_time: first time step drawn.
        plot_stop_time: the time step to stop before.
        mode_scale: length of half a line in units of the state, times the magnitude of
            the eigenvalue (discrete time only). 0 draws none.
        max_n_modes: number of modes drawn at a point, the fastest growing first.
        fig: the figure to add axes to.
        ax: the axes to draw in, three-dimensional ones for three units or more.

    Returns:
        The figure and the axes.

    Raises:
        ValueError: trajectories of another shape, or axes of another kind.

    Example:
        >>> import numpy as np
        >>> fps = FixedPoints(xstar=np.zeros((0, 5)), status=[])
        >>> fig, ax = plot_fixed_points(fps)
        >>> ax.get_zlabel()
        'PC 3'
    """
    trajectories = checked_trajectories(state_traj, fps.n_states)
    if mode_scale < 0:
        raise ValueError(f"mode_scale: expected a number >= 0, received {mode_scale!r}.")
    is_3d = fps.n_states > 2
    drawn = groups(fps)
    if is_3d:
        fitted = np.concatenate([fps.xstar[:0], *(points.xstar for _, points in drawn)])
        if trajectories is not None:
            fitted = trajectories.reshape(-1, fps.n_states)
        view = principal_components(fitted, 3)
    else:
        d = fps.n_states
        view = Projection(np.zeros(d), np.eye(d), np.full(d, np.nan))
    is_number_line = fps.n_states == 1 and trajectories is None
    size = (5.5, 5.0) if is_3d else (5.0, 1.8 if is_number_line else 4.5)
    fig, ax = new_axes(fig, ax, projection="3d" if is_3d else None, size=size)
    if is_3d:
        _prepare_3d(ax)

    if trajectories is not None:
        chosen = trajectories if plot_batch_idx is None else trajectories[plot_batch_idx]
        times = np.arange(chosen.shape[1])[plot_start_time:plot_stop_time]
        lines = view.points(chosen[:, times])
        if fps.n_states == 1:
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
    for number, (look, points) in enumerate(drawn):
        if look.adjective == "unstable" and mode_scale > 0:
            modes = view.points(_mode_lines(points, mode_scale, max_n_modes))
            if modes.size:
                ax.plot(
                    *_as_one_line(_on_number_line(modes)).T,
                    color=COLORS["vermillion"],
                    linewidth=1.4,
                    zorder=2,
                    label="unstable modes",
                )
        at = _on_number_line(view.points(points.xstar))
        ax.plot(*at.T, **look.marker_options(), label=look.label(points.n), zorder=3 + number)
    if is_3d:
        _open_flat_axes(ax)
    _label(ax, fps, view, has_time=trajectories is not None)
    say_if_empty(ax, len(drawn))
    legend_above(ax, height=0.9 if is_3d else 1.0)
    return fig, ax


def _prepare_3d(ax: Any) -> None:
    ax.computed_zorder = False  # Points are drawn over trajectories, seen from anywhere.
    ax.view_init(elev=22, azim=-60)
    ax.set_box_aspect(None, zoom=0.9)  # Room for the label of the vertical axis.
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color("white")
        axis.pane.set_edgecolor("0.8")
        axis.set_tick_params(pad=1)
        axis.labelpad = 7


def _open_flat_axes(ax: Any) -> None:
    """A line or a plane of points stays one: rounding is not stretched to a full axis."""
    limits = {letter: getattr(ax, f"get_{letter}lim")() for letter in "xyz"}
    widest = max(high - low for low, high in limits.values())
    for letter, (low, high) in limits.items():
        if high - low < 1e-6 * widest:
            middle = 0.5 * (low + high)
            getattr(ax, f"set_{letter}lim")(middle - widest / 2, middle + widest / 2)


def checked_trajectories(state_traj: Any, n_states: int) -> np.ndarray | None:
    """``(n_batch, n_time, n_states)``, or None where none are given."""
    if state_traj is None:
        return None
    states = np.asarray(state_traj, dtype=np.float64)
    if states.ndim == 2:
        states = states[None]
    if states.ndim != 3 or states.shape[2] != n_states:
        raise ValueError(
            "state_traj: expected shape (n_batch, n_time, n_states) or (n_time, n_states) "
            f"with n_states={n_states}, received {np.shape(state_traj)}."
        )
    return states


def _mode_lines(fps: FixedPoints, scale: float, max_n_modes: int) -> np.ndarray:
    """``(n_lines, 2, n_states)``, the ends of a line along each unstable mode."""
    if fps.eigval_J_xstar is None or fps.eigvec_J_xstar is None:
        return np.zeros((0, 2, fps.n_states))
    values = fps.eigval_J_xstar[:, :max_n_modes]
    vectors = np.moveaxis(fps.eigvec_J_xstar[:, :, :max_n_modes], 1, 2)
    edge = 1.0 if fps.time == "discrete" else 0.0
    point, mode = np.nonzero(
        linearization.growth(values, fps.time) > edge + linearization.STABILITY_TOL
    )
    value, vector = values[point, mode], vectors[point, mode]
    # The phase of an eigenvector is free: choose it so that its real and imaginary part
    # are at right angles, which are then the axes of the ellipse of the rotation.
    phase = np.exp(-0.5j * np.angle((vector**2).sum(axis=1)))
    vector = vector * phase[:, None]
    along = np.where(value.imag[:, None] < 0, vector.imag, vector.real)
    half = scale * along * (np.abs(value)[:, None] if fps.time == "discrete" else 1.0)
    centre = fps.xstar[point]
    return np.stack([centre - half, centre + half], axis=1)


def _on_number_line(coordinates: np.ndarray) -> np.ndarray:
    """A system of one unit is drawn along the horizontal axis, at height 0."""
    if coordinates.shape[-1] > 1:
        return coordinates
    return np.concatenate([coordinates, np.zeros_like(coordinates)], axis=-1)


def _as_one_line(lines: np.ndarray) -> np.ndarray:
    """Join lines ``(n_lines, n_points, 2 or 3)`` into one, with NaN between them."""
    gaps = np.full((len(lines), 1, lines.shape[2]), np.nan)
    return np.concatenate([lines, gaps], axis=1).reshape(-1, lines.shape[2])


def _label(ax: Axes, fps: FixedPoints, view: Projection, *, has_time: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    if fps.n_states > 2:
        names = [
            f"PC {i + 1}" + ("" if np.isnan(share) else f" ({share:.0%})")
            for i, share in enumerate(view.explained)
        ]
    else:
        names = coordinate_names(fps.state_names, fps.n_states)
    if len(names) == 1 and has_time:
        names.append("time (steps)")
        ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes = "xyz"[: len(names)]
    for letter, name in zip(axes, names, strict=True):
        ax.set(**{f"{letter}label": name})
    if len(names) == 1:
        ax.set_yticks([])
        ax.spines[["left", "right", "top"]].set_visible(False)
        ax.axhline(0.0, color=COLORS["grey"], linewidth=0.8, zorder=0)
    if len(names) == 3:
        for letter in ("x", "y", "z"):
            ax.locator_params(axis=letter, nbins=5)  # type: ignore[arg-type]
