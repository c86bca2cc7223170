"""``find_cycles``: forward runs, near recurrences, and solution for cycles."""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm import tqdm

from fixedpoint_tf._utils.checks import (
    as_numbers,
    check_finite,
    check_fits,
    check_number,
    check_rows,
    check_seed,
    check_switch,
    check_time_step,
    check_whole,
)
from fixedpoint_tf._utils.chunks import chunk_size, chunks
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf.analysis.cycles.result import Cycles
from fixedpoint_tf.analysis.cycles.search import CycleOptions, CycleSearch
from fixedpoint_tf.systems.convert import system_of
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["find_cycles"]

MOST_EXTENSIONS = 10  # each run is four times as long as the last


def find_cycles(
    system: Any,
    states: Any,
    inputs: Any = None,
    *,
    dt: float | None = None,
    n_transient: int = 1000,
    n_steps: int = 4096,
    max_period: int = 8,
    n_candidates: int = 64,
    n_extensions: int = 2,
    tol_unique: float = 1e-4,
    seed: int = 0,
    verbose: bool = False,
) -> Cycles:
    r"""Find the cycles of a system, with their periods and their stability.

    Every start is run forward. What settles is a fixed point (which is no cycle), an exact
    cycle, motion on a closed invariant curve, or chaos (a positive Lyapunov exponent, which
    is no cycle either). Exact and continuous cycles are then solved by multiple shooting,
    ``x_{i+1} = F(x_i, u)`` around (continuous: the flow, with the period unknown). Unstable
    ones are solved from near-recurrences met on the way: they are found where a trajectory
    passes near one, never surely. On an invariant curve the rotation number comes from
    weighted Birkhoff averages (Das et al. 2017), to many digits where the curve is smooth,
    and the multipliers from Lyapunov exponents. The curves of piecewise linear networks
    have corners; they differ from other motion by their length, which is finite, and their
    period is the one whose phase orders the states along the curve, with its error. Beside
    a cycle of k steps a rotation fills k such curves. What seems chaotic is run ten times
    as long again, and thirty times (up to 390 where the chaos of some starts ends) as far
    as that is cheap, and looked at anew before it is called so: chaos is a statement about
    the steps that were simulated, whose number the answer gives.

    Args:
        system: anything that :func:`fixedpoint_tf.as_system` takes as its only argument.
        states: ``(n, n_states)``, where to start; or trajectories
            ``(n_batch, n_time, n_states)``, of which the last states are taken.
        inputs: ``(1, n_inputs)`` or ``(n, n_inputs)``, constant; None for a system without.
        dt: step of the integration of a continuous system, a small part of the period;
            not for a discrete one.
        n_transient: steps that are run before anything is looked at.
        n_steps: steps that are looked at. Exact cycles of up to a half of it are seen, and
            closed curves that are gone round at least three times in it.
        max_period: greatest period at which *unstable* exact cycles are sought; 0: none are.
        n_candidates: guesses of unstable cycles for each period.
        n_extensions: number of times that an unsettled start is run further, each time four
            times as long.
        tol_unique: cycles nearer than this, relative to their extent, are one and the
            same; shifted phases always are, and so are the cycles of a family that fills a
            curve.
        seed: seed of the first tangent vectors and of the places where unstable cycles of a
            continuous system are sought.
        verbose: show a bar, and what is being done.

    Returns:
        The cycles and the outcome of each start. After an interruption from the keyboard,
        what has been found so far, marked ``interrupted``.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: for each start ``n_transient + n_steps`` steps, times up to ``4 ** n_extensions``
    for those that do not settle, and times 11 to 401 for chaos; a Jacobian at ``n_steps``
    states for each distinct curve and each start that does not settle; for unstable cycles
    about ten Newton steps of ``n_candidates * max_period ** 2 / 2`` Jacobians. Held at
    once, each a few times over, are at most 128 MiB of trajectories, or that of one start
    (``8 * n_states * (n_transient + n_steps)`` bytes), and 32 MiB of Jacobians, or one. A
    cycle whose Jacobians take more has them computed thrice in each Newton step.

    Example:
        >>> import tensorflow as tf
        >>> from fixedpoint_tf import as_system
        >>> logistic = as_system(lambda x, u: 3.3 * x * (1 - x), n_states=1, n_inputs=0)
        >>> find_cycles(logistic, [[0.3]], max_period=2)
        a stable cycle: the oscillation takes 2 steps; starts: 1 on a cycle
    """
    system = system_of(system)
    x, u = _starts(system, states, inputs)
    check_time_step(dt, system.time)
    check_switch(verbose, "verbose")
    options = CycleOptions(
        dt=dt,
        n_transient=check_whole(n_transient, "n_transient", 0),
        n_steps=check_whole(n_steps, "n_steps", 64),
        max_period=check_whole(max_period, "max_period", 0),
        n_candidates=check_whole(n_candidates, "n_candidates", 0),
        n_extensions=check_whole(n_extensions, "n_extensions", 0, MOST_EXTENSIONS),
        tol_unique=check_number(tol_unique, "tol_unique"),
        seed=check_seed(seed),
    )
    check_fits("n_transient", n_transient, n_transient, system.n_states)
    check_fits("n_steps", n_steps, n_steps, system.n_states)
    check_fits("n_candidates", n_candidates, n_candidates, system.n_states)
    search = CycleSearch(system, options, x, u)
    stop = Interruption("starts not reached by then have the outcome NOT_REACHED")
    length = options.n_transient + options.n_steps
    # The trajectories of a chunk are held, with few copies.
    size = min(chunk_size(length * system.n_states, copies=8), chunk_size(system.n_states**2))
    with tqdm(total=len(x), desc="cycles", unit="start", disable=not verbose) as bar, stop:
        search.say = bar.set_postfix_str
        for some in chunks(len(x), size=size):
            rows = np.arange(len(x))[some]
            search.run(rows)
            bar.update(len(rows))
    return stop.complete(lambda: search.result(stop.came))


def _starts(system: DynamicalSystem, states: Any, inputs: Any) -> tuple[np.ndarray, np.ndarray]:
    x = system.layout.pack(states, "states")
    if x.ndim in (2, 3) and not len(x):
        raise ValueError(f"states: expected at least one start, received shape {x.shape}.")
    if x.ndim == 3 and x.shape[1]:
        x = x[:, -1]
    check_rows(x, "states", system.n_states, "n_states")
    if inputs is None:
        if system.n_inputs:
            raise ValueError(
                f"inputs: expected shape (1 or n, n_inputs={system.n_inputs}), received None."
            )
        inputs = np.zeros((1, 0))
    u = as_numbers(inputs, "inputs")
    if u.ndim != 2 or u.shape[1] != system.n_inputs or len(u) not in (1, len(x)):
        raise ValueError(
            f"inputs: expected one row, or one for each of the {len(x)} starts, and "
            f"{system.n_inputs} columns, received shape {u.shape}."
        )
    check_finite(u, "inputs")
    return x, np.broadcast_to(u, (len(x), system.n_inputs)).copy()
