"""Sessions in other programs' files: HDF5, and MATLAB's of any version.

Layouts and their keys stand in ``layouts.py`` beside.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import as_numbers, listed, shown
from lfads_tf._utils.checks import refuse_flags
from lfads_tf.data.formats import axes as orders
from lfads_tf.data.formats import layouts
from lfads_tf.data.formats.source import BESIDE, Source, unknown

__all__ = ["check_split", "read"]

_LOGGER = logging.getLogger(__name__)


def read(
    source: Source, split: str, truth_unit: str | None, bin_width: float | None
) -> dict[str, Any]:
    """Return the arguments of a session.

    Args:
        source: of :func:`of_group` or :func:`of_matlab`.
        split: as of :meth:`lfads_tf.Session.load`.
        truth_unit: as of :meth:`lfads_tf.Session.load`.
        bin_width: as of :meth:`lfads_tf.Session.load`.

    Raises:
        ValueError: a layout we do not know, or what it asks for is missing.
    """
    keys = set(source)
    layout = layouts.layout_of(keys)
    if layout is None:
        raise ValueError(unknown(source, "no layout we know"))
    splits = ("train", "valid") if split == "all" else (split,)
    needed = [key for one in splits for key in layouts.needed_keys(layout, one)]
    if not keys.issuperset(needed):
        missing = ", ".join(key for key in needed if key not in keys)
        raise ValueError(unknown(source, f"the layout of {layout} without {missing}"))
    width = _chosen_width(bin_width, source.width, source.shown)
    if layout == "plain":
        _check_axes(source, "spikes", BESIDE, layouts.PLAIN["conditions"])
        check_split(split, source.shown)
        fields = layouts.read_plain(source, is_matlab=source.is_matlab)
        return _completed(source, fields, width, truth_unit)
    for one in splits:
        spikes = layouts.needed_keys(layout, one)[-1]
        _check_axes(source, spikes, *layouts.keys_beside(one))
    if split == "all":
        train, valid = (
            layouts.read_split(source, layout, one, is_matlab=source.is_matlab)
            for one in splits
        )
        fields = layouts.reordered(train, valid)
    else:
        fields = layouts.read_split(source, layout, split, is_matlab=source.is_matlab)
        fields.pop("inds", None)
    return _completed(source, fields, width, truth_unit)


def _completed(
    source: Source, fields: dict[str, Any], width: float, truth_unit: str | None
) -> dict[str, Any]:
    """Return the fields with the width of a bin and true rates in spikes/s."""
    _check_lengths(source)
    fields["bin_width"] = width
    if "true_rates" in fields:
        factor = source["conversion_factor"] if "conversion_factor" in source else None
        rates = _in_spikes_per_second(fields["true_rates"], truth_unit, factor, width)
        _warn_of_another_unit(rates, fields["spikes"], width)
        fields["true_rates"] = rates
    return fields


def _check_lengths(source: Source) -> None:
    """Refuse cells of trials of other lengths than those of the spikes."""
    for key, lengths in source.lengths.items():
        split = key.split("_")[0]
        names = ("spikes", f"{split}_data", f"{split}_recon_data")
        spikes = next(name for name in names if name in source)
        own = source.lengths.get(spikes, lengths)
        if spikes not in source.lengths and "ext" in key:  # 0 stands after their ends.
            own = [source[spikes].shape[1]] * len(lengths)
        if own != lengths and not key.endswith("encod_data"):
            raise ValueError(
                f"path: expected trials of {key} of as many bins as the spikes have "
                f"({listed(own)}), received {listed(lengths)}."
            )


def _check_axes(source: Source, key: str, beside: Sequence[str], labels: Sequence[str]) -> None:
    """Refuse an array whose axes what stands beside it contradicts, or nothing tells."""
    spikes = source[key]
    shapes = [np.shape(source[name]) for name in beside if name in source]
    if source.is_matlab and spikes.ndim == 2:
        raise ValueError(
            f"axes: expected their order, since {key} have only two, {spikes.shape}, and "
            "MATLAB drops a last one of length 1: ('trials', 'bins', 'neurons') for a single "
            "neuron, received none."
        )
    found = [name for name in labels if name in source]
    n_labels = orders.count_labels(source[found[0]]) if found else None
    if key in source.lengths:
        if source.axes is None and n_labels != len(spikes):
            _LOGGER.warning(
                "%s: %d cells are taken as trials, since the file does not say what they "
                "are; pass axes= to say it",
                key,
                len(spikes),
            )
    elif source.axes is None and np.ndim(spikes) == 3:
        shapes = [shape for shape in shapes if len(shape) == 3]
        orders.check_order(
            spikes.shape, n_labels, shapes, key=key, is_told=not source.is_matlab
        )


def _in_spikes_per_second(
    truth: Any, unit: str | None, factor: Any, bin_width: float
) -> np.ndarray:
    truth = as_numbers(truth, "path: true rates", dtype=np.float32)
    if unit is None and factor is not None:
        truth, unit = truth / _checked_factor(factor), "spikes/bin"
    return truth / np.float32(bin_width) if unit == "spikes/bin" else truth


def _checked_factor(factor: Any) -> np.float32:
    """Return the positive number by which the file's true rates are divided."""
    name = "path: conversion_factor"
    refuse_flags(np.asarray(factor), name, "a positive number")
    numbers = as_numbers(factor, name, finite=True).ravel()
    if numbers.size != 1 or not np.float32(numbers[0]) > 0:
        raise ValueError(f"{name}: expected a positive number, received {shown(factor)}.")
    return np.float32(numbers[0])


def _warn_of_another_unit(rates: np.ndarray, spikes: Any, bin_width: float) -> None:
    """Warn if counts and true rates differ too much to have the same unit."""
    spikes = np.asarray(spikes)
    if rates.shape != spikes.shape:
        return  # The session says what is wrong.
    known = np.isfinite(rates) & np.isfinite(spikes)
    counts = spikes[known]
    if (counts < 0).any() or (counts != np.round(counts)).any() or counts.sum() < 100:
        return
    given, counted = rates[known].mean(), counts.mean() / bin_width
    if not 0.5 < given / counted < 2:
        warnings.warn(
            f"truth_unit: the file's true rates mean {given:.3g} spikes/s, but its spikes come "
            f"at {counted:.3g} spikes/s. Are the rates in spikes/bin or spikes/s, and is "
            f"bin_width ({bin_width:g} s) right?",
            stacklevel=6,
        )


def _chosen_width(asked: float | None, told: float | None, shown: str) -> float:
    """Return the bin width asked for, since a foreign file may use another unit."""
    if asked is None:
        if told is None:
            raise ValueError(
                f"bin_width: expected seconds, since {shown!r} has no dataset or attribute "
                "bin_width that tells it, received none. For bins of 20 ms pass "
                "bin_width=0.02 (--bin-width 0.02)."
            )
        return told
    if told is not None and not math.isclose(asked, told, rel_tol=1e-6):
        warnings.warn(
            f"bin_width: {asked:g} s is used as requested, but {shown!r} tells {told:g}.",
            stacklevel=5,
        )
    return asked


def check_split(split: str, shown: str) -> None:
    """Refuse a split of a file that has none."""
    if split != "all":
        raise ValueError(
            f"split: expected 'all', since {shown!r} is not divided into splits, received "
            f"{split!r}. Session.split divides it."
        )
