r"""Descend the speed to points that are stationary on a kink.

In a network with ReLU or clipped units the speed ``q`` has valleys along the surfaces on
which a unit reaches its threshold: on each side the gradient points across. Descents for
smooth functions stall there. Gradient sampling (Burke, Lewis & Overton 2005, SIAM J. Optim.
15:751-779) takes the gradients at random states within a small radius; minus the shortest
vector of their convex hull leads down along the valley, and where that vector vanishes for
every radius, the point is stationary in the sense of Clarke. Here vectors are measured by
the metric of Gauss and Newton, so that smooth directions converge as fast as there.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from scipy.optimize import nnls

from fixedpoint_tf._utils.compiling import compiled, kept_with_equations
from fixedpoint_tf.search.solvers.base import OnProgress, Points, Problem
from fixedpoint_tf.systems.system import Residual

__all__ = ["solve"]

MOST_DIRECTIONS = 32  # pairs of opposite states at which gradients are sampled
RADII = 1e-3, 1e-7  # the first and the last, relative to 1 + the size of the state
SHRINK = 0.1  # of the radius, where no step within it descends
MOST_ITERS = 60  # of a point: a bound on the work
#: Shares of a step among which the lowest is bracketed.
STEP_LENGTHS = 2.0 ** np.arange(-16.0, 1.0)
N_LENGTHS = 17  # of each refinement of the bracket, which is cut to an eighth
REFINEMENTS = 9  # of the bracket, to 8^-9 = 7e-9 of it
RIDGE = 1e-6  # on the metric, relative to its mean diagonal
JUMP = 1e-3  # spread of gradients, relative to their size, that no smooth piece makes so near


@kept_with_equations
def _kernel(residual: Residual):
    @compiled("x", "u", "cotangent")
    def pull_back(w, x, u, cotangent):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            r = residual.value(w, x, u)
        zero = tf.UnconnectedGradients.ZERO
        return tape.gradient(r, x, output_gradients=cotangent, unconnected_gradients=zero)

    return pull_back


def solve(
    problem: Problem,
    points: Points,
    which: np.ndarray,
    *,
    dtype: str,
    tol_gradient: float,
    on_progress: OnProgress | None = None,
) -> np.ndarray:
    """Descend from the chosen points that stalled near a kink, in place.

    Args:
        problem: residual, weights and box.
        points: all points; those in ``which`` that are near a kink are changed.
        which: ``(m,)`` indices.
        dtype: floating type of the states.
        tol_gradient: length of the shortest vector of the convex hull, relative to the
            residual, at which a point is stationary.
        on_progress: called after each iteration.

    Returns:
        ``(m,)``, that relative length at the last radius; NaN where no kink is near, or
        where the radius has not come down to the last.
    """
    lengths = np.full(len(which), np.nan)
    if not len(which):
        return lengths
    size = 1.0 + np.linalg.norm(points.x[which], axis=1)
    radius = RADII[0] * size
    rng = np.random.default_rng(0)
    sampler = _Sampler(problem, dtype, rng)
    g = sampler.gradients(points.x[which], points.u[which], radius)[1]
    spread = np.linalg.norm(g - g[:, :1], axis=2).max(axis=1)
    active = np.flatnonzero(spread > JUMP * np.linalg.norm(g, axis=2).max(axis=1))
    for _ in range(MOST_ITERS):
        if not len(active):
            break
        rows = which[active]
        x, u = points.x[rows], points.u[rows]
        r, g = sampler.gradients(x, u, radius[active])
        step, shortest = sampler.steps(x, u, g)
        length = np.linalg.norm(r, axis=1)
        relative = np.linalg.norm(shortest, axis=1) / np.where(length > 0.0, length, 1.0)
        flat = relative <= tol_gradient
        last = radius[active] <= 1.5 * RADII[1] * size[active]
        lengths[active[last]] = relative[last]
        moving = np.flatnonzero(~flat)
        moved = np.zeros(len(active), dtype=bool)
        x_new, q_new = sampler.search_line(x[moving], u[moving], step[moving])
        q_old = 0.5 * np.sum(r[moving] ** 2, axis=1)
        fell = q_new < q_old * (1.0 - 1e-9)
        moved[moving[fell]] = True
        points.x[rows[moving[fell]]] = x_new[fell]
        points.dq[rows[moving[fell]]] = (q_old - q_new)[fell]
        points.q[rows[moving[fell]]] = q_new[fell]
        points.n_iters[rows] += 1
        radius[active[~moved]] = radius[active[~moved]] * SHRINK
        active = active[moved | ~last]
        if on_progress is not None:
            on_progress()
    return lengths


class _Sampler:
    """Gradients around states, and the steps that they give."""

    def __init__(self, problem: Problem, dtype: str, rng: np.random.Generator):
        self.problem, self.dtype, self.rng = problem, dtype, rng
        self.w = problem.weights(dtype)
        self.kernel = _kernel(problem.residual)

    def _inside(self, x: np.ndarray) -> np.ndarray:
        """Return the states moved into the box."""
        return np.clip(x, self.problem.lower, self.problem.upper)

    def gradients(
        self, x: np.ndarray, u: np.ndarray, radius: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return residuals ``(n, d)`` and speed gradients ``(n, m, d)`` of nearby Jacobians."""
        n, d = x.shape
        directions = self.rng.normal(size=(min(d, MOST_DIRECTIONS), d))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        offsets = np.concatenate([np.zeros((1, d)), directions, -directions])
        states = self._inside(x[:, None] + radius[:, None, None] * offsets)
        inputs = np.repeat(u, len(offsets), axis=0)
        r = self._residuals(x, u)
        cotangents = np.repeat(r, len(offsets), axis=0)
        rows = self.problem.rows(self.dtype, states.reshape(-1, d), inputs, cotangents)
        g = self.kernel(self.w, *rows).numpy().astype(np.float64)
        return r, g.reshape(n, -1, d)

    def _residuals(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return the residual of each state."""
        rows = self.problem.rows(self.dtype, x, u)
        return self.problem.residual.value(self.w, *rows).numpy().astype(np.float64)

    def steps(
        self, x: np.ndarray, u: np.ndarray, g: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps, and the shortest vectors of the hulls, each ``(n, d)``."""
        rows = self.problem.rows(self.dtype, x, u)
        A = self.problem.residual.jacobian(self.w, *rows).numpy().astype(np.float64)
        metric = np.matmul(A.transpose(0, 2, 1), A)
        mean = np.trace(metric, axis1=1, axis2=2) / x.shape[1]
        metric += (RIDGE * mean + 1e-12)[:, None, None] * np.eye(x.shape[1])
        root = np.linalg.cholesky(metric)
        at_lower, at_upper = x <= self.problem.lower, x >= self.problem.upper
        shortest = np.empty_like(x)
        steps = np.empty_like(x)
        for k in range(len(x)):
            walls = np.diag(np.where(at_upper[k], 1.0, 0.0) - np.where(at_lower[k], 1.0, 0.0))
            walls = walls[at_lower[k] | at_upper[k]]
            shortest[k] = _shortest(g[k], walls, root[k])
            steps[k] = -np.linalg.solve(metric[k], shortest[k])
        return steps, shortest

    def search_line(
        self, x: np.ndarray, u: np.ndarray, step: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the slowest state along each step, and its speed, exact at kinks."""
        every = np.arange(len(x))
        lengths = np.tile(STEP_LENGTHS, (len(x), 1))
        best_x, best_q = x.copy(), np.full(len(x), np.inf)
        for _ in range(REFINEMENTS):
            states = self._inside(x[:, None] + lengths[:, :, None] * step[:, None])
            q = self._speeds(states, u)
            k = np.argmin(q, axis=1)
            lower = q[every, k] < best_q
            best_x[lower] = states[every, k][lower]
            best_q[lower] = q[every, k][lower]
            low = np.where(k > 0, lengths[every, np.maximum(k - 1, 0)], 0.0)
            last = lengths.shape[1] - 1
            high = lengths[every, np.minimum(k + 1, last)]
            lengths = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, N_LENGTHS)
        return best_x, best_q

    def _speeds(self, states: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Return the speeds of ``(n, m, d)`` states, infinity where they are not finite."""
        n, m, d = states.shape
        inputs = np.repeat(u, m, axis=0)
        r = self._residuals(states.reshape(-1, d), inputs)
        q = 0.5 * np.sum(r**2, axis=1).reshape(n, m)
        return np.where(np.isfinite(q), q, np.inf)


def _shortest(gradients: np.ndarray, walls: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Return the vector of a convex hull plus a cone that is shortest in a metric."""
    size = float(np.abs(gradients).max(initial=0.0))
    if size == 0.0:
        return np.zeros(gradients.shape[1])
    columns = np.concatenate([gradients / size, walls]).T
    scaled = np.linalg.solve(root, columns)
    weight = float(np.abs(scaled).max())
    one = weight * 1e3 * np.concatenate([np.ones(len(gradients)), np.zeros(len(walls))])
    system = np.concatenate([scaled, one[None]])
    target = np.concatenate([np.zeros(len(scaled)), [weight * 1e3]])
    share, _ = nnls(system, target, maxiter=20 * system.shape[1])
    total = share[: len(gradients)].sum()
    return size * (columns @ share) / (total if total > 0.0 else 1.0)
