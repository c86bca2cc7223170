"""Starts drawn from wide distributions: around the middle of a region, and images of such."""

from __future__ import annotations

import numpy as np

__all__ = ["ball_states", "preimage_states"]

BALL_SIZES = 0.03, 2.0  # of half the widths of the region
PREIMAGE_SIZES = 0.1, 3.0  # the same; the larger one times the root of the number of states


def ball_states(
    rng: np.random.Generator, n: int, centre: np.ndarray, half: np.ndarray
) -> np.ndarray:
    """Draw states at all distances from the middle of a region, ``c + h s z``.

    ``z`` is Gaussian and the logarithm of ``s`` uniform, so that small states, among which
    saddles lie, are as frequent as large ones.

    Args:
        rng: source of randomness.
        n: number of them.
        centre: ``(n_states,)``, middle of the region.
        half: ``(n_states,)``, half its widths.

    Returns:
        ``(n, n_states)``.

    Example:
        >>> x = ball_states(np.random.default_rng(0), 1000, np.zeros(3), np.ones(3))
        >>> size = np.linalg.norm(x, axis=1)
        >>> bool(np.quantile(size, 0.1) < 0.1), bool(np.quantile(size, 0.9) > 1.0)
        (True, True)
    """
    return centre + half * _sizes(rng, n, *BALL_SIZES) * rng.normal(size=(n, len(centre)))


def preimage_states(
    rng: np.random.Generator, n: int, centre: np.ndarray, half: np.ndarray
) -> np.ndarray:
    """Draw states whose images, one step on, make good starts: of all sizes, up to very wide.

    Far out a network of bounded rates saturates: the images lie near the corners of what it
    can reach, and with the size they go from there to the middle.

    Args:
        rng, n, centre, half: see :func:`ball_states`.

    Returns:
        ``(n, n_states)``.

    Example:
        >>> x = preimage_states(np.random.default_rng(0), 1000, np.zeros(9), np.ones(9))
        >>> bool(np.abs(np.tanh(x)).mean(axis=1).max() > 0.9)
        True
    """
    low, high = PREIMAGE_SIZES
    high = high * np.sqrt(len(centre))
    return centre + half * _sizes(rng, n, low, high) * rng.normal(size=(n, len(centre)))


def _sizes(rng: np.random.Generator, n: int, low: float, high: float) -> np.ndarray:
    """Return sizes whose logarithms are uniform, ``(n, 1)``."""
    return np.exp(rng.uniform(np.log(low), np.log(high), size=(n, 1)))
