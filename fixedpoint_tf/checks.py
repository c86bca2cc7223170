"""Checks of what a user passes to a search: each error names the argument, what was
expected and what came."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np

__all__ = ["as_numbers", "check_finite", "check_rows", "check_trajectories", "is_number"]


def check_finite(array: np.ndarray, argument: str) -> None:
    """Refuse NaN and infinity, naming the first rows that hold them."""
    bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
    if bad.any():
        rows = np.flatnonzero(bad)
        shown = ", ".join(map(str, rows[:5])) + (", ..." if len(rows) > 5 else "")
        raise ValueError(
            f"{argument} must be finite; got NaN or infinity in {len(rows)} of {len(array)} "
            f"rows (rows {shown})."
        )


def check_rows(array: np.ndarray, argument: str, width: int, width_name: str) -> None:
    """Refuse anything but rows of a width, at least one, all finite."""
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(
            f"{argument} must have shape (n, {width_name}) = (n, {width}); "
            f"got shape {array.shape}."
        )
    if not len(array):
        raise ValueError(f"{argument} must have at least one row; got shape {array.shape}.")
    check_finite(array, argument)


def as_numbers(value: Any, argument: str) -> np.ndarray:
    """An array of float64, or an error that names the argument.

    Example:
        >>> as_numbers([1, 2], "inputs")
        array([1., 2.])
    """
    expected = f"{argument} must be an array of real numbers"
    if value is None:
        raise TypeError(f"{expected}; got None.")
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "cSU":  # NumPy would drop imaginary parts, parse text
            return array.astype(np.float64, copy=False)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise TypeError(f"{expected}; got {type(value).__name__} ({error}).") from error
    raise TypeError(f"{expected}; got {type(value).__name__} of {array.dtype}.")


def check_trajectories(array: np.ndarray, argument: str, width: int, width_name: str) -> None:
    """Refuse anything but (batch, time, width), with something in it."""
    if array.ndim != 3 or array.shape[2] != width:
        raise ValueError(
            f"{argument} must have shape (n_batch, n_time, {width_name}) = "
            f"(n_batch, n_time, {width}); got shape {array.shape}."
        )
    if not array.shape[0] or not array.shape[1]:
        raise ValueError(
            f"{argument} must have at least one trial and one time; got shape {array.shape}."
        )


def is_number(value: Any) -> TypeGuard[float]:
    """Whether a value is one real number; True and False are none."""
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
