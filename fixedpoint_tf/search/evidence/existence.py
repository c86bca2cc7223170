"""Existence of a fixed point where the residual is zero to rounding, and says little.

On a kink the sides decide (:mod:`fixedpoint_tf.search.evidence.kinks`). Elsewhere the residual
is followed along the directions that ``A`` nearly annihilates: where it bends away from zero
to one side only, there may be two fixed points or none.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.search.evidence.evidence import ZERO
from fixedpoint_tf.search.evidence.kinks import jumps_within, sides_agree
from fixedpoint_tf.search.evidence.rounding import state_size
from fixedpoint_tf.search.evidence.uniqueness import OPEN, weakest_direction
from fixedpoint_tf.search.solvers.base import Problem
from fixedpoint_tf.systems.kinks.sides import AT_KINK, is_smooth

__all__ = ["is_exact_beside", "may_be_fold"]

FOLDS = (1e-4, 1e-2)  # distances, in sizes of the state, at which a fold must show
BEND = 1e-5  # curvature below which a direction counts as straight
CORRECTIONS = 3  # steps back to where the other directions are at rest
MOST_NULL = 3  # directions that a singular matrix annihilates, looked at


def may_be_fold(problem, x, u, steps, inverse, singular, eps: float) -> np.ndarray:
    """Test residuals that are zero to rounding for a fold, which may have no fixed point."""
    size = state_size(x)
    right, left, growth = weakest_direction(inverse)
    left_open = 2.0 * (np.linalg.norm(steps, axis=1) + growth * 2.0 * eps * size)
    reach = np.clip(left_open, OPEN[0] * eps * size, OPEN[1] * size)
    reach[singular] = AT_KINK * size[singular]
    doubtful, unsure = np.zeros((2, len(x)), dtype=bool)
    unsure[:] = True
    if not is_smooth(problem.system.equations):
        rows = np.flatnonzero(jumps_within(problem, x, u, reach))
        if len(rows):
            agree, doubtful[rows], _ = sides_agree(problem, x[rows], u[rows], reach[rows])
            unsure[rows] = ~agree & ~doubtful[rows]
    for rows, weakest in (
        (np.flatnonzero(unsure & singular), None),
        (np.flatnonzero(unsure & ~singular), (right, left)),
    ):
        if len(rows):
            vectors = None if weakest is None else (weakest[0][rows], weakest[1][rows])
            doubtful[rows] = _bends_away(
                problem, x[rows], u[rows], inverse[rows], eps=eps, weakest=vectors
            )
    return doubtful


def is_exact_beside(problem: Problem, x: np.ndarray, u: np.ndarray, eps: float) -> np.ndarray:
    """Test for an exact fixed point where states that are zero to rounding are zero, ``(n,)``.

    For a ReLU network without bias zero is one, whatever its sides say of their signs.
    """
    tiny = np.abs(problem.origin / problem.scale + x) <= ZERO[1] * eps * state_size(x)[:, None]
    z = np.where(tiny, 0.0, problem.natural(x))
    z = z.astype(problem.dtypes[1]).astype(np.float64)
    image = problem.system.step(z, u).numpy().astype(np.float64)
    exact = image == (z if problem.system.time == "discrete" else 0.0)
    return exact.all(axis=1)


def _bends_away(
    problem: Problem,
    x: np.ndarray,
    u: np.ndarray,
    inverse: np.ndarray,
    *,
    eps: float,
    weakest: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Test for a residual that leaves zero to one side along a weak direction."""
    n, d = x.shape
    size = state_size(x)
    if weakest is None:
        A = problem.jacobian_at(x, u)
        missed = np.eye(d) - A @ inverse  # onto what A does not reach
        null = np.eye(d) - inverse @ A
        draws = np.random.default_rng(2).normal(size=(MOST_NULL, d))
        directions = np.einsum("nij,kj->nki", null, draws)
    else:
        right, left = weakest
        missed = left[:, :, None] * left[:, None, :]
        inverse = inverse - np.einsum("nij,njk->nik", inverse, missed)
        directions = right[:, None, :]
    length = np.linalg.norm(directions, axis=2, keepdims=True)
    directions = directions / np.where(length > 0.0, length, 1.0)
    bends = np.zeros(n, dtype=bool)
    for k in range(directions.shape[1]):
        for share in FOLDS:
            ends = []
            for sign in (1.0, -1.0):
                y = x + sign * (share * size)[:, None] * directions[:, k]
                for _ in range(CORRECTIONS):
                    r = problem.residual_at(y, u)
                    r = r - np.einsum("nij,nj->ni", missed, r)
                    y = y - np.einsum("nij,nj->ni", inverse, r)
                ends.append(np.einsum("nij,nj->ni", missed, problem.residual_at(y, u)))
            even = np.linalg.norm(ends[0] + ends[1], axis=1)
            odd = np.linalg.norm(ends[0] - ends[1], axis=1)
            least = np.maximum(64.0 * eps, BEND * share**2) * size
            bends |= (even > 2.0 * odd) & (even > 2.0 * least)
    return bends
