"""Fixed points of a proof of completeness, the new ones marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixedpoint_tf.analysis.completeness.proof.result import Completeness
from fixedpoint_tf.fixed_points.plotting import groups_of
from fixedpoint_tf.plotting.state_space import plot_states

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_completeness"]


def plot_completeness(
    completeness: Completeness, *, fig: Figure | None = None, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the figure that ``Completeness.plot`` describes."""
    new = completeness.new.xstar
    return plot_states(
        [(look, some.xstar) for look, some in groups_of(completeness.points)],
        n_states=completeness.xstar.shape[1],
        rings=(new, f"{len(new):,} new"),
        fig=fig,
        ax=ax,
    )
