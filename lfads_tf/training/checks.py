"""Checks of the arguments of ``fit`` and related methods, before training.

Those of values are written once, for arrays and for batches in a graph.
"""

from __future__ import annotations

import contextlib
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.checks import (
    ArgumentTypeError,
    check_whole,
    is_whole,
    listed,
    shown,
)
from fixedpoint_tf._utils.keras_files import not_finite
from lfads_tf._utils.logarithms import HIGHEST_LOG
from lfads_tf.config import LFADSConfig
from lfads_tf.data.session import Session
from lfads_tf.training.callbacks import LEAST_RATE, Plateau, constant_rate
from lfads_tf.training.checkpoints import Checkpoint

__all__ = [
    "as_value_errors",
    "assert_values",
    "check_averages",
    "check_callbacks",
    "check_compile_keywords",
    "check_keywords",
    "check_new_session",
    "check_no_weights",
    "check_one_batch",
    "check_optimizer",
    "check_optional_whole",
    "check_pipeline",
    "check_session_weights",
    "check_split",
    "check_steps",
    "check_targets",
    "check_validation_freq",
    "check_rate",
    "check_rate_callbacks",
    "check_rates",
    "check_values",
    "check_verbose",
    "check_weights",
    "least_far",
    "own_weights",
    "parts_of",
    "unreachable",
]


class _Rule(NamedTuple):
    """Rule of a check: the mask of wrong values, and the words for expected and received.

    The mask is computed by NumPy or by TensorFlow, depending on the module passed.
    """

    wrong: Callable[[Any, Any], Any]
    expected: str
    received: Callable[[np.ndarray], str]


def _rules(config: LFADSConfig) -> list[_Rule]:
    """Return the rules for data under an observation model, none of which NaN breaks."""
    kind = f"(observation={config.observation!r})"
    rules = [_Rule(lambda x, _: abs(x) == math.inf, "finite data", lambda _: "infinity")]
    if config.observation != "gaussian":
        rules.append(
            _Rule(
                lambda x, _: x < 0,
                f"data of at least 0 {kind}",
                lambda values: f"a least value of {values.min():g}",
            )
        )
    if config.observation == "poisson":
        rules.append(
            _Rule(
                lambda x, xp: (x != xp.round(x)) & (x == x),
                f"whole numbers of spikes {kind}",
                lambda values: (
                    f"{values[0]:g} among others. Give counts, not rates, or choose another "
                    "observation model"
                ),
            )
        )
    if config.observation == "zero_inflated_gamma":
        least = config.gamma_location
        rules.append(
            _Rule(
                lambda x, _: (x > 0) & (x <= least),
                f"zeros and events above {least:g} (gamma_location)",
                lambda values: (
                    f"{len(values):,} events that are not, the least of them "
                    f"{values.min():g}. Choose a gamma_location below it"
                ),
            )
        )
    return rules


def check_values(spikes_btn: np.ndarray, config: LFADSConfig, name: str) -> None:
    """Refuse data that the observation model of a configuration cannot have.

    Those that it can have, but cannot reach, are warned of.

    Args:
        spikes_btn: ``(n_trials, n_bins, n_neurons)``, NaN where not observed.
        config: configuration of the model.
        name: name of the argument, for errors.

    Raises:
        ValueError: infinity; less than 0, except under a Gaussian; fractions under a
            Poisson; events not above ``gamma_location`` under a zero-inflated gamma.

    Example:
        >>> config = LFADSConfig(n_neurons=1, n_bins=2, bin_width=0.02)
        >>> check_values(np.array([[[0.5], [1.0]]]), config, "x")
        Traceback (most recent call last):
        ...
        ValueError: x: expected whole numbers of spikes (observation='poisson'), received...
    """
    for rule in _rules(config):
        wrong = rule.wrong(spikes_btn, np)
        if wrong.any():
            received = rule.received(spikes_btn[wrong])
            raise ValueError(f"{name}: expected {rule.expected}, received {received}.")
    if (sentence := unreachable(spikes_btn, config)) is not None:
        warnings.warn(f"{name}: {sentence}", stacklevel=3)


def least_far(config: LFADSConfig) -> float:
    """Return the least size of data that the observation model cannot reach."""
    highest = math.exp(HIGHEST_LOG)
    return {"poisson": highest, "gaussian": math.sqrt(highest)}.get(
        config.observation, math.inf
    )


