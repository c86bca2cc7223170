r"""Active sets that can hold a fixed point, by branch and bound over the units.

Of :math:`y = f(V y + c\,t)`, with ``t = 1``, some units are taken as active, some as silent,
and the others are enclosed by a chord over the range of their arguments. That is one linear
system whose solution gives narrower ranges of all arguments (the linear relaxation of Weng et
al. 2018, made exact by solving for the recurrence). A choice is thrown away where a unit that
is taken as active can't be above its threshold, or a silent one not below; else a unit that is
still open is tried both ways.

The states must be bounded. They are where an excitation shrinks, weighted by some positive
vector: inhibitory networks, and those whose excitatory weights alone have a spectral radius
below 1.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf._utils.linalg import inverses_or_nan
from fixedpoint_tf._utils.norms import EPS, gamma
from fixedpoint_tf.analysis.completeness.proof.active_sets import TINY, Rectifiers
from fixedpoint_tf.analysis.completeness.proof.limits import Limits
from fixedpoint_tf.analysis.completeness.proof.regions import MOST_CANDIDATES, Candidates

__all__ = ["bound_outputs", "prune_sets"]

BATCH = 2**19  # entries of matrices at once
N_NARROWINGS = 2  # linear systems solved before a unit is tried both ways
POWER_STEPS = 200  # for the weights of units: any are valid, better ones make a sharper bound
N_TIGHTENINGS = 50  # rounds of a bound by itself: products of a matrix, each makes it smaller


def bound_outputs(equations: Rectifiers) -> Interval | None:
    """Bound the outputs of all fixed points, ``(n,)``, or return None without a bound.

    Every fixed point has ``|y| <= B |y| + b`` with ``B`` and ``b`` not negative, so that a
    weight ``w > 0`` with ``B w <= theta w``, ``theta < 1``, bounds it.

    Args:
        equations: the network.
    """
    V, c = equations.recurrent, equations.offset_interval()
    n = equations.n
    relu = equations.rectified & (equations.slope_below == 0.0)
    own = np.diag(V)
    off = V - np.diag(own)
    # A ReLU is never below zero, and of what enters it only excitation raises it.
    B = np.where(relu[:, None], np.maximum(off, 0.0), np.abs(off) * equations.steepest)
    from_signed = ~relu[None, :]  # outputs that may be negative raise through either sign
    B = np.where(relu[:, None] & from_signed, np.abs(off), B)
    b = np.where(relu, np.maximum(c.upper, 0.0), c.size * equations.steepest)
    rate = np.where(relu, 1.0 - own, 1.0 - equations.steepest * np.abs(own))
    rate = rate - 8.0 * EPS * (1.0 + equations.steepest * np.abs(own))
    if not (rate > 1e-6).all():
        return None
    slack = 1.0 + 4.0 * gamma(n + 8)
    B, b = B / rate[:, None] * slack, b / rate * slack
    w = np.ones(n)
    for _ in range(POWER_STEPS):
        w = B @ w + 1e-3 * w
        w = np.maximum(w / w.max(), 1e-6)
    theta = float((B @ w / w).max()) * slack
    if not theta < 1.0 - 1e-9:
        return None
    most = (b / w).max() / (1.0 - theta) * w * slack
    for _ in range(N_TIGHTENINGS):
        most = np.minimum(most, (B @ most + b) * slack)
    most = most + TINY
    return Interval(np.where(relu, 0.0, -most), most)


class _Search:
    """Choices of active units to look at: 1 active, 0 silent, -1 open."""

    def __init__(self, equations: Rectifiers, outputs: Interval):
        self.equations, self.outputs = equations, outputs
        c = equations.offset_interval()
        self.c, self.c_radius = c.centre, c.radius
        self.size = np.abs(equations.recurrent)
        self.rounding = 8.0 * gamma(equations.n + 16)


def prune_sets(
    equations: Rectifiers, outputs: Interval, max_boxes: int, limits: Limits
) -> Candidates:
    """List the active sets that can hold fixed points.

    Args:
        equations: the network.
        outputs: bounds of the outputs of all fixed points, ``(n,)``.
        max_boxes: limit of the choices that are looked at.
        limits: limits of the proof.
    """
    n = equations.n
    batch = max(16, BATCH // n**2)
    search = _Search(equations, outputs)
    low, high = _arguments(search, outputs.lower[None], outputs.upper[None])
    stack = [(low, high)]
    found: list[np.ndarray] = []
    n_found, n_boxes, timed_out = 0, 0, False
    while stack:
        if n_boxes >= max_boxes or limits.are_reached() or n_found > MOST_CANDIDATES:
            timed_out = True
            break
        low, high = stack.pop()
        if len(low) > batch:
            stack.append((low[:-batch], high[:-batch]))
            low, high = low[-batch:], high[-batch:]
        n_boxes += len(low)
        with limits.stop:
            for _ in range(N_NARROWINGS):
                low, high, weight = _narrow(search, low, high)
            is_open = (low < 0.0) & (high > 0.0) & equations.rectified
            done = ~is_open.any(axis=1)
            if done.any():
                # At a range that ends at its threshold both sides have the same output.
                found.append((low[done] >= 0.0) | ~equations.rectified)
                n_found += int(done.sum())
            low, high, weight = low[~done], high[~done], np.where(is_open, weight, -1.0)[~done]
            if not len(low):
                continue
            rows, unit = np.arange(len(low)), weight.argmax(axis=1)
            silent, active = high.copy(), low.copy()
            silent[rows, unit] = 0.0
            active[rows, unit] = 0.0
            low, high = np.concatenate([low, active]), np.concatenate([silent, high])
            if stack and len(stack[-1][0]) + len(low) <= batch:
                last = stack.pop()
                low, high = np.concatenate([last[0], low]), np.concatenate([last[1], high])
            stack.append((low, high))
    timed_out |= limits.stop.came
    active_sets = np.concatenate([*found, np.zeros((0, n), dtype=bool)])
    return Candidates(np.unique(active_sets, axis=0), n_boxes, 0, timed_out)


def _arguments(
    search: _Search, lower: np.ndarray, upper: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Enclose the arguments where the outputs are within boxes, ``(m, n)``."""
    centre, radius = 0.5 * (lower + upper), 0.5 * (upper - lower)
    middle = centre @ search.equations.recurrent.T + search.c
    spread = radius @ search.size.T + search.c_radius
    size = np.maximum(np.abs(lower), np.abs(upper)) @ search.size.T + np.abs(search.c)
    spread = spread + search.rounding * size + TINY
    return middle - spread, middle + spread


