"""Forward runs of states, and their ends: a known point, a cycle, or neither."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from tqdm import tqdm

from fixedpoint_tf._utils.checks import check_number, check_time_step, check_whole
from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf._utils.selection import state_scale
from fixedpoint_tf.analysis.outcomes import RunOutcome
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.systems.simulation import roll_out
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = [
    "Convergence",
    "run_on",
    "run_to_convergence",
    "check_runs",
    "last_states",
    "radii",
    "run_block",
    "time_step",
]

BLOCK = 32  # steps between two looks at where the states are
CYCLE_WINDOW = 1024  # states of a run within which a cycle must close
STEADY = 1e-2  # by which the width of a cycle may differ between two halves of a run
FINER = 16  # by which steps are shortened for what ran away
GRAZING = 1e-4  # share of the radius of a saddle within which states seldom come


@dataclasses.dataclass
class Convergence:
    """The target that each of ``n`` states reached.

    Attributes:
        target: ``(n,)`` int, the row of the target reached; -1 for none.
        outcome: ``(n,)`` int, of :class:`RunOutcome`.
        steps: ``(n,)`` int, steps until the state was within the radius for good; for any
            other outcome the steps that were run.
        final: ``(n, n_states)``, the last state.
        grazed: ``(n,)`` int, the first target that does not attract which the state came
            as near as states do only along a boundary between basins; -1 for none.
        interrupted: whether Ctrl-C ended the runs early.
    """

    target: np.ndarray
    outcome: np.ndarray
    steps: np.ndarray
    final: np.ndarray
    grazed: np.ndarray
    interrupted: bool = False


def time_step(system: DynamicalSystem, points: FixedPoints, inputs: np.ndarray, dt) -> float:
    """Return the length of a step: 1, ``dt``, or a quarter of the fastest rate.

    Raises:
        ValueError: a ``dt`` for a discrete system, or none that is positive.
    """
    if system.time == "discrete":
        check_time_step(dt, system.time)
        return 1.0
    if dt is None:
        fastest = 0.0
        for rows in chunks(points.n, system.n_states**2):
            jacobian = system.jacobian(points.xstar[rows], inputs[rows]).numpy()
            fastest = max(fastest, float(np.abs(jacobian).sum(axis=-1).max()))
        return 0.25 / fastest if fastest > 0 else 1.0
    return check_number(dt, "dt")


def check_runs(tol: Any, max_steps: Any) -> tuple[float, int]:
    """Return options of the forward runs, and refuse those out of range."""
    return check_number(tol, "tol", 0.0, 0.5), check_whole(max_steps, "max_steps", least=1)


def radii(xstar: np.ndarray, tol: float, states: np.ndarray | None = None) -> np.ndarray:
    """Return ``tol`` times the distance from each point to the nearest other, ``(n,)``."""
    if len(xstar) < 2:
        around = xstar if states is None else np.concatenate([xstar, states])
        return np.full(len(xstar), tol * (state_scale(around) or 1.0))
    distance, _ = cKDTree(xstar).query(xstar, k=2)
    return np.asarray(tol * distance[:, 1])


def run_block(
    system: DynamicalSystem, states: np.ndarray, inputs: np.ndarray, n_steps: int, dt: float
) -> np.ndarray:
    """Run states with constant inputs, ``(n, n_steps + 1, n_states)``, the initial first."""
    u = np.broadcast_to(np.atleast_2d(inputs)[:, None], (len(states), n_steps, system.n_inputs))
    step = None if system.time == "discrete" else dt
    later = roll_out(system, u, states, dt=step)
    return np.concatenate([states[:, None], later], axis=1)


def last_states(
    system: DynamicalSystem,
    states: np.ndarray,
    inputs: np.ndarray,
    n_steps: int,
    dt: float,
    *,
    verbose: bool = False,
) -> np.ndarray:
    """Return the states after a number of steps with constant inputs.

    Args:
        system: the system to run.
        states: ``(n, n_states)``.
        inputs: ``(n, n_inputs)``.
        n_steps: number of steps.
        dt: length of a step of a continuous system.
        verbose: show a bar.

    Returns:
        ``(n, n_states)``; not finite where a state ran away.
    """
    out, steps = np.array(states), np.zeros(len(states), dtype=int)
    run_on(system, out, steps, inputs, n_steps, dt, verbose=verbose)
    return out


def run_on(
    system: DynamicalSystem,
    states: np.ndarray,
    steps: np.ndarray,
    inputs: np.ndarray,
    n_steps: int,
    dt: float,
    *,
    verbose: bool = False,
) -> None:
    """Run states on in place, so that an interruption leaves them where they are.

    Args:
        system: the system to run.
        states: ``(n, n_states)``; not finite where one runs away, which goes on no further.
        steps: ``(n,)`` int, the steps that each has been run, counted on.
        inputs: ``(n, n_inputs)``, constant.
        n_steps: number of steps.
        dt: length of a step of a continuous system.
        verbose: show a bar.
    """
    with tqdm(total=n_steps, desc="simulating", unit="step", disable=not verbose) as bar:
        for start in range(0, n_steps, BLOCK):
            length = min(BLOCK, n_steps - start)
            moving = np.flatnonzero(np.isfinite(states).all(axis=1))
            if not len(moving):
                break
            for rows in chunks(len(moving), length * system.n_states):
                chosen = moving[rows]
                path = run_block(system, states[chosen], inputs[chosen], length, dt)
                states[chosen], steps[chosen] = path[:, -1], steps[chosen] + length
            bar.update(length)


def run_to_convergence(
    system: DynamicalSystem,
    states: np.ndarray,
    inputs: np.ndarray,
    targets: np.ndarray,
    radius: np.ndarray,
    attracting: np.ndarray,
    *,
    max_steps: int,
    dt: float,
    verbose: bool = False,
    what: str = "states",
    tries: int = 2,
) -> Convergence:
    """Run states forward until each is at a target, or the steps are used up.

    A state has arrived at an attracting target once it has been within its radius for a
    whole block of steps and comes no farther from it; at any other (a saddle, whose stable
    manifold it follows) only if it comes to rest there. What runs away from a continuous
    system is run again in steps of a sixteenth, since the steps may have been too long for it.

    Args:
        system: the system to run.
        states: ``(n, n_states)``, finite.
        inputs: ``(n_inputs,)``, constant.
        targets: ``(n_targets, n_states)``.
        radius: ``(n_targets,)``.
        attracting: ``(n_targets,)`` boolean.
        max_steps: largest number of steps.
        dt: length of a step of a continuous system.
        verbose: show a bar.
        what: what the bar counts.
        tries: how often what ran away is tried again in shorter steps.

    Returns:
        Where they arrived; interrupted by Ctrl-C, as far as it is known by then.
    """
    n = len(states)
    ends = Convergence(
        target=np.full(n, -1),
        outcome=np.full(n, int(RunOutcome.NOT_RUN)),
        steps=np.zeros(n, dtype=int),
        final=np.array(states),
        grazed=np.full(n, -1),
    )
    entered = np.full(n, -1)  # the step at which it came within the radius it is within
    size = np.linalg.norm(np.concatenate([states, targets]), axis=1).max(initial=0.0) or 1.0
    active = np.arange(n)
    eps = 1e-13 if system.dtypes[1] == "float64" else 1e-6
    with tqdm(total=n, desc="running forward", unit=what, disable=not verbose) as bar:
        try:
            done = 0
            while len(active) and done < max_steps:
                length = min(BLOCK, max_steps - done)
                for rows in chunks(len(active), length * system.n_states):
                    chosen = active[rows]
                    path = run_block(system, ends.final[chosen], inputs, length, dt)
                    _judge(
                        ends,
                        entered,
                        chosen,
                        path,
                        done,
                        targets,
                        radius,
                        attracting,
                        size,
                        eps,
                    )
                left = active[ends.outcome[active] == RunOutcome.NOT_RUN]
                bar.update(len(active) - len(left))
                active, done = left, done + length
            ends.outcome[active] = RunOutcome.MOVING
            # Each step for a while, then every few for as long as has been run.
            strides = sorted({1, max(1, max_steps // CYCLE_WINDOW)})
            for stride in strides:
                steady = STEADY if stride == strides[-1] else 0.01 * STEADY
                moving = active[ends.outcome[active] == RunOutcome.MOVING]
                for rows in chunks(len(moving), CYCLE_WINDOW * system.n_states):
                    some = moving[rows]
                    path = _strided(system, ends.final[some], inputs, stride, dt)
                    round_again = np.array([_recurs(one, steady) for one in path], dtype=bool)
                    ends.outcome[some[round_again]] = RunOutcome.CYCLE
            bar.update(len(active))
        except KeyboardInterrupt:
            ends.interrupted = True
    gone = np.flatnonzero(ends.outcome == RunOutcome.DIVERGED)
    if system.time == "continuous" and len(gone) and tries and not ends.interrupted:
        more = run_to_convergence(
            system,
            states[gone],
            inputs,
            targets,
            radius,
            attracting,
            max_steps=FINER * max_steps,
            dt=dt / FINER,
            verbose=verbose,
            what=what,
            tries=tries - 1,
        )
        ends.target[gone], ends.outcome[gone] = more.target, more.outcome
        ends.steps[gone], ends.final[gone] = -(-more.steps // FINER), more.final
        ends.grazed[gone] = more.grazed
        ends.interrupted = more.interrupted
    return ends


def _judge(
    ends: Convergence, entered, chosen, path, done: int, targets, radius, attracting, size, eps
) -> None:
    """Update the outcomes of states by a block of their run, (n, n_times, n_states)."""
    last = path[:, -1]
    with np.errstate(over="ignore", invalid="ignore"):
        length = np.linalg.norm(last, axis=1)
        move = np.linalg.norm(last - path[:, -2], axis=1)
    gone = ~(length <= 1e6 * size)
    rest = move <= eps * (size + length)
    outcome = ends.outcome[chosen]
    outcome[gone] = RunOutcome.DIVERGED
    outcome[rest & ~gone] = RunOutcome.OTHER_REST
    steps = np.full(len(chosen), done + path.shape[1] - 1)
    final = np.where(gone[:, None], np.nan, last)
    target = ends.target[chosen]
    if len(targets):
        arrived, nearest = _arrived_at(
            ends, entered, chosen, path, done, targets, radius, attracting, gone, rest
        )
        target[arrived] = nearest[arrived]
        outcome[arrived] = RunOutcome.FIXED_POINT
        steps[arrived] = entered[chosen[arrived]]
    # All at once and last: an interruption finds these states judged, or not judged.
    ends.steps[chosen], ends.final[chosen] = steps, final
    ends.target[chosen], ends.outcome[chosen] = target, outcome


def _arrived_at(
    ends: Convergence,
    entered: np.ndarray,
    chosen: np.ndarray,
    path: np.ndarray,
    done: int,
    targets: np.ndarray,
    radius: np.ndarray,
    attracting: np.ndarray,
    gone: np.ndarray,
    rest: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Find which states of a block have arrived, and the nearest target of each."""
    last = path[:, -1]
    near = cdist(last, targets)
    nearest = near.argmin(axis=1)
    close = near[np.arange(len(near)), nearest] <= GRAZING * radius[nearest]
    grazing = chosen[close & ~attracting[nearest]]
    first = grazing[ends.grazed[grazing] < 0]
    ends.grazed[first] = nearest[np.searchsorted(chosen, first)]
    away = np.linalg.norm(path - targets[nearest][:, None], axis=2)
    outside = away > radius[nearest][:, None]
    within = ~outside[:, -1] & ~gone
    entry = np.where(outside.any(axis=1), path.shape[1] - outside[:, ::-1].argmax(axis=1), 0)
    # Steps are counted from where it came in, unless it had been inside before.
    came = within & ((entered[chosen] < 0) | outside.any(axis=1))
    entered[chosen[came]] = done + entry[came]
    entered[chosen[~within]] = -1
    half = path.shape[1] // 2
    stays = ~outside.any(axis=1) & (away[:, half:].max(axis=1) <= away[:, :half].max(axis=1))
    return np.flatnonzero(within & (rest | (attracting[nearest] & stays))), nearest


