"""Bifurcations between two points of a branch, and where exactly they are.

Each kind has a test function that changes sign there (Kuznetsov 2004, section 10.2): the
tangent's component along s at a fold, the determinant of the bordered Jacobian where two
branches cross, that of J + 1 at a period doubling, and the growth of a complex pair at a
Neimark-Sacker or Hopf point. Its root is bracketed by the two points and found by the
Illinois method, for all bifurcations of all branches at once.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from fixedpoint_tf.continuation.branch_points import refine
from fixedpoint_tf.continuation.curve import Curve
from fixedpoint_tf.linearization import growth

__all__ = ["BRANCH_POINT", "DOUBLING", "FOLD", "Found", "detect", "turning"]

FOLD, BRANCH_POINT, DOUBLING = "saddle-node", "branch point", "period doubling"
MAX_ITERATIONS = 80
ROOT_TOL = 1e-13
ROUGH_ROOT_TOL = 1e-6  # where Newton's method is singular, and another one refines
SAME_PLACE = 0.1  # of the length of an interval


def turning(kind: str) -> str:
    """What the crossing of a complex pair is called."""
    return "Neimark-Sacker" if kind == "discrete" else "Hopf"


@dataclasses.dataclass
class Found:
    """A bifurcation of a branch, after the point ``after``."""

    kind: str
    branch: int
    after: int
    z: np.ndarray
    eigenvalue: complex


def _edge(kind: str) -> float:
    return 1.0 if kind == "discrete" else 0.0


def _counts(values: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of unstable eigenvalues, and of real ones below -1 (discrete)."""
    unstable = (growth(values, kind) > _edge(kind)).sum(axis=-1)
    flipped = (values.imag == 0.0) & (values.real < -1.0)
    return unstable, flipped.sum(axis=-1) if kind == "discrete" else np.zeros_like(unstable)


def _candidates(branch: int, z, t, sign, values, kind: str) -> list[tuple[str, int, int]]:
    """Kind, branch and interval of each sign change."""
    unstable, flipped = _counts(values, kind)
    up = t[:, -1] >= 0
    found = []
    for i in range(len(z) - 1):
        if not np.isfinite(values[i : i + 2]).all():
            continue
        crosses = sign[i] * sign[i + 1] < 0
        folds = up[i] != up[i + 1]
        doubles = bool((flipped[i + 1] - flipped[i]) % 2)
        change = abs(int(unstable[i + 1]) - int(unstable[i]))
        found += [(BRANCH_POINT, branch, i)] if crosses else []
        found += [(FOLD, branch, i)] if folds else []
        found += [(DOUBLING, branch, i)] if doubles else []
        # One eigenvalue at a time passes 1 or -1; a pair of complex ones passes together.
        single = int(doubles) + int(crosses != folds)
        if change - single >= 2 or (single == 0 and change == 2):
            found.append((turning(kind), branch, i))
    return found


def detect(
    curve: Curve,
    branches: list[tuple[np.ndarray, ...]],
    passed_over: tuple[tuple[int, int], ...] = (),
) -> list[Found]:
    """All bifurcations of branches, localised.

    Args:
        curve: of fixed points.
        branches: of each ``z``, ``t``, sign of the bordered determinant, eigenvalues.
        passed_over: branch and first point of intervals in which nothing is sought.

    Returns:
        The bifurcations, in the order in which the branches pass them.
    """
    kind = curve.system.kind
    wanted = [
        candidate
        for number, (z, t, sign, values) in enumerate(branches)
        for candidate in _candidates(number, z, t, sign, values, kind)
        if candidate[1:] not in passed_over
    ]
    if not wanted:
        return []
    kinds = [k for k, _, _ in wanted]
    begin = np.stack([branches[b][0][i] for _, b, i in wanted])
    finish = np.stack([branches[b][0][i + 1] for _, b, i in wanted])
    before = np.stack([branches[b][3][i] for _, b, i in wanted])
    # Not the tangent, which at a corner of the path is that of one piece or the other.
    length = np.maximum(np.linalg.norm(finish - begin, axis=1), 1e-300)
    along = (finish - begin) / length[:, None]
    piece = curve.path.piece(0.5 * (begin[:, -1] + finish[:, -1]))
    rough = np.array([_is_beside_branch_point(k, wanted) for k in range(len(wanted))])
    tol = np.where(rough, ROUGH_ROOT_TOL, ROOT_TOL)
    line = _Line(curve, kinds, begin, along, length, piece, _counts(before, kind)[0], tol)
    share, z, values = line.root()
    for k in np.flatnonzero(line.kinds == BRANCH_POINT):
        if np.isfinite(z[k]).all():
            z[k] = refine(curve, z[k], int(piece[k]))
            values[k] = curve.eigenvalues(curve.evaluate(z[k : k + 1])[2])[0]
    _drop_shadows(wanted, z, begin, finish)
    found: list[Found] = []
    for k in np.lexsort((share, [i for _, _, i in wanted], [b for _, b, _ in wanted])):
        name, branch, after = wanted[k]
        if np.isfinite(z[k]).all():
            found.append(Found(name, branch, after, z[k], _crossing(values[k], name, kind)))
    return found


