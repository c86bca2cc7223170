"""Checks of arrays: real numbers, their shape and their range."""

from __future__ import annotations

import numbers
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks.words import ArgumentTypeError, listed, shown

__all__ = [
    "as_booleans",
    "as_numbers",
    "check_finite",
    "check_rows",
    "check_trajectories",
    "checked_array",
    "unmasked",
]


_MAY_BE_MASKED = (list, tuple, np.ma.MaskedArray)


def unmasked(value: Any) -> Any:
    """Return NaN in place of masked entries.

    Args:
        value: a masked array, a list with such arrays at any depth, or anything else,
            which comes back as it is.

    Example:
        >>> unmasked(np.ma.masked_array([1, 2], mask=[False, True])).tolist()
        [1.0, nan]
    """
    if isinstance(value, list | tuple):
        items = [unmasked(i) if isinstance(i, _MAY_BE_MASKED) else i for i in value]
        changed = any(new is not old for new, old in zip(items, value, strict=True))
        return items if changed else value
    if not np.ma.isMaskedArray(value):
        return value
    data, mask = np.ma.getdata(value), np.ma.getmaskarray(value)
    if not mask.any() or data.dtype.kind not in "biufcO":
        return data
    data = data.astype(np.float64) if data.dtype.kind in "biu" else data.copy()
    data[mask] = np.nan
    return data


def as_numbers(
    value: Any,
    argument: str,
    *,
    dtype: Any = np.float64,
    n_axes: Collection[int] | None = None,
    sizes: Mapping[int, int] | None = None,
    shape: str = "",
    empty: bool = False,
    finite: bool = False,
    low: float = -np.inf,
    high: float = np.inf,
    whole: bool = False,
) -> np.ndarray:
    """Return an array of numbers, not copied where it is one already.

    Args:
        value: anything that NumPy takes for an array; NaN stands for what is masked.
        argument: its name.
        dtype: of the array; None keeps the type that it has. Complex numbers are right only
            where it is a complex type.
        n_axes: the numbers of axes allowed, and then not empty; None: any shape.
        sizes: sizes of some axes.
        shape: the shape expected, in words.
        empty: no elements are right, too.
        finite: NaN and infinity are wrong.
        low, high: the smallest and the largest number; NaN is none of them.
        whole: fractions are wrong; NaN is not.

    Raises:
        TypeError: these are no real numbers.
        ValueError: another number of axes, another size, no elements, or a number that is
            not as described.

    Example:
        >>> as_numbers([1, 2], "inputs")
        array([1., 2.])
        >>> as_numbers([1, 2], "rates", n_axes=(2,), shape="(n_bins, n_neurons)")
        Traceback (most recent call last):
        ...
        ValueError: rates: expected shape (n_bins, n_neurons), received (2,).
        >>> as_numbers([0.5, 2.0], "fractions", low=0, high=1)
        Traceback (most recent call last):
        ...
        ValueError: fractions: expected numbers in [0, 1], received 2.0.
    """
    of_shape = f" of shape {shape}" if shape else ""
    is_complex = dtype is not None and np.issubdtype(dtype, np.complexfloating)
    try:
        array = np.asarray(unmasked(value))
        received = f"{type(value).__name__} of {array.dtype}"
        if _holds_numbers(array, is_complex):
            kept = np.float64 if array.dtype.kind == "O" else array.dtype  # Python's numbers
            array = array.astype(kept if dtype is None else dtype, copy=False)
            received = ""
    except Exception as error:  # lists of unequal length, or an array of another library
        received = f"{type(value).__name__} ({error})"
    if value is None or isinstance(value, (bool, np.bool_)):
        received = str(value)
    if received:
        raise TypeError(
            f"{argument}: expected an array of {'' if is_complex else 'real '}numbers"
            f"{of_shape}, received {received}."
        )
    other_size = any(
        not -array.ndim <= axis < array.ndim or array.shape[axis] != size
        for axis, size in (sizes or {}).items()
    )
    no_shape = n_axes is not None and array.ndim not in n_axes
    if no_shape or other_size or (n_axes is not None and array.size == 0 and not empty):
        raise ValueError(f"{argument}: expected shape {shape}, received {array.shape}.")
    _check_range(array, argument, finite, low, high, whole)
    return array


def _check_range(
    array: np.ndarray, argument: str, finite: bool, low: float, high: float, whole: bool
) -> None:
    """Refuse an array by the first of its numbers that is not as described."""
    kind = "finite numbers" if finite else "numbers"
    if low > -np.inf and high < np.inf:
        kind += f" in [{low:g}, {high:g}]"
    elif low > -np.inf:
        kind += f" of at least {low:g}"
    elif high < np.inf:
        kind += f" of at most {high:g}"
    kind = f"whole {kind}" if whole else kind
    if kind == "numbers":
        return
    wrong = (array < low) | (array > high)
    if finite:
        wrong |= ~np.isfinite(array)
    if whole:
        wrong |= np.isinf(array) | (np.isfinite(array) & (array != np.floor(array)))
    if wrong.any():
        raise ValueError(f"{argument}: expected {kind}, received {array[wrong].flat[0]}.")


def _holds_numbers(array: np.ndarray, is_complex: bool) -> bool:
    """Test whether an array holds numbers, not text, dates or None, without a conversion."""
    number = numbers.Complex if is_complex else numbers.Real
    if array.dtype.kind == "O":
        return all(
            isinstance(item, number) and not isinstance(item, np.timedelta64)
            for item in array.flat
        )
    # V: bfloat16 and similar types, but no fields by name
    kinds = "biufVc" if is_complex else "biufV"
    return array.dtype.kind in kinds and array.dtype.names is None


