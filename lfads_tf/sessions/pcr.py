"""Sessions of different neurons in one space, by what they have in common: conditions.

Principal components regression (Pandarinath et al. 2018, online methods, "Modifications to
the LFADS algorithm for stitching together data from multiple recording sessions"). The
condition averages of all sessions stand side by side as if their neurons had been recorded
together; their principal components are shared; and each session's own averages are
regressed onto them. All functions are of arrays, in float64.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils.principal_components import fit_components
from lfads_tf._utils.ridge import ridge_weights

__all__ = [
    "Agreement",
    "agreement",
    "condition_averages",
    "log_linear",
    "log_linear_of_trials",
    "regression",
    "regression_by_components",
    "shared_components",
]

#: Steps of a log-linear fit: Newton's method ends in far fewer.
N_STEPS = 50


def condition_averages(array_btn: np.ndarray, conditions: np.ndarray, labels: Any) -> Any:
    """Means over the trials of each condition, NaN where nothing was observed.

    Args:
        array_btn: ``(n_trials, n_bins, n)``, NaN where not observed.
        conditions: ``(n_trials,)``.
        labels: of the conditions, ``(n_conditions,)``.

    Returns:
        The averages and the numbers of trials in them, each ``(n_conditions, n_bins, n)``.

    Example:
        >>> trials = np.arange(4.0)[:, None, None] * np.ones((1, 2, 3))
        >>> averages, numbers = condition_averages(trials, np.array([0, 1, 0, 1]), [0, 1])
        >>> averages[:, 0, 0].tolist(), numbers[:, 0, 0].tolist()
        ([1.0, 2.0], [2.0, 2.0])
    """
    averages, numbers = [], []
    for label in labels:
        trials = np.asarray(array_btn[np.asarray(conditions) == label], np.float64)
        observed = np.isfinite(trials)
        number = observed.sum(axis=0).astype(np.float64)
        total = np.where(observed, trials, 0.0).sum(axis=0)
        nothing = np.full(total.shape, np.nan)
        averages.append(np.divide(total, number, out=nothing, where=number > 0))
        numbers.append(number)
    return np.stack(averages), np.stack(numbers)


def shared_components(averages: Sequence[np.ndarray], n_components: int) -> np.ndarray:
    """Find principal components of the condition averages of all sessions.

    Bins that a session never observed in a condition are left out, for all sessions.

    Args:
        averages: of each session, ``(n_conditions, n_bins, n_neurons)``.
        n_components: how many; where the averages have fewer, zeros stand for the rest.

    Returns:
        Their scores, ``(n_conditions, n_bins, n_components)``, of mean 0, uncorrelated, the
        largest variance first; NaN where left out.

    Raises:
        ValueError: nothing was observed in all sessions.

    Example:
        >>> latent = np.array([[[-1.0], [1.0]], [[2.0], [-2.0]]])  # 2 conditions, 2 bins
        >>> sessions = [latent * [1.0, 0.0], latent * [2.0, 2.0]]  # of 2 neurons each
        >>> scores = shared_components(sessions, 1)
        >>> (scores / latent).ravel().round(6).tolist()  # the latent, at one scale
        [3.0, 3.0, 3.0, 3.0]
    """
    shape = averages[0].shape[:2]
    flat = np.concatenate([a.reshape(-1, a.shape[2]) for a in averages], axis=1)
    # Of a neuron that was never observed nothing is known in any bin.
    flat = flat[:, np.isfinite(flat).any(axis=0)]
    complete = np.isfinite(flat).all(axis=1)
    if not complete.any():
        raise ValueError(
            "sessions: expected bins that are observed in every session, received none."
        )
    fitted = fit_components(flat[complete])
    varies = fitted.squares > 1e-20 * fitted.squares[0]
    axes = fitted.axes[varies][:n_components]
    scores = np.full((len(flat), n_components), np.nan)
    scores[complete] = 0.0
    scores[complete, : len(axes)] = (flat[complete] - fitted.mean) @ axes.T
    return scores.reshape(*shape, n_components)


def regression(
    averages: np.ndarray, scores: np.ndarray, penalty: float = 1e-2
) -> tuple[np.ndarray, np.ndarray]:
    """Ridge regression of shared scores onto one session's condition averages.

    Args:
        averages: ``(n_conditions, n_bins, n_neurons)``.
        scores: ``(n_conditions, n_bins, n_components)``; NaN is left out.
        penalty: in units of the mean variance of a neuron's averages; 0: least squares.

    Returns:
        Kernel ``(n_neurons, n_components)`` and bias ``(n_components,)``: averages times
        kernel plus bias are the scores.

    Example:
        >>> averages = np.random.default_rng(0).normal(size=(3, 5, 4))
        >>> kernel, bias = regression(averages, averages[..., :2] - 1.0, penalty=0.0)
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


def regression_by_components(
    averages: np.ndarray, targets: np.ndarray, n_components: int
) -> tuple[np.ndarray, np.ndarray]:
    """Regress one session's averages onto another's, by principal components.

    The averages lead to principal components that both sessions share, and those to the
    targets: what is no part of the components, noise above all, is not regressed.

    Args:
        averages: ``(n_conditions, n_bins, n_neurons)``.
        targets: ``(n_conditions, n_bins, n_targets)``.
        n_components: how many are shared.

    Returns:
        Kernel ``(n_neurons, n_targets)`` and bias ``(n_targets,)``.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> latents = rng.normal(size=(3, 20, 2))
        >>> averages, targets = (latents @ rng.normal(size=(2, n)) for n in (5, 4))
        >>> kernel, bias = regression_by_components(averages, targets, 2)
        >>> bool(np.abs(averages @ kernel + bias - targets).max() < 0.1)
        True
    """
    scores = shared_components([averages, targets], n_components)
    known = np.isfinite(scores).all(axis=-1, keepdims=True)
    kernel, bias = regression(averages, scores)
    back, centre = regression(scores, np.where(known, targets, np.nan), penalty=0.0)
    return kernel @ back, bias @ back + centre


