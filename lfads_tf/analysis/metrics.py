"""Metrics of inferred rates, against true rates and against spikes alone.

Rates are in spikes/s and spikes are counts. NaN in the data (spikes, true rates, behaviour)
means "not observed": such samples are left out of every sum.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import numbers_or_nan, pair, seconds_per_bin
from lfads_tf._utils.rate_units import warn_of_rate_unit

__all__ = [
    "bits_per_spike",
    "mean_rates",
    "poisson_log_likelihood",
    "r_squared",
    "squared_correlation",
]

#: Least expected count of a bin in a likelihood, as in the Neural Latents Benchmark: a spike
#: where the rate was said to be 0 costs -log(1e-9) = 20.7 nats instead of an infinite amount.
_EXPECTED_COUNT_FLOOR = 1e-9


def r_squared(true: Any, estimated: Any, *, average: str | None = "neurons") -> Any:
    """Compute the coefficient of determination, 1 - squared error / squared deviation.

    The mean is each column's own, over all observed trials and bins. The value is 1 for a
    perfect estimate, 0 for that mean, and below 0 for anything worse. Unlike a squared
    correlation (:func:`squared_correlation`) it penalises a wrong size or offset of the
    estimate.

    A column of ``true`` that never varies has no R^2. It is NaN among the single values, is
    left out of the mean over neurons, and enters the pooled value with its error alone.

    Args:
        true: ``(n_trials, n_bins, n_neurons)`` or ``(n_samples, n_neurons)``; NaN where
            nothing was observed. The columns may be dimensions of behaviour as well.
        estimated: of the same shape.
        average: ``"neurons"``: the mean of the columns' R^2; ``"pooled"``: errors and
            deviations are summed over columns first, so that a column counts by its
            variance; ``None``: one value per column.

    Returns:
        A float, or for ``None`` an array ``(n_neurons,)``; NaN where nothing varies.

    Raises:
        ValueError: shapes differ, ``estimated`` lacks an observed sample, unknown average.

    Example:
        >>> true = [[1.0, 0.0], [3.0, 0.0], [5.0, 9.0]]
        >>> estimated = [[1.0, 3.0], [3.0, 3.0], [5.0, 3.0]]
        >>> r_squared(true, estimated, average=None).tolist()
        [1.0, 0.0]
        >>> r_squared(true, estimated), round(r_squared(true, estimated, average="pooled"), 3)
        (0.5, 0.129)
    """
    if average is not None and not _is_one_of(average, "neurons", "pooled"):
        raise ValueError(
            f"average: expected 'neurons', 'pooled' or None, received {average!r}."
        )
    true, estimated = pair("true", true, "estimated", estimated)
    true, estimated = (x.reshape(-1, x.shape[-1]) for x in (true, estimated))
    seen = ~np.isnan(true)
    error = np.sum(np.where(seen, true - estimated, 0.0) ** 2, axis=0)
    deviation = np.sum(_deviations(true, seen, axis=0) ** 2, axis=0)
    if average == "pooled":
        return float(1.0 - error.sum() / deviation.sum()) if deviation.any() else np.nan
    each = np.full(len(error), np.nan)
    np.divide(error, deviation, out=each, where=deviation > 0)
    each = 1.0 - each
    return each if average is None else _mean_of_defined(each)


def squared_correlation(true: Any, estimated: Any, *, average: str | None = "neurons") -> Any:
    """Compute the squared Pearson correlation over the bins of each trial and neuron.

    The measure of the LFADS tutorial of google-research/computation-thru-dynamics: blind to
    the size and offset of the estimate, and to all differences between trials. For inferred
    inputs, whose size and sign are arbitrary, it is the right one; for rates
    :func:`r_squared` demands more.

    A trial in which ``true`` never varies has no correlation and is left out. Where only the
    estimate never varies, the value is 0.

    Args:
        true: ``(n_trials, n_bins, n_neurons)``; NaN where nothing was observed.
        estimated: of the same shape.
        average: ``"neurons"``: the mean over all trials and neurons; ``None``: one value for
            each trial and neuron.

    Returns:
        A float, or for ``None`` an array ``(n_trials, n_neurons)`` with NaN where there is
        no correlation.

    Raises:
        ValueError: shapes differ or are not of three axes, ``estimated`` lacks an observed
            sample, unknown average.

    Example:
        >>> import numpy as np
        >>> true = np.arange(6.0).reshape(1, 6, 1)
        >>> round(squared_correlation(true, 7 - 2 * true), 6)
        1.0
    """
    if average is not None and not _is_one_of(average, "neurons"):
        raise ValueError(f"average: expected 'neurons' or None, received {average!r}.")
    true = checks.as_numbers(
        true, "true", n_axes=(3,), shape="(n_trials, n_bins, n_neurons)", dtype=None
    )
    true, estimated = pair("true", true, "estimated", estimated)
    seen = ~np.isnan(true)
    x, y = (_deviations(values, seen, axis=1) for values in (true, estimated))
    xx, yy, xy = ((a * b).sum(axis=1) for a, b in ((x, x), (y, y), (x, y)))
    each = np.zeros_like(xx)
    np.divide(xy**2, xx * yy, out=each, where=xx * yy > 0)
    each[xx == 0] = np.nan
    return each if average is None else _mean_of_defined(each)


def mean_rates(spikes: Any, bin_width: float) -> np.ndarray:
    """Return the mean rate of each neuron over all observed trials and bins.

    Args:
        spikes: counts, ``(n_trials, n_bins, n_neurons)`` or ``(n_bins, n_neurons)``.
        bin_width: width of a bin in seconds.

    Returns:
        ``(n_neurons,)``, spikes/s; NaN for neurons that were never observed.

    Example:
        >>> mean_rates([[0, 2], [1, 2]], bin_width=0.5).tolist()
        [1.0, 4.0]
    """
    width = seconds_per_bin(bin_width)
    counts = _counts(spikes)
    counts = counts.reshape(-1, counts.shape[-1])
    return _observed_mean(counts, ~np.isnan(counts), axis=0)[0] / width


def poisson_log_likelihood(
    rates: Any, spikes: Any, bin_width: float, *, per_neuron: bool = False
) -> Any:
    """Log-likelihood of spike counts that are Poisson and independent given the rates.

    The sum over observed samples of ``x log(m) - m - log(x!)`` with counts ``x`` and
    expected counts ``m = rate * bin_width``, floored at 1e-9.

    Args:
        rates: spikes/s, of the shape of ``spikes``, or ``(n_neurons,)`` for rates that do
            not change.
        spikes: counts, ``(n_trials, n_bins, n_neurons)`` or ``(n_bins, n_neurons)``; NaN
            where nothing was observed.
        bin_width: width of a bin in seconds.
        per_neuron: return the value of each neuron.

    Returns:
        Nats; a float, or ``(n_neurons,)``.

    Raises:
        ValueError: negative rates or counts, shapes that differ, rates that lack an
            observed sample.

    Example:
        >>> round(poisson_log_likelihood([[10.0]], [[1]], bin_width=0.1), 6)
        -1.0
    """
    checks.check_switch(per_neuron, "per_neuron")
    expected, counts = _expected_and_counts(rates, spikes, bin_width)
    warn_of_rate_unit("rates", expected / bin_width, counts, bin_width)
    if np.isnan(counts).all():
        raise ValueError("spikes: expected observed counts, received NaN only.")
    terms = _log_likelihood(expected, counts) - special.gammaln(counts + 1.0)
    each = np.nansum(terms, axis=tuple(range(terms.ndim - 1)))
    return each if per_neuron else float(each.sum())


def bits_per_spike(
    rates: Any,
    spikes: Any,
    bin_width: float,
    *,
    reference: Any = None,
    per_neuron: bool = False,
) -> Any:
    """Compute the gain of rates over each neuron's mean rate in predicting spikes.

    The difference of the two Poisson log-likelihoods, divided by the number of spikes and
    by log 2 (Pei et al. 2021, Neural Latents Benchmark, arXiv:2109.04463, "co-smoothing").
    0 is as good as the mean rate. The value depends on the bin width and on how much the
    rates vary, so compare it on the same data only. Rates inferred from the very spikes
    they are scored on can fit their noise: score trials or neurons that were held out.

    Args:
        rates: spikes/s, of the shape of ``spikes``.
        spikes: counts, ``(n_trials, n_bins, n_neurons)`` or ``(n_bins, n_neurons)``; NaN
            where nothing was observed.
        bin_width: width of a bin in seconds.
        reference: mean rates in spikes/s, ``(n_neurons,)``, such as :func:`mean_rates` of
            the training trials. By default those of ``spikes``, as in the benchmark: these are
            the best constant rates, so no other reference gives a lower value. Where the
            reference is 0 for a neuron that fires, the floor of 1e-9 expected spikes per bin
            makes up most of its value.
        per_neuron: return each neuron's gain over its own spikes.

    Returns:
        A float, or ``(n_neurons,)`` with NaN for neurons without spikes. Rates that seem to be
        in spikes/bin cause a warning.

    Raises:
        ValueError: negative rates or counts, shapes that differ, rates that lack an
            observed sample, or no spike at all.

    Example:
        >>> spikes = [[1], [0], [1], [0]]
        >>> bits_per_spike([[10.0], [0.0], [10.0], [0.0]], spikes, bin_width=0.1)
        1.0
    """
    expected, counts = _expected_and_counts(rates, spikes, bin_width)
    warn_of_rate_unit("rates", expected / bin_width, counts, bin_width)
    return gain_in_bits(rates, spikes, bin_width, reference=reference, per_neuron=per_neuron)


def gain_in_bits(
    rates: Any,
    spikes: Any,
    bin_width: float,
    *,
    reference: Any = None,
    per_neuron: bool = False,
) -> Any:
    """Compute :func:`bits_per_spike`, whatever the mean of the rates.

    Example:
        >>> gain_in_bits([[10.0], [0.0], [10.0], [0.0]], [[1], [0], [1], [0]], 0.1)
        1.0
    """
    checks.check_switch(per_neuron, "per_neuron")
    expected, counts = _expected_and_counts(rates, spikes, bin_width)
    if reference is None:
        reference = np.nan_to_num(mean_rates(counts, bin_width))
    constant, _ = _expected_and_counts(reference, counts, bin_width, name="reference")
    gain = _log_likelihood(expected, counts) - _log_likelihood(constant, counts)
    leading = tuple(range(counts.ndim - 1))
    gain, n_spikes = np.nansum(gain, axis=leading), np.nansum(counts, axis=leading)
    if not n_spikes.any():
        raise ValueError("spikes: expected at least one spike, received none.")
    if not per_neuron:
        return float(gain.sum() / n_spikes.sum() / np.log(2.0))
    each = np.full(len(gain), np.nan)
    np.divide(gain, n_spikes * np.log(2.0), out=each, where=n_spikes > 0)
    return each


def _is_one_of(value: Any, *names: str) -> bool:
    return isinstance(value, str) and value in names


def _log_likelihood(expected: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return each sample's log-likelihood, without the term of the counts alone."""
    return special.xlogy(counts, expected) - expected


