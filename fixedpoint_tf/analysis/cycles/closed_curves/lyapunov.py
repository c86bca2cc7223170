"""Lyapunov exponents: growth rates of small deviations along a motion.

Frames of tangent vectors are carried along and made orthonormal again at every step
(Benettin et al. 1980); the logarithms of their growth are averaged with smooth weights,
which on a closed curve converge faster than any power of the number of steps.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf.analysis.cycles.closed_curves.birkhoff_averages import birkhoff_weights
from fixedpoint_tf.analysis.cycles.maps import VariationalMap

__all__ = ["growth_rates", "growths", "lyapunov_exponents", "mean_rate"]

N_BLOCKS = 16  # whose means tell how far an average may be off


def growths(
    tangents: VariationalMap,
    states: np.ndarray,
    u: np.ndarray,
    n_exponents: int,
    rng: np.random.Generator,
    dt: float | None = None,
) -> np.ndarray:
    """Return the logarithm of the growth of each vector of the frame at each step.

    Args:
        tangents: the map or flow.
        states: ``(n, n_time, n_states)``, orbits a step (or ``dt``) apart.
        u: ``(n, n_inputs)``.
        n_exponents: vectors in a frame, at most n_states.
        rng: source of the first frame.
        dt: time between two states of a continuous system.

    Returns:
        ``(n, n_time, n_exponents)``; NaN for an orbit through a state where the derivative
        is not finite.
    """
    n, n_time, d = states.shape
    frame = np.linalg.qr(rng.normal(size=(n, d, n_exponents)))[0]
    logs = np.empty((n, n_time, n_exponents))
    unknown = np.zeros(n, dtype=bool)
    for times in chunks(n_time, n * d * d):
        part = states[:, times]
        length = part.shape[1]
        rows = part.transpose(1, 0, 2).reshape(-1, d)
        time = None if dt is None else np.full(len(rows), dt)
        _, jacobians = tangents(rows, np.tile(u, (length, 1)), time)
        jacobians = jacobians.reshape(length, n, d, d)
        unknown |= ~np.isfinite(jacobians).all(axis=(0, 2, 3))
        jacobians[:, unknown] = np.eye(d)
        for t in range(length):
            frame = jacobians[t] @ frame
            if n_exponents == 1:
                size = np.maximum(np.linalg.norm(frame, axis=1, keepdims=True), 1e-300)
                frame = frame / size
                logs[:, times.start + t] = np.log(size[:, 0])
            else:
                frame, r = np.linalg.qr(frame)
                diagonal = np.abs(np.diagonal(r, axis1=1, axis2=2))
                logs[:, times.start + t] = np.log(np.maximum(diagonal, 1e-300))
    logs[unknown] = np.nan
    return logs


def lyapunov_exponents(logs: np.ndarray) -> np.ndarray:
    """Average logarithms of growth over all but the first quarter, with Birkhoff's weights.

    Args:
        logs: ``(n, n_time, n_exponents)``, of :func:`growths`.

    Returns:
        ``(n, n_exponents)``, per step, largest first.
    """
    settled = logs[:, logs.shape[1] // 4 :]
    values = np.einsum("t,ntk->nk", birkhoff_weights(settled.shape[1]), settled)
    return -np.sort(-values, axis=1)


def mean_rate(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Average a growth over a motion, with the standard error of the average.

    Args:
        logs: ``(n, n_time)``, logarithms of the growth at each step.

    Returns:
        Per step, ``(n,)`` each. The error is estimated from the averages of 16 parts, and is of
        a motion that goes on as it is: of a transient it says nothing.

    Example:
        >>> rate, error = mean_rate(np.tile([[0.5, 0.7]], (1, 800)))
        >>> round(float(rate[0]), 6), round(float(error[0]), 6)
        (0.6, 0.0)
    """
    n_blocks = min(N_BLOCKS, logs.shape[1])
    length = logs.shape[1] // n_blocks
    blocks = logs[:, -n_blocks * length :].reshape(len(logs), n_blocks, length).mean(axis=2)
    error = (
        blocks.std(axis=1, ddof=1) / np.sqrt(n_blocks) if n_blocks > 1 else 0.0 * blocks[:, 0]
    )
    return blocks.mean(axis=1), error


def growth_rates(logs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measure growth in both halves ``(2, n, n_exponents)``, the largest rate and its error."""
    half = logs.shape[1] // 2
    parts = np.stack([logs[:, :half].sum(axis=1), logs[:, half:].sum(axis=1)])
    return parts, *mean_rate(logs[:, logs.shape[1] // 4 :, 0])
