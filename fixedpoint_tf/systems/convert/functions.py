"""Functions ``f(h, u)`` of a user's own as systems, and the types in which they compute."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from fixedpoint_tf._utils.checks import ArgumentTypeError, check_whole
from fixedpoint_tf.systems.convert.arguments import Given, checked_box, with_check
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.system import DynamicalSystem, StateLayout
from fixedpoint_tf.systems.user_objects.changes import Unchanged
from fixedpoint_tf.systems.user_objects.side_effects import LiveCall, state_kept
from fixedpoint_tf.systems.validation.determinism import check_map

__all__ = ["call_once", "from_function", "working_types"]


def from_function(function: Callable, given: Given) -> DynamicalSystem:
    """Make a system of a function."""
    name = getattr(function, "__name__", type(function).__name__)
    if given.layer is not None:
        raise ValueError(
            f"layer: expected None beside {name!r}, which is a function, received "
            f"{given.layer!r}."
        )
    for argument, size, least in (
        ("n_states", given.n_states, 1),
        ("n_inputs", given.n_inputs, 0),
    ):
        if size is None:
            raise ArgumentTypeError(
                f"{argument}: expected a whole number of at least {least} for {name!r}, "
                "received None. A function needs both sizes, n_states= and n_inputs=."
            )
    for_ = f" for {name!r}"
    layout = StateLayout(("h",), (check_whole(given.n_states, "n_states", for_=for_),))
    n_inputs = check_whole(given.n_inputs, "n_inputs", 0, for_=for_)
    live = LiveCall(function, function, name)
    with state_kept(function):
        unchanged = Unchanged(function, name)
        dtypes = working_types(live, layout.n_states, n_inputs, given.dtype, name)
        call_once(function, layout.n_states, n_inputs, dtypes[1])
        unchanged.settle()
    return DynamicalSystem(
        Autodiff(lambda dtype: live),
        with_check(live.read, unchanged.check),
        layout,
        n_inputs,
        time=given.time,
        bounds=checked_box(given.bounds, layout.n_states),
        dtypes=dtypes,
        name=name,
        variables=live.variables,
    )


def call_once(update, n_states: int, n_inputs: int, dtype: str) -> None:
    """Call an update for what it changes, which is put back at once where it is tried."""
    update(tf.zeros([1, n_states], dtype), tf.zeros([1, n_inputs], dtype))


def working_types(
    function: Callable, n_states: int, n_inputs: int, dtype: str | None, name: str
) -> tuple[str, str]:
    """Return the floating types in which a function can be evaluated, found by trying.

    Args:
        function: ``f(h, u)``.
        n_states: width of its states.
        n_inputs: width of its inputs.
        dtype: the only type to be tried; default: both.
        name: its name in errors.

    Returns:
        The types for the search and for the result.

    Raises:
        TypeError, ValueError: it is no map of states, or no TensorFlow function.

    Example:
        >>> working_types(lambda h, u: 0.5 * h, 2, 1, None, "halve")
        ('float32', 'float64')
    """
    if dtype not in (None, "float32", "float64"):
        raise ValueError(f"dtype: expected 'float32' or 'float64', received {dtype!r}.")
    working, errors = [], []
    for candidate in ("float32", "float64") if dtype is None else (dtype,):
        h = tf.constant([[0.0] * n_states, [0.1] * n_states], candidate)
        u = tf.zeros([2, n_inputs], candidate)
        try:
            image, alone = function(h, u), function(h[:1], u[:1])
        except (TypeError, ValueError, tf.errors.InvalidArgumentError) as error:
            errors.append(f"{candidate}: {error}")
            continue
        _check_function(h, image, alone, name)
        if not image.dtype.is_floating:
            errors.append(f"{candidate}: it returns {image.dtype.name}")
            continue
        check_map(function, name, n_states, n_inputs, candidate)
        if image.dtype.name == candidate:
            working.append(candidate)
        else:
            errors.append(f"{candidate}: it returns {image.dtype.name}")
    if not working:
        raise ValueError(
            f"rnn: expected a function {name!r} of states (n, {n_states}) and inputs "
            f"(n, {n_inputs}) that keeps their type, received one that fails: "
            f"{'; '.join(errors)}"
        )
    if isinstance(function, LiveCall):
        function.prepare(n_states, n_inputs, working[-1])
    return working[0], working[-1]


def _check_function(h, image, alone, name: str) -> None:
    """Refuse a function whose values show that it is no map of each state by itself."""
    if not tf.is_tensor(image):
        raise TypeError(
            f"rnn: expected a function {name!r} that returns a TensorFlow tensor, so that it "
            f"can be differentiated, received {type(image).__name__}."
        )
    if image.shape != h.shape:
        raise ValueError(
            f"rnn: expected a function {name!r} that returns the next states, of shape "
            f"(n, {h.shape[1]}), received {tuple(image.shape)} for n = 2."
        )
    if alone.shape != (1, h.shape[1]):
        raise ValueError(
            f"rnn: expected a function {name!r} that maps each state by itself, received "
            f"{tuple(alone.shape)} of one row."
        )
