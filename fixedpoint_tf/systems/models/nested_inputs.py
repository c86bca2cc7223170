"""Inputs of a model as it nests them: lists, tuples and dicts of arrays."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.checks import ArgumentTypeError, shown

__all__ = [
    "brief",
    "input_tensors",
    "pack_inputs",
    "plain_inputs",
    "shapes_of",
    "specification",
]


def plain_inputs(model_inputs: Any) -> Any:
    """Make arrays of nested lists of numbers, and refuse what no model takes."""
    first = model_inputs
    while isinstance(first, (list, tuple)) and len(first):
        first = first[0]
    if isinstance(first, (bool, int, float, str, np.number)):
        model_inputs = _array(model_inputs)
    for leaf in tf.nest.flatten(model_inputs):
        if isinstance(leaf, np.ma.MaskedArray):
            raise TypeError(
                "model_inputs: expected plain arrays, received a masked array. Fill it, and "
                "let the model mask what it has been trained to mask."
            )
    arrays = tf.nest.map_structure(_array, model_inputs)
    for leaf in tf.nest.flatten(arrays):
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "cMmV":
            raise TypeError(f"model_inputs: expected real numbers, received {leaf.dtype}.")
    return arrays


def _array(leaf: Any) -> Any:
    if tf.is_tensor(leaf) or leaf is None:
        return leaf
    try:
        return np.asarray(leaf)
    except Exception as error:  # lists of unequal length, or an array of another library
        raise ArgumentTypeError(
            "model_inputs: expected arrays, or lists of equal length, received "
            f"{shown(leaf)} ({error})."
        ) from error


def shapes_of(inputs: Any) -> str:
    """Return the shapes of inputs in their structure."""
    return str(tf.nest.map_structure(lambda x: tuple(getattr(x, "shape", ())), inputs))


def specification(model: Any) -> str:
    """Return the names and shapes of a model's inputs, if it has any."""
    told = [f"{x.name} {tuple(x.shape)}" for x in input_tensors(model)]
    return f", {', '.join(told)}" if told else ""


def input_tensors(model: Any) -> list[Any]:
    """List the symbolic inputs of a model that has them."""
    try:
        return tf.nest.flatten(model.inputs or [])
    except (AttributeError, ValueError):
        return []


def pack_inputs(model: Any, flat: list[Any]) -> Any:
    """Put arrays, one per input, into the structure that a model takes."""
    if len(flat) == 1:
        return flat[0]
    graph = getattr(model, "_functional", None) or model
    structure = getattr(graph, "_inputs_struct", getattr(graph, "_nested_inputs", flat))
    return tf.nest.pack_sequence_as(structure, flat)


def brief(error: Exception) -> str:
    """Return the beginning of a message, since Keras's can fill a screen."""
    text = re.sub(r"\x1b\[\d+m", "", str(error)).split("Arguments received by")[0]
    text = " ".join(text.split())
    return text if len(text) <= 400 else f"{text[:400]}..."
