"""Calls of users' objects without side effects on numbers, seeds or attributes."""

from __future__ import annotations

import contextlib
import copy
import random
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context as eager_context  # seeds: no public name
from tensorflow.python.framework import op_def_registry

from fixedpoint_tf._utils.graph_gradients import gradients_kept_with_graphs
from fixedpoint_tf.systems.user_objects.object_walk import Place, is_layer, places, raw

__all__ = ["LiveCall", "seeds_kept", "state_kept"]

#: Operations on a variable that leave it as it is.
_READING = {
    "ReadVariableOp", "ResourceGather", "ResourceGatherNd", "VariableShape",
    "VarIsInitializedOp", "LookupTableFindV2", "LookupTableSizeV2", "DestroyResourceOp",
}  # fmt: skip
_SEED = 20131  # while the user's own seeds are put aside


@contextlib.contextmanager
def seeds_kept() -> Iterator[None]:
    """Keep the state of the random numbers of Python, NumPy, TensorFlow and Keras.

    Names that Keras numbers, such as ``dense_3``, go on as before too.

    Example:
        >>> np.random.seed(0)
        >>> with seeds_kept():
        ...     first = np.random.rand()
        >>> bool(np.random.rand() == first)
        True
    """
    python, numpy = random.getstate(), np.random.get_state()
    state = eager_context.context()
    tensorflow = {name: vars(state).get(name) for name in ("_seed", "_rng")}
    generators: Any = sys.modules.get("tensorflow.python.ops.stateful_random_ops")
    generator = getattr(generators, "global_generator", None)
    books: Any = sys.modules.get("keras.src.backend.common.global_state")
    kept = {}
    if books is not None:
        kept = {
            name: books.get_global_attribute(name)
            for name in ("global_seed_generator", "object_name_uids")
        }
    legacy = sys.modules.get("tf_keras.src.backend")
    of_legacy = getattr(getattr(legacy, "_SEED_GENERATOR", None), "generator", None)
    counts = getattr(legacy, "PER_GRAPH_OBJECT_NAME_UIDS", {})
    try:
        # An operation's seed belongs to a stream that starts anew with another global seed.
        state._seed, state._rng = _SEED, random.Random(_SEED)
        if generator is not None:
            generators.global_generator = None
        for name, value in kept.items():
            books.set_global_attribute(name, copy.copy(value) if "uids" in name else None)
        legacy_state = None if of_legacy is None else of_legacy.getstate()
        numbered = {graph: dict(names) for graph, names in list(counts.items())}
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
        for name, value in tensorflow.items():
            setattr(state, name, value)
        if generators is not None:
            generators.global_generator = generator
        for name, value in kept.items():
            books.set_global_attribute(name, value)
        if of_legacy is not None:
            of_legacy.setstate(legacy_state)
        for graph, names in numbered.items():
            counts[graph].clear()
            counts[graph].update(names)


@contextlib.contextmanager
def state_kept(root: Any) -> Iterator[None]:
    """Keep the values of all variables that a network refers to, and its attributes.

    Args:
        root: a cell, layer or function.

    Example:
        >>> count = tf.Variable(0)
        >>> with state_kept(lambda: count):
        ...     _ = count.assign_add(1)
        >>> int(count)
        0
    """
    values = [(v, v.read_value()) for v in _tensorflow_variables(root)]
    with attributes_kept(root):
        try:
            yield
        finally:
            for variable, value in values:
                now = np.asarray(variable.read_value())
                if now.tobytes() != np.asarray(value).tobytes():
                    variable.assign(value)


@contextlib.contextmanager
def attributes_kept(root: Any) -> Iterator[None]:
    """Put back numbers, arrays and tensors that a call leaves in attributes and lists."""
    containers: dict[int, Any] = {}
    single: list[Place] = []  # of closures, and of modules, which hold far more
    for place in places(root, ""):
        holder = place.container
        of_module = type(holder) is dict and "__spec__" in holder
        if isinstance(holder, types.CellType) or of_module:
            single.append(place)
        elif isinstance(holder, (dict, list)):
            containers.setdefault(id(holder), holder)
        inner = raw(place.value) if isinstance(place.value, (list, dict)) else None
        if inner is not None:
            containers.setdefault(id(inner), inner)
        if is_layer(place.value):
            containers |= {id(x): x for x in _losses(place.value)}
    if is_layer(root):
        containers |= {id(x): x for x in _losses(root)}
    before: list[tuple[Any, Any]] = [
        (c, dict(c) if isinstance(c, dict) else list(c)) for c in containers.values()
    ]
    try:
        yield
    finally:
        for container, old in before:
            if isinstance(container, list):
                if not _same(container, old):
                    list.__setitem__(container, slice(None), old)
            elif isinstance(old, dict):
                _put_back(container, old)
        for place in single:
            now = place.read()
            if now is not place.value and _is_data(now):
                place.write(place.value)


def _losses(layer: Any) -> list[Any]:
    """Return the lists in which a layer collects its losses."""
    own = vars(layer)
    return [own[n] for n in ("_losses",) if type(own.get(n)) is list]


def _same(now: list[Any], old: list[Any]) -> bool:
    return len(now) == len(old) and all(a is b for a, b in zip(now, old, strict=True))


