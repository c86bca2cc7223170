"""Outcomes of slow states: on a slow line or ring, at a fixed point, on a cycle."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from fixedpoint_tf._utils.selection import state_scale
from fixedpoint_tf.analysis.attractors.chains import Chain
from fixedpoint_tf.analysis.convergence import BLOCK, last_states, radii, run_to_convergence
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["FOR_LONG", "MOST_RUN", "outcomes_of", "settle_on_chains"]

#: A state is on a curve within this share of the curve's own radius.
ON_CURVE = 0.02
#: Multiples of the slowest time after which a state that is nowhere is left where it is.
WAITING = 20.0
#: The same, where a cycle may pass through slow states and has no other sign.
FOR_LONG = np.inf
#: Time constants after which a state has settled across a line.
SETTLED = 5.0
MOST_STEPS = 20_000  # of a run, however slow the states are: a bound on the work
#: States that are run on to see what becomes of those that are no slow points.
MOST_RUN = 64


def settle_on_chains(
    system: DynamicalSystem,
    x: np.ndarray,
    u: np.ndarray,
    chains: list[Chain],
    min_time_constant: float,
    dt: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Run states forward until they are on one of the chains.

    Args:
        system: the system.
        x: ``(n, n_states)``.
        u: ``(n, n_inputs)``.
        chains: lines and rings.
        min_time_constant: threshold in steps or units of time.
        dt: length of a step.

    Returns:
        ``(n,)``, the number of the chain that each state comes to, -1 for none; and
        ``(n, n_states)``, the place where it comes to it. For a state that comes to a line
        from beyond its ends this is where it has settled across the line.
    """
    which, place = np.full(len(x), -1), np.array(x)
    if not chains or not len(x):
        return which, place
    trees = [cKDTree(chain.nodes()) for chain in chains]
    tubes = [ON_CURVE * state_scale(chain.path) for chain in chains]
    longest = max(
        [min_time_constant, *(c.return_time for c in chains if np.isfinite(c.return_time))]
    )
    n_steps = min(MOST_STEPS, int(np.ceil(WAITING * longest / dt)))
    state, settled = np.array(x), np.array(x)
    across = [
        SETTLED * (c.return_time if np.isfinite(c.return_time) else min_time_constant)
        for c in chains
    ]
    done, length = 0, 0
    while True:
        open_ = np.flatnonzero((which < 0) & np.isfinite(state).all(axis=1))
        if not len(open_):
            break
        for number, (chain, tree, tube) in enumerate(zip(chains, trees, tubes, strict=True)):
            mine = open_[which[open_] < 0]
            gap, _ = tree.query(state[mine], distance_upper_bound=tube)
            entered = mine[np.isfinite(gap)]
            which[entered] = number
            late = not chain.closed and done * dt > across[number]
            place[entered] = (settled if late else state)[entered]
        if done >= n_steps:
            break
        length = min(BLOCK, n_steps - done)
        rows = np.flatnonzero(which < 0)
        state[rows] = last_states(system, state[rows], u[rows], length, dt)
        done += length
        if (done - length) * dt <= max(across) <= done * dt or done * dt <= max(across):
            settled[rows] = state[rows]
    return which, place


def outcomes_of(
    system: DynamicalSystem,
    x: np.ndarray,
    u: np.ndarray,
    targets: np.ndarray,
    attracting: np.ndarray,
    min_time_constant: float,
    dt: float,
    waiting: float = WAITING,
) -> np.ndarray:
    """Run states of one input forward, and return the :class:`RunOutcome` of each, ``(n,)``.

    Args:
        system: the system.
        x: ``(n, n_states)``, finite.
        u: ``(n_inputs,)``.
        targets: ``(n_targets, n_states)``, the fixed points.
        attracting: ``(n_targets,)``, which of them are stable.
        min_time_constant: threshold in steps or units of time.
        dt: length of a step.
        waiting: multiples of ``min_time_constant`` for which they are run, but 20,000 steps at
            most.

    Returns:
        The outcomes.

    Raises:
        KeyboardInterrupt: the runs were interrupted.
    """
    if not len(x):
        return np.zeros(0, dtype=int)
    n_steps = int(min(MOST_STEPS, np.ceil(waiting * min_time_constant / dt)))
    radius = radii(targets, 0.01) if len(targets) else np.zeros(0)
    ends = run_to_convergence(
        system, x, u, targets, radius, attracting, max_steps=n_steps, dt=dt
    )
    if ends.interrupted:  # it has caught the interruption, and not run them to the end
        raise KeyboardInterrupt
    return ends.outcome
