"""What a step of training does before anything is compiled."""

import pytest
import tensorflow as tf

from lfads_tf.config import LFADSConfig
from lfads_tf.training import batches, steps


def test_batches_that_do_not_say_which_samples_are_left_out_are_refused_in_training():
    """A pipeline of batches may bring its trials in any order: no choice of samples holds."""
    config = LFADSConfig(n_neurons=4, n_bins=6, bin_width=0.02, sample_validation=0.2)
    batch = batches.checked_batch(tf.ones((3, 6, 4)), config)
    with pytest.raises(
        ValueError, match="^sample_validation: expected a Session or arrays.*0.2"
    ):
        steps.make_shards(batch, config, 0, 0, training=True)
    steps.make_shards(batch, config, 0, 0, training=False)