def _put_back(now: dict[Any, Any], old: dict[Any, Any]) -> None:
    for name in [name for name in now if name not in old and _is_data(now[name])]:
        dict.__delitem__(now, name)
    for name, value in old.items():
        if name not in now or (now[name] is not value and _is_data(now[name])):
            dict.__setitem__(now, name, value)


def _is_data(value: Any) -> bool:
    """Report whether a call may make such a value anew each time."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_data, value))
    data = (bool, int, float, complex, str, np.ndarray, np.generic, tf.Tensor)
    return value is None or isinstance(value, data)


def _tensorflow_variables(root: Any) -> list[tf.Variable]:
    """Collect variables of TensorFlow, those in variables of Keras too."""
    found = [p.value for p in places(root, "") if isinstance(p.value, tf.Variable)]
    for variable in getattr(root, "variables", None) or []:
        inner = getattr(variable, "_value", variable)
        if isinstance(inner, tf.Variable):
            found.append(inner)
    if isinstance(root, tf.Variable):
        found.append(root)
    return list({id(v): v for v in found}.values())


class LiveCall:
    """Call an update of the user's own, compiled or not, and change nothing by it.

    A search calls it thousands of times. Where it assigns to variables (a seed, a counter),
    it is given copies of them.

    Args:
        update: ``f(h, u)``.
        root: what it refers to: the cell or the function itself.
        name: its name in errors.

    Attributes:
        variables: those that a call reads, once it is prepared.

    Example:
        >>> count = tf.Variable(0.0)
        >>> def update(h, u):
        ...     count.assign_add(1.0)
        ...     return 0.5 * h
        >>> live = LiveCall(update, update, "update")
        >>> live.prepare(2, 0, "float32")
        >>> live(tf.ones([1, 2]), tf.ones([1, 0])).numpy().tolist(), float(count)
        ([[0.5, 0.5]], 0.0)
    """

    def __init__(self, update: Callable, root: Any, name: str):
        self.update = update
        self.root = root
        self.name = name
        self.variables: list[tf.Variable] = []
        self._copies: list[tuple[Place, tf.Variable, tf.Variable]] = []

    def __call__(self, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        with seeds_kept(), attributes_kept(self.root), self._with_copies():
            return self.update(h, u)

    def prepare(self, n_states: int, n_inputs: int, dtype: str) -> None:
        """Find out whether a call assigns to variables, and copy them if so.

        Raises:
            ValueError: it assigns to one that cannot be replaced by a copy.
        """
        if self._copies or not self._assigned(n_states, n_inputs, dtype):
            return
        made: dict[int, tf.Variable] = {}
        for place in places(self.root, self.name):
            variable = place.value
            if not isinstance(variable, tf.Variable) or place.container is None:
                continue
            if id(variable) not in made:
                made[id(variable)] = tf.Variable(
                    variable.read_value(),
                    trainable=variable.trainable,
                    dtype=variable.dtype,
                    shape=variable.shape,
                )
            self._copies.append((place, variable, made[id(variable)]))
        copies = {id(x.handle) for x in made.values()}
        left = [x for x in self._assigned(n_states, n_inputs, dtype) if id(x) not in copies]
        if left:
            raise ValueError(
                f"rnn: expected {self.name!r} to change no variable, received one that assigns "
                f"to {len(left)} of them that cannot be copied. Keep each in an attribute of "
                "the cell, or switch the assignment off where call is not training."
            )

    def read(self, dtype: str) -> tuple[()]:
        """Update the copies of the variables."""
        for _, variable, own in self._copies:
            own.assign(variable)
        return ()

    @contextlib.contextmanager
    def _with_copies(self) -> Iterator[None]:
        replaced = []
        try:
            for place, variable, own in self._copies:
                if place.read() is variable and place.write(own):
                    replaced.append((place, variable))
            yield
        finally:
            for place, variable in replaced:
                place.write(variable)

    def _assigned(self, n_states: int, n_inputs: int, dtype: str) -> list[tf.Tensor]:
        """Return handles of the variables to which a call assigns."""
        shapes = [tf.TensorSpec([None, k], dtype) for k in (n_states, n_inputs)]
        traced = tf.function(self, input_signature=shapes, autograph=False)
        traced._omit_frequent_tracing_warning = True
        with gradients_kept_with_graphs():
            concrete = traced.get_concrete_function()
        graph = concrete.graph
        self.variables = self.variables or list(concrete.variables)
        outside = {id(inner): outer for outer, inner in graph.captures}
        definitions = {f.signature.name: f for f in graph.as_graph_def().library.function}
        found = {}
        for operation in graph.get_operations():
            if _assigns(operation.node_def, definitions):
                for tensor in operation.inputs:
                    if tensor.dtype == tf.resource and id(tensor) in outside:
                        found[id(outside[id(tensor)])] = outside[id(tensor)]
        return list(found.values())


def _assigns(node: Any, functions: dict[str, Any]) -> bool:
    """Report whether an operation of a graph may change a variable that it is given."""
    called = [a.func.name for a in node.attr.values() if a.HasField("func")]
    called += [f.name for a in node.attr.values() for f in a.list.func]
    if called:
        return any(
            _assigns(inner, functions)
            for name in called
            if name in functions
            for inner in functions[name].node_def
        )
    if node.op in _READING:
        return False
    definition = op_def_registry.get(node.op)
    return definition is None or definition.is_stateful
