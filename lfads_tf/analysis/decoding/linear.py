"""Linear decoding of behaviour from rates or factors, scored on trials that were held out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils import checks
from lfads_tf._utils.ridge import ridge_weights
from lfads_tf.analysis import metrics
from lfads_tf.analysis.decoding.folds import labels as fold_labels

__all__ = [
    "PENALTIES",
    "Decoded",
    "LinearDecoder",
    "checked",
    "complete",
    "fit_ridge",
    "predict",
    "ridge",
    "ridge_path",
    "training_samples",
]

#: Penalties tried by default: next to none up to the size of the features' own variance.
PENALTIES = (0.0, 1e-5, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
_SHAPE = "(n_trials, n_bins, n) or (n_samples, n)"


class LinearDecoder(NamedTuple):
    """``targets = features @ weights + intercept``.

    Attributes:
        weights: ``(n_features, n_targets)``, in targets per feature as given.
        intercept: ``(n_targets,)``.
        penalty: that it was fitted with.

    Example:
        >>> import numpy as np
        >>> decoder = LinearDecoder(np.array([[2.0]]), np.array([1.0]), penalty=0.0)
        >>> predict(decoder, [[3.0]]).tolist()
        [[7.0]]
    """

    weights: np.ndarray
    intercept: np.ndarray
    penalty: float


class Decoded(NamedTuple):
    """Held-out predictions of all trials.

    Attributes:
        predictions: of the shape of the targets; each trial is predicted by a decoder that
            was fitted, and whose penalty was chosen, without its fold.
        r_squared: of all predictions together, pooled over the dimensions.
        penalties: chosen in each fold, ``(n_folds,)``.

    Example:
        >>> import numpy as np
        >>> rates = np.random.default_rng(0).normal(size=(40, 30, 5))
        >>> decoded = ridge(rates, rates[..., :2], folds=4)
        >>> decoded.predictions.shape, round(decoded.r_squared, 3), len(decoded.penalties)
        ((40, 30, 2), 1.0, 4)
    """

    predictions: np.ndarray
    r_squared: float
    penalties: np.ndarray


def fit_ridge(
    features: Any,
    targets: Any,
    *,
    penalties: Sequence[float] = PENALTIES,
    n_folds: int = 5,
    seed: int = 0,
) -> LinearDecoder:
    """Fits a ridge regression (Hoerl & Kennard 1970) bin by bin.

    Minimises the mean over samples of ``|target - prediction|^2 + penalty |w|^2``, where
    ``w`` weighs the features in units of their standard deviation and the intercept is
    free. In these units a penalty means the same for any number of samples and any scale of
    the features. Of several penalties that with the highest R^2, pooled over dimensions, in
    a cross-validation over the trials given is taken.

    Args:
        features: ``(n_trials, n_bins, n_features)``, such as rates or factors, or
            ``(n_samples, n_features)``.
        targets: ``(n_trials, n_bins, n_targets)``, such as force or velocity.
        penalties: to choose from; one: no cross-validation.
        n_folds: of the cross-validation that chooses the penalty, at most one a trial.
        seed: of the folds.

    Returns:
        The decoder. Samples with NaN in features or targets are left out; a feature that
        never varies has weight 0.

    Raises:
        ValueError: shapes that do not fit, a negative penalty, too few trials.

    Example:
        >>> import numpy as np
        >>> features = np.random.default_rng(0).normal(size=(20, 50, 3))
        >>> decoder = fit_ridge(features, features @ [[1.0], [2.0], [0.0]] + 5.0)
        >>> decoder.weights.round(6).ravel().tolist(), decoder.intercept.round(6).tolist()
        ([1.0, 2.0, 0.0], [5.0])
    """
    features, targets = checked(features, targets)
    tried = np.asarray(penalties, np.float64).ravel()
    if tried.size == 0 or not np.isfinite(tried).all() or (tried < 0).any():
        raise ValueError(f"penalties: expected numbers of at least 0, received {penalties!r}.")
    chosen = 0
    if tried.size > 1:
        # A fold of less than a trial would put neighbouring bins on both sides.
        fold_of = fold_labels(n_folds, len(targets), seed, "n_folds")
        error = np.zeros(tried.size)
        for fold in np.unique(fold_of):
            held = fold_of == fold
            decoders = ridge_path(features[~held], targets[~held], tried)
            rows, truth = complete(features[held], targets[held])
            error += [np.sum((truth - predict(d, rows)) ** 2) for d in decoders]
        chosen = int(np.argmin(error))
    return ridge_path(features, targets, tried[[chosen]])[0]


def predict(decoder: LinearDecoder, features: Any) -> np.ndarray:
    """Predict the targets from features.

    Args:
        decoder: of :func:`fit_ridge`.
        features: ``(n_trials, n_bins, n_features)`` or ``(n_samples, n_features)``.

    Returns:
        ``(n_trials, n_bins, n_targets)`` or ``(n_samples, n_targets)``; NaN where a feature
        is NaN.

    Raises:
        ValueError: another number of features than the decoder's.

    Example:
        >>> import numpy as np
        >>> decoder = LinearDecoder(np.array([[2.0]]), np.array([1.0]), 0.0)
        >>> predict(decoder, [[0.0], [3.0]]).ravel().tolist()
        [1.0, 7.0]
    """
    features = np.asarray(features, np.float64)
    n_features = len(decoder.weights)
    if features.ndim < 2 or features.shape[-1] != n_features:
        raise ValueError(
            f"features: expected {n_features} features on the last axis, as the decoder's, "
            f"received shape {features.shape}."
        )
    return features @ decoder.weights + decoder.intercept


def ridge(
    features: Any,
    targets: Any,
    folds: Any = 5,
    *,
    penalties: Sequence[float] = PENALTIES,
    seed: int = 0,
) -> Decoded:
    """Decodes every trial by a ridge regression fitted to the trials of the other folds.

    In each fold the penalty is chosen by a cross-validation within the training trials, so
    that the held-out trials have no part in it (:func:`fit_ridge`).

    Args:
        features: ``(n_trials, n_bins, n_features)`` or ``(n_samples, n_features)``. If they
            are what a model inferred, then the model must not have been trained on the
            held-out trials for these to be truly held out.
        targets: ``(n_trials, n_bins, n_targets)`` or ``(n_samples, n_targets)``; NaN where
            nothing was observed.
        folds: a number of folds, drawn at random, or each trial's fold, ``(n_trials,)``.
        penalties: to choose from.
        seed: of all random folds.

    Returns:
        Predictions, their R^2 and the penalties. Predictions are NaN where a feature is;
        these samples are left out of the R^2.

    Raises:
        ValueError: shapes that do not fit, fewer than two folds.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> features = rng.normal(size=(40, 30, 5))
        >>> targets = features[..., :2] + rng.normal(size=(40, 30, 2))
        >>> round(ridge(features, targets, folds=4).r_squared, 1)  # at best 1/2
        0.5
    """
    features, targets = checked(features, targets)
    labels = fold_labels(folds, len(targets), seed)
    predictions = np.full(targets.shape, np.nan)
    chosen = []
    for fold in np.unique(labels):
        held = labels == fold
        decoder = fit_ridge(features[~held], targets[~held], penalties=penalties, seed=seed)
        predictions[held] = predict(decoder, features[held])
        chosen.append(decoder.penalty)
    scored = np.where(np.isnan(predictions), np.nan, targets)
    score = metrics.r_squared(scored, np.nan_to_num(predictions), average="pooled")
    return Decoded(predictions, score, np.array(chosen))


def checked(features: Any, targets: Any) -> tuple[np.ndarray, np.ndarray]:
    """Features and targets of the same samples, float64.

    Raises:
        TypeError: these are no real numbers.
        ValueError: shapes that do not fit, or infinity.

    Example:
        >>> features, targets = checked([[1, 2]], [[3]])
        >>> features.dtype, targets.shape
        (dtype('float64'), (1, 1))
    """
    x = checks.as_numbers(features, "features", n_axes=(2, 3), shape=_SHAPE, dtype=None)
    y = checks.as_numbers(targets, "targets", n_axes=(2, 3), shape=_SHAPE, dtype=None)
    if x.shape[:-1] != y.shape[:-1]:
        raise ValueError(
            f"targets: expected shape ({', '.join(map(str, x.shape[:-1]))}, n_targets), since "
            f"features have shape {x.shape}, received {y.shape}."
        )
    for name, array in (("features", x), ("targets", y)):
        if np.isinf(array).any():
            raise ValueError(f"{name}: expected finite numbers or NaN, received infinity.")
    return x.astype(np.float64, copy=False), y.astype(np.float64, copy=False)


def complete(features: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The samples without NaN, one a row.

    Args:
        features: ``(..., n_features)``.
        targets: ``(..., n_targets)``.

    Example:
        >>> x, y = complete(np.array([[1.0], [np.nan]]), np.array([[2.0], [3.0]]))
        >>> x.tolist(), y.tolist()
        ([[1.0]], [[2.0]])
    """
    x = features.reshape(-1, features.shape[-1])
    y = targets.reshape(-1, targets.shape[-1])
    keep = ~(np.isnan(x).any(axis=1) | np.isnan(y).any(axis=1))
    return (x, y) if keep.all() else (x[keep], y[keep])


