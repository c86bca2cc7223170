"""Outcomes of running states forward."""

from __future__ import annotations

import numpy as np

from fixedpoint_tf._utils.enums import TextIntEnum, TextStrEnum

__all__ = ["RunOutcome", "StartOutcome", "describe_outcomes"]


class RunOutcome(TextIntEnum):
    """Outcome of running one state forward.

    Example:
        >>> RunOutcome.CYCLE.text
        'recurs without end: a limit cycle or a quasi-periodic orbit'
    """

    FIXED_POINT = 0, "arrives at one of the fixed points given"
    OTHER_REST = 1, "comes to rest elsewhere: at a fixed point not given"
    CYCLE = 2, "recurs without end: a limit cycle or a quasi-periodic orbit"
    MOVING = 3, "still moves when the steps are used up"
    DIVERGED = 4, "runs away to infinite or undefined numbers"
    NOT_RUN = 5, "interrupted before it arrived anywhere"
    BOUNDARY = (
        6,
        "runs along the boundary between basins, to a saddle: where it goes on from there is "
        "decided by rounding",
    )

    @property
    def short(self) -> str:
        """The meaning in a few words, as they follow a number."""
        return _SHORT[self]


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
    """Return the outcomes other than a given point, in words, such as "3 on a cycle".

    Example:
        >>> describe_outcomes(np.array([0, 2, 2, 4]))
        '2 on a cycle, 1 running away'
    """
    counts = [(int((outcome == member).sum()), member) for member in RunOutcome]
    return ", ".join(f"{n:,} {member.short}" for n, member in counts if n and member)


class StartOutcome(TextStrEnum):
    """Outcome of one start of :func:`fixedpoint_tf.analysis.find_cycles`.

    Example:
        >>> StartOutcome.CHAOTIC, StartOutcome.CHAOTIC.text
        ('chaotic', 'the largest Lyapunov exponent is positive over the steps simulated')
    """

    FIXED_POINT = "fixed point", "comes to rest"
    CYCLE = "cycle", "returns after a whole number of steps, or in continuous time"
    INVARIANT_CURVE = "invariant curve", "moves for ever on closed curves, in discrete time"
    QUASIPERIODIC = (
        "quasiperiodic",
        "no curve, but a torus: two Lyapunov exponents are zero and none is positive",
    )
    CHAOTIC = (
        "chaotic",
        "the largest Lyapunov exponent is positive over the steps simulated",
    )
    DIVERGED = "diverged", "runs away to infinite or undefined numbers"
    NOT_SETTLED = "not settled", "still changes when the steps are used up"
    NOT_REACHED = "not reached", "the search was interrupted before it reached this start"

    @property
    def place(self) -> str:
        """The words that follow a number of starts."""
        return _PLACES.get(self, self.value)


_PLACES = {
    StartOutcome.FIXED_POINT: "at a fixed point",
    StartOutcome.CYCLE: "on a cycle",
    StartOutcome.INVARIANT_CURVE: "on an invariant curve",
}
