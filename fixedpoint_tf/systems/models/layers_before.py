"""Read off a functional or sequential model what stands before its recurrent layer."""

from __future__ import annotations

import dataclasses
from typing import Any

from fixedpoint_tf.systems.models.recorded_inputs import contains

__all__ = ["Before", "opaque", "read_graph"]

#: Layers that hand on what they get, in inference.
_IDENTITIES = {
    "ActivityRegularization",
    "AlphaDropout",
    "Dropout",
    "GaussianDropout",
    "GaussianNoise",
    "Identity",
    "InputLayer",
    "SpatialDropout1D",
}
_LIBRARIES = ("keras", "tf_keras")


@dataclasses.dataclass(frozen=True)
class Before:
    """Operations of a model before its recurrent layer.

    Attributes:
        layers: ``name (Class)`` of each operation that may change values, in no order.
        maskers: those among them that may make a mask.
        passes_state: the layer is called with an initial state.
        passes_mask: the layer is called with a mask.
        n_calls: how often the layer is called.
    """

    layers: tuple[str, ...] = ()
    maskers: tuple[str, ...] = ()
    passes_state: bool = False
    passes_mask: bool = False
    n_calls: int = 1


def read_graph(model: Any, layer: Any) -> Before | None:
    """Return the layers before a layer, or None for a model with its own call."""
    if model is layer:
        return Before()
    graph = _graph(model)
    if graph is None:
        return None
    nodes = _nodes_before(graph, graph.outputs)
    reached = [n for n in nodes if _operation(n) is layer or contains(_operation(n), layer)]
    if len(reached) != 1:
        return Before(n_calls=len(reached))
    node, inside = reached[0], Before()
    operation = _operation(node)
    if operation is not layer:
        found = read_graph(operation, layer)
        if found is None:
            return None
        inside = found
    changing = [n for n in _nodes_before(graph, _inputs(node)) if not _is_identity(n)]
    args, options = _arguments(node)
    is_layer = operation is layer
    return Before(
        layers=tuple(dict.fromkeys(map(_name, changing))) + inside.layers,
        maskers=tuple(_name(n) for n in changing if _makes_mask(_operation(n)))
        + inside.maskers,
        passes_state=inside.passes_state
        or (is_layer and _several(args))
        or options.get("initial_state") is not None,
        passes_mask=inside.passes_mask or options.get("mask") is not None,
        n_calls=inside.n_calls,
    )


def opaque(model: Any, layer: Any) -> list[Any]:
    """List the layers around a layer that define their own call."""
    around = [x for x in model._flatten_layers() if contains(x, layer)]
    return [x for x in around if _graph(x) is None]


def _graph(model: Any) -> Any:
    """Return the functional graph that a call of the model runs, or None."""
    call = getattr(type(model), "call", None)
    ours = getattr(call, "__module__", "").split(".")[0] in _LIBRARIES
    if not ours or "call" in vars(model):
        return None
    names = [base.__name__ for base in type(model).__mro__]
    if "Sequential" in names and hasattr(model, "_functional"):
        return model._functional
    if "Functional" in names and getattr(model, "outputs", None):
        return model
    return None


def _operation(node: Any) -> Any:
    return node.operation if hasattr(node, "operation") else node.layer


def _inputs(node: Any) -> list[Any]:
    """List the symbolic tensors that a call takes, without masks."""
    tensors = node.input_tensors if hasattr(node, "arguments") else node.keras_inputs
    mask = _arguments(node)[1].get("mask")
    masks = mask if isinstance(mask, (list, tuple)) else [mask]
    return [x for x in tensors if not any(x is m for m in masks)]


def _arguments(node: Any) -> tuple[tuple, dict[str, Any]]:
    if hasattr(node, "arguments"):
        return tuple(node.arguments.args), dict(node.arguments.kwargs)
    return tuple(node.call_args), dict(node.call_kwargs)


def _several(args: tuple) -> bool:
    """Test whether a layer is called with more than its sequences."""
    return len(args) > 1 or (isinstance(args[0], list) and len(args[0]) > 1)


def _nodes_before(graph: Any, tensors: list[Any]) -> list[Any]:
    """List the calls that lead to some tensors, back to the inputs of the graph."""
    ends = {id(x) for x in graph.inputs}
    stack, seen, found = list(tensors), set(), []
    while stack:
        tensor = stack.pop()
        history = getattr(tensor, "_keras_history", None)
        if id(tensor) in ends or history is None or history[0] is None:
            continue
        node = history[0]._inbound_nodes[history.node_index]
        if id(node) not in seen:
            seen.add(id(node))
            found.append(node)
            stack += _inputs(node)
    return found[::-1]


def _is_identity(node: Any) -> bool:
    kind = type(_operation(node))
    stock = kind.__module__.split(".")[0] in _LIBRARIES and kind.__name__ in _IDENTITIES
    return stock and not _arguments(node)[1].get("training")


def _makes_mask(operation: Any) -> bool:
    """Test whether a layer may make or pass on a mask."""
    inner = getattr(operation, "_flatten_layers", None)
    return any(
        type(x).__name__ == "Masking" or getattr(x, "mask_zero", False) or _own_mask(type(x))
        for x in (inner(recursive=True) if inner is not None else ())
    )


def _own_mask(kind: type) -> bool:
    method = getattr(kind, "compute_mask", None)
    return getattr(method, "__module__", "").split(".")[0] not in _LIBRARIES


def _name(node: Any) -> str:
    operation = _operation(node)
    return f"{operation.name} ({type(operation).__name__})"
