"""Results of a proof of completeness, each as a word and as a sentence."""

from __future__ import annotations

from fixedpoint_tf._utils.enums import TextStrEnum

__all__ = ["CompletenessCode"]


class CompletenessCode(TextStrEnum):
    """Result of a proof that all fixed points at one input are known.

    Example:
        >>> CompletenessCode.COMPLETE, CompletenessCode.COMPLETE.text
        ('complete', 'proved: these are all fixed points')
    """

    COMPLETE = "complete", "proved: these are all fixed points"
    UNDECIDED = "undecided", "boxes are left that may hold fixed points, or pairs of them"
    LIMIT = "limit", "the limit of time or of boxes was reached"
    NO_BOUNDS = (
        "no_bounds",
        "no theorem: the states have no bounds (bounds= gives them), or an operation of the "
        "network has no enclosure",
    )
    TOO_LARGE = "too_large", "none is within reach: too many variables, or ReLU units"
    INTERRUPTED = "interrupted", "not examined to the end"
