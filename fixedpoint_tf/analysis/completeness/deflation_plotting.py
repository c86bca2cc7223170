"""The points of a deflated search, the new ones marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf.analysis.completeness.deflation import Deflated
from fixedpoint_tf.plotting.projection import principal_components
from fixedpoint_tf.plotting.state_space import plot_fixed_points
from fixedpoint_tf.plotting.style import COLORS, groups, legend_above

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_deflated"]


def plot_deflated(
    deflated: Deflated,
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
    """Draw the figure that ``Deflated.plot`` describes."""
    fig, ax = plot_fixed_points(
        deflated.points,
        state_traj,
        plot_batch_idx=plot_batch_idx,
        plot_start_time=plot_start_time,
        plot_stop_time=plot_stop_time,
        mode_scale=mode_scale,
        max_n_modes=max_n_modes,
        fig=fig,
        ax=ax,
    )
    at, n_states = deflated.new.xstar, deflated.points.n_states
    if n_states > 2:  # the axes of the figure beneath
        drawn = [points.xstar for _, points in groups(deflated.points)]
        fitted = np.concatenate([deflated.points.xstar[:0], *drawn])
        if state_traj is not None:
            fitted = np.asarray(state_traj, dtype=np.float64).reshape(-1, n_states)
        at = principal_components(fitted, 3).points(at)
    elif n_states == 1:
        at = np.hstack([at, np.zeros_like(at)])
    if len(at):
        ax.plot(
            *at.T,
            linestyle="none",
            marker="o",
            markersize=14,
            markerfacecolor="none",
            markeredgecolor=COLORS["blue"],
            markeredgewidth=1.5,
            zorder=20,
            label=f"{len(at):,} new",
        )
        legend_above(ax, height=0.9 if n_states > 2 else 1.0)
    return fig, ax
