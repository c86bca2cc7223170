"""The loss: the evidence lower bound, its weights and their warm-up, as pure functions.

For one trial the negative evidence lower bound (Kingma & Welling 2014) is::

    -ELBO = -sum_{t,n} log p(x_tn | rate_tn) + KL(initial condition) + KL(inferred inputs)

The loss of a batch is the sum of this over its trials divided by the number of its observed
samples (bins x neurons), so that its size does not depend on theirs. A weight of 1 makes it
the bound at the end of the warm-up, for any number of bins and neurons.

Under coordinated dropout the likelihood is counted on the samples that were hidden from the
encoder, each divided by the share that is hidden: its mean stays that of the whole sum.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lfads_tf.layers.network import Network
from lfads_tf.training.noise_and_masks import masks

__all__ = [
    "PARTS",
    "l2_penalty",
    "left_out_samples",
    "loss_parts",
    "observed_samples",
    "sample_weights",
    "warmup",
    "weighted",
]

#: The parts of the loss, in the order in which a bad one is named.
PARTS = ("nll", "kl_initial_condition", "kl_inferred_inputs", "l2")


def warmup(step, n_steps):
    """Return the weight of a term, which rises linearly from 0 to 1 over ``n_steps``.

    Example:
        >>> [float(warmup(step, 100)) for step in (0, 50, 100, 1000)]
        [0.0, 0.5, 1.0, 1.0]
        >>> float(warmup(0, 0))
        1.0
    """
    step, n_steps = tf.cast(step, tf.float32), tf.cast(n_steps, tf.float32)
    # By a product, as TensorFlow divides by a constant: the number does not depend on whether
    # n_steps is one.
    risen = tf.minimum(step * tf.math.reciprocal_no_nan(n_steps), 1.0)
    return tf.where(n_steps > 0, risen, 1.0)


def l2_penalty(kernels, weights):
    """Return half the mean square of each recurrent kernel, times its weight, summed.

    Args:
        kernels: recurrent kernels.
        weights: one for each.

    Example:
        >>> float(l2_penalty([2.0 * tf.ones((3, 9))], [0.5]))
        1.0
    """
    terms = [
        0.5 * weight * tf.reduce_mean(tf.square(kernel))
        for kernel, weight in zip(kernels, weights, strict=True)
    ]
    return tf.add_n(terms) if terms else tf.zeros(())


def weighted(parts: Mapping[str, tf.Tensor], scalars: Mapping[str, tf.Tensor], warm_up):
    """Return the loss, the likelihood and the other parts with their present weights.

    Args:
        parts: by the names of :data:`PARTS`; the L2 penalty has its weights already.
        scalars: ``kl_initial_condition_weight`` and ``kl_inferred_inputs_weight``, as they are
            in the end.
        warm_up: share of the weights, 0 to 1.

    Example:
        >>> parts = dict(nll=0.5, kl_initial_condition=0.1, kl_inferred_inputs=0.2, l2=0.0)
        >>> weights = dict(kl_initial_condition_weight=1.0, kl_inferred_inputs_weight=2.0)
        >>> round(weighted(parts, weights, 0.5), 3)
        0.75
    """
    kl_initial = scalars["kl_initial_condition_weight"] * parts["kl_initial_condition"]
    kl_inputs = scalars["kl_inferred_inputs_weight"] * parts["kl_inferred_inputs"]
    return parts["nll"] + warm_up * (parts["l2"] + (kl_initial + kl_inputs))


def observed_samples(batch: Mapping[str, tf.Tensor]):
    """Mark samples observed and, in training, fitted by 1, ``(n_trials, n_bins, n)``.

    Args:
        batch: ``spikes_btn``, ``weight_b`` and perhaps ``train_mask_btn``.
    """
    observed = tf.cast(tf.math.is_finite(batch["spikes_btn"]), tf.float32)
    observed = observed * batch["weight_b"][:, None, None]
    if "train_mask_btn" not in batch:
        return observed
    return observed * _over_all(batch["train_mask_btn"], observed)


def sample_weights(batch: Mapping[str, tf.Tensor]):
    """Weigh observed samples by each trial's session, where sessions have weights."""
    observed = observed_samples(batch)
    if "session_weight_b" in batch:
        observed = observed * batch["session_weight_b"][:, None, None]
    return observed


def left_out_samples(batch: Mapping[str, tf.Tensor]):
    """Mark samples observed but left out of training by 1, others by 0.

    Args:
        batch: ``spikes_btn``, ``weight_b`` and ``train_mask_btn``.
    """
    observed = observed_samples({name: batch[name] for name in ("spikes_btn", "weight_b")})
    return observed * _over_all(1.0 - batch["train_mask_btn"], observed, outside=0.0)


