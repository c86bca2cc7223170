"""Derivatives of any differentiable update by automatic differentiation.

The standard cells have closed forms (:mod:`fixedpoint_tf.systems.cells`); this room serves
every other network, and the tests that hold the closed forms against it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import tensorflow as tf

from fixedpoint_tf._utils.compiling import compiled

__all__ = ["Autodiff", "batch_jacobian", "jacobian_product"]

Step = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def batch_jacobian(function: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor) -> tf.Tensor:
    """Return the Jacobian of each row of ``function(x)`` by the same row of ``x``.

    Args:
        function: maps ``(n, k)`` to ``(n, d)``, each row by itself.
        x: ``(n, k)``.

    Returns:
        ``(n, d, k)``; zero where the output does not depend on ``x``.

    Example:
        >>> batch_jacobian(lambda x: x**2, tf.constant([[1.0, 3.0]])).numpy()
        array([[[2., 0.],
                [0., 6.]]], dtype=float32)
    """
    with tf.GradientTape(watch_accessed_variables=False, persistent=True) as tape:
        tape.watch(x)
        y = function(x)
    zero = tf.UnconnectedGradients.ZERO
    try:
        return tape.batch_jacobian(y, x, unconnected_gradients=zero)
    except (ValueError, NotImplementedError):
        # An operation that TensorFlow cannot vectorise: one backward pass a coordinate.
        return tape.batch_jacobian(
            y, x, unconnected_gradients=zero, experimental_use_pfor=False
        )


def jacobian_product(
    function: Callable[[tf.Tensor], tf.Tensor], x: tf.Tensor, v: tf.Tensor
) -> tf.Tensor:
    """Multiply each row's Jacobian by a vector, without computing the Jacobian.

    The product with the transpose is linear in its vector; its own derivative is the
    product itself.

    Args:
        function: maps ``(n, k)`` to ``(n, d)``, each row by itself.
        x: ``(n, k)``.
        v: ``(n, k)``.

    Returns:
        ``(n, d)``.

    Example:
        >>> x, v = tf.constant([[1.0, 3.0]]), tf.constant([[1.0, 0.5]])
        >>> jacobian_product(lambda x: x**2, x, v).numpy()
        array([[2., 3.]], dtype=float32)
    """
    zero = tf.UnconnectedGradients.ZERO
    with tf.GradientTape(watch_accessed_variables=False) as outer:
        with tf.GradientTape(watch_accessed_variables=False) as inner:
            inner.watch(x)
            y = function(x)
        anchor = tf.zeros_like(y)
        outer.watch(anchor)
        pulled = inner.gradient(y, x, output_gradients=anchor, unconnected_gradients=zero)
    return outer.gradient(pulled, anchor, output_gradients=v, unconnected_gradients=zero)


def _of_known_shape(step: Step) -> Step:
    """Set the width of an update from NumPy or Python, which has no static shape."""

    def shaped(h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        image = step(h, u)
        known = image.shape.rank is not None and image.shape[-1] is not None
        return image if known else tf.ensure_shape(image, [None, h.shape[1]])

    return shaped


class Autodiff:
    """Equations of a network of which only the update itself is known.

    Equality is identity: two such networks never share a compiled solver, because nothing
    says that they compute the same function.

    Args:
        step_for: ``dtype name -> step(h, u)`` evaluated in that type.
        to_double: sentence that tells how it would compute in double precision.

    Attributes:
        compiled_functions: what was compiled of this network, by what it computes.
    """

    def __init__(
        self,
        step_for: Callable[[str], Step],
        to_double: str = "Constants cast to h.dtype give double precision.",
    ):
        self.to_double = to_double
        self._given_step_for = step_for
        self.compiled_functions: dict[Hashable, Callable] = {}

    def step_for(self, dtype: str) -> Step:
        """Return the update ``step(h, u)`` evaluated in a floating type, not compiled."""
        return _of_known_shape(self._given_step_for(dtype))

    def step(self, w, h, u):
        return self._call("step", lambda step: lambda h, u: step(h, u), h, u)

    def jacobian(self, w, h, u):
        def build(step):
            return lambda h, u: batch_jacobian(lambda states: step(states, u), h)

        return self._call("jacobian", build, h, u)

    def input_jacobian(self, w, h, u):
        def build(step):
            return lambda h, u: batch_jacobian(lambda inputs: step(h, inputs), u)

        return self._call("input_jacobian", build, h, u)

    def product(self, w, h, u, v, *, by_input: bool = False) -> tf.Tensor:
        """Return ``J v`` of each row, ``(n, n_states)``, by the states or by the inputs."""
        key = ("product by input" if by_input else "product", h.dtype.name)
        if key not in self.compiled_functions:
            step = self.step_for(h.dtype.name)

            def product(h, u, v):
                if by_input:
                    return jacobian_product(lambda inputs: step(h, inputs), u, v)
                return jacobian_product(lambda states: step(states, u), h, v)

            self.compiled_functions[key] = compiled("h", "u", "v")(product)
        try:
            return self.compiled_functions[key](h, u, v)
        except (LookupError, NotImplementedError):  # no second derivative of an operation
            jacobian = self.input_jacobian if by_input else self.jacobian
            return tf.linalg.matvec(jacobian(w, h, u), v)

    def _call(self, name: str, build: Callable[[Step], Step], h, u) -> tf.Tensor:
        """Call a derivative compiled for any number of rows, which is slow eagerly."""
        key = (name, h.dtype.name)
        if key not in self.compiled_functions:
            step = self.step_for(h.dtype.name)
            self.compiled_functions[key] = compiled("h", "u")(build(step))
        return self.compiled_functions[key](h, u)
