r"""Equations whose derivatives are central differences of the update.

For networks of which automatic differentiation knows no true derivative: those that call
NumPy or SciPy (``tf.numpy_function``), hide a gradient (``tf.stop_gradient``) or claim
another one (surrogate gradients of spikes). All solvers see these derivatives and no others.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.compiling import undisturbed
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff

__all__ = ["Differenced", "central_differences"]

# The cube root of the rounding: there curvature and rounding are as large as each other.
LENGTHS = {dtype: float(np.finfo(dtype).eps) ** (1 / 3) for dtype in ("float32", "float64")}


def central_differences(
    function: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, length: tf.Tensor
) -> tf.Tensor:
    r"""Differentiate each row: :math:`(F(x + l e_j) - F(x - l e_j)) / 2 l`.

    Args:
        function: maps ``(2 k n, k)`` to ``(2 k n, d)``, each row by itself; the rows of one
            ``x`` follow each other.
        x: ``(n, k)``.
        length: length of the step along each coordinate, ``(n, k)``.

    Returns:
        ``(n, d, k)``.

    Example:
        >>> x = tf.constant([[1.0, 3.0]], tf.float64)
        >>> central_differences(lambda x: x**2, x, 1e-3 * x).numpy().round(9)
        array([[[2., 0.],
                [0., 6.]]])
    """
    k = x.shape[1]
    offsets = tf.linalg.diag(length)
    up, down = x[:, None, :] + offsets, x[:, None, :] - offsets
    image = function(tf.reshape(tf.concat([up, down], axis=1), [-1, k]))
    image = tf.reshape(image, [-1, 2 * k, image.shape[-1]])
    taken = tf.linalg.diag_part(up) - tf.linalg.diag_part(down)  # as it was rounded
    slopes = (image[:, :k] - image[:, k:]) / taken[:, :, None]
    return tf.transpose(slopes, [0, 2, 1])


class Differenced(Autodiff):
    """Equations of a network whose derivatives are differences, exact to some 1e-10.

    Steps are relative to the size of the states, which a search sets to that of its starts.

    Args:
        step_for: ``dtype name -> step(h, u)`` evaluated in that type.
        n_states: number of states.

    Example:
        >>> equations = Differenced(lambda dtype: lambda h, u: tf.stop_gradient(h**2), 1)
        >>> h, u = tf.constant([[3.0]], tf.float64), tf.zeros([1, 0], tf.float64)
        >>> equations.jacobian((), h, u).numpy().round(6)
        array([[[6.]]])
    """

    def __init__(self, step_for: Callable[[str], Callable], n_states: int):
        super().__init__(step_for)
        self._size = tf.Variable(np.ones(n_states), dtype=tf.float64, trainable=False)
        self._origin = tf.Variable(np.zeros(n_states), dtype=tf.float64, trainable=False)

    def set_size(self, size: np.ndarray, origin: np.ndarray) -> None:
        """Set the size of each state about its origin, to which steps are relative."""
        self._size.assign(size)
        self._origin.assign(origin)

    def relative_error(self, w, h: np.ndarray, u: np.ndarray, dtype: str) -> float:
        """Estimate the largest error of the Jacobians at states, relative to their size.

        Args:
            w: weights.
            h: states, ``(n, n_states)``.
            u: inputs, ``(n, n_inputs)``.
            dtype: in which they are evaluated.

        Returns:
            The difference to Jacobians by steps twice as long.

        Example:
            >>> equations = Differenced(lambda dtype: lambda h, u: tf.sin(h), 1)
            >>> equations.relative_error((), np.ones((1, 1)), np.ones((1, 0)), "float64") < 1e-8
            True
        """
        states, inputs = (tf.constant(a, dtype) for a in (h, u))
        with undisturbed():
            short = self.jacobian(w, states, inputs).numpy()
            step = self.step_for(dtype)
            long = self._by_state(step, states, inputs, 2.0).numpy()
        largest = np.abs(short).max(initial=0.0)
        gap = np.abs(short - long).max(initial=0.0)
        return float(gap / largest) if largest > 0.0 else 0.0

    def step(self, w, h, u):
        return self._call("step", self._with_differences, h, u)

    def jacobian(self, w, h, u):
        def build(step):
            return lambda h, u: self._by_state(step, h, u)

        return self._call("jacobian", build, h, u)

    def input_jacobian(self, w, h, u):
        def build(step):
            return lambda h, u: self._by_input(step, h, u)

        return self._call("input_jacobian", build, h, u)

    def product(self, w, h, u, v, *, by_input: bool = False) -> tf.Tensor:
        jacobian = self.input_jacobian if by_input else self.jacobian
        return tf.linalg.matvec(jacobian(w, h, u), v)

    def _with_differences(self, step):
        """Attach a gradient by differences to the update, for solvers that need gradients."""

        def known(h, u):
            @tf.custom_gradient
            def attach(image, h, u):
                def pull_back(upstream):
                    by_state = self._by_state(step, h, u)
                    by_input = self._by_input(step, h, u)
                    pulled = [
                        tf.linalg.matvec(jacobian, upstream, transpose_a=True)
                        for jacobian in (by_state, by_input)
                    ]
                    return tf.zeros_like(image), *pulled

                return tf.identity(image), pull_back

            return attach(tf.stop_gradient(step(h, u)), h, u)

        return known

    def _by_state(self, step, h, u, factor: float = 1.0):
        size = tf.abs(h - tf.cast(self._origin, h.dtype))
        size = tf.maximum(tf.cast(self._size, h.dtype), size)
        n = 2 * h.shape[1]
        return central_differences(
            lambda rows: step(rows, tf.repeat(u, n, axis=0)),
            tf.stop_gradient(h),
            tf.stop_gradient(factor * LENGTHS[h.dtype.name] * size),
        )

    def _by_input(self, step, h, u):
        if u.shape[1] == 0:
            return tf.zeros([tf.shape(h)[0], h.shape[1], 0], h.dtype)
        n = 2 * u.shape[1]
        return central_differences(
            lambda rows: step(tf.repeat(h, n, axis=0), rows),
            tf.stop_gradient(u),
            tf.stop_gradient(LENGTHS[h.dtype.name] * tf.maximum(tf.abs(u), 1.0)),
        )
