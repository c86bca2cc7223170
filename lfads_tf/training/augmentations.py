"""Augmentations and dropout masks, each a function of a seed.

A seed is a pair of integers (``tf.random.stateless_*``): the same seed gives the same
result, on any number of shards and after any interruption.
"""

from __future__ import annotations

import tensorflow as tf

__all__ = ["keep_mask", "random_bits", "spike_jitter", "temporal_shift", "with_rate"]


def random_bits(seed, shape):
    """Draw whole numbers from 0 to 65,535 with equal probability, to make masks of.

    Two of them cost as much as one uniform number of float32.

    Args:
        seed: a pair of integers.
        shape: shape of the array, uint16.

    Example:
        >>> random_bits([0, 1], (3, 5)).shape
        TensorShape([3, 5])
    """
    n = tf.reduce_prod(tf.stack(shape))
    words = tf.random.stateless_uniform(
        ((n + 1) // 2,), seed, minval=None, maxval=None, dtype=tf.uint32
    )
    return tf.reshape(tf.reshape(tf.bitcast(words, tf.uint16), [-1])[:n], shape)


def keep_mask(bits, rate):
    """Return 1 with probability ``1 - rate``, else 0.

    Serves dropout (scaled by :func:`with_rate`), coordinated dropout (Keshtkaran &
    Pandarinath 2019) and sample validation (Keshtkaran et al. 2022) alike.

    Args:
        bits: of :func:`random_bits`.
        rate: share of zeros, to 1/65,536; a tensor, so that a new rate needs no new graph.

    Example:
        >>> bits = random_bits([0, 1], (1000, 100))
        >>> round(float(tf.reduce_mean(keep_mask(bits, 0.3))), 2)
        0.7
    """
    return tf.cast(tf.cast(bits, tf.float32) >= tf.round(65536.0 * rate), tf.float32)


def with_rate(mask, rate):
    """Return the mask scaled so that what it multiplies keeps its mean.

    Example:
        >>> with_rate(tf.ones(1), 0.5).numpy().tolist()
        [2.0]
    """
    return mask / (1.0 - rate)


def spike_jitter(seed, spikes_btn, width):
    """Move every spike by a number of bins drawn evenly from ``-width`` to ``width``.

    A spike that would leave the trial, or what was observed of it, stays in its bin. Then
    as many spikes pass between two bins one way as the other, so that a constant rate stays
    constant up to the ends, and no spike is lost.

    Args:
        seed: a pair of integers.
        spikes_btn: counts, ``(n_trials, n_bins, n_neurons)``; NaN where not observed.
        width: in bins, below the number of bins.

    Returns:
        Counts of the same shape, with the same number of spikes in each trial and neuron;
        NaN where it was.

    Example:
        >>> counts = tf.ones((2, 10, 3))
        >>> float(tf.reduce_sum(spike_jitter([0, 1], counts, 2)))
        60.0
    """
    observed = tf.math.is_finite(spikes_btn)
    reachable = tf.cast(observed, tf.float32)
    # Each spike of a bin draws its own way: the counts that go each way are multinomial,
    # drawn as a chain of binomials.
    left, parts = tf.where(observed, spikes_btn, tf.zeros_like(spikes_btn)), []
    for i in range(2 * width + 1):
        remaining = 2 * width + 1 - i
        if remaining == 1:
            parts.append(left)
            break
        sub_seed = tf.random.fold_in(seed, i)
        moved = tf.random.stateless_binomial(
            tf.shape(left), sub_seed, left, 1.0 / remaining, output_dtype=tf.float32
        )
        parts.append(moved)
        left = left - moved
    result = tf.zeros_like(left)
    for shift, part in zip(range(-width, width + 1), parts, strict=True):
        moving = part * _later(reachable, -shift)
        result = result + _later(moving, shift) + (part - moving)
    return tf.where(observed, result, spikes_btn)


def _later(array_btn, n_bins):
    """Shift an array towards later bins by ``n_bins`` (earlier if negative), padded with 0."""
    before, after = max(n_bins, 0), max(-n_bins, 0)
    kept = array_btn[:, after : array_btn.shape[1] - before]
    return tf.pad(kept, [[0, 0], [before, after], [0, 0]])


def temporal_shift(seed, spikes_btn, sd):
    """Move each channel of each trial by a rounded normal number of bins.

    The values at the ends are repeated, and shifts end at three standard deviations.

    Args:
        seed: a pair of integers.
        spikes_btn: ``(n_trials, n_bins, n_neurons)``.
        sd: standard deviation in bins.

    Example:
        >>> temporal_shift([0, 1], tf.ones((2, 10, 3)), 1.0).shape
        TensorShape([2, 10, 3])
    """
    n_bins, n_neurons = spikes_btn.shape[1:]
    shift = sd * tf.random.stateless_normal((tf.shape(spikes_btn)[0], 1, n_neurons), seed)
    shift = tf.cast(tf.round(tf.clip_by_value(shift, -3.0 * sd, 3.0 * sd)), tf.int32)
    source = tf.clip_by_value(tf.range(n_bins)[None, :, None] - shift, 0, n_bins - 1)
    by_channel = tf.gather(
        tf.transpose(spikes_btn, (0, 2, 1)), tf.transpose(source, (0, 2, 1)), batch_dims=2
    )
    return tf.transpose(by_channel, (0, 2, 1))
