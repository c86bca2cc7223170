"""Principal components of rates or factors: fewer dimensions, by falling variance."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils import checks
from fixedpoint_tf._utils.principal_components import fit_components
from lfads_tf._utils.checks import numbers_or_nan

__all__ = ["PrincipalComponents", "principal_components"]

_SHAPE = "(n_trials, n_bins, n_features) or (n_samples, n_features)"


class PrincipalComponents(NamedTuple):
    """Principal components, with ``scores = (features - mean) @ axes``.

    Attributes:
        mean: of each feature, ``(n_features,)``.
        axes: orthonormal columns, ``(n_features, n_components)``; the entry of the greatest
            absolute value in each is positive.
        variances: variances of the scores, ``(n_components,)``, falling.
        total_variance: total variance of all features together.

    Example:
        >>> fitted = principal_components([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
        >>> (fitted.variances / fitted.total_variance).tolist()  # the share that each explains
        [0.9, 0.1]
    """

    mean: np.ndarray
    axes: np.ndarray
    variances: np.ndarray
    total_variance: float

    def project(self, features: Any) -> np.ndarray:
        """Return the scores of features on the components.

        Args:
            features: ``(..., n_features)``.

        Returns:
            ``(..., n_components)``, float64.

        Raises:
            ValueError: another number of features than the components'.

        Example:
            >>> fitted = principal_components([[3.0, 1.0], [-3.0, 1.0]], 1)
            >>> fitted.project([[5.0, 8.0]]).tolist()
            [[5.0]]
        """
        features = numbers_or_nan(features, "features")
        if features.ndim == 0 or features.shape[-1] != len(self.mean):
            raise ValueError(
                f"features: expected {len(self.mean)} features on the last axis, as the "
                f"components', received shape {features.shape}."
            )
        return (features - self.mean) @ self.axes

    def reconstruct(self, scores: Any) -> np.ndarray:
        """Return the features that scores stand for.

        Args:
            scores: ``(..., n_components)``.

        Returns:
            ``(..., n_features)``, float64.

        Raises:
            ValueError: another number of scores than there are components.

        Example:
            >>> fitted = principal_components([[3.0, 1.0], [-3.0, 1.0]], 1)
            >>> fitted.reconstruct([[5.0]]).tolist()
            [[5.0, 1.0]]
        """
        scores = numbers_or_nan(scores, "scores")
        n_components = self.axes.shape[1]
        if scores.ndim == 0 or scores.shape[-1] != n_components:
            raise ValueError(
                f"scores: expected {n_components} on the last axis, as there are components, "
                f"received shape {scores.shape}."
            )
        return scores @ self.axes.T + self.mean


def principal_components(features: Any, n_components: int | None = None) -> PrincipalComponents:
    """Find the orthogonal directions in which features vary most.

    Features are not scaled: a feature of large variance has more weight. Pass the training
    trials alone, so that held-out trials do not affect the directions.

    Args:
        features: ``(n_trials, n_bins, n_features)`` or ``(n_samples, n_features)``; samples
            with NaN are left out.
        n_components: to keep; None: all.

    Returns:
        Mean, axes and variances.

    Raises:
        ValueError: wrong shape, more components than features, fewer than two samples.

    Example:
        >>> features = [[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
        >>> fitted = principal_components(features, 1)
        >>> fitted.axes.ravel().tolist(), fitted.variances.tolist(), fitted.total_variance
        ([1.0, 0.0], [4.5], 5.0)
    """
    x = numbers_or_nan(features, "features", n_axes=(2, 3), shape=_SHAPE)
    if n_components is not None:
        checks.check_whole(n_components, "n_components", most=x.shape[-1])
    x = x.reshape(-1, x.shape[-1]).astype(np.float64, copy=False)
    x = x[np.isfinite(x).all(axis=1)]
    if len(x) < 2:
        raise ValueError(
            f"features: expected at least two samples of finite numbers, received {len(x)}."
        )
    n = x.shape[1] if n_components is None else n_components
    fitted = fit_components(x, n, svd_solver="auto")
    variances = fitted.squares / len(x)
    return PrincipalComponents(
        fitted.mean, fitted.axes[:n].T, variances[:n], float(variances.sum())
    )
