"""Run a model and note what its recurrent layer receives, leaving the model as it was."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fixedpoint_tf.systems.keras_cells import is_legacy
from fixedpoint_tf.systems.models.rnn_inputs import RNNInputs

__all__ = ["Heard", "cannot_listen", "contains", "listen"]


class _Reached(BaseException):
    """Exception that ends a model's call, which no ``except Exception`` catches."""


@dataclasses.dataclass
class Heard:
    """Collect the calls of the layer and the layers that had been called before it.

    Attributes:
        calls: one ``RNNInputs`` a call.
        before: ``name (Class)`` of each layer that was called before the first of them.
        compiled: the layer was met inside a compiled function, where nothing has a value.
    """

    calls: list[RNNInputs] = dataclasses.field(default_factory=list)
    before: list[str] = dataclasses.field(default_factory=list)
    compiled: bool = False


def contains(container: Any, layer: Any) -> bool:
    """Test whether a layer is inside another one, at any depth."""
    flatten = getattr(container, "_flatten_layers", None)
    if flatten is None or container is layer:
        return False
    return any(x is layer for x in flatten(include_self=False, recursive=True))


def _hook(layer: Any) -> str:
    """Name of the method in which all arguments of a layer have taken their final form."""
    return "call" if is_legacy(layer) else "inner_loop"


def cannot_listen(layer: Any) -> str | None:
    """Return a reason why the states of a layer do not follow from what its loop receives."""
    name = _hook(layer)
    library = "tf_keras" if is_legacy(layer) else "keras"
    method = inspect.unwrap(getattr(type(layer), name, None) or (lambda: None))
    if name in vars(layer) or method.__module__.split(".")[0] != library:
        return f"its class {type(layer).__name__} has its own {name}"
    if getattr(layer, "_num_constants", None):
        return "it takes constants"
    return None


def listen(
    model: Any,
    layer: Any,
    inputs: Any,
    call_arguments: dict[str, Any] | None = None,
    *,
    stop: bool = False,
    seeds: list[tuple[Any, Any]] | None = None,
) -> tuple[Heard, list[tuple[Any, Any]]]:
    """Call a model on inputs, in inference, and note what one of its layers receives.

    Variables keep their values: states of stateful layers, seeds, counters.

    Args:
        model: a layer or model of Keras 3 or ``tf_keras``.
        layer: the recurrent layer, in the model or the model itself.
        inputs: first argument of the model.
        call_arguments: further ones, by name.
        stop: end the call when the layer is reached.
        seeds: values of Keras variables during the call, ``(variable, value)``.

    Returns:
        What was heard; and the seeds of Keras as the call would have left them.
    """
    heard = Heard()
    options: dict[str, Any] = {"training": False, **(call_arguments or {})}
    if "training" not in inspect.signature(model.call).parameters and is_legacy(model):
        options.pop("training")
    scope = keras.StatelessScope(
        state_mapping=seeds, collect_losses=True, initialize_variables=False
    )
    with contextlib.ExitStack() as stack:
        stack.enter_context(_variables_kept(model))
        stack.enter_context(_attributes_kept([model, *_inside(model)]))
        stack.enter_context(_eagerly())
        stack.enter_context(_replaced(layer, _hook(layer), _spy(layer, heard, stop)))
        for other in _others(model, layer):
            stack.enter_context(_replaced(other, "call", _noting(other, heard)))
        stack.enter_context(scope)
        with contextlib.suppress(_Reached):
            model(inputs, **options)
    left = [(v, scope.get_current_value(v)) for v in _seeds(model)]
    return heard, [(v, value) for v, value in left if value is not None]


def _others(model: Any, layer: Any) -> list[Any]:
    """List layers that may be called before, neither around nor inside the recurrent one."""
    return [
        x
        for x in (_inside(model) if model is not layer else [])
        if x is not layer and not contains(x, layer) and not contains(layer, x)
    ]


def _inside(model: Any) -> list[Any]:
    """List the layers of a model at any depth, each once."""
    layers = model._flatten_layers(include_self=False, recursive=True)
    return list({id(x): x for x in layers}.values())


