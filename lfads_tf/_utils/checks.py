"""Checks of what a user passes: each error names the argument, what was expected and what
came."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = [
    "as_conditions",
    "as_float32",
    "as_numbers",
    "check_eager",
    "in_session",
    "listed",
    "pair",
    "positive",
    "check_infinity",
    "seconds_per_bin",
    "warn_of_silent_neurons",
    "whole",
]

#: What a session is called that was given no name.
UNNAMED = "session"


def check_eager() -> None:
    """Refuse to work where eager execution is switched off, or inside a tf.function."""
    import tensorflow as tf

    if not tf.executing_eagerly():
        raise ValueError(
            "TensorFlow: expected eager execution, received a graph. Remove "
            "tf.compat.v1.disable_eager_execution() (or disable_v2_behavior), and make "
            "models outside of tf.function."
        )


def as_numbers(
    name: str, value: Any, *, n_axes: tuple[int, ...] | None = None, shape: str = ""
) -> np.ndarray:
    """The value as an array of real numbers, not copied where it is one already.

    Args:
        name: of the argument, for errors.
        value: anything that NumPy takes for an array.
        n_axes: the numbers of axes allowed, and then not empty; none: any shape.
        shape: the shape expected, in words.

    Raises:
        TypeError: these are no real numbers.
        ValueError: another number of axes, or no elements.

    Example:
        >>> as_numbers("rates", [[1, 2]], n_axes=(2,), shape="(n_bins, n_neurons)").shape
        (1, 2)
    """
    of_shape = f" of shape {shape}" if shape else ""
    try:
        array = np.asarray(value)
        kind = f"an array of {array.dtype}"
    except (TypeError, ValueError) as error:  # Lists of unequal length.
        kind = f"{type(value).__name__} ({error})"
    else:
        if array.dtype.kind in "biuf":
            if n_axes is not None and (array.ndim not in n_axes or array.size == 0):
                raise ValueError(f"{name}: expected shape {shape}, received {array.shape}.")
            return array
    raise TypeError(f"{name}: expected an array of real numbers{of_shape}, received {kind}.")


def as_float32(name: str, value: Any) -> np.ndarray:
    """The same of any shape, as float32.

    Raises:
        TypeError: these are no real numbers.

    Example:
        >>> as_float32("spikes", [1, 2])
        array([1., 2.], dtype=float32)
    """
    return as_numbers(name, value).astype(np.float32, copy=False)


def pair(
    first_name: str, first: Any, second_name: str, second: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays of one shape ``(..., n)`` as float64, the second finite where the first is.

    Where the first is NaN, nothing was observed, and the second may be anything.

    Raises:
        TypeError: these are no real numbers.
        ValueError: the shapes differ; the first holds infinity; the second lacks a finite
            number where the first has one.

    Example:
        >>> true, estimated = pair("true", [[1, 2]], "estimated", [[1.5, 2.5]])
        >>> estimated.dtype
        dtype('float64')
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


def as_conditions(value: Any, n_trials: int) -> np.ndarray:
    """One label for each trial: numbers or strings.

    Raises:
        TypeError: neither numbers nor strings.
        ValueError: not one for each trial.

    Example:
        >>> as_conditions([b"left", b"right"], 2).tolist()
        ['left', 'right']
    """
    array = np.asarray(value)
    if array.shape != (n_trials,):
        raise ValueError(
            f"conditions: expected one for each of {n_trials} trials, received shape "
            f"{array.shape}."
        )
    if array.dtype.kind in "SO" and all(isinstance(item, str | bytes) for item in array):
        return np.array([i.decode() if isinstance(i, bytes) else i for i in array], dtype=str)
    if array.dtype.kind in "biufU":
        return array
    raise TypeError(
        f"conditions: expected numbers or strings, received an array of {array.dtype}."
    )


@contextlib.contextmanager
def in_session(name: str) -> Iterator[None]:
    """Says in errors about a session's data which session it is.

    Args:
        name: of the session; nothing is said of one that was given no name.

    Example:
        >>> with in_session("monday"):
        ...     positive("bin_width", 0.0)
        Traceback (most recent call last):
        ...
        ValueError: session 'monday': bin_width: expected a finite number above 0, received 0.0.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if name == UNNAMED:
            raise
        raise type(error)(f"session {name!r}: {error}") from error


def check_infinity(name: str, array: np.ndarray) -> None:
    """Refuse infinity, and name the first place that holds it.

    Args:
        name: of the argument, for errors.
        array: of any shape.

    Raises:
        ValueError: infinity.

    Example:
        >>> check_infinity("spikes", np.array([0.0, np.nan]))
    """
    infinite = np.isinf(array)
    if infinite.any():
        place = ", ".join(str(i[0]) for i in np.nonzero(infinite))
        raise ValueError(
            f"{name}: expected finite numbers or NaN, received infinity in {infinite.sum()} "
            f"places, the first of them ({place})."
        )


def positive(name: str, value: Any) -> float:
    """A finite number above 0.

    Raises:
        TypeError: no real number.
        ValueError: not finite, or not above 0.

    Example:
        >>> positive("mean_rate", 1)
        1.0
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name}: expected a number, received {value!r}.")
    if not (math.isfinite(value) and value > 0):
        raise ValueError(f"{name}: expected a finite number above 0, received {value!r}.")
    return float(value)


def seconds_per_bin(value: Any) -> float:
    """A width of bins in seconds, with a warning if it seems to be in milliseconds.

    Raises:
        TypeError: no real number.
        ValueError: not finite, or not above 0.

    Example:
        >>> seconds_per_bin(0.02)
        0.02
    """
    width = positive("bin_width", value)
    if width >= 1:
        warnings.warn(
            f"bin_width: {width:g} is taken in seconds; for bins of {width:g} ms pass "
            f"{width / 1e3:g}.",
            stacklevel=4,
        )
    return width


def warn_of_silent_neurons(spikes: np.ndarray, stacklevel: int) -> None:
    """Warns of neurons without a spike, and names them.

    Args:
        spikes: ``(n_trials, n_bins, n_neurons)``, NaN where not observed.
        stacklevel: of the warning, as seen by the caller.

    Example:
        >>> warn_of_silent_neurons(np.ones((2, 5, 3)), stacklevel=1)
    """
    silent = np.flatnonzero(
        ~((spikes != 0) & ~np.isnan(spikes)).any(axis=(0, 1)) & (spikes == 0).any(axis=(0, 1))
    )
    if len(silent):
        warnings.warn(
            f"spikes: {len(silent)} of {spikes.shape[2]} neurons are silent in all trials "
            f"({listed(silent)}). They tell a model nothing and are better left out.",
            stacklevel=stacklevel + 1,
        )


def whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """A whole number within its range.

    Raises:
        TypeError: no integer.
        ValueError: out of range.

    Example:
        >>> whole("n_trials", 3)
        3
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{name}: expected an integer, received {value!r}.")
    if value < least or (most is not None and value > most):
        upper = "or more" if most is None else f"to {most}"
        raise ValueError(f"{name}: expected {least} {upper}, received {value}.")
    return int(value)


def listed(values: Any) -> str:
    """The first ten of some values.

    Example:
        >>> listed([1, 5])
        '1, 5'
    """
    values = list(values)
    return ", ".join(map(str, values[:10])) + (", ..." if len(values) > 10 else "")
