"""Near recurrences of trajectories: guesses of cycles."""

from __future__ import annotations

import numpy as np

__all__ = [
    "is_nearing",
    "near_recurrences",
    "nearest_returns",
    "returns",
    "settled_period",
]

NEARING = 0.9  # of what it was: how much nearer a motion must come to a cycle

N_ROUNDINGS = 64.0  # of one step, that a repeat may differ by
UNSETTLED = 1e-6  # of the extent: nearer than this an orbit is at a cycle, known already


def settled_period(states: np.ndarray, tol: float, rounding: float = 1e-16) -> int:
    """Return the least number of steps after which the last part of an orbit repeats itself.

    Args:
        states: ``(n_time, n_states)``.
        tol: greatest difference that counts as the same, of the extent of the motion.
        rounding: relative rounding of the states.

    Returns:
        1 where the state stands still, 0 where nothing repeats within half the orbit.

    Example:
        >>> settled_period(np.tile([[0.0], [1.0], [2.0]], (20, 1)), 1e-9)
        3
    """
    n = len(states)
    half = states[n // 2 - 1 :]
    extent = float(np.ptp(half, axis=0).max(initial=0.0))
    near = tol * extent + N_ROUNDINGS * rounding * np.abs(half).max(initial=0.0)
    last = np.abs(states[-1] - half[:-1]).max(axis=1)[::-1]
    for k in np.flatnonzero(last <= near) + 1:
        tail = states[n - n // 4 :] - states[n - n // 4 - k : n - k]
        if np.abs(tail).max() <= near:
            return int(k)
    return 0


def nearest_returns(states: np.ndarray, n_best: int) -> list[int]:
    """Find after how many steps a motion came nearest to its last state.

    Args:
        states: ``(n_time, n_states)``.
        n_best: how many numbers of steps, the nearest first.

    Example:
        >>> turn = np.exp(2j * np.pi * np.arange(100) / 7)
        >>> nearest_returns(np.column_stack([turn.real, turn.imag]), 1)
        [7]
    """
    half = states[len(states) // 2 :]
    apart = np.linalg.norm(half[:-1] - half[-1], axis=1)[::-1]
    inner = apart[1:-1]
    lowest = np.flatnonzero((inner <= apart[:-2]) & (inner < apart[2:])) + 1
    order = lowest[np.argsort(apart[lowest].round(12), kind="stable")]
    return [int(k) + 1 for k in order[:n_best]]


def is_nearing(states: np.ndarray, period: int) -> bool:
    """Test whether a motion repeats itself ever more nearly.

    Args:
        states: ``(n_time, n_states)``.
        period: number of steps after which it nearly does.

    Example:
        >>> t = np.arange(400)[:, None]
        >>> is_nearing(np.cos(np.pi * t) * (1 + 0.99**t), 2), is_nearing(np.cos(t), 44)
        (True, False)
    """
    apart = np.linalg.norm(states[period:] - states[:-period], axis=1)
    quarter = len(apart) // 4
    return bool(apart[-quarter:].mean() < NEARING * apart[:quarter].mean())


def near_recurrences(
    states: np.ndarray, period: int, n_best: int, rng: np.random.Generator
) -> np.ndarray:
    """List the times from which orbits come near themselves after a number of steps.

    Args:
        states: ``(n, n_time, n_states)``.
        period: the number of steps.
        n_best: how many places: half of them those of the smallest distance, half drawn
            from all. Only local minima count, so that one slow passage does not take all
            places, and only where an orbit has not yet settled on a cycle of this period.
        rng: source of the draw.

    Returns:
        ``(n_found, 2)`` int: which orbit and which time.
    """
    after, before = states[:, period:], states[:, :-period]
    distance = np.linalg.norm(after - before, axis=2)
    distance[~np.isfinite(distance)] = np.inf
    padded = np.pad(distance, ((0, 0), (1, 1)), constant_values=np.inf)
    minimum = (distance <= padded[:, :-2]) & (distance < padded[:, 2:])
    minimum[:, 0] = True  # where the user said to start
    finite = np.isfinite(states).all(axis=2, keepdims=True)
    extent = np.ptp(np.where(finite, states, states[:, :1]), axis=1).max(axis=1, initial=0.0)
    minimum &= np.isfinite(distance) & (distance > UNSETTLED * extent[:, None])
    places = np.argwhere(minimum)
    if len(places) > n_best:
        order = np.argsort(distance[minimum], kind="stable")
        n_drawn = n_best // 2
        drawn = rng.permutation(order[n_best - n_drawn :])[:n_drawn]
        places = places[np.concatenate([order[: n_best - n_drawn], drawn])]
    return places


def returns(states: np.ndarray, start: int, n_best: int) -> np.ndarray:
    """List the times after which a finely sampled orbit comes back near one of its states.

    Args:
        states: ``(n_time, n_states)``.
        start: the time of that state.
        n_best: how many times at most, the earliest first.

    Returns:
        ``(n_found,)`` int, numbers of samples.

    Example:
        >>> t = np.linspace(0, 6 * np.pi, 301)[:, None]
        >>> returns(np.hstack([np.cos(t), np.sin(t)]), 0, 2).tolist()
        [100, 200]
    """
    distance = np.linalg.norm(states[start:] - states[start], axis=1)
    if not np.isfinite(distance).all() or len(distance) < 4:
        return np.zeros(0, dtype=int)
    farthest = distance.max()
    left = int(np.argmax(distance > 0.5 * farthest))
    inner = distance[left + 1 : -1]
    minimum = (inner <= distance[left:-2]) & (inner < distance[left + 2 :])
    found = np.flatnonzero(minimum & (inner < 0.3 * farthest)) + left + 1
    return found[:n_best]
