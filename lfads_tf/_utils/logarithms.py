"""Functions of logarithms that stay finite, for priors and observation models."""

from __future__ import annotations

import math

import tensorflow as tf

__all__ = ["HIGHEST_LOG", "LOWEST_LOG", "bounded_exp", "log_factorial"]

#: Bounds on logarithms of rates, shapes and variances per bin: exp of them stays finite and
#: its gradient too. A rate of e^10 is 22,000 spikes in a bin.
LOWEST_LOG, HIGHEST_LOG = -20.0, 10.0


def bounded_exp(x):
    """Return the exponential of what lies between :data:`LOWEST_LOG` and :data:`HIGHEST_LOG`.

    Beyond them it is constant, and passes no gradient.

    Example:
        >>> bool(tf.math.is_finite(bounded_exp(1e4)))
        True
    """
    return tf.exp(tf.clip_by_value(x, LOWEST_LOG, HIGHEST_LOG))


def log_factorial(counts):
    """Compute ``log(n!)`` of whole numbers.

    To 1e-11 in float64. In float32 the terms round: the error is up to 1.6e-6 below n = 8
    and 2e-5 below n = 60.

    Stirling's series at ``n + 6``, where five terms suffice, less the five factors by
    which ``gamma(n + 6)`` exceeds ``n!`` (Abramowitz & Stegun 1964, 6.1.15 and 6.1.41).

    Args:
        counts: a tensor or an array of any shape, float32 or float64.

    Returns:
        An array of the same shape and type.

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
