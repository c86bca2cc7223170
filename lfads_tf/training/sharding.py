"""Shards of a batch, one for each core of a CPU.

XLA runs its loops on one core. A batch is therefore cut into shards, one for each core, and
each goes through the same compiled function at the same time: calls of a compiled function
from one outer ``tf.function`` do not wait for each other. On a GPU, and in each replica of
a ``tf.distribute`` strategy, there is one shard.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

import tensorflow as tf

from lfads_tf.training.noise_and_masks import trial_axis

__all__ = ["cores", "default_shards", "over_replicas", "padded", "replicas", "split"]

#: Below this many trials a shard's matrix products are too small to be worth a core.
SMALLEST_SHARD = 16


def cores() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_shards(n_trials: int | None) -> int:
    """Choose the number of shards of a batch on this machine.

    Args:
        n_trials: trials in the batch; none: not known before it comes.

    Example:
        >>> default_shards(1)
        1
    """
    if tf.config.list_logical_devices("GPU") or tf.distribute.has_strategy():
        return 1
    if n_trials is None:
        return cores()
    return max(1, min(cores(), n_trials // SMALLEST_SHARD))


def replicas() -> int:
    """Count the replicas of the model that train together: more than one under a strategy.

    Example:
        >>> replicas()
        1
    """
    return tf.distribute.get_strategy().num_replicas_in_sync


def over_replicas(values):
    """Add up tensors over replicas; called in each of them."""
    if replicas() == 1:
        return values
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)


def padded(batch: Mapping[str, tf.Tensor], n_trials, multiple: int) -> dict[str, tf.Tensor]:
    """Pad a batch with zeros, so that its trials divide by ``multiple``.

    The padding has ``weight_b`` 0, which takes it out of every sum.
    """
    missing = -n_trials % multiple
    if not tf.is_tensor(missing) and missing == 0:
        return dict(batch)

    def pad(name, array):
        paddings = [[0, 0] for _ in array.shape]
        paddings[trial_axis(name)][1] = missing
        return tf.pad(array, paddings)

    return {name: pad(name, array) for name, array in batch.items()}


def split(arrays: Mapping[str, tf.Tensor], n_shards: int) -> list[dict[str, tf.Tensor]]:
    """Split arrays into those of each shard.

    Example:
        >>> shards = split({"weight_b": tf.range(4)}, 2)
        >>> [shard["weight_b"].numpy().tolist() for shard in shards]
        [[0, 1], [2, 3]]
    """
    if n_shards == 1:
        return [dict(arrays)]
    parts = {
        name: tf.split(array, n_shards, axis=trial_axis(name)) for name, array in arrays.items()
    }
    return [{name: part[i] for name, part in parts.items()} for i in range(n_shards)]
