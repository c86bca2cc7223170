"""What is known about where a search ended: is it a fixed point, a slow point, neither?

A small speed ``q`` alone says little: ``q`` falls towards zero along directions in which a
network is merely slow, and of 23 points with q < 1e-12 on one trained network a single one
was a fixed point. The Newton step measures the distance to the true fixed point instead.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fixedpoint_tf.batched import inverses
from fixedpoint_tf.solvers import krylov
from fixedpoint_tf.solvers.base import Problem

__all__ = ["Evidence", "examine", "stationarity_tolerance"]

GMRES_VECTORS = 40


@dataclasses.dataclass
class Evidence:
    """Evaluated at ``n`` points, in the final precision of the system.

    Attributes:
        image: ``F(x)`` (or ``dh/dt``), ``(n, n_states)``.
        q: ``0.5 |r|^2`` with ``r = F(x) - x`` (or ``dh/dt``), ``(n,)``.
        newton_step: ``|A^-1 r|``, the estimated distance to the fixed point, ``(n,)``; of
            a singular ``A``, within the space in which it is regular.
        relative_gradient: ``|P A' r| / |r|`` with ``P`` the projection on the free
            coordinates: zero at a stationary point of ``q`` within the box, ``(n,)``.
        n_at_bound: coordinates at a bound, ``(n,)``.
        singular: whether ``A`` is singular to rounding, so that the point is not isolated,
            ``(n,)``; not known without a matrix.
        inverse: ``A^-1``, ``(n, n_states, n_states)``; None where no matrix is formed.
    """

    image: np.ndarray
    q: np.ndarray
    newton_step: np.ndarray
    relative_gradient: np.ndarray
    n_at_bound: np.ndarray
    singular: np.ndarray
    inverse: np.ndarray | None

    def take(self, rows: np.ndarray) -> Evidence:
        """The evidence about some of the points."""
        columns: list[Any] = [None if c is None else c[rows] for c in _columns(self)]
        return Evidence(*columns)

    @classmethod
    def join(cls, parts: list[Evidence]) -> Evidence:
        """The evidence about the points of all parts, one after the other."""
        pieces = zip(*map(_columns, parts), strict=True)
        columns: list[Any] = [None if p[0] is None else np.concatenate(p) for p in pieces]
        return cls(*columns)

    def is_fixed(self, x: np.ndarray, tol_q: float, eps: float) -> np.ndarray:
        """Which points are fixed points, to the precision ``eps`` of the arithmetic.

        The Newton step must be short; or the residual must be zero to rounding, which is
        all that can be known on a continuum of fixed points, where the step is undefined.
        """
        size = 1.0 + np.linalg.norm(x, axis=1)
        near = self.newton_step <= _distance_tolerance(eps) * size
        zero = np.sqrt(2.0 * self.q) <= 16.0 * eps * size
        return (self.q <= tol_q) & (near | zero)

    def is_stationary(self, eps: float) -> np.ndarray:
        """Which points are stationary points of ``q`` within the box."""
        return self.relative_gradient <= stationarity_tolerance(eps)


def _columns(evidence: Evidence) -> list[Any]:
    return [getattr(evidence, field.name) for field in dataclasses.fields(evidence)]


def _distance_tolerance(eps: float) -> float:
    """1e-7 in double precision, 1e-3 in single."""
    return 1e-7 if eps < 1e-12 else 1e-3


def stationarity_tolerance(eps: float) -> float:
    """1e-5 in double precision; single cannot tell below 5e-3."""
    return 1e-5 if eps < 1e-12 else 5e-3


def examine(problem: Problem, x: np.ndarray, u: np.ndarray, *, matrix_free: bool) -> Evidence:
    """Gather the evidence at points of a finished search, a chunk at a time.

    Args:
        problem: residual, weights and box.
        x: states, ``(n, n_states)``, at least one.
        u: inputs, ``(n, n_inputs)``.
        matrix_free: Newton steps by GMRES instead of the inverse.

    Returns:
        The evidence, in float64.
    """
    chunk = 256 if matrix_free else max(1, 2**22 // problem.n_states**2)
    parts = [
        _examine(problem, x[i : i + chunk], u[i : i + chunk], matrix_free)
        for i in range(0, len(x), chunk)
    ]
    return Evidence.join(parts)


def _examine(problem, x, u, matrix_free: bool) -> Evidence:
    dtype = problem.system.dtypes[1]
    w = problem.weights(dtype)
    xt, ut = problem.rows(dtype, x, u)
    inverse, singular = None, np.zeros(len(x), dtype=bool)
    if matrix_free:
        n_vectors = min(GMRES_VECTORS, problem.n_states)
        out = krylov.newton_steps(problem.residual, n_vectors)(w, xt, ut)
        r, g, s = (t.numpy().astype(np.float64) for t in out)
        step = np.linalg.norm(s, axis=1)
    else:
        r = problem.residual.value(w, xt, ut).numpy().astype(np.float64)
        A = problem.residual.jacobian(w, xt, ut).numpy().astype(np.float64)
        finite = np.isfinite(A).all(axis=(1, 2)) & np.isfinite(r).all(axis=1)
        A[~finite] = np.eye(problem.n_states)
        g = np.einsum("nij,ni->nj", A, r)
        inverse, singular = inverses(A)
        step = np.linalg.norm(np.einsum("nij,nj->ni", inverse, r), axis=1)
        step[~finite] = np.inf
    held = ((x <= problem.lower) & (g > 0)) | ((x >= problem.upper) & (g < 0))
    length = np.linalg.norm(r, axis=1)
    gradient = np.linalg.norm(np.where(held, 0.0, g), axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(length > 0, gradient / length, 0.0)
    at_bound = (x <= problem.lower) | (x >= problem.upper)
    return Evidence(
        image=r + x if problem.system.kind == "discrete" else r,
        q=0.5 * length**2,
        newton_step=step,
        relative_gradient=relative,
        n_at_bound=at_bound.sum(axis=1),
        singular=singular,
        inverse=inverse,
    )
