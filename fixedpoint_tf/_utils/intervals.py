"""Interval arithmetic on arrays with outward rounding.

Every result encloses all values that exact arithmetic could give (Moore, Kearfott & Cloud
2009). Assumed are sums and products of IEEE 754 double precision in any order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from fixedpoint_tf._utils.norms import gamma

__all__ = ["Interval", "hull", "intersect"]

_ULP = 2.0**-52  # no number is farther from the next, relative to its size
_LEAST = 2.0**-1074  # nor any near zero
_TINY = np.finfo(np.float64).tiny  # covers what underflow can lose in a sum of products


@dataclasses.dataclass(frozen=True)
class Interval:
    """Arrays of intervals ``[lower, upper]``, elementwise.

    Attributes:
        lower: array of any shape.
        upper: the same shape, nowhere below ``lower``.

    Example:
        >>> x = Interval(np.array([1.0]), np.array([2.0]))
        >>> y = x * (x - x)
        >>> bool(y.lower[0] <= -2.0), bool(y.upper[0] >= 2.0)
        (True, True)
    """

    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def at(cls, value: np.ndarray) -> Interval:
        """Enclose numbers that are exact."""
        value = np.asarray(value, dtype=np.float64)
        return cls(value, value)

    @classmethod
    def around(cls, centre: np.ndarray, radius: np.ndarray) -> Interval:
        """Enclose ``centre +- radius``."""
        return cls(_down(centre - radius), _up(centre + radius))

    @classmethod
    def join(cls, parts: Sequence[Interval], axis: int = 0) -> Interval:
        """Put arrays of intervals one behind another."""
        return cls(
            np.concatenate([part.lower for part in parts], axis=axis),
            np.concatenate([part.upper for part in parts], axis=axis),
        )

    @property
    def centre(self) -> np.ndarray:
        """A number within each interval, near its middle."""
        middle = 0.5 * self.lower + 0.5 * self.upper
        return np.clip(middle, self.lower, self.upper)

    @property
    def radius(self) -> np.ndarray:
        """The largest distance from ``centre``, rounded upwards."""
        c = self.centre
        return _up(np.maximum(self.upper - c, c - self.lower))

    @property
    def size(self) -> np.ndarray:
        """The largest absolute value."""
        return np.maximum(np.abs(self.lower), np.abs(self.upper))

    @property
    def is_empty(self) -> np.ndarray:
        """Test each interval for holding nothing."""
        return self.lower > self.upper

    def __getitem__(self, rows) -> Interval:
        return Interval(self.lower[rows], self.upper[rows])

    def __neg__(self) -> Interval:
        return Interval(-self.upper, -self.lower)

    def __add__(self, other: Interval | np.ndarray | float) -> Interval:
        other = _as_interval(other)
        return Interval(_down(self.lower + other.lower), _up(self.upper + other.upper))

    def __sub__(self, other: Interval | np.ndarray | float) -> Interval:
        return self + -_as_interval(other)

    def __mul__(self, other: Interval | np.ndarray | float) -> Interval:
        other = _as_interval(other)
        with np.errstate(invalid="ignore"):
            products = [
                a * b for a in (self.lower, self.upper) for b in (other.lower, other.upper)
            ]
        # Zero times an infinite bound is zero: the bound itself is no value.
        products = [np.where(np.isnan(p), 0.0, p) for p in products]
        lower = np.minimum(np.minimum(products[0], products[1]), np.minimum(*products[2:]))
        upper = np.maximum(np.maximum(products[0], products[1]), np.maximum(*products[2:]))
        return Interval(_down(lower), _up(upper))

    def reciprocal(self) -> Interval:
        """Enclose ``1 / x`` of intervals above zero, with infinite bounds for others."""
        above = self.lower > 0.0
        with np.errstate(divide="ignore"):
            lower = np.where(above, _down(1.0 / self.upper), -np.inf)
            upper = np.where(above, _up(1.0 / self.lower), np.inf)
        return Interval(lower, upper)

    def matmul(self, matrix: np.ndarray) -> Interval:
        """Enclose ``x @ matrix``, ``(..., d)`` times an exact ``(d, m)``."""
        c, r = self.centre, self.radius
        size = np.abs(matrix)
        slack = gamma(matrix.shape[0] + 4)
        spread = (r @ size) * (1.0 + slack) + slack * ((np.abs(c) + r) @ size)
        return Interval.around(c @ matrix, _up(spread * (1.0 + 4.0 * slack)) + _TINY)

    def matmul_left(self, matrix: np.ndarray) -> Interval:
        """Enclose ``matrix @ x``: an exact ``(..., m, d)`` times ``(..., d, k)``."""
        c, r = self.centre, self.radius
        size = np.abs(matrix)
        slack = gamma(matrix.shape[-1] + 4)
        spread = (size @ r) * (1.0 + slack) + slack * (size @ (np.abs(c) + r))
        return Interval.around(matrix @ c, _up(spread * (1.0 + 4.0 * slack)) + _TINY)

    def apply(self, other: Interval) -> Interval:
        """Enclose the products of matrices ``(..., m, d)`` with vectors ``(..., d)``."""
        c, r = self.centre, self.radius
        v, s = other.centre[..., None], other.radius[..., None]
        slack = gamma(self.lower.shape[-1] + 4)
        spread = np.abs(c) @ s + r @ (np.abs(v) + s)
        spread = spread * (1.0 + slack) + slack * ((np.abs(c) + r) @ (np.abs(v) + s))
        radius = _up(spread * (1.0 + 4.0 * slack)) + _TINY
        return Interval.around((c @ v)[..., 0], radius[..., 0])


def hull(one: Interval, other: Interval) -> Interval:
    """Return the smallest intervals that hold both."""
    return Interval(np.minimum(one.lower, other.lower), np.maximum(one.upper, other.upper))


def intersect(one: Interval, other: Interval) -> Interval:
    """Return the intersection of intervals, with ``lower > upper`` where it is empty."""
    # An enclosure that is not a number says nothing.
    return Interval(np.fmax(one.lower, other.lower), np.fmin(one.upper, other.upper))


def _as_interval(value: Interval | np.ndarray | float) -> Interval:
    return value if isinstance(value, Interval) else Interval.at(np.asarray(value))


def _down(x: np.ndarray) -> np.ndarray:
    """Round numbers down by at least one rounding error, faster than ``nextafter``."""
    with np.errstate(invalid="ignore"):  # of infinity no lower bound is known: not a number
        return x - (np.abs(x) * _ULP + _LEAST)


def _up(x: np.ndarray) -> np.ndarray:
    """Round numbers up by at least one rounding error."""
    with np.errstate(invalid="ignore"):
        return x + (np.abs(x) * _ULP + _LEAST)
