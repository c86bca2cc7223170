"""Copies of cells without a closed form, which compute in each floating type.

A cell computes in the type it was made in. A search wants single precision for its speed
and double precision for its truth, so the cell is made anew from its own configuration in
both, and the copies take over its weights each time they are read.
"""

from __future__ import annotations

import contextlib
import logging
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fixedpoint_tf.systems.cells.equations import CellEquations
from fixedpoint_tf.systems.cells.registry import is_standard
from fixedpoint_tf.systems.cells.stacked import is_stack
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.keras_cells import call_cell, is_legacy, name_of
from fixedpoint_tf.systems.system import StateLayout
from fixedpoint_tf.systems.user_objects.shared_objects import shared_parts, variables
from fixedpoint_tf.systems.user_objects.side_effects import LiveCall
from fixedpoint_tf.systems.validation.determinism import check_map

__all__ = ["differentiable"]

logger = logging.getLogger(__name__)

_TYPES = ("float32", "float64")
COPIED = (
    "A cell that can be copied from its configuration, by a get_config that holds every "
    "argument of its __init__, is evaluated in double precision."
)
CONSTANTS = (
    "Numbers in the cell's call that are cast to the type of its states give double precision."
)
_ACTIVATIONS = ("activation", "recurrent_activation")


def differentiable(
    cell: Any, n_inputs: int, layout: StateLayout
) -> tuple[Autodiff, Callable[[str], Any], tuple[str, str]]:
    """Make automatically differentiated equations of a cell, in single and double precision.

    The cell itself is neither cast nor touched. One that cannot be copied is called
    itself, in its own type.

    Args:
        cell: a built cell, a layer of Keras 3 or ``tf_keras``.
        n_inputs: width of its input.
        layout: layout of its states.

    Returns:
        The equations; the reader of the weights, which brings the copies up to date; and
        the types for the search and for the result.

    Raises:
        ValueError: the cell cannot be called, or only in half precision.
    """
    sizes, name = layout.sizes, name_of(cell)
    native = str(cell.compute_dtype)
    _check_call(cell, native, n_inputs, layout, name)
    types = ("float64", "float64") if n_inputs == 0 else _TYPES  # see preactivation
    try:
        _check_own_variables(cell)
        clones = {d: _built_clone(cell, d, n_inputs, sizes) for d in dict.fromkeys(types)}
        pairs = {dtype: _pairs(clone, cell) for dtype, clone in clones.items()}
        _take_over(pairs["float64"])
        _check_same(cell, clones["float64"], native, n_inputs, sizes)
    except Exception as error:  # noqa: BLE001 - a user's own get_config may raise anything
        reason = f"{type(error).__name__}: {_brief(error)}"
        if native not in _TYPES:
            raise ValueError(
                f"rnn: expected a network in float32 or float64, received {name!r}, which "
                f"computes in {native} and cannot be copied in float32 ({reason}). Give "
                f"{type(cell).__name__} a get_config that holds every argument of its __init__."
            ) from error
        logger.warning(
            "%s cannot be copied from its configuration (%s), so it is evaluated in %s "
            "throughout: fixed points are then only as exact as that type. If get_config is "
            "the reason, let it return every argument of __init__.",
            type(cell).__name__, reason, native,
        )  # fmt: skip
        live = LiveCall(lambda h, u: call_cell(cell, h, u, sizes), cell, name)
        live.prepare(layout.n_states, n_inputs, native)
        return Autodiff(lambda dtype: live, COPIED), live.read, (native, native)

    def read(dtype: str) -> tuple[()]:
        _take_over(pairs[dtype])
        return ()

    step = lambda dtype: lambda h, u: call_cell(clones[dtype], h, u, sizes)  # noqa: E731
    return Autodiff(step, CONSTANTS), read, types


