"""Gradients that TensorFlow registers for one graph, kept no longer than the graph.

In a graph ``tf.custom_gradient`` enters a function of its own into a register of the process,
for ever, and with it the graph: 10 MB of a small Keras model, whose optimizer calls one to
add up its replicas' gradients.
"""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import ops  # the register: no public name

__all__ = ["gradients_kept_with_graphs"]

_PREFIX = "CustomGradient-"  # by which TensorFlow names them


@contextlib.contextmanager
def gradients_kept_with_graphs() -> Iterator[None]:
    """Keep the custom gradients of graphs made within in these graphs, not in the register.

    Gradients are taken as before, as long as the graph lives; then their entries leave the
    register.

    Example:
        >>> with gradients_kept_with_graphs():
        ...     square = tf.function(tf.custom_gradient(lambda x: (x * x, lambda d: d)))
        ...     image = square(tf.constant(2.0))
        >>> x = tf.constant(3.0)
        >>> with tf.GradientTape() as tape:
        ...     tape.watch(x)
        ...     y = square(x)
        >>> float(tape.gradient(y, x))
        1.0
    """
    register = ops.gradient_registry._registry
    before = set(register)
    try:
        yield
    finally:
        for name in set(register) - before:
            if name.startswith(_PREFIX):
                _hold_by_graph(register, name)


def _hold_by_graph(register: dict[str, Any], name: str) -> None:
    entry = register.get(name)
    if entry is None or isinstance(entry["type"], _Referred):
        return  # done within, or by another thread
    gradient = entry["type"]
    graph = _graph_of(gradient)
    if graph is None:
        return  # TensorFlow writes its gradients otherwise: nothing is let go
    held = getattr(graph, "_held_custom_gradients", None)
    if held is None:
        held = graph._held_custom_gradients = {}
    held[name] = gradient
    entry["type"] = _Referred(gradient)
    weakref.finalize(graph, register.pop, name, None).atexit = False


def _graph_of(gradient: Any) -> Any:
    """Return the graph of the tensors that a registered gradient holds, or None."""
    for outer in getattr(gradient, "__closure__", None) or ():
        for cell in getattr(outer.cell_contents, "__closure__", None) or ():
            for value in tf.nest.flatten(cell.cell_contents):
                if isinstance(value, tf.Tensor) and hasattr(value, "graph"):
                    return value.graph
    return None


class _Referred:
    """A gradient function that its graph keeps alive."""

    def __init__(self, gradient: Callable):
        self._gradient = weakref.ref(gradient)

    def __call__(self, *arguments: Any) -> Any:
        gradient = self._gradient()
        if gradient is None:
            raise LookupError("custom gradient: expected its graph to be alive, received none.")
        return gradient(*arguments)
