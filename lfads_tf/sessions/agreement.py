"""Agreement of sessions: in the data of their encoders, and in their factors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lfads_tf.data.session import Session
from lfads_tf.layers.network import Network
from lfads_tf.layers.readin import read_in
from lfads_tf.sessions.condition_averages import condition_averages
from lfads_tf.training.trial_arrays import arrays_of_session

__all__ = ["Agreement", "SessionAgreement", "agreement", "averages_of"]


class Agreement(NamedTuple):
    """Agreement of the condition averages of several sessions in one space.

    Attributes:
        names: names of the sessions.
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
        """Write a Markdown table of the pairs."""
        lines = [f"| {self.shared:.3f} shared | {' | '.join(self.names)} |"]
        lines.append("|---" * (len(self.names) + 1) + "|")
        lines += [
            f"| {name} | {' | '.join(f'{value:.3f}' for value in row)} |"
            for name, row in zip(self.names, self.pairs, strict=True)
        ]
        return "\n".join(lines)


def agreement(averages: Mapping[str, np.ndarray]) -> Agreement:
    """Compare condition averages of sessions that lie in one space.

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


class SessionAgreement(NamedTuple):
    """Agreement of the condition averages of sessions, on the way in and on the way out.

    Attributes:
        read_in: in what the read-ins lead to, which the encoders see.
        factors: in the factors.
        labels: labels of the conditions, ``(n_conditions,)``.
        averages: condition averages of the factors by session, each ``(n_conditions, n_bins,
            n_factors)``.
    """

    read_in: Agreement
    factors: Agreement
    labels: np.ndarray
    averages: dict[str, np.ndarray]

    def __str__(self) -> str:
        """Write two Markdown tables."""
        return f"read-in\n\n{self.read_in}\n\nfactors\n\n{self.factors}"

    def __repr__(self) -> str:
        return (
            f"SessionAgreement({len(self.averages)} sessions, {len(self.labels)} conditions: "
            f"{self.read_in.shared:.3f} of the read-in's variance is shared, "
            f"{self.factors.shared:.3f} of the factors')"
        )


def averages_of(
    network: Network, session: Session, factors: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average what the encoders see of a session, and its factors, by condition.

    Args:
        network: that knows the session.
        session: with conditions.
        factors: inferred of its trials, ``(n_trials, n_bins, n_factors)``.
        labels: labels of the conditions, ``(n_conditions,)``.

    Returns:
        ``(n_conditions, encoded_bins, n_read_in)`` and ``(n_conditions, n_bins, n_factors)``.
    """
    conditions = np.asarray(session.conditions)
    both = (_seen(network, session), factors)
    one, other = (condition_averages(a, conditions, labels)[0] for a in both)
    return one, other


def _seen(network: Network, session: Session) -> np.ndarray:
    """Compute what the encoders see of a session, ``(n_trials, encoded_bins, n_read_in)``."""
    config = network.config
    index, arrays = arrays_of_session(session, config)
    spikes = arrays["spikes_btn"][:, : config.encoded_bins, : config.encoded_of(index)]
    observed = np.isfinite(spikes)
    weights = network.sessions.of(config.session_names[index])
    x_btr = read_in(tf.constant(np.where(observed, spikes, 0.0)), weights)
    # Bins after the end of a trial are no part of an average.
    return np.where(observed.any(axis=2, keepdims=True), x_btr.numpy(), np.nan)
