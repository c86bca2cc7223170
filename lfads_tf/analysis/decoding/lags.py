"""Features of other bins beside each other, never across the edge of a trial."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import numbers_or_nan, several
from lfads_tf.analysis.decoding.sklearn_checks import validate_samples

__all__ = ["Lags", "check_lags", "check_trials_of_lags", "delayed"]

_SHAPE = "(n_trials, n_bins, n_features)"


class Lags(TransformerMixin, BaseEstimator):
    """Transforms trials so that any regressor of scikit-learn sees several bins at once.

    Bin ``t`` gets the features of bins ``t - lag``. At the beginning of a trial a lag reaches
    before it, and a negative one beyond its end. What would stand there is replaced by each
    feature's mean over the trials fitted to, which says nothing; repeating the first bin
    would count its noise several times, and zeros would be taken for silence.

    Args:
        lags: in bins, the features of the first lag first; negative: of later bins.
        keep_trials: give ``(n_trials, n_bins, n_lags * n_features)``, for a decoder that
            follows trials such as the Kalman filter, instead of a row for each bin.

    Attributes:
        filling_: mean of each feature over the samples without NaN, ``(n_features,)``.
        n_features_in_: number of features of a bin.

    Example:
        >>> import numpy as np
        >>> from sklearn.linear_model import LinearRegression
        >>> from sklearn.pipeline import make_pipeline
        >>> trials = np.random.default_rng(0).normal(size=(10, 20, 3))
        >>> late = np.roll(trials[..., :1], 2, axis=1)  # behaviour, two bins later
        >>> decoder = make_pipeline(Lags(range(4)), LinearRegression())
        >>> decoder.fit(trials, late.ravel()).predict(trials).shape
        (200,)
    """

    def __init__(self, lags: int | Sequence[int] = (0,), *, keep_trials: bool = False) -> None:
        self.lags = lags
        self.keep_trials = keep_trials

    def fit(self, X: Any, y: Any = None) -> Lags:
        """Compute the mean of each feature, which fills bins beyond the edges of trials.

        Args:
            X: ``(n_trials, n_bins, n_features)``; also ``(n_samples, n_features)`` where the
                only lag is 0.
            y: ignored.

        Raises:
            TypeError: a lag that is not an integer.
            ValueError: a lag for data without trials, or infinity.
        """
        lags = check_lags(self.lags)
        checks.check_switch(self.keep_trials, "keep_trials")
        X = self._checked(X, reset=True)
        check_trials_of_lags(X, lags, "X")
        known = np.isfinite(X).all(axis=-1)
        self.filling_ = X[known].mean(axis=0) if known.any() else np.zeros(X.shape[-1])
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Put the features of other bins beside each other.

        Args:
            X: as of :meth:`fit`, with the same number of features.

        Returns:
            ``(n_trials * n_bins, n_lags * n_features)``, trial after trial, or the trials.
        """
        check_is_fitted(self)
        X, lags = self._checked(X, reset=False), check_lags(self.lags)
        check_trials_of_lags(X, lags, "X")
        rows = delayed(X, lags, self.filling_)
        return rows if self.keep_trials else rows.reshape(-1, rows.shape[-1])

    def _checked(self, X: Any, reset: bool) -> np.ndarray:
        """Check trials here, and samples as scikit-learn does."""
        if not _is_of_three_axes(X):
            return validate_samples(self, X, reset=reset, finite="allow-nan")
        X = numbers_or_nan(X, "X", n_axes=(3,), shape=_SHAPE).astype(np.float64, copy=False)
        if reset:
            self.n_features_in_ = X.shape[-1]
        elif X.shape[-1] != self.n_features_in_:
            raise ValueError(
                f"X: expected {self.n_features_in_} features on the last axis, as fitted to, "
                f"received shape {X.shape}."
            )
        return X

    def _more_tags(self) -> dict[str, Any]:
        """Return the tags for scikit-learn before 1.6."""
        return {"X_types": ["2darray", "3darray"], "allow_nan": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        tags.input_tags.allow_nan = True
        return tags


def check_lags(lags: Any, argument: str = "lags") -> tuple[int, ...]:
    """Return one or several lags as whole numbers."""
    if isinstance(lags, list | tuple | range) or np.ndim(lags):
        items = several(lags, argument)
    else:
        items = [lags[()] if isinstance(lags, np.ndarray) else lags]
    for lag in items:
        if not checks.is_whole(lag):
            raise checks.ArgumentTypeError(
                f"{argument}: expected a whole number of bins, received {checks.shown(lag)}."
            )
    return tuple(map(int, items))


def _is_of_three_axes(value: Any) -> bool:
    """Test whether a value has three axes, as trials have."""
    try:
        return np.asarray(value).ndim == 3
    except ValueError:  # lists of unequal length
        return False


def check_trials_of_lags(array: np.ndarray, lags: tuple[int, ...], argument: str) -> None:
    """Refuse samples where a lag leads from one bin of a trial to another."""
    if lags != (0,) and array.ndim != 3:
        raise ValueError(
            f"{argument}: expected shape {_SHAPE}, since there are lags, received "
            f"{array.shape}."
        )


def delayed(features: np.ndarray, lags: Sequence[int], filling: Any = np.nan) -> np.ndarray:
    """Put features of bins ``t - lag`` beside each other, ``(n_trials, n_bins, n_lags * n)``.

    Args:
        features: ``(n_trials, n_bins, n)``; trials do not mix.
        lags: in bins; the features of the first lag stand first.
        filling: stands beyond the edges of a trial: a number or one for each feature.
    """
    if tuple(lags) == (0,):
        return features
    check_trials_of_lags(features, tuple(lags), "features")
    n_trials, n_bins, n_features = features.shape
    rows = np.empty((n_trials, n_bins, len(lags), n_features))
    rows[:] = filling
    for i, lag in enumerate(lags):
        into = slice(max(lag, 0), n_bins + min(lag, 0))
        source = slice(max(-lag, 0), n_bins - max(lag, 0))
        if abs(lag) < n_bins:
            rows[:, into, i] = features[:, source]
    return rows.reshape(n_trials, n_bins, -1)
