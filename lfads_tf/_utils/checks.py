"""Checks of sessions and their spikes (shared ones: :mod:`fixedpoint_tf._utils.checks`)."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping, Set
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import (
    ArgumentTypeError,
    as_numbers,
    check_number,
    is_number,
    listed,
    shown,
    unmasked,
)

__all__ = [
    "check_infinity",
    "check_kernel",
    "check_pair",
    "check_share",
    "refuse_flags",
    "in_session",
    "numbers_or_nan",
    "pair",
    "seconds_per_bin",
    "several",
    "warn_of_silent_neurons",
]

#: The greatest number of data, and of seconds a bin; that of bins a second as well.
_GREATEST = 1e60
_LONGEST = 1e9  # s, thirty years, of a bin; its inverse is the shortest
#: Bins of the widest kernel's standard deviation: 100 s in bins of 1 ms.
_WIDEST = 100_000
#: What a session is called that was given no name.
UNNAMED = "session"


def pair(
    first_name: str, first: Any, second_name: str, second: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Return two arrays of one shape as float64, the second finite where the first is.

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
    a = as_numbers(first, first_name, n_axes=(2, 3), shape=shape)
    b = as_numbers(second, second_name, n_axes=(2, 3), shape=shape)
    if a.shape != b.shape:
        raise ValueError(
            f"{second_name}: expected shape {a.shape}, as {first_name}'s, received {b.shape}."
        )
    _check_size(a, first_name)
    missing = ~np.isfinite(b) & ~np.isnan(a)
    if missing.any():
        raise ValueError(
            f"{second_name}: expected a finite number wherever {first_name} is observed, "
            f"received NaN or infinity in {missing.sum():,} of {a.size:,} samples."
        )
    _check_size(np.where(np.isnan(a), np.nan, b), second_name)
    return a, b


def numbers_or_nan(
    value: Any, argument: str, *, n_axes: tuple[int, ...] | None = None, shape: str = ""
) -> np.ndarray:
    """Return an array of numbers in its own type, with NaN and without infinity.

    Args:
        value: the argument as passed.
        argument: its name.
        n_axes: the numbers of axes allowed, and then not empty; None: any shape.
        shape: the shape expected, in words.

    Raises:
        TypeError: these are no real numbers.
        ValueError: another number of axes, no elements, or infinity.

    Example:
        >>> numbers_or_nan([1.0, np.nan], "psth").tolist()
        [1.0, nan]
    """
    array = as_numbers(value, argument, n_axes=n_axes, shape=shape, dtype=None)
    if array.dtype == object:
        array = array.astype(np.float64)
    _check_size(array, argument)
    return array


def _check_size(array: np.ndarray, argument: str) -> None:
    """Refuse infinity, and numbers whose products of four would be infinite."""
    if array.dtype.kind in "biu":
        return
    size = np.abs(array)
    if np.isinf(size).any():
        raise ValueError(f"{argument}: expected finite numbers or NaN, received infinity.")
    largest = float(np.nanmax(size, initial=0.0))  # float32 ends below what is compared
    if largest > _GREATEST:
        raise ValueError(
            f"{argument}: expected numbers up to {_GREATEST:g} in size, received {largest:g}."
        )


def several(values: Any, argument: str) -> list[Any]:
    """Return what stands in a list, an array or a range of one axis, at least one.

    Args:
        values: the argument as passed.
        argument: its name.

    Raises:
        TypeError: no list.
        ValueError: an empty one.

    Example:
        >>> several(range(3), "lags")
        [0, 1, 2]
        >>> several(3, "lags")
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.words.ArgumentTypeError: lags: expected a list, ...
    """
    is_list = not isinstance(values, str | bytes | Mapping | Set)
    try:
        array = np.asarray(unmasked(values)) if hasattr(values, "__array__") else values
        items = list(array) if is_list else []
    except TypeError:
        is_list = False
    if not is_list:
        raise ArgumentTypeError(f"{argument}: expected a list, received {shown(values)}.")
    if not items:
        raise ValueError(f"{argument}: expected at least one, received none.")
    return items


def check_share(value: Any, argument: str, *, closed: bool = False) -> float:
    """Return a share, above 0 and below 1, or from 0 to 1.

    Args:
        value: the argument as passed.
        argument: its name.
        closed: 0 and 1 are right as well.

    Raises:
        TypeError: no real number.
        ValueError: out of range.

    Example:
        >>> check_share(95, "level")
        Traceback (most recent call last):
        ...
        ValueError: level: expected above 0 and below 1, received 95.
    """
    if is_number(value) and (0 <= value <= 1 if closed else 0 < value < 1):
        return float(value)
    wanted = "0 to 1" if closed else "above 0 and below 1"
    error = ValueError if is_number(value) else ArgumentTypeError
    raise error(f"{argument}: expected {wanted}, received {shown(value)}.")


def check_pair(value: Any, argument: str, what: str) -> tuple[Any, Any]:
    """Return the two things of a pair.

    Args:
        value: the argument as passed: a tuple or a list.
        argument: its name.
        what: the two are, in words.

    Raises:
        TypeError: no pair.

    Example:
        >>> check_pair((1, 2), "test", "features and targets")
        (1, 2)
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        received = f"{len(value)}" if isinstance(value, tuple | list) else type(value).__name__
        raise ArgumentTypeError(f"{argument}: expected a pair of {what}, received {received}.")
    return value[0], value[1]


