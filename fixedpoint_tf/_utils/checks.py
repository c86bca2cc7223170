"""Checks of what a user passes, for both packages: each error names the argument, what was
expected and what was received."""

from __future__ import annotations

import numbers
from collections.abc import Collection, Iterable
from typing import Any, TypeGuard

import numpy as np

__all__ = [
    "ArgumentTypeError",
    "as_numbers",
    "check_choice",
    "check_eager",
    "check_finite",
    "check_generator",
    "check_number",
    "check_rows",
    "check_seed",
    "check_sizes",
    "check_switch",
    "check_time_step",
    "check_trajectories",
    "check_whole",
    "checked_array",
    "is_number",
    "is_whole",
    "listed",
    "unmasked",
]


class ArgumentTypeError(TypeError, ValueError):
    """Say that a value is of another type than a check expected.

    It is a ``ValueError`` as well, as ``numpy.exceptions.AxisError`` is an ``IndexError`` as
    well: True, 2.5 or a word in place of a whole number are also just wrong values.
    """


# Numbers.


def is_number(value: Any) -> TypeGuard[float]:
    """Tell one real number from anything else; True, False and spans of time are none."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, (bool, np.timedelta64)
    )


def is_whole(value: Any) -> TypeGuard[int]:
    """Tell an integer from anything else; True, False and spans of time are none."""
    return isinstance(value, (int, np.integer)) and not isinstance(
        value, (bool, np.timedelta64)
    )


def check_number(
    value: Any,
    argument: str,
    low: float = 0.0,
    high: float = np.inf,
    *,
    closed: str = "",
    for_: str = "",
) -> float:
    """Return a number between two others, by default a finite positive one.

    Args:
        value: what was passed.
        argument: its name.
        low: the lower end.
        high: the upper end.
        closed: the ends that belong to it: ``""``, ``"low"``, ``"high"`` or ``"both"``;
            infinity, too, where it is such an end.
        for_: what it is for, such as ``" for a continuous system"``.

    Raises:
        ArgumentTypeError: no real number.
        ValueError: not finite, or out of range.

    Example:
        >>> check_number(1, "dt")
        1.0
        >>> check_number(2.0, "tol", high=0.5)
        Traceback (most recent call last):
        ...
        ValueError: tol: expected a number between 0 and 0.5, received 2.0.
    """
    if is_number(value):
        above = low <= value if closed in ("low", "both") else low < value
        below = value <= high if closed in ("high", "both") else value < high
        if above and below:
            return float(value)
    if high < np.inf and not closed:
        wanted = f"a number between {low:g} and {high:g}"
    elif high < np.inf:
        left, right = "(["[closed in ("low", "both")], ")]"[closed in ("high", "both")]
        wanted = f"a number in {left}{low:g}, {high:g}{right}"
    elif closed in ("low", "both"):
        wanted = f"a number of at least {low:g}"
    else:
        wanted = "a positive number" if low == 0 else f"a number above {low:g}"
    if is_number(value) and np.isinf(value) and high == np.inf and closed in ("", "low"):
        wanted = f"a finite {wanted.removeprefix('a ')}"
    error = ValueError if is_number(value) else ArgumentTypeError
    raise error(f"{argument}: expected {wanted}{for_}, received {value!r}.")


def check_whole(
    value: Any, argument: str, least: int = 1, most: int | None = None, *, for_: str = ""
) -> int:
    """Return a whole number within its range; True and False are none.

    Raises:
        ArgumentTypeError: no integer.
        ValueError: out of range.

    Example:
        >>> check_whole(np.int64(3), "n_steps", least=1)
        3
        >>> check_whole(0, "n_steps")
        Traceback (most recent call last):
        ...
        ValueError: n_steps: expected a whole number of at least 1, received 0.
    """
    if is_whole(value) and value >= least and (most is None or value <= most):
        return int(value)
    wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
    error = ValueError if is_whole(value) else ArgumentTypeError
    raise error(f"{argument}: expected a whole number {wanted}{for_}, received {value!r}.")


def check_switch(value: Any, argument: str) -> bool:
    """Return True or False; numbers are neither.

    Example:
        >>> check_switch(1, "verbose")
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.ArgumentTypeError: verbose: expected True or False, ...
    """
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    raise ArgumentTypeError(f"{argument}: expected True or False, received {value!r}.")


def check_sizes(**sizes: Any) -> None:
    """Refuse each size that is no whole number of at least one, by its name."""
    for argument, size in sizes.items():
        check_whole(size, argument)


def check_seed(seed: Any) -> int:
    """Return a seed as a whole number of at least 0.

    Example:
        >>> check_seed(-1)
        Traceback (most recent call last):
        ...
        ValueError: seed: expected a whole number of at least 0, received -1.
    """
    return check_whole(seed, "seed", least=0)


def check_time_step(dt: Any, time: str) -> None:
    """Refuse a step for a system in discrete time, and none for one in continuous time.

    Example:
        >>> check_time_step(0.1, "discrete")
        Traceback (most recent call last):
        ...
        ValueError: dt: expected None for a discrete system, received 0.1.
    """
    if time == "continuous":
        check_number(dt, "dt", for_=" for a continuous system")
    elif dt is not None:
        raise ValueError(f"dt: expected None for a discrete system, received {dt!r}.")


# Choices and surroundings.


def check_choice(value: Any, argument: str, choices: Collection[str]) -> str:
    """Return one of some names.

    Example:
        >>> check_choice("gru", "cell", ["gru", "lstm"])
        'gru'
        >>> check_choice("rnn", "cell", ["gru", "lstm"])
        Traceback (most recent call last):
        ...
        ValueError: cell: expected one of ['gru', 'lstm'], received 'rnn'.
    """
    if isinstance(value, str) and value in choices:
        return value
    raise ValueError(f"{argument}: expected one of {list(choices)}, received {value!r}.")


def check_generator(rng: Any) -> None:
    """Refuse anything but a ``numpy.random.Generator``: a seed alone would be drawn twice."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(
            "rng: expected a numpy.random.Generator, such as numpy.random.default_rng(0), "
            f"received {type(rng).__name__}."
        )


