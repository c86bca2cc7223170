"""What a model does with several sessions: begins with them, takes in one more, compares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.checks import listed
from lfads_tf.data.session import Session
from lfads_tf.data.together import as_sessions, common_conditions
from lfads_tf.layers import readin
from lfads_tf.layers.network import Network
from lfads_tf.layers.readin import SessionWeights
from lfads_tf.sessions import alignment
from lfads_tf.sessions import starting as session_starts
from lfads_tf.stitched import StitchedConfig
from lfads_tf.training.session_batches import known_sessions, session_arrays

if TYPE_CHECKING:
    from lfads_tf.model import LFADS

__all__ = ["Alignment", "add_session", "align", "start"]


class Alignment(NamedTuple):
    """How far the condition averages of sessions agree, on the way in and on the way out.

    Attributes:
        read_in: in what the read-ins lead to, which the encoders see.
        factors: in the factors.
        labels: of the conditions, ``(n_conditions,)``.
        averages: condition averages of the factors by session, each ``(n_conditions, n_bins,
            n_factors)``.
    """

    read_in: alignment.Agreement
    factors: alignment.Agreement
    labels: np.ndarray
    averages: dict[str, np.ndarray]

    def __str__(self) -> str:
        """Two Markdown tables."""
        return f"read-in\n\n{self.read_in}\n\nfactors\n\n{self.factors}"

    def __repr__(self) -> str:
        return (
            f"Alignment({len(self.averages)} sessions, {len(self.labels)} conditions: "
            f"{self.read_in.shared:.3f} of the read-in's variance is shared, "
            f"{self.factors.shared:.3f} of the factors')"
        )


def start(network: Network, sessions: Sequence[Session], name: str = "x") -> None:
    """Sets read-ins and read-outs to where training begins.

    The biases of the read-outs are such that rates begin at their means. With
    ``read_in_start="pcr"`` read-ins lead to shared principal components, and read-outs give
    the components back the log rates that go with them.

    Args:
        network: of a stitched model.
        sessions: all that the model knows.
        name: of the argument, for errors.

    Raises:
        ValueError: a session is missing; by principal components regression also what
            :func:`lfads_tf.data.together.common_conditions` refuses.
    """
    config, layer = _stitched(network)
    given = {session.name: session for session in sessions}
    missing = [other for other in config.session_names if other not in given]
    if missing:
        raise ValueError(
            f"{name}: expected all sessions of the model when training begins, received none "
            f"of {listed(map(repr, missing))}."
        )
    in_order = [given[session_name] for session_name in config.session_names]
    starts: list[Any] = [None] * len(in_order)
    if config.read_in_start == "pcr":
        common_conditions(in_order, name)
        starts = session_starts.start_by_pcr(
            [session.spikes for session in in_order],
            [np.asarray(session.conditions) for session in in_order],
            [config.encoded_of(i) for i in range(len(in_order))],
            config.n_read_in,
            config.n_factors,
            log_link=_log_link(config),
        )
    for session, begin in zip(in_order, starts, strict=True):
        weights = layer.of(session.name)._replace(out_bias=network.bias_for(session.spikes))
        if begin is not None:
            kernel = session_starts.out_kernel_of(begin.modulation, network.observation)
            weights = SessionWeights(begin.in_kernel, begin.in_bias, kernel, weights.out_bias)
        layer.assign(session.name, weights)


def _log_link(config: StitchedConfig) -> bool:
    return config.observation != "gaussian"


def _stitched(network: Network) -> tuple[StitchedConfig, readin.SessionsLayer]:
    config, layer = network.config, network.sessions
    if not isinstance(config, StitchedConfig) or layer is None:
        raise TypeError(
            "model: expected one stitched over sessions, LFADS(LFADSConfig.for_data([session, "
            "...])), received a model of a single session."
        )
    return config, layer


def _read_in_of(network: Network, session: Session) -> np.ndarray:
    """What a session's read-in leads to, ``(n_trials, encoded_bins, n_read_in)``."""
    config, layer = _stitched(network)
    spikes = session_arrays(session, config)["spikes_btn"][:, : config.encoded_bins]
    observed = np.isfinite(spikes)
    x_btr = readin.read_in(tf.constant(np.where(observed, spikes, 0.0)), layer.of(session.name))
    # Bins after the end of a trial are no part of an average.
    return np.where(observed.any(axis=2, keepdims=True), x_btr.numpy(), np.nan)


