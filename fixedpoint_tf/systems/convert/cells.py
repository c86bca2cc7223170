"""Cells of Keras, ``tf_keras`` or a user's own as systems."""

from __future__ import annotations

import functools
import logging
from typing import Any

from fixedpoint_tf._utils.checks import check_whole
from fixedpoint_tf.systems import cloning, keras_cells
from fixedpoint_tf.systems.cells.equations import CellEquations
from fixedpoint_tf.systems.cells.registry import closed_form
from fixedpoint_tf.systems.convert.arguments import Given, checked_box, with_check
from fixedpoint_tf.systems.convert.functions import call_once, working_types
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.system import DynamicalSystem, StateLayout
from fixedpoint_tf.systems.user_objects import shared_objects
from fixedpoint_tf.systems.user_objects.changes import Unchanged
from fixedpoint_tf.systems.user_objects.side_effects import LiveCall, state_kept

__all__ = ["from_cell"]

logger = logging.getLogger(__name__)

HALF = {"float16": 2.0**-11, "bfloat16": 2.0**-8}  # unit roundoff of each


def from_cell(cell: Any, given: Given, *, owner: Any = None) -> DynamicalSystem:
    """Make a system of a cell, by itself or as the cell of the layer ``owner``."""
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
        equations, read, dtypes, bounds, variables = _equations(
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
        bounds=checked_box(bounds, layout.n_states),
        dtypes=dtypes,
        name=name,
        variables=variables,
    )


def _equations(cell, name, layout, n_inputs, time, bounds, dtype):
    """Return equations, weight reader, types, box and variables of a built cell."""
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
            return form, with_check(read, check), ("float32", "float64"), bounds, ()
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
        variables = shared_objects.variables(cell)
    else:  # a plain object that follows the cell contract
        live = LiveCall(functools.partial(_call_flat, cell, layout.sizes), cell, name)
        dtypes = working_types(live, layout.n_states, n_inputs, dtype, name)
        equations, read = Autodiff(lambda dtype: live), live.read
        call_once(live.update, layout.n_states, n_inputs, dtypes[1])
        variables = live.variables
    unchanged.settle()
    return equations, with_check(read, unchanged.check), dtypes, bounds, variables


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


def _call_flat(cell, sizes, h, u):
    return keras_cells.call_cell(cell, h, u, sizes)
