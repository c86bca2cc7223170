"""Classification of the points of a search into isolated ones, lines, rings and planes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from fixedpoint_tf._utils.checks import check_number, check_switch, check_whole
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf._utils.selection import is_slow, state_scale
from fixedpoint_tf.analysis.attractors.candidates import (
    distinct_rows,
    fixed_or_slow,
    slow_enough,
    speeds_of,
)
from fixedpoint_tf.analysis.attractors.chain_order import examine_chain
from fixedpoint_tf.analysis.attractors.chains import find_chains
from fixedpoint_tf.analysis.attractors.group_type import MANIFOLDS, GroupType
from fixedpoint_tf.analysis.attractors.grouping import NEARLY, ManifoldGrouper
from fixedpoint_tf.analysis.attractors.other_states import go_round, outcomes_of_others
from fixedpoint_tf.analysis.attractors.result import Attractors
from fixedpoint_tf.analysis.attractors.slow_outcomes import outcomes_of, settle_on_chains
from fixedpoint_tf.analysis.convergence import time_step
from fixedpoint_tf.analysis.outcomes import RunOutcome
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.at_points import (
    check_points,
    eigenvalues_of,
    inputs_of,
    n_unstable_of,
)
from fixedpoint_tf.systems.convert import system_of

__all__ = ["classify_attractors"]

#: Points without a status that move by more than this share of the region are not fixed.
AT_REST = 1e-6


def classify_attractors(
    system: Any,
    points: FixedPoints,
    *,
    min_time_constant: float = 100.0,
    min_points: int = 8,
    dt: float | None = None,
    verbose: bool = False,
) -> Attractors:
    """Sort points into isolated ones, lines, rings, planes and slow cycles.

    Either of the two answers of a search will do: ``unique``, its distinct fixed and slow
    points, or ``every``, where each start ended, of which points that did not converge are
    left out and repeated ones counted once. Fixed points alone (``unique.fixed``) are
    enough only where they fill the manifold.

    An imperfect line or ring, along which attractors and saddles take turns, is followed
    from its saddles to its attractors, so that it needs no sampling. It must be slow as a
    whole: no state on it would cross its own radius in less than ``min_time_constant``. Slow
    states that lead to it belong to it.

    Any other manifold must be well sampled: neighbours on a ring nearer than its radius,
    say. In a trained network a search finds the few exact fixed points on it; keep the slow
    points, and sample the manifold between by
    :func:`fixedpoint_tf.analysis.sample_slow_states`. Where fixed points fill
    a line, a small ``tol_unique`` keeps more of them. Points at different inputs are never
    joined.

    A slow point must be slow: one that moves so fast that it would cross the region of all
    points given, and of the states they were found from, in less than about
    ``min_time_constant`` is left out and counted. What becomes of points that are neither
    fixed nor slow is seen by running them forward. A closed curve without a fixed point, on
    which all states creep the same way, is a cycle.

    A manifold that repels is found only where it is straight, since states between its
    points leave it; its points then stand as unclear, with a slow mode and no neighbours.

    Args:
        system: a network, as :func:`fixedpoint_tf.as_system` takes it.
        points: the fixed and slow points of a search. Those that did not converge are
            left out; without a status all are taken. Among points within ``tol_unique`` one
            is taken, a fixed one before a slow one, else the slowest.
        min_time_constant: a mode with a time constant of more than so many steps (continuous:
            units of time) is slow, and so is a manifold. Choose it between the time for which
            the network should remember and the time in which it settles.
        min_points: a manifold of fewer points is called unclear.
        dt: length of a step in which a continuous system is run; by default a quarter of
            the fastest rate at the points.
        verbose: show a bar.

    Returns:
        The groups; interrupted by Ctrl-C, those sorted out so far.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: 2 runs of min_time_constant / 2 steps for each of about five pairs a point, and the
        eigenvalues where the points have none; 0.5 s for 200 points of 10 states. Besides
        up to 20 slow steps for each slow state that comes to a line or ring, or to a point.

    Example:
        >>> import numpy as np
        >>> from fixedpoint_tf import FixedPoints, as_system
        >>> import tensorflow as tf
        >>> integrator = as_system(
        ...     lambda h, u: h * tf.constant([1.0, 0.5], h.dtype), n_states=2, n_inputs=0
        ... )
        >>> line = np.stack([np.linspace(-1, 1, 21), np.zeros(21)], axis=1)
        >>> classify_attractors(integrator, FixedPoints(xstar=line))
        a line of 21 points; length 2, drift < 1e-12 a step, returns in 1.4 steps
    """
    system = system_of(system)
    check_points(system, points)
    min_time_constant = check_number(min_time_constant, "min_time_constant", low=1.0)
    min_points = check_whole(min_points, "min_points", least=3)
    check_switch(verbose, "verbose")
    chosen = fixed_or_slow(points)
    taken = points[chosen]
    inputs = inputs_of(system, taken)
    n_taken = taken.n
    distinct = distinct_rows(taken, inputs)
    chosen, taken, inputs = chosen[distinct], taken[distinct], inputs[distinct]
    is_slow_state = np.zeros(taken.n, dtype=bool)
    if taken.status is not None:
        is_slow_state = taken.status == Status.SLOW_POINT
    stop = Interruption("points of groups that had not been sorted out by then are in none")
    step = stop.complete(lambda: _step(system, points, taken, inputs, dt))
    n_distinct = taken.n
    speed = stop.complete(lambda: speeds_of(system, taken, inputs))
    keep, scale = slow_enough(taken, speed, is_slow_state, min_time_constant)
    others = np.concatenate(
        [np.setdiff1d(np.arange(points.n), fixed_or_slow(points)), chosen[~keep]]
    )
    at_rest = ~is_slow_state & ((taken.status is not None) | (speed <= AT_REST * scale))
    chosen, taken, inputs, at_rest = chosen[keep], taken[keep], inputs[keep], at_rest[keep]
    is_slow_state = is_slow_state[keep]
    conditions, of = np.unique(inputs, axis=0, return_inverse=True)
    found: list[dict[str, Any]] = []
    n_drawn, n_turning, n_hurrying = 0, 0, 0
    moving = np.zeros(0, dtype=int)
    with (
        tqdm(total=taken.n, desc="eigenvalues", unit="point", disable=not verbose) as bar,
        stop,
    ):
        if not stop.came:
            values = eigenvalues_of(system, taken, inputs)
            bar.set_description("simulating")
            sorter = ManifoldGrouper(
                system,
                taken.xstar,
                inputs,
                values,
                is_slow_state,
                min_time_constant,
                min_points,
                step,
                n_unstable=n_unstable_of(taken, values),
            )
            for condition in range(len(conditions)):
                rows = np.flatnonzero(of.ravel() == condition)
                bar.set_description("joining neighbours")
                groups, n_left = _groups_of(sorter, taken, values, rows, at_rest)
                n_drawn += n_left
                bar.set_description("examining groups")
                for group in groups:
                    known = group()
                    bar.update(len(known["rows"]))
                    unclear = known["group_type"] == GroupType.UNCLEAR
                    if unclear and go_round(sorter, taken, known["rows"]):
                        n_turning += len(known["rows"])
                    elif _hurries(sorter, known):
                        n_hurrying += len(known["rows"])
                    else:
                        found.append(known | {"condition": condition})
            if len(others):
                bar.set_description("simulating other states")
            moving = outcomes_of_others(sorter, points, others, taken, at_rest)

    def gathered(name: str, dtype: type) -> np.ndarray:
        return np.array([part[name] for part in found], dtype=dtype)

    def joined(name: str, empty: np.ndarray) -> np.ndarray:
        return np.concatenate([empty, *(part[name] for part in found)])

    rows = joined("rows", np.zeros(0, dtype=int))
    none = np.zeros(0)
    names = ("length", "gap_ratio", "covered", "largest_drift", "time_along", "return_time")
    return Attractors(
        group_type=tuple(part["group_type"] for part in found),
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
        settled=joined("settled", np.zeros((0, system.n_states))),
        min_time_constant=float(min_time_constant),
        time_unit="step" if system.time == "discrete" else "unit of time",
        is_slow_state=joined("is_slow_state", np.zeros(0, dtype=bool)),
        n_slow_points=int(is_slow_state.sum()) if taken.status is not None else -1,
        n_left_out=points.n - n_taken,
        n_repeated=n_taken - n_distinct,
        n_not_slow=n_distinct - taken.n + n_hurrying,
        n_drawn=n_drawn,
        n_turning=n_turning,
        outcomes=moving,
        interrupted=stop.came,
        **{name: gathered(name, float) for name in names},
    )


def _step(system, points: FixedPoints, taken: FixedPoints, inputs: np.ndarray, dt) -> float:
    """Return the length of a step at fixed or slow points, or at other states without them."""
    if not taken.n:
        taken = points[np.isfinite(points.xstar).all(axis=1)]
        inputs = inputs_of(system, taken)
    return time_step(system, taken, inputs, dt)


def _groups_of(
    sorter: ManifoldGrouper,
    points: FixedPoints,
    values: np.ndarray,
    rows: np.ndarray,
    at_rest: np.ndarray,
) -> tuple[list[Callable[[], dict[str, Any]]], int]:
    """Find the groups at one input, and count the slow states that lead to points."""
    fixed, slow_ones = rows[at_rest[rows]], rows[sorter.is_slow[rows]]
    system, min_time_constant, dt = sorter.system, sorter.min_time_constant, sorter.dt
    chains = find_chains(
        system, points[fixed], sorter.u[fixed], values[fixed], min_time_constant, dt
    )
    most = len(slow_ones)
    chains = [c for c in chains if c.closed or len(c.rows) + most >= sorter.min_points]
    which, place = settle_on_chains(
        system, points.xstar[slow_ones], sorter.u[slow_ones], chains, min_time_constant, dt
    )
    groups: list[Callable[[], dict[str, Any]]] = []
    free = np.ones(len(sorter.x), dtype=bool)
    for number, chain in enumerate(chains):
        followers = slow_ones[which == number]
        members = np.concatenate([fixed[chain.rows], followers])
        if not chain.closed and len(members) < sorter.min_points:
            continue
        free[members] = False
        sorter.x[fixed[chain.rows]] = points.xstar[fixed[chain.rows]]
        sorter.x[followers] = place[which == number]
        groups.append(partial(examine_chain, sorter, members, chain))
    rest = rows[free[rows]]
    n_drawn = 0
    for group in sorter.groups(rest):
        members = rest[group]
        if len(fixed) and sorter.is_slow[members].all():
            outcome = outcomes_of(
                system,
                points.xstar[members],
                sorter.u[members[0]],
                points.xstar[fixed],
                sorter.n_unstable[fixed] == 0,
                min_time_constant,
                dt,
            )
            if (outcome == RunOutcome.FIXED_POINT).all():
                n_drawn += len(members)
                continue
        groups.append(partial(sorter.describe, members))
    return groups, n_drawn


def _hurries(sorter: ManifoldGrouper, known: dict[str, Any]) -> bool:
    """Test for states that cross their line or sheet in less than ``min_time_constant``."""
    if known["group_type"] not in MANIFOLDS or not sorter.is_slow[known["rows"]].all():
        return False
    x = known["settled"]
    speed = np.linalg.norm(sorter.velocity(x, sorter.u[known["rows"]]), axis=1)
    return not bool(
        is_slow(np.median(speed), NEARLY * state_scale(x), sorter.min_time_constant)
    )
