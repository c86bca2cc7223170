"""Priors, and the observation models between read-out and data.

Everything rests on TensorFlow Probability; distributions are made inside the calls, since
one made outside a gradient tape passes no gradient to its parameters. Divergences are in
nats.
"""

from __future__ import annotations

import math
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from lfads_tf.config import LFADSConfig

__all__ = [
    "AutoregressivePrior",
    "Gamma",
    "Gaussian",
    "IndependentPrior",
    "InitialConditionPrior",
    "Observation",
    "Poisson",
    "ZeroInflatedGamma",
    "input_prior",
    "log_factorial",
    "observation",
]

tfd = tfp.distributions

#: Bounds on logarithms of rates, shapes and variances per bin: exp of them stays finite and
#: its gradient too. A rate of e^10 is 22,000 spikes in a bin.
LOWEST_LOG, HIGHEST_LOG = -20.0, 10.0

#: Least mean and variance with which a neuron starts: silent ones have a logarithm too.
LEAST = 1e-6


def _bounded_exp(x):
    return tf.exp(tf.clip_by_value(x, LOWEST_LOG, HIGHEST_LOG))


@keras.saving.register_keras_serializable("lfads_tf")
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
        """KL divergence of each trial's posterior, ``(n_trials,)``."""
        prior = tfd.Normal(tf.convert_to_tensor(self.mean), self.variance**0.5)
        return tf.reduce_sum(tfd.kl_divergence(tfd.Normal(mean, sd), prior), axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "variance": self.variance}


@keras.saving.register_keras_serializable("lfads_tf")
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
        """KL divergence of the posterior given the samples, ``(n_bins, n_trials)``."""
        prior = self.given(sample_tbu)
        terms = tfd.kl_divergence(tfd.Normal(mean_tbu, sd_tbu), prior)
        return tf.reduce_sum(terms, axis=2)

    def given(self, sample_tbu):
        """The distribution of each bin given the bin before, as a TFP distribution."""
        decay = tf.exp(-1.0 / _bounded_exp(self.log_time_constant))
        noise = _bounded_exp(self.log_noise_variance)
        # 1 - a^2, without loss of digits where the time constant is long
        one_minus = -tf.math.expm1(-2.0 / _bounded_exp(self.log_time_constant))
        before = tf.concat([tf.zeros_like(sample_tbu[:1]), sample_tbu[:-1]], axis=0)
        first = tf.broadcast_to(noise / one_minus, tf.shape(sample_tbu[:1]))
        later = tf.broadcast_to(noise, tf.shape(sample_tbu[1:]))
        return tfd.Normal(decay * before, tf.sqrt(tf.concat([first, later], axis=0)))

    def get_config(self) -> dict[str, Any]:
        names = ("size", "time_constant", "noise_variance")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@keras.saving.register_keras_serializable("lfads_tf")
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
        """KL divergence of the posterior, ``(n_bins, n_trials)``."""
        prior = tfd.Normal(tf.zeros_like(mean_tbu), tf.sqrt(_bounded_exp(self.log_variance)))
        terms = tfd.kl_divergence(tfd.Normal(mean_tbu, sd_tbu), prior)
        return tf.reduce_sum(terms, axis=2)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size, "variance": self.variance}


