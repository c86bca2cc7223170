"""Rule by which a search ends: how many starts are due since the last new point."""

from __future__ import annotations

__all__ = ["Patience"]

STARTS_A_POINT = (
    8  # further starts for each point that is known: every one may be as hard to find
)


class Patience:
    """Number of further starts that are due since the last new point.

    A search goes on, since its last new point, for as many starts as are asked for at least,
    for eight times as many as points are known, and for as many as had been made until then,
    each times the effort.

    Args:
        effort: above zero.
        least: number of starts to make at least.
        n_since: starts that have led to no new point already.

    Attributes:
        n_starts: further starts so far.
        n_since: those since the last new point.

    Example:
        >>> patience = Patience(1.0, least=256)
        >>> patience.count(1024, n_new=2, n_known=9)
        >>> patience.count(512, n_new=0, n_known=9)
        >>> patience.n_due, patience.is_over
        (512, False)
    """

    def __init__(self, effort: float, *, least: int, n_since: int = 0):
        self.effort, self.least = effort, least
        self.n_starts = self.n_since = n_since
        self.n_known = 0

    def count(self, n: int, n_new: int, n_known: int) -> None:
        """Note a batch of starts, how many new points it led to, and how many are known."""
        self.n_starts += n
        self.n_since = 0 if n_new else self.n_since + n
        self.n_known = n_known

    @property
    def n_due(self) -> int:
        """Starts that are to be made without a new point before the search ends."""
        until_then = self.n_starts - self.n_since
        least = max(self.least, STARTS_A_POINT * self.n_known, until_then)
        return int(self.effort * least) - self.n_since

    @property
    def is_over(self) -> bool:
        """Test for the end."""
        return self.n_due <= 0
