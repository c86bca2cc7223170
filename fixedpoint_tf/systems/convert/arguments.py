"""Arguments of ``as_system`` beside the network, and checks of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import ArgumentTypeError, as_numbers, shown

__all__ = ["ACCEPTED", "Given", "checked_box", "sides_of", "with_check"]

ACCEPTED = (
    "a Keras cell, an RNN layer, a keras.Model, the path of a .keras file, "
    "a tf_keras cell or layer, or a function f(h, u) with n_states and n_inputs"
)


@dataclasses.dataclass(frozen=True)
class Given:
    """Arguments of ``as_system`` beside the network, which each kind of it takes or refuses."""

    layer: str | None
    n_states: int | None
    n_inputs: int | None
    time: str
    bounds: tuple[Any, Any] | None
    dtype: str | None


def checked_box(
    bounds: tuple[Any, Any] | None, n_states: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the sides of a box as arrays, or None."""
    if bounds is None:
        return None
    sides = sides_of(bounds, f"({n_states},)")
    try:
        lower, upper = (np.broadcast_to(side, (n_states,)) for side in sides)
    except ValueError as error:
        raise ValueError(
            f"bounds: expected (lower, upper), numbers or arrays of shape ({n_states},), "
            f"received {shown(bounds)}."
        ) from error
    if not np.all(lower < upper):
        raise ValueError(
            f"bounds: expected lower < upper in every coordinate, received {shown(bounds)}."
        )
    return lower.copy(), upper.copy()


def sides_of(bounds: Any, shape: str = "(n_states,)") -> list[np.ndarray]:
    """Return the two sides of a box as arrays, of whatever shape they are."""
    if isinstance(bounds, (tuple, list, np.ndarray)):
        sides = list(bounds)
        if len(sides) == 2:
            return [as_numbers(side, "bounds") for side in sides]
    raise ArgumentTypeError(
        f"bounds: expected (lower, upper), numbers or arrays of shape {shape}, received "
        f"{shown(bounds)}."
    )


def with_check(read: Callable[[str], Any], check: Callable[[], None]) -> Callable[[str], Any]:
    """Return a reader of weights that checks the cell first."""

    def read_checked(dtype: str) -> Any:
        check()
        return read(dtype)

    return read_checked
