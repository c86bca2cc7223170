"""Norms of batches of matrices, rounded upwards."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.linalg import each

__all__ = ["EPS", "gamma", "spectral_norms"]

EPS = float(np.finfo(np.float64).eps) / 2.0  # unit roundoff of double precision
_HUGE = 1e100  # stands for "no bound": beyond it a norm is called infinite


def gamma(n: int) -> float:
    """Return the relative error of a sum of ``n`` products (Higham 2002, section 3.1)."""
    return n * EPS / (1.0 - n * EPS)


def spectral_norms(matrices: np.ndarray) -> np.ndarray:
    """Bound the largest singular value of each matrix, ``(n, d, m)`` to ``(n,)``, from above.

    The square root of the largest eigenvalue of the Gram matrix, enlarged by what rounding
    can take from it. Infinite where an entry is not finite.

    Example:
        >>> spectral_norms(np.array([[[3.0, 0.0], [0.0, -2.0]]])).round(6).tolist()
        [3.0]
    """
    size = max(matrices.shape[1:], default=0)
    slack = 1.0 + 8.0 * (size + 1) ** 2 * EPS

    def norm(matrix: np.ndarray) -> float:
        if not matrix.size:
            return 0.0
        largest = float(np.abs(matrix).max())
        if not largest < _HUGE:
            return np.inf
        if largest == 0.0:
            return 0.0
        scaled = matrix / largest
        wide = scaled.shape[0] <= scaled.shape[1]
        gram = scaled @ scaled.T if wide else scaled.T @ scaled
        return largest * float(np.sqrt(np.linalg.eigvalsh(gram)[-1])) * slack

    return np.array(each(norm, matrices), dtype=np.float64).reshape(len(matrices))
