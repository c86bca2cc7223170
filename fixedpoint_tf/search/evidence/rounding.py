"""Rounding of a network in its final precision, and how far it displaces a fixed point."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.search.solvers.base import Problem
from fixedpoint_tf.systems.kinks.sides import is_smooth

__all__ = ["is_double", "rounded_distance", "rounding_level", "state_size"]

DOUBLE = 1e-11  # arithmetic that rounds to less counts as double precision
N_ROUNDED = 8  # states at which the rounding beside a fixed point is measured
UNMEASURED = 1e-13  # distance, relative to the size, taken where it is not measured
BELOW_SINGLE = 1e-10  # of a number: a step that double precision resolves, not single
STRAIGHT = 1e-7  # distance, relative to the size of a state, over which a network is straight


def is_double(eps: float) -> bool:
    """Test the relative rounding ``eps`` of an arithmetic for double precision."""
    return eps < DOUBLE


def state_size(x: np.ndarray) -> np.ndarray:
    """Return the size of each state to which rounding and distances are relative, ``(n,)``."""
    return 1.0 + np.linalg.norm(x, axis=1)


def rounding_level(problem: Problem, x: np.ndarray, u: np.ndarray) -> float:
    """Measure the relative rounding of a network in its final precision.

    A network may compute in double precision and still round as single precision does,
    where a part of it casts its numbers. Second differences over a distance at which a
    smooth network is straight leave the rounding.

    Args:
        problem: residual, weights and scale.
        x: states, ``(n, n_states)``, at least one.
        u: inputs, ``(n, n_inputs)``.

    Returns:
        The machine precision of the final type, or what was measured where that is far more.
    """
    dtype, eps = problem.dtypes[1], problem.resolution
    if not is_double(eps) or is_smooth(problem.system.equations):
        return eps  # a closed form computes in the type it is given
    if _rounds_to_single(problem, x, u):
        return eps * float(np.finfo("float32").eps / np.finfo(dtype).eps)
    size = 1.0 + np.abs(x).max(axis=1, keepdims=True)
    aside = STRAIGHT * size * np.random.default_rng(0).choice([-1.0, 1.0], size=x.shape)

    with np.errstate(invalid="ignore", over="ignore"):
        behind, here, ahead = (problem.residual_at(y, u) for y in (x - aside, x, x + aside))
        second = np.abs(ahead - 2.0 * here + behind).max(axis=1)
        # Where a map takes states far away, its curvature is as large as they are.
        second /= np.maximum(size[:, 0], np.abs(here).max(axis=1))
    second = second[np.isfinite(second)]
    noise = float(np.median(second)) / 4.0 if len(second) else 0.0
    return noise if noise > DOUBLE else eps


def _rounds_to_single(problem: Problem, x: np.ndarray, u: np.ndarray) -> bool:
    """Test whether a network about an offset rounds its states to single precision."""
    if not problem.origin.any():
        return False
    step = BELOW_SINGLE * np.abs(problem.origin) / problem.scale
    step = step * np.random.default_rng(0).choice([-1.0, 1.0], size=x.shape)
    change = problem.residual_at(x + step, u) - problem.residual_at(x, u)
    expected = np.einsum("nij,nj->ni", problem.jacobian_at(x, u), step)
    missed = np.linalg.norm(change - expected, axis=1)
    return bool(np.median(missed - 0.5 * np.linalg.norm(expected, axis=1)) > 0.0)


def rounded_distance(
    problem: Problem, x: np.ndarray, u: np.ndarray, inverse: np.ndarray | None
) -> np.ndarray:
    """Measure how far rounding displaces the fixed points that Newton steps locate.

    Over a few units in the last place a network is straight: what its residual departs from
    that is rounding, of whatever size the numbers are that it computes with in between.

    Args:
        problem: residual, weights and scale.
        x: fixed points, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        inverse: ``A^-1``, ``(n, n_states, n_states)``; None where no matrix is formed.

    Returns:
        ``(n,)``, the largest distance among some samples, and at least that of the rounding
        of the states themselves.
    """
    dtype = problem.system.dtypes[1]
    size = state_size(x)
    if inverse is None:
        return UNMEASURED * size

    def residual(states: np.ndarray) -> np.ndarray:
        return problem.residual_at(states, u).astype(np.float64)

    rng, here = np.random.default_rng(0), residual(x)
    x = x.astype(dtype).astype(np.float64)
    aside = 8.0 * float(np.finfo(dtype).eps) * size[:, None]
    largest = 0.25 * aside[:, 0] * np.linalg.norm(inverse, axis=(1, 2))
    for _ in range(N_ROUNDED):
        states = (x + aside * rng.uniform(-1.0, 1.0, x.shape)).astype(dtype).astype(float)
        moved = np.einsum("nij,nj->ni", inverse, residual(states) - here)
        largest = np.maximum(largest, np.linalg.norm(moved - (states - x), axis=1))
    return largest
