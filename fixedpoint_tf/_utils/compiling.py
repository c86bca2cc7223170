"""``tf.function`` as this package uses it: traced once, for batches of any length."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context as eager_context  # op callbacks: no public name

__all__ = ["compiled", "undisturbed"]


_NOTHING = contextlib.nullcontext()


def undisturbed() -> contextlib.AbstractContextManager[None]:
    """Work as TensorFlow does by default, whatever aids of debugging are switched on.

    A search runs into infinities, which it knows how to judge, and
    ``tf.debugging.enable_check_numerics`` makes errors of them; its compiled functions are
    made of numbers alone, and ``tf.config.run_functions_eagerly`` makes them a hundred
    times slower. Both are as before afterwards.

    Example:
        >>> tf.config.run_functions_eagerly(True)
        >>> with undisturbed():
        ...     tf.config.functions_run_eagerly()
        False
        >>> tf.config.functions_run_eagerly()
        True
        >>> tf.config.run_functions_eagerly(False)
    """
    callbacks = eager_context.context().op_callbacks
    if not (callbacks or tf.config.functions_run_eagerly()):
        return _NOTHING  # at no cost: thousands of calls ask
    return _switched_off(callbacks)


@contextlib.contextmanager
def _switched_off(callbacks: list[Any]) -> Iterator[None]:
    watching, eagerly = list(callbacks), tf.config.functions_run_eagerly()
    try:
        callbacks.clear()
        tf.config.run_functions_eagerly(False)
        yield
    finally:
        callbacks[:] = watching
        tf.config.run_functions_eagerly(eagerly)


def compiled(*batched: str) -> Callable[[Callable], Callable]:
    """Decorator: compile a function of tensors, with TensorFlow's own control flow.

    ``tf.function`` by itself traces once for the shapes it first meets and once more when
    they change; told which arguments are batches, it traces once.

    Args:
        *batched: names of the arguments that hold a batch, or a nest of them: every axis
            but the last may have any length (of vectors, that one too). The other arguments
            keep their shapes.

    Returns:
        A decorator. The function it makes takes tensors, or nests of them, by position.

    Example:
        >>> @compiled("rows")
        ... def scale(factor, rows):
        ...     return factor * rows
        >>> scale(tf.constant(2.0), tf.ones([2, 3])).shape.as_list()
        [2, 3]
        >>> scale(tf.constant(2.0), tf.ones([5, 3])).shape.as_list()
        [5, 3]
    """

    def decorate(function: Callable) -> Callable:
        names = list(inspect.signature(function).parameters)
        made: dict[Any, Any] = {}

        @functools.wraps(function)
        def call(*arguments):
            specs = [
                tf.nest.map_structure(_batch if name in batched else _exact, argument)
                for name, argument in zip(names, arguments, strict=True)
            ]
            key = tuple(tf.nest.flatten(specs))
            if key not in made:
                made[key] = tf.function(function, input_signature=specs, autograph=False)
                # TensorFlow warns of repeated tracing by the line that defines a function.
                # Here one line serves every network, each of which is traced once.
                made[key]._omit_frequent_tracing_warning = True
            with undisturbed():
                return made[key](*arguments)

        return call

    return decorate


def _exact(tensor: Any) -> tf.TensorSpec:
    return tf.TensorSpec(tensor.shape, tensor.dtype)


def _batch(tensor: Any) -> tf.TensorSpec:
    last = [None] if len(tensor.shape) == 1 else [tensor.shape[-1]]
    return tf.TensorSpec([None] * (len(tensor.shape) - 1) + last, tensor.dtype)
