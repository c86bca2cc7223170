"""Encoders of spikes into the initial condition and the controller's inputs.

Both encoders are bidirectional (Pandarinath et al. 2018, online methods). Arrays are
time-major, ``(n_bins, n_trials, ...)``.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from lfads_tf.layers import recurrence
from lfads_tf.layers.cells import ClippedGRUCell
from lfads_tf.layers.initializers import MeanAndLogVariance, scaled_normal

__all__ = ["BidirectionalGRU", "ControllerInputEncoder", "InitialConditionEncoder"]


@keras.saving.register_keras_serializable(package="lfads_tf", name="BidirectionalGRU")
class BidirectionalGRU(keras.layers.Layer):
    """Two clipped GRUs, one from the first bin on, one from the last bin back.

    Both start from a learned state.

    Args:
        units: of each direction.
        clip: bound on the absolute value of the states.
        seed: seed of the weights.

    Example:
        >>> layer = BidirectionalGRU(3)
        >>> forward, backward = layer(tf.zeros((10, 2, 4)))
        >>> forward.shape, backward.shape
        (TensorShape([10, 2, 3]), TensorShape([10, 2, 3]))
    """

    def __init__(self, units: int, clip: float = 5.0, *, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.clip, self.seed = units, clip, seed
        self.forward_cell = ClippedGRUCell(
            units, clip, encoder=True, seed=seed, name="forward", dtype=self.dtype_policy
        )
        self.backward_cell = ClippedGRUCell(
            units, clip, encoder=True, seed=seed + 2, name="backward", dtype=self.dtype_policy
        )

    def build(self, input_shape: Any) -> None:
        self.forward_cell.build(input_shape)
        self.backward_cell.build(input_shape)
        self.initial_state = self.add_weight(
            shape=(2, self.units), initializer="zeros", name="initial_state"
        )

    def call(self, x_tbn):
        """Return states of both directions in time, each ``(n_bins, n_trials, units)``."""
        forward = self._run(self.forward_cell, x_tbn, 0)
        backward = self._run(self.backward_cell, tf.reverse(x_tbn, [0]), 1)
        return forward, tf.reverse(backward, [0])

    def _run(self, cell: ClippedGRUCell, x_tbn, direction: int):
        h0 = tf.convert_to_tensor(self.initial_state)[direction]
        h0 = tf.zeros((tf.shape(x_tbn)[1], 1), h0.dtype) + h0
        kernel = tf.convert_to_tensor(cell.recurrent_kernel)
        return recurrence.gru(cell.project(x_tbn), h0, kernel, self.clip)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "clip": self.clip, "seed": self.seed}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="lfads_tf", name="InitialConditionEncoder")
class InitialConditionEncoder(keras.layers.Layer):
    """Mean and standard deviation of the posterior over the initial condition.

    Args:
        units: of each direction of the encoder.
        n_initial_conditions: dimensions of the initial condition.
        clip: bound on the absolute value of the states.
        variance_floor: added to the variance.
        initial_variance: about which the variance starts: the prior's.
        seed: seed of the weights.

    Example:
        >>> layer = InitialConditionEncoder(8, 3)
        >>> mean, sd = layer(tf.zeros((10, 2, 4)))
        >>> mean.shape, bool(tf.reduce_all(sd > 0))
        (TensorShape([2, 3]), True)
    """

    def __init__(
        self,
        units: int,
        n_initial_conditions: int,
        clip: float = 5.0,
        *,
        variance_floor: float = 1e-4,
        initial_variance: float = 0.1,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units, self.n_initial_conditions = units, n_initial_conditions
        self.clip, self.variance_floor, self.seed = clip, variance_floor, seed
        self.initial_variance = initial_variance
        self.gru = BidirectionalGRU(units, clip, seed=seed, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        self.gru.build(input_shape)
        n, n_in = self.n_initial_conditions, 2 * self.units
        self.kernel = self.add_weight(
            shape=(n_in, 2 * n), initializer=scaled_normal(n_in, self.seed + 4), name="kernel"
        )
        self.bias = self.add_weight(
            shape=(2 * n,), initializer=MeanAndLogVariance(self.initial_variance), name="bias"
        )

    def call(self, x_tbn, mask_bk=None):
        """Encode each trial by its initial condition's posterior.

        Args:
            x_tbn: ``(n_bins, n_trials, n_neurons)``.
            mask_bk: dropout of the two last states, ``(n_trials, 2 * units)``, or none.

        Returns:
            Mean and standard deviation, each ``(n_trials, n_initial_conditions)``.
        """
        forward, backward = self.gru(x_tbn)
        last = tf.concat([forward[-1], backward[0]], axis=-1)
        if mask_bk is not None:
            last = last * mask_bk
        both = tf.matmul(last, tf.convert_to_tensor(self.kernel)) + self.bias
        mean, log_variance = tf.split(both, 2, axis=-1)
        return mean, recurrence.posterior_sd(log_variance, self.variance_floor)

    def get_config(self) -> dict[str, Any]:
        names = ("units", "n_initial_conditions", "clip", "variance_floor")
        own = {name: getattr(self, name) for name in (*names, "initial_variance", "seed")}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="lfads_tf", name="ControllerInputEncoder")
class ControllerInputEncoder(keras.layers.Layer):
    """Encoder of spikes into the controller's inputs at each bin, from both directions.

    Args:
        units: of each direction.
        clip: bound on the absolute value of the states.
        lag: bins by which each direction is shifted towards what it has already read: at
            bin t the controller sees the forward state of bin ``t - lag`` and the backward
            state of bin ``t + lag``, zeros beyond the ends.
        seed: seed of the weights.

    Example:
        >>> ControllerInputEncoder(3, lag=1)(tf.ones((10, 2, 4))).shape
        TensorShape([10, 2, 6])
    """

    def __init__(
        self, units: int, clip: float = 5.0, *, lag: int = 1, seed: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.units, self.clip, self.lag, self.seed = units, clip, lag, seed
        self.gru = BidirectionalGRU(units, clip, seed=seed, dtype=self.dtype_policy)

    def build(self, input_shape: Any) -> None:
        self.gru.build(input_shape)

    def call(self, x_tbn):
        """Encode each bin by forward and backward states.

        Args:
            x_tbn: ``(n_bins, n_trials, n_neurons)``.

        Returns:
            ``(n_bins, n_trials, 2 * units)``, forward states first.
        """
        forward, backward = self.gru(x_tbn)
        n_bins, lag = x_tbn.shape[0], self.lag
        forward = tf.pad(forward[: n_bins - lag], [[lag, 0], [0, 0], [0, 0]])
        backward = tf.pad(backward[lag:], [[0, lag], [0, 0], [0, 0]])
        return tf.concat([forward, backward], axis=-1)

    def get_config(self) -> dict[str, Any]:
        own = {"units": self.units, "clip": self.clip, "lag": self.lag, "seed": self.seed}
        return {**super().get_config(), **own}
