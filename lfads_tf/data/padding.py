"""Trials of different length in one array, padded at their ends, with their lengths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import as_numbers, listed
from lfads_tf._utils.checks import refuse_flags

__all__ = ["as_lengths", "as_trials", "blank_beyond", "pad", "padded"]


def as_trials(value: Any, name: str) -> list[np.ndarray] | None:
    """Return the trials of a list of arrays, or None if ``value`` is one array.

    Args:
        value: a list or tuple of arrays ``(n_bins_of_the_trial, n)``, an object array of
            them, or anything else.
        name: name of the argument, for errors.

    Raises:
        TypeError: a trial that is not an array of numbers.
        ValueError: a trial that is not two-dimensional or has no bins, or trials of
            different width.

    Example:
        >>> import numpy as np
        >>> [len(trial) for trial in as_trials([np.ones((3, 2)), np.ones((5, 2))], "spikes")]
        [3, 5]
    """
    if isinstance(value, np.ndarray) and not (value.dtype == object and value.ndim == 1):
        return None
    if not isinstance(value, list | tuple | np.ndarray):
        return None
    trials = [
        as_numbers(trial, f"{name}, trial {i}", dtype=None) for i, trial in enumerate(value)
    ]
    for i, trial in enumerate(trials):
        if trial.ndim != 2 or len(trial) == 0 or trial.shape[1] != trials[0].shape[1]:
            width = "n" if trials[0].ndim != 2 else trials[0].shape[1]
            raise ValueError(
                f"{name}: expected one array of shape (n_bins, {width}) for each trial, "
                f"received shape {trial.shape} for trial {i}."
            )
    if not trials:
        raise ValueError(f"{name}: expected at least one trial, received none.")
    return trials


def pad(trials: Sequence[np.ndarray], n_bins: int, fill: float) -> np.ndarray:
    """Pad trials to one array, with ``fill`` after the end of each.

    Args:
        trials: arrays ``(n_bins_of_the_trial, n)``.
        n_bins: number of bins of the longest.
        fill: a number or NaN.

    Returns:
        ``(n_trials, n_bins, n)``, float32.

    Example:
        >>> import numpy as np
        >>> pad([np.ones((1, 1)), np.ones((2, 1))], 2, np.nan)[..., 0]
        array([[ 1., nan],
               [ 1.,  1.]], dtype=float32)
    """
    padded = np.full((len(trials), n_bins, trials[0].shape[1]), fill, np.float32)
    for i, trial in enumerate(trials):
        padded[i, : len(trial)] = trial
    return padded


def as_lengths(lengths: Any, n_trials: int, n_bins: int) -> np.ndarray:
    """Return the lengths of trials in bins, checked.

    Raises:
        TypeError: not an array of numbers.
        ValueError: not one whole number from 1 to ``n_bins`` for each trial.

    Example:
        >>> as_lengths([3, 5], n_trials=2, n_bins=5)
        array([3, 5])
    """
    refuse_flags(lengths, "lengths", "whole numbers of bins")
    array = as_numbers(lengths, "lengths")
    if array.shape != (n_trials,):
        raise ValueError(
            f"lengths: expected one number of bins for each of {n_trials} trials, received "
            f"shape {array.shape}."
        )
    bad = ~((array >= 1) & (array <= n_bins) & (array == np.floor(array)))
    if bad.any():
        raise ValueError(
            f"lengths: expected whole numbers of bins from 1 to {n_bins}, received "
            f"{array[bad][0]:g} for trial {np.flatnonzero(bad)[0]}."
        )
    return array.astype(np.int64)


def blank_beyond(array: np.ndarray, lengths: np.ndarray, fill: float) -> np.ndarray:
    """Return a copy with ``fill`` after the end of each trial.

    Args:
        array: ``(n_trials, n_bins, n)``.
        lengths: ``(n_trials,)``, in bins.
        fill: a number or NaN.

    Example:
        >>> import numpy as np
        >>> blank_beyond(np.ones((2, 2, 1)), np.array([1, 2]), 0.0)[..., 0]
        array([[1., 0.],
               [1., 1.]], dtype=float32)
    """
    beyond = np.arange(array.shape[1]) >= lengths[:, None]
    return np.where(beyond[:, :, None], np.float32(fill), array).astype(np.float32, copy=False)


def padded(
    value: Any,
    name: str,
    lengths: np.ndarray | None,
    shape: Sequence[int],
    fill: float,
) -> Any:
    """Pad an array beside the spikes with ``fill`` after the end of each trial.

    Args:
        value: one array, a list of one array for each trial, or none.
        name: name of the argument, for errors.
        lengths: lengths of the trials in bins; None: all are whole.
        shape: shape of the spikes; trials and bins come first.
        fill: a number or NaN.

    Raises:
        ValueError: a list whose trials are not as long as the spikes'.

    Example:
        >>> import numpy as np
        >>> lengths = np.array([1, 2])
        >>> padded([np.ones((1, 1)), np.ones((2, 1))], "x", lengths, (2, 2, 9), 0.0)[..., 0]
        array([[1., 0.],
               [1., 1.]], dtype=float32)
    """
    trials = None if value is None else as_trials(value, name)
    if trials is not None:
        own = [len(trial) for trial in trials]
        expected = [shape[1]] * shape[0] if lengths is None else lengths.tolist()
        if own != expected:
            raise ValueError(
                f"{name}: expected trials of as many bins as the spikes have "
                f"({listed(expected)}), received {listed(own)}."
            )
        return pad(trials, shape[1], fill)
    if value is None or lengths is None:
        return value
    array = as_numbers(value, name, dtype=np.float32)
    if array.ndim != 3 or array.shape[:2] != tuple(shape[:2]):
        return array  # The session says what is wrong.
    return blank_beyond(array, lengths, fill)
