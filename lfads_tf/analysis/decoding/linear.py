"""Weights and an intercept, by ridge regression."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import several
from lfads_tf._utils.ridge import ridge_weights
from lfads_tf.analysis.decoding.samples import training_samples

__all__ = ["PENALTIES", "LinearDecoder", "check_strengths", "ridge_path"]

#: Penalties tried by default: next to none up to the size of the features' own variance.
PENALTIES = (0.0, 1e-5, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)


class LinearDecoder(NamedTuple):
    """``targets = features @ weights + intercept``.

    Attributes:
        weights: ``(n_features, n_targets)``, in targets per feature as given.
        intercept: ``(n_targets,)``.
        penalty: that it was fitted with.

    Example:
        >>> import numpy as np
        >>> decoder = LinearDecoder(np.array([[2.0]]), np.array([1.0]), penalty=0.0)
        >>> decoder.predict([[3.0]]).tolist()
        [[7.0]]
    """

    weights: np.ndarray
    intercept: np.ndarray
    penalty: float

    def predict(self, features: Any) -> np.ndarray:
        """Weigh features ``(..., n_features)`` into targets, NaN where a feature is NaN."""
        return features @ self.weights + self.intercept


def ridge_path(
    features: np.ndarray, targets: np.ndarray, penalties: Any
) -> list[LinearDecoder]:
    """Fit ridge regression with each penalty, the principal components found once."""
    penalties = check_strengths(penalties, "penalties")
    x, y = training_samples(features, targets)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    varies = x.max(axis=0) > x.min(axis=0)
    per_sd = np.where(varies, 1.0 / np.where(varies, x.std(axis=0), 1.0), 0.0)
    alphas = [penalty * len(x) for penalty in penalties]
    decoders = []
    for penalty, w in zip(
        penalties, ridge_weights((x - x_mean) * per_sd, y - y_mean, alphas), strict=True
    ):
        weights = per_sd[:, None] * w
        decoders.append(LinearDecoder(weights, y_mean - x_mean @ weights, penalty))
    return decoders


def check_strengths(values: Any, argument: str, most: float = np.inf) -> list[float]:
    """Check penalties or shrinkages, at least one, from 0 to the most."""
    items = several(values, argument)
    if not all(checks.is_number(one) and 0 <= one <= most and one < np.inf for one in items):
        wanted = "of at least 0" if np.isinf(most) else f"from 0 to {most:g}"
        raise checks.ArgumentTypeError(
            f"{argument}: expected numbers {wanted}, received {checks.shown(values)}."
        )
    return [float(one) for one in items]
