"""Functions ``f(h, u)`` of a user's own: whether they can be analysed, and in which type."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from fixedpoint_tf.systems.user_objects.side_effects import LiveCall
from fixedpoint_tf.systems.validation.determinism import check_map

__all__ = ["working_types"]


def working_types(
    function: Callable, n_states: int, n_inputs: int, dtype: str | None, name: str
) -> tuple[str, str]:
    """The floating types in which a function can be evaluated, found by trying.

    Args:
        function: ``f(h, u)``.
        n_states: width of its states.
        n_inputs: width of its inputs.
        dtype: the only type to be tried; default: both.
        name: how errors call the function.

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
