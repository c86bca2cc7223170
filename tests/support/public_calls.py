"""The public line: every function, class and method, and a table of calls that succeed.

The tables ``CALLS`` of ``calls_*.py`` have one entry for each of them: the arguments of a small
call that succeeds, and the kind of each argument. The kinds of arguments that mean the same
everywhere stand once, in ``common_calls.KINDS``.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import importlib
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from argument_kinds import Kind

#: What users import from. Everything else is private.
ROOMS = [
    "fixedpoint_tf",
    "fixedpoint_tf.analysis",
    "fixedpoint_tf.linearization",
    "fixedpoint_tf.plotting",
    "fixedpoint_tf.systems.cells",
    "fixedpoint_tf.tasks",
    "lfads_tf",
    "lfads_tf.analysis",
    "lfads_tf.data",
    "lfads_tf.data.formats",
    "lfads_tf.plotting",
]
PACKAGES = ("fixedpoint_tf", "lfads_tf")


@dataclasses.dataclass(frozen=True)
class Call:
    """A call that succeeds, and the kinds of its arguments.

    Attributes:
        arguments: makes the arguments by name; called once.
        kinds: the kind of each argument that ``KINDS`` has not, or has otherwise. An argument
            that succeeds only beside others may have a call of its own: see ``given``.
        on: makes the object whose method is called.
        given: for some arguments, what else is passed beside them.
        slow: the call itself takes more than a second.
    """

    arguments: Callable[[], dict[str, Any]] = dict
    kinds: Mapping[str, Kind] = dataclasses.field(default_factory=dict)
    on: Callable[[], Any] | None = None
    given: Mapping[str, Callable[[], dict[str, Any]]] = dataclasses.field(default_factory=dict)
    slow: bool = False


@dataclasses.dataclass(frozen=True)
class Excluded:
    """Name that takes no values of a user's: why."""

    reason: str


def members(room: str) -> list[str]:
    """Return the dotted names that a module exports."""
    module = importlib.import_module(room)
    return [f"{room}.{name}" for name in module.__all__ if name != "__version__"]


def value(name: str) -> Any:
    """Return the object of a dotted name."""
    room, _, last = name.rpartition(".")
    return getattr(importlib.import_module(room), last)


@functools.cache
def public_names() -> tuple[str, ...]:
    """Return the dotted names of the public functions, classes and constants."""
    exported = [name for room in ROOMS for name in members(room)]
    modules = [n for n in exported if n not in ROOMS and inspect.ismodule(value(n))]
    return (
        *(name for name in exported if not inspect.ismodule(value(name))),
        *(inner for name in modules for inner in members(name)),
    )


def public_callables() -> Iterator[tuple[str, Callable]]:
    """Return each public function, class and method by its dotted name."""
    for name in public_names():
        thing = value(name)
        if not callable(thing) or (inspect.isclass(thing) and issubclass(thing, enum.Enum)):
            continue
        yield name, thing
        if not inspect.isclass(thing):
            continue
        for method in dir(thing):
            if method.startswith("_") or isinstance(
                inspect.getattr_static(thing, method), property
            ):
                continue
            found = getattr(thing, method)
            if callable(found) and (getattr(found, "__module__", None) or "").startswith(
                PACKAGES
            ):
                yield f"{name}.{method}", found


def parameters(function: Callable) -> dict[str, inspect.Parameter]:
    """Return the arguments of a function, without ``self``."""
    found = inspect.signature(function).parameters
    return {name: p for name, p in found.items() if name != "self"}


def takes_none(parameter: inspect.Parameter) -> bool:
    """Test by its default and annotation whether None is right for an argument."""
    return parameter.default is None or "None" in str(parameter.annotation)
