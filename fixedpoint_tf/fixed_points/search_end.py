"""Rule that ended a search."""

from __future__ import annotations

from fixedpoint_tf._utils.enums import TextStrEnum

__all__ = ["SearchEnd"]


class SearchEnd(TextStrEnum):
    """Rule that ended a search, or the last of several searches.

    Example:
        >>> SearchEnd.SETTLED.text
        'no new isolated fixed point for as long as the last one took to find'
    """

    SETTLED = (
        "settled",
        "no new isolated fixed point for as long as the last one took to find",
    )
    STARTS_ALONE = (
        "starts alone",
        "only the given starts, and states derived from them, were used",
    )
    MATRIX_FREE = (
        "matrix-free",
        "no further starts, since a matrix of this many units exceeds memory_limit",
    )
    FEW_ARRIVED = (
        "few arrived",
        "fewer than a tenth of the further starts reached a fixed point: some may be missing, "
        "and the number found is a lower bound",
    )
    MISSING = (
        "missing",
        "further starts led to no new isolated fixed point, though the sum of indices shows "
        "that some are missing",
    )
    TOO_MANY = (
        "too many",
        "time limit, before all combinations of the fixed points of independent blocks, or "
        "their images under symmetries, were added",
    )
    TIME = "time", "time limit, while further starts might still lead to new fixed points"
    ENDLESS = (
        "endless",
        "the time was over while most further starts led to new fixed points: there may be "
        "infinitely many, and those found are a sample of them",
    )
    INTERRUPTED = "interrupted", "interrupted from the keyboard"
