"""Further sessions of a trained model, with initial weights by regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lfads_tf.data.compatibility import common_conditions
from lfads_tf.layers.network import Network
from lfads_tf.layers.readin import SessionWeights
from lfads_tf.sessions import initial_weights
from lfads_tf.sessions.agreement import averages_of
from lfads_tf.sessions.condition_averages import condition_averages
from lfads_tf.sessions.regression import (
    fit_log_linear_to_trials,
    regress,
    regress_by_components,
)

if TYPE_CHECKING:
    from lfads_tf.data.session import Session

__all__ = ["assign_common", "begin_like", "refined_read_out", "weights_like"]


def assign_common(old: Network, new: Network) -> None:
    """Copy the weights that a network shares with one of fewer sessions.

    Where the older one has no read-in, its session's is the identity.

    Args:
        old: whose weights are copied.
        new: of the same sessions and more, which stay as they are.
    """
    for one, other in zip(old.shared_layers(), new.shared_layers(), strict=True):
        other.set_weights(one.get_weights())
    for name in old.config.session_names:
        weights = old.sessions.of(name)
        if weights.in_kernel is None:
            n_encoded = old.config.encoded_neurons
            weights = weights._replace(in_kernel=np.eye(n_encoded), in_bias=np.zeros(n_encoded))
        new.sessions.assign(name, weights)


def begin_like(old: Any, new: Any, session: Session, references: Sequence[Session]) -> None:
    """Begin read-in and read-out of a new session like those of sessions that are known.

    Args:
        old: the model that knows the other sessions.
        new: the model that knows the new one too; the weights of that session are assigned.
        session: the new one.
        references: of the others, with trials of the same conditions.
    """
    labels = common_conditions(references)
    averages = [
        averages_of(old.network, one, old.infer(one, n_samples=10).factors, labels)
        for one in references
    ]
    seen, factors = (np.mean(of, axis=0) for of in zip(*averages, strict=True))
    config = new.config
    n_components = None if old.config.n_read_in else min(config.n_factors, config.n_read_in)
    weights = weights_like(new.network, session, labels, seen, factors, n_components)
    new.network.sessions.assign(session.name, weights)
    if config.observation == "poisson":
        inferred = new.infer(session, n_samples=10)
        weights = refined_read_out(weights, session, inferred.factors)
        new.network.sessions.assign(session.name, weights)


def weights_like(
    network: Network,
    session: Session,
    labels: np.ndarray,
    seen: np.ndarray,
    factors: np.ndarray,
    n_components: int | None = None,
) -> SessionWeights:
    """Find read-in and read-out by which a new session is like those that are known.

    Args:
        network: that knows the session.
        session: the new one.
        labels: labels of the conditions, ``(n_conditions,)``.
        seen: condition averages of what the encoders see of the others, ``(n_conditions,
            encoded_bins, n_read_in)``.
        factors: averages of their factors, ``(n_conditions, n_bins, n_factors)``.
        n_components: go by this many shared principal components of ``seen`` and of the
            session's averages (principal components regression); None: regress onto ``seen``
            itself, which are such components already.
    """
    config = network.config
    conditions = np.asarray(session.conditions)
    average, number = condition_averages(session.spikes, conditions, labels)
    n_encoded = config.encoded_of(config.index_of(session.name))
    encoded = average[:, : config.encoded_bins, :n_encoded]
    if n_components is None:
        kernel, bias = regress(encoded, seen)
    else:
        kernel, bias = regress_by_components(encoded, seen, n_components)
    centre = np.nanmean(factors, axis=(0, 1))
    modulation = initial_weights.modulation_by(
        factors - centre,
        average,
        number,
        config.n_factors,
        log_link=initial_weights.log_link(config),
    )
    out_kernel = initial_weights.out_kernel_of(modulation, network.observation)
    out_bias = np.asarray(network.bias_for(session.spikes)) - centre @ out_kernel
    return SessionWeights(kernel, bias, out_kernel, out_bias)


def refined_read_out(
    weights: SessionWeights, session: Session, factors: np.ndarray
) -> SessionWeights:
    """Fit the read-out anew, by log-linear regression on the factors of single trials.

    Averages tell less of the read-out than single trials do, whose factors can be inferred
    once there is a read-in.

    Args:
        weights: weights of the session.
        session: session of spike counts.
        factors: inferred of its trials, ``(n_trials, n_bins, n_factors)``.
    """
    kernel, bias = fit_log_linear_to_trials(session.spikes, factors)
    return weights._replace(out_kernel=kernel, out_bias=bias)
