r"""The oscillation that an exact cycle samples, and its turns in one period.

A rotation by 10/73 of a turn repeats after 73 steps, in which it goes round 10 times: the
oscillation itself takes 7.3 steps. The points of such a cycle lie on a closed curve, on
which the map moves all of them by the same share of the way. The neighbours on the curve
are the same number of steps apart everywhere, and that number tells how often the curve is
gone round: if ``s`` steps lead to the next point, then ``s`` times the number of turns is 1,
modulo the number of points. Neither the shape of the curve nor the strength of its harmonics
matters, only that neighbours on it are nearer than other points.
"""

from __future__ import annotations

import math

import numpy as np

from fixedpoint_tf._utils.chunks import chunks

__all__ = ["count_turns", "neighbour_lag", "turns_of_lag"]

NEARLY_SHORTEST = 1.25  # of the mean distance: such a lag may be that of the neighbours
MIN_POINTS = 5  # of a closed curve; fewer may lie on any
PLANE_TOL = 1e-3  # relative width below which points lie on a line, on which nothing turns
MIN_MEAN_COSINE = 0.7  # between chords, carried by the map and as they are


def turns_of_lag(lag: int, points: np.ndarray) -> int:
    """Compute the number of turns around, given how many steps apart neighbours are.

    Where the lag and the number of points have a common divisor, the points lie on several
    curves, visited in turn, and the turns are known but for multiples: those of the strongest
    oscillation are taken.

    Args:
        lag: number of steps from a point to its neighbour on the curve.
        points: ``(k, n_states)``, in the order in which they are visited.

    Returns:
        At most half as many as there are points.

    Example:
        >>> angle = 2 * np.pi * 3 * np.arange(10)[:, None] / 10
        >>> turns_of_lag(7, np.hstack([np.cos(angle), np.sin(angle)]))
        3
    """
    k = len(points)
    n_curves = math.gcd(lag, k)
    share = k // n_curves
    first = pow(lag // n_curves, -1, share) if share > 1 else 1
    every = [first + j * share for j in range(n_curves)]
    folded = sorted({min(turns % k, k - turns % k) for turns in every} - {0})
    if len(folded) == 1:
        return folded[0]
    power = (np.abs(np.fft.fft(points, axis=0)) ** 2).sum(axis=1)
    return max(folded, key=lambda turns: power[turns])


def neighbour_lag(points: np.ndarray) -> int:
    """Find the number of steps between neighbours on the curve that a cycle lies on.

    Args:
        points: ``(k, n_states)``, in the order in which they are visited.

    Returns:
        The number of steps over which points move least; of several that are nearly as
        short, one that puts all points on one curve and goes round fewest times.

    Example:
        >>> angle = 2 * np.pi * 10 * np.arange(73)[:, None] / 73
        >>> points = np.hstack([np.cos(angle), np.sin(angle)])
        >>> lag = neighbour_lag(points)
        >>> lag * 10 % 73 in (1, 72)
        True
    """
    k = len(points)
    lags = [s for s in range(1, k // 2 + 1) if k // math.gcd(s, k) >= MIN_POINTS]
    if not lags:
        return 1
    length = np.empty(len(lags))
    for rows in chunks(len(lags), points.size):
        some = np.array(lags[rows])
        later = (np.arange(k)[None] + some[:, None]) % k
        away = np.linalg.norm(points[later] - points[None], axis=2)
        length[rows] = away.mean(axis=1)
    short = np.flatnonzero(length <= NEARLY_SHORTEST * length.min())
    return min(
        (lags[i] for i in short),
        key=lambda s: (math.gcd(s, k), turns_of_lag(s, points)),
    )


def count_turns(points: np.ndarray, jacobians: np.ndarray) -> int:
    """Count how often an exact cycle of a map goes round before it repeats.

    A cycle that lies on no closed curve which the map follows, such as those of a map of
    one unit, goes round once. So does one of four points or fewer.

    Args:
        points: ``(k, n_states)``, in the order in which they are visited.
        jacobians: ``(k, n_states, n_states)``, of the map at the points.

    Returns:
        Number of turns; the oscillation itself takes ``k`` steps divided by it.

    Example:
        >>> angle = 2 * np.pi * 10 / 73
        >>> c, s = np.cos(angle), np.sin(angle)
        >>> t = angle * np.arange(73)[:, None]
        >>> turning = np.tile([[[c, -s], [s, c]]], (73, 1, 1))
        >>> count_turns(np.hstack([np.cos(t), np.sin(t)]), turning)
        10
        >>> count_turns(np.array([[0.0], [1.0], [3.0], [2.0], [4.0]]), np.ones((5, 1, 1)))
        1
    """
    k = len(points)
    if k < MIN_POINTS or not np.isfinite(jacobians).all():
        return 1
    widths = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if len(widths) < 2 or widths[1] < PLANE_TOL * widths[0]:
        return 1
    lag = neighbour_lag(points)
    turns = turns_of_lag(lag, points)
    return turns if turns == 1 or _are_carried(points, jacobians, lag) else 1


def _are_carried(points: np.ndarray, jacobians: np.ndarray, lag: int) -> bool:
    """Test whether the map carries the curve's tangents from point to point."""
    chord = np.roll(points, -lag, axis=0) - np.roll(points, lag, axis=0)
    carried = np.einsum("kij,kj->ki", jacobians, chord)
    after = np.roll(chord, -1, axis=0)
    size = np.linalg.norm(carried, axis=1) * np.linalg.norm(after, axis=1)
    along = np.einsum("ki,ki->k", carried, after)
    with np.errstate(invalid="ignore", divide="ignore"):
        cosine = np.where(size > 0, along / size, 0.0)
    return bool((cosine > 0).mean() > 0.9 and cosine.mean() > MIN_MEAN_COSINE)
