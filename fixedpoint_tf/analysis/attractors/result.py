"""The groups of points, isolated or manifolds, with the evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.checks import check_index
from fixedpoint_tf._utils.ranges import Agreement
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.analysis.attractors.group import Group
from fixedpoint_tf.analysis.attractors.group_type import GroupType
from fixedpoint_tf.analysis.attractors.summary import summarize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Attractors"]

#: Attributes that have a row for each member; those of the others have one for each group.
OF_MEMBERS = (
    "members", "coordinate", "drift", "drift_between", "n_unstable", "is_slow_state",
)  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Attractors(Result):
    """Points sorted into isolated ones and manifolds, with the evidence.

    Iterate or index to get each :class:`Group`. The arrays of members are kept end to
    end, ``n_members`` of each group, in the order along a line or ring. The groups of each
    condition come largest first.

    When printed, the result begins with a plain sentence, and the evidence follows after a
    semicolon. In a ``cycle``, states move slowly round a closed curve in one direction, for
    ever. It has no fixed point and stores no memory; analyse it with
    :func:`fixedpoint_tf.analysis.find_cycles`.

    A ``line`` or ``ring`` does not always attract states, and states may drift along it: see
    ``return_time`` and ``largest_drift``. Any two-dimensional manifold is called a ``plane``,
    also a sphere or torus. The result depends on the sampling: points too far apart are called
    isolated or unclear. Slow points on no manifold that lead to an isolated point are counted
    in ``n_drawn``; others are unclear.

    Attributes:
        group_type: ``(n_groups,)``, of :class:`fixedpoint_tf.analysis.GroupType`.
        n_members: ``(n_groups,)``.
        members: ``(n_total,)``, rows of the FixedPoints given.
        coordinate: ``(n_total,)``, arc length along a line or ring, of the members once
            they have settled on it; NaN for others.
        drift: ``(n_total,)``, F(x) - x (continuous: dx/dt) at the settled members: the part
            along the line or ring, positive towards higher coordinates; for others its
            length.
        drift_between: ``(n_total,)``, drift midway between each member and the next (plane: and
            a member near it); NaN where there is none.
        n_slow: ``(n_total,)``, eigenvalues within 1 / slow of 1 (continuous: of 0).
        n_unstable: ``(n_total,)``, unstable directions.
        dimension_spectral: ``(n_groups,)``, the median of ``n_slow``.
        dimension_local: ``(n_groups,)``, from the geometry; 3 is three or more.
        agree: ``(n_groups,)``, whether the two are the same.
        length: ``(n_groups,)``, of a line or ring, else NaN.
        gap_ratio: ``(n_groups,)``, largest gap over the median gap, else NaN.
        covered: ``(n_groups,)``, share of the members on the line; low where it branches.
        largest_drift: ``(n_groups,)``, the largest speed along the manifold, at the
            members and between.
        time_along: ``(n_groups,)``, the shortest time constant of the slow modes.
        return_time: ``(n_groups,)``, the time constant in which the state returns to the
            manifold, of the slowest other mode at any member; infinite where it does not.
        condition: ``(n_groups,)``, row of ``inputs``.
        inputs: ``(n_conditions, n_inputs)``, the distinct inputs.
        xstar: ``(n_total, n_states)``, the members.
        settled: ``(n_total, n_states)``, where they are once they have settled on their
            line, ring or plane.
        min_time_constant: the threshold, in ``time_unit``.
        time_unit: ``step``, or ``unit of time`` for a continuous system.
        n_slow_points: how many of the points taken are slow points, not fixed points; -1
            where that is not known.
        is_slow_state: ``(n_total,)`` bool, the members that are slow points, not fixed points.
        n_left_out: given points that are neither fixed nor slow.
        n_repeated: points given that are the same as another, to within ``tol_unique``.
        n_not_slow: given slow points that do not count as slow here: states would cross the
            region of all the points in less than ``min_time_constant``.
        n_drawn: given slow points from which states move to an isolated point.
        n_turning: slow points given that are places where a cycle is slow.
        outcomes: of :class:`fixedpoint_tf.analysis.RunOutcome`, outcomes of runs from the given
            states that are neither fixed nor slow, or from 64 of them.
        interrupted: whether Ctrl-C ended the call early; points of groups that had not been
            analysed by then are left out.

    Example:
        >>> from fixedpoint_tf import FixedPointFinder
        >>> wells = FixedPointFinder(
        ...     lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0, verbose=False
        ... )
        >>> points, _ = wells.find_fixed_points([[-1.5], [0.1], [1.5]])
        >>> groups = wells.classify_attractors(points)
        >>> groups.group_type, groups.n_unstable.tolist()
        (('point', 'point', 'point'), [0, 1, 0])
    """

    group_type: tuple[GroupType, ...]
    n_members: np.ndarray
    members: np.ndarray
    coordinate: np.ndarray
    drift: np.ndarray
    drift_between: np.ndarray
    n_slow: np.ndarray
    n_unstable: np.ndarray
    dimension_spectral: np.ndarray
    dimension_local: np.ndarray
    agree: np.ndarray
    length: np.ndarray
    gap_ratio: np.ndarray
    covered: np.ndarray
    largest_drift: np.ndarray
    time_along: np.ndarray
    return_time: np.ndarray
    condition: np.ndarray
    inputs: np.ndarray
    xstar: np.ndarray
    settled: np.ndarray
    min_time_constant: float
    is_slow_state: np.ndarray
    outcomes: np.ndarray
    time_unit: str = "step"
    n_slow_points: int = -1
    n_left_out: int = 0
    n_repeated: int = 0
    n_not_slow: int = 0
    n_drawn: int = 0
    n_turning: int = 0
    interrupted: bool = False

    _axes = {
        "n_groups": "group_type n_members dimension_spectral dimension_local agree length "
        "gap_ratio covered largest_drift time_along return_time condition",
        "n_total": "members coordinate drift drift_between n_slow n_unstable is_slow_state",
        "n_conditions n_inputs": "inputs",
        "n_total n_states": "xstar settled",
        "n_outcomes": "outcomes",
    }
    _ranges = {
        "0 n_total": "n_members",
        "0 inf": "members length gap_ratio largest_drift time_along return_time "
        "min_time_constant n_left_out n_repeated n_not_slow n_drawn n_turning outcomes",
        "-1 inf": "n_slow_points",
        "-1 n_states": "n_slow n_unstable dimension_spectral",
        "-1 3": "dimension_local",
        "0 1": "covered",
        "0 <n_conditions": "condition",
    }
    _words = {"time_unit": ("step", "unit of time")}

    def __post_init__(self) -> None:
        types = tuple(GroupType(word) for word in self.group_type)
        object.__setattr__(self, "group_type", types)

    def _agreements(self) -> Iterator[Agreement]:
        n_total = len(self.members)
        yield "n_members", self.n_members.sum() == n_total, f"a sum of {n_total}, the members"
        same = self.dimension_spectral == self.dimension_local
        yield "agree", self.agree == same, "whether the two dimensions are the same"

    def __len__(self) -> int:
        return len(self.group_type)

    def rows(self, group: int) -> slice:
        """Return the rows of a group in the arrays of members.

        Args:
            group: number of the group; negative: from the end.
        """
        group = check_index(group, "group", len(self), "groups", negative=True)
        ends = np.cumsum(self.n_members)
        return slice(int(ends[group] - self.n_members[group]), int(ends[group]))

    def __getitem__(self, group: int) -> Group:
        rows = self.rows(group)
        parts: dict[str, Any] = {"time_unit": self.time_unit}
        for field in dataclasses.fields(Group):
            if field.name != "time_unit":
                value = getattr(self, field.name)
                parts[field.name] = value[rows if field.name in OF_MEMBERS else group]
        return Group(**parts)

    def __iter__(self) -> Iterator[Group]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        return summarize(self)

    def plot(
        self,
        *,
        condition: int | None = None,
        fig: Figure | None = None,
        ax: Axes | None = None,
    ) -> tuple[Figure, Axes]:
        """Draw each manifold in a colour of its own, its points joined in their order.

        Members with an unstable direction are open, others filled; slow states are small.
        Isolated points are black, those with an unstable direction open diamonds, unclear
        ones grey triangles. The axes are principal components of all points; slow states are
        drawn where they settle.

        Args:
            condition: draw the groups at one input only, by its row in ``inputs``.
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Raises:
            ValueError: there is no such condition.

        Example:
            >>> import numpy as np
            >>> from fixedpoint_tf import FixedPoints, as_system
            >>> from fixedpoint_tf.analysis import classify_attractors
            >>> wells = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=2, n_inputs=0)
            >>> points = FixedPoints(xstar=np.array([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]]))
            >>> fig, ax = classify_attractors(wells, points).plot()
            >>> [text.get_text() for text in ax.get_legend().get_texts()]
            ['3 isolated points, unstable']
        """
        from fixedpoint_tf.analysis.attractors.plotting import plot_attractors

        return plot_attractors(self, condition=condition, fig=fig, ax=ax)

    def plot_drift(
        self, group: int = 0, *, fig: Figure | None = None, ax: Axes | None = None
    ) -> tuple[Figure, Axes]:
        """Draw the drift along a line or ring over the distance along it.

        Above zero states move to the right, below it to the left: where the curve falls
        through zero they gather. Points are members (open: with an unstable direction), the
        line goes through them and the places midway between.

        Args:
            group: number of the group.
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Raises:
            ValueError: the group has no order along a line.

        Example:
            >>> import numpy as np
            >>> import tensorflow as tf
            >>> from fixedpoint_tf import FixedPoints, as_system
            >>> from fixedpoint_tf.analysis import classify_attractors
            >>> integrator = as_system(
            ...     lambda h, u: h * tf.constant([1.0, 0.5], h.dtype), n_states=2, n_inputs=0
            ... )
            >>> line = np.stack([np.linspace(-1, 1, 21), np.zeros(21)], axis=1)
            >>> groups = classify_attractors(integrator, FixedPoints(xstar=line))
            >>> fig, ax = groups.plot_drift()
            >>> ax.get_ylabel()
            'drift (per step)'
        """
        from fixedpoint_tf.analysis.attractors.plotting import plot_drift

        return plot_drift(self, group, fig=fig, ax=ax)
