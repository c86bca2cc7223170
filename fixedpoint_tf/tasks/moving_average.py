"""Two-point moving average of white noise (Sussillo & Barak 2013).

A linear problem: the trained network works near a single stable fixed point, and its
linearisation there explains what it computes.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.tasks._validation import require_generator, require_positive

__all__ = ["two_point_average"]


def two_point_average(
    rng: np.random.Generator, n_trials: int, *, n_time: int = 50, n_inputs: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Draw trials of the two-point moving average.

    The inputs are independent and uniform in [-1, 1]. Each target is the mean of its input
    at this step and at the one before; the input before the first step counts as zero.

    Args:
        rng: where the randomness comes from.
        n_trials: number of trials.
        n_time: steps a trial.
        n_inputs: number of inputs, each averaged by itself.

    Returns:
        ``inputs`` and ``targets``, both ``(n_trials, n_time, n_inputs)``, float32.

    Raises:
        TypeError: ``rng`` is no ``numpy.random.Generator`` or a size is no integer.
        ValueError: a size is not positive.

    References:
        Sussillo & Barak (2013), "Opening the black box", Neural Computation 25(3):626-649.

    Example:
        >>> import numpy as np
        >>> inputs, targets = two_point_average(np.random.default_rng(0), 1, n_time=3)
        >>> bool(np.allclose(targets[0, 1:], (inputs[0, 1:] + inputs[0, :-1]) / 2))
        True
    """
    require_generator(rng)
    require_positive(n_trials=n_trials, n_time=n_time, n_inputs=n_inputs)
    inputs = rng.uniform(-1.0, 1.0, size=(n_trials, n_time, n_inputs))
    targets = inputs / 2.0
    targets[:, 1:] += inputs[:, :-1] / 2.0
    return inputs.astype(np.float32), targets.astype(np.float32)
