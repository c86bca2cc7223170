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

__all__ = [
    "check_strategy",
    "cores",
    "default_shards",
    "over_replicas",
    "own_rows",
    "padded",
    "place_of_rows",
    "replicas",
    "split",
]

#: Strategies under which Keras 3 cannot fit any model (keras #20585).
_OF_SEVERAL_MACHINES = (
    tf.distribute.MultiWorkerMirroredStrategy,
    tf.distribute.experimental.CentralStorageStrategy,
    tf.distribute.experimental.ParameterServerStrategy,
    tf.distribute.ParameterServerStrategy,
)

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
        n_trials: trials in the batch; None: not known before it comes.

    Example:
        >>> default_shards(1)
        1
    """
    if tf.config.list_logical_devices("GPU") or tf.distribute.has_strategy():
        return 1
    if n_trials is None:
        return cores()
    return max(1, min(cores(), n_trials // SMALLEST_SHARD))


def check_strategy(made_under: tf.distribute.Strategy | None = None) -> None:
    """Refuse the strategies under which a model cannot be trained.

    Args:
        made_under: the strategy of the model, which is then in use; None: a model is made.

    Raises:
        ValueError: a strategy of several machines, or another than the model's own.

    Example:
        >>> with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        ...     check_strategy()
    """
    strategy = tf.distribute.get_strategy()
    name = type(strategy).__name__
    if isinstance(strategy, _OF_SEVERAL_MACHINES):
        name = name.replace("CollectiveAllReduce", "MultiWorkerMirrored")
        raise ValueError(
            "strategy: expected tf.distribute.MirroredStrategy, which uses the devices of one "
            f"machine, received {name}, under which Keras 3 fits no model; on several machines "
            "train a population of models, each on one of them."
        )
    if made_under is not None and tf.distribute.has_strategy() and strategy is not made_under:
        raise ValueError(
            "strategy: expected a model that was made in the scope of the strategy by which "
            f"it is trained, received one that was not made in that of this {name}."
        )


def replicas() -> int:
    """Count the replicas of the model that train together, 1 without a strategy.

    Example:
        >>> replicas()
        1
    """
    return tf.distribute.get_strategy().num_replicas_in_sync


def over_replicas(values):
    """Add up tensors over replicas, when called in each of them."""
    if replicas() == 1:
        return values
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, values)


def place_of_rows(n_trials):
    """Find the place of a replica's rows among those of the whole batch.

    Args:
        n_trials: rows of this replica.

    Returns:
        The number of rows in all, and of those before this replica's; called in each replica.

    Example:
        >>> place_of_rows(5)
        (5, 0)
    """
    if replicas() == 1:
        return n_trials, 0
    context = tf.distribute.get_replica_context()
    place = context.replica_id_in_sync_group
    # In floating point, which every device adds up.
    own = tf.one_hot(place, replicas()) * tf.cast(n_trials, tf.float32)
    ends = tf.cumsum(tf.cast(context.all_reduce(tf.distribute.ReduceOp.SUM, own), tf.int32))
    return ends[-1], ends[place] - n_trials


def own_rows(arrays: Mapping[str, tf.Tensor], first, n_trials) -> dict[str, tf.Tensor]:
    """Take a replica's rows of arrays of the whole batch.

    Args:
        arrays: by name, whose end tells the axis of trials.
        first: row of the whole batch.
        n_trials: rows from there on.

    Example:
        >>> own_rows({"inputs_tbu": tf.zeros((2, 9, 1))}, 3, 4)["inputs_tbu"].shape
        TensorShape([2, 4, 1])
    """
    rows = tf.range(first, first + n_trials)
    return {name: tf.gather(a, rows, axis=trial_axis(name)) for name, a in arrays.items()}


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