def as_booleans(value: Any, argument: str, shape: tuple[int, ...], axes: str) -> np.ndarray:
    """Return an array of True and False of a shape, and refuse numbers and masked arrays.

    Args:
        value: anything that NumPy takes for an array.
        argument: its name.
        shape: the shape expected.
        axes: the names of the axes, such as ``"n_batch, n_time"``.

    Raises:
        ArgumentTypeError: other entries.
        ValueError: another shape.

    Example:
        >>> as_booleans([True, False], "mask", (3,), "n_time")
        Traceback (most recent call last):
        ...
        ValueError: mask: expected booleans of shape (n_time) = (3,), received bool of ...
    """
    expected = f"{argument}: expected booleans of shape ({axes}) = {tuple(shape)}"
    try:
        array = np.asarray(unmasked(value))
    except Exception as error:  # lists of unequal length, or an array of another library
        raise ArgumentTypeError(f"{expected}, received {shown(value)}.") from error
    if array.shape != tuple(shape) or array.dtype != bool:
        kind = ValueError if array.dtype == bool else ArgumentTypeError
        raise kind(f"{expected}, received {array.dtype} of shape {array.shape}.")
    return array


def check_finite(array: np.ndarray, argument: str) -> None:
    """Refuse NaN and infinity, naming the first rows that hold them."""
    bad = ~np.isfinite(array).all(axis=tuple(range(1, array.ndim)))
    if bad.any():
        rows = np.flatnonzero(bad)
        raise ValueError(
            f"{argument}: expected finite numbers, received NaN or infinity in {len(rows)} of "
            f"{len(array)} rows (rows {listed(rows, most=5)})."
        )


def check_rows(array: np.ndarray, argument: str, width: int, width_name: str) -> None:
    """Refuse anything but rows of a width, at least one, all finite."""
    if array.ndim != 2 or array.shape[1] != width:
        raise ValueError(
            f"{argument}: expected shape (n, {width_name}) = (n, {width}), received shape "
            f"{array.shape}."
        )
    if not len(array):
        raise ValueError(
            f"{argument}: expected at least one row, received shape {array.shape}."
        )
    check_finite(array, argument)


def check_trajectories(array: np.ndarray, argument: str, width: int, width_name: str) -> None:
    """Refuse anything but (batch, time, width), with something in it."""
    if array.ndim != 3 or array.shape[2] != width:
        raise ValueError(
            f"{argument}: expected shape (n_batch, n_time, {width_name}) = "
            f"(n_batch, n_time, {width}), received shape {array.shape}."
        )
    if not array.shape[0] or not array.shape[1]:
        raise ValueError(
            f"{argument}: expected at least one trial and one time, received shape "
            f"{array.shape}."
        )


def checked_array(
    name: str, value: Any, axes: tuple[str, ...], dtype: Any, sizes: dict[str, int]
) -> np.ndarray:
    """Return an array of a type, with axes whose sizes agree with known ones.

    Args:
        name: name of the argument, for the message.
        value: anything that ``np.asarray`` takes.
        axes: the names of the axes, such as ``("n", "n_states")``.
        dtype: the type wanted; only conversions within a kind are made, so that neither
            fractions nor imaginary parts are lost without a word.
        sizes: known sizes of named axes; those seen for the first time are added.

    Returns:
        The array, not copied where it has the type already.

    Raises:
        ValueError: another shape.
        TypeError: a type that does not convert.

    Example:
        >>> sizes = {"n": 2}
        >>> checked_array("q", [1, 2], ("n",), float, sizes).tolist()
        [1.0, 2.0]
        >>> checked_array("q", [1, 2, 3], ("n",), float, sizes)
        Traceback (most recent call last):
        ...
        ValueError: q: expected shape (n=2), received (3,).
    """
    try:
        array = np.asarray(unmasked(value))
    except Exception as error:  # lists of unequal length, or an array of another library
        raise ArgumentTypeError(
            f"{name}: expected numbers of {dtype}, received {shown(value)}."
        ) from error
    if array.size == 0 and array.dtype == np.float64:
        array = array.astype(dtype)  # An empty list has no type of its own.
    if not np.can_cast(array.dtype, dtype, casting="same_kind"):
        raise TypeError(f"{name}: expected numbers of {dtype}, received {array.dtype}.")
    if np.dtype(dtype).kind == "i" and array.size:
        least, most = int(array.min()), int(array.max())
        if least < np.iinfo(dtype).min or most > np.iinfo(dtype).max:
            wrong = least if least < np.iinfo(dtype).min else most
            raise ValueError(f"{name}: expected numbers of {dtype}, received {wrong}.")
    if array.ndim == len(axes):
        # The first occurrence of a new name sets its size, the second must repeat it.
        learnt = dict(zip(reversed(axes), reversed(array.shape), strict=True)) | sizes
        if all(learnt[axis] == size for axis, size in zip(axes, array.shape, strict=True)):
            sizes.update(learnt)
            return array.astype(dtype, copy=False)
    wanted = (f"{axis}={sizes[axis]}" if axis in sizes else axis for axis in axes)
    raise ValueError(f"{name}: expected shape ({', '.join(wanted)}), received {array.shape}.")
