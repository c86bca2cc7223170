"""Linear growth: enclosures of quantities over the whole space of states, however large.

A quantity is enclosed by ``slope @ x + rest`` for every state ``x``. Bounded functions have a
slope of zero; others keep the range of their slopes. Where that cannot be, nothing is known:
the rest is infinite.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from fixedpoint_tf._utils.elementary import FUNCTIONS, function_values
from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf._utils.norms import gamma

__all__ = ["Growth"]

# Slopes over all numbers; of these functions alone a line plus a bounded rest is known.
_SLOPES = {"relu": (0.0, 1.0), "abs": (-1.0, 1.0), "softplus": (0.0, 1.0), "elu": (0.0, 1.0)}
_BOUNDED = ("tanh", "sigmoid", "softsign", "ramp", "erf", "arctan", "sin", "cos")


@dataclasses.dataclass(frozen=True)
class Growth:
    """Quantities ``slope @ x + rest`` of states ``(k,)`` of any size, in one row.

    Attributes:
        slope: ``(1, d, k)``.
        rest: ``(1, d)``.

    Example:
        >>> x = Growth.coordinates(1)
        >>> y = x.activate("tanh") + -x
        >>> y.slope.lower.ravel().tolist(), bool(abs(y.rest.upper[0, 0] - 1.0) < 1e-9)
        ([-1.0], True)
    """

    slope: Interval
    rest: Interval

    @classmethod
    def coordinates(cls, k: int) -> Growth:
        """Return the states themselves."""
        return cls(Interval.at(np.eye(k)[None]), Interval.at(np.zeros((1, k))))

    @property
    def _is_bounded(self) -> np.ndarray:
        """Mask ``(1, d)`` of quantities that depend on no state except through their rest."""
        return np.asarray((self.slope.size == 0.0).all(axis=-1))

    def _known_where(self, known: np.ndarray) -> Growth:
        """Forget all others."""
        rest = Interval(
            np.where(known, self.rest.lower, -np.inf), np.where(known, self.rest.upper, np.inf)
        )
        return Growth(_kept(self.slope, known), rest)

    def __neg__(self) -> Growth:
        return Growth(-self.slope, -self.rest)

    def __add__(self, other: Growth | Interval | np.ndarray) -> Growth:
        if not isinstance(other, Growth):
            return Growth(self.slope, self.rest + other)
        # Zero plus a slope is that slope, to the last bit.
        slope = self.slope + other.slope
        for one, two in ((self.slope, other.slope), (other.slope, self.slope)):
            none = one.size == 0.0
            slope = Interval(
                np.where(none, two.lower, slope.lower), np.where(none, two.upper, slope.upper)
            )
        return Growth(slope, self.rest + other.rest)

    def __mul__(self, other: Growth | Interval) -> Growth:
        if isinstance(other, Interval):
            return Growth(_scaled(self.slope, other), self.rest * other)
        free, other_free = self._is_bounded, other._is_bounded
        slope = _scaled(_kept(other.slope, free), self.rest)
        slope = slope + _scaled(_kept(self.slope, other_free), other.rest)
        slope = _kept(slope, ~(free & other_free))
        return Growth(slope, self.rest * other.rest)._known_where(free | other_free)

    def matmul(self, matrix: np.ndarray | Interval) -> Growth:
        """Multiply by ``(d, m)`` from the right, exact or an interval."""
        middle = matrix.centre if isinstance(matrix, Interval) else matrix
        rest = self.rest.matmul(middle)
        slope = self.slope.matmul_left(middle.T)
        # What touches no state keeps a slope of zero, to the last bit.
        touched = np.abs(middle.T) @ (self.slope.size > 0.0).astype(float) > 0.0
        if isinstance(matrix, Interval):
            error = matrix.radius * (1.0 + gamma(len(middle) + 4))
            by = self.rest.size @ error
            rest = rest + Interval.around(np.zeros_like(by), by)
            by = error.T @ self.slope.size
            slope = slope + Interval.around(np.zeros_like(by), by)
            touched |= by > 0.0
        slope = Interval(
            np.where(touched, slope.lower, 0.0), np.where(touched, slope.upper, 0.0)
        )
        unknown = ~np.isfinite(self.rest.size) @ (middle != 0.0)
        return Growth(slope, rest)._known_where(~unknown)

    def take(self, columns: np.ndarray) -> Growth:
        """Return some of the columns, in any order."""
        return Growth(self.slope[:, columns], self.rest[:, columns])

    @classmethod
    def join(cls, parts: Sequence[Growth]) -> Growth:
        """Put columns one behind another."""
        return cls(
            Interval.join([part.slope for part in parts], axis=1),
            Interval.join([part.rest for part in parts], axis=1),
        )

    def constant(self, value: Interval) -> Growth:
        """Return values ``(d,)`` that depend on no state."""
        none = np.zeros((1, len(value.lower), self.slope.lower.shape[-1]))
        return Growth(Interval.at(none), value[None])

    def reciprocal(self) -> Growth:
        """Divide one by values above zero, where they are bounded."""
        value = Growth(_kept(self.slope, self._is_bounded), self.rest.reciprocal())
        return value._known_where(self._is_bounded)

    def activate(self, name: str) -> Growth:
        """Apply a function to each entry: ``"linear"``, or a key of ``FUNCTIONS``."""
        if name == "linear":
            return self
        bounded = self._is_bounded
        everything = Interval(
            np.where(bounded, self.rest.lower, -np.inf),
            np.where(bounded, self.rest.upper, np.inf),
        )
        if name not in _SLOPES:
            known = bounded | (name in _BOUNDED)
            value = function_values(name, everything)
            return Growth(_kept(self.slope, np.zeros_like(known)), value)._known_where(known)
        value = function_values(name, Interval.at(np.zeros_like(self.rest.lower)))
        slopes = Interval(*(np.full_like(value.lower, s) for s in _SLOPES[name]))
        line = Growth(_scaled(self.slope, slopes), self.rest * slopes + value)
        own = FUNCTIONS[name](everything)[0]
        rest = Interval(
            np.where(bounded, own.lower, line.rest.lower),
            np.where(bounded, own.upper, line.rest.upper),
        )
        return Growth(line.slope, rest)


def _scaled(slope: Interval, factor: Interval) -> Interval:
    """Multiply slopes by factors, and keep exact zeros."""
    product = slope * Interval(factor.lower[..., None], factor.upper[..., None])
    none = slope.size == 0.0
    return Interval(np.where(none, 0.0, product.lower), np.where(none, 0.0, product.upper))


def _kept(slope: Interval, where: np.ndarray) -> Interval:
    """Return slopes where ``where`` is true, and zero elsewhere."""
    keep = where[..., None]
    return Interval(np.where(keep, slope.lower, 0.0), np.where(keep, slope.upper, 0.0))
