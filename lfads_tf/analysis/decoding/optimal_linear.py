"""The optimal linear estimator of Salinas & Abbott, from samples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from lfads_tf.analysis.decoding.linear import LinearDecoder
from lfads_tf.analysis.decoding.samples import check_samples, training_samples

__all__ = ["optimal_linear_estimators"]


def optimal_linear_estimators(
    features: Any, targets: Any, shrinkages: Iterable[float] = (0.0,)
) -> list[LinearDecoder]:
    r"""Vectors ``D_i``, one a neuron, whose sum weighted by the rates estimates best.

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
    more neurons and the fewer samples there are. ``shrinkage`` says how much of it is
    dropped: 1 is the estimator of the paper; 0 keeps it all, and is the regression of
    behaviour on rates without a penalty. Without noise both are the least-squares inverse
    of the tuning.

    Args:
        features: ``(n_trials, n_bins, n_features)`` or ``(n_samples, n_features)``.
        targets: ``(n_trials, n_bins, n_targets)`` or ``(n_samples, n_targets)``.
        shrinkages: 0 to 1.

    Returns:
        A decoder for each shrinkage, whose ``penalty`` is that shrinkage. Samples with NaN
        are left out.

    Raises:
        ValueError: shapes that do not fit, a shrinkage out of range, too few samples.

    Example:
        >>> import numpy as np
        >>> behavior = np.random.default_rng(0).normal(size=(100, 1))
        >>> rates = behavior * [3.0, 4.0] + 10.0  # tuned, without noise
        >>> optimal_linear_estimators(rates, behavior)[0].weights.round(6).ravel().tolist()
        [0.12, 0.16]
    """
    shares = [float(share) for share in shrinkages]
    if not shares or not all(0.0 <= share <= 1.0 for share in shares):
        raise ValueError(f"shrinkages: expected numbers from 0 to 1, received {shrinkages!r}.")
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
    """The smallest solution: directions in which nothing varies get no weight."""
    values, vectors = np.linalg.eigh(covariance)
    empty = values <= 1e-12 * len(values) * values[-1]
    inverse = np.where(empty, 0.0, 1.0 / np.where(empty, 1.0, values))
    return vectors @ (inverse[:, None] * (vectors.T @ overlap))
