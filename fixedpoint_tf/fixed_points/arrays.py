"""Fields of a set of points that hold an array with a row per point."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from fixedpoint_tf.fixed_points.points import FixedPoints

__all__ = ["array_field", "array_fields", "arrays_of"]


def array_field(*axes: str, dtype: type, default: Any = None) -> Any:
    """Declare a field with one row per point, whose other axes are ``axes``."""
    return dataclasses.field(
        default=default, metadata={"axes": ("n", *axes), "dtype": np.dtype(dtype)}
    )


def array_fields(points: FixedPoints) -> dict[str, Mapping[str, Any]]:
    """Return axes and type of each array field by name."""
    return {
        field.name: field.metadata for field in dataclasses.fields(points) if field.metadata
    }


def arrays_of(points: FixedPoints) -> dict[str, Any]:
    """Return the present arrays by name."""
    every = {name: getattr(points, name) for name in array_fields(points)}
    return {name: array for name, array in every.items() if array is not None}
