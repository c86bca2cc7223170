"""Lyapunov exponents: how fast small deviations grow along a motion.

Frames of tangent vectors are carried along and made orthonormal again at every step
(Benettin et al. 1980); the logarithms of their growth are averaged with smooth weights,
which on a closed curve converge faster than any power of the number of steps.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.cycles.maps import CHUNK, Tangents
from fixedpoint_tf.cycles.quasiperiodic import birkhoff_weights

__all__ = ["growths", "lyapunov_exponents"]


def growths(
    tangents: Tangents,
    states: np.ndarray,
    u: np.ndarray,
    n_exponents: int,
    rng: np.random.Generator,
    dt: float | None = None,
) -> np.ndarray:
    """Logarithms of the growth of each vector of the frame at each step.

    Args:
        tangents: the map or flow.
        states: ``(n, n_time, n_states)``, orbits a step (or ``dt``) apart.
        u: ``(n, n_inputs)``.
        n_exponents: vectors in a frame, at most n_states.
        rng: source of the first frame.
        dt: time between two states of a continuous system.

    Returns:
        ``(n, n_time, n_exponents)``.
    """
    n, n_time, d = states.shape
    frame = np.linalg.qr(rng.normal(size=(n, d, n_exponents)))[0]
    logs = np.empty((n, n_time, n_exponents))
    block = max(1, CHUNK // (n * d * d))
    for start in range(0, n_time, block):
        part = states[:, start : start + block]
        length = part.shape[1]
        rows = part.transpose(1, 0, 2).reshape(-1, d)
        time = None if dt is None else np.full(len(rows), dt)
        _, jacobians = tangents(rows, np.tile(u, (length, 1)), time)
        jacobians = jacobians.reshape(length, n, d, d)
        for t in range(length):
            frame = jacobians[t] @ frame
            if n_exponents == 1:
                size = np.maximum(np.linalg.norm(frame, axis=1, keepdims=True), 1e-300)
                frame = frame / size
                logs[:, start + t] = np.log(size[:, 0])
            else:
                frame, r = np.linalg.qr(frame)
                diagonal = np.abs(np.diagonal(r, axis1=1, axis2=2))
                logs[:, start + t] = np.log(np.maximum(diagonal, 1e-300))
    return logs


def lyapunov_exponents(logs: np.ndarray) -> np.ndarray:
    """Weighted averages over all but the first quarter, in which the frame turns into place.

    Args:
        logs: ``(n, n_time, n_exponents)``, of :func:`growths`.

    Returns:
        ``(n, n_exponents)``, per step, largest first.
    """
    settled = logs[:, logs.shape[1] // 4 :]
    values = np.einsum("t,ntk->nk", birkhoff_weights(settled.shape[1]), settled)
    return -np.sort(-values, axis=1)
