"""Checks of arrays that the analyses share; each error names the argument."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["as_numbers", "pair", "positive"]


def as_numbers(name: str, value: Any, *, n_axes: tuple[int, ...], shape: str) -> np.ndarray:
    """The value as an array of numbers, not copied where it is one already.

    Args:
        name: of the argument, for errors.
        value: anything that NumPy takes for an array.
        n_axes: the numbers of axes allowed.
        shape: the shape expected, in words.

    Raises:
        TypeError: these are no real numbers.
        ValueError: another number of axes, or no elements.

    Example:
        >>> as_numbers("rates", [[1, 2]], n_axes=(2,), shape="(n_bins, n_neurons)").shape
        (1, 2)
    """
    array = np.asarray(value)
    if array.dtype.kind not in "buif":
        raise TypeError(
            f"{name}: expected real numbers of shape {shape}, received an array of type "
            f"{array.dtype}."
        )
    if array.ndim not in n_axes or array.size == 0:
        raise ValueError(f"{name}: expected shape {shape}, received {array.shape}.")
    return array


def pair(
    first_name: str, first: Any, second_name: str, second: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of one shape ``(..., n)`` as float64, the second finite where the first is.

    Where the first is NaN, nothing was observed, and the second may be anything.

    Raises:
        TypeError: these are no real numbers.
        ValueError: the shapes differ; the first holds infinity; the second lacks a finite
            number where the first has one.
    """
    shape = "(n_samples, n) or (n_trials, n_bins, n)"
    a = np.asarray(as_numbers(first_name, first, n_axes=(2, 3), shape=shape), np.float64)
    b = np.asarray(as_numbers(second_name, second, n_axes=(2, 3), shape=shape), np.float64)
    if a.shape != b.shape:
        raise ValueError(
            f"{second_name}: expected shape {a.shape}, as {first_name}'s, received {b.shape}."
        )
    if np.isinf(a).any():
        raise ValueError(f"{first_name}: expected finite numbers or NaN, received infinity.")
    missing = ~np.isfinite(b) & ~np.isnan(a)
    if missing.any():
        raise ValueError(
            f"{second_name}: expected a finite number wherever {first_name} is observed, "
            f"received NaN or infinity in {missing.sum():,} of {a.size:,} samples."
        )
    return a, b


def positive(name: str, value: Any) -> float:
    """The value as a float above 0.

    Raises:
        ValueError: it is not finite, or not above 0.

    Example:
        >>> positive("bin_width", 0.01)
        0.01
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not (np.isfinite(number) and number > 0):
        raise ValueError(f"{name}: expected a number above 0, received {value!r}.")
    return number
