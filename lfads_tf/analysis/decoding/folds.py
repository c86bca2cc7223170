"""Folds of trials, by trial or by condition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fixedpoint_tf._utils import checks
from lfads_tf._utils.conditions import as_conditions, has_condition

__all__ = [
    "check_folds",
    "each_fold",
    "fold_labels",
    "folds_by_condition",
    "folds_by_splitter",
    "folds_by_trial",
]

_COPIES = 5  # arrays of one number a trial that a draw of folds holds at once


def folds_by_trial(
    n_trials: int, n_folds: int = 5, *, conditions: Any = None, seed: int = 0
) -> np.ndarray:
    """Assign trials at random to folds of equal size.

    With conditions, each condition is spread evenly over the folds, up to a trial, so that
    no fold lacks one that the others have. A decoder tested so has seen every condition.
    Trials without one (NaN, None) are spread alike.

    Args:
        n_trials: number of trials to divide.
        n_folds: at least 2.
        conditions: conditions of the trials, ``(n_trials,)``.
        seed: seed of the draw.

    Returns:
        The fold of each trial, ``(n_trials,)``, 0 to ``n_folds - 1``.

    Raises:
        ValueError: fewer trials than folds, or not one condition a trial.

    Example:
        >>> import numpy as np
        >>> conditions = np.repeat(["left", "right"], 10)
        >>> folds = folds_by_trial(20, 5, conditions=conditions)
        >>> [np.unique(conditions[folds == k], return_counts=True)[1].tolist() for k in (0, 4)]
        [[2, 2], [2, 2]]
    """
    n_trials = checks.check_whole(n_trials, "n_trials", least=2)
    checks.check_fits("n_trials", n_trials, n_trials, _COPIES)
    n_folds = checks.check_whole(n_folds, "n_folds", least=2, most=n_trials)
    checks.check_seed(seed)
    groups = np.zeros(n_trials, int)
    if conditions is not None:
        kinds = as_conditions(conditions, n_trials)
        groups = np.unique(kinds, return_inverse=True)[1]
    # Shuffled, then sorted by condition: dealt out like cards, every fold gets its share.
    # scikit-learn's StratifiedKFold draws other folds from the same seed, and would change
    # published numbers; folds_by_splitter takes it.
    shuffled = np.random.default_rng(seed).permutation(n_trials)
    dealt = shuffled[np.argsort(groups[shuffled], kind="stable")]
    folds = np.empty(n_trials, int)
    folds[dealt] = np.arange(n_trials) % n_folds
    return folds


def folds_by_condition(conditions: Any) -> np.ndarray:
    """Assign the trials of each condition to a fold of its own.

    The stricter test of a decoder: a condition may not be recognised and answered with its
    mean, the relation of rates and behaviour must carry over.

    Args:
        conditions: conditions of the trials, ``(n_trials,)``.

    Returns:
        The fold of each trial, ``(n_trials,)``, conditions numbered in their sorted order.

    Raises:
        ValueError: fewer than two conditions, or a trial without one.

    Example:
        >>> folds_by_condition(["left", "up", "left", "right"]).tolist()
        [0, 2, 0, 1]
    """
    labels = as_conditions(conditions, None)
    missing = np.flatnonzero(~has_condition(labels))
    if missing.size:
        raise ValueError(
            "conditions: expected the condition of each trial, by which trials are held out, "
            "received "
            f"none for trials {checks.listed(missing)}. Leave these out."
        )
    kinds, folds = np.unique(labels, return_inverse=True)
    if len(kinds) < 2:
        raise ValueError(f"conditions: expected at least two, received only {kinds[0]}.")
    return folds


def folds_by_splitter(
    splitter: Any, n_trials: int, *, conditions: Any = None, groups: Any = None
) -> np.ndarray:
    """Assign trials to folds by a splitter of scikit-learn, such as ``GroupKFold``.

    Args:
        splitter: that holds out each trial once.
        n_trials: number of trials to divide.
        conditions: conditions of the trials, ``(n_trials,)``, for a splitter that spreads them.
        groups: groups of the trials, ``(n_trials,)``, such as blocks, to be held out together.

    Returns:
        The fold of each trial, ``(n_trials,)``, in the splitter's order.

    Raises:
        TypeError: no splitter.
        ValueError: trials that are held out never or twice, a trial without a group, or what
            the splitter refuses.

    Example:
        >>> from sklearn.model_selection import GroupKFold
        >>> folds_by_splitter(GroupKFold(2), 6, groups=[1, 1, 1, 2, 2, 2]).tolist()
        [1, 1, 1, 0, 0, 0]
    """
    n_trials = checks.check_whole(n_trials, "n_trials", least=2)
    checks.check_fits("n_trials", n_trials, n_trials, _COPIES)
    # Text can be split, too, and a class has no folds yet.
    if isinstance(splitter, str | bytes | type) or not hasattr(splitter, "split"):
        raise TypeError(
            "splitter: expected an object with split, such as GroupKFold(5), received "
            f"{checks.shown(splitter)} of type {type(splitter).__name__}."
        )
    if groups is not None:
        missing = np.flatnonzero(~has_condition(as_conditions(groups, n_trials, "groups")))
        if missing.size:
            raise ValueError(
                "groups: expected the group of each trial, with which it is held out, received "
                f"none for trials {checks.listed(missing)}. Leave these out."
            )
    # Trials without a condition are spread as one more.
    conditions, groups = (
        None
        if labels is None
        else np.unique(as_conditions(labels, n_trials, name), return_inverse=True)[1]
        for labels, name in ((conditions, "conditions"), (groups, "groups"))
    )
    folds, times = np.zeros(n_trials, int), np.zeros(n_trials, int)
    for k, (_, held) in enumerate(splitter.split(np.zeros((n_trials, 1)), conditions, groups)):
        rows = np.asarray(held)
        if rows.dtype.kind not in "iu" or (rows < 0).any() or (rows >= n_trials).any():
            raise ValueError(
                f"splitter: expected numbers of trials from 0 to {n_trials - 1}, received "
                f"{checks.shown(held)}."
            )
        folds[rows] = k
        times[rows] += 1
    if (times != 1).any():
        raise ValueError(
            "splitter: expected each trial to be held out once, received one that holds out "
            f"{(times == 0).sum()} trials never and {(times > 1).sum()} several times."
        )
    return folds


def fold_labels(folds: Any, n_trials: int, seed: int = 0) -> np.ndarray:
    """Return the fold of each trial, from their number or as given."""
    given = check_folds(folds, n_trials)
    if not isinstance(given, int):
        return given
    n_folds = min(given, n_trials)
    if n_folds < 2:
        raise ValueError(
            "folds: expected at least two folds of at least one trial each, received "
            f"{folds!r} for {n_trials} trials."
        )
    return np.random.default_rng(seed).permutation(np.arange(n_trials) % n_folds)


def check_folds(folds: Any, n_trials: int) -> int | np.ndarray:
    """Check a number of folds, or the fold of each trial."""
    try:
        shape = np.shape(folds)
    except ValueError:  # lists of unequal length
        shape = (-1,)
    if shape == ():
        number = folds[()] if isinstance(folds, np.ndarray) else folds
        if not checks.is_whole(number) or number < 2:
            raise checks.ArgumentTypeError(
                "folds: expected at least two folds of at least one trial each, received "
                f"{checks.shown(folds)} for {n_trials} trials."
            )
        return int(number)
    if shape != (n_trials,):
        raise ValueError(
            f"folds: expected a number of folds or the fold of each of {n_trials} trials, "
            f"received {checks.shown(folds)}."
        )
    given = as_conditions(folds, n_trials, "folds")
    if not has_condition(given).all():
        raise ValueError(
            "folds: expected the fold of each trial, received none for trials "
            f"{checks.listed(np.flatnonzero(~has_condition(given)))}."
        )
    if len(np.unique(given)) < 2:
        raise ValueError(f"folds: expected at least two folds, received only {given[0]}.")
    return given


def each_fold(
    folds: Any, n_trials: int, seed: int, n_inner: int
) -> Iterator[tuple[Any, np.ndarray, Any]]:
    """Yield a fold's name, a mask of its trials, and the folds that the others decide by."""
    fold_of = fold_labels(folds, n_trials, seed)
    names = np.unique(fold_of)
    for name in names:
        held = fold_of == name
        # Two folds leave one to train on, which random parts divide.
        yield name, held, fold_of[~held] if len(names) > 2 else n_inner