def _expected_and_counts(
    rates: Any, spikes: Any, bin_width: float, *, name: str = "rates"
) -> tuple[np.ndarray, np.ndarray]:
    """Return expected counts, bounded from below, and counts, both of the spikes' shape."""
    width = seconds_per_bin(bin_width)
    counts = _counts(spikes)
    rates = checks.as_numbers(rates, name, dtype=None)
    if rates.ndim == 1 and rates.shape == counts.shape[-1:]:
        rates = np.broadcast_to(rates, counts.shape)
    _, rates = pair("spikes", counts, name, rates)
    if (rates[~np.isnan(counts)] < 0).any():
        raise ValueError(
            f"{name}: expected rates of at least 0 spikes/s, received "
            f"{np.nanmin(rates):g} among others."
        )
    return np.maximum(rates * width, _EXPECTED_COUNT_FLOOR), counts


def _counts(spikes: Any) -> np.ndarray:
    shape = "(n_trials, n_bins, n_neurons) or (n_bins, n_neurons)"
    counts = numbers_or_nan(spikes, "spikes", n_axes=(2, 3), shape=shape)
    counts = counts.astype(np.float64, copy=False)
    if (counts < 0).any():
        raise ValueError(
            f"spikes: expected counts of at least 0, received {np.nanmin(counts):g} among "
            "others."
        )
    fractions = counts[counts != np.round(counts)]
    fractions = fractions[~np.isnan(fractions)]
    if fractions.size:
        raise ValueError(
            f"spikes: expected whole numbers of spikes in each bin, received {fractions[0]:g} "
            "among others. Give counts, not rates."
        )
    return counts


def _observed_mean(values: np.ndarray, seen: np.ndarray, axis: int) -> np.ndarray:
    """Return the mean of observed values, NaN if none, with the axis kept."""
    n = seen.sum(axis=axis, keepdims=True)
    total = np.where(seen, values, 0.0).sum(axis=axis, keepdims=True)
    return np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0)


def _deviations(values: np.ndarray, seen: np.ndarray, axis: int) -> np.ndarray:
    """Return observed values less their mean, exactly 0 for unobserved and constant ones."""
    low = np.where(seen, values, np.inf).min(axis=axis, keepdims=True)
    high = np.where(seen, values, -np.inf).max(axis=axis, keepdims=True)
    mean = _observed_mean(values, seen, axis)
    return np.where(seen & (high > low), values - mean, 0.0)


def _mean_of_defined(values: np.ndarray) -> float:
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float("nan")
