"""The points of a deflated search, the new ones marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.checks import check_number, check_whole
from fixedpoint_tf.analysis.completeness.deflation_result import Deflated
from fixedpoint_tf.fixed_points.plotting import groups_of, mode_lines
from fixedpoint_tf.plotting.state_space import plot_states

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
    check_number(mode_scale, "mode_scale", closed="low")
    check_whole(max_n_modes, "max_n_modes", 0)
    points, new = deflated.points, deflated.new.xstar
    drawn = groups_of(points)
    return plot_states(
        [(look, some.xstar) for look, some in drawn],
        state_traj,
        n_states=points.n_states,
        modes=mode_lines(drawn, mode_scale, max_n_modes),
        rings=(new, f"{len(new):,} new"),
        state_names=points.state_names,
        plot_batch_idx=plot_batch_idx,
        plot_start_time=plot_start_time,
        plot_stop_time=plot_stop_time,
        fig=fig,
        ax=ax,
    )
