"""Checks of what a user passes to a search: each error names the argument, what was
expected and what came."""

from __future__ import annotations

from typing import Any, TypeGuard

import numpy as np

__all__ = [
    "as_numbers",
    "check_finite",
    "check_number",
    "check_rows",
    "check_seed",
    "check_trajectories",
    "check_whole",
    "is_number",
]


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


def check_whole(value: Any, argument: str, least: int) -> int:
    """A whole number of at least so much, or an error; True and False are none.

    Example:
        >>> check_whole(np.int64(3), "n_steps", least=1)
        3
        >>> check_whole(2.5, "n_steps", least=1)
        Traceback (most recent call last):
        ...
        ValueError: n_steps must be a whole number of at least 1; got 2.5.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(
            f"{argument} must be a whole number of at least {least}; got {value!r}."
        )
    return int(value)


def check_seed(seed: Any) -> int:
    """A seed as a whole number, or an error.

    Example:
        >>> check_seed("a")
        Traceback (most recent call last):
        ...
        ValueError: seed: expected a whole number of at least 0, received 'a'.
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed: expected a whole number of at least 0, received {seed!r}.")
    return int(seed)


def check_number(
    value: Any, argument: str, low: float = 0.0, high: float = np.inf, *, for_: str = ""
) -> float:
    """A number strictly between two others, by default a positive one, or an error.

    Example:
        >>> check_number(1, "dt")
        1.0
        >>> check_number(2.0, "tol", high=0.5)
        Traceback (most recent call last):
        ...
        ValueError: tol must be a number between 0 and 0.5; got 2.0.
    """
    if is_number(value) and low < value < high:
        return float(value)
    wanted = f"a number between {low:g} and {high:g}"
    if high == np.inf:
        wanted = "a positive number" if low == 0 else f"a number above {low:g}"
    raise ValueError(f"{argument} must be {wanted}{for_}; got {value!r}.")
