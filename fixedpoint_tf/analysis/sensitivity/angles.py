"""Angles between directions in state space, and between directions and planes."""

from __future__ import annotations

import numpy as np

__all__ = ["angles"]


def angles(vectors: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Return degrees between real vectors and lines, or planes of complex directions.

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
        units, turned = _unit(vectors), _unit(directions)
        # Turned in phase so that real and imaginary part are orthogonal, they are the axes
        # of the ellipse that the mode runs through; of a real direction the second is 0.
        phase = np.angle(np.sum(turned**2, axis=-1, keepdims=True)) / 2.0
        turned = turned * np.exp(-1j * phase)
        first, second = _unit(turned.real), turned.imag
        second = second - np.sum(second * first, axis=-1, keepdims=True) * first
        # rounding leaves a real direction a small part
        there = np.linalg.norm(turned.imag, axis=-1, keepdims=True) > 1e-9
        second = np.where(there, _unit(second), 0.0)
        by_first, by_second = (
            np.einsum("...bs,...as->...ba", axis, units) for axis in (first, second)
        )
        outside = np.empty_like(by_first)
        for i in range(units.shape[-2]):  # one by one, for the sake of memory
            inside = by_first[..., i, None] * first + by_second[..., i, None] * second
            outside[..., i] = np.linalg.norm(units[..., None, i, :] - inside, axis=-1)
        # The arc cosine of the part inside would be wrong by 1e-6 degrees where it is 1.
        return np.degrees(np.arctan2(outside, np.hypot(by_first, by_second)))


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors to length 1, NaN for those of length zero."""
    scaled = vectors / np.max(np.abs(vectors), axis=-1, keepdims=True)  # squares stay finite
    return scaled / np.linalg.norm(scaled, axis=-1, keepdims=True)
