"""Priors over initial conditions and inferred inputs, and divergences from them in nats.

The divergences are in closed form; see :mod:`lfads_tf.layers.distributions`.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from lfads_tf._utils.logarithms import bounded_exp
from lfads_tf.config import LFADSConfig
from lfads_tf.layers.distributions import Normal, normal_kl

__all__ = ["AutoregressivePrior", "IndependentPrior", "InitialConditionPrior", "input_prior"]


@keras.saving.register_keras_serializable(package="lfads_tf", name="InitialConditionPrior")
class InitialConditionPrior(keras.layers.Layer):
    """Diagonal Gaussian with a learned mean and a fixed variance.

    Args:
        size: dimensions.
        variance: fixed.

    Example:
        >>> prior = InitialConditionPrior(2, variance=1.0)
        >>> float(prior(tf.zeros((1, 2)), tf.ones((1, 2)))[0])
        0.0
    """

    def __init__(self, size: int, variance: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.variance = size, variance
        self.mean = self.add_weight(shape=(size,), initializer="zeros", name="mean")

    def call(self, mean, sd):
        """Return the KL divergence of each trial's posterior.

        Args:
            mean: mean of the posterior, ``(n_trials, size)``.
            sd: its standard deviation, ``(n_trials, size)``.

        Returns:
            ``(n_trials,)``, in nats.
        """
        prior_mean = tf.convert_to_tensor(self.mean)
        return tf.reduce_sum(normal_kl(mean, sd, prior_mean, self.variance**0.5), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "variance": self.variance}


@keras.saving.register_keras_serializable(package="lfads_tf", name="AutoregressivePrior")
class AutoregressivePrior(keras.layers.Layer):
    """First-order autoregressive prior over inferred inputs, learned for each.

    ``u_1 ~ N(0, s / (1 - a^2))`` and ``u_t ~ N(a u_{t-1}, s)`` with ``a = exp(-1 / tau)``
    (Pandarinath et al. 2018, online methods). The posterior is independent at each bin given
    the past, so that the divergence is a sum over bins, in which each term is a divergence
    between two Gaussians once the sample ``u_{t-1}`` is given. Those terms are exact here;
    one sample of ``log q - log p`` has the same mean and a larger variance.

    Args:
        size: number of inputs.
        time_constant: tau at the start, in bins.
        noise_variance: s at the start.

    Example:
        >>> prior = AutoregressivePrior(1, time_constant=5.0, noise_variance=0.1)
        >>> u = tf.zeros((3, 2, 1))
        >>> prior(u, tf.ones((3, 2, 1)), u).shape
        TensorShape([3, 2])
    """

    def __init__(
        self,
        size: int,
        time_constant: float = 10.0,
        noise_variance: float = 0.1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.size = size
        self.time_constant, self.noise_variance = time_constant, noise_variance
        log = keras.ops.log
        self.log_time_constant = self.add_weight(
            shape=(size,),
            initializer=keras.initializers.Constant(float(log(time_constant))),
            name="log_time_constant",
        )
        self.log_noise_variance = self.add_weight(
            shape=(size,),
            initializer=keras.initializers.Constant(float(log(noise_variance))),
            name="log_noise_variance",
        )

    def call(self, mean_tbu, sd_tbu, sample_tbu):
        """Return the KL divergence of the posterior given the samples.

        Args:
            mean_tbu: mean of the posterior at each bin given the past, ``(n_bins, n_trials,
                size)``.
            sd_tbu: its standard deviation, of the same shape.
            sample_tbu: drawn from the posterior, of the same shape.

        Returns:
            ``(n_bins, n_trials)``, in nats.
        """
        prior = self.given(sample_tbu)
        terms = normal_kl(mean_tbu, sd_tbu, prior.loc, prior.scale)
        return tf.reduce_sum(terms, axis=2)

    def given(self, sample_tbu) -> Normal:
        """Return the distribution of each bin given the bin before.

        Args:
            sample_tbu: ``(n_bins, n_trials, size)``.

        Returns:
            A :class:`lfads_tf.layers.distributions.Normal` of that shape.
        """
        decay = tf.exp(-1.0 / bounded_exp(self.log_time_constant))
        noise = bounded_exp(self.log_noise_variance)
        # 1 - a^2, without loss of digits where the time constant is long
        one_minus = -tf.math.expm1(-2.0 / bounded_exp(self.log_time_constant))
        before = tf.concat([tf.zeros_like(sample_tbu[:1]), sample_tbu[:-1]], axis=0)
        first = tf.broadcast_to(noise / one_minus, tf.shape(sample_tbu[:1]))
        later = tf.broadcast_to(noise, tf.shape(sample_tbu[1:]))
        return Normal(decay * before, tf.sqrt(tf.concat([first, later], axis=0)))

    def get_config(self) -> dict[str, Any]:
        names = ("size", "time_constant", "noise_variance")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable(package="lfads_tf", name="IndependentPrior")
class IndependentPrior(keras.layers.Layer):
    """Gaussian prior over inferred inputs, the same at each bin, its variance learned.

    Args:
        size: number of inputs.
        variance: at the start.

    Example:
        >>> u = tf.zeros((3, 2, 1))
        >>> IndependentPrior(1, variance=1.0)(u, tf.ones_like(u), u).shape
        TensorShape([3, 2])
    """

    def __init__(self, size: int, variance: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size, self.variance = size, variance
        self.log_variance = self.add_weight(
            shape=(size,),
            initializer=keras.initializers.Constant(float(keras.ops.log(variance))),
            name="log_variance",
        )

    def call(self, mean_tbu, sd_tbu, sample_tbu):
        """Return the KL divergence of the posterior.

        Args:
            mean_tbu: mean of the posterior, ``(n_bins, n_trials, size)``.
            sd_tbu: its standard deviation, of the same shape.
            sample_tbu: not used; :class:`AutoregressivePrior` needs it.

        Returns:
            ``(n_bins, n_trials)``, in nats.
        """
        prior_sd = tf.sqrt(bounded_exp(self.log_variance))
        terms = normal_kl(mean_tbu, sd_tbu, tf.zeros_like(mean_tbu), prior_sd)
        return tf.reduce_sum(terms, axis=2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "variance": self.variance}


def input_prior(config: LFADSConfig, **kwargs: Any) -> AutoregressivePrior | IndependentPrior:
    """Return the prior over inferred inputs that a configuration asks for.

    Args:
        config: configuration of the model.
        **kwargs: of a Keras layer.

    Example:
        >>> config = LFADSConfig(n_neurons=8, n_bins=20, bin_width=0.02, n_inferred_inputs=2)
        >>> input_prior(config).time_constant
        5.0
    """
    size, variance = config.n_inferred_inputs, config.input_prior_noise_variance
    kwargs = {"name": "input_prior", **kwargs}
    if config.input_prior == "gaussian":
        return IndependentPrior(size, variance, **kwargs)
    n_bins = config.input_prior_time_constant / config.bin_width
    return AutoregressivePrior(size, n_bins, variance, **kwargs)
