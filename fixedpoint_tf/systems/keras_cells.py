"""Keras cells: their states, inputs and calls.

Serves cells of Keras 3 and of ``tf_keras`` alike (their weights have the same layout).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from fixedpoint_tf.systems.cells.registry import is_standard, kind_of
from fixedpoint_tf.systems.cells.stacked import is_stack
from fixedpoint_tf.systems.system import StateLayout

__all__ = [
    "call_cell",
    "input_width",
    "is_all_standard",
    "is_cell",
    "is_legacy",
    "layout",
    "name_of",
    "unchanged",
]


def is_legacy(thing: Any) -> bool:
    """Test whether the class of an object comes or inherits from ``tf_keras``."""
    return any(base.__module__.split(".")[0] == "tf_keras" for base in type(thing).__mro__)


def is_cell(thing: Any) -> bool:
    """Test whether an object has the cell's interface, ``state_size`` and a call."""
    return hasattr(thing, "state_size") and callable(thing) and not isinstance(thing, type)


def name_of(thing: Any) -> str:
    """Return a name of a layer or cell for errors, also for objects without a name."""
    return getattr(thing, "name", type(thing).__name__)


def is_all_standard(cell: Any) -> bool:
    """Test whether a cell, or each in a stack, is a standard one with equations."""
    inner = cell.cells if is_stack(cell) else []
    return is_standard(cell) and all(map(is_all_standard, inner))


def _is_convolutional(cell: Any) -> bool:
    """Test whether states have further dimensions, which ``state_size`` does not show."""
    return (
        any(
            base.__name__.startswith("ConvLSTM")
            and base.__module__.startswith(("keras", "tf_keras"))
            for base in type(cell).__mro__
        )
        or len(_build_shape(cell) or ()) > 2
    )


def _state_size(cell: Any) -> Any:
    """Return ``state_size`` in call order, also for ``reverse_state_order`` in ``tf_keras``."""
    if is_stack(cell):
        return [_state_size(inner) for inner in cell.cells]
    return cell.state_size


def _state_shapes(cell: Any, name: str) -> list[tuple[int, ...]]:
    """Return the shape of each state of a cell, without the batch axis, in order."""
    shapes: list[tuple[int, ...]] = []

    def collect(size):
        if isinstance(size, (int, np.integer)):
            shapes.append((int(size),))
        elif isinstance(size, tf.TensorShape):
            shapes.append(tuple(size.as_list()))
        elif isinstance(size, (list, tuple)):
            for part in size:
                collect(part)
        else:
            raise ValueError(
                f"rnn: expected a state_size of {name!r} that is a whole number or a list of "
                f"them, received {cell.state_size!r}."
            )

    collect(_state_size(cell))
    return shapes


def layout(cell: Any, name: str) -> StateLayout:
    """Return names and sizes of the states, such as h, or h and c, or ``layer0.h``."""
    if _is_convolutional(cell):
        raise ValueError(
            f"rnn: expected states of {name!r} ({type(cell).__name__}) that are vectors, "
            "received convolutional states, which have further dimensions."
        )
    shapes = _state_shapes(cell, name)
    if not shapes or any(len(shape) != 1 or not shape[0] >= 1 for shape in shapes):
        raise ValueError(
            f"rnn: expected states of {name!r} ({type(cell).__name__}) that are vectors of at "
            f"least one unit, received a state_size of {cell.state_size!r}."
        )
    return StateLayout(tuple(_state_names(cell, len(shapes))), tuple(s[0] for s in shapes))


def _state_names(cell: Any, n: int) -> list[str]:
    if is_stack(cell):
        names = []
        for k, inner in enumerate(cell.cells):
            inner_names = _state_names(inner, len(_state_shapes(inner, "")))
            names += [f"layer{k}.{name}" for name in inner_names]
        return names
    kind = kind_of(cell)
    if kind is not None and kind.state_names:
        if len(set(kind.state_names)) != n or len(kind.state_names) != n:
            raise ValueError(
                f"rnn: expected {kind.__name__} to name the {n} states of {name_of(cell)!r}, "
                f"received the state_names {kind.state_names}."
            )
        return list(kind.state_names)
    return ["h"] if n == 1 else [f"state{k}" for k in range(n)]


