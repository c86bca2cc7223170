"""Any regressor of scikit-learn as a decoder."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import ParameterGrid
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import Pipeline

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import several
from lfads_tf.analysis.decoding.decoders import DecodingMethod
from lfads_tf.analysis.decoding.lags import Lags, check_lags
from lfads_tf.analysis.decoding.samples import training_samples
from lfads_tf.analysis.decoding.sklearn_checks import (
    copy_of,
    global_numbers_kept,
    is_estimator,
    takes_several_targets,
)

__all__ = ["Regressor", "as_method"]


@dataclasses.dataclass(frozen=True)
class Regressor(DecodingMethod):
    """Any regressor of scikit-learn, or one with the same interface.

    Attributes:
        regressor: with ``fit`` and ``predict``, such as ``SVR()`` or a pipeline. A pipeline
            that begins with :class:`Lags` receives the bins of its lags, each ``lag`` bins
            earlier. It is copied, not fitted. A regressor for a single target is fitted to each
            dimension of behaviour.
        lags: candidate lags.
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
        if not is_estimator(self.regressor):
            raise TypeError(
                "regressor: expected an object with fit and predict, received "
                f"{_name_of(self.regressor)}."
            )
        _check_grid(self.grid, self.regressor)

    def taps(self, lag: int) -> tuple[int, ...]:
        """List the lags of the pipeline's own ``Lags``, each moved by the lag.

        Args:
            lag: bins from the rates to the target.
        """
        first = self.regressor[0] if isinstance(self.regressor, Pipeline) else None
        own = check_lags(first.lags) if isinstance(first, Lags) else (0,)
        (lag,) = check_lags([lag], "lag")
        return tuple(lag + tap for tap in own)

    def settings(self) -> list[dict[str, Any]]:
        """List each combination of the grid."""
        return list(ParameterGrid(dict(self.grid)))

    def solve(
        self, rows: np.ndarray, targets: np.ndarray, settings: list[dict[str, Any]], seed: int
    ) -> list[Any]:
        x, y = training_samples(rows, targets)
        y = y[:, 0] if y.shape[1] == 1 else y
        fitted = []
        for parameters in settings:
            one = copy_of(self.regressor, parameters, seed)
            if isinstance(one, Pipeline) and isinstance(one[0], Lags):
                one = one[1:]
            if y.ndim == 2 and not takes_several_targets(one):
                one = MultiOutputRegressor(one)
            with global_numbers_kept():  # libsvm draws from them
                fitted.append(one.fit(x, y))
        return fitted


def as_method(decoder: Any) -> DecodingMethod:
    """Return a decoder as it is, and a regressor of scikit-learn as one."""
    if isinstance(decoder, DecodingMethod):
        return decoder
    if not is_estimator(decoder):
        raise TypeError(
            "decoder: expected Ridge, Wiener, OptimalLinear, Kalman or a regressor with "
            f"fit and predict, received {_name_of(decoder)}."
        )
    return Regressor(decoder)


def _check_grid(grid: Any, regressor: Any) -> None:
    """Refuse anything but lists of values by the names of parameters."""
    checks.check_mapping(grid, "grid", of="parameter")
    for name, values in grid.items():
        several(values, f"grid[{name!r}]")
    known = regressor.get_params() if hasattr(regressor, "get_params") else grid
    unknown = [name for name in grid if name not in known]
    if unknown:
        raise ValueError(
            f"grid: expected parameters of the regressor ({checks.listed(sorted(known))}), "
            f"received {unknown[0]!r}."
        )


def _name_of(value: Any) -> str:
    return f"the class {value.__name__}" if inspect.isclass(value) else type(value).__name__
