r"""Non-normality of a Jacobian, and its transient amplification.

The eigenvalues of a matrix give the final growth or decay of a perturbation. Where its
eigenvectors are not orthogonal, the perturbation may first grow, by a factor that the
eigenvalues do not show (Trefethen & Embree 2005, "Spectra and Pseudospectra"; Ganguli, Huh
& Sompolinsky 2008, PNAS 105:18970-18975, for memory in networks).
"""

from __future__ import annotations

import numpy as np
import scipy.linalg
import scipy.optimize
from numpy.typing import ArrayLike

from fixedpoint_tf.linearization import STABILITY_TOL, growth, time_constants
from fixedpoint_tf.linearization.time_units import check_time

__all__ = ["henrici_departure", "initial_growth", "peak_amplification"]

_NODES = 16  # looked at in each doubling of the time
_MAX_OCTAVES = 60  # doublings, after which what has not settled is said to have no end
_WINDOWS = 4  # of neighbouring steps that are looked at one by one around the highest
_STEP = 0.1  # of a continuous system, as a share of the shortest time in which it changes
_SETTLED = 10.0  # time constants after which a mode is taken as gone
_STILL = 1e-3  # a rise over a doubling of the time that is none


def henrici_departure(matrix: ArrayLike) -> float:
    r"""Return Henrici's departure from normality, in the Frobenius norm.

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


def initial_growth(matrix: ArrayLike, time: str = "discrete") -> float:
    r"""Compute the reactivity, the initial growth of the worst perturbation.

    Discrete: the largest factor in one step, :math:`\|J\|_2`. Continuous: the largest rate
    at the first instant, the numerical abscissa :math:`\lambda_{max}((J + J^T) / 2)`. A
    stable point with a value beyond 1 (continuous: 0) amplifies before it decays
    (Neubert & Caswell 1997, Ecology 78:653-665).

    Args:
        matrix: ``(n_states, n_states)``.
        time: ``"discrete"`` or ``"continuous"``.

    Returns:
        The factor or the rate; NaN where the matrix holds NaN.

    Example:
        >>> initial_growth([[-1.0, 4.0], [0.0, -1.0]], "continuous")
        1.0
    """
    check_time(time)
    square = np.asarray(matrix, dtype=np.float64)
    if not np.isfinite(square).all():
        return np.nan
    if time == "discrete":
        return float(np.linalg.norm(square, 2))
    return float(np.linalg.eigvalsh((square + square.T) / 2.0)[-1])


def peak_amplification(
    matrix: ArrayLike, time: str = "discrete", horizon: float | None = None
) -> tuple[float, float]:
    r"""Return the largest factor by which any perturbation can grow, and when.

    Discrete: :math:`\max_t \|J^t\|_2` over whole steps; continuous:
    :math:`\max_t \|e^{Jt}\|_2`. The search goes on until a norm falls below 1, after which
    nothing larger can come: what follows is a product of what has been. Where a mode
    neither grows nor decays (by ``linearization.STABILITY_TOL``) it goes on until all
    others have died and a doubling of the time raises the factor no more.

    The first 32 steps are looked at one by one (continuous: of a tenth of
    :math:`1 / \|J\|_2`), later ones 32 times in each doubling of the time and more closely
    around the highest: of several late peaks of nearly equal height, a lower may be given.

    Args:
        matrix: ``(n_states, n_states)``.
        time: ``"discrete"`` or ``"continuous"``.
        horizon: the last time looked at, in steps or units of time. Default: no last time.

    Returns:
        The factor, at least 1, and its time, in steps or units of time. Both infinite where
        a mode grows, so that no factor is the largest, unless there is a ``horizon``; NaN
        where the matrix holds NaN.

    Cost: about 64 products of matrices, and up to 32 norms, for each doubling of the time.

    Example:
        >>> peak_amplification([[0.5, 8.0], [0.0, 0.5]])[1]
        1.0
        >>> peak_amplification([[1.1]]), peak_amplification([[1.1]], horizon=1)
        ((inf, inf), (1.1, 1.0))
    """
    check_time(time)
    square = np.asarray(matrix, dtype=np.float64)
    if not np.isfinite(square).all():
        return np.nan, np.nan
    values = np.linalg.eigvals(square)
    rate = growth(values, time) - (1.0 if time == "discrete" else 0.0)
    if horizon is None and (rate > STABILITY_TOL).any():
        return np.inf, np.inf
    decaying = values[rate < -STABILITY_TOL]
    settled = _SETTLED * time_constants(decaying, time).max(initial=0.0)
    if time == "discrete":
        limit = np.inf if horizon is None else float(int(horizon))
        return _peak_of_powers(square, limit, settled)
    return _peak_of_exponential(square, horizon, settled)


def _peak_of_powers(matrix: np.ndarray, limit: float, settled: float) -> tuple[float, float]:
    """Find the largest norm of the powers up to ``limit``, in strides that double."""
    peak, best, stride_of_best = 1.0, 0, 1
    squares = [matrix]  # the powers of 2, 1, 2, 4, ..., of the matrix
    early = [np.eye(len(matrix))]  # the first powers, one by one
    power, t = early[0], 0

    def higher(candidate: np.ndarray) -> float:
        """Return the norm if it is a new peak, else 0."""
        # Bounds of the spectral norm, each cheaper and looser than the next.
        scale = float(np.linalg.norm(candidate))
        if scale <= peak:
            return 0.0
        gram = (candidate.T / scale) @ (candidate / scale)
        if scale * np.sqrt(np.linalg.norm(gram)) <= peak:
            return 0.0
        last = len(gram) - 1
        square = scipy.linalg.eigvalsh(gram, subset_by_index=(last, last), check_finite=False)
        size = scale * float(np.sqrt(square[0]))
        return size if size > peak * (1.0 + 1e-12) else 0.0

    for octave in range(_MAX_OCTAVES):
        stride, before = 2**octave, peak
        for node in range(2 * _NODES if octave == 0 else _NODES):
            move = int(min(stride, limit - t))
            power = power @ (squares[-1] if move == stride else _power(squares, move))
            t += move
            bound = np.linalg.norm(power)
            if not np.isfinite(bound):
                return np.inf, np.inf if limit == np.inf else float(t)
            # Strides of powers of 2 would see one phase alone of a turn in 4 steps: a second
            # look, a few steps on, goes round the phases.
            ahead = 0 if octave == 0 else 1 + 5 * node % _NODES
            for later in (0, ahead) if ahead and t + ahead <= limit else (0,):
                size = higher(power @ early[later] if later else power)
                if size:
                    peak, best, stride_of_best = size, t + later, stride
            if len(early) <= _NODES:
                early.append(power)
            if bound < 1.0 or t >= limit:
                break
        still = t > settled and peak <= before * (1.0 + _STILL)
        if bound < 1.0 or t >= limit or (still and limit == np.inf):
            break
        squares.append(squares[-1] @ squares[-1])
    else:
        return np.inf, np.inf
    while stride_of_best > 1:
        stride_of_best //= 2
        for candidate in (best - stride_of_best, best + stride_of_best):
            if candidate <= limit:
                size = higher(_power(squares, candidate))
                if size:
                    peak, best = size, candidate
    # A fast rotation moves the norm up and down within few steps.
    for _ in range(_WINDOWS if best else 0):
        centre, begin = best, max(0, best - _NODES)
        power = _power(squares, begin)
        for t in range(begin + 1, int(min(limit, centre + _NODES)) + 1):
            power = power @ matrix
            size = higher(power)
            if size:
                peak, best = size, t
        if best == centre:
            break
    return peak, float(best)


def _power(squares: list[np.ndarray], n: int) -> np.ndarray:
    """Return the ``n``-th power, from the powers of 2 at hand."""
    result = np.eye(len(squares[0]))
    for k, square in enumerate(squares):
        count = n >> k if k == len(squares) - 1 else (n >> k) & 1
        for _ in range(count):
            result = result @ square
    return result


def _peak_of_exponential(
    matrix: np.ndarray, horizon: float | None, settled: float
) -> tuple[float, float]:
    size = float(np.linalg.norm(matrix, 2))
    if size == 0.0:
        return 1.0, 0.0
    step, n_steps = _STEP / size, np.inf
    if horizon is not None:
        n_steps = np.ceil(horizon / step)
        step = horizon / n_steps
    peak, best = _peak_of_powers(scipy.linalg.expm(matrix * step), n_steps, settled / step)
    if best == 0.0 or not np.isfinite(peak):
        return peak, best * step
    begin = (best - 1.0) * step
    power = scipy.linalg.expm(matrix * begin)
    closer = scipy.optimize.minimize_scalar(
        lambda t: -np.linalg.norm(scipy.linalg.expm(matrix * t) @ power, 2),
        bounds=[0.0, min(best + 1.0, n_steps) * step - begin],
        method="bounded",
        options={"xatol": 1e-4 * step},
    )
    if -closer.fun > peak:
        return float(-closer.fun), begin + float(closer.x)
    return peak, best * step
