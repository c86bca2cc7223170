"""Directional fibres: curves between roots on which ``F(x) - x`` keeps its direction.

On the curve ``F(x) - x = a c`` the factor ``a`` changes its sign at each fixed point that it
runs through (Katz & Reggia 2017). It is followed by pseudo-arclength continuation (Keller
1977): a step along the tangent, then Newton's method in the states and ``a`` together, by one
factorisation for the correction and for the next tangent. Many fibres are followed at once.
What they cross is located roughly; Newton's method from there does the rest.
"""

from __future__ import annotations

import time

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.chunks import work_through
from fixedpoint_tf._utils.compiling import compiled, kept_with_equations
from fixedpoint_tf.search.solvers.base import OnProgress, Problem, shifted, with_shifts
from fixedpoint_tf.systems.system import Residual

__all__ = ["follow"]

AT_ONCE = 8  # steps between two looks at which fibres have come to their end
FIRST = 0.05  # length of the first step, in half-widths of the box, as all lengths here
LONGEST = 0.5  # step, times the root of the number of states
SHORTEST = 1e-4  # step, below which a fibre is given up: it has a kink or meets another one
BESIDE = 0.005  # residual off the curve that is left; Newton's method corrects the rest later
DRIFT = 0.02  # distance of a corrected state from the guess that is no matter of the step
BENT = 0.3  # the same, of the step
TARGET = 0.1  # of a step: distance from the guess for which its length is chosen
COSINE = 0.8  # of the angle by which the tangent of a smooth curve may turn in a step
CONTRACTION = 0.5  # of the residual by a correction, else the step was too long
CUT = 0.35  # of a step that failed
LEAST_GROWTH, MOST_GROWTH = 0.5, 2.0  # of a step that succeeded
BEGUN = 6  # steps of both ways together, before which they cannot have met


@kept_with_equations
def _kernel(residual: Residual, cosine: float):
    """Make steps of many fibres: states and factor ``y``, trial ``p``, its guess ``g``."""

    @compiled("y", "p", "g", "t", "h", "n", "u", "c")
    def advance(w, y, p, g, t, h, n, u, c, shift, unit):
        k = tf.shape(c)[1]
        floor = tf.sqrt(tf.cast(k, c.dtype)) * LONGEST * unit

        def off(p):
            return residual.value(w, p[:, :-1], u) - p[:, -1:] * c

        def move(i, y, p, g, t, h, n, path):
            r, A = off(p), residual.jacobian(w, p[:, :-1], u)
            finite = tf.math.is_finite(tf.reduce_sum(A, axis=[1, 2]) + tf.reduce_sum(r, axis=1))
            A = tf.where(finite[:, None, None], A, tf.eye(k, dtype=c.dtype))
            A = shifted(A, shift)
            A = tf.concat([tf.concat([A, -c[:, :, None]], axis=2), t[:, None, :]], axis=1)
            r = tf.where(finite[:, None], r, 0.0)
            right = tf.stack([r, tf.zeros_like(r)], axis=2)
            last = tf.one_hot(1, 2, dtype=c.dtype) * tf.ones_like(h)[:, None, None]
            solved = tf.linalg.solve(A, tf.concat([right, last], axis=1))
            new, turned = p - solved[:, :, 0], solved[:, :, 1]
            turned /= tf.norm(turned, axis=1, keepdims=True)
            before, after = tf.norm(r, axis=1), tf.norm(off(new), axis=1)
            far = tf.norm(new - g, axis=1)
            near = after < BESIDE * unit
            straight = (tf.reduce_sum(t * turned, axis=1) > cosine) | (n == 0)
            good = finite & straight & (far < BENT * h + DRIFT * unit)
            good &= near | (after < CONTRACTION * before)
            done, failed = good & near, ~good
            y, t = tf.where(done[:, None], new, y), tf.where(done[:, None], turned, t)
            growth = tf.sqrt(TARGET * h / tf.maximum(far, 1e-9 * unit))
            growth = tf.clip_by_value(growth, LEAST_GROWTH, MOST_GROWTH)
            h = tf.where(done, tf.minimum(growth * h, floor), tf.where(failed, CUT * h, h))
            again = (done | failed)[:, None]
            ahead = y + h[:, None] * t
            p, g = tf.where(again, ahead, new), tf.where(again, ahead, g)
            return i + 1, y, p, g, t, h, n + tf.cast(done, n.dtype), path.write(i, y)

        path = tf.TensorArray(c.dtype, AT_ONCE, element_shape=[None, None])
        first = (tf.constant(0), y, p, g, t, h, n, path)
        _, y, p, g, t, h, n, path = tf.while_loop(
            lambda i, *_: i < AT_ONCE, move, first, maximum_iterations=AT_ONCE
        )
        return y, p, g, t, h, n, path.stack()

    return advance


