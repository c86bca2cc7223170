"""Sine waves whose frequency a static input chooses (Sussillo & Barak 2013).

For each value of the input the trained network has a limit cycle, and inside it an
unstable fixed point whose linearisation turns at nearly the frequency of the output.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.checks import check_array_sizes, check_generator, is_number, shown

__all__ = ["sine_waves"]


def sine_waves(
    rng: np.random.Generator,
    n_trials: int,
    *,
    n_time: int = 200,
    n_frequencies: int = 51,
    slowest: float = 0.01,
    fastest: float = 0.05,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw trials of the sine-wave generator.

    The input is held at ``j / n_frequencies + 0.25`` for frequency number ``j``, from 1 to
    ``n_frequencies``. The target starts at zero, rising.

    Args:
        rng: random number generator.
        n_trials: number of trials.
        n_time: steps per trial.
        n_frequencies: number of frequencies, evenly spaced.
        slowest: lowest frequency, in cycles per step.
        fastest: highest frequency, in cycles per step; at most 0.5, the limit of discrete
            signals.

    Returns:
        ``inputs`` and ``targets``, both ``(n_trials, n_time, 1)``, float32.

    Raises:
        TypeError: ``rng`` is not a ``numpy.random.Generator`` or a size is not an integer.
        ValueError: a size is not positive, or not ``0 < slowest <= fastest <= 0.5``.

    References:
        Sussillo & Barak (2013), "Opening the black box", Neural Computation 25(3):626-649.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> inputs, targets = sine_waves(
        ...     rng, 1, n_time=5, n_frequencies=1, slowest=0.25, fastest=0.25)
        >>> inputs[0, :, 0].tolist()
        [1.25, 1.25, 1.25, 1.25, 1.25]
        >>> (targets[0, :, 0].round(6) + 0.0).tolist()
        [0.0, 1.0, 0.0, -1.0, 0.0]
    """
    check_generator(rng)
    check_array_sizes(n_trials=n_trials, n_time=n_time, n_frequencies=n_frequencies)
    for name, value in (("slowest", slowest), ("fastest", fastest)):
        if not is_number(value) or not 0.0 < value <= 0.5:
            raise ValueError(
                f"{name}: expected 0 < slowest <= fastest <= 0.5 cycles a step, received "
                f"{shown(value)}."
            )
    if slowest > fastest:
        raise ValueError(
            "slowest: expected 0 < slowest <= fastest <= 0.5 cycles a step, received "
            f"{slowest} beside a fastest of {fastest}."
        )
    number = rng.integers(n_frequencies, size=n_trials)
    frequency = np.linspace(slowest, fastest, n_frequencies)[number]
    static_input = (number + 1) / n_frequencies + 0.25
    inputs = np.broadcast_to(static_input[:, None, None], (n_trials, n_time, 1))
    phase = 2.0 * np.pi * frequency[:, None, None] * np.arange(n_time)[None, :, None]
    return inputs.astype(np.float32), np.sin(phase).astype(np.float32)
