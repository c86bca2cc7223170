"""The groups of points, isolated or manifolds, with the evidence, in words and figures."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.analysis.attractors.group_type import GroupType
from fixedpoint_tf.analysis.attractors.grouping import BRANCHED
from fixedpoint_tf.analysis.outcomes import RunOutcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Attractors", "Group"]

MANIFOLDS = (GroupType.LINE, GroupType.RING, GroupType.PLANE)


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """One isolated point or manifold; see :class:`Attractors` for the fields.

    Example:
        >>> from fixedpoint_tf import FixedPointFinder
        >>> wells = FixedPointFinder(
        ...     lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0, verbose=False
        ... )
        >>> points, _ = wells.find_fixed_points([[-1.5], [0.1], [1.5]])
        >>> wells.classify_attractors(points)[1]
        isolated point 1 (with 1 unstable direction)
    """

    group_type: GroupType
    members: np.ndarray
    coordinate: np.ndarray
    drift: np.ndarray
    drift_between: np.ndarray
    n_unstable: np.ndarray
    dimension_spectral: int
    dimension_local: int
    agree: bool
    length: float
    gap_ratio: float
    covered: float
    largest_drift: float
    time_along: float
    return_time: float
    time_unit: str
    is_slow_state: np.ndarray

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        if len(self) == 1 and self.group_type == GroupType.POINT:
            return f"isolated point {self.members[0]} ({_stability(self.n_unstable)})"
        if len(self) == 1:
            modes = pluralize(self.dimension_spectral, "slow mode")
            why = f"{modes} but no neighbours" if self.dimension_spectral else "slow, not fixed"
            return f"unclear point {self.members[0]} ({why})"
        name = "group" if self.group_type == GroupType.UNCLEAR else self.group_type
        unclear = "" if name == self.group_type else ", unclear"
        return f"{name} of {self._size()} ({', '.join(self._facts())}){unclear}"

    def _size(self) -> str:
        """Such as "16 points and 84 slow states"; the latter have been sampled between."""
        n_states = int(self.is_slow_state.sum())
        n_points = len(self) - n_states
        parts = [pluralize(n_points, "point")] if n_points else []
        parts += [pluralize(n_states, "slow state")] if n_states else []
        return " and ".join(parts)

    def _facts(self) -> list[str]:
        """Length, drift, return and what is doubtful, in a few words each."""
        facts = []
        if self.group_type in (GroupType.LINE, GroupType.RING, GroupType.CYCLE):
            facts.append(f"length {self.length:.3g}")
        if self.group_type == GroupType.CYCLE:
            facts.append(f"once round in about {self.turn:,.3g} {_plural(self.time_unit)}")
        facts.append(f"drift < {_upper(self.largest_drift)} a {self.time_unit}")
        if (
            self.group_type == GroupType.LINE
            and self.is_slow_state.all()
            and _one_way(self.drift)
        ):
            facts.append("all of it in one direction")
        if self.return_time > 0.0:  # else there is no other mode
            facts.append(_returns(self.return_time, self.time_unit))
        n_unstable = int(((self.n_unstable > 0) & ~self.is_slow_state).sum())
        if n_unstable and np.isfinite(self.return_time):
            facts.append(f"{n_unstable:,} of the points unstable along it")
        if self.group_type == GroupType.UNCLEAR:
            if not self.agree:
                facts.append(
                    f"{pluralize(self.dimension_spectral, 'slow mode')} but "
                    f"{self.dimension_local}-dimensional"
                )
            elif self.dimension_local >= 3:
                facts.append("of three or more dimensions")
            else:
                branched = self.covered < BRANCHED
                facts.append("branched" if branched else "too few points to tell")
        return facts

    @property
    def turn(self) -> float:
        """The time in which states creep once round; infinite unless it is a cycle."""
        if self.group_type != GroupType.CYCLE:
            return np.inf
        # Half of each gap at the speed of the member, the other half at that midway.
        gaps = np.diff(self.coordinate, append=self.length + self.coordinate[0])
        slowness = 1.0 / np.abs(self.drift)
        ends = 0.5 * (slowness + np.roll(slowness, -1))
        return float((gaps * (ends + 2.0 / np.abs(self.drift_between)) / 3.0).sum())


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Attractors(Result):
    """Points sorted into isolated ones and manifolds, with the evidence.

    Iterate or index to get each :class:`Group`. The arrays of members are kept end to
    end, ``n_members`` of each group, in the order along a line or ring. The groups of each
    condition come largest first.

    Printed, the answer begins with a plain sentence, and the evidence follows after a
    semicolon. A ``cycle`` is a closed curve on which states creep one way round for ever:
    it holds no fixed point and no memory, and belongs to
    :func:`fixedpoint_tf.analysis.find_cycles`.

    A ``line`` or ``ring`` need not attract, and need not be without drift: see
    ``return_time`` and ``largest_drift``. Any two-dimensional sheet is a ``plane``, a
    sphere or torus too. The answer is as good as the sampling: points too far apart are
    called isolated or unclear. Slow points on no manifold that lead to an isolated point are
    counted in ``n_drawn``; others are unclear.

    Attributes:
        group_type: ``(n_groups,)``, of :class:`fixedpoint_tf.analysis.GroupType`.
        n_members: ``(n_groups,)``.
        members: ``(n_total,)``, rows of the FixedPoints given.
        coordinate: ``(n_total,)``, arc length along a line or ring, of the members once
            they have settled on it; NaN for others.
        drift: ``(n_total,)``, F(x) - x (continuous: dx/dt) at the settled members: the part
            along the line or ring, positive towards higher coordinates; for others its
            length.
        drift_between: ``(n_total,)``, the same midway from each member to the next (plane:
            to another one near); NaN for none.
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
        n_left_out: points given that are neither.
        n_repeated: points given that are the same as another, to within ``tol_unique``.
        n_not_slow: slow points given that are none here: states would cross the region of
            all the points in less than ``min_time_constant``.
        n_drawn: slow points given that lead to an isolated point.
        n_turning: slow points given that are places where a cycle is slow.
        outcomes: of :class:`fixedpoint_tf.analysis.RunOutcome`, what becomes of states
            given that are neither fixed nor slow, or of 64 of them.
        interrupted: whether Ctrl-C ended the call early; points of groups that had not been
            looked at by then are left out.

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

    _former_names = {"kind": "group_type", "slow": "min_time_constant"}

    def __post_init__(self) -> None:
        types = tuple(GroupType(word) for word in self.group_type)
        object.__setattr__(self, "group_type", types)

    def __len__(self) -> int:
        return len(self.group_type)

    def rows(self, group: int) -> slice:
        """Return the rows of a group in the arrays of members."""
        if not -len(self) <= group < len(self):
            raise IndexError(f"group: expected one of {len(self)} groups, received {group}.")
        ends = np.cumsum(self.n_members)
        return slice(int(ends[group] - self.n_members[group]), int(ends[group]))

    def __getitem__(self, group: int) -> Group:
        rows = self.rows(group)
        along = (
            "members",
            "coordinate",
            "drift",
            "drift_between",
            "n_unstable",
            "is_slow_state",
        )
        sizes = ("dimension_spectral", "dimension_local", "agree", "length", "gap_ratio")
        whole = ("group_type", *sizes, "covered", "largest_drift", "time_along", "return_time")
        parts: dict[str, Any] = {name: getattr(self, name)[rows] for name in along}
        parts |= {name: getattr(self, name)[group] for name in whole}
        return Group(**parts, time_unit=self.time_unit)

    def __iter__(self) -> Iterator[Group]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        parts = [self._sentence(), *self._evidence()]
        return "; ".join(parts) + (" (interrupted)" if self.interrupted else "")

    def _sentence(self) -> str:
        """Describe the groups in one sentence."""
        groups, shown = list(self), []
        manifolds = [group for group in groups if len(group) > 1]
        if self.n_turning or any(group.group_type == GroupType.CYCLE for group in groups):
            shown.append("states settle on a cycle: ask find_cycles")
        for wanted in (*MANIFOLDS, GroupType.UNCLEAR):
            some = [group for group in manifolds if group.group_type == wanted]
            unclear = wanted == GroupType.UNCLEAR
            name = "unclear group" if unclear else wanted
            if len(some) == 1:
                shown.append(f"{'an' if unclear else 'a'} {name} of {some[0]._size()}")
            elif some:
                total = _total(some)
                shown.append(f"{pluralize(len(some), name)} of {total} in all")
        points = [group for group in groups if group.group_type == GroupType.POINT]
        if points:
            shown.append(_isolated(np.concatenate([group.n_unstable for group in points])))
        single = [group for group in groups if len(group) == 1]
        alone = [group for group in single if group.group_type == GroupType.UNCLEAR]
        lasting = [group for group in alone if group.dimension_spectral > 0]
        n_lasting = len(lasting)
        if lasting:
            shown.append(f"{_total(lasting)} with slow modes but no neighbours")
        if len(alone) > n_lasting:
            shown.append(f"{pluralize(len(alone) - n_lasting, 'slow state')} on no manifold")
        if self.n_drawn:
            lead = "leads" if self.n_drawn == 1 else "lead"
            shown.append(f"{pluralize(self.n_drawn, 'slow state')} that {lead} to a point")
        if not groups and not self.n_turning:
            shown.append(self._nothing())
        where = f", at {len(self.inputs):,} inputs" if len(self.inputs) > 1 else ""
        return ", ".join(shown) + where

    def _nothing(self) -> str:
        """The sentence where no group was found."""
        n = self.n_left_out + self.n_not_slow
        if self.interrupted or not n:
            return "no points"
        if len(self.outcomes) and (self.outcomes == RunOutcome.CYCLE).all():
            return "states settle on a cycle: ask find_cycles"
        are = "is a fixed or slow point" if n == 1 else "are fixed or slow"
        return f"no points: of {pluralize(n, 'point')} given none {are}"

    def _evidence(self) -> list[str]:
        """List the evidence for the sentence, and the outcomes of all other states."""
        groups, parts = list(self), []
        told = [g for g in groups if len(g) > 1]
        names = [
            "group" if g.group_type == GroupType.UNCLEAR else g.group_type.value for g in told
        ]
        for name, group in zip(names, told, strict=True):
            if names.count(name) == 1:
                several = len(told) > 1 or len(groups) > 1
                parts.append((f"the {name}: " if several else "") + ", ".join(group._facts()))
        if self.n_turning:
            of = (
                "slow state lies on it or leads"
                if self.n_turning == 1
                else ("slow states lie on it or lead")
            )
            parts.append(f"{self.n_turning:,} {of} to it")
        if self.n_not_slow:
            of = "is no slow point" if self.n_not_slow == 1 else "are no slow points"
            parts.append(
                f"{self.n_not_slow:,} {of} by min_time_constant = {self.min_time_constant:g}"
            )
        ran = self.outcomes[self.outcomes != RunOutcome.NOT_RUN]
        n_cycle = int((ran == RunOutcome.CYCLE).sum())
        if n_cycle and (groups or n_cycle < len(ran)):
            settle = "settles" if n_cycle == 1 else "settle"
            of = f"{n_cycle:,} of {pluralize(len(ran), 'other state')}"
            parts.append(f"{of} {settle} on a cycle: ask find_cycles")
        elif not groups and len(ran) and not n_cycle:
            parts.append(f"run on, {_become(ran)}")
        unclear = GroupType.UNCLEAR in self.group_type
        if unclear and not set(MANIFOLDS) & set(self.group_type) and self.n_slow_points == 0:
            parts.append(
                "no slow points are among those given, by which a manifold would show: "
                "add those of the search, or sample_slow_states"
            )
        return parts

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
            group: which of its groups.
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


