"""What is particular to Keras cells: their states, inputs, weights and closed forms.

Serves cells of Keras 3 and of ``tf_keras`` alike (their weights have the same layout).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fixedpoint_tf.systems.cells import closed_forms
from fixedpoint_tf.systems.system import StateLayout

__all__ = [
    "call_cell",
    "closed_form",
    "input_width",
    "is_cell",
    "is_legacy",
    "layout",
    "name_of",
    "standard_kind",
    "unchanged",
]


def is_legacy(thing: Any) -> bool:
    """Whether an object comes from (or inherits from) ``tf_keras``."""
    return any(base.__module__.split(".")[0] == "tf_keras" for base in type(thing).__mro__)


def is_cell(thing: Any) -> bool:
    """Whether an object follows the cell contract: ``state_size`` and a call with states."""
    return hasattr(thing, "state_size") and callable(thing) and not isinstance(thing, type)


def name_of(thing: Any) -> str:
    """What errors call a layer or cell; a cell need not be a layer, nor have a name."""
    return getattr(thing, "name", type(thing).__name__)


def standard_kind(cell: Any) -> str | None:
    """Name of the standard cell, for exactly that class: a subclass may compute anything."""
    modules, name = type(cell).__module__.split("."), type(cell).__name__
    if modules[0] not in ("keras", "tf_keras") or modules[-1] == "legacy_cells":
        return None  # TensorFlow 1 has cells of the same names and other weights.
    return name if name in ("SimpleRNNCell", "GRUCell", "LSTMCell", "StackedRNNCells") else None


def _is_convolutional(cell: Any) -> bool:
    """Whether the states have further dimensions, which ``state_size`` does not tell."""
    return (
        any(
            base.__name__.startswith("ConvLSTM")
            and base.__module__.startswith(("keras", "tf_keras"))
            for base in type(cell).__mro__
        )
        or len(_build_shape(cell) or ()) > 2
    )


def _state_size(cell: Any) -> Any:
    """``state_size`` with the states in the order in which a call takes them.

    A stack of ``tf_keras`` made with ``reverse_state_order`` tells them in another one.
    """
    if standard_kind(cell) == "StackedRNNCells":
        return [_state_size(inner) for inner in cell.cells]
    return cell.state_size


def _state_shapes(cell: Any, name: str) -> list[tuple[int, ...]]:
    """Shape of each state of a cell, without the batch axis, in order."""
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
                f"rnn: state_size of {name!r} must be a whole number or a list of them; "
                f"got {cell.state_size!r}."
            )

    collect(_state_size(cell))
    return shapes


def layout(cell: Any, name: str) -> StateLayout:
    """Names and sizes of the states: h; h and c; ``layer0.h`` and so on in a stack."""
    if _is_convolutional(cell):
        raise ValueError(
            f"rnn: the states of {name!r} ({type(cell).__name__}) must be vectors; "
            "convolutional states have further dimensions."
        )
    shapes = _state_shapes(cell, name)
    if not shapes or any(len(shape) != 1 or not shape[0] >= 1 for shape in shapes):
        raise ValueError(
            f"rnn: the states of {name!r} ({type(cell).__name__}) must be vectors of at least "
            f"one unit; its state_size is {cell.state_size!r}."
        )
    return StateLayout(tuple(_state_names(cell, len(shapes))), tuple(s[0] for s in shapes))


def _state_names(cell: Any, n: int) -> list[str]:
    kind = standard_kind(cell)
    if kind == "StackedRNNCells":
        names = []
        for k, inner in enumerate(cell.cells):
            inner_names = _state_names(inner, len(_state_shapes(inner, "")))
            names += [f"layer{k}.{name}" for name in inner_names]
        return names
    if kind == "LSTMCell":
        return ["h", "c"]
    return ["h"] if n == 1 else [f"state{k}" for k in range(n)]


def call_cell(cell: Any, h: tf.Tensor, u: tf.Tensor, sizes: tuple[int, ...]) -> tf.Tensor:
    """New flat states of a cell, dropout off."""

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
    """Shape of the input that a layer or cell was built for, where it remembers."""
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
    """Number of inputs a built cell takes, or None where nothing tells."""
    kind = standard_kind(cell)
    if kind == "StackedRNNCells":
        return input_width(cell.cells[0], owner)
    kernel = getattr(cell, "kernel", None) if getattr(cell, "built", True) else None
    if kind is not None and kernel is not None:
        return int(kernel.shape[0])
    for thing in (cell, owner):
        shape = _build_shape(thing)
        if shape and isinstance(shape[-1], (int, np.integer)):
            return int(shape[-1])
    return None


def _activation_name(function: Any) -> str | None:
    """The activation's name where a closed form knows its derivative."""
    known: dict[str, list[Any]] = {
        "tanh": [keras.activations.tanh, tf.tanh, tf.nn.tanh],
        "sigmoid": [keras.activations.sigmoid, tf.sigmoid, tf.nn.sigmoid],
        "relu": [keras.activations.relu, tf.nn.relu],
        "linear": [keras.activations.linear],
    }
    for name, functions in known.items():
        if any(function is candidate for candidate in functions):
            return name
    if function is None:
        return "linear"
    if getattr(function, "__module__", "").startswith("tf_keras."):
        name = getattr(function, "__name__", "")
        return name if name in known else None
    return None