def _narrow(
    search: _Search, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Narrow the ranges of arguments, and drop choices that hold no fixed point."""
    equations, n = search.equations, search.equations.n
    rectified, below = equations.rectified, equations.slope_below
    inside = rectified & (low < 0.0) & (high > 0.0)
    chord = (high - below * low) / np.where(inside, high - low, 1.0)
    slopes = np.where(rectified & (high <= 0.0), below, 1.0)
    slopes = np.where(inside, chord, slopes)
    end = np.where(inside, high - slopes * high, 0.0)
    # Outputs: the image of the range of arguments, within the bounds of all.
    ends = [np.where(rectified & (z < 0.0), below * z, z) for z in (low, high)]
    least = np.minimum(np.minimum(*ends), np.where(inside, 0.0, np.inf))
    largest = np.maximum(np.maximum(*ends), np.where(inside, 0.0, -np.inf))
    size = equations.steepest * np.maximum(np.abs(low), np.abs(high))
    lower = np.maximum(least - 4.0 * EPS * size - TINY, search.outputs.lower)
    upper = np.minimum(largest + 4.0 * EPS * size + TINY, search.outputs.upper)
    by_box = _arguments(search, lower, upper)
    # (I - S V) y = S c + rest, with the rest between zero and ``end``.
    V = equations.recurrent
    matrix = np.eye(n) - slopes[:, :, None] * V
    with np.errstate(all="ignore"):
        C = inverses_or_nan(matrix)
        constant = slopes * search.c
        y = (C @ constant[..., None])[..., 0]  # without the rest
        most = np.maximum(np.abs(lower), np.abs(upper))
        unknown = search.rounding * (size + np.abs(slopes) * most + np.abs(constant))
        unknown = unknown + np.abs(slopes) * search.c_radius
        unknown += TINY * (1.0 + most.sum(axis=1, keepdims=True))
        size = np.abs(C)
        defect = np.abs(np.eye(n) - C @ matrix)
        defect += search.rounding * (size @ (np.abs(matrix) + np.eye(n)))
        wrong = (defect @ most[..., None])[..., 0] + search.rounding * np.abs(y)
        wrong = wrong + (size @ unknown[..., None])[..., 0]
        # Arguments ``at + through @ rest``, but for ``error``.
        through, at = V @ C, y @ V.T + search.c
        error = wrong @ search.size.T * (1.0 + search.rounding) + search.c_radius + TINY
        error += search.rounding * (np.abs(y) @ search.size.T + np.abs(search.c))
        error += search.rounding * (search.size @ (size @ np.abs(end)[..., None]))[..., 0]
        reach = np.abs(through) * (0.5 * np.abs(end))[:, None, :]
        spread = reach.sum(axis=-1) * (1.0 + search.rounding) + error
        at = at + 0.5 * (through @ end[..., None])[..., 0]
        # Where a matrix has no inverse the linear system says nothing.
        new_low = np.fmax(np.fmax(low, by_box[0]), at - spread)
        new_high = np.fmin(np.fmin(high, by_box[1]), at + spread)
    keep = (new_low <= new_high).all(axis=1)
    keep &= (lower <= upper).all(axis=1)
    weight = np.nan_to_num(reach.sum(axis=1), nan=0.0, posinf=0.0) + np.abs(end)
    return new_low[keep], new_high[keep], weight[keep]
