r"""Motion on a closed invariant curve, told from its samples.

On such a curve the state is a function of a phase that advances by the same angle at each
step, :math:`x_t = X(\rho t \bmod 1)`. The rotation number :math:`\rho` comes from averages
weighted by a smooth bump, which converge faster than any power of the number of samples
(Das et al. 2017, "Quantitative quasiperiodicity", Nonlinearity 30:4111; the frequency as
by Laskar 1990, from the phase between two halves).
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.interpolate import CubicSpline

from fixedpoint_tf.analysis.cycles.closed_curves.phase_order import (
    line_length,
    neighbours_agree,
    ordering_range,
)

__all__ = [
    "MUCH_BETTER",
    "ClosedCurve",
    "birkhoff_weights",
    "closed_curve",
    "curve_at",
    "curve_through",
    "dominant_frequency",
    "length_growth",
    "sizes",
    "times_round",
]

MAX_HARMONIC = 6  # of the strongest frequency, that may be the rotation number
SAME_STRAND = 0.01  # of the extent: strands nearer to each other are one
HOPELESS = 0.01  # of the extent: no curve at all
MAX_GROWTH = 1.02  # of the length of a curve, where twice as many samples draw it
UNEVEN_GROWTH = 1.3  # where the phase does not advance evenly
UNEVEN_TOL = 3e-4  # of the extent: a typical misfit with which a line may be so much longer
CLUSTERED = 1.0 / 32.0  # of the phases: a gap between samples that lie in clusters
PERHAPS = 0.1  # of the extent: a typical misfit, at a rotation number that is a little off
N_COMPONENTS = 12  # principal components, which tell a curve as well as all units
MUCH_BETTER = 30.0  # the misfit of a wrong rotation number is larger by far more


def birkhoff_weights(n: int) -> np.ndarray:
    """The bump ``exp(-1 / (t (1 - t)))`` at n places within (0, 1), of sum 1.

    Example:
        >>> birkhoff_weights(3).round(4).tolist()
        [0.1726, 0.6548, 0.1726]
    """
    t = np.arange(1, n + 1) / (n + 1.0)
    weights = np.exp(4.0 - 1.0 / (t * (1.0 - t)))
    return weights / weights.sum()


def sizes(states: np.ndarray) -> np.ndarray:
    """Root mean square distances from the mean in both halves of a motion, ``(2,)``.

    Weighted, so that they are nearly the same for a motion that does not decay or grow.

    Args:
        states: ``(n_time, n_states)``.

    Example:
        >>> t = np.arange(2000)[:, None]
        >>> sizes(np.sqrt(2) * np.cos(t)).round(6).tolist()
        [1.0, 1.0]
    """
    half = len(states) // 2
    weights = birkhoff_weights(half)
    values = []
    for part in (states[:half], states[-half:]):
        squared = ((part - weights @ part) ** 2).sum(axis=1)
        values.append(np.sqrt(weights @ squared))
    return np.array(values)


def dominant_frequency(states: np.ndarray) -> float:
    """The frequency of the strongest oscillation, in cycles per sample, at most 0.5.

    Args:
        states: ``(n_time, n_states)``.

    Example:
        >>> t = np.arange(2000)[:, None]
        >>> round(dominant_frequency(np.cos(2 * np.pi * 0.0314159 * t)), 9)
        0.0314159
    """
    n = len(states)
    weights = birkhoff_weights(n)
    deviation = states - weights @ states
    power = (np.abs(np.fft.rfft(weights[:, None] * deviation, axis=0)) ** 2).sum(axis=1)
    frequency = (1 + int(np.argmax(power[1:]))) / n
    t = np.arange(n)
    turning = np.exp(-2j * np.pi * frequency * t)
    signal = deviation @ np.conj((weights * turning) @ deviation)
    half = n // 2
    weights = birkhoff_weights(half)
    for _ in range(8):
        turned = signal * np.exp(-2j * np.pi * frequency * t)
        first, second = weights @ turned[:half], weights @ turned[half : 2 * half]
        change = float(np.angle(second * np.conj(first))) / (2.0 * np.pi * half)
        frequency += change
        if abs(change) < 1e-16:
            break
    return frequency


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


def _misfits(states: np.ndarray, rho: float) -> tuple[float, float]:
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


def _strands_apart(states: np.ndarray, rho: float, faster: float) -> float:
    """Distance of parts of a curve that a faster rotation takes for one, of the extent."""
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


def times_round(states: np.ndarray, rho: float) -> float:
    """Tell how often a motion has gone round its curve.

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


