r"""Borders between the smooth pieces of a system, found along its curve of fixed points.

The derivative of :math:`G` jumps where a unit reaches its threshold, and nowhere else. Along
a short line a smooth derivative changes in proportion to the length, a jump stays as large
on a part of the line as on the whole: cut again and again, the part that keeps its change
holds the border.
"""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf.curves.curve import Curve

__all__ = ["BESIDE", "crosses", "first_jump", "next_borders"]

N_PARTS = 32  # of a line, of which the first that jumps is divided again
MAX_CUTS = 40  # divisions: 9 of them reach RESOLUTION, others pass what proved smooth
MAX_STEPS = 16  # along tangents, each from where the last came near the border
RESOLUTION = 1e-13  # length of a part that holds a border
ARRIVED = 1e-12  # distance of the curve from its tangent, at the border
BESIDE = 1e-8  # distance at which the pieces that meet at a border are distinguished
FLOOR = 1e-11  # change of a derivative that may be rounding, relative to its size
FLOOR_OF_DIFFERENCES = 1e-7  # where a function's path is differentiated numerically
LEAST_ROW = 1e-3  # of the largest: smaller rows are mostly rounding by the floor above
FASTER = 4.0  # than at the beginning of a line: smooth derivatives change no faster
BOOLE = np.array([7.0, 32.0, 12.0, 32.0, 7.0]) / 90.0  # weights of integrals over a step
#: The same of lower order, whose difference is the error.
SIMPSON = np.array([1.0, 0.0, 4.0, 0.0, 1.0]) / 6.0
HIDDEN, ROUNDING = 1e-6, 1e-9  # of a step, and absolute: smaller integrals are 0


def floor(curve: Curve) -> float:
    """Return the least relative change of a derivative that counts as one."""
    return FLOOR if curve.path.function is None else FLOOR_OF_DIFFERENCES


