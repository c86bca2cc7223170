"""Regressions between a session's condition averages, shared components and factors.

Read-ins begin by linear regression onto shared components, read-outs by log-linear (Poisson)
regression on them (Pandarinath et al. 2018, online methods). All functions are of arrays, in
float64.
"""

from __future__ import annotations

import numpy as np

from lfads_tf._utils.ridge import ridge_weights
from lfads_tf.sessions.condition_averages import shared_components

__all__ = ["fit_log_linear", "fit_log_linear_to_trials", "regress", "regress_by_components"]

#: Steps of a log-linear fit: Newton's method ends in far fewer.
N_STEPS = 50


def regress(
    averages: np.ndarray, scores: np.ndarray, penalty: float = 1e-2
) -> tuple[np.ndarray, np.ndarray]:
    """Fit shared scores by one session's condition averages, by ridge regression.

    Args:
        averages: ``(n_conditions, n_bins, n_neurons)``.
        scores: ``(n_conditions, n_bins, n_components)``; NaN is left out.
        penalty: in units of the mean variance of a neuron's averages; 0: least squares.

    Returns:
        Kernel ``(n_neurons, n_components)`` and bias ``(n_components,)``: averages times
        kernel plus bias are the scores.

    Example:
        >>> averages = np.random.default_rng(0).normal(size=(3, 5, 4))
        >>> kernel, bias = regress(averages, averages[..., :2] - 1.0, penalty=0.0)
        >>> bool(np.abs(averages @ kernel + bias - (averages[..., :2] - 1.0)).max() < 1e-12)
        True
    """
    x_kn, z_kr = averages.reshape(-1, averages.shape[2]), scores.reshape(-1, scores.shape[2])
    complete = np.isfinite(z_kr).all(axis=1)
    x_kn, z_kr = x_kn[complete], z_kr[complete]
    x_kn = np.where(np.isfinite(x_kn), x_kn, 0.0)
    x_mean, z_mean = x_kn.mean(axis=0), z_kr.mean(axis=0)
    x_kn, z_kr = x_kn - x_mean, z_kr - z_mean
    weight = penalty * np.square(x_kn).sum() / x_kn.shape[1]
    kernel = ridge_weights(x_kn, z_kr, [weight])[0]
    return kernel, z_mean - x_mean @ kernel


def regress_by_components(
    averages: np.ndarray, targets: np.ndarray, n_components: int
) -> tuple[np.ndarray, np.ndarray]:
    """Regress one session's averages onto another's, by principal components.

    The averages lead to principal components that both sessions share, and those to the
    targets: what is no part of the components, noise above all, is not regressed.

    Args:
        averages: ``(n_conditions, n_bins, n_neurons)``.
        targets: ``(n_conditions, n_bins, n_targets)``.
        n_components: number of shared components.

    Returns:
        Kernel ``(n_neurons, n_targets)`` and bias ``(n_targets,)``.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> latents = rng.normal(size=(3, 20, 2))
        >>> averages, targets = (latents @ rng.normal(size=(2, n)) for n in (5, 4))
        >>> kernel, bias = regress_by_components(averages, targets, 2)
        >>> bool(np.abs(averages @ kernel + bias - targets).max() < 0.1)
        True
    """
    scores = shared_components([averages, targets], n_components)
    known = np.isfinite(scores).all(axis=-1, keepdims=True)
    kernel, bias = regress(averages, scores)
    back, centre = regress(scores, np.where(known, targets, np.nan), penalty=0.0)
    return kernel @ back, bias @ back + centre


