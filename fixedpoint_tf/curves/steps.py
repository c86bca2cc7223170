"""Lengths of the steps of a continuation, its limits, and their checks."""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf._utils.checks import check_number, check_whole
from fixedpoint_tf.systems.convert.arguments import checked_box
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["Steps", "checked_steps"]

AT_EDGE = 1e-9  # of the size of a state, beyond the bounds: rounding


@dataclasses.dataclass(frozen=True)
class Steps:
    """Hold the lengths of steps along the curve, and the limits at which to stop."""

    first: float
    longest: float
    shortest: float
    max_points: int
    lower: np.ndarray
    upper: np.ndarray
    size: float = 1.0

    def outside(self, x: np.ndarray) -> np.ndarray:
        """Test states ``(..., n_states)`` for being beyond the bounds, but for rounding."""
        slack = AT_EDGE * (self.size + np.abs(x))
        return ((x < self.lower - slack) | (x > self.upper + slack)).any(axis=-1)


def checked_steps(
    system: DynamicalSystem, size, first, longest, shortest, max_points, bounds
) -> Steps:
    """Return the options of a continuation, or a ``ValueError`` that says what is wrong."""
    first = check_number(first, "first_step")
    longest = check_number(longest, "max_step")
    shortest = check_number(shortest, "min_step")
    if shortest > longest:
        raise ValueError(
            f"min_step: expected at most max_step={longest!r}, received {shortest!r}."
        )
    if not shortest <= first <= longest:
        raise ValueError(
            "first_step: expected a length from min_step to max_step, received "
            f"{shortest!r}, {first!r}, {longest!r}."
        )
    max_points = check_whole(max_points, "max_points", least=2)
    box = checked_box(bounds, system.n_states)
    lower, upper = (system.lower, system.upper) if box is None else box
    return Steps(first, longest, shortest, max_points, lower, upper, size)