def loss_parts(
    network: Network,
    batch: Mapping[str, tf.Tensor],
    noise: Mapping[str, tf.Tensor],
    scalars: Mapping[str, tf.Tensor],
    n_samples,
) -> dict[str, tf.Tensor]:
    """Return the parts of the loss of some trials, in nats a sample.

    The batch may be a shard of a larger one: parts of shards add up, the L2 penalty apart.

    Args:
        network: encodes and decodes.
        batch: ``spikes_btn`` (NaN where not observed), ``external_bte``, ``weight_b``,
            perhaps ``train_mask_btn``; of several sessions also ``session_b`` and perhaps
            ``session_weight_b``.
        noise: of :func:`lfads_tf.training.noise_and_masks.draw`.
        scalars: ``dropout``, ``coordinated_dropout`` and the weights ``l2_...``.
        n_samples: number of observed samples in the whole batch, by their weights.

    Returns:
        By the names of :data:`PARTS`; with ``train_mask_btn`` also ``left_out``, the summed
        negative log-likelihood of the samples that are observed and not fitted.
    """
    config = network.config
    noise = masks(noise, scalars)
    spikes_btn = batch["spikes_btn"]
    fitted = observed_samples(batch)
    counts = tf.where(tf.math.is_finite(spikes_btn), spikes_btn, tf.zeros_like(spikes_btn))
    shown = fitted[:, : config.encoded_bins, : config.encoded_neurons]
    if "train_mask_btn" in batch:
        shown = shown / (1.0 - config.sample_validation)
    counted = sample_weights(batch)
    if "cd_mask_btn" in noise:
        rate = scalars["coordinated_dropout"]
        shown = shown * noise["cd_mask_btn"] / (1.0 - rate)
        hidden = (1.0 - noise["cd_mask_btn"]) / tf.maximum(rate, 1e-6)
        # A rate that was set to 0 hides nothing: all is counted.
        counted = counted * _over_all(tf.where(rate > 0, hidden, tf.ones_like(hidden)), fitted)

    x_btn = counts[:, : config.encoded_bins, : config.encoded_neurons] * shown
    session = network.session_weights(batch)
    encoded = network.encode(x_btn, session, noise)
    initial_bi = encoded.mean + encoded.sd * noise["initial_bi"]
    inputs_tbu = noise.get("inputs_tbu")
    decoded = network.decode(
        initial_bi, encoded.controller_input, batch["external_bte"], inputs_tbu, noise
    )
    parameters_btk = tf.transpose(network.read_out(decoded.factors, session), (1, 0, 2))
    nll_btn = -network.observation.log_prob(parameters_btk, counts)

    weight_b = batch["weight_b"]
    if "session_weight_b" in batch:
        weight_b = weight_b * batch["session_weight_b"]
    kl_initial = network.initial_condition_prior(encoded.mean, encoded.sd)
    kl_inputs = tf.zeros_like(weight_b)
    if network.input_prior is not None:
        kl_tb = network.input_prior(decoded.input_mean, decoded.input_sd, decoded.inputs)
        kl_inputs = tf.reduce_sum(kl_tb * tf.transpose(_before_the_end(fitted)), axis=0)
    parts = {
        "nll": tf.reduce_sum(counted * nll_btn) / n_samples,
        "kl_initial_condition": tf.reduce_sum(weight_b * kl_initial) / n_samples,
        "kl_inferred_inputs": tf.reduce_sum(weight_b * kl_inputs) / n_samples,
        "l2": l2_penalty(*_recurrent_kernels(network, scalars)),
    }
    if "train_mask_btn" in batch:
        parts["left_out"] = tf.reduce_sum(left_out_samples(batch) * nll_btn)
    return parts


def _before_the_end(observed_btn):
    """Return 1 up to the last bin with an observation, 0 after it, ``(n_trials, n_bins)``."""
    seen_bt = tf.reduce_max(observed_btn, axis=2)
    return tf.cast(tf.cumsum(seen_bt, axis=1, reverse=True) > 0, tf.float32)


def _recurrent_kernels(network, scalars):
    """Return the kernels that have an L2 weight, and the weights."""
    kernels = [network.decoder.generator.recurrent_kernel]
    weights = [scalars["l2_generator_weight"]]
    encoders = [network.initial_condition_encoder, network.controller_encoder]
    for encoder in encoders:
        if encoder is not None:
            for cell in (encoder.gru.forward_cell, encoder.gru.backward_cell):
                kernels.append(cell.recurrent_kernel)
                weights.append(scalars["l2_encoders_weight"])
    if network.decoder.controller is not None:
        kernels.append(network.decoder.controller.recurrent_kernel)
        weights.append(scalars["l2_controller_weight"])
    return [tf.convert_to_tensor(kernel) for kernel in kernels], weights


def _over_all(encoded_btn, like_btn, outside=1.0):
    """Return an array over the encoded bins and neurons, with a constant for all the others."""
    (bins, neurons), (all_bins, all_neurons) = encoded_btn.shape[1:], like_btn.shape[1:]
    paddings = [[0, 0], [0, all_bins - bins], [0, all_neurons - neurons]]
    return tf.pad(encoded_btn, paddings, constant_values=outside)
