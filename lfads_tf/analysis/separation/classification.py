"""Classification of single trials by condition, bin by bin."""

from __future__ import annotations

from typing import Any

import numpy as np

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import check_pair, check_share, numbers_or_nan
from lfads_tf._utils.conditions import as_conditions, as_one_kind, has_condition
from lfads_tf.analysis.decoding.folds import check_folds, each_fold, fold_labels
from lfads_tf.analysis.decoding.sklearn_checks import (
    copy_of,
    global_numbers_kept,
    is_estimator,
)
from lfads_tf.analysis.separation.discriminants import discriminants, greatest_score
from lfads_tf.analysis.separation.result import Separation

__all__ = ["separate_conditions"]

#: Shrinkages of the covariance within conditions, tried by default.
_SHRINKAGES = (1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 0.7, 1.0)
_METHODS = ("lda", "nearest_centroid")


def separate_conditions(
    features: Any,
    conditions: Any,
    folds: Any = 5,
    *,
    test: tuple[Any, Any] | None = None,
    method: Any = "lda",
    shrinkage: float | None = None,
    seed: int = 0,
) -> Separation:
    """Classify the condition of each trial from its features in each bin alone.

    A classifier is fitted for each bin, to the trials of the other folds. Linear discriminant
    analysis measures the distance to the mean of each condition by the covariance within
    conditions (Fisher 1936), whose estimate is shrunk towards equal variance in all directions.
    The amount of shrinkage is chosen within the training trials, the same for all bins.

    Features inferred from whole trials depend on later spikes: rates of a model that reads a
    trial in both directions, or smoothing that looks ahead, can separate conditions before
    the spikes differ. The accuracy in bins before a target appears shows how much: for
    causal features it is at chance there. Compare the times of separation only between
    features that look ahead equally far.

    Args:
        features: ``(n_trials, n_bins, n_features)``, finite.
        conditions: ``(n_trials,)``; trials without one (NaN, None) are left out.
        folds: a number of folds, drawn at random, or each trial's fold, ``(n_trials,)``, such
            as those of :func:`folds_by_trial` with these conditions.
        test: features and conditions of trials that were also held out when the model that
            inferred the features was trained. Then ``features`` are those of the training
            trials, and ``folds`` serve only to choose the shrinkage.
        method: ``"lda"``, ``"nearest_centroid"``, which counts all directions alike, or any
            classifier of scikit-learn, a copy of which is fitted to each bin.
        shrinkage: shrinkage of LDA, 0 to 1; None: chosen by cross-validation. 1 is the nearest
            centroid.
        seed: seed of random folds.

    Returns:
        Predictions and their accuracy, for the trials of ``test`` if these are given.

    Raises:
        ValueError: wrong shapes, NaN, an unknown method, a fold whose training trials lack a
            condition, or ``test`` trials of other conditions, bins or features.

    Example:
        >>> import numpy as np
        >>> conditions = np.arange(40) % 4
        >>> factors = np.random.default_rng(0).normal(size=(40, 6, 3))
        >>> factors[:, 3:, 0] += 20 * conditions[:, None]  # apart from the fourth bin on
        >>> result = separate_conditions(factors, conditions)
        >>> result.accuracy[3:].tolist(), result.first_bin(), result.chance
        ([1.0, 1.0, 1.0], 3, 0.25)
    """
    checks.check_seed(seed)
    _check_method(method)
    if shrinkage is not None:
        check_share(shrinkage, "shrinkage", closed=True)
    if test is not None:
        both = check_pair(test, "test", "features and conditions")
        of_test = as_conditions(both[1], None, "test (conditions)")
        conditions, of_test = as_one_kind([as_conditions(conditions, None), of_test])
        test = both[0], of_test
    x, labels, kinds, kind_of, known = _conditions(features, conditions)
    given = check_folds(folds, len(known))
    folds = given if isinstance(given, int) else given[known]
    if test is not None:
        x_test, labels_test = _test_trials(test, x, kinds)
        told = _told(x, kind_of, x_test, folds, method, shrinkage, seed)
        chance = _chance(np.searchsorted(kinds, labels_test))
        return Separation(kinds, labels_test, kinds[told], chance)
    told = np.empty(x.shape[:2], int)
    for name, held, inner in each_fold(folds, len(x), seed, 3):
        absent = np.setdiff1d(kind_of, kind_of[~held])
        if absent.size:
            raise ValueError(
                "folds: expected every condition among the training trials of each fold, "
                f"received a fold ({name}) that holds all trials of {kinds[absent[0]]}."
            )
        told[held] = _told(x[~held], kind_of[~held], x[held], inner, method, shrinkage, seed)
    return Separation(kinds, labels, kinds[told], _chance(kind_of))


