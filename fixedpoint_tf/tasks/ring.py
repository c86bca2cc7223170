"""Integration of angular velocity to a heading on a ring.

A network that keeps a heading has, with no input, a closed ring of (almost) fixed points,
one for each heading, each with one mode of eigenvalue near 1 along the ring and all others
well inside the unit circle (Ben-Yishai, Bar-Or & Sompolinsky 1995; Zhang 1996).
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.checks import check_array_sizes, check_generator, check_number

__all__ = ["ring_integration"]

LARGEST = 1e30  # of the inputs: what a trial adds up stays finite in single precision


def ring_integration(
    rng: np.random.Generator,
    n_trials: int,
    *,
    n_time: int = 50,
    speed: float = 0.2,
    correlation: float = 0.8,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw trials of the integration of angular velocity to a heading.

    The first step shows the heading at which the trial starts, as its cosine and sine;
    from the second step on only the angular velocity is given. It is an autoregressive
    process, whose scale each trial draws between standing still and twice ``speed``, so
    that holding a heading is trained as well as turning.

    Args:
        rng: random number generator.
        n_trials: number of trials.
        n_time: steps per trial.
        speed: typical angular velocity, in radians a step.
        correlation: correlation of the velocity from one step to the next, in [0, 1).

    Returns:
        ``inputs``, ``(n_trials, n_time, 3)``: the velocity in radians a step, then cosine
        and sine of the first heading at the first step and zero later; and ``targets``,
        ``(n_trials, n_time, 2)``: cosine and sine of the heading. Both float32.

    Raises:
        TypeError: ``rng`` is not a ``numpy.random.Generator`` or a size is not an integer.
        ValueError: a size is not positive, ``speed`` is negative, or ``correlation`` is
            outside [0, 1).

    References:
        Zhang (1996), "Representation of spatial orientation by the intrinsic dynamics of
        the head-direction cell ensemble", Journal of Neuroscience 16(6):2112-2126.

    Example:
        >>> import numpy as np
        >>> inputs, targets = ring_integration(np.random.default_rng(0), 1, n_time=6)
        >>> bool(np.allclose(targets[0, 0], inputs[0, 0, 1:]))
        True
        >>> heading = np.unwrap(np.arctan2(targets[0, :, 1], targets[0, :, 0]))
        >>> bool(np.allclose(np.diff(heading), inputs[0, 1:, 0], atol=1e-5))
        True
    """
    check_generator(rng)
    check_array_sizes(n_trials=n_trials, n_time=n_time)
    check_number(speed, "speed", 0.0, LARGEST, closed="both")
    check_number(correlation, "correlation", 0.0, 1.0, closed="low")
    first = rng.uniform(-np.pi, np.pi, size=n_trials)
    scale = rng.uniform(0.0, 2.0 * speed, size=n_trials)
    velocity = rng.standard_normal((n_trials, n_time))
    for t in range(1, n_time):  # Stationary, with a standard deviation of 1.
        fresh = np.sqrt(1.0 - correlation**2) * velocity[:, t]
        velocity[:, t] = correlation * velocity[:, t - 1] + fresh
    velocity *= scale[:, None]
    velocity[:, 0] = 0.0
    heading = first[:, None] + np.cumsum(velocity, axis=1)
    targets = np.stack([np.cos(heading), np.sin(heading)], axis=2)
    cue = np.zeros_like(targets)
    cue[:, 0] = targets[:, 0]
    inputs = np.concatenate([velocity[:, :, None], cue], axis=2)
    return inputs.astype(np.float32), targets.astype(np.float32)
