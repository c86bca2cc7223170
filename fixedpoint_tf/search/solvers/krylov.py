r"""Methods that never form a Jacobian, only its products with vectors.

``newton`` is inexact Newton: each step comes from a few vectors of GMRES (Saad & Schultz
1986) with a line search on the speed (Dembo, Eisenstat & Steihaug 1982). A trained network
contracts in most directions, so 8 to 16 vectors do what a factorisation of ``J - I`` would,
for a fraction of its price above some hundred states; each vector costs one matrix product
shared by all points. It ends at fixed points alone.

``damped_iteration`` is one iteration of :mod:`fixedpoint_tf.search.solvers.levenberg_marquardt`
with its step by conjugate gradients on the normal equations, for networks too large for a
Jacobian in memory; it ends at slow points too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.chunks import chunk_size, work_through
from fixedpoint_tf._utils.compiling import compiled, kept_with_equations
from fixedpoint_tf.search.solvers.base import (
    OnProgress,
    Points,
    Problem,
    kernel_speed,
)
from fixedpoint_tf.systems.system import Residual

__all__ = ["damped_iteration", "linearise", "newton", "newton_steps"]

#: Shares of a Newton step: the first that lowers the speed by enough is taken.
STEP_LENGTHS = (1.0, 0.5, 0.25, 0.1, 0.03)
CG_VECTORS = 40  # of a step of least squares: a bound on the work
CG_TOLERANCE = 0.02  # of the gradient: an inexact step is as good far from the end


def linearise(residual: Residual, w, x: tf.Tensor, u: tf.Tensor):
    """Linearise the residual at ``x``: ``r``, ``v -> A v``, ``v -> A' v``.

    ``A' v`` is linear in ``v``, so its own derivative by ``v`` gives ``A v``.
    """
    zero = tf.UnconnectedGradients.ZERO
    anchor = tf.zeros_like(x)
    with tf.GradientTape(persistent=True, watch_accessed_variables=False) as outer:
        outer.watch(anchor)
        with tf.GradientTape(persistent=True, watch_accessed_variables=False) as inner:
            inner.watch(x)
            r = residual.value(w, x, u)
        pulled = inner.gradient(r, x, output_gradients=anchor, unconnected_gradients=zero)

    def push(v: tf.Tensor) -> tf.Tensor:
        return outer.gradient(pulled, anchor, output_gradients=v, unconnected_gradients=zero)

    def pull(v: tf.Tensor) -> tf.Tensor:
        return inner.gradient(r, x, output_gradients=v, unconnected_gradients=zero)

    return r, push, pull


def _gmres(push: Callable, r: tf.Tensor, n_vectors: int) -> tf.Tensor:
    """Minimise ``|A s + r|`` over the Krylov space of ``n_vectors`` vectors, for each row."""
    tiny = tf.constant(1e-20, r.dtype)
    beta = tf.norm(r, axis=-1)
    basis = [-r / (beta[:, None] + tiny)]
    columns = []
    for j in range(n_vectors):
        v = push(basis[-1])
        column = []
        for other in basis:
            projection = tf.reduce_sum(v * other, axis=-1, keepdims=True)
            v = v - projection * other
            column.append(projection)
        length = tf.norm(v, axis=-1, keepdims=True)
        column = tf.concat([*column, length], axis=1)
        columns.append(tf.pad(column, [[0, 0], [0, n_vectors - 1 - j]]))
        basis.append(v / (length + tiny))
    hessenberg = tf.stack(columns, axis=2)  # (n, n_vectors + 1, n_vectors)
    target = tf.pad(beta[:, None], [[0, 0], [0, n_vectors]])[..., None]
    normal = tf.matmul(hessenberg, hessenberg, transpose_a=True)
    # A ridge keeps the small system positive definite where the space is exhausted.
    ridge = 1e-6 * tf.reduce_max(tf.linalg.diag_part(normal), axis=-1, keepdims=True) + tiny
    normal = tf.linalg.set_diag(normal, tf.linalg.diag_part(normal) + ridge)
    finite = tf.math.is_finite(tf.reduce_sum(normal, axis=[-2, -1]))[:, None, None]
    normal = tf.where(finite, normal, tf.eye(n_vectors, dtype=r.dtype))
    y = tf.linalg.cholesky_solve(
        tf.linalg.cholesky(normal), tf.matmul(hessenberg, target, transpose_a=True)
    )[..., 0]
    return tf.add_n([y[:, j : j + 1] * basis[j] for j in range(n_vectors)])


@kept_with_equations
def _newton_kernel(residual: Residual, n_vectors: int):
    @compiled("x", "u")
    def iterate(w, x, u, lower, upper):
        r, push, _ = linearise(residual, w, x, u)
        q = kernel_speed(r)
        s = _gmres(push, r, n_vectors)

        def shorter(k, best, q_best, found):
            length = tf.gather(tf.constant(STEP_LENGTHS, x.dtype), k)
            trial = tf.clip_by_value(x + length * s, lower, upper)
            q_trial = kernel_speed(residual.value(w, trial, u))
            better = ~found & (q_trial < q * (1.0 - 0.2 * length))
            best = tf.where(better[:, None], trial, best)
            return k + 1, best, tf.where(better, q_trial, q_best), found | better

        _, x_new, q_new, found = tf.while_loop(
            lambda k, x, q, found: (k < len(STEP_LENGTHS)) & ~tf.reduce_all(found),
            shorter,
            (0, x, q, tf.zeros_like(q, tf.bool)),
        )
        return x_new, q, q_new, found

    return iterate


def newton(
    problem: Problem,
    points: Points,
    which: np.ndarray,
    *,
    dtype: str,
    max_iters: int,
    tol_q: float,
    n_vectors: tuple[int, int] = (8, 16),
    on_progress: OnProgress | None = None,
) -> np.ndarray:
    """Run Newton-GMRES, and move the points that reach ``tol_q`` in place.

    Args:
        problem: residual, weights and box.
        points: all points.
        which: ``(m,)`` indices.
        dtype: floating type of the iteration.
        max_iters: iterations per point.
        tol_q: speed at which a point has arrived.
        n_vectors: vectors in the first four iterations, where the model of the residual is
            poor anyway, and after.
        on_progress: called after each batch.

    Returns:
        ``(m,)`` boolean, whether each arrived. A point that did not keeps its state: it is
        for a method that minimises ``q``.
    """
    w, (lower, upper) = problem.weights(dtype), problem.bounds(dtype)
    x = points.x.copy()
    q = np.full(len(x), np.inf)
    iters = np.zeros(len(x), dtype=np.int64)
    # The vectors of all points are one array, and there are few others of its size.
    size = min(2048, chunk_size(problem.n_states * (n_vectors[1] + 1), copies=8))

    def advance(batch: np.ndarray) -> np.ndarray:
        young = iters[batch] < 4
        done = np.zeros(len(batch), dtype=bool)
        for group, m in ((young, n_vectors[0]), (~young, n_vectors[1])):
            if not group.any():
                continue
            rows = batch[group]
            iterate = _newton_kernel(problem.residual, min(m, problem.n_states))
            out = iterate(w, *problem.rows(dtype, x[rows], points.u[rows]), lower, upper)
            x[rows], q_before, q[rows], found = (t.numpy() for t in out)
            iters[rows] += 1
            arrived = q[rows] < tol_q
            done[group] = arrived | ~found | (iters[rows] >= max_iters)
            kept = rows[arrived]
            points.x[kept], points.q[kept] = x[kept], q[kept]
            points.dq[kept] = np.abs(q_before - q[rows])[arrived]
            points.n_iters[kept] += iters[kept]
        if on_progress is not None:
            on_progress()
        return done

    work_through(which, size, advance)
    return q[which] < tol_q


@kept_with_equations
def damped_iteration(residual: Residual, dtype: str):
    """Compile the matrix-free Levenberg-Marquardt iteration, of the same signature."""
    tiny = tf.constant(np.finfo(dtype).tiny, dtype)

    @compiled("x", "u", "damping")
    def iterate(w, x, u, damping, lower, upper):
        r, push, pull = linearise(residual, w, x, u)
        q = kernel_speed(r)
        g = pull(r)
        free = tf.cast(~(((x <= lower) & (g > 0.0)) | ((x >= upper) & (g < 0.0))), x.dtype)
        g = g * free
        g_squared = tf.reduce_sum(g * g, axis=-1)
        enough = CG_TOLERANCE**2 * g_squared

        def add_vector(k, s, image, rest, p, rest_squared):
            Ap = push(p * free)
            curvature = tf.reduce_sum(Ap * Ap, axis=-1) + damping * tf.reduce_sum(p * p, -1)
            going = rest_squared > enough
            length = tf.where(going, rest_squared / tf.maximum(curvature, tiny), 0.0)[:, None]
            s, image = s + length * p, image + length * Ap
            rest = rest - length * (pull(Ap) * free + damping[:, None] * p)
            new_squared = tf.reduce_sum(rest * rest, axis=-1)
            p = rest + (new_squared / tf.maximum(rest_squared, tiny))[:, None] * p
            return k + 1, s, image, rest, p, tf.where(going, new_squared, rest_squared)

        zero = tf.zeros_like(x)
        _, s, image, *_ = tf.while_loop(
            lambda k, s, image, rest, p, squared: (
                (k < CG_VECTORS) & tf.reduce_any(squared > enough)
            ),
            add_vector,
            (0, zero, zero, -g, -g, g_squared),
        )
        x_new = tf.clip_by_value(x + s, lower, upper)
        q_new = kernel_speed(residual.value(w, x_new, u))
        predicted = -tf.reduce_sum(s * g, axis=-1) - kernel_speed(image)
        gain = (q - q_new) / tf.maximum(predicted, tiny)
        accepted = (q_new < q) & (gain > 1e-4)
        relative_gradient = tf.sqrt(g_squared) / (tf.sqrt(2.0 * q) + tiny)
        x = tf.where(accepted[:, None], x_new, x)
        return x, q, tf.where(accepted, q_new, q), relative_gradient, gain, accepted

    return iterate


@kept_with_equations
def newton_steps(residual: Residual, n_vectors: int):
    """Compile residual r, gradient A'r and GMRES Newton step s of each point."""

    @compiled("x", "u")
    def evaluate(w, x, u):
        r, push, pull = linearise(residual, w, x, u)
        return r, pull(r), _gmres(push, r, n_vectors)

    return evaluate
