"""Sessions in other programs' files: HDF5, and MATLAB's of any version.

Layouts and their keys are told in ``layouts.py`` beside.
"""

from __future__ import annotations

import contextlib
import math
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from fixedpoint_tf._utils.checks import as_numbers, listed
from lfads_tf.data.formats import axes as orders
from lfads_tf.data.formats import layouts, matlab
from lfads_tf.data.padding import pad

__all__ = [
    "Source",
    "check_split",
    "groups_with_data",
    "of_group",
    "of_matlab",
    "read",
    "unknown",
]

# Under these names files tell the width of a bin in seconds; "dt" is that of LFADS itself.
_BIN_WIDTHS = ("bin_width", "bin_s", "dt")

# What has a value in each bin; only external inputs must be numbers after a trial's end.
_IN_BINS = ("data", "truth", "ext_input", "behavior")
_PLAIN_IN_BINS = ("spikes", "external_inputs", "behavior", "force", "true_rates")


class Source(Mapping[str, Any]):
    """Arrays of a file by name; what has bins comes as trials, bins, neurons.

    Cell arrays of trials are padded, with NaN or, external inputs, with 0.

    Example:
        >>> items = {"spikes": np.ones((6, 10, 20))}
        >>> Source(items, "monday.h5", axes=("neurons", "bins", "trials"))["spikes"].shape
        (20, 10, 6)
    """

    def __init__(
        self,
        items: Mapping[str, Any],
        shown: str,
        *,
        axes: Sequence[str] | None = None,
        width: float | None = None,
        is_matlab: bool = False,
        node: h5py.Group | None = None,
    ):
        self.arrays, self.shown, self.axes = items, shown, axes
        self.width, self.is_matlab, self.node = width, is_matlab, node
        self.lengths: dict[str, list[int]] = {}
        self._read: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key in self._read:
            return self._read[key]
        item = self.arrays[key]
        value = item[()] if isinstance(item, h5py.Dataset) else item
        in_bins = key in _PLAIN_IN_BINS or (
            key.startswith(layouts.SPLITS) and key.endswith(_IN_BINS)
        )
        self._read[key] = self._arranged(value, key) if in_bins else value
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def _arranged(self, value: Any, key: str) -> Any:
        if self.is_matlab and not isinstance(value, np.ndarray):
            kind = "a structure, whose fields are read by group=" * isinstance(value, dict)
            raise ValueError(
                f"path: expected numbers in {key}, received {kind or type(value).__name__}."
            )
        if self.is_matlab and value.dtype == object:
            if key in _PLAIN_IN_BINS[1:]:
                self["spikes"]  # whose lengths tell which axis is that of bins
            trials = orders.arrange_cells(value, self.axes, key, self.lengths.get("spikes"))
            self.lengths[key] = [len(trial) for trial in trials]
            widths = {trial.shape[1] for trial in trials}
            if len(widths) > 1:
                raise ValueError(
                    f"path: expected as many neurons or channels in each trial of {key}, "
                    f"received {listed(sorted(widths))}."
                )
            fill = 0.0 if "ext" in key else math.nan
            return pad(trials, max(self.lengths[key], default=0), fill)
        if self.is_matlab and value.ndim == 2:  # MATLAB drops a last axis of length 1.
            is_beside = key in _PLAIN_IN_BINS[1:] and value.shape == self["spikes"].shape[:2]
            value = value[..., None] if self.axes is not None or is_beside else value
        if self.axes is None:
            return value
        if np.ndim(value) != 3:
            return value  # The session says what is wrong.
        return np.transpose(value, [self.axes.index(axis) for axis in orders.AXES])


@contextlib.contextmanager
def of_matlab(
    path: str | os.PathLike[str], group: str | None = None, axes: Sequence[str] | None = None
) -> Iterator[Source]:
    """Give the variables of a file of MATLAB's, or the fields of a structure.

    Args:
        path: the file.
        group: of structures in each other.
        axes: of :func:`lfads_tf.data.formats.axes.as_axes`.

    Raises:
        ValueError: as :func:`lfads_tf.data.formats.matlab.opened`.
    """
    with matlab.opened(path, group=group) as variables, matlab.opened(path) as at_top:
        width = _told_width(variables)
        if width is None and group is not None:
            width = _told_width(at_top)
        yield Source(variables, os.fspath(path), axes=axes, width=width, is_matlab=True)


def of_group(node: h5py.Group, shown: str, axes: Sequence[str] | None = None) -> Source:
    """Return the datasets of a group of an HDF5 file."""
    datasets = {name: item for name, item in node.items() if isinstance(item, h5py.Dataset)}
    return Source(
        datasets,
        shown,
        axes=axes,
        width=_bin_width_of(node),
        node=node,
    )


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
        _check_axes(source)
        check_split(split, source.shown)
        fields = layouts.read_plain(source, is_matlab=source.is_matlab)
    elif split == "all":
        train, valid = (
            layouts.read_split(source, layout, one, is_matlab=source.is_matlab)
            for one in splits
        )
        fields = layouts.reordered(train, valid)
    else:
        fields = layouts.read_split(source, layout, split, is_matlab=source.is_matlab)
        fields.pop("inds", None)
    fields["bin_width"] = width
    if "true_rates" in fields:
        factor = source["conversion_factor"] if "conversion_factor" in keys else None
        rates = _in_spikes_per_second(fields["true_rates"], truth_unit, factor, width)
        _warn_of_another_unit(rates, fields["spikes"], width)
        fields["true_rates"] = rates
    return fields


