"""``as_system``: from whatever a user has trained to a :class:`DynamicalSystem`.

One function a kind of object, chosen by its type; every precise complaint about what can
not be analysed is made here, before any work.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.checks import check_eager, check_whole
from fixedpoint_tf._utils.compiling import undisturbed
from fixedpoint_tf.systems import cloning, functions, keras_cells
from fixedpoint_tf.systems.cells.equations import CellEquations
from fixedpoint_tf.systems.cells.registry import closed_form
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.differentiation.finite_differences import Differenced
from fixedpoint_tf.systems.models.model_path import ModelPath
from fixedpoint_tf.systems.system import DynamicalSystem, Residual, StateLayout
from fixedpoint_tf.systems.user_objects import shared_objects
from fixedpoint_tf.systems.user_objects.changes import Unchanged
from fixedpoint_tf.systems.user_objects.side_effects import LiveCall, seeds_kept, state_kept
from fixedpoint_tf.systems.validation.derivatives import check_derivatives
from fixedpoint_tf.systems.validation.first_call import check_differentiated, check_numbers

__all__ = ["as_system"]

_ACCEPTED = (
    "a Keras cell, an RNN layer, a keras.Model, the path of a .keras file, "
    "a tf_keras cell or layer, or a function f(h, u) with n_states and n_inputs"
)

logger = logging.getLogger(__name__)

HALF = {"float16": 2.0**-11, "bfloat16": 2.0**-8}  # their rounding

# Closed forms whose derivatives were checked. Equal ones compute the same of any weights.
_CHECKED: set[tuple[Any, str]] = set()


def as_system(
    rnn: Any,
    *,
    layer: str | None = None,
    n_states: int | None = None,
    n_inputs: int | None = None,
    time: str = "discrete",
    bounds: tuple[Any, Any] | None = None,
    dtype: str | None = None,
    derivatives: str = "automatic",
) -> DynamicalSystem:
    """Make a trained network ready for analysis, without changing it.

    Args:
        rnn: a Keras 3 or ``tf_keras`` cell or RNN layer; a ``keras.Model`` with an RNN
            layer in it, or the path of its ``.keras`` file; a function ``f(h, u)`` of
            TensorFlow operations from states ``(n, n_states)`` and inputs
            ``(n, n_inputs)`` to new states, each row by itself; or a
            :class:`DynamicalSystem`, returned as it is.
        layer: name of the RNN layer, for a model that has several.
        n_states: number of states, for a function.
        n_inputs: number of inputs, for a function or a cell that does not know it.
        time: ``"discrete"`` (the network maps a state to the next one) or
            ``"continuous"`` (it gives ``dh/dt``; a point is stable where the eigenvalues
            have negative real parts).
        bounds: ``(lower, upper)``, numbers or ``(n_states,)``, of a box that holds every
            fixed point, where one is known. Cells in closed form know theirs.
        dtype: the one floating type a function can be evaluated in; default: found by
            trying.
        derivatives: ``"automatic"``: closed forms of the standard cells and of registered
            ones (:func:`fixedpoint_tf.systems.cells.register_cell`), and automatic
            differentiation of all others, refused where it does not give the derivatives
            of the update. ``"differences"``: central differences for all others, which
            networks need that call NumPy or have surrogate gradients. They are exact to
            some 1e-10 of their size (1e-4 in single precision) and take ``2 n_states``
            evaluations each.

    Returns:
        The system. It reads the weights at each call, so it follows further training. What
        is no variable (a number, array or function that the update refers to) is compiled
        in; where it was changed since, the system says so and refuses.

    Raises:
        TypeError, ValueError: what came cannot be analysed, and why.

    Example:
        >>> cell = keras.layers.GRUCell(4, name="gru")
        >>> cell.build((None, 3))
        >>> as_system(cell)
        DynamicalSystem(gru: discrete, states h (4); 3 inputs)
        >>> leaky = as_system(lambda h, u: u - h, n_states=2, n_inputs=2, time="continuous")
        >>> leaky.step([[1.0, 0.0]], [[0.0, 0.0]]).numpy()
        array([[-1., -0.]])
    """
    if time not in ("discrete", "continuous"):
        raise ValueError(f"time: expected 'discrete' or 'continuous', received {time!r}.")
    if derivatives not in ("automatic", "differences"):
        raise ValueError(
            f"derivatives: expected 'automatic' or 'differences', received {derivatives!r}."
        )
    check_eager("systems and finders")
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"Keras: expected the TensorFlow backend, received {backend!r}. Set "
            "KERAS_BACKEND=tensorflow before Keras is first imported."
        )
    with undisturbed(), seeds_kept():
        system = _adapt(rnn, _Given(layer, n_states, n_inputs, time, bounds, dtype))
        if derivatives == "differences" and isinstance(system.equations, Autodiff):
            if system is rnn:
                raise ValueError(
                    "derivatives: expected 'automatic' for a DynamicalSystem, which has its "
                    "own, received 'differences'."
                )
            differenced = Differenced(system.equations.step_for, system.n_states)
            differenced.to_double = system.equations.to_double
            system.residual = Residual(differenced, system.time)
        elif system is not rnn and (system.equations, system.time) not in _CHECKED:
            if isinstance(system.equations, Autodiff):
                check_numbers(system)
                check_differentiated(system)
            check_derivatives(system)
            if not isinstance(system.equations, Autodiff):
                _CHECKED.add((system.equations, system.time))
    return system


@dataclasses.dataclass(frozen=True)
class _Given:
    """Arguments of ``as_system`` beside the network, which each kind of it takes or refuses."""

    layer: str | None
    n_states: int | None
    n_inputs: int | None
    time: str
    bounds: tuple[Any, Any] | None
    dtype: str | None


@functools.singledispatch
def _adapt(rnn: Any, given: _Given) -> DynamicalSystem:
    if isinstance(rnn, type):
        raise TypeError(
            f"rnn: expected {_ACCEPTED}, received the class {rnn.__name__}: make one."
        )
    if keras_cells.is_legacy(rnn):
        return _adapt_legacy(rnn, given)
    if keras_cells.is_cell(rnn):
        return _from_cell(rnn, given)
    if isinstance(rnn, keras.layers.Layer):
        return _from_container(rnn, keras.layers, given)
    if callable(rnn):
        return _from_function(rnn, given)
    raise TypeError(f"rnn: expected {_ACCEPTED}, received {type(rnn).__name__}.")


@_adapt.register
def _(rnn: DynamicalSystem, given: _Given) -> DynamicalSystem:
    said = [name for name, value in vars(given).items() if value not in (None, "discrete")]
    if said:
        raise ValueError(
            f"{said[0]}: expected None beside a DynamicalSystem, received "
            f"{getattr(given, said[0])!r}."
        )
    return rnn


@_adapt.register(str)
@_adapt.register(os.PathLike)
def _(rnn: str | os.PathLike, given: _Given) -> DynamicalSystem:
    path = os.fspath(rnn)
    if not os.path.isfile(path):
        raise ValueError(
            f"rnn: expected {_ACCEPTED}, received the path {path!r}, which is no file."
        )
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file
        raise ValueError(
            f"rnn: expected a model that Keras can load, received {path!r}: {error} A model "
            "with classes of your own, or of tf_keras, is best loaded by yourself and passed "
            "as it is; of an LFADS model, lfads_tf.load_model(path).generator."
        ) from error
    return _adapt(model, given)


@_adapt.register
def _(rnn: keras.layers.RNN, given: _Given) -> DynamicalSystem:
    return _from_layer(rnn, given)


@_adapt.register
def _(rnn: keras.layers.Bidirectional, given: _Given) -> DynamicalSystem:
    raise _bidirectional(rnn)


def _bidirectional(layer) -> TypeError:
    return TypeError(
        f"rnn: the layer {layer.name!r} is Bidirectional: two networks that run in opposite "
        "directions and have fixed points of their own. Say which direction to take: pass "
        f"its .forward_layer ({layer.forward_layer.name!r}) or .backward_layer "
        f"({layer.backward_layer.name!r})."
    )


def _from_container(model, kinds, given: _Given) -> DynamicalSystem:
    """Adapt the only RNN layer of a model, or of any layer with layers inside; or the named.

    Args:
        model: a layer of the library whose layers ``kinds`` holds.
        kinds: ``keras.layers`` or ``tf_keras.layers``.
        given: arguments of ``as_system``.
    """
    layers = list(model._flatten_layers(include_self=False, recursive=True))
    wrappers = [x for x in layers if isinstance(x, kinds.Bidirectional)]
    inner = {id(d) for w in wrappers for d in (w.forward_layer, w.backward_layer)}
    rnns = [x for x in layers if isinstance(x, kinds.RNN)]
    what = f"the model {model.name!r}" if _is_model(model) else f"the layer {model.name!r}"
    if not rnns:
        if not layers:
            raise TypeError(
                f"rnn: expected {_ACCEPTED}, received {what} of type {type(model).__name__}, "
                "which has no state_size and is no RNN."
            )
        listed = [f"{x.name} ({type(x).__name__})" for x in layers]
        cell = getattr(model, "generator", None)  # of a generative model, such as LFADS
        hint = " Give its cell: rnn=model.generator." if hasattr(cell, "state_size") else ""
        raise ValueError(
            f"rnn: expected an RNN layer in {what}, received layers {listed}.{hint}"
        )
    if given.layer is not None:
        found = [x for x in [*rnns, *wrappers] if x.name == given.layer]
        if not found:
            raise ValueError(
                f"layer: expected an RNN layer of {what}, one of "
                f"{[x.name for x in [*rnns, *wrappers]]}, received {given.layer!r}."
            )
    else:
        found = [x for x in [*rnns, *wrappers] if id(x) not in inner]
    if len(found) > 1:
        raise ValueError(
            f"rnn: expected one RNN layer in {what}, received {len(found)}: "
            f"{[x.name for x in found]}. Name one of them with layer=, or pass the layer "
            "itself."
        )
    if isinstance(found[0], kinds.Bidirectional):
        raise _bidirectional(found[0])
    return _from_layer(found[0], dataclasses.replace(given, layer=None), model)


def _is_model(thing) -> bool:
    return any(base.__name__ == "Model" for base in type(thing).__mro__)


def _from_layer(layer, given: _Given, model=None) -> DynamicalSystem:
    system = _from_cell(layer.cell, given, owner=layer)
    system.path = ModelPath(layer if model is None else model, layer)
    return system


def _from_cell(cell, given: _Given, *, owner=None) -> DynamicalSystem:
    layer, n_states, n_inputs = given.layer, given.n_states, given.n_inputs
    name = keras_cells.name_of(cell if owner is None else owner)
    if layer is not None:
        raise ValueError(
            f"layer: expected None beside {name!r}, which is no model with layers to name, "
            f"received {layer!r}."
        )
    layout = keras_cells.layout(cell, name)
    if n_states not in (None, layout.n_states):
        raise ValueError(
            f"n_states: expected {layout.n_states}, as {name!r} has it, received {n_states!r}."
        )
    width = keras_cells.input_width(cell, owner)
    if not getattr(cell, "built", True):
        known = "n_inputs" if n_inputs is None else n_inputs
        raise ValueError(
            f"rnn: expected {name!r} ({type(cell).__name__}) with its weights, received one "
            f"that is not built. Call it once, or call .build((None, {known}))."
        )
    if width is None and n_inputs is None:
        raise ValueError(
            f"n_inputs: expected the number of inputs of {name!r} ({type(cell).__name__}), "
            "which does not remember it, received None."
        )
    if n_inputs is not None and width is not None and n_inputs != width:
        raise ValueError(
            f"n_inputs: expected {width}, as {name!r} was built, received {n_inputs!r}."
        )
    if width is None:
        n_inputs = check_whole(n_inputs, "n_inputs", 0, for_=f" for {name!r}")
    else:
        n_inputs = width
    with state_kept(cell):
        equations, read, dtypes, bounds = _equations(
            cell, name, layout, n_inputs, given.time, given.bounds, given.dtype
        )
    native = str(getattr(cell, "compute_dtype", None))
    if native in HALF:
        logger.warning(
            "%r computes in %s, in which every state is rounded to %.0e of its size. Studied "
            "is the network of the same weights in double precision: its fixed points are "
            "those of the %s network to within that rounding, where they are not steeper or "
            "nearer to each other than that.", name, native, HALF[native], native,
        )  # fmt: skip
    return DynamicalSystem(
        equations,
        read,
        layout,
        n_inputs,
        time=given.time,
        bounds=_box(bounds, layout.n_states),
        dtypes=dtypes,
        name=name,
    )


def _equations(cell, name, layout, n_inputs, time, bounds, dtype):
    """Equations of a built cell, the reader of its weights, its types and its box."""
    closed = None if shared_objects.is_patched(cell) else closed_form(cell)
    if closed is not None:
        form, read = closed
        registered = not keras_cells.is_all_standard(cell)
        watched = Unchanged(cell, name) if registered else None
        check = keras_cells.unchanged(cell) if watched is None else watched.check
        if registered:
            _check_form(cell, form, name, layout)
        if cloning.agrees(cell, form, read, layout, n_inputs, in_double=registered):
            if watched is not None:
                watched.settle()
            if bounds is None and time == "discrete":
                bounds = form.bounds()
            return form, _checked(read, check), ("float32", "float64"), bounds
        if registered:
            raise ValueError(
                f"rnn: expected the step of {form} to be the update of {name!r}, received "
                "other new states than those of its call. Correct what is registered for "
                f"{type(cell).__name__}, or let from_cell return None for such cells."
            )
        # Something in it was replaced: its own call decides.
    unchanged = Unchanged(cell, name)
    if hasattr(cell, "compute_dtype"):
        equations, read, dtypes = cloning.differentiable(cell, n_inputs, layout)
    else:  # a plain object that follows the cell contract
        live = LiveCall(functools.partial(_call_flat, cell, layout.sizes), cell, name)
        dtypes = functions.working_types(live, layout.n_states, n_inputs, dtype, name)
        equations, read = Autodiff(lambda dtype: live), live.read
        _call_once(live.update, layout.n_states, n_inputs, dtypes[1])
    unchanged.settle()
    return equations, _checked(read, unchanged.check), dtypes, bounds


def _check_form(cell, form: CellEquations, name: str, layout: StateLayout) -> None:
    """Refuse registered equations of another number of states, or that cannot be compared."""
    try:
        hash(form)
    except TypeError as error:
        raise ValueError(
            f"rnn: expected fields of {type(form).__name__} that can be compared (numbers, "
            f"words, tuples), received {form}: arrays are weights."
        ) from error
    if form.n_states != layout.n_states:
        raise ValueError(
            f"rnn: expected equations of {name!r} ({type(cell).__name__}) with n_states = "
            f"{layout.n_states}, received {form} with {form.n_states}."
        )


def _checked(read: Callable[[str], Any], check: Callable[[], None]) -> Callable[[str], Any]:
    """Return a reader of weights that checks the cell first."""

    def read_checked(dtype: str) -> Any:
        check()
        return read(dtype)

    return read_checked


def _call_once(update, n_states: int, n_inputs: int, dtype: str) -> None:
    """Show what a call changes: where it is tried, all is put back at once."""
    update(tf.zeros([1, n_states], dtype), tf.zeros([1, n_inputs], dtype))


def _call_flat(cell, sizes, h, u):
    return keras_cells.call_cell(cell, h, u, sizes)


def _adapt_legacy(rnn, given: _Given) -> DynamicalSystem:
    """Adapt a cell, layer or model of ``tf_keras``, which its maker has imported."""
    legacy = sys.modules["tf_keras"]
    if isinstance(rnn, legacy.layers.Bidirectional):
        raise _bidirectional(rnn)
    if isinstance(rnn, legacy.layers.RNN):
        return _from_layer(rnn, given)
    if keras_cells.is_cell(rnn):
        return _from_cell(rnn, given)
    if isinstance(rnn, legacy.layers.Layer):
        return _from_container(rnn, legacy.layers, given)
    raise TypeError(f"rnn: expected {_ACCEPTED}, received {type(rnn).__name__} of tf_keras.")


def _from_function(function, given: _Given) -> DynamicalSystem:
    name = getattr(function, "__name__", type(function).__name__)
    if given.layer is not None:
        raise ValueError(
            f"layer: expected None beside {name!r}, which is a function, received "
            f"{given.layer!r}."
        )
    for_ = f" for {name!r}"
    layout = StateLayout(("h",), (check_whole(given.n_states, "n_states", for_=for_),))
    n_inputs = check_whole(given.n_inputs, "n_inputs", 0, for_=for_)
    live = LiveCall(function, function, name)
    with state_kept(function):
        unchanged = Unchanged(function, name)
        dtypes = functions.working_types(live, layout.n_states, n_inputs, given.dtype, name)
        _call_once(function, layout.n_states, n_inputs, dtypes[1])
        unchanged.settle()
    return DynamicalSystem(
        Autodiff(lambda dtype: live),
        _checked(live.read, unchanged.check),
        layout,
        n_inputs,
        time=given.time,
        bounds=_box(given.bounds, layout.n_states),
        dtypes=dtypes,
        name=name,
    )


def _box(bounds, n_states: int) -> tuple[np.ndarray, np.ndarray] | None:
    if bounds is None:
        return None
    try:
        lower, upper = (np.broadcast_to(np.asarray(b, float), (n_states,)) for b in bounds)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"bounds: expected (lower, upper), numbers or arrays of shape ({n_states},), "
            f"received {bounds!r}."
        ) from error
    if not np.all(lower < upper):
        raise ValueError(
            f"bounds: expected lower < upper in every coordinate, received {bounds!r}."
        )
    return lower.copy(), upper.copy()
