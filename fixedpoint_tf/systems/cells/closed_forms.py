r"""Update equations of the standard recurrent cells, with their exact Jacobians.

Each class is one cell, written out as pure functions of its weights ``w``, the states
``h`` of shape ``(n, n_states)`` and the inputs ``u`` of shape ``(n, n_inputs)``:

``step(w, h, u)``
    the next states, ``(n, n_states)``;
``jacobian(w, h, u)``
    :math:`\partial F / \partial h`, ``(n, n_states, n_states)``;
``input_jacobian(w, h, u)``
    :math:`\partial F / \partial u`, ``(n, n_states, n_inputs)``.

Weights have the layout of Keras (``kernel``, ``recurrent_kernel``, ``bias``). A class
holds no array, only the number of units and the choice of activation functions: two
networks of one kind and size are equal and share one compiled solver, whatever their
weights. (Sizes are no affair of the weights alone: TensorFlow forgets the shapes of
arguments that differ from call to call.)

A closed form costs one elementwise product a matrix, where reverse-mode differentiation
costs one backward pass a row (4 to 20 times as much, measured).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

__all__ = ["ACTIVATIONS", "GRU", "LSTM", "SimpleRNN", "Stacked"]


@dataclasses.dataclass(frozen=True)
class Activation:
    """An elementwise function, its derivative written by its own value, its range."""

    function: Callable[[tf.Tensor], tf.Tensor]
    slope: Callable[[tf.Tensor], tf.Tensor]
    lower: float
    upper: float


# Only functions whose derivative is a function of their own value stand here; a cell with
# any other activation is differentiated automatically.
ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation(tf.identity, tf.ones_like, -np.inf, np.inf),
    "tanh": Activation(tf.tanh, lambda y: 1.0 - y * y, -1.0, 1.0),
    "sigmoid": Activation(tf.sigmoid, lambda y: y * (1.0 - y), 0.0, 1.0),
    "relu": Activation(tf.nn.relu, lambda y: tf.cast(y > 0.0, y.dtype), 0.0, np.inf),
}


def _rows(coefficients: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """``diag(c) K^T`` for each row ``c`` of coefficients: (n, d), (k, d) -> (n, d, k)."""
    return coefficients[:, :, None] * tf.transpose(kernel)[None]


def _affine(w: tuple[tf.Tensor, ...], h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
    """``u K + h R + b``; the cells without a bias carry a zero one."""
    kernel, recurrent_kernel, bias = w
    inner = tf.matmul(h, recurrent_kernel) + bias
    return inner if u.shape[-1] == 0 else tf.matmul(u, kernel) + inner


@dataclasses.dataclass(frozen=True)
class SimpleRNN:
    r""":math:`h' = f(u K + h R + b)` (Elman 1990; ``keras.layers.SimpleRNNCell``)."""

    units: int
    activation: str

    @property
    def n_states(self) -> int:
        return self.units

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        f = ACTIVATIONS[self.activation]
        return np.full(self.units, f.lower), np.full(self.units, f.upper)

    def step(self, w, h, u):
        return ACTIVATIONS[self.activation].function(_affine(w, h, u))

    def _kernel_jacobian(self, w, h, u, kernel):
        f = ACTIVATIONS[self.activation]
        return _rows(f.slope(self.step(w, h, u)), kernel)

    def jacobian(self, w, h, u):
        return self._kernel_jacobian(w, h, u, w[1])

    def input_jacobian(self, w, h, u):
        return self._kernel_jacobian(w, h, u, w[0])


@dataclasses.dataclass(frozen=True)
class GRU:
    r"""Gated recurrent unit (Cho et al. 2014; ``keras.layers.GRUCell``).

    .. math::
        z &= \sigma(u K_z + h R_z), \quad r = \sigma(u K_r + h R_r), \\
        c &= f(u K_h + r \odot (h R_h)) \;\text{(reset after)} \quad\text{or}\quad
        f(u K_h + (r \odot h) R_h) \;\text{(reset before)}, \\
        h' &= z \odot h + (1 - z) \odot c .

    ``w`` is ``(kernel, recurrent_kernel, input_bias, recurrent_bias)``.
    """

    units: int
    activation: str
    recurrent_activation: str
    reset_after: bool

    @property
    def n_states(self) -> int:
        return self.units

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        # z is in (0, 1), so at a fixed point h = c: a value of the activation.
        f = ACTIVATIONS[self.activation]
        g = ACTIVATIONS[self.recurrent_activation]
        n = self.units
        if (g.lower, g.upper) != (0.0, 1.0):
            return np.full(n, -np.inf), np.full(n, np.inf)
        return np.full(n, f.lower), np.full(n, f.upper)

    def _gates(self, w, h, u):
        """z, r, c and the recurrent part ``p`` of the candidate (reset after only)."""
        kernel, recurrent_kernel, input_bias, recurrent_bias = w
        g = ACTIVATIONS[self.recurrent_activation].function
        f = ACTIVATIONS[self.activation].function
        # oneDNN ends the whole process at a product with inputs of no width.
        x = input_bias[None] if u.shape[-1] == 0 else tf.matmul(u, kernel) + input_bias
        xz, xr, xh = tf.split(x, 3, axis=-1)
        if self.reset_after:
            inner = tf.matmul(h, recurrent_kernel) + recurrent_bias
            hz, hr, p = tf.split(inner, 3, axis=-1)
            z, r = g(xz + hz), g(xr + hr)
            return z, r, f(xh + r * p), p
        n = self.units
        inner = tf.matmul(h, recurrent_kernel[:, : 2 * n])
        hz, hr = tf.split(inner, 2, axis=-1)
        z, r = g(xz + hz), g(xr + hr)
        return z, r, f(xh + tf.matmul(r * h, recurrent_kernel[:, 2 * n :])), h

    def step(self, w, h, u):
        z, _, c, _ = self._gates(w, h, u)
        return z * h + (1.0 - z) * c

    def _kernel_jacobian(self, w, h, u, kernel, *, recurrent: bool):
        f = ACTIVATIONS[self.activation].slope
        g = ACTIVATIONS[self.recurrent_activation].slope
        z, r, c, p = self._gates(w, h, u)
        kz, kr, kh = tf.split(kernel, 3, axis=-1)
        by_z = (h - c) * g(z)
        by_c = (1.0 - z) * f(c)
        if self.reset_after:
            by_h = by_c * r if recurrent else by_c
            parts = _rows(by_z, kz), _rows(by_c * p * g(r), kr), _rows(by_h, kh)
            return tf.add_n(parts)  # one pass over the matrices
        # Reset before: the reset acts on the states that R_h then mixes, so its part is a
        # product of two matrices.
        candidate = tf.transpose(w[1][:, 2 * self.units :])[None]
        through_r = tf.matmul(candidate * (h * g(r))[:, None, :], tf.transpose(kr)[None])
        direct = candidate * r[:, None, :] if recurrent else tf.transpose(kh)[None]
        return _rows(by_z, kz) + by_c[:, :, None] * (through_r + direct)

    def jacobian(self, w, h, u):
        inner = self._kernel_jacobian(w, h, u, w[1], recurrent=True)
        z = self._gates(w, h, u)[0]
        return tf.linalg.set_diag(inner, tf.linalg.diag_part(inner) + z)

    def input_jacobian(self, w, h, u):
        return self._kernel_jacobian(w, h, u, w[0], recurrent=False)


@dataclasses.dataclass(frozen=True)
class LSTM:
    r"""Long short-term memory (Hochreiter & Schmidhuber 1997; ``keras.layers.LSTMCell``).

    .. math::
        c' = f \odot c + i \odot g, \qquad h' = o \odot \phi(c')

    with gates ``i, f, g, o`` in Keras's order. The flat state is ``[h, c]``.
    """

    units: int
    activation: str
    recurrent_activation: str

    @property
    def n_states(self) -> int:
        return 2 * self.units

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        # h' = o * phi(c'): bounded by the largest |phi|. c has no bound of its own.
        f = ACTIVATIONS[self.activation]
        g = ACTIVATIONS[self.recurrent_activation]
        n = self.units
        unbounded = np.full(n, np.inf)
        lower, upper = -unbounded, unbounded
        if (g.lower, g.upper) == (0.0, 1.0):
            lower, upper = np.full(n, min(f.lower, 0.0)), np.full(n, max(f.upper, 0.0))
        return np.concatenate([lower, -unbounded]), np.concatenate([upper, unbounded])

    def _gates(self, w, h, u):
        phi = ACTIVATIONS[self.activation].function
        sigma = ACTIVATIONS[self.recurrent_activation].function
        output, memory = tf.split(h, 2, axis=-1)
        i, f, g, o = tf.split(_affine(w, output, u), 4, axis=-1)
        i, f, g, o = sigma(i), sigma(f), phi(g), sigma(o)
        memory_next = f * memory + i * g
        return i, f, g, o, memory, memory_next, phi(memory_next)

    def step(self, w, h, u):
        _, _, _, o, _, memory_next, squashed = self._gates(w, h, u)
        return tf.concat([o * squashed, memory_next], axis=-1)

    def _kernel_jacobian(self, gates, kernel):
        """Derivatives of h' and c' by whatever enters the gates through ``kernel``."""
        phi = ACTIVATIONS[self.activation].slope
        sigma = ACTIVATIONS[self.recurrent_activation].slope
        i, f, g, o, memory, _, squashed = gates
        ki, kf, kg, ko = tf.split(kernel, 4, axis=-1)
        dc = tf.add_n(
            [_rows(memory * sigma(f), kf), _rows(g * sigma(i), ki), _rows(i * phi(g), kg)]
        )
        dh = _rows(squashed * sigma(o), ko) + (o * phi(squashed))[:, :, None] * dc
        return dh, dc

    def jacobian(self, w, h, u):
        gates = self._gates(w, h, u)
        _, f, _, o, _, _, squashed = gates
        dh_dh, dc_dh = self._kernel_jacobian(gates, w[1])
        dc_dc = tf.linalg.diag(f)
        dh_dc = tf.linalg.diag(o * ACTIVATIONS[self.activation].slope(squashed) * f)
        top = tf.concat([dh_dh, dh_dc], axis=-1)
        return tf.concat([top, tf.concat([dc_dh, dc_dc], axis=-1)], axis=-2)

    def input_jacobian(self, w, h, u):
        return tf.concat(self._kernel_jacobian(self._gates(w, h, u), w[0]), axis=-2)


@dataclasses.dataclass(frozen=True)
class Stacked:
    """Cells one above another (``keras.layers.StackedRNNCells``).

    Layer ``k`` takes as input the new output of layer ``k - 1`` (its first state), so the
    Jacobian is block lower triangular. ``w`` is a tuple with the weights of each layer.
    """

    layers: tuple[SimpleRNN | GRU | LSTM, ...]

    @property
    def _sizes(self) -> list[int]:
        return [layer.n_states for layer in self.layers]

    @property
    def n_states(self) -> int:
        return sum(self._sizes)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        pairs = [layer.bounds() for layer in self.layers]
        return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])

    def _walk(self, w, h, u):
        """Yield each layer with its weights, states, input, new states and output width."""
        states = tf.split(h, self._sizes, axis=-1)
        for layer, wk, hk in zip(self.layers, w, states, strict=True):
            new = layer.step(wk, hk, u)
            yield layer, wk, hk, u, new, layer.units
            u = new[:, : layer.units]

    def step(self, w, h, u):
        return tf.concat([new for *_, new, _ in self._walk(w, h, u)], axis=-1)

    def jacobian(self, w, h, u):
        sizes = self._sizes
        rows = []
        below: list[tf.Tensor] = []  # d(output of the layer below) / d(each layer's states)
        for k, (layer, wk, hk, uk, _, n_output) in enumerate(self._walk(w, h, u)):
            by_input = layer.input_jacobian(wk, hk, uk) if k else None
            row = [tf.matmul(by_input, block) for block in below]
            row.append(layer.jacobian(wk, hk, uk))
            below = [block[:, :n_output] for block in row]
            n_right = sum(sizes[k + 1 :])
            zeros = tf.zeros([tf.shape(h)[0], sizes[k], n_right], h.dtype)
            rows.append(tf.concat([*row, zeros], axis=-1))
        return tf.concat(rows, axis=-2)

    def input_jacobian(self, w, h, u):
        rows = []
        below = None
        for layer, wk, hk, uk, _, n_output in self._walk(w, h, u):
            row = layer.input_jacobian(wk, hk, uk)
            if below is not None:
                row = tf.matmul(row, below)
            below = row[:, :n_output]
            rows.append(row)
        return tf.concat(rows, axis=-2)
