"""Pseudo-arclength continuation (Keller 1977) of many branches at once, in lockstep."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from fixedpoint_tf.checks import is_number
from fixedpoint_tf.continuation.curve import Curve
from fixedpoint_tf.continuation.result import CLOSED
from fixedpoint_tf.system import DynamicalSystem

__all__ = ["Steps", "Trace", "checked_steps", "trace"]

LEAST_COSINE = 0.95  # of the angle by which the tangent may turn in a step
GROWTH, FEW_ITERATIONS = 1.5, 4
AT_START = 1e-9
AT_EDGE = 1e-9  # of the bounds
END = "end of path"


@dataclasses.dataclass(frozen=True)
class Steps:
    """How far to go: lengths along the curve, and when to stop."""

    first: float
    longest: float
    shortest: float
    max_points: int
    lower: np.ndarray
    upper: np.ndarray

    def outside(self, x: np.ndarray) -> np.ndarray:
        """Which of the states ``(..., n_states)`` are beyond the bounds, but for rounding."""
        slack = AT_EDGE * (1.0 + np.abs(x))
        return ((x < self.lower - slack) | (x > self.upper + slack)).any(axis=-1)


def checked_steps(
    system: DynamicalSystem, first, longest, shortest, max_points, bounds
) -> Steps:
    """The options of a continuation, or a ``ValueError`` that says what is wrong."""
    named = {"first_step": first, "max_step": longest, "min_step": shortest}
    for name, value in named.items():
        if not (is_number(value) and 0 < value < np.inf):
            raise ValueError(f"{name} must be a positive length; got {value!r}.")
    if not shortest <= first <= longest:
        raise ValueError(
            "first_step must be between min_step and max_step; got "
            f"{shortest!r}, {first!r}, {longest!r}."
        )
    whole = isinstance(max_points, (int, np.integer)) and not isinstance(max_points, bool)
    if not whole or max_points < 2:
        raise ValueError(
            f"max_points must be a whole number of at least 2; got {max_points!r}."
        )
    given = (system.lower, system.upper) if bounds is None else bounds
    shape = (system.n_states,)
    try:
        lower, upper = (np.broadcast_to(np.asarray(b, float), shape) for b in given)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"bounds must be (lower, upper), numbers or of shape ({shape[0]},); got {bounds!r}."
        ) from error
    return Steps(first, longest, shortest, int(max_points), lower, upper)


@dataclasses.dataclass
class Trace:
    """One branch from its start on: rows of points and tangents, and why it stopped."""

    z: list[np.ndarray]
    t: list[np.ndarray]
    jacobian_sign: list[float]
    eigenvalues: list[np.ndarray]
    end: str = "most points"


def _sign(slopes: np.ndarray, tangent: np.ndarray) -> np.ndarray:
    """Sign of the determinant that changes where two branches cross."""
    bordered = np.concatenate([slopes, tangent[:, None]], axis=1)
    return np.asarray(np.linalg.slogdet(bordered)[0])


def trace(
    curve: Curve,
    z: np.ndarray,
    t: np.ndarray,
    steps: Steps,
    report: Callable[[int], None] = lambda n: None,
) -> tuple[list[Trace], bool]:
    """Follow the curve from points on it, along tangents.

    Args:
        curve: of fixed points.
        z: ``(n, n_states + 1)``, on the curve.
        t: ``(n, n_states + 1)``, unit tangents: which way to go.
        steps: lengths and limits.
        report: is told how many points were added.

    Returns:
        A trace for each point, which begins with it; and whether the keyboard interrupted.
    """
    n = len(z)
    z, t = z.copy(), t.copy()
    piece = curve.path.piece(z[:, -1], t[:, -1])
    _, slopes, jacobian = curve.evaluate(z, piece)
    t = _at_corners(curve, z, t, slopes)
    signs, values = _sign(slopes, t), curve.eigenvalues(jacobian)
    start, first_t = z.copy(), t.copy()
    traces = [Trace([start[i]], [first_t[i]], [signs[i]], [values[i]]) for i in range(n)]
    h = np.full(n, steps.first)
    breaks = curve.path.breaks
    active = np.arange(n)
    at_end = (z[:, -1] >= breaks[-1]) & (t[:, -1] > 0)
    at_end |= (z[:, -1] <= breaks[0]) & (t[:, -1] < 0)
    for i in np.flatnonzero(at_end):
        traces[i].end = END
    active = active[~at_end]
    try:
        while len(active):
            guess = z[active] + h[active, None] * t[active]
            points = curve.correct(guess, t[active], piece[active])
            new_t = curve.tangent(points.slopes, t[active])
            cosine = (new_t * t[active]).sum(axis=1)
            off = np.linalg.norm(points.z - guess, axis=1)
            good = points.converged & (cosine > LEAST_COSINE) & (off < 0.5 * h[active])
            h[active[~good]] *= 0.5
            stuck = active[~good & (h[active] < steps.shortest)]
            for i in stuck:
                traces[i].end = "step too small"
            s = points.z[:, -1]
            ends = np.stack([breaks[piece[active]], breaks[piece[active] + 1]])
            beyond = good & ((s > ends[1]) | (s < ends[0]))
            if beyond.any():
                _stop_at(curve, points, new_t, z[active], ends, piece[active], beyond, good)
                piece[active] += _turn(curve, points, new_t, beyond, piece[active])
            rows = active[good]
            if len(rows):
                signs = _sign(points.slopes[good], new_t[good])
                values = curve.eigenvalues(points.jacobian[good])
                finished = np.zeros(len(rows), dtype=bool)
                for k, i in enumerate(rows):
                    new = points.z[good][k]
                    finished[k] = _append(
                        traces[i], new, new_t[good][k], signs[k], values[k],
                        closed=_closes(start[i], first_t[i], z[i], new, new_t[good][k], h[i]),
                        beyond=bool(beyond[good][k]), steps=steps, curve=curve,
                    )  # fmt: skip
                z[rows], t[rows] = points.z[good], new_t[good]
                quick = points.n_iterations[good] <= FEW_ITERATIONS
                h[rows] = np.where(quick, np.minimum(GROWTH * h[rows], steps.longest), h[rows])
                report(len(rows))
                done = np.concatenate([rows[finished], stuck])
            else:
                done = stuck
            active = np.setdiff1d(active, done)
    except KeyboardInterrupt:
        for i in active:
            traces[i].end = "interrupted"
        return traces, True
    return traces, False


def _at_corners(curve: Curve, z, t, slopes) -> np.ndarray:
    """Tangents, those of points at a corner turned into the piece of the path ahead."""
    turned = t.copy()
    at = np.flatnonzero(np.isin(z[:, -1], curve.path.breaks[1:-1]) & (t[:, -1] != 0))
    along = np.zeros_like(t[at])
    along[:, -1] = np.sign(t[at, -1])  # s goes on, whatever the state does
    turned[at] = curve.tangent(slopes[at], along)
    return turned


def _stop_at(curve: Curve, points, new_t, before, ends, piece, beyond, good) -> None:
    """Put the points that lie beyond the end of their piece of the path onto its end."""
    rows = np.flatnonzero(beyond)
    ahead, behind = points.z[rows], before[rows]
    end = np.where(ahead[:, -1] > ends[1, rows], ends[1, rows], ends[0, rows])
    gap = ahead[:, -1] - behind[:, -1]
    share = np.where(gap != 0, (end - behind[:, -1]) / np.where(gap != 0, gap, 1.0), 1.0)
    guess = behind + share[:, None] * (ahead - behind)
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
    """Turn what has come to a corner into the next piece; the steps from piece to piece.

    The branch bends there as the path does, so that no step may reach across. What is left
    ``beyond`` has come to an end of the path.
    """
    step = np.where(new_t[:, -1] >= 0, 1, -1)
    inner = beyond & (piece + step >= 0) & (piece + step < len(curve.path.breaks) - 1)
    rows = np.flatnonzero(inner)
    if len(rows):
        z = points.z[rows]
        _, points.slopes[rows], _ = curve.evaluate(z, (piece + step)[rows])
        new_t[rows] = _at_corners(curve, z, new_t[rows], points.slopes[rows])
        beyond[rows] = False
    return np.where(inner, step, 0)


def _closes(start, first_t, before, new, tangent, h) -> bool:
    """Whether a step has come through the start, the way that it was left."""
    passed = ((before - start) @ first_t < 0) and ((new - start) @ first_t >= 0)
    distance = np.linalg.norm(new - start)
    here = distance < AT_START * (1.0 + np.linalg.norm(start))  # as at a corner of the path
    return bool((here or (passed and distance < 2.0 * h)) and tangent @ first_t > 0.8)


def _append(one: Trace, z, t, sign, values, *, closed, beyond, steps, curve) -> bool:
    """Add a point to a trace; whether that was its last."""
    if closed:  # end where it began, so that the loop has no gap and no overlap
        z, t, sign, values = one.z[0], one.t[0], one.jacobian_sign[0], one.eigenvalues[0]
    one.z.append(z)
    one.t.append(t)
    one.jacobian_sign.append(sign)
    one.eigenvalues.append(values)
    x = curve.unpack(z[None])[0][0]
    if closed:
        one.end = CLOSED
    elif beyond:
        one.end = END
    elif steps.outside(x):
        one.end = "left the bounds"
    elif len(one.z) >= steps.max_points:
        one.end = "most points"
    else:
        return False
    return True
