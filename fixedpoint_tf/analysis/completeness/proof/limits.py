"""Limits of a proof: boxes, time, and Ctrl-C."""

from __future__ import annotations

import dataclasses
import time

from fixedpoint_tf._utils.interruption import Interruption

__all__ = ["Limits"]


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of the proofs at all inputs together.

    Within ``with limits.stop``, Ctrl-C ends the work as a limit does: what is decided stays
    so, and what was being looked at is left open.

    Attributes:
        max_boxes: boxes that are looked at for each input.
        deadline: of ``time.monotonic()``.
        stop: notes a Ctrl-C.

    Example:
        >>> limits = Limits(max_boxes=100, deadline=float("inf"))
        >>> limits.are_reached(99), limits.are_reached(100)
        (False, True)
        >>> with limits.stop:
        ...     raise KeyboardInterrupt
        >>> limits.are_reached()
        True
    """

    max_boxes: int
    deadline: float
    stop: Interruption = dataclasses.field(
        default_factory=lambda: Interruption("what is not decided is left open")
    )

    def are_reached(self, n_boxes: int = 0) -> bool:
        """Test for a limit that ends the work."""
        over = self.stop.came or n_boxes >= self.max_boxes
        return over or time.monotonic() > self.deadline
