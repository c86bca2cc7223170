"""Weights of each session, from its neurons to the shared network and back.

A linear read-in takes the spikes of a session to a few dimensions, in which the shared
encoders see all sessions alike; a linear read-out takes the shared factors to the parameters
of the session's own neurons (Pandarinath et al. 2018, online methods).

A batch mixes sessions. Its rows are padded to the largest session, and each row is multiplied
by the weights of its own session, so that one graph serves all. Padding meets weights that
are 0 and samples that count as not observed: nothing of it reaches the loss. A model of one
session multiplies by its weights as they are, and without a read-in the encoders see the
neurons themselves.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from lfads_tf.config import LFADSConfig
from lfads_tf.layers.initializers import scaled_normal

__all__ = [
    "OneReadOut",
    "SessionWeights",
    "SessionsLayer",
    "read_in",
    "read_out",
]


class SessionWeights(NamedTuple):
    """Read-in and read-out of one session, or of the session of each row.

    Attributes:
        in_kernel: ``(n_encoded_neurons, n_read_in)``, or of rows ``(n_trials, ...)``; none
            where there is no read-in.
        in_bias: ``(n_read_in,)``, or ``(n_trials, 1, n_read_in)``.
        out_kernel: ``(n_factors, n_parameters * n_neurons)``, or ``(n_trials, ...)``.
        out_bias: ``(n_parameters * n_neurons,)``, or ``(n_trials, 1, ...)``.
    """

    in_kernel: Any
    in_bias: Any
    out_kernel: Any
    out_bias: Any


def read_in(x_btn, weights: SessionWeights):
    """Read spikes into the encoders' space, ``(n_trials, n_bins, n_read_in)``.

    Without a read-in it is the spikes themselves.

    Args:
        x_btn: ``(n_trials, n_bins, n_neurons)``, the encoded neurons first.
        weights: weights of one session, or of the session of each row.

    Example:
        >>> weights = SessionWeights(tf.ones((3, 2)), tf.zeros(2), None, None)
        >>> read_in(tf.ones((1, 1, 3)), weights).numpy().tolist()
        [[[3.0, 3.0]]]
    """
    kernel = weights.in_kernel
    if kernel is None:
        return x_btn
    product = tf.matmul if len(kernel.shape) == 3 else _one_kernel
    return product(x_btn[..., : kernel.shape[-2]], kernel) + weights.in_bias


def read_out(factors_tbf, weights: SessionWeights):
    """Return observation parameters, ``(n_bins, n_trials, n_parameters * n_neurons)``.

    Args:
        factors_tbf: ``(n_bins, n_trials, n_factors)``.
        weights: weights of one session, or of the session of each row.
    """
    if len(weights.out_kernel.shape) == 2:
        return _one_kernel(factors_tbf, weights.out_kernel) + weights.out_bias
    factors_btf = tf.transpose(factors_tbf, (1, 0, 2))
    parameters = tf.matmul(factors_btf, weights.out_kernel) + weights.out_bias
    return tf.transpose(parameters, (1, 0, 2))


def _one_kernel(array, kernel):
    return tf.tensordot(array, kernel, 1)


class _BySession:
    """Reading and setting of the weights of sessions, whoever holds the variables."""

    config: LFADSConfig
    variables_of: list[SessionWeights]

    def of(self, session_name: str) -> SessionWeights:
        """Return the weights of one session, without padding."""
        variables = self.variables_of[self.config.index_of(session_name)]
        return SessionWeights(*(v if v is None else tf.convert_to_tensor(v) for v in variables))

    def assign(self, session_name: str, weights: SessionWeights) -> None:
        """Set the weights of one session.

        Args:
            session_name: name of a session that the model knows.
            weights: arrays.
        """
        variables = self.variables_of[self.config.index_of(session_name)]
        for variable, value in zip(variables, weights, strict=True):
            if variable is not None:
                variable.assign(np.asarray(value, np.float32))


class OneReadOut(_BySession):
    """The read-out of the one session of a model without read-in.

    Args:
        config: configuration of the model.
        kernel: ``(n_factors, n_parameters * n_neurons)``.
        bias: ``(n_parameters * n_neurons,)``.
    """

    def __init__(self, config: LFADSConfig, kernel: Any, bias: Any) -> None:
        self.config = config
        self.variables_of = [SessionWeights(None, None, kernel, bias)]


@keras.saving.register_keras_serializable(package="lfads_tf", name="SessionsLayer")
class SessionsLayer(_BySession, keras.layers.Layer):
    """The read-ins and read-outs of all sessions.

    Args:
        config: configuration of the model, or what its ``to_dict`` returns.
        n_parameters: number of parameters of the observation model, for each neuron.
        seed: seed of the weights.

    Example:
        >>> config = LFADSConfig(
        ...     n_neurons=9, n_bins=50, bin_width=0.01, n_factors=5,
        ...     session_names=("monday", "tuesday"), session_neurons=(6, 9), n_read_in=4,
        ... )
        >>> layer = SessionsLayer(config)
        >>> layer.of("monday").in_kernel.shape
        TensorShape([6, 4])
        >>> layer.rows(tf.constant([0, 1, 1])).in_kernel.shape
        TensorShape([3, 9, 4])
    """

    def __init__(
        self,
        config: LFADSConfig | dict[str, Any],
        n_parameters: int = 1,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(config, dict):
            config = LFADSConfig.from_dict(config)
        self.config, self.n_parameters, self.seed = config, n_parameters, seed
        self.build()

    def build(self, input_shape: Any = None) -> None:
        config, made = self.config, []
        n_read_in, n_factors = config.n_read_in, config.n_factors
        for i, n_neurons in enumerate(config.session_neurons):
            n_in, n_out = config.encoded_of(i), self.n_parameters * n_neurons
            # Each session has a seed of its own, which later sessions do not change.
            seed = self.seed + 1000 * i
            shapes_and_starts = {
                "in_kernel": ((n_in, n_read_in), scaled_normal(n_in, seed)),
                "in_bias": ((n_read_in,), "zeros"),
                "out_kernel": ((n_factors, n_out), scaled_normal(n_factors, seed + 1)),
                "out_bias": ((n_out,), "zeros"),
            }
            is_trained = config.session_names[i] not in config.frozen_sessions
            weights = {}
            for name, (shape, start) in shapes_and_starts.items():
                weights[name] = self.add_weight(
                    shape=shape,
                    initializer=start,
                    trainable=is_trained
                    and (config.read_in_trained or not name.startswith("in_")),
                    name=f"{name}_{i}",
                )
            made.append(SessionWeights(**weights))
        self.variables_of = made
        self.built = True

    def rows(self, session_b) -> SessionWeights:
        """Return the weights of the session of each row, padded to the largest session.

        Rows are chosen by a product with a one-hot matrix, exact since all but one of its
        terms are 0: its gradient is a product too, and far faster under XLA on a CPU than
        that of a gather, which scatters.

        Args:
            session_b: indices of sessions, ``(n_trials,)``.
        """
        config, p = self.config, self.n_parameters
        chosen = tf.one_hot(session_b, len(self.variables_of), dtype=tf.float32)

        def of_rows(arrays):
            stacked = tf.stack(arrays)
            flat = tf.reshape(stacked, (len(arrays), -1))
            return tf.reshape(tf.matmul(chosen, flat), (-1, *stacked.shape[1:]))

        def padded_out(array):
            """Pad the neurons of each parameter separately."""
            array = tf.reshape(array, (-1, p, array.shape[-1] // p))
            missing = config.n_neurons - array.shape[-1]
            array = tf.pad(array, [[0, 0], [0, 0], [0, missing]])
            return tf.reshape(array, (-1, p * config.n_neurons))

        def padded_in(array):
            return tf.pad(array, [[0, config.encoded_neurons - array.shape[0]], [0, 0]])

        tensors = [[tf.convert_to_tensor(v) for v in w] for w in self.variables_of]
        in_kernels, in_biases, out_kernels, out_biases = zip(*tensors, strict=True)
        return SessionWeights(
            of_rows([padded_in(kernel) for kernel in in_kernels]),
            of_rows([bias[None] for bias in in_biases]),
            of_rows([padded_out(kernel) for kernel in out_kernels]),
            of_rows([padded_out(bias) for bias in out_biases]),
        )

    def get_config(self) -> dict[str, Any]:
        own = {"config": self.config.to_dict(), "n_parameters": self.n_parameters}
        return {**super().get_config(), **own, "seed": self.seed}