def _noting(other: Any, heard: Heard) -> Callable:
    original = other.call

    @functools.wraps(original)
    def call(*args, **kwargs):
        known = len(heard.before)
        outputs = original(*args, **kwargs)
        if not heard.calls and not heard.compiled:
            name = f"{other.name} ({type(other).__name__})"
            heard.before[known:] = [] if name in heard.before[:known] else [name]
        return outputs

    return call


def _spy(layer: Any, heard: Heard, stop: bool) -> Callable:
    original = getattr(layer, _hook(layer))

    def note(sequences, initial_state, mask, time_major):
        if not tf.executing_eagerly():
            heard.compiled = True
            raise _Reached
        heard.calls.append(
            _received(sequences, initial_state, mask, layer.go_backwards, time_major)
        )
        if stop:
            raise _Reached

    def inner_loop(sequences, initial_state, mask=None, training=False, **rest):
        note(sequences, initial_state, mask, False)
        return original(sequences, initial_state, mask=mask, training=training, **rest)

    def call(inputs, mask=None, training=None, initial_state=None, **rest):
        sequences, start, _ = layer._process_inputs(inputs, initial_state, None)
        note(sequences, start, mask, layer.time_major)
        rest = {**rest, "training": training, "initial_state": initial_state}
        return original(inputs, mask=mask, **rest)

    return functools.wraps(original)(call if is_legacy(layer) else inner_loop)


def _received(sequences, initial_state, mask, go_backwards, time_major) -> RNNInputs:
    values = _numbers(sequences)
    mask = tf.nest.flatten(mask)[0]
    if mask is not None:
        mask = np.asarray(mask).astype(bool)
        mask = mask[..., 0] if mask.ndim == 3 and mask.shape[-1] == 1 else mask
    if time_major:
        values = np.swapaxes(values, 0, 1)
        mask = None if mask is None else mask.T
    parts = [_numbers(state) for state in tf.nest.flatten(initial_state)]
    n_batch = len(values)
    parts = [np.broadcast_to(part, (n_batch, part.shape[-1])) for part in parts]
    if mask is not None and mask.shape != values.shape[:2]:
        mask = np.broadcast_to(mask, values.shape[:2])
    return RNNInputs(values, np.concatenate(parts, axis=-1), mask, bool(go_backwards))


def _numbers(tensor: Any) -> np.ndarray:
    return np.asarray(tensor).astype(np.float64)


def _seeds(model: Any) -> list[Any]:
    """List the seeds of Keras 3 in a model."""
    if is_legacy(model):
        return []
    return [v for v in model.variables if v.name == "seed_generator_state"]


@contextlib.contextmanager
def _replaced(thing: Any, name: str, value: Any) -> Iterator[None]:
    """Return an attribute of the instance replaced, unseen by the tracking of Keras."""
    had, old = name in vars(thing), vars(thing).get(name)
    vars(thing)[name] = value
    try:
        yield
    finally:
        if had:
            vars(thing)[name] = old
        else:
            vars(thing).pop(name, None)


@contextlib.contextmanager
def _eagerly() -> Iterator[None]:
    """Run compiled parts of a model as Python, so that tensors have values."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


@contextlib.contextmanager
def _attributes_kept(things: list[Any]) -> Iterator[None]:
    """Restore attributes, such as dropout masks of an interrupted call and counters."""
    before = [dict(vars(thing)) for thing in things]
    try:
        yield
    finally:
        for thing, old in zip(things, before, strict=True):
            now = vars(thing)
            for name in now.keys() - old.keys():
                del now[name]
            for name, value in old.items():
                if now.get(name, _Reached) is not value:
                    now[name] = value


@contextlib.contextmanager
def _variables_kept(model: Any) -> Iterator[None]:
    """Restore TensorFlow variables that a call assigns, which Keras does not."""
    if is_legacy(model):
        skip = {id(v) for v in model.trainable_weights}
    else:
        skip = {id(getattr(v, "_value", None)) for v in model.variables}
    variables = [
        x
        for x in tf.train.TrackableView(model).descendants()
        if isinstance(x, tf.Variable) and id(x) not in skip
    ]
    values = [v.read_value() for v in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, values, strict=True):
            now = variable.read_value()
            if not np.array_equal(np.asarray(now), np.asarray(value)):
                variable.assign(value)
