"""Outcomes of states that are no slow points, and of slow ones on no manifold."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.analysis.attractors.grouping import ManifoldGrouper
from fixedpoint_tf.analysis.attractors.slow_outcomes import FOR_LONG, MOST_RUN, outcomes_of
from fixedpoint_tf.analysis.outcomes import RunOutcome
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.at_points import inputs_of

__all__ = ["go_round", "outcomes_of_others"]

#: Slow states of a group that are run on to see whether they go round and round.
MOST_TURNING = 8


def go_round(sorter: ManifoldGrouper, points: FixedPoints, rows: np.ndarray) -> bool:
    """Test slow states that make no manifold for being the slow places of a cycle."""
    if not sorter.is_slow[rows].all():
        return False
    some = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_TURNING)).astype(int)]
    nothing, u = np.zeros((0, points.n_states)), sorter.u[rows[0]]
    outcomes = outcomes_of(
        sorter.system,
        points.xstar[some],
        u,
        nothing,
        np.zeros(0, dtype=bool),
        sorter.min_time_constant,
        sorter.dt,
        waiting=FOR_LONG,
    )
    return bool((outcomes == RunOutcome.CYCLE).all())


def outcomes_of_others(
    sorter: ManifoldGrouper,
    points: FixedPoints,
    others: np.ndarray,
    taken: FixedPoints,
    at_rest: np.ndarray,
) -> np.ndarray:
    """Return the outcomes of some states that are neither fixed nor slow points."""
    if points.status is not None:
        others = others[~np.isin(points.status[others], [Status.DIVERGED, Status.OUTLIER])]
    others = others[np.isfinite(points.xstar[others]).all(axis=1)]
    if len(others) > MOST_RUN:
        others = others[np.linspace(0, len(others) - 1, MOST_RUN).astype(int)]
    inputs = inputs_of(sorter.system, points[others])
    found = [np.zeros(0, dtype=int)]
    for u in np.unique(inputs, axis=0):
        here = at_rest & (sorter.u == u).all(axis=1)
        found.append(
            outcomes_of(
                sorter.system,
                points.xstar[others[(inputs == u).all(axis=1)]],
                u,
                taken.xstar[here],
                sorter.n_unstable[here] == 0,
                sorter.min_time_constant,
                sorter.dt,
            )
        )
    return np.concatenate(found)