def log_linear(
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
        numbers: of the trials in each average, of the same shape.
        scores: ``(n_conditions, n_bins, n_components)``; NaN is left out.
        penalty: half of it times the sum of squared weights is added to the negative
            log-likelihood: the prior precision of a weight.

    Returns:
        ``(n_components, n_neurons)``, 0 for a neuron without spikes.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> scores, kernel = rng.normal(size=(4, 10, 2)), np.array([[0.5, 0.0], [0.2, -1.0]])
        >>> rates = np.exp(scores @ kernel - 1.0)
        >>> found = log_linear(rates, np.ones_like(rates), scores, penalty=0.0)
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


def log_linear_of_trials(
    counts: np.ndarray, factors: np.ndarray, penalty: float = 100.0, most: float = 5e7
) -> tuple[np.ndarray, np.ndarray]:
    """The same for single trials: how counts depend on factors of the same trials.

    Where trials are many a part of them is used, evenly chosen: memory grows as samples times
    the square of factors.

    Args:
        counts: ``(n_trials, n_bins, n_neurons)``, NaN where nothing was observed.
        factors: ``(n_trials, n_bins, n_factors)``.
        penalty: as of :func:`log_linear`. 100, a standard deviation of weights of 0.1, did
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
        >>> found, bias = log_linear_of_trials(np.exp(factors @ kernel), factors, penalty=0.0)
        >>> bool(np.abs(found - kernel).max() < 1e-9), bool(np.abs(bias).max() < 1e-9)
        (True, True)
    """
    per_trial = factors.shape[1] * factors.shape[2] ** 2
    n_used = max(1, min(len(counts), int(most / per_trial)))
    used = np.unique(np.linspace(0, len(counts) - 1, n_used).astype(int))
    y, z = np.asarray(counts[used], np.float64), np.asarray(factors[used], np.float64)
    centre = z.mean(axis=(0, 1))
    kernel = log_linear(y, np.ones_like(y), z - centre, penalty)
    expected = np.where(np.isfinite(y), np.exp((z - centre) @ kernel), 0.0).sum(axis=(0, 1))
    totals = np.maximum(np.nansum(y, axis=(0, 1)), 0.5)
    return kernel, np.log(totals / np.maximum(expected, 1e-300)) - centre @ kernel


class Agreement(NamedTuple):
    """Agreement of the condition averages of several sessions in one space.

    Attributes:
        names: of the sessions.
        pairs: ``(n_sessions, n_sessions)``: 1 minus the mean square of the difference over
            the variance that two sessions have together. 1: they coincide; 0: they differ
            as much as unrelated averages about one mean do; below: more.
        shared: share of all sessions' variance about their common mean that their mean
            over sessions has, 0 to 1.

    Example:
        >>> found = Agreement(("monday", "tuesday"), np.array([[1.0, 0.9], [0.9, 1.0]]), 0.95)
        >>> print(found)
        | 0.950 shared | monday | tuesday |
        |---|---|---|
        | monday | 1.000 | 0.900 |
        | tuesday | 0.900 | 1.000 |
    """

    names: tuple[str, ...]
    pairs: np.ndarray
    shared: float

    def __str__(self) -> str:
        """A Markdown table of the pairs."""
        lines = [f"| {self.shared:.3f} shared | {' | '.join(self.names)} |"]
        lines.append("|---" * (len(self.names) + 1) + "|")
        lines += [
            f"| {name} | {' | '.join(f'{value:.3f}' for value in row)} |"
            for name, row in zip(self.names, self.pairs, strict=True)
        ]
        return "\n".join(lines)


def agreement(averages: Mapping[str, np.ndarray]) -> Agreement:
    """Compares condition averages of sessions that lie in one space.

    Args:
        averages: by session, ``(n_conditions, n_bins, n)``; NaN is left out.

    Example:
        >>> one = np.random.default_rng(0).normal(size=(4, 10, 3))
        >>> agreement({"monday": one, "tuesday": one}).pairs.tolist()
        [[1.0, 1.0], [1.0, 1.0]]
        >>> round(agreement({"monday": one, "tuesday": -one}).shared, 2)
        0.0
    """
    stacked = np.stack([np.asarray(a, np.float64) for a in averages.values()])
    flat = stacked.reshape(len(stacked), -1, stacked.shape[-1])
    flat = flat[:, np.isfinite(flat).all(axis=(0, 2))]
    n = len(flat)
    pairs = np.ones((n, n))
    for i in range(n):
        for j in range(i):
            both = flat[[i, j]]
            apart = 0.5 * np.square(both[0] - both[1]).sum()
            total = np.square(both - both.mean(axis=(0, 1))).sum()
            pairs[i, j] = pairs[j, i] = 1.0 - 2.0 * apart / max(total, 1e-300)
    centred = flat - flat.mean(axis=(0, 1))
    total = max(n * np.square(centred.mean(axis=0)).sum(), 0.0)
    return Agreement(
        tuple(averages), pairs, float(total / max(np.square(centred).sum(), 1e-300))
    )
