"""Start read-in and read-out of each session by principal components regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lfads_tf.layers.observations import Observation
from lfads_tf.sessions import alignment

__all__ = ["Start", "modulation_by", "out_kernel_of", "start_by_pcr"]


class Start(NamedTuple):
    """Where read-in and log-linear read-out of a session start.

    Attributes:
        in_kernel: ``(n_encoded_neurons, n_read_in)``.
        in_bias: ``(n_read_in,)``.
        modulation: of the log rates by the factors, ``(n_factors, n_neurons)``.
    """

    in_kernel: np.ndarray
    in_bias: np.ndarray
    modulation: np.ndarray


def start_by_pcr(
    spikes: Sequence[np.ndarray],
    conditions: Sequence[np.ndarray],
    n_encoded: Sequence[int],
    n_read_in: int,
    n_factors: int,
    *,
    log_link: bool = True,
) -> list[Start]:
    """Principal components regression of several sessions.

    The read-in of each leads to the shared components, at one scale for all, at which what
    single trials lead to has mean square 1 over the sessions. The read-out's modulation is
    that of the log rates by the components at variance 1: factors start alike in size.

    Args:
        spikes: of each session, ``(n_trials, n_bins, n_neurons)``, NaN where not observed.
        conditions: of each session, ``(n_trials,)``, the same labels in all.
        n_encoded: how many neurons of each the encoders see.
        n_read_in: number of shared components.
        n_factors: number of factors; those behind the components modulate nothing.
        log_link: whether factors act on logarithms (False: on the expected data).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> spikes = [rng.poisson(1.0, (6, 10, n)) * 1.0 for n in (4, 5)]
        >>> starts = start_by_pcr(spikes, [np.arange(6) % 3] * 2, (4, 5), 2, 3)
        >>> starts[1].in_kernel.shape, starts[1].modulation.shape
        ((5, 2), (3, 5))
    """
    labels = np.unique(conditions[0])
    both = [
        alignment.condition_averages(s, c, labels)
        for s, c in zip(spikes, conditions, strict=True)
    ]
    averages, numbers = ([pair[i] for pair in both] for i in (0, 1))
    encoded = [a[..., :n] for a, n in zip(averages, n_encoded, strict=True)]
    scores = alignment.shared_components(encoded, n_read_in)
    read_ins = [alignment.regression(a, scores) for a in encoded]
    squares = [
        np.mean(np.square(np.nan_to_num(s[..., : len(kernel)]) @ kernel + bias))
        for s, (kernel, bias) in zip(spikes, read_ins, strict=True)
    ]
    scale = 1.0 / np.sqrt(max(float(np.mean(squares)), 1e-12))
    sizes = np.sqrt(np.nanmean(np.square(scores), axis=(0, 1)))
    unit = scores / np.where(sizes > 0, sizes, 1.0)
    starts = []
    for average, number, (kernel, bias) in zip(averages, numbers, read_ins, strict=True):
        starts.append(
            Start(
                scale * kernel,
                scale * bias,
                modulation_by(unit, average, number, n_factors, log_link=log_link),
            )
        )
    return starts


def modulation_by(
    scores: np.ndarray,
    averages: np.ndarray,
    numbers: np.ndarray,
    n_factors: int,
    *,
    log_link: bool,
) -> np.ndarray:
    """How a session's data depend on scores, ``(n_factors, n_neurons)``.

    Args:
        scores: ``(n_conditions, n_bins, n_components)``: the first factors.
        averages: of conditions, ``(n_conditions, n_bins, n_neurons)``.
        numbers: of trials in them, of the same shape.
        n_factors: number of factors, of which the last may go beyond the components.
        log_link: whether scores act on logarithms.
    """
    scores = scores[..., :n_factors]
    if log_link:
        found = alignment.log_linear(averages, numbers, scores)
    else:
        found = np.stack(
            [
                alignment.regression(scores, averages[..., n : n + 1])[0][:, 0]
                for n in range(averages.shape[2])
            ],
            axis=1,
        )
    return np.pad(found, [(0, n_factors - len(found)), (0, 0)])


def out_kernel_of(modulation: np.ndarray, observation: Observation) -> np.ndarray:
    """A read-out kernel by which factors modulate the expected data.

    Args:
        modulation: of the log rates (of a Gaussian: of the data), ``(n_factors, n_neurons)``.
        observation: whose parameters are read out.

    Returns:
        ``(n_factors, n_parameters * n_neurons)``.
    """
    # Under gamma distributions the second parameter is a log rate, to which means are
    # inverse; the other blocks (shape, probability, variance) start unmodulated.
    blocks = [np.zeros_like(modulation) for _ in range(observation.n_parameters)]
    place, sign = observation.mean_parameter
    blocks[place] = sign * modulation
    return np.concatenate(blocks, axis=1)
