"""Decoders by name, with lag and regularisation chosen inside the training trials."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.model_selection import ParameterGrid
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline

from fixedpoint_tf._utils import checks
from lfads_tf.analysis.decoding import estimators
from lfads_tf.analysis.decoding.folds import labels as fold_labels
from lfads_tf.analysis.decoding.lags import Lags, check_lags
from lfads_tf.analysis.decoding.linear import PENALTIES, checked, training_samples
from lfads_tf.analysis.decoding.sklearn_checks import copy_of, takes_several_targets

__all__ = [
    "SHRINKAGES",
    "Decoder",
    "FittedDecoder",
    "Kalman",
    "OptimalLinear",
    "Regressor",
    "Ridge",
    "Wiener",
    "fit",
]

#: Shares of the noise covariances that are dropped, tried by default.
SHRINKAGES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)


class Decoder:
    """Decoder to be fitted, with its lags to choose from; one of the classes below.

    Attributes:
        lags: in bins, by which behaviour follows the rates, to choose from. With lag 2 the
            rates of bin ``t`` tell the behaviour of bin ``t + 2``; a negative lag uses later
            rates.
        keeps_trials: whether the regressor follows trials, instead of seeing bins one by one.

    Example:
        >>> Ridge(lags=range(3)).lags
        (0, 1, 2)
    """

    lags: Sequence[int]
    keeps_trials: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "lags", check_lags(self.lags))

    def taps(self, lag: int) -> tuple[int, ...]:
        """List the lags whose rates are used together."""
        return (lag,)

    def settings(self) -> list[dict[str, Any]]:
        """List what is chosen between beside the lag: parameters of the regressor."""
        raise NotImplementedError

    def solve(
        self, rows: np.ndarray, targets: np.ndarray, settings: list[dict[str, Any]], seed: int
    ) -> list[Any]:
        """Fit a regressor for each of the settings."""
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

    lags: Sequence[int] = (0,)
    penalties: Sequence[float] = PENALTIES

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("penalties", self.penalties, np.inf)

    def settings(self) -> list[dict[str, Any]]:
        """List the penalties."""
        return [{"penalty": float(penalty)} for penalty in self.penalties]

    def solve(
        self, rows: np.ndarray, targets: np.ndarray, settings: list[dict[str, Any]], seed: int
    ) -> list[Any]:
        """Fit a linear decoder for each penalty."""
        penalties = [one["penalty"] for one in settings]
        return estimators.RidgeRegressor.path(rows, targets, penalties)


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
        """List the latest bin and those before it."""
        return tuple(range(lag, lag + self.n_lags + 1))


@dataclasses.dataclass(frozen=True)
class _Shrunk(Decoder):
    """A decoder whose noise covariances are shrunk."""

    lags: Sequence[int] = (0,)
    shrinkages: Sequence[float] = SHRINKAGES
    estimator: ClassVar[Any]

    def __post_init__(self) -> None:
        super().__post_init__()
        _within("shrinkages", self.shrinkages, 1.0)

    def settings(self) -> list[dict[str, Any]]:
        """List the shrinkages."""
        return [{"shrinkage": float(shrinkage)} for shrinkage in self.shrinkages]

    def solve(
        self, rows: np.ndarray, targets: np.ndarray, settings: list[dict[str, Any]], seed: int
    ) -> list[Any]:
        """Fit a decoder for each shrinkage."""
        shrinkages = [one["shrinkage"] for one in settings]
        return self.estimator.path(rows, targets, shrinkages)


@dataclasses.dataclass(frozen=True)
class OptimalLinear(_Shrunk):
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

    estimator: ClassVar[Any] = estimators.OptimalLinearRegressor


@dataclasses.dataclass(frozen=True)
class Kalman(_Shrunk):
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

    estimator: ClassVar[Any] = estimators.KalmanRegressor
    keeps_trials: ClassVar[bool] = True


@dataclasses.dataclass(frozen=True)
class Regressor(Decoder):
    """Any regressor of scikit-learn, or one that is used like these.

    Attributes:
        regressor: with ``fit`` and ``predict``, such as ``SVR()`` or a pipeline. A pipeline
            that begins with :class:`~.lags.Lags` sees the bins that these name, each
            ``lag`` bins earlier. It is copied, not fitted. One of a single target is fitted
            to each dimension of behaviour.
        lags: to choose from.
        grid: values to choose from, by the regressor's parameters.

    Example:
        >>> import numpy as np
        >>> from sklearn.neighbors import KNeighborsRegressor
        >>> rates = np.random.default_rng(0).normal(size=(20, 30, 2))
        >>> near = Regressor(KNeighborsRegressor(), grid={"n_neighbors": [5, 50]})
        >>> fit(near, rates, rates[..., :1]).parameters
        {'n_neighbors': 5}
    """

    regressor: Any
    lags: Sequence[int] = (0,)
    grid: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _is_regressor(self.regressor):
            raise TypeError(
                "regressor: expected an object with fit and predict, received "
                f"{_name_of(self.regressor)}."
            )

    def taps(self, lag: int) -> tuple[int, ...]:
        """List the lags of the pipeline's own ``Lags``, each moved by the lag."""
        first = self.regressor[0] if isinstance(self.regressor, Pipeline) else None
        own = check_lags(first.lags) if isinstance(first, Lags) else (0,)
        return tuple(lag + tap for tap in own)

    def settings(self) -> list[dict[str, Any]]:
        """List each combination of the grid."""
        return list(ParameterGrid(dict(self.grid)))

    def solve(
        self, rows: np.ndarray, targets: np.ndarray, settings: list[dict[str, Any]], seed: int
    ) -> list[Any]:
        """Fit a copy of the regressor for each of the settings."""
        x, y = training_samples(rows, targets)
        y = y[:, 0] if y.shape[1] == 1 else y
        fitted = []
        for parameters in settings:
            one = copy_of(self.regressor, parameters, seed)
            if isinstance(one, Pipeline) and isinstance(one[0], Lags):
                one = one[1:]
            if y.ndim == 2 and not takes_several_targets(one):
                one = MultiOutputRegressor(one)
            fitted.append(one.fit(x, y))
        return fitted