def unreachable(spikes_btn: np.ndarray, config: LFADSConfig) -> str | None:
    """Describe data that no parameters of the observation model can reach, or return None.

    Args:
        spikes_btn: ``(n_trials, n_bins, n_neurons)``, NaN where not observed.
        config: configuration of the model.

    Example:
        >>> config = LFADSConfig(n_neurons=1, n_bins=2, bin_width=0.02)
        >>> unreachable(np.array([[[3e4], [1.0]]]), config)[:60]
        "the observation model (observation='poisson') reaches rates "
    """
    highest = math.exp(HIGHEST_LOG)
    beyond = 0
    if config.observation == "poisson":
        beyond = int(np.sum(spikes_btn > highest))
        limit = f"rates of at most {highest:,.0f} spikes in a bin"
        received = f"{beyond:,} counts above it, up to {np.nanmax(spikes_btn):,.0f}"
        advice = "Narrower bins have fewer; otherwise divide by a unit and take another model"
    elif config.observation == "gaussian":
        number = np.maximum(np.isfinite(spikes_btn).sum(axis=(0, 1)), 1)
        centred = spikes_btn - np.nansum(spikes_btn, axis=(0, 1), dtype=np.float64) / number
        sd = np.sqrt(np.nansum(np.square(centred), axis=(0, 1)) / number)
        beyond = int(np.sum(sd > math.sqrt(highest)))
        limit = f"standard deviations of at most {math.sqrt(highest):,.0f}"
        received = f"{beyond} neurons above it, up to {sd.max():,.0f}"
        advice = "Divide the data by a unit of their size"
    if not beyond:
        return None
    return (
        f"the observation model (observation={config.observation!r}) reaches {limit}, received "
        f"{received}. {advice}."
    )


def assert_values(batch: Mapping[str, tf.Tensor], config: LFADSConfig, name: str = "x") -> None:
    """Check the same of a batch in a graph, and that its external inputs are finite.

    Args:
        batch: ``spikes_btn`` and ``external_bte``.
        config: configuration of the model.
        name: name of the argument, for errors.

    Raises:
        tf.errors.InvalidArgumentError: as :func:`check_values`, when the graph runs.

    Example:
        >>> config = LFADSConfig(n_neurons=3, n_bins=2, bin_width=0.02)
        >>> batch = {"spikes_btn": tf.ones((4, 2, 3)), "external_bte": tf.zeros((4, 2, 0))}
        >>> assert_values(batch, config)
    """
    spikes_btn = batch["spikes_btn"]
    refused = [(rule.wrong(spikes_btn, tf), rule.expected) for rule in _rules(config)]
    not_finite = ~tf.math.is_finite(batch["external_bte"])
    for wrong, expected in [*refused, (not_finite, "finite external inputs")]:
        tf.debugging.assert_equal(tf.reduce_any(wrong), False, f"{name}: expected {expected}.")


def check_split(session: Session, config: LFADSConfig, name: str) -> None:
    """Refuse a session that holds out neurons or bins that the model would encode.

    Args:
        session: with ``n_encode_neurons`` and ``n_encode_bins``; None: it asks for nothing.
        config: configuration of the model.
        name: name of the argument, for errors.

    Raises:
        ValueError: the model encodes another number of neurons or bins.

    Example:
        >>> session = Session(np.ones((4, 6, 3)), 0.02, n_encode_neurons=2)
        >>> config = LFADSConfig(n_neurons=3, n_bins=6, bin_width=0.02)
        >>> check_split(session, config.replace(n_encode_neurons=2), "x")
    """
    for what, of in (("neurons", session.n_neurons), ("bins", session.n_bins)):
        asked = getattr(session, f"n_encode_{what}")
        encoded = getattr(config, f"encoded_{what}")
        if asked is not None and asked != encoded:
            raise ValueError(
                f"{name}: expected a model that encodes {asked} of {of} {what} "
                f"(n_encode_{what}), as the session asks for, received one that encodes "
                f"{encoded}. LFADSConfig.for_data takes it over from the session."
            )


def parts_of(data: Any, name: str) -> tuple[Any, Any]:
    """Return spikes and external inputs (or None), from spikes alone or both.

    Args:
        data: spikes, or a tuple or list of them and external inputs.
        name: name of the argument, for errors.

    Raises:
        ValueError: more than two parts.

    Example:
        >>> parts_of(("spikes", "inputs"), "x"), parts_of("spikes", "x")
        (('spikes', 'inputs'), ('spikes', None))
    """
    parts = tuple(data) if isinstance(data, tuple | list) else (data,)
    if len(parts) not in (1, 2):
        raise ValueError(
            f"{name}: expected spikes or a pair (spikes, external_inputs), received "
            f"{len(parts)} parts. Samples have no weights here; NaN marks those that were not "
            "observed."
        )
    return parts[0], parts[1] if len(parts) == 2 else None


