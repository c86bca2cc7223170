"""Eigenvalues of the linearised dynamics in the complex plane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.plotting.style import (
    COLORS,
    groups,
    lay_out,
    legend_above,
    new_axes,
    say_if_empty,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_eigenvalues"]


def plot_eigenvalues(
    fps: FixedPoints, *, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the eigenvalues of all points, with the edge of stability.

    The edge is the unit circle in discrete time and the imaginary axis in continuous
    time. The markers tell what kind of point an eigenvalue belongs to, as in
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
    if fps.n and fps.eigval_J_xstar is None:
        raise ValueError(
            "fps: expected points with eigenvalues, received eigval_J_xstar=None; "
            "decompose_jacobians() computes them."
        )
    fig, ax = new_axes(fig, ax, size=(4.8, 5.0))
    edge: dict[str, Any] = {"color": COLORS["grey"], "linewidth": 1.0, "zorder": 1}
    if fps.time == "discrete":
        angle = np.linspace(0.0, 2.0 * np.pi, 361)
        ax.plot(np.cos(angle), np.sin(angle), **edge, label="unit circle")
        unit = ""
    else:
        ax.axvline(0.0, **edge, label="imaginary axis")
        unit = " (1/time)"
    ax.axhline(0.0, color=COLORS["grey"], linewidth=0.5, zorder=0)
    drawn = groups(fps)
    for number, (look, points) in enumerate(drawn):
        if points.eigval_J_xstar is not None:
            values = points.eigval_J_xstar.ravel()
            options = look.marker_options() | {"markersize": 0.6 * look.size}
            label = look.label(points.n)
            ax.plot(values.real, values.imag, **options, label=label, zorder=2 + number)
    ax.set_xlabel(f"Re λ{unit}")
    ax.set_ylabel(f"Im λ{unit}")
    if fps.time == "discrete":
        ax.set_aspect("equal", adjustable="datalim")  # So that the circle is one.
    say_if_empty(ax, len(drawn))
    legend_above(ax)
    lay_out(fig)
    return fig, ax