def input_prior(config: LFADSConfig, **kwargs: Any) -> AutoregressivePrior | IndependentPrior:
    """The prior over inferred inputs that a configuration asks for.

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


def log_factorial(counts):
    """``log(n!)`` of whole numbers, to 1e-11.

    Stirling's series at ``n + 6``, where five terms suffice, less the five factors by
    which ``gamma(n + 6)`` exceeds ``n!`` (Abramowitz & Stegun 1964, 6.1.15 and 6.1.41).

    Example:
        >>> log_factorial(tf.constant([0.0, 1.0, 5.0])).numpy().round(4).tolist()
        [0.0, 0.0, 4.7875]
    """
    y = counts + 6.0
    square = 1.0 / (y * y)
    series = tf.zeros_like(y)
    for coefficient in (1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = series * square + coefficient
    stirling = (y - 0.5) * tf.math.log(y) - y + 0.5 * math.log(2 * math.pi) + series / y
    factors = (counts + 1.0) * (counts + 2.0) * (counts + 3.0)
    return stirling - tf.math.log(factors) - tf.math.log((counts + 4.0) * (counts + 5.0))


class Observation(keras.layers.Layer):
    """How data arise from the read-out; ``n_parameters`` numbers a neuron and bin.

    Parameters are ``(..., n_parameters * n_neurons)``, one block of neurons after another.
    """

    n_parameters = 1
    counts = False

    def log_prob(self, parameters, data):
        """Log-likelihood of each sample, of the shape of the data."""
        raise NotImplementedError

    def mean(self, parameters):
        """Expected data in a bin."""
        raise NotImplementedError

    def start(self, mean, variance):
        """Parameters of data of this mean and variance in each neuron: the first bias.

        Where the model has one parameter its variance is what the mean makes it.
        """
        raise NotImplementedError

    def split(self, parameters):
        return tf.split(parameters, self.n_parameters, axis=-1)


@keras.saving.register_keras_serializable("lfads_tf")
class Poisson(Observation):
    """Spike counts; the parameter is the logarithm of the expected count in a bin.

    Example:
        >>> float(Poisson().log_prob(tf.zeros(()), tf.zeros(())))
        -1.0
    """

    counts = True

    def log_prob(self, parameters, data):
        # As tfd.Poisson has it, whose lgamma takes a third of the forward pass.
        log_rate = tf.clip_by_value(parameters, LOWEST_LOG, HIGHEST_LOG)
        return data * log_rate - tf.exp(log_rate) - log_factorial(data)

    def mean(self, parameters):
        return _bounded_exp(parameters)

    def start(self, mean, variance):
        return tf.math.log(tf.maximum(mean, LEAST))


@keras.saving.register_keras_serializable("lfads_tf")
class Gaussian(Observation):
    """Continuous data; parameters are mean and log variance.

    Example:
        >>> round(float(Gaussian().log_prob(tf.zeros((2,)), tf.zeros((1,)))[0]), 4)
        -0.9189
    """

    n_parameters = 2

    def log_prob(self, parameters, data):
        mean, log_variance = self.split(parameters)
        sd = tf.sqrt(_bounded_exp(log_variance) + 1e-6)
        return tfd.Normal(mean, sd).log_prob(data)

    def mean(self, parameters):
        return self.split(parameters)[0]

    def start(self, mean, variance):
        return tf.concat([mean, tf.math.log(tf.maximum(variance, LEAST))], axis=-1)


@keras.saving.register_keras_serializable("lfads_tf")
class Gamma(Observation):
    """Positive continuous data; parameters are the logarithms of shape and rate.

    Example:
        >>> float(Gamma().mean(tf.zeros((2,)))[0])
        1.0
    """

    n_parameters = 2

    def log_prob(self, parameters, data):
        shape, rate = map(_bounded_exp, self.split(parameters))
        return tfd.Gamma(shape, rate).log_prob(tf.maximum(data, 1e-6))

    def mean(self, parameters):
        shape, rate = map(_bounded_exp, self.split(parameters))
        return shape / rate

    def start(self, mean, variance):
        mean = tf.maximum(mean, LEAST)
        shape = tf.clip_by_value(mean**2 / tf.maximum(variance, LEAST), 1e-3, 1e3)
        shape = tf.minimum(shape, 2e4 * mean)  # within the bound on the rate
        return tf.math.log(tf.concat([shape, shape / mean], axis=-1))


@keras.saving.register_keras_serializable("lfads_tf")
class ZeroInflatedGamma(Observation):
    """Deconvolved calcium events: zero, or ``location`` plus a gamma variable.

    Parameters are the logarithms of shape and rate and the logit of the probability of an
    event (Wei et al. 2020; Zhu et al. 2022).

    Args:
        location: the smallest event.

    Example:
        >>> zig = ZeroInflatedGamma(location=0.5)
        >>> float(zig.mean(tf.zeros((3,)))[0])
        0.75
    """

    n_parameters = 3

    def __init__(self, location: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.location = location

    def log_prob(self, parameters, data):
        log_shape, log_rate, logit = self.split(parameters)
        event = data > 0
        # A stand-in where there is no event keeps the unused branch's gradient finite.
        above = tf.where(event, tf.maximum(data - self.location, 1e-6), tf.ones_like(data))
        gamma = tfd.Gamma(_bounded_exp(log_shape), _bounded_exp(log_rate))
        with_event = gamma.log_prob(above) + tf.math.log_sigmoid(logit)
        return tf.where(event, with_event, tf.math.log_sigmoid(-logit))

    def mean(self, parameters):
        log_shape, log_rate, logit = self.split(parameters)
        gamma_mean = _bounded_exp(log_shape) / _bounded_exp(log_rate)
        return tf.sigmoid(logit) * (gamma_mean + self.location)

    def start(self, mean, variance):
        """Events with an exponential (shape 1) above the location.

        With probability p, location l and scale s, ``mean = p (s + l)`` and the mean square
        is ``p (2 s^2 + 2 s l + l^2)``; their ratio gives s, then the mean gives p. Where the
        variance is too small for that, events are almost certain and the mean alone counts.
        """
        mean = tf.maximum(mean, LEAST)
        least = 0.01 * self.location + LEAST
        ratio = tf.maximum(mean + variance / mean, self.location + least)
        centre = (ratio - 2.0 * self.location) / 4.0
        scale = centre + tf.sqrt(centre**2 + self.location * (ratio - self.location) / 2.0)
        probability = tf.minimum(mean / (scale + self.location), 0.95)
        scale = mean / probability - self.location
        logit = tf.math.log(probability) - tf.math.log1p(-probability)
        return tf.concat([tf.zeros_like(mean), -tf.math.log(scale), logit], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "location": self.location}


def observation(config: LFADSConfig) -> Observation:
    """The observation model that a configuration asks for.

    Example:
        >>> observation(LFADSConfig(n_neurons=8, n_bins=20, bin_width=0.02)).n_parameters
        1
    """
    if config.observation == "zero_inflated_gamma":
        return ZeroInflatedGamma(config.smallest_event, name="observation")
    kinds = {"poisson": Poisson, "gaussian": Gaussian, "gamma": Gamma}
    return kinds[config.observation](name="observation")
