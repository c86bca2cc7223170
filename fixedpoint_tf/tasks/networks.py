"""Network of every task: one recurrent layer and a linear readout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from fixedpoint_tf._utils.checks import (
    as_numbers,
    check_choice,
    check_fits,
    check_generator,
    check_instance,
    check_number,
    check_sizes,
)

__all__ = ["CELLS", "check_callbacks", "check_model", "recurrent_network", "train"]

_TRIALS = "(n_trials, n_time, n)"
_GATES = 4  # of an LSTM, which has the most
LARGEST = 1e6  # of a gain or a learning rate: products of weights stay finite

CELLS: dict[str, type[keras.layers.RNN]] = {
    "tanh": keras.layers.SimpleRNN,
    "gru": keras.layers.GRU,
    "lstm": keras.layers.LSTM,
}


def check_model(model: Any) -> None:
    """Refuse anything but a model of Keras."""
    check_instance(model, "model", keras.Model)


def check_callbacks(callbacks: Any) -> None:
    """Refuse anything but a list of callbacks of Keras."""
    check_instance(callbacks, "callbacks", list, tuple)
    for callback in callbacks:
        check_instance(callback, "callbacks", keras.callbacks.Callback)


def recurrent_network(
    n_inputs: int,
    n_outputs: int,
    units: int,
    *,
    cell: str = "tanh",
    recurrent_gain: float = 1.0,
    rng: np.random.Generator,
) -> keras.Model:
    """Build a recurrent layer with a linear readout at every step.

    Args:
        n_inputs: width of the input.
        n_outputs: width of the output.
        units: number of recurrent units.
        cell: ``"tanh"``, ``"gru"`` or ``"lstm"``.
        recurrent_gain: the recurrent weights begin as an orthogonal matrix times this. At
            1 every mode of a linear network lasts for ever, and those that the training
            does not need linger; below 1 they decay.
        rng: where the initial weights come from.

    Returns:
        A model from ``(n, n_time, n_inputs)`` to ``(n, n_time, n_outputs)``. Its layers are
        named ``"rnn"`` and ``"readout"``.

    Raises:
        ValueError: ``cell`` is not one of those listed.

    Example:
        >>> import numpy as np
        >>> model = recurrent_network(2, 1, units=8, rng=np.random.default_rng(0))
        >>> model.get_layer("rnn").units, model.output_shape
        (8, (None, None, 1))
    """
    check_generator(rng)
    check_sizes(n_inputs=n_inputs, n_outputs=n_outputs, units=units)
    check_fits("units", units, units, units)
    for name, n in (("n_inputs", n_inputs), ("n_outputs", n_outputs)):
        check_fits(name, n, n, units, _GATES)
    check_choice(cell, "cell", sorted(CELLS))
    check_number(recurrent_gain, "recurrent_gain", 0.0, LARGEST, closed="both")
    # A seed for everything that takes one leaves the global generators alone.
    kernel, recurrent, layer, readout = (int(seed) for seed in rng.integers(2**31, size=4))
    inputs = keras.Input((None, n_inputs), name="inputs")
    states = CELLS[cell](
        units,
        return_sequences=True,
        kernel_initializer=keras.initializers.GlorotUniform(kernel),
        recurrent_initializer=keras.initializers.Orthogonal(recurrent_gain, seed=recurrent),
        seed=layer,
        name="rnn",
    )(inputs)
    outputs = keras.layers.Dense(
        n_outputs,
        kernel_initializer=keras.initializers.GlorotUniform(readout),
        name="readout",
    )(states)
    return keras.Model(inputs, outputs)


def train(
    model: keras.Model,
    inputs: np.ndarray,
    targets: np.ndarray,
    *,
    epochs: int = 100,
    batch_size: int = 128,
    learning_rate: float = 1e-2,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> dict[str, list[float]]:
    """Train on the squared error with Adam, its rate falling to zero along a cosine.

    The trials are taken in the order given, so that nothing is drawn here.

    Args:
        model: maps ``inputs`` to the shape of ``targets``; changed in place.
        inputs: ``(n_trials, n_time, n_inputs)``.
        targets: ``(n_trials, n_time, n_outputs)``.
        epochs: passes over the trials.
        batch_size: trials a gradient step.
        learning_rate: at the start.
        callbacks: Keras callbacks.

    Returns:
        The history of Keras, by name, a number per epoch.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> model = recurrent_network(1, 1, units=4, rng=rng)
        >>> inputs = rng.standard_normal((32, 5, 1)).astype("float32")
        >>> history = train(model, inputs, inputs, epochs=3, batch_size=32)
        >>> len(history["loss"])
        3
    """
    check_model(model)
    check_sizes(epochs=epochs, batch_size=batch_size)
    check_number(learning_rate, "learning_rate", high=LARGEST)
    check_callbacks(callbacks)
    x = as_numbers(inputs, "inputs", n_axes=(3,), shape=_TRIALS, finite=True, dtype=None)
    y = as_numbers(targets, "targets", n_axes=(3,), shape=_TRIALS, finite=True, dtype=None)
    for argument, array, shape in (
        ("inputs", x, (None, None, model.input_shape[-1])),
        ("targets", y, (*x.shape[:2], model.output_shape[-1])),
    ):
        if any(n not in (None, m) for n, m in zip(shape, array.shape, strict=True)):
            raise ValueError(f"{argument}: expected shape {shape}, received {array.shape}.")
    n_steps = epochs * -(-len(x) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, n_steps)
    # Recurrent networks meet rare, very large gradients (Pascanu, Mikolov & Bengio 2013).
    model.compile(keras.optimizers.Adam(schedule, clipnorm=1.0), loss="mse")
    fitted = model.fit(
        x,
        y,
        batch_size=batch_size,
        epochs=epochs,
        shuffle=False,
        callbacks=list(callbacks),
        verbose=0,
    )
    return fitted.history
