"""Evidence for a set of points that follows from other evidence, as a file must have it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.ranges import Agreement

if TYPE_CHECKING:
    from fixedpoint_tf.fixed_points.points import FixedPoints

__all__ = ["agreements"]

_SPARE = 1e-5  # of growth: far more than rounding, and than what is called marginal
_SHARE = 1e-3  # by which a speed or a sum may be off
_ROUNDING = 1e-5  # of the states, in single precision


def agreements(points: FixedPoints) -> Iterator[Agreement]:
    """Yield what follows from other arrays: stability, speed and eigenvalues.

    Example:
        >>> from fixedpoint_tf import FixedPoints
        >>> points = FixedPoints(xstar=[[0.0]], eigval_J_xstar=[[0.5]], is_stable=[False])
        >>> [(name, agrees.tolist()) for name, agrees, _ in agreements(points)]
        [('is_stable', [False])]
    """
    values = points.eigval_J_xstar
    if values is not None and points.is_stable is not None:
        yield "is_stable", _stability_agrees(points, values), "what the eigenvalues say"
    if points.state_names is None:  # as of points in other coordinates
        return
    if points.F_xstar is not None and points.qstar is not None:
        discrete = points.time == "discrete"
        step = points.F_xstar - points.xstar if discrete else points.F_xstar
        size = _ROUNDING * (1.0 + np.linalg.norm(points.xstar, axis=1))
        told, length = np.sqrt(2.0 * points.qstar), np.linalg.norm(step, axis=1)
        agrees = np.abs(told - length) <= _SHARE * length + size
        yield "qstar", agrees | ~np.isfinite(told - length), "the speed of F_xstar"
    jacobians = points.J_xstar
    if values is not None and jacobians is not None and values.shape[1] == points.n_states:
        gap = np.abs(values.sum(axis=1) - np.trace(jacobians, axis1=1, axis2=2))
        size = 1.0 + np.linalg.norm(jacobians, axis=(1, 2))
        agrees = (gap <= _SHARE * size) | ~np.isfinite(gap)
        yield (
            "eigval_J_xstar",
            agrees[:, None] | np.zeros(values.shape, bool),
            "those of J_xstar",
        )


def _stability_agrees(points: FixedPoints, values: np.ndarray) -> np.ndarray:
    """``(n,)`` bool, False where stability is clearly another than the growth of modes."""
    growth = linearization.growth(values, points.time)
    edge = 1.0 if points.time == "discrete" else 0.0
    most = growth.max(axis=1, initial=-np.inf) - edge
    if points.growth_at_kink is not None:
        at_kink = points.growth_at_kink - edge
        most = np.where(np.isnan(at_kink), most, at_kink)
    decays = (most < -_SPARE) & (values.shape[1] == points.n_states)
    stable = np.asarray(points.is_stable)
    return (stable & ~(most > _SPARE)) | (~stable & ~decays)