def check_targets(y: Any) -> None:
    """Raise ``TypeError`` for targets, since the model has none but its spikes."""
    if y is not None:
        shown = f"an array of shape {np.shape(y)}" if np.ndim(y) else repr(y)
        raise TypeError(
            "y: expected none, since spikes are their own target, received "
            f"{shown}. External inputs go into x: fit((spikes, external_inputs))."
        )


def check_no_weights(**weights: Any) -> None:
    """Raise ``TypeError`` if samples or classes should weigh, by the argument's name."""
    for name, value in weights.items():
        if value is not None:
            raise TypeError(
                f"{name}: expected none, since NaN marks samples that were not observed, "
                f"received a {type(value).__name__}."
            )


def check_one_batch(x: Any, name: str = "x") -> None:
    """Raise ``TypeError`` if a pipeline is given for the trials of one batch."""
    if isinstance(x, tf.data.Dataset):
        raise TypeError(
            f"{name}: expected the trials of one batch, received a tf.data.Dataset."
        )


def check_optimizer(
    optimizer: Any, variables: Sequence[Any], *, alone: bool = True
) -> keras.optimizers.Optimizer:
    """Return a Keras optimizer, by its name or as it is.

    Args:
        optimizer: what was given.
        variables: that it shall update.
        alone: under no ``tf.distribute`` strategy.

    Raises:
        ArgumentTypeError: no optimizer.
        ValueError: no optimizer's name; one that updates other variables; settings that
            Keras cannot apply under a strategy.

    Example:
        >>> type(check_optimizer("lion", [])).__name__
        'Lion'
    """
    if not isinstance(optimizer, str | dict | keras.optimizers.Optimizer):
        raise ArgumentTypeError(
            f"optimizer: expected a Keras optimizer or its name, received {optimizer!r}."
        )
    try:
        found = keras.optimizers.get(optimizer)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(
            f"optimizer: expected a Keras optimizer or its name, received {optimizer!r}."
        ) from error
    if found.built:
        known = {id(variable) for variable in found._trainable_variables}
        if not all(id(variable) in known for variable in variables):
            raise ValueError(
                "optimizer: expected one of the model's own, received one that updates the "
                "weights of another model."
            )
    inner = getattr(found, "inner_optimizer", found)
    for one in getattr(inner, "optimizers", [inner]):
        for name in ("gradient_accumulation_steps", "ema_overwrite_frequency"):
            value = getattr(one, name, None)
            if value and not alone:
                raise ValueError(
                    f"optimizer: expected none with {name} under a tf.distribute strategy, "
                    f"where Keras 3 cannot apply it, received {name}={value}."
                )
    return found


def check_steps(steps_per_epoch: int | None, is_pipeline: bool) -> None:
    """Raise ``ValueError`` if steps are asked for where the trials make an epoch."""
    if steps_per_epoch is not None and not is_pipeline:
        raise ValueError(
            "steps_per_epoch: expected none beside trials, all of which make an epoch (a "
            f"tf.data.Dataset may have any number of steps), received {steps_per_epoch!r}."
        )
    check_optional_whole(steps_per_epoch, "steps_per_epoch")


def check_optional_whole(value: Any, argument: str) -> None:
    """Refuse what is neither none nor a whole number of at least 1."""
    if value is not None:
        check_whole(value, argument)


def check_callbacks(callbacks: Any) -> list[keras.callbacks.Callback]:
    """Return the callbacks as a list.

    Raises:
        ArgumentTypeError: no list of callbacks.

    Example:
        >>> check_callbacks(None)
        []
    """
    several = isinstance(callbacks, list | tuple)
    odd = (
        [c for c in callbacks if not isinstance(c, keras.callbacks.Callback)] if several else []
    )
    if callbacks is None or (several and not odd):
        return list(callbacks or [])
    shown = f"a list with {odd[0]!r}" if odd else f"{callbacks!r}"
    raise ArgumentTypeError(
        f"callbacks: expected a list of Keras's callbacks, received {shown}."
    )


def check_weights(model: keras.Model, name: str = "model") -> None:
    """Raise ``ValueError`` if NaN or infinity stands in a model's weights."""
    if names := not_finite(model):
        raise ValueError(
            f"{name}: expected finite weights, received NaN or infinity in {listed(names)}."
        )


def check_rates(rates: np.ndarray) -> None:
    """Raise ``ValueError`` if weights led to rates that are not finite."""
    if not np.isfinite(rates).all():
        n_bad = int(np.sum(~np.isfinite(rates)))
        raise ValueError(
            f"model: expected weights that lead to finite rates, received some that lead to "
            f"NaN or infinity in {n_bad:,} of {rates.size:,}."
        )