def _check_axes(source: Source) -> None:
    """Refuse trials whose axes another array contradicts, or whose lengths differ."""
    spikes = source["spikes"]
    beside = [np.shape(source[key]) for key in _PLAIN_IN_BINS[1:] if key in source]
    if source.is_matlab and spikes.ndim == 2:
        raise ValueError(
            f"axes: expected their order, since spikes have only two, {spikes.shape}, and "
            "MATLAB drops a last one of length 1: ('trials', 'bins', 'neurons') for a single "
            "neuron, received none."
        )
    if "spikes" in source.lengths:
        own = source.lengths["spikes"]
        for key, lengths in source.lengths.items():
            if lengths != own:
                raise ValueError(
                    f"path: expected trials of {key} of as many bins as the spikes have "
                    f"({listed(own)}), received {listed(lengths)}."
                )
    elif source.axes is None and np.ndim(spikes) == 3:
        found = [key for key in layouts.PLAIN["conditions"] if key in source]
        n_labels = orders.count_labels(source[found[0]]) if found else None
        shapes = [shape for shape in beside if len(shape) == 3]
        orders.check_order(spikes.shape, n_labels, shapes, is_told=not source.is_matlab)


def _told_width(variables: Mapping[str, Any]) -> float | None:
    for name in _BIN_WIDTHS:
        value = variables.get(name)
        if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "iuf":
            return float(value.reshape(-1)[0])
    return None


def _in_spikes_per_second(
    truth: Any, unit: str | None, factor: Any, bin_width: float
) -> np.ndarray:
    truth = as_numbers(truth, "path: true rates", dtype=np.float32)
    if unit is None and factor is not None:
        truth, unit = truth / np.asarray(factor, np.float32), "spikes/bin"
    return truth / np.float32(bin_width) if unit == "spikes/bin" else truth


def _warn_of_another_unit(rates: np.ndarray, spikes: Any, bin_width: float) -> None:
    """Counts and true rates that differ far more than chance are in different units."""
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
            stacklevel=5,
        )


def _bin_width_of(node: h5py.Group) -> float | None:
    """Return the width of a bin that a group, one above it or the file tells."""
    while True:
        for name in _BIN_WIDTHS:
            value = node.attrs.get(name)
            if value is None and isinstance(node.get(name), h5py.Dataset):
                value = node[name][()]
            if (
                value is not None
                and np.size(value) == 1
                and np.asarray(value).dtype.kind in "iuf"
            ):
                return float(np.ravel(value)[0])
        if node.name == "/":
            return None
        node = node.parent


def _chosen_width(asked: float | None, told: float | None, shown: str) -> float:
    """Return the width that was asked for: what a foreign file tells may be in another unit."""
    if asked is None:
        if told is None:
            raise ValueError(
                f"bin_width: expected seconds, since {shown!r} has no dataset or attribute "
                "bin_width that tells it, received none."
            )
        return told
    if told is not None and not math.isclose(asked, told, rel_tol=1e-6):
        warnings.warn(
            f"bin_width: {asked:g} s is taken as asked for, but {shown!r} tells {told:g}.",
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


def unknown(source: Source, what: str) -> str:
    """Say in an error what a file holds, and the keys that each layout needs."""
    node, holds = source.node, ", ".join(source)
    if node is None:
        groups = _groups_said(_structures(source.arrays))
    else:
        groups = groups_with_data(node.file)
        holds = ", ".join(
            f"{name} {item.shape}" if isinstance(item, h5py.Dataset) else f"{name}/"
            for name, item in node.items()
        )
    needs = "; ".join(
        f"{layout}: {', '.join(layouts.needed_keys(layout, 'train'))}"
        + ("" if layout == "plain" else " and the same of valid")
        for layout in ("lfads-torch", "autolfads-tf2", "plain")
    )
    return (
        f"path: expected a file with the keys of a layout we know, received {source.shown!r} "
        f"with {what}. At {'/' if node is None else node.name!r} it holds: "
        f"{holds or 'nothing'}. The layouts need: {needs}. {groups}"
    )


def groups_with_data(file: h5py.File) -> str:
    """List the groups of a file that can be read."""
    found: list[str] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Group) and layouts.layout_of(set(item)) is not None:
            found.append(name)

    file.visititems(visit)
    return _groups_said(found)


def _groups_said(names: Sequence[str]) -> str:
    return f"Groups that can be read with group=...: {listed(names)}." if names else ""


def _structures(variables: Mapping[str, Any], place: str = "") -> list[str]:
    """List the structures of a file of MATLAB's that can be read."""
    found: list[str] = []
    for name in variables:
        with contextlib.suppress(ValueError):  # of an object that only MATLAB can read
            value = variables[name]
            if isinstance(value, dict):
                here = f"{place}{name}"
                is_one = layouts.layout_of(set(value)) is not None
                found += [here] * is_one + _structures(value, f"{here}/")
    return found
