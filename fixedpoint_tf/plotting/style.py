"""Markers of the kinds of points, the same in every figure."""

from __future__ import annotations

import dataclasses
from typing import Any

from fixedpoint_tf._utils.plurals import pluralize

__all__ = ["Look"]


@dataclasses.dataclass(frozen=True)
class Look:
    """Marker, colour and name of one kind of point, told apart without colour too."""

    adjective: str
    noun: str
    marker: str
    color: str
    size: float
    filled: bool = True

    def label(self, n: int) -> str:
        """Return the legend's words for n such points: "8 stable fixed points"."""
        return pluralize(n, f"{self.adjective} {self.noun}".strip())

    def marker_options(self) -> dict[str, Any]:
        """Return the keywords of ``Axes.plot`` that draw markers without a line."""
        return {
            "linestyle": "none",
            "marker": self.marker,
            "markersize": self.size,
            "color": self.color,
            "markerfacecolor": self.color if self.filled else "white",
            "markeredgecolor": "white" if self.filled else self.color,
            "markeredgewidth": 0.6 if self.filled else 1.3,
        }
