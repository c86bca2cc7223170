"""Divided and padded, every trial is there once, and padding weighs nothing."""

import numpy as np
import pytest
import tensorflow as tf

from lfads_tf.config import LFADSConfig
from lfads_tf.training import noise_and_masks, sharding

pytestmark = pytest.mark.slow

N_TRIALS = 10


def batch(n_trials=N_TRIALS):
    """Arrays in which every trial carries its number, from 1 on."""
    number = np.arange(1, n_trials + 1, dtype="float32")
    return {
        "spikes_btn": tf.constant(np.broadcast_to(number[:, None, None], (n_trials, 4, 3))),
        "external_bte": tf.zeros((n_trials, 4, 0)),
        "inputs_tbu": tf.constant(np.broadcast_to(number[None, :, None], (4, n_trials, 2))),
        "initial_bi": tf.constant(np.broadcast_to(number[:, None], (n_trials, 5))),
        "weight_b": tf.ones((n_trials,)),
    }


@pytest.mark.parametrize("multiple", [1, 2, 3, 4, 7, 10, 16])
def test_padding_fills_up_with_zeros(multiple):
    padded = sharding.padded(batch(), N_TRIALS, multiple)
    n_padded = -(-N_TRIALS // multiple) * multiple
    assert padded.keys() == batch().keys()
    for name, array in batch().items():
        axis = noise_and_masks.trial_axis(name)
        assert padded[name].shape[axis] == n_padded
        assert padded[name].dtype == array.dtype
        kept, added = np.split(padded[name].numpy(), [N_TRIALS], axis=axis)
        np.testing.assert_array_equal(kept, array)
        np.testing.assert_array_equal(added, 0)
    assert float(tf.reduce_sum(padded["weight_b"])) == N_TRIALS


@pytest.mark.parametrize("n_shards", [1, 2, 3, 4])
def test_every_trial_is_in_one_shard(n_shards):
    shards = sharding.split(sharding.padded(batch(), N_TRIALS, n_shards), n_shards)
    assert len(shards) == n_shards
    for name, array in batch().items():
        axis = noise_and_masks.trial_axis(name)
        sizes = {shard[name].shape[axis] for shard in shards}
        assert sizes == {-(-N_TRIALS // n_shards)}
        together = np.concatenate([shard[name] for shard in shards], axis=axis)
        np.testing.assert_array_equal(np.split(together, [N_TRIALS], axis=axis)[0], array)
    # The arrays of a shard belong to the same trials.
    for shard in shards:
        numbers = shard["spikes_btn"][:, 0, 0].numpy()
        np.testing.assert_array_equal(shard["inputs_tbu"][0, :, 0], numbers)
        np.testing.assert_array_equal(shard["initial_bi"][:, 0], numbers)
        np.testing.assert_array_equal(shard["weight_b"], numbers > 0)


def test_what_is_handed_in_stays_as_it_is():
    given = batch()
    sharding.padded(given, N_TRIALS, 1)["new"] = 1
    sharding.split(given, 1)[0]["new"] = 1
    assert given.keys() == batch().keys()


def test_all_noise_can_be_divided():
    config = LFADSConfig(
        n_neurons=3, n_bins=4, bin_width=0.01, n_inferred_inputs=2, n_external_inputs=1
    )
    drawn = noise_and_masks.draw([0, 0], config, 6, training=True)
    shards = sharding.split(drawn, 3)
    for name, array in drawn.items():
        axis = noise_and_masks.trial_axis(name)
        together = np.concatenate([shard[name] for shard in shards], axis=axis)
        np.testing.assert_array_equal(together, array)


def test_number_of_shards(monkeypatch):
    monkeypatch.setattr(sharding, "cores", lambda: 4)
    smallest = sharding.SMALLEST_SHARD
    if tf.config.list_logical_devices("GPU"):
        assert sharding.default_shards(1000) == 1
        return
    assert sharding.default_shards(0) == 1
    assert sharding.default_shards(smallest - 1) == 1
    assert sharding.default_shards(2 * smallest) == 2
    assert sharding.default_shards(2 * smallest + smallest - 1) == 2
    assert sharding.default_shards(1000 * smallest) == 4


def test_one_shard_in_each_replica_of_a_strategy(monkeypatch):
    monkeypatch.setattr(sharding, "cores", lambda: 4)
    with tf.distribute.OneDeviceStrategy("cpu:0").scope():
        assert sharding.default_shards(1000) == 1


def test_cores_is_at_least_one():
    assert sharding.cores() >= 1
