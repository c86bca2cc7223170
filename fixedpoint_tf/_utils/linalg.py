"""Dense linear algebra on many matrices: one matrix a core, BLAS on one thread each.

BLAS spread over the cores inside each small factorisation costs more than it gains, and far
more on a busy machine (measured: 27 eigen-decompositions of 256 x 256 in 4.3 s, against
0.7 s this way).
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

__all__ = ["each", "inverses", "inverses_or_nan", "smallest_singular_values"]

LARGEST_CONDITION = 1e12  # beyond it, rounding says more of a small vector than the matrix
SMALL = 48**2  # entries below which a matrix is not worth a thread

Result = TypeVar("Result")


@functools.cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController()


def each(function: Callable[[np.ndarray], Result], matrices: np.ndarray) -> list[Result]:
    """Return ``[function(m) for m in matrices]``, computed on all cores for large matrices.

    Example:
        >>> each(np.trace, np.stack([np.eye(2), np.zeros((2, 2))]))
        [np.float64(2.0), np.float64(0.0)]
    """
    if matrices.size < SMALL * max(1, len(matrices)):
        return [function(matrix) for matrix in matrices]
    with _blas().limit(limits=1, user_api="blas"), ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, matrices))


def _inverse(matrix: np.ndarray) -> tuple[np.ndarray, bool]:
    try:
        inverse = np.linalg.inv(matrix)
        condition = float(np.linalg.norm(matrix) * np.linalg.norm(inverse))
    except np.linalg.LinAlgError:
        condition = np.inf
    if condition < LARGEST_CONDITION:
        return inverse, False
    return np.linalg.pinv(matrix, rcond=1.0 / LARGEST_CONDITION), True


def inverses(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Invert each matrix, and mark those that are singular to rounding.

    A singular matrix gets its pseudo-inverse, and harms no other.

    Args:
        matrices: ``(n, d, d)``, at least one, finite.

    Returns:
        ``(n, d, d)`` and ``(n,)`` boolean.

    Example:
        >>> inverse, singular = inverses(np.array([[[2.0, 0.0], [0.0, 0.0]]]))
        >>> inverse.tolist(), singular.tolist()
        ([[[0.5, 0.0], [0.0, 0.0]]], [True])
    """
    inverse, singular = zip(*each(_inverse, matrices), strict=True)
    return np.stack(inverse), np.array(singular)


def inverses_or_nan(matrices: np.ndarray) -> np.ndarray:
    """Invert each matrix ``(n, d, d)`` by one call, with NaN for singular ones.

    Example:
        >>> inverses_or_nan(np.array([[[2.0]], [[0.0]]])).tolist()
        [[[0.5]], [[nan]]]
    """
    try:
        return np.linalg.inv(matrices)
    except np.linalg.LinAlgError:
        out = np.full_like(matrices, np.nan)
        for i, matrix in enumerate(matrices):
            with contextlib.suppress(np.linalg.LinAlgError):
                out[i] = np.linalg.inv(matrix)
        return out


def smallest_singular_values(matrices: np.ndarray) -> np.ndarray:
    """Return the smallest singular value of each matrix, ``(n, d, d)`` to ``(n,)``.

    Example:
        >>> smallest_singular_values(np.array([[[3.0, 0.0], [0.0, -2.0]]])).tolist()
        [2.0]
    """

    def smallest(matrix: np.ndarray) -> float:
        if not np.isfinite(matrix).all():
            return np.nan
        return float(np.linalg.svd(matrix, compute_uv=False)[-1])

    return np.array(each(smallest, matrices))
