"""Slow lines and rings that the unstable directions of saddles trace between attractors.

A real ring attractor is imperfect: attractors and saddles alternate along it, and states
creep from the saddles to the attractors (Seung 1996; Khona & Fiete 2022). The way out of
each saddle is then a piece of the ring itself. Joined end to end at the attractors these
pieces are the whole curve, however few of its states were sampled.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.spatial import cKDTree

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf._utils.selection import state_scale
from fixedpoint_tf.analysis.connections.unstable_directions import offsets, unstable_directions
from fixedpoint_tf.analysis.convergence import run_block
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.systems.at_points import n_unstable_of
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["Chain", "find_chains"]

#: Time constants of the other modes between two checks of the end of a way.
RELAXING = 8.0
#: A way has arrived within this share of the distance to the nearest other point.
ARRIVED = 0.02
#: Share of that distance by which a way is moved on where it hardly moves by itself.
JUMP = 0.05
MOST_STEPS = 512  # between two looks, however slow the other modes are
MOST_LOOKS = 1000  # at a way, which is then given up: a bound on the work
#: Largest cosine between the two directions from which an attractor on a curve is reached.
SMOOTH = -0.5
#: How much slower the mode along a line must be than the others at its attractors.
APART = 1.25
N_NODES = 1024  # of a path, from which the distance of states is taken


@dataclasses.dataclass(frozen=True)
class Chain:
    """Attractors and saddles joined into one slow line or ring.

    Attributes:
        rows: ``(n,)``, the points in their order along it.
        path: ``(n_nodes, n_states)``, states along it; of a ring the last is not the first.
        closed: whether it is a ring.
        largest_speed: largest speed of the states along it.
        return_time: the longest time constant at its points of any mode but one.
    """

    rows: np.ndarray
    path: np.ndarray
    closed: bool
    largest_speed: float
    return_time: float

    def nodes(self) -> np.ndarray:
        """Return the path at equal distances, closed for a ring."""
        path = np.concatenate([self.path, self.path[:1]]) if self.closed else self.path
        length = np.concatenate([[0.0], np.cumsum(_lengths(path))])
        keep = np.concatenate([[True], np.diff(length) > 0])
        at = np.linspace(0.0, length[-1], N_NODES)
        return np.stack(
            [np.interp(at, length[keep], column) for column in path[keep].T], axis=1
        )


@dataclasses.dataclass(eq=False)
class _Way:
    """Path from a saddle to the attractor that it reaches."""

    saddle: int
    target: int
    path: np.ndarray
    arrival: np.ndarray
    largest_speed: float


def find_chains(
    system: DynamicalSystem,
    points: FixedPoints,
    inputs: np.ndarray,
    values: np.ndarray,
    min_time_constant: float,
    dt: float,
) -> list[Chain]:
    """Join the fixed points of one input along the slow ways out of its saddles.

    A chain is kept where it is a smooth curve, the ways arriving at each attractor from
    opposite sides, and where it is slow as a whole: no state on it moves so fast that it
    would cross the curve's own radius in less than ``min_time_constant``. So the eight corners
    and edges
    of the memories of three bits are no ring: ways meet there at an angle, and fast.

    Args:
        system: the system.
        points: distinct fixed points.
        inputs: ``(n, n_inputs)``, all the same.
        values: ``(n, n_modes)``, their eigenvalues.
        min_time_constant: threshold in steps or units of time.
        dt: length of a step.

    Returns:
        The chains, largest first.
    """
    n_unstable = n_unstable_of(points, values)
    saddles = np.flatnonzero((n_unstable == 1) & _leaves_straight(values, system.time))
    if points.n < 2 or not len(saddles) or not (n_unstable == 0).any():
        return []
    ways = _follow(system, points, inputs, values, n_unstable, saddles, min_time_constant, dt)
    chains = []
    for rows in _components(saddles, ways):
        chain = _ordered(rows, ways, points.xstar)
        if chain is None:
            continue
        rates = np.sort(_rates(values[chain.rows], system.time), axis=1)
        if not chain.closed and rates.shape[1] > 1:
            at_attractors = n_unstable[chain.rows] == 0
            if (rates[at_attractors, 1] < APART * rates[at_attractors, 0]).any():
                continue
        rest = rates[:, 1:2].min(initial=np.inf)
        time = 0.0 if not np.isfinite(rest) else (1.0 / rest if rest > 0 else np.inf)
        chain = dataclasses.replace(chain, return_time=time)
        if chain.largest_speed * min_time_constant <= state_scale(chain.path):
            chains.append(chain)
    return sorted(chains, key=lambda chain: len(chain.rows), reverse=True)


def _rates(values: np.ndarray, time: str) -> np.ndarray:
    """Compute the rate at which each mode decays or grows, per step or unit of time."""
    with np.errstate(divide="ignore"):
        return 1.0 / np.maximum(linearization.time_constants(values, time), 1e-300)


def _leaves_straight(values: np.ndarray, time: str) -> np.ndarray:
    """Test whether states leave without changing sides, as the fastest mode is positive."""
    fastest = np.take_along_axis(
        values, linearization.growth(values, time).argmax(axis=1)[:, None], axis=1
    )[:, 0]
    real = np.abs(fastest.imag) == 0.0
    return real & (fastest.real > 0)


def _follow(
    system, points, inputs, values, n_unstable, saddles, min_time_constant, dt
) -> list[_Way]:
    """Return the ways out of saddles that are slow and arrive at an attractor."""
    only = np.zeros(points.n, dtype=int)
    only[saddles] = 1
    source, direction, _, linear = unstable_directions(
        system, points, inputs, only, 0, np.random.default_rng(0)
    )
    nearest = cKDTree(points.xstar).query(points.xstar, k=2)[0][:, 1]
    offset, _ = offsets(system, points.xstar, inputs, source, direction, linear, nearest)
    # Near enough that the curve has hardly turned away from the unstable direction.
    x = points.xstar[source] + 0.2 * offset[:, None] * direction
    paths = [[points.xstar[[row]], x[[way]]] for way, row in enumerate(source)]
    times = np.sort(linearization.time_constants(values[saddles], system.time), axis=1)
    longest = times[:, :-1].max(initial=1.0)
    longest = longest if np.isfinite(longest) else min_time_constant
    n_steps = int(np.clip(np.ceil(RELAXING * longest / dt), 4, MOST_STEPS))
    scale = state_scale(points.xstar)
    limit = scale / min_time_constant
    attractors = np.flatnonzero(n_unstable == 0)
    tree = cKDTree(points.xstar[attractors])
    jump = JUMP * nearest[source]
    heading, jumped = direction.copy(), np.zeros(len(source), dtype=bool)
    mark = points.xstar[source]  # an earlier state on the same way
    fastest, target = np.zeros(len(source)), np.full(len(source), -1)
    active = np.arange(len(source))
    for _ in range(MOST_LOOKS):
        on = []
        for some in chunks(len(active), n_steps * system.n_states):
            rows = active[some]
            path = run_block(system, x[rows], inputs[:1], n_steps, dt)
            with np.errstate(over="ignore", invalid="ignore"):
                steps = np.linalg.norm(np.diff(path, axis=1), axis=2)
                # What a jump has brought off the curve is gone in the first half.
                steps[jumped[rows], : n_steps // 2] = 0.0
                fastest[rows] = np.maximum(fastest[rows], steps.max(axis=1) / dt)
                moved = path[:, -1] - path[:, n_steps // 2]
                distance = np.linalg.norm(moved, axis=1)
            good = np.isfinite(path).all(axis=(1, 2)) & (fastest[rows] <= limit)
            for i in np.flatnonzero(good):
                way = rows[i]
                settled = path[i, n_steps // 2 :] if jumped[way] else path[i]
                paths[way].append(_thinned(settled, 0.2 * jump[way]))
                x[way] = path[i, -1]
                gap, near = tree.query(x[way])
                here = attractors[near]
                turned = jumped[way] and float(moved[i] @ heading[way]) < 0.0
                at_rest = distance[i] <= 1e-13 * (scale + np.linalg.norm(x[way]))
                if gap <= ARRIVED * nearest[here]:
                    target[way] = here
                elif turned or at_rest:
                    if turned:  # and had gone too far
                        paths[way].pop()
                    target[way] = here if gap <= 2.0 * jump[way] else -1
                else:
                    come = x[way] - mark[way]
                    if np.linalg.norm(come) >= 0.3 * jump[way]:
                        heading[way], mark[way] = come / np.linalg.norm(come), x[way]
                    jumped[way] = distance[i] <= 0.1 * jump[way]
                    if jumped[way]:  # as far as it would come by itself in a long time
                        x[way] += jump[way] * heading[way]
                    on.append(way)
        active = np.array(on, dtype=int)
        if not len(active):
            break
    ways = []
    for way in range(len(source)):
        path = np.concatenate(paths[way])
        arrival = np.zeros(system.n_states)
        if target[way] >= 0:
            end = points.xstar[target[way]]
            # Where a jump has led past the end, the way stops before it.
            away = np.linalg.norm(path[1:] - end, axis=1)
            within = np.flatnonzero(away <= ARRIVED * nearest[target[way]]) + 1
            path = path[: within[0]] if len(within) else path
            arrival = (path[-1] - end) / np.linalg.norm(path[-1] - end)
            path = np.concatenate([path, end[None]])
        ways.append(
            _Way(int(source[way]), int(target[way]), path, arrival, float(fastest[way]))
        )
    return ways


def _thinned(path: np.ndarray, spacing: float) -> np.ndarray:
    """Return states of a run at least ``spacing`` apart, without the first, with the last."""
    length = np.concatenate([[0.0], np.cumsum(_lengths(path))])
    marks = np.floor(length / max(spacing, 1e-300))
    keep = np.flatnonzero(np.diff(marks) > 0) + 1
    return np.asarray(path[np.union1d(keep, [len(path) - 1])])


def _lengths(path: np.ndarray) -> np.ndarray:
    return np.asarray(np.linalg.norm(np.diff(path, axis=0), axis=1))


def _components(saddles: np.ndarray, ways: list[_Way]) -> list[set[int]]:
    """Return sets of saddles joined by attractors, without those that have a lost way."""
    groups: list[tuple[set[int], set[int]]] = []
    for saddle in saddles:
        ends = {way.target for way in ways if way.saddle == saddle}
        of, reached = {int(saddle)}, ends
        rest = []
        for others, targets in groups:
            if targets & reached - {-1}:
                of, reached = of | others, reached | targets
            else:
                rest.append((others, targets))
        groups = [*rest, (of, reached)]
    return [of for of, reached in groups if -1 not in reached]


def _ordered(saddles: set[int], ways: list[_Way], xstar: np.ndarray) -> Chain | None:
    """Return the points of a component in their order, or None where it is no smooth curve."""
    mine = [way for way in ways if way.saddle in saddles]
    at: dict[int, list[_Way]] = {}
    for way in mine:
        at.setdefault(way.target, []).append(way)
    if any(len(arriving) > 2 for arriving in at.values()):
        return None
    for arriving in at.values():
        if len(arriving) == 2 and float(arriving[0].arrival @ arriving[1].arrival) > SMOOTH:
            return None
    ends = [target for target, arriving in at.items() if len(arriving) == 1]
    here = ends[0] if ends else next(iter(at))
    rows, pieces, left = [here], [], [w for w in mine]
    while True:
        coming = [way for way in at[here] if way in left]
        if not coming:
            break
        back = coming[0]
        left.remove(back)
        onward = next(way for way in left if way.saddle == back.saddle)
        left.remove(onward)
        pieces += [back.path[::-1], onward.path[1:]]
        rows += [back.saddle, onward.target]
        here = onward.target
    closed = not ends
    if closed:
        rows = rows[:-1]
    path = np.concatenate(pieces)
    return Chain(
        rows=np.array(rows),
        path=path[:-1] if closed else path,
        closed=closed,
        largest_speed=max(way.largest_speed for way in mine),
        return_time=np.nan,
    )
