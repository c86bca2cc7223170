"""Examination of the points where a search ended."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.chunks import chunk_size, chunks
from fixedpoint_tf._utils.linalg import inverses
from fixedpoint_tf.search.evidence.evidence import ZERO, Evidence
from fixedpoint_tf.search.evidence.existence import is_exact_beside, may_be_fold
from fixedpoint_tf.search.evidence.rounding import is_double, state_size
from fixedpoint_tf.search.evidence.uniqueness import uniqueness_radius
from fixedpoint_tf.search.solvers import krylov
from fixedpoint_tf.search.solvers.base import Problem

__all__ = ["examine"]

GMRES_VECTORS = 40  # of a Newton step at an end point; more than of those on the way


def examine(
    problem: Problem, x: np.ndarray, u: np.ndarray, *, eps: float, matrix_free: bool
) -> Evidence:
    """Gather the evidence at points of a finished search, a chunk at a time.

    Args:
        problem: residual, weights and box.
        x: states, ``(n, n_states)``, at least one.
        u: inputs, ``(n, n_inputs)``.
        eps: relative rounding of the network.
        matrix_free: Newton steps by GMRES instead of the inverse.

    Returns:
        The evidence, in float64.
    """
    # GMRES holds its vectors in place of matrices; some random places are drawn for a chunk.
    size = 256 if matrix_free else chunk_size(problem.n_states**2)
    parts = [
        _examine(problem, x[rows], u[rows], eps, matrix_free)
        for rows in chunks(len(x), size=size)
    ]
    return Evidence.join(parts)


def _examine(problem, x, u, eps: float, matrix_free: bool) -> Evidence:
    inverse, singular = None, np.zeros(len(x), dtype=bool)
    if matrix_free:
        n_vectors = min(GMRES_VECTORS, problem.n_states)
        dtype = problem.dtypes[1]
        out = krylov.newton_steps(problem.residual, n_vectors)(
            problem.weights(dtype), *problem.rows(dtype, x, u)
        )
        r, g, steps = (t.numpy().astype(np.float64) for t in out)
    else:
        r = problem.residual_at(x, u).astype(np.float64)
        A = problem.jacobian_at(x, u).astype(np.float64)
        finite = np.isfinite(A).all(axis=(1, 2)) & np.isfinite(r).all(axis=1)
        A[~finite] = np.eye(problem.n_states)
        g = np.einsum("nij,ni->nj", A, r)
        inverse, singular = inverses(A)
        steps = -np.einsum("nij,nj->ni", inverse, r)
        steps[~finite] = np.inf
    held = ((x <= problem.lower) & (g > 0)) | ((x >= problem.upper) & (g < 0))
    length = np.linalg.norm(r, axis=1)
    step = np.linalg.norm(steps, axis=1)
    radius = uniqueness_radius(problem, x, u, r, steps, inverse, singular, eps)
    doubtful = np.zeros(len(x), dtype=bool)
    zero = (length > 0.0) & (length <= np.where(singular, *ZERO) * eps * state_size(x))
    rows = np.flatnonzero(zero & ~np.isfinite(radius) & is_double(eps))
    doubtful[rows] = inverse is None
    if len(rows) and inverse is not None:
        doubtful[rows] = may_be_fold(
            problem, x[rows], u[rows], steps[rows], inverse[rows], singular[rows], eps
        )
    rows = np.flatnonzero(doubtful)
    if len(rows):
        doubtful[rows] = ~is_exact_beside(problem, x[rows], u[rows], eps)
    gradient = np.linalg.norm(np.where(held, 0.0, g), axis=1)
    # What rounding alone makes of a residual is no gradient.
    gradient = np.maximum(gradient - 4.0 * eps * state_size(x), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(length > 0, gradient / length, 0.0)
    at_bound = (x <= problem.lower) | (x >= problem.upper)
    return Evidence(
        image=r + x if problem.system.time == "discrete" else r,
        q=0.5 * length**2,
        newton_step=step,
        relative_gradient=relative,
        n_at_bound=at_bound.sum(axis=1),
        singular=singular,
        radius=radius,
        distance=np.linalg.norm(problem.scale * steps, axis=1),
        doubtful=doubtful,
        inverse=inverse,
    )
