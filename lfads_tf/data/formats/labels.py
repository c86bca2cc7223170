"""Conditions of trials as files have them: labels by trial, or lists of trials.

A label a trial may stand in a row, in a column, or one-hot. The trials of each condition are
what files of the Neural Latents Benchmark list, counted from 0, and each at most once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import listed
from lfads_tf._utils.conditions import as_conditions

__all__ = ["labels_by_trial", "labels_of_lists"]


def labels_by_trial(values: Any, n_trials: int, key: str, *, is_matlab: bool = False) -> Any:
    """Return one label per trial, from labels in any shape or from lists of trials.

    Args:
        values: ``(n_trials,)`` or a row or a column, numbers or text; one-hot ``(n_trials,
            n_conditions)``; or a list, or rows of equal length, of the trials of each
            condition. For a MATLAB file also a cell array, or text with a letter per trial.
        n_trials: number of trials.
        key: key of the file, for errors.
        is_matlab: whether lists count from 1 and are cell arrays.

    Returns:
        ``(n_trials,)``; NaN for a trial of none of the lists. None, if no trial has a label.

    Raises:
        TypeError: neither numbers nor text.
        ValueError: any other shape, or lists that name a trial twice or one that is not
            there.

    Example:
        >>> labels_by_trial([[3, 1, 3, 2]], 4, "conditions").tolist()
        [3, 1, 3, 2]
        >>> labels_by_trial(np.eye(3)[[0, 2, 1, 2]], 4, "conditions").tolist()
        [0, 2, 1, 2]
        >>> labels_by_trial([np.array([1, 2]), np.array([0])], 3, "conditions").tolist()
        [1, 0, 0]
    """
    if is_matlab:
        if isinstance(values, np.ndarray) and values.size == 0:
            return None  # [] or {}
        values = _of_cells(values, n_trials, key)
    array = values if isinstance(values, np.ndarray) else np.asarray(values, dtype=object)
    if array.dtype == object and array.size and array.ndim < 3:
        if any(isinstance(item, np.ndarray) for item in array.flat):
            return labels_of_lists(array.ravel(), n_trials, key, first=int(is_matlab))
        if all(item is None for item in array.flat):
            return None
    if array.ndim != 1:
        array = np.squeeze(array)
        array = array.reshape(1) if array.ndim == 0 else array
    if array.ndim == 2 and array.dtype.kind in "biuf":
        array = _of_table(array, n_trials, key, int(is_matlab))
    elif not is_matlab and np.shape(values) == (1, n_trials) and _is_one_list(array):
        raise ValueError(
            f"path: expected {key} to hold a label for each of {n_trials} trials, received "
            f"shape (1, {n_trials}) with all numbers from 0 to {n_trials - 1}, which may as "
            f"well list the trials of one condition. Write them as ({n_trials},)."
        )
    return as_conditions(array, n_trials, f"path: {key}")


def labels_of_lists(
    lists: Iterable[Any], n_trials: int, key: str, *, first: int = 0
) -> np.ndarray:
    """Return one label per trial from the trials of each condition.

    Args:
        lists: lists of trials, one per condition.
        n_trials: number of trials.
        key: key of the file, for errors.
        first: the number of the first trial. If it is not 0, all trials must be there.

    Returns:
        The place of each trial's list, ``(n_trials,)``; NaN, if there are some, for trials of
        none.

    Raises:
        ValueError: what is no number of a trial, or one that comes twice; lists without
            the first trial and others, which may count from 1.

    Example:
        >>> labels_of_lists([[0, 3], [1]], 4, "cond_idx").tolist()
        [0.0, 1.0, nan, 0.0]
    """
    labels = np.full(n_trials, -1)
    expected = (
        f"path: expected {key} to hold a condition for each of {n_trials} trials, or the "
        f"trials of each condition ({first} to {n_trials - 1 + first}), received"
    )
    rows = [np.asarray(one).reshape(-1) for one in lists]
    every = np.concatenate([np.zeros(0), *rows]) if all(map(_is_numeric, rows)) else None
    if every is None or not (every == np.floor(every)).all():
        raise ValueError(f"{expected} something else than whole numbers in its lists.")
    for row in filter(np.size, rows):
        if not first <= row.min() <= row.max() < n_trials + first:
            hint = " Do they count from 1?" if every.min() >= 1 and first == 0 else ""
            raise ValueError(f"{expected} {row.min():g} to {row.max():g}.{hint}")
    trials, times = np.unique(every, return_counts=True)
    if (times > 1).any():
        twice = listed(trials[times > 1].astype(int))
        raise ValueError(f"{expected} {twice} several times.")
    if first and len(trials) < n_trials:
        raise ValueError(f"{expected} lists of {len(trials)}.")
    if 0 < len(trials) < n_trials and trials[0] > first:
        raise ValueError(
            f"{expected} lists of {len(trials)}, without the first: they may count from "
            f"{first + 1}. Write a label for each trial."
        )
    for condition, own in enumerate(rows):
        labels[own.astype(np.int64) - first] = condition
    return np.where(labels < 0, np.nan, labels) if (labels < 0).any() else labels


def _is_numeric(row: np.ndarray) -> bool:
    return row.size == 0 or row.dtype.kind in "iuf"


def _is_one_list(array: np.ndarray) -> bool:
    n = len(array)
    return n > 1 and array.dtype.kind in "iuf" and np.array_equal(np.sort(array), np.arange(n))


def _is_one_hot(rows: np.ndarray) -> bool:
    return bool((rows.sum(axis=1) == 1).all())


def _of_table(table: np.ndarray, n_trials: int, key: str, first: int) -> np.ndarray:
    """Return labels of one-hot rows or columns, or of lists of equal length."""
    if n_trials not in table.shape:
        return labels_of_lists(table, n_trials, key, first=first)
    if ((table == 0) | (table == 1)).all():
        hot = [one for one in (table, table.T) if len(one) == n_trials and _is_one_hot(one)]
        if len(hot) == 1:  # Of a square table rows and columns may both be.
            return hot[0].argmax(axis=1)
    raise ValueError(
        f"path: expected {key} to hold one label for each of {n_trials} trials, received shape "
        f"{table.shape}: not one-hot, and no list of trials. Write one column of it."
    )


def _of_cells(values: Any, n_trials: int, key: str) -> Any:
    """Return a list of labels, or of arrays of trials, from a variable of MATLAB's."""
    if isinstance(values, str):
        return list(values) if len(values) == n_trials else [values]
    if not isinstance(values, np.ndarray):
        raise ValueError(
            f"path: expected {key} to hold one label for each of {n_trials} trials, received "
            f"a {'structure' if isinstance(values, dict) else type(values).__name__}."
        )
    if values.dtype != object:
        return values
    items = [_of_cell(item) for item in values.ravel(order="F")]
    if any(isinstance(item, np.ndarray) for item in items):
        lists: Sequence[Any] = [np.zeros(0) if i is None else np.atleast_1d(i) for i in items]
        array = np.empty(len(lists), dtype=object)
        array[:] = lists
        return array
    return items


def _of_cell(item: Any) -> Any:
    """Return text, a number, an array of several, or None from what a cell holds."""
    while isinstance(item, np.ndarray) and item.size == 1:
        item = item.reshape(-1)[0]
    return None if isinstance(item, np.ndarray) and item.size == 0 else item
