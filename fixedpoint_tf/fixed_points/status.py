"""Status of the points of a search."""

from __future__ import annotations

from fixedpoint_tf._utils.enums import TextIntEnum

__all__ = ["Status"]


class Status(TextIntEnum):
    """Status of one point.

    Example:
        >>> Status.SLOW_POINT.text
        'the speed q is stationary here, but not zero: states slow down and do not stop'
    """

    FIXED_POINT = 0, "the state maps to itself, to within the tolerance of the search"
    SLOW_POINT = (
        1,
        "the speed q is stationary here, but not zero: states slow down and do not stop",
    )
    NOT_CONVERGED = 2, "the search ended before the speed q became stationary"
    DIVERGED = 3, "the search ran away to infinite or undefined numbers"
    OUTLIER = 4, "unusually far from the states that the search began with"
    NOT_SLOW = (
        5,
        "states move on here, and would cross the region of the initial states within 10 "
        "steps: no slow point, though the speed q may be stationary",
    )
