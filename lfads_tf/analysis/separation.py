"""Separation of conditions in single trials, bin by bin."""

from __future__ import annotations

import inspect
from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import as_conditions
from lfads_tf.analysis.decoding.folds import labels as fold_labels
from lfads_tf.analysis.decoding.sklearn_checks import copy_of

__all__ = [
    "Separation",
    "classify",
    "condition_separation",
    "discriminants",
    "separation_of_test",
]

#: Shrinkages of the covariance within conditions, tried by default.
_SHRINKAGES = (1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 0.7, 1.0)
_METHODS = ("lda", "nearest_centroid")


class Separation(NamedTuple):
    """Conditions predicted for held-out single trials, bin by bin.

    Attributes:
        kinds: the conditions, sorted, ``(n_conditions,)``.
        conditions: of the trials, ``(n_trials,)``.
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
        """Share of the trials that were told right, ``(n_bins,)``."""
        return (self.predictions == self.conditions[:, None]).mean(axis=0)

    @property
    def standard_error(self) -> np.ndarray:
        """Compute the standard error of the accuracy over independent trials, ``(n_bins,)``."""
        accuracy = self.accuracy
        return np.sqrt(accuracy * (1.0 - accuracy) / len(self.conditions))

    def confusion(self, bins: Any = slice(None)) -> np.ndarray:
        """Shares ``(n_conditions, n_conditions)``: what (column) each condition (row) became.

        Args:
            bins: over which it is averaged: a slice, numbers, or a mask.
        """
        chosen = self.predictions[:, bins].reshape(len(self.conditions), -1)
        return np.array(
            [
                [(chosen[self.conditions == true] == told).mean() for told in self.kinds]
                for true in self.kinds
            ]
        )

    def above_chance(self, level: float = 0.01) -> float:
        """The accuracy that guessing reaches by luck with this probability, at most.

        For a single bin, by the binomial distribution: of many bins, some pass.
        """
        n_trials = len(self.conditions)
        return float(stats.binom.isf(level, n_trials, self.chance) + 1) / n_trials

    def first_bin(self, accuracy: float | None = None, *, start: int = 0) -> int | None:
        """The first bin from which on the accuracy never falls below a level again.

        Args:
            accuracy: the level; none: :meth:`above_chance`.
            start: first bin that is looked at, such as that in which a target appears.

        Returns:
            Its number, or none where the last bin is below the level.
        """
        level = self.above_chance() if accuracy is None else accuracy
        below = np.flatnonzero(self.accuracy < level)
        first = max(int(below[-1]) + 1 if below.size else 0, start)
        return first if first < self.predictions.shape[1] else None


def condition_separation(
    features: Any,
    conditions: Any,
    folds: Any = 5,
    *,
    method: Any = "lda",
    shrinkage: float | None = None,
    seed: int = 0,
) -> Separation:
    """Tells the condition of each trial from its features in each bin alone.

    A classifier is fitted for each bin, to the trials of the other folds. Linear discriminant
    analysis measures the distance to the mean of each condition by the covariance within
    conditions (Fisher 1936), whose estimate is shrunk towards equal variance in all
    directions; how far is chosen inside the training trials, the same for all bins.

    Features inferred from whole trials know the future: rates of a model that reads a trial
    in both directions, or smoothing that looks ahead, tell conditions apart before these
    show in the spikes. Bins before a target appears say how much: there the accuracy of
    causal features is chance. Compare how early only between features that look ahead alike.

    Args:
        features: ``(n_trials, n_bins, n_features)``, finite.
        conditions: ``(n_trials,)``.
        folds: a number of folds, drawn at random, or each trial's fold, ``(n_trials,)``, as
            of :func:`~.folds.by_trial` with these conditions.
        method: ``"lda"``, ``"nearest_centroid"``, which counts all directions alike, or any
            classifier of scikit-learn, a copy of which is fitted to each bin.
        shrinkage: of LDA, 0 to 1; none: chosen. 1 is the nearest centroid.
        seed: of random folds.

    Returns:
        Predictions and their accuracy.

    Raises:
        ValueError: wrong shapes, NaN, an unknown method, a fold whose training trials lack a
            condition.

    Example:
        >>> import numpy as np
        >>> conditions = np.arange(40) % 4
        >>> factors = np.random.default_rng(0).normal(size=(40, 6, 3))
        >>> factors[:, 3:, 0] += 20 * conditions[:, None]  # apart from the fourth bin on
        >>> result = condition_separation(factors, conditions)
        >>> result.accuracy[3:].tolist(), result.first_bin(), result.chance
        ([1.0, 1.0, 1.0], 3, 0.25)
    """
    x, labels, kinds, kind_of = _conditions(features, conditions)
    fold_of = fold_labels(folds, len(x), seed)
    names = np.unique(fold_of)
    told = np.empty(x.shape[:2], int)
    for name in names:
        held = fold_of == name
        absent = np.setdiff1d(kind_of, kind_of[~held])
        if absent.size:
            raise ValueError(
                "folds: expected every condition among the training trials of each fold, "
                f"received a fold ({name}) that holds all trials of {kinds[absent[0]]}."
            )
        inner = fold_of[~held] if len(names) > 2 else 3
        told[held] = _told(x[~held], kind_of[~held], x[held], inner, method, shrinkage, seed)
    return Separation(kinds, labels, kinds[told], _chance(kind_of))


def separation_of_test(
    train: tuple[Any, Any],
    test: tuple[Any, Any],
    *,
    folds: Any = 5,
    method: Any = "lda",
    shrinkage: float | None = None,
    seed: int = 0,
) -> Separation:
    """The same for trials that are held out already, by a model that never saw them.

    Args:
        train: features and conditions of the training trials.
        test: features and conditions of the held-out trials.
        folds: of the choice of the shrinkage, among the training trials.
        method: as for :func:`condition_separation`.
        shrinkage: as for :func:`condition_separation`.
        seed: of random folds.

    Returns:
        Predictions of the held-out trials.

    Raises:
        ValueError: as :func:`condition_separation`; another number of bins or features, or a
            condition that the training trials lack.

    Example:
        >>> import numpy as np
        >>> conditions = np.arange(40) % 4
        >>> factors = np.random.default_rng(0).normal(size=(40, 6, 3))
        >>> factors[:, 3:, 0] += 20 * conditions[:, None]
        >>> train, test = slice(0, 30), slice(30, None)
        >>> result = separation_of_test(
        ...     (factors[train], conditions[train]), (factors[test], conditions[test])
        ... )
        >>> result.accuracy[3:].tolist()
        [1.0, 1.0, 1.0]
    """
    x, _, kinds, kind_of = _conditions(*train)
    x_test, labels, present, _ = _conditions(*test, least=1)
    if x_test.shape[1:] != x.shape[1:]:
        raise ValueError(
            f"test: expected {x.shape[1]} bins of {x.shape[2]} features, as the training "
            f"trials have, received {x_test.shape[1]} of {x_test.shape[2]}."
        )
    absent = np.setdiff1d(present, kinds)
    if absent.size:
        raise ValueError(
            "test: expected conditions of the training trials "
            f"({checks.listed(kinds)}), received {absent[0]}."
        )
    told = _told(x, kind_of, x_test, folds, method, shrinkage, seed)
    numbers = np.searchsorted(kinds, labels)
    return Separation(kinds, labels, kinds[told], _chance(numbers))


def _conditions(features: Any, conditions: Any, least: int = 2) -> tuple[Any, ...]:
    """Features, conditions, their kinds, and the number of each trial's kind; checked."""
    shape = "(n_trials, n_bins, n_features)"
    x = checks.as_numbers(features, "features", n_axes=(3,), shape=shape, dtype=None)
    x = x.astype(np.float64, copy=False)
    if not np.isfinite(x).all():
        raise ValueError("features: expected finite numbers, received NaN or infinity.")
    labels = as_conditions(conditions, len(x))
    kinds, kind_of = np.unique(labels, return_inverse=True)
    if len(kinds) < least:
        raise ValueError(f"conditions: expected at least two, received only {kinds[0]}.")
    return x, labels, kinds, kind_of


