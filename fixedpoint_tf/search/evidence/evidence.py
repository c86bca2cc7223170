"""Evidence about the end points of a search: fixed point, slow point, or neither.

A small speed ``q`` alone says little: ``q`` falls towards zero along directions in which a
network is merely slow, and of 23 points with q < 1e-12 on one trained network a single one
was a fixed point. The Newton step measures the distance to the true fixed point instead.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from fixedpoint_tf._utils.linalg import inverses
from fixedpoint_tf.search.evidence.existence import (
    bends_away,
    jumps_within,
    sides_agree,
    turns_within,
)
from fixedpoint_tf.search.solvers import krylov
from fixedpoint_tf.search.solvers.base import Problem
from fixedpoint_tf.systems.kinks.sides import is_smooth

__all__ = [
    "Evidence",
    "distance_tolerance",
    "examine",
    "rounded_distance",
    "rounding_level",
    "stationarity_tolerance",
]

GMRES_VECTORS = 40
POWER_ITERS = 8
DOUBLE = 1e-11  # arithmetic that rounds to less counts as double precision
SURELY_STRAIGHT = 1e-6  # radius by sensitivity at which no smooth cell changes by half
ZERO = 16.0, 4.0  # residuals in roundings that are zero, where the Jacobian is singular or not
BESIDE = 1e-8  # of the size of a state, of places at which a fold must show without matrices
AT_KINK = 1e-9  # of the size of a state: so near, a singular point is held to be on a kink
OPEN = 64.0, 1e-6  # the least and most that is left open, in roundings and in sizes of a state
N_ROUNDED = 8  # states at which the rounding beside a fixed point is measured
UNMEASURED = 1e-13  # distance, relative to the size, taken where it is not measured
BELOW_SINGLE = 1e-10  # of a number: a step that double precision resolves, not single
STRAIGHT = 1e-7  # distance, relative to the size of a state, over which a network is straight


@dataclasses.dataclass
class Evidence:
    """Evaluated at ``n`` points, in the final precision of the system.

    Attributes:
        image: ``F(x)`` (or ``dh/dt``), ``(n, n_states)``.
        q: ``0.5 |r|^2`` with ``r = F(x) - x`` (or ``dh/dt``), ``(n,)``.
        newton_step: ``|A^-1 r|``, the estimated distance to the fixed point, ``(n,)``; of
            a singular ``A``, within the space in which it is regular.
        relative_gradient: ``|P A' r| / |r|`` with ``P`` the projection on the free
            coordinates: zero at a stationary point of ``q`` within the box, ``(n,)``.
        n_at_bound: coordinates at a bound, ``(n,)``.
        singular: whether ``A`` is singular to rounding, so that the point is not isolated,
            ``(n,)``; not known without a matrix.
        radius: distance within which exactly one fixed point must lie, ``(n,)``; infinite
            where that is not certain. It is certain where the next Newton step is far
            shorter, and over twice the distance that rounding leaves open the Jacobian
            changes too little to become singular (Newton-Kantorovich, with the change
            sampled along the most sensitive direction).
        distance: ``newton_step`` in the units of the network, ``(n,)``.
        doubtful: whether a residual that is zero to rounding may as well be that of a ghost,
            because a fold cannot be excluded, ``(n,)``; known where it matters.
        inverse: ``A^-1``, ``(n, n_states, n_states)``; None where no matrix is formed.
    """

    image: np.ndarray
    q: np.ndarray
    newton_step: np.ndarray
    relative_gradient: np.ndarray
    n_at_bound: np.ndarray
    singular: np.ndarray
    radius: np.ndarray
    distance: np.ndarray
    doubtful: np.ndarray
    inverse: np.ndarray | None

    def take(self, rows: np.ndarray) -> Evidence:
        """The evidence about some of the points."""
        columns: list[Any] = [None if c is None else c[rows] for c in _columns(self)]
        return Evidence(*columns)

    def put(self, rows: np.ndarray, other: Evidence) -> None:
        """Replace the evidence about some of the points."""
        for column, value in zip(_columns(self), _columns(other), strict=True):
            if column is not None:
                column[rows] = value

    @classmethod
    def join(cls, parts: list[Evidence]) -> Evidence:
        """The evidence about the points of all parts, one after the other."""
        pieces = zip(*map(_columns, parts), strict=True)
        columns: list[Any] = [None if p[0] is None else np.concatenate(p) for p in pieces]
        return cls(*columns)

    def is_fixed(self, x: np.ndarray, tol_q: float, eps: float) -> np.ndarray:
        """Test for fixed points, to the precision ``eps`` of the arithmetic.

        The Newton step must be short, and the fixed point that it points at certain: just
        past a bifurcation the speed is as small and the step as short, and nothing there.
        In double precision a residual that is zero to rounding is taken for a fixed point
        too. That is all that can be known on a continuum of fixed points, where the Newton
        step is undefined, and on a kink; but where a fold cannot be excluded, it must be
        zero to the last bit. In single precision rounding hides too much.
        """
        size = 1.0 + np.linalg.norm(x, axis=1)
        near = (self.newton_step <= distance_tolerance(eps) * size) & np.isfinite(self.radius)
        rounding = np.where(self.singular, *ZERO) * eps * size
        zero = np.sqrt(2.0 * self.q) <= np.where(self.doubtful, 0.0, rounding)
        zero &= _is_double(eps)
        return (self.q <= tol_q) & (near | zero)

    def is_stationary(self, eps: float) -> np.ndarray:
        """Tell which points are stationary points of ``q`` within the box."""
        return self.relative_gradient <= stationarity_tolerance(eps)


def _columns(evidence: Evidence) -> list[Any]:
    return [getattr(evidence, field.name) for field in dataclasses.fields(evidence)]


def _is_double(eps: float) -> bool:
    return eps < DOUBLE


def distance_tolerance(eps: float) -> float:
    """Return the distance, relative to 1 + the size of a state, at which a point is fixed.

    It is 1e-7 in double precision, 1e-3 in single.
    """
    return 1e-7 if _is_double(eps) else max(1e-3, 1e4 * eps)


def stationarity_tolerance(eps: float) -> float:
    """Return the relative gradient of a stationary point: 1e-5, or 5e-3 in single precision."""
    return 1e-5 if _is_double(eps) else max(5e-3, 5e4 * eps)


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
    if not _is_double(eps) or is_smooth(problem.system.equations):
        return eps  # a closed form computes in the type it is given
    w = problem.weights(dtype)
    if _rounds_to_single(problem, x, u):
        return eps * float(np.finfo("float32").eps / np.finfo(dtype).eps)
    size = 1.0 + np.abs(x).max(axis=1, keepdims=True)
    aside = STRAIGHT * size * np.random.default_rng(0).choice([-1.0, 1.0], size=x.shape)

    def value(states: np.ndarray) -> np.ndarray:
        return problem.residual.value(w, *problem.rows(dtype, states, u)).numpy()

    with np.errstate(invalid="ignore", over="ignore"):
        here = value(x)
        second = np.abs(value(x + aside) - 2.0 * here + value(x - aside)).max(axis=1)
        # Where a map takes states far away, its curvature is as large as they are.
        second /= np.maximum(size[:, 0], np.abs(here).max(axis=1))
    second = second[np.isfinite(second)]
    noise = float(np.median(second)) / 4.0 if len(second) else 0.0
    return noise if noise > DOUBLE else eps


def _rounds_to_single(problem: Problem, x: np.ndarray, u: np.ndarray) -> bool:
    """Test a network about an offset for states that it rounds to single precision.

    It then stays as it is over a distance that double precision tells from none.
    """
    if not problem.origin.any():
        return False
    dtype = problem.dtypes[1]
    w, rows = problem.weights(dtype), problem.rows(dtype, x, u)
    step = BELOW_SINGLE * np.abs(problem.origin) / problem.scale
    step = step * np.random.default_rng(0).choice([-1.0, 1.0], size=x.shape)
    there = problem.residual.value(w, *problem.rows(dtype, x + step, u)).numpy()
    change = there - problem.residual.value(w, *rows).numpy()
    expected = np.einsum("nij,nj->ni", problem.residual.jacobian(w, *rows).numpy(), step)
    missed = np.linalg.norm(change - expected, axis=1)
    return bool(np.median(missed - 0.5 * np.linalg.norm(expected, axis=1)) > 0.0)


def examine(
    problem: Problem, x: np.ndarray, u: np.ndarray, *, eps: float, matrix_free: bool
) -> Evidence:
    """Gather the evidence at points of a finished search, a chunk at a time.

    Args:
        problem: residual, weights and box.
        x: states, ``(n, n_states)``, at least one.
        u: inputs, ``(n, n_inputs)``.
        eps: relative rounding of the network.
        matrix_free: Newton steps by GMRES instead of the inverse.

    Returns:
        The evidence, in float64.
    """
    chunk = 256 if matrix_free else max(1, 2**22 // problem.n_states**2)
    parts = [
        _examine(problem, x[i : i + chunk], u[i : i + chunk], eps, matrix_free)
        for i in range(0, len(x), chunk)
    ]
    return Evidence.join(parts)


def _examine(problem, x, u, eps: float, matrix_free: bool) -> Evidence:
    dtype = problem.system.dtypes[1]
    w = problem.weights(dtype)
    xt, ut = problem.rows(dtype, x, u)
    inverse, singular = None, np.zeros(len(x), dtype=bool)
    if matrix_free:
        n_vectors = min(GMRES_VECTORS, problem.n_states)
        out = krylov.newton_steps(problem.residual, n_vectors)(w, xt, ut)
        r, g, s = (t.numpy().astype(np.float64) for t in out)
        steps = s
    else:
        r = problem.residual.value(w, xt, ut).numpy().astype(np.float64)
        A = problem.residual.jacobian(w, xt, ut).numpy().astype(np.float64)
        finite = np.isfinite(A).all(axis=(1, 2)) & np.isfinite(r).all(axis=1)
        A[~finite] = np.eye(problem.n_states)
        g = np.einsum("nij,ni->nj", A, r)
        inverse, singular = inverses(A)
        steps = -np.einsum("nij,nj->ni", inverse, r)
        steps[~finite] = np.inf
    held = ((x <= problem.lower) & (g > 0)) | ((x >= problem.upper) & (g < 0))
    length = np.linalg.norm(r, axis=1)
    step = np.linalg.norm(steps, axis=1)
    radius = _radius(problem, x, u, r, steps, inverse, singular, eps)
    doubtful = np.zeros(len(x), dtype=bool)
    zero = (length > 0.0) & (length <= np.where(singular, *ZERO) * eps * _size(x))
    rows = np.flatnonzero(zero & ~np.isfinite(radius) & _is_double(eps))
    doubtful[rows] = inverse is None
    if len(rows) and inverse is not None:
        doubtful[rows] = _doubtful(
            problem, x[rows], u[rows], steps[rows], inverse[rows], singular[rows], eps
        )
    rows = np.flatnonzero(doubtful)
    if len(rows):
        doubtful[rows] = ~_exact_beside(problem, x[rows], u[rows], eps)
    gradient = np.linalg.norm(np.where(held, 0.0, g), axis=1)
    # What rounding alone makes of a residual is no gradient.
    gradient = np.maximum(gradient - 4.0 * eps * (1.0 + np.linalg.norm(x, axis=1)), 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(length > 0, gradient / length, 0.0)
    at_bound = (x <= problem.lower) | (x >= problem.upper)
    return Evidence(
        image=r + x if problem.system.time == "discrete" else r,
        q=0.5 * length**2,
        newton_step=step,
        relative_gradient=relative,
        n_at_bound=at_bound.sum(axis=1),
        singular=singular,
        radius=radius,
        distance=np.linalg.norm(problem.scale * steps, axis=1),
        doubtful=doubtful,
        inverse=inverse,
    )


def _radius(problem, x, u, r, steps, inverse, singular, eps: float) -> np.ndarray:
    """Return the distance within which one fixed point must lie, or infinity, ``(n,)``."""
    size = 1.0 + np.linalg.norm(x, axis=1)
    step = np.linalg.norm(steps, axis=1)
    rows = np.flatnonzero((step <= distance_tolerance(eps) * size) & ~singular)
    result = np.full(len(x), np.inf)
    if not len(rows):
        return result
    dtype = problem.system.dtypes[1]
    w = problem.weights(dtype)
    x, u, steps, step, size = x[rows], u[rows], steps[rows], step[rows], size[rows]
    noise = 2.0 * eps * size

    def residual(states: np.ndarray) -> np.ndarray:
        return problem.residual.value(w, *problem.rows(dtype, states, u)).numpy()

    if inverse is None:  # without matrices: the residual itself must fall
        there = np.linalg.norm(residual(x + steps), axis=1)
        holds = there <= 0.5 * np.linalg.norm(r[rows], axis=1) + noise
        # GMRES makes no step where the residual is hardly more than rounding.
        along = np.random.default_rng(3).normal(size=x.shape)
        along = np.where((step > noise)[:, None], steps, along)
        along *= (BESIDE * size / np.linalg.norm(along, axis=1))[:, None]
        holds &= ~_folds(residual(x + along), residual(x - along), 32.0 * noise)
        result[rows[holds]] = 2.0 * step[holds]
        return result
    inverse = inverse[rows]
    direction, _, growth = _weakest(inverse)
    rounded = growth * noise  # the distance that rounding leaves open
    again = np.linalg.norm(np.einsum("nij,nj->ni", inverse, residual(x + steps)), axis=1)
    holds = again <= 0.5 * step + rounded
    radius = 2.0 * (step + rounded)
    if is_smooth(problem.system.equations) and (radius * growth < SURELY_STRAIGHT).all():
        result[rows[holds]] = radius[holds]
        return result
    jacobian = problem.residual.jacobian
    here = jacobian(w, *problem.rows(dtype, x, u)).numpy()
    for side in (radius, -radius):
        there = jacobian(w, *problem.rows(dtype, x + side[:, None] * direction, u)).numpy()
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


def _size(x: np.ndarray) -> np.ndarray:
    """Return the size of each state to which rounding and distances are relative, ``(n,)``."""
    return 1.0 + np.linalg.norm(x, axis=1)


def _weakest(inverse: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where a residual is least sensitive: right and left vectors, and ``|A^-1|``."""
    direction = np.ones(inverse.shape[:2])
    for _ in range(POWER_ITERS):
        direction = np.einsum("nji,nj->ni", inverse, direction)
        direction = np.einsum("nij,nj->ni", inverse, direction)
        length = np.linalg.norm(direction, axis=1, keepdims=True)
        direction /= np.where(length > 0.0, length, 1.0)
    left = np.einsum("nji,nj->ni", inverse, direction)
    growth = np.linalg.norm(left, axis=1)
    return direction, left / np.where(growth > 0.0, growth, 1.0)[:, None], growth


