"""Intervals of a branch that hold a bifurcation, cut until each holds only one."""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf.curves.curve import Curve
from fixedpoint_tf.curves.ends import BifurcationType
from fixedpoint_tf.linearization import growth, is_stable, n_unstable

__all__ = [
    "Interval",
    "border_event",
    "edge",
    "intervals",
    "names",
    "separate",
    "turning",
    "unstable",
    "vertical",
]

PAIR = "pair"
PAIR_TOL = 1e-6  # imaginary part; that of a double real eigenvalue is rounding
CUT = 0.45  # not the middle: bifurcations like round numbers, and Newton's method is singular
SAME_POINT = 1e-7  # length of an interval in which bifurcations are one
UPRIGHT = 1e-9  # change of s along a part of a branch on which s does not change


def turning(time: str) -> BifurcationType:
    """Name the bifurcation in which a complex pair crosses the edge."""
    return BifurcationType.NEIMARK_SACKER if time == "discrete" else BifurcationType.HOPF


def edge(time: str) -> float:
    """Return the growth at which a mode neither grows nor decays."""
    return 1.0 if time == "discrete" else 0.0


def unstable(values: np.ndarray, time: str) -> int:
    """Count the unstable eigenvalues."""
    return int((growth(values, time) > edge(time)).sum())


def border_event(t, sign, values, time: str) -> BifurcationType | None:
    """Classify what happens where a branch passes a border of smooth pieces.

    Args:
        t: tangents on the side that it comes from and on the other.
        sign: sign of the bordered determinant on both.
        values: eigenvalues on both.
        time: ``"discrete"`` or ``"continuous"``.

    Returns:
        The type of bifurcation, or None where neither the number of fixed points nor that
        of unstable modes changes.
    """
    if sign[0] * sign[1] < 0:
        return BifurcationType.BORDER_BRANCH_POINT
    upright = [abs(one[-1]) < UPRIGHT for one in t]
    if any(upright):
        return None if all(upright) else BifurcationType.CONTINUUM
    if t[0][-1] * t[1][-1] < 0:
        return BifurcationType.BORDER_FOLD
    both = np.stack(values)
    (before, after), (stable, still) = n_unstable(both, time), is_stable(both, time)
    return BifurcationType.BORDER_COLLISION if before != after or stable != still else None


