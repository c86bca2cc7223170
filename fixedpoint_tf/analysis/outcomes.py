"""What became of a state that was run forward."""

from __future__ import annotations

import enum

import numpy as np

__all__ = ["RunOutcome", "describe_outcomes"]


class RunOutcome(enum.IntEnum):
    """What became of a state that was run forward.

    Example:
        >>> RunOutcome.CYCLE.text
        'comes round again and again: a limit cycle or a quasi-periodic orbit'
    """

    FIXED_POINT = 0
    OTHER_REST = 1
    CYCLE = 2
    MOVING = 3
    DIVERGED = 4
    NOT_RUN = 5
    BOUNDARY = 6

    @property
    def text(self) -> str:
        """The meaning in a phrase."""
        return _TEXT[self]

    @property
    def short(self) -> str:
        """The meaning in a few words, as they follow a number."""
        return _SHORT[self]


_TEXT = {
    RunOutcome.FIXED_POINT: "arrives at one of the fixed points given",
    RunOutcome.OTHER_REST: "comes to rest elsewhere: at a fixed point not given",
    RunOutcome.CYCLE: "comes round again and again: a limit cycle or a quasi-periodic orbit",
    RunOutcome.MOVING: "still moves when the steps are used up",
    RunOutcome.DIVERGED: "runs away to infinite or undefined numbers",
    RunOutcome.NOT_RUN: "interrupted before it arrived anywhere",
    RunOutcome.BOUNDARY: (
        "runs along the boundary between basins, to a saddle: where it goes on from there is "
        "decided by rounding"
    ),
}

_SHORT = {
    RunOutcome.FIXED_POINT: "at a point given",
    RunOutcome.OTHER_REST: "at rest elsewhere",
    RunOutcome.CYCLE: "on a cycle",
    RunOutcome.MOVING: "still moving",
    RunOutcome.DIVERGED: "running away",
    RunOutcome.NOT_RUN: "not run to the end",
    RunOutcome.BOUNDARY: "along a boundary between basins, where rounding decides",
}


def describe_outcomes(outcome: np.ndarray) -> str:
    """The outcomes other than a given point, in words, such as "3 on a cycle".

    Example:
        >>> describe_outcomes(np.array([0, 2, 2, 4]))
        '2 on a cycle, 1 running away'
    """
    counts = [(int((outcome == kind).sum()), kind) for kind in RunOutcome]
    return ", ".join(f"{n:,} {kind.short}" for n, kind in counts if n and kind)
