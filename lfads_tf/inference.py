"""What a trained model says of trials: posterior means of rates, factors and inputs.

Trials are encoded once. The decoder then runs on many samples of the posterior, whose
results are averaged (Pandarinath et al. 2018, online methods): rates at the mean of the
posterior are not the mean of the rates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from lfads_tf import batches, sharding
from lfads_tf.decoder import Decoded
from lfads_tf.inferred import Inferred
from lfads_tf.network import Network

if TYPE_CHECKING:
    from lfads_tf.model import LFADS

__all__ = ["at_means", "infer", "posterior_function", "rates"]

#: Trials and samples go through the decoder in groups of about this many.
ROWS = 512
#: Numbers of trials that are compiled for; others are padded.
CHUNKS = (1, 8, 64)


def rates(network: Network, factors_tbf):
    """Expected spikes/s (with other data than counts: the expected data)."""
    observation = network.observation
    mean = observation.mean(network.read_out(factors_tbf))
    return mean / network.config.bin_width if observation.counts else mean


def _encoded(network: Network, batch: Mapping[str, tf.Tensor]):
    config, spikes = network.config, batch["spikes_btn"]
    x_btn = spikes[:, : config.encoded_bins, : config.encoded_neurons]
    x_btn = tf.where(tf.math.is_finite(x_btn), x_btn, tf.zeros_like(x_btn))
    return network.encode(x_btn)


def at_means(network: Network, batch: Mapping[str, tf.Tensor]) -> Decoded:
    """Decodes the means of the posteriors, without sampling."""
    encoded = _encoded(network, batch)
    return network.decode(encoded.mean, encoded.seen, batch["external_bte"])


def posterior_function(network: Network, *, compiled: bool = True):
    """A function that averages the decoder over samples for the trials of a chunk.

    It takes a chunk with the noise of the samples, ``initial_kgbi`` and ``inputs_kgtbu``: k
    groups, which follow one another, of g samples, which go through the decoder together;
    and ``weight_kg``, 0 for samples that are padding.
    """

    @tf.function(jit_compile=compiled, autograph=False)
    def run(shard, weight_kg):
        encoded = _encoded(network, shard)
        n_groups, group = weight_kg.shape
        n_bins = network.config.n_bins

        def tiled(array, axis):
            return tf.concat([array] * group, axis=axis)

        seen = tiled(encoded.seen, 1)
        external = tiled(shard["external_bte"], 0)

        def moments(k):
            initial = encoded.mean + encoded.sd * shard["initial_kgbi"][k]
            noise_tgbu = tf.transpose(shard["inputs_kgtbu"][k], (1, 0, 2, 3))
            size = noise_tgbu.shape[-1]
            decoded = network.decode(
                tf.reshape(initial, (-1, initial.shape[-1])),
                seen,
                external,
                tf.reshape(noise_tgbu, (n_bins, -1, size)) if size else None,
            )
            values = (
                rates(network, decoded.factors),
                decoded.factors,
                decoded.generator,
                decoded.controller,
                decoded.input_mean,
                tf.square(decoded.input_mean) + tf.square(decoded.input_sd),
            )
            weight_g = weight_kg[k]

            def mean(array):
                by_sample = tf.reshape(array, (n_bins, group, -1, array.shape[-1]))
                return tf.einsum("tgbn,g->btn", by_sample, weight_g)

            return tuple(mean(value) for value in values)

        sums = moments(0)
        _, *sums = tf.while_loop(
            lambda k, *_: k < n_groups,
            lambda k, *sums: (k + 1, *(s + m for s, m in zip(sums, moments(k), strict=True))),
            (tf.constant(1), *sums),
            maximum_iterations=n_groups - 1,
        )
        *means, input_mean, input_square = sums
        input_sd = tf.sqrt(tf.maximum(input_square - tf.square(input_mean), 0.0))
        return (*means, input_mean, input_sd, encoded.mean, encoded.sd)

    @tf.function(autograph=False)
    def over_cores(chunk, weight_kg):
        n_trials = chunk["spikes_btn"].shape[0]
        most = sharding.default_shards(n_trials * weight_kg.shape[1])
        n_shards = max(n for n in range(1, most + 1) if n_trials % n == 0)
        results = [run(shard, weight_kg) for shard in sharding.split(chunk, n_shards)]
        return [tf.concat(parts, axis=0) for parts in zip(*results, strict=True)]

    return over_cores


def infer(model: LFADS, data: Any, *, n_samples: int = 50, seed: int = 0) -> Inferred:
    """Averages over the posterior of each trial; see :meth:`lfads_tf.model.LFADS.infer`."""
    if n_samples < 0 or n_samples != int(n_samples):
        raise ValueError(
            f"n_samples: expected a whole number of at least 0, received {n_samples!r}."
        )
    config = model.config
    arrays = batches.as_arrays(data, config, name="data", encoded_only=True)
    n_trials = len(arrays["spikes_btn"])
    size = next((chunk for chunk in CHUNKS if chunk >= n_trials), CHUNKS[-1])
    group = max(1, min(n_samples, ROWS // size))
    n_groups = max(1, -(-n_samples // group))
    sample = np.arange(n_groups * group).reshape(n_groups, group)
    weight_kg = (sample < max(n_samples, 1)) / max(n_samples, 1)
    shapes = {
        "initial_kgbi": (n_groups, group, size, config.n_initial_conditions),
        "inputs_kgtbu": (n_groups, group, config.n_bins, size, config.n_inferred_inputs),
    }
    weights = tf.constant(weight_kg, tf.float32)
    parts = []
    for first in range(0, n_trials, size):
        rows = np.minimum(np.arange(first, first + size), n_trials - 1)
        chunk = {name: tf.constant(array[rows]) for name, array in arrays.items()}
        for i, (name, shape) in enumerate(shapes.items()):
            if n_samples:
                chunk[name] = tf.random.stateless_normal(shape, [seed, 2 * first + i])
            else:
                chunk[name] = tf.zeros(shape)
        n_real = min(size, n_trials - first)
        parts.append([part.numpy()[:n_real] for part in model.posterior(chunk, weights)])
    joined = [np.concatenate(part) for part in zip(*parts, strict=True)]
    rate, factors, generator, controller, input_mean, input_sd, mean, sd = joined
    return Inferred(rate, factors, mean, sd, input_mean, input_sd, generator, controller)
