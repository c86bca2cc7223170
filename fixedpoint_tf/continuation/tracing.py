"""Pseudo-arclength continuation (Keller 1977) of many branches at once, in lockstep."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from fixedpoint_tf.checks import is_number
from fixedpoint_tf.continuation.borders import BESIDE, crosses, first_jump, next_borders
from fixedpoint_tf.continuation.crossings import onwards, sign_along, ways
from fixedpoint_tf.continuation.curve import CONTRACTION, Curve, Points
from fixedpoint_tf.continuation.intervals import border_event
from fixedpoint_tf.continuation.merging import joins, lies_on
from fixedpoint_tf.continuation.predicting import ahead, between
from fixedpoint_tf.continuation.result import CLOSED
from fixedpoint_tf.system import DynamicalSystem

__all__ = ["END", "Steps", "Trace", "checked_steps", "trace"]

LEAST_COSINE = 0.95  # of the angle by which the tangent may turn in a step
GROWTH, FEW_ITERATIONS = 1.5, 4
SURE = 1e-9  # distance from a guess at which no other branch is taken for this one
ERROR = 0.02  # of the guess ahead: what is guessed between two points of a curve is nearer
NARROW = 1e-5  # length of a step in which no more is looked for than shows
AT_START = 1e-9
AT_EDGE = 1e-9  # of the bounds
END = "end of path"
JUMP = "jump of the system"
AT_CORNER = 1e-9  # of the path


@dataclasses.dataclass(frozen=True)
class Steps:
    """How far to go: lengths along the curve, and when to stop."""

    first: float
    longest: float
    shortest: float
    max_points: int
    lower: np.ndarray
    upper: np.ndarray
    size: float = 1.0

    def outside(self, x: np.ndarray) -> np.ndarray:
        """Which of the states ``(..., n_states)`` are beyond the bounds, but for rounding."""
        slack = AT_EDGE * (self.size + np.abs(x))
        return ((x < self.lower - slack) | (x > self.upper + slack)).any(axis=-1)


def checked_steps(
    system: DynamicalSystem, size, first, longest, shortest, max_points, bounds
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
    if bounds is not None and not (lower < upper).all():
        raise ValueError(f"bounds: expected lower below upper, received {bounds!r}.")
    return Steps(first, longest, shortest, int(max_points), lower, upper, size)


@dataclasses.dataclass
class Trace:
    """One branch from its start on: rows of points and tangents, and why it stopped."""

    z: list[np.ndarray]
    t: list[np.ndarray]
    jacobian_sign: list[float]
    eigenvalues: list[np.ndarray]
    end: str = "most points"

    def beginning(self) -> np.ndarray:
        """The start and the next point that is not at the same place, as rows."""
        z = np.array(self.z)
        moved = np.flatnonzero((z != z[0]).any(axis=1))
        return z[[0, *moved[:1]]]

    def turned(self) -> Trace:
        """The start alone, seen the other way: the path ends there."""
        begin = ([self.z[0]], [-self.t[0]], [-self.jacobian_sign[0]], [self.eigenvalues[0]])
        return Trace(*begin, end=END)


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
        curve: of fixed points.
        z: ``(n, n_states + 1)``, on the curve.
        t: ``(n, n_states + 1)``, unit tangents: which way to go.
        steps: lengths and limits.
        report: is told how many points were added.
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
        traces[i].end = END
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
            met, at, toward = _borders(
                curve, here, along, points, h[active], beside[active], ends, on, good,
                slopes[active],
            )  # fmt: skip
            short = active[~good & ~met]
            h[short] *= 0.5
            stuck = short[h[short] < steps.shortest]
            failed = 2.0 * h[stuck]  # the step before it was halved
            leaps = curve.leaps(z[stuck] + failed[:, None] * t[stuck], failed, piece[stuck])
            for i, leap in zip(stuck, leaps, strict=True):
                traces[i].end = JUMP if leap else "step too small"
            done = list(stuck)
            for k in np.flatnonzero(met):
                i = active[k]
                over, piece[i] = _pass(
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
                new_z, new_along = points.z[good], new_t[good]
                for j, i in enumerate(rows):
                    new, way = new_z[j], new_along[j]
                    finished[j] = _append(
                        traces[i], new, way, signs[j], values[j],
                        closed=_closes(curve, start[i], first_t[i], z[i], new, way, int(on[good][j])),
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
            traces[i].end = "interrupted"
        return traces, True
    return traces, False


def _borders(curve: Curve, here, along, points: Points, h, beside, ends, piece, good, slopes):
    """Borders that steps come to, the points before them and the tangents there.

    A step that may hold one that is not met is taken off ``good``, to be tried shorter.
    """
    n = len(here)
    met = np.zeros(n, dtype=bool)
    at, toward = np.full_like(here, np.nan), np.full_like(here, np.nan)
    begin = here + beside[:, None] * along
    doubted = ~good
    rows = np.flatnonzero(good)
    hidden = np.zeros(n, dtype=bool)
    known = beside[rows] == 0  # the derivatives at both ends
    for some, which in ((rows[known], True), (rows[~known], False)):
        if len(some):
            at_ends = (slopes[some], points.slopes[some]) if which else None
            doubted[some], hidden[some] = crosses(
                curve, begin[some], points.z[some], piece[some], at_ends
            )
    hidden &= h > NARROW
    rows = np.flatnonzero(doubted)
    if not len(rows):
        return met, at, toward
    # Up to the new point, or as far as was tried within this piece of the path.
    chord = points.z[rows] - here[rows]
    end = np.where(along[:, -1] >= 0, ends[1], ends[0])[rows]
    rate = along[rows, -1]
    left = np.where(rate != 0, (end - here[rows, -1]) / np.where(rate != 0, rate, 1.0), np.inf)
    reach = np.where(good[rows], (chord * along[rows]).sum(axis=1), np.minimum(h[rows], left))
    at[rows], toward[rows] = next_borders(
        curve, here[rows], along[rows], reach, beside[rows], piece[rows]
    )
    met = np.isfinite(at).all(axis=1)
    rows = np.flatnonzero(doubted & good & ~met)
    if len(rows):
        chord = points.z[rows] - begin[rows]
        length = np.linalg.norm(chord, axis=1)
        way = chord / np.maximum(length, 1e-300)[:, None]
        bent = np.isfinite(
            first_jump(curve, begin[rows], way, 0.0 * length, length, piece[rows])
        )
        good[rows[bent]] = False
    good &= ~met & ~hidden
    return met, at, toward


def _pass(curve: Curve, one: Trace, z, along, piece: int, steps, closing) -> tuple[bool, int]:
    """Take a trace over a border; whether it ends there, and the piece of the path ahead."""
    breaks = curve.path.breaks
    nearest = breaks[np.abs(breaks - z[-1]).argmin()]
    at_corner = abs(nearest - z[-1]) <= AT_CORNER * (breaks[-1] - breaks[0])
    if at_corner:
        z = np.append(z[:-1], nearest)
    back, on = onwards(ways(curve, z, None if at_corner else piece, along), along)
    start, first_t, before = closing
    came_on = piece
    if back is None:
        sides = [(along, one.jacobian_sign[-1], one.eigenvalues[-1])]
    else:
        sides = [(-back.t, -back.sign, curve.eigenvalues(back.jacobian[None])[0])]
    ends = False
    if on is not None and at_corner:
        piece = int(curve.path.piece(z[-1:], on.t[-1])[0])
        # The path ends here: nothing beyond it is told.
        ends = bool(nearest == (breaks[-1] if on.t[-1] > 0 else breaks[0]))
    if on is not None and not ends:
        sides.append((on.t, on.sign, curve.eigenvalues(on.jacobian[None])[0]))
        t, sign, values = zip(*sides, strict=True)
        if border_event(t, sign, values, curve.system.kind) is None:
            sides = sides[1:]
    for side in sides:
        closed = _closes(curve, start, first_t, before, z, side[0], came_on)
        if _append(one, z, *side, closed=closed, beyond=ends, steps=steps, curve=curve):
            return True, piece
    if on is None:
        one.end = JUMP
    return on is None, piece


def _at_corners(curve: Curve, z, t, slopes) -> np.ndarray:
    """Tangents, those of points at a corner turned into the piece of the path ahead."""
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


def _closes(curve: Curve, start, first_t, before, new, tangent, piece: int) -> bool:
    """Whether a step has come through the start, the way that it was left."""
    if not tangent @ first_t > 0.8:
        return False
    distance = np.linalg.norm(new - start)
    if distance < AT_START * (1.0 + np.linalg.norm(start)):  # as at a corner of the path
        return True
    if not ((before - start) @ first_t < 0 and (new - start) @ first_t >= 0):
        return False
    return bool(lies_on(curve, before[None], new[None], start[None], np.array([piece]))[0])


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
