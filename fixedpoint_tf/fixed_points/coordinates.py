"""Points in other coordinates."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.checks import as_numbers
from fixedpoint_tf.fixed_points.arrays import arrays_of

if TYPE_CHECKING:
    from fixedpoint_tf.fixed_points.points import FixedPoints

__all__ = ["transform"]


def transform(points: FixedPoints, U: np.ndarray, offset: float | np.ndarray) -> FixedPoints:
    """Transform points as :meth:`fixedpoint_tf.FixedPoints.transform` says."""
    U = as_numbers(
        U,
        "U",
        n_axes=(2,),
        sizes={0: points.n_states},
        shape=f"(n_states={points.n_states}, n_new)",
        finite=True,
    )
    offset = as_numbers(offset, "offset", finite=True)
    if offset.shape not in ((), (U.shape[1],)):
        raise ValueError(
            f"offset: expected a number or shape (n_new={U.shape[1]},), "
            f"received {offset.shape}."
        )
    back = np.linalg.pinv(U).T
    # In continuous time F is a velocity: a direction, which has no origin either.
    origin_of_F = offset if points.time == "discrete" else 0.0
    changed = {
        "xstar": lambda x: x @ U + offset,
        "x_init": lambda x: x @ U + offset,
        "F_xstar": lambda x: x @ U + origin_of_F,
        "J_xstar": lambda jacobian: U.T @ jacobian @ back,
        "dFdu": lambda jacobian: U.T @ jacobian,
        "eigvec_J_xstar": lambda right: U.T @ right,
        "left_eigvec_J_xstar": lambda left: left @ back,
    }
    arrays = arrays_of(points)
    new = {name: change(arrays[name]) for name, change in changed.items() if name in arrays}
    return dataclasses.replace(points, state_names=None, **new)