def check_eager(what: str) -> None:
    """Refuse to make something where eager execution is off, or inside a tf.function."""
    import tensorflow as tf

    if not tf.executing_eagerly():
        raise ValueError(
            "TensorFlow: expected eager execution, received a graph. Remove "
            "tf.compat.v1.disable_eager_execution() (or disable_v2_behavior), and make "
            f"{what} outside of tf.function."
        )


# Arrays.


def unmasked(value: Any) -> Any:
    """Return NaN in place of what is masked: a mask says that nothing is known there.

    Args:
        value: a masked array, a list with such arrays, or anything else, which comes back as
            it is.

    Example:
        >>> unmasked(np.ma.masked_array([1, 2], mask=[False, True])).tolist()
        [1.0, nan]
    """
    if isinstance(value, list | tuple) and any(map(np.ma.isMaskedArray, value)):
        return [unmasked(item) for item in value]
    if not np.ma.isMaskedArray(value):
        return value
    data, mask = np.ma.getdata(value), np.ma.getmaskarray(value)
    if not mask.any() or data.dtype.kind not in "biufO":
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
    shape: str = "",
) -> np.ndarray:
    """Return an array of real numbers, not copied where it is one already.

    Args:
        value: anything that NumPy takes for an array; NaN stands for what is masked.
        argument: its name.
        dtype: of the array; None keeps the type that it has.
        n_axes: the numbers of axes allowed, and then not empty; None: any shape.
        shape: the shape expected, in words.

    Raises:
        TypeError: these are no real numbers.
        ValueError: another number of axes, or no elements.

    Example:
        >>> as_numbers([1, 2], "inputs")
        array([1., 2.])
        >>> as_numbers([1, 2], "rates", n_axes=(2,), shape="(n_bins, n_neurons)")
        Traceback (most recent call last):
        ...
        ValueError: rates: expected shape (n_bins, n_neurons), received (2,).
    """
    of_shape = f" of shape {shape}" if shape else ""
    try:
        array = np.asarray(unmasked(value))
        received = f"{type(value).__name__} of {array.dtype}"
        if _holds_numbers(array):
            array = array if dtype is None else array.astype(dtype, copy=False)
            received = ""
    except (TypeError, ValueError, NotImplementedError) as error:  # lists of unequal length
        received = f"{type(value).__name__} ({error})"
    if value is None:
        received = "None"
    if received:
        raise TypeError(
            f"{argument}: expected an array of real numbers{of_shape}, received {received}."
        )
    if n_axes is not None and (array.ndim not in n_axes or array.size == 0):
        raise ValueError(f"{argument}: expected shape {shape}, received {array.shape}.")
    return array


def _holds_numbers(array: np.ndarray) -> bool:
    """Tell real numbers from what NumPy would convert: text, complex numbers, dates, None."""
    if array.dtype.kind == "O":
        return all(isinstance(item, numbers.Real) for item in array.flat)
    return array.dtype.kind in "biufV"  # V: bfloat16 and its kin


def check_finite(array: np.ndarray, argument: str) -> None:
    """Refuse NaN and infinity, naming the first rows that hold them."""
    bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
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
        name: of the argument, for the message.
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
    array = np.asarray(unmasked(value))
    if array.size == 0 and array.dtype == np.float64:
        array = array.astype(dtype)  # An empty list has no type of its own.
    if not np.can_cast(array.dtype, dtype, casting="same_kind"):
        raise TypeError(f"{name}: expected numbers of {dtype}, received {array.dtype}.")
    if array.ndim == len(axes):
        # The first occurrence of a new name sets its size, the second must repeat it.
        learnt = dict(zip(reversed(axes), reversed(array.shape), strict=True)) | sizes
        if all(learnt[axis] == size for axis, size in zip(axes, array.shape, strict=True)):
            sizes.update(learnt)
            return array.astype(dtype, copy=False)
    wanted = (f"{axis}={sizes[axis]}" if axis in sizes else axis for axis in axes)
    raise ValueError(f"{name}: expected shape ({', '.join(wanted)}), received {array.shape}.")


def listed(values: Iterable[Any], most: int = 10) -> str:
    """List the first of some values.

    Example:
        >>> listed([1, 5]), listed(range(9), most=3)
        ('1, 5', '0, 1, 2, ...')
    """
    values = list(values)
    return ", ".join(map(str, values[:most])) + (", ..." if len(values) > most else "")
