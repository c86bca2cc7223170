"""Cells one above another."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from fixedpoint_tf.systems.cells import couplings, piecewise_linear
from fixedpoint_tf.systems.cells.couplings import Couplings
from fixedpoint_tf.systems.cells.curvature import BallBounds, CellBounds
from fixedpoint_tf.systems.cells.equations import CellEquations
from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear
from fixedpoint_tf.systems.cells.registry import kind_of, register_standard

__all__ = ["Stacked", "is_stack"]


def is_stack(cell: Any) -> bool:
    """Test whether a cell is Keras's stack of cells."""
    return kind_of(cell) is Stacked


@register_standard("StackedRNNCells")
@dataclasses.dataclass(frozen=True)
class Stacked(CellEquations):
    """Cells one above another (``keras.layers.StackedRNNCells``).

    Layer ``k`` takes as input the new output of layer ``k - 1`` (its first state), so the
    Jacobian is block lower triangular. ``w`` is a tuple with the weights of each layer.
    """

    layers: tuple[CellEquations, ...]

    @classmethod
    def from_cell(cls, cell: Any) -> Stacked | None:
        layers: list[CellEquations] = []
        for inner in cell.cells:
            kind = kind_of(inner)
            equations = None if kind is None else kind.from_cell(inner)
            if equations is None:
                return None
            # A stack in a stack is one taller stack.
            layers += equations.layers if isinstance(equations, Stacked) else [equations]
        return cls(tuple(layers))

    @staticmethod
    def weights(cell: Any) -> tuple[Any, ...]:
        listed: list[Any] = []
        for inner in cell.cells:
            kind = kind_of(inner)
            if kind is not None:
                own = kind.weights(inner)
                listed += own if kind is Stacked else [own]
        return tuple(listed)

    @property
    def is_smooth(self) -> bool:
        return all(layer.is_smooth for layer in self.layers)

    @property
    def is_self_map(self) -> bool:
        # The boxes of the layers hold for every input: for that from the layer below too.
        return all(layer.is_self_map for layer in self.layers)

    @property
    def has_ball_bounds(self) -> bool:
        return all(layer.has_ball_bounds for layer in self.layers)

    @property
    def _sizes(self) -> list[int]:
        return [layer.n_states for layer in self.layers]

    @property
    def n_states(self) -> int:
        return sum(self._sizes)

    def bounds(self) -> tuple[np.ndarray, np.ndarray]:
        pairs = [layer.bounds() for layer in self.layers]
        return np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])

    def _walk(self, w, h, u, settled=False):
        """Yield each layer with its weights, states, input, new states and output width."""
        states = tf.split(h, self._sizes, axis=-1)
        for layer, wk, hk in zip(self.layers, w, states, strict=True):
            new = (layer.settled_step if settled else layer.step)(wk, hk, u)
            yield layer, wk, hk, u, new, layer.units
            u = new[:, : layer.units]

    def step(self, w, h, u):
        return tf.concat([new for *_, new, _ in self._walk(w, h, u)], axis=-1)

    @property
    def settles_exactly(self) -> bool:
        return any(layer.settles_exactly for layer in self.layers) and all(
            layer.settles_exactly or type(layer).settled_step is CellEquations.settled_step
            for layer in self.layers
        )

    def settled_step(self, w, h, u):
        return tf.concat([new for *_, new, _ in self._walk(w, h, u, True)], axis=-1)

    def jacobian(self, w, h, u):
        return self._jacobian(w, h, u)

    def settled_jacobian(self, w, h, u):
        return self._jacobian(w, h, u, settled=True)

    def _jacobian(self, w, h, u, settled=False):
        sizes = self._sizes
        rows = []
        below: list[tf.Tensor] = []  # d(output of the layer below) / d(each layer's states)
        for k, (layer, wk, hk, uk, _, n_output) in enumerate(self._walk(w, h, u, settled)):
            of_input = layer.settled_input_jacobian if settled else layer.input_jacobian
            of_state = layer.settled_jacobian if settled else layer.jacobian
            by_input = of_input(wk, hk, uk) if k else None
            row = [tf.matmul(by_input, block) for block in below]
            row.append(of_state(wk, hk, uk))
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

    def ball_bounds(self, w: Any, *, jumps: bool = False) -> BallBounds:
        bounds = [
            layer.ball_bounds(own, jumps=jumps)
            for layer, own in zip(self.layers, w, strict=True)
        ]
        places = np.cumsum(self._sizes)[:-1]

        def bound(states, below, radius):
            answers: list[CellBounds] = []
            for of_layer, own in zip(bounds, np.split(states, places, axis=1), strict=True):
                new = of_layer(own, below, radius)
                answers += new
                below = new[0].port
            return answers

        return bound

    def couplings(self, w: Any) -> Couplings | None:
        parts = [layer.couplings(own) for layer, own in zip(self.layers, w, strict=True)]
        known = [part for part in parts if part is not None]
        return couplings.stack(known) if len(known) == len(parts) else None

    def piecewise_linear(self, w: Any) -> PiecewiseLinear | None:
        parts = [layer.piecewise_linear(own) for layer, own in zip(self.layers, w, strict=True)]
        known = [part for part in parts if part is not None and part.threshold is None]
        return piecewise_linear.stack(known) if len(known) == len(parts) else None
