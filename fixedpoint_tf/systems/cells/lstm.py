"""Long short-term memory."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.duals import Dual
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
from fixedpoint_tf.systems.cells.equations import CellEquations, preactivation, scale_rows
from fixedpoint_tf.systems.cells.fixed_point_map import Enclosure, FixedPointMap
from fixedpoint_tf.systems.cells.registry import register_standard

__all__ = ["LSTM"]

SHUT = 1e-6  # the least that is left of a memory each step: single precision resolves it


@register_standard("LSTMCell")
@dataclasses.dataclass(frozen=True)
class LSTM(CellEquations):
    r"""Long short-term memory (Hochreiter & Schmidhuber 1997; ``keras.layers.LSTMCell``).

    .. math::
        c' = f \odot c + i \odot g, \qquad h' = o \odot \phi(c')

    with gates ``i, f, g, o`` in Keras's order. The flat state is ``[h, c]``.
    """

    units: int
    activation: str
    recurrent_activation: str
    state_names: ClassVar[tuple[str, ...]] = ("h", "c")

    @classmethod
    def from_cell(cls, cell: Any) -> LSTM | None:
        name, gate = map(activation_name, (cell.activation, cell.recurrent_activation))
        if name is None or gate is None:
            return None
        return cls(int(cell.recurrent_kernel.shape[0]), name, gate)

    @staticmethod
    def weights(cell: Any) -> tuple[Any, ...]:
        n = cell.recurrent_kernel.shape[1]
        return cell.kernel, cell.recurrent_kernel, cell.bias if cell.use_bias else np.zeros(n)

    @property
    def is_smooth(self) -> bool:
        names = self.activation, self.recurrent_activation
        return all(ACTIVATIONS[name].is_smooth for name in names)

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

    @property
    def is_self_map(self) -> bool:
        # With h in its box f stays below some b < 1, so |c| <= |i g| / (1 - b) is kept.
        f = ACTIVATIONS[self.activation]
        return self.recurrent_activation == "sigmoid" and bool(
            np.isfinite([f.lower, f.upper]).all()
        )

    def _gates(self, w, h, u):
        phi = ACTIVATIONS[self.activation].function
        sigma = ACTIVATIONS[self.recurrent_activation].function
        output, memory = tf.split(h, 2, axis=-1)
        i, f, g, o = tf.split(preactivation(w, output, u), 4, axis=-1)
        i, f, g, o = sigma(i), sigma(f), phi(g), sigma(o)
        memory_next = f * memory + i * g
        return i, f, g, o, memory, memory_next, phi(memory_next)

    def step(self, w, h, u):
        _, _, _, o, _, memory_next, squashed = self._gates(w, h, u)
        return tf.concat([o * squashed, memory_next], axis=-1)

    def _settled_gates(self, w, h, u):
        """Return the gates with their memory at rest, ``i g / (1 - f)``, and ``1 - f``."""
        i, f, g, o, *_ = self._gates(w, h, u)
        open_ = tf.maximum(1.0 - f, SHUT)
        memory = i * g / open_
        squashed = ACTIVATIONS[self.activation].function(memory)
        return (i, f, g, o, memory, memory, squashed), open_

    def settled_step(self, w, h, u):
        (_, _, _, o, memory, _, squashed), _ = self._settled_gates(w, h, u)
        return tf.concat([o * squashed, memory], axis=-1)

    def settled_jacobian(self, w, h, u):
        gates, open_ = self._settled_gates(w, h, u)
        dh, dc = self._kernel_jacobian(gates, w[1], open_)
        left = tf.concat([dh, dc], axis=-2)
        return tf.concat([left, tf.zeros_like(left)], axis=-1)

    def settled_input_jacobian(self, w, h, u):
        gates, open_ = self._settled_gates(w, h, u)
        return tf.concat(self._kernel_jacobian(gates, w[0], open_), axis=-2)

    def _kernel_jacobian(self, gates, kernel, open_=None):
        """Return derivatives of h' and c' by the vector that enters through ``kernel``."""
        phi = ACTIVATIONS[self.activation].slope
        sigma = ACTIVATIONS[self.recurrent_activation].slope
        i, f, g, o, memory, _, squashed = gates
        ki, kf, kg, ko = tf.split(kernel, 4, axis=-1)
        dc = tf.add_n(
            [
                scale_rows(memory * sigma(f), kf),
                scale_rows(g * sigma(i), ki),
                scale_rows(i * phi(g), kg),
            ]
        )
        if open_ is not None:
            dc = dc / open_[:, :, None]
        dh = scale_rows(squashed * sigma(o), ko) + (o * phi(squashed))[:, :, None] * dc
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

    def fixed_point_map(self, w: Any, u: Interval) -> FixedPointMap | None:
        kernel, recurrent, bias = w
        n = self.units
        lower, upper = (side[:n] for side in self.bounds())
        if self.recurrent_activation != "sigmoid" or not np.isfinite([lower, upper]).all():
            return None
        offset = u.matmul(kernel) + bias

        def memory(i: Enclosure, f: Enclosure, g: Enclosure) -> Enclosure:
            """Return the memory at rest, ``i g / (1 - f)``, with ``1 - f = sigmoid(-a)``."""
            forgotten = (-f).activate("sigmoid").reciprocal()
            return i.activate("sigmoid") * forgotten * g.activate(self.activation)

        def gates(a: Enclosure) -> Enclosure:
            i, f, g, o = a.split(4)
            squashed = memory(i, f, g).activate(self.activation)
            return o.activate("sigmoid") * squashed

        def lift(h: Interval) -> Interval:
            a = Dual.constants(h.matmul(recurrent) + offset)
            return Interval.join([h, memory(*a.split(4)[:3]).value], axis=1)

        return FixedPointMap(recurrent, offset, gates, lower, upper, lift)

    def couplings(self, w: Any) -> Couplings:
        return couplings_of_gates(w, self.activation, [False, False, True, False], 2)

    def ball_bounds(self, w: Any, *, jumps: bool = False) -> BallBounds:
        kernel, recurrent, bias = w
        K, R, b = Kernel.split(kernel, 4), Kernel.split(recurrent, 4), np.split(bias, 4)
        gate, name = self.recurrent_activation, self.activation
        phi = ACTIVATIONS[name].function
        sigma = ACTIVATIONS[gate].function

        def cell(states, below, radius):
            n = self.units
            h, c = identity(states[:, :n], 0, 2 * n), identity(states[:, n:], n, 2 * n)
            i, f, g, o = (affine(below, K[k], h, R[k], b[k]) for k in range(4))
            si, sf, so = (suprema(gate, a.value, a.width(radius)) for a in (i, f, o))
            sg = suprema(name, g.value, g.width(radius), jumps=jumps)
            c_size = np.abs(c.value) + c.width(radius)
            gradient = [si.slope * sg.size, sf.slope * c_size, si.size * sg.slope, sf.size]
            hessian = {
                (0, 0): si.curvature * sg.size,
                (0, 2): si.slope * sg.slope,
                (2, 2): si.size * sg.curvature,
                (1, 1): sf.curvature * c_size,
                (1, 3): sf.slope,
            }
            memory = (sigma(f.value) * c.value + sigma(i.value) * phi(g.value)).numpy()
            memory_rounding = ROUNDING * (sf.size * c_size + si.size * sg.size)
            size = 1.0 + c_size + sg.size
            ports = [i, f, g, c]
            memory_jumps = None if sg.jump is None else {2: si.size * sg.jump}
            new_memory = elementwise(
                ports,
                memory,
                gradient,
                hessian,
                rounding=memory_rounding,
                size=size,
                jumps=memory_jumps,
            )
            width = memory_rounding + sum(
                d * port.width(radius) for d, port in zip(gradient, ports, strict=True)
            )
            sm = suprema(name, memory, width, jumps=jumps)
            # h' = sigma(o) phi(c'), with c' a function of the other four ports.
            inner = so.size * sm.slope
            # (No name of the enclosing function here: Python 3.12.1 then loses sight of it.)
            by_memory = {
                (j, k): so.size * sm.curvature * gradient[j] * gradient[k]
                + inner * hessian.get((j, k), 0.0)
                for j in range(4)
                for k in range(j, 4)
            }
            with_output = {(k, 4): so.slope * sm.slope * gradient[k] for k in range(4)}
            output_jumps = None
            if sm.jump is not None and memory_jumps is not None:
                output_jumps = {k: so.size * sm.jump * gradient[k] for k in range(4)}
                output_jumps[2] = output_jumps[2] + inner * memory_jumps[2]
            output = elementwise(
                [*ports, o],
                (sigma(o.value) * phi(memory)).numpy(),
                [*(inner * d for d in gradient), so.slope * sm.size],
                {**by_memory, **with_output, (4, 4): so.curvature * sm.size},
                rounding=inner * memory_rounding + ROUNDING * so.size * sm.size,
                size=size * (1.0 + so.size) + sm.size,
                jumps=output_jumps,
            )
            return [output, new_memory]

        return cell
