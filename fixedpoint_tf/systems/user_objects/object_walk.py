"""Walk through a network's values and the places that hold them.

A place is an entry of a dict (attributes of an object, globals of a function), of a list,
or a variable that a function closes over.
"""

from __future__ import annotations

import argparse
import collections
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from fixedpoint_tf.systems.user_objects.shared_objects import is_library, is_variable

__all__ = [
    "ABSENT", "BOOKKEEPING", "Place", "is_installed", "is_layer", "names_in", "places", "raw",
]  # fmt: skip

ABSENT = type("Absent", (), {"__repr__": lambda self: "nothing"})()

#: Attributes of any layer by which Keras keeps its books: no update depends on them.
BOOKKEEPING = frozenset(
    """_allow_non_tensor_positional_args _auto_config _auto_get_config _auto_track_sub_layers
    _autocast _build_input_shape _build_shapes_dict _call_context_args _call_has_context_arg
    _call_has_mask_arg _call_has_training_arg _call_signature _call_spec _callable_losses
    _called _captured_weight_regularizer _compute_dtype_object _convert_input_args
    _dtype_policy _dynamic _inbound_nodes _inbound_nodes_value _initial_weights _input_spec
    _instrumented_keras_api _instrumented_keras_layer_class _instrumented_keras_model_class
    _layers _lock _loss_ids _losses _losses_override _metrics _metrics_lock _name
    _name_scope_on_declaration _non_trainable_variables _non_trainable_weights
    _obj_reference_counts_dict _outbound_nodes _outbound_nodes_value _parent_path _path
    _preserve_input_structure_in_config _remat_mode _saved_model_arg_spec
    _saved_model_inputs_spec _seed_generators _self_setattr_tracking
    _stateful _supports_masking _thread_local _tracked _tracker
    _trainable _trainable_variables _trainable_weights _updates activity_regularizer autocast
    build built call_signature_parameters name quantize supports_jit trainable""".split()
)
LONGEST = 1000  # entries of a list or dict that is looked into
_BASES = ("Layer", "Operation", "KerasSaveable", "TFLayer", "Model", "Trainer", "Module")
_ATOMS = (
    str, bytes, bool, int, float, complex, np.ndarray, np.generic, type, tf.Tensor,
    types.CodeType, tf.DType,
)  # fmt: skip


class Slots:
    """Attributes of an object without a dict, read as one.

    Example:
        >>> Slots(3 + 4j).get("imag", None)
        4.0
    """

    def __init__(self, thing: Any):
        self.thing = thing

    def get(self, name: str, default: Any) -> Any:
        """Return an attribute, or the default where there is none."""
        return getattr(self.thing, name, default)


class Place(NamedTuple):
    """One value and what holds it.

    Attributes:
        path: how a user would write it, such as ``cell.gains[0]``.
        container: a dict, list, tuple or cell of a closure; None where nothing else could
            stand in its place, such as the function of a method.
        key: key of the value in it.
        value: what it holds now, ABSENT where it holds none.
    """

    path: str
    container: Any
    key: Any
    value: Any

    def read(self) -> Any:
        """Return what the place holds now."""
        if self.container is None:
            return self.value
        if isinstance(self.container, types.CellType):
            try:
                return self.container.cell_contents
            except ValueError:  # not filled
                return ABSENT
        if isinstance(self.container, (list, tuple)):
            return self.container[self.key] if self.key < len(self.container) else ABSENT
        return self.container.get(self.key, ABSENT)

    def write(self, value: Any) -> bool:
        """Write another value there untracked, and return False if it cannot be written."""
        if isinstance(self.container, types.CellType):
            self.container.cell_contents = value
        elif isinstance(self.container, list):
            list.__setitem__(self.container, self.key, value)
        elif isinstance(self.container, dict):
            dict.__setitem__(self.container, self.key, value)
        elif isinstance(self.container, Slots):
            setattr(self.container.thing, self.key, value)
        else:
            return False
        return True


