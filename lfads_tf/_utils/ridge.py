"""Ridge regression by scikit-learn, for several penalties at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fixedpoint_tf._utils.principal_components import fit_components

__all__ = ["ridge_weights"]


def ridge_weights(x: np.ndarray, y: np.ndarray, alphas: Sequence[float]) -> np.ndarray:
    """Minimise the sum of squared errors plus alpha times the squared weights.

    scikit-learn's ``Ridge`` alone takes rounding for variance where ``alpha`` is 0, so that
    features that repeat, or rates of a low-dimensional model, get weights without bound.
    Here it works in the principal components that have variance.

    Args:
        x: ``(n_samples, n_features)``, of mean 0.
        y: ``(n_samples, n_targets)``, of mean 0.
        alphas: each at least 0.

    Returns:
        ``(n_alphas, n_features, n_targets)``; directions without variance have weight 0.

    Example:
        >>> x = np.array([[-1.0, -1.0], [1.0, 1.0]])  # a feature twice
        >>> ridge_weights(x, x[:, :1], [0.0, 4.0])[..., 0].round(6).tolist()
        [[0.5, 0.5], [0.25, 0.25]]
    """
    from sklearn.linear_model import Ridge  # takes a second: when it is first needed

    n_features, n_targets = x.shape[1], y.shape[1]
    fitted = fit_components(x, svd_solver="auto")
    axes = fitted.axes[fitted.squares > 1e-12 * n_features * fitted.squares[0]]
    if not len(axes):
        return np.zeros((len(alphas), n_features, n_targets))
    # Each penalty has targets of its own: one product of the scores serves them all.
    ridge = Ridge(alpha=np.repeat(alphas, n_targets), fit_intercept=False, solver="cholesky")
    ridge.fit(x @ axes.T, np.tile(y, len(alphas)))
    weights = ridge.coef_.reshape(-1, len(axes)) @ axes
    return weights.reshape(len(alphas), n_targets, n_features).transpose(0, 2, 1)
