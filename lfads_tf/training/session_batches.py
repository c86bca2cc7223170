"""Trials of several sessions on their way to a stitched model: padded, in one array.

Beside what every batch has (:mod:`lfads_tf.training.batches`) stand ``session_b``, the place
of each trial's session among the model's, and, where sessions have weights,
``session_weight_b``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import check_number
from lfads_tf.data.session import Session
from lfads_tf.data.together import as_sessions
from lfads_tf.stitched import StitchedConfig
from lfads_tf.training import batches

__all__ = ["known_sessions", "session_arrays", "stitched_arrays", "trial_weights"]

#: How sessions may weigh without a number for each.
BY = ("trials", "sessions")


def known_sessions(data: Any, config: StitchedConfig, name: str) -> list[Session]:
    """Sessions that go together and that the model knows.

    Raises:
        TypeError: no sessions.
        ValueError: as :func:`lfads_tf.data.together.as_sessions`; a session that the model
            does not know.
    """
    sessions = as_sessions(data, name)
    for session in sessions:
        config.index_of(session.name, name)
    return sessions


def session_arrays(
    session: Any, config: StitchedConfig, name: str = "data", *, encoded_only: bool = True
) -> dict[str, np.ndarray]:
    """The trials of one session without padding, checked; see :func:`batches.as_arrays`.

    Args:
        session: that the model knows.
        config: of the model.
        name: of the argument, for errors.
        encoded_only: accept sessions of only those bins and neurons that are encoded.

    Raises:
        TypeError: no session.
        ValueError: a session that the model does not know or that does not fit it.
    """
    if not isinstance(session, Session):
        shown = f"a {type(session).__name__}"
        if isinstance(session, Sequence) and any(isinstance(s, Session) for s in session):
            names = [repr(s.name) for s in session if isinstance(s, Session)]
            shown += f" of {', '.join(names)}"
        raise TypeError(
            f"{name}: expected one Session, whose name says which read-in to use, received "
            f"{shown}."
        )
    own = config.of_session(config.index_of(session.name, name))
    return batches.as_arrays(
        session, own, name=f"{name}, session {session.name!r}", encoded_only=encoded_only
    )


def stitched_arrays(
    data: Any,
    config: StitchedConfig,
    *,
    name: str = "x",
    training: bool = False,
    weights: Any = "trials",
) -> dict[str, np.ndarray]:
    """The trials of several sessions as the model's inputs.

    Args:
        data: a session or several that the model knows.
        config: of the model.
        name: of the argument, for errors.
        training: choose the samples that are left out of it.
        weights: of the sessions, see :func:`trial_weights`.

    Returns:
        Arrays by name, of the trials of all sessions one after another. Spikes are NaN
        for neurons that a session does not have.

    Raises:
        TypeError: no sessions.
        ValueError: sessions that do not go together or do not fit the model.

    Example:
        >>> days = [Session(np.ones((4, 50, n)), 0.02, f"day{n}") for n in (6, 9)]
        >>> arrays = stitched_arrays(days, StitchedConfig.for_data(days))
        >>> arrays["spikes_btn"].shape, arrays["session_b"].tolist()
        ((8, 50, 9), [0, 0, 0, 0, 1, 1, 1, 1])
    """
    sessions = known_sessions(data, config, name)
    parts = []
    for session in sessions:
        part = session_arrays(session, config, name, encoded_only=False)
        missing = config.n_neurons - session.n_neurons
        widths = [(0, 0), (0, 0), (0, missing)]
        part["spikes_btn"] = np.pad(part["spikes_btn"], widths, constant_values=np.nan)
        index = config.index_of(session.name)
        part["session_b"] = np.full(session.n_trials, index, np.int32)
        parts.append(part)
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    each = trial_weights(weights, sessions)
    if each is not None:
        arrays["session_weight_b"] = each
    if training and config.sample_validation > 0:
        rng = np.random.default_rng([config.seed, 1])
        encoded = (len(arrays["session_b"]), config.encoded_bins, config.encoded_neurons)
        fitted = rng.random(encoded, np.float32) >= config.sample_validation
        arrays["train_mask_btn"] = fitted.astype(np.float32)
    return arrays


def trial_weights(weights: Any, sessions: Sequence[Session]) -> np.ndarray | None:
    """The weight of each trial, whose mean is 1; none where all are 1.

    Args:
        weights: ``"trials"``: each trial weighs alike; ``"sessions"``: each session does,
            however many trials it has; or the weight of each session by its name.
        sessions: whose trials follow one another.

    Raises:
        ValueError: another word, names that are not those of the sessions, or weights that
            are not above 0.

    Example:
        >>> days = [Session(np.ones((n, 50, 6)), 0.02, f"day{n}") for n in (1, 3)]
        >>> trial_weights("sessions", days).round(2).tolist()
        [2.0, 0.67, 0.67, 0.67]
    """
    names = [session.name for session in sessions]
    if isinstance(weights, str) and weights in BY:
        if weights == "trials":
            return None
        weights = dict.fromkeys(names, 1.0)
    if not isinstance(weights, Mapping):
        raise ValueError(
            f"session_weights: expected {' or '.join(map(repr, BY))} or a weight for each "
            f"session by its name, received {weights!r}."
        )
    if set(weights) != set(names):
        raise ValueError(
            "session_weights: expected a weight for each of "
            f"{', '.join(map(repr, names))}, received weights for "
            f"{', '.join(map(repr, weights)) or 'none'}."
        )
    per_trial = [
        check_number(weights[s.name], f"session_weights[{s.name!r}]") / s.n_trials
        for s in sessions
    ]
    each = np.repeat(per_trial, [session.n_trials for session in sessions])
    return (each / each.mean()).astype(np.float32)
