"""The groups of points, isolated or manifolds, with the evidence, in words and figures."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf.results import Result
from fixedpoint_tf.slow_groups import BRANCHED
from fixedpoint_tf.words import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Attractors", "Group"]


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """One isolated point or manifold; see :class:`Attractors` for the fields.

    Example:
        >>> from fixedpoint_tf import FixedPointFinder
        >>> wells = FixedPointFinder(
        ...     lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0, verbose=False
        ... )
        >>> points, _ = wells.find_fixed_points([[-1.5], [0.1], [1.5]])
        >>> wells.attractors(points)[1]
        isolated point 1 (with 1 unstable direction)
    """

    kind: str
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

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        if len(self) == 1 and self.kind == "point":
            return f"isolated point {self.members[0]} ({_stability(self.n_unstable)})"
        if len(self) == 1:
            modes = counted(self.dimension_spectral, "slow mode")
            why = f"{modes} but no neighbours" if self.dimension_spectral else "slow, not fixed"
            return f"unclear point {self.members[0]} ({why})"
        facts = []
        if self.kind in ("line", "ring"):
            facts.append(f"length {self.length:.3g}")
        facts.append(f"drift < {_upper(self.largest_drift)} a {self.time_unit}")
        facts.append(_returns(self.return_time, self.time_unit))
        n_unstable = int((self.n_unstable > 0).sum())
        if n_unstable and np.isfinite(self.return_time):
            facts.append(f"{n_unstable:,} of them unstable along it")
        if not self.agree:
            facts.append(
                f"{counted(self.dimension_spectral, 'slow mode')} but "
                f"{self.dimension_local}-dimensional"
            )
        elif self.kind == "unclear" and self.dimension_local < 3:
            facts.append("branched" if self.covered < BRANCHED else "too few points to tell")
        elif self.kind == "unclear":
            facts.append("of three or more dimensions")
        name = "group" if self.kind == "unclear" else self.kind
        of = f"{name} of {counted(len(self), 'point')}"
        return f"{of} ({', '.join(facts)})" + ("" if name == self.kind else ", unclear")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Attractors(Result):
    """Points sorted into isolated ones and manifolds, with the evidence.

    Iterate or index to get each :class:`Group`. The arrays of members are kept end to
    end, ``n_members`` of each group, in the order along a line or ring. The groups of each
    condition come largest first.

    A ``line`` or ``ring`` need not attract, and need not be without drift: see
    ``return_time`` and ``largest_drift``. Any two-dimensional sheet is a ``plane``, a
    sphere or torus too. The answer is as good as the sampling: points too far apart are
    called isolated or unclear. A slow point on no manifold is unclear: where it is drawn to
    may be elsewhere.

    Attributes:
        kind: ``(n_groups,)`` strings: point, line, ring, plane or unclear.
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
        slow: the threshold, in ``time_unit``.
        time_unit: ``step``, or ``unit of time`` for a continuous system.
        n_slow_points: how many of the points taken are slow points, not fixed points; -1
            where that is not known.
        n_left_out: points given that are neither.
        n_repeated: points given that are the same as another, to within ``tol_unique``.
        interrupted: whether Ctrl-C ended the call early; points of groups that had not been
            looked at by then are left out.

    Example:
        >>> from fixedpoint_tf import FixedPointFinder
        >>> wells = FixedPointFinder(
        ...     lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0, verbose=False
        ... )
        >>> points, _ = wells.find_fixed_points([[-1.5], [0.1], [1.5]])
        >>> groups = wells.attractors(points)
        >>> groups.kind, groups.n_unstable.tolist()
        (('point', 'point', 'point'), [0, 1, 0])
    """

    kind: tuple[str, ...]
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
    slow: float
    time_unit: str = "step"
    n_slow_points: int = -1
    n_left_out: int = 0
    n_repeated: int = 0
    interrupted: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", tuple(self.kind))

    def __len__(self) -> int:
        return len(self.kind)

    def rows(self, group: int) -> slice:
        """Where the members of a group stand in the arrays of members."""
        if not -len(self) <= group < len(self):
            raise IndexError(f"group must be one of {len(self)} groups; got {group}.")
        ends = np.cumsum(self.n_members)
        return slice(int(ends[group] - self.n_members[group]), int(ends[group]))

    def __getitem__(self, group: int) -> Group:
        rows = self.rows(group)
        along = ("members", "coordinate", "drift", "drift_between", "n_unstable")
        sizes = ("dimension_spectral", "dimension_local", "agree", "length", "gap_ratio")
        whole = ("kind", *sizes, "covered", "largest_drift", "time_along", "return_time")
        parts: dict[str, Any] = {name: getattr(self, name)[rows] for name in along}
        parts |= {name: getattr(self, name)[group] for name in whole}
        return Group(**parts, time_unit=self.time_unit)

    def __iter__(self) -> Iterator[Group]:
        return (self[i] for i in range(len(self)))

    def __repr__(self) -> str:
        shown: list[str] = []
        groups = list(self)
        several = [group for group in groups if len(group) > 1]
        for kind in ("line", "ring", "plane", "unclear"):
            of_kind = [group for group in several if group.kind == kind]
            if len(of_kind) == 1:
                shown.append(f"1 {of_kind[0]!r}")
            elif of_kind:
                name = "unclear group" if kind == "unclear" else kind
                total = sum(map(len, of_kind))
                shown.append(
                    f"{counted(len(of_kind), name)} of {counted(total, 'point')} in all"
                )
        points = [group for group in groups if group.kind == "point"]
        if points:
            words = _stability(np.concatenate([group.n_unstable for group in points]))
            shown.append(f"{counted(len(points), 'isolated point')} ({words})")
        alone = [group for group in groups if len(group) == 1 and group.kind == "unclear"]
        n_lasting = sum(group.dimension_spectral > 0 for group in alone)
        if n_lasting:
            shown.append(f"{counted(n_lasting, 'point')} with slow modes but no neighbours")
        if len(alone) > n_lasting:
            shown.append(f"{counted(len(alone) - n_lasting, 'slow point')} on no manifold")
        if len(self.inputs) > 1:
            shown.append(f"at {len(self.inputs):,} inputs")
        said = ", ".join(shown) if groups else "no points"
        if not groups and self.n_left_out:
            are = "is a fixed or slow point" if self.n_left_out == 1 else "are fixed or slow"
            said = f"no points: of {counted(self.n_left_out, 'point')} given none {are}"
        manifolds = {"line", "ring", "plane"} & set(self.kind)
        if "unclear" in self.kind and not manifolds and self.n_slow_points == 0:
            said += (
                "; no slow points are among those given, by which a manifold would show: "
                "add those of the search, or slow_states"
            )
        return said + (" (interrupted)" if self.interrupted else "")

    def plot(self, **options: Any) -> tuple[Figure, Axes]:
        """Draws the groups in the space of states.

        See :func:`fixedpoint_tf.plotting.attractors.plot_attractors`.
        """
        from fixedpoint_tf.plotting.attractors import plot_attractors

        return plot_attractors(self, **options)

    def plot_drift(self, group: int = 0, **options: Any) -> tuple[Figure, Axes]:
        """Draws the drift along a line or ring over the coordinate.

        See :func:`fixedpoint_tf.plotting.attractors.plot_drift`.
        """
        from fixedpoint_tf.plotting.attractors import plot_drift

        return plot_drift(self, group, **options)


# ---- words ----


def _upper(speed: float) -> str:
    """A bound in one figure; below the rounding of a step there is no speed."""
    if not np.isfinite(speed):
        return "infinity"
    if speed < 1e-12:
        return "1e-12"
    power = np.floor(np.log10(speed))
    return f"{np.ceil(speed / 10.0**power) * 10.0**power:.0e}".replace("e-0", "e-")


def _returns(time: float, unit: str) -> str:
    if not np.isfinite(time):
        return "does not return"
    if unit != "step":
        return f"returns in {time:.2g}"
    return f"returns in {time:.2g} step" + ("" if f"{time:.2g}" == "1" else "s")


def _stability(n_unstable: np.ndarray) -> str:
    """Such as "stable", or "8 stable, 8 with 1 unstable direction"."""
    counts = sorted(Counter(n_unstable.tolist()).items())
    words = []
    for k, n in counts:  # Without a mode near 1, a point without an unstable one is stable.
        name = "of unknown stability" if k < 0 else f"with {counted(k, 'unstable direction')}"
        name = "stable" if k == 0 else name
        words.append(name if len(counts) == 1 else f"{n:,} {name}")
    return ", ".join(words)
