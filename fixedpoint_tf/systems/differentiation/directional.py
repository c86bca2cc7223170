"""Derivatives along a direction by finite differences, with an estimate of their error.

The step is taken at a ladder of lengths. Where neighbouring lengths agree, they say how
exact they are, whatever limits them: the curvature at long steps, rounding at short ones,
single precision somewhere inside a function of double precision, a kink. A kink has a
derivative on either side, so the right and left ones are given beside the central one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["EXACT", "LADDERS", "Function", "differences"]

Function = Callable[[np.ndarray], np.ndarray]

#: Step lengths, relative to the size of a state.
LADDERS = {
    "float64": 10.0 ** -np.arange(2.0, 7.0),
    "float32": 10.0 ** (-np.arange(2.0, 7.0) / 2.0),
}
EXACT = {"float64": 1e-7, "float32": 1e-3}  # relative, what two right ones may differ by
CAUTION = 20.0  # times the disagreement of neighbouring step lengths


def differences(
    function: Function,
    x: np.ndarray,
    v: np.ndarray,
    scale: np.ndarray,
    dtype: str,
    products: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Differentiate each row along a direction: centrally, to the right, to the left.

    Args:
        function: maps ``(m n, k)`` to ``(m n, d)`` for any ``m``, each row by itself.
        x: states, ``(n, k)``.
        v: directions, ``(n, k)``.
        scale: size of each state, ``(n,)``, to which the steps are relative.
        dtype: ``"float32"`` or ``"float64"``, in which the function is evaluated.
        products: ``J v`` as it is claimed, ``(n, d)``, whose size the tolerance follows.

    Returns:
        The derivatives and their tolerances, each ``(3, n, d)``; NaN and infinity where
        nothing is known.

    Example:
        >>> x, v = np.array([[0.0], [2.0]]), np.ones((2, 1))
        >>> found, tolerance = differences(
        ...     np.abs, x, v, np.ones(2), "float64", np.ones((2, 1)))
        >>> found[:, :, 0].round(6).tolist()
        [[0.0, 1.0], [1.0, 1.0], [-1.0, 1.0]]
    """
    ladder = LADDERS[dtype]
    n, k = x.shape
    length = ladder[:, None, None] * scale[None, :, None]
    offsets = np.concatenate([np.zeros((1, n, 1)), length, -length])
    value = function((x + offsets * v).reshape(-1, k)).reshape(len(offsets), n, -1)
    here, ahead, behind = value[0], value[1 : 1 + len(ladder)], value[1 + len(ladder) :]
    with np.errstate(invalid="ignore", over="ignore"):
        right, left = (ahead - here) / length, (here - behind) / length
        central = 0.5 * right + 0.5 * left
        ratio = ladder[0] / ladder[1]
        # Richardson's extrapolation takes the curvature out of the one-sided ones.
        right, left = ((ratio * d[1:] - d[:-1]) / (ratio - 1.0) for d in (right, left))
        # Rounding inside the function is as large as anything in it, not as each unit.
        largest = np.where(np.isfinite(value), np.abs(value), 0.0).max(axis=(0, 2))
        largest = np.maximum(largest, np.abs(x).max(axis=1, initial=0.0))[:, None]
        found, tolerance = [], []
        for some, lengths in ((central, length), (right, length[1:]), (left, length[1:])):
            change = np.abs(np.diff(some, axis=0))
            spread = np.maximum(change[1:], change[:-1])  # from both neighbours
            spread = np.where(np.isfinite(spread), spread, np.inf)
            best = spread.argmin(axis=0)[None]
            one = np.take_along_axis(some[1:-1], best, axis=0)[0]
            error = np.take_along_axis(spread, best, axis=0)[0]
            at = np.take_along_axis(np.broadcast_to(lengths[1:-1], spread.shape), best, 0)[0]
            rounding = 8.0 * np.finfo(dtype).eps * largest / at
            size = np.abs(one) + np.abs(products)
            found.append(one)
            tolerance.append(CAUTION * error + EXACT[dtype] * size + rounding)
    return np.stack(found), np.stack(tolerance)
