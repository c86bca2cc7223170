"""Objects that a network refers to, so that a copy is known to share none of them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

__all__ = ["is_library", "is_patched", "is_variable", "shared_parts", "variables"]

_LIBRARIES = ("keras", "tf_keras", "tensorflow", "numpy")
_SKIPPED = ("_inbound_nodes", "_outbound_nodes", "_tracker", "_inbound_nodes_value")
_PLAIN = (str, bytes, bool, int, float, complex, np.ndarray, np.generic, type, tf.Tensor)


def is_variable(thing: Any) -> bool:
    """Report whether an object holds values that can be assigned."""
    return isinstance(thing, (tf.Variable, keras.Variable))


def is_library(thing: Any) -> bool:
    module = getattr(thing, "__module__", None) or type(thing).__module__
    return str(module).split(".")[0] in _LIBRARIES


def _is_layer(thing: Any) -> bool:
    return isinstance(thing, tf.Module) or hasattr(thing, "get_config")


def _children(thing: Any) -> Iterator[Any]:
    if isinstance(thing, dict):
        yield from thing.values()
    elif isinstance(thing, (list, tuple, set, frozenset)):
        yield from thing
    elif isinstance(thing, functools.partial):
        yield from (thing.func, thing.args, thing.keywords)
    elif hasattr(thing, "__func__") and hasattr(thing, "__self__"):  # a bound method
        yield from (thing.__self__, thing.__func__)
    elif hasattr(thing, "__code__"):
        if is_library(thing) and thing.__closure__ is None:
            return
        for cell in thing.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not filled yet
                continue
        yield from thing.__defaults__ or ()
        if not is_library(thing):  # in a notebook everything is global
            names = set(thing.__code__.co_names) & set(thing.__globals__)
            yield from (thing.__globals__[name] for name in sorted(names))
    elif hasattr(thing, "_python_function"):  # compiled with tf.function
        yield thing._python_function
    elif hasattr(thing, "__dict__") and (_is_layer(thing) or not is_library(thing)):
        for name, value in list(vars(thing).items()):
            if name not in _SKIPPED and not name.startswith("_self_"):
                yield value


def reachable(root: Any) -> list[Any]:
    """Collect all objects that a network refers to, itself first, each once."""
    seen: dict[int, Any] = {}
    waiting = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or thing is None or isinstance(thing, _PLAIN):
            continue
        if type(thing).__name__ == "module":
            continue
        seen[id(thing)] = thing
        if not is_variable(thing):
            waiting += _children(thing)
    return list(seen.values())


def variables(root: Any) -> list[Any]:
    """Collect all variables that a network refers to, tracked by Keras or not.

    Example:
        >>> gain = tf.Variable(2.0)
        >>> len(variables(lambda h, u: gain * h))
        1
    """
    return [thing for thing in reachable(root) if is_variable(thing)]


def shared_parts(first: Any, second: Any) -> list[Any]:
    """Collect layers, variables and seed generators that two networks both refer to.

    Example:
        >>> act = keras.layers.LeakyReLU()
        >>> shared_parts(lambda x: act(x), lambda x: -act(x)) == [act]
        True
    """
    stateful = (keras.layers.Layer, tf.Module, tf.Variable, keras.Variable)
    ours = {id(thing) for thing in reachable(first)}
    return [
        thing
        for thing in reachable(second)
        if id(thing) in ours
        and (isinstance(thing, stateful) or type(thing).__name__ == "SeedGenerator")
    ]


def is_patched(thing: Any) -> bool:
    """Report whether the call of an object's class is replaced on the object itself.

    Example:
        >>> cell = keras.layers.GRUCell(2)
        >>> is_patched(cell)
        False
    """
    own = getattr(thing, "__dict__", {})
    return "call" in own or "__call__" in own
