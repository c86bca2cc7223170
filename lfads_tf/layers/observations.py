"""The observation models between read-out and data.

Densities are in closed form; see :mod:`lfads_tf.layers.distributions`. A subclass of
:class:`Observation` may use those of TensorFlow Probability (the extra ``tfp``); there,
distributions are made inside the calls, since one made outside a gradient tape passes no
gradient to its parameters.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from lfads_tf._utils.logarithms import HIGHEST_LOG, LOWEST_LOG, bounded_exp, log_factorial
from lfads_tf.config import LFADSConfig
from lfads_tf.layers.distributions import gamma_log_density, normal_log_density

__all__ = [
    "Gamma",
    "Gaussian",
    "Observation",
    "Poisson",
    "ZeroInflatedGamma",
    "observation",
]

#: Least mean and variance with which a neuron starts: silent ones have a logarithm too.
LEAST = 1e-6


class Observation(keras.layers.Layer):
    """Observation model of the read-out, with ``n_parameters`` numbers a neuron and bin.

    Parameters are ``(..., n_parameters * n_neurons)``, one block of neurons after another.
    """

    n_parameters = 1
    counts = False
    #: Where the expected data are modulated: index of a parameter, and its sign; in
    #: logarithms, except under a Gaussian.
    mean_parameter = (0, 1.0)

    def log_prob(self, parameters, data):
        """Log-likelihood of each sample.

        Args:
            parameters: ``(..., n_parameters * n_neurons)``.
            data: ``(..., n_neurons)``, without NaN.

        Returns:
            ``(..., n_neurons)``, in nats.
        """
        raise NotImplementedError

    def mean(self, parameters):
        """Return the expected data in a bin.

        Args:
            parameters: ``(..., n_parameters * n_neurons)``.

        Returns:
            ``(..., n_neurons)``, in the unit of the data: spikes, where they are counts.
        """
        raise NotImplementedError

    def start(self, mean, variance):
        """Return parameters for this mean and variance of each neuron, as first bias.

        Where the model has one parameter its variance is what the mean makes it.

        Args:
            mean: of each neuron's data in a bin, ``(n_neurons,)``.
            variance: of the same shape.

        Returns:
            ``(n_parameters * n_neurons,)``.
        """
        raise NotImplementedError

    def split(self, parameters):
        """Return the parameters one by one, each ``(..., n_neurons)``."""
        return tf.split(parameters, self.n_parameters, axis=-1)


@keras.saving.register_keras_serializable(package="lfads_tf", name="Poisson")
class Poisson(Observation):
    """Spike counts, with the logarithm of the expected count in a bin as parameter.

    Example:
        >>> float(Poisson().log_prob(tf.zeros(()), tf.zeros(())))
        -1.0
    """

    counts = True

    def log_prob(self, parameters, data):
        # lgamma would take a third of the forward pass.
        log_rate = tf.clip_by_value(parameters, LOWEST_LOG, HIGHEST_LOG)
        return data * log_rate - tf.exp(log_rate) - log_factorial(data)

    def mean(self, parameters):
        return bounded_exp(parameters)

    def start(self, mean, variance):
        return tf.math.log(tf.maximum(mean, LEAST))


@keras.saving.register_keras_serializable(package="lfads_tf", name="Gaussian")
class Gaussian(Observation):
    """Continuous data, with mean and log variance as parameters.

    Example:
        >>> round(float(Gaussian().log_prob(tf.zeros((2,)), tf.zeros((1,)))[0]), 4)
        -0.9189
    """

    n_parameters = 2

    def log_prob(self, parameters, data):
        mean, log_variance = self.split(parameters)
        sd = tf.sqrt(bounded_exp(log_variance) + 1e-6)
        return normal_log_density(data, mean, sd)

    def mean(self, parameters):
        return self.split(parameters)[0]

    def start(self, mean, variance):
        return tf.concat([mean, tf.math.log(tf.maximum(variance, LEAST))], axis=-1)


@keras.saving.register_keras_serializable(package="lfads_tf", name="Gamma")
class Gamma(Observation):
    """Positive continuous data, with the logarithms of shape and rate as parameters.

    Example:
        >>> float(Gamma().mean(tf.zeros((2,)))[0])
        1.0
    """

    n_parameters = 2
    mean_parameter = (1, -1.0)

    def log_prob(self, parameters, data):
        shape, rate = map(bounded_exp, self.split(parameters))
        return gamma_log_density(tf.maximum(data, 1e-6), shape, rate)

    def mean(self, parameters):
        shape, rate = map(bounded_exp, self.split(parameters))
        return shape / rate

    def start(self, mean, variance):
        mean = tf.maximum(mean, LEAST)
        shape = tf.clip_by_value(mean**2 / tf.maximum(variance, LEAST), 1e-3, 1e3)
        shape = tf.minimum(shape, 2e4 * mean)  # within the bound on the rate
        return tf.math.log(tf.concat([shape, shape / mean], axis=-1))


@keras.saving.register_keras_serializable(package="lfads_tf", name="ZeroInflatedGamma")
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
    mean_parameter = (1, -1.0)

    def __init__(self, location: float = 0.1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.location = location

    def log_prob(self, parameters, data):
        log_shape, log_rate, logit = self.split(parameters)
        event = data > 0
        # A stand-in where there is no event keeps the unused branch's gradient finite.
        above = tf.where(event, tf.maximum(data - self.location, 1e-6), tf.ones_like(data))
        density = gamma_log_density(above, bounded_exp(log_shape), bounded_exp(log_rate))
        with_event = density + tf.math.log_sigmoid(logit)
        return tf.where(event, with_event, tf.math.log_sigmoid(-logit))

    def mean(self, parameters):
        log_shape, log_rate, logit = self.split(parameters)
        gamma_mean = bounded_exp(log_shape) / bounded_exp(log_rate)
        return tf.sigmoid(logit) * (gamma_mean + self.location)

    def start(self, mean, variance):
        """Return parameters of exponential events (shape 1) above the location.

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
    """Return the observation model that a configuration asks for.

    Args:
        config: configuration of the model.

    Example:
        >>> observation(LFADSConfig(n_neurons=8, n_bins=20, bin_width=0.02)).n_parameters
        1
    """
    if config.observation == "zero_inflated_gamma":
        return ZeroInflatedGamma(config.gamma_location, name="observation")
    kinds = {"poisson": Poisson, "gaussian": Gaussian, "gamma": Gamma}
    return kinds[config.observation](name="observation")
