"""Densities and divergences of the normal and the gamma distribution, in closed form.

Priors and observation models rest on these functions of tensors, so that the package needs
no TensorFlow Probability. For a custom observation model, ``from
lfads_tf.layers.distributions import tfd`` gives its distributions where it is installed (the
extra ``tfp``).
"""

from __future__ import annotations

import dataclasses
import importlib
import math
from typing import Any

import tensorflow as tf

__all__ = ["Normal", "gamma_log_density", "normal_kl", "normal_log_density"]


def normal_log_density(x, mean, sd):
    """Compute the log density of a normal distribution.

    Args:
        x: where; a tensor of any shape, float32 or float64.
        mean: mean of the distribution, of a shape that broadcasts with ``x``.
        sd: its standard deviation, likewise, positive.

    Returns:
        In nats, of the shape to which all three broadcast.

    Example:
        >>> round(float(normal_log_density(tf.constant(1.0), 0.0, 1.0)), 4)
        -1.4189
    """
    x, mean, sd = _alike(x, mean, sd)
    squared = tf.math.squared_difference(x / sd, mean / sd)
    return -0.5 * squared - (0.5 * math.log(2.0 * math.pi) + tf.math.log(sd))


def normal_kl(mean, sd, prior_mean, prior_sd):
    """Compute the Kullback-Leibler divergence of one normal distribution from another.

    With ``r`` the ratio of their standard deviations it is ``((mean - prior_mean) /
    prior_sd)^2 / 2 + (r^2 - 1) / 2 - log r`` (Kingma & Welling 2014, appendix B). The middle
    term is made by ``expm1``, so that no digits are lost where the two are almost equal.

    Args:
        mean: a tensor of any shape, float32 or float64.
        sd: its standard deviation, positive.
        prior_mean: mean of the distribution from which the divergence is taken.
        prior_sd: its standard deviation, positive. All four broadcast.

    Returns:
        In nats, of the shape to which all four broadcast.

    Example:
        >>> float(normal_kl(tf.constant(1.0), 1.0, 0.0, 1.0))
        0.5
    """
    mean, sd, prior_mean, prior_sd = _alike(mean, sd, prior_mean, prior_sd)
    log_ratio = tf.math.log(sd) - tf.math.log(prior_sd)
    squared = tf.math.squared_difference(mean / prior_sd, prior_mean / prior_sd)
    return 0.5 * squared + 0.5 * tf.math.expm1(2.0 * log_ratio) - log_ratio


def gamma_log_density(x, shape, rate):
    """Compute the log density of a gamma distribution.

    Args:
        x: where, positive; a tensor of any shape, float32 or float64.
        shape: shape of the distribution, positive; of a shape that broadcasts with ``x``.
        rate: one divided by its scale, positive, likewise.

    Returns:
        In nats, of the shape to which all three broadcast.

    Example:
        >>> float(gamma_log_density(tf.constant(2.0), 1.0, 1.0))  # an exponential
        -2.0
    """
    x, shape, rate = _alike(x, shape, rate)
    log_normalisation = tf.math.lgamma(shape) - shape * tf.math.log(rate)
    return tf.math.xlogy(shape - 1.0, x) - rate * x - log_normalisation


@dataclasses.dataclass(frozen=True, eq=False)
class Normal:
    """Independent normal distributions, one for each element.

    Attributes:
        loc: the means, a tensor.
        scale: the standard deviations, a tensor that broadcasts with ``loc``.

    Example:
        >>> Normal(tf.zeros(2), tf.ones(2)).log_prob(0.0).numpy().round(4).tolist()
        [-0.9189, -0.9189]
    """

    loc: Any
    scale: Any

    def mean(self):
        """Return the means, broadcast."""
        return self.loc + tf.zeros_like(self.scale)

    def stddev(self):
        """Return the standard deviations, broadcast."""
        return self.scale + tf.zeros_like(self.loc)

    def log_prob(self, value):
        """Compute the log density at ``value``, in nats, by :func:`normal_log_density`."""
        return normal_log_density(value, self.loc, self.scale)

    def kl_divergence(self, other: Normal):
        """Compute the divergence from ``other``, in nats, by :func:`normal_kl`."""
        return normal_kl(self.loc, self.scale, other.loc, other.scale)


def _alike(*values):
    """Return values as tensors of one type, that of the first tensor or array."""
    tensors = [value for value in values if tf.is_tensor(value)]
    arrays = [value for value in values if hasattr(value, "dtype")]
    types = [tf.as_dtype(value.dtype) for value in (*tensors, *arrays)]
    dtype = next((kind for kind in types if kind.is_floating), tf.float32)
    return [tf.convert_to_tensor(value, dtype) for value in values]


def _install_line() -> str:
    """Return the command that installs TensorFlow Probability for this TensorFlow."""
    major, minor = tf.__version__.split(".")[:2]
    # From 0.25 on it refuses TensorFlow before 2.18, which pip cannot know.
    older = (int(major), int(minor)) < (2, 18)
    pins = ['"tensorflow-probability==0.24.*"'] if older else []
    return " ".join(
        ['pip install "fixedpoint-tf[tfp]"', *pins, f'"tf-keras=={major}.{minor}.*"']
    )


def __getattr__(name: str) -> Any:
    """Load ``tfd``, the distributions of TensorFlow Probability, when it is asked for."""
    if name != "tfd":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return importlib.import_module("tensorflow_probability").distributions
    except ImportError as error:
        raise ImportError(
            f"tfd: expected a tensorflow-probability that goes with TensorFlow "
            f"{tf.__version__} (the extra tfp), received none that can be imported "
            f"({error}); install it by: {_install_line()}"
        ) from error