def is_layer(thing: Any) -> bool:
    """Report whether an object is a layer or module of any of the libraries."""
    return isinstance(thing, (tf.Module, keras.layers.Layer)) or hasattr(
        thing, "_flatten_layers"
    )


def raw(container: Any) -> Any:
    """Return the list or dict that a tracked one wraps."""
    inner = vars(container).get("_storage") if hasattr(container, "__dict__") else None
    return inner if isinstance(inner, list) else getattr(container, "__wrapped__", container)


def names_in(code: types.CodeType) -> set[str]:
    """Collect the names of globals and attributes in a function and those inside it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= names_in(constant)
    return names


def places(
    root: Any, path: str, wanted: Callable[[Any, str], bool] | None = None
) -> Iterator[Place]:
    """Walk through all that a network refers to, each object once.

    Args:
        root: a cell, layer or function.
        path: what the root is called.
        wanted: tells of ``(object, attribute)`` whether to look at it; default: at all.

    Yields:
        The places, from the root outwards.

    Example:
        >>> gain = tf.Variable(2.0)
        >>> [place.path for place in places(lambda h, u: gain * h, "update")]
        ['gain']
    """
    seen: set[int] = set()
    waiting = collections.deque([(root, path)])
    while waiting:
        thing, path = waiting.popleft()
        thing = raw(thing) if isinstance(thing, (list, dict)) else thing
        if thing is None or thing is ABSENT or isinstance(thing, _ATOMS) or id(thing) in seen:
            continue
        seen.add(id(thing))
        for place in _inside(thing, path, root, wanted):
            yield place
            if not isinstance(place.value, types.ModuleType):
                waiting.append((place.value, place.path))


def _inside(thing: Any, path: str, root: Any, wanted) -> Iterator[Place]:
    if isinstance(thing, dict) and len(thing) > LONGEST:
        return
    elif isinstance(thing, dict):
        yield from (Place(f"{path}[{k!r}]", thing, k, v) for k, v in list(thing.items()))
    elif isinstance(thing, (list, tuple)):
        if len(thing) <= LONGEST:
            yield from (Place(f"{path}[{k}]", thing, k, v) for k, v in enumerate(thing))
    elif isinstance(thing, (set, frozenset)):
        return
    elif isinstance(thing, types.MethodType):
        yield Place(path, None, "", thing.__self__)
        yield Place(path, None, "", thing.__func__)
    elif isinstance(thing, types.FunctionType):
        yield from _of_function(thing, "" if thing is root else f"{path}: ")
    elif isinstance(thing, (staticmethod, classmethod)):
        yield Place(path, None, "", thing.__func__)
    elif isinstance(thing, property):
        yield Place(path, None, "", thing.fget)
    elif hasattr(thing, "_python_function"):  # compiled with tf.function
        inner = thing._python_function
        if inner is not None:
            prefix = "" if thing is root else f"{path}: "
            if isinstance(inner, types.FunctionType):
                yield from _of_function(inner, prefix)
            else:
                yield Place(path, None, "", inner)
    elif is_variable(thing):
        if isinstance(thing, keras.Variable) and vars(thing).get("_value") is not None:
            yield Place(path, vars(thing), "_value", thing._value)
    elif hasattr(thing, "__wrapped__") and not isinstance(thing, type):
        yield Place(path, None, "", thing.__wrapped__)
    elif hasattr(thing, "func") and hasattr(thing, "keywords"):  # functools.partial
        yield Place(path, None, "", thing.func)
        yield Place(f"{path}.args", None, "", thing.args)
        yield Place(f"{path}.keywords", None, "", thing.keywords)
    elif _is_open(thing):
        yield from _of_object(thing, path, wanted)


def _is_open(thing: Any) -> bool:
    """Report whether the attributes of an object are part of a network."""
    kind = type(thing)
    if is_layer(thing) or kind.__name__ in ("SeedGenerator", "RandomGenerator", "Generator"):
        return True
    if isinstance(thing, (types.SimpleNamespace, argparse.Namespace)):
        return True
    return not (is_library(kind) or is_installed(kind))


def is_installed(thing: Any) -> bool:
    """Report whether a class or function comes from Python itself or an installed package."""
    name = str(getattr(thing, "__module__", None))
    if name.split(".")[0] in sys.stdlib_module_names:
        return True
    path = getattr(sys.modules.get(name), "__file__", None) or ""
    return "site-packages" in path or "dist-packages" in path


def _of_function(function: types.FunctionType, prefix: str) -> Iterator[Place]:
    closure = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    for name, cell in closure:
        place = Place(f"{prefix}{name}", cell, "", None)
        yield place._replace(value=place.read())
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    defaults = function.__defaults__ or ()
    for name, value in zip(names[len(names) - len(defaults) :], defaults, strict=True):
        yield Place(f"{prefix}{name}", None, "", value)
    for name, value in (function.__kwdefaults__ or {}).items():
        yield Place(f"{prefix}{name}", function.__kwdefaults__, name, value)
    if is_library(function) or is_installed(function):
        return
    mentioned = names_in(function.__code__)
    for name in sorted(mentioned & set(function.__globals__)):
        value = function.__globals__[name]
        if isinstance(value, types.ModuleType):
            yield from _of_module(value, name, mentioned, prefix)
        elif not _is_tool(value):
            yield Place(f"{prefix}{name}", function.__globals__, name, value)


def _is_tool(value: Any) -> bool:
    """Report whether a global is a function or class of a library, not a network."""
    if is_layer(value) or hasattr(value, "_python_function"):
        return False
    return callable(value) and (is_library(value) or is_installed(value))


def _of_module(module, name: str, mentioned: set[str], prefix: str) -> Iterator[Place]:
    """Yield values and functions that a function takes from a user's module."""
    path = getattr(module, "__file__", None) or "site-packages"  # or written in C
    if module.__name__.split(".")[0] in sys.stdlib_module_names or "-packages" in path:
        return
    for key in sorted(mentioned & set(vars(module))):
        value = vars(module)[key]
        if not isinstance(value, types.ModuleType):
            yield Place(f"{prefix}{name}.{key}", vars(module), key, value)


