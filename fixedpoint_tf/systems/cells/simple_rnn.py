"""Elman's network: one layer of units."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

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
from fixedpoint_tf.systems.cells.fixed_point_map import FixedPointMap
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear
from fixedpoint_tf.systems.cells.registry import register_standard

__all__ = ["SimpleRNN"]


@register_standard("SimpleRNNCell")
@dataclasses.dataclass(frozen=True)
class SimpleRNN(CellEquations):
    r""":math:`h' = f(u K + h R + b)` (Elman 1990; ``keras.layers.SimpleRNNCell``)."""

    units: int
    activation: str

    @classmethod
    def from_cell(cls, cell: Any) -> SimpleRNN | None:
        name = activation_name(cell.activation)
        return None if name is None else cls(int(cell.recurrent_kernel.shape[0]), name)

    @staticmethod
    def weights(cell: Any) -> tuple[Any, ...]:
        n = cell.recurrent_kernel.shape[1]
        return cell.kernel, cell.recurrent_kernel, cell.bias if cell.use_bias else np.zeros(n)

    @property
    def is_smooth(self) -> bool:
        return ACTIVATIONS[self.activation].is_smooth

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        f = ACTIVATIONS[self.activation]
        return np.full(self.units, f.lower), np.full(self.units, f.upper)

    @property
    def is_self_map(self) -> bool:
        return bool(np.isfinite(self.bounds()).all())

    def step(self, w, h, u):
        return ACTIVATIONS[self.activation].function(preactivation(w, h, u))

    def _kernel_jacobian(self, w, h, u, kernel):
        f = ACTIVATIONS[self.activation]
        return scale_rows(f.slope(self.step(w, h, u)), kernel)

    def jacobian(self, w, h, u):
        return self._kernel_jacobian(w, h, u, w[1])

    def input_jacobian(self, w, h, u):
        return self._kernel_jacobian(w, h, u, w[0])

    def couplings(self, w: Any) -> Couplings:
        return couplings_of_gates(w, self.activation, [True])

    def ball_bounds(self, w: Any, *, jumps: bool = False) -> BallBounds:
        kernel, recurrent, bias = w
        K, R = Kernel(kernel), Kernel(recurrent)
        activation = ACTIVATIONS[self.activation]

        def cell(h, below, radius):
            a = affine(below, K, identity(h), R, bias)
            f = suprema(self.activation, a.value, a.width(radius), jumps=jumps)
            return [
                elementwise(
                    [a],
                    activation.function(a.value).numpy(),
                    [f.slope],
                    {(0, 0): f.curvature},
                    rounding=ROUNDING * f.size,
                    size=np.ones_like(h),
                    jumps=None if f.jump is None else {0: f.jump},
                )
            ]

        return cell

    def fixed_point_map(self, w: Any, u: Interval) -> FixedPointMap | None:
        kernel, recurrent, bias = w
        lower, upper = self.bounds()
        if not np.isfinite([lower, upper]).all():
            return None
        return FixedPointMap(
            recurrent,
            u.matmul(kernel) + bias,
            lambda a: a.activate(self.activation),
            lower,
            upper,
            lambda h: h,
        )

    def piecewise_linear(self, w: Any) -> PiecewiseLinear | None:
        if self.activation not in ("relu", "linear"):
            return None
        kernel, recurrent, bias = w
        rectified = np.full(self.units, self.activation == "relu")
        return PiecewiseLinear(recurrent.T, kernel.T, bias, rectified)
