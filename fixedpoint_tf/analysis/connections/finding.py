"""``find_connections``: trajectories from each saddle to attractors."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from fixedpoint_tf._utils.checks import check_fits, check_seed, check_switch, check_whole
from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf.analysis.connections.result import Connections
from fixedpoint_tf.analysis.connections.unstable_directions import offsets, unstable_directions
from fixedpoint_tf.analysis.convergence import (
    BLOCK,
    Convergence,
    check_runs,
    radii,
    run_block,
    run_to_convergence,
    time_step,
)
from fixedpoint_tf.analysis.outcomes import RunOutcome
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.at_points import (
    eigenvalues_of,
    inputs_of,
    is_stable_of,
    n_unstable_of,
)
from fixedpoint_tf.systems.convert import system_of
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["find_connections"]

#: How far to the side the two ways beside each begin, as a share of its first step. Less
#: than any eigenvector's error would not tell; more would find boundaries that are near.
ASIDE = 1e-8
#: Error of the linear picture from which on the way begins on another side of a kink.
OTHER_SIDE = 0.5


def find_connections(
    system: Any,
    points: FixedPoints,
    *,
    n_directions: int = 16,
    tol: float = 0.01,
    max_steps: int = 10_000,
    dt: float | None = None,
    seed: int = 0,
    verbose: bool = False,
) -> Connections:
    """Follow trajectories from each saddle along its unstable directions to their ends.

    A saddle with one unstable direction is left in both senses along it. A saddle with more is
    left in both senses along each axis of its unstable subspace and along random directions in
    it. These are samples of a continuous family of trajectories, and may miss targets that only
    a narrow range of directions leads to.

    Two further trajectories are run next to each, displaced to either side by a
    hundred-millionth of its length. If these two end at different places, the trajectory
    between them runs along the boundary of their basins: in exact arithmetic it would end at a
    saddle on the boundary, and only rounding moves it on. Its outcome is BOUNDARY, and its
    target is that saddle if it is among the points.

    A point on a kink may repel states on one side and attract them on the other: then only one
    trajectory leaves it.

    Each run starts at the largest distance from the saddle at which its first step agrees with
    the linearised system to 1%, but at most at a tenth of the distance to the nearest other
    point.

    Args:
        system: a network, as :func:`fixedpoint_tf.as_system` takes it.
        points: distinct points of a search. Trajectories begin and end at fixed points (at any
            point, if they have no status), not at slow points.
        n_directions: random directions from a saddle with several unstable ones.
        tol: share of the distance from the target to the nearest other point, within which a
            state has arrived.
        max_steps: largest number of steps of a run. A line attractor, where states stop between
            the points, and a cycle are distinguished from states that are still on their way.
        dt: length of a step in which a continuous system is run; by default a quarter of
            the fastest rate at the points.
        seed: seed of the random directions.
        verbose: show a bar.

    Returns:
        The connections; interrupted by Ctrl-C, those found so far.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: all trajectories under one input are run as one batch, three times, for the steps that
        the slowest takes; 0.3 s for the 27 points of a flip-flop of 24 units. Eigenvectors are
        computed at the saddles only; no more than 100 MiB of Jacobians and eigenvectors are
        held at once, or those of one point.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> wells = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
        >>> points = FixedPoints(xstar=np.array([[-1.0], [0.0], [1.0]]))
        >>> found = find_connections(wells, points)
        >>> found
        2 ways out of 1 saddle; 1 of 1 saddle with 1 unstable direction joins 1 pair of 2
        attractors
        >>> found.transition_graph().edges.tolist()
        [[0, 2]]
    """
    system = system_of(system)
    inputs = inputs_of(system, points)
    tol, max_steps = check_runs(tol, max_steps)
    n_directions = check_whole(n_directions, "n_directions", least=0)
    seed = check_seed(seed)
    check_switch(verbose, "verbose")
    check_fits("n_directions", n_directions, n_directions, system.n_states)
    step = time_step(system, points, inputs, dt)
    is_fixed = np.ones(points.n, dtype=bool)
    if points.status is not None:
        is_fixed = points.status == Status.FIXED_POINT
    distinct, condition = np.unique(inputs, axis=0, return_inverse=True)
    condition = condition.ravel()
    n_unstable, stable = np.full(points.n, -1), np.zeros(points.n, dtype=bool)
    ways: _Ways | None = None
    stop = Interruption("ways that had not been followed by then have the outcome NOT_RUN")
    with stop:
        values = eigenvalues_of(system, points, inputs)
        n_unstable = np.where(is_fixed, n_unstable_of(points, values), -1)
        stable = is_fixed & is_stable_of(points, values)
        ways = _ways_out(
            system, points, inputs, n_unstable, n_directions, seed, tol, is_fixed, condition
        )
        _follow(
            system, ways, points, distinct, condition, is_fixed, stable,
            max_steps, step, seed, stop, verbose=verbose,
        )  # fmt: skip
    if ways is None:  # none is known yet
        ways = _Ways.none(system.n_states, points.n)
    # A half-stable point on a kink is left on one side only: on the other states come back.
    out = ~((ways.target == ways.source) & (ways.error > OTHER_SIDE))
    return Connections(
        source=ways.source[out],
        direction=ways.direction[out],
        sign=ways.sign[out],
        target=ways.target[out],
        outcome=ways.outcome[out],
        steps=ways.steps[out],
        final=ways.final[out],
        offset=ways.offset[out],
        linear_error=ways.error[out],
        n_unstable=n_unstable,
        is_attractor=stable,
        xstar=points.xstar,
        condition=condition,
        dt=step,
        interrupted=stop.came,
    )


@dataclasses.dataclass
class _Ways:
    """Ways out of the unstable points, the rows of :class:`Connections`."""

    source: np.ndarray
    direction: np.ndarray
    sign: np.ndarray
    offset: np.ndarray
    error: np.ndarray
    start: np.ndarray
    radius: np.ndarray
    target: np.ndarray = dataclasses.field(init=False)
    outcome: np.ndarray = dataclasses.field(init=False)
    steps: np.ndarray = dataclasses.field(init=False)
    final: np.ndarray = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        n = len(self.source)
        self.target, self.outcome = np.full(n, -1), np.full(n, int(RunOutcome.NOT_RUN))
        self.steps, self.final = np.zeros(n, dtype=int), np.array(self.start)

    @classmethod
    def none(cls, n_states: int, n_points: int) -> _Ways:
        """Return no way."""
        rows, states = np.zeros(0), np.zeros((0, n_states))
        source, sign = np.zeros(0, dtype=int), np.zeros(0, dtype=int)
        return cls(source, states, sign, rows, rows, states, np.zeros(n_points))


def _ways_out(
    system: DynamicalSystem,
    points: FixedPoints,
    inputs: np.ndarray,
    n_unstable: np.ndarray,
    n_directions: int,
    seed: int,
    tol: float,
    is_fixed: np.ndarray,
    condition: np.ndarray,
) -> _Ways:
    """Find the ways out of unstable points, and where along them the runs begin."""
    rng = np.random.default_rng(seed)
    source, direction, sign, linear = unstable_directions(
        system, points, inputs, n_unstable, n_directions, rng
    )
    radius = np.zeros(points.n)
    for c in np.unique(condition):
        here = np.flatnonzero(is_fixed & (condition == c))
        radius[here] = radii(points.xstar[here], tol)
    offset, error = offsets(
        system, points.xstar, inputs, source, direction, linear, radius / tol
    )
    start = points.xstar[source] + offset[:, None] * direction
    return _Ways(source, direction, sign, offset, error, start, radius)


def _follow(
    system: DynamicalSystem,
    ways: _Ways,
    points: FixedPoints,
    distinct: np.ndarray,
    condition: np.ndarray,
    is_fixed: np.ndarray,
    stable: np.ndarray,
    max_steps: int,
    step: float,
    seed: int,
    stop: Interruption,
    *,
    verbose: bool,
) -> None:
    """Run states forward along the ways, and note where each of them leads."""
    source, start, offset, radius = ways.source, ways.start, ways.offset, ways.radius
    for c in range(len(distinct)):
        edges = np.flatnonzero(condition[source] == c)
        here = np.flatnonzero(is_fixed & (condition == c))
        if stop.came or not len(edges):
            continue
        starts = [start[edges], *_beside(system, start, offset, edges, seed)]
        ends = run_to_convergence(
            system,
            np.concatenate(starts),
            distinct[c],
            points.xstar[here],
            radius[here],
            stable[here],
            max_steps=max_steps,
            dt=step,
            verbose=verbose,
            what="ways",
        )
        found, kind = _decided(ends, stable[here], len(edges))
        if ends.interrupted:
            stop.note()
        lost = np.flatnonzero(kind == RunOutcome.BOUNDARY)
        first = None
        if not stop.came:
            with stop:
                first = _first_saddles(
                    system,
                    start[edges[lost]],
                    distinct[c],
                    np.searchsorted(here, source[edges[lost]]),
                    points.xstar[here],
                    np.where(stable[here], 0.0, 3.0 * radius[here]),
                    int(ends.steps.max(initial=0)),
                    step,
                )
        if first is None:  # the saddle that was met may not be the first
            found[lost], kind[lost] = -1, int(RunOutcome.NOT_RUN)
        else:
            found[lost] = np.where(first >= 0, first, found[lost])
        ways.target[edges] = np.where(found >= 0, here[found], -1)
        ways.steps[edges] = ends.steps[: len(edges)]
        ways.final[edges] = ends.final[: len(edges)]
        ways.outcome[edges] = kind


def _beside(
    system: DynamicalSystem,
    start: np.ndarray,
    offset: np.ndarray,
    edges: np.ndarray,
    seed: int,
) -> list[np.ndarray]:
    """Return states on both sides of the starts, as far away as the direction is exact."""
    rng = np.random.default_rng(seed)
    side = rng.normal(size=(len(edges), system.n_states))
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    eps = np.finfo(system.dtypes[1]).eps
    size = np.linalg.norm(start[edges], axis=1) + offset[edges]
    far = np.maximum(ASIDE * offset[edges], 1e3 * eps * size)
    return [start[edges] + sign * far[:, None] * side for sign in (1.0, -1.0)]


def _decided(
    ends: Convergence, attracting: np.ndarray, n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return target and outcome of ``n`` ways, given also the runs beside them."""
    target, outcome = ends.target.reshape(3, n), ends.outcome.reshape(3, n)
    grazed = ends.grazed.reshape(3, n)
    known = ~np.isin(outcome, [RunOutcome.NOT_RUN, RunOutcome.MOVING])
    differ = np.zeros(n, dtype=bool)
    for other in (1, 2):
        elsewhere = (target[other] != target[0]) | (outcome[other] != outcome[0])
        differ |= known[0] & known[other] & elsewhere
    # At rest at a saddle: its mirror image of rounding would lead on.
    at_saddle = (target[0] >= 0) & ~np.append(attracting, True)[target[0]]
    saddle = np.where(at_saddle, target[0], grazed[0])
    for other in (1, 2):
        saddle = np.where(saddle < 0, grazed[other], saddle)
    boundary = differ | at_saddle | (known[0] & (grazed[0] >= 0))
    kind = np.where(boundary, int(RunOutcome.BOUNDARY), outcome[0])
    found = np.where(boundary, saddle, target[0])
    unsure = (outcome == RunOutcome.NOT_RUN).any(axis=0)  # those beside were interrupted
    kind[unsure], found[unsure] = int(RunOutcome.NOT_RUN), -1
    return found, kind


