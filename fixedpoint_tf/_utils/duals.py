"""Forward derivatives of intervals: values with enclosures of their slopes over a box."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from fixedpoint_tf._utils.elementary import FUNCTIONS
from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf._utils.norms import gamma

__all__ = ["Dual"]


@dataclasses.dataclass(frozen=True)
class Dual:
    """Intervals with enclosures of their derivatives by ``k`` coordinates.

    Attributes:
        value: ``(n, d)``.
        slope: ``(n, d, k)``: the derivatives everywhere within the box of coordinates.

    Example:
        >>> x = Dual.coordinates(Interval(np.array([[0.0]]), np.array([[1.0]])))
        >>> y = x.activate("tanh") * x
        >>> bool(y.value.upper[0, 0] >= np.tanh(1.0)), bool(y.slope.lower[0, 0, 0] <= 0.0)
        (True, True)
    """

    value: Interval
    slope: Interval

    @classmethod
    def coordinates(cls, box: Interval) -> Dual:
        """Return the coordinates themselves, ``(n, k)``."""
        n, k = box.lower.shape
        unit = np.broadcast_to(np.eye(k), (n, k, k))
        return cls(box, Interval(unit, unit))

    @classmethod
    def constants(cls, value: Interval) -> Dual:
        """Return values ``(n, d)`` that depend on no coordinate."""
        none = np.zeros((*value.lower.shape, 0))
        return cls(value, Interval(none, none))

    def split(self, n_parts: int) -> list[Dual]:
        """Cut the columns into parts of equal width."""
        width = self.value.lower.shape[-1] // n_parts
        cuts = [slice(k * width, (k + 1) * width) for k in range(n_parts)]
        return [Dual(self.value[:, cut], self.slope[:, cut]) for cut in cuts]

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    def __add__(self, other: Dual | Interval | np.ndarray) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.slope + other.slope)
        return Dual(self.value + other, self.slope)

    def __mul__(self, other: Dual | Interval) -> Dual:
        if isinstance(other, Interval):
            return Dual(self.value * other, self.slope * _column(other))
        one, two = self.value, other.value
        slope = self.slope * _column(two) + other.slope * _column(one)
        return Dual(one * two, slope)

    def matmul(self, matrix: np.ndarray | Interval) -> Dual:
        """Multiply by ``(d, m)`` from the right, exact or an interval."""
        if isinstance(matrix, Interval):
            centre = self.matmul(matrix.centre)
            error = matrix.radius * (1.0 + gamma(len(matrix.lower) + 4))
            value = self.value.size @ error
            slope = error.T @ self.slope.size
            return Dual(
                centre.value + Interval.around(np.zeros_like(value), value),
                centre.slope + Interval.around(np.zeros_like(slope), slope),
            )
        return Dual(self.value.matmul(matrix), self.slope.matmul_left(matrix.T))

    def take(self, columns: np.ndarray) -> Dual:
        """Return some of the columns, in any order."""
        return Dual(self.value[:, columns], self.slope[:, columns])

    @classmethod
    def join(cls, parts: Sequence[Dual]) -> Dual:
        """Put columns one behind another."""
        return cls(
            Interval.join([part.value for part in parts], axis=1),
            Interval.join([part.slope for part in parts], axis=1),
        )

    def constant(self, value: Interval) -> Dual:
        """Return values ``(d,)`` that do not depend on the coordinates of this one."""
        n, _, k = self.slope.lower.shape
        none = np.zeros((n, len(value.lower), k))
        shape = none.shape[:2]
        rows = Interval(
            np.broadcast_to(value.lower, shape), np.broadcast_to(value.upper, shape)
        )
        return Dual(rows, Interval(none, none))

    def reciprocal(self) -> Dual:
        """Divide one by values above zero."""
        inverse = self.value.reciprocal()
        return Dual(inverse, self.slope * _column(-(inverse * inverse)))

    def activate(self, name: str) -> Dual:
        """Apply a function to each entry: ``"linear"``, or a key of ``FUNCTIONS``."""
        if name == "linear":
            return self
        value, slope = FUNCTIONS[name](self.value)
        return Dual(value, self.slope * _column(slope))


def _column(value: Interval) -> Interval:
    return Interval(value.lower[..., None], value.upper[..., None])