def check_rate(optimizer: keras.optimizers.Optimizer) -> None:
    """Raise ``ValueError`` if a learning rate is negative or not finite.

    Args:
        optimizer: Keras optimizer; of one that scales losses, and of several in one, those
            within.

    Example:
        >>> check_rate(keras.optimizers.SGD(-1.0))
        Traceback (most recent call last):
        ...
        ValueError: optimizer: expected a finite learning rate of at least 0, received -1.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    for one in getattr(inner, "optimizers", [inner]):
        rate = float(tf.convert_to_tensor(one.learning_rate))
        if not 0 <= rate < math.inf:
            raise ValueError(
                f"optimizer: expected a finite learning rate of at least 0, received {rate:g}."
            )


def check_rate_callbacks(
    callbacks: Sequence[keras.callbacks.Callback], optimizer: keras.optimizers.Optimizer
) -> None:
    """Refuse callbacks that set a learning rate that they cannot set, or would not lower.

    Args:
        callbacks: of ``fit``.
        optimizer: whose learning rate it is.

    Raises:
        ValueError: the learning rate follows a schedule, or begins below the least to which
            it may be lowered.

    Example:
        >>> check_rate_callbacks([Plateau(min_lr=0.1)], keras.optimizers.Adam(0.01))
        Traceback (most recent call last):
        ...
        ValueError: least_learning_rate: expected at most the learning rate 0.01, received 0.1.
    """
    rate = constant_rate(optimizer)
    setters = (keras.callbacks.ReduceLROnPlateau, keras.callbacks.LearningRateScheduler)
    for callback in callbacks:
        if rate is None and isinstance(callback, setters) and not isinstance(callback, Plateau):
            raise ValueError(
                f"callbacks: expected no {type(callback).__name__} beside a learning rate that "
                f"follows a schedule or is one of several, received one with "
                f"{type(optimizer).__name__}."
            )
        # The default was not asked for, and leaves a lower rate as it is.
        if isinstance(callback, Plateau) and rate and callback.min_lr != LEAST_RATE:
            if callback.min_lr > rate * (1 + 1e-6):  # single precision
                raise ValueError(
                    f"least_learning_rate: expected at most the learning rate {rate:g}, "
                    f"received {callback.min_lr:g}."
                )


@contextlib.contextmanager
def own_weights(callbacks: Sequence[keras.callbacks.Callback]) -> Iterator[None]:
    """Leave an interrupted model with its weights, not with their averages in their place.

    Args:
        callbacks: of ``fit``.
    """
    try:
        yield
    except KeyboardInterrupt:
        for callback in callbacks:
            if isinstance(callback, keras.callbacks.SwapEMAWeights):
                callback.on_test_end()  # puts back what it has put in, if it has
        raise


def check_averages(
    callbacks: Sequence[keras.callbacks.Callback], optimizer: keras.optimizers.Optimizer
) -> list[keras.callbacks.Callback]:
    """Return the callbacks that put averages of the weights in their place at ends of epochs.

    Args:
        callbacks: of ``fit``.
        optimizer: which keeps the averages.

    Raises:
        ValueError: the optimizer keeps none; the state of a run would be written while they
            are in place, from which training does not go on.

    Example:
        >>> swap = keras.callbacks.SwapEMAWeights(swap_on_epoch=True)
        >>> check_averages([swap], keras.optimizers.Adam(use_ema=True)) == [swap]
        True
    """
    swaps = [c for c in callbacks if isinstance(c, keras.callbacks.SwapEMAWeights)]
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if swaps and not any(one.use_ema for one in getattr(inner, "optimizers", [inner])):
        raise ValueError(
            "callbacks: expected SwapEMAWeights with an optimizer that has use_ema=True, "
            f"received it with {type(optimizer).__name__} that has not."
        )
    swaps = [swap for swap in swaps if swap.swap_on_epoch]
    if swaps and any(isinstance(c, Checkpoint) for c in callbacks[callbacks.index(swaps[0]) :]):
        raise ValueError(
            "callbacks: expected SwapEMAWeights(swap_on_epoch=True) behind those of "
            "default_callbacks, which write the state of training, received it before them."
        )
    return swaps


def check_verbose(verbose: Any) -> None:
    """Refuse what Keras does not take for ``verbose``."""
    is_level = is_whole(verbose) or isinstance(verbose, bool | np.bool_)
    if not (
        verbose in (0, 1, 2) if is_level else isinstance(verbose, str) and verbose == "auto"
    ):
        raise ValueError(f"verbose: expected 'auto', 0, 1 or 2, received {shown(verbose)}.")


def check_validation_freq(value: Any) -> None:
    """Refuse what is neither a whole number of at least 1 nor a list of epochs."""
    if isinstance(value, list | tuple | set | range):
        if not value:
            raise ValueError("validation_freq: expected at least one epoch, received none.")
        for epoch in value:
            check_whole(epoch, "validation_freq")
    else:
        check_whole(value, "validation_freq")


def check_session_weights(session_weights: Any, config: LFADSConfig) -> None:
    """Raise ``ValueError`` if sessions should weigh where there is one."""
    by_trials = isinstance(session_weights, str) and session_weights == "trials"
    if not config.n_read_in and not by_trials:
        raise ValueError(
            "session_weights: expected 'trials' for a model of a single session, received "
            f"{shown(session_weights)}."
        )


def check_new_session(session: Any, config: LFADSConfig) -> None:
    """Refuse what is no session, and one whose name the model knows."""
    if not isinstance(session, Session):
        raise TypeError(f"session: expected a Session, received a {type(session).__name__}.")
    if session.name in config.session_names:
        raise ValueError(
            "session: expected one of another name than those that the model knows "
            f"({', '.join(map(repr, config.session_names))}), received {session.name!r}."
        )


def check_pipeline(
    data: tf.data.Dataset, name: str, config: LFADSConfig, end: str | None = None
) -> None:
    """Refuse batches that a model cannot take, by what they say of themselves.

    Args:
        data: batches.
        name: name of the argument, for errors.
        config: configuration of the model.
        end: the argument that says after how many batches of an endless one to stop, if it
            was left out; None: they need not end.

    Raises:
        TypeError: a model of several sessions, whose sessions batches do not name; parts
            that are no dense arrays of numbers.
        ValueError: no end, dictionaries, or more than two parts.

    Example:
        >>> config = LFADSConfig(n_neurons=3, n_bins=2, bin_width=0.02)
        >>> check_pipeline(tf.data.Dataset.from_tensors(tf.ones((5, 2, 3))), "x", config)
    """
    if len(config.session_names) > 1:
        raise TypeError(
            f"{name}: expected a Session or a list of them, since the model is stitched over "
            "sessions, received a tf.data.Dataset."
        )
    spec = data.element_spec
    if isinstance(spec, dict):
        if "spikes_btn" in spec:
            return
        raise ValueError(
            f"{name}: expected batches of spikes, or of pairs (spikes, external_inputs), "
            f"received dictionaries of {', '.join(map(repr, spec))}."
        )
    for part in parts_of(spec, name):
        if part is None:
            continue
        if not isinstance(part, tf.TensorSpec):
            received = type(part).__name__.removesuffix("Spec")
        elif part.dtype.is_floating or part.dtype.is_integer or part.dtype.is_bool:
            continue
        else:
            received = f"tensors of {part.dtype.name}"
        raise ArgumentTypeError(
            f"{name}: expected batches of dense tensors of real numbers (NaN after the end "
            f"of a short trial), received {received}."
        )
    if end is not None and data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            f"{name}: expected a tf.data.Dataset that ends, or {end}, received one without end."
        )


@contextlib.contextmanager
def as_value_errors() -> Iterator[None]:
    """Raise a check's error from a graph as the ``ValueError`` that it is outside.

    Raises:
        ValueError: with the sentence of the check.

    Example:
        >>> with as_value_errors():
        ...     tf.debugging.assert_equal(1, 2, "x: expected finite data.")
        Traceback (most recent call last):
        ...
        ValueError: x: expected finite data.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        found = re.search(r"\w+: expected [^\]\n]*?\.(?=\.* *(?:[\]\n]|$))", error.message)
        if found is None:
            raise
        raise ValueError(found[0].replace("\\'", "'")) from error


def check_keywords(arguments: Mapping[str, Any]) -> None:
    """Raise ``TypeError`` for an argument that Keras's ``fit`` has and the model's has not."""
    for name, value in arguments.items():
        if name == "validation_split":
            raise TypeError(
                "validation_split: expected none; give validation_data, such as Session.split "
                f"draws, received {value!r}."
            )
        raise TypeError(
            f"{name}: expected no argument of Keras's but validation_freq and "
            f"validation_steps, received {value!r}."
        )


def check_compile_keywords(arguments: Mapping[str, Any]) -> None:
    """Raise ``TypeError`` for an argument that Keras's ``compile`` has, the model's not."""
    for name, value in arguments.items():
        raise TypeError(
            f"{name}: expected none, since the model has a loss of its own, of which it tells "
            f"all parts, received {shown(value)}."
        )
