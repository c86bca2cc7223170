"""Decoders by name, with lag and regularisation chosen inside the training trials."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils import checks
from lfads_tf.analysis.decoding import PENALTIES, LinearDecoder, checked, predict, ridge_path
from lfads_tf.analysis.folds import labels as fold_labels
from lfads_tf.analysis.kalman import KalmanFilter, filtered, kalman_filters
from lfads_tf.analysis.optimal_linear import optimal_linear_estimators

__all__ = [
    "SHRINKAGES",
    "Decoder",
    "FittedDecoder",
    "Kalman",
    "OptimalLinear",
    "Ridge",
    "Wiener",
    "delayed",
    "fit",
]

#: Shares of the noise covariances that are dropped, tried by default.
SHRINKAGES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)


@dataclasses.dataclass(frozen=True)
class Decoder:
    """What is fitted, and between what is chosen; one of the classes below.

    Attributes:
        lags: in bins, by which behaviour follows the rates, to choose from. With lag 2 the
            rates of bin ``t`` tell the behaviour of bin ``t + 2``; a negative lag uses later
            rates.

    Example:
        >>> Ridge(lags=range(3)).lags
        (0, 1, 2)
    """

    lags: Sequence[int] = (0,)

    def __post_init__(self) -> None:
        lags = [
            checks.check_whole(lag, "lags", least=-(10**6)) for lag in np.atleast_1d(self.lags)
        ]
        object.__setattr__(self, "lags", tuple(lags))

    def taps(self, lag: int) -> tuple[int, ...]:
        """The lags whose rates are used together."""
        return (lag,)

    def solve(self, features: np.ndarray, targets: np.ndarray) -> list[Any]:
        """A model for each strength of the regularisation."""
        raise NotImplementedError


@dataclasses.dataclass(frozen=True)
class Ridge(Decoder):
    """Ridge regression on the rates of one bin (:func:`~.decoding.fit_ridge`).

    Attributes:
        lags: to choose from.
        penalties: to choose from, as for :func:`~.decoding.fit_ridge`.

    Example:
        >>> import numpy as np
        >>> rates = np.random.default_rng(0).normal(size=(20, 30, 4))
        >>> fit(Ridge(penalties=[0.0, 1.0]), rates, 2 * rates[..., :1]).penalty
        0.0
    """

    penalties: Sequence[float] = PENALTIES

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("penalties", self.penalties, np.inf)

    def solve(self, features: np.ndarray, targets: np.ndarray) -> list[LinearDecoder]:
        """A linear decoder for each penalty."""
        return ridge_path(features, targets, self.penalties)


@dataclasses.dataclass(frozen=True)
class Wiener(Ridge):
    """The Wiener filter: ridge regression on the rates of several bins together.

    Bins ``t - lag``, ``t - lag - 1``, ..., ``t - lag - n_lags`` tell the behaviour of bin
    ``t`` (Warland, Reinagel & Meister 1997, Journal of Neurophysiology 78:2336). On spikes
    it learns its own smoothing. With ``n_lags=0`` it is :class:`Ridge`.

    Attributes:
        lags: of the latest bin, to choose from.
        penalties: to choose from.
        n_lags: number of earlier bins beside the latest.

    Example:
        >>> Wiener(n_lags=3).taps(0)  # this bin and the three before it
        (0, 1, 2, 3)
    """

    n_lags: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check_whole(self.n_lags, "n_lags", least=0)

    def taps(self, lag: int) -> tuple[int, ...]:
        """The latest bin and those before it."""
        return tuple(range(lag, lag + self.n_lags + 1))


@dataclasses.dataclass(frozen=True)
class OptimalLinear(Decoder):
    """The optimal linear estimator (:func:`~.optimal_linear.optimal_linear_estimators`).

    Attributes:
        lags: to choose from.
        shrinkages: to choose from; ``(1.0,)`` is that of Salinas & Abbott (1994).

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> force = rng.normal(size=(20, 30, 2))
        >>> rates = force @ rng.normal(size=(2, 10))
        >>> fitted = fit(OptimalLinear(), rates, force)
        >>> fitted.predict(rates).shape
        (20, 30, 2)
    """

    shrinkages: Sequence[float] = SHRINKAGES

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("shrinkages", self.shrinkages, 1.0)

    def solve(self, features: np.ndarray, targets: np.ndarray) -> list[LinearDecoder]:
        """A linear decoder for each shrinkage."""
        return optimal_linear_estimators(features, targets, self.shrinkages)


@dataclasses.dataclass(frozen=True)
class Kalman(Decoder):
    """The Kalman filter (:func:`~.kalman.kalman_filters`), which looks back only.

    Attributes:
        lags: to choose from.
        shrinkages: to choose from.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> force = rng.normal(size=(20, 30, 2)).cumsum(axis=1)
        >>> rates = force @ rng.normal(size=(2, 10)) + rng.normal(size=(20, 30, 10))
        >>> fit(Kalman(), rates, force).predict(rates).shape
        (20, 30, 2)
    """

    shrinkages: Sequence[float] = SHRINKAGES

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("shrinkages", self.shrinkages, 1.0)

    def solve(self, features: np.ndarray, targets: np.ndarray) -> list[KalmanFilter]:
        """A filter for each shrinkage."""
        return kalman_filters(features, targets, self.shrinkages)


class FittedDecoder(NamedTuple):
    """A decoder and the lag and regularisation that were chosen for it.

    Attributes:
        model: weights and intercept, or the Kalman filter.
        lag: chosen, in bins.
        taps: the lags whose rates are used together.
        penalty: chosen, or the shrinkage.
        filling: what stands for rates before the beginning and after the end of a trial:
            the mean of each feature over the training samples.

    Example:
        >>> import numpy as np
        >>> rates = np.random.default_rng(0).normal(size=(20, 30, 4))
        >>> fitted = fit(Ridge(lags=[0]), rates, rates[..., :2])
        >>> fitted.lag, fitted.predict(rates).shape
        (0, (20, 30, 2))
    """

    model: LinearDecoder | KalmanFilter
    lag: int
    taps: tuple[int, ...]
    penalty: float
    filling: np.ndarray

    def predict(self, features: Any) -> np.ndarray:
        """Behaviour from features.

        Args:
            features: ``(n_trials, n_bins, n_features)``; also ``(n_samples, n_features)``
                where no lag and no filter is involved.

        Returns:
            ``(n_trials, n_bins, n_targets)`` or ``(n_samples, n_targets)``. NaN where a
            feature that is used is NaN, but for the Kalman filter, which goes on by itself.

        Raises:
            ValueError: another number of features than the decoder's.

        Example:
            >>> import numpy as np
            >>> x = np.random.default_rng(0).normal(size=(10, 20, 2))
            >>> fitted = fit(Ridge(), x, x[..., :1])
            >>> bool(np.allclose(fitted.predict(x), x[..., :1]))
            True
        """
        features = np.asarray(features, np.float64)
        if features.ndim < 2 or features.shape[-1] != len(self.filling):
            raise ValueError(
                f"features: expected {len(self.filling)} features on the last axis, as the "
                f"decoder's, received shape {features.shape}."
            )
        rows = delayed(features, self.taps, self.filling)
        if isinstance(self.model, KalmanFilter):
            return filtered(self.model, rows)
        return predict(self.model, rows)


def delayed(features: Any, lags: Sequence[int], filling: Any = np.nan) -> np.ndarray:
    """Features of other bins beside each other.

    Args:
        features: ``(n_trials, n_bins, n_features)``; trials do not mix.
        lags: bin ``t`` gets the features of bin ``t - lag``.
        filling: what stands before the beginning and after the end of a trial: a number or
            one for each feature.

    Returns:
        ``(n_trials, n_bins, n_lags * n_features)``, the features of the first lag first.

    Raises:
        ValueError: a lag, but no trials.

    Example:
        >>> delayed([[[1.0], [2.0], [3.0]]], [0, 1], filling=0.0).tolist()
        [[[1.0, 0.0], [2.0, 1.0], [3.0, 2.0]]]
    """
    features = np.asarray(features, np.float64)
    if tuple(lags) == (0,):
        return features
    if features.ndim != 3:
        raise ValueError(
            "features: expected shape (n_trials, n_bins, n_features), since there are lags, "
            f"received {features.shape}."
        )
    n_trials, n_bins, n_features = features.shape
    rows = np.empty((n_trials, n_bins, len(lags), n_features))
    rows[:] = filling
    for i, lag in enumerate(lags):
        into = slice(max(lag, 0), n_bins + min(lag, 0))
        source = slice(max(-lag, 0), n_bins - max(lag, 0))
        if abs(lag) < n_bins:
            rows[:, into, i] = features[:, source]
    return rows.reshape(n_trials, n_bins, -1)


def fit(
    decoder: Decoder, features: Any, targets: Any, *, folds: Any = 5, seed: int = 0
) -> FittedDecoder:
    """Fits a decoder; of several lags and penalties the best in a cross-validation.

    The best has the least squared error, summed over bins and over dimensions of behaviour
    in their own units, on the trials of each fold in turn. The trials passed here are the
    training trials: what is to be held out has no part in the choice.

    At the beginning of a trial a lag reaches before it. What would stand there is replaced
    by each feature's mean, which says nothing; repeating the first bin would count its noise
    several times, and zeros would be taken for silence.

    Args:
        decoder: :class:`Ridge`, :class:`Wiener`, :class:`OptimalLinear` or :class:`Kalman`.
        features: ``(n_trials, n_bins, n_features)``, such as rates or factors.
        targets: ``(n_trials, n_bins, n_targets)``; NaN where nothing was observed.
        folds: of the choice: a number, or the fold of each trial, ``(n_trials,)``.
        seed: of random folds.

    Returns:
        The decoder fitted to all trials given, with the lag and penalty chosen.

    Raises:
        TypeError: ``decoder`` is none.
        ValueError: shapes that do not fit, too few trials.

    Example:
        >>> import numpy as np
        >>> x = np.random.default_rng(0).normal(size=(10, 20, 2))
        >>> later = np.roll(x[..., :1], 3, axis=1)  # behaviour follows by three bins
        >>> fit(Ridge(lags=range(6)), x, later).lag
        3
    """
    if not isinstance(decoder, Decoder):
        raise TypeError(
            "decoder: expected Ridge, Wiener, OptimalLinear or Kalman, received "
            f"{type(decoder).__name__}."
        )
    features, targets = checked(features, targets)
    chosen_lag, chosen = _chosen(decoder, features, targets, folds, seed)
    model = _models(decoder, features, targets, chosen_lag)
    best = model[1][0 if len(model[1]) == 1 else chosen]
    return FittedDecoder(
        best, chosen_lag, decoder.taps(chosen_lag), float(best.penalty), model[0]
    )


def _chosen(
    decoder: Decoder, features: np.ndarray, targets: np.ndarray, folds: Any, seed: int
) -> tuple[int, int]:
    """The best lag, and the place of the best penalty."""
    n_strengths = len(getattr(decoder, "penalties", getattr(decoder, "shrinkages", (0,))))
    if len(decoder.lags) * n_strengths == 1:
        return decoder.lags[0], 0
    fold_of = fold_labels(folds, len(targets), seed)
    errors = np.zeros((len(decoder.lags), n_strengths))
    for fold in np.unique(fold_of):
        held = fold_of == fold
        for i, lag in enumerate(decoder.lags):
            filling, models = _models(decoder, features[~held], targets[~held], lag)
            for j, model in enumerate(models):
                fitted = FittedDecoder(model, lag, decoder.taps(lag), 0.0, filling)
                error = (targets[held] - fitted.predict(features[held])) ** 2
                # As in fitting, a sample that lacks a number is left out as a whole.
                errors[i, j] += error[~np.isnan(error).any(axis=-1)].sum()
    lag, strength = divmod(int(np.argmin(errors)), n_strengths)
    return decoder.lags[lag], strength


def _models(
    decoder: Decoder, features: np.ndarray, targets: np.ndarray, lag: int
) -> tuple[np.ndarray, list[Any]]:
    known = np.isfinite(features).all(axis=-1)
    filling = features[known].mean(axis=0) if known.any() else np.zeros(features.shape[-1])
    return filling, decoder.solve(delayed(features, decoder.taps(lag), filling), targets)


def _within(name: str, values: Sequence[float], most: float) -> None:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or array.size == 0 or not ((array >= 0) & (array <= most)).all():
        wanted = "of at least 0" if np.isinf(most) else f"from 0 to {most:g}"
        raise ValueError(f"{name}: expected numbers {wanted}, received {values!r}.")
