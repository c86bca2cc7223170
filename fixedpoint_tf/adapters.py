"""``as_system``: from whatever a user has trained to a :class:`DynamicalSystem`.

One function a kind of object, chosen by its type; every precise complaint about what can
not be analysed is made here, before any work.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fixedpoint_tf import keras_cells
from fixedpoint_tf.jacobians import Autodiff
from fixedpoint_tf.system import DynamicalSystem, StateLayout

__all__ = ["as_system"]

_ACCEPTED = (
    "a Keras cell, an RNN layer, a keras.Model, the path of a .keras file, "
    "a tf_keras cell or layer, or a function f(h, u) with n_states and n_inputs"
)


def as_system(
    rnn: Any,
    *,
    layer: str | None = None,
    n_states: int | None = None,
    n_inputs: int | None = None,
    kind: str = "discrete",
    bounds: tuple[Any, Any] | None = None,
    dtype: str | None = None,
) -> DynamicalSystem:
    """Make a trained network ready for analysis, without changing it.

    Args:
        rnn: a Keras 3 or ``tf_keras`` cell or RNN layer; a ``keras.Model`` with an RNN
            layer in it, or the path of its ``.keras`` file; a function ``f(h, u)`` of
            TensorFlow operations from states ``(n, n_states)`` and inputs
            ``(n, n_inputs)`` to new states; or a :class:`DynamicalSystem`, returned as it
            is.
        layer: name of the RNN layer, for a model that has several.
        n_states: number of states, for a function.
        n_inputs: number of inputs, for a function or a cell that does not know it.
        kind: ``"discrete"`` (the network maps a state to the next one) or
            ``"continuous"`` (it gives ``dh/dt``; a point is stable where the eigenvalues
            have negative real parts).
        bounds: ``(lower, upper)``, numbers or ``(n_states,)``, of a box that holds every
            fixed point, where one is known. The standard cells know theirs.
        dtype: the one floating type a function can be evaluated in; default: found by
            trying.

    Returns:
        The system. It reads the weights at each call, so it follows further training.

    Raises:
        TypeError, ValueError: what came cannot be analysed, and why.

    Example:
        >>> cell = keras.layers.GRUCell(4)
        >>> cell.build((None, 3))
        >>> as_system(cell)
        DynamicalSystem(gru_cell: discrete, states h (4); 3 inputs)
        >>> leaky = as_system(lambda h, u: u - h, n_states=2, n_inputs=2, kind="continuous")
        >>> leaky.step([[1.0, 0.0]], [[0.0, 0.0]]).numpy()
        array([[-1., -0.]])
    """
    if kind not in ("discrete", "continuous"):
        raise ValueError(f"kind must be 'discrete' or 'continuous'; got {kind!r}.")
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"Keras must run on the TensorFlow backend; it runs on {backend!r}. Set "
            "KERAS_BACKEND=tensorflow before Keras is first imported."
        )
    return _adapt(
        rnn,
        layer=layer,
        n_states=n_states,
        n_inputs=n_inputs,
        kind=kind,
        bounds=bounds,
        dtype=dtype,
    )


@functools.singledispatch
def _adapt(rnn: Any, **options) -> DynamicalSystem:
    if keras_cells.is_legacy(rnn):
        return _adapt_legacy(rnn, **options)
    if isinstance(rnn, keras.layers.Layer):
        if keras_cells.is_cell(rnn):
            return _from_cell(rnn, **options)
        raise TypeError(
            f"rnn must be {_ACCEPTED}; got the layer {rnn.name!r} of type "
            f"{type(rnn).__name__}, which has no state_size and is no RNN."
        )
    if callable(rnn) and not isinstance(rnn, type):
        return _from_function(rnn, **options)
    raise TypeError(f"rnn must be {_ACCEPTED}; got {type(rnn).__name__}.")


@_adapt.register
def _(rnn: DynamicalSystem, **options) -> DynamicalSystem:
    return rnn


@_adapt.register(str)
@_adapt.register(os.PathLike)
def _(rnn, **options) -> DynamicalSystem:
    path = os.fspath(rnn)
    if not os.path.isfile(path):
        raise ValueError(f"rnn must be {_ACCEPTED}; got the path {path!r}, which is no file.")
    return _adapt(keras.saving.load_model(path, compile=False), **options)


@_adapt.register
def _(rnn: keras.Model, **options) -> DynamicalSystem:
    if keras_cells.is_cell(rnn):
        return _from_cell(rnn, **options)
    layers = rnn._flatten_layers(include_self=False, recursive=True)
    return _from_model(rnn, list(layers), keras.layers.RNN, keras.layers.Bidirectional, options)


@_adapt.register
def _(rnn: keras.layers.RNN, **options) -> DynamicalSystem:
    return _from_layer(rnn, options)


@_adapt.register
def _(rnn: keras.layers.Bidirectional, **options) -> DynamicalSystem:
    raise _bidirectional(rnn)


def _bidirectional(layer) -> TypeError:
    return TypeError(
        f"rnn: the layer {layer.name!r} is Bidirectional: two networks that run in opposite "
        "directions and have fixed points of their own. Say which direction to take: pass "
        f"its .forward_layer ({layer.forward_layer.name!r}) or .backward_layer "
        f"({layer.backward_layer.name!r})."
    )


def _from_model(model, layers: Sequence[Any], rnn_type, bidirectional_type, options):
    """The only RNN layer of a model, or the one named."""
    wanted = options.pop("layer")
    wrappers = [x for x in layers if isinstance(x, bidirectional_type)]
    inner = {id(d) for w in wrappers for d in (w.forward_layer, w.backward_layer)}
    rnns = [x for x in layers if isinstance(x, rnn_type)]
    if wanted is not None:
        found = [x for x in [*rnns, *wrappers] if x.name == wanted]
        if not found:
            raise ValueError(
                f"layer must name an RNN layer of the model {model.name!r}, one of "
                f"{[x.name for x in [*rnns, *wrappers]]}; got {wanted!r}."
            )
    else:
        found = [x for x in [*rnns, *wrappers] if id(x) not in inner]
    if not found:
        kinds = [f"{x.name} ({type(x).__name__})" for x in layers]
        raise ValueError(
            f"rnn: the model {model.name!r} must have an RNN layer; its layers are {kinds}."
        )
    if len(found) > 1:
        raise ValueError(
            f"rnn: the model {model.name!r} has {len(found)} RNN layers, "
            f"{[x.name for x in found]}; name one of them with layer=."
        )
    if isinstance(found[0], bidirectional_type):
        raise _bidirectional(found[0])
    return _from_layer(found[0], {"layer": None, **options})


def _from_layer(layer, options) -> DynamicalSystem:
    cell = getattr(layer, "cell", None)
    if cell is None or len(keras_cells.state_shapes(cell, layer.name)[0]) > 1:
        raise ValueError(
            f"rnn: the layer {layer.name!r} ({type(layer).__name__}) must have states that "
            "are vectors; convolutional states have further dimensions."
        )
    return _from_cell(cell, owner=layer, **options)


def _from_cell(cell, *, owner=None, n_inputs, kind, bounds, dtype=None, **_) -> DynamicalSystem:
    name = (owner or cell).name
    width = keras_cells.input_width(cell, owner)
    if not cell.built or (width is None and n_inputs is None):
        raise ValueError(
            f"rnn: {name!r} ({type(cell).__name__}) must be built, so that the number of its "
            "inputs is known; call it once, call .build((None, n_inputs)), or pass n_inputs=."
        )
    if n_inputs is not None and width is not None and n_inputs != width:
        raise ValueError(f"n_inputs must be {width}, as {name!r} was built; got {n_inputs}.")
    n_inputs = n_inputs if width is None else width
    layout = keras_cells.layout(cell, name)
    closed = keras_cells.closed_form(cell)
    if closed is not None:
        equations, read = closed
        if bounds is None and kind == "discrete":
            bounds = equations.bounds(read("float32"))
        return DynamicalSystem(
            equations,
            read,
            layout,
            n_inputs,
            kind=kind,
            bounds=_box(bounds, layout.n_states),
            name=name,
        )
    equations, read, dtypes = keras_cells.differentiable(cell, n_inputs, layout)
    return DynamicalSystem(
        equations,
        read,
        layout,
        n_inputs,
        kind=kind,
        bounds=_box(bounds, layout.n_states),
        dtypes=dtypes,
        name=name,
    )


def _adapt_legacy(rnn, **options) -> DynamicalSystem:
    """A cell, layer or model of ``tf_keras``, which was imported by whoever made it."""
    legacy = sys.modules["tf_keras"]
    if isinstance(rnn, legacy.layers.Bidirectional):
        raise _bidirectional(rnn)
    if isinstance(rnn, legacy.layers.RNN):
        return _from_layer(rnn, options)
    if keras_cells.is_cell(rnn):
        return _from_cell(rnn, **options)
    if isinstance(rnn, legacy.Model):
        layers = list(rnn._flatten_layers(include_self=False, recursive=True))
        return _from_model(rnn, layers, legacy.layers.RNN, legacy.layers.Bidirectional, options)
    raise TypeError(f"rnn must be {_ACCEPTED}; got {type(rnn).__name__} of tf_keras.")


def _from_function(function, *, n_states, n_inputs, kind, bounds, dtype, **_):
    for argument, value in (("n_states", n_states), ("n_inputs", n_inputs)):
        if not isinstance(value, (int, np.integer)) or value < (argument == "n_states"):
            raise ValueError(
                f"{argument} must be given, a whole number, when rnn is a function f(h, u); "
                f"got {value!r}."
            )
    name = getattr(function, "__name__", type(function).__name__)
    dtypes = _working_dtypes(function, n_states, n_inputs, dtype, name)
    layout = StateLayout(("h",), (int(n_states),))
    return DynamicalSystem(
        Autodiff(lambda dtype: function),
        lambda dtype: (),
        layout,
        int(n_inputs),
        kind=kind,
        bounds=_box(bounds, layout.n_states),
        dtypes=dtypes,
        name=name,
    )


def _working_dtypes(
    function: Callable, n_states: int, n_inputs: int, dtype: str | None, name: str
) -> tuple[str, str]:
    """The types in which a function of unknown inside can be evaluated."""
    candidates = ("float32", "float64") if dtype is None else (dtype,)
    working, errors = [], []
    for candidate in candidates:
        h = tf.zeros([2, n_states], candidate)
        u = tf.zeros([2, n_inputs], candidate)
        try:
            image = function(h, u)
        except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
            errors.append(f"{candidate}: {error}")
            continue
        if not tf.is_tensor(image):
            raise TypeError(
                f"rnn: the function {name!r} must return a TensorFlow tensor, so that it can "
                f"be differentiated; got {type(image).__name__}."
            )
        if tuple(image.shape) != (2, n_states):
            raise ValueError(
                f"rnn: the function {name!r} must return the next states, of shape "
                f"(n, {n_states}); for n = 2 it returned {tuple(image.shape)}."
            )
        if image.dtype.name == candidate:
            working.append(candidate)
        else:
            errors.append(f"{candidate}: it returns {image.dtype.name}")
    if not working:
        raise ValueError(
            f"rnn: the function {name!r} must accept states (n, {n_states}) and inputs "
            f"(n, {n_inputs}) and keep their type; it failed on zeros: {'; '.join(errors)}"
        )
    return working[0], working[-1]


def _box(bounds, n_states: int) -> tuple[np.ndarray, np.ndarray] | None:
    if bounds is None:
        return None
    try:
        lower, upper = (np.broadcast_to(np.asarray(b, float), (n_states,)) for b in bounds)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"bounds must be (lower, upper), numbers or arrays of shape ({n_states},); "
            f"got {bounds!r}."
        ) from error
    if not np.all(lower < upper):
        raise ValueError(f"bounds must have lower < upper in every coordinate; got {bounds!r}.")
    return lower.copy(), upper.copy()
