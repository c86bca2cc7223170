"""Notice that a network was changed after equations had been made of it.

What is compiled keeps the numbers, arrays and functions that it met. Variables are read at
each call; all else that an update refers to is compared with what it was.
"""

from __future__ import annotations

import operator
import types
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from fixedpoint_tf.systems.user_objects.object_walk import (
    ABSENT,
    Place,
    is_layer,
    names_in,
    places,
)
from fixedpoint_tf.systems.user_objects.shared_objects import is_library, is_variable

__all__ = ["Unchanged"]


class _Size(NamedTuple):
    kind: str
    length: int

    def __repr__(self) -> str:
        return f"{self.kind} of length {self.length}"


LARGEST = 2**20  # entries of an array that are all compared; of larger ones as many
#: Options of layers that act in training alone.
_IN_TRAINING = {"rate", "dropout", "recurrent_dropout", "stddev", "momentum", "seed"}
_OPERATORS = {
    f"__{name}__"
    for name in "add and call contains getitem index invert iter len matmul mod mul neg next "
    "or pos pow radd rmatmul rmul rsub rtruediv sub truediv xor".split()
}
_ASKING = {"getattr", "hasattr", "vars", "eval", "exec", "__dict__", "setattr"}


class Unchanged:
    """Compare what an update refers to with what it was when this was made.

    Compared are attributes and items whose names occur in the code of the update or of what
    it calls: numbers, strings, arrays (also where they change in place), tensors, functions
    with what they close over, the globals they use, and which variables there are. The
    values of variables are free. What a call itself changes (a counter, a cache) may be left
    out, and so are entries of arrays above a million, of which evenly spaced ones are compared,
    and of lists above a thousand.

    Args:
        root: a cell or a function.
        name: its name in errors.

    Example:
        >>> gains = np.ones(3)
        >>> def update(h, u):
        ...     return gains * h
        >>> unchanged = Unchanged(update, "update")
        >>> unchanged.check()
        >>> gains[1] = 2.0
        >>> unchanged.check()
        Traceback (most recent call last):
        ValueError: gains[1]: expected 1.0 as when the finder was made, received 2.0; make a new finder of 'update'.
    """  # noqa: E501 - one line of output

    def __init__(self, root: Any, name: str):
        self._root = root
        self._name = name
        self._path = "cell" if hasattr(root, "state_size") else name
        self._names, self._asks = {"call", "__call__"} | _OPERATORS, False
        while self._learn_names():
            pass
        self._restless: set[str] = set()
        self._adopt()

    def settle(self) -> None:
        """Leave out what has changed so far, when nothing but calls has been made."""
        before, after = self._reference, self._leaves(self._places())
        self._restless = {
            key
            for key in before.keys() | after.keys()
            if _differ(before, after, key) and _is_data(after.get(key))
        }
        self._adopt()

    def check(self) -> None:
        """Refuse to go on where something was changed.

        Raises:
            ValueError: what it was and what it is.
        """
        if self._is_same():
            return
        now = self._leaves(self._places())
        for key, old in self._reference.items():
            if _differ(self._reference, now, key):
                raise ValueError(
                    f"{_difference(key, old, now.get(key, ABSENT))}; make a new finder of "
                    f"{self._name!r}."
                )
        for key, new in now.items():
            if key not in self._reference and not self._is_restless(key):
                if new is None or new is ABSENT:
                    continue
                raise ValueError(
                    f"{key}: expected nothing as when the finder was made, received "
                    f"{_brief(new)}; make a new finder of {self._name!r}."
                )
        self._adopt()

    def _is_same(self) -> bool:
        for get, key, value in self._entries:
            if get(key, ABSENT) is not value:
                return False
        for place in self._others:
            if place.read() is not place.value:
                return False
        for items, old in self._lists:
            if len(items) != len(old) or not all(map(operator.is_, items, old)):
                return False
        for some, length in self._sizes:
            if len(some) != length:
                return False
        for members, kept in self._sets:
            if members != kept:
                return False
        return all(_bits_equal(_sample(array), old) for array, old in self._arrays)

    def _adopt(self) -> None:
        """Take what there is now as what it should be."""
        found = [p for p in self._places() if not self._is_restless(p.path)]
        self._reference = self._leaves(found)
        self._entries, self._others = [], []
        lists: dict[int, tuple[Any, list[Any]]] = {}
        for place in found:
            if place.container is None:
                continue
            if isinstance(place.container, (list, tuple)):
                lists[id(place.container)] = (place.container, list(place.container))
            elif hasattr(place.container, "get"):
                self._entries.append((place.container.get, place.key, place.value))
            else:
                self._others.append(place)
            if isinstance(place.value, (list, tuple)):
                lists[id(place.value)] = (place.value, list(place.value))
        self._lists = list(lists.values())
        values = {id(p.value): p.value for p in found if p.container is not None}.values()
        self._sizes = [(v, len(v)) for v in values if isinstance(v, dict)]
        self._sets = [(v, frozenset(v)) for v in values if isinstance(v, set)]
        arrays = {id(p.value): p.value for p in found if isinstance(p.value, np.ndarray)}
        self._arrays = [(a, _sample(a).copy()) for a in arrays.values() if a.dtype != object]

    def _is_restless(self, path: str) -> bool:
        return any(
            path == some or path.startswith((f"{some}.", f"{some}[")) for some in self._restless
        )

    def _places(self) -> list[Place]:
        return list(places(self._root, self._path, self._wanted))

    def _leaves(self, found: list[Place]) -> dict[str, Any]:
        leaves: dict[str, Any] = {}
        for place in found:
            value = place.value
            if isinstance(value, types.FunctionType) and is_library(value):
                leaf: Any = value
            elif isinstance(value, np.ndarray):
                leaf = _sample(value).copy() if value.dtype != object else value
            elif isinstance(value, (set, frozenset)):
                leaf = frozenset(value)
            elif isinstance(value, (list, tuple, dict)):
                if place.container is None:  # of sub-layers, some of which nothing uses
                    continue
                leaf = _Size(f"a {type(value).__name__}", len(value))
            elif isinstance(value, types.FunctionType):
                leaf = value.__code__
            elif _is_opaque(value):
                leaf = value
            else:
                leaf = type(value)
            leaves.setdefault(place.path, leaf)
            if leaves[place.path] is ABSENT:
                leaves[place.path] = leaf  # the class has what the object has not
        return leaves

    def _wanted(self, thing: Any, name: str) -> bool:
        if is_layer(thing):
            if name in _IN_TRAINING and is_library(type(thing)):
                return False
        elif self._asks and not name.startswith("__"):
            return True
        return name in self._names or (self._asks and name in getattr(thing, "__dict__", ()))

    def _learn_names(self) -> bool:
        """Add the names in all reached code, and return whether any are new."""
        before = len(self._names), self._asks
        functions = [p.value for p in self._places()] + [self._root]
        for function in functions:
            function = getattr(function, "__func__", function)
            function = getattr(function, "_python_function", function)
            if isinstance(function, types.FunctionType):
                names = names_in(function.__code__)
                self._names |= names
                self._asks |= bool(names & _ASKING) and not is_library(function)
        return before != (len(self._names), self._asks)


