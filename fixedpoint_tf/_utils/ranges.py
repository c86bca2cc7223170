"""Ranges that the numbers in an undamaged file keep to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fixedpoint_tf._utils.hdf5_checks import Fault, Layout

__all__ = ["Agreement", "Ranges", "Words", "check_agreements", "check_ranges", "check_words"]

ROUNDING = 1e-9  # by which a share or a bound may be off

#: Names of fields by ``"least most"``, their smallest and largest number. For the largest one
#: an axis stands for its length, and ``<`` before it for less: a row. ``field:1`` is a column.
Ranges = Mapping[str, str]

#: The words that a field may hold.
Words = Mapping[str, tuple[str, ...]]

#: A field that follows from others: its name, where it does, and what was expected.
Agreement = tuple[str, Any, str]


def check_ranges(values: Mapping[str, Any], ranges: Ranges, layout: Layout) -> None:
    """Refuse numbers out of their ranges.

    Args:
        values: values of the fields, by name; None is no number.
        ranges: by which they are judged.
        layout: layout of the arrays, which says how long each axis is.

    Raises:
        Fault: a number that cannot be, by the name of its field.

    Example:
        >>> layout = {"source": ("i", ("n_edges",)), "x": ("f", ("n", "d"))}
        >>> values = {"source": np.array([0, 7]), "x": np.zeros((3, 2))}
        >>> try:
        ...     check_ranges(values, {"0 <n": "source"}, layout)
        ... except Fault as error:
        ...     print(error)
        source: expected numbers from 0 to 2, received 7
    """
    lengths = {
        axis: n
        for name, (_, axes) in layout.items()
        if values.get(name) is not None
        for axis, n in zip(axes, np.shape(values[name]), strict=False)
    }
    for limits, names in ranges.items():
        least, axis = limits.split()
        below, axis = axis.startswith("<"), axis.removeprefix("<")
        if axis in lengths:
            most = float(lengths[axis] - below)
        elif axis.replace(".", "").isdigit() or axis == "inf":
            most = float(axis)
        else:  # of an array that is not there
            most = np.inf
        for name in names.split():
            field, _, column = name.partition(":")
            if values.get(field) is None:
                continue
            array = np.asarray(values[field])
            array = array[..., int(column)] if column else array
            good = (array >= float(least) - ROUNDING) & (array <= most + ROUNDING)
            wrong = ~good if array.ndim == 0 else ~(good | (array != array))
            if wrong.any():
                raise Fault(
                    f"{field}: expected numbers from {least} to {most:g}, received "
                    f"{array[wrong].flat[0]}"
                )


def check_words(values: Mapping[str, Any], words: Words) -> None:
    """Refuse words that a field cannot hold.

    Raises:
        Fault: another one, by the name of its field.

    Example:
        >>> check_words({"time": "discrete"}, {"time": ("discrete", "continuous")})
    """
    for name, known in words.items():
        if name in values and values[name] not in known:
            received = f"{values[name]!r:.50}"
            raise Fault(f"{name}: expected one of {', '.join(known)}, received {received}")


def check_agreements(values: Mapping[str, Any], agreements: Iterable[Agreement]) -> None:
    """Refuse fields that contradict others.

    Args:
        values: values of the fields, by name.
        agreements: those that follow from others.

    Raises:
        Fault: a contradiction, by the name of its field.

    Example:
        >>> values = {"counts": np.array([2, 3])}
        >>> try:
        ...     check_agreements(values, [("counts", values["counts"] == 2, "2 of each")])
        ... except Fault as error:
        ...     print(error)
        counts: expected 2 of each, received 3
    """
    for name, agrees, expected in agreements:
        good, value = np.asarray(agrees), np.asarray(values[name])
        if not good.all():
            shown = value[~good] if good.shape == value.shape else value
            raise Fault(f"{name}: expected {expected}, received {str(shown.flat[0]):.50}")
