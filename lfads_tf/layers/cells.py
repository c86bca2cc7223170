"""The clipped GRU as a Keras cell, and its equations for the search for fixed points."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from fixedpoint_tf.systems.cells import CellEquations, register_cell
from fixedpoint_tf.systems.cells.gru import GRU
from lfads_tf.layers import recurrence
from lfads_tf.layers.initializers import GatesBias, scaled_normal

__all__ = ["ClippedGRUCell"]


@keras.saving.register_keras_serializable(package="lfads_tf", name="ClippedGRUCell")
class ClippedGRUCell(keras.layers.Layer):
    """GRU with the reset gate before the product, its state clipped.

    The generator of a trained model is such a cell: ``keras.layers.RNN`` runs it, and a
    search for fixed points takes it as it is. Gates stand in the order update, reset,
    candidate, as in :class:`keras.layers.GRUCell`, whose equations (``reset_after=False``)
    these are but for the clipping.

    Args:
        units: size of the state.
        clip: bound on the absolute value of the state.
        encoder: scale both kernels by inputs and units together rather than each by its
            own, so that an encoder of many neurons does not start saturated.
        seed: seed of the weights.

    Example:
        >>> cell = ClippedGRUCell(3)
        >>> output, (state,) = cell(tf.zeros((2, 4)), [tf.zeros((2, 3))])
        >>> state.shape
        TensorShape([2, 3])
    """

    def __init__(
        self,
        units: int,
        clip: float = 5.0,
        *,
        encoder: bool = False,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = units
        self.clip, self.encoder, self.seed = clip, encoder, seed

    def build(self, input_shape: Any) -> None:
        n_in = int(input_shape[-1])
        scales = [n_in + self.units] * 2 if self.encoder else [n_in, self.units]
        if n_in:
            self.kernel = self.add_weight(
                shape=(n_in, 3 * self.units),
                initializer=scaled_normal(scales[0], self.seed),
                name="kernel",
            )
        else:  # no weight: most optimizers, averages and TensorBoard fail at size 0
            self.kernel = tf.zeros((0, 3 * self.units), self.variable_dtype)
        self.recurrent_kernel = self.add_weight(
            shape=(self.units, 3 * self.units),
            initializer=scaled_normal(scales[1], self.seed + 1),
            name="recurrent_kernel",
        )
        self.bias = self.add_weight(
            shape=(3 * self.units,), initializer=GatesBias(), name="bias"
        )

    def project(self, inputs):
        """Project inputs to the gates, bias included, ``(..., 3 * units)``."""
        return tf.tensordot(inputs, tf.convert_to_tensor(self.kernel), 1) + self.bias

    def call(self, inputs, states, training=None):
        h, *_ = recurrence.gru_step(
            self.project(inputs),
            states[0],
            tf.convert_to_tensor(self.recurrent_kernel),
            self.clip,
        )
        return h, [h]

    def load_own_variables(self, store: Any) -> None:
        """Load weights, also from older files with an empty kernel for no inputs."""
        if len(store.keys()) == len(self.weights) + 1:
            store = {str(i): store[str(i + 1)] for i in range(len(self.weights))}
        super().load_own_variables(store)

    def get_config(self) -> dict[str, Any]:
        own = {
            "units": self.units,
            "clip": self.clip,
            "encoder": self.encoder,
            "seed": self.seed,
        }
        return {**super().get_config(), **own}


@register_cell(ClippedGRUCell)
@dataclasses.dataclass(frozen=True)
class ClippedGRU(GRU):
    """GRU with its reset before the product, its state clipped at 1 or beyond.

    At a fixed point the state is the candidate, which is below 1: the clipping moves none and
    makes none. Between the state and the candidate, it keeps states within their box.
    """

    clip: float

    @classmethod
    def from_cell(cls, cell: Any) -> ClippedGRU | None:
        if cell.clip < 1.0:  # states may rest where they are clipped
            return None
        return cls(int(cell.units), "tanh", "sigmoid", False, float(cell.clip))

    @staticmethod
    def weights(cell: Any) -> tuple[Any, ...]:
        none = np.zeros(cell.recurrent_kernel.shape[1])
        return cell.kernel, cell.recurrent_kernel, cell.bias, none

    def step(self, w, h, u):
        return tf.clip_by_value(super().step(w, h, u), -self.clip, self.clip)

    def jacobian(self, w, h, u):
        return super().jacobian(w, h, u) * self._unclipped(w, h, u)

    def input_jacobian(self, w, h, u):
        return super().input_jacobian(w, h, u) * self._unclipped(w, h, u)

    # Those of a GRU hold within a ball that is not clipped, which they do not ask for.
    ball_bounds = CellEquations.ball_bounds

    def _unclipped(self, w, h, u):
        """Mark the states that the step does not clip, 1 or 0, ``(n, units, 1)``."""
        inside = tf.abs(super().step(w, h, u)) <= self.clip
        return tf.cast(inside, h.dtype)[..., None]
