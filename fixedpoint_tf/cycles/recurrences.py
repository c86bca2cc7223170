"""Where trajectories come back near where they were: guesses of cycles."""

from __future__ import annotations

import numpy as np

__all__ = ["near_recurrences", "returns", "settled_period"]

UNSETTLED = 1e-6  # relative distance below which an orbit is at a cycle, and known already


def settled_period(states: np.ndarray, tol: float) -> int:
    """The least number of steps after which the last part of an orbit repeats itself.

    Args:
        states: ``(n_time, n_states)``.
        tol: greatest difference that counts as the same, relative to 1 + the state.

    Returns:
        1 where the state stands still, 0 where nothing repeats within half the orbit.

    Example:
        >>> settled_period(np.tile([[0.0], [1.0], [2.0]], (20, 1)), 1e-9)
        3
    """
    n = len(states)
    size = 1.0 + np.abs(states[-1]).max()
    last = np.abs(states[-1] - states[n // 2 - 1 : -1]).max(axis=1)[::-1]
    for k in np.flatnonzero(last < tol * size) + 1:
        tail = states[n - n // 4 :] - states[n - n // 4 - k : n - k]
        if np.abs(tail).max() < tol * size:
            return int(k)
    return 0


def near_recurrences(
    states: np.ndarray, period: int, n_best: int, rng: np.random.Generator
) -> np.ndarray:
    """Places from which orbits come near themselves after a number of steps.

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
    with np.errstate(invalid="ignore"):
        size = 1.0 + np.abs(before).max(axis=2)
    minimum &= np.isfinite(distance) & (distance > UNSETTLED * size)
    places = np.argwhere(minimum)
    if len(places) > n_best:
        order = np.argsort(distance[minimum], kind="stable")
        n_drawn = n_best // 2
        drawn = rng.permutation(order[n_best - n_drawn :])[:n_drawn]
        places = places[np.concatenate([order[: n_best - n_drawn], drawn])]
    return places


def returns(states: np.ndarray, start: int, n_best: int) -> np.ndarray:
    """Times after which a finely sampled orbit comes back near one of its states.

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