def training_samples(
    features: np.ndarray, targets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Take the samples without NaN, which must be two at least.

    Args:
        features: ``(..., n_features)``.
        targets: ``(..., n_targets)``.

    Raises:
        ValueError: fewer.

    Example:
        >>> x, y = training_samples(np.array([[1.0], [2.0]]), np.array([[2.0], [3.0]]))
        >>> x.shape, y.shape
        ((2, 1), (2, 1))
    """
    x, y = complete(features, targets)
    if len(x) < 2:
        raise ValueError(
            "features: expected at least two training samples without NaN in features and "
            f"targets, received {len(x)}."
        )
    return x, y


def ridge_path(
    features: np.ndarray, targets: np.ndarray, penalties: Iterable[float]
) -> list[LinearDecoder]:
    """Fit a decoder for each penalty, with the principal components found once.

    Args:
        features: ``(..., n_features)``.
        targets: ``(..., n_targets)``.
        penalties: as for :func:`fit_ridge`.

    Raises:
        ValueError: fewer than two samples without NaN.

    Example:
        >>> x = np.array([[-1.0], [1.0]])
        >>> [d.weights.item() for d in ridge_path(x, 2 * x, [0.0, 1.0])]
        [2.0, 1.0]
    """
    x, y = training_samples(features, targets)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    varies = x.max(axis=0) > x.min(axis=0)
    per_sd = np.where(varies, 1.0 / np.where(varies, x.std(axis=0), 1.0), 0.0)
    penalties = list(penalties)
    alphas = [penalty * len(x) for penalty in penalties]
    decoders = []
    for penalty, w in zip(
        penalties, ridge_weights((x - x_mean) * per_sd, y - y_mean, alphas), strict=True
    ):
        weights = per_sd[:, None] * w
        decoders.append(LinearDecoder(weights, y_mean - x_mean @ weights, float(penalty)))
    return decoders
