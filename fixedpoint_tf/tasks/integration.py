"""Integration of white noise: the running sum, its sign, and the sum of a chosen stream.

A network that keeps a running sum has a line of (almost) fixed points with no input. So
has, since trials are short, one that need only report the sign at the end, though two
attractors with a saddle between them would do. One with a cue for which of two streams to
sum has a line for each context (Mante, Sussillo, Shenoy & Newsome 2013).
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.checks import check_array_sizes, check_generator, check_number

__all__ = ["binary_decision", "context_dependent_integration", "white_noise_integration"]

LARGEST = 1e30  # of the inputs: what a trial adds up stays finite in single precision


def _biased_noise(
    rng: np.random.Generator,
    shape: tuple[int, int, int],
    bias: float,
    noise: float,
) -> np.ndarray:
    """Draw white noise about a mean that each trial and input draws from [-bias, bias]."""
    n_trials, _, n_inputs = shape
    mean = rng.uniform(-bias, bias, size=(n_trials, 1, n_inputs))
    return mean + noise * rng.standard_normal(shape)


def white_noise_integration(
    rng: np.random.Generator,
    n_trials: int,
    *,
    n_time: int = 25,
    bias: float = 0.01,
    noise: float = 0.125,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw trials of the white-noise integrator, whose target is the summed input.

    Args:
        rng: random number generator.
        n_trials: number of trials.
        n_time: steps per trial.
        bias: the mean of a trial's input is uniform in [-bias, bias].
        noise: standard deviation of the input about its mean, at each step.

    Returns:
        ``inputs`` and ``targets``, both ``(n_trials, n_time, 1)``, float32.

    Raises:
        TypeError: ``rng`` is not a ``numpy.random.Generator`` or a size is not an integer.
        ValueError: a size is not positive, or ``bias`` or ``noise`` is negative.

    References:
        Mante, Sussillo, Shenoy & Newsome (2013), Nature 503:78-84, for lines of fixed
        points as integrators; the numbers are those of the integrator tutorial of
        "Computation through neural population dynamics" (Vyas et al. 2020).

    Example:
        >>> import numpy as np
        >>> inputs, targets = white_noise_integration(np.random.default_rng(0), 1, n_time=4)
        >>> bool(np.allclose(targets[0, -1], inputs[0].sum(axis=0), atol=1e-6))
        True
    """
    check_generator(rng)
    check_array_sizes(n_trials=n_trials, n_time=n_time)
    check_number(bias, "bias", 0.0, LARGEST, closed="both")
    check_number(noise, "noise", 0.0, LARGEST, closed="both")
    inputs = _biased_noise(rng, (n_trials, n_time, 1), bias, noise)
    targets = np.cumsum(inputs, axis=1)
    return inputs.astype(np.float32), targets.astype(np.float32)


def binary_decision(
    rng: np.random.Generator,
    n_trials: int,
    *,
    n_time: int = 25,
    bias: float = 0.01,
    noise: float = 0.125,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw trials of the binary decision, the sign of the summed input.

    The target is zero until the last step, and there +1 or -1. Only the last step defines
    the decision: give the others small weights (``sample_weight`` in Keras) to leave the
    network free in between.

    Args:
        rng: random number generator.
        n_trials: number of trials.
        n_time: steps per trial.
        bias: the mean of a trial's input is uniform in [-bias, bias].
        noise: standard deviation of the input about its mean, at each step.

    Returns:
        ``inputs`` and ``targets``, both ``(n_trials, n_time, 1)``, float32.

    Raises:
        TypeError: ``rng`` is not a ``numpy.random.Generator`` or a size is not an integer.
        ValueError: a size is not positive, or ``bias`` or ``noise`` is negative.

    References:
        Vyas, Golub, Sussillo & Shenoy (2020), "Computation through neural population
        dynamics", Annual Review of Neuroscience 43:249-275, and its tutorials.

    Example:
        >>> import numpy as np
        >>> inputs, targets = binary_decision(np.random.default_rng(0), 1, n_time=4)
        >>> targets[0, :, 0].tolist() == [0.0, 0.0, 0.0, float(np.sign(inputs.sum()))]
        True
    """
    inputs, sums = white_noise_integration(rng, n_trials, n_time=n_time, bias=bias, noise=noise)
    targets = np.zeros_like(sums)
    targets[:, -1] = np.where(sums[:, -1] > 0.0, 1.0, -1.0)
    return inputs, targets


def context_dependent_integration(
    rng: np.random.Generator,
    n_trials: int,
    *,
    n_time: int = 25,
    bias: float = 0.01,
    noise: float = 0.125,
    n_streams: int = 2,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw trials of the integration of one stream among several, chosen by the context.

    Args:
        rng: random number generator.
        n_trials: number of trials.
        n_time: steps per trial.
        bias: the mean of each stream in a trial is uniform in [-bias, bias].
        noise: standard deviation of a stream about its mean, at each step.
        n_streams: number of streams, and of contexts.

    Returns:
        ``inputs``, ``(n_trials, n_time, 2 * n_streams)``: the streams, then the context as
        a one-hot code held for the trial; and ``targets``, ``(n_trials, n_time, 1)``: the
        sum so far of the stream that the context names. Both float32.

    Raises:
        TypeError: ``rng`` is not a ``numpy.random.Generator`` or a size is not an integer.
        ValueError: a size is not positive, or ``bias`` or ``noise`` is negative.

    References:
        Mante, Sussillo, Shenoy & Newsome (2013), "Context-dependent computation by
        recurrent dynamics in prefrontal cortex", Nature 503:78-84.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> inputs, targets = context_dependent_integration(rng, 1, n_time=4)
        >>> context = int(inputs[0, 0, 2:].argmax())
        >>> bool(np.allclose(targets[0, -1, 0], inputs[0, :, context].sum(), atol=1e-6))
        True
    """
    check_generator(rng)
    check_array_sizes(n_trials=n_trials, n_time=n_time, n_streams=n_streams)
    check_number(bias, "bias", 0.0, LARGEST, closed="both")
    check_number(noise, "noise", 0.0, LARGEST, closed="both")
    streams = _biased_noise(rng, (n_trials, n_time, n_streams), bias, noise)
    context = rng.integers(n_streams, size=n_trials)
    one_hot = np.eye(n_streams)[context][:, None, :]
    held = np.broadcast_to(one_hot, streams.shape)
    targets = np.cumsum((streams * held).sum(axis=2, keepdims=True), axis=1)
    inputs = np.concatenate([streams, held], axis=2)
    return inputs.astype(np.float32), targets.astype(np.float32)