def _chance(kind_of: np.ndarray) -> float:
    return float(np.bincount(kind_of).max() / len(kind_of))


def _told(
    x: np.ndarray,
    kind_of: np.ndarray,
    x_test: np.ndarray,
    folds: Any,
    method: Any,
    shrinkage: float | None,
    seed: int,
) -> np.ndarray:
    """Numbers of the conditions that test trials are taken for, ``(n_trials, n_bins)``."""
    if hasattr(method, "fit") and hasattr(method, "predict") and not inspect.isclass(method):
        bins = range(x.shape[1])
        ones = [copy_of(method, {}, seed).fit(x[:, t], kind_of) for t in bins]
        told = [ones[t].predict(x_test[:, t]) for t in bins]
        return np.stack(told, axis=1).reshape(x_test.shape[:2]).astype(int)
    if method not in _METHODS:
        raise ValueError(
            f"method: expected one of {', '.join(_METHODS)} or a classifier with fit and "
            f"predict, received {method!r}."
        )
    if shrinkage is not None and not 0.0 <= shrinkage <= 1.0:
        raise ValueError(f"shrinkage: expected 0 to 1, or none, received {shrinkage!r}.")
    if method == "nearest_centroid":
        shrinkage = 1.0
    elif shrinkage is None:
        shrinkage = _best_shrinkage(x, kind_of, fold_labels(folds, len(x), seed))
    return classify(*discriminants(x, kind_of, shrinkage), x_test)