def vertical(z: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Test which intervals of a branch lie at one input, along which all points are fixed."""
    way = np.diff(z, axis=0)
    length = np.linalg.norm(way, axis=1)
    level = np.abs(t[:, -1]) < UPRIGHT
    flat = np.abs(way[:, -1]) <= UPRIGHT * length
    return np.asarray((length > 0) & flat & (level[:-1] | level[1:]))


@dataclasses.dataclass
class Interval:
    """Two neighbouring points of a branch, or of a part between two.

    Attributes:
        branch: the branch that the interval lies on.
        after: the point of it before the interval.
        share: where in the whole interval between two points it begins.
        span: length of that whole interval.
        z: ``(2, n_states + 1)``.
        up: whether s rises at each end.
        sign: sign of the bordered determinant at each end.
        values: ``(2, n_states)``, eigenvalues.
        holds: ``"pair"``, ``"multiple bifurcation"``, or empty where signs tell.
    """

    branch: int
    after: int
    share: float
    span: float
    z: np.ndarray
    up: tuple[bool, bool]
    sign: tuple[float, float]
    values: np.ndarray
    holds: str = ""

    @property
    def length(self) -> float:
        return float(np.linalg.norm(self.z[1] - self.z[0]))


def intervals(branch: int, z, t, sign, values) -> list[Interval]:
    """Return all intervals of a branch between points with eigenvalues.

    The two rows of a border, at one place, have none between them, and a continuum none.
    """
    span = np.linalg.norm(np.diff(z, axis=0), axis=1)
    up = t[:, -1] >= 0
    finite = np.isfinite(values).all(axis=1)
    within = finite[:-1] & finite[1:] & (span > 0) & ~vertical(z, t)
    return [
        Interval(
            branch, int(i), 0.0, float(span[i]), z[i : i + 2], (up[i], up[i + 1]),
            (sign[i], sign[i + 1]), values[i : i + 2],
        )
        for i in np.flatnonzero(within)
    ]  # fmt: skip


def names(one: Interval, time: str) -> list[BifurcationType]:
    """List the bifurcations by the changes between both ends."""
    if one.holds == BifurcationType.MULTIPLE:
        return [BifurcationType.MULTIPLE]
    crosses = bool(one.sign[0] * one.sign[1] < 0)
    folds = bool(one.up[0] != one.up[1])
    doubles = False
    if time == "discrete":
        flipped = ((one.values.imag == 0.0) & (one.values.real < -1.0)).sum(axis=1)
        doubles = bool((flipped[1] - flipped[0]) % 2)
    found = [BifurcationType.BRANCH_POINT] * crosses
    found += [BifurcationType.SADDLE_NODE] * folds
    found += [BifurcationType.PERIOD_DOUBLING] * doubles
    # One eigenvalue at a time passes 1 or -1; a pair of complex ones passes together.
    single = int(doubles) + int(crosses != folds)
    change = abs(unstable(one.values[1], time) - unstable(one.values[0], time))
    if one.holds == PAIR or change - single >= 2 or (single == 0 and change == 2):
        found.append(turning(time))
    return found


def _is_pair(one: Interval, time: str) -> bool:
    """Test whether one complex pair crosses the edge."""
    before, after = (growth(values, time) - edge(time) for values in one.values)
    if abs(int((after > 0).sum()) - int((before > 0).sum())) != 2:
        return False
    sides = []
    for margin, values in ((before, one.values[0]), (after, one.values[1])):
        nearest = np.argsort(np.abs(margin), kind="stable")[:2]
        if (np.abs(values[nearest].imag) < PAIR_TOL).any():
            return False
        if abs(values[nearest].imag.sum()) > PAIR_TOL:
            return False
        sides.append(margin[nearest[0]] > 0)
    return bool(sides[0] != sides[1])


def separate(curve: Curve, given: list[Interval]) -> list[Interval]:
    """Cut intervals in which several eigenvalues cross until they cross one by one.

    Real eigenvalues that still cross together, as symmetry makes them, are a multiple
    bifurcation; a complex pair always crosses together.

    Args:
        curve: curve of fixed points.
        given: intervals with a change of the number of unstable modes by two or more.

    Returns:
        Intervals that together are those given, marked with what they hold.
    """
    time = curve.system.time
    done: list[Interval] = []
    pending = given
    while pending:
        wide = []
        for one in pending:
            change = unstable(one.values[1], time) - unstable(one.values[0], time)
            if abs(change) < 2:
                done.append(one)
            elif _is_pair(one, time):
                done.append(dataclasses.replace(one, holds=PAIR))
            elif one.length < SAME_POINT:
                done.append(dataclasses.replace(one, holds=BifurcationType.MULTIPLE))
            else:
                wide.append(one)
        if not wide:
            break
        begin, finish = (np.stack([one.z[k] for one in wide]) for k in (0, 1))
        along = finish - begin
        along = along / np.linalg.norm(along, axis=1, keepdims=True)
        piece = curve.path.piece(0.5 * (begin[:, -1] + finish[:, -1]))
        points = curve.correct(begin + CUT * (finish - begin), along, piece)
        t = curve.tangent(points.slopes, along)
        values = curve.eigenvalues(points.jacobian)
        pending = []
        for k, one in enumerate(wide):
            if not (points.converged[k] and np.isfinite(values[k]).all()):
                # Too near to tell.
                done.append(dataclasses.replace(one, holds=BifurcationType.MULTIPLE))
                continue
            bordered = np.concatenate([points.slopes[k], t[k][None]])
            sign, up = float(np.linalg.slogdet(bordered)[0]), bool(t[k, -1] >= 0)
            share = one.share + CUT * one.length / max(one.span, 1e-300)
            pending += [
                dataclasses.replace(
                    one,
                    z=np.stack([one.z[0], points.z[k]]),
                    up=(one.up[0], up),
                    sign=(one.sign[0], sign),
                    values=np.stack([one.values[0], values[k]]),
                ),
                dataclasses.replace(
                    one,
                    share=share,
                    z=np.stack([points.z[k], one.z[1]]),
                    up=(up, one.up[1]),
                    sign=(sign, one.sign[1]),
                    values=np.stack([values[k], one.values[1]]),
                ),
            ]
    return done
