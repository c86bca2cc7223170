"""Projections of states to the few coordinates in which they are drawn."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fixedpoint_tf._utils.principal_components import fit_components

__all__ = [
    "Projection",
    "as_plane",
    "coordinate_names",
    "own_coordinates",
    "principal_components",
]


@dataclasses.dataclass(frozen=True)
class Projection:
    """An affine map of states to a few coordinates.

    Attributes:
        origin: ``(n_states,)``, the state at the origin of the new coordinates.
        axes: ``(n_components, n_states)``, orthonormal rows.
        explained: ``(n_components,)``, share of the variance along each; NaN where the
            data have none.
    """

    origin: np.ndarray
    axes: np.ndarray
    explained: np.ndarray

    def points(self, states: np.ndarray) -> np.ndarray:
        """Project states ``(..., n_states)`` to coordinates ``(..., n_components)``."""
        return (states - self.origin) @ self.axes.T

    def directions(self, vectors: np.ndarray) -> np.ndarray:
        """Project directions, which have no origin."""
        return vectors @ self.axes.T

    @property
    def names(self) -> list[str]:
        """Names of principal components, with the share of the variance: "PC 1 (83%)"."""
        return [
            f"PC {i + 1}" + ("" if np.isnan(share) else f" ({share:.0%})")
            for i, share in enumerate(self.explained)
        ]


def own_coordinates(n_states: int) -> Projection:
    """Return the projection that leaves states unchanged."""
    return Projection(np.zeros(n_states), np.eye(n_states), np.full(n_states, np.nan))


def coordinate_names(state_names: Any, n_states: int) -> list[str]:
    """Return a name for each coordinate of the flat state, such as "h 1" or "c 1"."""
    blocks = state_names or (("state", n_states),)
    return [
        name if size == 1 else f"{name} {i + 1}" for name, size in blocks for i in range(size)
    ]


def as_plane(coordinates: np.ndarray) -> np.ndarray:
    """Return coordinates ``(..., 1)`` with a second one of 0, and others unchanged."""
    if coordinates.shape[-1] > 1:
        return coordinates
    return np.concatenate([coordinates, np.zeros_like(coordinates)], axis=-1)


def principal_components(states: np.ndarray, n_components: int) -> Projection:
    """Fit the principal components of states.

    Args:
        states: ``(n, n_states)``; rows with NaN or infinity are left out. Where the rows
            span too few dimensions (one point, say) other orthogonal directions follow.
        n_components: at most ``n_states``.

    Returns:
        The projection; each axis points so that its largest entry is positive.

    Example:
        >>> import numpy as np
        >>> line = np.array([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]])
        >>> pca = principal_components(line, 1)
        >>> pca.points(line).round(6).ravel().tolist(), pca.explained.round(6).tolist()
        ([-5.0, 0.0, 5.0], [1.0])
    """
    states = np.asarray(states, dtype=np.float64)
    if not 0 <= n_components <= states.shape[1]:
        raise ValueError(
            f"n_components: expected 0 to n_states={states.shape[1]}, received {n_components}."
        )
    states = states[np.isfinite(states).all(axis=1)]
    fitted = fit_components(states, n_components)
    with np.errstate(invalid="ignore"):
        explained = fitted.squares[:n_components] / fitted.squares.sum()
    return Projection(fitted.mean, fitted.axes[:n_components], explained)
