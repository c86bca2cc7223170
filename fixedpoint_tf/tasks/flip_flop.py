"""The flip-flop, a memory of several bits set by pulses (Sussillo & Barak 2013).

A network that solves the task for three bits has, with no input, one stable fixed point a
memory, ``2**3 = 8`` of them. Between them lie saddles, in the simplest arrangement those
of three independent bistable systems, ``3**3 = 27`` points in all: 8 stable, 12 with one
unstable direction, 6 with two and 1 with three.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from fixedpoint_tf._utils.checks import (
    check_array_sizes,
    check_choice,
    check_generator,
    check_number,
    check_seed,
    check_sizes,
)
from fixedpoint_tf.tasks.networks import CELLS, check_callbacks, recurrent_network, train

__all__ = ["flip_flop", "train_flip_flop"]


def flip_flop(
    rng: np.random.Generator,
    n_trials: int,
    *,
    n_time: int = 64,
    n_bits: int = 3,
    pulse_probability: float = 0.5,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw trials of the flip-flop.

    At each step each input is a pulse of +1 or -1 with ``pulse_probability``, and otherwise 0.
    The target of a bit is the sign of its last pulse. Every bit receives a pulse at the first
    step, so that the target is defined from there on.

    Args:
        rng: random number generator.
        n_trials: number of trials.
        n_time: steps per trial.
        n_bits: number of bits, each with its own input and output.
        pulse_probability: probability of a pulse at a step of an input, in [0, 1].

    Returns:
        ``inputs`` and ``targets``, both ``(n_trials, n_time, n_bits)``, float32.

    Raises:
        TypeError: ``rng`` is not a ``numpy.random.Generator`` or a size is not an integer.
        ValueError: a size is not positive, or the probability is outside [0, 1].

    References:
        Sussillo & Barak (2013), "Opening the black box", Neural Computation 25(3):626-649.

    Example:
        >>> import numpy as np
        >>> inputs, targets = flip_flop(np.random.default_rng(0), 2, n_time=6, n_bits=1)
        >>> inputs[0, :, 0].tolist()
        [-1.0, 1.0, 1.0, -1.0, 0.0, 0.0]
        >>> targets[0, :, 0].tolist()
        [-1.0, 1.0, 1.0, -1.0, -1.0, -1.0]
    """
    check_generator(rng)
    check_array_sizes(n_trials=n_trials, n_time=n_time, n_bits=n_bits)
    check_number(pulse_probability, "pulse_probability", 0.0, 1.0, closed="both")
    shape = (n_trials, n_time, n_bits)
    is_pulse = rng.random(shape) < pulse_probability
    is_pulse[:, 0] = True
    inputs = np.where(is_pulse, rng.choice([-1.0, 1.0], size=shape), 0.0)
    times = np.arange(n_time)[None, :, None]
    last_pulse = np.maximum.accumulate(np.where(is_pulse, times, 0), axis=1)
    targets = np.take_along_axis(inputs, last_pulse, axis=1)
    return inputs.astype(np.float32), targets.astype(np.float32)


def train_flip_flop(
    seed: int = 0,
    *,
    n_bits: int = 3,
    cell: str = "tanh",
    units: int = 24,
    n_trials: int = 512,
    epochs: int = 100,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> keras.Model:
    """Train a network on the flip-flop (about ten seconds on two cores).

    The same seed on the same machine gives the same network. With the defaults it has the
    27 fixed points described above: so it was for every one of the 30 seeds tried.

    Args:
        seed: seed of the trials and of the initial weights.
        n_bits: number of bits.
        cell: kind of recurrent layer, see :func:`~fixedpoint_tf.tasks.recurrent_network`.
        units: number of recurrent units.
        n_trials: number of training trials.
        epochs: passes over the trials.
        callbacks: Keras callbacks, for instance to report progress.

    Returns:
        The trained model, from inputs ``(n, n_time, n_bits)`` to outputs of that shape.

    Example:
        >>> model = train_flip_flop(n_bits=1, units=2, n_trials=128, epochs=1)
        >>> model.output_shape
        (None, None, 1)
    """
    check_sizes(n_bits=n_bits, units=units, n_trials=n_trials, epochs=epochs)
    check_choice(cell, "cell", sorted(CELLS))
    check_callbacks(callbacks)
    rng = np.random.default_rng(check_seed(seed))
    inputs, targets = flip_flop(rng, n_trials, n_bits=n_bits)
    model = recurrent_network(n_bits, n_bits, units, cell=cell, rng=rng)
    train(model, inputs, targets, epochs=epochs, callbacks=callbacks)
    return model
