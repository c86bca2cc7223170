"""Colours and markers of several results in one figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fixedpoint_tf._utils import checks, figures

__all__ = ["style_by_name"]

_ORDER = ("blue", "orange", "green", "vermillion", "purple", "sky blue", "black")
_MARKERS = "osD^vPX"


def style_by_name(name: str, results: Any, kind: Any) -> dict[str, tuple[Any, str, str]]:
    """Return each result with its colour and marker, in the given order."""
    wanted = "arrays" if kind is None else kind.__name__
    if not isinstance(results, Mapping):
        raise TypeError(
            f"{name}: expected {wanted} by name, received {type(results).__name__}."
        )
    if not 1 <= len(results) <= len(_ORDER):
        raise ValueError(f"{name}: expected 1 to {len(_ORDER)}, received {len(results)}.")
    checks.check_mapping(results, name)
    for key, result in results.items():
        if kind is not None and not isinstance(result, kind):
            raise TypeError(
                f"{name}: expected {wanted} by name, received {type(result).__name__} for "
                f"{key!r}."
            )
    pairs = zip(results.items(), _ORDER, _MARKERS, strict=False)
    return {k: (result, figures.COLORS[color], mark) for (k, result), color, mark in pairs}
