"""Checks of a configuration of LFADS: of each value, and of values and sessions together."""

from __future__ import annotations

import math
from typing import Any

from fixedpoint_tf._utils.checks import (
    check_choice,
    check_number,
    check_switch,
    check_whole,
    is_number,
)
from lfads_tf._utils.checks import seconds_per_bin

__all__ = ["check_sessions", "check_together", "plain_value"]

OBSERVATIONS = ("poisson", "gaussian", "gamma", "zero_inflated_gamma")
INPUT_PRIORS = ("ar1", "gaussian")
READ_IN_STARTS = ("pcr", "random")
_SHARES = ("dropout", "coordinated_dropout", "sample_validation")
_LEAST_SHARE = 2.0**-16  # the least that the 16 bits of augmentations.random_bits show
_COUNTS = (
    "n_neurons",
    "n_bins",
    "encoder_units",
    "n_initial_conditions",
    "generator_units",
    "n_factors",
    "controller_encoder_units",
    "controller_units",
)
_POSITIVE = (
    "bin_width",
    "state_clip",
    "initial_condition_prior_variance",
    "input_prior_time_constant",
    "input_prior_noise_variance",
    "learning_rate",
    "gradient_clip",
)
_LARGEST_SEED = 2**31 - 1  # seeds go into arrays of 32-bit integers


def plain_value(name: str, value: Any, kind: str) -> Any:
    """Return the value, also one of NumPy's, as a plain number."""
    if kind == "str" or (value is None and "None" in kind):
        return value
    if kind == "bool":
        return check_switch(value, name)
    if kind.startswith("tuple"):
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise TypeError(f"{name}: expected a tuple, received {value!r}.")
        if "int" in kind:
            return tuple(plain_value(name, item, "int") for item in value)
        for item in value:
            if not isinstance(item, str):
                raise TypeError(f"{name}: expected strings, received {item!r}.")
        return tuple(value)
    if kind.startswith("int"):
        if is_number(value) and float(value).is_integer():
            value = int(value)  # such as 3.0
        most = _LARGEST_SEED if name == "seed" else None
        return check_whole(value, name, 1 if name in _COUNTS else 0, most)
    high = 1.0 if name in _SHARES else math.inf
    return check_number(value, name, 0.0, high, closed="" if name in _POSITIVE else "low")


def check_together(config: Any) -> None:
    """Refuse values that do not go together."""
    for name in ("neurons", "bins"):
        value, most = getattr(config, f"n_encode_{name}"), getattr(config, f"n_{name}")
        if value is not None:
            check_whole(value, f"n_encode_{name}", most=most, for_=f" (n_{name})")
    seconds_per_bin(config.bin_width)
    check_choice(config.observation, "observation", OBSERVATIONS)
    check_choice(config.input_prior, "input_prior", INPUT_PRIORS)
    if config.initial_condition_bins >= config.encoded_bins:
        raise ValueError(
            "initial_condition_bins: expected fewer than the bins that are encoded "
            f"({config.encoded_bins}), received {config.initial_condition_bins}."
        )
    n_seen = config.encoded_bins - config.initial_condition_bins
    if config.has_controller and config.controller_lag >= n_seen:
        raise ValueError(
            "controller_lag: expected fewer than the bins that the controller's encoder "
            f"sees ({n_seen}), received {config.controller_lag}."
        )
    for name in ("spike_jitter", "temporal_shift"):
        if config.sample_validation and getattr(config, name):
            # What is held out would be revealed by spikes that move out of it, and what is
            # fitted would be judged by spikes that moved in.
            raise ValueError(
                f"sample_validation: expected 0, or {name}=0 beside it, since {name} moves "
                "spikes of the samples left out into those that are fitted; received "
                f"{config.sample_validation} with {name}={getattr(config, name)}."
            )
    if 0 < config.coordinated_dropout < _LEAST_SHARE:
        raise ValueError(
            f"coordinated_dropout: expected 0 or at least {_LEAST_SHARE:.3g}, since masks "
            "are drawn from 16 bits and would hide nothing below it; received "
            f"{config.coordinated_dropout}."
        )
    for name in ("spike_jitter", "temporal_shift"):
        if getattr(config, name) >= config.n_bins:
            raise ValueError(
                f"{name}: expected fewer than n_bins ({config.n_bins}), received "
                f"{getattr(config, name)}."
            )


def check_sessions(config: Any) -> None:
    """Refuse sessions, and read-ins of theirs, that cannot be."""
    check_choice(config.read_in_start, "read_in_start", READ_IN_STARTS)
    names, sizes = config.session_names, config.session_neurons
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"session_names: expected names of sessions, each once, received {names!r}."
        )
    if len(sizes) != len(names) or min(sizes) < 1:
        raise ValueError(
            f"session_neurons: expected the number of neurons of each of {len(names)} "
            f"sessions, received {sizes!r}."
        )
    if config.n_neurons != max(sizes):
        raise ValueError(
            f"n_neurons: expected that of the largest session ({max(sizes)}), received "
            f"{config.n_neurons}."
        )
    encoded = config.session_encode_neurons or tuple(map(config.encoded_of, range(len(names))))
    fits = len(encoded) == len(sizes)
    if not fits or not all(1 <= e <= n for e, n in zip(encoded, sizes, strict=True)):
        raise ValueError(
            "session_encode_neurons: expected from 1 to all neurons of each session "
            f"({sizes!r}), received {encoded!r}."
        )
    if config.encoded_neurons != max(encoded):
        raise ValueError(
            "n_encode_neurons: expected that of the session with the most encoded neurons "
            f"({max(encoded)}), received {config.encoded_neurons}."
        )
    unknown = set(config.frozen_sessions) - set(names)
    if unknown:
        raise ValueError(
            f"frozen_sessions: expected some of {', '.join(map(repr, names))}, received "
            f"{', '.join(map(repr, sorted(unknown)))}."
        )
    if not config.n_read_in and len(names) > 1:
        raise ValueError(
            f"n_read_in: expected at least 1 for {len(names)} sessions, each of which has "
            "a read-in, received 0."
        )
    if not config.n_read_in and config.read_in_start != "random":
        raise ValueError(
            "read_in_start: expected 'random' where there are no read-ins (n_read_in=0), "
            f"received {config.read_in_start!r}."
        )
    if not config.read_in_trained and config.read_in_start == "random":
        raise ValueError(
            "read_in_trained: expected True where read-ins begin at random "
            "(read_in_start='random'), received False."
        )