def _first_saddles(
    system: DynamicalSystem,
    start: np.ndarray,
    u: np.ndarray,
    left: np.ndarray,
    saddles: np.ndarray,
    radius: np.ndarray,
    most_steps: int,
    dt: float,
) -> np.ndarray:
    """Return the first saddle that each run reaches after the one it left, or -1."""
    first, x = np.full(len(start), -1), np.array(start)
    open_ = np.arange(len(start))
    entries = BLOCK * max(system.n_states, len(saddles))
    for _ in range(-(-most_steps // BLOCK)):
        for some in chunks(len(open_), entries):
            rows = open_[some]
            path = run_block(system, x[rows], u, BLOCK, dt)
            x[rows] = path[:, -1]
            distance = cdist(path.reshape(-1, system.n_states), saddles)
            inside = (distance <= radius).reshape(len(rows), BLOCK + 1, -1)
            inside[np.arange(len(rows)), :, left[rows]] = False
            came = inside.any(axis=(1, 2))
            when = inside.any(axis=2).argmax(axis=1)
            nearest = inside[np.arange(len(rows)), when].argmax(axis=1)
            first[rows[came]] = nearest[came]
        open_ = open_[(first[open_] < 0) & np.isfinite(x[open_]).all(axis=1)]
        if not len(open_):
            break
    return first