def _of_object(thing: Any, path: str, wanted) -> Iterator[Place]:
    layer = is_layer(thing)
    own = vars(thing) if hasattr(thing, "__dict__") else {}
    own = getattr(own, "__wrapped__", own)
    for name in list(own):
        kept = not (layer and name in BOOKKEEPING) and not name.startswith("_self_")
        if kept and (wanted is None or wanted(thing, name)):
            yield Place(f"{path}.{name}", own, name, own[name])
    for name in ("_layers", "_self_tracked_trackables") if layer else ():
        if isinstance(own.get(name), list):
            yield Place(f"{path}.{name}", None, name, own[name])
    slots = Slots(thing)
    for kind in () if is_library(type(thing)) else type(thing).__mro__:
        for name, value in list(vars(kind).items()):
            if isinstance(value, types.MemberDescriptorType) and not name.startswith("__"):
                if wanted is None or wanted(thing, name):
                    yield Place(f"{path}.{name}", slots, name, slots.get(name, ABSENT))
    if wanted is None:
        return
    for kind in type(thing).__mro__:
        if kind is object or (is_library(kind) and kind.__name__ in _BASES):
            continue
        for name, value in list(vars(kind).items()):
            if not wanted(thing, name) or name in ("__dict__", "__weakref__", "__doc__"):
                continue
            if isinstance(value, types.MemberDescriptorType):
                continue
            if name not in own:
                yield Place(f"{path}.{name}", own, name, ABSENT)  # would hide the class's
            yield Place(f"{path}.{name}", vars(kind), name, value)
