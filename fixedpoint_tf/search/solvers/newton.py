"""Newton's method with steps projected to the box, from many starts at once.

It minimises nothing: a step leads wherever the linear model has its zero, saddles included,
and the box keeps it from running away. Where a descent on the speed ends in slow points,
this arrives from far more starts; from the others it wanders, so it is given few iterations.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.chunks import work_through
from fixedpoint_tf._utils.compiling import compiled, kept_with_equations
from fixedpoint_tf.search.solvers.base import (
    OnProgress,
    Points,
    Problem,
    kernel_speed,
    shifted,
    with_shifts,
)
from fixedpoint_tf.systems.system import Residual

__all__ = ["solve"]

AT_ONCE = 3  # iterations between two looks at what has arrived


@kept_with_equations
def _kernel(residual: Residual):
    @compiled("x", "u")
    def iterate(w, x, u, shift, longest, tol_q, lower, upper):
        def move(k, x, r, q):
            A = residual.jacobian(w, x, u)
            finite = tf.math.is_finite(tf.reduce_sum(A, axis=[1, 2]) + q)
            A = tf.where(finite[:, None, None], A, tf.eye(tf.shape(x)[1], dtype=x.dtype))
            step = tf.linalg.solve(
                shifted(A, shift), tf.where(finite[:, None], r, 0.0)[:, :, None]
            )[:, :, 0]
            length = tf.norm(step, axis=1, keepdims=True)
            step = step * (longest / tf.maximum(length, longest))
            moved = tf.clip_by_value(x - step, lower, upper)
            r_moved = residual.value(w, moved, u)
            q_moved = kernel_speed(r_moved)
            better = finite & ((q_moved < q) | (q > tol_q))  # once arrived, only nearer
            rows = better[:, None]
            q = tf.where(better, q_moved, q)
            return k + 1, tf.where(rows, moved, x), tf.where(rows, r_moved, r), q

        r = residual.value(w, x, u)
        _, x, _, q = tf.while_loop(
            lambda k, x, r, q: (k < AT_ONCE) & tf.reduce_any(q > tol_q),
            move,
            (0, x, r, kernel_speed(r)),
        )
        return x, q

    return iterate


def solve(
    problem: Problem,
    points: Points,
    which: np.ndarray,
    *,
    dtype: str,
    max_iters: int,
    tol_q: float,
    longest: float,
    on_progress: OnProgress | None = None,
) -> np.ndarray:
    """Run Newton's method from the chosen points, which are moved in place.

    Args:
        problem: residual, weights and box.
        points: all points; those in ``which`` are changed.
        which: ``(m,)`` indices.
        dtype: floating type of the iteration.
        max_iters: iterations per point, made a few at a time.
        tol_q: speed at which a point has arrived.
        longest: length of a step at most; far from its start a linear model says nothing.
        on_progress: called after each batch.

    Returns:
        ``(m,)`` boolean, whether each arrived.
    """
    w, (lower, upper) = problem.weights(dtype), problem.bounds(dtype)
    limits = tf.constant(longest, dtype), tf.constant(tol_q, dtype), lower, upper
    iterate = _kernel(problem.residual)
    iters = np.zeros(len(points.x), dtype=np.int64)

    def run(batch: np.ndarray, shift: float) -> list[np.ndarray]:
        rows = problem.rows(dtype, points.x[batch], points.u[batch])
        return [t.numpy() for t in iterate(w, *rows, tf.constant(shift, dtype), *limits)]

    def fallback(batch: np.ndarray) -> list[np.ndarray]:
        return [points.x[batch].astype(dtype), np.full(len(batch), np.inf, dtype)]

    def advance(batch: np.ndarray) -> np.ndarray:
        x, q = with_shifts(run, fallback, batch)
        iters[batch] += AT_ONCE
        points.n_iters[batch] += AT_ONCE
        with np.errstate(invalid="ignore"):
            points.dq[batch] = np.abs(points.q[batch] - q)
        points.x[batch], points.q[batch] = x, q
        if on_progress is not None:
            on_progress()
        return (q <= tol_q) | ~np.isfinite(q) | (iters[batch] >= max_iters)

    work_through(which, problem.batch_size(dtype), advance)
    return points.q[which] <= tol_q