@contextlib.contextmanager
def in_session(name: str) -> Iterator[None]:
    """Add the name of the session to errors about its data.

    Args:
        name: name of the session; nothing is said of one that was given no name.

    Example:
        >>> with in_session("monday"):
        ...     check_number(0.0, "bin_width")
        Traceback (most recent call last):
        ...
        ValueError: session 'monday': bin_width: expected a positive number, received 0.0.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if name == UNNAMED:
            raise
        # An error of decoding is made of more than words.
        kind = ValueError if isinstance(error, UnicodeError) else type(error)
        raise kind(f"session {name!r}: {error}") from error


def refuse_flags(value: Any, argument: str, expected: str) -> None:
    """Refuse True and False where numbers are meant.

    Args:
        value: the argument as passed, an array or a list.
        argument: its name.
        expected: in words.

    Raises:
        TypeError: flags.

    Example:
        >>> refuse_flags([1, 2], "lengths", "numbers of bins")
    """
    kind = str(getattr(value, "dtype", ""))
    items = np.ravel(value) if kind == "object" else value
    is_list = kind == "object" or isinstance(value, list | tuple)
    if kind in ("bool", "boolean") or (
        is_list and any(isinstance(item, bool | np.bool_) for item in items)
    ):
        raise ArgumentTypeError(f"{argument}: expected {expected}, received flags.")


def check_infinity(array: np.ndarray, argument: str) -> None:
    """Refuse infinity, and name the first place that holds it.

    Args:
        array: of any shape.
        argument: its name.

    Raises:
        ValueError: infinity.

    Example:
        >>> check_infinity(np.array([0.0, np.nan]), "spikes")
    """
    infinite = np.isinf(array)
    if infinite.any():
        place = ", ".join(str(i[0]) for i in np.nonzero(infinite))
        raise ValueError(
            f"{argument}: expected finite numbers or NaN, received infinity in "
            f"{infinite.sum()} "
            f"places, the first of them ({place})."
        )


def seconds_per_bin(value: Any, stacklevel: int = 3) -> float:
    """Return a width of bins in seconds, with a warning if it seems to be in milliseconds.

    Args:
        value: the argument as passed.
        stacklevel: level of the warning in the stack, as seen from here.

    Raises:
        TypeError: no real number.
        ValueError: not finite, or not above 0.

    Example:
        >>> seconds_per_bin(0.02)
        0.02
    """
    width = check_number(value, "bin_width")
    if not 1 / _LONGEST <= width <= _LONGEST:
        raise ValueError(
            f"bin_width: expected seconds, from {1 / _LONGEST:g} to {_LONGEST:g}, received "
            f"{width:g}."
        )
    if width >= 1:
        warnings.warn(
            f"bin_width: {width:g} is taken in seconds; for bins of {width:g} ms pass "
            f"{width / 1e3:g}.",
            stacklevel=stacklevel,
        )
    return width


def check_kernel(name: str, sd: float, width: float) -> None:
    """Refuse a kernel of so many bins that it fills the memory.

    Args:
        name: name of the argument.
        sd: its standard deviation in seconds.
        width: width of a bin in seconds.

    Example:
        >>> check_kernel("sd", 0.05, 0.02)
    """
    if sd > _WIDEST * width:
        raise ValueError(
            f"{name}: expected at most {_WIDEST:,} bins of {width:g} s, received {sd:g} s. For "
            f"{sd:g} ms pass {sd / 1e3:g}."
        )


def warn_of_silent_neurons(spikes: np.ndarray, stacklevel: int) -> None:
    """Warn of neurons without a spike, and name them.

    Args:
        spikes: ``(n_trials, n_bins, n_neurons)``, NaN where not observed.
        stacklevel: level of the warning in the stack, as seen by the caller.

    Example:
        >>> warn_of_silent_neurons(np.ones((2, 5, 3)), stacklevel=1)
    """
    silent = np.flatnonzero(
        ~((spikes != 0) & ~np.isnan(spikes)).any(axis=(0, 1)) & (spikes == 0).any(axis=(0, 1))
    )
    if len(silent):
        warnings.warn(
            f"spikes: {len(silent)} of {spikes.shape[2]} neurons are silent in all trials "
            f"({listed(silent)}). They carry no information and are better left out.",
            stacklevel=stacklevel + 1,
        )
