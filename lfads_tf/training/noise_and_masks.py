"""Noise of the posteriors and masks of dropout in one step, drawn at once from a seed.

They are drawn for the whole batch and outside XLA, whose random numbers are slow on CPUs,
and divided among shards afterwards, so that the result does not depend on how many there
are. What a rate of 0 switches off is not drawn. Masks are drawn as bits, which cost half,
and become masks where they are used.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lfads_tf.config import LFADSConfig
from lfads_tf.training.augmentations import keep_mask, random_bits, with_rate

__all__ = ["draw", "masks", "trial_axis"]

# The place of a name gives each array its own stream: new ones go to the end.
_STREAMS = (
    "initial_bi",
    "inputs_tbu",
    "cd_mask_btn",
    "data_btn",
    "encoded_bk",
    "initial_bg",
    "external_tbe",
    "controller_input_tbk",
    "factors_tbf",
    "generator_tbg",
)


def trial_axis(name: str) -> int:
    """Return the axis of trials, by the end of the name.

    Args:
        name: name of an array.

    Example:
        >>> trial_axis("spikes_btn"), trial_axis("inputs_tbu")
        (0, 1)
    """
    return name.rpartition("_")[2].index("b")


def draw(seed, config: LFADSConfig, n_trials, *, training: bool) -> dict[str, tf.Tensor]:
    """Draw the noise of posteriors, the mask of coordinated dropout and, in training, dropout.

    Args:
        seed: a pair of integers.
        config: configuration of the model.
        n_trials: trials in the batch.
        training: whether units are dropped.

    Returns:
        By name ``initial_bi`` and ``inputs_tbu``, standard normal; the others the random
        bits of which :func:`masks` makes masks.

    Example:
        >>> config = LFADSConfig(n_neurons=8, n_bins=20, bin_width=0.02)
        >>> drawn = draw([0, 0], config, 4, training=False)
        >>> {name: tuple(array.shape) for name, array in drawn.items()}
        {'initial_bi': (4, 64), 'cd_mask_btn': (4, 20, 8)}
    """
    seeds = {name: tf.random.fold_in(seed, i) for i, name in enumerate(_STREAMS)}
    encoded = (n_trials, config.encoded_bins, config.encoded_neurons)
    over_time = (config.n_bins, n_trials)

    def normal(name: str, shape: tuple[int, ...]) -> None:
        drawn[name] = tf.random.stateless_normal(shape, seeds[name])

    drawn: dict[str, tf.Tensor] = {}
    normal("initial_bi", (n_trials, config.n_initial_conditions))
    if config.has_controller:
        normal("inputs_tbu", (*over_time, config.n_inferred_inputs))
    if config.coordinated_dropout > 0:
        drawn["cd_mask_btn"] = random_bits(seeds["cd_mask_btn"], encoded)
    if not training or config.dropout == 0:
        return drawn

    shapes = {
        "data_btn": encoded,
        "encoded_bk": (n_trials, 2 * config.encoder_units),
        "generator_tbg": (*over_time, config.generator_units),
    }
    if config.n_external_inputs:
        shapes["external_tbe"] = (*over_time, config.n_external_inputs)
    if config.has_controller:
        shapes["initial_bg"] = (n_trials, config.generator_units)
        shapes["controller_input_tbk"] = (*over_time, 2 * config.controller_encoder_units)
        shapes["factors_tbf"] = (*over_time, config.n_factors)
    for name, shape in shapes.items():
        drawn[name] = random_bits(seeds[name], shape)
    return drawn


def masks(
    drawn: Mapping[str, tf.Tensor], rates: Mapping[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """Return noise as it is used, with masks in place of random bits.

    Args:
        drawn: of :func:`draw`.
        rates: scalars ``"dropout"`` and ``"coordinated_dropout"``.

    Returns:
        ``cd_mask_btn``, 1 where a sample is shown to the encoder; the other masks scaled by
        their rate; the normal noise as it was.

    Example:
        >>> bits = {"encoded_bk": tf.constant([[0, 65535]], tf.uint16)}
        >>> rates = {"dropout": 0.5, "coordinated_dropout": 0.3}
        >>> masks(bits, rates)["encoded_bk"].numpy().tolist()
        [[0.0, 2.0]]
    """
    made = dict(drawn)
    for name, bits in drawn.items():
        if name == "cd_mask_btn":
            made[name] = keep_mask(bits, rates["coordinated_dropout"])
        elif bits.dtype == tf.uint16:
            made[name] = with_rate(keep_mask(bits, rates["dropout"]), rates["dropout"])
    return made