def _reader(*variables: Any) -> Callable[[str], tuple[tf.Tensor, ...]]:
    def read(dtype: str) -> tuple[tf.Tensor, ...]:
        return tuple(tf.cast(tf.convert_to_tensor(v), dtype) for v in variables)

    return read


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
    cells = [cell] if standard_kind(cell) != "StackedRNNCells" else list(cell.cells)
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
    """Return what a cell holds under a name; a method only where the cell itself has one."""
    return vars(cell).get("call") if name == "call" else getattr(cell, name, None)


def closed_form(cell: Any) -> tuple[Any, Callable[[str], Any]] | None:
    """Equations with exact Jacobians and a reader of the weights, or None."""
    kind = standard_kind(cell)
    if kind is None:
        return None
    if kind == "StackedRNNCells":
        parts = [part for part in map(closed_form, cell.cells) if part is not None]
        if len(parts) < len(cell.cells):
            return None
        layers: list[Any] = []
        for equations, _ in parts:  # a stack in a stack is one taller stack
            layers += getattr(equations, "layers", [equations])

        def read_all(dtype: str) -> tuple:
            w: list[Any] = []
            for equations, read_part in parts:
                weights = read_part(dtype)
                w += weights if hasattr(equations, "layers") else [weights]
            return tuple(w)

        return closed_forms.Stacked(tuple(layers)), read_all
    activation = _activation_name(cell.activation)
    if activation is None:
        return None
    n = int(cell.recurrent_kernel.shape[0])
    bias = cell.bias if cell.use_bias else None
    if kind == "SimpleRNNCell":
        zero = np.zeros(n)
        read = _reader(cell.kernel, cell.recurrent_kernel, zero if bias is None else bias)
        return closed_forms.SimpleRNN(n, activation), read
    gate = _activation_name(cell.recurrent_activation)
    if gate is None:
        return None
    if kind == "LSTMCell":
        zero = np.zeros(4 * n)
        read = _reader(cell.kernel, cell.recurrent_kernel, zero if bias is None else bias)
        return closed_forms.LSTM(n, activation, gate), read
    reset_after = bool(cell.reset_after)

    def read_gru(dtype: str) -> tuple[tf.Tensor, ...]:
        kernel, recurrent_kernel = _reader(cell.kernel, cell.recurrent_kernel)(dtype)
        zero = tf.zeros([3 * n], dtype)
        if bias is None:
            return kernel, recurrent_kernel, zero, zero
        b = tf.cast(tf.convert_to_tensor(bias), dtype)
        if reset_after:
            return kernel, recurrent_kernel, b[0], b[1]
        return kernel, recurrent_kernel, b, zero

    return closed_forms.GRU(n, activation, gate, reset_after), read_gru
