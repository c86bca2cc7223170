r"""Stability of a cycle with a point on a kink, from all the smooth pieces that meet there.

Near such a cycle the map once around is no matrix but one matrix on each of several cones of
deviations. The eigenvalues of the matrices do not tell by themselves what becomes of a
deviation that goes from cone to cone. It decays if every product of the matrices does, in
any order, which is what the joint spectral radius says (Gripenberg 1996, Linear Algebra
Appl. 234:43, whose branching is used here); it grows if a direction comes back to itself
longer than it was.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf.analysis.cycles.maps import VariationalMap
from fixedpoint_tf.linearization.stability import Stability
from fixedpoint_tf.systems.kinks.sides import sides_at

__all__ = ["Sides", "every_product_decays", "judge_sides"]

MARGIN = 1e-6  # of a growth once around, that it must differ from 1 by
N_DIRECTIONS = 32  # pairs of directions in which pieces and deviations are sampled
MAX_SIDES = 64  # matrices once around, of which all products are looked at
MAX_PRODUCTS = 20_000  # of one length: a bound on the work and the memory
MAX_OPERATIONS = 2e10  # multiplications, of all products of one length: a bound on the work
MAX_DEPTH = 400  # matrices in a product: a bound on the work
MAX_ROUNDS = 600  # for one point on a kink, fewer for more of them
GROWN = 1e6  # times as long as it was: a deviation that leaves
RETURN_TOL = 1e-6  # of a direction that is the same again


@dataclasses.dataclass(frozen=True)
class Sides:
    """The maps once around a cycle and what they say together.

    Attributes:
        multipliers: ``(n_states,)`` complex, of the map with the largest one.
        stability: stable, unstable or undecided.
    """

    multipliers: np.ndarray
    stability: Stability


class _Deviations:
    """Small deviations carried around a cycle, each over the pieces that it is on."""

    def __init__(self, tangents: VariationalMap, points, u, radius: float, on_kink: np.ndarray):
        self.tangents, self.points, self.u, self.radius = tangents, points, u, radius
        self.on_kink = on_kink
        inputs = np.broadcast_to(u, (len(points), len(u)))
        self.jacobians = tangents(points, inputs)[1]

    def go_round(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Carry directions ``(n, n_states)`` once around, and return the matrices as well."""
        n, d = directions.shape
        ahead = directions.copy()
        around = np.tile(np.eye(d), (n, 1, 1))
        inputs = np.broadcast_to(self.u, (n, len(self.u)))
        for point, jacobian, kink in zip(
            self.points, self.jacobians, self.on_kink, strict=True
        ):
            some = np.broadcast_to(jacobian, (n, d, d))
            if kink:
                size = np.linalg.norm(ahead, axis=1, keepdims=True)
                unit = np.divide(ahead, size, out=np.zeros_like(ahead), where=size > 0)
                some = self.tangents(point + self.radius * unit, inputs)[1]
            ahead = np.einsum("nij,nj->ni", some, ahead)
            around = some @ around
        return ahead, around


def judge_sides(
    tangents: VariationalMap,
    points: np.ndarray,
    u: np.ndarray,
    radius: float,
    on_kink: np.ndarray,
) -> Sides:
    """Decide the stability of an exact cycle of a map from all its sides.

    Args:
        tangents: the map.
        points: ``(k, n_states)``, the cycle in the order in which it is gone through.
        u: ``(n_inputs,)``.
        radius: how far from the points the pieces are looked at.
        on_kink: ``(k,)`` boolean, the points nearer than that to a kink.

    Returns:
        Stable where every product of the matrices decays (in one dimension: where both ways
        do), unstable where a deviation is seen to grow, else undecided.
    """
    d = points.shape[1]
    deviations = _Deviations(tangents, points, u, radius, on_kink)
    if not np.isfinite(deviations.jacobians).all():
        return Sides(np.full(d, np.nan, dtype=complex), Stability.UNDECIDED)
    directions = _directions(d)
    met = _distinct(deviations.go_round(directions)[1])
    every = _once_around(deviations, u)
    known = met if every is None else _distinct(np.concatenate([met, every]))
    values = [np.linalg.eigvals(side).astype(complex) for side in known]
    largest = max(values, key=lambda some: np.abs(some).max())
    largest = largest[np.argsort(-np.abs(largest), kind="stable")]
    if not np.isfinite(largest).all():
        return Sides(np.full(d, np.nan, dtype=complex), Stability.UNDECIDED)
    if d == 1:
        return Sides(largest, _both_ways(deviations))
    if _some_grow(deviations, np.concatenate([directions, _own_directions(met)])):
        return Sides(largest, Stability.UNSTABLE)
    if every is not None and every_product_decays(known):
        return Sides(largest, Stability.STABLE)
    return Sides(largest, Stability.UNDECIDED)


def _directions(d: int) -> np.ndarray:
    """Draw pairs of opposite directions, ``(2 * N_DIRECTIONS, d)``."""
    half = np.random.default_rng(0).normal(size=(N_DIRECTIONS, d))
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    return np.concatenate([half, -half])


def _distinct(matrices: np.ndarray) -> np.ndarray:
    """Select matrices that differ by more than a smooth piece changes within the radius."""
    flat = matrices.reshape(len(matrices), -1)
    size = np.abs(flat).max(initial=0.0)
    kept: list[int] = []
    for i, row in enumerate(flat):
        if all(np.abs(row - flat[j]).max() > 1e-5 * size for j in kept):
            kept.append(i)
    return matrices[kept]