def _slopes(curve: Curve, z: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Return the derivatives at points ``(n, m, n_states + 1)``."""
    n, m, width = z.shape
    flat = curve.evaluate(z.reshape(n * m, width), np.repeat(piece, m))[1]
    return flat.reshape(n, m, *flat.shape[1:])


def _size(changes: np.ndarray) -> np.ndarray:
    """Return the largest absolute entry of each matrix."""
    return np.abs(changes).max(axis=(-2, -1))


def _even(at: np.ndarray) -> np.ndarray:
    """Divide derivatives ``(n, m, ...)`` by row size, small for a gate nearly shut."""
    size = np.abs(at[:, 0]).max(axis=-1, keepdims=True)
    size = np.maximum(size, LEAST_ROW * size.max(axis=1, keepdims=True))
    return at / np.where(size > 0, size, 1.0)[:, None]


def crosses(
    curve: Curve,
    begin: np.ndarray,
    finish: np.ndarray,
    piece: np.ndarray,
    at_ends: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Test steps for borders that may lie within them.

    Halved, a step without one has second differences a quarter as large. A jump smaller than
    the smooth second difference of the step is passed over. Two jumps that undo each other
    between two of the places that are looked at show in the integral of the derivative over
    the step, which is 0 from one point of the curve to another.

    Args:
        curve: curve of fixed points.
        begin: ``(n, n_states + 1)``, on the curve.
        finish: the same shape.
        piece: ``(n,)`` int, of the path.
        at_ends: derivatives at both where they are known.

    Returns:
        ``(n,)`` boolean, some steps without a border among them; and whether jumps are told
        by the integral.
    """
    result, hidden = np.zeros(len(begin), dtype=bool), np.zeros(len(begin), dtype=bool)
    share = np.linspace(0.0, 1.0, 5)[:, None]
    if at_ends is not None:
        share = share[1:-1]
    for rows in chunks(len(begin), 5 * curve.d * (curve.d + 1)):
        chord = (finish - begin)[rows]
        at = _slopes(curve, begin[rows, None] + share * chord[:, None], piece[rows])
        if at_ends is not None:
            at = np.concatenate([at_ends[0][rows, None], at, at_ends[1][rows, None]], axis=1)
        chord_change = np.einsum("nkij,nj->nki", at, chord)
        steepest = _size(at[:, 0])
        at = _even(at)
        whole = _size(at[:, 2] - 0.5 * (at[:, 0] + at[:, 4]))
        halves = np.maximum(
            _size(at[:, 1] - 0.5 * (at[:, 0] + at[:, 2])),
            _size(at[:, 3] - 0.5 * (at[:, 2] + at[:, 4])),
        )
        largest = _size(at[:, 0])
        length = np.linalg.norm(chord, axis=1)
        fine, rough = (
            np.abs(np.tensordot(w, chord_change, (0, 1))) for w in (BOOLE, BOOLE - SIMPSON)
        )
        least = (HIDDEN * length + ROUNDING) * steepest
        hidden[rows] = fine.max(axis=1) > 0.5 * rough.max(axis=1) + least
        result[rows] = (halves > 0.5 * whole + floor(curve) * largest) | hidden[rows]
    return result, hidden


def first_jump(curve: Curve, z, t, low, high, piece) -> np.ndarray:
    """Locate the first jump of the derivative on lines.

    Args:
        curve: curve of fixed points.
        z: ``(n, n_states + 1)``, where the lines begin.
        t: ``(n, n_states + 1)``, unit vectors along them.
        low: ``(n,)``, length from where on jumps count.
        high: ``(n,)``, length of the lines.
        piece: ``(n,)`` int, of the path.

    Returns:
        ``(n,)``, length up to just before the jump; NaN where there is none.
    """
    n = len(z)
    low, high = np.maximum(low, 0.0), high.copy()
    last = high.copy()
    found = np.full(n, np.nan)
    rows = np.flatnonzero(high > low)
    resolution = RESOLUTION * (1.0 + np.linalg.norm(z, axis=1))
    for _ in range(MAX_CUTS):
        if not len(rows):
            break
        part = (high[rows] - low[rows]) / N_PARTS
        offsets = np.concatenate([np.arange(N_PARTS + 1.0), [1e-3, 2e-3]])
        length = low[rows, None] + part[:, None] * offsets
        changes, rate, least = _changes(curve, z[rows], t[rows], length, piece[rows])
        jumps = changes > FASTER * rate[:, None] + least[:, None]
        first = np.where(jumps.any(axis=1), jumps.argmax(axis=1), -1)
        ahead = first >= 0
        some = rows[ahead]
        low[some] = length[ahead, first[ahead]]
        high[some] = length[ahead, first[ahead] + 1]
        sharp = ahead & (part < resolution[rows])
        found[rows[sharp]] = low[rows[sharp]]
        # What looked like a jump was smooth: on to the rest of the line.
        some = rows[~ahead]
        low[some], high[some] = high[some], last[some]
        rows = rows[~sharp & (high[rows] - low[rows] > resolution[rows])]
    return found


def _changes(curve: Curve, z, t, length, piece):
    """Change within each part of lines, that of a smooth beginning, the least that counts."""
    n = len(z)
    changes, rate, least = np.empty((n, N_PARTS)), np.empty(n), np.empty(n)
    for rows in chunks(n, length.shape[1] * curve.d * (curve.d + 1)):
        places = z[rows, None] + length[rows, :, None] * t[rows, None]
        at = _even(_slopes(curve, places, piece[rows]))
        changes[rows] = _size(np.diff(at[:, : N_PARTS + 1], axis=1))
        early = np.minimum(_size(at[:, -2] - at[:, 0]), _size(at[:, -1] - at[:, -2]))
        rate[rows] = 1e3 * early
        least[rows] = floor(curve) * _size(at[:, 0])
    return changes, rate, least


def next_borders(
    curve: Curve,
    z: np.ndarray,
    t: np.ndarray,
    reach: np.ndarray,
    beside: np.ndarray,
    piece: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Follow the curve to the first border that its tangent meets.

    On a piece that is linear the tangent is the curve. On another, the border is approached
    from this side by ever shorter steps.

    Args:
        curve: curve of fixed points.
        z: ``(n, n_states + 1)``, on the curve.
        t: ``(n, n_states + 1)``, unit tangents.
        reach: ``(n,)``, how far to look.
        beside: ``(n,)``, how far not to look: 1e-8 at a border, which is left behind.
        piece: ``(n,)`` int, of the path.

    Returns:
        Points ``(n, n_states + 1)`` within about 1e-12 before a border, with the tangents
        there; NaN where none is met.
    """
    n = len(z)
    z, t, reach, beside = z.copy(), t.copy(), reach.copy(), beside.copy()
    at, along = np.full_like(z, np.nan), np.full_like(z, np.nan)
    rows = np.arange(n)
    for _ in range(MAX_STEPS):
        jump = first_jump(curve, z[rows], t[rows], beside[rows], reach[rows], piece[rows])
        met = np.isfinite(jump)
        rows, jump = rows[met], jump[met]
        if not len(rows):
            break
        guess = z[rows] + jump[:, None] * t[rows]
        there = curve.correct(guess, t[rows], piece[rows])
        off = np.linalg.norm(there.z - guess, axis=1)
        off = np.where(there.converged, off, jump)
        arrived = off <= ARRIVED * (1.0 + np.linalg.norm(guess, axis=1))
        at[rows[arrived]], along[rows[arrived]] = there.z[arrived], t[rows[arrived]]
        rows, jump, off = rows[~arrived], jump[~arrived], off[~arrived]
        if not len(rows):
            break
        # Not as far, so that the curve itself is surely before the border.
        length = jump - np.minimum(2.0 * off, 0.5 * jump)
        nearer = curve.correct(z[rows] + length[:, None] * t[rows], t[rows], piece[rows])
        turned = curve.tangent(nearer.slopes, t[rows])
        good = nearer.converged & np.isfinite(turned).all(axis=1)
        good &= (turned * t[rows]).sum(axis=1) > 0.5
        begin = z[rows] + beside[rows, None] * t[rows]
        good &= ~crosses(curve, begin, nearer.z, piece[rows])[0]
        moved, stayed = rows[good], rows[~good]
        z[moved], t[moved] = nearer.z[good], turned[good]
        reach[moved] = 8.0 * (jump - length)[good]
        beside[moved] = 0.0
        reach[stayed] = 0.5 * jump[~good]
    return at, along
