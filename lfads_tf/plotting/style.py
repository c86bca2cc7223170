"""Style of the figures of this package: rates, conditions and bins of time.

Colours, panels and legends of both packages are in :mod:`fixedpoint_tf._utils.figures`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from fixedpoint_tf._utils import checks
from fixedpoint_tf._utils.checks import unmasked
from fixedpoint_tf._utils.figures import COLORS
from lfads_tf._utils.checks import numbers_or_nan, several
from lfads_tf._utils.conditions import as_conditions, condition_kinds

__all__ = [
    "ESTIMATE",
    "MOST_LISTED",
    "SMOOTHED",
    "TRUTH",
    "chosen",
    "condition_colors",
    "condition_key",
    "field",
    "times",
]

#: More conditions than this are coloured, but not listed.
MOST_LISTED = 16

#: Colours around a circle: opposite ones are dark and light, or blue and red, which
#: colour-blind readers tell apart too.
_CIRCLE = ("#1B1464", "#0072B2", "#4FC0E0", "#EBC000", "#E06A10", "#8A1C3C", "#1B1464")

#: Keywords of ``Axes.plot`` for the three kinds of rates, the same in every figure.
TRUTH = {"color": COLORS["black"], "linewidth": 1.2, "linestyle": (0, (4, 1.5)), "zorder": 4}
ESTIMATE = {"color": COLORS["blue"], "linewidth": 1.8, "zorder": 3}
SMOOTHED = {"color": COLORS["orange"], "linewidth": 1.2, "zorder": 2}


def field(
    name: str, inferred: Any, attribute: str, n_axes: int, shape: str, *, nan: bool = False
) -> np.ndarray:
    """Return an array of an inference's result, or the array itself where only that was given.

    Args:
        name: name of the argument.
        inferred: the argument as passed.
        attribute: attribute of the result.
        n_axes: number of axes of the array.
        shape: expected, in words.
        nan: NaN is right, for what is not known.

    Raises:
        ValueError: there is no such attribute, it has another number of axes, or numbers that
            are not finite.
    """
    value = getattr(inferred, attribute, inferred)
    try:
        array = np.asarray(unmasked(value))
    except Exception:  # a tuple of arrays of different shapes, or another library's own
        array = np.asarray(None)
    is_numeric = array.dtype.kind in "buif"
    if not is_numeric or array.ndim != n_axes or 0 in array.shape[:-1]:
        received = f"shape {array.shape}" if is_numeric else f"a {type(value).__name__}"
        raise ValueError(
            f"{name}: expected {attribute} of shape {shape}, or a result of inference that "
            f"has them, received {received}."
        )
    if nan:
        return numbers_or_nan(array, name)
    return checks.as_numbers(array, name, dtype=None, finite=True)


def chosen(name: str, indices: Any, n: int, default: Iterable[int]) -> list[int]:
    """Return indices as a list, checked against the number there is.

    Raises:
        ValueError: they are no whole numbers, or none, or out of range.
    """
    if indices is None:
        return [int(i) for i in default]
    items = [indices] if checks.is_whole(indices) else several(indices, name)
    if not all(map(checks.is_whole, items)):
        raise checks.ArgumentTypeError(
            f"{name}: expected whole numbers in a list, received {checks.shown(indices)}."
        )
    wrong = [i for i in items if not 0 <= i < n]
    if wrong:
        raise ValueError(f"{name}: expected numbers from 0 to {n - 1}, received {wrong[0]}.")
    return [int(i) for i in items]


def times(n_bins: int, bin_width: float, start: float) -> np.ndarray:
    """Return the centres of the bins in seconds, the first bin beginning at ``start``."""
    return start + (np.arange(n_bins) + 0.5) * bin_width


def condition_key(
    conditions: Any, n_trials: int, cyclic: bool = False
) -> list[tuple[str | None, Any, np.ndarray]]:
    """Return name, colour and trials of each condition in order, or of all trials.

    Trials without a condition belong to none. Order and colours are those of
    :func:`condition_colors`. Of more than ``MOST_LISTED`` conditions the names begin with an
    underscore, which keeps them out of legends.

    Raises:
        TypeError: ``cyclic`` is neither True nor False.
        ValueError: not one condition a trial.
    """
    checks.check_switch(cyclic, "cyclic")
    labels = None if conditions is None else as_conditions(conditions, n_trials)
    colors = {} if labels is None else condition_colors(labels, cyclic=cyclic)
    if not colors:
        return [(None, COLORS["blue"], np.arange(n_trials))]
    hidden = "_" if len(colors) > MOST_LISTED else ""
    return [
        (hidden + _words(kind), color, np.flatnonzero(labels == kind))
        for kind, color in colors.items()
    ]


def condition_colors(conditions: Any, *, cyclic: bool = False) -> dict[Any, str]:
    """Return the colour of each condition, as the figures of this package draw it.

    Up to seven conditions have colours that all readers can distinguish; more have a sequence
    of colours, light to dark. Cyclic conditions have the colours of a circle, where the last is
    next to the first. In each case colour-blind readers can distinguish neighbours.

    Args:
        conditions: conditions of the trials, ``(n_trials,)``; numbers or text.
        cyclic: whether the conditions, in order, go around a circle, as directions of reaching
            do.

    Returns:
        Colours such as ``"#0072b2"`` by condition, in order. Numbers in text are sorted as
        numbers: "45 deg" stands before "135 deg". Trials without a condition have none.

    Raises:
        TypeError: conditions that are neither numbers nor text, or ``cyclic`` that is neither
            True nor False.

    Example:
        >>> condition_colors(["right", "left", "right"])
        {'left': '#0072b2', 'right': '#e69f00'}
        >>> list(condition_colors(["135 deg", "45 deg", "90 deg"], cyclic=True))
        ['45 deg', '90 deg', '135 deg']
    """
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap, to_hex

    checks.check_switch(cyclic, "cyclic")
    kinds = _in_order(condition_kinds(as_conditions(conditions, None)))
    colors: list[Any] = [color for name, color in COLORS.items() if name != "grey"]
    if cyclic:
        circle = LinearSegmentedColormap.from_list("circle", _CIRCLE, N=1024)
        colors = list(circle(np.arange(len(kinds)) / max(1, len(kinds))))
    elif len(kinds) > len(colors):
        colors = list(colormaps["viridis"](np.linspace(0.85, 0.0, len(kinds))))
    return {kind: to_hex(color) for kind, color in zip(kinds.tolist(), colors, strict=False)}


def _in_order(kinds: np.ndarray) -> np.ndarray:
    """Sort conditions, text by the value of the numbers in it."""
    if kinds.dtype.kind != "U":
        return kinds
    parts = [re.split(r"((?:(?<!\S)-)?\d+(?:\.\d+)?)", kind) for kind in kinds.tolist()]
    keys = [[float(part) if i % 2 else part for i, part in enumerate(row)] for row in parts]
    return kinds[sorted(range(len(kinds)), key=keys.__getitem__)]


def _words(kind: Any) -> str:
    return f"{kind:g}" if isinstance(kind, float) else str(kind)