def _strided(
    system: DynamicalSystem, states: np.ndarray, inputs: np.ndarray, stride: int, dt: float
) -> np.ndarray:
    """Return every so many states of a run, ``(n, n_times, n_states)``."""
    stride = min(stride, CYCLE_WINDOW)
    length, last, parts = CYCLE_WINDOW // stride * stride, states, [states[:, None]]
    for _ in range(stride):  # so that no more than a window is held
        path = run_block(system, last, inputs, length, dt)
        parts.append(path[:, stride::stride])
        last = path[:, -1]
    return np.concatenate(parts, axis=1)


def _recurs(path: np.ndarray, steady_within: float = STEADY) -> bool:
    """Test whether a path comes back to within a step, without shrinking."""
    if not np.isfinite(path).all():
        return False
    step = np.linalg.norm(np.diff(path[-3:], axis=0), axis=1).max()
    away = np.linalg.norm(path[::-1] - path[-1], axis=1)
    centre = path.mean(axis=0)
    half = len(path) // 2
    width = [np.linalg.norm(p - centre, axis=1).max() for p in (path[:half], path[half:])]
    steady = abs(width[0] - width[1]) <= steady_within * max(width)
    if steady and (away[2:] <= 1e-6 * max(width)).any():  # of a period of few steps
        return True
    left = np.flatnonzero(away > 3.0 * step)
    if steady and len(left) and (away[left[0] :] <= step).any():
        return True
    # Of few steps a turn: after so many steps all states are nearly where they were.
    left = np.flatnonzero(away[:half] > 0.5 * max(width))
    if not steady or not len(left):
        return False
    lag = int(left[0] + away[left[0] : half].argmin())
    moved = np.linalg.norm(path[lag:] - path[:-lag], axis=1)
    return bool(moved.max() <= 0.1 * max(width))
