"""Counts with their nouns, as summaries and legends have them."""

from __future__ import annotations

__all__ = ["pluralize"]


def pluralize(n: int, noun: str, several: str | None = None, *, none: str = "0") -> str:
    """Return a number and its noun, singular or plural.

    Args:
        n: how many.
        noun: of one.
        several: of any other number; by default the noun with an s.
        none: what stands for 0.

    Example:
        >>> pluralize(1, "point"), pluralize(1200, "point"), pluralize(2, "branch", "branches")
        ('1 point', '1,200 points', '2 branches')
        >>> pluralize(0, "point"), pluralize(0, "point", none="no")
        ('0 points', 'no points')
    """
    number = f"{n:,}" if n else none
    return f"{number} {noun if n == 1 else several or noun + 's'}"