def agrees(
    cell: Any,
    equations: CellEquations,
    read: Callable[[str], Any],
    layout: StateLayout,
    n_inputs: int,
    *,
    in_double: bool = False,
) -> bool:
    """Compare a closed form with the cell's own call at random states of three scales.

    Args:
        cell: a built cell.
        equations: its closed form.
        read: reader of its weights.
        layout: layout of its states.
        n_inputs: width of its input.
        in_double: compare in double precision, where the cell can be copied.
    """
    native, called = str(cell.compute_dtype), cell
    if in_double and native != "float64":
        called = _double_of(cell, native, n_inputs, layout.sizes) or cell
        native = native if called is cell else "float64"
    rng = np.random.default_rng(1)
    scale = np.repeat([0.1, 1.0, 3.0], 2)[:, None]
    h = scale * rng.normal(size=(6, layout.n_states))
    u = scale * rng.normal(size=(6, n_inputs))
    own = call_cell(called, tf.cast(h, native), tf.cast(u, native), layout.sizes)
    own = tf.cast(own, "float64").numpy()
    ours = equations.step(read("float64"), tf.constant(h), tf.constant(u)).numpy()
    width = np.sqrt(layout.n_states + n_inputs)
    exact = {"float64": 1e-12, "float32": 1e-4}.get(native, 0.1) * width
    known = np.isfinite(own)  # of others more is said later on
    return bool((np.abs(ours - own) <= exact * (1.0 + np.abs(own)))[known].all())


def _double_of(cell: Any, native: str, n_inputs: int, sizes: tuple[int, ...]) -> Any | None:
    """Return a copy in double precision, where its configuration makes one that is the same."""
    try:
        clone = _built_clone(cell, "float64", n_inputs, sizes)
        _take_over(_pairs(clone, cell))
        _check_same(cell, clone, native, n_inputs, sizes)
    except Exception:  # noqa: BLE001 - a user's own get_config may raise anything
        return None
    return clone


def _check_own_variables(cell: Any) -> None:
    """Refuse to copy a cell with variables of which Keras does not know."""
    known = {id(part) for weight in _all_variables(cell) for part in _parts(weight)}
    unknown = [v for v in variables(cell) if not known & {id(part) for part in _parts(v)}]
    if unknown:
        raise ValueError(
            f"it has {len(unknown)} variables that Keras does not track, such as "
            f"{unknown[0].name!r}; make them with add_weight"
        )


def _all_variables(cell: Any) -> list[Any]:
    return [*_weights(cell), *getattr(cell, "variables", [])]


def _parts(variable: Any) -> list[Any]:
    """Return a variable of Keras and the one of TensorFlow in it."""
    return [part for part in (variable, getattr(variable, "_value", None)) if part is not None]


def _brief(error: Exception) -> str:
    """Return the beginning of a message, since Keras's can fill a screen."""
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}..."


def _check_call(cell: Any, dtype: str, n_inputs: int, layout: StateLayout, name: str) -> None:
    h, u = tf.zeros([2, layout.n_states], dtype), tf.zeros([2, n_inputs], dtype)
    try:
        image = call_cell(cell, h, u, layout.sizes)
    except Exception as error:  # noqa: BLE001 - a user's own call may raise anything
        raise ValueError(
            f"rnn: expected {name!r} to accept inputs (n, {n_inputs}) and states of widths "
            f"{list(layout.sizes)}, and nothing else, received an error of its call on zeros: "
            f"{type(error).__name__}: {_brief(error)}"
        ) from error
    if tuple(image.shape) != (2, layout.n_states):
        raise ValueError(
            f"rnn: expected {name!r} to return new states of widths {list(layout.sizes)}, as "
            f"its state_size says, received {image.shape[-1]} columns together."
        )
    check_map(
        lambda h, u: call_cell(cell, h, u, layout.sizes), name, layout.n_states, n_inputs, dtype
    )


@contextlib.contextmanager
def _making_layers_in(dtype: str, legacy: bool) -> Iterator[None]:
    """Make layers compute in ``dtype``, and restore the global settings afterwards."""
    state = random.getstate()
    if legacy:
        precision = sys.modules["tf_keras"].mixed_precision
        get, set_ = precision.global_policy, precision.set_global_policy
    else:
        get, set_ = keras.config.dtype_policy, keras.config.set_dtype_policy
    policy = get()
    try:
        set_(dtype)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of a lambda in a configuration
            yield
    finally:
        set_(policy)
        random.setstate(state)


