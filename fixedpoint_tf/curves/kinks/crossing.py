"""Steps of a continuation over the borders between the smooth pieces of a system."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf.curves.bifurcations.intervals import border_event
from fixedpoint_tf.curves.curve import Curve, CurvePoints
from fixedpoint_tf.curves.ends import BranchEnd
from fixedpoint_tf.curves.input_path import AT_CORNER
from fixedpoint_tf.curves.kinks.borders import crosses, first_jump, next_borders
from fixedpoint_tf.curves.kinks.directions import onwards, ways
from fixedpoint_tf.curves.trace import Trace, append, closes

__all__ = ["borders_met", "pass_border"]

NARROW = 1e-5  # length of a step in which no more is looked for than shows


def borders_met(
    curve: Curve, here, along, points: CurvePoints, h, beside, ends, piece, good, slopes
):
    """Return the borders that steps reach, the points before them and the tangents.

    A step that may hold one that is not met is taken off ``good``, to be tried shorter.
    """
    n = len(here)
    met = np.zeros(n, dtype=bool)
    at, toward = np.full_like(here, np.nan), np.full_like(here, np.nan)
    if not curve.has_kinks:
        return met, at, toward
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


def pass_border(
    curve: Curve, one: Trace, z, along, piece: int, steps, closing
) -> tuple[bool, int]:
    """Continue a trace beyond a border, and return its end and the next piece of path."""
    breaks = curve.path.breaks
    nearest = breaks[np.abs(breaks - z[-1]).argmin()]
    at_corner = abs(nearest - z[-1]) <= AT_CORNER * (breaks[-1] - breaks[0])
    if at_corner:
        z = np.append(z[:-1], nearest)
    found = ways(curve, z, None if at_corner else piece, along)
    back, on = onwards(found, along)
    start, first_t, before = closing
    came_on = piece
    if back is None:
        sides = [(along, one.jacobian_sign[-1], one.eigenvalues[-1])]
    else:
        sides = [(-back.t, -back.sign, curve.eigenvalues(back.jacobian[None])[0])]
    ends = False
    if on is not None and at_corner:
        piece = int(curve.path.piece(z[-1:], on.t[-1])[0])
        # The path ends here: nothing is known beyond it.
        ends = bool(nearest == (breaks[-1] if on.t[-1] > 0 else breaks[0]))
    if on is not None and not ends:
        sides.append((on.t, on.sign, curve.eigenvalues(on.jacobian[None])[0]))
        t, sign, values = zip(*sides, strict=True)
        if len(found) > 2:
            one.meetings.append(z)
        elif border_event(t, sign, values, curve.system.time) is None:
            sides = sides[1:]
    for side in sides:
        closed = closes(curve, start, first_t, before, z, side[0], came_on)
        if append(one, z, *side, closed=closed, beyond=ends, steps=steps, curve=curve):
            return True, piece
    if on is None:
        stuck = back is None or len(found) < 2
        one.end = BranchEnd.JUMP if stuck else BranchEnd.BORDER_BRANCH_POINT
    return on is None, piece