def align(model: LFADS, data: Any, *, n_samples: int = 10) -> Alignment:
    """See :meth:`lfads_tf.model.LFADS.align`."""
    config, _ = _stitched(model.network)
    sessions = known_sessions(data, config, "sessions")
    labels = common_conditions(sessions)
    seen, factors = {}, {}
    for session in sessions:
        of = _averages_of(model, session, labels, n_samples)
        seen[session.name], factors[session.name] = of
    return Alignment(alignment.agreement(seen), alignment.agreement(factors), labels, factors)


def _averages_of(
    model: LFADS, session: Session, labels: np.ndarray, n_samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """Condition averages of what the read-in leads to, and of the factors."""
    conditions = np.asarray(session.conditions)
    inferred: Any = model.infer(session, n_samples=n_samples)
    both = (_read_in_of(model.network, session), inferred.factors)
    one, other = (alignment.condition_averages(a, conditions, labels)[0] for a in both)
    return one, other


def add_session(
    model: LFADS, session: Session, *, like: Any = None, shared: str = "frozen"
) -> LFADS:
    """See :meth:`lfads_tf.model.LFADS.add_session`."""
    old, old_layer = _stitched(model.network)
    if not isinstance(session, Session):
        raise TypeError(f"session: expected a Session, received a {type(session).__name__}.")
    if session.name in old.session_names:
        raise ValueError(
            "session: expected one of another name than those that the model knows "
            f"({', '.join(map(repr, old.session_names))}), received {session.name!r}."
        )
    if shared not in ("frozen", "trained"):
        raise ValueError(f"shared: expected 'frozen' or 'trained', received {shared!r}.")
    config = old.with_session(
        session.name,
        session.n_neurons,
        session.n_encode_neurons or session.n_neurons,
        shared_frozen=shared == "frozen",
    )
    session_arrays(session, config, "session", encoded_only=False)  # fits the model
    references: list[Session] = []
    if like is not None:
        references = known_sessions(like, old, "like")
        as_sessions([*references, session], "like")
        common_conditions([*references, session], "like")
    new = type(model)(config, name=model.name)
    _copy(model, new)
    if getattr(model, "compiled", False):
        new.compile_from_config(model.get_compile_config())
    layer, network = _stitched(new.network)[1], new.network
    weights = layer.of(session.name)._replace(out_bias=network.bias_for(session.spikes))
    if references:
        labels = common_conditions(references)
        both = [_averages_of(model, reference, labels, 10) for reference in references]
        seen, factors = (np.mean([pair[i] for pair in both], axis=0) for i in (0, 1))
        average, number = alignment.condition_averages(
            session.spikes, np.asarray(session.conditions), labels
        )
        n_encoded = config.encoded_of(-1)
        kernel, bias = alignment.regression(average[:, : config.encoded_bins, :n_encoded], seen)
        centre = np.nanmean(factors, axis=(0, 1))
        modulation = session_starts.modulation_by(
            factors - centre, average, number, config.n_factors, log_link=_log_link(config)
        )
        out_kernel = session_starts.out_kernel_of(modulation, network.observation)
        out_bias = np.asarray(weights.out_bias) - centre @ out_kernel
        weights = SessionWeights(kernel, bias, out_kernel, out_bias)
    layer.assign(session.name, weights)
    if references and config.observation == "poisson":
        # Averages tell less of the read-out than single trials do, whose factors can be
        # inferred now that there is a read-in.
        factors = new.infer(session, n_samples=10).factors
        found = alignment.log_linear_of_trials(session.spikes, factors)
        layer.assign(session.name, weights._replace(out_kernel=found[0], out_bias=found[1]))
    return new


def _copy(model: LFADS, new: LFADS) -> None:
    """All that two models have in common, from one to the other; a new session stays."""
    for one, other in zip(model.network._shared(), new.network._shared(), strict=True):
        other.set_weights(one.get_weights())
    old_layer = _stitched(model.network)[1]
    for session_name in old_layer.config.session_names:
        _stitched(new.network)[1].assign(session_name, old_layer.of(session_name))
    new.step.assign(model.step)
    for name, scalar in model.scalars.items():
        new.scalars[name].assign(scalar)
