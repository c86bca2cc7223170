"""Angles between directions in state space, and between directions and planes."""

from __future__ import annotations

import numpy as np

__all__ = ["angles"]


def angles(vectors: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Degrees between real vectors and lines, or planes where a direction is complex.

    Args:
        vectors: ``(..., a, n_states)`` real.
        directions: ``(..., b, n_states)`` complex: a real one spans a line, a complex one
            the plane of its real and imaginary part.

    Returns:
        ``(..., b, a)``, from 0 to 90; NaN for a vector, or a direction, of length zero.

    Example:
        >>> diagonal, line, plane = [1.0, 1.0], [1.0 + 0j, 0.0], [1.0, 1.0j]
        >>> angles(np.array([diagonal]), np.array([line, plane])).round(4).tolist()
        [[45.0], [0.0]]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        units = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
        # Turned in phase so that real and imaginary part are orthogonal, they are the axes
        # of the ellipse that the mode runs through; of a real direction the second is 0.
        phase = np.angle(np.sum(directions**2, axis=-1, keepdims=True)) / 2.0
        turned = directions * np.exp(-1j * phase)
        within = np.zeros((*directions.shape[:-1], units.shape[-2]))
        sizes = np.linalg.norm(directions, axis=-1)
        for axis in (turned.real, turned.imag):
            length = np.linalg.norm(axis, axis=-1)
            overlap = np.einsum("...bs,...as->...ba", axis, units) / length[..., None]
            there = length > 1e-9 * sizes  # rounding leaves a real direction a small part
            within += np.where((there | (sizes == 0.0))[..., None], overlap**2, 0.0)
        within[~np.isfinite(sizes)] = np.nan
    return np.degrees(np.arccos(np.sqrt(np.minimum(within, 1.0))))
