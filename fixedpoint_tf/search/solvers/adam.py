"""Gradient descent on ``q`` by Adam, with a learning rate for each point.

As FixedPointFinder does it (Golub & Sussillo 2018; Adam: Kingma & Ba 2015), but each point
has its own learning rate and stops on its own.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.chunks import work_through
from fixedpoint_tf._utils.compiling import compiled, kept_with_equations
from fixedpoint_tf.search.solvers.base import (
    OnProgress,
    Points,
    Problem,
    kernel_speed,
)
from fixedpoint_tf.systems.system import Residual

__all__ = ["AdamOptions", "solve"]

STEPS_A_CALL = 50  # of compiled code, before progress is shown and Ctrl-C is seen
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8  # the defaults of Kingma & Ba (2015)


@dataclasses.dataclass(frozen=True)
class AdamOptions:
    """Learning rate of each point: it shrinks by ``factor`` when ``q`` has not reached a
    new minimum for ``patience`` steps, and counts again after ``cooldown`` steps."""

    lr_init: float = 0.05
    lr_factor: float = 0.95
    lr_patience: int = 5
    lr_cooldown: int = 0


@kept_with_equations
def _kernel(residual: Residual):
    @compiled("x", "u", "state")
    def descend(w, x, u, state, rule, tol_q, tol_dq, n_steps, lower, upper):
        lr_factor, patience, cooldown = rule
        zero = tf.UnconnectedGradients.ZERO

        def speed_and_gradient(x):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(x)
                q = kernel_speed(residual.value(w, x, u))
            return q, tape.gradient(q, x, unconnected_gradients=zero)

        def step(k, x, m, v, t, lr, best, since, q_last, dq, live):
            q, g = speed_and_gradient(x)
            dq = tf.where(live, tf.abs(q - q_last), dq)
            better = q < best
            since = tf.where(better, tf.zeros_like(since), since + 1)
            tired = since > patience
            lr = tf.where(tired, lr * lr_factor, lr)
            since = tf.where(tired, -cooldown, since)
            live = live & ~((q < tol_q) | (dq < tol_dq * lr))
            moving = live[:, None]
            t = tf.where(live, t + 1.0, t)
            m = tf.where(moving, BETA_1 * m + (1.0 - BETA_1) * g, m)
            v = tf.where(moving, BETA_2 * v + (1.0 - BETA_2) * g * g, v)
            age = tf.maximum(t, 1.0)[:, None]
            m_hat, v_hat = m / (1.0 - BETA_1**age), v / (1.0 - BETA_2**age)
            moved = x - lr[:, None] * m_hat / (tf.sqrt(v_hat) + EPSILON)
            x = tf.where(moving, tf.clip_by_value(moved, lower, upper), x)
            return k + 1, x, m, v, t, lr, tf.minimum(best, q), since, q, dq, live

        _, x, *state = tf.while_loop(
            lambda k, *rest: (k < n_steps) & tf.reduce_any(rest[-1]), step, (0, x, *state)
        )
        return x, state, kernel_speed(residual.value(w, x, u))

    return descend


def solve(
    problem: Problem,
    points: Points,
    which: np.ndarray,
    *,
    dtype: str,
    max_iters: int,
    tol_q: float,
    tol_dq: float,
    options: AdamOptions,
    on_progress: OnProgress | None = None,
) -> None:
    """Descend from the chosen points, in place.

    Args:
        problem: residual, weights and box.
        points: all points; those in ``which`` are changed.
        which: ``(m,)`` indices.
        dtype: floating type of the iteration.
        max_iters: iterations per point.
        tol_q: speed below which a point is done.
        tol_dq: a point is done when ``q`` changes by less than this times its learning rate.
        options: the learning rate.
        on_progress: called after each batch.
    """
    descend = _kernel(problem.residual)
    w, bounds = problem.weights(dtype), problem.bounds(dtype)
    n, d = points.x.shape
    np_dtype = np.dtype(dtype)
    # The largest number, not infinity, which tf.debugging.enable_check_numerics refuses.
    inf = np.full(n, np.finfo(np_dtype).max, np_dtype)
    moments = [np.zeros((n, d), np_dtype), np.zeros((n, d), np_dtype)]
    rate = np.full(n, options.lr_init, np_dtype)
    scalars = [np.zeros(n, np_dtype), rate, inf.copy(), np.zeros(n, np.int32), inf.copy(), inf]
    state = [*moments, *scalars, np.ones(n, bool)]
    rule = (
        tf.constant(options.lr_factor, dtype),
        tf.constant(options.lr_patience),
        tf.constant(options.lr_cooldown),
    )
    constants = problem.rows(dtype, np.array(tol_q), np.array(tol_dq))

    def advance(batch: np.ndarray) -> np.ndarray:
        n_steps = int(min(STEPS_A_CALL, max_iters - points.n_iters[batch].min()))
        x, after, q = descend(
            w,
            *problem.rows(dtype, points.x[batch], points.u[batch]),
            [tf.constant(part[batch]) for part in state],
            rule,
            *constants,
            tf.constant(n_steps),
            *bounds,
        )
        for part, new in zip(state, after, strict=True):
            part[batch] = new.numpy()
        points.x[batch], points.q[batch] = x.numpy(), q.numpy()
        points.dq[batch] = state[-2][batch]
        points.n_iters[batch] = state[2][batch]
        done = ~state[-1][batch] | ~np.isfinite(points.q[batch])
        done |= points.n_iters[batch] >= max_iters
        if on_progress is not None:
            on_progress()
        return done

    # Rows of one compiled call; why so many is not on record.
    work_through(which, 4096, advance)
