"""Distance from a state within which exactly one fixed point must lie."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.search.evidence.evidence import distance_tolerance
from fixedpoint_tf.search.evidence.kinks import sides_agree, turns_within
from fixedpoint_tf.search.evidence.rounding import state_size
from fixedpoint_tf.systems.kinks.sides import is_smooth

__all__ = ["uniqueness_radius", "weakest_direction"]

POWER_ITERS = 8  # of the least sensitive direction, which need not be exact
SURELY_STRAIGHT = 1e-6  # radius by sensitivity at which no smooth cell changes by half
BESIDE = 1e-8  # of the size of a state, of places at which a fold must show without matrices
OPEN = 64.0, 1e-6  # the least and most that is left open, in roundings and in sizes of a state


def uniqueness_radius(problem, x, u, r, steps, inverse, singular, eps: float) -> np.ndarray:
    """Return the distance within which one fixed point must lie, or infinity, ``(n,)``."""
    size = state_size(x)
    step = np.linalg.norm(steps, axis=1)
    rows = np.flatnonzero((step <= distance_tolerance(eps) * size) & ~singular)
    result = np.full(len(x), np.inf)
    if not len(rows):
        return result
    x, u, steps, step, size = x[rows], u[rows], steps[rows], step[rows], size[rows]
    noise = 2.0 * eps * size
    if inverse is None:  # without matrices: the residual itself must fall
        there = np.linalg.norm(problem.residual_at(x + steps, u), axis=1)
        holds = there <= 0.5 * np.linalg.norm(r[rows], axis=1) + noise
        # GMRES makes no step where the residual is hardly more than rounding.
        along = np.random.default_rng(3).normal(size=x.shape)
        along = np.where((step > noise)[:, None], steps, along)
        along *= (BESIDE * size / np.linalg.norm(along, axis=1))[:, None]
        ahead, behind = (problem.residual_at(y, u) for y in (x + along, x - along))
        holds &= ~_folds(ahead, behind, 32.0 * noise)
        result[rows[holds]] = 2.0 * step[holds]
        return result
    inverse = inverse[rows]
    direction, _, growth = weakest_direction(inverse)
    rounded = growth * noise  # the distance that rounding leaves open
    there = problem.residual_at(x + steps, u)
    again = np.linalg.norm(np.einsum("nij,nj->ni", inverse, there), axis=1)
    holds = again <= 0.5 * step + rounded
    radius = 2.0 * (step + rounded)
    if is_smooth(problem.system.equations) and (radius * growth < SURELY_STRAIGHT).all():
        result[rows[holds]] = radius[holds]
        return result
    here = problem.jacobian_at(x, u)
    for side in (radius, -radius):
        there = problem.jacobian_at(x + side[:, None] * direction, u)
        change = np.matmul(inverse, (there - here).astype(np.float64))
        holds &= np.linalg.norm(change, axis=(1, 2)) <= 0.5
    if not is_smooth(problem.system.equations) and holds.any():
        # A kink in another direction than the weakest, which rounding in that one hides.
        some = np.flatnonzero(holds)
        open_ = np.maximum(radius[some], OPEN[0] * eps * size[some])
        holds[some] = ~turns_within(problem, x[some], u[some], inverse[some], open_)
        turned = some[~holds[some]]
        if len(turned):
            agree, _, largest = sides_agree(problem, x[turned], u[turned], open_[~holds[some]])
            length = np.linalg.norm(r[rows[turned]], axis=1) + noise[turned]
            holds[turned] = agree
            radius[turned] = np.maximum(radius[turned], 2.0 * largest * length)
    result[rows[holds]] = radius[holds]
    return result


def _folds(ahead: np.ndarray, behind: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Test residuals at opposite places for pointing to the same side, as beyond a fold."""
    lengths = np.linalg.norm(ahead, axis=1), np.linalg.norm(behind, axis=1)
    return (np.sum(ahead * behind, axis=1) > 0.0) & (np.minimum(*lengths) > noise)


def weakest_direction(inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the least sensitive direction, right and left, and ``|A^-1|``."""
    direction = np.ones(inverse.shape[:2])
    for _ in range(POWER_ITERS):
        direction = np.einsum("nji,nj->ni", inverse, direction)
        direction = np.einsum("nij,nj->ni", inverse, direction)
        length = np.linalg.norm(direction, axis=1, keepdims=True)
        direction /= np.where(length > 0.0, length, 1.0)
    left = np.einsum("nji,nj->ni", inverse, direction)
    growth = np.linalg.norm(left, axis=1)
    return direction, left / np.where(growth > 0.0, growth, 1.0)[:, None], growth
