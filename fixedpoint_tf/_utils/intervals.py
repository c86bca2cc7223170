"""Interval arithmetic on arrays with outward rounding, and forward derivatives of intervals.

Every result encloses all values that exact arithmetic could give (Moore, Kearfott & Cloud
2009). Assumed are sums and products of IEEE 754 double precision in any order, and elementary
functions within ``ULPS`` units in the last place.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from fixedpoint_tf._utils.norms import EPS, gamma

__all__ = ["Dual", "Interval", "activation_values", "hull", "intersect"]

ULPS = 16.0  # error allowed to tanh, exp and expit, in units in the last place
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
    def join(cls, parts: Sequence[Interval]) -> Interval:
        """Put vectors of intervals one behind another."""
        return cls(
            np.concatenate([part.lower for part in parts]),
            np.concatenate([part.upper for part in parts]),
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
        """Enclose ``1 / x`` of intervals above zero."""
        return Interval(_down(1.0 / self.upper), _up(1.0 / self.lower))

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
        """Give the coordinates themselves, ``(n, k)``."""
        n, k = box.lower.shape
        unit = np.broadcast_to(np.eye(k), (n, k, k))
        return cls(box, Interval(unit, unit))

    @classmethod
    def constants(cls, value: Interval) -> Dual:
        """Give values ``(n, d)`` that depend on no coordinate."""
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

    def __mul__(self, other: Dual) -> Dual:
        one, two = self.value, other.value
        slope = self.slope * _column(two) + other.slope * _column(one)
        return Dual(one * two, slope)

    def matmul(self, matrix: np.ndarray) -> Dual:
        """Multiply by an exact ``(d, m)`` from the right."""
        return Dual(self.value.matmul(matrix), self.slope.matmul_left(matrix.T))

    def reciprocal(self) -> Dual:
        """Divide one by values above zero."""
        inverse = self.value.reciprocal()
        return Dual(inverse, self.slope * _column(-(inverse * inverse)))

    def activate(self, name: str) -> Dual:
        """Apply ``"linear"``, ``"tanh"``, ``"sigmoid"`` or ``"relu"`` to each entry."""
        if name == "linear":
            return self
        value, slope = _ACTIVATIONS[name](self.value)
        return Dual(value, self.slope * _column(slope))


def hull(one: Interval, other: Interval) -> Interval:
    """Give the smallest intervals that hold both."""
    return Interval(np.minimum(one.lower, other.lower), np.maximum(one.upper, other.upper))


def intersect(one: Interval, other: Interval) -> Interval:
    """Give what both hold; ``lower`` is above ``upper`` where that is nothing."""
    # An enclosure that is not a number says nothing.
    return Interval(np.fmax(one.lower, other.lower), np.fmin(one.upper, other.upper))


def activation_values(name: str, x: Interval) -> Interval:
    """Enclose the values of an activation over intervals."""
    return x if name == "linear" else _ACTIVATIONS[name](x)[0]


def _as_interval(value: Interval | np.ndarray | float) -> Interval:
    return value if isinstance(value, Interval) else Interval.at(np.asarray(value))


def _column(value: Interval) -> Interval:
    return Interval(value.lower[..., None], value.upper[..., None])


def _down(x: np.ndarray) -> np.ndarray:
    return np.nextafter(x, -np.inf)


def _up(x: np.ndarray) -> np.ndarray:
    return np.nextafter(x, np.inf)


def _widened(lower: np.ndarray, upper: np.ndarray, n_products: int = 1) -> Interval:
    """Products of elementary functions, widened by their error."""
    error = 2.0 * n_products * ULPS * EPS
    return Interval(
        lower - error * np.abs(lower) - _TINY, upper + error * np.abs(upper) + _TINY
    )


def _tanh(x: Interval) -> tuple[Interval, Interval]:
    value = _widened(np.tanh(x.lower), np.tanh(x.upper))
    value = Interval(np.maximum(value.lower, -1.0), np.minimum(value.upper, 1.0))
    return value, _sech_squared(x)


def _sigmoid(x: Interval) -> tuple[Interval, Interval]:
    # sigmoid(a) = 1 / (1 + exp(-a)), whose relative error stays small far out as well.
    with np.errstate(over="ignore"):
        value = _widened(1.0 / (1.0 + np.exp(-x.lower)), 1.0 / (1.0 + np.exp(-x.upper)))
    value = Interval(np.maximum(value.lower, 0.0), np.minimum(value.upper, 1.0))
    half = _sech_squared(Interval(0.5 * x.lower, 0.5 * x.upper))
    return value, Interval(0.25 * half.lower, 0.25 * half.upper)


def _sech_squared(x: Interval) -> Interval:
    """The slope of tanh, which falls with the distance from zero."""
    near = np.where(
        (x.lower <= 0.0) & (x.upper >= 0.0),
        0.0,
        np.minimum(np.abs(x.lower), np.abs(x.upper)),
    )
    far = x.size
    lowest = np.cosh(np.minimum(far, 300.0)) ** -2.0
    lowest = np.where(far > 300.0, 0.0, lowest)
    highest = np.cosh(np.minimum(near, 300.0)) ** -2.0
    enclosed = _widened(lowest, highest, 3)
    return Interval(np.maximum(enclosed.lower, 0.0), np.minimum(enclosed.upper, 1.0))


def _relu(x: Interval) -> tuple[Interval, Interval]:
    value = Interval(np.maximum(x.lower, 0.0), np.maximum(x.upper, 0.0))
    return value, Interval((x.lower > 0.0).astype(float), (x.upper >= 0.0).astype(float))


_ACTIVATIONS = {"tanh": _tanh, "sigmoid": _sigmoid, "relu": _relu}
