"""Evidence on the end points of a search, as fixed points, slow points or neither.

A small speed ``q`` alone says little: ``q`` falls towards zero along directions in which a
network is merely slow, and of 23 points with q < 1e-12 on one trained network a single one
was a fixed point. The Newton step measures the distance to the true fixed point instead.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fixedpoint_tf.search.evidence.rounding import is_double, state_size

__all__ = ["Evidence", "distance_tolerance", "stationarity_tolerance"]

ZERO = 16.0, 4.0  # residuals in roundings that are zero, where the Jacobian is singular or not


@dataclasses.dataclass
class Evidence:
    """Evaluated at ``n`` points, in the final precision of the system.

    Attributes:
        image: ``F(x)`` (or ``dh/dt``), ``(n, n_states)``.
        q: ``0.5 |r|^2`` with ``r = F(x) - x`` (or ``dh/dt``), ``(n,)``.
        newton_step: ``|A^-1 r|``, the estimated distance to the fixed point, ``(n,)``; of
            a singular ``A``, within the space in which it is regular.
        relative_gradient: ``|P A' r| / |r|`` with ``P`` the projection on the free
            coordinates: zero at a stationary point of ``q`` within the box, ``(n,)``.
        n_at_bound: coordinates at a bound, ``(n,)``.
        singular: whether ``A`` is singular to rounding, so that the point is not isolated,
            ``(n,)``; not known without a matrix.
        radius: distance within which exactly one fixed point must lie, ``(n,)``; infinite
            where that is not certain. It is certain where the next Newton step is far
            shorter, and over twice the distance that rounding leaves open the Jacobian
            changes too little to become singular (Newton-Kantorovich, with the change
            sampled along the most sensitive direction).
        distance: ``newton_step`` in the units of the network, ``(n,)``.
        doubtful: whether a residual that is zero to rounding may as well be that of a ghost,
            because a fold cannot be excluded, ``(n,)``; known where it matters.
        inverse: ``A^-1``, ``(n, n_states, n_states)``; None where no matrix is formed.
    """

    image: np.ndarray
    q: np.ndarray
    newton_step: np.ndarray
    relative_gradient: np.ndarray
    n_at_bound: np.ndarray
    singular: np.ndarray
    radius: np.ndarray
    distance: np.ndarray
    doubtful: np.ndarray
    inverse: np.ndarray | None

    def take(self, rows: np.ndarray) -> Evidence:
        """Return the evidence about some of the points."""
        columns: list[Any] = [None if c is None else c[rows] for c in _columns(self)]
        return Evidence(*columns)

    def put(self, rows: np.ndarray, other: Evidence) -> None:
        """Replace the evidence about some of the points."""
        for column, value in zip(_columns(self), _columns(other), strict=True):
            if column is not None:
                column[rows] = value

    @classmethod
    def join(cls, parts: list[Evidence]) -> Evidence:
        """Return the evidence about the points of all parts, one after the other."""
        pieces = zip(*map(_columns, parts), strict=True)
        columns: list[Any] = [None if p[0] is None else np.concatenate(p) for p in pieces]
        return cls(*columns)

    def is_fixed(self, x: np.ndarray, tol_q: float, eps: float) -> np.ndarray:
        """Test for fixed points, to the precision ``eps`` of the arithmetic.

        The Newton step must be short, and the fixed point that it points at certain: just
        past a bifurcation the speed is as small and the step as short, and nothing there.
        In double precision a residual that is zero to rounding is taken for a fixed point
        too. That is all that can be known on a continuum of fixed points, where the Newton
        step is undefined, and on a kink; but where a fold cannot be excluded, it must be
        zero to the last bit. In single precision rounding hides too much.
        """
        size = state_size(x)
        near = (self.newton_step <= distance_tolerance(eps) * size) & np.isfinite(self.radius)
        rounding = np.where(self.singular, *ZERO) * eps * size
        zero = np.sqrt(2.0 * self.q) <= np.where(self.doubtful, 0.0, rounding)
        zero &= is_double(eps)
        return (self.q <= tol_q) & (near | zero)

    def is_stationary(self, eps: float) -> np.ndarray:
        """Test which points are stationary points of ``q`` within the box."""
        return self.relative_gradient <= stationarity_tolerance(eps)


def _columns(evidence: Evidence) -> list[Any]:
    return [getattr(evidence, field.name) for field in dataclasses.fields(evidence)]


def distance_tolerance(eps: float) -> float:
    """Return the relative distance at which a point is fixed, by the precision ``eps``."""
    return 1e-7 if is_double(eps) else max(1e-3, 1e4 * eps)


def stationarity_tolerance(eps: float) -> float:
    """Return the relative gradient of a stationary point, by precision."""
    return 1e-5 if is_double(eps) else max(5e-3, 5e4 * eps)
