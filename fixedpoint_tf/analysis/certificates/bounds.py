"""Bounds of the radii polynomial from matrices, with the rounding of their products."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fixedpoint_tf._utils.norms import gamma, spectral_norms
from fixedpoint_tf.systems.cells.curvature import SecondDerivative

__all__ = ["first_bounds", "norm_through"]


def first_bounds(
    A: np.ndarray,
    shifted: np.ndarray,
    residual: np.ndarray,
    error: np.ndarray,
    slope_error: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Bound ``Y`` and ``Z0``, with the rounding errors of everything that they are made of."""
    d = A.shape[1]
    newton = np.einsum("nij,nj->ni", A, residual)
    of_product = gamma(d + 1) * np.linalg.norm(A, axis=(1, 2))
    y = np.linalg.norm(newton, axis=1) * (1.0 + gamma(d + 2))
    y += of_product * np.linalg.norm(residual, axis=1)
    y += np.linalg.norm(np.einsum("nij,nj->ni", np.abs(A), error), axis=1)
    defect = np.linalg.norm(np.eye(d) - A @ shifted, axis=(1, 2)) * (1.0 + gamma(d * d))
    defect += of_product * np.linalg.norm(shifted, axis=(1, 2)) + gamma(2) * np.sqrt(d)
    size = spectral_norms(A)
    return y, defect + size * np.linalg.norm(slope_error, axis=1)


def norm_through(A: np.ndarray, parts: Sequence[SecondDerivative]) -> np.ndarray:
    """Bound ``|A D|`` of changes ``D`` of the Jacobian, block by block, ``(n,)``."""
    own = np.concatenate([bend.own for bend in parts], axis=1)
    total = np.sqrt(len(parts)) * spectral_norms(A * own[:, None, :])
    start = 0
    for bend in parts:
        stop = start + bend.own.shape[1]
        for gradient, norm in bend.through:
            block = A[:, :, start:stop] * gradient[:, None, :]
            total = total + spectral_norms(block) * norm
        start = stop
    return np.where(np.isnan(total), np.inf, total)
