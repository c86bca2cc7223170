"""The optimal linear estimator of Salinas & Abbott, from samples."""

from __future__ import annotations

from typing import Any

import numpy as np

from lfads_tf.analysis.decoding.linear import LinearDecoder, check_strengths
from lfads_tf.analysis.decoding.samples import check_samples, training_samples

__all__ = ["optimal_linear_estimators"]


def optimal_linear_estimators(
    features: Any, targets: Any, shrinkages: Any = (0.0,)
) -> list[LinearDecoder]:
    """Fit an estimator for each shrinkage (:class:`~.decoders.OptimalLinear`)."""
    shares = check_strengths(shrinkages, "shrinkages", 1.0)
    x, y = training_samples(*check_samples(features, targets))
    n_samples = len(x)
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    x, y = x - x_mean, y - y_mean
    total = x.T @ x / n_samples
    overlap = x.T @ y / n_samples
    tuning = overlap @ np.linalg.pinv(y.T @ y / n_samples, hermitian=True)
    noise = total - tuning @ overlap.T
    shared = noise - np.diag(np.diag(noise))
    decoders = []
    for share in shares:
        weights = _solve(total - share * shared, overlap)
        decoders.append(LinearDecoder(weights, y_mean - x_mean @ weights, share))
    return decoders


def _solve(covariance: np.ndarray, overlap: np.ndarray) -> np.ndarray:
    """Return the smallest solution, without weight on directions of no variance."""
    values, vectors = np.linalg.eigh(covariance)
    empty = values <= 1e-12 * len(values) * values[-1]
    inverse = np.where(empty, 0.0, 1.0 / np.where(empty, 1.0, values))
    return vectors @ (inverse[:, None] * (vectors.T @ overlap))
