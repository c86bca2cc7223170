"""Sample a slow manifold where a search finds only its few exact fixed points."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import (
    check_number,
    check_seed,
    check_switch,
    check_whole,
)
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf._utils.selection import is_slow, select_distinct, state_scale
from fixedpoint_tf.analysis.convergence import run_on, time_step
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.search_end import SearchEnd
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.systems.at_points import constant_input, every_state
from fixedpoint_tf.systems.convert import system_of
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["sample_slow_states"]

#: Steps, or times of the fastest rate, that a slow state takes at least.
LINGERING = 10.0
#: States that are spread out in a fraction of a second, as an interruption demands.
MOST_AT_ONCE = 1000


def sample_slow_states(
    system: Any,
    states: Any,
    inputs: Any = None,
    *,
    n_steps: int = 50,
    max_points: int = 300,
    min_time_constant: float | None = None,
    dt: float | None = None,
    seed: int = 0,
    verbose: bool = False,
) -> FixedPoints:
    """Let states settle at a constant input, and spread out those that are left.

    A trained integrator has few exact fixed points along its line, and a good search finds
    just these. What its trajectories settle on, once fast transients are gone, samples the
    line between them: give the result, joined to the fixed points if you like, to
    :func:`fixedpoint_tf.analysis.classify_attractors`.

    Args:
        system: a network, as :func:`fixedpoint_tf.as_system` takes it.
        states: ``(n, n_states)`` or trajectories ``(n_batch, n_time, n_states)``, such as
            :meth:`fixedpoint_tf.FixedPointFinder.simulate` returns.
        inputs: ``(n_inputs,)`` or ``(1, n_inputs)``, constant; zero by default.
        n_steps: number of steps for them to settle: longer than the fast time constants, and
            shorter than the slow ones, along which states would gather at attractors; 0 takes
            the states as they are.
        max_points: at most so many are kept, none nearer to another than a distance that
            is chosen for that.
        min_time_constant: time in which a slow state would cross the region of the states
            given, at the speed that it has; in steps, or units of time in continuous time.
            By default 10 steps, or 10 times the fastest time constant at the states.
        dt: length of a step, for a continuous system; by default a quarter of the fastest
            rate at the states.
        seed: seed of the choice among more than 20,000 states.
        verbose: show a bar.

    Returns:
        The states with their speeds and, as ``x_init``, where they came from; marked as
        slow points, or as NOT_SLOW where they do not linger, as on a cycle. Unlike the slow
        points of a search these samples are no minima of the speed. ``n_iters`` is the steps
        that each was run. After Ctrl-C these are fewer than ``n_steps``, of every so many
        states, 1,000 at most; ``search_end`` is ``SearchEnd.INTERRUPTED``, and states that
        had not settled by then are NOT_SLOW by the speed that they have.

    Raises:
        TypeError, ValueError: an argument is not as described.

    Cost: a run of ``n_steps``, all states as one batch.

    Example:
        >>> import tensorflow as tf
        >>> from fixedpoint_tf import as_system
        >>> integrator = as_system(
        ...     lambda h, u: h * tf.constant([1.0, 0.5], h.dtype), n_states=2, n_inputs=0
        ... )
        >>> states = np.random.default_rng(0).normal(size=(500, 2))
        >>> found = sample_slow_states(integrator, states, max_points=50)
        >>> found.n <= 50, bool(np.abs(found.xstar[:, 1]).max() < 1e-12)
        (True, True)
    """
    system = system_of(system)
    x = every_state(system, states)
    u = np.zeros(system.n_inputs)
    if inputs is not None:
        u = constant_input(inputs, system.n_inputs)
    u = u[None]
    seed = check_seed(seed)
    check_switch(verbose, "verbose")
    n_steps = check_whole(n_steps, "n_steps", least=0)
    max_points = check_whole(max_points, "max_points", least=1)
    if min_time_constant is not None:
        min_time_constant = check_number(min_time_constant, "min_time_constant")
    scale = state_scale(x)
    if len(x) > 20_000:
        x = x[np.random.default_rng(seed).choice(len(x), 20_000, replace=False)]
    at, before = FixedPoints(xstar=x, time=system.time), x
    every = np.broadcast_to(u, (len(x), system.n_inputs))
    stop = Interruption("the states are returned as far as they had settled")
    step = stop.complete(lambda: time_step(system, at, every, dt))
    x, steps = np.array(x), np.zeros(len(x), dtype=int)
    if not stop.came:
        with stop:
            run_on(system, x, steps, every, n_steps, step, verbose=verbose)
    if min_time_constant is None:  # step is a quarter of the fastest time constant
        min_time_constant = LINGERING * (1.0 if system.time == "discrete" else 4.0 * step)

    def answer() -> FixedPoints:
        rows = np.flatnonzero(np.isfinite(x).all(axis=1))
        if stop.came:  # as many as are spread out at once
            rows = rows[:: -(-len(rows) // MOST_AT_ONCE) or 1]
        found = FixedPoints(
            xstar=x[rows],
            x_init=before[rows],
            inputs=every[rows],
            n_iters=steps[rows],
            time=system.time,
            state_names=tuple(system.state_names),
        )
        return _spread_out(system, found, scale, float(min_time_constant), max_points)

    found = stop.complete(answer)
    return dataclasses.replace(found, search_end=SearchEnd.INTERRUPTED) if stop.came else found


def _spread_out(
    system: DynamicalSystem,
    settled: FixedPoints,
    scale: float,
    min_time_constant: float,
    max_points: int,
) -> FixedPoints:
    """Measure the speed of settled states, and keep some that are not near each other."""
    x = settled.xstar
    image = system.step(x, settled.inputs).numpy().astype(np.float64)
    speed = 0.5 * ((image - x if system.time == "discrete" else image) ** 2).sum(axis=1)
    # On a cycle the states that were given may have come from far away.
    now = state_scale(x)
    scale = now if now >= 0.1 * scale else scale
    slow = is_slow(np.sqrt(2.0 * speed), scale, min_time_constant)
    kept, spacing = _spread(x, max_points)
    return dataclasses.replace(
        settled[kept],
        F_xstar=image[kept],
        qstar=speed[kept],
        status=np.where(slow[kept], Status.SLOW_POINT, Status.NOT_SLOW),
        tol_unique=spacing,
    )


def _spread(x: np.ndarray, max_points: int) -> tuple[np.ndarray, float]:
    """Choose at most so many points, none nearer than a spacing, and return the spacing."""
    if not len(x):
        return np.zeros(0, dtype=int), 0.0
    # States that have gathered at one place count as one; rounding does not part them.
    radius = float(np.linalg.norm(x - x.mean(axis=0), axis=1).max())
    spacing = max(1e-6 * radius, 1e-9 * float(np.abs(x).max()), np.finfo(float).tiny)
    rank = np.zeros(len(x))
    kept, _ = select_distinct(x, rank, spacing, max_points + 1)
    if len(kept) <= max_points:
        return kept, spacing
    low, high = spacing, max(2.0 * radius, spacing)
    for _ in range(12):  # the largest number that is allowed, by bisection
        middle = np.sqrt(low * high)
        kept, _ = select_distinct(x, rank, middle, max_points + 1)
        low, high = (middle, high) if len(kept) > max_points else (low, middle)
    kept, _ = select_distinct(x, rank, high, max_points + 1)
    return kept, float(high)
