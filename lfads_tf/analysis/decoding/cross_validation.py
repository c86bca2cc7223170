"""Decoding scored on held-out data: other trials, conditions or sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import check_pair, numbers_or_nan
from lfads_tf.analysis import metrics
from lfads_tf.analysis.decoding.decoders import Ridge
from lfads_tf.analysis.decoding.fitting import FittedDecoder, fit_decoder
from lfads_tf.analysis.decoding.folds import each_fold
from lfads_tf.analysis.decoding.regressor import as_method
from lfads_tf.analysis.decoding.samples import check_samples, check_varying

__all__ = [
    "BetweenSessions",
    "CrossValidated",
    "cross_validate",
    "decode_between_sessions",
    "decoding_r_squared",
]

_SHAPE = "(n_trials, n_bins, n_targets) or (n_samples, n_targets)"


class CrossValidated(NamedTuple):
    """Held-out predictions of all trials.

    Attributes:
        predictions: of the shape of the targets, each trial's by the decoder of its fold.
        r_squared: R^2 of all predictions together, pooled over the dimensions of
            behaviour.
        folds: their names, ``(n_folds,)``.
        fold_r_squared: of each fold's predictions alone, ``(n_folds,)``.
        decoders: of each fold, fitted and chosen without its trials.

    Example:
        >>> import numpy as np
        >>> rates = np.random.default_rng(0).normal(size=(40, 30, 5))
        >>> result = cross_validate(rates, rates[..., :2])
        >>> result.predictions.shape, round(result.r_squared, 3), len(result.fold_r_squared)
        ((40, 30, 2), 1.0, 5)
    """

    predictions: np.ndarray
    r_squared: float
    folds: np.ndarray
    fold_r_squared: np.ndarray
    decoders: tuple[FittedDecoder, ...]

    def __repr__(self) -> str:
        folds = zip(np.asarray(self.folds).tolist(), self.fold_r_squared, strict=True)
        told = ", ".join(f"{name}: {score:.3f}" for name, score in folds)
        return f"CrossValidated(R^2 {self.r_squared:.3f}; of each fold {told})"


class BetweenSessions(NamedTuple):
    """Decoding of each session by the decoder of another.

    Attributes:
        names: names of the sessions, in the order of the matrix.
        r_squared: ``(n_sessions, n_sessions)``: fitted to the row's session, tested on the
            column's; on the diagonal, cross-validated within the session.

    Example:
        >>> import numpy as np
        >>> rates = np.random.default_rng(0).normal(size=(20, 30, 5))
        >>> day = rates, rates[..., :2]
        >>> found = decode_between_sessions({"a": day, "b": day})
        >>> found.names, found.r_squared.shape
        (('a', 'b'), (2, 2))
    """

    names: tuple[str, ...]
    r_squared: np.ndarray


def decoding_r_squared(targets: Any, predictions: Any) -> float:
    """Score predictions by R^2 pooled over dimensions, of the samples that were predicted.

    Args:
        targets: ``(n_trials, n_bins, n_targets)``; NaN where nothing was observed.
        predictions: of the same shape; NaN where there is none.

    Returns:
        R^2; NaN where no target that was predicted varies.

    Raises:
        TypeError: not an array of real numbers.
        ValueError: shapes that do not agree, or infinity.

    Example:
        >>> decoding_r_squared([[1.0], [3.0], [5.0]], [[1.0], [3.0], [float("nan")]])
        1.0
    """
    targets = numbers_or_nan(targets, "targets", n_axes=(2, 3), shape=_SHAPE)
    predictions = numbers_or_nan(predictions, "predictions", n_axes=(2, 3), shape=_SHAPE)
    if predictions.shape != targets.shape:
        raise ValueError(
            f"predictions: expected shape {targets.shape}, as targets', received "
            f"{predictions.shape}."
        )
    scored = np.where(np.isnan(predictions), np.nan, targets)
    return metrics.r_squared(scored, np.nan_to_num(predictions), average="pooled")


def cross_validate(
    features: Any,
    targets: Any,
    decoder: Any = None,
    folds: Any = 5,
    *,
    inner_folds: int | None = None,
    seed: int = 0,
) -> CrossValidated:
    """Decode the trials of each fold with a decoder trained on the other folds.

    Lag and penalty are chosen among the training trials by holding out each of their folds
    in turn; with one fold per condition (:func:`folds_by_condition`) they are chosen by how
    well they generalise to another condition. With two folds only one is left to train on: five
    random parts of it are then held out in turn.

    If the features are what a model inferred, held-out trials are truly held out only if the
    model was not trained on them either.

    Args:
        features: ``(n_trials, n_bins, n_features)``, such as rates or factors; also
            ``(n_samples, n_features)``.
        targets: ``(n_trials, n_bins, n_targets)``, or ``(n_samples, n_targets)``; NaN where
            nothing was observed.
        decoder: as for :func:`fit_decoder`, such as any regressor of scikit-learn; none:
            :class:`Ridge`.
        folds: a number of folds, drawn at random, or each trial's fold, ``(n_trials,)``, as
            of :func:`folds_by_trial` or :func:`folds_by_condition`.
        inner_folds: number of random parts of the training trials by which lag and penalty are
            chosen; None: by their folds.
        seed: seed of random folds.

    Returns:
        Predictions, R^2 and the decoders. Predictions are NaN where a feature is; these
        samples are left out of the R^2.

    Raises:
        TypeError: ``decoder`` is not a decoder.
        ValueError: shapes that do not fit, fewer than two folds.

    Example:
        >>> import numpy as np
        >>> from lfads_tf.analysis import OptimalLinear, folds_by_condition
        >>> rng = np.random.default_rng(0)
        >>> conditions = np.arange(40) % 4
        >>> rates = rng.normal(size=(40, 30, 5))
        >>> behavior = rates[..., :2] + rng.normal(size=(40, 30, 2))
        >>> result = cross_validate(
        ...     rates, behavior, OptimalLinear(), folds_by_condition(conditions)
        ... )
        >>> round(result.r_squared, 1), len(result.decoders)  # at best 1/2
        (0.5, 4)
    """
    if inner_folds is not None:
        checks.check_whole(inner_folds, "inner_folds", least=2)
    checks.check_seed(seed)
    decoder = Ridge() if decoder is None else as_method(decoder)
    features, targets = check_samples(features, targets)
    check_varying(targets)
    predictions = np.full(targets.shape, np.nan)
    names, scores, fitted = [], [], []
    for name, held, others in each_fold(folds, len(targets), seed, 5):
        inner = others if inner_folds is None else inner_folds
        one = fit_decoder(decoder, features[~held], targets[~held], folds=inner, seed=seed)
        names.append(name)
        predictions[held] = one.predict(features[held])
        scores.append(decoding_r_squared(targets[held], predictions[held]))
        fitted.append(one)
    return CrossValidated(
        predictions,
        decoding_r_squared(targets, predictions),
        np.array(names),
        np.array(scores),
        tuple(fitted),
    )


def decode_between_sessions(
    sessions: Mapping[str, tuple[Any, Any]],
    decoder: Any = None,
    *,
    folds: Any = 5,
    seed: int = 0,
) -> BetweenSessions:
    """Decode each session by the decoder of each other one.

    Only features that mean the same in every session can carry over: factors of a model
    stitched over the sessions, or rates of the same electrodes as far as these stayed put.
    Nothing is aligned or scaled here.

    Args:
        sessions: features and targets of each session by name, with the same numbers of
            features and of targets.
        decoder: as for :func:`cross_validate`.
        folds: within a session: their number.
        seed: seed of random folds.

    Returns:
        Names and the matrix of R^2.

    Raises:
        ValueError: fewer than two sessions, or one whose arrays do not fit the first's; the
            message names it.

    Example:
        >>> import numpy as np
        >>> days = np.random.default_rng(0).normal(size=(2, 20, 30, 5))
        >>> result = decode_between_sessions(
        ...     {"monday": (days[0], days[0][..., :2]), "friday": (days[1], -days[1][..., :2])}
        ... )
        >>> result.r_squared.round(6).tolist()
        [[1.0, -3.0], [-3.0, 1.0]]
    """
    checks.check_mapping(sessions, "sessions")
    checks.check_whole(folds, "folds", least=2)
    checks.check_seed(seed)
    decoder = Ridge() if decoder is None else as_method(decoder)
    names = tuple(sessions)
    if len(names) < 2:
        raise ValueError(f"sessions: expected at least two, received {len(names)}.")
    arrays: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name in names:
        both = check_pair(sessions[name], "sessions", "features and targets")
        arrays[name] = check_samples(
            *both, (f"sessions (features of {name!r})", f"sessions (targets of {name!r})")
        )
        check_varying(arrays[name][1], f"sessions (targets of {name!r})")
        wanted, found = (
            tuple(array.shape[-1] for array in arrays[key]) for key in (names[0], name)
        )
        if found != wanted:
            raise ValueError(
                f"sessions: expected {wanted[0]} features and {wanted[1]} targets, as in "
                f"{names[0]!r}, received {found[0]} and {found[1]} in {name!r}."
            )
    matrix = np.empty((len(names), len(names)))
    for i, source in enumerate(names):
        own = fit_decoder(decoder, *arrays[source], folds=folds, seed=seed)
        for j, name in enumerate(names):
            features, targets = arrays[name]
            if i == j:
                result = cross_validate(features, targets, decoder, folds, seed=seed)
                matrix[i, j] = result.r_squared
            else:
                matrix[i, j] = decoding_r_squared(targets, own.predict(features))
    return BetweenSessions(names, matrix)
