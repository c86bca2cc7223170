"""Inference on trials: posterior means of rates, factors and inputs.

Trials are encoded once. The decoder then runs on many samples of the posterior, whose
results are averaged (Pandarinath et al. 2018, online methods): rates at the mean of the
posterior are not the mean of the rates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils import checks
from fixedpoint_tf._utils.chunks import padded_chunks
from lfads_tf._utils.checks import check_infinity
from lfads_tf.data.session import Session
from lfads_tf.inference.result import Inferred
from lfads_tf.layers.decoder import Decoded, unit_columns
from lfads_tf.layers.network import Network
from lfads_tf.layers.readin import SessionWeights
from lfads_tf.layers.stateless import StatelessNetwork
from lfads_tf.training import sharding, trial_arrays

if TYPE_CHECKING:
    from lfads_tf.model import LFADS

__all__ = ["at_means", "factors_of", "infer", "posterior_function", "rates", "rates_of"]

#: Trials and samples go through the decoder in groups of about this many.
ROWS = 512
#: Numbers of trials that are compiled for; others are padded.
CHUNKS = (1, 8, 64)


def rates(network: Network, factors_tbf, session: SessionWeights):
    """Return expected spikes/s (with other data than counts: the expected data).

    Args:
        network: reads out.
        factors_tbf: ``(n_bins, n_trials, n_factors)``.
        session: weights of the session, or of the session of each row.

    Returns:
        ``(n_bins, n_trials, n_neurons)``.
    """
    observation = network.observation
    mean = observation.mean(network.read_out(factors_tbf, session))
    return mean / network.config.bin_width if observation.counts else mean


def factors_of(network: Network, states: Any) -> np.ndarray:
    """Return factors of generator states, see :meth:`lfads_tf.model.LFADS.factors_of`."""
    units = network.config.generator_units
    states = checks.as_numbers(states, "states", dtype=np.float32)
    check_infinity(states, "states")
    if states.ndim < 1 or states.shape[-1] != units:
        raise ValueError(
            f"states: expected states of the generator, shape (..., {units}), received "
            f"{states.shape}."
        )
    kernel = unit_columns(tf.convert_to_tensor(network.decoder.factor_kernel))
    return tf.tensordot(tf.constant(states), kernel, 1).numpy()


def rates_of(network: Network, states: Any, session: Any = None) -> np.ndarray:
    """Return rates of generator states, see :meth:`lfads_tf.model.LFADS.rates_of`."""
    factors, names = factors_of(network, states), network.config.session_names
    name = session.name if isinstance(session, Session) else session
    checks.check_text(name, "session", none=True)
    if len(names) == 1 and name not in (None, names[0]):
        raise ValueError(
            f"session: expected none or {names[0]!r}, since the model is one of a single "
            f"session, received {name!r}."
        )
    if len(names) > 1 and name is None:
        raise ValueError(
            "session: expected the session whose neurons the rates are of "
            f"({', '.join(map(repr, names))}), received none."
        )
    flat = tf.reshape(tf.constant(factors), (1, -1, factors.shape[-1]))
    found = rates(
        network, flat, network.sessions.of(names[0] if name is None else name)
    ).numpy()
    return found.reshape(*factors.shape[:-1], -1)


def _encoded(network: Network, batch: Mapping[str, tf.Tensor], session: SessionWeights):
    config, spikes = network.config, batch["spikes_btn"]
    x_btn = spikes[:, : config.encoded_bins, : config.encoded_neurons]
    x_btn = tf.where(tf.math.is_finite(x_btn), x_btn, tf.zeros_like(x_btn))
    return network.encode(x_btn, session)


def at_means(
    network: Network, batch: Mapping[str, tf.Tensor], session: SessionWeights
) -> Decoded:
    """Decode the means of the posteriors, without sampling.

    Args:
        network: encodes and decodes.
        batch: ``spikes_btn`` and ``external_bte``, of
            :func:`lfads_tf.training.batches.checked_batch`.
        session: weights of the session, or of the session of each row.
    """
    encoded = _encoded(network, batch, session)
    return network.decode(encoded.mean, encoded.controller_input, batch["external_bte"])


def _sd(mean, mean_square):
    return tf.sqrt(tf.maximum(mean_square - tf.square(mean), 0.0))


def posterior_function(network: StatelessNetwork, *, compiled: bool = True) -> Callable:
    """Return a function that averages the decoder over samples for the trials of a chunk.

    It takes the weights of the network, and a chunk with the noise of the samples,
    ``initial_kgbi`` and ``inputs_kgtbu``: k groups, which follow one another, of g samples,
    which go through the decoder together; ``weight_kg``, 0 for samples that are padding and
    else one over the number of samples; and the weights of the chunk's session.

    Args:
        network: encodes and decodes.
        compiled: by XLA.

    Returns:
        The function, which returns :class:`~lfads_tf.inference.result.Inferred` of tensors.
        Weights of a session are not padded: its result does not depend on which other sessions
        there are, not in the last digit.
    """
    # A compiled function of its own for each size: TensorFlow warns of one that is traced
    # again and again, and several sessions have several sizes. It knows functions by their
    # code, and partial functions one by one.

    def posterior(weights, chunk, weight_kg, session):
        arrays = chunk["spikes_btn"], weight_kg, *session
        sizes = [None if array is None else tuple(array.shape) for array in arrays]
        n_trials = chunk["spikes_btn"].shape[0]
        most = sharding.default_shards(n_trials * weight_kg.shape[1])
        n_shards = max(n for n in range(1, most + 1) if n_trials % n == 0)
        key = "posterior", n_shards, repr(sizes)
        of_size = network.function(
            key, lambda: _posterior_of_one_size(network, n_shards, compiled)
        )
        return of_size(weights, chunk, weight_kg, session)

    return posterior


def _posterior_of_one_size(stateless: StatelessNetwork, n_shards: int, compiled: bool):
    """Make the function of one number of trials that :func:`posterior_function` calls."""

    def of_shard(weights, shard, weight_kg, session):
        with stateless.with_weights(weights) as network:
            return _averages(network, shard, weight_kg, session)

    run = tf.function(partial(of_shard), jit_compile=compiled, autograph=False)

    def over_cores(weights, chunk, weight_kg, session):
        shards = sharding.split(chunk, n_shards)
        results = [run(weights, shard, weight_kg, session) for shard in shards]
        return Inferred(*(tf.concat(parts, axis=0) for parts in zip(*results, strict=True)))

    return tf.function(partial(over_cores), autograph=False)


def _averages(network: Network, shard, weight_kg, session) -> Inferred:
    """Average the decoder over the samples of the posterior of some trials."""
    encoded = _encoded(network, shard, session)
    n_groups, group = weight_kg.shape
    n_bins, n_trials = network.config.n_bins, shard["spikes_btn"].shape[0]

    def tiled(array, axis):
        return tf.concat([array] * group, axis=axis)

    controller_input = tiled(encoded.controller_input, 1)
    external = tiled(shard["external_bte"], 0)

    def by_sample(array):
        return tf.reshape(array, (array.shape[0], group, n_trials, array.shape[-1]))

    def moments(k, reference=None):
        initial = encoded.mean + encoded.sd * shard["initial_kgbi"][k]
        initial = tf.reshape(initial, (-1, initial.shape[-1]))
        noise_tgbu = tf.transpose(shard["inputs_kgtbu"][k], (1, 0, 2, 3))
        size = noise_tgbu.shape[-1]
        noise_tbu = tf.reshape(noise_tgbu, (n_bins, -1, size)) if size else None
        decoded = network.decode(initial, controller_input, external, noise_tbu)
        rate_tgbn = by_sample(rates(network, decoded.factors, session))
        if reference is None:
            reference = rate_tgbn[:, :1]
        apart_tgbn = rate_tgbn - reference
        values = {
            "rate": rate_tgbn,
            "apart": apart_tgbn,
            "apart_square": tf.square(apart_tgbn),
            "factors": by_sample(decoded.factors),
            "start": by_sample(network.decoder.initial_states(initial)[None]),
            "input_mean": by_sample(decoded.input_mean),
            "input_square": by_sample(
                tf.square(decoded.input_mean) + tf.square(decoded.input_sd)
            ),
            "generator": by_sample(decoded.generator),
            "controller": by_sample(decoded.controller),
        }
        weight_g = weight_kg[k]
        means = {
            name: tf.einsum("tgbn,g->btn", value, weight_g) for name, value in values.items()
        }
        return means, reference

    # Differences from one sample keep the digits that a small spread has in large rates.
    sums, reference = moments(0)
    _, mean = tf.while_loop(
        lambda k, _: k < n_groups,
        lambda k, sums: (
            k + 1,
            tf.nest.map_structure(tf.add, sums, moments(k, reference)[0]),
        ),
        (tf.constant(1), sums),
        maximum_iterations=n_groups - 1,
    )
    return Inferred(
        rates=mean["rate"],
        rates_sd=_sd(mean["apart"], mean["apart_square"]),
        factors=mean["factors"],
        initial_condition_mean=encoded.mean,
        initial_condition_sd=encoded.sd,
        generator_initial_states=mean["start"][:, 0],
        inferred_input_mean=mean["input_mean"],
        inferred_input_sd=_sd(mean["input_mean"], mean["input_square"]),
        generator_states=mean["generator"],
        controller_states=mean["controller"],
    )


def infer(model: LFADS, data: Any, *, n_samples: int = 50, seed: int = 0) -> Inferred:
    """Average over the posterior of each trial, see :meth:`lfads_tf.model.LFADS.infer`."""
    checks.check_whole(n_samples, "n_samples", least=0)
    checks.check_whole(seed, "seed", least=0, most=2**63 - 1)
    config = model.config
    index, trials = trial_arrays.arrays_of_session(data, config)
    session = model.network.sessions.of(config.session_names[index])
    n_trials = len(trials["spikes_btn"])
    size = next((chunk for chunk in CHUNKS if chunk >= n_trials), CHUNKS[-1])
    noise = size * (config.n_initial_conditions + config.n_bins * config.n_inferred_inputs)
    checks.check_fits("n_samples", n_samples, n_samples, noise)
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
    for rows, n_new in padded_chunks(n_trials, size):
        chunk = {name: tf.constant(array[rows]) for name, array in trials.items()}
        for i, (name, shape) in enumerate(shapes.items()):
            if n_samples:
                chunk[name] = tf.random.stateless_normal(shape, [seed, 2 * int(rows[0]) + i])
            else:
                chunk[name] = tf.zeros(shape)
        parts.append(
            [part.numpy()[:n_new] for part in model.posterior(chunk, weights, session)]
        )
    return Inferred(*(np.concatenate(part) for part in zip(*parts, strict=True)))
