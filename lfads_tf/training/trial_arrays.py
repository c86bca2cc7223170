"""Arrays of trials by name, checked, as the model takes them.

A model of one session takes any trials for those of its session, arrays among them. With
several, trials come as sessions, which the model knows by their names; all stand in one array,
each padded to the neurons of the largest, and ``session_b`` says which trial is whose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import as_numbers, check_number
from lfads_tf._utils.checks import warn_of_silent_neurons
from lfads_tf.config import LFADSConfig
from lfads_tf.data.compatibility import as_sessions
from lfads_tf.data.padding import as_trials, pad, padded
from lfads_tf.data.session import Session
from lfads_tf.training.checks import check_split, check_values, parts_of

__all__ = ["arrays_of_session", "as_arrays", "known_sessions", "trial_weights"]

#: How sessions may weigh without a number for each.
BY = ("trials", "sessions")


def as_arrays(
    data: Any,
    config: LFADSConfig,
    *,
    name: str = "x",
    training: bool = False,
    session_weights: Any = "trials",
) -> dict[str, np.ndarray]:
    """Check the trials of all sessions, and give them as the model's inputs.

    Args:
        data: of one session a :class:`~lfads_tf.Session`, spikes ``(n_trials, n_bins,
            n_neurons)`` or a list of trials, which are padded with NaN as
            :meth:`Session.from_arrays` pads them, or a pair of spikes and external inputs;
            of several, those or some of them.
        config: configuration of the model.
        name: name of the argument, for errors.
        training: choose the samples that are left out of it, and warn of silent neurons.
        session_weights: see :func:`trial_weights`.

    Returns:
        Arrays by name, float32, without the weights of padding. With several sessions the
        trials follow one another, ``session_b`` is the place of each trial's session in the
        configuration, and spikes are NaN for neurons that a session does not have.

    Raises:
        TypeError: no numbers, or no sessions for a model of several.
        ValueError: wrong shapes, values that the observation model cannot have (see
            :func:`lfads_tf.training.checks.check_values`), missing or unexpected external
            inputs, sessions that do not go together, or one that holds out other neurons or
            bins than the model.

    Example:
        >>> config = LFADSConfig(n_neurons=3, n_bins=2, bin_width=0.02)
        >>> arrays = as_arrays(np.ones((5, 2, 3)), config)
        >>> {name: array.shape for name, array in arrays.items()}
        {'spikes_btn': (5, 2, 3), 'external_bte': (5, 2, 0)}
        >>> days = [Session(np.ones((4, 50, n)), 0.02, f"day{n}") for n in (6, 9)]
        >>> arrays = as_arrays(days, LFADSConfig.for_data(days))
        >>> arrays["spikes_btn"].shape, arrays["session_b"].tolist()
        ((8, 50, 9), [0, 0, 0, 0, 1, 1, 1, 1])
    """
    if len(config.session_names) == 1:
        data = _only_session(data, name)
        arrays = _trials(data, config, name)
        if training and not isinstance(data, Session):  # a session has warned already
            warn_of_silent_neurons(arrays["spikes_btn"], stacklevel=3)
    else:
        parts = []
        for session in known_sessions(data, config, name):
            index, part = arrays_of_session(session, config, name=name, encoded_only=False)
            widths = [(0, 0), (0, 0), (0, config.n_neurons - session.n_neurons)]
            part["spikes_btn"] = np.pad(part["spikes_btn"], widths, constant_values=np.nan)
            part["session_b"] = np.full(session.n_trials, index, np.int32)
            parts.append(part)
        arrays = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    if not isinstance(session_weights, str) or session_weights != "trials":
        each = trial_weights(session_weights, known_sessions(data, config, name))
        if each is not None:
            arrays["session_weight_b"] = each
    if training and config.sample_validation > 0:
        rng = np.random.default_rng([config.seed, 1])
        n_trials = len(arrays["spikes_btn"])
        encoded = (n_trials, config.encoded_bins, config.encoded_neurons)
        fitted = rng.random(encoded, np.float32) >= config.sample_validation
        arrays["train_mask_btn"] = fitted.astype(np.float32)
    return arrays


def arrays_of_session(
    data: Any, config: LFADSConfig, *, name: str = "data", encoded_only: bool = True
) -> tuple[int, dict[str, np.ndarray]]:
    """Check the trials of one session, and give them without padding.

    Args:
        data: as of :func:`as_arrays`, of one session; where the model knows several, a
            :class:`~lfads_tf.Session`.
        config: configuration of the model.
        name: name of the argument, for errors.
        encoded_only: accept arrays of only those bins and neurons that are encoded; the
            rest is then unobserved.

    Returns:
        The place of the session among the model's, and its arrays by name.

    Raises:
        TypeError: no session, where the model knows several.
        ValueError: as of :func:`as_arrays`; a session that the model does not know.

    Example:
        >>> days = [Session(np.ones((4, 50, n)), 0.02, f"day{n}") for n in (6, 9)]
        >>> index, arrays = arrays_of_session(days[1], LFADSConfig.for_data(days))
        >>> index, arrays["spikes_btn"].shape
        (1, (4, 50, 9))
    """
    if len(config.session_names) == 1:
        return 0, _trials(_only_session(data, name), config, name, encoded_only)
    if not isinstance(data, Session):
        shown = f"a {type(data).__name__}"
        if names := _names(data):
            shown += f" of {', '.join(names)}"
        raise TypeError(
            f"{name}: expected one Session, whose name says which read-in to use, received "
            f"{shown}."
        )
    index = config.index_of(data.name, name)
    name = f"{name}, session {data.name!r}"
    return index, _trials(data, config.of_session(index), name, encoded_only)


def known_sessions(data: Any, config: LFADSConfig, name: str) -> list[Session]:
    """Return sessions as a list, checked to fit together and the model.

    Raises:
        TypeError: no sessions.
        ValueError: as :func:`lfads_tf.data.compatibility.as_sessions`; a session that the model
            does not know.
    """
    sessions = as_sessions(data, name)
    for session in sessions:
        config.index_of(session.name, name)
    return sessions


def _names(data: Any) -> list[str]:
    """List the names of the sessions in a list."""
    several = data if isinstance(data, list | tuple) else ()
    return [repr(item.name) for item in several if isinstance(item, Session)]


def _only_session(data: Any, name: str) -> Any:
    """Return the session of a list of one, and other data unchanged."""
    names = _names(data)
    if names and len(data) > 1:
        raise TypeError(
            f"{name}: expected a Session or arrays, since the model is one of a single session "
            f"(LFADSConfig.for_data([...]) makes one of several), received a list of "
            f"session{'s' if len(names) > 1 else ''} {', '.join(names)}."
        )
    return data[0] if names else data


def _trials(
    data: Any, config: LFADSConfig, name: str, encoded_only: bool = False
) -> dict[str, np.ndarray]:
    """Check spikes and external inputs of one session."""
    external: Any = None
    if isinstance(data, Session):
        spikes, external = data.spikes, data.external_inputs
        if not math.isclose(data.bin_width, config.bin_width, rel_tol=1e-6):
            raise ValueError(
                f"{name}: expected bins of {config.bin_width} s, as the model's, received "
                f"bins of {data.bin_width} s."
            )
        check_split(data, config, name)
    elif isinstance(data, tuple) or (isinstance(data, list) and _is_pair(data)):
        spikes, external = parts_of(data, name)
    else:
        spikes = data
    spikes, lengths = _padded(spikes, name)
    if lengths is not None and external is not None:
        of_spikes = (*spikes.shape[:2], config.n_external_inputs)
        external = padded(external, f"{name}, external inputs", lengths, of_spikes, 0.0)
    spikes = _spikes(as_numbers(spikes, name, dtype=np.float32), config, name, encoded_only)
    n_trials = len(spikes)
    shape = (n_trials, config.n_bins, config.n_external_inputs)
    if config.n_external_inputs == 0:
        if external is not None:
            external = as_numbers(external, f"{name}, external inputs", dtype=None)
        if external is not None and (external.ndim != 3 or external.shape[-1] > 0):
            raise ValueError(
                f"{name}: expected no external inputs, since the model has none "
                f"(n_external_inputs=0), received some of shape {np.shape(external)}. These "
                "are measured inputs; inputs to be inferred are asked for by n_inferred_inputs."
            )
        external = np.zeros(shape, np.float32)
    elif external is None:
        raise ValueError(
            f"{name}: expected external inputs of shape {shape} beside the spikes, since the "
            f"model was made with n_external_inputs={config.n_external_inputs}, received none."
        )
    external = as_numbers(external, f"{name}, external inputs", dtype=np.float32)
    if external.shape != shape:
        raise ValueError(
            f"{name}: expected external inputs of shape {shape}, received {external.shape}."
        )
    if not np.isfinite(external).all():
        raise ValueError(f"{name}: expected finite external inputs, received NaN or infinity.")
    return {"spikes_btn": spikes, "external_bte": external}


def _padded(spikes: Any, name: str) -> tuple[Any, np.ndarray | None]:
    """Pad a list of trials of unequal length with NaN, and give their lengths."""
    of_objects = isinstance(spikes, np.ndarray) and spikes.dtype == object and spikes.ndim == 1
    if not (of_objects or isinstance(spikes, list | tuple)):
        return spikes, None
    try:
        shapes = {np.shape(trial) for trial in spikes}
    except ValueError:  # a trial that is ragged itself, which the next check refuses
        return spikes, None
    if len(shapes) == 1 and not of_objects or any(len(shape) != 2 for shape in shapes):
        return spikes, None
    trials = as_trials(spikes, name) or []
    lengths = np.array([len(trial) for trial in trials])
    return pad(trials, int(lengths.max()), np.nan), lengths


def _is_pair(data: list[Any]) -> bool:
    """Test for a pair of spikes and external inputs, not a list of two trials."""
    if len(data) != 2 or data[1] is None:
        return len(data) == 2
    try:
        return np.ndim(data[0]) != 2
    except ValueError:  # trials of unequal length, which the next check refuses
        return False


_SHORTER = " Session.from_arrays pads a list of trials to n_bins, which are then not observed."


def _spikes(
    spikes: np.ndarray, config: LFADSConfig, name: str, encoded_only: bool
) -> np.ndarray:
    if spikes.ndim != 3:
        raise ValueError(
            f"{name}: expected spikes of shape (n_trials, n_bins, n_neurons), received shape "
            f"{spikes.shape}."
        )
    full = (config.n_bins, config.n_neurons)
    encoded = (config.encoded_bins, config.encoded_neurons)
    if encoded_only and spikes.shape[1:] == encoded != full:
        whole = np.full((len(spikes), *full), np.nan, np.float32)
        whole[:, : encoded[0], : encoded[1]] = spikes
        spikes = whole
    if spikes.shape[1:] != full:
        raise ValueError(
            f"{name}: expected {full[0]} bins and {full[1]} neurons, as the model's, received "
            f"{spikes.shape[1]} bins and {spikes.shape[2]} neurons."
            + (_SHORTER if spikes.shape[1] < full[0] and spikes.shape[2] == full[1] else "")
        )
    if len(spikes) == 0:
        raise ValueError(f"{name}: expected at least one trial, received none.")
    if np.isnan(spikes).all():
        raise ValueError(f"{name}: expected observed samples, received NaN only.")
    check_values(spikes, config, name)
    return spikes


def trial_weights(weights: Any, sessions: Sequence[Session]) -> np.ndarray | None:
    """Return the weight of each trial, with mean 1, or None if all are 1.

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
    numbers = np.array([check_number(weights[n], f"session_weights[{n!r}]") for n in names])
    shares = numbers / numbers.max()  # which neither overflow nor vanish in a sum
    per_trial = shares / [session.n_trials for session in sessions]
    each = np.repeat(per_trial, [session.n_trials for session in sessions])
    each = (each / each.mean()).astype(np.float32)
    if not each.all():
        raise ValueError(
            "session_weights: expected weights that single precision can add, received some "
            f"from {numbers.min():g} to {numbers.max():g}."
        )
    return each
