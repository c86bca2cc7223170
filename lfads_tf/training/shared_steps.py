"""Steps of training and validation that all models of equal structure share.

Keras traces a graph for each model. Here the variables of a model are arguments of the graph,
so that a second model of the same structure traces and compiles nothing, and leaves nothing
behind when it is dropped.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Hashable, Iterator
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from lfads_tf.training import sharding, stateless_optimizers

if TYPE_CHECKING:
    from lfads_tf.model import LFADS

__all__ = ["shared_step"]


def shared_step(model: LFADS, name: str) -> Callable[[Iterator], dict[str, tf.Tensor]] | None:
    """Return what Keras calls for each batch of training or validation.

    Args:
        model: compiled.
        name: of the method of the model that takes a batch, ``"train_step"`` or
            ``"test_step"``.

    Returns:
        A function of an iterator of batches that returns the means by name; None for a model
        that needs a graph of its own: of another class, under a ``tf.distribute`` strategy,
        run eagerly or several steps at a time, changed by hand, or with an optimizer that has
        no copy (:mod:`lfads_tf.training.stateless_optimizers`).
    """
    settings = _settings(model, name)
    if settings is None:
        return None
    variables = [variable.value for variable in _variables(model, name)]
    numbers = model._numbers()

    def step(iterator: Iterator) -> dict[str, tf.Tensor]:
        data = next(iterator)
        n_shards = sharding.default_shards(tf.nest.flatten(data)[0].shape[0])
        key = name, settings, n_shards, repr(_kinds(data))
        shared = model._stateless.function(key, lambda: _make(model, name, settings))
        return shared(variables, numbers, data)

    return step


def _settings(model: LFADS, name: str) -> Hashable | None:
    """Return all that a step depends on, the structure of the network apart."""
    own = model.run_eagerly or model.steps_per_execution > 1 or tf.distribute.has_strategy()
    if own or model._stateless.network is model.network:
        return None
    optimizer = None
    if name == "train_step":
        optimizer = stateless_optimizers.settings(model.optimizer, model.trainable_variables)
        if optimizer is None:
            return None
    config = model.config
    return json.dumps(
        [
            optimizer,
            config.dropout > 0,
            config.coordinated_dropout > 0,
            config.spike_jitter,
            config.temporal_shift,
        ]
    )


def _variables(model: LFADS, name: str) -> list[keras.Variable]:
    """Return the variables that a step reads or writes, in one order for all models."""
    of_means = [variable for mean in model.metrics for variable in mean.variables]
    counters = [model.step, model.bad_part, model.bad_step]
    of_model = [*model.network.variables, *model.scalars.values(), *counters]
    of_optimizer = model.optimizer.variables if name == "train_step" else []
    return [*of_model, *of_means, *of_optimizer]


def _kinds(data: Any) -> Any:
    """Return the shapes and types of a batch, for each of which there is a graph."""
    return tf.nest.map_structure(tf.type_spec_from_value, data)


def _make(model: LFADS, name: str, settings: Hashable) -> Callable:
    """Make the function of variables, numbers and a batch, with a copy of the model."""
    with tf.init_scope():
        copy: Any = model._stateless.function(("copy", settings), model._copied)
    own = _variables(copy, name)

    def run(variables, numbers, data):
        before = [variable.read_value() for variable in variables]
        pairs = list(zip(own, before, strict=True))
        with keras.StatelessScope(state_mapping=pairs) as scope:
            logs = getattr(copy, name)(data, numbers)
        for variable, (copied, value) in zip(variables, pairs, strict=True):
            new = scope.get_current_value(copied)
            if new is not value:
                variable.assign(new)
        return logs

    # TensorFlow knows functions by their code, and warns of one that is traced often.
    return tf.function(functools.partial(run), autograph=False)
