"""Starts bred from known fixed points, between pairs and by their differences."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

__all__ = ["differences", "midpoints", "mixtures"]

N_NEAR = 8  # neighbours of a point, whose differences from it are tried elsewhere
SPREAD = 0.7  # of the weights of a mixture about their mean


def differences(rng: np.random.Generator, n: int, known: np.ndarray) -> np.ndarray:
    """Add to known points the differences between others and their neighbours, ``a - c + b``.

    Where parts of a network are bistable by themselves, what tells two neighbours apart,
    added to a third point, leads to a fourth.

    Args:
        rng: source of randomness.
        n: number of them.
        known: ``(k, n_states)``, at least two points.

    Returns:
        ``(n, n_states)``.

    Example:
        >>> corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> starts = differences(np.random.default_rng(0), 50, corners)
        >>> bool((starts == [1.0, 1.0]).all(axis=1).any())
        True
    """
    k = len(known)
    a, b = rng.integers(k, size=(2, n))
    n_near = min(N_NEAR, k - 1)
    _, near = cKDTree(known).query(known[a], k=list(range(2, n_near + 2)))
    c = near[np.arange(n), rng.integers(n_near, size=n)]
    return known[a] - known[c] + known[b]


def mixtures(rng: np.random.Generator, n: int, known: np.ndarray) -> np.ndarray:
    """Mix three known points, with random weights that add up to one.

    Args:
        rng, n, known: see :func:`differences`.

    Returns:
        ``(n, n_states)``.

    Example:
        >>> points = np.array([[0.0, 1.0], [1.0, 0.0]])
        >>> mixtures(np.random.default_rng(0), 4, points).sum(axis=1).round(12).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """
    weights = 1.0 / 3.0 + SPREAD * rng.normal(size=(n, 3))
    weights += (1.0 - weights.sum(axis=1, keepdims=True)) / 3.0
    chosen = known[rng.integers(len(known), size=(n, 3))]
    return np.einsum("nk,nki->ni", weights, chosen)


def midpoints(rng: np.random.Generator, n: int, known: np.ndarray) -> np.ndarray:
    """Halve the distances between known points and some of their neighbours.

    Between two attractors lies a saddle.

    Args:
        rng, n, known: see :func:`differences`.

    Returns:
        ``(n, n_states)``.

    Example:
        >>> midpoints(np.random.default_rng(0), 2, np.array([[0.0], [1.0]])).tolist()
        [[0.5], [0.5]]
    """
    k = len(known)
    a = rng.integers(k, size=n)
    n_near = min(N_NEAR, k - 1)
    _, near = cKDTree(known).query(known[a], k=list(range(2, n_near + 2)))
    b = near[np.arange(n), rng.integers(n_near, size=n)]
    b = np.where(rng.random(n) < 0.5, b, rng.integers(k, size=n))
    return 0.5 * (known[a] + known[b])
