r"""Motion on a closed invariant curve, told from its samples.

On such a curve the state is a function of a phase that advances by the same angle at each
step, :math:`x_t = X(\rho t \bmod 1)`. The rotation number :math:`\rho` comes from averages
weighted by a smooth bump, which converge faster than any power of the number of samples
(Das et al. 2017, "Quantitative quasiperiodicity", Nonlinearity 30:4111; the frequency as
by Laskar 1990, from the phase between two halves).
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

__all__ = ["birkhoff_weights", "dominant_frequency", "rotation", "sizes"]

MAX_HARMONIC = 6
HOPELESS = 0.01  # of the extent: no curve at all
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


def _curve(phases: np.ndarray, states: np.ndarray) -> CubicSpline | None:
    """The closed curve through states at phases, thinned where phases nearly coincide."""
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


def _misfit(states: np.ndarray, rho: float) -> float:
    """How far the odd samples are from the curve through the even ones."""
    phases = (rho * np.arange(len(states))) % 1.0
    curve = _curve(phases[::2], states[::2])
    if curve is None:
        return np.inf
    return float(np.abs(curve(phases[1::2]) - states[1::2]).max())


def rotation(states: np.ndarray, tol: float) -> tuple[float, float, CubicSpline | None]:
    """Rotation number of motion on a closed curve, and the curve.

    The strongest frequency may be a harmonic of the rotation number. The lowest harmonic
    is taken for which the samples, sorted by phase, lie on one curve.

    Args:
        states: ``(n_time, n_states)``, without the transient.
        tol: the misfit at which to stop looking.

    Returns:
        The rotation number in (0, 0.5], which a discrete-time motion does not tell from
        one minus it; the greatest distance of the odd samples from the curve through the
        even ones; and the curve, by phase in cycles, or None where there is none.

    Example:
        >>> t = 2 * np.pi * 0.05 * np.sqrt(2) * np.arange(1000)[:, None]
        >>> states = np.hstack([np.cos(2 * t), np.sin(2 * t), 0.5 * np.cos(t)])
        >>> rho, misfit, _ = rotation(states, 1e-6)
        >>> round(rho / 0.05, 6), misfit < 1e-6
        (1.414214, True)
    """
    frequency = dominant_frequency(states)
    # Three components tell as well as all units whether samples lie on one curve.
    deviation = states - states.mean(axis=0)
    few = deviation @ np.linalg.eigh(deviation.T @ deviation)[1][:, -3:]
    tried: list[tuple[float, float]] = []
    for harmonic in range(1, MAX_HARMONIC + 1):
        folded = {
            min(rho, 1.0 - rho)
            for j in range(harmonic)
            for rho in [((frequency + j) / harmonic) % 1.0]
        }
        tried.append(min((_misfit(few, rho), rho) for rho in sorted(folded)))
        if tried[-1][0] <= tol:
            break
    # A curve gone round several times fits as well, and by chance a little better.
    best = min(misfit for misfit, _ in tried)
    misfit, rho = next(fit for fit in tried if fit[0] <= max(tol, MUCH_BETTER * best))
    if misfit > HOPELESS * np.abs(few).max():
        return rho, misfit, None
    return rho, _misfit(states, rho), _curve((rho * np.arange(len(states))) % 1.0, states)
