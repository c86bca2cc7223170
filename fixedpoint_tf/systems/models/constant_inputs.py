"""Inputs of a whole model from a file or a few numbers, in the structure that it takes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fixedpoint_tf.systems.models.model_path import ModelPath
from fixedpoint_tf.systems.models.nested_inputs import input_tensors, pack_inputs

__all__ = ["constant_rnn_input", "n_features", "named_inputs"]

logger = logging.getLogger(__name__)

N_TIME = 256  # steps in which recurrent layers before the one studied come to rest
SETTLED = 1e-5  # change in a step, relative to the size of the inputs


def named_inputs(model: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Put arrays by the names of a model's inputs into the structure that it takes.

    Args:
        model: a functional or sequential model.
        arrays: an array an input.

    Returns:
        The arrays, in a list, tuple or dict as the model takes them.

    Raises:
        ValueError: the names are not those of the model's inputs.

    Example:
        >>> import keras
        >>> a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
        >>> model = keras.Model([a, b], keras.layers.Add()([a, b]))
        >>> [x.tolist() for x in named_inputs(model, {"b": np.ones(1), "a": np.zeros(1)})]
        [[0.0], [1.0]]
    """
    names = [tensor.name for tensor in input_tensors(model)]
    if not names or set(names) != set(arrays):
        raise ValueError(
            f"drive: expected an array for each input of the model, {names}; received "
            f"{sorted(arrays)}."
        )
    return pack_inputs(model, [arrays[name] for name in names])


def constant_rnn_input(path: ModelPath, values: Sequence[float]) -> np.ndarray:
    """Translate a constant input of a model to the one that its recurrent layer settles on.

    Args:
        path: from the model to the layer.
        values: a number for each feature of each input of the model, in their order; one
            number for an input of shape ``(batch, time)``, such as a token.

    Returns:
        ``(n_inputs,)``, what the layer receives for ever.

    Raises:
        ValueError: the number of values does not fit, or the layer's inputs do not settle.

    Example:
        >>> import keras
        >>> rnn = keras.layers.GRU(2)
        >>> layers = [keras.Input((None, 2)), keras.layers.Rescaling(0.5), rnn]
        >>> constant_rnn_input(ModelPath(keras.Sequential(layers), rnn), [1.0, 4.0]).tolist()
        [0.5, 2.0]
    """
    u = path.rnn_inputs(_constant(path.model, np.asarray(values, dtype=float)))
    middle = u.shape[1] // 2
    seen = u.values[0, max(middle - 2, 0) : middle + 2]
    name = path.layer.name
    if u.mask is not None and not u.mask[0, middle]:
        logger.warning(
            "the model masks the input %s, so that its RNN layer %r keeps every "
            "state; the layer is analysed as if this input were not masked.",
            list(values), name,
        )  # fmt: skip
    if np.ptp(seen, axis=0).max(initial=0.0) > SETTLED * (1.0 + np.abs(seen).max(initial=0.0)):
        raise ValueError(
            f"input: expected one under which the inputs of the RNN layer {name!r} settle, "
            f"received {list(values)}: after {middle} steps they still change. Take the one "
            "that you mean from finder.rnn_inputs(model_inputs) and search by "
            "finder.find_fixed_points."
        )
    return u[0, middle]


def n_features(model: Any, default: int) -> int:
    """Count the numbers that make a constant input of a model.

    Args:
        model: a model or layer.
        default: the answer where the model does not tell its inputs.

    Returns:
        The number of features of all its inputs.

    Example:
        >>> import keras
        >>> n_features(keras.Sequential([keras.Input((None, 3)), keras.layers.GRU(2)]), 1)
        3
    """
    widths = [_width(tuple(tensor.shape)[1:]) for tensor in input_tensors(model)]
    return sum(widths) if widths else default


def _width(shape: tuple) -> int:
    return int(shape[-1]) if shape and shape[-1] is not None else 1


def _constant(model: Any, values: np.ndarray) -> Any:
    """Make one trial of a constant input."""
    tensors = input_tensors(model)
    shapes = [tuple(tensor.shape)[1:] for tensor in tensors] or [(None, len(values))]
    widths = [_width(shape) for shape in shapes]
    if len(shapes) == 1 and len(shapes[0]) == 1 and len(values) == 1:
        widths = [1]
    if sum(widths) != len(values):
        told = [f"{t.name} ({w})" for t, w in zip(tensors, widths, strict=True)]
        raise ValueError(
            f"input: expected {sum(widths)} numbers, for {', '.join(told) or 'the model'}; "
            f"received {len(values)}."
        )
    arrays = []
    parts = np.split(values, np.cumsum(widths)[:-1])
    for shape, part in zip(shapes, parts, strict=True):
        lengths = [N_TIME if n is None else n for n in shape[:-1]]
        last = shape[-1] if shape and shape[-1] is not None else N_TIME
        arrays.append(np.broadcast_to(part, (1, *lengths, last)).astype(np.float32))
    return pack_inputs(model, arrays)
