r"""Ways on from a point where smooth pieces of a system meet.

Near a border the system is that of one linear piece on each side. A branch leaves along a
null vector of the derivative :math:`[A, B]` of a piece, if it leads into that piece. On the
two sides of one threshold there are two such ways: the one that the branch came, and the one
on which it passes the border, or turns back at it (di Bernardo et al. 2008,
"Piecewise-smooth dynamical systems", chapter 5). The sign of the determinant of the
derivative, bordered by the way, is the same on both.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf.curves.curve import Curve
from fixedpoint_tf.curves.kinks.borders import BESIDE

__all__ = ["Way", "is_at_border", "onwards", "pairs", "sign_along", "ways"]

N_DIRECTIONS = 32  # pairs of opposite ones, in which pieces are sampled
MAX_SIDES = 96  # pieces about a point, beyond which no more are looked for
SAME_SLOPES = 1e-5  # relative; smooth change over 1e-8 is less
LEAST_CHANGE = 1e-13  # of the largest slope: less is rounding
SAME_WAY = 1e-5  # distance of unit vectors that are one direction, as of slopes above
WAY_BACK = 1e-3  # distance of unit vectors, from the tangent of the curve that came
ROUNDS = 6  # of directions, each along the ways of the pieces met in the last
TIE, DIGITS = 1e-6, 6  # of two cosines


@dataclasses.dataclass
class Way:
    """One way along which a branch leaves a point.

    Attributes:
        t: ``(n_states + 1,)``, unit vector.
        slopes: ``(n_states, n_states + 1)``, derivative of G on this way.
        jacobian: ``(n_states, n_states)``, of the system.
    """

    t: np.ndarray
    slopes: np.ndarray
    jacobian: np.ndarray

    @property
    def sign(self) -> float:
        """Sign of the bordered determinant of a branch that goes this way."""
        return float(sign_along(self.slopes[None], self.t[None])[0])


def sign_along(slopes: np.ndarray, tangent: np.ndarray) -> np.ndarray:
    """Return the sign of a determinant that changes where two branches cross.

    Args:
        slopes: ``(n, n_states, n_states + 1)``.
        tangent: ``(n, n_states + 1)``.

    Returns:
        ``(n,)``, 1, -1 or 0.
    """
    bordered = np.concatenate([slopes, tangent[:, None]], axis=1)
    return np.asarray(np.linalg.slogdet(bordered)[0])


def _distance(z: np.ndarray) -> float:
    return BESIDE * (1.0 + float(np.linalg.norm(z)))


def _differ(one: np.ndarray, other: np.ndarray) -> bool:
    """Test for a row of the derivative that jumps, by its own size but for rounding."""
    size = np.abs(other)
    tolerance = SAME_SLOPES * size.max(axis=1, keepdims=True) + LEAST_CHANGE * size.max()
    return bool((np.abs(one - other) > tolerance).any())


def _directions(d: int, seed: int) -> np.ndarray:
    directions = np.random.default_rng(seed).normal(size=(N_DIRECTIONS, d + 1))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return np.concatenate([directions, -directions])


def is_at_border(curve: Curve, z: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """Test points, ``(n, n_states + 1)``, for a border within 1e-8."""
    around = _directions(curve.d, 0)[::8]
    result = np.zeros(len(z), dtype=bool)
    if not curve.has_kinks:
        return result
    for k, point in enumerate(z):
        places = point + _distance(point) * np.concatenate([0.0 * around[:1], around])
        slopes = curve.evaluate(places, np.full(len(places), piece[k]))[1]
        result[k] = any(_differ(one, slopes[1]) for one in slopes)
    return result


def ways(
    curve: Curve,
    z: np.ndarray,
    piece: int | None,
    along: np.ndarray | None = None,
    seed: int = 0,
) -> list[Way]:
    """Return all ways along which branches leave a point of the curve.

    Args:
        curve: curve of fixed points.
        z: ``(n_states + 1,)``, on the curve.
        piece: of the path; at a corner of it None, for the piece that each way leads into.
        along: unit tangent by which the point was reached.
        seed: seed of the directions in which pieces are looked for.

    Returns:
        Distinct ways; with one threshold at the point, two. Among the pieces that meet where
        many thresholds do, some may be missed.
    """
    radius, width = _distance(z), curve.d + 1
    directions = _directions(curve.d, seed)
    by_s = np.zeros((2, width))
    by_s[:, -1] = 1.0, -1.0
    first = [by_s] if along is None else [np.stack([along, -along]), by_s]
    ahead = np.concatenate([*first, directions])
    seen: list[np.ndarray] = []
    found: list[Way] = []
    for _ in range(ROUNDS):
        pieces = None if piece is None else np.full(len(ahead), piece)
        _, slopes, jacobian = curve.evaluate(z + radius * ahead, pieces)
        fresh = []
        for k, matrix in enumerate(slopes):
            vector = _null_vector(curve, matrix, ahead[k])
            if vector is None:
                continue
            # Leading into the piece that it is the null vector of: a way.
            if np.linalg.norm(vector - ahead[k]) < SAME_WAY:
                if all(np.linalg.norm(vector - one.t) > SAME_WAY for one in found):
                    found.append(Way(vector, matrix, jacobian[k]))
                continue
            if all(_differ(other, matrix) for other in seen):
                seen.append(matrix)
                fresh += [vector, -vector]
        if not fresh or len(seen) > MAX_SIDES:
            break
        ahead = np.stack(fresh)
    return found


def _null_vector(curve: Curve, matrix: np.ndarray, near: np.ndarray) -> np.ndarray | None:
    """Return the unit null vector that points the same way as another."""
    if not np.isfinite(matrix).all():
        return None
    vector = curve.tangent(matrix[None], near[None])[0]
    size = np.abs(matrix).max()
    if not np.isfinite(vector).all() or np.abs(matrix @ vector).max() > 1e-9 * size:
        vector = np.linalg.svd(matrix)[2][-1]
        vector = vector * (1.0 if vector @ near >= 0 else -1.0)
    return vector


def pairs(found: list[Way]) -> list[tuple[Way, Way | None]]:
    """Sort ways two and two, as branches go on from one to the other.

    Which two belong together does not depend on the way by which a branch comes, so that no
    part of the curve is gone along by two branches. Where two branches cross, each goes on
    as in a smooth system: straight on, which changes the sign of the bordered determinant.
    Where more meet, two ways are a pair where each is the straightest for the other, by
    more than rounding; a way without another ends there.

    Args:
        found: ways from one point.

    Returns:
        Pairs, those with the largest change of s ahead first; None for no other way.
    """
    left = sorted(found, key=lambda one: tuple(-one.t[::-1].round(DIGITS)))
    two: list[tuple[Way, Way | None]] = []
    while len(left) > 4:
        cosine = np.array([[one.t @ other.t for other in left] for one in left])
        np.fill_diagonal(cosine, np.inf)
        best = cosine.argmin(axis=1)
        ranked = np.sort(cosine, axis=1)
        clear = ranked[:, 1] - ranked[:, 0] > TIE
        mutual = [
            (i, int(j))
            for i, j in enumerate(best)
            if i < j and best[j] == i and clear[i] and clear[j]
        ]
        if not mutual:
            return two + [(one, None) for one in left]
        taken = {k for pair in mutual for k in pair}
        two += [(left[i], left[j]) for i, j in mutual]
        left = [one for k, one in enumerate(left) if k not in taken]
    return two + max(_pairings(left), key=_merit)


def _pairings(left: list[Way]) -> list[list[tuple[Way, Way | None]]]:
    """List all pairings of up to four ways, with one left over of an odd number."""
    if len(left) < 2:
        return [[(one, None) for one in left]]
    result = []
    for k in range(1, len(left)):
        rest = left[1:k] + left[k + 1 :]
        result += [[(left[0], left[k]), *other] for other in _pairings(rest)]
    if len(left) == 3:
        result.append([(left[0], None), (left[1], left[2])])
    return result


def _merit(two: list[tuple[Way, Way | None]]) -> tuple[int, float]:
    """Return the number of pairs that a smooth system would have, and how straight they are."""
    whole = [(one, other) for one, other in two if other is not None]
    straight = -sum(float(one.t @ other.t) for one, other in whole)
    return sum(one.sign == other.sign for one, other in whole), round(straight, DIGITS)


def onwards(found: list[Way], along: np.ndarray) -> tuple[Way | None, Way | None]:
    """Choose the way on for a branch that has come along a tangent.

    Args:
        found: ways from the point.
        along: ``(n_states + 1,)``, unit tangent by which it was reached.

    Returns:
        The way back, and the way on; None where there is none.
    """
    back = min(found, key=lambda one: float(np.linalg.norm(one.t + along)), default=None)
    if back is None or np.linalg.norm(back.t + along) > WAY_BACK:
        return None, None
    for one, other in pairs(found):
        if one is back:
            return back, other
        if other is back:
            return back, one
    return back, None