def _test_trials(
    test: tuple[Any, Any], x: np.ndarray, kinds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return features and conditions of given held-out trials, checked."""
    names = "test (features)", "test (conditions)"
    x_test, labels, present, *_ = _conditions(*test, names, least=1)
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
    return x_test, labels


def _conditions(
    features: Any,
    conditions: Any,
    names: tuple[str, str] = ("features", "conditions"),
    least: int = 2,
) -> tuple[Any, ...]:
    """Return features, labels, kinds and each trial's kind, and a mask of labelled trials."""
    shape = "(n_trials, n_bins, n_features)"
    of_x, of_labels = names
    x = checks.as_numbers(features, of_x, n_axes=(3,), shape=shape, dtype=None)
    labels = as_conditions(conditions, len(x), of_labels)
    known = has_condition(labels)
    x, labels = x[known].astype(np.float64, copy=False), labels[known]
    if not np.isfinite(x).all():
        raise ValueError(f"{of_x}: expected finite numbers, received NaN or infinity.")
    numbers_or_nan(x, of_x)
    kinds, kind_of = np.unique(labels, return_inverse=True)
    if len(kinds) < least:
        received = f"only {kinds[0]}" if len(kinds) else "none"
        wanted = ("one", "two")[least - 1]
        raise ValueError(f"{of_labels}: expected at least {wanted}, received {received}.")
    return x, labels, kinds, kind_of, known


def _check_method(method: Any) -> None:
    """Refuse anything but the name of a method, or a classifier."""
    from sklearn.base import is_regressor

    is_known = method in _METHODS if isinstance(method, str) else is_estimator(method)
    if not is_known:
        raise ValueError(
            f"method: expected one of {', '.join(_METHODS)} or a classifier with fit and "
            f"predict, received {checks.shown(method)}."
        )
    if not isinstance(method, str) and is_regressor(method):
        raise ValueError(
            f"method: expected a classifier, received the regressor {checks.shown(method)}."
        )


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
    """Return the decoded condition of each test trial and bin, ``(n_trials, n_bins)``."""
    if not isinstance(method, str):
        bins = range(x.shape[1])
        with global_numbers_kept():  # libsvm draws from them
            ones = [copy_of(method, {}, seed).fit(x[:, t], kind_of) for t in bins]
        told = [ones[t].predict(x_test[:, t]) for t in bins]
        return np.stack(told, axis=1).reshape(x_test.shape[:2]).astype(int)
    if method == "nearest_centroid":
        shrinkage = 1.0
    elif shrinkage is None:
        shrinkage = _best_shrinkage(x, kind_of, fold_labels(folds, len(x), seed))
    return greatest_score(*discriminants(x, kind_of, shrinkage), x_test)


def _best_shrinkage(x: np.ndarray, kind_of: np.ndarray, fold_of: np.ndarray) -> float:
    right = np.zeros(len(_SHRINKAGES))
    n_kinds = int(kind_of.max()) + 1
    for fold in np.unique(fold_of):
        held = fold_of == fold
        if len(np.unique(kind_of[~held])) < n_kinds:
            continue  # a rare condition: this fold cannot judge
        for i, shrinkage in enumerate(_SHRINKAGES):
            told = greatest_score(*discriminants(x[~held], kind_of[~held], shrinkage), x[held])
            right[i] += (told == kind_of[held, None]).sum()
    return _SHRINKAGES[int(np.argmax(right))]
