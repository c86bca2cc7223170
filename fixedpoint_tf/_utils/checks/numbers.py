"""Checks of single numbers, flags and seeds."""

from __future__ import annotations

import math
from typing import Any, Literal, TypeGuard, overload

import numpy as np

from fixedpoint_tf._utils.checks.words import ArgumentIndexError, ArgumentTypeError, shown

__all__ = [
    "check_index",
    "MOST_BYTES",
    "MOST_COUNT",
    "check_array_sizes",
    "check_fits",
    "check_number",
    "check_range",
    "check_seed",
    "check_sizes",
    "check_switch",
    "check_time_step",
    "check_whole",
    "is_number",
    "is_whole",
]

MOST_COUNT = 10**9  # where no other limit is named
MOST_BYTES = 8e9  # of an array of one count


def is_number(value: Any) -> TypeGuard[float]:
    """Test whether a value is one real number, other than True, False and time spans."""
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(
        value, (bool, np.timedelta64)
    )


def is_whole(value: Any) -> TypeGuard[int]:
    """Test whether a value is an integer, other than True, False and time spans."""
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
        value: the argument as passed.
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
        number = _as_float(value)
        above = low <= number if closed in ("low", "both") else low < number
        below = number <= high if closed in ("high", "both") else number < high
        if above and below:
            return number
    if high < np.inf and not closed:
        wanted = f"a number between {low:g} and {high:g}"
    elif high < np.inf:
        left, right = "(["[closed in ("low", "both")], ")]"[closed in ("high", "both")]
        wanted = f"a number in {left}{low:g}, {high:g}{right}"
    elif closed in ("low", "both"):
        wanted = f"a number of at least {low:g}"
    else:
        wanted = "a positive number" if low == 0 else f"a number above {low:g}"
    infinite = is_number(value) and np.isinf(_as_float(value))
    if low == -np.inf and high == np.inf and closed in ("", "low"):
        wanted = "a finite number"
    elif infinite and high == np.inf and closed in ("", "low"):
        wanted = f"a finite {wanted.removeprefix('a ')}"
    error = ValueError if is_number(value) else ArgumentTypeError
    raise error(f"{argument}: expected {wanted}{for_}, received {shown(value)}.")


def _as_float(value: float) -> float:
    """Return a number as a float, infinite where it exceeds all floats."""
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf


def check_range(
    value: Any, argument: str, low: float = -np.inf, high: float = np.inf, *, closed: str = ""
) -> tuple[float, float]:
    """Return two finite numbers, the first below the second.

    Args:
        value: the argument as passed: a tuple, list or array of two.
        argument: its name.
        low, high, closed: the range of both, as in :func:`check_number`.

    Raises:
        ArgumentTypeError: no pair of real numbers.
        ValueError: not finite, out of range, or not in order.

    Example:
        >>> check_range([0, 2], "s_range")
        (0.0, 2.0)
        >>> check_range((1.0, 1.0), "s_range")
        Traceback (most recent call last):
        ...
        ValueError: s_range: expected two numbers, the first below the second, received ...
    """
    pair = list(value) if isinstance(value, (tuple, list, np.ndarray)) else []
    if len(pair) != 2 or not all(map(is_number, pair)):
        raise ArgumentTypeError(
            f"{argument}: expected a pair of numbers, received {shown(value)}."
        )
    first, second = (check_number(each, argument, low, high, closed=closed) for each in pair)
    if not first < second:
        raise ValueError(
            f"{argument}: expected two numbers, the first below the second, received "
            f"{shown(value)}."
        )
    return first, second


