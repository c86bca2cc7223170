"""Pseudo-arclength continuation (Keller 1977) of many branches at once, in lockstep."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fixedpoint_tf.curves.curve import CONTRACTION, Curve
from fixedpoint_tf.curves.ends import BranchEnd
from fixedpoint_tf.curves.kinks.borders import BESIDE
from fixedpoint_tf.curves.kinks.crossing import borders_met, pass_border
from fixedpoint_tf.curves.kinks.directions import sign_along
from fixedpoint_tf.curves.merging import joins
from fixedpoint_tf.curves.predictor import ahead, between
from fixedpoint_tf.curves.steps import Steps
from fixedpoint_tf.curves.trace import Trace, append, closes

__all__ = ["trace"]

LEAST_COSINE = 0.95  # of the angle by which the tangent may turn in a step
GROWTH, FEW_ITERATIONS = 1.5, 4  # of a step, after one that took so few of Newton's method
SURE = 1e-9  # distance from a guess at which no other branch is taken for this one
ERROR = 0.02  # of the guess ahead: what is guessed between two points of a curve is nearer


def trace(
    curve: Curve,
    z: np.ndarray,
    t: np.ndarray,
    steps: Steps,
    report: Callable[[int], None] = lambda n: None,
    at_border: np.ndarray | None = None,
) -> tuple[list[Trace], bool]:
    """Follow the curve from points on it, along tangents.

    Args:
        curve: curve of fixed points.
        z: ``(n, n_states + 1)``, on the curve.
        t: ``(n, n_states + 1)``, unit tangents: which way to go.
        steps: lengths and limits.
        report: called with the number of points that were added.
        at_border: ``(n,)`` bool, points at a border of smooth pieces, which the tangents
            lead away from; by default none.

    Returns:
        A trace for each point, which begins with it; and whether the keyboard interrupted.
    """
    n = len(z)
    z, t = z.copy(), t.copy()
    piece = curve.path.piece(z[:, -1], t[:, -1])
    beside = np.zeros(n)
    if at_border is not None:
        beside = np.where(at_border, BESIDE * (1.0 + np.linalg.norm(z, axis=1)), 0.0)
    _, slopes, jacobian = curve.evaluate(z + beside[:, None] * t, piece)
    t = _at_corners(curve, z, t, slopes)
    signs, values = sign_along(slopes, t), curve.eigenvalues(jacobian)
    start, first_t = z.copy(), t.copy()
    traces = [Trace([start[i]], [first_t[i]], [signs[i]], [values[i]]) for i in range(n)]
    h = np.full(n, steps.first)
    earlier, earlier_t = np.full_like(z, np.nan), t.copy()  # of the same smooth piece
    breaks = curve.path.breaks
    active = np.arange(n)
    at_end = (z[:, -1] >= breaks[-1]) & (t[:, -1] > 0)
    at_end |= (z[:, -1] <= breaks[0]) & (t[:, -1] < 0)
    for i in np.flatnonzero(at_end):
        traces[i].end = BranchEnd.END_OF_PATH
    active = active[~at_end]
    try:
        while len(active):
            here, along, on = z[active], t[active], piece[active]
            guess = here + h[active, None] * along
            better = ahead(earlier[active], here, earlier_t[active], along, h[active])
            points = curve.correct(better, along, on)
            new_t = curve.tangent(points.slopes, along)
            cosine = (new_t * along).sum(axis=1)
            off = np.linalg.norm(points.z - guess, axis=1)
            good = points.converged & (cosine > LEAST_COSINE) & (off < 0.5 * h[active])
            # Where Newton's method is slow another branch may be as near as this one.
            good &= points.contraction <= CONTRACTION
            new_sign = sign_along(points.slopes, new_t)
            flips = new_sign * np.array([traces[i].jacobian_sign[-1] for i in active]) < 0
            error = np.linalg.norm(points.z - better, axis=1)
            doubt = good & (flips | np.isnan(earlier[active, 0])) & (error > SURE)
            doubt &= h[active] > 100.0 * steps.shortest
            rows = np.flatnonzero(doubt)
            if len(rows):
                good[rows] = joins(
                    curve, here[rows], points.z[rows], along[rows], new_t[rows],
                    ERROR * error[rows] + SURE, on[rows],
                )  # fmt: skip
            s = points.z[:, -1]
            ends = np.stack([breaks[on], breaks[on + 1]])
            beyond = good & ((s > ends[1]) | (s < ends[0]))
            if beyond.any():
                _stop_at(curve, points, new_t, here, along, ends, on, beyond, good)
            met, at, toward = borders_met(
                curve, here, along, points, h[active], beside[active], ends, on, good,
                slopes[active],
            )  # fmt: skip
            short = active[~good & ~met]
            h[short] *= 0.5
            stuck = short[h[short] < steps.shortest]
            failed = 2.0 * h[stuck]  # the step before it was halved
            leaps = curve.leaps(z[stuck] + failed[:, None] * t[stuck], failed, piece[stuck])
            for i, leap in zip(stuck, leaps, strict=True):
                traces[i].end = BranchEnd.JUMP if leap else BranchEnd.STEP_TOO_SMALL
            done = list(stuck)
            for k in np.flatnonzero(met):
                i = active[k]
                over, piece[i] = pass_border(
                    curve, traces[i], at[k], toward[k], int(on[k]), steps,
                    (start[i], first_t[i], z[i]),
                )  # fmt: skip
                z[i], t[i] = traces[i].z[-1], traces[i].t[-1]
                earlier[i] = np.nan
                beside[i] = BESIDE * (1.0 + np.linalg.norm(z[i]))
                done += [i] * over
            report(int(met.sum()))
            beyond &= good
            rows = active[good]
            earlier[rows], earlier_t[rows] = z[rows], t[rows]
            if beyond.any():
                turned = _turn(curve, points, new_t, beyond, on)
                piece[active] += turned
                earlier[active[turned != 0]] = np.nan
            if len(rows):
                signs = sign_along(points.slopes[good], new_t[good])
                values = curve.eigenvalues(points.jacobian[good])
                finished = np.zeros(len(rows), dtype=bool)
                new_z, new_along, came = points.z[good], new_t[good], on[good]
                for j, i in enumerate(rows):
                    new, way = new_z[j], new_along[j]
                    closed = closes(curve, start[i], first_t[i], z[i], new, way, came[j])
                    finished[j] = append(
                        traces[i], new, way, signs[j], values[j], closed=closed,
                        beyond=bool(beyond[good][j]), steps=steps, curve=curve,
                    )  # fmt: skip
                z[rows], t[rows] = points.z[good], new_t[good]
                slopes[rows] = points.slopes[good]
                beside[rows] = 0.0
                quick = points.n_iterations[good] <= FEW_ITERATIONS
                h[rows] = np.where(quick, np.minimum(GROWTH * h[rows], steps.longest), h[rows])
                report(len(rows))
                done += list(rows[finished])
            active = np.setdiff1d(active, done)
    except KeyboardInterrupt:
        for i in active:
            traces[i].end = BranchEnd.INTERRUPTED
            traces[i].drop_unfinished()
        return traces, True
    return traces, False


def _at_corners(curve: Curve, z, t, slopes) -> np.ndarray:
    """Return the tangents, turned into the piece of the path ahead for points at a corner."""
    turned = t.copy()
    at = np.flatnonzero(np.isin(z[:, -1], curve.path.breaks[1:-1]) & (t[:, -1] != 0))
    along = np.zeros_like(t[at])
    along[:, -1] = np.sign(t[at, -1])  # s goes on, whatever the state does
    turned[at] = curve.tangent(slopes[at], along)
    return turned


def _stop_at(curve: Curve, points, new_t, before, along, ends, piece, beyond, good) -> None:
    """Put the points that lie beyond the end of their piece of the path onto its end."""
    rows = np.flatnonzero(beyond)
    after, behind = points.z[rows], before[rows]
    end = np.where(after[:, -1] > ends[1, rows], ends[1, rows], ends[0, rows])
    gap = after[:, -1] - behind[:, -1]
    share = np.where(gap != 0, (end - behind[:, -1]) / np.where(gap != 0, gap, 1.0), 1.0)
    guess = between(behind, after, along[rows], new_t[rows], share)
    gap = (end - guess[:, -1]) / np.where(gap != 0, gap, 1.0)
    guess += gap[:, None] * (after - behind)
    guess[:, -1] = end
    normal = np.zeros_like(guess)
    normal[:, -1] = 1.0
    last = curve.correct(guess, normal, piece[rows])
    kept = last.converged
    last.z[:, -1] = end
    points.z[rows[kept]] = last.z[kept]
    points.slopes[rows[kept]] = last.slopes[kept]
    points.jacobian[rows[kept]] = last.jacobian[kept]
    new_t[rows[kept]] = curve.tangent(last.slopes[kept], new_t[rows[kept]])
    good[rows[~kept]] = False
    beyond[rows[~kept]] = False


def _turn(curve: Curve, points, new_t, beyond, piece) -> np.ndarray:
    """Turn points at a corner into the next piece, and return the steps between pieces."""
    step = np.where(new_t[:, -1] >= 0, 1, -1)
    inner = beyond & (piece + step >= 0) & (piece + step < len(curve.path.breaks) - 1)
    rows = np.flatnonzero(inner)
    if len(rows):
        z = points.z[rows]
        _, points.slopes[rows], _ = curve.evaluate(z, (piece + step)[rows])
        new_t[rows] = _at_corners(curve, z, new_t[rows], points.slopes[rows])
        beyond[rows] = False
    return np.where(inner, step, 0)
