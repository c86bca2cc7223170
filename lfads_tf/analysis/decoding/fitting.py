"""A decoder fitted to trials, with lag and regularisation chosen inside them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import numbers_or_nan
from lfads_tf.analysis.decoding.decoders import DecodingMethod
from lfads_tf.analysis.decoding.folds import check_folds, fold_labels
from lfads_tf.analysis.decoding.lags import Lags, check_lags, check_trials_of_lags
from lfads_tf.analysis.decoding.regressor import as_method
from lfads_tf.analysis.decoding.samples import check_samples

__all__ = ["FittedDecoder", "fit_decoder"]


class FittedDecoder(NamedTuple):
    """A decoder and the lag and regularisation that were chosen for it.

    Attributes:
        lagged: the fitted :class:`Lags`.
        regressor: the fitted regressor that reads the lagged features.
        lag: the chosen lag, in bins.
        parameters: parameters of the regressor, as they were chosen.
        n_targets: dimensions of behaviour.

    Example:
        >>> import numpy as np
        >>> from lfads_tf.analysis import Ridge
        >>> rates = np.random.default_rng(0).normal(size=(20, 30, 4))
        >>> fitted = fit_decoder(Ridge(lags=[0]), rates, rates[..., :2])
        >>> fitted.lag, fitted.penalty, fitted.predict(rates).shape
        (0, 0.0, (20, 30, 2))
    """

    lagged: Lags
    regressor: Any
    lag: int
    parameters: dict[str, Any]
    n_targets: int

    @property
    def model(self) -> Any:
        """Arrays of what was fitted.

        Of ridge regression, the Wiener filter and the optimal linear estimator ``weights``
        ``(n_features, n_targets)``, in targets per feature as given, and ``intercept``
        ``(n_targets,)``; of the Kalman filter its matrices; otherwise the regressor itself.
        """
        return getattr(self.regressor, "model_", self.regressor)

    @property
    def taps(self) -> tuple[int, ...]:
        """The lags whose rates are used together."""
        return check_lags(self.lagged.lags)

    @property
    def penalty(self) -> float | None:
        """The chosen penalty or shrinkage, or None for other regressors."""
        return self.parameters.get("penalty", self.parameters.get("shrinkage"))

    @property
    def filling(self) -> np.ndarray:
        """The mean of each feature, which stands beyond the edges of a trial."""
        return self.lagged.filling_

    def predict(self, features: Any) -> np.ndarray:
        """Predict behaviour from features.

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
            >>> from lfads_tf.analysis import Ridge
            >>> x = np.random.default_rng(0).normal(size=(10, 20, 2))
            >>> fitted = fit_decoder(Ridge(), x, x[..., :1])
            >>> bool(np.allclose(fitted.predict(x), x[..., :1]))
            True
        """
        features = numbers_or_nan(features, "features").astype(np.float64, copy=False)
        if features.ndim not in (2, 3) or features.shape[-1] != len(self.filling):
            raise ValueError(
                f"features: expected {len(self.filling)} features on the last axis, as the "
                f"decoder's, received shape {features.shape}."
            )
        _check_trials(features, self.lagged.keep_trials, self.taps)
        if not features.size:  # scikit-learn refuses no samples
            return np.empty((*features.shape[:-1], self.n_targets))
        rows = self.lagged.transform(features)
        if self.lagged.keep_trials:
            return self.regressor.predict(rows)
        told = np.full((len(rows), self.n_targets), np.nan)
        known = np.isfinite(rows).all(axis=1)
        if known.any():
            told[known] = self.regressor.predict(rows[known]).reshape(-1, self.n_targets)
        return told.reshape(*features.shape[:-1], self.n_targets)


def fit_decoder(
    decoder: Any, features: Any, targets: Any, *, folds: Any = 5, seed: int = 0
) -> FittedDecoder:
    """Fit a decoder, with lag and penalty chosen by cross-validation.

    Chosen are the lag and penalty with the least squared error on the trials of each fold in
    turn, summed over bins and over dimensions of behaviour in their own units. Pass only
    training trials: test trials must have no part in the choice.

    Lags do not reach across the edges of a trial; bins beyond an edge are filled with the mean
    of the training trials (:class:`Lags`).

    Args:
        decoder: :class:`Ridge`, :class:`Wiener`, :class:`OptimalLinear`, :class:`Kalman`, or
            any regressor of scikit-learn: as it is, or in :class:`Regressor` with what is to
            be chosen. It is copied, not fitted.
        features: ``(n_trials, n_bins, n_features)``, such as rates or factors; also
            ``(n_samples, n_features)`` where no lag and no filter is involved.
        targets: ``(n_trials, n_bins, n_targets)``, such as force or velocity, or
            ``(n_samples, n_targets)``; NaN where nothing was observed. A sample with NaN in
            features or targets is left out.
        folds: folds for the choice: a number, or the fold of each trial, ``(n_trials,)``. Where
            there is a single lag and a single setting nothing is chosen.
        seed: seed of random folds, and of a regressor whose ``random_state`` is None.

    Returns:
        The decoder fitted to all trials given, with the lag and penalty chosen.

    Raises:
        TypeError: ``decoder`` is not a decoder.
        ValueError: shapes that do not fit, too few trials.

    Example:
        >>> import numpy as np
        >>> from lfads_tf.analysis import Ridge
        >>> x = np.random.default_rng(0).normal(size=(10, 20, 2))
        >>> later = np.roll(x[..., :1], 3, axis=1)  # behaviour follows by three bins
        >>> fit_decoder(Ridge(lags=range(6)), x, later).lag
        3
    """
    method = as_method(decoder)
    checks.check_seed(seed)
    features, targets = check_samples(features, targets)
    for lag in method.lags:
        taps = method.taps(lag)
        _check_trials(features, method.keeps_trials, taps)
        if taps != (0,) and min(map(abs, taps)) >= features.shape[1]:
            raise ValueError(
                f"decoder: expected lags of fewer bins than a trial has, "
                f"{features.shape[1]}, received {lag}."
            )
    check_folds(folds, len(targets))
    lag, chosen = _chosen(method, features, targets, folds, seed)
    return _fitted(method, features, targets, lag, [chosen], seed)[0]


def _check_trials(features: np.ndarray, keeps_trials: bool, taps: tuple[int, ...]) -> None:
    """Refuse samples for a decoder that follows trials."""
    check_trials_of_lags(features, (1,) if keeps_trials else taps, "features")


def _chosen(
    method: DecodingMethod, features: np.ndarray, targets: np.ndarray, folds: Any, seed: int
) -> tuple[int, dict[str, Any]]:
    """Return the lag and the settings of least error."""
    settings = method.settings()
    if len(method.lags) * len(settings) == 1:
        return method.lags[0], settings[0]
    fold_of = fold_labels(folds, len(targets), seed)
    errors = np.zeros((len(method.lags), len(settings)))
    for fold in np.unique(fold_of):
        held = fold_of == fold
        train = features[~held], targets[~held]
        for i, lag in enumerate(method.lags):
            for j, one in enumerate(_fitted(method, *train, lag, settings, seed)):
                error = (targets[held] - one.predict(features[held])) ** 2
                # As in fitting, a sample that lacks a number is left out as a whole.
                errors[i, j] += error[~np.isnan(error).any(axis=-1)].sum()
    i, j = divmod(int(np.argmin(errors)), len(settings))
    return method.lags[i], settings[j]


def _fitted(
    method: DecodingMethod,
    features: np.ndarray,
    targets: np.ndarray,
    lag: int,
    settings: list[dict[str, Any]],
    seed: int,
) -> list[FittedDecoder]:
    """Return the decoder with one lag and each of the settings."""
    lagged = Lags(method.taps(lag), keep_trials=method.keeps_trials).fit(features)
    rows = lagged.transform(features)
    if not method.keeps_trials:
        targets = targets.reshape(-1, targets.shape[-1])
    regressors = method.solve(rows, targets, settings, seed)
    return [
        FittedDecoder(lagged, regressor, lag, parameters, targets.shape[-1])
        for regressor, parameters in zip(regressors, settings, strict=True)
    ]
