"""What is refused of the arguments of ``fit``, before anything is trained."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

__all__ = [
    "joined",
    "refuse_batch_size",
    "refuse_pipeline",
    "refuse_session_weights",
    "refuse_steps",
    "refuse_targets",
    "refuse_unknown",
]

#: Arguments of Keras's ``fit`` that are passed on.
_OF_KERAS = ("validation_freq", "validation_steps")


def refuse_batch_size(batch_size: Any) -> None:
    """Raises ``ValueError`` unless it is a whole number of at least 1."""
    is_whole = isinstance(batch_size, numbers.Integral) and not isinstance(batch_size, bool)
    if not is_whole or batch_size < 1:
        raise ValueError(
            f"batch_size: expected a whole number of at least 1, received {batch_size!r}."
        )


def refuse_targets(y: Any) -> None:
    """Raises ``TypeError`` if there are targets: the model has none but its spikes."""
    if y is not None:
        shown = f"an array of shape {np.shape(y)}" if np.ndim(y) else repr(y)
        raise TypeError(
            "y: expected none, since spikes are their own target, received "
            f"{shown}. External inputs go into x: fit((spikes, external_inputs))."
        )


def refuse_steps(steps_per_epoch: int | None, is_pipeline: bool) -> None:
    """Raises ``ValueError`` if steps are asked for where the trials make an epoch."""
    if steps_per_epoch is not None and not is_pipeline:
        raise ValueError(
            "steps_per_epoch: expected none beside trials, all of which make an epoch (a "
            f"tf.data.Dataset may have any number of steps), received {steps_per_epoch!r}."
        )


def refuse_session_weights(session_weights: Any, is_stitched: bool) -> None:
    """Raises ``ValueError`` if sessions should weigh where there is one."""
    if not is_stitched and session_weights != "trials":
        raise ValueError(
            "session_weights: expected 'trials' for a model of a single session, received "
            f"{session_weights!r}."
        )


def refuse_pipeline(name: str, is_stitched: bool) -> None:
    """Raises ``TypeError`` if a stitched model is given batches, which name no session."""
    if is_stitched:
        raise TypeError(
            f"{name}: expected a Session or a list of them, since the model is stitched over "
            "sessions, received a tf.data.Dataset."
        )


def refuse_unknown(arguments: Mapping[str, Any]) -> None:
    """Raises ``TypeError`` for an argument that Keras's ``fit`` has and the model's has not."""
    for name, value in arguments.items():
        if name == "validation_split":
            raise TypeError(
                "validation_split: expected none; give validation_data, such as Session.split "
                f"draws, received {value!r}."
            )
        if name not in _OF_KERAS:
            raise TypeError(
                f"{name}: expected no argument of Keras's but {' and '.join(_OF_KERAS)}, "
                f"received {value!r}."
            )


def joined(data: tf.data.Dataset) -> Any:
    """All batches of spikes, or of spikes and external inputs, as arrays.

    Args:
        data: batches ``(n_trials, n_bins, n_neurons)``, or pairs of such and
            ``(n_trials, n_bins, n_external_inputs)``.

    Returns:
        One array, or a tuple of as many as the batches have.

    Raises:
        ValueError: no batches, or no end of them.

    Example:
        >>> joined(tf.data.Dataset.from_tensor_slices([[1.0], [2.0], [3.0]]).batch(2)).shape
        (3, 1)
    """
    if data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            "data: expected a tf.data.Dataset that ends, received one without end."
        )
    parts = [
        batch if isinstance(batch, tuple) else (batch,) for batch in data.as_numpy_iterator()
    ]
    if not parts:
        raise ValueError("data: expected at least one batch, received none.")
    arrays = tuple(
        np.concatenate(batches_of_one) for batches_of_one in zip(*parts, strict=True)
    )
    return arrays[0] if len(arrays) == 1 else arrays
