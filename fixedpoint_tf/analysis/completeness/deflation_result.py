"""Points known and new of a deflated search."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.hdf5_checks import Layout, nested_layout
from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.ranges import Agreement
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.fixed_points.points import FixedPoints

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Deflated"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Deflated(Result):
    """Points of a deflated search, by :func:`fixedpoint_tf.analysis.search_deflated`.

    Attributes:
        points: the known points in their order, then the new fixed points, with the arrays
            that both have; a new point under an input without a label has ``cond_id`` -1.
        is_new: ``(n,)`` bool, which of them are new.
        n_starts: number of starts.
        n_arrived: number of starts that reached a fixed point not known in that round.
        interrupted: whether the call was interrupted.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> from fixedpoint_tf.analysis import search_deflated
        >>> cubic = as_system(lambda h, u: h - h * (h - 1) * (h - 3), n_states=1, n_inputs=1)
        >>> known = FixedPoints(xstar=[[0.0]], inputs=[[0.0]], status=[0])
        >>> found = search_deflated(cubic, known, n_inits=16)
        >>> found.is_new.tolist(), found.points.n
        ([False, True, True], 3)
    """

    points: FixedPoints
    is_new: np.ndarray
    n_starts: int
    n_arrived: int
    interrupted: bool

    _axes = {"n": "is_new"}
    _ranges = {"0 inf": "n_starts n_arrived"}

    @classmethod
    def _layout(cls) -> Layout:
        return {**super()._layout(), **nested_layout("points", FixedPoints._layout())}

    def _agreements(self) -> Iterator[Agreement]:
        yield "n_arrived", self.n_arrived <= self.n_starts, "at most n_starts"

    def _check_values(self) -> None:
        super()._check_values()
        self.points._check_values()

    def __post_init__(self) -> None:
        if isinstance(self.points, dict):  # from a file
            object.__setattr__(self, "points", FixedPoints(**self.points))
        if self.is_new.shape != (self.points.n,):
            raise ValueError(
                f"is_new: expected one of each of {self.points.n} points, received "
                f"{self.is_new.shape}."
            )

    @property
    def new(self) -> FixedPoints:
        """The new fixed points."""
        return self.points[self.is_new]

    def __repr__(self) -> str:
        n = int(self.is_new.sum())
        ending = " (interrupted)" if self.interrupted else ""
        return (
            f"{pluralize(n, 'new fixed point')} beside "
            f"{pluralize(self.points.n - n, 'known point')}, from "
            f"{pluralize(self.n_starts, 'deflated start')}{ending}"
        )

    def plot(
        self,
        state_traj: Any = None,
        *,
        plot_batch_idx: Sequence[int] | np.ndarray | None = None,
        plot_start_time: int = 0,
        plot_stop_time: int | None = None,
        mode_scale: float = 0.25,
        max_n_modes: int = 3,
        fig: Figure | None = None,
        ax: Axes | None = None,
    ) -> tuple[Figure, Axes]:
        """Draw all points as :func:`fixedpoint_tf.plotting.plot_fixed_points` does.

        Each new point is circled.

        Args:
            state_traj: trajectories to draw with the points.
            plot_batch_idx, plot_start_time, plot_stop_time, mode_scale, max_n_modes: as in that
                function.
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Example:
            >>> from fixedpoint_tf import FixedPoints
            >>> points = FixedPoints(xstar=[[0.0, 0.0], [1.0, 1.0]], status=[0, 0])
            >>> found = Deflated(points, np.array([False, True]), 8, 1, False)
            >>> fig, ax = found.plot()
            >>> [text.get_text() for text in ax.get_legend().texts]
            ['2 fixed points', '1 new']
        """
        from fixedpoint_tf.analysis.completeness.deflation_plotting import plot_deflated

        return plot_deflated(
            self,
            state_traj,
            plot_batch_idx=plot_batch_idx,
            plot_start_time=plot_start_time,
            plot_stop_time=plot_stop_time,
            mode_scale=mode_scale,
            max_n_modes=max_n_modes,
            fig=fig,
            ax=ax,
        )