def fit_log_linear(
    averages: np.ndarray, numbers: np.ndarray, scores: np.ndarray, penalty: float = 1.0
) -> np.ndarray:
    """Fit the log rate of each neuron to shared scores by Poisson regression.

    It is fitted to the counts themselves, in which bins without a spike have a place that
    their logarithm has not. The constant of each neuron is fitted too and not returned.
    Newton's method fits all neurons at once here; scikit-learn's ``PoissonRegressor`` takes
    one at a time, to a looser tolerance.

    Args:
        averages: spikes in a bin, or other data of at least 0, ``(n_conditions, n_bins,
            n_neurons)``, NaN where nothing was observed.
        numbers: numbers of the trials in each average, of the same shape.
        scores: ``(n_conditions, n_bins, n_components)``; NaN is left out.
        penalty: half of it times the sum of squared weights is added to the negative
            log-likelihood: the prior precision of a weight.

    Returns:
        ``(n_components, n_neurons)``, 0 for a neuron without spikes.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> scores, kernel = rng.normal(size=(4, 10, 2)), np.array([[0.5, 0.0], [0.2, -1.0]])
        >>> rates = np.exp(scores @ kernel - 1.0)
        >>> found = fit_log_linear(rates, np.ones_like(rates), scores, penalty=0.0)
        >>> bool(np.abs(found - kernel).max() < 1e-9)
        True
    """
    n_neurons, n_components = averages.shape[2], scores.shape[2]
    y_kn, m_kn = averages.reshape(-1, n_neurons), numbers.reshape(-1, n_neurons)
    z_kr = scores.reshape(-1, n_components)
    complete = np.isfinite(z_kr).all(axis=1)
    y_kn, m_kn, z_kr = y_kn[complete], m_kn[complete], z_kr[complete]
    m_kn = np.where(np.isfinite(y_kn), m_kn, 0.0)
    y_kn = np.where(np.isfinite(y_kn), y_kn, 0.0)
    totals = (m_kn * y_kn).sum(axis=0)
    fires = totals > 0
    kernel = np.zeros((n_components, n_neurons))
    if not fires.any():
        return kernel
    y_kn, m_kn, totals = y_kn[:, fires], m_kn[:, fires], totals[fires]
    # Of scores that are 0 throughout nothing follows.
    used = np.abs(z_kr).max(axis=0) > 0
    design = np.concatenate([np.ones((len(z_kr), 1)), z_kr[:, used]], axis=1)
    ridge = penalty * np.eye(design.shape[1])
    ridge[0, 0] = 0.0
    beta = np.zeros((design.shape[1], fires.sum()))
    beta[0] = np.log(totals / m_kn.sum(axis=0))
    for _ in range(N_STEPS):
        expected = m_kn * np.exp(np.minimum(design @ beta, 50.0))
        slope = design.T @ (m_kn * y_kn - expected) - ridge @ beta
        curvature = np.einsum("ki,kn,kj->nij", design, expected, design, optimize=True) + ridge
        curvature += (
            1e-12 * np.trace(curvature, axis1=1, axis2=2)[:, None, None] * np.eye(len(ridge))
        )
        step = np.linalg.solve(curvature, slope.T[..., None])[..., 0].T
        # Newton's method on an exponential oversteps where it starts far away.
        largest = np.abs(design @ step).max(axis=0)
        beta += step * np.minimum(1.0, 2.0 / np.maximum(largest, 1e-300))
        if largest.max() < 1e-12:
            break
    whole = np.zeros((n_components, fires.sum()))
    whole[used] = beta[1:]
    kernel[:, fires] = whole
    return kernel


def fit_log_linear_to_trials(
    counts: np.ndarray, factors: np.ndarray, penalty: float = 100.0, most: float = 5e7
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the log rate of each neuron to factors of single trials by Poisson regression.

    Where trials are many a part of them is used, evenly chosen: memory grows as samples times
    the square of factors.

    Args:
        counts: ``(n_trials, n_bins, n_neurons)``, NaN where nothing was observed.
        factors: ``(n_trials, n_bins, n_factors)``.
        penalty: as of :func:`fit_log_linear`. 100, a standard deviation of weights of 0.1, did
            best on held-out trials of a recording of motor cortex, whether 45 or 179 trials
            were known.
        most: samples times the square of factors.

    Returns:
        ``(n_factors, n_neurons)`` and ``(n_neurons,)``: log expected counts are ``factors @
        kernel + bias``, and each neuron's mean is that of its counts. A neuron without
        spikes has kernel 0 and half a spike in all bins together.

    Example:
        >>> factors = np.random.default_rng(0).normal(size=(50, 40, 2))
        >>> kernel = np.array([[0.5, 0.0], [0.2, -1.0]])
        >>> counts = np.exp(factors @ kernel)
        >>> found, bias = fit_log_linear_to_trials(counts, factors, penalty=0.0)
        >>> bool(np.abs(found - kernel).max() < 1e-9), bool(np.abs(bias).max() < 1e-9)
        (True, True)
    """
    per_trial = factors.shape[1] * factors.shape[2] ** 2
    n_used = max(1, min(len(counts), int(most / per_trial)))
    used = np.unique(np.linspace(0, len(counts) - 1, n_used).astype(int))
    y, z = np.asarray(counts[used], np.float64), np.asarray(factors[used], np.float64)
    centre = z.mean(axis=(0, 1))
    kernel = fit_log_linear(y, np.ones_like(y), z - centre, penalty)
    expected = np.where(np.isfinite(y), np.exp((z - centre) @ kernel), 0.0).sum(axis=(0, 1))
    totals = np.maximum(np.nansum(y, axis=(0, 1)), 0.5)
    return kernel, np.log(totals / np.maximum(expected, 1e-300)) - centre @ kernel