def _is_data(leaf: Any) -> bool:
    """Report whether a leaf stands for a value, not for a layer or variable made late."""
    return not (is_variable(leaf) or isinstance(leaf, (type, types.CodeType)))


def _is_opaque(value: Any) -> bool:
    kinds = (
        bool, int, float, complex, str, bytes, np.generic, np.ndarray, tf.Tensor, tf.DType,
        type, types.ModuleType, types.CodeType,
    )  # fmt: skip
    return value is None or value is ABSENT or is_variable(value) or isinstance(value, kinds)


def _sample(array: np.ndarray) -> np.ndarray:
    if array.size <= LARGEST:
        return array
    return array[tuple(slice(None, None, s) for s in _strides(array.shape))]


def _strides(shape: tuple[int, ...]) -> list[int]:
    """Return steps along each axis that leave at most the largest number of entries."""
    steps, left = [1] * len(shape), float(np.prod(shape)) / LARGEST
    for axis in np.argsort(shape)[::-1]:
        steps[axis] = int(min(shape[axis], np.ceil(left)))
        left = max(1.0, left / steps[axis])
    return steps


def _bits_equal(array: np.ndarray, old: np.ndarray) -> bool:
    if array.shape != old.shape or array.dtype != old.dtype:
        return False
    if array.dtype.kind in "biu":
        return bool(np.array_equal(array, old))
    if array.itemsize in (2, 4, 8):
        whole = f"u{array.itemsize}"
        return bool(np.array_equal(array.view(whole), old.view(whole)))
    return array.tobytes() == old.tobytes()


def _differ(first: dict[str, Any], second: dict[str, Any], key: str) -> bool:
    a, b = first.get(key, ABSENT), second.get(key, ABSENT)
    if a is b or {id(a), id(b)} == {id(None), id(ABSENT)}:
        return False
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return not _bits_equal(a, b)
    if isinstance(a, tf.Tensor) and isinstance(b, tf.Tensor):
        if hasattr(a, "numpy") and hasattr(b, "numpy"):
            return not _bits_equal(np.asarray(a.numpy()), np.asarray(b.numpy()))
        return True
    if is_variable(a) or is_variable(b) or isinstance(a, (np.ndarray, tf.Tensor)):
        return True
    try:
        return type(a) is not type(b) or not bool(a == b or (a != a and b != b))
    except (TypeError, ValueError):  # no comparison of such values
        return True


def _difference(path: str, old: Any, new: Any) -> str:
    if isinstance(old, tf.Tensor) and hasattr(old, "numpy"):
        old = old.numpy()
    if isinstance(new, tf.Tensor) and hasattr(new, "numpy"):
        new = new.numpy()
    arrays = isinstance(old, (np.ndarray, np.generic)) and isinstance(new, type(old))
    if arrays and old.ndim and old.shape == new.shape and old.size <= LARGEST:
        same = (old == new) | (old != old) & (new != new)
        at = tuple(int(i) for i in np.argwhere(~same)[0])
        path, old, new = f"{path}[{', '.join(map(str, at))}]", old[at], new[at]
    return f"{path}: expected {_brief(old)} as when the finder was made, received {_brief(new)}"


def _brief(value: Any) -> str:
    """Describe a value in a few words."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if is_variable(value):
        return f"the variable {getattr(value, 'name', '')!r} (an object of its own)"
    if isinstance(value, types.CodeType):
        return f"the function {value.co_name!r} of line {value.co_firstlineno}"
    if isinstance(value, types.FunctionType):
        return f"the function {value.__name__!r} of {value.__module__}"
    if isinstance(value, np.generic):
        value = value.item()
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}..."
