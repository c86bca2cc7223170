"""Means over the trials of each condition (PSTHs), and how well rates match them."""

from __future__ import annotations

from typing import Any

import numpy as np

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import numbers_or_nan
from lfads_tf._utils.conditions import (
    as_conditions,
    as_one_kind,
    condition_kinds,
    has_condition,
)
from lfads_tf.analysis import metrics

__all__ = ["condition_means", "psth_r_squared"]


def condition_means(
    values: Any, conditions: Any, *, jitter: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean over the trials of each condition, such as a PSTH of smoothed spikes.

    Args:
        values: ``(n_trials, n_bins, n)``; NaN is left out of the mean.
        conditions: conditions of the trials, ``(n_trials,)``; NaN or None for a trial without
            one, which is left out.
        jitter: bins by which each trial was moved to an earlier time, ``(n_trials,)``, and
            is moved back to a later one before it is averaged.

    Returns:
        The conditions, sorted, and the means, ``(n_conditions, n_bins, n)``; NaN where no
        trial has a value.

    Raises:
        ValueError: wrong shapes, or no trial with a condition.

    Example:
        >>> kinds, means = condition_means([[[1.0]], [[5.0]], [[3.0]]], ["b", "a", "b"])
        >>> kinds.tolist(), means.ravel().tolist()
        (['a', 'b'], [5.0, 2.0])
    """
    return _means(values, "values", conditions, jitter)


def _means(
    values: Any, name: str, conditions: Any, jitter: Any
) -> tuple[np.ndarray, np.ndarray]:
    array = numbers_or_nan(values, name, n_axes=(3,), shape="(n_trials, n_bins, n)")
    array = array.astype(np.float64)
    labels = as_conditions(conditions, len(array))
    if jitter is not None:
        shifts = checks.as_numbers(jitter, "jitter", dtype=None)
        is_whole = shifts.dtype.kind in "iuf" and bool((shifts == np.floor(shifts)).all())
        if shifts.shape != (len(array),) or not is_whole or np.isinf(shifts).any():
            raise ValueError(
                f"jitter: expected one whole number for each of {len(array)} trials, received "
                f"{checks.shown(jitter)}."
            )
        array = np.stack([_moved(one, int(by)) for one, by in zip(array, shifts, strict=True)])
    kinds = condition_kinds(labels)
    if not kinds.size:
        raise ValueError("conditions: expected that of at least one trial, received none.")
    means = np.full((len(kinds), *array.shape[1:]), np.nan)
    for i, kind in enumerate(kinds):
        of_kind = array[labels == kind]
        n = (~np.isnan(of_kind)).sum(axis=0)
        np.divide(np.nansum(of_kind, axis=0), n, out=means[i], where=n > 0)
    return kinds, means


def psth_r_squared(
    rates: Any, conditions: Any, psth: Any, *, kinds: Any = None, jitter: Any = None
) -> float:
    """Compute the R^2 of the mean rates of each condition against the PSTHs.

    R^2 of each neuron over the bins of all conditions, averaged over neurons: ``psth R2`` of
    the Neural Latents Benchmark (Pei et al. 2021, arXiv:2109.04463, section 3.3).

    Args:
        rates: rates of the evaluated trials, ``(n_trials, n_bins, n_neurons)``.
        conditions: conditions of the trials, ``(n_trials,)``.
        psth: PSTHs in the unit of the rates, ``(n_conditions, n_bins, n_neurons)``, NaN where
            unknown. The benchmark's are means of spikes smoothed by a Gaussian of 30 ms, over
            all trials of a condition.
        kinds: the condition of each PSTH; None: the sorted conditions of the trials.
            Conditions without trials, and trials of other conditions, are left out.
        jitter: as for :func:`condition_means`.

    Returns:
        The R^2.

    Raises:
        ValueError: shapes that do not fit, or no trial of any of these conditions.

    Example:
        >>> rates = [[[1.0], [2.0]], [[3.0], [4.0]], [[9.0], [9.0]]]
        >>> psth_r_squared(rates, [0, 0, 1], [[[2.0], [3.0]], [[9.0], [9.0]]])
        1.0
    """
    shape = "(n_conditions, n_bins, n_neurons)"
    truth = numbers_or_nan(psth, "psth", n_axes=(3,), shape=shape).astype(np.float64)
    given = None if kinds is None else _different(kinds, len(truth))
    present, means = _means(rates, "rates", conditions, jitter)
    known = present if given is None else given
    if truth.shape != (len(known), *means.shape[1:]):
        raise ValueError(
            f"psth: expected shape {(len(known), *means.shape[1:])}, conditions by bins by "
            f"neurons, received {truth.shape}."
        )
    known, present = as_one_kind([known, present])
    common, of_truth, of_means = np.intersect1d(known, present, return_indices=True)
    if not common.size:
        raise ValueError("conditions: expected trials of the PSTHs' conditions, received none.")
    truth, means = (
        array.reshape(-1, array.shape[-1]) for array in (truth[of_truth], means[of_means])
    )
    return float(metrics.r_squared(truth, means))


def _different(kinds: Any, n: int) -> np.ndarray:
    """Check the condition of each PSTH."""
    known = as_conditions(kinds, n, "kinds")
    if not has_condition(known).all() or len(np.unique(known)) < n:
        raise ValueError(
            f"kinds: expected {n} different conditions, one a PSTH, received "
            f"{checks.shown(kinds)}."
        )
    return known


def _moved(trial: np.ndarray, by: int) -> np.ndarray:
    """Return a trial ``(n_bins, n)`` shifted by so many bins, padded with NaN."""
    moved = np.full_like(trial, np.nan)
    n = len(trial)
    moved[max(by, 0) : n + min(by, 0)] = trial[max(-by, 0) : n - max(by, 0)]
    return moved
