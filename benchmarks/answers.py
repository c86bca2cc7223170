"""One known fact and what was found of it."""

from __future__ import annotations

from typing import NamedTuple


class Fact(NamedTuple):
    """A line of the table."""

    case: str
    known: str
    found: str
    agrees: bool
    training_seconds: float = 0.0
