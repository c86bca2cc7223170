"""Pictures of fixed points: in state space, their spectra and their speeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.checks import check_instance, check_number, check_whole
from fixedpoint_tf._utils.figures import COLORS
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.plotting.spectra import plot_spectra
from fixedpoint_tf.plotting.speeds import plot_speeds
from fixedpoint_tf.plotting.state_space import plot_states
from fixedpoint_tf.plotting.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "groups_of",
    "mode_lines",
    "plot_eigenvalues",
    "plot_fixed_points",
    "plot_fps",
    "plot_q",
]

_SLOW = Look("", "slow point", "^", COLORS["orange"], 7.0)
_STATUS_COLORS = {
    Status.FIXED_POINT: COLORS["blue"],
    Status.SLOW_POINT: COLORS["orange"],
    Status.NOT_CONVERGED: COLORS["grey"],
    Status.DIVERGED: COLORS["vermillion"],
    Status.OUTLIER: COLORS["purple"],
    Status.NOT_SLOW: COLORS["sky blue"],
}


def groups_of(fps: FixedPoints) -> list[tuple[Look, FixedPoints]]:
    """Return the points by kind in drawing order, without empty kinds.

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
        plot_batch_idx: numbers of the trajectories to draw, all by default. The principal
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
    check_instance(fps, "fps", FixedPoints)
    check_number(mode_scale, "mode_scale", closed="low")
    check_whole(max_n_modes, "max_n_modes", 0)
    drawn = groups_of(fps)
    return plot_states(
        [(look, points.xstar) for look, points in drawn],
        state_traj,
        n_states=fps.n_states,
        modes=mode_lines(drawn, mode_scale, max_n_modes),
        state_names=fps.state_names,
        plot_batch_idx=plot_batch_idx,
        plot_start_time=plot_start_time,
        plot_stop_time=plot_stop_time,
        fig=fig,
        ax=ax,
    )


#: The name of the same figure in FixedPointFinder (Golub & Sussillo 2018).
plot_fps = plot_fixed_points


def mode_lines(
    groups: Sequence[tuple[Look, FixedPoints]], scale: float, max_n_modes: int
) -> np.ndarray | None:
    """Return the ends ``(n_lines, 2, n_states)`` of a line along each unstable mode."""
    points = next((some for look, some in groups if look.adjective == "unstable"), None)
    if scale == 0 or points is None:
        return None
    if points.eigval_J_xstar is None or points.eigvec_J_xstar is None:
        return None
    values = points.eigval_J_xstar[:, :max_n_modes]
    vectors = np.moveaxis(points.eigvec_J_xstar[:, :, :max_n_modes], 1, 2)
    edge = 1.0 if points.time == "discrete" else 0.0
    point, mode = np.nonzero(
        linearization.growth(values, points.time) > edge + linearization.STABILITY_TOL
    )
    value, vector = values[point, mode], vectors[point, mode]
    # The phase of an eigenvector is free: choose it so that its real and imaginary part
    # are at right angles, which are then the axes of the ellipse of the rotation.
    phase = np.exp(-0.5j * np.angle((vector**2).sum(axis=1)))
    vector = vector * phase[:, None]
    along = np.where(value.imag[:, None] < 0, vector.imag, vector.real)
    half = scale * along * (np.abs(value)[:, None] if points.time == "discrete" else 1.0)
    centre = points.xstar[point]
    return np.stack([centre - half, centre + half], axis=1)


def plot_eigenvalues(
    fps: FixedPoints, *, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the eigenvalues of all points, with the edge of stability.

    The edge is the unit circle in discrete time and the imaginary axis in continuous
    time. The markers show the kind of point that an eigenvalue belongs to, as in
    :func:`fixedpoint_tf.plotting.plot_fixed_points`.

    Args:
        fps: points with eigenvalues; there may be none.
        fig: the figure to add axes to.
        ax: the axes to draw in.

    Returns:
        The figure and the axes.

    Raises:
        ValueError: there are points, and their eigenvalues were not computed.

    Example:
        >>> import numpy as np
        >>> fps = FixedPoints(
        ...     xstar=np.zeros((1, 2)), eigval_J_xstar=[[0.5j, -0.5j]], status=[0]
        ... )
        >>> fig, ax = plot_eigenvalues(fps)
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['unit circle', '1 stable fixed point']
    """
    check_instance(fps, "fps", FixedPoints)
    if fps.n and fps.eigval_J_xstar is None:
        raise ValueError(
            "fps: expected points with eigenvalues, received eigval_J_xstar=None; "
            "decompose_jacobians() computes them."
        )
    groups = [
        (look, points.eigval_J_xstar)
        for look, points in groups_of(fps)
        if points.eigval_J_xstar is not None
    ]
    return plot_spectra(groups, fps.time, fig=fig, ax=ax)


def plot_q(
    fps: FixedPoints,
    *,
    tol_q: float | None = None,
    n_bins: int = 40,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the distribution of the speed q, one row of bars for each status.

    Each row is scaled to its own highest bar, so that few points of one status are not
    lost beside many of another; the number of points stands beside its name. A gap
    between the rows is what tells fixed points from slow ones.

    Args:
        fps: the points, best all of a search; there may be none.
        tol_q: a tolerance to draw as a line; before one far above all speeds the axis has a
            break.
        n_bins: number of bars in the range of q, equally wide in log q.
        fig: the figure to add axes to.
        ax: the axes to draw in.

    Returns:
        The figure and the axes.

    Raises:
        ValueError: there are points, and ``qstar`` was not computed.

    Example:
        >>> import numpy as np
        >>> fps = FixedPoints(xstar=np.zeros((2, 1)), qstar=[1e-20, 1e-6], status=[0, 1])
        >>> fig, ax = plot_q(fps)
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['slow point (1)', 'fixed point (1)']
    """
    check_instance(fps, "fps", FixedPoints)
    check_whole(n_bins, "n_bins")
    if tol_q is not None:
        check_number(tol_q, "tol_q", closed="low")
    if fps.n and fps.qstar is None:
        raise ValueError("fps: expected points with qstar, received qstar=None.")
    q = np.zeros(0) if fps.qstar is None else fps.qstar
    if fps.status is None:
        groups = [("unknown status", COLORS["grey"], q)] if fps.n else []
    else:
        groups = [
            (status.name.lower().replace("_", " "), color, q[fps.status == status])
            for status, color in reversed(_STATUS_COLORS.items())
            if (fps.status == status).any()
        ]
    return plot_speeds(groups, fps.time, tol_q=tol_q, n_bins=n_bins, fig=fig, ax=ax)
