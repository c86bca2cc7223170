"""Path from the inputs of a model to those of its recurrent layer."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.checks import check_mapping
from fixedpoint_tf.systems.cells.registry import is_standard
from fixedpoint_tf.systems.cells.stacked import is_stack
from fixedpoint_tf.systems.keras_cells import is_legacy
from fixedpoint_tf.systems.models.layers_before import Before, opaque, read_graph
from fixedpoint_tf.systems.models.nested_inputs import (
    brief,
    plain_inputs,
    shapes_of,
    specification,
)
from fixedpoint_tf.systems.models.recorded_inputs import Heard, cannot_listen, listen
from fixedpoint_tf.systems.models.rnn_inputs import RNNInputs

__all__ = ["ModelPath"]

#: Relative and absolute error of a number brought into each floating type.
_ROUNDING = {
    "bfloat16": (2.0**-7, 2.0**-126),
    "float16": (2.0**-10, 2.0**-24),
    "float32": (2.0**-23, 2.0**-126),
}

logger = logging.getLogger(__name__)


class ModelPath:
    """Path of a model's inputs to its recurrent layer.

    The model is called as its user calls it, in inference, and left as it was.

    Args:
        model: a model or layer of Keras 3 or ``tf_keras``, or the recurrent layer alone.
        layer: the recurrent layer in it.

    Example:
        >>> import keras
        >>> rnn = keras.layers.GRU(2)
        >>> layers = [keras.Input((None, 3)), keras.layers.Rescaling(0.1), rnn]
        >>> path = ModelPath(keras.Sequential(layers), rnn)
        >>> path.rnn_inputs(np.ones((4, 5, 3)))[0, 0].round(6).tolist()
        [0.1, 0.1, 0.1]
    """

    def __init__(self, model: Any, layer: Any):
        self.model = model
        self.layer = layer
        self._names: tuple[str, ...] = ()
        self._changed: bool | None = None  # by a model whose class decides itself

    def before(self) -> tuple[str, ...]:
        """List operations known to stand before the layer, as ``name (Class)``.

        Example:
            >>> import keras
            >>> rnn = keras.layers.GRU(2)
            >>> ModelPath(rnn, rnn).before()
            ()
        """
        graph = self._graph()
        return self._names if graph is None else graph.layers

    def rnn_inputs(
        self, model_inputs: Any, call_arguments: dict[str, Any] | None = None
    ) -> RNNInputs:
        """Return the layer's inputs when the model is called.

        Args:
            model_inputs: an array, or a list, tuple or dict of arrays, as the model takes
                them.
            call_arguments: further arguments of the model's call, by name.

        Returns:
            The inputs with their mask and initial states.

        Raises:
            TypeError, ValueError: the model does not take them, or the layer cannot be
                followed in it.

        Example:
            >>> import keras
            >>> rnn = keras.layers.GRU(2)
            >>> layers = [keras.Input((5,)), keras.layers.Embedding(9, 3, mask_zero=True), rnn]
            >>> path = ModelPath(keras.Sequential(layers), rnn)
            >>> path.rnn_inputs([[1, 2, 3, 0, 0]]).mask
            array([[ True,  True,  True, False, False]])
        """
        check_mapping(call_arguments, "call_arguments", none=True)
        inputs = plain_inputs(model_inputs)
        self._check_can_listen()
        graph = self._graph()
        alone = graph is not None and graph.n_calls == 1
        heard, seeds = self._listen(inputs, call_arguments, stop=alone)
        u = self._only_call(heard)
        self._warn_of_noise(u, inputs, call_arguments, seeds)
        self._changed = not (isinstance(inputs, np.ndarray) and self._same(u, inputs))
        return u

    def layer_inputs(self, u: np.ndarray) -> RNNInputs:
        """Return inputs and initial states as the layer prepares them before its first step.

        Args:
            u: ``(n_batch, n_time, n_inputs)``.

        Returns:
            The same inputs with the initial states that the layer has by itself.

        Raises:
            ValueError: the layer does not take them, or cannot be followed.

        Example:
            >>> import keras
            >>> rnn = keras.layers.GRU(2)
            >>> rnn.build((None, None, 1))
            >>> ModelPath(rnn, rnn).layer_inputs(np.ones((1, 3, 1))).initial_states
            array([[0., 0.]])
        """
        backwards = bool(self.layer.go_backwards)
        if self._starts_at_zero():
            return RNNInputs(u, np.zeros((len(u), self._n_states())), None, backwards)
        self._check_can_listen()
        given = np.swapaxes(u, 0, 1) if getattr(self.layer, "time_major", False) else u
        try:
            heard, _ = listen(
                self.layer, self.layer, tf.constant(given, self.layer.compute_dtype), stop=True
            )
        except Exception as error:  # noqa: BLE001 - a user's own layer may raise anything
            raise ValueError(
                f"inputs: expected what the RNN layer {self.layer.name!r} takes, received "
                f"shape {u.shape}: {brief(error)}"
            ) from error
        received = self._only_call(heard)
        # As exact as given, unless the layer acts on them.
        values = u if self._same(received, u) else received.values
        return RNNInputs(values, received.initial_states, received.mask, backwards)

    def check_given(self, has_initial_states: bool, has_mask: bool) -> None:
        """Refuse bare inputs of the layer where the model adds a state or a mask to them."""
        graph = self._graph()
        if graph is None:
            return
        name = self.layer.name
        if graph.passes_state and not has_initial_states:
            raise ValueError(
                f"initial_states: expected (n_batch, n_states), since the model passes an "
                f"initial state to the RNN layer {name!r}; received None. "
                "finder.rnn_inputs(model_inputs) brings it along."
            )
        if (graph.maskers or graph.passes_mask) and not has_mask:
            of = ", ".join(graph.maskers) or "the model"
            raise ValueError(
                f"mask: expected (n_batch, n_time), since {of} masks steps of the RNN layer "
                f"{name!r}; received None. finder.rnn_inputs(model_inputs) brings it along; "
                "np.ones((n_batch, n_time), bool) takes every step."
            )

    def between(self) -> str | None:
        """Name what stands between a constant input of the model and the layer, if anything.

        Example:
            >>> import keras
            >>> rnn = keras.layers.GRU(2)
            >>> layers = [keras.Input((None, 3)), keras.layers.Rescaling(0.1, name="a"), rnn]
            >>> ModelPath(keras.Sequential(layers), rnn).between()
            'a (Rescaling)'
        """
        graph = self._graph()
        if graph is not None:
            return ", ".join(graph.layers) or None
        if self._changed is False:
            return None
        around = (f"{x.name} ({type(x).__name__})" for x in opaque(self.model, self.layer))
        return f"the call of {', '.join(around)}"

    def describe(self) -> str:
        """Name the layer whose inputs these are, and the operations before it."""
        before = self.before()
        behind = f", behind {', '.join(before)}" if before else ""
        return f"the inputs of the RNN layer {self.layer.name!r}{behind}"

    def gives_as_it_is(self) -> bool:
        """Test whether a constant input of the model reaches the layer unchanged.

        Example:
            >>> import keras
            >>> rnn = keras.layers.GRU(2)
            >>> ModelPath(rnn, rnn).gives_as_it_is()
            True
        """
        graph = self._graph()
        if graph is None:
            return False
        return not graph.layers and graph.n_calls == 1

    # -- how the layer is reached -----------------------------------------------------------

    def _graph(self) -> Before | None:
        return read_graph(self.model, self.layer)

    def _check_can_listen(self) -> None:
        reason = cannot_listen(self.layer)
        if reason is not None:
            raise ValueError(
                f"rnn: expected an RNN layer whose loop is that of Keras; received "
                f"{self.layer.name!r}: {reason}, so where it starts and what it skips is not "
                "known. FixedPointFinder(layer.cell) steps through inputs that you give."
            )

    def _listen(self, inputs, call_arguments, *, stop=False, seeds=None) -> tuple[Heard, list]:
        model = self.model
        try:
            return listen(model, self.layer, inputs, call_arguments, stop=stop, seeds=seeds)
        except Exception as error:  # noqa: BLE001 - a user's own model may raise anything
            unknown = [name for name in call_arguments or {} if repr(name) in str(error)]
            if unknown and isinstance(error, TypeError):
                raise ValueError(
                    f"call_arguments: expected what the call of {model.name!r} takes, received "
                    f"{unknown[0]!r}: {brief(error)}"
                ) from error
            raise ValueError(
                f"model_inputs: expected what {model.name!r} takes{specification(model)}; "
                f"received {shapes_of(inputs)}: {type(error).__name__}: {brief(error)}"
            ) from error

    def _only_call(self, heard: Heard) -> RNNInputs:
        n, name = len(heard.calls), self.layer.name
        if self._graph() is None and n:
            self._names = tuple(heard.before)
        if n == 1:
            return heard.calls[0]
        how = f"calls it {n} times" if n else "never calls it"
        if heard.compiled:
            how = "calls it inside a compiled or vectorised part, where nothing has a value"
        raise ValueError(
            f"rnn: expected a model that calls the RNN layer {name!r} once, received "
            f"{self.model.name!r} ({type(self.model).__name__}), which {how}. Make the inputs "
            "of the call that you mean yourself, for FixedPointFinder(layer).simulate(u)."
        )

    def _warn_of_noise(self, u, inputs, call_arguments, seeds) -> None:
        """Warn if a second call passes other inputs to the layer."""
        heard, _ = self._listen(inputs, call_arguments, stop=True, seeds=seeds)
        again = heard.calls[0]
        same = np.array_equal(u.values, again.values, equal_nan=True) and np.array_equal(
            u.initial_states, again.initial_states, equal_nan=True
        )
        if not same:
            logger.warning(
                "the inputs of the RNN layer %r differ from call to call: a layer before it "
                "draws random numbers in inference (%s). Those of one call are returned.",
                self.layer.name, ", ".join(self.before()) or type(self.model).__name__,
            )  # fmt: skip

    # -- when the path changes nothing ------------------------------------------------------

    def _n_states(self) -> int:
        return sum(
            np.prod(size, dtype=int) for size in tf.nest.flatten(self.layer.cell.state_size)
        )

    def _starts_at_zero(self) -> bool:
        """Test whether the layer is a standard one without memory, which begins at zero."""
        library = "tf_keras" if is_legacy(self.layer) else "keras"
        stock = type(self.layer).__module__.split(".")[0] == library
        cell = self.layer.cell
        cells = getattr(cell, "cells", [cell])
        known = all(is_standard(c) and not is_stack(c) for c in cells)
        return stock and known and not self.layer.stateful and not vars(self.layer).get("call")

    def _same(self, u: RNNInputs, inputs: np.ndarray) -> bool:
        """Test whether a layer received the inputs of the model, in its floating type."""
        near, tiny = _ROUNDING.get(str(self.layer.compute_dtype), (0.0, 0.0))
        numbers = u.shape == inputs.shape and inputs.dtype.kind in "biuf"
        return numbers and np.allclose(u.values, inputs, near, tiny, equal_nan=True)
