"""What became of a point of the search."""

from __future__ import annotations

import enum

__all__ = ["Status"]


class Status(enum.IntEnum):
    """What became of a point.

    Example:
        >>> Status.SLOW_POINT.text
        'the speed q is stationary here, but not zero: states slow down and do not stop'
    """

    FIXED_POINT = 0
    SLOW_POINT = 1
    NOT_CONVERGED = 2
    DIVERGED = 3
    OUTLIER = 4
    NOT_SLOW = 5

    @property
    def text(self) -> str:
        """The meaning in a sentence."""
        return _TEXT[self]


_TEXT = {
    Status.FIXED_POINT: "the state maps to itself, to within the tolerance of the search",
    Status.SLOW_POINT: (
        "the speed q is stationary here, but not zero: states slow down and do not stop"
    ),
    Status.NOT_CONVERGED: "the search ended before the speed q became stationary",
    Status.DIVERGED: "the search ran away to infinite or undefined numbers",
    Status.OUTLIER: "unusually far from the states that the search began with",
    Status.NOT_SLOW: (
        "states move on here, and would cross the region of the initial states within 10 "
        "steps: no slow point, though the speed q may be stationary"
    ),
}
