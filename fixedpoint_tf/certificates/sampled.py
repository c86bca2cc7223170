"""How fast a Jacobian changes within a ball, measured where no closed form bounds it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["turning"]

_SHARES = (1.0, 0.5)  # of the radius at which the Jacobian is compared
_ITERATIONS = 3
_POWER_ITERATIONS = 8


def turning(
    jacobian: Callable[[np.ndarray, np.ndarray], np.ndarray],
    inverses: np.ndarray,
    x: np.ndarray,
    u: np.ndarray,
    at_centre: np.ndarray,
    radius: np.ndarray,
    rng: np.random.Generator,
    n_directions: int,
) -> np.ndarray:
    """Largest ``|A (J(x + d) - J(x))| / |d|`` met, over directions that are sought out.

    From random directions, each next one is the direction in which the last change of the
    Jacobian acts most strongly: since the second derivative is symmetric, this climbs
    towards the direction in which it is largest (the power method for symmetric tensors; De
    Lathauwer, De Moor & Vandewalle 2000, SIAM J. Matrix Anal. 21:1324).

    Args:
        jacobian: of rows of states and inputs.
        inverses: ``A``, ``(n, d, d)``.
        x: centres, ``(n, d)``.
        u: inputs, ``(n, n_inputs)``.
        at_centre: Jacobians at the centres, ``(n, d, d)``.
        radius: of the balls, ``(n,)``.
        rng: source of the directions.
        n_directions: how many a point.

    Returns:
        ``(n,)``: no bound, since what lies between the samples is not seen.
    """
    n, d = x.shape
    directions = rng.normal(size=(n, n_directions, d))
    largest = np.zeros(n)
    for _ in range(_ITERATIONS):
        directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        for share in _SHARES:
            step = share * radius[:, None, None] * directions
            places = (x[:, None] + step).reshape(-1, d)
            rows = np.repeat(np.arange(n), n_directions)
            change = jacobian(places, u[rows]) - at_centre[rows]
            change = inverses[rows] @ change
            # The step as it is in floating-point numbers, which may be the smaller.
            length = np.linalg.norm(places - x[rows], axis=1)
            size, strongest = _strongest(change, rng)
            with np.errstate(all="ignore"):
                ratio = np.where(length > 0.0, size / length, np.inf)
            largest = np.maximum(largest, ratio.reshape(n, -1).max(axis=1))
            if share == _SHARES[0]:
                towards = strongest.reshape(n, n_directions, d)
        directions = towards
    return np.where(np.isnan(largest), np.inf, largest)


def _strongest(matrices: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The largest singular values and their right vectors, by a few power iterations."""
    n, _, d = matrices.shape
    finite = np.isfinite(matrices).all(axis=(1, 2))
    matrices = np.where(finite[:, None, None], matrices, 0.0)
    vectors = rng.normal(size=(n, d, 1))
    size = np.zeros((n, 1, 1))
    for _ in range(_POWER_ITERATIONS):
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        images = matrices @ vectors
        size = np.linalg.norm(images, axis=1, keepdims=True)
        found = np.swapaxes(matrices, 1, 2) @ images
        vectors = np.where(size > 0.0, found, vectors)
    return np.where(finite, size[:, 0, 0], np.inf), vectors[:, :, 0]