def _once_around(deviations: _Deviations, u: np.ndarray) -> np.ndarray | None:
    """Multiply every choice of a piece at each point once around, or None if too many."""
    kinks = np.flatnonzero(deviations.on_kink)
    inputs = np.broadcast_to(u, (len(kinks), len(u)))
    sides = sides_at(
        deviations.tangents.system,
        deviations.points[kinks],
        inputs,
        deviations.radius,
        n_directions=N_DIRECTIONS,
    )
    chosen = {i: some for i, (some, _) in zip(kinks.tolist(), sides, strict=True)}
    around = np.eye(deviations.points.shape[1])[None]
    for i, jacobian in enumerate(deviations.jacobians):
        longer = chosen.get(i, jacobian[None])[:, None] @ around[None]
        around = longer.reshape(-1, *jacobian.shape)
        if i in chosen:
            around = _distinct(around)
        if len(around) > MAX_SIDES:
            return None
    return around


def _own_directions(matrices: np.ndarray) -> np.ndarray:
    """Return the real eigenvectors with both signs, as directions of returning deviations."""
    d = matrices.shape[1]
    found = []
    for matrix in matrices:
        values, vectors = np.linalg.eig(matrix)
        real = np.abs(values.imag) <= RETURN_TOL * np.abs(values)
        found += [sign * vectors[:, real].real.T for sign in (1.0, -1.0)]
    return np.concatenate([np.zeros((0, d)), *found])


def _both_ways(deviations: _Deviations) -> Stability:
    """Follow both ways to deviate in one dimension, exactly."""
    ahead = np.array([[1.0], [-1.0]])
    lengths = []
    for _ in range(3):
        ahead, _ = deviations.go_round(ahead)
        lengths.append(np.abs(ahead[:, 0]))
    # After one round a way is among those that come back, within two more.
    growth = np.divide(lengths[2], lengths[0], out=np.zeros(2), where=lengths[0] > 0)
    if (growth > 1.0 + MARGIN).any():
        return Stability.UNSTABLE
    return Stability.STABLE if (growth < 1.0 - MARGIN).all() else Stability.UNDECIDED


def _some_grow(deviations: _Deviations, directions: np.ndarray) -> bool:
    """Test deviations for one that comes back to its direction longer, or grows far."""
    ahead, grown = directions, np.ones(len(directions))
    for n_done in range(max(60, MAX_ROUNDS // int(deviations.on_kink.sum()))):
        ahead, _ = deviations.go_round(ahead)
        size = np.linalg.norm(ahead, axis=1)
        grown = grown * size
        alive = grown > 1.0 / GROWN
        if (grown > GROWN).any():
            return True
        if n_done < 4:
            unit = np.divide(
                ahead, size[:, None], out=np.zeros_like(ahead), where=size[:, None] > 0
            )
            back = np.linalg.norm(unit - directions, axis=1) < RETURN_TOL
            if (back & (grown > 1.0 + MARGIN)).any():
                return True
            ahead = unit
        else:
            ahead = ahead / np.where(size > 0, size, 1.0)[:, None]
        if not alive.any():
            return False
        ahead, grown, directions = ahead[alive], grown[alive], directions[alive]
    return False


def every_product_decays(matrices: np.ndarray) -> bool:
    """Prove that products of matrices, in any order, go to zero as they grow longer.

    Args:
        matrices: ``(n, d, d)``.

    Returns:
        False where that is not so, and where the proof takes too long.

    Example:
        >>> slow, fast = np.diag([0.9, 0.1]), np.diag([0.1, 0.9])
        >>> every_product_decays(np.stack([slow, fast]))
        True
        >>> shear = np.array([[0.5, 2.0], [0.0, 0.5]])
        >>> every_product_decays(np.stack([shear, shear.T]))
        False
    """
    n, d, _ = matrices.shape
    moduli = np.abs(np.linalg.eigvals(matrices))
    if not np.isfinite(matrices).all() or moduli.max() > 1.0 - MARGIN:
        return False
    scaled = _in_fitting_norm(matrices)
    budget = min(MAX_PRODUCTS, int(MAX_OPERATIONS / d**3))
    words = scaled
    for _ in range(MAX_DEPTH):
        # Words that are short already need no longer ones: any product is made of such.
        longer = np.linalg.norm(words, ord=2, axis=(1, 2)) > 1.0 - MARGIN
        words = words[longer]
        if not len(words):
            return True
        if np.abs(np.linalg.eigvals(words)).max() > 1.0 - MARGIN:
            return False
        budget -= n * len(words)
        if budget < 0:
            return False
        words = (scaled[:, None] @ words[None]).reshape(-1, d, d)
    return False


def _in_fitting_norm(matrices: np.ndarray) -> np.ndarray:
    """Change coordinates so that the summed squared lengths of all images are least."""
    d = matrices.shape[1]
    metric = np.eye(d)
    for _ in range(200):
        new = np.einsum("nki,kl,nlj->ij", matrices, metric, matrices, optimize=True)
        new = new / max(float(np.trace(new)), np.finfo(float).tiny) * d + 1e-6 * np.eye(d)
        change = np.abs(new - metric).max()
        metric = new
        if change < 1e-10:
            break
    values, vectors = np.linalg.eigh(metric)
    root = vectors * np.sqrt(np.maximum(values, 1e-9 * values.max()))
    inverse = np.linalg.inv(root)
    return np.asarray(root.T @ matrices @ inverse.T)
