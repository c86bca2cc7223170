"""Two-point moving average, of white noise and of pulses (Sussillo & Barak 2013).

Of white noise it is a linear problem: the trained network works near a single stable fixed
point, and its linearisation there explains what it computes. Of pulses at random times it
takes a memory of two numbers: a plane of slow points.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.checks import check_array_sizes, check_generator, check_number

__all__ = ["pulse_average", "two_point_average"]


def two_point_average(
    rng: np.random.Generator, n_trials: int, *, n_time: int = 50, n_inputs: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Draw trials of the two-point moving average.

    The inputs are independent and uniform in [-1, 1]. Each target is the mean of its input
    at this step and at the one before; the input before the first step counts as zero.

    Args:
        rng: random number generator.
        n_trials: number of trials.
        n_time: steps per trial.
        n_inputs: number of inputs, each averaged by itself.

    Returns:
        ``inputs`` and ``targets``, both ``(n_trials, n_time, n_inputs)``, float32.

    Raises:
        TypeError: ``rng`` is not a ``numpy.random.Generator`` or a size is not an integer.
        ValueError: a size is not positive.

    References:
        Sussillo & Barak (2013), "Opening the black box", Neural Computation 25(3):626-649.

    Example:
        >>> import numpy as np
        >>> inputs, targets = two_point_average(np.random.default_rng(0), 1, n_time=3)
        >>> bool(np.allclose(targets[0, 1:], (inputs[0, 1:] + inputs[0, :-1]) / 2))
        True
    """
    check_generator(rng)
    check_array_sizes(n_trials=n_trials, n_time=n_time, n_inputs=n_inputs)
    inputs = rng.uniform(-1.0, 1.0, size=(n_trials, n_time, n_inputs))
    targets = inputs / 2.0
    targets[:, 1:] += inputs[:, :-1] / 2.0
    return inputs.astype(np.float32), targets.astype(np.float32)


def pulse_average(
    rng: np.random.Generator,
    n_trials: int,
    *,
    n_time: int = 60,
    pulse_probability: float = 0.15,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw trials of the average of the last two pulses.

    The first input carries pulses of a height uniform in [-1, 1] at random steps, the
    second is 1 where there is a pulse and else 0, which distinguishes a pulse of height 0 from
    no pulse. The target is the mean of the heights of the last two pulses. A trial begins with
    two pulses one after the other, so that the target is defined from then on; at the first
    step it is half of the first height.

    Args:
        rng: random number generator.
        n_trials: number of trials.
        n_time: steps per trial.
        pulse_probability: probability of a pulse at a step, in [0, 1].

    Returns:
        ``inputs``, ``(n_trials, n_time, 2)``, and ``targets``, ``(n_trials, n_time, 1)``,
        both float32.

    Raises:
        TypeError: ``rng`` is not a ``numpy.random.Generator`` or a size is not an integer.
        ValueError: a size is not positive, or the probability is outside [0, 1].

    References:
        After Sussillo & Barak (2013), "Opening the black box", Neural Computation
        25(3):626-649, whose trained network holds the two heights on a plane of slow
        points.

    Example:
        >>> import numpy as np
        >>> inputs, targets = pulse_average(
        ...     np.random.default_rng(0), 1, n_time=4, pulse_probability=0.0)
        >>> inputs[0, :, 1].tolist()
        [1.0, 1.0, 0.0, 0.0]
        >>> bool(np.allclose(targets[0, 1:, 0], inputs[0, :2, 0].mean()))
        True
    """
    check_generator(rng)
    check_array_sizes(n_trials=n_trials, n_time=n_time)
    check_number(pulse_probability, "pulse_probability", 0.0, 1.0, closed="both")
    is_pulse = rng.random((n_trials, n_time)) < pulse_probability
    is_pulse[:, :2] = True
    height = np.where(is_pulse, rng.uniform(-1.0, 1.0, size=(n_trials, n_time)), 0.0)
    last, before = np.zeros(n_trials), np.zeros(n_trials)
    targets = np.empty((n_trials, n_time, 1))
    for t in range(n_time):
        before = np.where(is_pulse[:, t], last, before)
        last = np.where(is_pulse[:, t], height[:, t], last)
        targets[:, t, 0] = (last + before) / 2.0
    inputs = np.stack([height, is_pulse.astype(float)], axis=2)
    return inputs.astype(np.float32), targets.astype(np.float32)