class FittedDecoder(NamedTuple):
    """A decoder and the lag and regularisation that were chosen for it.

    Attributes:
        lagged: the fitted :class:`~.lags.Lags`.
        regressor: the fitted regressor behind it.
        lag: chosen, in bins.
        parameters: of the regressor, as they were chosen.
        n_targets: dimensions of behaviour.

    Example:
        >>> import numpy as np
        >>> rates = np.random.default_rng(0).normal(size=(20, 30, 4))
        >>> fitted = fit(Ridge(lags=[0]), rates, rates[..., :2])
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
        """Weights and intercept, or the Kalman filter; otherwise the regressor itself."""
        return getattr(self.regressor, "model_", self.regressor)

    @property
    def taps(self) -> tuple[int, ...]:
        """The lags whose rates are used together."""
        return check_lags(self.lagged.lags)

    @property
    def penalty(self) -> float | None:
        """The penalty, or shrinkage, that was chosen; none for other regressors."""
        return self.parameters.get("penalty", self.parameters.get("shrinkage"))

    @property
    def filling(self) -> np.ndarray:
        """The mean of each feature, which stands beyond the edges of a trial."""
        return self.lagged.filling_

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
        rows = self.lagged.transform(features)
        if self.lagged.keep_trials:
            return self.regressor.predict(rows)
        told = np.full((len(rows), self.n_targets), np.nan)
        known = np.isfinite(rows).all(axis=1)
        if known.any():
            told[known] = self.regressor.predict(rows[known]).reshape(-1, self.n_targets)
        return told.reshape(*features.shape[:-1], self.n_targets)


def fit(
    decoder: Any, features: Any, targets: Any, *, folds: Any = 5, seed: int = 0
) -> FittedDecoder:
    """Fit a decoder; of several lags and penalties take the best in a cross-validation.

    The best has the least squared error, summed over bins and over dimensions of behaviour
    in their own units, on the trials of each fold in turn. The trials passed here are the
    training trials: what is to be held out has no part in the choice.

    Lags do not reach across the edges of a trial; what stands there is the mean of the
    training trials (:class:`~.lags.Lags`).

    Args:
        decoder: :class:`Ridge`, :class:`Wiener`, :class:`OptimalLinear`, :class:`Kalman`, or
            any regressor of scikit-learn: as it is, or in :class:`Regressor` with what is to
            be chosen. It is copied, not fitted.
        features: ``(n_trials, n_bins, n_features)``, such as rates or factors.
        targets: ``(n_trials, n_bins, n_targets)``; NaN where nothing was observed.
        folds: of the choice: a number, or the fold of each trial, ``(n_trials,)``.
        seed: of random folds, and of a regressor whose ``random_state`` is none.

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
        if not _is_regressor(decoder):
            raise TypeError(
                "decoder: expected Ridge, Wiener, OptimalLinear, Kalman or a regressor with "
                f"fit and predict, received {_name_of(decoder)}."
            )
        decoder = Regressor(decoder)
    features, targets = checked(features, targets)
    lag, chosen = _chosen(decoder, features, targets, folds, seed)
    return _fitted(decoder, features, targets, lag, [chosen], seed)[0]


