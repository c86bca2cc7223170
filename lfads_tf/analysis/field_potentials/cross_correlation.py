"""Rates of single trials against a local field potential (LFP), lag by lag and band by band.

What rates share with a field potential that was recorded beside them was not put there by
the method that inferred them, which never saw it: oscillations of the potential that are
found again in the rates are real ones (Pandarinath et al. 2018, Nature Methods 15:805-815).
The same frequency by frequency is :func:`coherence`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import fft, signal

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import check_share, seconds_per_bin
from lfads_tf._utils.conditions import as_conditions, has_condition
from lfads_tf.analysis.field_potentials.lagged_products import LaggedProducts
from lfads_tf.analysis.field_potentials.signals import band_pass, check_band, check_trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CrossCorrelation", "cross_correlation", "peak_frequency"]

_FINENESS = 32  # of the frequencies at which a spectrum is evaluated, a cycle over all lags


class CrossCorrelation(NamedTuple):
    """Correlations of rates with a field potential, and those of shuffled trials.

    Attributes:
        lags: ``(n_lags,)``, in seconds, ascending and symmetric about 0; at positive lags the
            rates follow the field potential.
        correlation: ``(n_lags,)``, or ``(n_lags, n_neurons)`` for several neurons; NaN where
            the rates or the potential never vary within a trial.
        shuffled: the same with the potentials assigned to trials at random,
            ``(n_shuffles, n_lags)`` or ``(n_shuffles, n_lags, n_neurons)``.

    Example:
        >>> import numpy as np
        >>> lfp = np.random.default_rng(0).normal(size=(20, 100))
        >>> found = cross_correlation(lfp, lfp, 0.01, max_lag=0.05)
        >>> round(float(found.peak), 3), found.lags.round(2).tolist()[:2]
        (1.0, [-0.05, -0.04])
    """

    lags: np.ndarray
    correlation: np.ndarray
    shuffled: np.ndarray

    def chance(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Return the range that holds this share of the shuffles, at each lag separately.

        Args:
            level: above 0 and below 1.

        Returns:
            The lower and the upper end, each of the shape of ``correlation``.

        Raises:
            ValueError: a level that is not between 0 and 1.
        """
        check_share(level, "level")
        low, high = np.quantile(self.shuffled, [0.5 - level / 2, 0.5 + level / 2], axis=0)
        return low, high

    @property
    def p_value(self) -> np.ndarray:
        """Chance of a peak as high among shuffled trials, a number or one for each neuron.

        A permutation test. The statistic is the largest deviation, over all lags and of either
        sign, from the mean over the data and all shuffles. Its value for the data is compared
        with that of each shuffle, which corrects for testing many lags. With n shuffles it is
        never below ``1 / (n + 1)``.
        """
        every = np.concatenate([self.correlation[None], self.shuffled])
        found, *by_chance = np.abs(every - every.mean(axis=0)).max(axis=1)
        p = (1 + (np.stack(by_chance) >= found).sum(axis=0)) / len(every)
        return np.where(np.isnan(found), np.nan, p)

    @property
    def peak(self) -> np.ndarray:
        """The correlation of greatest size, with its sign, for each neuron."""
        return np.take_along_axis(self.correlation, self._at_peak, axis=0)[0]

    @property
    def peak_lag(self) -> np.ndarray:
        """The lag of :attr:`peak` in seconds, up to half periods of a pure oscillation."""
        return np.where(np.isnan(self.peak), np.nan, self.lags[self._at_peak[0]])

    @property
    def _at_peak(self) -> np.ndarray:
        size = np.nan_to_num(np.abs(self.correlation), nan=-1.0)
        return np.expand_dims(size.argmax(axis=0), 0)

    def peak_frequency(self, least: float | None = None) -> np.ndarray:
        """Find the frequency of the largest peak in the spectrum of the correlation.

        The mean over lags is subtracted, and a Hann window applied: two frequencies are
            resolved if they differ by more than about two cycles over all lags.

        Args:
            least: lowest frequency considered, in Hz; by default one cycle over all lags.

        Returns:
            In Hz, a number or one per neuron; NaN where it does not vary or holds NaN.

        Raises:
            ValueError: a frequency out of range.
        """
        width = float(self.lags[1] - self.lags[0])
        return peak_frequency(self.correlation, width, least=least)

    def plot(self, *, level: float = 0.95, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """Draw a cross-correlation over the band in which those of shuffled trials lie.

        For several neurons their mean is drawn over thin lines of each, and the band is that of
        the mean; neurons of opposite sign cancel in it. The band is that of each lag alone: of
        many lags some leave it by chance.

        Args:
            level: share of the shuffles within the band.
            ax: axes to draw in.

        Returns:
            The figure and the axes.

        Raises:
            ValueError: a level that is not between 0 and 1.

        Example:
            >>> import numpy as np
            >>> lfp = np.random.default_rng(0).normal(size=(20, 100))
            >>> fig, ax = cross_correlation(lfp, lfp, 0.01, max_lag=0.2).plot()
            >>> ax.get_xlabel()
            'lag of the rates behind the LFP (s)'
        """
        from lfads_tf.analysis.field_potentials import plotting

        return plotting.plot_cross_correlation(self, level=level, ax=ax)


def cross_correlation(
    rates: Any,
    lfp: Any,
    bin_width: float,
    *,
    max_lag: float,
    band: tuple[float, float] | None = None,
    conditions: Any = None,
    n_shuffles: int = 200,
    seed: int = 0,
) -> CrossCorrelation:
    """Compute the correlation of single trials' rates with a field potential at each lag.

    At lag L it is Pearson's correlation of ``lfp(t)`` with ``rates(t + L)`` over all trials and
    all t at which both exist. In each trial the mean over these t is subtracted, so constant
    differences between trials have no effect, and a signal and its own shifted copy have
    correlation 1 at that shift. Activity that is the same in every trial does contribute. To
    measure this contribution, the potentials are assigned to trials at random: the mean over
    all shuffles is the part that is due to the trial averages of rates and potential.

    Args:
        rates: ``(n_trials, n_bins, n_neurons)``, or ``(n_trials, n_bins)`` for one signal, in
            any unit.
        lfp: ``(n_trials, n_bins)``, in any unit, one value per bin: filter before thinning out.
        bin_width: width of a bin in seconds.
        max_lag: in seconds; at most half a trial.
        band: lower and upper frequency in Hz; both go through :func:`band_pass` first.
        conditions: conditions of the trials, ``(n_trials,)``: trials are shuffled within
            conditions; those without a condition are left out.
        n_shuffles: number of shuffles, at least 1.
        seed: seed of the shuffles.

    Returns:
        :class:`CrossCorrelation`.

    Raises:
        TypeError: not an array of real numbers.
        ValueError: shapes that do not agree, NaN or infinity (cut trials of different lengths
            to what all have), a condition of a single trial, a lag, band or number out of
            range.

    Example:
        >>> lfp = np.random.default_rng(0).normal(size=(20, 100))
        >>> rates = np.roll(lfp, 3, axis=1)  # They follow by three bins.
        >>> found = cross_correlation(rates, lfp, 0.01, max_lag=0.1)
        >>> round(float(found.peak_lag), 3), round(float(found.peak), 3)
        (0.03, 1.0)
    """
    width = seconds_per_bin(bin_width)
    checks.check_whole(n_shuffles, "n_shuffles")
    checks.check_seed(seed)
    if band is not None:
        check_band(band, width)
    y, x = check_trials(rates, lfp)
    if conditions is not None:
        conditions = as_conditions(conditions, len(x))
        known = has_condition(conditions)
        if not known.any():
            raise ValueError("conditions: expected that of at least two trials, received none.")
        conditions, x, y = conditions[known], x[known], y[known]
    n_trials, n_bins = x.shape
    n_lags = round(min(checks.check_number(max_lag, "max_lag") / width, n_bins))
    if not 1 <= n_lags <= n_bins // 2:
        raise ValueError(
            f"max_lag: expected from one bin to half a trial ({width:g} to "
            f"{n_bins // 2 * width:g} s), received {max_lag!r}."
        )
    if band is not None:
        x, y = band_pass(x, width, band), band_pass(y, width, band)
    n_neurons = y[0, 0].size
    checks.check_fits("n_shuffles", n_shuffles, n_shuffles, 2 * n_lags + 1, n_neurons, 2)
    groups = _groups(conditions, n_trials)
    # Means of whole trials off first, so that sums of squares keep their digits.
    x, y = (a - a.mean(axis=1, keepdims=True) for a in (x, y))
    lags = np.arange(-n_lags, n_lags + 1)
    products = LaggedProducts(x, y, lags)
    rng = np.random.default_rng(seed)
    shuffled = [
        products.correlation(_pairing(groups, n_trials, rng)) for _ in range(n_shuffles)
    ]
    found = np.stack([products.correlation(np.arange(n_trials)), *shuffled])
    if np.ndim(rates) == 2:
        found = found[..., 0]
    return CrossCorrelation(lags * width, found[0], found[1:])


def peak_frequency(
    correlation: Any, bin_width: float, *, least: float | None = None
) -> np.ndarray:
    """Find the frequency at which a correlation function oscillates most.

    The greatest value of the spectrum of the function ``(n_lags,)`` or ``(n_lags, n)``, its
    mean over lags taken off, after a Hann window over all lags.
    """
    width = seconds_per_bin(bin_width)
    values = checks.as_numbers(
        correlation, "correlation", n_axes=(1, 2), shape="(n_lags, n)", dtype=None
    )
    n_lags = len(values)
    if n_lags < 3:
        raise ValueError(f"correlation: expected at least 3 lags, received {n_lags}.")
    lowest = 1 / (n_lags * width) if least is None else checks.check_number(least, "least")
    if lowest > 0.5 / width:
        raise ValueError(
            f"least: expected at most half the bins per second ({0.5 / width:g} Hz), received "
            f"{least!r}."
        )
    window = signal.windows.hann(n_lags + 2)[1:-1].reshape(-1, *[1] * (values.ndim - 1))
    # The mean as the window sees it, so that nothing of it is left at low frequencies.
    values = values - (window * values).sum(axis=0) / window.sum()
    n = fft.next_fast_len(_FINENESS * n_lags, real=True)
    size = np.abs(fft.rfft(window * values, n, axis=0))
    frequencies = fft.rfftfreq(n, width)
    inside = frequencies >= lowest * (1 - 1e-9)
    size, frequencies = size[inside], frequencies[inside]
    varies = np.isfinite(size).all(axis=0) & (size.max(axis=0) > 1e-12)
    return np.where(varies, frequencies[np.nan_to_num(size).argmax(axis=0)], np.nan)


def _groups(conditions: np.ndarray | None, n_trials: int) -> list[np.ndarray]:
    """Return the trials of each condition."""
    if conditions is None:
        if n_trials < 2:
            raise ValueError(
                f"rates: expected at least 2 trials to shuffle, received {n_trials}."
            )
        return [np.arange(n_trials)]
    groups = [np.flatnonzero(conditions == kind) for kind in np.unique(conditions)]
    alone = [conditions[group[0]] for group in groups if len(group) < 2]
    if alone:
        raise ValueError(
            "conditions: expected at least 2 trials of each to shuffle within, received one "
            f"of {checks.listed(alone)}."
        )
    return groups


def _pairing(groups: list[np.ndarray], n_trials: int, rng: np.random.Generator) -> np.ndarray:
    """Pair each trial at random with one of its group, possibly itself."""
    pairing = np.empty(n_trials, np.int64)
    for group in groups:
        pairing[group] = rng.permutation(group)
    return pairing
