"""Wrong derivatives in words, units by their names."""

from __future__ import annotations

from typing import NamedTuple

from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["WrongDerivative", "describe", "listed", "remedy", "unit_name"]

WAY_OUT = (
    "An operation in it has no gradient (tf.numpy_function, tf.py_function, rounding), hides "
    "it (tf.stop_gradient) or claims another one (surrogate, straight-through). Write it "
    "with operations that are differentiated as they are, or give derivatives='differences'"
)


class WrongDerivative(NamedTuple):
    """A unit whose derivative is not what differences give.

    Attributes:
        row: of the states that were asked about.
        unit: index in the flat state of the unit that is differentiated.
        by: index in the flat state, or in the input, of what it is differentiated by.
        by_input: whether ``by`` is an input.
        claimed: the entry of the Jacobian, at a state near that row.
        found: the same by differences.
    """

    row: int
    unit: int
    by: int
    by_input: bool
    claimed: float
    found: float


def describe(system: DynamicalSystem, wrong: list[WrongDerivative]) -> str:
    """Describe wrong derivatives and their remedy."""
    first = max(wrong, key=lambda one: abs(one.claimed - one.found))
    units = [unit_name(system, i) for i in sorted({one.unit for one in wrong})]
    by = sorted({one.by for one in wrong if one.by_input == first.by_input})
    sources = [f"u[{j}]" if first.by_input else unit_name(system, j) for j in by]
    source = f"u[{first.by}]" if first.by_input else unit_name(system, first.by)
    cut = f"by {listed(sources)}" if len(sources) < len(units) else f"of {listed(units)}"
    return (
        f"rnn: expected Jacobians of {system.name!r} that are the derivatives of its update, "
        f"received d {unit_name(system, first.unit)} / d {source} = {first.claimed:.4g}, where "
        f"differences give {first.found:.4g}; the gradient {cut} is cut or wrong. "
        f"{remedy(system)}."
    )


def remedy(system: DynamicalSystem) -> str:
    """Return the advice for wrong derivatives."""
    if isinstance(system.equations, Autodiff):
        return WAY_OUT
    return f"Correct the jacobian or input_jacobian of {system.equations}"


def listed(names: list[str]) -> str:
    """Join the first six names of units, and say how many more there are.

    Args:
        names: names of units.

    Example:
        >>> listed([f"h[{i}]" for i in range(8)])
        'h[0], h[1], h[2], h[3], h[4], h[5] and 2 more'
    """
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(names[:6]) + more


def unit_name(system: DynamicalSystem, index: int) -> str:
    """Name a coordinate of the flat state.

    Args:
        system: the network.
        index: index of the coordinate.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> unit_name(as_system(lambda h, u: 0.5 * h, n_states=4, n_inputs=0), 3)
        'h[3]'
    """
    for name, size in system.state_names:
        if index < size:
            return f"{name}[{index}]"
        index -= size
    return f"[{index}]"
