r"""Kinks near a state: changes of the Jacobian, and the signs of ``det A`` on the sides.

A kink folds the states like a sheet of paper where the determinants of ``A = J - I`` on its
two sides have opposite signs: a residual that rounding cannot tell from zero may then belong
to two fixed points, or to none. Where all sides have one sign the map is one-to-one near the
point (Clarke 1983, theorem 7.1.1, for its generalised Jacobian; Samelson, Thrall & Wesler
1958 for pieces that are linear), and a residual of zero to rounding is a fixed point.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.chunks import chunks, map_chunks
from fixedpoint_tf.search.solvers.base import Problem
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.kinks.sides import JUMP

__all__ = ["jumps_within", "sides_agree", "turns_within"]

N_PAIRS = 8  # opposite places at which a kink is looked for
N_SIDES = 32  # and at which determinants are compared
TURN = 0.25  # change of the Jacobian, seen through the inverse, that counts as a turn
REGULAR = 1e-10  # smallest singular value, relative to the largest, of a sign that is known
LEAST_JUMP = 1e-6  # change of a product with a Jacobian that is a jump, however near
SMOOTH_RADIUS = 1e-3  # distance over which a smooth Jacobian changes by no more than itself


def turns_within(
    problem: Problem, x: np.ndarray, u: np.ndarray, inverse: np.ndarray, radius: np.ndarray
) -> np.ndarray:
    """Test states for a Jacobian that changes by a quarter, seen through the inverse.

    Products with random vectors stand for the Jacobians, which cost far more.

    Args:
        problem: residual and weights.
        x: states, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        inverse: of ``A``, ``(n, n_states, n_states)``.
        radius: ``(n,)``, how near.

    Returns:
        ``(n,)`` boolean.
    """
    turned = np.zeros(len(x), dtype=bool)
    for rows in chunks(len(x), _entries_of_changes(problem)):
        change, _ = _changes(problem, x[rows], u[rows], 2.0 * radius[rows])
        seen = np.einsum("nij,knj->kni", inverse[rows], change)
        turned[rows] = ~(np.linalg.norm(seen, axis=2) <= TURN).all(axis=0)
    return turned


def jumps_within(
    problem: Problem, x: np.ndarray, u: np.ndarray, radius: np.ndarray
) -> np.ndarray:
    """Test states for a Jacobian that changes by more than a smooth one does so near.

    Args and Returns are those of :func:`turns_within`, but for the inverse.
    """
    jumps = np.zeros(len(x), dtype=bool)
    for rows in chunks(len(x), _entries_of_changes(problem)):
        change, size = _changes(problem, x[rows], u[rows], radius[rows])
        most = np.maximum(LEAST_JUMP, radius[rows] / SMOOTH_RADIUS) * (1.0 + size)
        jumps[rows] = ~(np.linalg.norm(change, axis=2) <= most).all(axis=0)
    return jumps


def _entries_of_changes(problem: Problem) -> int:
    """Count the numbers that the products at places around one state take."""
    d = problem.n_states
    return 3 * N_PAIRS * (d if isinstance(problem.system.equations, Autodiff) else d**2)


def _changes(
    problem: Problem, x: np.ndarray, u: np.ndarray, radius: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return changes of ``J v`` to pairs of opposite places, ``(2 k, n, d)``, and ``|J v|``."""
    n, d = x.shape
    offsets, vectors = np.random.default_rng(0).normal(size=(2, N_PAIRS, 1, d))
    aside = radius[:, None] * offsets
    states = np.stack([np.broadcast_to(x, aside.shape), x + aside, x - aside])
    v = np.broadcast_to(vectors, states.shape).reshape(-1, d)
    products = _products(problem, states.reshape(-1, d), np.tile(u, (3 * N_PAIRS, 1)), v)
    here, ahead, behind = products.reshape(3, N_PAIRS, n, d)
    change = np.concatenate([ahead - here, behind - here])
    return change, np.linalg.norm(here, axis=2).max(axis=0)


def _products(problem: Problem, x: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return ``J v`` at each state, in units of the scale."""
    system, scale = problem.system, problem.scale
    dtype = system.dtypes[1]
    rows = problem.rows(dtype, problem.natural(x), u, v * scale)
    if isinstance(system.equations, Autodiff):
        return system.equations.product(None, *rows).numpy() / scale
    return np.einsum("nij,nj->ni", problem.jacobian_at(x, u), v)


def sides_agree(
    problem: Problem, x: np.ndarray, u: np.ndarray, radius: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Compare the signs of ``det A`` at places around each state.

    Args:
        problem: residual and weights.
        x: states, ``(n, n_states)``.
        u: inputs, ``(n, n_inputs)``.
        radius: ``(n,)``, how far from the state.

    Returns:
        Three of ``(n,)``: whether all signs are known and the same; whether the Jacobian
        jumps and they are not, though some are known: a fold; and the largest ``|A^-1|``,
        where all are the same.
    """
    n, d = x.shape
    agree, folded, inverse_norm = np.zeros(n, bool), np.zeros(n, bool), np.full(n, np.inf)
    # Normal places: each direction is met as if it were the only one.
    offsets = np.random.default_rng(1).normal(size=(N_SIDES, d))
    offsets = np.concatenate([offsets, -offsets])
    for i in range(n):
        places = x[i] + radius[i] * offsets
        inputs = np.repeat(u[i : i + 1], len(places), axis=0)
        A = map_chunks(problem.jacobian_at, places, inputs, shape=(d, d))
        if not np.isfinite(A).all():
            continue
        singular_values = np.linalg.svd(A, compute_uv=False)
        known = singular_values[:, -1] > REGULAR * np.maximum(1.0, singular_values[:, 0])
        signs = np.where(known, np.linalg.slogdet(A)[0], 0.0)
        agree[i] = known.all() and (signs == signs[0]).all()
        jump = np.abs(A - A[0]).max() > JUMP * max(np.abs(A).max(), 1e-3)
        folded[i] = jump and not agree[i] and known.any()
        if agree[i]:
            inverse_norm[i] = 1.0 / singular_values[:, -1].min()
    return agree, folded, inverse_norm
