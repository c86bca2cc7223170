"""``tf.function`` as this package uses it: traced once, for batches of any length."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context as eager_context  # op callbacks: no public name

from fixedpoint_tf._utils.graph_gradients import gradients_kept_with_graphs

__all__ = ["compiled", "kept_with_equations", "undisturbed"]


_NOTHING = contextlib.nullcontext()
_MOST_FUNCTIONS = 96  # kept of all kinds and sizes of cells together, some 2 MB each
_MOST_SHAPES = 8  # for which one of them is kept: types, numbers of inputs


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
    """Compile a function of tensors with TensorFlow's control flow (a decorator).

    ``tf.function`` by itself traces once for the shapes it first meets and once more when
    they change; given the arguments that are batches, it traces once for each shape of the
    others, of which the latest few are kept.

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
            traced = made.get(key)
            if traced is not None:
                with undisturbed():
                    return traced(*arguments)
            traced = tf.function(function, input_signature=specs, autograph=False)
            # TensorFlow warns of repeated tracing by the line that defines a function.
            # Here one line serves every network, each of which is traced once.
            traced._omit_frequent_tracing_warning = True
            if len(made) >= _MOST_SHAPES:
                made.pop(list(made)[0], None)
            made[key] = traced
            with undisturbed(), gradients_kept_with_graphs():
                return traced(*arguments)

        return call

    return decorate


def kept_with_equations(make: Callable[..., Callable]) -> Callable[..., Callable]:
    """Make each compiled function once, and keep it while it can be used (a decorator).

    Equations that many networks share, as those of a kind of cell, leave their functions in
    one cache, of which the least used drop out: however many solvers, kinds and sizes there
    are, what is compiled has a bound. Those of one network alone (``Autodiff``) keep them in
    their own ``compiled_functions`` and take them along: some 10 MB a network, which a cache
    of this module would hold, and the network with them.

    Args:
        make: ``(equations, *choices) -> function``, all of them hashable; instead of the
            equations, what holds them under that name.

    Returns:
        The same, which gives for equal arguments the function it made first.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> @kept_with_equations
        ... def next_state(equations):
        ...     return compiled("h", "u")(equations.step)
        >>> system = as_system(lambda h, u: 0.5 * h, n_states=1, n_inputs=0)
        >>> next_state(system.equations) is next_state(system.equations)
        True
    """

    @functools.wraps(make)
    def kept(first: Any, *choices: Hashable) -> Callable:
        equations = first
        while hasattr(equations, "equations"):  # a residual's, in scaled coordinates
            equations = equations.equations
        own = getattr(equations, "compiled_functions", None)
        if own is None:
            return _shared(make, first, *choices)
        key = (make, first, *choices)
        if key not in own:
            own[key] = make(first, *choices)
        return own[key]

    return kept


@functools.lru_cache(maxsize=_MOST_FUNCTIONS)
def _shared(make: Callable[..., Callable], first: Any, *choices: Hashable) -> Callable:
    """Make a function of equations that many networks share, once while it is used."""
    return make(first, *choices)


def _exact(tensor: Any) -> tf.TensorSpec:
    return tf.TensorSpec(tensor.shape, tensor.dtype)


def _batch(tensor: Any) -> tf.TensorSpec:
    last = [None] if len(tensor.shape) == 1 else [tensor.shape[-1]]
    return tf.TensorSpec([None] * (len(tensor.shape) - 1) + last, tensor.dtype)
