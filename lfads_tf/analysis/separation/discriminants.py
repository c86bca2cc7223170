"""Linear discriminant analysis of all bins at once."""

from __future__ import annotations

import numpy as np

__all__ = ["discriminants", "greatest_score"]


def discriminants(
    features: np.ndarray, kind_of: np.ndarray, shrinkage: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit linear discriminants of each bin, with the same prior for all conditions.

    The score of condition ``c`` is ``m_c' S^-1 x - m_c' S^-1 m_c / 2`` with its mean ``m_c``
    and ``S = (1 - shrinkage) C + shrinkage I trace(C) / n_features``, where ``C`` is the
    covariance within conditions, pooled. scikit-learn's ``LinearDiscriminantAnalysis`` gives
    the same for conditions of as many trials each. It is fitted to one bin at a time, which
    takes twenty to fifty times as long as all bins at once here, and each shrinkage of each
    fold needs all bins.

    Args:
        features: ``(n_trials, n_bins, n_features)``.
        kind_of: number of each trial's condition, ``(n_trials,)``; without a gap from 0 on.
        shrinkage: 0 to 1.

    Returns:
        Weights ``(n_bins, n_features, n_conditions)`` and biases ``(n_bins, n_conditions)``.
    """
    n_kinds = int(kind_of.max()) + 1
    means_ctf = np.stack([features[kind_of == kind].mean(axis=0) for kind in range(n_kinds)])
    within = features - means_ctf[kind_of]
    n_features = features.shape[-1]
    covariance = np.einsum("btf,btg->tfg", within, within, optimize=True) / len(features)
    spread = np.trace(covariance, axis1=1, axis2=2) / n_features
    # Features that never vary within conditions: then only the distance counts.
    flat = spread <= 0.0
    covariance[flat] = np.eye(n_features)
    size = np.where(flat, 1.0, spread)[:, None, None] * np.eye(n_features)
    # The 1e-9 lets a covariance without full rank pass: its empty directions then decide.
    shrunk = (1.0 - shrinkage) * covariance + (shrinkage + 1e-9) * size
    means_tfc = means_ctf.transpose(1, 2, 0)
    weights = np.linalg.solve(shrunk, means_tfc)
    return weights, -0.5 * np.einsum("tfc,tfc->tc", means_tfc, weights)


def greatest_score(weights: np.ndarray, biases: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Return the condition of greatest score in each trial and bin, ``(n_trials, n_bins)``."""
    scores = np.einsum("btf,tfc->btc", features, weights, optimize=True) + biases
    return scores.argmax(axis=-1)
