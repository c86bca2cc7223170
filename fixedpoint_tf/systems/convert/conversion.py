"""Conversion of whatever a user has trained to a :class:`DynamicalSystem`.

The modules beside this one convert one kind of object each; every precise complaint about what
can not be analysed is made in them, before any work.
"""

from __future__ import annotations

import os
import re
import sys
from typing import Any

import keras

from fixedpoint_tf._utils.checks import (
    ArgumentTypeError,
    check_choice,
    check_eager,
    check_fits,
    check_float_type,
    check_text,
    check_whole,
    shown,
)
from fixedpoint_tf._utils.compiling import undisturbed
from fixedpoint_tf.linearization.time_units import check_time
from fixedpoint_tf.systems import keras_cells
from fixedpoint_tf.systems.convert.arguments import ACCEPTED, Given, sides_of
from fixedpoint_tf.systems.convert.cells import from_cell
from fixedpoint_tf.systems.convert.functions import from_function
from fixedpoint_tf.systems.convert.models import (
    both_directions,
    from_layer,
    from_model,
    load_model,
)
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.differentiation.finite_differences import Differenced
from fixedpoint_tf.systems.system import DynamicalSystem, Residual
from fixedpoint_tf.systems.user_objects.side_effects import seeds_kept
from fixedpoint_tf.systems.validation.derivatives import check_derivatives
from fixedpoint_tf.systems.validation.first_call import check_differentiated, check_numbers

__all__ = ["as_system", "system_of"]

_ROWS = 16  # states, about, that a function is called with when it is looked at

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
    check_time(time)
    check_choice(derivatives, "derivatives", ("automatic", "differences"))
    check_text(layer, "layer", none=True)
    dtype = None if dtype is None else check_float_type(dtype)
    for_ = f" for {getattr(rnn, '__name__', type(rnn).__name__)!r}"
    if n_states is not None:
        check_whole(n_states, "n_states", for_=for_)
        check_fits("n_states", n_states, n_states, _ROWS)
    if n_inputs is not None:
        check_whole(n_inputs, "n_inputs", 0, for_=for_)
        check_fits("n_inputs", n_inputs, n_inputs, _ROWS)
    if bounds is not None:
        sides_of(bounds)
    check_eager("systems and finders")
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise ValueError(
            f"Keras: expected the TensorFlow backend, received {backend!r}. Set "
            "KERAS_BACKEND=tensorflow before Keras is first imported."
        )
    with undisturbed(), seeds_kept():
        system = _convert(rnn, Given(layer, n_states, n_inputs, time, bounds, dtype))
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


def system_of(system: Any) -> DynamicalSystem:
    """Return a dynamical system, converted from a network where it is not one yet.

    Args:
        system: what :func:`as_system` takes as its only argument.

    Raises:
        TypeError, ValueError: it cannot be converted; the error names ``system``.

    Example:
        >>> system_of(lambda h, u: h)
        Traceback (most recent call last):
        ...
        fixedpoint_tf._utils.checks.words.ArgumentTypeError: system: expected what as_system ...
    """
    if isinstance(system, DynamicalSystem):
        return system
    try:
        return as_system(system)
    except (TypeError, ValueError) as error:
        said = str(error)
        kind = ArgumentTypeError if isinstance(error, TypeError) else ValueError
        if re.match(r"n_(states|inputs)\b", said):  # a function does not say its sizes
            raise kind(
                "system: expected what as_system takes by itself, received "
                f"{shown(system)}. Pass as_system({said.partition(':')[0]}=..., ...) of it."
            ) from error
        if said.startswith("rnn:"):
            raise kind(said.replace("rnn:", "system:", 1)) from error
        raise


def _convert(rnn: Any, given: Given) -> DynamicalSystem:
    """Choose the conversion by the kind of object."""
    if isinstance(rnn, DynamicalSystem):
        said = [name for name, value in vars(given).items() if value not in (None, "discrete")]
        if said:
            raise ValueError(
                f"{said[0]}: expected None beside a DynamicalSystem, received "
                f"{getattr(given, said[0])!r}."
            )
        return rnn
    if isinstance(rnn, (str, os.PathLike)):
        return _convert(load_model(rnn), given)
    if isinstance(rnn, type):
        raise TypeError(
            f"rnn: expected {ACCEPTED}, received the class {rnn.__name__}: make one."
        )
    is_legacy = keras_cells.is_legacy(rnn)  # then its maker has imported tf_keras
    kinds = sys.modules["tf_keras"].layers if is_legacy else keras.layers
    if isinstance(rnn, kinds.Bidirectional):
        raise both_directions(rnn)
    if isinstance(rnn, kinds.RNN):
        return from_layer(rnn, given)
    if keras_cells.is_cell(rnn):
        return from_cell(rnn, given)
    if isinstance(rnn, kinds.Layer):
        return from_model(rnn, kinds, given)
    if callable(rnn) and not is_legacy:
        return from_function(rnn, given)
    of = " of tf_keras" if is_legacy else ""
    raise TypeError(f"rnn: expected {ACCEPTED}, received {type(rnn).__name__}{of}.")