def call_cell(cell: Any, h: tf.Tensor, u: tf.Tensor, sizes: tuple[int, ...]) -> tf.Tensor:
    """Return the new flat states of a cell, with dropout off."""

    def nest(size, states):
        if isinstance(size, (list, tuple)):
            return [nest(part, states) for part in size]
        return next(states)

    nested = nest(_state_size(cell), iter(tf.split(h, list(sizes), axis=-1)))
    if not isinstance(nested, list):
        nested = [nested]  # as the RNN layer passes it
    call = getattr(cell, "call", cell)
    takes_training = "training" in inspect.signature(call).parameters
    options = {"training": False} if takes_training else {}
    _forget_masks(cell)
    _, new_states = cell(u, nested, **options)
    _forget_masks(cell)
    return tf.concat(tf.nest.flatten(new_states), axis=-1)


def _forget_masks(cell: Any) -> None:
    """Drop the dropout masks that cells of ``tf_keras`` keep even where dropout is off."""
    if is_legacy(cell) and hasattr(cell, "_flatten_layers"):
        for layer in cell._flatten_layers():
            for reset in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
                getattr(layer, reset, lambda: None)()


def _build_shape(thing: Any) -> tuple | None:
    """Return the input shape that a layer or cell was built for, or None."""
    config = thing.get_build_config() if hasattr(thing, "get_build_config") else None
    if not config:
        return None
    shapes = config.get("shapes_dict", config)
    for key in ("input_shape", "inputs_shape", "sequences_shape"):
        shape = shapes.get(key)
        if isinstance(shape, (tuple, list, tf.TensorShape)) and len(shape):
            return tuple(shape)
    return None


def input_width(cell: Any, owner: Any = None) -> int | None:
    """Return the number of inputs of a built cell, or None if unknown."""
    if is_stack(cell):
        return input_width(cell.cells[0], owner)
    kernel = getattr(cell, "kernel", None) if getattr(cell, "built", True) else None
    if is_standard(cell) and kernel is not None:
        return int(kernel.shape[0])
    for thing in (cell, owner):
        shape = _build_shape(thing)
        if shape and isinstance(shape[-1], (int, np.integer)):
            return int(shape[-1])
    return None


_PARTS = (
    "activation", "recurrent_activation", "kernel", "recurrent_kernel", "bias", "call",
    "use_bias", "reset_after",
)  # fmt: skip


def unchanged(cell: Any) -> Callable[[], None]:
    """Make a check that the parts of a standard cell are those it has now.

    The values of its variables may change, as in training; the variables, the activations
    and the call may not, since equations were made of them.

    Args:
        cell: a built standard cell, or a stack of them.

    Returns:
        A function that raises a ValueError where a part was replaced.
    """
    cells = list(cell.cells) if is_stack(cell) else [cell]
    nested = [unchanged(inner) for inner in cells if inner is not cell]
    parts = {name: _part(cell, name) for name in _PARTS}

    def check() -> None:
        for name, part in parts.items():
            now = _part(cell, name)
            if now is not part:
                raise ValueError(
                    f"rnn: expected the {name} of {name_of(cell)!r} to be the one that it had "
                    "when the system was made, received another. Make a new "
                    "FixedPointFinder of it."
                )
        if nested and [id(inner) for inner in cell.cells] != [id(inner) for inner in cells]:
            raise ValueError(
                f"rnn: expected the cells of {name_of(cell)!r} to be those that it had when "
                "the system was made, received others. Make a new FixedPointFinder of it."
            )
        for inner in nested:
            inner()

    return check


def _part(cell: Any, name: str) -> Any:
    """Return a cell's attribute by name, ``call`` only if the object itself has one."""
    return vars(cell).get("call") if name == "call" else getattr(cell, name, None)
