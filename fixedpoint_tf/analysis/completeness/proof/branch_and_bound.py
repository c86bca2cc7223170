"""All fixed points of a map within a box, by branch and bound with Krawczyk's operator.

A box is thrown away where the map takes it off itself, or where Krawczyk's operator (Krawczyk
1969; Neumaier 1990, chapter 5) shows that it holds no fixed point; it is done where the same
operator shows exactly one; else it shrinks, and is cut in two where it does not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from fixedpoint_tf._utils.intervals import Interval, hull, intersect
from fixedpoint_tf._utils.linalg import inverses_or_nan
from fixedpoint_tf.analysis.completeness.proof.limits import Limits
from fixedpoint_tf.systems.enclosures.linear import LinearEnclosure

__all__ = ["Enclosed", "enclose_all"]

Enclose = Callable[[Interval], tuple[Interval, Interval]]
EncloseLinearly = Callable[[Interval], LinearEnclosure]

BATCH_ENTRIES = 2**16  # units times boxes at once: some of the processor's cache
N_SHRINKS = 3  # rounds of shrinking before a box is cut
WORTHWHILE = 0.9  # a box that shrinks below this share of its width is not yet cut
# Width, relative to the whole box, below which a box is left undecided: about a double root
# no values differ from zero within the square root of the roundoff.
SMALLEST = 1e-9
NEWTON_STEPS = 8  # of guesses, which are proved or not afterwards
FIRST_RADIUS = 1e-13  # of a box around a root, relative to the whole box
N_RADII = 12  # of such boxes, each 8 times as wide as the last
GROWTHS = 2.0 ** -np.arange(1.0, 40.0)  # sizes tried for the surroundings of a known point


@dataclasses.dataclass
class Enclosed:
    """Fixed points enclosed by branch and bound, and boxes left.

    Attributes:
        roots: enclosures of ``m`` fixed points, each of exactly one, ``(m, k)``.
        alone: boxes around them without another, ``(m, k)``.
        open: boxes that may hold fixed points, ``(p, k)``; none where the proof is complete.
        n_boxes: boxes that were looked at.
        timed_out: a limit ended it.
    """

    roots: Interval
    alone: Interval
    open: Interval
    n_boxes: int
    timed_out: bool


def enclose_all(
    enclose: Enclose,
    enclose_linearly: EncloseLinearly,
    box: Interval,
    known: np.ndarray,
    *,
    n_units: int,
    limits: Limits,
) -> Enclosed:
    """Enclose all fixed points of a map within a box.

    Args:
        enclose: from boxes ``(m, k)`` to enclosures of the map ``(m, k)`` and of its
            derivatives ``(m, k, k)`` there.
        enclose_linearly: from boxes to linear functions of the distance to the centre.
        box: ``(k,)``, within which the fixed points lie.
        known: ``(p, k)``, where fixed points are thought to be. The proof does not rest on
            them: it only is faster.
        n_units: number of units of the network, for how many boxes are looked at at once.
        limits: limits of the proof.
    """
    batch = max(16, BATCH_ENTRIES // max(n_units, 16))
    return _Search(enclose, enclose_linearly, box, batch).run(known, limits)


class _Search:
    """Boxes to look at, and the fixed points enclosed so far."""

    def __init__(
        self, enclose: Enclose, enclose_linearly: EncloseLinearly, box: Interval, batch: int
    ):
        self.enclose, self.enclose_linearly, self.box = enclose, enclose_linearly, box
        self.batch = batch
        self.k = len(box.lower)
        self.width = np.maximum(box.upper - box.lower, np.finfo(float).tiny)
        none = np.zeros((0, self.k))
        self.roots, self.alone = Interval(none, none), Interval(none, none)

    def run(self, known: np.ndarray, limits: Limits) -> Enclosed:
        with limits.stop:
            self._enclose_known(known)
        stack = [self.box[None]]
        undecided: list[Interval] = []
        n_boxes, timed_out = 0, False
        while stack:
            if limits.are_reached(n_boxes):
                timed_out = True
                break
            boxes = stack.pop()
            if len(boxes.lower) > self.batch:
                stack.append(boxes[self.batch :])
                boxes = boxes[: self.batch]
            n_boxes += len(boxes.lower)
            halves, small = boxes, boxes[:0]  # an interruption leaves them all open
            with limits.stop:
                halves, small = self._divide(boxes)
            if len(small.lower):
                undecided.append(small)
            if len(halves.lower):
                if stack and len(stack[-1].lower) + len(halves.lower) <= self.batch:
                    halves = _together([stack.pop(), halves])
                stack.append(halves)
        left = [*undecided, *stack]
        none = np.zeros((0, self.k))
        rest = _together(left) if left else Interval(none, none)
        return Enclosed(self.roots, self.alone, rest, n_boxes, timed_out)

    def _divide(self, boxes: Interval) -> tuple[Interval, Interval]:
        """Examine boxes, halve undecided ones, and return those too small to halve."""
        boxes, bend = self._examine(boxes)
        small = ((boxes.upper - boxes.lower) <= SMALLEST * self.width).all(axis=1)
        if small.all():
            return boxes[:0], boxes
        return self._cut(boxes[~small], bend[~small]), boxes[small]

    def _enclose_known(self, known: np.ndarray) -> None:
        """Enclose guesses of fixed points, each with a large box where it is alone."""
        if not len(known):
            return
        inside = np.clip(known, self.box.lower, self.box.upper)
        x = self._newton(inside)
        for centre in x:
            if not np.isfinite(centre).all() or self._holds(centre[None]).any():
                continue
            for share in GROWTHS:
                radius = share * self.width
                around = intersect(Interval.around(centre[None], radius), self.box[None])
                if self._record(around, centre[None]):
                    break

    def _examine(self, boxes: Interval) -> tuple[Interval, np.ndarray]:
        """Shrink boxes, drop decided ones, and return the rest with the map's nonlinearity."""
        undecided = [Interval(np.zeros((0, self.k)), np.zeros((0, self.k)))]
        bends = [np.zeros((0, self.k))]
        for round_ in range(N_SHRINKS):
            boxes = boxes[~self._within_known(boxes)]
            if not len(boxes.lower):
                break
            before = boxes.upper - boxes.lower
            boxes = self._shrink(boxes)
            keep = ~boxes.is_empty.any(axis=1)
            boxes, before = boxes[keep], before[keep]
            if not len(boxes.lower):
                break
            ratio = (boxes.upper - boxes.lower) / np.maximum(before, 1e-300)
            again = (ratio.min(axis=1) <= WORTHWHILE) & (round_ + 1 < N_SHRINKS)
            done, bend = self._decide(boxes[~again])
            undecided.append(boxes[~again][~done])
            bends.append(bend[~done])
            boxes = boxes[again]
        return Interval.join(undecided), np.concatenate(bends)

    def _decide(self, boxes: Interval) -> tuple[np.ndarray, np.ndarray]:
        """Decide boxes with at most one fixed point, and return the map's nonlinearity."""
        norm, slope = self._norm(boxes)
        candidates = np.flatnonzero(norm < 1.0)
        done = np.zeros(len(norm), dtype=bool)
        if len(candidates):
            done[candidates] = self._settle(boxes[candidates])
        return done, slope.radius.sum(axis=1)

    def _shrink(self, boxes: Interval) -> Interval:
        """Intersect boxes with enclosures of their fixed points, possibly to empty ones."""
        centre = boxes.centre
        linear = self.enclose_linearly(boxes)
        slope = linear.slope
        away = Interval.around(np.zeros_like(centre), boxes.radius)
        off = linear.rest - centre  # (I - slope) away = off
        plain = off + Interval.at(slope).apply(away)
        with np.errstate(all="ignore"):
            inverse = inverses_or_nan(np.eye(self.k) - slope)
        known = np.isfinite(inverse).all(axis=(1, 2))
        inverse = np.where(known[:, None, None], inverse, 0.0)
        identity = np.eye(self.k)
        left = Interval(identity, identity) - slope
        left = Interval(identity, identity) - left.matmul_left(inverse)
        solved = linear.rest_times(inverse) - Interval.at(inverse).apply(Interval.at(centre))
        solved = solved + left.apply(away)
        return intersect(boxes, intersect(plain, solved) + centre)

    def _norm(self, boxes: Interval) -> tuple[np.ndarray, Interval]:
        """Return norms, below 1 where a box holds at most one point, and the map's slopes."""
        _, slope = self.enclose(boxes)
        centre = boxes.centre
        zero = Interval(np.zeros_like(centre), np.zeros_like(centre))
        return self._krawczyk(centre, Interval.at(centre), slope, zero)[1], slope

    def _krawczyk(
        self, centre: np.ndarray, image: Interval, slope: Interval, away: Interval
    ) -> tuple[Interval, np.ndarray]:
        """Apply Krawczyk's operator to ``x - F(x)``, and return the norm to be below 1."""
        identity = np.eye(self.k)
        matrix = Interval(identity, identity) - slope
        with np.errstate(all="ignore"):
            inverse = inverses_or_nan(matrix.centre)
        rest = Interval(identity, identity) - matrix.matmul_left(inverse)
        step = Interval(-inverse, -inverse).apply(Interval.at(centre) - image)
        result = step + centre + rest.apply(away)
        broken = ~np.isfinite(inverse).all(axis=(1, 2))
        lower = np.where(broken[:, None], -np.inf, result.lower)
        upper = np.where(broken[:, None], np.inf, result.upper)
        norm = np.where(broken, np.inf, rest.size.sum(axis=-1).max(axis=-1) * (1.0 + 1e-12))
        return Interval(lower, upper), norm

    def _settle(self, boxes: Interval) -> np.ndarray:
        """Decide boxes with at most one fixed point, by the root of Newton's method."""
        x = self._newton(boxes.centre)
        done = np.zeros(len(x), dtype=bool)
        finite = np.isfinite(x).all(axis=1)
        for i in np.flatnonzero(finite):
            known = self._holds(x[i : i + 1])
            box = boxes[i : i + 1]
            if known.any():
                # The root that was reached has been enclosed: is the box in its surroundings
                # too, as far as one matrix tells?
                whole = hull(box, self.roots[np.flatnonzero(known)[:1]])
                done[i] = self._norm(whole)[0][0] < 1.0
                continue
            near = 1e-3 * (box.upper - box.lower)
            far = (x[i] < box.lower - near) | (x[i] > box.upper + near)
            if far.any() and not self._inside(x[i]):
                continue
            whole = hull(box, Interval.at(x[i : i + 1]))
            done[i] = self._record(whole, x[i : i + 1])
        return done

    def _inside(self, x: np.ndarray) -> bool:
        """Test a state for lying within the box of all."""
        return bool(((x >= self.box.lower) & (x <= self.box.upper)).all())

    def _record(self, around: Interval, x: np.ndarray) -> bool:
        """Prove that a box holds only the fixed point near ``x``, and keep it if it is new."""
        radius = FIRST_RADIUS * np.maximum(self.width, np.abs(x))
        for _ in range(N_RADII):
            small = Interval.around(x, radius)
            wide = hull(around, small)
            if not self._norm(wide)[0][0] < 1.0:
                return False
            slope = self.enclose(small)[1]
            image = self.enclose(Interval.at(x))[0]
            away = Interval(-2.0 * radius, 2.0 * radius)
            found, _ = self._krawczyk(x, image, slope, away)
            if ((found.lower > small.lower) & (found.upper < small.upper)).all():
                root = intersect(found, small)
                meets = (root.lower <= self.alone.upper) & (root.upper >= self.alone.lower)
                if meets.all(axis=1).any():  # it is one that is known, or can't be told from it
                    return bool(self._within_known(root)[0])
                both = _together([self.roots, root]), _together([self.alone, wide])
                self.roots, self.alone = both  # an interruption finds both, or neither
                return True
            radius = 8.0 * radius
        return False

    def _newton(self, x: np.ndarray) -> np.ndarray:
        """Run Newton's method in floating arithmetic, for guesses only."""
        x = np.array(x)
        for _ in range(NEWTON_STEPS):
            value, slope = self.enclose(Interval.at(x))
            with np.errstate(all="ignore"):
                inverse = inverses_or_nan(np.eye(self.k) - slope.centre)
                step = (inverse @ (value.centre - x)[..., None])[..., 0]
            step = np.where(np.isfinite(step), step, 0.0)
            x = np.clip(x + step, self.box.lower, self.box.upper)
        return x

    def _holds(self, x: np.ndarray) -> np.ndarray:
        """Test which box around a known fixed point holds a state, ``(n_roots,)``."""
        inside = (x >= self.alone.lower) & (x <= self.alone.upper)
        return np.asarray(inside.all(axis=1))

    def _within_known(self, boxes: Interval) -> np.ndarray:
        """Test boxes for lying wholly where one known fixed point is alone."""
        inside = np.zeros(len(boxes.lower), dtype=bool)
        for lower, upper in zip(self.alone.lower, self.alone.upper, strict=True):
            inside |= ((boxes.lower >= lower) & (boxes.upper <= upper)).all(axis=1)
        return inside

    def _cut(self, boxes: Interval, bend: np.ndarray) -> Interval:
        """Cut each box in two across the side that moves the map most beside a line."""
        width = boxes.upper - boxes.lower
        smear = np.where(np.isfinite(bend), bend, 1e300) * width + 1e-3 * width / self.width
        side = smear.argmax(axis=1)
        rows = np.arange(len(side))
        middle = boxes.centre[rows, side]
        upper, lower = boxes.upper.copy(), boxes.lower.copy()
        upper[rows, side] = middle
        lower[rows, side] = middle
        return Interval(
            np.concatenate([boxes.lower, lower]), np.concatenate([upper, boxes.upper])
        )


def _together(parts: list[Interval]) -> Interval:
    return Interval(
        np.concatenate([part.lower for part in parts]),
        np.concatenate([part.upper for part in parts]),
    )
