"""``connections``: leave each saddle, run forward, see where that leads."""

from __future__ import annotations

from typing import Any

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf.adapters import as_system
from fixedpoint_tf.arrivals import arrive, check_runs, radii, time_step
from fixedpoint_tf.at_points import eigenvalues_of, inputs_of
from fixedpoint_tf.checks import check_whole
from fixedpoint_tf.connections.result import Connections
from fixedpoint_tf.connections.ways_out import offsets, ways_out
from fixedpoint_tf.fixed_points import FixedPoints
from fixedpoint_tf.outcomes import Outcome
from fixedpoint_tf.status import Status

__all__ = ["connections"]


def connections(
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
    """Follow the unstable directions of each saddle to where they lead.

    A saddle with one unstable direction is left both ways along it. One with more is left
    both ways along each axis of its unstable subspace and along random directions in it:
    a sample, which may miss narrow ways.

    Each run starts as far from the saddle, up to a tenth of the way to the nearest other
    point, as the first step still follows the linearised system to 1%.

    Args:
        system: what :func:`fixedpoint_tf.as_system` takes.
        points: of a search, distinct ones. The fixed points are left and reached (without
            a status all points); slow points are not.
        n_directions: random directions from a saddle with several unstable ones.
        tol: a state has arrived within this share of the distance from the target to the
            nearest other point.
        max_steps: of a run. A line attractor, where states stop between the points, and a
            cycle are told apart from states that are still on their way.
        dt: length of a step in which a continuous system is run; by default a quarter of
            the fastest rate at the points.
        seed: of the random directions.
        verbose: show a bar.

    Returns:
        The connections; interrupted by Ctrl-C, those found so far.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: all ways of one input are run as one batch, for the steps that the slowest
        takes; 0.3 s for the 27 points of a flip-flop of 24 units. Eigenvectors are taken
        at the saddles alone; no more than 100 MiB of Jacobians and eigenvectors are held
        at once, or those of one point.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> wells = as_system(lambda h, u: h + 0.1 * (h - h**3), n_states=1, n_inputs=0)
        >>> points = FixedPoints(xstar=np.array([[-1.0], [0.0], [1.0]]))
        >>> found = connections(wells, points)
        >>> found
        2 ways out of 1 saddle; 1 of 1 with 1 unstable direction joins 1 pair of 2 attractors
        >>> found.transition_graph().edges.tolist()
        [[0, 2]]
    """
    system = as_system(system)
    inputs = inputs_of(system, points)
    check_runs(tol, max_steps)
    check_whole(n_directions, "n_directions", least=0)
    step = time_step(system, points, inputs, dt)
    is_fixed = np.ones(points.n, dtype=bool)
    if points.status is not None:
        is_fixed = points.status == Status.FIXED_POINT
    values = eigenvalues_of(system, points, inputs)
    n_unstable = np.where(is_fixed, linearization.n_unstable(values, system.kind), -1)
    stable = is_fixed & linearization.is_stable(values, system.kind)
    distinct, condition = np.unique(inputs, axis=0, return_inverse=True)
    condition = condition.ravel()
    rng = np.random.default_rng(seed)
    source, direction, sign, linear = ways_out(
        system, points, inputs, n_unstable, n_directions, rng
    )

    radius, n_edges = np.zeros(points.n), len(source)
    for c in range(len(distinct)):
        here = np.flatnonzero(is_fixed & (condition == c))
        radius[here] = radii(points.xstar[here], tol)
    offset, error = offsets(
        system, points.xstar, inputs, source, direction, linear, radius / tol
    )
    start = points.xstar[source] + offset[:, None] * direction
    target, outcome = np.full(n_edges, -1), np.full(n_edges, int(Outcome.NOT_RUN))
    steps, final, interrupted = np.zeros(n_edges, dtype=int), np.array(start), False
    for c in range(len(distinct)):
        edges = np.flatnonzero(condition[source] == c)
        here = np.flatnonzero(is_fixed & (condition == c))
        if interrupted or not len(edges):
            continue
        ends = arrive(
            system,
            start[edges],
            distinct[c],
            points.xstar[here],
            radius[here],
            stable[here],
            max_steps=max_steps,
            dt=step,
            verbose=verbose,
            what="ways",
        )
        target[edges] = np.where(ends.target >= 0, here[ends.target], -1)
        outcome[edges], steps[edges], final[edges] = ends.outcome, ends.steps, ends.final
        interrupted = ends.interrupted
    return Connections(
        source=source,
        direction=direction,
        sign=sign,
        target=target,
        outcome=outcome,
        steps=steps,
        final=final,
        offset=offset,
        linear_error=error,
        n_unstable=n_unstable,
        is_attractor=stable,
        xstar=points.xstar,
        condition=condition,
        dt=step,
        interrupted=interrupted,
    )
