r"""Form of a cell kind: its update, its exact Jacobians, its box, its bounds within balls.

Each kind is a subclass of :class:`CellEquations`, a frozen dataclass in a file of its own. It
holds no array, only the number of units and the choices that change the computation: two
networks of one kind and size are equal and share one compiled solver, whatever their
weights. (Sizes are no affair of the weights alone: TensorFlow forgets the shapes of
arguments that differ from call to call.)

A closed form costs one elementwise product a matrix, where reverse-mode differentiation
costs one backward pass a row (4 to 20 times as much, measured).
"""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf.systems.cells.couplings import Couplings
from fixedpoint_tf.systems.cells.curvature import BallBounds
from fixedpoint_tf.systems.cells.fixed_point_map import FixedPointMap
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear

__all__ = ["CellEquations", "Settled", "is_self_map", "preactivation", "scale_rows"]


class CellEquations(abc.ABC):
    r"""Equations of one kind of cell, as pure functions of weights, states and inputs.

    A subclass is a frozen dataclass whose fields hold the settings of the computation, apart
    from the weights. ``w`` below are the weights as :meth:`weights` lists them, in the floating
    type of the states ``h``, ``(n, n_states)``, and of the inputs ``u``, ``(n, n_inputs)``.
    :func:`~fixedpoint_tf.systems.cells.register_cell` assigns it to a Keras class.

    Attributes:
        units: number of outputs, which are the first of the states.
        state_names: names of the states in their order; default: ``h``, or ``state0`` and so
            on.

    Example:
        >>> import keras
        >>> from fixedpoint_tf import as_system
        >>> cell = keras.layers.GRUCell(3)
        >>> cell.build((None, 2))
        >>> as_system(cell).equations
        GRU(units=3, activation='tanh', recurrent_activation='sigmoid', reset_after=True)
    """

    units: int
    state_names: ClassVar[tuple[str, ...]] = ()

    @classmethod
    @abc.abstractmethod
    def from_cell(cls, cell: Any) -> CellEquations | None:
        """Return the equations of a built Keras cell, or None if they do not describe it.

        Args:
            cell: a built Keras cell.
        """

    @staticmethod
    @abc.abstractmethod
    def weights(cell: Any) -> tuple[Any, ...]:
        """List the variables (or arrays) of a cell in the order in which ``step`` has them.

        Args:
            cell: a built Keras cell.
        """

    @abc.abstractmethod
    def step(self, w: Any, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """Return the next states, ``(n, n_states)``.

        Args:
            w: weights as :meth:`weights` lists them.
            h: states ``(n, n_states)``.
            u: inputs ``(n, n_inputs)``.
        """

    @abc.abstractmethod
    def jacobian(self, w: Any, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        r"""Return the Jacobian :math:`\partial F / \partial h`, ``(n, n_states, n_states)``.

        Arguments: see :meth:`step`.
        """

    @abc.abstractmethod
    def input_jacobian(self, w: Any, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        r"""Return the Jacobian :math:`\partial F / \partial u`, ``(n, n_states, n_inputs)``.

        Arguments: see :meth:`step`.
        """

    def settled_step(self, w: Any, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """Return the states at rest if the gates and candidates of this step stayed constant.

        The fixed points are those of ``step``. A gate that keeps nearly all of a state makes
        the residual of ``step`` small at any state, fixed or not; the residual here stays large
        away from fixed points. For cells without such a gate this is the step itself.

        Arguments: see :meth:`step`.
        """
        return self.step(w, h, u)

    @property
    def settles_exactly(self) -> bool:
        """True if ``settled_step`` has no fixed points but those of ``step``."""
        return False

    def settled_jacobian(self, w: Any, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """Return the derivative of ``settled_step`` by the states.

        Arguments: see :meth:`step`.
        """
        return self.jacobian(w, h, u)

    def settled_input_jacobian(self, w: Any, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """Return the derivative of ``settled_step`` by the inputs.

        Arguments: see :meth:`step`.
        """
        return self.input_jacobian(w, h, u)

    @property
    def n_states(self) -> int:
        """Width of the flat state."""
        return self.units

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return ``(lower, upper)``, ``(n_states,)`` each: a box around every fixed point."""
        unbounded = np.full(self.n_states, np.inf)
        return -unbounded, unbounded

    @property
    def is_self_map(self) -> bool:
        """Test whether a box that holds every fixed point is mapped into itself, proved."""
        return False

    @property
    def is_smooth(self) -> bool:
        """True if Jacobians are continuous, so that there are no kinks to look for."""
        return False

    @property
    def has_ball_bounds(self) -> bool:
        """True if certificates are proofs, that is, if :meth:`ball_bounds` is defined."""
        return type(self).ball_bounds is not CellEquations.ball_bounds

    def ball_bounds(self, w: Any, *, jumps: bool = False) -> BallBounds:
        """Bound how fast the Jacobian changes within balls, and the errors of rounding.

        Without this method certificates are supported by samples, not proved. Build it from
        :func:`~fixedpoint_tf.systems.cells.elementwise`, as ``curvature.py`` describes.

        Args:
            w: weights, arrays in double precision.
            jumps: thresholds of ReLU units count as jumps, and not as infinite curvature.

        Returns:
            ``(h, below, radius) -> answers``: from states ``(n, n_states)``, inputs as
            :func:`~fixedpoint_tf.systems.cells.affine` takes them and radii ``(n,)`` to the
            bounds of each state in order, that of the output first.
        """
        raise NotImplementedError(f"{type(self).__name__} has no bounds within balls")

    def fixed_point_map(self, w: Any, u: Interval) -> FixedPointMap | None:
        """Return a map of intervals with the same fixed points, in a box that holds them all.

        Without it the fixed points cannot be proved to be all.

        Args:
            w: weights, arrays in double precision.
            u: the constant input, ``(n_inputs,)``.

        Returns:
            None where no bounded box holds all fixed points.
        """
        return None

    def couplings(self, w: Any) -> Couplings | None:
        """Return the couplings between units, which show independent blocks and symmetries.

        Args:
            w: weights, arrays in double precision.

        Returns:
            None where the equations do not determine them.
        """
        return None

    def piecewise_linear(self, w: Any) -> PiecewiseLinear | None:
        """Return the ReLU network with the same fixed points, where it is one.

        With it all fixed points can be proved to be all: see
        :func:`fixedpoint_tf.analysis.prove_complete`. The cell may be leaky, ``x' = x + a (F(x)
        - x)`` with ``0 < a <= 1``: a :class:`PiecewiseLinear` describes ``F``.

        Args:
            w: weights, arrays in double precision.
        """
        return None


def is_self_map(system: Any) -> bool:
    """Test a system for a cell that is proved to map a box of all fixed points into itself.

    Args:
        system: a :class:`~fixedpoint_tf.DynamicalSystem`.

    Example:
        >>> import keras
        >>> from fixedpoint_tf import as_system
        >>> cells = keras.layers.SimpleRNNCell(3), keras.layers.SimpleRNNCell(3, "relu")
        >>> for cell in cells:
        ...     cell.build((None, 2))
        >>> [is_self_map(as_system(cell)) for cell in cells]
        [True, False]
    """
    equations = system.equations
    known = system.time == "discrete" and isinstance(equations, CellEquations)
    return known and equations.is_self_map


@dataclasses.dataclass(frozen=True)
class Settled:
    """Equations of a cell whose states rest at once: see :meth:`CellEquations.settled_step`."""

    cell: CellEquations

    def step(self, w: Any, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        return self.cell.settled_step(w, h, u)

    def jacobian(self, w: Any, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        return self.cell.settled_jacobian(w, h, u)

    def input_jacobian(self, w: Any, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        return self.cell.settled_input_jacobian(w, h, u)


def preactivation(w: Any, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """Return ``u K + h R + b`` of the weights ``(K, R, b)``, with zeros for a missing bias.

    Args:
        w: ``(n_inputs, d)``, ``(units, d)`` and ``(d,)``.
        h: ``(n, units)``.
        u: ``(n, n_inputs)``, which may have no columns.

    Returns:
        ``(n, d)``.

    Example:
        >>> w = tf.constant([[2.0]]), tf.constant([[3.0]]), tf.constant([0.5])
        >>> preactivation(w, tf.constant([[1.0]]), tf.constant([[10.0]])).numpy().tolist()
        [[23.5]]
    """
    kernel, recurrent_kernel, bias = w
    inner = tf.matmul(h, recurrent_kernel) + bias
    # oneDNN ends the whole process at a product with inputs of no width.
    return inner if u.shape[-1] == 0 else tf.matmul(u, kernel) + inner


def scale_rows(coefficients: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Return ``diag(c) K^T`` for each row ``c`` of coefficients: (n, d), (k, d) -> (n, d, k).

    That is the Jacobian of an elementwise function with the slopes ``c``, by what enters it
    through the kernel ``K``.

    Args:
        coefficients: slopes, ``(n, d)``.
        kernel: ``(k, d)``.

    Example:
        >>> scale_rows(tf.constant([[2.0]]), tf.constant([[3.0], [4.0]])).numpy().tolist()
        [[[6.0, 8.0]]]
    """
    return coefficients[:, :, None] * tf.transpose(kernel)[None]
