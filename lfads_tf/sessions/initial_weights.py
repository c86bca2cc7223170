"""Initial weights of read-ins and read-outs, by principal components regression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils.checks import listed
from lfads_tf._utils.conditions import as_one_kind, condition_kinds
from lfads_tf.config import LFADSConfig
from lfads_tf.data.compatibility import common_conditions
from lfads_tf.layers.network import Network
from lfads_tf.layers.observations import Observation
from lfads_tf.layers.readin import SessionWeights
from lfads_tf.sessions.condition_averages import condition_averages, shared_components
from lfads_tf.sessions.regression import fit_log_linear, regress
from lfads_tf.training.trial_arrays import known_sessions

__all__ = ["Start", "log_link", "modulation_by", "out_kernel_of", "start", "start_by_pcr"]


class Start(NamedTuple):
    """First values of the read-in and the log-linear read-out of a session.

    Attributes:
        in_kernel: ``(n_encoded_neurons, n_read_in)``.
        in_bias: ``(n_read_in,)``.
        modulation: modulation of the log rates by the factors, ``(n_factors, n_neurons)``.
    """

    in_kernel: np.ndarray
    in_bias: np.ndarray
    modulation: np.ndarray


def start(network: Network, arrays: Mapping[str, Any], data: Any, name: str = "x") -> None:
    """Set read-ins and read-outs to where training begins.

    The biases of the read-outs are such that rates begin at their means. With
    ``read_in_start="pcr"`` read-ins lead to shared principal components, and read-outs give
    the components back the log rates that go with them.

    Args:
        network: network of the model.
        arrays: arrays of the trials of all sessions, by
            :func:`lfads_tf.training.trial_arrays.as_arrays`.
        data: the same as they were given: conditions are taken from sessions.
        name: name of the argument, for errors.

    Raises:
        ValueError: a session is missing; by principal components regression also what
            :func:`lfads_tf.data.compatibility.common_conditions` refuses.
    """
    config, spikes = network.config, np.asarray(arrays["spikes_btn"])
    names = config.session_names
    session_b = np.asarray(arrays.get("session_b", np.zeros(len(spikes), np.int32)))
    rows = [session_b == i for i in range(len(names))]
    if missing := [n for n, of in zip(names, rows, strict=True) if not of.any()]:
        raise ValueError(
            f"{name}: expected all sessions of the model when training begins, received none "
            f"of {listed(map(repr, missing))}."
        )
    starts = [None] * len(names)
    if config.read_in_start == "pcr":
        starts = _by_pcr(config, known_sessions(data, config, name), name)
    for i, (session_name, begin) in enumerate(zip(names, starts, strict=True)):
        own = spikes if len(names) == 1 else spikes[rows[i]][..., : config.session_neurons[i]]
        bias = network.bias_for(own)
        weights = network.sessions.of(session_name)._replace(out_bias=bias)
        if begin is not None:
            kernel = out_kernel_of(begin.modulation, network.observation)
            weights = SessionWeights(begin.in_kernel, begin.in_bias, kernel, bias)
        network.sessions.assign(session_name, weights)


def log_link(config: LFADSConfig) -> bool:
    """Test whether factors act on logarithms of the expected data."""
    return config.observation != "gaussian"


def _by_pcr(config: LFADSConfig, sessions: Sequence[Any], name: str) -> list[Any]:
    """Find starts of the sessions, in the order of the configuration."""
    in_order = sorted(sessions, key=lambda session: config.index_of(session.name))
    common_conditions(in_order, name)
    return start_by_pcr(
        [session.spikes for session in in_order],
        [np.asarray(session.conditions) for session in in_order],
        [config.encoded_of(i) for i in range(len(in_order))],
        config.n_read_in,
        config.n_factors,
        log_link=log_link(config),
    )


def start_by_pcr(
    spikes: Sequence[np.ndarray],
    conditions: Sequence[np.ndarray],
    n_encoded: Sequence[int],
    n_read_in: int,
    n_factors: int,
    *,
    log_link: bool = True,
) -> list[Start]:
    """Find the starts of several sessions by principal components regression.

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
    conditions = as_one_kind(conditions)
    labels = condition_kinds(conditions[0])
    both = [condition_averages(s, c, labels) for s, c in zip(spikes, conditions, strict=True)]
    averages, numbers = ([pair[i] for pair in both] for i in (0, 1))
    encoded = [a[..., :n] for a, n in zip(averages, n_encoded, strict=True)]
    scores = shared_components(encoded, n_read_in)
    read_ins = [regress(a, scores) for a in encoded]
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
    """Regress a session's data on scores, ``(n_factors, n_neurons)``.

    Args:
        scores: ``(n_conditions, n_bins, n_components)``: the first factors.
        averages: averages of conditions, ``(n_conditions, n_bins, n_neurons)``.
        numbers: numbers of trials in them, of the same shape.
        n_factors: number of factors, of which the last may go beyond the components.
        log_link: whether scores act on logarithms.
    """
    scores = scores[..., :n_factors]
    if log_link:
        found = fit_log_linear(averages, numbers, scores)
    else:
        found = np.stack(
            [
                regress(scores, averages[..., n : n + 1])[0][:, 0]
                for n in range(averages.shape[2])
            ],
            axis=1,
        )
    return np.pad(found, [(0, n_factors - len(found)), (0, 0)])


def out_kernel_of(modulation: np.ndarray, observation: Observation) -> np.ndarray:
    """Make a read-out kernel by which factors modulate the expected data.

    Args:
        modulation: modulation of the log rates (of a Gaussian: of the data), ``(n_factors,
            n_neurons)``.
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
