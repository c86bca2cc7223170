"""Wording of errors: their types, and values in one short line."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable
from typing import Any

__all__ = ["ArgumentIndexError", "ArgumentKeyError", "ArgumentTypeError", "listed", "shown"]

_SHORT = reprlib.Repr()
#: Elements of a container, then characters, that a message shows: it stays two lines or so.
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = _SHORT.maxdict = 12
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 100  # characters that a message shows


class ArgumentTypeError(TypeError, ValueError):
    """Error of a value of another type than expected.

    It is a ``ValueError`` as well, as ``numpy.exceptions.AxisError`` is an ``IndexError`` as
    well: True, 2.5 or a word in place of a whole number are also just wrong values.
    """


class ArgumentIndexError(IndexError, ValueError):
    """Error of a row, group or branch that does not exist, a wrong value as well."""


class ArgumentKeyError(KeyError, ValueError):
    """Error of a name that is not among those passed."""

    def __str__(self) -> str:
        return str(self.args[0])


def listed(values: Iterable[Any], most: int = 10) -> str:
    """List the first of some values.

    Example:
        >>> listed([1, 5]), listed(range(9), most=3)
        ('1, 5', '0, 1, 2, ...')
    """
    values = list(values)
    return ", ".join(map(str, values[:most])) + (", ..." if len(values) > most else "")


def shown(value: Any) -> str:
    """Show a value in one short line, whatever it is.

    Example:
        >>> shown("gru"), shown([0] * 100)
        ("'gru'", '[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...]')
    """
    try:
        text = " ".join(_SHORT.repr(value).split())
    except Exception:  # an object of the user's that cannot be shown
        text = ""
    return text or f"an object of type {type(value).__name__}"
