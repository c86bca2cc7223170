r"""How far a Jacobian is from normal, and what that does before the eigenvalues win.

The eigenvalues of a matrix say what becomes of a perturbation in the end. Where its
eigenvectors are not orthogonal, the perturbation may first grow, by a factor that the
eigenvalues do not show (Trefethen & Embree 2005, "Spectra and Pseudospectra"; Ganguli, Huh
& Sompolinsky 2008, PNAS 105:18970-18975, for memory in networks).
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import ArrayLike

from fixedpoint_tf.linearization import check_kind

__all__ = ["henrici_departure", "initial_growth", "peak_amplification"]

#: A continuous system is looked at this often within its horizon, then more closely
#: around the highest value.
_GRID = 200


def henrici_departure(matrix: ArrayLike) -> float:
    r"""Henrici's departure from normality, in the Frobenius norm.

    :math:`\sqrt{\|J\|_F^2 - \sum_k |\lambda_k|^2}`, the size of what is off the diagonal
    of the Schur form (Henrici 1962, Numerische Mathematik 4:24-40).

    Args:
        matrix: ``(n_states, n_states)``.

    Returns:
        0 for a normal matrix, at most ``|J|_F``; NaN where the matrix holds NaN.

    Example:
        >>> henrici_departure([[0.9, 5.0], [0.0, 0.5]])
        5.0
    """
    square = np.asarray(matrix, dtype=np.float64)
    if not np.isfinite(square).all():
        return np.nan
    # Off the diagonal of the Schur form, not as a difference of two squares, which loses
    # half of the digits where the matrix is nearly normal.
    schur, _ = scipy.linalg.schur(square, output="complex")
    return float(np.linalg.norm(np.triu(schur, 1)))


def initial_growth(matrix: ArrayLike, kind: str = "discrete") -> float:
    r"""How fast the worst perturbation grows at first: the reactivity.

    Discrete: the largest factor in one step, :math:`\|J\|_2`. Continuous: the largest rate
    at the first instant, the numerical abscissa :math:`\lambda_{max}((J + J^T) / 2)`. A
    stable point with a value beyond 1 (continuous: 0) amplifies before it decays
    (Neubert & Caswell 1997, Ecology 78:653-665).

    Args:
        matrix: ``(n_states, n_states)``.
        kind: ``"discrete"`` or ``"continuous"``.

    Returns:
        The factor or the rate; NaN where the matrix holds NaN.

    Example:
        >>> initial_growth([[-1.0, 4.0], [0.0, -1.0]], "continuous")
        1.0
    """
    check_kind(kind)
    square = np.asarray(matrix, dtype=np.float64)
    if not np.isfinite(square).all():
        return np.nan
    if kind == "discrete":
        return float(np.linalg.norm(square, 2))
    return float(np.linalg.eigvalsh((square + square.T) / 2.0)[-1])


def peak_amplification(
    matrix: ArrayLike, kind: str = "discrete", horizon: float | None = None
) -> tuple[float, float]:
    r"""The largest factor by which any perturbation has grown, and when.

    Discrete: :math:`\max_t \|J^t\|_2` over whole steps; continuous:
    :math:`\max_t \|e^{Jt}\|_2`. Where all modes decay within the horizon this is the
    maximum over all time. Where a mode grows, or lasts, it is the maximum up to the
    horizon, which growth without end may reach.

    Args:
        matrix: ``(n_states, n_states)``.
        kind: ``"discrete"`` or ``"continuous"``.
        horizon: the last time looked at, in steps or units of time. Default: 100 steps;
            continuous: 5 times the time constant of the slowest mode, at most
            :math:`100 / \|J\|_2`.

    Returns:
        The factor, at least 1, and its time, in steps or units of time; NaN where the
        matrix holds NaN.

    Example:
        >>> peak_amplification([[0.5, 8.0], [0.0, 0.5]])[1]
        1.0
    """
    check_kind(kind)
    square = np.asarray(matrix, dtype=np.float64)
    if not np.isfinite(square).all():
        return np.nan, np.nan
    if kind == "discrete":
        return _peak_of_powers(square, 100 if horizon is None else int(horizon))
    return _peak_of_exponential(square, horizon)


def _peak_of_powers(matrix: np.ndarray, n_steps: int) -> tuple[float, float]:
    peak, time = 1.0, 0.0
    power = np.eye(len(matrix))
    for t in range(1, n_steps + 1):
        power = power @ matrix
        # The Frobenius norm bounds the spectral one, and costs next to nothing.
        bound = np.linalg.norm(power)
        if not np.isfinite(bound):
            return np.inf, float(t)
        if bound > peak:
            size = float(np.linalg.norm(power, 2))
            if size > peak * (1.0 + 1e-12):
                peak, time = size, float(t)
        if bound < 1.0:  # Whatever comes is a product of what has been, none larger.
            break
    return peak, time


def _peak_of_exponential(matrix: np.ndarray, horizon: float | None) -> tuple[float, float]:
    size = float(np.linalg.norm(matrix, 2))
    if size == 0.0:
        return 1.0, 0.0
    if horizon is None:
        rate = np.abs(np.linalg.eigvals(matrix).real).min()
        horizon = min(5.0 / rate if rate > 0.0 else np.inf, 100.0 / size)
    step = scipy.linalg.expm(matrix * (horizon / _GRID))
    sizes, power = [1.0], np.eye(len(matrix))
    for _ in range(_GRID):
        power = power @ step
        sizes.append(float(np.linalg.norm(power, 2)))
        if not np.isfinite(sizes[-1]):
            return np.inf, horizon
    best = int(np.argmax(sizes))
    if best == 0:
        return 1.0, 0.0
    around = [max(0, best - 1), min(_GRID, best + 1)]
    closer = scipy.optimize.minimize_scalar(
        lambda t: -np.linalg.norm(scipy.linalg.expm(matrix * t), 2),
        bounds=[i * horizon / _GRID for i in around],
        method="bounded",
        options={"xatol": 1e-9 * horizon},
    )
    if -closer.fun > sizes[best]:
        return float(-closer.fun), float(closer.x)
    return sizes[best], best * horizon / _GRID