def follow(
    problem: Problem,
    x: np.ndarray,
    u: np.ndarray,
    direction: np.ndarray,
    *,
    dtype: str,
    max_steps: int,
    lower: np.ndarray,
    upper: np.ndarray,
    unit: float = 1.0,
    smooth: bool = True,
    until: float = np.inf,
    on_progress: OnProgress | None = None,
) -> tuple[np.ndarray, np.ndarray, int]:
    """Follow the fibre through each state, both ways, and locate the roots on it.

    Args:
        problem: residual and weights.
        x: ``(m, n_states)``, a fixed point, or a state at which the residual has the direction.
        u: ``(m, n_inputs)``.
        direction: ``(m, n_states)``, of the residual; its length is of no matter.
        dtype: floating type of the steps.
        max_steps: trial steps each way, made a few at a time.
        lower: ``(n_states,)``, beyond which a fibre is left.
        upper: the same.
        unit: half-width of the box, by which all lengths are measured.
        smooth: the network has no kinks, at which a tangent may turn at once.
        until: time, of the monotonic clock, at which all are left.
        on_progress: called after each few steps.

    Returns:
        ``(k, n_states)``, states near the roots that were crossed, in the order of their
        fibres; ``(k,)``, the number of the fibre of each; and how many Jacobians were
        factorised.
    """
    m, n_states = x.shape
    w, kernel = problem.weights(dtype), _kernel(problem.residual, COSINE if smooth else -1.0)
    length = np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), np.finfo(dtype).tiny)
    c = np.repeat(direction / length, 2, axis=0)  # the two ways of a fibre lie side by side
    u = np.repeat(u, 2, axis=0)
    r = problem.residual.value(w, *problem.rows(dtype, x, u[::2])).numpy()
    y = np.concatenate([x, np.sum(r * c[::2], axis=1, keepdims=True)], axis=1)
    y = np.repeat(y, 2, axis=0).astype(dtype)
    t = np.zeros_like(y)
    t[:, -1] = np.tile([1.0, -1.0], m)
    state = [y, y.copy(), y.copy(), t, np.full(2 * m, FIRST * unit, dtype)]
    state.append(np.zeros(2 * m, dtype=np.int32))
    steps, done = np.zeros(2 * m, dtype=np.int64), np.zeros(2 * m, dtype=bool)
    latest: dict[int, tuple[int, np.ndarray]] = {}
    roots: list[np.ndarray] = []
    owners: list[np.ndarray] = []

    def run(batch: np.ndarray, shift: float) -> list[np.ndarray]:
        rows = [tf.constant(a[batch]) for a in state] + problem.rows(dtype, u[batch], c[batch])
        *moved, path = kernel(w, *rows, tf.constant(shift, dtype), tf.constant(unit, dtype))
        return [*(part.numpy() for part in moved), path.numpy().swapaxes(0, 1)]

    def fallback(batch: np.ndarray) -> list[np.ndarray]:
        stays = [a[batch] for a in state]
        stays[4] = np.zeros_like(stays[4])  # steps too short to go on
        return [*stays, np.repeat(stays[0][:, None], AT_ONCE, axis=1)]

    def advance(batch: np.ndarray) -> np.ndarray:
        before, n_before = state[0][batch], state[5][batch]
        *moved, path = with_shifts(run, fallback, batch)
        for whole, part in zip(state, moved, strict=True):
            whole[batch] = part
        steps[batch] += AT_ONCE
        path = np.concatenate([before[None], path.swapaxes(0, 1)])
        a, b = path[:-1, :, -1], path[1:, :, -1]
        at, row = np.nonzero((a * b < 0.0) | ((a != 0.0) & (b == 0.0)))
        share = (a[at, row] / (a[at, row] - b[at, row]))[:, None]
        roots.append(((1.0 - share) * path[at, row] + share * path[at + 1, row])[:, :-1])
        owners.append(batch[row] // 2)
        here = state[0][batch, :-1]
        outside = ((here < lower) | (here > upper)).any(axis=1)
        ended = outside | (state[4][batch] < SHORTEST * unit) | (steps[batch] >= max_steps)
        done[batch] |= ended | ~np.isfinite(here).all(axis=1) | (time.monotonic() >= until)
        for i, row in enumerate(batch):
            latest[row] = int(n_before[i]), path[:, i]
        for k in np.unique(batch // 2):
            ways = slice(2 * k, 2 * k + 2)
            done[ways] |= _met(*(latest.get(row) for row in range(2 * m)[ways]))
        if on_progress is not None:
            on_progress()
        return done[batch]

    work_through(np.arange(2 * m), problem.batch_size(dtype), advance)
    found, owner = np.concatenate(roots or [x[:0]]), np.concatenate(owners or [steps[:0]])
    order = np.argsort(owner, kind="stable")
    return found[order].astype(np.float64), owner[order], int(steps.sum())


def _met(one: tuple[int, np.ndarray] | None, other: tuple[int, np.ndarray] | None) -> bool:
    """Test whether the two ends of a fibre have met in their latest steps."""
    if one is None or other is None or one[0] + other[0] < BEGUN:
        return False
    a, b = one[1], other[1]
    step = max(np.linalg.norm(np.diff(way, axis=0), axis=1).max() for way in (a, b))
    return bool(np.linalg.norm(a[:, None] - b, axis=2).min() < 0.5 * step)
