"""Concatenation of sets of points of the same system."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.checks import check_switch
from fixedpoint_tf.fixed_points.arrays import array_fields, arrays_of
from fixedpoint_tf.fixed_points.index import IndexSum
from fixedpoint_tf.fixed_points.search_end import SearchEnd

if TYPE_CHECKING:
    from fixedpoint_tf.fixed_points.points import FixedPoints

__all__ = ["concatenate"]


def concatenate(sets: Sequence[FixedPoints], common: bool) -> FixedPoints:
    """Join sets as :meth:`fixedpoint_tf.FixedPoints.concatenate` says."""
    check_switch(common, "common")
    if not sets:
        raise ValueError("parts: expected at least one FixedPoints, received none.")
    for name in ("n_states", "time", "state_names"):
        values = [getattr(points, name) for points in sets]
        if any(value != values[0] for value in values):
            raise ValueError(f"parts: expected one value of {name}, received {values}.")
    filled = [points for points in sets if points.n] or sets[:1]
    names = array_fields(filled[0])
    arrays = [arrays_of(points) for points in filled]
    for name in names:
        has = [name in of_set for of_set in arrays]
        if any(has) and not all(has) and not common:
            raise ValueError(
                f"parts: expected {name} in all sets or in none, received it in "
                f"{sum(has)} of {len(has)}; common=True drops what only some have."
            )
    joined: dict[str, Any] = {
        name: np.concatenate([a[name] for a in arrays])
        if all(name in a for a in arrays)
        else None
        for name in names
    }
    joined["start_counts"] = joined["search_end"] = None
    joined["index"] = _joined_index([points.index for points in sets])
    ends = [SearchEnd(points.search_end) for points in sets if points.search_end is not None]
    if joined["index"] is not None and len(ends) == len(sets):  # the one that ended the least
        joined["search_end"] = max(ends, key=list(SearchEnd).index)
    joined["tol_unique"] = min(points.tol_unique for points in filled)
    return dataclasses.replace(filled[0], **joined)


def _joined_index(each: Sequence[IndexSum | None]) -> IndexSum | None:
    """Join the indices of whole results of searches, where no two have an input in common."""
    known = [index for index in each if index is not None]
    if len(known) < len(each) or len({index.inputs.shape[1] for index in known}) > 1:
        return None
    inputs = np.concatenate([index.inputs for index in known])
    if len(np.unique(inputs, axis=0)) < len(inputs):
        return None
    columns = [index.to_dict() for index in known]
    return IndexSum(**{name: np.concatenate([c[name] for c in columns]) for name in columns[0]})
