r"""Which points are isolated, and which lie on a line, a ring or a plane of slow states.

A network that stores a continuous value has a continuum of fixed points, or, since no
trained network is exact, a manifold along which it is merely slow (Seung 1996; Sussillo &
Barak 2013; Khona & Fiete 2022, "Attractor and integrator networks in the brain"). Two
independent signs are read here, and compared:

- the spectrum: a manifold of dimension d has d eigenvalues of dF/dx near 1 at each of its
  points, :math:`|\lambda - 1| \le 1 / \mathrm{slow}` (continuous: near 0);
- the geometry: neighbours along it lie on a line or a surface
  (:func:`fixedpoint_tf.manifolds.local_dimension`).

What joins points is the dynamics between them: two states on the way from one point to
another neither fuse nor part faster than at the rate 1 / slow. So the 27 fixed points of
a flip-flop, which lie on lines too, are 27 isolated points.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from fixedpoint_tf.adapters import as_system
from fixedpoint_tf.arrivals import time_step
from fixedpoint_tf.at_points import check_points, eigenvalues_of, inputs_of
from fixedpoint_tf.checks import check_number, check_whole
from fixedpoint_tf.filters import thin
from fixedpoint_tf.fixed_points import FixedPoints
from fixedpoint_tf.results import Result
from fixedpoint_tf.slow_groups import BRANCHED, Sorter
from fixedpoint_tf.status import Status
from fixedpoint_tf.words import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Attractors", "Group", "attractors"]


@dataclasses.dataclass(frozen=True, eq=False)
class Group:
    """One isolated point or manifold; see :class:`Attractors` for the fields."""

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


def attractors(
    system: Any,
    points: FixedPoints,
    *,
    slow: float = 100.0,
    min_points: int = 8,
    dt: float | None = None,
    verbose: bool = False,
) -> Attractors:
    """Sort points into isolated ones, lines, rings and planes.

    Either of the two answers of a search will do: ``unique``, its distinct fixed and slow
    points, or ``every``, where each start ended, of which points that did not converge are
    left out and repeated ones counted once. Fixed points alone (``unique.fixed``) are
    enough only where they fill the manifold.

    The manifold must be well sampled: neighbours on a ring nearer than its radius, say. Of
    a trained network a search finds the few exact fixed points on it; keep the slow points,
    and sample the manifold between by :func:`fixedpoint_tf.slow_states.slow_states`. Where
    fixed points fill a line, a small ``tol_unique`` keeps more of them. Points at different
    inputs are never joined.

    A manifold that repels is found only where it is straight, since states between its
    points leave it; its points then stand as unclear, with a slow mode and no neighbours.

    Args:
        system: what :func:`fixedpoint_tf.as_system` takes.
        points: the fixed and slow points of a search. Those that did not converge are
            left out; without a status all are taken. Of points within ``tol_unique`` one
            is taken, a fixed one before a slow one, else the slowest.
        slow: a mode with a time constant of more than so many steps (continuous: units of
            time) is slow, and so is a manifold. Choose it between the time for which the
            network should remember and the time in which it settles.
        min_points: a manifold of fewer points is called unclear.
        dt: length of a step in which a continuous system is run; by default a quarter of
            the fastest rate at the points.
        verbose: show a bar.

    Returns:
        The groups; interrupted by Ctrl-C, those sorted out so far.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: 2 runs of slow / 2 steps for each of about five pairs a point, and the
        eigenvalues where the points have none; 0.5 s for 200 points of 10 states.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> import tensorflow as tf
        >>> integrator = as_system(
        ...     lambda h, u: h * tf.constant([1.0, 0.5], h.dtype), n_states=2, n_inputs=0
        ... )
        >>> line = np.stack([np.linspace(-1, 1, 21), np.zeros(21)], axis=1)
        >>> attractors(integrator, FixedPoints(xstar=line))
        1 line of 21 points (length 2, drift < 1e-12 a step, returns in 1.4 steps)
    """
    system = as_system(system)
    check_points(system, points)
    chosen = _taken(points)
    taken = points[chosen]
    inputs = inputs_of(system, taken)
    check_number(slow, "slow", low=1.0)
    check_whole(min_points, "min_points", least=3)
    n_taken = taken.n
    distinct = _distinct(taken, inputs)
    chosen, taken, inputs = chosen[distinct], taken[distinct], inputs[distinct]
    step = time_step(system, taken, inputs, dt)
    is_slow = np.zeros(taken.n, dtype=bool)
    if taken.status is not None:
        is_slow = taken.status == Status.SLOW_POINT
    conditions, of = np.unique(inputs, axis=0, return_inverse=True)
    found: list[dict[str, Any]] = []
    interrupted = False
    with tqdm(total=taken.n, desc="eigenvalues", unit="point", disable=not verbose) as bar:
        try:
            values = eigenvalues_of(system, taken, inputs)
            bar.set_description("settling")
            sorter = Sorter(
                system, taken.xstar, inputs, values, is_slow, slow, min_points, step
            )
            for condition in range(len(conditions)):
                rows = np.flatnonzero(of.ravel() == condition)
                bar.set_description("joining neighbours")
                groups = sorter.groups(rows)
                bar.set_description("examining groups")
                for group in groups:
                    found.append(sorter.examine(rows[group]) | {"condition": condition})
                    bar.update(len(group))
        except KeyboardInterrupt:
            interrupted = True

    def gathered(name: str, dtype: type) -> np.ndarray:
        return np.array([part[name] for part in found], dtype=dtype)

    def joined(name: str, empty: np.ndarray) -> np.ndarray:
        return np.concatenate([empty, *(part[name] for part in found)])

    rows = joined("rows", np.zeros(0, dtype=int))
    none = np.zeros(0)
    names = ("length", "gap_ratio", "covered", "largest_drift", "time_along", "return_time")
    return Attractors(
        kind=tuple(part["kind"] for part in found),
        n_members=np.array([len(part["rows"]) for part in found], dtype=int),
        members=chosen[rows],
        coordinate=joined("coordinate", none),
        drift=joined("drift", none),
        drift_between=joined("drift_between", none),
        n_slow=joined("n_slow", np.zeros(0, dtype=int)),
        n_unstable=joined("n_unstable", np.zeros(0, dtype=int)),
        dimension_spectral=gathered("dimension_spectral", int),
        dimension_local=gathered("dimension_local", int),
        agree=gathered("agree", bool),
        condition=gathered("condition", int),
        inputs=conditions,
        xstar=taken.xstar[rows],
        slow=float(slow),
        time_unit="step" if system.kind == "discrete" else "unit of time",
        n_slow_points=int(is_slow.sum()) if taken.status is not None else -1,
        n_left_out=points.n - n_taken,
        n_repeated=n_taken - taken.n,
        interrupted=interrupted,
        **{name: gathered(name, float) for name in names},
    )


def _taken(points: FixedPoints) -> np.ndarray:
    """Rows of the fixed and slow points; where there is no status, all."""
    if points.status is None:
        return np.arange(points.n)
    return np.flatnonzero(np.isin(points.status, [Status.FIXED_POINT, Status.SLOW_POINT]))


def _distinct(points: FixedPoints, inputs: np.ndarray) -> np.ndarray:
    """Rows of distinct points: fixed ones stand for slow ones, and slower for faster."""
    q = np.zeros(points.n) if points.qstar is None else points.qstar
    is_slow = np.zeros(points.n) if points.status is None else points.status
    rank = np.empty(points.n)
    rank[np.lexsort((q, is_slow))] = np.arange(points.n)
    return thin(np.concatenate([points.xstar, inputs], axis=1), rank, points.tol_unique)[0]


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
