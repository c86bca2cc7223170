"""One step of training or validation: noise, shards, compiled functions, one update.

Everything random is drawn before the compiled functions, and for the whole batch. Each core
of a CPU then runs the same compiled function on its shard of the trials
(:mod:`lfads_tf.training.sharding`), and one more sums the gradients, bounds their norm and
updates the weights. All scalars are tensors: a new learning rate or dropout rate compiles
nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from fixedpoint_tf._utils.graph_gradients import gradients_kept_with_graphs
from lfads_tf.config import LFADSConfig
from lfads_tf.layers.stateless import StatelessNetwork, Weights
from lfads_tf.training import (
    augmentations,
    noise_and_masks,
    sharding,
    stateless_optimizers,
)
from lfads_tf.training.objective import PARTS, loss_parts, sample_weights, weighted

__all__ = [
    "SCALARS",
    "added",
    "first_bad_part",
    "loss_and_gradients",
    "loss_only",
    "over_shards",
    "make_shards",
    "update",
]

#: Attributes of a configuration that can change in training without a new graph.
SCALARS = (
    "dropout",
    "coordinated_dropout",
    "kl_initial_condition_weight",
    "kl_inferred_inputs_weight",
    "l2_generator_weight",
    "l2_controller_weight",
    "l2_encoders_weight",
)

# Streams of random numbers, folded into the seed of a configuration.
_TRAINING, _VALIDATION, _JITTER, _SHIFT = range(4)


def make_shards(
    batch: Mapping[str, tf.Tensor],
    config: LFADSConfig,
    seed,
    step,
    *,
    training: bool,
) -> list[dict[str, dict[str, tf.Tensor]]]:
    """Divide a batch into shards with noise, a list of ``{"batch": ..., "noise": ...}``.

    Args:
        batch: of :func:`lfads_tf.training.batches.checked_batch`.
        config: configuration of the model.
        seed: of the configuration.
        step: of training, from which the noise follows; in validation 0, so that each
            validation meets the same noise.
        training: with augmentation and dropout.

    Raises:
        ValueError: the configuration leaves samples out, and the batch does not say which.

    Example:
        >>> config = LFADSConfig(n_neurons=3, n_bins=2, bin_width=0.02)
        >>> batch = {
        ...     "spikes_btn": tf.ones((4, 2, 3)),
        ...     "external_bte": tf.zeros((4, 2, 0)),
        ...     "weight_b": tf.ones((4,)),
        ... }
        >>> shards = make_shards(batch, config, seed=0, step=0, training=False)
        >>> sorted(shards[0]["noise"])
        ['cd_mask_btn', 'initial_bi']
    """
    if training and config.sample_validation and "train_mask_btn" not in batch:
        raise ValueError(
            "sample_validation: expected a Session or arrays to train on, in which the same "
            "samples can be left out at every epoch, received batches (of a tf.data.Dataset) "
            f"with sample_validation={config.sample_validation}."
        )
    n_shards = sharding.default_shards(batch["spikes_btn"].shape[0])
    stream = _TRAINING if training else _VALIDATION
    seed = tf.random.fold_in(tf.stack([seed, stream]), step)
    n_trials = _n_trials(batch)
    # Each replica draws for the whole batch: how many there are changes no random number.
    n_all, first = sharding.place_of_rows(n_trials)
    if training:
        spikes_btn = _augmented(batch["spikes_btn"], config, seed, n_all, first)
        batch = {**batch, "spikes_btn": spikes_btn}
    drawn = noise_and_masks.draw(seed, config, n_all, training=training)
    if sharding.replicas() > 1:
        drawn = sharding.own_rows(drawn, first, n_trials)
    batches, noises = (
        sharding.split(sharding.padded(arrays, n_trials, n_shards), n_shards)
        for arrays in (batch, drawn)
    )
    return [{"batch": b, "noise": n} for b, n in zip(batches, noises, strict=True)]


def _n_trials(batch):
    """Return a number, or a tensor where Keras has made one graph for batches of any size."""
    spikes_btn = batch["spikes_btn"]
    known = spikes_btn.shape[0]
    return tf.shape(spikes_btn)[0] if known is None else known


def _augmented(spikes_btn, config, seed, n_all, first):
    """Move spikes as in the whole batch, of which these are the rows from ``first`` on."""
    if not (config.spike_jitter or config.temporal_shift):
        return spikes_btn
    n_trials = _n_trials({"spikes_btn": spikes_btn})
    is_part = sharding.replicas() > 1
    if is_part:
        before, after = (
            tf.zeros((n, *spikes_btn.shape[1:])) for n in (first, n_all - first - n_trials)
        )
        spikes_btn = tf.concat([before, spikes_btn, after], axis=0)
    if config.spike_jitter:
        spikes_btn = augmentations.spike_jitter(
            tf.random.fold_in(seed, 1000 + _JITTER), spikes_btn, config.spike_jitter
        )
    if config.temporal_shift:
        spikes_btn = augmentations.temporal_shift(
            tf.random.fold_in(seed, 1000 + _SHIFT), spikes_btn, config.temporal_shift
        )
    return spikes_btn[first : first + n_trials] if is_part else spikes_btn


def loss_and_gradients(network: StatelessNetwork, *, compiled: bool) -> Callable[..., tuple]:
    """Return a function of a shard that returns the parts of the loss and the gradients.

    Args:
        network: whose loss it is.
        compiled: by XLA.

    Returns:
        The function for :func:`over_shards`. Gradients stand in the order of the network's
        trainable variables.
    """

    @tf.function(jit_compile=compiled, autograph=False)
    def run(weights, shard, scalars, warm_up, n_samples, share):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(weights.trained)
            parts = _parts(network, weights, shard, scalars, n_samples, share)
            loss = weighted(parts, scalars, warm_up)
        gradients = tape.gradient(loss, weights.trained, unconnected_gradients="zero")
        return {**parts, "loss": loss}, gradients

    return network.function("loss_and_gradients", lambda: run)


def loss_only(
    network: StatelessNetwork, *, compiled: bool
) -> Callable[..., dict[str, tf.Tensor]]:
    """Return a function of a shard that returns the parts of the loss only."""

    @tf.function(jit_compile=compiled, autograph=False)
    def run(weights, shard, scalars, warm_up, n_samples, share):
        parts = _parts(network, weights, shard, scalars, n_samples, share)
        return {**parts, "loss": weighted(parts, scalars, warm_up)}

    return network.function("loss_only", lambda: run)


def _parts(network, weights, shard, scalars, n_samples, share):
    with network.with_weights(weights) as layers:
        parts = loss_parts(layers, shard["batch"], shard["noise"], scalars, n_samples)
    # Each shard brings its share of what does not depend on trials.
    return {**parts, "l2": share * parts["l2"]}


def over_shards(
    run: Callable, weights: Weights, shards: list, scalars: Mapping[str, tf.Tensor], warm_up
) -> tuple[list, tf.Tensor]:
    """Run each shard of a batch, and count the samples observed in all.

    The calls do not depend on each other, so that a graph runs them at the same time.

    Args:
        run: of :func:`loss_and_gradients` or :func:`loss_only`.
        weights: weights of the network.
        shards: of :func:`make_shards`.
        scalars: by the names of :data:`SCALARS`.
        warm_up: share of the weights of KL and L2, 0 to 1.

    Example:
        >>> config = LFADSConfig(n_neurons=3, n_bins=2, bin_width=0.02, n_factors=2)
        >>> batch = {
        ...     "spikes_btn": tf.ones((4, 2, 3)),
        ...     "external_bte": tf.zeros((4, 2, 0)),
        ...     "weight_b": tf.ones((4,)),
        ... }
        >>> shards = make_shards(batch, config, seed=0, step=0, training=False)
        >>> scalars = {name: tf.constant(getattr(config, name)) for name in SCALARS}
        >>> from lfads_tf.layers.network import Network
        >>> from lfads_tf.layers.stateless import stateless_network
        >>> network = Network(config)
        >>> stateless = stateless_network(network, compiled=False)
        >>> run = loss_only(stateless, compiled=False)
        >>> weights = stateless.weights_of(network)
        >>> results, n_samples = over_shards(run, weights, shards, scalars, tf.ones(()))
        >>> float(n_samples), sorted(results[0])
        (24.0, ['kl_inferred_inputs', 'kl_initial_condition', 'l2', 'loss', 'nll'])
    """
    counts = [tf.reduce_sum(sample_weights(shard["batch"])) for shard in shards]
    n_samples = tf.maximum(sharding.over_replicas(tf.add_n(counts)), 1.0)
    share = tf.constant(1.0 / (len(shards) * sharding.replicas()))
    common = (scalars, warm_up, n_samples, share)
    return [run(weights, shard, *common) for shard in shards], n_samples


def added(parts_by_shard: Sequence[Mapping[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
    """Add up the parts of the loss over shards.

    Example:
        >>> float(added([{"nll": tf.constant(1.0)}, {"nll": tf.constant(2.0)}])["nll"])
        3.0
    """
    return {
        name: tf.add_n([parts[name] for parts in parts_by_shard]) for name in parts_by_shard[0]
    }


class Update(NamedTuple):
    """The two functions of an update of the weights.

    Attributes:
        apply: function of the shards' gradients and the largest norm.
        prepare: makes the shared function, whose variables no graph can make.
    """

    apply: Callable
    prepare: Callable


def update(
    optimizer: Any,
    variables: Sequence[Any],
    *,
    compiled: bool,
    network: StatelessNetwork | None = None,
) -> Update:
    """Return a function that adds up the shards' gradients, bounds their norm and applies them.

    The function returns the norm before it was bounded.

    Args:
        optimizer: Keras optimizer, built for the variables before the first call.
        variables: that are updated, in the order of the gradients.
        compiled: by XLA.
        network: whose trained weights the variables are. Models of the same structure then
            share one function, where the optimizer can be applied to tensors.
    """

    def bounded(gradients_by_shard, largest_norm):
        gradients = [tf.add_n(shares) for shares in zip(*gradients_by_shard, strict=True)]
        gradients = sharding.over_replicas(gradients)
        return tf.clip_by_global_norm(gradients, largest_norm)

    def run(gradients_by_shard, largest_norm):
        gradients, norm = bounded(gradients_by_shard, largest_norm)
        # The optimizer adds up what its replicas bring, and takes back the scale of a loss.
        shares = [optimizer.scale_loss(g) / sharding.replicas() for g in gradients]
        with gradients_kept_with_graphs():  # Keras has one in each optimizer
            optimizer.apply(shares, variables)
        return norm

    alone = tf.function(run, jit_compile=compiled, autograph=False)

    @functools.cache
    def shared():
        key = stateless_optimizers.settings(optimizer, variables)
        if network is None or key is None:
            return None
        copy = stateless_optimizers.copied(optimizer, network.network.trainable_variables)

        def run_stateless(state, weights, gradients_by_shard, largest_norm):
            gradients, norm = bounded(gradients_by_shard, largest_norm)
            gradients = [copy.scale_loss(gradient) for gradient in gradients]
            return *copy.stateless_apply(state, gradients, weights), norm

        function = tf.function(run_stateless, jit_compile=compiled, autograph=False)
        return network.function(("update", key), lambda: function)

    def choose(gradients_by_shard, largest_norm):
        # No function inside a replica may wait for other replicas, even if it is the only one.
        if tf.distribute.has_strategy():
            return run(gradients_by_shard, largest_norm)
        if shared() is None:
            return alone(gradients_by_shard, largest_norm)
        both = optimizer.variables, variables
        before = [[tf.convert_to_tensor(v) for v in vs] for vs in both]
        weights, state, norm = shared()(*before, gradients_by_shard, largest_norm)
        for variable, value in zip(
            [*variables, *optimizer.variables], [*weights, *state], strict=True
        ):
            variable.assign(value)
        return norm

    return Update(choose, shared)


def first_bad_part(parts: Mapping[str, tf.Tensor], norm, rate=0.0):
    """Return the index into :data:`PARTS` of the first part that is not finite, or -1.

    Behind the parts stand the gradient and the learning rate, which is not negative either.

    Args:
        parts: by the names of :data:`PARTS`.
        norm: norm of the gradient.
        rate: rate of learning.

    Example:
        >>> parts = dict.fromkeys(PARTS, tf.zeros(())) | {"l2": tf.constant(float("nan"))}
        >>> int(first_bad_part(parts, tf.zeros(())))
        3
    """
    rate = tf.cast(rate, tf.float32)
    values = tf.stack([*(parts[name] for name in PARTS), norm, rate])
    wrong = tf.logical_not(tf.math.is_finite(values))
    last = tf.reshape(rate < 0, (1,))
    bad = tf.cast(tf.concat([wrong[:-1], wrong[-1:] | last], 0), tf.int32)
    return tf.where(tf.reduce_any(bad > 0), tf.argmax(bad, output_type=tf.int32), -1)
