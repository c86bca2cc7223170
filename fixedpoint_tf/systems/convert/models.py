"""Recurrent layers as systems: alone, in a model, or in a file of one."""

from __future__ import annotations

import dataclasses
import os
from typing import Any

import keras

from fixedpoint_tf._utils.checks import listed
from fixedpoint_tf._utils.keras_files import (
    check_model_file,
    unknown_classes,
    warn_of_weights,
)
from fixedpoint_tf.systems.convert.arguments import ACCEPTED, Given
from fixedpoint_tf.systems.convert.cells import from_cell
from fixedpoint_tf.systems.models.model_path import ModelPath
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["both_directions", "from_layer", "from_model", "load_model"]


def load_model(path: str | os.PathLike) -> Any:
    """Load a model of Keras from its file."""
    path = os.fspath(path)
    if not os.path.isfile(path):
        raise ValueError(
            f"rnn: expected {ACCEPTED}, received the path {path!r}, which is no file."
        )
    check_model_file(path, "rnn")
    try:
        model = keras.saving.load_model(path, compile=False)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file
        if names := unknown_classes(path):
            raise ValueError(
                f"rnn: expected a model of classes that Keras knows, received {path!r} with "
                f"{listed(names)}. Import the module that defines and registers what is named "
                "(on the command line: --import FILE.py), or load the model yourself, "
                "keras.saving.load_model(path, custom_objects={...}), and pass it."
            ) from error
        raise ValueError(
            f"rnn: expected a model that Keras can load, received {path!r}: {error} A model "
            "with classes of your own, or of tf_keras, is best loaded by yourself and passed "
            "as it is; of an LFADS model, lfads_tf.load_model(path).generator."
        ) from error
    warn_of_weights(model, path)
    return model


def from_layer(layer: Any, given: Given, model: Any = None) -> DynamicalSystem:
    """Make a system of a recurrent layer, reached through ``model`` where one is given."""
    system = from_cell(layer.cell, given, owner=layer)
    system.path = ModelPath(layer if model is None else model, layer)
    return system


def from_model(model: Any, kinds: Any, given: Given) -> DynamicalSystem:
    """Make a system of the only RNN layer of a model or nested layer, or of the named one.

    Args:
        model: a layer of the library whose layers ``kinds`` holds.
        kinds: ``keras.layers`` or ``tf_keras.layers``.
        given: arguments of ``as_system``.
    """
    layers = list(model._flatten_layers(include_self=False, recursive=True))
    wrappers = [x for x in layers if isinstance(x, kinds.Bidirectional)]
    inner = {id(d) for w in wrappers for d in (w.forward_layer, w.backward_layer)}
    rnns = [x for x in layers if isinstance(x, kinds.RNN)]
    what = f"the model {model.name!r}" if _is_model(model) else f"the layer {model.name!r}"
    if not rnns:
        if not layers:
            raise TypeError(
                f"rnn: expected {ACCEPTED}, received {what} of type {type(model).__name__}, "
                "which has no state_size and is no RNN."
            )
        listed = [f"{x.name} ({type(x).__name__})" for x in layers]
        cell = getattr(model, "generator", None)  # of a generative model, such as LFADS
        hint = " Give its cell: rnn=model.generator." if hasattr(cell, "state_size") else ""
        raise ValueError(
            f"rnn: expected an RNN layer in {what}, received layers {listed}.{hint}"
        )
    if given.layer is not None:
        found = [x for x in [*rnns, *wrappers] if x.name == given.layer]
        if not found:
            raise ValueError(
                f"layer: expected an RNN layer of {what}, one of "
                f"{[x.name for x in [*rnns, *wrappers]]}, received {given.layer!r}."
            )
    else:
        found = [x for x in [*rnns, *wrappers] if id(x) not in inner]
    if len(found) > 1:
        raise ValueError(
            f"rnn: expected one RNN layer in {what}, received {len(found)}: "
            f"{[x.name for x in found]}. Name one of them with layer= (on the command "
            "line: --layer), or pass the layer itself."
        )
    if isinstance(found[0], kinds.Bidirectional):
        raise both_directions(found[0])
    return from_layer(found[0], dataclasses.replace(given, layer=None), model)


def _is_model(thing) -> bool:
    return any(base.__name__ == "Model" for base in type(thing).__mro__)


def both_directions(layer: Any) -> TypeError:
    """Make the error about a layer that runs in both directions."""
    return TypeError(
        f"rnn: the layer {layer.name!r} is Bidirectional: two networks that run in opposite "
        "directions and have fixed points of their own. Say which direction to take: pass "
        f"its .forward_layer ({layer.forward_layer.name!r}) or .backward_layer "
        f"({layer.backward_layer.name!r})."
    )
