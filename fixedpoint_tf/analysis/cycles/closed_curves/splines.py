"""Closed curves through the samples of a motion, given its rotation number."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.interpolate import CubicSpline

__all__ = [
    "ClosedCurve",
    "curve_at",
    "curve_through",
    "length_growth",
    "misfits",
    "times_round",
]

MAX_HARMONIC = 6  # of the strongest frequency, that may be the rotation number
SAME_STRAND = 0.01  # of the extent: strands nearer to each other are one
HOPELESS = 0.01  # of the extent: no curve at all
MAX_GROWTH = 1.02  # of the length of a curve, where twice as many samples draw it
UNEVEN_GROWTH = 1.3  # where the phase does not advance evenly
UNEVEN_TOL = 3e-4  # of the extent: a typical misfit with which a line may be so much longer


@dataclasses.dataclass(frozen=True)
class ClosedCurve:
    """The closed curve through the samples of a motion.

    Attributes:
        rho: rotation number in (0, 0.5], which a motion in discrete time does not tell from
            one minus it.
        misfit: greatest distance of samples from the curve through every second one, in the
            order of their phases.
        typical: the median of these distances: a curve with corners is fitted badly at the
            corners alone, a motion that is on no curve is so everywhere.
        curve: the states by phase, in cycles.
        gap: the greatest range of phases, in cycles, without a sample.
        rho_error: how far the rotation number may be off: of a curve with corners as far as
            the order of the samples tells it, of a smooth one as averages over half as many
            samples do.
    """

    rho: float
    misfit: float
    typical: float
    curve: CubicSpline
    gap: float
    rho_error: float = 0.0


def curve_through(phases: np.ndarray, states: np.ndarray) -> CubicSpline | None:
    """Draw the closed curve through states at phases, thinned where they nearly coincide.

    Args:
        phases: ``(n,)`` in [0, 1).
        states: ``(n, n_states)``.

    Returns:
        None where fewer than four phases differ.

    Example:
        >>> phase = np.arange(100) / 100
        >>> circle = curve_through(phase, np.cos(2 * np.pi * phase)[:, None])
        >>> round(float(circle(0.125)[0]), 4)
        0.7071
    """
    order = np.argsort(phases)
    phases, states = phases[order], states[order]
    least = 0.2 / len(phases)
    cells = np.floor(phases / least).astype(int)
    first = np.concatenate([[True], cells[1:] > cells[:-1] + 1])
    # Neighbouring cells may hold close phases; the gap is what counts.
    kept = [0]
    for i in np.flatnonzero(first | (np.diff(cells, prepend=-1) > 0))[1:]:
        if phases[i] - phases[kept[-1]] >= least:
            kept.append(int(i))
    if phases[kept[-1]] > phases[0] + 1.0 - least:
        kept.pop()
    if len(kept) < 4:
        return None
    p, x = phases[kept], states[kept]
    return CubicSpline(np.append(p, p[0] + 1.0), np.concatenate([x, x[:1]]), bc_type="periodic")


def curve_at(states: np.ndarray, rho: float, tol: float) -> ClosedCurve | None:
    """Draw the closed curve that a motion is on, given its rotation number.

    Args:
        states: ``(n_time, n_states)``, without the transient.
        rho: the rotation number.
        tol: a misfit at which nothing more is asked.

    Returns:
        None where the motion is on no closed curve of this rotation number.

    Example:
        >>> t = np.arange(1000)[:, None]
        >>> curve_at(np.cos(t), 1.0 / (2 * np.pi), 1e-6).misfit < 1e-6
        True
    """
    misfit, typical = misfits(states, rho)
    extent = np.abs(states - states.mean(axis=0)).max()
    curve = curve_through((rho * np.arange(len(states))) % 1.0, states)
    if curve is None or misfit > HOPELESS * extent:
        return None
    if misfit > tol and not _is_drawn(states, rho, typical):
        return None
    return ClosedCurve(rho, misfit, typical, curve, float(np.diff(curve.x).max()))


def misfits(states: np.ndarray, rho: float) -> tuple[float, float]:
    """Compute the greatest and median distance of samples to the curve of the others."""
    phases = (rho * np.arange(len(states))) % 1.0
    order = np.argsort(phases)
    curve = curve_through(phases[order[::2]], states[order[::2]])
    if curve is None:
        return np.inf, np.inf
    others = order[1::2]
    off = np.abs(curve(phases[others]) - states[others]).max(axis=1)
    return float(off.max()), float(np.median(off))


def length_growth(states: np.ndarray, rho: float) -> float:
    """Compare the length of the line through all samples, by phase, with that through half.

    On a curve of finite length, with corners or without, both are the same. Where samples of
    like phase are not near each other the line jumps at each of them: twice as many samples
    make it twice as long.

    Args:
        states: ``(n_time, n_states)``.
        rho: the rotation number.

    Example:
        >>> phase = np.sqrt(2) * np.arange(4000)[:, None] % 1.0
        >>> square = np.clip(4 * np.abs((phase + [0.0, 0.25]) % 1.0 - 0.5) - 1, -0.5, 0.5)
        >>> round(length_growth(square, np.sqrt(2)), 2)
        1.0
        >>> noise = np.random.default_rng(0).normal(size=(4000, 2))
        >>> round(length_growth(noise, np.sqrt(2)), 1)
        2.0
    """
    lengths = []
    for part in (states, states[: len(states) // 2]):
        order = np.argsort((rho * np.arange(len(part))) % 1.0)
        ring = part[np.append(order, order[0])]
        lengths.append(np.linalg.norm(np.diff(ring, axis=0), axis=1).sum())
    return float(lengths[0] / max(lengths[1], np.finfo(float).tiny))


def _is_drawn(states: np.ndarray, rho: float, typical: float) -> bool:
    """Test whether samples, ordered by phase, draw a line of finite length."""
    growth = length_growth(states, rho)
    extent = float(np.abs(states - states.mean(axis=0)).max())
    return growth < MAX_GROWTH or (growth < UNEVEN_GROWTH and typical < UNEVEN_TOL * extent)


def times_round(states: np.ndarray, rho: float) -> float:
    """Count the turns of a motion around its curve.

    A curve may be another one gone round several times: a slow rotation of which every
    second state is looked at passes for one by nearly a half.

    Args:
        states: ``(n_time, n_states)``.
        rho: the rotation number.

    Example:
        >>> slow = np.exp(2j * np.pi * 0.0025 * np.arange(1000)[:, None]).view(float)
        >>> round(times_round(slow, 0.0025), 6), round(times_round(slow, 0.50125), 6)
        (2.5, 2.5)
    """
    least = rho
    for n_strands in range(2, MAX_HARMONIC + 1):
        slower = abs(n_strands * rho - round(n_strands * rho))
        if slower < least and _strands_apart(states, rho, n_strands * rho) < SAME_STRAND:
            least = slower
    return least * len(states)


def _strands_apart(states: np.ndarray, rho: float, faster: float) -> float:
    """Return the distance of strands that a faster rotation joins, relative to the extent."""
    curve = curve_through((rho * np.arange(len(states))) % 1.0, states)
    if curve is None:
        return np.inf
    n_strands = round(faster / rho)
    if n_strands < 2 or abs(faster / rho - n_strands) > 1e-6 * n_strands:
        return np.inf
    phases = np.arange(256) / 256
    strands = [curve((phases + j / n_strands) % 1.0) for j in range(n_strands)]
    apart = np.abs(np.stack(strands[1:]) - strands[0]).max(axis=(0, 2))
    return float(np.median(apart) / np.abs(states).max())
