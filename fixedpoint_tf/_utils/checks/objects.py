"""Checks of arguments other than numbers: names, functions, paths, axes, objects of a type."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks.words import ArgumentTypeError, shown

__all__ = [
    "check_axes",
    "check_choice",
    "check_eager",
    "check_figure",
    "check_float_type",
    "check_function",
    "check_generator",
    "check_instance",
    "check_mapping",
    "check_names",
    "check_path",
    "check_text",
]


def check_instance(value: Any, argument: str, *types: type, none: bool = False) -> None:
    """Refuse anything but an object of one of some types.

    Args:
        value: the argument as passed.
        argument: its name.
        types: the types.
        none: None is right as well.

    Raises:
        ArgumentTypeError: an object of another type, or a type in place of its object.

    Example:
        >>> check_instance([1.0], "points", dict, np.ndarray)
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.words.ArgumentTypeError: points: expected a dict or ...
    """
    if isinstance(value, types) or (none and value is None):
        return
    names = [kind.__name__ for kind in types] + ["None"] * none
    wanted = " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)
    wanted = f"{'an' if wanted[0] in 'AEIOU' else 'a'} {wanted}"
    raise ArgumentTypeError(f"{argument}: expected {wanted}, received {shown(value)}.")


def check_text(value: Any, argument: str, *, none: bool = False) -> None:
    """Refuse anything but a text.

    Example:
        >>> check_text(b"a", "title")
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.words.ArgumentTypeError: title: expected a text, ...
    """
    if not isinstance(value, str) and not (none and value is None):
        wanted = "a text or None" if none else "a text"
        raise ArgumentTypeError(f"{argument}: expected {wanted}, received {shown(value)}.")


def check_names(
    value: Any,
    argument: str,
    n: int | None = None,
    *,
    of: str = "names",
    unique: bool = True,
    known: Collection[str] | None = None,
) -> list[str]:
    """Return a list of names, and refuse a single text and unordered sets.

    Args:
        value: a list, tuple or array of texts.
        argument: its name.
        n: how many there must be; None: any number.
        of: what they are, such as ``"names of inputs"``.
        unique: each may stand there once only.
        known: the names among which they are; None: any.

    Raises:
        ArgumentTypeError: no list, or something in it is no text.
        ValueError: another number of them, a name twice, or one that is not known.

    Example:
        >>> check_names(("a", "b"), "input_names", 2)
        ['a', 'b']
        >>> check_names(["a", "a"], "input_names")
        Traceback (most recent call last):
        ...
        ValueError: input_names: expected different names, received 'a' more than once.
    """
    if hasattr(value, "__array__") and not isinstance(value, (str, np.ndarray)):
        value = np.asarray(value)  # such as an index of pandas
    names = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(names, (list, tuple)) or not all(isinstance(a, str) for a in names):
        raise ArgumentTypeError(
            f"{argument}: expected a list of {of}, received {shown(value)}."
        )
    if n is not None and len(names) != n:
        raise ValueError(f"{argument}: expected {n} {of}, received {len(names)}.")
    twice = [name for k, name in enumerate(names) if name in names[:k]] if unique else []
    if twice:
        raise ValueError(
            f"{argument}: expected different {of}, received {shown(twice[0])} more than once."
        )
    unknown = [name for name in names if known is not None and name not in known]
    if unknown:
        raise ValueError(
            f"{argument}: expected {of} among {shown(list(known or ()))}, received "
            f"{shown(unknown[0])}."
        )
    return [str(name) for name in names]


def check_mapping(value: Any, argument: str, *, of: str = "names", none: bool = False) -> None:
    """Refuse anything but a dictionary whose keys are texts.

    Example:
        >>> check_mapping({1: "a"}, "call_arguments")
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.words.ArgumentTypeError: call_arguments: expected a ...
    """
    if none and value is None:
        return
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ArgumentTypeError(
            f"{argument}: expected a dictionary by {of}, received {shown(value)}."
        )


def check_function(value: Any, argument: str, *, of: str = "", none: bool = False) -> None:
    """Refuse what cannot be called.

    Args:
        value: the argument as passed.
        argument: its name.
        of: what it is a function of, such as ``" of s"``.
        none: None is right as well.

    Raises:
        ArgumentTypeError: no function.

    Example:
        >>> check_function(3, "path", of=" of s")
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.words.ArgumentTypeError: path: expected a function of s, ...
    """
    if not callable(value) and not (none and value is None):
        wanted = f"a function{of} or None" if none else f"a function{of}"
        raise ArgumentTypeError(f"{argument}: expected {wanted}, received {shown(value)}.")


def check_path(value: Any, argument: str = "path", *, none: bool = False) -> None:
    """Refuse anything but a path, that is, text or an ``os.PathLike``.

    Raises:
        ArgumentTypeError: another type; bytes, too.
        ValueError: no name, or one with a null character, which no system takes.

    Example:
        >>> check_path(3)
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.words.ArgumentTypeError: path: expected a path, ...
    """
    if none and value is None:
        return
    if not isinstance(value, (str, os.PathLike)) or not isinstance(os.fspath(value), str):
        raise ArgumentTypeError(
            f"{argument}: expected a path, a text or pathlib.Path, received {shown(value)}."
        )
    name = os.fspath(value)
    if not name or "\0" in name:
        raise ValueError(f"{argument}: expected the path of a file, received {shown(name)}.")


def check_figure(fig: Any, argument: str = "fig") -> None:
    """Refuse anything but a figure of matplotlib, a part of one, or None.

    Example:
        >>> check_figure("a.png")
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.words.ArgumentTypeError: fig: expected a figure of ...
    """
    if fig is None:
        return
    from matplotlib.figure import FigureBase

    if not isinstance(fig, FigureBase):
        raise ArgumentTypeError(
            f"{argument}: expected a figure of matplotlib or None, received {shown(fig)}."
        )


def check_axes(
    ax: Any, argument: str = "ax", *, n: int | None = None, projection: str | None = None
) -> None:
    """Refuse anything but axes of matplotlib, or None.

    Args:
        ax: what was passed: one object, or with ``n`` that many in a list or grid.
        argument: its name.
        n: how many; None: the object itself.
        projection: projection of the axes, such as ``"3d"`` or ``"rectilinear"``; None: any.

    Raises:
        ArgumentTypeError: no axes.
        ValueError: another number of axes, axes of another projection, or axes that were
            removed from their figure.

    Example:
        >>> check_axes("left")
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.words.ArgumentTypeError: ax: expected axes of matplotlib ...
    """
    if ax is None:
        return
    from matplotlib.axes import Axes

    each = [ax] if n is None else _flattened(ax)
    if not each or not all(isinstance(one, Axes) for one in each):
        wanted = "axes of matplotlib" if n is None else f"{n} axes of matplotlib"
        raise ArgumentTypeError(f"{argument}: expected {wanted} or None, received {shown(ax)}.")
    if n is not None and len(each) != n:
        raise ValueError(f"{argument}: expected {n} axes, received {len(each)}.")
    for one in each:
        if one.get_figure() is None:
            raise ValueError(
                f"{argument}: expected axes of a figure, received axes that were removed."
            )
        if projection is not None and one.name != projection:
            raise ValueError(
                f"{argument}: expected {projection} axes, received {one.name} axes."
            )


def _flattened(value: Any) -> list[Any]:
    """List the members of a grid, or of lists within a list."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [item for part in value for item in _flattened(part)]
    return [value]


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
    raise ValueError(f"{argument}: expected one of {list(choices)}, received {shown(value)}.")


def check_float_type(value: Any, argument: str = "dtype") -> str:
    """Return the name of a floating type given by name, or as NumPy's or TensorFlow's own.

    Raises:
        ValueError: another type than single or double precision.

    Example:
        >>> check_float_type(np.float32)
        'float32'
        >>> check_float_type("float16")
        Traceback (most recent call last):
        ...
        ValueError: dtype: expected 'float32' or 'float64', received 'float16'.
    """
    try:
        name = None if value is None else np.dtype(getattr(value, "name", value)).name
    except (AttributeError, KeyError, TypeError, ValueError):
        name = None
    if name not in ("float32", "float64"):
        raise ValueError(
            f"{argument}: expected 'float32' or 'float64', received {shown(value)}."
        )
    return name


def check_generator(rng: Any) -> None:
    """Refuse anything but a ``numpy.random.Generator``, since a seed would be drawn twice."""
    if not isinstance(rng, np.random.Generator):
        raise ArgumentTypeError(
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
