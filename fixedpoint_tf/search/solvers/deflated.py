r"""Newton's method and Levenberg-Marquardt on a residual from which known roots are divided.

With the known roots :math:`x_k`, the deflated residual (Farrell, Birkisson & Funke 2015,
SIAM J. Sci. Comput. 37:A2026, with the exponent 2 and the shift 1) is

.. math::
    R(x) = M(x)\, r(x), \qquad
    M(x) = \prod_k \left( \frac{\ell^2}{|x - x_k|^2} + 1 \right) .

It vanishes where ``r`` does, except at the known roots, where it is infinite. Its Jacobian is
:math:`M (A + r \nabla \log M^\top)`, a change of rank one of the Jacobian ``A`` of ``r``: the
Newton step is that of ``r`` divided by :math:`1 + \nabla \log M \cdot s`. Near a known root
this turns it round, so that the iteration leaves the basin instead of falling to the bottom.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf._utils.linalg import each
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["push", "solve"]

ARRIVED_Q = 1e-18  # speed at which an iteration rests; the finder locates the point exactly
LARGEST_DAMPING = 1e8  # relative to the diagonal: steps are then too short to matter


def push(x: np.ndarray, known: np.ndarray, length: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ``log M`` and its gradient.

    Args:
        x: states, ``(n, n_states)``.
        known: the roots, ``(k, n_states)``.
        length: up to which distance a root pushes, ``(n,)``.

    Returns:
        ``(n,)`` and ``(n, n_states)``.
    """
    square = np.maximum(cdist(x, known, "sqeuclidean"), np.finfo(float).tiny)
    reach = length[:, None] ** 2
    # d log(1 + l^2 / s) / dx = -2 (x - x_k) l^2 / (s (s + l^2)), with s = |x - x_k|^2
    weight = -2.0 * reach / square / (square + reach)
    gradient = x * weight.sum(axis=1, keepdims=True) - weight @ known
    return np.log1p(reach / square).sum(axis=1), gradient


