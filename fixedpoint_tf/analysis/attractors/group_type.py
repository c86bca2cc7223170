"""The forms that a group of points can have."""

from __future__ import annotations

from fixedpoint_tf._utils.enums import TextStrEnum

__all__ = ["MANIFOLDS", "GroupType"]


class GroupType(TextStrEnum):
    """Type of a group of points.

    Example:
        >>> GroupType.RING, GroupType.RING.text
        ('ring', 'a closed curve of points')
    """

    POINT = "point", "isolated"
    LINE = "line", "a curve of points with two ends"
    RING = "ring", "a closed curve of points"
    PLANE = "plane", "any two-dimensional sheet of points, a sphere or torus too"
    CYCLE = "cycle", "a closed curve on which states creep one way round for ever"
    UNCLEAR = "unclear", "none of these, or too few points to tell"


MANIFOLDS = (GroupType.LINE, GroupType.RING, GroupType.PLANE)
