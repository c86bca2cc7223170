r"""The rotation number estimated from the order in which samples lie along a closed curve.

On a closed curve that a map follows, the samples lie in the order of their phases
:math:`\rho t \bmod 1`, whatever the speed at which the curve is gone round and whether it
has corners. That order is the same for all :math:`\rho` between two neighbours among the
fractions with denominators below the number n of samples, and no other: where the line
through all samples is shortest, it bounds the rotation number to about :math:`1 / n^2`
(de Melo & van Strien 1993, One-dimensional dynamics, chapter I). Averages over a motion with
corners are not as near, and the least error of a phase puts samples out of order.
"""

from __future__ import annotations

import numpy as np

__all__ = ["line_length", "neighbours_agree", "ordering_range"]

RANGE = 12.0  # times 1 / n^2, on both sides, in which the rotation number is sought
N_ASKED = 128  # samples whose neighbours are looked for
N_RANKS = 4  # by phase, within which the nearest sample is a neighbour
AGREEING = 0.75  # of the samples; of those on a curve gone round twice it is half


def line_length(states: np.ndarray, rho: float) -> float:
    """Measure the closed line through samples in the order of their phases.

    Args:
        states: ``(n_time, n_states)``.
        rho: the rotation number.

    Example:
        >>> t = np.arange(1000)[:, None]
        >>> circle = np.hstack([np.cos(t), np.sin(t)])
        >>> round(line_length(circle, 0.5 / np.pi) / np.pi, 3)
        2.0
        >>> round(line_length(circle, 0.25 / np.pi) / np.pi, 3)  # gone round twice
        4.0
    """
    ring = states[np.argsort((rho * np.arange(len(states))) % 1.0)]
    return float(np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1).sum())


def ordering_range(states: np.ndarray, rho: float) -> tuple[float, float]:
    """Find the rotation numbers near a given one that order samples along a curve.

    Args:
        states: ``(n_time, n_states)``, on a closed curve.
        rho: the rotation number, as nearly as an average tells it.

    Returns:
        The least and the greatest that give the shortest line through the samples.

    Example:
        >>> t = np.arange(1000)[:, None] * np.sqrt(2) % 1.0
        >>> square = np.clip(4 * np.abs((t + [0.0, 0.25]) % 1.0 - 0.5) - 1, -0.5, 0.5)
        >>> low, high = ordering_range(square, np.sqrt(2) - 1 + 1e-5)
        >>> bool(low < np.sqrt(2) - 1 < high), bool(high - low < 1e-5)
        (True, True)
    """
    # No wider: among samples of a slow spiral some rotation number, farther off, finds order.
    n = len(states)
    ends = _fractions(max(rho - RANGE / n**2, 0.0), min(rho + RANGE / n**2, 0.5), n)
    lengths = [line_length(states, one) for one in 0.5 * (ends[1:] + ends[:-1])]
    chosen = int(np.argmin(lengths))
    return float(ends[chosen]), float(ends[chosen + 1])


def _fractions(low: float, high: float, n: int) -> np.ndarray:
    """List the fractions of denominators below n from just below low to just above high."""
    q = np.arange(1, n)
    first = np.floor(low * q)
    n_each = np.ceil(high * q) - first + 1
    every = np.unique(np.concatenate([(first + j) / q for j in range(int(n_each.max()))]))
    begin = max(int(np.searchsorted(every, low, side="right")) - 1, 0)
    end = int(np.searchsorted(every, high, side="left"))
    return every[begin : end + 1]


def neighbours_agree(states: np.ndarray, rho: float) -> bool:
    """Test samples that are nearest each other for being neighbours by phase.

    Args:
        states: ``(n_time, n_states)``.
        rho: the rotation number.

    Returns:
        False where the samples lie on a curve that this rotation number goes round several
        times, or on none.

    Example:
        >>> t = np.arange(1000)[:, None]
        >>> circle = np.hstack([np.cos(t), np.sin(t)])
        >>> neighbours_agree(circle, 0.5 / np.pi), neighbours_agree(circle, 0.25 / np.pi)
        (True, False)
    """
    n = len(states)
    order = np.argsort((rho * np.arange(n)) % 1.0)
    ring = states[order]
    agree = []
    for rank in np.unique(np.linspace(0, n - 1, N_ASKED).astype(int)):
        away = np.linalg.norm(ring - ring[rank], axis=1)
        away[rank] = np.inf
        apart = abs(int(np.argmin(away)) - rank)
        agree.append(min(apart, n - apart) <= N_RANKS)
    return bool(np.mean(agree) >= AGREEING)
