r"""Affine enclosures on arrays: linear in the coordinates of a box, with a remainder.

A quantity that depends on coordinates :math:`c + \delta`, :math:`|\delta| \le r`, is enclosed
by :math:`L \delta + \rho` with a matrix of numbers ``L`` and intervals ``rho`` (affine
arithmetic, de Figueiredo & Stolfi 2004, with all nonlinear terms in one remainder). Functions
are replaced by the chord over their argument's range: what is left out falls with the square
of the range, eight times smaller than by their derivatives.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from fixedpoint_tf._utils.elementary import FUNCTIONS, function_values
from fixedpoint_tf._utils.intervals import Interval, intersect
from fixedpoint_tf._utils.norms import EPS, gamma

__all__ = ["Affine"]


@dataclasses.dataclass(frozen=True)
class Affine:
    """Quantities ``slope @ delta + rest`` of ``|delta| <= radius``, ``n`` boxes at once.

    Attributes:
        radius: ``(n, k)``, of the coordinates about their centre.
        slope: ``(n, d, k)``, numbers.
        rest: ``(n, d)``.
        value: ``(n, d)``, an enclosure of the quantity by itself, the narrower of all known.

    Example:
        >>> x = Affine.coordinates(np.array([[0.5]]), np.array([[0.5]]))
        >>> y = x * x.activate("linear")
        >>> bool(y.value.lower[0, 0] >= -0.26), bool(y.value.upper[0, 0] >= 1.0)
        (True, True)
    """

    radius: np.ndarray
    slope: np.ndarray
    rest: Interval
    value: Interval

    @classmethod
    def coordinates(cls, centre: np.ndarray, radius: np.ndarray) -> Affine:
        """Return the coordinates themselves, ``(n, k)``."""
        n, k = centre.shape
        unit = np.broadcast_to(np.eye(k), (n, k, k))
        return cls(radius, unit, Interval.at(centre), Interval.around(centre, radius))

    def split(self, n_parts: int) -> list[Affine]:
        """Cut the columns into parts of equal width."""
        width = self.slope.shape[1] // n_parts
        cuts = [slice(k * width, (k + 1) * width) for k in range(n_parts)]
        return [
            Affine(self.radius, self.slope[:, cut], self.rest[:, cut], self.value[:, cut])
            for cut in cuts
        ]

    def __neg__(self) -> Affine:
        return Affine(self.radius, -self.slope, -self.rest, -self.value)

    def __add__(self, other: Affine | Interval | np.ndarray | float) -> Affine:
        if not isinstance(other, Affine):
            return Affine(self.radius, self.slope, self.rest + other, self.value + other)
        slope = self.slope + other.slope
        error = EPS * _reach(np.abs(slope), self.radius)
        rest = _widen(self.rest + other.rest, error)
        return self._with(slope, rest, self.value + other.value)

    def __mul__(self, other: Affine | Interval) -> Affine:
        if isinstance(other, Interval):
            factor = other.centre
            slope = self.slope * factor[..., None]
            rest = self.rest * factor + self.value * (other - factor)
            rest = _widen(rest, 2.0 * EPS * _reach(np.abs(slope), self.radius))
            return self._with(slope, rest, self.value * other)
        one, two = self.rest.centre, other.rest.centre
        slope = self.slope * two[..., None] + other.slope * one[..., None]
        size = np.abs(self.slope * two[..., None]) + np.abs(other.slope * one[..., None])
        product = Interval.at(one) * two
        # (one + p) (two + q) = one two + two p + one q + p q, with p and q of known size.
        p, q = self._deviation(one), other._deviation(two)
        p_rest, q_rest = self.rest - one, other.rest - two
        rest = product + p_rest * two + q_rest * one + p * q
        rest = _widen(rest, 4.0 * EPS * _reach(size, self.radius))
        return self._with(slope, rest, self.value * other.value)

    def _deviation(self, centre: np.ndarray) -> Interval:
        """Enclose the quantity minus numbers near the middle of its remainder."""
        return self.value - centre

    def matmul(self, matrix: np.ndarray | Interval) -> Affine:
        """Multiply by ``(d, m)`` from the right, exact or an interval."""
        if isinstance(matrix, Interval):
            error = self.value.size @ (matrix.radius * (1.0 + gamma(len(matrix.lower) + 4)))
            return self.matmul(matrix.centre) + Interval.around(np.zeros_like(error), error)
        size = np.abs(matrix.T) @ np.abs(self.slope)
        slope = matrix.T @ self.slope
        error = gamma(len(matrix) + 2) * _reach(size, self.radius)
        rest = _widen(self.rest.matmul(matrix), error)
        return self._with(slope, rest, self.value.matmul(matrix))

    def take(self, columns: np.ndarray) -> Affine:
        """Return some of the columns, in any order."""
        rest, value = self.rest[:, columns], self.value[:, columns]
        return Affine(self.radius, self.slope[:, columns], rest, value)

    @classmethod
    def join(cls, parts: Sequence[Affine]) -> Affine:
        """Put columns of the same coordinates one behind another."""
        return cls(
            parts[0].radius,
            np.concatenate([part.slope for part in parts], axis=1),
            Interval.join([part.rest for part in parts], axis=1),
            Interval.join([part.value for part in parts], axis=1),
        )

    def constant(self, value: Interval) -> Affine:
        """Return values ``(d,)`` that do not depend on the coordinates of this one."""
        n, k = self.radius.shape
        shape = n, len(value.lower)
        rows = Interval(
            np.broadcast_to(value.lower, shape), np.broadcast_to(value.upper, shape)
        )
        return Affine(self.radius, np.zeros((*shape, k)), rows, rows)

    def scaled(self, factor: float) -> Affine:
        """Multiply by a power of two, or minus one."""
        return Affine(self.radius, factor * self.slope, self.rest * factor, self.value * factor)

    def reciprocal(self) -> Affine:
        """Divide one by values above zero, with infinite bounds for others."""
        known = (self.value.lower > 0.0) & np.isfinite(self.value.upper)
        low = np.where(known, self.value.lower, 1.0)
        high = np.where(known, self.value.upper, 1.0)
        alpha = -1.0 / (low * high)
        # 1 / x - alpha x is convex: largest at the ends, lowest where x^2 = -1 / alpha.
        lowest = np.clip(np.sqrt(low * high), low, high)
        ends = np.maximum(1.0 / low - alpha * low, 1.0 / high - alpha * high)
        least = 1.0 / lowest - alpha * lowest
        tilt = np.abs(-1.0 / lowest**2 - alpha) * (high - low)
        error = 16.0 * EPS * (np.abs(ends) + np.abs(least) + 1.0 / low) + 2.0 * tilt
        value = self.value.reciprocal()
        alpha = np.where(known, alpha, 0.0)
        lower = np.where(known, least - error, value.lower)
        upper = np.where(known, ends + error, value.upper)
        return self._by_chord(alpha, lower, upper, value)

    def activate(self, name: str) -> Affine:
        """Apply a function to each entry: ``"linear"``, or a key of ``FUNCTIONS``."""
        if name == "linear":
            return self
        if name not in ("tanh", "sigmoid"):
            return self._by_slopes(name)
        value = function_values(name, self.value)
        if name == "sigmoid":  # (1 + tanh(a / 2)) / 2
            half = self.scaled(0.5).activate("tanh").scaled(0.5) + 0.5
            return self._with(half.slope, half.rest, intersect(half.value, value))
        low, high = self.value.lower, self.value.upper
        at_low, at_high = np.tanh(low), np.tanh(high)
        width = high - low
        alpha = np.clip((at_high - at_low) / np.maximum(width, 1e-150), 0.0, 1.0)
        alpha = np.where(width > 1e-8, alpha, 1.0 - at_low * at_low)
        # tanh(a) - alpha a is concave above zero and convex below, with turning points where
        # tanh(a)^2 is 1 - alpha.
        peak = np.minimum(np.sqrt(1.0 - alpha), 1.0 - 1e-16)
        turn = np.arctanh(peak)
        top = peak - alpha * turn
        ends = at_low - alpha * low, at_high - alpha * high
        upper, lower = np.maximum(*ends), np.minimum(*ends)
        upper = np.where((low < turn) & (turn < high), np.maximum(upper, top), upper)
        lower = np.where((low < -turn) & (-turn < high), np.minimum(lower, -top), lower)
        # A turning point is only known to rounding: the tangent there, whose slope is some
        # roundoffs, bounds the rest.
        reach = np.maximum(np.abs(low), np.abs(high))
        error = 64.0 * EPS * (1.0 + alpha * reach + np.minimum(width, 2.0 * reach))
        flat = ~np.isfinite(lower + upper + error)
        alpha = np.where(flat, 0.0, alpha)
        lower = np.where(flat, value.lower, lower - error)
        upper = np.where(flat, value.upper, upper + error)
        return self._by_chord(alpha, lower, upper, value)

    def _by_slopes(self, name: str) -> Affine:
        """Enclose a function by its slopes: ``f(a) - alpha a`` about the centre of ``a``."""
        value, slope = FUNCTIONS[name](self.value)
        centre = self.value.centre
        alpha = slope.centre
        known = np.isfinite(alpha) & np.isfinite(centre)
        alpha, centre = np.where(known, alpha, 0.0), np.where(known, centre, 0.0)
        left = function_values(name, Interval.at(centre)) - Interval.at(centre) * alpha
        left = left + (slope - alpha) * (self.value - centre)
        known &= np.isfinite(left.lower) & np.isfinite(left.upper)
        lower = np.where(known, left.lower, value.lower)
        upper = np.where(known, left.upper, value.upper)
        return self._by_chord(np.where(known, alpha, 0.0), lower, upper, value)

    def _by_chord(
        self, alpha: np.ndarray, lower: np.ndarray, upper: np.ndarray, value: Interval
    ) -> Affine:
        """Enclose ``f(a)`` by ``alpha a + [lower, upper]``."""
        slope = alpha[..., None] * self.slope
        rest = self.rest * alpha + Interval(lower, upper)
        rest = _widen(rest, 2.0 * EPS * _reach(np.abs(slope), self.radius))
        return self._with(slope, rest, value)

    def _with(self, slope: np.ndarray, rest: Interval, value: Interval) -> Affine:
        """Return other quantities of the same coordinates, with the narrower of two values."""
        reach = _reach(np.abs(slope), self.radius)
        own = _widen(rest, reach)
        return Affine(self.radius, slope, rest, intersect(own, value))


def _reach(size: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Bound ``size @ |delta|``: ``(n, d, k)`` and ``(n, k)`` to ``(n, d)``."""
    return (size @ radius[..., None])[..., 0] * (1.0 + gamma(radius.shape[-1] + 4))


def _widen(x: Interval, error: np.ndarray) -> Interval:
    return x + Interval(-error, error)
