"""Starts of branches: the size of the states, and the tangents at each start."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.curves.curve import Curve
from fixedpoint_tf.curves.input_path import Path
from fixedpoint_tf.curves.kinks.directions import Way, is_at_border, pairs, ways
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["both_tangents", "size_of_states", "starts"]

ORDINARY = 10.0  # sizes between a tenth and ten are taken as one
NO_SIZE = 1e-12  # below it states, and what changes them, are zero but for rounding
NEAREST = 1e-9  # distance from a point, which may be at a kink itself
PROBES = 10.0 ** np.arange(-8.5, 4.0, 0.5)  # distances from a point, two in a decade
N_PROBES, N_PLACES = 8, 5  # directions from a point; points along the path
NULL_TOL = 1e-9  # of the largest slope: what a tangent does not take to zero
BENT = 0.1  # relative change of the Jacobian over one size


def size_of_states(system: DynamicalSystem, path: Path, x: np.ndarray, s: np.ndarray) -> float:
    """Estimate how large the states are by which lengths along a branch are measured.

    Args:
        system: the network.
        path: path of inputs.
        x: states, ``(n, n_states)``.
        s: ``(n,)``, their places on the path.

    Returns:
        Half the width of the box that holds all fixed points, where it is known. Otherwise
        the largest of the states' own root mean square, its change along the path, and the
        distance at which the Jacobian changes. 1 for all sizes between a tenth and ten, and
        where all three are 0.
    """
    half = 0.5 * (system.upper - system.lower)
    if np.isfinite(half).all():
        return _rounded(float(np.sqrt((half**2).mean())))
    if not len(x):
        return 1.0
    own = float(np.sqrt((x**2).mean(axis=1)).max())
    some = np.unique(np.linspace(0, len(x) - 1, N_PLACES).astype(int))
    reached = _reach(Curve(system, path), x[some], s[some]) * (path.high - path.low)
    bends = [_bend(system, path, x[k], s[k : k + 1]) for k in some]
    size = max(own, reached, float(np.median(bends)))
    return _rounded(size) if size > NO_SIZE else 1.0


def _reach(curve: Curve, x: np.ndarray, s: np.ndarray) -> float:
    """Return the change of the states with s beside the points, which may lie on a border."""
    offsets = NEAREST * np.random.default_rng(0).normal(size=(N_PROBES, curve.d + 1))
    z = (curve.pack(x, s)[:, None] + offsets).reshape(-1, curve.d + 1)
    by_s = np.zeros_like(z)
    by_s[:, -1] = 1.0
    _, slopes, _ = curve.evaluate(z, np.repeat(curve.path.piece(s), N_PROBES))
    t = curve.tangent(slopes, by_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.linalg.norm(t[:, :-1], axis=1) / np.abs(t[:, -1])
    change = change[np.isfinite(change)]
    return float(np.median(change)) if len(change) else 0.0


def _rounded(size: float) -> float:
    return 1.0 if 1.0 / ORDINARY <= size <= ORDINARY else size


def _bend(system: DynamicalSystem, path: Path, x: np.ndarray, s: np.ndarray) -> float:
    """Return the distance at which the Jacobian begins to change, 0 if it does not."""
    ways_out = np.random.default_rng(0).normal(size=(N_PROBES, len(x)))
    ways_out /= np.sqrt((ways_out**2).mean(axis=1, keepdims=True))
    u = np.repeat(path(s)[0], N_PROBES, axis=0)
    before = system.jacobian(x + NEAREST * ways_out, u).numpy()  # the point may be at a kink
    for distance in PROBES:
        after = system.jacobian(x + distance * ways_out, u).numpy()
        change = np.abs(after - before).max(axis=(1, 2))
        if np.median(change) > BENT * max(np.abs(before).max(), 1e-300):
            return float(distance)
    return 0.0


def starts(
    curve: Curve, z: np.ndarray, slopes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the ways out of starts, two and two.

    At a border more than two branches may meet: their ways stand in further rows.

    Args:
        curve: curve of fixed points.
        z: ``(n, n_states + 1)``, on the curve.
        slopes: ``(n, n_states, n_states + 1)``, derivative of G there.

    Returns:
        Starts, the first ``n`` of them those given; a unit tangent ahead of each; one
        behind, NaN where there is none within the path; and which of them are at a border.
    """
    by_s = np.zeros_like(z)
    by_s[:, -1] = 1.0
    t = curve.tangent(slopes, by_s)
    for k in np.arange(len(z)):
        if not np.isfinite(slopes[k]).all():
            t[k] = by_s[k]
        elif not np.abs(slopes[k] @ t[k]).max() <= NULL_TOL * np.abs(slopes[k]).max():
            t[k] = np.linalg.svd(slopes[k])[2][-1]  # s does not change, to first order
    ahead, behind = t.copy(), -t
    at_border = is_at_border(curve, z, curve.path.piece(z[:, -1]))
    extra: list[tuple[int, np.ndarray, np.ndarray]] = []
    low, high = curve.path.breaks[[0, -1]]
    for k in np.flatnonzero(at_border):
        place = z[k, -1]
        by_two = both_tangents(ways(curve, z[k], None), place, (low, high))
        if by_two:
            ahead[k], behind[k] = by_two[0]
            extra += [(int(k), *pair) for pair in by_two[1:]]
        else:
            at_border[k] = False
    if extra:
        number = [k for k, _, _ in extra]
        z = np.concatenate([z, z[number]])
        ahead = np.concatenate([ahead, np.stack([one for _, one, _ in extra])])
        behind = np.concatenate([behind, np.stack([other for _, _, other in extra])])
        at_border = np.concatenate([at_border, np.ones(len(extra), dtype=bool)])
    return z, ahead, behind, at_border


def both_tangents(
    found: list[Way], place: float, span: tuple[float, float]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pair the tangents of the ways from a point within the path, NaN for a missing one."""
    result = []
    for pair in pairs(found):
        within = [one.t for one in pair if one is not None and _stays(one.t, place, span)]
        if within:
            result.append((within[0], within[1] if len(within) == 2 else within[0] * np.nan))
    return result


def _stays(t: np.ndarray, place: float, span: tuple[float, float]) -> bool:
    """Test for a tangent that does not leave the path at an end of it."""
    return not (place <= span[0] and t[-1] < 0) and not (place >= span[1] and t[-1] > 0)
