"""Summary of a set of points in words."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf.fixed_points.search_end import SearchEnd
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.linearization.stability import Stability

if TYPE_CHECKING:
    from fixedpoint_tf.fixed_points.points import FixedPoints

__all__ = ["summarize"]


def summarize(points: FixedPoints) -> str:
    """Count the points of each kind in words.

    Slow points are never counted as fixed points, and points without a status are
    neither.

    For the whole result of a search, further lines state the evidence on missing points: the
    sum of the indices, and the rule that ended the search.

    Args:
        points: any set, also an empty one.

    Returns:
        Lines, the first such as
        "27 fixed points: 8 stable, 12 with 1 unstable direction, 6 with 2, 1 with 3; 32
        units" or "1 fixed point (stable); 46 slow points (41 at a
        bound, q 2e-08 to 5e-04); 128 units".
    """
    if points.status is None:
        parts = [_with_detail(points.n, "point", _stabilities(points)) + " of unknown status"]
        if points.n == 0:
            parts = ["no points"]
    else:
        of = {status: points[points.status == status] for status in Status}
        fixed, slow = of[Status.FIXED_POINT], of[Status.SLOW_POINT]
        parts = [_with_detail(fixed.n, "fixed point", _stabilities(fixed))]
        if slow.n:
            details = ", ".join(_at_bound(slow) + _speeds(slow))
            parts.append(_counted(slow.n, "slow point") + (f" ({details})" if details else ""))
        parts += [
            f"{of[status].n:,} {words}"
            for status, words in (
                (Status.NOT_CONVERGED, "not converged"),
                (Status.DIVERGED, "diverged"),
                (Status.OUTLIER, "far from the initial states"),
                (Status.NOT_SLOW, "not slow"),
            )
            if of[status].n
        ]
    parts += _lost_starts(points.start_counts)
    parts.append(_size(points))
    lines = ["; ".join(parts)]
    if points.index is not None:
        lines += points.index.in_words()
    if points.search_end is not None:
        lines.append(f"search ended: {SearchEnd(points.search_end).text}")
    return "\n".join(lines)


_LOST = {
    "NOT_CONVERGED": "did not converge",
    "DIVERGED": "diverged",
    "OUTLIER": "ended far from the others",
    "NOT_SLOW": "ended where the speed is stationary but not slow",
}


def _lost_starts(counts: dict[str, int] | None) -> list[str]:
    """Count the starts that led to no point of the set, in words."""
    if counts is None:
        return []
    lost = [f"{counts[name]:,} {words}" for name, words in _LOST.items() if counts.get(name)]
    return [f"of {_counted(sum(counts.values()), 'start')} {', '.join(lost)}"] if lost else []


_counted = functools.partial(pluralize, none="no")


def _with_detail(n: int, noun: str, details: list[str]) -> str:
    """Add one detail in brackets, or several as a list after a colon."""
    if not details:
        return _counted(n, noun)
    if n == 1 or len(details) == 1:
        return f"{_counted(n, noun, none='no')} ({details[0]})"
    return f"{_counted(n, noun, none='no')}: {', '.join(details)}"


def _stabilities(points: FixedPoints) -> list[str]:
    """Count the points by stability: stable, 1, 2, ... unstable directions, marginal."""
    counts, classes = points.n_unstable, points.stability_class
    if counts is None or classes is None or points.n == 0:
        return []
    groups = [("stable", int((classes == Stability.STABLE).sum()))]
    for k in np.unique(counts[counts > 0]):
        groups.append((_counted(int(k), "unstable direction"), int((counts == k).sum())))
    groups.append(("marginal", int((classes == Stability.MARGINAL).sum())))
    groups.append(("of unknown stability", int((classes == Stability.UNKNOWN).sum())))
    groups = [(word, n) for word, n in groups if n]
    if len(groups) == 1:
        word = groups[0][0]
        one = points.n == 1 or word[0].isalpha()
        all_ = "all " if points.n > 1 else ""
        return [all_ + (word if one else f"with {word}")]
    words, unit_said = [], False
    for word, n in groups:
        if word[0].isalpha():
            words.append(f"{n:,} {word}")
        else:  # "12 with 1 unstable direction, 6 with 2": the unit is said once.
            words.append(f"{n:,} with {word.split()[0] if unit_said else word}")
            unit_said = True
    return words


def _at_bound(points: FixedPoints) -> list[str]:
    if points.n_at_bound is None:
        return []
    n = int((points.n_at_bound > 0).sum())
    if points.n == 1:
        return ["at a bound"] if n else []
    return [f"{n:,} at a bound"] if n else []


def _speeds(points: FixedPoints) -> list[str]:
    """Return the lowest and the highest speed of slow points in words."""
    if points.qstar is None or not np.isfinite(points.qstar).any():
        return []
    low, high = (f"{q:.0e}" for q in (np.nanmin(points.qstar), np.nanmax(points.qstar)))
    return [f"q {low}" if low == high else f"q {low} to {high}"]


def _size(points: FixedPoints) -> str:
    blocks = points.state_names or ()
    if len(blocks) < 2:
        size = _counted(points.n_states, "unit")
    else:
        names = ", ".join(f"{name} {count}" for name, count in blocks)
        size = f"{_counted(points.n_states, 'state variable', none='no')} ({names})"
    return size if points.time == "discrete" else f"{size}, continuous time"