def check_whole(
    value: Any, argument: str, least: int = 1, most: int | None = None, *, for_: str = ""
) -> int:
    """Return a whole number within its range, and refuse True and False.

    Without ``most`` no count may exceed :data:`MOST_COUNT`: a loop of so many steps takes
    years, and most compiled functions count in 32 bits.

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
    highest = MOST_COUNT if most is None else most
    if is_whole(value) and least <= value <= highest:
        return int(value)
    wanted = f"of at least {least}" if most is None else f"from {least} to {most}"
    if most is None and is_whole(value) and value > highest:
        wanted = f"of at most {highest:,}"
    error = ValueError if is_whole(value) else ArgumentTypeError
    raise error(f"{argument}: expected a whole number {wanted}{for_}, received {shown(value)}.")


def check_index(value: Any, argument: str, n: int, of: str, *, negative: bool = False) -> int:
    """Return the number of one of ``n`` things, counted from 0.

    Args:
        value: the argument as passed.
        argument: its name.
        n: how many there are.
        of: what they are, in the plural.
        negative: numbers below 0 count from the end.

    Raises:
        ArgumentTypeError: not a whole number.
        ArgumentIndexError: none of them; an ``IndexError`` and a ``ValueError``.

    Example:
        >>> check_index(-1, "group", 3, "groups", negative=True)
        2
        >>> check_index(3, "group", 3, "groups")
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.words.ArgumentIndexError: group: expected one of ...
    """
    if is_whole(value) and (-n if negative else 0) <= value < n:
        return int(value) % n
    error = ArgumentIndexError if is_whole(value) else ArgumentTypeError
    raise error(f"{argument}: expected one of {n} {of}, received {shown(value)}.")


@overload
def check_switch(value: Any, argument: str, *, none: Literal[False] = False) -> bool: ...
@overload
def check_switch(value: Any, argument: str, *, none: bool) -> bool | None: ...
def check_switch(value: Any, argument: str, *, none: bool = False) -> bool | None:
    """Return True or False, and refuse numbers.

    Args:
        value: the argument as passed.
        argument: its name.
        none: None is right as well, and comes back.

    Raises:
        ArgumentTypeError: anything else.

    Example:
        >>> check_switch(1, "verbose")
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.words.ArgumentTypeError: verbose: expected True or ...
    """
    if none and value is None:
        return None
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    wanted = "True, False or None" if none else "True or False"
    raise ArgumentTypeError(f"{argument}: expected {wanted}, received {shown(value)}.")


def check_sizes(**sizes: Any) -> None:
    """Refuse each size that is no whole number of at least one, by its name."""
    for argument, size in sizes.items():
        check_whole(size, argument)


def check_fits(argument: str, value: Any, *sizes: float) -> None:
    """Refuse a count whose arrays fit into no ordinary memory, before any is made.

    Args:
        argument: its name.
        value: the count.
        sizes: those of the largest array, the count among them; or numbers of copies.

    Raises:
        ValueError: they take more than :data:`MOST_BYTES`.

    Example:
        >>> check_fits("n_inits", 10**9, 10**9, 256)
        Traceback (most recent call last):
        ...
        ValueError: n_inits: expected one whose arrays take less than 8 GB, received ...
    """
    n_bytes = 8.0 * math.prod(float(size) for size in sizes)
    if n_bytes >= MOST_BYTES:
        raise ValueError(
            f"{argument}: expected one whose arrays take less than {MOST_BYTES / 1e9:.0f} GB, "
            f"received {shown(value)}, whose arrays take {n_bytes / 1e9:,.0f} GB."
        )


def check_array_sizes(**sizes: Any) -> None:
    """Refuse sizes of an array by their names, where one is no count or all are too large.

    Example:
        >>> check_array_sizes(n_trials=10**8, n_time=100)
        Traceback (most recent call last):
        ...
        ValueError: n_trials: expected one whose arrays take less than 8 GB, received ...
    """
    for name, size in sizes.items():
        check_whole(size, name)
    largest = max(sizes, key=lambda name: sizes[name])
    check_fits(largest, sizes[largest], *sizes.values())


def check_seed(seed: Any, argument: str = "seed") -> int:
    """Return a seed as a whole number of at least 0.

    Example:
        >>> check_seed(-1)
        Traceback (most recent call last):
        ...
        ValueError: seed: expected a whole number of at least 0, received -1.
    """
    if is_whole(seed) and seed > MOST_COUNT:
        return int(seed)
    return check_whole(seed, argument, least=0)


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
        raise ValueError(f"dt: expected None for a discrete system, received {shown(dt)}.")
