"""Spikes whose rates, latents and inputs are known, as functions of a seed.

The two systems are those on which LFADS was first shown (Sussillo, Jozefowicz, Abbott &
Pandarinath 2016, arXiv:1608.06315; Pandarinath et al. 2018, Nature Methods 15:805-815,
supplement): the Lorenz attractor, which runs on its own, and a chaotic network with a pulse
at a time that is to be inferred.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils.checks import (
    as_numbers,
    check_array_sizes,
    check_number,
    check_seed,
    check_whole,
)
from lfads_tf._utils.checks import check_infinity
from lfads_tf.data.session import Session

__all__ = [
    "Synthetic",
    "chaotic_rnn_with_pulse",
    "lorenz",
    "lorenz_flow",
    "spikes_from_rates",
]

_SIGMA, _RHO, _BETA = 10.0, 28.0, 8.0 / 3.0  # the parameters of Lorenz (1963)
_LONGEST_BIN = 100.0  # of Lorenz time: more than a hundred turns
_MOST_COUNTS = 1e18  # in a bin: of more, none are drawn
_LONGEST_STEP = 0.01  # of Lorenz time: errors of 4e-7 a step (median), 4e-5 at most


class Synthetic(NamedTuple):
    """A synthetic session with the latents and inputs that generated it.

    Attributes:
        session: with ``true_rates`` and ``conditions``.
        latents: ``(n_trials, n_bins, n_latents)``: the Lorenz coordinates, or the states of
            the network.
        inputs: ``(n_trials, n_bins, n_inputs)``: what drove the system; no inputs if
            ``n_inputs`` is 0.
        pulse_bins: ``(n_trials,)``: the bin of each trial's pulse; empty without pulses.

    Example:
        >>> data = lorenz(n_trials=40, n_bins=50, n_neurons=12, seed=1)
        >>> data.session.true_rates.shape, data.latents.shape, data.inputs.shape
        ((40, 50, 12), (40, 50, 3), (40, 50, 0))
    """

    session: Session
    latents: np.ndarray
    inputs: np.ndarray
    pulse_bins: np.ndarray


def spikes_from_rates(
    rates: Any, bin_width: float, seed: int | np.random.Generator
) -> np.ndarray:
    """Draw Poisson spike counts with the given rates.

    Args:
        rates: in spikes/s, of any shape; NaN gives NaN.
        bin_width: width of a bin in seconds.
        seed: the same seed gives the same spikes; a generator goes on from where it is.

    Returns:
        Counts of the same shape, float32.

    Raises:
        ValueError: rates that are negative or infinite, or a width that is not positive.

    Example:
        >>> import numpy as np
        >>> spikes = spikes_from_rates(np.full((1000, 50), 20.0), 0.01, seed=0)
        >>> round(float(spikes.mean() / 0.01))
        20
    """
    _check_positive(bin_width=bin_width)
    rates = as_numbers(rates, "rates")
    known = ~np.isnan(rates)
    if (rates[known] < 0).any() or np.isinf(rates[known]).any():
        raise ValueError(
            f"rates: expected finite rates of at least 0 spikes/s, received "
            f"{np.nanmin(rates):g} to {np.nanmax(rates):g}."
        )
    if (rates[known] * bin_width > _MOST_COUNTS).any():
        raise ValueError(
            f"rates: expected at most {_MOST_COUNTS:g} spikes in a bin, received "
            f"{np.nanmax(rates):g} spikes/s in bins of {bin_width:g} s."
        )
    if not isinstance(seed, np.random.Generator):
        check_seed(seed)
    counts = np.random.default_rng(seed).poisson(np.where(known, rates, 0.0) * bin_width)
    return np.where(known, counts, np.nan).astype(np.float32)


def lorenz_flow(states: np.ndarray) -> np.ndarray:
    """Compute the velocity of the Lorenz system with sigma 10, rho 28 and beta 8/3.

    Args:
        states: ``(..., 3)``.

    Returns:
        Their time derivatives, ``(..., 3)``.

    Raises:
        TypeError: not an array of real numbers.
        ValueError: another number of coordinates, or infinity.

    References:
        Lorenz (1963), Journal of the Atmospheric Sciences 20:130-141, equations 25 to 27.

    Example:
        >>> import numpy as np
        >>> lorenz_flow(np.array([1.0, 2.0, 3.0])).tolist()
        [10.0, 23.0, -6.0]
    """
    states = as_numbers(
        states, "states", n_axes=range(1, 33), sizes={-1: 3}, shape="(..., 3)", empty=True
    )
    check_infinity(states, "states")
    return _flow(states)


def _flow(states: np.ndarray) -> np.ndarray:
    x, y, z = np.moveaxis(states, -1, 0)
    return np.stack([_SIGMA * (y - x), x * (_RHO - z) - y, x * y - _BETA * z], axis=-1)


def lorenz(
    n_trials: int = 800,
    n_bins: int = 100,
    n_neurons: int = 30,
    *,
    n_conditions: int = 20,
    bin_width: float = 0.01,
    mean_rate: float = 5.0,
    time_per_bin: float = 0.02,
    seed: int = 0,
) -> Synthetic:
    """Draw spikes of neurons that are driven by the Lorenz attractor.

    Each condition is one initial condition on the attractor, and so one trajectory; its
    trials differ in their spikes only. The log rate of a neuron is a weighted sum of the
    three coordinates, each scaled to mean 0 and variance 1, with weights drawn evenly from
    -1 to 1; its rate is scaled to ``mean_rate`` over all trials.

    Args:
        n_trials: number of trials; trial ``i`` is of condition ``i % n_conditions``.
        n_bins: bins in a trial.
        n_neurons: number of neurons.
        n_conditions: number of initial conditions, at most ``n_trials``.
        bin_width: width of a bin in seconds.
        mean_rate: of each neuron over all trials, in spikes/s.
        time_per_bin: Lorenz time that passes in a bin; a turn about a lobe takes about 0.7.
        seed: the same seed gives the same neurons, conditions and spikes.

    Returns:
        The session; the latents are the Lorenz coordinates, unscaled; there are no inputs.

    Raises:
        TypeError: a size that is no integer.
        ValueError: a size or rate that is not positive, or more conditions than trials.

    References:
        Sussillo et al. (2016), arXiv:1608.06315.

    Example:
        >>> data = lorenz(n_trials=40, n_bins=50, n_neurons=12, seed=1)
        >>> data.session
        Session('lorenz': 40 trials x 50 bins of 10 ms x 12 neurons, 20 conditions, true rates)
        >>> data.latents.shape
        (40, 50, 3)
    """
    check_array_sizes(n_trials=n_trials, n_bins=n_bins, n_neurons=n_neurons)
    check_whole(n_conditions, "n_conditions")
    _check_positive(bin_width=bin_width, mean_rate=mean_rate)
    check_number(time_per_bin, "time_per_bin", high=_LONGEST_BIN, closed="high")
    conditions = _conditions(n_trials, n_conditions)
    starts, weights, spikes = _streams(seed, 3)
    states = starts.normal(scale=8.0, size=(n_conditions, 3)) + [0.0, 0.0, _RHO - 1]
    states = _advance(states, 20.0)  # On the attractor: volumes shrank by exp(-273).
    trajectories = np.empty((n_conditions, n_bins, 3))
    for t in range(n_bins):
        trajectories[:, t] = states
        states = _advance(states, time_per_bin)
    latents = trajectories[conditions]
    flat = latents.reshape(-1, 3)
    scaled = (trajectories - flat.mean(axis=0)) / flat.std(axis=0)
    modulation = np.exp(scaled @ weights.uniform(-1.0, 1.0, size=(3, n_neurons)))
    modulation /= modulation[conditions].mean(axis=(0, 1))
    rates = (mean_rate * modulation)[conditions]
    counts = spikes_from_rates(rates, bin_width, spikes)
    return Synthetic(
        Session(counts, bin_width, "lorenz", conditions=conditions, true_rates=rates),
        latents.astype(np.float32),
        np.zeros((n_trials, n_bins, 0), np.float32),
        np.zeros(0, np.int64),
    )


def chaotic_rnn_with_pulse(
    n_trials: int = 1000,
    n_bins: int = 100,
    n_neurons: int = 50,
    *,
    n_conditions: int = 100,
    gain: float = 1.5,
    pulse_size: float = 20.0,
    bin_width: float = 0.01,
    time_constant: float = 0.025,
    max_rate: float = 30.0,
    seed: int = 0,
) -> Synthetic:
    r"""Draw spikes of a chaotic network that is struck once in each trial.

    The network ``tau dx/dt = -x + gain W tanh(x) + b u(t)`` has weights ``W`` of variance
    ``1 / n_neurons`` and runs in Euler steps of one bin. Its input ``u`` is ``pulse_size``
    in one bin of each trial, drawn evenly from the second and third quarter of the trial,
    and else 0; the direction ``b`` is the same in all trials, normal with variance 1. The
    rates are ``max_rate (1 + tanh(x)) / 2``; they show the pulse from its own bin on.

    Args:
        n_trials: number of trials; trial ``i`` is of condition ``i % n_conditions``.
        n_bins: bins in a trial, at least 4.
        n_neurons: units of the network, each a neuron.
        n_conditions: number of initial states (normal with variance 1), at most
            ``n_trials``; trials of a condition differ in the time of the pulse.
        gain: 1.5: gently chaotic; 2.5: strongly. Below 1 the activity dies away.
        pulse_size: size of the input pulse; 0: no pulse, everything else unchanged.
        bin_width: width of a bin in seconds.
        time_constant: time constant of the units, in seconds, at least a bin.
        max_rate: in spikes/s.
        seed: the same seed gives the same network, conditions, pulses and spikes.

    Returns:
        The session; the latents are the states ``x``; the input has one dimension.

    Raises:
        TypeError: a size that is no integer.
        ValueError: a size, rate or time out of range, or more conditions than trials.

    References:
        Sussillo et al. (2016), arXiv:1608.06315; Pandarinath et al. (2018).

    Example:
        >>> data = chaotic_rnn_with_pulse(n_trials=10, n_conditions=5, seed=1)
        >>> data.session
        Session('chaotic_rnn': 10 trials x 100 bins of 10 ms x 50 neurons, 5 conditions, ...)
        >>> bool((data.inputs[..., 0].argmax(axis=1) == data.pulse_bins).all())
        True
    """
    check_array_sizes(n_trials=n_trials, n_bins=n_bins, n_neurons=n_neurons)
    check_whole(n_conditions, "n_conditions")
    _check_positive(
        gain=gain, bin_width=bin_width, time_constant=time_constant, max_rate=max_rate
    )
    check_whole(n_bins, "n_bins", 4)
    check_number(pulse_size, "pulse_size", -math.inf)
    if time_constant < bin_width:
        raise ValueError(
            f"time_constant: expected at least a bin ({bin_width:g} s), received "
            f"{time_constant!r}."
        )
    conditions = _conditions(n_trials, n_conditions)
    network, starts, times, spikes = _streams(seed, 4)
    weights = gain * network.normal(size=(n_neurons, n_neurons)) / math.sqrt(n_neurons)
    direction = network.normal(size=n_neurons)
    pulse_bins = times.integers(n_bins // 4, 3 * n_bins // 4, size=n_trials)
    inputs = np.zeros((n_trials, n_bins, 1))
    inputs[np.arange(n_trials), pulse_bins] = pulse_size
    states = np.empty((n_trials, n_bins, n_neurons))
    states[:, 0] = starts.normal(size=(n_conditions, n_neurons))[conditions]
    rate = bin_width / time_constant
    for t in range(1, n_bins):
        x = states[:, t - 1]
        drive = np.tanh(x) @ weights.T + inputs[:, t] * direction
        states[:, t] = (1.0 - rate) * x + rate * drive
    if not np.isfinite(states.astype(np.float32)).all():
        raise ValueError(
            "gain: expected a gain, and a pulse_size, with states that single precision holds, "
            f"received {gain:g} and {pulse_size:g}."
        )
    rates = 0.5 * max_rate * (1.0 + np.tanh(states))
    counts = spikes_from_rates(rates, bin_width, spikes)
    return Synthetic(
        Session(counts, bin_width, "chaotic_rnn", conditions=conditions, true_rates=rates),
        states.astype(np.float32),
        inputs.astype(np.float32),
        pulse_bins,
    )


def _advance(states: np.ndarray, duration: float) -> np.ndarray:
    """Integrate Lorenz states by the classical Runge-Kutta method of fourth order."""
    n_steps = math.ceil(duration / _LONGEST_STEP)
    dt = duration / n_steps
    for _ in range(n_steps):
        k1 = _flow(states)
        k2 = _flow(states + 0.5 * dt * k1)
        k3 = _flow(states + 0.5 * dt * k2)
        k4 = _flow(states + dt * k3)
        states = states + dt / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
    return states


def _streams(seed: int, n: int) -> list[np.random.Generator]:
    """Return independent generators of random numbers from one seed."""
    check_seed(seed)
    return [np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(n)]


def _conditions(n_trials: int, n_conditions: int) -> np.ndarray:
    if n_conditions > n_trials:
        raise ValueError(
            f"n_conditions: expected at most one for each of {n_trials} trials, received "
            f"{n_conditions}."
        )
    return np.arange(n_trials) % n_conditions


def _check_positive(**numbers: Any) -> None:
    for name, number in numbers.items():
        check_number(number, name)
