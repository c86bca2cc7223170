"""Methods of decoding, each with the lags and regularisation to choose from."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.model_selection import ParameterGrid
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline

from fixedpoint_tf._utils import checks
from lfads_tf.analysis.decoding import estimators
from lfads_tf.analysis.decoding.lags import Lags, check_lags
from lfads_tf.analysis.decoding.linear import PENALTIES
from lfads_tf.analysis.decoding.samples import training_samples
from lfads_tf.analysis.decoding.sklearn_checks import copy_of, takes_several_targets

__all__ = [
    "DecodingMethod",
    "Kalman",
    "OptimalLinear",
    "Regressor",
    "Ridge",
    "Wiener",
    "as_method",
]

#: Shares of the noise covariances that are dropped, tried by default.
SHRINKAGES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)


class DecodingMethod:
    """Method of decoding, with its lags to choose from; the base of the classes below.

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
class Ridge(DecodingMethod):
    """Ridge regression (Hoerl & Kennard 1970) on the rates of one bin.

    Minimises the mean over samples of ``|target - prediction|^2 + penalty |w|^2``, where
    ``w`` weighs the features in units of their standard deviation and the intercept is
    free. In these units a penalty means the same for any number of samples and any scale of
    the features. A feature that never varies has weight 0.

    Attributes:
        lags: in bins, by which behaviour follows the rates, to choose from. With lag 2 the
            rates of bin ``t`` tell the behaviour of bin ``t + 2``; a negative lag uses later
            rates.
        penalties: to choose from.

    Example:
        >>> import numpy as np
        >>> from lfads_tf.analysis import fit_decoder
        >>> rates = np.random.default_rng(0).normal(size=(20, 30, 4))
        >>> fit_decoder(Ridge(penalties=[0.0, 1.0]), rates, 2 * rates[..., :1]).penalty
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
class _Shrunk(DecodingMethod):
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
    """The optimal linear estimator: vectors, one a neuron, that the rates weigh and add up.

    With shrinkage 1 the noise of each neuron is taken for its own, as in Salinas & Abbott
    (1994, Journal of Computational Neuroscience 1:89, section 2.5); with 0 all covariances
    of the noise count, and it is regression without a penalty.

    Attributes:
        lags: to choose from, as for :class:`Ridge`.
        shrinkages: shares of the noise covariances that are dropped, to choose from.

    Example:
        >>> import numpy as np
        >>> from lfads_tf.analysis import fit_decoder
        >>> rng = np.random.default_rng(0)
        >>> force = rng.normal(size=(20, 30, 2))
        >>> rates = force @ rng.normal(size=(2, 10))
        >>> fitted = fit_decoder(OptimalLinear(), rates, force)
        >>> fitted.predict(rates).shape
        (20, 30, 2)
    """

    estimator: ClassVar[Any] = estimators.OptimalLinearRegressor


@dataclasses.dataclass(frozen=True)
class Kalman(_Shrunk):
    """The Kalman filter: behaviour has linear dynamics, rates are its noisy observation.

    Wu, Gao, Bienenstock, Donoghue & Black (2006, Neural Computation 18:80). It looks back
    only, and goes on by its dynamics where rates are NaN.

    Attributes:
        lags: to choose from, as for :class:`Ridge`.
        shrinkages: shares of the covariances of the observation's noise that are dropped, to
            choose from.

    Example:
        >>> import numpy as np
        >>> from lfads_tf.analysis import fit_decoder
        >>> rng = np.random.default_rng(0)
        >>> force = rng.normal(size=(20, 30, 2)).cumsum(axis=1)
        >>> rates = force @ rng.normal(size=(2, 10)) + rng.normal(size=(20, 30, 10))
        >>> fit_decoder(Kalman(), rates, force).predict(rates).shape
        (20, 30, 2)
    """

    estimator: ClassVar[Any] = estimators.KalmanRegressor
    keeps_trials: ClassVar[bool] = True


@dataclasses.dataclass(frozen=True)
class Regressor(DecodingMethod):
    """Any regressor of scikit-learn, or one that is used like these.

    Attributes:
        regressor: with ``fit`` and ``predict``, such as ``SVR()`` or a pipeline. A pipeline
            that begins with :class:`Lags` sees the bins that these name, each
            ``lag`` bins earlier. It is copied, not fitted. One of a single target is fitted
            to each dimension of behaviour.
        lags: to choose from.
        grid: values to choose from, by the regressor's parameters.

    Example:
        >>> import numpy as np
        >>> from sklearn.neighbors import KNeighborsRegressor
        >>> from lfads_tf.analysis import fit_decoder
        >>> rates = np.random.default_rng(0).normal(size=(20, 30, 2))
        >>> near = Regressor(KNeighborsRegressor(), grid={"n_neighbors": [5, 50]})
        >>> fit_decoder(near, rates, rates[..., :1]).parameters
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


def as_method(decoder: Any) -> DecodingMethod:
    """Return a method of decoding as it is, and a regressor of scikit-learn as one.

    Raises:
        TypeError: neither.

    Example:
        >>> from sklearn.svm import SVR
        >>> as_method(SVR()).lags
        (0,)
    """
    if isinstance(decoder, DecodingMethod):
        return decoder
    if not _is_regressor(decoder):
        raise TypeError(
            "decoder: expected Ridge, Wiener, OptimalLinear, Kalman or a regressor with "
            f"fit and predict, received {_name_of(decoder)}."
        )
    return Regressor(decoder)


def _is_regressor(value: Any) -> bool:
    """Tell whether a value is an object, not a class, that fits and predicts."""
    return not inspect.isclass(value) and hasattr(value, "fit") and hasattr(value, "predict")


def _name_of(value: Any) -> str:
    return f"the class {value.__name__}" if inspect.isclass(value) else type(value).__name__


def _within(name: str, values: Sequence[float], most: float) -> None:
    array = np.asarray(values, np.float64)
    inside = np.isfinite(array) & (array >= 0) & (array <= most)
    if array.ndim != 1 or array.size == 0 or not inside.all():
        wanted = "of at least 0" if np.isinf(most) else f"from 0 to {most:g}"
        raise ValueError(f"{name}: expected numbers {wanted}, received {values!r}.")
