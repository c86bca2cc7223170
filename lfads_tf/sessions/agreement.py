"""Agreement of sessions: in what the encoders see of them, and in their factors."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from lfads_tf.data.session import Session
from lfads_tf.layers.network import Network
from lfads_tf.layers.readin import read_in
from lfads_tf.sessions import pcr
from lfads_tf.training.arrays import arrays_of_session

__all__ = ["SessionAgreement", "averages_of"]


class SessionAgreement(NamedTuple):
    """Agreement of the condition averages of sessions, on the way in and on the way out.

    Attributes:
        read_in: in what the read-ins lead to, which the encoders see.
        factors: in the factors.
        labels: of the conditions, ``(n_conditions,)``.
        averages: condition averages of the factors by session, each ``(n_conditions, n_bins,
            n_factors)``.
    """

    read_in: pcr.Agreement
    factors: pcr.Agreement
    labels: np.ndarray
    averages: dict[str, np.ndarray]

    def __str__(self) -> str:
        """Two Markdown tables."""
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
        labels: of the conditions, ``(n_conditions,)``.

    Returns:
        ``(n_conditions, encoded_bins, n_read_in)`` and ``(n_conditions, n_bins, n_factors)``.
    """
    conditions = np.asarray(session.conditions)
    both = (_seen(network, session), factors)
    one, other = (pcr.condition_averages(a, conditions, labels)[0] for a in both)
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