def _doubtful(problem, x, u, steps, inverse, singular, eps: float) -> np.ndarray:
    """Test residuals that are zero to rounding for a fold, which may have no fixed point."""
    size = _size(x)
    right, left, growth = _weakest(inverse)
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
            doubtful[rows] = bends_away(
                problem, x[rows], u[rows], inverse[rows], eps=eps, weakest=vectors
            )
    return doubtful


def _exact_beside(problem: Problem, x: np.ndarray, u: np.ndarray, eps: float) -> np.ndarray:
    """Test for an exact fixed point where states that are zero to rounding are zero, ``(n,)``.

    Of a ReLU network without bias zero is one, whatever its sides say of their signs.
    """
    tiny = np.abs(problem.origin / problem.scale + x) <= ZERO[1] * eps * _size(x)[:, None]
    z = np.where(tiny, 0.0, problem.natural(x))
    z = z.astype(problem.dtypes[1]).astype(np.float64)
    image = problem.system.step(z, u).numpy().astype(np.float64)
    exact = image == (z if problem.system.time == "discrete" else 0.0)
    return exact.all(axis=1)


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
    size = _size(x)
    if inverse is None:
        return UNMEASURED * size
    w = problem.weights(dtype)

    def residual(states: np.ndarray) -> np.ndarray:
        rows = problem.rows(dtype, states, u)
        return problem.residual.value(w, *rows).numpy().astype(np.float64)

    rng, here = np.random.default_rng(0), residual(x)
    x = x.astype(dtype).astype(np.float64)
    aside = 8.0 * float(np.finfo(dtype).eps) * size[:, None]
    largest = 0.25 * aside[:, 0] * np.linalg.norm(inverse, axis=(1, 2))
    for _ in range(N_ROUNDED):
        states = (x + aside * rng.uniform(-1.0, 1.0, x.shape)).astype(dtype).astype(float)
        moved = np.einsum("nij,nj->ni", inverse, residual(states) - here)
        largest = np.maximum(largest, np.linalg.norm(moved - (states - x), axis=1))
    return largest
