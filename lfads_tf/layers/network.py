"""The network of LFADS: encoders, decoder and read-outs together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from lfads_tf.config import LFADSConfig
from lfads_tf.layers import observations, priors
from lfads_tf.layers.decoder import Decoded, Decoder
from lfads_tf.layers.encoders import ControllerInputEncoder, InitialConditionEncoder
from lfads_tf.layers.initializers import scaled_normal
from lfads_tf.layers.readin import (
    OneReadOut,
    SessionsLayer,
    SessionWeights,
    read_in,
    read_out,
)

__all__ = ["Encoded", "Network"]


class Encoded(NamedTuple):
    """Outputs of the encoders for a batch of trials.

    Attributes:
        mean: mean of the posterior over the initial condition, ``(n_trials,
            n_initial_conditions)``.
        sd: its standard deviation.
        controller_input: of each bin, ``(n_bins, n_trials, 2 * units)``; of width 0 without
            controller.
    """

    mean: tf.Tensor
    sd: tf.Tensor
    controller_input: tf.Tensor


@keras.saving.register_keras_serializable(package="lfads_tf", name="Network")
class Network(keras.layers.Layer):
    """Encoders, decoder, read-out, priors and observation model.

    ``sessions`` has the read-in and the read-out of each session, and the methods take the
    weights of a session, or of the session of each row. With one session there may be no
    read-in.

    Args:
        config: configuration of the model, or what its ``to_dict`` returns.

    Example:
        >>> config = LFADSConfig(n_neurons=8, n_bins=20, bin_width=0.02, n_factors=3)
        >>> network = Network(config)
        >>> session = network.sessions.of("session")
        >>> encoded = network.encode(tf.zeros((5, 20, 8)), session)
        >>> external = tf.zeros((5, 20, 0))
        >>> decoded = network.decode(encoded.mean, encoded.controller_input, external)
        >>> network.read_out(decoded.factors, session).shape
        TensorShape([20, 5, 8])
    """

    def __init__(self, config: LFADSConfig | dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(config, dict):
            config = LFADSConfig.from_dict(config)
        self.config = config
        policy = {"dtype": self.dtype_policy}
        seeds = iter(range(100 * config.seed, 100 * config.seed + 100, 10))
        floors = {"clip": config.state_clip, "variance_floor": config.variance_floor}
        self.initial_condition_encoder = InitialConditionEncoder(
            config.encoder_units,
            config.n_initial_conditions,
            initial_variance=config.initial_condition_prior_variance,
            seed=next(seeds),
            name="initial_condition_encoder",
            **floors,
            **policy,
        )
        self.decoder = Decoder(
            config.generator_units,
            config.n_factors,
            config.n_initial_conditions,
            n_inferred_inputs=config.n_inferred_inputs,
            n_external_inputs=config.n_external_inputs,
            controller_units=config.controller_units,
            initial_variance=config.input_prior_noise_variance,
            seed=next(seeds),
            name="decoder",
            **floors,
            **policy,
        )
        self.initial_condition_prior = priors.InitialConditionPrior(
            config.n_initial_conditions,
            config.initial_condition_prior_variance,
            name="initial_condition_prior",
            **policy,
        )
        self.observation = observations.observation(config)
        self.read_out_seed = next(seeds)
        self.controller_encoder = self.input_prior = None
        if config.has_controller:
            self.controller_encoder = ControllerInputEncoder(
                config.controller_encoder_units,
                config.state_clip,
                lag=config.controller_lag,
                seed=next(seeds),
                name="controller_input_encoder",
                **policy,
            )
            self.input_prior = priors.input_prior(config, **policy)
        if config.shared_frozen:
            for layer in self.shared_layers():
                layer.trainable = False
        if config.n_read_in:
            self.sessions: Any = SessionsLayer(
                config,
                self.observation.n_parameters,
                seed=self.read_out_seed,
                name="sessions",
                **policy,
            )
        self.build()

    def shared_layers(self) -> list[keras.layers.Layer]:
        """Return the layers that all sessions share."""
        layers = [
            self.initial_condition_encoder,
            self.controller_encoder,
            self.decoder,
            self.initial_condition_prior,
            self.input_prior,
        ]
        return [layer for layer in layers if layer is not None]

    def build(self, input_shape: Any = None) -> None:
        config = self.config
        n_inputs = 2 * config.controller_encoder_units if config.has_controller else 0
        n_seen = config.n_read_in or config.encoded_neurons
        self.initial_condition_encoder.build((None, None, n_seen))
        if self.controller_encoder is not None:
            self.controller_encoder.build((None, None, n_seen))
        self.decoder.build((None, None, n_inputs))
        if not config.n_read_in:
            # The network's own variables, and so the first: files hold them in this order.
            n_out = self.observation.n_parameters * config.n_neurons
            is_trained = config.session_names[0] not in config.frozen_sessions
            self.read_out_kernel = self.add_weight(
                shape=(config.n_factors, n_out),
                initializer=scaled_normal(config.n_factors, self.read_out_seed),
                trainable=is_trained,
                name="read_out_kernel",
            )
            self.read_out_bias = self.add_weight(
                shape=(n_out,), initializer="zeros", trainable=is_trained, name="read_out_bias"
            )
            self.sessions = OneReadOut(config, self.read_out_kernel, self.read_out_bias)
        self.built = True

    def bias_for(self, spikes_btn: Any):
        """Return the bias of a read-out that begins at the mean and variance of data.

        Args:
            spikes_btn: ``(n_trials, n_bins, n_neurons)``, NaN where not observed.
        """
        spikes = np.asarray(spikes_btn, np.float64)
        observed = np.isfinite(spikes)
        n_observed = np.maximum(observed.sum((0, 1)), 1)
        values = np.where(observed, spikes, 0.0)
        mean = values.sum((0, 1)) / n_observed
        variance = np.square(values).sum((0, 1)) / n_observed - np.square(mean)
        # A neuron that never fired may still fire: half a spike in all that was observed.
        least = 0.5 / n_observed
        if self.config.observation != "gaussian":
            mean = np.maximum(mean, least)
        return self.observation.start(
            tf.constant(mean, tf.float32), tf.constant(np.maximum(variance, least), tf.float32)
        )

    def session_weights(self, batch: Mapping[str, tf.Tensor]) -> SessionWeights:
        """Return the weights of each row's session, or of the only session.

        Raises:
            ValueError: the batch does not say which of several sessions its rows are of.
        """
        names = self.config.session_names
        if len(names) == 1:
            return self.sessions.of(names[0])
        if "session_b" not in batch:
            raise ValueError(
                "inputs: expected a dictionary with spikes_btn and session_b, the index of "
                "each trial's session, received no indices. infer takes a Session."
            )
        return self.sessions.rows(batch["session_b"])

    def encode(
        self,
        x_btn,
        session: SessionWeights,
        masks: Mapping[str, tf.Tensor] | None = None,
    ) -> Encoded:
        """Encode the encoders' data, ``(n_trials, encoded_bins, encoded_neurons)``.

        Args:
            x_btn: data, without NaN.
            session: weights of the session, or of the session of each row.
            masks: masks of dropout by name: ``data_btn``, ``encoded_bk``,
                ``controller_input_tbk``; missing ones drop nothing.
        """
        config, masks = self.config, masks or {}
        x_btn = read_in(_masked(x_btn, masks, "data_btn"), session)
        x_tbn = tf.transpose(x_btn, (1, 0, 2))
        n_first = config.initial_condition_bins
        first = x_tbn[:n_first] if n_first else x_tbn
        # By name, as what may be None: Kerases before 3.7 take only tensors by position.
        mean, sd = self.initial_condition_encoder(first, mask_bk=masks.get("encoded_bk"))
        if self.controller_encoder is None:
            nothing = tf.zeros((config.n_bins, tf.shape(x_tbn)[1], 0), mean.dtype)
            return Encoded(mean, sd, nothing)
        controller_input_tbk = self.controller_encoder(x_tbn[n_first:])
        # Bins that this encoder does not see, at the start or to be predicted, are zeros.
        after = config.n_bins - config.encoded_bins
        controller_input_tbk = tf.pad(controller_input_tbk, [[n_first, after], [0, 0], [0, 0]])
        return Encoded(mean, sd, _masked(controller_input_tbk, masks, "controller_input_tbk"))

    def decode(
        self,
        initial_bi,
        controller_input_tbk,
        external_bte,
        noise_tbu=None,
        masks: Mapping[str, tf.Tensor] | None = None,
    ) -> Decoded:
        """Decode initial conditions by :class:`lfads_tf.layers.decoder.Decoder`."""
        masks = masks or {}
        external_tbe = _masked(tf.transpose(external_bte, (1, 0, 2)), masks, "external_tbe")
        return self.decoder(
            initial_bi, controller_input_tbk, external_tbe, noise_tbu=noise_tbu, masks=masks
        )

    def read_out(self, factors_tbf, session: SessionWeights):
        """Return observation parameters, ``(n_bins, n_trials, n_parameters * n)``."""
        return read_out(factors_tbf, session)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "config": self.config.to_dict()}


def _masked(array, masks, name):
    return array * masks[name] if name in masks else array
