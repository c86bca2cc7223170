"""Conditions that single trials were taken for, bin by bin."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import check_share

__all__ = ["Separation"]


class Separation(NamedTuple):
    """Conditions predicted for held-out single trials, bin by bin.

    Attributes:
        kinds: the conditions, sorted, ``(n_conditions,)``.
        conditions: conditions of the trials, ``(n_trials,)``.
        predictions: ``(n_trials, n_bins)``, each trial's by a classifier of the other folds.
        chance: share of the most frequent condition.

    Example:
        >>> import numpy as np
        >>> labels = np.array([0, 0, 1, 1])
        >>> told = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        >>> Separation(np.array([0, 1]), labels, told, chance=0.5).accuracy.tolist()
        [0.5, 1.0]
    """

    kinds: np.ndarray
    conditions: np.ndarray
    predictions: np.ndarray
    chance: float

    @property
    def accuracy(self) -> np.ndarray:
        """Share of the trials that were classified correctly, ``(n_bins,)``."""
        return (self.predictions == self.conditions[:, None]).mean(axis=0)

    @property
    def standard_error(self) -> np.ndarray:
        """Compute the standard error of the accuracy over independent trials, ``(n_bins,)``."""
        accuracy = self.accuracy
        return np.sqrt(accuracy * (1.0 - accuracy) / len(self.conditions))

    def confusion(self, bins: Any = slice(None)) -> np.ndarray:
        """Return the shares of the trials of each condition (row) decoded as each (column).

        They have the shape ``(n_conditions, n_conditions)``.

        Args:
            bins: over which it is averaged: a slice, numbers, or a mask.

        Raises:
            ValueError: no bins, or bins out of range.
        """
        every = np.arange(self.predictions.shape[1])
        if not isinstance(bins, slice):
            bins = checks.as_numbers(bins, "bins", n_axes=(0, 1), shape="(n,)", dtype=None)
        try:
            rows = np.atleast_1d(every[bins])
        except (IndexError, TypeError) as error:
            raise ValueError(
                f"bins: expected numbers of bins or a mask, received {checks.shown(bins)}."
            ) from error
        if not rows.size:
            raise ValueError("bins: expected at least one bin, received none.")
        chosen = self.predictions[:, rows].reshape(len(self.conditions), -1)
        return np.array(
            [
                [(chosen[self.conditions == true] == told).mean() for told in self.kinds]
                for true in self.kinds
            ]
        )

    def above_chance(self, level: float = 0.01) -> float:
        """Return the accuracy that guesses reach with a probability of at most ``level``.

        It holds for a single bin, by the binomial distribution; among many bins, some reach it
        by chance.

        Args:
            level: above 0 and below 1.

        Raises:
            ValueError: a level out of range.
        """
        check_share(level, "level")
        n_trials = len(self.conditions)
        return float(stats.binom.isf(level, n_trials, self.chance) + 1) / n_trials

    def first_bin(self, accuracy: float | None = None, *, start: int = 0) -> int | None:
        """Return the first bin from which on the accuracy stays at or above a level.

        Args:
            accuracy: the level; None: :meth:`above_chance`.
            start: first bin considered, such as that in which a target appears.

        Returns:
            Its number, or None if the last bin is below the level.

        Raises:
            ValueError: a level or a bin out of range.
        """
        if accuracy is not None:
            check_share(accuracy, "accuracy", closed=True)
        checks.check_whole(start, "start", least=0)
        level = self.above_chance() if accuracy is None else accuracy
        below = np.flatnonzero(self.accuracy < level)
        first = max(int(below[-1]) + 1 if below.size else 0, start)
        return first if first < self.predictions.shape[1] else None
