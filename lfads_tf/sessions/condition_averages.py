"""Averages of sessions by condition, and their shared principal components.

Sessions of different neurons have their conditions in common. Their condition averages stand
side by side as if all neurons had been recorded together, and their principal components are
shared (principal components regression: Pandarinath et al. 2018, online methods,
"Modifications to the LFADS algorithm for stitching together data from multiple recording
sessions"). All functions are of arrays, in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils.principal_components import fit_components
from lfads_tf._utils.conditions import as_one_kind

__all__ = ["condition_averages", "shared_components"]


def condition_averages(
    array_btn: np.ndarray, conditions: np.ndarray, labels: Any
) -> tuple[np.ndarray, np.ndarray]:
    """Average the trials of each condition, NaN where nothing was observed.

    Args:
        array_btn: ``(n_trials, n_bins, n)``, NaN where not observed.
        conditions: ``(n_trials,)``.
        labels: labels of the conditions, ``(n_conditions,)``.

    Returns:
        The averages and the numbers of trials in them, each ``(n_conditions, n_bins, n)``.

    Example:
        >>> trials = np.arange(4.0)[:, None, None] * np.ones((1, 2, 3))
        >>> averages, numbers = condition_averages(trials, np.array([0, 1, 0, 1]), [0, 1])
        >>> averages[:, 0, 0].tolist(), numbers[:, 0, 0].tolist()
        ([1.0, 2.0], [2.0, 2.0])
    """
    averages, numbers = [], []
    conditions, labels = as_one_kind([np.asarray(conditions), np.asarray(labels)])
    for label in labels:
        trials = np.asarray(array_btn[conditions == label], np.float64)
        observed = np.isfinite(trials)
        number = observed.sum(axis=0).astype(np.float64)
        total = np.where(observed, trials, 0.0).sum(axis=0)
        nothing = np.full(total.shape, np.nan)
        averages.append(np.divide(total, number, out=nothing, where=number > 0))
        numbers.append(number)
    return np.stack(averages), np.stack(numbers)


def shared_components(averages: Sequence[np.ndarray], n_components: int) -> np.ndarray:
    """Find principal components of the condition averages of all sessions.

    Bins that a session never observed in a condition are left out, for all sessions.

    Args:
        averages: of each session, ``(n_conditions, n_bins, n_neurons)``.
        n_components: number of components; if the averages have fewer, the others are zero.

    Returns:
        Their scores, ``(n_conditions, n_bins, n_components)``, of mean 0, uncorrelated, the
        largest variance first; NaN where left out.

    Raises:
        ValueError: nothing was observed in all sessions.

    Example:
        >>> latent = np.array([[[-1.0], [1.0]], [[2.0], [-2.0]]])  # 2 conditions, 2 bins
        >>> sessions = [latent * [1.0, 0.0], latent * [2.0, 2.0]]  # of 2 neurons each
        >>> scores = shared_components(sessions, 1)
        >>> (scores / latent).ravel().round(6).tolist()  # the latent, at one scale
        [3.0, 3.0, 3.0, 3.0]
    """
    shape = averages[0].shape[:2]
    flat = np.concatenate([a.reshape(-1, a.shape[2]) for a in averages], axis=1)
    # Of a neuron that was never observed nothing is known in any bin.
    flat = flat[:, np.isfinite(flat).any(axis=0)]
    complete = np.isfinite(flat).all(axis=1)
    if not complete.any():
        raise ValueError(
            "sessions: expected bins that are observed in every session, received none."
        )
    fitted = fit_components(flat[complete])
    varies = fitted.squares > 1e-20 * fitted.squares[0]
    axes = fitted.axes[varies][:n_components]
    scores = np.full((len(flat), n_components), np.nan)
    scores[complete] = 0.0
    scores[complete, : len(axes)] = (flat[complete] - fitted.mean) @ axes.T
    return scores.reshape(*shape, n_components)
