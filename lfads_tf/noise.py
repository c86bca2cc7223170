"""All random arrays of one step, drawn at once from a seed.

They are drawn for the whole batch and outside XLA, whose random numbers are slow on CPUs,
and divided among shards afterwards, so that the result does not depend on how many there
are. What a rate of 0 switches off is not drawn.
"""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from lfads_tf.augmentations import keep_mask, with_rate
from lfads_tf.config import LFADSConfig

__all__ = ["draw", "trial_axis"]

# The place of a name gives each array its own stream: new ones go to the end.
_STREAMS = (
    "initial_bi",
    "inputs_tbu",
    "shown_btn",
    "data_btn",
    "encoded_bk",
    "initial_bg",
    "external_tbe",
    "seen_tbk",
    "factors_tbf",
    "generator_tbg",
)


def trial_axis(name: str) -> int:
    """The axis of trials, which the end of the name tells: ``_btn`` 0, ``_tbu`` 1."""
    return name.rpartition("_")[2].index("b")


def draw(
    seed, config: LFADSConfig, n_trials: int, rates: Mapping[str, tf.Tensor], *, training: bool
) -> dict[str, tf.Tensor]:
    """Noise of the posteriors, the mask of coordinated dropout and, in training, dropout.

    Args:
        seed: a pair of integers.
        config: of the model.
        n_trials: trials in the batch.
        rates: scalars ``"dropout"`` and ``"coordinated_dropout"``.
        training: whether units are dropped.

    Returns:
        By name: ``initial_bi`` and ``inputs_tbu``, standard normal; ``shown_btn``, 1 where
        a sample is shown to the encoder; the others masks of dropout, already scaled.

    Example:
        >>> config = LFADSConfig(n_neurons=8, n_bins=20, bin_width=0.02)
        >>> rates = {"dropout": 0.1, "coordinated_dropout": 0.3}
        >>> drawn = draw([0, 0], config, 4, rates, training=False)
        >>> {name: tuple(array.shape) for name, array in drawn.items()}
        {'initial_bi': (4, 64), 'shown_btn': (4, 20, 8)}
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
        shown = keep_mask(seeds["shown_btn"], encoded, rates["coordinated_dropout"])
        drawn["shown_btn"] = shown
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
        shapes["seen_tbk"] = (*over_time, 2 * config.controller_encoder_units)
        shapes["factors_tbf"] = (*over_time, config.n_factors)
    for name, shape in shapes.items():
        mask = keep_mask(seeds[name], shape, rates["dropout"])
        drawn[name] = with_rate(mask, rates["dropout"])
    return drawn
