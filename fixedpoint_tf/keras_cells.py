"""What is particular to Keras cells: their states, inputs, weights and clones.

Serves cells of Keras 3 and of ``tf_keras`` alike (their weights have the same layout).
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fixedpoint_tf import closed_forms
from fixedpoint_tf.jacobians import Autodiff
from fixedpoint_tf.system import StateLayout

__all__ = [
    "closed_form",
    "differentiable",
    "input_width",
    "is_cell",
    "is_legacy",
    "layout",
    "state_shapes",
]

logger = logging.getLogger(__name__)


def is_legacy(thing: Any) -> bool:
    """Whether an object comes from (or inherits from) ``tf_keras``."""
    return any(base.__module__.split(".")[0] == "tf_keras" for base in type(thing).__mro__)


def is_cell(thing: Any) -> bool:
    """Whether an object follows the cell contract: ``state_size`` and a call with states."""
    return hasattr(thing, "state_size") and not hasattr(thing, "cell")


def _kind(cell: Any) -> str | None:
    """Name of the standard cell, for exactly that class: a subclass may compute anything."""
    module, name = type(cell).__module__.split(".")[0], type(cell).__name__
    if module not in ("keras", "tf_keras"):
        return None
    return name if name in ("SimpleRNNCell", "GRUCell", "LSTMCell", "StackedRNNCells") else None


def state_shapes(cell: Any, name: str) -> list[tuple[int, ...]]:
    """Shape of each state of a cell, without the batch axis, in order."""
    sizes = cell.state_size
    if isinstance(sizes, (int, np.integer)):
        sizes = [sizes]
    if isinstance(sizes, tf.TensorShape):
        sizes = [sizes]
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

    collect(list(sizes) if isinstance(sizes, (list, tuple)) else sizes)
    return shapes


def layout(cell: Any, name: str) -> StateLayout:
    """Names and sizes of the states: h; h and c; ``layer0.h`` and so on in a stack."""
    shapes = state_shapes(cell, name)
    if any(len(shape) != 1 for shape in shapes):
        raise ValueError(
            f"rnn: the states of {name!r} must be vectors; got shapes {shapes} "
            "(convolutional states have further dimensions)."
        )
    return StateLayout(tuple(_state_names(cell, len(shapes))), tuple(s[0] for s in shapes))


def _state_names(cell: Any, n: int) -> list[str]:
    kind = _kind(cell)
    if kind == "StackedRNNCells":
        names = []
        for k, inner in enumerate(cell.cells):
            inner_names = _state_names(inner, len(state_shapes(inner, "")))
            names += [f"layer{k}.{name}" for name in inner_names]
        return names
    if kind == "LSTMCell":
        return ["h", "c"]
    return ["h"] if n == 1 else [f"state{k}" for k in range(n)]


def input_width(cell: Any, owner: Any = None) -> int | None:
    """Number of inputs a built cell takes, or None where nothing tells."""
    if _kind(cell) == "StackedRNNCells":
        return input_width(cell.cells[0], owner)
    kernel = getattr(cell, "kernel", None) if cell.built else None
    if _kind(cell) is not None and kernel is not None:
        return int(kernel.shape[0])
    for thing in (cell, owner):
        config = thing.get_build_config() if hasattr(thing, "get_build_config") else None
        shape = (config or {}).get("input_shape")
        if shape and isinstance(shape[-1], (int, np.integer)):
            return int(shape[-1])
    return None


def _activation_name(function: Any, kind: Any) -> str | None:
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


def closed_form(cell: Any) -> tuple[Any, Callable[[str], Any]] | None:
    """Equations with exact Jacobians and a reader of the weights, or None."""
    kind = _kind(cell)
    if kind is None:
        return None
    if kind == "StackedRNNCells":
        if getattr(cell, "reverse_state_order", False):
            return None
        parts = [closed_form(inner) for inner in cell.cells]
        if any(part is None for part in parts):
            return None
        layers = tuple(part[0] for part in parts if part is not None)
        readers = [part[1] for part in parts if part is not None]
        return closed_forms.Stacked(layers), lambda dtype: tuple(r(dtype) for r in readers)
    activation = _activation_name(cell.activation, kind)
    if activation is None:
        return None
    n = int(cell.recurrent_kernel.shape[0])
    bias = cell.bias if cell.use_bias else None
    if kind == "SimpleRNNCell":
        zero = np.zeros(n)
        read = _reader(cell.kernel, cell.recurrent_kernel, zero if bias is None else bias)
        return closed_forms.SimpleRNN(activation), read
    gate = _activation_name(cell.recurrent_activation, kind)
    if gate is None:
        return None
    if kind == "LSTMCell":
        zero = np.zeros(4 * n)
        read = _reader(cell.kernel, cell.recurrent_kernel, zero if bias is None else bias)
        return closed_forms.LSTM(activation, gate), read
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

    return closed_forms.GRU(activation, gate, reset_after), read_gru


def _rewrite_dtype(config: Any, dtype: str) -> Any:
    """A configuration with every dtype in it, at any depth, replaced."""
    if isinstance(config, dict):
        return {
            key: dtype if key == "dtype" else _rewrite_dtype(value, dtype)
            for key, value in config.items()
        }
    if isinstance(config, (list, tuple)):
        return type(config)(_rewrite_dtype(value, dtype) for value in config)
    return config


def _clone(cell: Any, dtype: str) -> Any:
    """An unbuilt copy of a cell that computes in ``dtype``."""
    if _kind(cell) == "StackedRNNCells":
        return type(cell)([_clone(inner, dtype) for inner in cell.cells])
    return type(cell).from_config(_rewrite_dtype(cell.get_config(), dtype))


def _call(cell: Any, h: tf.Tensor, u: tf.Tensor, sizes: tuple[int, ...]) -> tf.Tensor:
    """New flat states of a cell, dropout off."""
    states = tf.split(h, list(sizes), axis=-1)
    if _kind(cell) == "StackedRNNCells":
        flat_sizes = [len(state_shapes(inner, "")) for inner in cell.cells]
        nested, start = [], 0
        for count in flat_sizes:
            part = states[start : start + count]
            nested.append(part if count > 1 else part[0])
            start += count
        states = nested
    takes_training = "training" in inspect.signature(cell.call).parameters
    options = {"training": False} if takes_training else {}
    _, new_states = cell(u, states, **options)
    return tf.concat(tf.nest.flatten(new_states), axis=-1)


def differentiable(
    cell: Any, n_inputs: int, state_layout: StateLayout
) -> tuple[Autodiff, Callable[[str], Any], tuple[str, str]]:
    """Equations of a cell with no closed form, by clones that compute in each type.

    The clones are built from the cell's own configuration and take over its weights each
    time they are read, so the cell itself is neither cast nor touched. A cell that cannot
    be cloned is called itself, in its own type.
    """
    sizes = state_layout.sizes
    try:
        clones = {d: _built_clone(cell, d, n_inputs, sizes) for d in ("float32", "float64")}
        _take_over(cell, clones["float64"])
        _check_same(cell, clones["float64"], n_inputs, sizes)
    except Exception as error:  # noqa: BLE001 - a user's own get_config may raise anything
        native = str(cell.compute_dtype)
        logger.warning(
            "%s cannot be cloned from its configuration (%s: %s), so it is evaluated in %s "
            "throughout: fixed points are then only as exact as that type. A get_config "
            "that gives every argument of __init__ mends it.",
            type(cell).__name__, type(error).__name__, error, native,
        )  # fmt: skip
        if native not in ("float32", "float64"):
            raise ValueError(
                f"rnn: {cell.name!r} computes in {native} and cannot be cloned in float32 "
                f"({error}); give its class a get_config."
            ) from error
        step = lambda dtype: lambda h, u: _call(cell, h, u, sizes)  # noqa: E731
        return Autodiff(step), lambda dtype: (), (native, native)

    def read(dtype: str) -> tuple[()]:
        _take_over(cell, clones[dtype])
        return ()

    step = lambda dtype: lambda h, u: _call(clones[dtype], h, u, sizes)  # noqa: E731
    return Autodiff(step), read, ("float32", "float64")


def _take_over(cell: Any, clone: Any) -> None:
    for target, source in zip(clone.weights, cell.weights, strict=True):
        target.assign(tf.cast(tf.convert_to_tensor(source), target.dtype))


def _check_same(cell: Any, clone: Any, n_inputs: int, sizes: tuple[int, ...]) -> None:
    """A get_config that forgets an argument makes a clone that computes something else."""
    rng = np.random.default_rng(0)
    h, u = rng.normal(size=(4, sum(sizes))), rng.normal(size=(4, n_inputs))
    native = str(cell.compute_dtype)
    ours = _call(clone, tf.constant(h), tf.constant(u), sizes).numpy()
    theirs = tf.cast(_call(cell, tf.cast(h, native), tf.cast(u, native), sizes), "float64")
    tolerance = 1e-4 if native in ("float32", "float64") else 0.1
    error = float(np.max(np.abs(ours - theirs.numpy()), initial=0.0))
    if not error <= tolerance * (1.0 + float(np.max(np.abs(ours), initial=0.0))):
        raise ValueError(f"the clone's new states differ from the cell's by {error:.3g}")


def _built_clone(cell: Any, dtype: str, n_inputs: int, sizes: tuple[int, ...]) -> Any:
    clone = _clone(cell, dtype)
    h, u = tf.zeros([1, sum(sizes)], dtype), tf.zeros([1, n_inputs], dtype)
    image = _call(clone, h, u, sizes)
    shapes = [tuple(w.shape) for w in clone.weights]
    expected = [tuple(w.shape) for w in cell.weights]
    if shapes != expected:
        raise ValueError(f"the clone has weights of shapes {shapes}, the cell {expected}")
    if image.dtype.name != dtype:
        raise ValueError(f"the clone computes in {image.dtype.name}, not in {dtype}")
    return clone
