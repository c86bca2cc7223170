"""Forward runs of the network, the surest way to its attractors.

A descent on ``q`` can miss even a global attractor, ending on the slow points around it
(measured on a trained GRU of 128 units: 1,024 of 1,024 starts). Running forward cannot.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf._utils.compiling import compiled, kept_with_equations
from fixedpoint_tf.search.solvers.base import Problem
from fixedpoint_tf.systems.simulation import prompt_steps
from fixedpoint_tf.systems.system import Residual

__all__ = ["image", "settle", "smooth"]


@kept_with_equations
def _kernel(residual: Residual):
    @compiled("x", "u")
    def advance(w, x, u, rate, n_steps, tol, lower, upper):
        def step(k, x, largest):
            move = rate * residual.value(w, x, u)
            last = tf.reduce_max(tf.abs(move), axis=-1)
            return k + 1, tf.clip_by_value(x + move, lower, upper), last

        unknown = tf.fill([tf.shape(x)[0]], tf.constant(x.dtype.max, x.dtype))
        _, x, largest = tf.while_loop(
            lambda k, x, largest: (k < n_steps) & tf.reduce_any(largest > tol),
            step,
            (0, x, unknown),
        )
        return x, largest, tf.reduce_any(largest > tol)

    return advance


def _rate(problem: Problem, x: np.ndarray, u: np.ndarray) -> float:
    """Return 1 for a map, a fraction of the fastest time constant in continuous time."""
    if problem.system.time == "discrete":
        return 1.0
    dtype = problem.dtypes[0]
    rows = problem.rows(dtype, x[:4], u[:4])
    jacobian = problem.residual.jacobian(problem.weights(dtype), *rows).numpy()
    fastest = np.abs(jacobian).sum(axis=-1).max()
    return float(0.25 / fastest) if fastest > 0 else 1.0


def smooth(problem: Problem, x: np.ndarray, u: np.ndarray, n_steps: int) -> np.ndarray:
    """Run a few steps forward, which take out the directions that contract at once.

    Two are best: more lose saddles (five found 19 of 27 points of a trained GRU), fewer
    cost time. In continuous time there is no such step, and the states stay.

    Args:
        problem: residual, weights and box.
        x: states, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        n_steps: number of steps.

    Returns:
        ``(n, n_states)``, within the box.
    """
    x = np.clip(x, problem.lower, problem.upper)
    if problem.system.time == "continuous":
        return x
    dtype = problem.dtypes[0]
    advance = _kernel(problem.residual)
    w, (lower, upper) = problem.weights(dtype), problem.bounds(dtype)
    out = np.empty_like(x)
    for rows in chunks(len(x), x.shape[1]):
        xs, us = problem.rows(dtype, x[rows], u[rows])
        moved, _, _ = advance(
            w,
            xs,
            us,
            tf.ones([], dtype),
            tf.constant(n_steps),
            tf.constant(-1.0, dtype),
            lower,
            upper,
        )
        out[rows] = moved.numpy()
    return np.where(np.isfinite(out), out, x)


def image(problem: Problem, x: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Return the next states ``(n, n_states)``, or the states where those are not finite."""
    dtype = problem.dtypes[0]
    rows = problem.rows(dtype, x, u)
    out = x + problem.residual.value(problem.weights(dtype), *rows).numpy()
    return np.where(np.isfinite(out), out, x)


def settle(
    problem: Problem, x: np.ndarray, u: np.ndarray, *, max_steps: int = 2000, tol: float = 3e-6
) -> tuple[np.ndarray, np.ndarray]:
    """Run forward until the states rest, or for ``max_steps``.

    Args:
        problem: residual, weights and box.
        x: states, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        max_steps: largest number of steps.
        tol: a state rests when no coordinate moves by more than this in a step.

    Returns:
        The last states ``(n, n_states)``, and their last moves ``(n,)``: the largest of a
        coordinate, in units of a step.
    """
    dtype = problem.dtypes[0]
    advance = _kernel(problem.residual)
    w, (lower, upper) = problem.weights(dtype), problem.bounds(dtype)
    rate = tf.constant(_rate(problem, x, u), dtype)
    xs, us = problem.rows(dtype, np.clip(x, problem.lower, problem.upper), u)
    moves = tf.fill([len(x)], tf.constant(np.inf, dtype))
    piece = prompt_steps(*x.shape)
    for done in range(0, max_steps, piece):
        n_steps = tf.constant(min(piece, max_steps - done))
        xs, moves, moving = advance(
            w, xs, us, rate, n_steps, tf.constant(tol, dtype), lower, upper
        )
        if not moving:
            break
    return xs.numpy().astype(np.float64), moves.numpy().astype(np.float64)
