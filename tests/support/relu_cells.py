"""ReLU networks for tests and benchmarks: a leaky cell, and weights of networks."""

from __future__ import annotations

import keras
import numpy as np

ALPHA = 0.25  # exact in binary


class LeakyReLUCell(keras.layers.Layer):
    """``h + alpha (-h + relu(h W + u B + b))``, or with ``inside``, ``relu(h) W + u B + b``."""

    def __init__(self, units: int, alpha: float = ALPHA, inside: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.units, self.alpha, self.inside = units, alpha, inside
        self.state_size = units

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.recurrent = self.add_weight(shape=(self.units, self.units), name="recurrent")
        self.bias = self.add_weight(shape=(self.units,), name="bias")
        self.built = True

    def call(self, inputs, states, training=False):
        h = states[0]
        drive = keras.ops.matmul(inputs, self.kernel) + self.bias
        if self.inside:
            target = keras.ops.matmul(keras.ops.relu(h), self.recurrent) + drive
        else:
            target = keras.ops.relu(keras.ops.matmul(h, self.recurrent) + drive)
        h = h + self.alpha * (target - h)
        return h, [h]

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "alpha": self.alpha,
            "inside": self.inside,
        }


def single(array) -> np.ndarray:
    """Round to single precision, as a Keras variable does, and return double precision."""
    return np.asarray(array, np.float32).astype(np.float64)


def motif_weights(n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return weights of pairs of units that silence each other, coupled weakly."""
    weights = 0.03 * rng.normal(size=(n, n))
    for k in range(0, n - 1, 2):
        weights[k, k + 1], weights[k + 1, k] = -rng.uniform(1.3, 2.0, size=2)
    return weights, rng.uniform(0.8, 1.2, size=n)


def threshold_linear_weights(n: int, rng) -> tuple[np.ndarray, np.ndarray]:
    """Return inhibition by a random graph (combinatorial threshold-linear network)."""
    graph = rng.random((n, n)) < 0.5
    weights = np.where(graph, -0.75, -1.5) * rng.uniform(0.95, 1.05, size=(n, n))
    np.fill_diagonal(weights, 0.0)
    return weights, np.ones(n)
