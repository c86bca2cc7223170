"""Bifurcations between two points of a branch, and where exactly they are.

Each type has a test function that changes sign there (Kuznetsov 2004, section 10.2): the
tangent's component along s at a fold, the determinant of the bordered Jacobian where two
branches cross, that of J + 1 at a period doubling, and the growth of a complex pair at a
Neimark-Sacker or Hopf point. Where several real eigenvalues cross at one place it is their
distance from the edge of stability. Its root is bracketed by the two points and found by the
Illinois method, for all bifurcations of all branches at once.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf.curves.bifurcations.branch_points import refine
from fixedpoint_tf.curves.bifurcations.intervals import (
    Interval,
    border_event,
    edge,
    intervals,
    names,
    separate,
    turning,
    unstable,
    vertical,
)
from fixedpoint_tf.curves.curve import Curve
from fixedpoint_tf.curves.ends import BifurcationType
from fixedpoint_tf.curves.predictor import between, tangents_within
from fixedpoint_tf.linearization import growth

__all__ = ["FoundBifurcation", "detect"]

MAX_ITERATIONS = 80  # cuts of an interval; halves alone would reach ROOT_TOL after 44
ROOT_TOL = 1e-13  # length of a part of a branch: some hundred roundings
ROUGH_ROOT_TOL = 1e-6  # where Newton's method is singular, and another one refines
JUMP = 1e-5  # of a test function within ROOT_TOL, which no smooth one makes
SAME_PLACE = 0.1  # of the length of an interval
_AT_JUMP = {BifurcationType.SADDLE_NODE: BifurcationType.BORDER_FOLD}


@dataclasses.dataclass
class FoundBifurcation:
    """A bifurcation of a branch, after the point ``after``."""

    bifurcation_type: BifurcationType
    branch: int
    after: int
    z: np.ndarray
    eigenvalue: complex


def detect(
    curve: Curve,
    branches: list[tuple[np.ndarray, ...]],
    passed_over: tuple[tuple[int, int], ...] = (),
) -> list[FoundBifurcation]:
    """Return all bifurcations of branches, localised.

    Args:
        curve: curve of fixed points.
        branches: of each ``z``, ``t``, sign of the bordered determinant, eigenvalues.
        passed_over: branch and first point of intervals in which nothing is sought.

    Returns:
        The bifurcations, in the order in which the branches pass them.
    """
    time = curve.system.time
    telling = [
        one
        for number, arrays in enumerate(branches)
        for one in intervals(number, *arrays)
        if (number, one.after) not in passed_over and names(one, time)
    ]
    several = [one for one in telling if turning(time) in names(one, time)]
    telling = [one for one in telling if turning(time) not in names(one, time)]
    telling += separate(curve, several)
    wanted = [(name, one) for one in telling for name in names(one, time)]
    found = [
        one
        for number, (z, t, sign, values) in enumerate(branches)
        for one in _at_borders(number, z, t, sign, values, time)
    ]
    if not wanted:
        return found
    rough = np.array([_is_beside_branch_point(name, one, wanted) for name, one in wanted])
    line = _Line(curve, wanted, np.where(rough, ROUGH_ROOT_TOL, ROOT_TOL))
    share, z, values, jumps = line.root()
    for k in np.flatnonzero(line.types == BifurcationType.BRANCH_POINT):
        if np.isfinite(z[k]).all():
            z[k] = refine(curve, z[k], int(line.piece[k]))
            values[k] = curve.eigenvalues(curve.evaluate(z[k : k + 1])[2])[0]
    _drop_shadows(wanted, z)
    at = [one.share + share[k] * one.length / one.span for k, (_, one) in enumerate(wanted)]
    order = np.lexsort(
        (at, [one.after for _, one in wanted], [one.branch for _, one in wanted])
    )
    for k in order:
        name, one = wanted[k]
        if np.isfinite(z[k]).all():
            value = complex(np.nan) if jumps[k] else _crossing(values[k], name, time)
            if jumps[k]:
                folds = name == BifurcationType.SADDLE_NODE
                name = (
                    BifurcationType.BORDER_FOLD if folds else BifurcationType.BORDER_COLLISION
                )
            found.append(FoundBifurcation(name, one.branch, one.after, z[k], value))
    return sorted(found, key=lambda one: (one.branch, one.after))


def _at_borders(branch: int, z, t, sign, values, time: str) -> list[FoundBifurcation]:
    """Detect the border collisions and the starts of continua on one branch."""
    found = []
    for i in np.flatnonzero((z[1:] == z[:-1]).all(axis=1)):
        name = border_event(t[i : i + 2], sign[i : i + 2], values[i : i + 2], time)
        if name is not None and name != BifurcationType.CONTINUUM:
            found.append(FoundBifurcation(name, branch, int(i), z[i], complex(np.nan)))
    upright = vertical(z, t)
    for i in np.flatnonzero(upright & ~np.append(False, upright[:-1])):
        at_edge = complex(edge(time))
        found.append(FoundBifurcation(BifurcationType.CONTINUUM, branch, int(i), z[i], at_edge))
    return found


def _crossing(values: np.ndarray, name: BifurcationType, time: str) -> complex:
    """Return the eigenvalue that is at the edge of stability."""
    if name in (BifurcationType.SADDLE_NODE, BifurcationType.BRANCH_POINT):
        distance = np.abs(values - edge(time))
    elif name == BifurcationType.PERIOD_DOUBLING:
        distance = np.abs(values + 1.0)
    else:
        distance = np.abs(growth(values, time) - edge(time))
        hidden = values.imag < 0 if name == BifurcationType.MULTIPLE else values.imag <= 0
        distance = np.where(hidden, np.inf, distance)
    if not np.isfinite(distance).any():
        return complex(np.nan)
    return complex(values[int(np.argmin(distance))])


def _are_beside(one: Interval, other: Interval) -> bool:
    return one.branch == other.branch and abs(one.after - other.after) <= 1


def _is_beside_branch_point(name: BifurcationType, one: Interval, wanted) -> bool:
    """Test whether a fold or branch point lies beside a branch point."""
    return name in (BifurcationType.SADDLE_NODE, BifurcationType.BRANCH_POINT) and any(
        other == BifurcationType.BRANCH_POINT and _are_beside(one, its) for other, its in wanted
    )


def _drop_shadows(wanted, z) -> None:
    """Drop saddle-nodes beside branch points, where a crossed branch only turns."""
    for k, (name, one) in enumerate(wanted):
        if name != BifurcationType.SADDLE_NODE:
            continue
        for j, (other, its) in enumerate(wanted):
            casts = other in (BifurcationType.BRANCH_POINT, BifurcationType.MULTIPLE)
            if casts and _are_beside(one, its):
                if np.linalg.norm(z[k] - z[j]) < SAME_PLACE * one.span:
                    z[k] = np.nan


class _Line:
    """The curve over the interval of each sign change, by the share of its length."""

    def __init__(
        self, curve: Curve, wanted: list[tuple[BifurcationType, Interval]], tol: np.ndarray
    ):
        self.curve, self.tol = curve, tol
        self.types = np.array([name for name, _ in wanted], dtype=object)
        self.begin = np.stack([one.z[0] for _, one in wanted])
        finish = np.stack([one.z[1] for _, one in wanted])
        # Not the tangent, which at a corner of the path is that of one piece or the other.
        self.length = np.maximum(np.linalg.norm(finish - self.begin, axis=1), 1e-300)
        self.along = (finish - self.begin) / self.length[:, None]
        self.piece = curve.path.piece(0.5 * (self.begin[:, -1] + finish[:, -1]))
        self.first, self.last = tangents_within(curve, self.begin, finish, self.piece)
        self.finish = finish
        self.unstable = [unstable(one.values[0], curve.system.time) for _, one in wanted]

    def __call__(self, share: np.ndarray, rows: np.ndarray):
        """Test functions, points and eigenvalues."""
        curve, time = self.curve, self.curve.system.time
        along = self.along[rows]
        guess = between(
            self.begin[rows], self.finish[rows], self.first[rows], self.last[rows], share
        )
        points = curve.correct(guess, along, self.piece[rows])
        t = curve.tangent(points.slopes, along)
        values = curve.eigenvalues(points.jacobian)
        test = np.empty(len(rows))
        for k, row in enumerate(rows):
            name = self.types[row]
            if name == BifurcationType.SADDLE_NODE:
                test[k] = t[k, -1]
            elif name == BifurcationType.BRANCH_POINT:
                test[k] = _determinant(np.vstack([points.slopes[k], t[k]]))
            elif name == BifurcationType.PERIOD_DOUBLING:
                test[k] = _determinant(points.jacobian[k] + np.eye(curve.d))
            else:
                margin = np.abs(growth(values[k], time) - edge(time))
                if name != BifurcationType.MULTIPLE:
                    margin = np.where(values[k].imag != 0, margin, np.inf)
                same = unstable(values[k], time) == self.unstable[row]
                test[k] = (-1.0 if same else 1.0) * min(margin.min(), 1.0)
        return test, points.z, values

    def root(self):
        """Return share, point, eigenvalues and jumps at each root, by the Illinois method."""
        n = len(self.types)
        rows = np.arange(n)
        low, high = np.zeros(n), np.ones(n)
        f_low, z, values = self(low, rows)
        f_high, z_high, values_high = self(high, rows)
        best = np.where(np.abs(f_low) <= np.abs(f_high), 0.0, 1.0)
        nearer = best == 1.0
        z[nearer], values[nearer] = z_high[nearer], values_high[nearer]
        least = np.minimum(np.abs(f_low), np.abs(f_high))
        side = np.zeros(n, dtype=int)
        true_low, true_high = f_low.copy(), f_high.copy()
        for iteration in range(MAX_ITERATIONS):
            wide = (high - low) * np.abs(self.length) > self.tol
            rows = np.flatnonzero(wide & (f_low != 0) & (f_high != 0) & (f_low * f_high < 0))
            if not len(rows):
                break
            a, b, fa, fb = low[rows], high[rows], f_low[rows], f_high[rows]
            middle = 0.5 * (a + b)
            secant = (a * fb - b * fa) / (fb - fa)
            inside = np.isfinite(secant) & (secant > a) & (secant < b)
            share = np.where(inside & (iteration % 3 != 2), secant, middle)
            test, at, found = self(share, rows)
            test = np.where(np.isfinite(test), test, fa)
            better = np.abs(test) <= least[rows]
            chosen = rows[better]
            z[chosen], values[chosen] = at[better], found[better]
            best[chosen], least[chosen] = share[better], np.abs(test[better])
            same = test * fa > 0
            low[rows[same]], f_low[rows[same]] = share[same], test[same]
            high[rows[~same]], f_high[rows[~same]] = share[~same], test[~same]
            true_low[rows[same]], true_high[rows[~same]] = test[same], test[~same]
            # Illinois: an end that stays twice counts half, or it would stay for ever.
            again = side[rows] == np.where(same, 1, -1)
            f_high[rows[same & again]] *= 0.5
            f_low[rows[~same & again]] *= 0.5
            side[rows] = np.where(same, 1, -1)
        narrow = (high - low) * np.abs(self.length) <= self.tol
        jumps = narrow & (np.minimum(np.abs(true_low), np.abs(true_high)) > JUMP)
        return best, z, values, jumps & (self.tol == ROOT_TOL)


def _determinant(matrix: np.ndarray) -> float:
    """Return the smallest singular value with the sign of the determinant."""
    if not np.isfinite(matrix).all():
        return np.nan
    sign, log = np.linalg.slogdet(matrix / max(1e-300, float(np.abs(matrix).max())))
    # The smallest singular value is what vanishes; the others only rescale.
    smallest = np.linalg.svd(matrix, compute_uv=False)[-1] if sign else 0.0
    return float(sign * smallest)