def solve(
    system: DynamicalSystem,
    u: np.ndarray,
    x: np.ndarray,
    known: np.ndarray,
    length: np.ndarray,
    longest: float,
    max_iters: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Run deflated Newton's method from every state, then a damped descent of the others.

    Newton's method wanders, and so finds what no descent leads to; where it does not arrive,
    Levenberg-Marquardt starts again from the same state.

    Args:
        system: the system.
        u: one input, ``(n_inputs,)``.
        x: states to begin from, ``(n, n_states)``.
        known: roots to be divided out, ``(k, n_states)``.
        length: up to which distance they push, ``(n,)``.
        longest: length of the longest Newton step.
        max_iters: iterations of each method.

    Returns:
        Where each state ended, ``(n, n_states)``, and its speed ``q``, ``(n,)``.
    """
    search = _DeflatedSearch(system, u, known)
    ends = search.newton(x, length, longest, max_iters)
    q = search.speed(ends)
    lost = np.flatnonzero(~(q <= ARRIVED_Q))
    if len(lost):
        descended = search.descend(x[lost], length[lost], max_iters)
        speed = search.speed(descended)
        better = ~(speed > q[lost])  # also where Newton's method left the numbers
        ends[lost[better]], q[lost[better]] = descended[better], speed[better]
    return ends, q


class _DeflatedSearch:
    """One system, input and set of known roots."""

    def __init__(self, system: DynamicalSystem, u: np.ndarray, known: np.ndarray):
        self.system, self.u, self.known = system, u[None], known
        self.discrete = system.time == "discrete"

    def residual(self, x: np.ndarray) -> np.ndarray:
        image = self.system.step(x, self.u).numpy().astype(np.float64)
        return image - x if self.discrete else image

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        A = self.system.jacobian(x, self.u).numpy().astype(np.float64)
        return A - np.eye(self.system.n_states) if self.discrete else A

    def speed(self, x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            q = 0.5 * np.sum(self.residual(x) ** 2, axis=1)
        return np.where(np.isnan(q), np.inf, q)

    def clipped(self, x: np.ndarray) -> np.ndarray:
        return np.clip(x, self.system.lower, self.system.upper)

    def batches(self, rows: np.ndarray) -> list[np.ndarray]:
        return [rows[some] for some in chunks(len(rows), self.system.n_states**2)]

    def newton(
        self, x: np.ndarray, length: np.ndarray, longest: float, max_iters: int
    ) -> np.ndarray:
        x = x.copy()
        active = np.arange(len(x))
        for _ in range(max_iters):
            active = active[np.isfinite(x[active]).all(axis=1)]
            q = self.speed(x[active])
            active = active[(q > ARRIVED_Q) & np.isfinite(q)]
            if not len(active):
                break
            for rows in self.batches(active):
                r = self.residual(x[rows])
                step = _solved(self.jacobian(x[rows]), r)
                gradient = push(x[rows], self.known, length[rows])[1]
                turn = 1.0 + np.sum(gradient * step, axis=1)
                with np.errstate(all="ignore"):
                    step = step / turn[:, None]
                    norm = np.linalg.norm(step, axis=1, keepdims=True)
                    step = step * np.minimum(1.0, longest / norm)
                x[rows] = self.clipped(x[rows] - np.nan_to_num(step))
        return x

    def descend(self, x: np.ndarray, length: np.ndarray, max_iters: int) -> np.ndarray:
        """Minimise the length of the deflated residual by Levenberg-Marquardt."""
        x = x.copy()

        def height(x: np.ndarray, r: np.ndarray, length: np.ndarray) -> np.ndarray:
            with np.errstate(divide="ignore", invalid="ignore"):
                value = np.log(np.linalg.norm(r, axis=1)) + push(x, self.known, length)[0]
            return np.where(np.isnan(value), np.inf, value)

        r = self.residual(x)
        level = height(x, r, length)
        damping = np.full(len(x), 1e-2)
        active = np.flatnonzero(np.isfinite(r).all(axis=1))
        for _ in range(max_iters):
            q = 0.5 * np.sum(r[active] ** 2, axis=1)
            active = active[(q > ARRIVED_Q) & (damping[active] < LARGEST_DAMPING)]
            if not len(active):
                break
            for rows in self.batches(active):
                gradient = push(x[rows], self.known, length[rows])[1]
                A = self.jacobian(x[rows]) + r[rows, :, None] * gradient[:, None, :]
                trial = self.clipped(x[rows] - _damped(A, r[rows], damping[rows]))
                r_new = self.residual(trial)
                new = height(trial, r_new, length[rows])
                better = new < level[rows]
                x[rows[better]], r[rows[better]] = trial[better], r_new[better]
                level[rows[better]] = new[better]
                changed = damping[rows] * np.where(better, 0.3, 5.0)
                damping[rows] = np.maximum(changed, 1e-14)
        return x


def _solved(A: np.ndarray, r: np.ndarray) -> np.ndarray:
    """Solve ``A s = r``, by least squares where singular, with 0 where undefined."""

    def one(both: np.ndarray) -> np.ndarray:
        if not np.isfinite(both).all():
            return np.zeros(len(both))
        try:
            return np.linalg.solve(both[:, :-1], both[:, -1])
        except np.linalg.LinAlgError:
            return np.linalg.lstsq(both[:, :-1], both[:, -1])[0]

    return np.stack(each(one, np.concatenate([A, r[:, :, None]], axis=2)))


def _damped(A: np.ndarray, r: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """Return ``(A'A + lambda d I)^-1 A' r``, with ``d`` the mean diagonal of ``A'A``."""
    with np.errstate(all="ignore"):
        H = np.swapaxes(A, 1, 2) @ A
        scale = np.trace(H, axis1=1, axis2=2) / A.shape[1]
        shift = np.maximum(damping, 1e-14) * scale + np.finfo(float).tiny
        diagonal = np.arange(A.shape[1])
        H[:, diagonal, diagonal] += shift[:, None]
        return _solved(H, np.einsum("nij,ni->nj", A, r))