def _crossing(values: np.ndarray, name: str, kind: str) -> complex:
    """The eigenvalue that is at the edge of stability."""
    if name in (FOLD, BRANCH_POINT):
        distance = np.abs(values - _edge(kind))
    elif name == DOUBLING:
        distance = np.abs(values + 1.0)
    else:
        distance = np.abs(growth(values, kind) - _edge(kind))
        distance = np.where(values.imag > 0, distance, np.inf)
    return complex(values[int(np.argmin(distance))])


def _is_beside_branch_point(k: int, wanted) -> bool:
    """Whether a branch point, or a fold in its shadow: no more than roughly located here."""
    name, branch, after = wanted[k]
    return name in (FOLD, BRANCH_POINT) and any(
        other == BRANCH_POINT and its_branch == branch and abs(its_after - after) <= 1
        for other, its_branch, its_after in wanted
    )


def _drop_shadows(wanted, z, begin, finish) -> None:
    """A branch that turns where another crosses it has no saddle-node there.

    Beside a branch point the turn is located badly, so that near is near enough.
    """
    for k, (name, branch, after) in enumerate(wanted):
        if name != FOLD:
            continue
        for j, (other, its_branch, its_after) in enumerate(wanted):
            beside = its_branch == branch and abs(its_after - after) <= 1
            if other == BRANCH_POINT and beside:
                span = np.linalg.norm(finish[k] - begin[k])
                if np.linalg.norm(z[k] - z[j]) < SAME_PLACE * span:
                    z[k] = np.nan


class _Line:
    """The curve over the interval of each sign change, by the share of its length."""

    def __init__(self, curve: Curve, kinds, begin, along, length, piece, unstable, tol):
        self.curve, self.kinds = curve, np.array(kinds)
        self.begin, self.along, self.length = begin, along, length
        self.piece, self.unstable, self.tol = piece, unstable, tol

    def __call__(self, share: np.ndarray, rows: np.ndarray):
        """Test functions, points and eigenvalues."""
        curve, kind = self.curve, self.curve.system.kind
        along = self.along[rows]
        guess = self.begin[rows] + (share * self.length[rows])[:, None] * along
        points = curve.correct(guess, along, self.piece[rows])
        t = curve.tangent(points.slopes, along)
        values = curve.eigenvalues(points.jacobian)
        test = np.empty(len(rows))
        for k, row in enumerate(rows):
            name = self.kinds[row]
            if name == FOLD:
                test[k] = t[k, -1]
            elif name == BRANCH_POINT:
                test[k] = _determinant(np.vstack([points.slopes[k], t[k]]))
            elif name == DOUBLING:
                test[k] = _determinant(points.jacobian[k] + np.eye(curve.d))
            else:
                margin = np.abs(growth(values[k], kind) - _edge(kind))
                margin = np.where(values[k].imag != 0, margin, np.inf).min()
                same = _counts(values[k], kind)[0] == self.unstable[row]
                test[k] = (-1.0 if same else 1.0) * min(margin, 1.0)
        return test, points.z, values

    def root(self):
        """Share, point and eigenvalues at each root, by the Illinois method with bisection."""
        n = len(self.kinds)
        rows = np.arange(n)
        low, high = np.zeros(n), np.ones(n)
        f_low, z, values = self(low, rows)
        f_high, z_high, values_high = self(high, rows)
        best = np.where(np.abs(f_low) <= np.abs(f_high), 0.0, 1.0)
        nearer = best == 1.0
        z[nearer], values[nearer] = z_high[nearer], values_high[nearer]
        least = np.minimum(np.abs(f_low), np.abs(f_high))
        side = np.zeros(n, dtype=int)
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
            # Illinois: an end that stays twice counts half, or it would stay for ever.
            again = side[rows] == np.where(same, 1, -1)
            f_high[rows[same & again]] *= 0.5
            f_low[rows[~same & again]] *= 0.5
            side[rows] = np.where(same, 1, -1)
        return best, z, values


def _determinant(matrix: np.ndarray) -> float:
    """Of the sign of the determinant, and of a size that no dimension makes overflow."""
    if not np.isfinite(matrix).all():
        return np.nan
    sign, log = np.linalg.slogdet(matrix / max(1e-300, float(np.abs(matrix).max())))
    # The smallest singular value is what vanishes; the others only rescale.
    smallest = np.linalg.svd(matrix, compute_uv=False)[-1] if sign else 0.0
    return float(sign * smallest)