def _chosen(
    decoder: Decoder, features: np.ndarray, targets: np.ndarray, folds: Any, seed: int
) -> tuple[int, dict[str, Any]]:
    """The lag and the settings of least error."""
    settings = decoder.settings()
    if len(decoder.lags) * len(settings) == 1:
        return decoder.lags[0], settings[0]
    fold_of = fold_labels(folds, len(targets), seed)
    errors = np.zeros((len(decoder.lags), len(settings)))
    for fold in np.unique(fold_of):
        held = fold_of == fold
        train = features[~held], targets[~held]
        for i, lag in enumerate(decoder.lags):
            for j, one in enumerate(_fitted(decoder, *train, lag, settings, seed)):
                error = (targets[held] - one.predict(features[held])) ** 2
                # As in fitting, a sample that lacks a number is left out as a whole.
                errors[i, j] += error[~np.isnan(error).any(axis=-1)].sum()
    i, j = divmod(int(np.argmin(errors)), len(settings))
    return decoder.lags[i], settings[j]


def _fitted(
    decoder: Decoder,
    features: np.ndarray,
    targets: np.ndarray,
    lag: int,
    settings: list[dict[str, Any]],
    seed: int,
) -> list[FittedDecoder]:
    """The decoder with one lag and each of the settings."""
    lagged = Lags(decoder.taps(lag), keep_trials=decoder.keeps_trials).fit(features)
    rows = lagged.transform(features)
    if not decoder.keeps_trials:
        targets = targets.reshape(-1, targets.shape[-1])
    regressors = decoder.solve(rows, targets, settings, seed)
    return [
        FittedDecoder(lagged, regressor, lag, parameters, targets.shape[-1])
        for regressor, parameters in zip(regressors, settings, strict=True)
    ]


def _is_regressor(value: Any) -> bool:
    """Tell whether a value is an object, not a class, that fits and predicts."""
    return not inspect.isclass(value) and hasattr(value, "fit") and hasattr(value, "predict")


def _name_of(value: Any) -> str:
    return f"the class {value.__name__}" if inspect.isclass(value) else type(value).__name__


def _within(name: str, values: Sequence[float], most: float) -> None:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or array.size == 0 or not ((array >= 0) & (array <= most)).all():
        wanted = "of at least 0" if np.isinf(most) else f"from 0 to {most:g}"
        raise ValueError(f"{name}: expected numbers {wanted}, received {values!r}.")
