"""Trials in batches of one shape, in a known order.

A batch is a dictionary: ``spikes_btn`` (NaN where nothing was observed), ``external_bte``,
``weight_b`` (0 for padding) and, with sample validation, ``train_mask_btn`` (0 for the samples
that are never shown nor fitted). With several sessions it also has ``session_b``, the place of
each trial's session among the model's, and, where sessions have weights,
``session_weight_b``.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from lfads_tf.config import LFADSConfig
from lfads_tf.training.callbacks import say_no_end
from lfads_tf.training.checks import (
    assert_values,
    check_values,
    least_far,
    parts_of,
    unreachable,
)

__all__ = [
    "batch_shape",
    "batches",
    "checked_batch",
    "joined",
    "padded_batches",
    "says_no_number",
]


def batch_shape(n_trials: int, batch_size: int) -> tuple[int, int]:
    """Return the number of batches, and the number of trials in each.

    Args:
        n_trials: in all.
        batch_size: trials in a batch at most.

    Example:
        >>> batch_shape(237, 64)
        (4, 60)
    """
    n_batches = math.ceil(n_trials / batch_size)
    return n_batches, math.ceil(n_trials / n_batches)


def batches(
    arrays: dict[str, np.ndarray],
    batch_size: int,
    *,
    seed: int | None = None,
    first_epoch: int = 0,
) -> tuple[tf.data.Dataset, int]:
    """Return batches of one shape.

    The order of an epoch follows from seed and epoch alone, so that training which begins
    again at a later epoch meets the same batches.

    Args:
        arrays: of :func:`lfads_tf.training.trial_arrays.as_arrays`.
        batch_size: trials at most.
        seed: seed of the order; None: the trials as they stand, once.
        first_epoch: the epoch to begin with.

    Returns:
        The batches, without end if there is a seed, and their number in an epoch.

    Example:
        >>> import numpy as np
        >>> data, n = batches({"spikes_btn": np.ones((5, 2, 3), "float32")}, 4)
        >>> n, [batch["weight_b"].numpy().tolist() for batch in data]
        (2, [[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]])
    """
    n_trials = len(arrays["spikes_btn"])
    n_batches, n_each = batch_shape(n_trials, batch_size)
    tensors = {name: tf.constant(array) for name, array in arrays.items()}
    padding = -tf.ones((n_batches * n_each - n_trials,), tf.int64)

    def epoch_of_rows(epoch):
        rows = tf.range(n_trials, dtype=tf.int64)
        if seed is not None:
            rows = tf.random.experimental.stateless_shuffle(rows, [seed, epoch])
        rows = tf.reshape(tf.concat([rows, padding], 0), (n_batches, n_each))
        return tf.data.Dataset.from_tensor_slices(rows)

    def batch_of_rows(rows):
        batch = {name: tf.gather(t, tf.maximum(rows, 0)) for name, t in tensors.items()}
        return {**batch, "weight_b": tf.cast(rows >= 0, tf.float32)}

    last = 1 if seed is None else np.iinfo(np.int64).max
    epochs = tf.data.Dataset.range(0 if seed is None else first_epoch, last)
    data = epochs.flat_map(epoch_of_rows).map(batch_of_rows).prefetch(2)
    # Keras warns of batches that it had not known of.
    n_known = n_batches if seed is None else tf.data.INFINITE_CARDINALITY
    return data.apply(tf.data.experimental.assert_cardinality(n_known)), n_batches


def padded_batches(
    data: tf.data.Dataset, config: LFADSConfig, name: str = "x", n_used: int | None = None
) -> tf.data.Dataset:
    """Return a user's batches, the smaller ones filled up to the size of the first.

    What fills them has weight 0. One size means one compilation.

    Args:
        data: batches of spikes ``(n_trials, n_bins, n_neurons)``, or of pairs of spikes and
            external inputs ``(n_trials, n_bins, n_external_inputs)``.
        config: configuration of the model.
        name: name of the argument, for errors.
        n_used: batches that will be read; None: all.

    Returns:
        Batches as :func:`checked_batch` makes them, all of the size of the first.

    Raises:
        ValueError: no batches, none with an observed sample among those used, other shapes,
            more than two parts, or a first batch with values that the model cannot have.
        tf.errors.InvalidArgumentError: when the batches are read: a batch larger than the
            first, or other values that the model cannot have.

    Example:
        >>> config = LFADSConfig(n_neurons=3, n_bins=2, bin_width=0.02)
        >>> data = tf.data.Dataset.from_tensor_slices(tf.ones((5, 2, 3))).batch(4)
        >>> [batch["weight_b"].numpy().tolist() for batch in padded_batches(data, config)]
        [[1.0, 1.0, 1.0, 1.0], [1.0, 0.0, 0.0, 0.0]]
    """
    used = iter(data.take(-1 if n_used is None else n_used))
    first = next(used, None)
    if first is None:
        raise ValueError(f"{name}: expected at least one batch, received none.")
    checked = checked_batch(first, config, name)
    if not len(checked["spikes_btn"]):
        raise ValueError(f"{name}: expected trials in the first batch, received none.")
    check_values(checked["spikes_btn"].numpy(), config, name)
    shapes = {key: a.shape for key, a in checked.items()}
    size = int(shapes["spikes_btn"][0])
    if not any(
        _is_observed(batch, config, name)
        for batch in _told(itertools.chain([first], used), name, data, n_used)
    ):
        raise ValueError(f"{name}: expected observed samples, received NaN only.")
    said = unreachable(checked["spikes_btn"].numpy(), config) is not None

    def say(spikes_btn):
        nonlocal said
        if not said and (sentence := unreachable(spikes_btn, config)) is not None:
            said = True
            warnings.warn(f"{name}: {sentence}", stacklevel=2)
        return np.zeros((), bool)

    def filled(*parts):
        given = parts[0] if len(parts) == 1 else parts
        if not isinstance(given, dict):
            given = tuple(
                _of_shape(part, shape, name)
                for part, shape in zip(
                    parts, [shapes["spikes_btn"], shapes["external_bte"]], strict=False
                )
            )
        batch = checked_batch(given, config, name)
        spikes = batch["spikes_btn"]
        assert_values(batch, config, name)
        highest = tf.reduce_max(tf.math.abs(tf.boolean_mask(spikes, spikes == spikes)))
        far = tf.cond(
            highest > least_far(config),
            lambda: tf.ensure_shape(tf.numpy_function(say, [spikes], tf.bool), ()),
            lambda: tf.constant(False),
        )
        missing = size - tf.shape(batch["spikes_btn"])[0]
        fits = tf.debugging.assert_non_negative(
            missing, f"{name}: expected no batch larger than the first, of {size} trials."
        )

        def fill(array):
            paddings = [[0, missing], *([0, 0] for _ in array.shape[1:])]
            return tf.ensure_shape(tf.pad(array, paddings), [size, *array.shape[1:]])

        with tf.control_dependencies([fits, far]):
            return {key: fill(tf.identity(array)) for key, array in batch.items()}

    return data.map(filled)


def says_no_number(data: Any) -> bool:
    """Test whether a pipeline has an unknown number of batches."""
    return isinstance(data, tf.data.Dataset) and bool(
        data.cardinality() == tf.data.UNKNOWN_CARDINALITY
    )


def _told(
    several: Iterable[Any], name: str, data: tf.data.Dataset, n_used: int | None
) -> Iterator[Any]:
    """Yield batches, and log after many that they have not ended, if nothing says when."""
    if n_used is not None or not says_no_number(data):
        yield from several
        return
    said = 0
    for i, batch in enumerate(several):
        yield batch
        said = say_no_end(i + 1, said, name, None)


def _is_observed(data, config, name):
    """Test whether a batch has an observed sample."""
    spikes_btn = checked_batch(data, config, name)["spikes_btn"]
    return not bool(tf.reduce_all(tf.math.is_nan(spikes_btn)))


def _of_shape(array, shape, name):
    """Hold an array of a pipeline that does not say its shape to that of the first."""
    expected = [None, *shape[1:]]
    if array.shape.is_compatible_with(expected) and not array.shape[1:].is_fully_defined():
        fits = tf.debugging.assert_equal(
            tf.shape(array)[1:],
            list(shape[1:]),
            f"{name}: expected batches of shape (n_trials, {', '.join(map(str, shape[1:]))}), "
            "as the first, received another.",
        )
        with tf.control_dependencies([fits]):
            return tf.ensure_shape(tf.identity(array), expected)
    return array


def checked_batch(data: Any, config: LFADSConfig, name: str = "x") -> dict[str, tf.Tensor]:
    """Return a batch of a user's ``tf.data`` pipeline, or of :func:`batches`, as a dictionary.

    Args:
        data: spikes ``(n_trials, n_bins, n_neurons)``; a pair of them and external inputs
            ``(n_trials, n_bins, n_external_inputs)``; or such a dictionary.
        config: configuration of the model.
        name: name of the argument, for errors.

    Returns:
        ``spikes_btn``, ``external_bte`` (of width 0 if the model has none) and ``weight_b``,
        float32; of a dictionary also what else it holds.

    Raises:
        ValueError: other shapes, external inputs that are missing or not expected, or more
            than two parts. Values are not looked at.

    Example:
        >>> config = LFADSConfig(n_neurons=3, n_bins=2, bin_width=0.02)
        >>> batch = checked_batch(tf.ones((5, 2, 3)), config)
        >>> {name: tuple(array.shape) for name, array in batch.items()}
        {'spikes_btn': (5, 2, 3), 'external_bte': (5, 2, 0), 'weight_b': (5,)}
    """
    if isinstance(data, tuple) and len(data) == 3 and data[1] is None and data[2] is None:
        data = data[0]  # Keras's own triple of inputs, targets and weights
    if isinstance(data, dict) and "spikes_btn" in data:
        batch = dict(data)
    else:
        given, external = parts_of(data, name)
        batch = {"spikes_btn": tf.cast(given, tf.float32)}
        if external is not None:
            batch["external_bte"] = tf.cast(external, tf.float32)
    spikes = batch["spikes_btn"]
    expected = (config.n_bins, config.n_neurons)
    if len(spikes.shape) != 3 or tuple(spikes.shape[1:]) != expected:
        raise ValueError(
            f"{name}: expected batches of spikes of shape (n_trials, {expected[0]}, "
            f"{expected[1]}), received {tuple(spikes.shape)}."
        )
    if "external_bte" in batch:
        width = batch["external_bte"].shape[-1]
        if width != config.n_external_inputs:
            raise ValueError(
                f"{name}: expected external inputs of width {config.n_external_inputs} "
                f"(n_external_inputs), received batches of width {width}. These are measured "
                "inputs; inputs to be inferred are asked for by n_inferred_inputs."
            )
    else:
        if config.n_external_inputs:
            raise ValueError(
                f"{name}: expected batches (spikes, external_inputs), since the model was made "
                f"with n_external_inputs={config.n_external_inputs}, received spikes only."
            )
        shape = (tf.shape(spikes)[0], config.n_bins, 0)
        batch["external_bte"] = tf.zeros(shape, tf.float32)
    if "weight_b" not in batch:
        batch["weight_b"] = tf.ones((tf.shape(spikes)[0],), tf.float32)
    return batch


def joined(data: tf.data.Dataset, name: str = "data", n_used: int | None = None) -> Any:
    """Join all batches of spikes, or of spikes and external inputs, to arrays.

    Args:
        data: batches ``(n_trials, n_bins, n_neurons)``, or pairs of such and
            ``(n_trials, n_bins, n_external_inputs)``.
        name: name of the argument, for errors.
        n_used: batches that are read; None: all.

    Returns:
        One array, or a tuple of as many as the batches have.

    Raises:
        ValueError: no batches, or no end of them.

    Example:
        >>> joined(tf.data.Dataset.from_tensor_slices([[1.0], [2.0], [3.0]]).batch(2)).shape
        (3, 1)
    """
    used = data.take(-1 if n_used is None else n_used)
    if used.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            f"{name}: expected a tf.data.Dataset that ends, received one without end."
        )
    parts = [
        batch if isinstance(batch, tuple) else (batch,)
        for batch in _told(used.as_numpy_iterator(), name, data, n_used)
    ]
    if not parts:
        raise ValueError(f"{name}: expected at least one batch, received none.")
    for part in parts:
        if [a.shape[1:] for a in part] != [a.shape[1:] for a in parts[0]]:
            raise ValueError(
                f"{name}: expected batches of one shape, received {parts[0][0].shape} and "
                f"{part[0].shape}."
            )
    arrays = tuple(
        np.concatenate(batches_of_one) for batches_of_one in zip(*parts, strict=True)
    )
    return arrays[0] if len(arrays) == 1 else arrays
