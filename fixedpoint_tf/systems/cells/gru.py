"""The gated recurrent unit, with its reset after or before the product."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf.systems.cells.activations import ACTIVATIONS, activation_name, suprema
from fixedpoint_tf.systems.cells.couplings import Couplings, couplings_of_gates
from fixedpoint_tf.systems.cells.curvature import (
    ROUNDING,
    BallBounds,
    Kernel,
    affine,
    elementwise,
    identity,
)
from fixedpoint_tf.systems.cells.equations import CellEquations, scale_rows
from fixedpoint_tf.systems.cells.fixed_point_map import Enclosure, FixedPointMap
from fixedpoint_tf.systems.cells.registry import register_standard

__all__ = ["GRU"]


@register_standard("GRUCell")
@dataclasses.dataclass(frozen=True)
class GRU(CellEquations):
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

    @classmethod
    def from_cell(cls, cell: Any) -> GRU | None:
        name, gate = map(activation_name, (cell.activation, cell.recurrent_activation))
        if name is None or gate is None:
            return None
        return cls(int(cell.recurrent_kernel.shape[0]), name, gate, bool(cell.reset_after))

    @staticmethod
    def weights(cell: Any) -> tuple[Any, ...]:
        zero = np.zeros(cell.recurrent_kernel.shape[1])
        biases = (zero, zero)
        if cell.use_bias:
            bias = tf.convert_to_tensor(cell.bias)
            biases = (bias[0], bias[1]) if cell.reset_after else (bias, zero)
        return cell.kernel, cell.recurrent_kernel, *biases

    @property
    def is_smooth(self) -> bool:
        names = self.activation, self.recurrent_activation
        return all(ACTIVATIONS[name].is_smooth for name in names)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        # z is in (0, 1), so at a fixed point h = c: a value of the activation.
        f = ACTIVATIONS[self.activation]
        g = ACTIVATIONS[self.recurrent_activation]
        n = self.units
        if (g.lower, g.upper) != (0.0, 1.0):
            return np.full(n, -np.inf), np.full(n, np.inf)
        return np.full(n, f.lower), np.full(n, f.upper)

    @property
    def is_self_map(self) -> bool:
        # Between h and c, both in the box; a hard gate may keep states outside it for ever.
        return self.recurrent_activation == "sigmoid" and bool(np.isfinite(self.bounds()).all())

    def _gates(self, w, h, u):
        """Return z, r, c and the recurrent part ``p`` of the candidate (reset after only)."""
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

    @property
    def settles_exactly(self) -> bool:
        return self.recurrent_activation == "sigmoid"  # which is below one, but for rounding

    def settled_step(self, w, h, u):
        return self._gates(w, h, u)[2]

    def settled_jacobian(self, w, h, u):
        return self._kernel_jacobian(w, h, u, w[1], recurrent=True, settled=True)

    def settled_input_jacobian(self, w, h, u):
        return self._kernel_jacobian(w, h, u, w[0], recurrent=False, settled=True)

    def _kernel_jacobian(self, w, h, u, kernel, *, recurrent: bool, settled: bool = False):
        f = ACTIVATIONS[self.activation].slope
        g = ACTIVATIONS[self.recurrent_activation].slope
        z, r, c, p = self._gates(w, h, u)
        if settled:
            z = tf.zeros_like(z)  # of which the slope is then zero too
        kz, kr, kh = tf.split(kernel, 3, axis=-1)
        by_z = (h - c) * g(z)
        by_c = (1.0 - z) * f(c)
        if self.reset_after:
            by_h = by_c * r if recurrent else by_c
            parts = scale_rows(by_z, kz), scale_rows(by_c * p * g(r), kr), scale_rows(by_h, kh)
            return tf.add_n(parts)  # one pass over the matrices
        # Reset before: the reset acts on the states that R_h then mixes, so its part is a
        # product of two matrices.
        candidate = tf.transpose(w[1][:, 2 * self.units :])[None]
        through_r = tf.matmul(candidate * (h * g(r))[:, None, :], tf.transpose(kr)[None])
        direct = candidate * r[:, None, :] if recurrent else tf.transpose(kh)[None]
        return scale_rows(by_z, kz) + by_c[:, :, None] * (through_r + direct)

    def jacobian(self, w, h, u):
        inner = self._kernel_jacobian(w, h, u, w[1], recurrent=True)
        z = self._gates(w, h, u)[0]
        return tf.linalg.set_diag(inner, tf.linalg.diag_part(inner) + z)

    def input_jacobian(self, w, h, u):
        return self._kernel_jacobian(w, h, u, w[0], recurrent=False)

    def couplings(self, w: Any) -> Couplings:
        return couplings_of_gates(w, self.activation, [False, False, True])

    def ball_bounds(self, w: Any, *, jumps: bool = False) -> BallBounds:
        make = self._bounds_after if self.reset_after else self._bounds_before
        return make(jumps, *w)

    def fixed_point_map(self, w: Any, u: Interval) -> FixedPointMap | None:
        kernel, recurrent, input_bias, recurrent_bias = w
        n = self.units
        lower, upper = self.bounds()
        if self.recurrent_activation != "sigmoid" or not np.isfinite([lower, upper]).all():
            return None
        x = u.matmul(kernel) + input_bias
        reset, candidate = x[n : 2 * n], x[2 * n :]
        R_r, R_h = recurrent[:, n : 2 * n], recurrent[:, 2 * n :]

        def after(a: Enclosure) -> Enclosure:
            r, p, rest = a.split(3)
            return (r.activate("sigmoid") * p + rest).activate(self.activation)

        def before(a: Enclosure) -> Enclosure:
            r, h = a.split(2)
            inner = (r.activate("sigmoid") * h).matmul(R_h)
            return (inner + candidate).activate(self.activation)

        if self.reset_after:
            b_r, b_h = recurrent_bias[n : 2 * n], Interval.at(recurrent_bias[2 * n :])
            columns = np.hstack([R_r, R_h, np.zeros((n, n))])
            offset = Interval.join([reset + b_r, b_h, candidate])
            return FixedPointMap(columns, offset, after, lower, upper, lambda h: h)
        columns = np.hstack([R_r, np.eye(n)])
        offset = Interval.join([reset, Interval.at(np.zeros(n))])
        return FixedPointMap(
            columns, offset, before, lower, upper, lambda h: h, is_elementwise=False
        )

    def _bounds_after(self, jumps, kernel, recurrent, input_bias, recurrent_bias) -> BallBounds:
        Kz, Kr, Kh = Kernel.split(kernel, 3)
        Rz, Rr, Rh = Kernel.split(recurrent, 3)
        none = [Kernel(np.zeros_like(k.matrix)) for k in (Kh, Rh)]
        b = np.split(input_bias, 3), np.split(recurrent_bias, 3)
        gate, name = self.recurrent_activation, self.activation

        def cell(states, below, radius):
            h = identity(states)
            z = affine(below, Kz, h, Rz, b[0][0] + b[1][0])
            r = affine(below, Kr, h, Rr, b[0][1] + b[1][1])
            x = affine(below, Kh, h, none[1], b[0][2])
            p = affine(below, none[0], h, Rh, b[1][2])
            g_z, g_r = (suprema(gate, a.value, a.width(radius)) for a in (z, r))
            h_size, p_size = (np.abs(a.value) + a.width(radius) for a in (h, p))
            # The argument of the candidate, q = x + g(r) p, and its derivatives.
            q_r, q_rr, q_rp = g_r.slope * p_size, g_r.curvature * p_size, g_r.slope
            q_p = g_r.size
            reset = ACTIVATIONS[gate].function(r.value).numpy()
            q = x.value + reset * p.value
            q_rounding = ROUNDING * (np.abs(x.value) + x.error + q_p * p_size)
            q_width = (
                x.width(radius) + q_r * r.width(radius) + q_p * p.width(radius) + q_rounding
            )
            f = suprema(name, q, q_width, jumps=jumps)
            c = ACTIVATIONS[name].function(q).numpy()
            update = ACTIVATIONS[gate].function(z.value).numpy()
            apart = np.minimum(
                np.abs(states - c) + h.width(radius) + f.slope * q_width + ROUNDING * f.size,
                h_size + f.size,
            )
            keep, slope, bend = g_z.complement, f.slope, f.curvature
            by_q = keep * slope
            through_z = g_z.slope * slope
            z_, r_, x_, p_, h_ = range(5)
            return [
                elementwise(
                    [z, r, x, p, h],
                    update * states + (1.0 - update) * c,
                    [g_z.slope * apart, by_q * q_r, by_q, by_q * q_p, g_z.size],
                    {
                        (z_, z_): g_z.curvature * apart,
                        (z_, r_): through_z * q_r,
                        (z_, x_): through_z,
                        (z_, p_): through_z * q_p,
                        (z_, h_): g_z.slope,
                        (r_, r_): keep * (bend * q_r**2 + slope * q_rr),
                        (r_, x_): keep * bend * q_r,
                        (r_, p_): keep * (bend * q_r * q_p + slope * q_rp),
                        (x_, x_): keep * bend,
                        (x_, p_): keep * bend * q_p,
                        (p_, p_): keep * bend * q_p**2,
                    },
                    rounding=ROUNDING * (g_z.size * h_size + (1.0 + g_z.size) * f.size)
                    + by_q * q_rounding,
                    size=1.0 + h_size + f.size + p_size,
                    jumps=None
                    if f.jump is None
                    else {
                        r_: keep * f.jump * q_r,
                        x_: keep * f.jump,
                        p_: keep * f.jump * q_p,
                    },
                )
            ]

        return cell

    def _bounds_before(self, jumps, kernel, recurrent, input_bias, _) -> BallBounds:
        Kz, Kr, Kh = Kernel.split(kernel, 3)
        Rz, Rr, Rh = Kernel.split(recurrent, 3)
        bz, br, bh = np.split(input_bias, 3)  # a reset before has no bias of its own
        gate, name = self.recurrent_activation, self.activation

        def cell(states, below, radius):
            h = identity(states)
            z = affine(below, Kz, h, Rz, bz)
            r = affine(below, Kr, h, Rr, br)
            g_z, g_r = (suprema(gate, a.value, a.width(radius)) for a in (z, r))
            h_size = np.abs(states) + h.width(radius)
            reset = ACTIVATIONS[gate].function(r.value).numpy()
            y = elementwise(  # what is left of the states, g(r) h
                [r, h],
                reset * states,
                [g_r.slope * h_size, g_r.size],
                {(0, 0): g_r.curvature * h_size, (0, 1): g_r.slope},
                rounding=ROUNDING * g_r.size * h_size,
                size=1.0 + h_size,
            ).port
            a = affine(below, Kh, y, Rh, bh)
            f = suprema(name, a.value, a.width(radius), jumps=jumps)
            c = ACTIVATIONS[name].function(a.value).numpy()
            update = ACTIVATIONS[gate].function(z.value).numpy()
            apart = np.minimum(
                np.abs(states - c)
                + h.width(radius)
                + f.slope * a.width(radius)
                + ROUNDING * f.size,
                h_size + f.size,
            )
            keep = g_z.complement
            return [
                elementwise(
                    [z, a, h],
                    update * states + (1.0 - update) * c,
                    [g_z.slope * apart, keep * f.slope, g_z.size],
                    {
                        (0, 0): g_z.curvature * apart,
                        (0, 1): g_z.slope * f.slope,
                        (0, 2): g_z.slope,
                        (1, 1): keep * f.curvature,
                    },
                    rounding=ROUNDING * (g_z.size * h_size + (1.0 + g_z.size) * f.size),
                    size=1.0 + h_size + f.size,
                    jumps=None if f.jump is None else {1: keep * f.jump},
                )
            ]

        return cell
