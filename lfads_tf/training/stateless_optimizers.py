"""Copies of Keras's optimizers that update tensors instead of variables.

Keras has ``stateless_apply`` for other backends than TensorFlow, where the optimizer's steps
on variables are replaced by those for ``tf.distribute``. A copy of an optimizer has the
original steps, which are the same arithmetic.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

__all__ = ["copied", "settings"]

#: Optimizers whose copies have been seen to update as they do, bit for bit (``tests/``).
NAMES = (
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "RMSprop",
    "SGD",
)

_CLASSES = {getattr(keras.optimizers, name, None) for name in NAMES}


def settings(optimizer: keras.optimizers.Optimizer, variables: Sequence[Any]) -> str | None:
    """Return what the steps of an optimizer depend on, the values of its variables apart.

    Args:
        optimizer: Keras optimizer.
        variables: that it updates.

    Returns:
        Text, equal for optimizers that take the same steps; none for an optimizer that has
        no copy: of another class, with steps that are left out under a condition, with weights
        that are exempted from decay or constrained.

    Example:
        >>> one, other = keras.optimizers.Adam(1e-3), keras.optimizers.Adam(1e-2)
        >>> settings(one, []) == settings(other, [])
        True
        >>> settings(keras.optimizers.Adam(gradient_accumulation_steps=2), []) is None
        True
    """
    constrained = any(getattr(v, "constraint", None) is not None for v in variables)
    if type(optimizer) not in _CLASSES or constrained:
        return None
    conditions = "gradient_accumulation_steps", "ema_overwrite_frequency"
    if any(getattr(optimizer, name, None) for name in conditions):
        return None
    if any(name.startswith("_exclude_from_weight_decay") for name in vars(optimizer)):
        return None
    with tf.init_scope():  # the learning rate is read, also while a graph is made
        config = {**keras.saving.serialize_keras_object(optimizer)["config"], "name": None}
    if not isinstance(config["learning_rate"], dict):  # no schedule: it is a variable
        config["learning_rate"] = None
    return json.dumps([type(optimizer).__name__, config], sort_keys=True)


def copied(
    optimizer: keras.optimizers.Optimizer, variables: Sequence[Any]
) -> keras.optimizers.Optimizer:
    """Return a copy whose ``stateless_apply`` updates tensors.

    Args:
        optimizer: that has :func:`settings`.
        variables: of the shapes of those that it updates.

    Example:
        >>> variable = keras.Variable([1.0, 2.0])
        >>> copy = copied(keras.optimizers.SGD(0.5), [variable])
        >>> state = [tf.convert_to_tensor(v) for v in copy.variables]
        >>> weights, _ = copy.stateless_apply(state, [tf.ones(2)], [tf.zeros(2)])
        >>> weights[0].numpy().tolist()
        [-0.5, -0.5]
    """
    with tf.init_scope():
        copy = _stateless_class(type(optimizer)).from_config(optimizer.get_config())
        copy.build(variables)
    return copy


def _stateless_class(cls: type) -> Any:
    """Return the class with the steps that Keras writes for every backend."""
    _, of_tensorflow, *others = keras.optimizers.Optimizer.__mro__
    common = vars(next(base for base in others if base.__name__ == "BaseOptimizer"))
    own = {
        name: common[name]
        for name in vars(of_tensorflow)
        if name in common and not name.startswith("__")
    }
    return type(cls.__name__, (cls,), own)
