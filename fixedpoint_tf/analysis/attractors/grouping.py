"""Grouping of points into slow manifolds, with dimension, order and drift of each."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from fixedpoint_tf import linearization
from fixedpoint_tf.analysis.attractors.group_type import GroupType
from fixedpoint_tf.analysis.attractors.line_or_ring import (
    local_dimension,
    neighbour_pairs,
    trace_curve,
)
from fixedpoint_tf.analysis.convergence import last_states

__all__ = ["BRANCHED", "NEARLY", "ManifoldGrouper", "along"]

BRANCHED = 0.9  # share of the members that must lie along one curve
NEARLY = 1.25  # how much less slow a point of a manifold may be
SETTLING = 10.0  # time constants after which a state is on its manifold
NEAR = 6.0  # time constants after which a state midway between two points of it is
MOST_STEPS = 100_000  # of a continuous system between two points


class ManifoldGrouper:
    """The points of one call, and what is asked of them again and again.

    Args:
        system: the system.
        xstar: ``(n, n_states)``.
        inputs: ``(n, n_inputs)``.
        values: ``(n, n_modes)``, eigenvalues.
        is_slow: ``(n,)``, which are slow points, no fixed points.
        min_time_constant: threshold in steps or units of time.
        min_points: fewest points of a manifold.
        dt: length of a step.
        n_unstable: ``(n,)``, unstable directions; default: what the eigenvalues say.
    """

    def __init__(
        self,
        system,
        xstar,
        inputs,
        values,
        is_slow,
        min_time_constant,
        min_points,
        dt,
        n_unstable=None,
    ):
        self.system, self.u, self.is_slow = system, inputs, is_slow
        self.min_time_constant, self.min_points, self.dt = min_time_constant, min_points, dt
        self.edge = 1.0 if system.time == "discrete" else 0.0
        order = np.argsort(np.abs(values - self.edge), axis=1)
        self.values = np.take_along_axis(values, order, axis=1)  # slowest first
        distance = np.abs(self.values - self.edge)
        self.n_slow = (distance <= 1.0 / min_time_constant).sum(axis=1)
        number = linearization.n_unstable(values, system.time)
        self.n_unstable = number if n_unstable is None else n_unstable
        # A manifold may be a little faster in places: such points belong to it as well.
        nearly = (distance <= NEARLY / min_time_constant).sum(axis=1)
        self.n_joining = np.where(self.n_slow > 0, self.n_slow, nearly)
        self.return_time = self._return_times(self.n_joining)
        if min_time_constant > (2.0 * MOST_STEPS + 1.0) * dt:  # a quotient may overflow
            raise ValueError(
                f"min_time_constant: expected at most {2 * MOST_STEPS} steps of "
                f"dt = {dt:.3g}, received "
                f"{min_time_constant!r}: give a larger dt or a lower threshold."
            )
        self.n_steps = max(2, round(0.5 * min_time_constant / dt))
        # Slow points lie about the manifold, where the search gave up: it is what they
        # settle on. Where a state does not return, the points themselves must do.
        returns = (self.n_joining > 0) & np.isfinite(self.return_time)
        self.x = np.array(xstar)
        self.x[returns] = self.settled(self.x[returns], self.u[returns], returns)

    def _return_times(self, dimension: np.ndarray) -> np.ndarray:
        """Return the longest time constant ``(n,)`` of all modes but the slowest few."""
        rest = np.arange(self.values.shape[1]) >= dimension[:, None]
        times = linearization.time_constants(self.values, self.system.time)
        grows = linearization.growth(self.values, self.system.time) >= self.edge
        return np.where(rest, np.where(grows, np.inf, times), 0.0).max(axis=1, initial=0.0)

    def settled(self, x, u, rows: np.ndarray, n_times: float = SETTLING) -> np.ndarray:
        """Run states until they are back on the manifold of the points ``rows``."""
        longest = np.max(self.return_time[rows], initial=0.0)
        if not len(x) or not np.isfinite(longest):
            return x
        n_steps = min(self.n_steps, int(np.ceil(n_times * longest / self.dt)))
        later = last_states(self.system, x, u, n_steps, self.dt)
        return np.where(np.isfinite(later).all(axis=1, keepdims=True), later, x)

    def groups(self, rows: np.ndarray) -> list[np.ndarray]:
        """Return positions in ``rows`` of the members of each group, largest group first."""
        pairs = neighbour_pairs(self.x[rows])
        # A point where another number of modes is slow is of another manifold.
        counts = self.n_joining[rows][pairs]
        pairs = pairs[(counts[:, 0] == counts[:, 1]) & (counts[:, 0] > 0)]
        # So is one that states leave, the source within a ring that attracts.
        returns = np.isfinite(self.return_time)[rows][pairs]
        pairs = pairs[returns[:, 0] == returns[:, 1]]
        pairs = pairs[self.connected(rows[pairs[:, 0]], rows[pairs[:, 1]])]
        n = len(rows)
        graph = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(n, n))
        n_groups, label = connected_components(graph, directed=False)
        groups = [np.flatnonzero(label == g) for g in range(n_groups)]
        return sorted(groups, key=len, reverse=True)

    def connected(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Test whether states between two points fuse, or part slowly enough."""
        if not len(a):
            return np.zeros(0, dtype=bool)
        gap = self.x[b] - self.x[a]
        probes = np.concatenate([self.x[a] + 0.25 * gap, self.x[a] + 0.75 * gap])
        ends = last_states(self.system, probes, self.u[np.r_[a, a]], self.n_steps, self.dt)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            before, after = np.split(probes, 2), np.split(ends, 2)
            ratio = np.linalg.norm(after[1] - after[0], axis=1) / np.linalg.norm(
                before[1] - before[0], axis=1
            )
            rate = np.abs(np.log(ratio)) / (self.n_steps * self.dt)
        return rate <= 1.0 / self.min_time_constant

    def describe(self, rows: np.ndarray) -> dict[str, Any]:
        """Classify one group, order its members and measure its drift."""
        x = self.x[rows]
        # What is joined may be a little faster than slow all along.
        counts = self.n_slow if len(rows) == 1 else self.n_joining
        spectral = int(np.median(counts[rows]))
        local, noise = local_dimension(x)
        group_type, closed, covered = GroupType.UNCLEAR, False, np.nan
        length = gap_ratio = np.nan
        coordinate, tangent = np.full(len(rows), np.nan), None
        if len(rows) == 1:
            alone = spectral == 0 or self._is_source(rows[0])
            if alone and not self.is_slow[rows[0]]:
                group_type = GroupType.POINT
        elif local == 1:
            curve = trace_curve(x, noise)
            if curve.may_close:
                a, b = (rows[[end]] for end in curve.ends)
                closed = bool(self.connected(a, b)[0])
            if closed != curve.may_close:
                curve = trace_curve(x, noise, closed)
            if spectral == 1 and len(rows) >= self.min_points and curve.covered >= BRANCHED:
                group_type = GroupType.RING if closed else GroupType.LINE
            order = np.argsort(curve.coordinate, kind="stable")
            rows, coordinate = rows[order], curve.coordinate[order]
            tangent = curve.tangent[order]
            length, gap_ratio, covered = curve.length, curve.gap_ratio, curve.covered
        elif local == spectral == 2 and len(rows) >= self.min_points:
            group_type = GroupType.PLANE
        drift, between = self.drift(rows, tangent, closed)
        speeds = np.concatenate([drift, between])
        if group_type == GroupType.RING and self._turns_one_way(x, speeds):
            group_type = GroupType.CYCLE
        return self.told(
            rows,
            group_type=group_type,
            coordinate=coordinate,
            drift=drift,
            drift_between=between,
            dimension_spectral=spectral,
            dimension_local=local,
            length=length,
            gap_ratio=gap_ratio,
            covered=covered,
            largest_drift=np.nanmax(np.abs(speeds)),
            return_time=self.return_time[rows].max(),
        )

    def _is_source(self, row: int) -> bool:
        """Test whether all slow modes of a point grow, in two or more directions."""
        slow = self.values[row, : self.n_slow[row]]
        leaving = int(linearization.n_unstable(slow[None], self.system.time)[0])
        return bool(self.n_unstable[row] >= 2 and leaving == len(slow))

    def told(self, rows: np.ndarray, **known: Any) -> dict[str, Any]:
        """Add the arrays with an entry a member to the properties of a group."""
        known["agree"] = known["dimension_spectral"] == known["dimension_local"]
        return known | {
            "rows": rows,
            "settled": self.x[rows],
            "is_slow_state": self.is_slow[rows],
            "n_slow": self.n_slow[rows],
            "n_unstable": self.n_unstable[rows],
            "time_along": self.timealong(rows),
        }

    def _turns_one_way(self, x: np.ndarray, drift: np.ndarray) -> bool:
        """Test whether all members drift one way along the ring, by more than rounding."""
        eps = 1e-12 if self.system.dtypes[1] == "float64" else 1e-5
        least = float(np.abs(drift).min())
        one_way = bool((drift > 0).all() or (drift < 0).all())
        return one_way and least > eps * float(np.linalg.norm(x, axis=1).max())

    def timealong(self, rows: np.ndarray) -> float:
        """Return the shortest time constant along the manifold."""
        slow = np.arange(self.values.shape[1]) < self.n_joining[rows][:, None]
        times = linearization.time_constants(self.values[rows], self.system.time)
        return float(np.min(times[slow], initial=np.inf))

    def drift(
        self, rows: np.ndarray, tangent: np.ndarray | None, closed: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the speed along the manifold at the members, and from each to the next."""
        x, u, n = self.x[rows], self.u[rows], len(rows)
        between = np.full(n, np.nan)
        at_members = along(self.velocity(x, u), tangent)
        if n < 2:
            return at_members, between
        if tangent is None:
            pairs = neighbour_pairs(x, k=1)
            first, second = pairs[np.unique(pairs[:, 0], return_index=True)[1]].T
        else:
            first = np.arange(n if closed else n - 1)
            second = (first + 1) % n
        middle = self.settled(0.5 * (x[first] + x[second]), u[first], rows, NEAR)
        mixed = None if tangent is None else _unit(tangent[first] + tangent[second])
        between[first] = along(self.velocity(middle, u[first]), mixed)
        return at_members, between

    def velocity(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        image = self.system.step(x, u).numpy().astype(np.float64)
        return image - x if self.system.time == "discrete" else image


def _unit(vectors: np.ndarray) -> np.ndarray:
    size = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(size > 0, size, 1.0)


def along(velocity: np.ndarray, tangent: np.ndarray | None) -> np.ndarray:
    """Return the part of each velocity along a tangent, or its length without tangents."""
    if tangent is None:
        return np.asarray(np.linalg.norm(velocity, axis=1))
    return np.asarray((velocity * tangent).sum(axis=1))
