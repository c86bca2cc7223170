"""Starts of a deflated search, and the distances up to which known points push them."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["draw_lengths", "draw_starts"]

SHARES = (0.1, 0.5)  # of the spacing of the known points, over which they push
SHARES_OF_ONE = (0.1, 10.0)  # of the spread of the starts, where one point is known


def draw_lengths(
    known: np.ndarray, starts: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Draw the length of deflation for each start, and bound the Newton step.

    Too short a push is no push; too long a one drives states out of where the points are,
    above all where there are many. So several are tried, measured by the spacing of the
    known points; one point alone tells nothing of it.
    """
    if len(known) < 2:
        spacing = float(np.median(np.linalg.norm(starts - starts.mean(axis=0), axis=1))) or 1.0
        shares, longest = SHARES_OF_ONE, SHARES_OF_ONE[1] * spacing
    else:
        distance = cdist(known, known)
        np.fill_diagonal(distance, np.inf)
        spacing = longest = float(np.median(distance.min(axis=1)))
        shares = SHARES
    low, high = np.log(shares)
    return spacing * np.exp(rng.uniform(low, high, len(starts))), longest


def draw_starts(
    system: DynamicalSystem, known: np.ndarray, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw starts around, among and beyond the known points, and anywhere in the bounds."""
    d = system.n_states
    centre = known.mean(axis=0) if len(known) else np.zeros(d)
    away = known - centre
    size = float(np.sqrt((away**2).mean())) if len(known) > 1 else 0.0
    size = size or 1.0 + float(np.abs(centre).max())
    bounded = np.isfinite(system.lower).all() and np.isfinite(system.upper).all()
    kinds = rng.integers(3 if bounded else 2, size=n)
    near = known[rng.integers(len(known), size=n)] if len(known) else np.zeros((n, d))
    x = near + 0.5 * size * rng.normal(size=(n, d))
    # Mixtures of the known points have their covariance; some noise leaves their subspace.
    mixed = rng.normal(size=(n, max(len(known), 1))) / np.sqrt(max(len(known), 1))
    wide = centre + size * 0.3 * rng.normal(size=(n, d))
    wide += 2.0 * (mixed @ away if len(known) > 1 else size * rng.normal(size=(n, d)))
    x = np.where((kinds == 1)[:, None], wide, x)
    if bounded:
        box = rng.uniform(system.lower, system.upper, size=(n, d))
        x = np.where((kinds == 2)[:, None], box, x)
    return np.clip(x, system.lower, system.upper)
