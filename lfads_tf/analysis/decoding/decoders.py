"""Decoders, each with the lags and regularisation to choose from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from fixedpoint_tf._utils import checks
from lfads_tf.analysis.decoding import estimators
from lfads_tf.analysis.decoding.lags import check_lags
from lfads_tf.analysis.decoding.linear import PENALTIES, check_strengths

__all__ = ["DecodingMethod", "Kalman", "OptimalLinear", "Ridge", "Wiener"]

_MOST_LAGS = 10_000  # of a filter
#: Shares of the noise covariances that are dropped, tried by default.
SHRINKAGES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)


class DecodingMethod:
    """Method of decoding with the lags to choose from, base of the classes below.

    Attributes:
        lags: in bins, by which behaviour follows the rates, to choose from. With lag 2 the
            rates of bin ``t`` tell the behaviour of bin ``t + 2``; a negative lag uses later
            rates.
        keeps_trials: whether the regressor follows trials, instead of seeing bins one by one.
    """

    lags: Sequence[int]
    keeps_trials: ClassVar[bool] = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "lags", check_lags(self.lags))

    def taps(self, lag: int) -> tuple[int, ...]:
        """List the lags whose rates are used together.

        Args:
            lag: bins from the rates to the target.
        """
        return check_lags([lag], "lag")

    def settings(self) -> list[dict[str, Any]]:
        """List the parameters of the regressor that are chosen beside the lag."""
        raise NotImplementedError

    def solve(
        self, rows: np.ndarray, targets: np.ndarray, settings: list[dict[str, Any]], seed: int
    ) -> list[Any]:
        """Fit a regressor for each of the settings.

        Args:
            rows: rates ``(n_samples, n_features)``.
            targets: ``(n_samples, n_targets)``.
            settings: one dictionary of parameters for each fit.
            seed: seed of regressors that draw random numbers.
        """
        raise NotImplementedError


class _Regularised(DecodingMethod):
    """Decoder of one estimator, which is regularised by strengths to choose from."""

    estimator: ClassVar[Any]
    strengths: ClassVar[str]  # the attribute that holds them
    most: ClassVar[float] = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_strengths(getattr(self, self.strengths), self.strengths, self.most)

    def settings(self) -> list[dict[str, Any]]:
        """List the strengths of regularisation to choose from."""
        name = self.estimator.strength
        return [{name: float(strength)} for strength in getattr(self, self.strengths)]

    def solve(
        self, rows: np.ndarray, targets: np.ndarray, settings: list[dict[str, Any]], seed: int
    ) -> list[Any]:
        # ``path`` does the computations that the strengths share once.
        strengths = [one[self.estimator.strength] for one in settings]
        return self.estimator.path(rows, targets, strengths)


@dataclasses.dataclass(frozen=True)
class Ridge(_Regularised):
    """Ridge regression (Hoerl & Kennard 1970) on the rates of one bin.

    Minimises the mean over samples of ``|target - prediction|^2 + penalty |w|^2``, where
    ``w`` weighs the features in units of their standard deviation and the intercept is
    free. In these units a penalty means the same for any number of samples and any scale of
    the features. A feature that never varies has weight 0.

    Attributes:
        lags: in bins, by which behaviour follows the rates, to choose from. With lag 2 the
            rates of bin ``t`` tell the behaviour of bin ``t + 2``; a negative lag uses later
            rates.
        penalties: candidate penalties.

    Example:
        >>> import numpy as np
        >>> from lfads_tf.analysis import fit_decoder
        >>> rates = np.random.default_rng(0).normal(size=(20, 30, 4))
        >>> fit_decoder(Ridge(penalties=[0.0, 1.0]), rates, 2 * rates[..., :1]).penalty
        0.0
    """

    lags: Sequence[int] = (0,)
    penalties: Sequence[float] = PENALTIES
    estimator: ClassVar[Any] = estimators.RidgeRegressor
    strengths: ClassVar[str] = "penalties"
    most: ClassVar[float] = np.inf


@dataclasses.dataclass(frozen=True)
class Wiener(Ridge):
    """The Wiener filter: ridge regression on the rates of several bins together.

    Bins ``t - lag``, ``t - lag - 1``, ..., ``t - lag - n_lags`` predict the behaviour of bin
    ``t`` (Warland, Reinagel & Meister 1997, Journal of Neurophysiology 78:2336). On spikes it
    learns its own smoothing. With ``n_lags=0`` it is :class:`Ridge`.

    Attributes:
        lags: candidate lags of the latest bin.
        penalties: candidate penalties.
        n_lags: number of earlier bins beside the latest.

    Example:
        >>> Wiener(n_lags=3).taps(0)  # this bin and the three before it
        (0, 1, 2, 3)
    """

    n_lags: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        checks.check_whole(self.n_lags, "n_lags", least=0, most=_MOST_LAGS)

    def taps(self, lag: int) -> tuple[int, ...]:
        """List the latest bin and those before it.

        Args:
            lag: bins from the latest rates to the target.
        """
        (latest,) = check_lags([lag], "lag")
        return tuple(range(latest, latest + self.n_lags + 1))


@dataclasses.dataclass(frozen=True)
class OptimalLinear(_Regularised):
    r"""The optimal linear estimator, which sums one vector per neuron, weighted by its rate.

    Salinas & Abbott (1994, Journal of Computational Neuroscience 1:89, section 2.5): the
    mean squared error of ``sum_i r_i D_i`` is least for

    .. math:: D = Q^{-1} L, \quad L_i = \langle r_i v \rangle, \quad
        Q_{ij} = \langle \bar r_i(v) \, \bar r_j(v) \rangle + N_{ij}

    with the tuning :math:`\bar r(v)` to the behaviour :math:`v` and the covariance
    :math:`N` of the noise around it, which is diagonal in their paper: neurons are taken to
    be noisy each on its own. Here rates and behaviour are taken from their means, the
    tuning is the regression of rates on behaviour, and averages go over the samples, so that
    behaviour counts as often as it occurs.

    The noise that neurons share is estimated worse than that of each, and the more so the
    more neurons and the fewer samples there are. A shrinkage says how much of it is
    dropped: 1 is the estimator of the paper; 0 keeps it all, and is the regression of
    behaviour on rates without a penalty. Without noise both are the least-squares inverse
    of the tuning.

    Attributes:
        lags: candidate lags, as for :class:`Ridge`.
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

    lags: Sequence[int] = (0,)
    shrinkages: Sequence[float] = SHRINKAGES
    estimator: ClassVar[Any] = estimators.OptimalLinearRegressor
    strengths: ClassVar[str] = "shrinkages"


@dataclasses.dataclass(frozen=True)
class Kalman(_Regularised):
    """The Kalman filter: behaviour has linear dynamics, rates are its noisy observation.

    Wu, Gao, Bienenstock, Donoghue & Black (2006, Neural Computation 18:80, section 2.3). It
    is fitted by regression, as if behaviour were the hidden state; the transition is that
    between neighbouring bins of the same trial. With position and velocity both among the
    targets, the filter extrapolates the movement. It uses only past and present rates, and
    predicts from its dynamics where rates are NaN.

    Attributes:
        lags: candidate lags, as for :class:`Ridge`.
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

    lags: Sequence[int] = (0,)
    shrinkages: Sequence[float] = SHRINKAGES
    estimator: ClassVar[Any] = estimators.KalmanRegressor
    strengths: ClassVar[str] = "shrinkages"
    keeps_trials: ClassVar[bool] = True
