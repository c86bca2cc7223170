"""Linear decoders and the Kalman filter as regressors of scikit-learn.

Each is a thin class over the functions of arrays that it names. They go wherever
scikit-learn takes a regressor: behind :class:`Lags`, in a pipeline or a search.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from fixedpoint_tf._utils import checks
from lfads_tf.analysis.decoding.kalman import kalman_filters
from lfads_tf.analysis.decoding.linear import check_strengths, ridge_path
from lfads_tf.analysis.decoding.optimal_linear import optimal_linear_estimators
from lfads_tf.analysis.decoding.samples import check_samples
from lfads_tf.analysis.decoding.sklearn_checks import validate, validate_samples

__all__ = ["KalmanRegressor", "OptimalLinearRegressor", "RidgeRegressor"]


class _Regressor(RegressorMixin, BaseEstimator):
    """A regressor whose one parameter is the strength of its regularisation."""

    strength: ClassVar[str]
    most: ClassVar[float] = np.inf
    of_trials: ClassVar[bool] = False
    _solve: ClassVar[Callable[..., list[Any]]]  # of X, y and several strengths

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _more_tags(self) -> dict[str, Any]:
        """Return the tags for scikit-learn before 1.6."""
        return {"multioutput": True}

    @classmethod
    def path(cls, X: Any, y: Any, strengths: Iterable[float]) -> list[Any]:
        """Fit one regressor for each strength, and do shared computations once.

        Args:
            X: ``(n_samples, n_features)``, or trials.
            y: ``(n_samples, n_targets)``, or trials; samples with NaN are left out.
            strengths: penalties or shrinkages.

        Raises:
            ValueError: shapes that do not fit, infinity, or a strength out of range.
        """
        strengths = check_strengths(strengths, "strengths", cls.most)
        X, y = check_samples(X, y, ("X", "y"), trials=cls.of_trials)
        fitted = []
        for strength, model in zip(strengths, cls._solve(X, y, strengths), strict=True):
            one = cls(**{cls.strength: strength})
            one.model_, one.n_features_in_ = model, X.shape[-1]
            fitted.append(one)
        return fitted

    def _checked_strength(self) -> float:
        """Check the parameter at its use, as scikit-learn demands."""
        value = getattr(self, self.strength)
        end = {"closed": "low"} if np.isinf(self.most) else {"closed": "both"}
        return checks.check_number(value, self.strength, 0.0, self.most, **end)


class _LinearRegressor(_Regressor):
    """Weights and an intercept."""

    def fit(self, X: Any, y: Any) -> Any:
        """Fit to samples.

        Args:
            X: ``(n_samples, n_features)``, finite.
            y: ``(n_samples,)`` or ``(n_samples, n_targets)``.

        Raises:
            ValueError: a strength out of range, or arrays that scikit-learn does not take.
        """
        strength = self._checked_strength()
        X, y = validate(self, X, y)
        self._flat = y.ndim == 1
        (self.model_,) = self._solve(X, y.reshape(len(y), -1), [strength])
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict targets of samples, in the shape of those fitted to.

        Args:
            X: ``(n_samples, n_features)``, finite.
        """
        check_is_fitted(self)
        X = validate_samples(self, X, reset=False)
        told = self.model_.predict(X)
        return told[:, 0] if getattr(self, "_flat", False) else told


class RidgeRegressor(_LinearRegressor):
    """Ridge regression with a penalty in units of the features' own variance.

    Like :class:`Ridge`, with one penalty. The same penalty has the same effect for any number
    of samples and any scale of the features, unlike ``alpha`` of scikit-learn's ``Ridge``.

    Args:
        penalty: at least 0.

    Attributes:
        model_: ``weights`` ``(n_features, n_targets)`` and ``intercept`` ``(n_targets,)``.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(100, 2))
        >>> RidgeRegressor(penalty=0.0).fit(X, X[:, 0]).model_.weights.round(6).tolist()
        [[1.0], [0.0]]
    """

    strength: ClassVar[str] = "penalty"
    _solve = staticmethod(ridge_path)

    def __init__(self, penalty: float = 0.01) -> None:
        self.penalty = penalty


class OptimalLinearRegressor(_LinearRegressor):
    """The optimal linear estimator of Salinas & Abbott.

    Like :class:`OptimalLinear`, with one shrinkage.

    Args:
        shrinkage: 0 to 1, the share of the noise covariances that is dropped.

    Attributes:
        model_: ``weights`` ``(n_features, n_targets)`` and ``intercept`` ``(n_targets,)``.

    Example:
        >>> import numpy as np
        >>> force = np.random.default_rng(0).normal(size=(100, 1))
        >>> rates = force * [3.0, 4.0] + 10.0
        >>> fitted = OptimalLinearRegressor().fit(rates, force)
        >>> fitted.model_.weights.round(6).ravel().tolist()
        [0.12, 0.16]
    """

    strength: ClassVar[str] = "shrinkage"
    most: ClassVar[float] = 1.0
    _solve = staticmethod(optimal_linear_estimators)

    def __init__(self, shrinkage: float = 0.0) -> None:
        self.shrinkage = shrinkage


class KalmanRegressor(_Regressor):
    """The Kalman filter over trials, used behind ``Lags(keep_trials=True)``.

    As :class:`Kalman`, for one shrinkage. What it predicts in a bin depends
    on the bins before, so that both arrays are trials.

    Args:
        shrinkage: 0 to 1, the share of the covariances of the noise that is dropped.

    Attributes:
        model_: the matrices of the filter.

    Example:
        >>> import numpy as np
        >>> force = np.random.default_rng(0).normal(size=(20, 30, 1)).cumsum(axis=1)
        >>> rates = force @ [[1.0, -1.0]]
        >>> KalmanRegressor().fit(rates, force).predict(rates[:3]).shape
        (3, 30, 1)
    """

    strength: ClassVar[str] = "shrinkage"
    most: ClassVar[float] = 1.0
    of_trials: ClassVar[bool] = True
    _solve = staticmethod(kalman_filters)

    def __init__(self, shrinkage: float = 0.0) -> None:
        self.shrinkage = shrinkage

    def fit(self, X: Any, y: Any) -> KalmanRegressor:
        """Fit to trials.

        Args:
            X: ``(n_trials, n_bins, n_features)``; NaN where nothing was observed.
            y: ``(n_trials, n_bins, n_targets)``.

        Raises:
            ValueError: a shrinkage out of range, shapes that do not fit, or infinity.
        """
        strength = self._checked_strength()
        (self.model_,) = kalman_filters(X, y, [strength], ("X", "y"))
        self.n_features_in_ = len(self.model_.features_mean)
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Predict ``(n_trials, n_bins, n_targets)`` by the rates up to each bin.

        Args:
            X: ``(n_trials, n_bins, n_features)``.
        """
        check_is_fitted(self)
        return self.model_.predict(X, "X")