def discriminants(
    features: np.ndarray, kind_of: np.ndarray, shrinkage: float
) -> tuple[np.ndarray, np.ndarray]:
    """Linear discriminants of each bin, with the same prior for all conditions.

    The score of condition ``c`` is ``m_c' S^-1 x - m_c' S^-1 m_c / 2`` with its mean ``m_c``
    and ``S = (1 - shrinkage) C + shrinkage I trace(C) / n_features``, where ``C`` is the
    covariance within conditions, pooled. scikit-learn's ``LinearDiscriminantAnalysis`` gives
    the same for conditions of as many trials each. It is fitted to one bin at a time, which
    takes twenty to fifty times as long as all bins at once here, and each shrinkage of each
    fold needs all bins.

    Args:
        features: ``(n_trials, n_bins, n_features)``.
        kind_of: number of each trial's condition, ``(n_trials,)``; without a gap from 0 on.
        shrinkage: 0 to 1.

    Returns:
        Weights ``(n_bins, n_features, n_conditions)`` and biases ``(n_bins, n_conditions)``.

    Example:
        >>> import numpy as np
        >>> x = np.array([[[-1.0, 0.0]], [[3.0, 0.0]], [[1.0, 2.0]], [[1.0, -2.0]]])
        >>> weights, biases = discriminants(x + [[[0, 0]]], np.array([0, 1, 0, 1]), 1.0)
        >>> weights.shape, biases.shape
        ((1, 2, 2), (1, 2))
    """
    n_kinds = int(kind_of.max()) + 1
    means_ctf = np.stack([features[kind_of == kind].mean(axis=0) for kind in range(n_kinds)])
    within = features - means_ctf[kind_of]
    n_features = features.shape[-1]
    covariance = np.einsum("btf,btg->tfg", within, within, optimize=True) / len(features)
    spread = np.trace(covariance, axis1=1, axis2=2) / n_features
    # Features that never vary within conditions: then only the distance counts.
    flat = spread <= 0.0
    covariance[flat] = np.eye(n_features)
    size = np.where(flat, 1.0, spread)[:, None, None] * np.eye(n_features)
    # The 1e-9 lets a covariance without full rank pass: its empty directions then decide.
    shrunk = (1.0 - shrinkage) * covariance + (shrinkage + 1e-9) * size
    means_tfc = means_ctf.transpose(1, 2, 0)
    weights = np.linalg.solve(shrunk, means_tfc)
    return weights, -0.5 * np.einsum("tfc,tfc->tc", means_tfc, weights)


def classify(weights: np.ndarray, biases: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The condition of greatest score in each trial and bin, ``(n_trials, n_bins)``.

    Args:
        weights: of :func:`discriminants`.
        biases: of :func:`discriminants`.
        features: ``(n_trials, n_bins, n_features)``.

    Example:
        >>> import numpy as np
        >>> classify(np.array([[[-1.0, 1.0]]]), np.zeros((1, 2)), np.array([[[0.3]]])).tolist()
        [[1]]
    """
    scores = np.einsum("btf,tfc->btc", features, weights, optimize=True) + biases
    return scores.argmax(axis=-1)


def _best_shrinkage(x: np.ndarray, kind_of: np.ndarray, fold_of: np.ndarray) -> float:
    right = np.zeros(len(_SHRINKAGES))
    n_kinds = int(kind_of.max()) + 1
    for fold in np.unique(fold_of):
        held = fold_of == fold
        if len(np.unique(kind_of[~held])) < n_kinds:
            continue  # a rare condition: this fold cannot judge
        for i, shrinkage in enumerate(_SHRINKAGES):
            told = classify(*discriminants(x[~held], kind_of[~held], shrinkage), x[held])
            right[i] += (told == kind_of[held, None]).sum()
    return _SHRINKAGES[int(np.argmax(right))]
