"""Picture of a dynamical system: its flow on a plane, and the fixed points there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from fixedpoint_tf._utils.checks import (
    ArgumentTypeError,
    as_numbers,
    check_instance,
    check_number,
    check_whole,
    shown,
)
from fixedpoint_tf.fixed_points.plotting import groups_of
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.linearization.time_units import check_time
from fixedpoint_tf.plotting.flow import plot_flow_field

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_flow"]


class System(Protocol):
    """The attributes of a dynamical system that the flow field needs."""

    n_states: int
    n_inputs: int
    time: str

    def step(self, h: Any, u: Any) -> Any:
        """Return next states, or dh/dt, of states (n, n_states) and inputs (n, n_inputs)."""


def plot_flow(
    system: System,
    points: FixedPoints | np.ndarray,
    inputs: np.ndarray | None = None,
    *,
    fps: FixedPoints | None = None,
    margin: float = 0.3,
    n_grid: int = 81,
    n_arrows: int = 21,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the flow and the speed of a system on a plane.

    The plane is that through three points or, for more points, that of their first two
    principal components. A system of two units is drawn in its own coordinates. Colour shows
    the whole speed, ``|F(h) - h|`` (continuous: ``|dh/dt|``), on a logarithmic scale; the
    arrows show the direction of the part that lies in the plane, all with the same length.

    The state may leave the plane: a place where arrows seem to meet is near a fixed point only
    if the colour is dark there too.

    Args:
        system: anything with ``step``, ``n_states``, ``n_inputs`` and ``time``.
        points: ``(n, n_states)`` or a set of points, which define the plane and the region
            shown. At least three, unless the system has two units.
        inputs: ``(n_inputs,)``, the constant input. By default that of ``points`` where
            they all have the same, else zero where there are none.
        fps: points to mark, by default ``points`` where they are a ``FixedPoints``. Those away
            from the plane are drawn faintly, at their projections.
        margin: room around the points, as a share of their extent.
        n_grid: number of places on a side of the map of speed.
        n_arrows: number of arrows on a side.
        fig: the figure to add axes to.
        ax: the axes to draw in.

    Returns:
        The figure and the axes.

    Raises:
        ValueError: too few points, points on one line, or arrays of another shape.

    Example:
        >>> import numpy as np
        >>> class Spiral:
        ...     n_states, n_inputs, time = 2, 0, "continuous"
        ...     def step(self, h, u):
        ...         return h @ np.array([[-0.1, 1.0], [-1.0, -0.1]])
        >>> fig, ax = plot_flow(Spiral(), np.array([[-1.0, -1.0], [1.0, 1.0]]))
        >>> ax.get_xlabel()
        'state 1'
    """
    if not all(hasattr(system, name) for name in ("n_states", "n_inputs", "time", "step")):
        raise ArgumentTypeError(
            f"system: expected a dynamical system, such as finder.system, received "
            f"{shown(system)}."
        )
    check_time(system.time)
    check_instance(fps, "fps", FixedPoints, none=True)
    check_number(margin, "margin", closed="low")
    check_whole(n_grid, "n_grid", 2)
    check_whole(n_arrows, "n_arrows", 2)
    states = as_numbers(
        points.xstar if isinstance(points, FixedPoints) else points,
        "points",
        n_axes=(2,),
        sizes={1: system.n_states},
        shape=f"(n, n_states={system.n_states})",
        empty=isinstance(points, FixedPoints),
        finite=True,
    )
    constant_input = _constant_input(system, points, inputs)
    from fixedpoint_tf.systems.system import DynamicalSystem  # loads TensorFlow

    if isinstance(system, DynamicalSystem):
        system.weights()  # refuses those of a training that failed
    if fps is None and isinstance(points, FixedPoints):
        fps = points

    def velocity(h: np.ndarray) -> np.ndarray:
        moved = np.asarray(system.step(h, np.tile(constant_input, (len(h), 1))), np.float64)
        return moved - h if system.time == "discrete" else moved

    groups = [] if fps is None else groups_of(fps)
    return plot_flow_field(
        velocity,
        states,
        system.time,
        groups=[(look, some.xstar) for look, some in groups],
        state_names=getattr(system, "state_names", None),
        margin=margin,
        n_grid=n_grid,
        n_arrows=n_arrows,
        fig=fig,
        ax=ax,
    )


def _constant_input(
    system: System, points: FixedPoints | np.ndarray, inputs: np.ndarray | None
) -> np.ndarray:
    if inputs is None:
        if not isinstance(points, FixedPoints) or points.inputs is None or not points.n:
            if system.n_inputs:
                raise ValueError(
                    f"inputs: expected shape (n_inputs={system.n_inputs},), received None."
                )
            return np.zeros(0)
        if np.ptp(points.inputs, axis=0).max(initial=0.0) > 0:
            raise ValueError(
                "inputs: expected one input, since the points have several; received None."
            )
        inputs = points.inputs[0]
    constant = as_numbers(inputs, "inputs", finite=True)
    if constant.shape == (1, system.n_inputs):
        constant = constant[0]
    if constant.shape != (system.n_inputs,):
        raise ValueError(
            f"inputs: expected shape (n_inputs={system.n_inputs},), received {constant.shape}."
        )
    return constant
