"""Baselines of denoising: spikes smoothed along time, and across neurons."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import ndimage

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import check_kernel, numbers_or_nan, seconds_per_bin, several
from lfads_tf.analysis.components import principal_components

__all__ = [
    "GaussianWidth",
    "select_gaussian_width",
    "smooth_causal_gaussian",
    "smooth_gaussian",
    "smooth_pca",
]

_LOG = logging.getLogger(__name__)
_SHAPE = "(n_trials, n_bins, n_neurons) or (n_bins, n_neurons)"


class GaussianWidth(NamedTuple):
    """Width of a Gaussian kernel, the best among candidates.

    Attributes:
        sd: in seconds.
        errors: mean squared error of the rates with each candidate, ``(n_candidates,)``, in
            (spikes/s)^2; where the true rates are not known, estimates, which may be below 0 by
            chance.

    Example:
        >>> import numpy as np
        >>> spikes = np.random.default_rng(0).poisson(0.2, (50, 100, 4))  # constant rates
        >>> found = select_gaussian_width(spikes, 0.01, [0.01, 1.0])
        >>> found.sd, found.errors.shape
        (1.0, (2,))
    """

    sd: float
    errors: np.ndarray


def smooth_gaussian(spikes: Any, bin_width: float, sd: float) -> np.ndarray:
    """Smooth spikes along time with a Gaussian kernel into rates.

    Each rate is a weighted mean of the observed counts around its bin, with weights that sum
    to 1 also at the ends of a trial and beside bins that were not observed. Nothing is
    padded, so that rates do not sink at the ends as they do with zeros, and the first and
    last counts are not counted more than once as they are when the ends are repeated.

    Args:
        spikes: counts, ``(n_trials, n_bins, n_neurons)`` or ``(n_bins, n_neurons)``; NaN
            where nothing was observed. Trials are smoothed one by one.
        bin_width: width of a bin in seconds.
        sd: standard deviation of the kernel in seconds; it ends after 4 of them.

    Returns:
        Spikes/s of the shape of ``spikes``, float64 for float64 and 64-bit integers, else
        float32; NaN only where nothing was observed within reach of the kernel.

    Raises:
        ValueError: wrong shape, ``bin_width`` or ``sd`` not above 0.

    Example:
        >>> spikes = [[1.0], [1.0], [1.0], [float("nan")]]
        >>> rates = smooth_gaussian(spikes, bin_width=0.1, sd=0.1)
        >>> [round(float(rate), 6) for rate in rates[:, 0]]
        [10.0, 10.0, 10.0, 10.0]
    """
    return _mean(_counts(spikes, "spikes"), bin_width, sd, causal=False)


def smooth_causal_gaussian(spikes: Any, bin_width: float, sd: float) -> np.ndarray:
    """Smooth spikes with the causal half of a Gaussian kernel.

    As :func:`smooth_gaussian`, but without an effect of spikes on earlier rates: rates could be
    computed during the recording, and no event appears before it happens. In return rates are
    delayed by ``sd * sqrt(2 / pi)`` on average, and noisy in the first bins of a trial, which
    few bins precede.

    Args:
        spikes: as for :func:`smooth_gaussian`.
        bin_width: width of a bin in seconds.
        sd: of the whole Gaussian in seconds; it ends after 4 of them.

    Returns:
        As for :func:`smooth_gaussian`.

    Raises:
        ValueError: wrong shape, ``bin_width`` or ``sd`` not above 0.

    Example:
        >>> rates = smooth_causal_gaussian([[0.0], [0.0], [1.0], [0.0]], bin_width=0.1, sd=0.1)
        >>> [round(float(rate), 1) for rate in rates[:, 0]]
        [0.0, 0.0, 5.7, 3.5]
    """
    return _mean(_counts(spikes, "spikes"), bin_width, sd, causal=True)


def smooth_pca(
    spikes: Any, bin_width: float, sd: float, n_components: int, *, fitted_to: Any = None
) -> np.ndarray:
    """Smooth along time and keep the leading principal components.

    Smoothing with :func:`smooth_gaussian` averages neighbouring bins, the projection
    neighbouring neurons: what single neurons do on their own is taken for noise. Components
    are those of the rates' covariance over all trials and bins, so that neurons count by
    their variance.

    Args:
        spikes: as for :func:`smooth_gaussian`, of three or two axes.
        bin_width: width of a bin in seconds.
        sd: of the Gaussian in seconds.
        n_components: that are kept; with as many as neurons this is :func:`smooth_gaussian`.
        fitted_to: spikes from which the components are taken, such as those of training
            trials; None: ``spikes``.

    Returns:
        Spikes/s of the shape of ``spikes``, float64, floored at 0: a projection may fall
        below. NaN for bins in which a neuron was not observed.

    Raises:
        ValueError: wrong shapes or numbers.

    Example:
        >>> import numpy as np
        >>> spikes = np.random.default_rng(0).poisson(2.0, (6, 50, 8))
        >>> whole = smooth_pca(spikes, 0.02, 0.05, n_components=8)
        >>> bool(np.allclose(whole, smooth_gaussian(spikes, 0.02, 0.05)))
        True
    """
    counts = _counts(spikes, "spikes")
    n_neurons = counts.shape[-1]
    checks.check_whole(n_components, "n_components", most=n_neurons)
    source = counts if fitted_to is None else _counts(fitted_to, "fitted_to")
    if source.shape[-1] != n_neurons:
        raise ValueError(
            f"fitted_to: expected {n_neurons} neurons, as in spikes, received "
            f"{source.shape[-1]}."
        )
    rates = _mean(counts, bin_width, sd, causal=False)
    source = rates if fitted_to is None else _mean(source, bin_width, sd, causal=False)
    fitted = principal_components(source, n_components)
    return np.maximum(fitted.reconstruct(fitted.project(rates)), 0.0)


def _counts(spikes: Any, name: str) -> np.ndarray:
    """Check spikes, as float32 or float64."""
    counts = numbers_or_nan(spikes, name, n_axes=(2, 3), shape=_SHAPE)
    return counts.astype(np.result_type(counts, np.float32), copy=False)


def _mean(counts: np.ndarray, bin_width: float, sd: float, *, causal: bool) -> np.ndarray:
    width, sd = seconds_per_bin(bin_width), checks.check_number(sd, "sd")
    check_kernel("sd", sd, width)
    _warn_of_longer("sd", sd, counts.shape[-2] * width)
    total, weight, _ = _sums(counts, sd / width, causal=causal)
    with np.errstate(invalid="ignore"):  # 0 / 0 is the NaN wanted
        return total / (weight * width)


def _warn_of_longer(name: str, sd: float, duration: float) -> None:
    if sd > duration:
        warnings.warn(
            f"{name}: {sd:g} s is longer than the data of {duration:g} s. For {sd:g} ms pass "
            f"{sd / 1e3:g}.",
            stacklevel=4,
        )


def select_gaussian_width(
    train_spikes: Any,
    bin_width: float,
    candidates: Sequence[float] = (0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3),
    *,
    true_rates: Any = None,
) -> GaussianWidth:
    """Select the width of the kernel whose rates have the least mean squared error.

    The mean goes over all observed trials, bins and neurons, so that the best width is also
    that of the highest R^2 pooled over neurons
    (:func:`r_squared`). With true rates the error is exact, and
    smoothing gets the most that it can in a comparison.

    Without them it is estimated without bias from the spikes (Shimazaki & Shinomoto 2010,
    Journal of Computational Neuroscience 29:171, section 2, here for binned counts)::

        mean over samples of (x - s)^2 - x (1 - 2 w)

    with counts ``x``, smoothed counts ``s`` and the weight ``w`` of a bin in its own smoothed
    count: ``x`` stands for the variance of a Poisson count, and ``w x`` for what the noise of
    ``x`` adds to its covariance with ``s``. That holds for counts that are Poisson and
    independent across bins given the rates; bursts make the choice too narrow, and
    refractoriness too wide.

    The best width for the rates is not the best for decoding, where neurons are averaged
    too and a wider kernel loses less.

    Args:
        train_spikes: as for :func:`smooth_gaussian`.
        bin_width: width of a bin in seconds.
        candidates: standard deviations in seconds.
        true_rates: spikes/s, of the shape of ``train_spikes``, if known; then the counts
            need not be Poisson.

    Returns:
        The best width and all errors. A warning is logged when it is the least or the
        greatest candidate, for then a better one may lie beyond.

    Raises:
        ValueError: wrong shapes or candidates; nothing was observed.

    Example:
        >>> import numpy as np
        >>> rates = 20 + 15 * np.sin(np.linspace(0, 20, 400))[None, :, None]
        >>> spikes = np.random.default_rng(0).poisson(0.01 * rates, (50, 400, 4))
        >>> select_gaussian_width(spikes, 0.01, [0.01, 0.1, 1.0]).sd
        0.1
    """
    width = seconds_per_bin(bin_width)
    sds = [checks.check_number(sd, "candidates") for sd in several(candidates, "candidates")]
    for sd in sds:
        check_kernel("candidates", sd, width)
    counts = _counts(train_spikes, "train_spikes").astype(np.float64, copy=False)
    seen = ~np.isnan(counts)
    truth = None if true_rates is None else numbers_or_nan(true_rates, "true_rates") * width
    if truth is not None:
        if truth.shape != counts.shape:
            raise ValueError(
                f"true_rates: expected shape {counts.shape}, as train_spikes', received "
                f"{truth.shape}."
            )
        seen &= ~np.isnan(truth)
    if not seen.any():
        raise ValueError("train_spikes: expected observed counts, received NaN only.")
    errors = np.empty(len(sds))
    for i, sd in enumerate(sds):
        total, weight, own = _sums(counts, sd / width)
        with np.errstate(divide="ignore", invalid="ignore"):
            smoothed = total / weight
            if truth is None:
                each = (counts - smoothed) ** 2 - counts * (1.0 - 2.0 * own / weight)
            else:
                each = (truth - smoothed) ** 2
        errors[i] = each[seen].mean() / width**2
    best = sds[int(np.argmin(errors))]
    _warn_of_longer("candidates", best, counts.shape[-2] * width)
    if len(sds) > 1 and best in (min(sds), max(sds)):
        _LOG.warning(
            "The best width, %g s, is at the end of the candidates (%g to %g s): a better one "
            "may lie beyond, among candidates that you give.",
            best,
            min(sds),
            max(sds),
        )
    return GaussianWidth(best, errors)


def _sums(
    counts: np.ndarray, sd_bins: float, *, causal: bool = False
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return weighted sum of observed counts, sum of weights, and a bin's own weight."""

    def convolve(values: np.ndarray) -> np.ndarray:
        if causal:
            return ndimage.convolve1d(values, kernel, axis=-2, mode="constant")
        return ndimage.gaussian_filter1d(values, sd_bins, axis=-2, mode="constant")

    reach = int(4.0 * sd_bins + 0.5)  # as gaussian_filter1d has it
    lag = np.arange(-reach, reach + 1)
    # A kernel narrower than a bin leaves each bin as it is.
    kernel = np.where(lag < 0, 0.0, np.exp(-0.5 * (lag / sd_bins) ** 2))
    kernel /= kernel.sum()
    seen = ~np.isnan(counts)
    if seen.all():
        mask = np.ones((counts.shape[-2], 1), counts.dtype)
        total = convolve(counts)
    else:
        mask = seen.astype(counts.dtype)
        total = convolve(np.where(seen, counts, 0))
    return total, convolve(mask), float(convolve(np.ones((1, 1)))[0, 0])