# ---- words ----


def _upper(speed: float) -> str:
    """A bound in one figure; below the rounding of a step there is no speed."""
    if not np.isfinite(speed):
        return "infinity"
    if speed < 1e-12:
        return "1e-12"
    power = np.floor(np.log10(speed))
    if 0 <= power < 4:
        return f"{np.ceil(speed / 10.0**power) * 10.0**power:.0f}"
    return f"{np.ceil(speed / 10.0**power) * 10.0**power:.0e}".replace("e-0", "e-")


def _returns(time: float, unit: str) -> str:
    if not np.isfinite(time):
        return "does not return"
    if unit != "step":
        return f"returns in {time:.2g}"
    return f"returns in {time:.2g} step" + ("" if f"{time:.2g}" == "1" else "s")


def _one_way(drift: np.ndarray) -> bool:
    return bool((drift > 0).all() or (drift < 0).all())


def _plural(unit: str) -> str:
    return "steps" if unit == "step" else "units of time"


def _total(groups: list[Group]) -> str:
    """Such as "40 points and 84 slow states", of several groups."""
    n_states = sum(int(group.is_slow_state.sum()) for group in groups)
    n_points = sum(map(len, groups)) - n_states
    parts = [pluralize(n_points, "point")] if n_points else []
    return " and ".join(parts + ([pluralize(n_states, "slow state")] if n_states else []))


