r"""The radii polynomial, by which three bounds prove that exactly one fixed point exists.

With a residual :math:`G`, a point :math:`\bar x` and a matrix :math:`A \approx
DG(\bar x)^{-1}`, let

.. math::
    |A G(\bar x)| \le Y, \quad |I - A\,DG(\bar x)| \le Z_0, \quad
    |A (DG(x) - DG(\bar x))| \le Z_2 |x - \bar x| \;\text{ for } |x - \bar x| \le r_{\max} .

Where :math:`p(r) = Y - (1 - Z_0) r + \tfrac12 Z_2 r^2 < 0` for some :math:`r \le r_{\max}`, the
map :math:`x - A G(x)` takes a ball into itself and contracts it: there is exactly one
:math:`x^*` with :math:`G(x^*) = 0` within the lesser root of ``p``, and no other within the
greater one (Kantorovich 1948; Ortega 1968; in this form Hungria, Lessard & Mireles James 2016,
Math. Comp. 85:1427, theorem 2.1).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["largest_radius", "radii"]

SLACK = 1e-9  # against rounding of the few operations made here
_EVALUATIONS = 12  # of the bound, which is the work; each halves the bracket's logarithm
_CLOSE = 1.1  # the ratio to which the largest radius is found


def radii(y: np.ndarray, z0: np.ndarray, z2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the roots of the radii polynomial, NaN where it is nowhere negative.

    Args:
        y, z0, z2: the bounds, ``(n,)``.

    Returns:
        The lesser and the greater root, ``(n,)``, rounded to the safe side.

    Example:
        >>> radii(np.array([0.375]), np.array([0.0]), np.array([1.0]))
        (array([0.5]), array([1.5]))
    """
    with np.errstate(all="ignore"):
        gap = 1.0 - z0
        discriminant = gap**2 * (1.0 - SLACK) - 2.0 * y * z2
        proved = (discriminant > 0.0) & (gap > 0.0) & np.isfinite(y)
        root = gap + np.sqrt(np.where(proved, discriminant, 0.0))
        low = np.where(proved, 2.0 * y / root * (1.0 + SLACK), np.nan)
        high = np.where(proved, root / z2 * (1.0 - SLACK), np.nan)
    return low, high


def largest_radius(
    y: np.ndarray,
    z0: np.ndarray,
    z2_of: Callable[[np.ndarray], np.ndarray],
    first: np.ndarray,
    cap: np.ndarray,
    evaluations: int = _EVALUATIONS,
) -> np.ndarray:
    """Find the largest ball in which the polynomial, with the ball's bound, is negative.

    ``z2_of(r)`` grows with ``r``: the ball that can be had is where the greater root has come
    down to the radius of the ball itself. Found by bisection from below.

    Args:
        y, z0: the bounds, ``(n,)``.
        z2_of: radii ``(n,)`` to bounds ``(n,)``.
        first: radii at which the polynomial is negative, ``(n,)``; NaN where there is none.
        cap: largest radii to be tried, ``(n,)``.
        evaluations: of ``z2_of``, at most.

    Returns:
        ``(n,)``; NaN where ``first`` is.
    """
    proved = np.isfinite(first)
    low = np.maximum(np.where(proved, first, 1.0), np.finfo(float).tiny)
    _, high = radii(y, z0, z2_of(low))
    high = np.minimum(np.where(np.isfinite(high), high, cap), cap)
    high = np.maximum(high, low)
    trial = high
    for _ in range(evaluations):
        lesser, greater = radii(y, z0, z2_of(trial))
        holds = proved & (lesser <= trial) & (trial <= greater)
        low = np.where(holds, trial, low)
        high = np.where(holds, high, trial)
        # The bound for a larger ball also holds in this one.
        inside = proved & (lesser <= greater) & (lesser <= trial)
        low = np.maximum(low, np.where(inside, np.minimum(greater, trial), low))
        if (~proved | (high <= _CLOSE * low)).all():
            break
        trial = np.sqrt(low * high)
    return np.where(proved, low, np.nan)
