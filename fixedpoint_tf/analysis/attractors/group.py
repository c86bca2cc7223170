"""One group of points, isolated or a manifold, in numbers and words."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np

from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.analysis.attractors.group_type import GroupType
from fixedpoint_tf.analysis.attractors.grouping import BRANCHED

__all__ = ["Group", "count_members", "count_stabilities", "describe"]


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """One isolated point or manifold.

    Fields: see :class:`~fixedpoint_tf.analysis.Attractors`.

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
            return f"isolated point {self.members[0]} ({count_stabilities(self.n_unstable)})"
        if len(self) == 1:
            modes = pluralize(self.dimension_spectral, "slow mode")
            why = f"{modes} but no neighbours" if self.dimension_spectral else "slow, not fixed"
            return f"unclear point {self.members[0]} ({why})"
        name = "group" if self.group_type == GroupType.UNCLEAR else self.group_type
        unclear = "" if name == self.group_type else ", unclear"
        return f"{name} of {count_members([self])} ({', '.join(describe(self))}){unclear}"

    @property
    def turn(self) -> float:
        """Time in which states creep once round, infinite except for a cycle."""
        if self.group_type != GroupType.CYCLE:
            return np.inf
        # Half of each gap at the speed of the member, the other half at that midway.
        gaps = np.diff(self.coordinate, append=self.length + self.coordinate[0])
        slowness = 1.0 / np.abs(self.drift)
        ends = 0.5 * (slowness + np.roll(slowness, -1))
        return float((gaps * (ends + 2.0 / np.abs(self.drift_between)) / 3.0).sum())


def describe(group: Group) -> list[str]:
    """List length, drift, return time and doubts of a group, in a few words each."""
    facts = []
    if group.group_type in (GroupType.LINE, GroupType.RING, GroupType.CYCLE):
        facts.append(f"length {group.length:.3g}")
    if group.group_type == GroupType.CYCLE:
        facts.append(f"once round in about {group.turn:,.3g} {_plural(group.time_unit)}")
    facts.append(f"drift < {_upper(group.largest_drift)} a {group.time_unit}")
    if (
        group.group_type == GroupType.LINE
        and group.is_slow_state.all()
        and _one_way(group.drift)
    ):
        facts.append("all of it in one direction")
    if group.return_time > 0.0:  # else there is no other mode
        facts.append(_returns(group.return_time, group.time_unit))
    n_unstable = int(((group.n_unstable > 0) & ~group.is_slow_state).sum())
    if n_unstable and np.isfinite(group.return_time):
        facts.append(f"{n_unstable:,} of the points unstable along it")
    if group.group_type == GroupType.UNCLEAR:
        if not group.agree:
            facts.append(
                f"{pluralize(group.dimension_spectral, 'slow mode')} but "
                f"{group.dimension_local}-dimensional"
            )
        elif group.dimension_local >= 3:
            facts.append("of three or more dimensions")
        else:
            branched = group.covered < BRANCHED
            facts.append("branched" if branched else "too few points to tell")
    return facts


def count_members(groups: list[Group]) -> str:
    """Count such as "40 points and 84 slow states", the latter sampled between."""
    n_states = sum(int(group.is_slow_state.sum()) for group in groups)
    n_points = sum(map(len, groups)) - n_states
    parts = [pluralize(n_points, "point")] if n_points else []
    return " and ".join(parts + ([pluralize(n_states, "slow state")] if n_states else []))


def count_stabilities(n_unstable: np.ndarray) -> str:
    """Count such as "stable", or "8 stable, 8 with 1 unstable direction"."""
    counts = sorted(Counter(n_unstable.tolist()).items())
    words = []
    for k, n in counts:  # Without a mode near 1, a point without an unstable one is stable.
        name = "of unknown stability" if k < 0 else f"with {pluralize(k, 'unstable direction')}"
        name = "stable" if k == 0 else name
        words.append(name if len(counts) == 1 else f"{n:,} {name}")
    return ", ".join(words)


def _upper(speed: float) -> str:
    """Round a speed up to one figure, at least the rounding of a step."""
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