def _is_drawn(states: np.ndarray, rho: float, typical: float) -> bool:
    """Tell whether samples, in the order of their phases, draw a line of finite length.

    Near a cycle that has just vanished a motion lingers, and no phase advances evenly for
    long; then the line is a little too long, though most samples are on the curve.
    """
    growth = length_growth(states, rho)
    extent = float(np.abs(states - states.mean(axis=0)).max())
    return growth < MAX_GROWTH or (growth < UNEVEN_GROWTH and typical < UNEVEN_TOL * extent)


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
    misfit, typical = _misfits(states, rho)
    extent = np.abs(states - states.mean(axis=0)).max()
    curve = curve_through((rho * np.arange(len(states))) % 1.0, states)
    if curve is None or misfit > HOPELESS * extent:
        return None
    if misfit > tol and not _is_drawn(states, rho, typical):
        return None
    return ClosedCurve(rho, misfit, typical, curve, float(np.diff(curve.x).max()))


def closed_curve(states: np.ndarray, tol: float) -> ClosedCurve | None:
    """Find the closed curve that a motion is on, and its rotation number.

    The strongest frequency may be a harmonic of the rotation number. The lowest harmonic is
    taken for which the samples, sorted by phase, lie on one curve, which may have corners.

    Args:
        states: ``(n_time, n_states)``, without the transient.
        tol: the misfit at which to stop looking.

    Returns:
        None where the motion is on no such curve.

    Example:
        >>> t = 2 * np.pi * 0.05 * np.sqrt(2) * np.arange(1000)[:, None]
        >>> states = np.hstack([np.cos(2 * t), np.sin(2 * t), 0.5 * np.cos(t)])
        >>> found = closed_curve(states, 1e-6)
        >>> round(found.rho / 0.05, 6), found.misfit < 1e-6
        (1.414214, True)
    """
    frequency = dominant_frequency(states)
    # A few components tell as well as all units whether samples lie on one curve.
    deviation = states - states.mean(axis=0)
    few = deviation @ np.linalg.eigh(deviation.T @ deviation)[1][:, -N_COMPONENTS:]
    every: list[list[tuple[float, float, float]]] = []
    tried: list[tuple[float, float, float]] = []
    for harmonic in range(1, MAX_HARMONIC + 1):
        folded = {
            min(rho, 1.0 - rho)
            for j in range(harmonic)
            for rho in [((frequency + j) / harmonic) % 1.0]
        }
        every.append([(*_misfits(few, rho), rho) for rho in sorted(folded)])
        tried.append(min(every[-1]))
        if tried[-1][0] <= tol:
            break
    # A curve gone round several times fits as well, and by chance a little better.
    best = min(misfit for misfit, _, _ in tried)
    rho = next(fit[2] for fit in tried if fit[0] <= max(tol, MUCH_BETTER * best))
    if best > tol:  # with corners, or on no curve
        return _cornered(states, few, [fit for fits in every for fit in fits], tol)
    found = curve_at(states, rho, tol)
    if found is None:
        return None
    harmonic = 1 + next(i for i, fit in enumerate(tried) if fit[2] == rho)
    return dataclasses.replace(found, rho_error=_average_error(states, frequency, harmonic))


def _average_error(states: np.ndarray, frequency: float, harmonic: int) -> float:
    """Return how far an average over half of the samples is from that over all."""
    quarter = len(states) // 4
    half = dominant_frequency(states[quarter : quarter + len(states) // 2])
    rounding = np.finfo(float).eps
    return min(abs(half - frequency), 1.0 / len(states)) / harmonic + rounding


def _cornered(
    states: np.ndarray, few: np.ndarray, fits: list[tuple[float, float, float]], tol: float
) -> ClosedCurve | None:
    """The closed curve with corners: of those that the samples may be on the shortest.

    A curve gone round several times is as many times longer; one between whose parts the
    samples jump is longer by far.
    """
    extent = float(np.abs(few).max())
    hopeful = [rho for _, typical, rho in fits if typical < PERHAPS * extent]
    ranges = [ordering_range(few, rho) for rho in hopeful]
    if not ranges:
        return None
    low, high, rho = min(
        (
            (low, high, rho if low < rho < high else 0.5 * (low + high))
            for (low, high), rho in zip(ranges, hopeful, strict=True)
        ),
        key=lambda one: line_length(few, one[2]),
    )
    found = curve_at(states, rho, tol)
    if found is not None and found.gap > CLUSTERED:  # within clusters any order is that of time
        rho = min(hopeful, key=lambda one: abs(one - rho))
        found = curve_at(states, rho, tol)
    if found is None or (found.misfit > tol and not neighbours_agree(few, rho)):
        return None
    return dataclasses.replace(found, rho_error=max(high - rho, rho - low))