def _in_type(config: Any, dtype: str) -> Any:
    """Replace every dtype in a configuration, and drop Keras's ``build_config`` entries."""
    if isinstance(config, dict):
        return {
            key: dtype if key == "dtype" else _in_type(value, dtype)
            for key, value in config.items()
            if key != "build_config"
        }
    if isinstance(config, (list, tuple)):
        return type(config)(_in_type(value, dtype) for value in config)
    return config


def _clone(cell: Any, dtype: str, made: dict[int, Any]) -> Any:
    """Return an unbuilt copy of a cell, one for a cell that occurs twice in a stack."""
    if id(cell) not in made:
        made[id(cell)] = _fresh(cell, dtype, made)
    return made[id(cell)]


def _fresh(cell: Any, dtype: str, made: dict[int, Any]) -> Any:
    if is_stack(cell):
        return type(cell)([_clone(inner, dtype, made) for inner in cell.cells])
    config = _in_type(cell.get_config(), dtype)
    functions = {}
    if is_standard(cell):  # any function at all may be the activation of a standard cell
        functions = {key: getattr(cell, key) for key in _ACTIVATIONS if key in config}
        config |= dict.fromkeys(functions, "linear")
    classes = {type(layer).__name__: type(layer) for layer in cell._flatten_layers()}
    scope = sys.modules["tf_keras"].utils if is_legacy(cell) else keras.saving
    with scope.custom_object_scope(classes):
        clone = type(cell).from_config(config)
    for key, function in functions.items():
        if hasattr(function, "get_config"):  # a layer, which must not be shared
            function = type(function).from_config(_in_type(function.get_config(), dtype))
        setattr(clone, key, function)
    shared = shared_parts(cell, clone)
    if shared:
        names = ", ".join(sorted({type(part).__name__ for part in shared}))
        raise ValueError(f"the copy would share {names} with it")
    for layer in clone._flatten_layers():
        if is_legacy(cell):
            layer._set_dtype_policy(dtype)
        else:
            layer.dtype_policy = dtype
    return clone


def _built_clone(cell: Any, dtype: str, n_inputs: int, sizes: tuple[int, ...]) -> Any:
    with _making_layers_in(dtype, is_legacy(cell)):
        clone = _clone(cell, dtype, {})
        if is_standard(cell):
            clone.build((None, n_inputs))
        h, u = tf.zeros([1, sum(sizes)], dtype), tf.zeros([1, n_inputs], dtype)
        image = call_cell(clone, h, u, sizes)
    if image.dtype.name != dtype:
        raise ValueError(f"the copy computes in {image.dtype.name}, not in {dtype}")
    return clone


def _weights(cell: Any) -> list[Any]:
    """Return the weights in an order that does not depend on which of them are frozen."""
    if not is_legacy(cell):
        return cell.weights
    unique = {}
    for layer in cell._flatten_layers():
        for weight in [*layer._trainable_weights, *layer._non_trainable_weights]:
            unique[id(weight)] = weight
    return list(unique.values())


def _pairs(clone: Any, cell: Any) -> list[tuple[Any, Any]]:
    ours, theirs = _weights(clone), _weights(cell)
    shapes = [[tuple(w.shape) for w in weights] for weights in (ours, theirs)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"the copy has weights of shapes {shapes[0]}, the cell {shapes[1]}")
    return list(zip(ours, theirs, strict=True))


def _take_over(pairs: list[tuple[Any, Any]]) -> None:
    for target, source in pairs:
        target.assign(tf.cast(tf.convert_to_tensor(source), target.dtype))


def _check_same(
    cell: Any, clone: Any, native: str, n_inputs: int, sizes: tuple[int, ...]
) -> None:
    """Refuse a copy that computes something else, as after an incomplete get_config."""
    rng = np.random.default_rng(0)
    h, u = rng.normal(size=(4, sum(sizes))), rng.normal(size=(4, n_inputs))
    ours = call_cell(clone, tf.constant(h), tf.constant(u), sizes).numpy()
    theirs = call_cell(cell, tf.cast(h, native), tf.cast(u, native), sizes)
    tolerance = 1e-4 if native in _TYPES else 0.1
    error = float(np.max(np.abs(ours - tf.cast(theirs, "float64").numpy()), initial=0.0))
    if not error <= tolerance * (1.0 + float(np.max(np.abs(ours), initial=0.0))):
        raise ValueError(f"the copy's new states differ from the cell's by {error:.3g}")
