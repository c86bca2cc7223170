"""Spikes and a field potential that share an oscillation, as functions of a seed.

The oscillation has another phase in each trial, so that the mean over trials shows nothing
of it: what is left of it in rates is what a method keeps of single trials. That LFADS keeps
such oscillations was shown by the correlation of its rates with the local field potential
(Pandarinath et al. 2018, Nature Methods 15:805-815, "LFADS uncovers oscillations").
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy import signal, special

from fixedpoint_tf._utils import checks
from lfads_tf.data.session import Session
from lfads_tf.data.synthetic.dynamics import spikes_from_rates

__all__ = ["Oscillation", "oscillation"]


_COPIES = 3  # of the slow signals while they are smoothed
_DEEPEST = 100.0  # of the modulation of log rates: far above, exponentials overflow


class Oscillation(NamedTuple):
    """Simulated session with its field potential, and the parameters of both.

    Attributes:
        session: with ``true_rates`` and ``conditions``.
        lfp: the field potential at the centres of the bins, ``(n_trials, n_bins)``, in units
            in which the oscillation's amplitude is 1.
        phases: phases of the oscillation in the field potential, which is their cosine,
            ``(n_trials, n_bins)``, in rad.
        frequency: in Hz.
        lags: delay of the oscillation in each neuron's rate behind that of the field potential,
            ``(n_neurons,)``, in seconds, from minus to plus half a period.
        depths: depths of modulation of the log rates, ``(n_neurons,)``.

    Example:
        >>> data = oscillation(n_trials=20, n_neurons=10, frequency=20.0, seed=1)
        >>> data.frequency, data.phases.shape, data.lags.shape
        (20.0, (20, 100), (10,))
    """

    session: Session
    lfp: np.ndarray
    phases: np.ndarray
    frequency: float
    lags: np.ndarray
    depths: np.ndarray


def oscillation(
    n_trials: int = 400,
    n_bins: int = 100,
    n_neurons: int = 40,
    *,
    frequency: float = 15.0,
    bandwidth: float = 0.0,
    depth: float = 0.6,
    lag: float = 0.01,
    lag_spread: float = 0.005,
    n_conditions: int = 4,
    slow_depth: float = 0.5,
    lfp_noise: float = 1.0,
    noise_time_constant: float = 0.05,
    bin_width: float = 0.01,
    mean_rate: float = 15.0,
    seed: int = 0,
) -> Oscillation:
    r"""Draw spikes and a field potential that share an oscillation of random phase.

    In trial k the phase is ``p_k(t) = 2 pi frequency t + p_k(0)`` with ``p_k(0)`` drawn evenly
    from the circle, plus a random walk if there is a ``bandwidth``. The field potential is
    ``cos p_k(t)`` and noise with the correlation ``exp(-|t| / noise_time_constant)``. The
    rate of neuron i is::

        mean_rate s_ci(t) exp(d_i cos(p_k(t) - 2 pi frequency lag_i)) / I0(d_i)

    with the modified Bessel function I0, the mean of the exponential over all phases: the PSTH
    of a condition c is ``mean_rate s_ci(t)``, independent of the oscillation. The slow part s
    is the exponential of a Gaussian process with a time constant of 150 ms, divided by its mean
    over the trial, the same in all trials of a condition.

    Args:
        n_trials: number of trials; trial ``k`` is of condition ``k % n_conditions``.
        n_bins: bins in a trial.
        n_neurons: number of neurons.
        frequency: in Hz, below half the bins per second.
        bandwidth: full width at half maximum of the oscillation's spectrum in Hz; 0: the phase
            advances evenly, so that its value in one bin determines it in all bins.
        depth: mean depth of modulation of the log rate; each neuron's is drawn evenly from
            half of it to one and a half. 0: no oscillation in the spikes, all else unchanged.
        lag: mean time by which the rates follow the field potential, in seconds.
        lag_spread: standard deviation over neurons, in seconds.
        n_conditions: number of conditions, each with its own slow part; at most ``n_trials``.
        slow_depth: standard deviation of the log of the slow part; 0: flat PSTHs.
        lfp_noise: standard deviation of the noise of the field potential, whose oscillation has
            a standard deviation of 0.71.
        noise_time_constant: in seconds.
        bin_width: width of a bin in seconds.
        mean_rate: of each neuron, in spikes/s.
        seed: the same seed gives the same trials.

    Raises:
        TypeError: a size that is not an integer, or another argument that is not a number.
        ValueError: a size, rate or time out of range, more conditions than trials, or a
            frequency that the bins cannot show.

    Example:
        >>> data = oscillation(n_trials=20, n_neurons=10, frequency=20.0, seed=1)
        >>> data.session
        Session('oscillation': 20 trials x 100 bins of 10 ms x 10 neurons, 4 conditions, ...)
        >>> data.lfp.shape
        (20, 100)
    """
    checks.check_array_sizes(n_trials=n_trials, n_bins=n_bins, n_neurons=n_neurons)
    checks.check_whole(n_conditions, "n_conditions", 1, n_trials)
    for name, number in (
        ("noise_time_constant", noise_time_constant),
        ("bin_width", bin_width),
        ("mean_rate", mean_rate),
    ):
        checks.check_number(number, name)
    for name, number in (
        ("bandwidth", bandwidth),
        ("lag_spread", lag_spread),
        ("lfp_noise", lfp_noise),
    ):
        checks.check_number(number, name, closed="low")
    for name, number in (("depth", depth), ("slow_depth", slow_depth)):
        checks.check_number(number, name, high=_DEEPEST, closed="both")
    checks.check_number(lag, "lag", -math.inf)
    checks.check_number(
        frequency, "frequency", high=0.5 / bin_width, for_=" Hz, below half the bins per second"
    )
    checks.check_seed(seed)
    sd_of_slow = 0.15 / bin_width
    reach = n_bins + 8.0 * sd_of_slow
    checks.check_fits("bin_width", bin_width, n_conditions, reach, n_neurons, _COPIES)
    # Streams of their own: the spikes do not depend on how much noise the potential has.
    streams = np.random.SeedSequence(seed).spawn(5)
    of_phase, of_neurons, of_slow, of_noise, of_spikes = map(np.random.default_rng, streams)
    phases = _phases(of_phase, n_trials, n_bins, frequency * bin_width, bandwidth * bin_width)
    depths = depth * of_neurons.uniform(0.5, 1.5, size=n_neurons)
    lags = lag + lag_spread * of_neurons.normal(size=n_neurons)
    lags = (lags * frequency + 0.5) % 1.0 / frequency - 0.5 / frequency
    conditions = np.arange(n_trials) % n_conditions
    slow = _slow(of_slow, (n_conditions, n_bins, n_neurons), sd_of_slow)
    slow = np.exp(slow_depth * slow)
    slow /= slow.mean(axis=1, keepdims=True)
    wave = np.cos(phases[..., None] - 2.0 * np.pi * frequency * lags)
    rates = mean_rate * slow[conditions] * np.exp(depths * wave) / special.i0(depths)
    noise = _correlated(of_noise, n_trials, n_bins, math.exp(-bin_width / noise_time_constant))
    return Oscillation(
        Session(
            spikes_from_rates(rates, bin_width, of_spikes),
            bin_width,
            "oscillation",
            conditions=conditions,
            true_rates=rates,
        ),
        (np.cos(phases) + lfp_noise * noise).astype(np.float32),
        phases,
        float(frequency),
        lags,
        depths,
    )


def _phases(
    rng: np.random.Generator, n_trials: int, n_bins: int, turns: float, width: float
) -> np.ndarray:
    """Draw phases with a random walk, for a Lorentzian spectrum of full width ``width``."""
    start = rng.uniform(0.0, 2.0 * np.pi, size=(n_trials, 1))
    steps = math.sqrt(2.0 * np.pi * width) * rng.normal(size=(n_trials, n_bins))
    steps[:, 0] = 0.0
    return start + 2.0 * np.pi * turns * np.arange(n_bins) + np.cumsum(steps, axis=1)


def _slow(rng: np.random.Generator, shape: tuple[int, int, int], sd: float) -> np.ndarray:
    """Draw white noise of variance 1, smoothed along the second axis by a Gaussian."""
    reach = math.ceil(4 * sd)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sd) ** 2)
    kernel /= np.linalg.norm(kernel)
    white = rng.normal(size=(shape[0], shape[1] + 2 * reach, shape[2]))
    return signal.fftconvolve(white, kernel[None, :, None], mode="valid", axes=1)


def _correlated(
    rng: np.random.Generator, n_trials: int, n_bins: int, memory: float
) -> np.ndarray:
    """Draw stationary noise of variance 1, of correlation ``memory`` between bins."""
    white = rng.normal(size=(n_trials, n_bins))
    white[:, 1:] *= math.sqrt(1.0 - memory**2)
    return signal.lfilter([1.0], [1.0, -memory], white, axis=1)
