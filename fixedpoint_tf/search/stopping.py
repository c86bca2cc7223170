"""Rule by which a search ends: starts and fibres without a new point."""

from __future__ import annotations

import numpy as np

__all__ = ["Patience"]

STARTS_A_POINT = (
    8  # further starts for each point that is known: every one may be as hard to find
)


class Patience:
    """Number of further starts, and of fibres, that are due since the last new point.

    A search goes on, since its last new point, for as many starts as are asked for at least,
    for eight times as many as points are known, for as much work as had been done until
    then, and for a number of fibres where that is set, each times the effort.

    Args:
        effort: above zero.
        least: number of starts to make at least.

    Attributes:
        n_since: starts since the last new point.
        n_fibres: fibres since then.
        work: further starts so far, and as many as the fibres have cost.
        least_fibres: fibres to follow at least, none at first.

    Example:
        >>> patience = Patience(1.0, least=256)
        >>> patience.count(1024, n_new=2, n_known=9)
        >>> patience.count(512, n_new=0, n_known=9)
        >>> patience.n_due, patience.is_over
        (512, False)
        >>> patience.count_fibres(4, work=512.0, n_new=0, n_known=9)
        >>> patience.is_over
        True
    """

    def __init__(self, effort: float, *, least: int):
        self.effort, self.least = effort, least
        self.n_since = self.n_fibres = self.least_fibres = self.n_known = 0
        self.work = self.work_since = 0.0

    def count(self, n: int, n_new: int, n_known: int) -> None:
        """Note a batch of starts, how many new points it led to, and how many are known."""
        self._count(n, 0, float(n), n_new, n_known)

    def count_fibres(self, n: int, work: float, n_new: int, n_known: int) -> None:
        """Note fibres that were followed, and the number of starts that cost as much."""
        self._count(0, n, work, n_new, n_known)

    def _count(self, n: int, n_fibres: int, work: float, n_new: int, n_known: int) -> None:
        self.work += work
        self.n_since = 0 if n_new else self.n_since + n
        self.n_fibres = 0 if n_new else self.n_fibres + n_fibres
        self.work_since = 0.0 if n_new else self.work_since + work
        self.n_known = n_known

    @property
    def n_due(self) -> int:
        """Starts, or work of fibres, that are due before the search ends."""
        least = max(self.least, STARTS_A_POINT * self.n_known)
        until_then = self.work - self.work_since
        return max(
            int(self.effort * least) - self.n_since,
            int(self.effort * until_then - self.work_since),
        )

    @property
    def n_fibres_due(self) -> int:
        """Fibres that are due before the search ends."""
        return int(np.ceil(self.effort * self.least_fibres)) - self.n_fibres

    @property
    def is_over(self) -> bool:
        """Test for the end."""
        return self.n_due <= 0 and self.n_fibres_due <= 0
