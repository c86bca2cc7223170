"""Coherence of rates with a field potential: the constancy of their phase difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy import fft
from scipy.signal import windows

from fixedpoint_tf._utils import checks
from lfads_tf._utils.checks import check_share, seconds_per_bin
from lfads_tf.analysis.field_potentials.signals import check_trials

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Coherence", "coherence"]


class Coherence(NamedTuple):
    """Coherence and phase of rates and a field potential.

    Attributes:
        frequencies: ``(n_frequencies,)``, in Hz, from one cycle a trial on.
        coherence: ``(n_frequencies,)``, or ``(n_frequencies, n_neurons)`` for several neurons,
            from 0 to 1: the size, not its square. NaN where a signal has no power.
        phase: of the same shape, in rad from -pi to pi; positive where the rates follow the
            field potential: by ``phase / (2 pi frequency)`` seconds, but for whole periods.
            Where the coherence is at chance it means nothing.
        n_estimates: trials times tapers, over which each value is taken.
        half_bandwidth: in Hz: what lies nearer together is not resolved.

    Example:
        >>> import numpy as np
        >>> lfp = np.random.default_rng(0).normal(size=(50, 100))
        >>> found = coherence(lfp, lfp, 0.01)  # with itself
        >>> bool((found.coherence > 0.999).all()), 0 < found.chance() < 0.3
        (True, True)
    """

    frequencies: np.ndarray
    coherence: np.ndarray
    phase: np.ndarray
    n_estimates: int
    half_bandwidth: float

    def chance(self, level: float = 0.95) -> float:
        """Compute the bound that the coherence of independent signals exceeds by chance only.

        Exact for Gaussian signals whose spectra are flat within the bandwidth:
        ``sqrt(1 - (1 - level)^(1 / (n_estimates - 1)))``, at one frequency; among many
        frequencies, a share of ``1 - level`` exceeds it. The mean of the squared coherence of
        such signals is ``1 / n_estimates``.

        Args:
            level: above 0 and below 1.

        Raises:
            ValueError: a level that is not between 0 and 1.

        References:
            Jarvis & Mitra (2001), Neural Computation 13:717-749; Rosenberg et al. (1989),
            Progress in Biophysics and Molecular Biology 53:1-31.

        Example:
            >>> Coherence(None, None, None, n_estimates=100, half_bandwidth=3.0).chance()
            0.1727...
        """
        check_share(level, "level")
        return float(np.sqrt(1.0 - (1.0 - level) ** (1.0 / (self.n_estimates - 1))))

    def plot(
        self, *, level: float = 0.95, with_phase: bool = True, axes: Any = None
    ) -> tuple[Figure, np.ndarray]:
        """Draw coherence with its chance level, and in a lower panel the phase where coherent.

        For several neurons the mean coherence is drawn over a thin line of each neuron, and the
        phase of each neuron is drawn where its coherence is above chance.

        Args:
            level: probability that independent signals stay below the chance level at one
                frequency.
            with_phase: whether to draw the phase.
            axes: axes to draw in: two, or one without the phase.

        Returns:
            The figure and the axes, ``(2,)`` or ``(1,)``.

        Raises:
            ValueError: a level that is not between 0 and 1, or another number of axes.

        Example:
            >>> import numpy as np
            >>> lfp = np.random.default_rng(0).normal(size=(20, 100))
            >>> fig, axes = coherence(lfp, lfp, 0.01).plot()
            >>> [ax.get_ylabel() for ax in axes]
            ['coherence', 'phase lag of\\nthe rates (rad)']
        """
        from lfads_tf.analysis.field_potentials import plotting

        return plotting.plot_coherence(self, level=level, with_phase=with_phase, axes=axes)


def coherence(
    rates: Any, lfp: Any, bin_width: float, *, half_bandwidth: float | None = None
) -> Coherence:
    """Compute multitaper coherence of single trials' rates with a field potential.

    Each trial, its mean taken off, is multiplied by K Slepian tapers (discrete prolate
    spheroidal sequences) and Fourier transformed; with X of the field potential and Y of the
    rates, over trials and tapers::

        coherency = mean(X conj(Y)) / sqrt(mean(|X|^2) mean(|Y|^2))

    Its size is the coherence and its angle the phase. What both signals do in every trial
    alike counts as well: take the mean over the trials of a condition off both to leave it
    out.

    Args:
        rates: ``(n_trials, n_bins, n_neurons)``, or ``(n_trials, n_bins)`` for one signal.
        lfp: ``(n_trials, n_bins)``.
        bin_width: width of a bin in seconds.
        half_bandwidth: W of the tapers in Hz, at least one cycle a trial; of T seconds a trial
            K is ``2 T W - 1``, rounded down. 2 cycles per trial by default: 3 tapers.

    Returns:
        :class:`Coherence`.

    Raises:
        TypeError: not an array of real numbers.
        ValueError: shapes that do not agree, NaN or infinity, a bandwidth out of range, or a
            single trial and taper, whose coherence is 1 whatever the signals.

    References:
        Thomson (1982), Proceedings of the IEEE 70:1055-1096; Jarvis & Mitra (2001).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> time, phases = np.arange(100) * 0.01, rng.uniform(0, 2 * np.pi, (50, 1))
        >>> lfp = np.cos(2 * np.pi * 20 * time + phases)
        >>> rates = 10 + np.cos(2 * np.pi * 20 * time + phases - np.pi / 4)
        >>> found = coherence(rates, lfp, 0.01)
        >>> at = int(np.argmin(np.abs(found.frequencies - 20)))
        >>> round(float(found.coherence[at]), 2), round(float(found.phase[at] / np.pi), 2)
        (1.0, 0.25)
    """
    width = seconds_per_bin(bin_width)
    y, x = check_trials(rates, lfp)
    n_trials, n_bins = x.shape
    duration = n_bins * width
    if half_bandwidth is None:
        half_bandwidth = 2.0 / duration
    product = checks.check_number(half_bandwidth, "half_bandwidth") * duration
    if not 1.0 - 1e-9 <= product < n_bins / 2:
        raise ValueError(
            f"half_bandwidth: expected from one cycle a trial ({1 / duration:g} Hz) to half "
            f"the bins per second ({0.5 / width:g} Hz), received {half_bandwidth!r}."
        )
    n_tapers = max(1, int(2.0 * product - 1.0 + 1e-9))
    if n_trials * n_tapers < 2:
        raise ValueError(
            "rates: expected at least 2 trials, or tapers, since the coherence of one is "
            f"always 1; received {n_trials} and {n_tapers}."
        )
    tapers = windows.dpss(n_bins, product, n_tapers)
    x, y = (a - a.mean(axis=1, keepdims=True) for a in (x, y))
    xx: Any = 0.0
    yy: Any = 0.0
    xy: Any = 0.0
    for taper in tapers:
        of_x = fft.rfft(x * taper, axis=1)[:, 1:, None]
        of_y = fft.rfft(y * taper[:, None], axis=1)[:, 1:]
        xx = xx + (np.abs(of_x) ** 2).sum(axis=0)
        yy = yy + (np.abs(of_y) ** 2).sum(axis=0)
        xy = xy + (of_x * of_y.conj()).sum(axis=0)
    least = 1e-20 * np.maximum((x**2).sum() * (y**2).sum(axis=(0, 1)), 1e-280)
    with np.errstate(invalid="ignore", divide="ignore"):
        coherency = xy / np.sqrt(np.where(xx * yy > least, xx * yy, np.nan))
    if np.ndim(rates) == 2:
        coherency = coherency[:, 0]
    return Coherence(
        fft.rfftfreq(n_bins, width)[1:],
        np.abs(coherency),
        np.angle(coherency),
        n_trials * n_tapers,
        float(half_bandwidth),
    )
