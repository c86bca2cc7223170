r"""Batched Levenberg-Marquardt with exact Jacobians, a damping for each point, in a box.

At each point, with residual ``r``, its Jacobian ``A`` and gradient ``g = A' r`` of the speed
``q = |r|^2 / 2``, the step solves

.. math:: (A^\top A + \lambda \bar d I)\, s = -g

with :math:`\bar d` the mean of the diagonal of :math:`A^\top A`, so that units do not
matter, over the coordinates that are free: one at a bound whose gradient points out of the
box is held. ``q`` falls at every accepted step, so a point ends at a fixed point (q = 0) or
at a stationary point of ``q``: a slow point. The factorisation serves up to two further
steps while ``q`` falls (chord steps), since it costs far more than a step.

Sources: Levenberg 1944, Marquardt 1963; damping by the gain ratio and its growing penalty,
Nielsen 1999 (IMM-REP-1999-05); its mild decrease follows the canyons that slow points lie in
(Transtrum & Sethna 2012, arXiv:1201.5885).
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.chunks import work_through
from fixedpoint_tf._utils.compiling import compiled, kept_with_equations
from fixedpoint_tf.search.solvers import krylov
from fixedpoint_tf.search.solvers.base import (
    OnProgress,
    Points,
    Problem,
    kernel_speed,
)
from fixedpoint_tf.systems.system import Residual

__all__ = ["solve"]

CHORD_STEPS = 2  # further steps with the same factorisation
INITIAL_DAMPING = 1e-2  # where a point brings none that is usable
NEAR_Q = 1e-7  # speed below which damping follows it, so that convergence stays quadratic
LARGEST_DAMPING = 1e6  # beyond it steps are too short to matter
SMALLEST_DAMPING = {"float32": 1e-7, "float64": 1e-16}  # the rounding of the matrices, roughly
STALL_WINDOW = 8  # iterations over which q must fall


@kept_with_equations
def _kernel(residual: Residual, dtype: str, matrix_dtype: str):
    """Compile one iteration for a batch of points, with matrices of their own precision."""
    tiny = tf.constant(np.finfo(dtype).tiny, dtype)
    mixed = dtype != matrix_dtype
    connected = {"unconnected_gradients": tf.UnconnectedGradients.ZERO}

    @compiled("x", "u", "damping")
    def iterate(w, w_matrix, x, u, damping, lower, upper):
        A = residual.jacobian(w_matrix, tf.cast(x, matrix_dtype), tf.cast(u, matrix_dtype))

        def evaluate(x):
            """Return residual and speed at x, and in mixed precision the exact gradient."""
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(x)
                r = residual.value(w, x, u)
            g = tape.gradient(r, x, output_gradients=r, **connected) if mixed else r
            return r, kernel_speed(r), g

        def gradient(r, g):
            return g if mixed else tf.linalg.matvec(A, r, transpose_a=True)

        r, q, g = evaluate(x)
        g = gradient(r, g)
        held = ((x <= lower) & (g > 0.0)) | ((x >= upper) & (g < 0.0))
        free = tf.cast(~held, x.dtype)
        g = g * free
        relative_gradient = tf.norm(g, axis=-1) / (tf.sqrt(2.0 * q) + tiny)
        A = A * tf.cast(free, matrix_dtype)[:, None, :]
        H = tf.matmul(A, A, transpose_a=True)
        diagonal = tf.linalg.diag_part(H)
        scale = tf.maximum(tf.reduce_mean(diagonal, axis=-1), 1e-12)
        # A point whose states are not finite must not stop the others: it solves I s = g.
        finite = tf.math.is_finite(scale)
        H = tf.cond(
            tf.reduce_all(finite),
            lambda: H,
            lambda: tf.where(finite[:, None, None], H, tf.zeros_like(H)),
        )
        diagonal = tf.where(finite[:, None], diagonal, tf.zeros_like(diagonal))
        shift = tf.where(finite, tf.cast(damping, matrix_dtype) * scale, tf.ones_like(scale))
        L = tf.linalg.cholesky(tf.linalg.set_diag(H, diagonal + shift[:, None]))

        def moved(x, g):
            # Scaled to length one, the gradient keeps its digits in single precision.
            length = tf.norm(g, axis=-1, keepdims=True) + tiny
            direction = tf.cast(g / length, matrix_dtype)[..., None]
            s = tf.cast(tf.linalg.cholesky_solve(L, direction)[..., 0], x.dtype) * length
            x = tf.clip_by_value(x - s, lower, upper)
            return x, *evaluate(x)

        x_new, r_new, q_new, g_new = moved(x, g)
        s = x_new - x
        image = tf.linalg.matvec(A, tf.cast(s, matrix_dtype))
        predicted = -tf.reduce_sum(s * g, axis=-1) - tf.cast(kernel_speed(image), x.dtype)
        gain = (q - q_new) / tf.maximum(predicted, tiny)
        accepted = (q_new < q) & (gain > 1e-4)

        def chosen(which, new, old):
            return tuple(tf.where(_rows(which, n), n, o) for n, o in zip(new, old, strict=True))

        def chord(k, state, going):
            x, r, _, g = state
            new = moved(x, free * gradient(r, g))
            going = going & (new[2] < state[2])
            return k + 1, chosen(going, new, state), going

        start = chosen(accepted, (x_new, r_new, q_new, g_new), (x, r, q, g))
        _, (x, _, q_end, _), _ = tf.while_loop(
            lambda k, state, going: (k < CHORD_STEPS) & tf.reduce_any(going),
            chord,
            (0, start, accepted),
        )
        return x, q, q_end, relative_gradient, gain, accepted

    return iterate


def _rows(which: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """Return a condition on each point, shaped to choose among its rows."""
    return which if len(like.shape) == 1 else which[:, None]


def _initial_damping(points: Points) -> np.ndarray:
    """Return the last damping, at most of order ``|r|^2`` near a root (Yamashita 2001)."""
    usable = points.damping < 1.0  # neither NaN nor grown beyond use
    damping = np.where(usable, points.damping, INITIAL_DAMPING)
    return np.where(points.q < NEAR_Q, np.minimum(damping, 2.0 * points.q), damping)


def _easing(gain: np.ndarray) -> np.ndarray:
    """Factor on the damping after an accepted step, by its gain ratio."""
    return np.where(gain > 0.75, 0.5, np.where(gain < 0.25, 1.5, 0.8))


def solve(
    problem: Problem,
    points: Points,
    which: np.ndarray,
    *,
    dtype: str,
    max_iters: int,
    tol_q: float,
    tol_gradient: float,
    tol_dq: float = 0.0,
    stall: float = 0.99,
    matrix_dtype: str | None = None,
    matrix_free: bool = False,
    on_progress: OnProgress | None = None,
) -> None:
    """Descend from the chosen points, in place, each until it is done.

    A point is done when ``q < tol_q``; when ``|grad q| / |r| < tol_gradient``; when ``q``
    has fallen by less than the factor ``stall``, or by less than ``tol_dq``, over eight
    iterations; when its damping has grown beyond use; or after ``max_iters`` iterations.

    Args:
        problem: residual, weights and box.
        points: all points; those in ``which`` are changed.
        which: ``(m,)`` indices.
        dtype: floating type of the iteration.
        max_iters: iterations per point, in this call.
        tol_q: speed below which a point is done.
        tol_gradient: relative gradient below which a point is done.
        tol_dq: fall of ``q`` below which a point is done.
        stall: see above.
        matrix_dtype: floating type of the matrices; default: that of the iteration.
        matrix_free: never form a Jacobian; for networks too large for one.
        on_progress: called after each batch.
    """
    matrix_dtype = matrix_dtype or dtype
    weights = [problem.weights(dtype)]
    if matrix_free:
        iterate = krylov.damped_iteration(problem.residual, dtype)
    else:
        iterate = _kernel(problem.residual, dtype, matrix_dtype)
        weights.append(problem.weights(matrix_dtype))
    lower, upper = problem.bounds(dtype)
    n = len(points.x)
    damping = _initial_damping(points)
    penalty = np.ones(n)
    iters = np.zeros(n, dtype=np.int64)
    history = np.full((n, STALL_WINDOW), np.inf)

    def iterate_safely(batch: np.ndarray) -> list[np.ndarray]:
        # Rounding can leave A'A + damping indefinite where A is large or nearly singular,
        # and one such matrix fails the factorisation of all: more damping mends it.
        while True:
            tensors = problem.rows(dtype, points.x[batch], points.u[batch], damping[batch])
            try:
                return [t.numpy() for t in iterate(*weights, *tensors, lower, upper)]
            except tf.errors.InvalidArgumentError:
                if damping[batch].min() > LARGEST_DAMPING:
                    raise
                damping[batch] = 100.0 * np.maximum(damping[batch], 1e-6)

    def advance(batch: np.ndarray) -> np.ndarray:
        x, q_before, q, gradient, gain, accepted = iterate_safely(batch)
        old = damping[batch]
        eased = np.maximum(old * _easing(gain), SMALLEST_DAMPING[matrix_dtype])
        raised = np.maximum(old, 1e-6) * 2.0 * penalty[batch]
        damping[batch] = np.where(accepted, eased, raised)
        penalty[batch] = np.where(accepted, 1.0, 2.0 * penalty[batch])
        # The gradient was taken where the iteration began: a point that was stationary
        # there stays there, so that its numbers belong together.
        stationary = (gradient < tol_gradient) & ~(q < tol_q)
        points.x[batch] = np.where(stationary[:, None], points.x[batch], x)
        q = np.where(stationary, q_before, q)
        points.q[batch] = q
        with np.errstate(invalid="ignore"):  # of two infinities
            points.dq[batch] = np.abs(q_before - q)
        points.relative_gradient[batch] = gradient
        slot = iters[batch] % STALL_WINDOW
        oldest = history[batch, slot]
        history[batch, slot] = q
        iters[batch] += 1
        points.n_iters[batch] += 1
        with np.errstate(invalid="ignore"):
            fall = oldest - q
        stalled = (q > stall * oldest) | (fall < tol_dq)
        done = (
            (q < tol_q)
            | stationary
            | (stalled & np.isfinite(oldest))
            | (damping[batch] > LARGEST_DAMPING)
            | (iters[batch] >= max_iters)
            | ~np.isfinite(q)
        )
        if on_progress is not None:
            on_progress()
        return done

    size = 512 if matrix_free else problem.batch_size(matrix_dtype)
    work_through(which, size, advance)
    points.damping[which] = damping[which]