def _become(outcomes: np.ndarray) -> str:
    """Such as "3 arrive at a fixed point, 1 runs away"."""
    words = {
        RunOutcome.FIXED_POINT: (
            "arrives at a fixed point given",
            "arrive at fixed points given",
        ),
        RunOutcome.OTHER_REST: ("comes to rest", "come to rest"),
        RunOutcome.CYCLE: ("settles on a cycle", "settle on a cycle"),
        RunOutcome.MOVING: ("keeps moving", "keep moving"),
        RunOutcome.DIVERGED: ("runs away", "run away"),
    }
    counts = [(int((outcomes == outcome).sum()), forms) for outcome, forms in words.items()]
    return ", ".join(f"{n:,} {forms[n > 1]}" for n, forms in counts if n)


def _isolated(n_unstable: np.ndarray) -> str:
    """Such as "3 isolated attractors", "3 isolated points (2 stable, 1 with ...)"."""
    n = len(n_unstable)
    if (n_unstable == 0).all() and n:
        return pluralize(n, "isolated attractor")
    return f"{pluralize(n, 'isolated point')} ({_stability(n_unstable)})"


def _stability(n_unstable: np.ndarray) -> str:
    """Such as "stable", or "8 stable, 8 with 1 unstable direction"."""
    counts = sorted(Counter(n_unstable.tolist()).items())
    words = []
    for k, n in counts:  # Without a mode near 1, a point without an unstable one is stable.
        name = "of unknown stability" if k < 0 else f"with {pluralize(k, 'unstable direction')}"
        name = "stable" if k == 0 else name
        words.append(name if len(counts) == 1 else f"{n:,} {name}")
    return ", ".join(words)
