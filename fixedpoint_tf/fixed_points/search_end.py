"""Rule that ended a search."""

from __future__ import annotations

from fixedpoint_tf._utils.enums import TextStrEnum

__all__ = ["SearchEnd"]


class SearchEnd(TextStrEnum):
    """Rule that ended a search, for several searches the last of these.

    Example:
        >>> SearchEnd.SETTLED.text
        'further starts led to no new isolated fixed point for as long as the last one took'
    """

    SETTLED = (
        "settled",
        "further starts led to no new isolated fixed point for as long as the last one took",
    )
    STARTS_ALONE = (
        "starts alone",
        "there were no starts but the given ones and what they led to",
    )
    MATRIX_FREE = (
        "matrix-free",
        "no further starts were made, for a matrix of so many units exceeds memory_limit",
    )
    FEW_ARRIVED = (
        "few arrived",
        "under a tenth of the further starts arrived at a fixed point: those found are a "
        "lower bound",
    )
    MISSING = (
        "missing",
        "further starts led to no new isolated fixed point, though by the sum of their indices "
        "some are missing",
    )
    TOO_MANY = (
        "too many",
        "the time was over before all combinations of the fixed points of independent blocks, "
        "or their images under symmetries, were entered",
    )
    TIME = "time", "the time was over before further starts led to no new isolated fixed point"
    INTERRUPTED = "interrupted", "the keyboard put an end to the search"
