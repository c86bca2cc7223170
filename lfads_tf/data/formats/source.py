"""Arrays of other programs' HDF5 and MATLAB files by name."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from fixedpoint_tf._utils.checks import listed
from fixedpoint_tf._utils.hdf5_checks import read_array
from lfads_tf.data.formats import axes as orders
from lfads_tf.data.formats import layouts, matlab
from lfads_tf.data.padding import pad

__all__ = ["BESIDE", "Source", "groups_with_data", "of_group", "of_matlab", "unknown"]

# Under these names files tell the width of a bin in seconds; "dt" is that of LFADS itself.
_BIN_WIDTHS = ("bin_width", "bin_s", "dt")

# What has a value in each bin; only external inputs must be numbers after a trial's end.
_IN_BINS = ("data", "truth", "ext_input", "behavior")

#: What stands beside the spikes of a plain file.
BESIDE = ("external_inputs", "behavior", "force", "true_rates")


class Source(Mapping[str, Any]):
    """Arrays of a file by name, those with bins as (trials, bins, neurons).

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
        value = read_array(item) if isinstance(item, h5py.Dataset) else item
        in_bins = key in ("spikes", *BESIDE) or (
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
            if self.axes is not None and self.axes[0] != "trials":
                return self._turned(orders.stack_cells(value, key), self.axes)
            if key in BESIDE:
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
            is_beside = key in BESIDE and value.shape == self["spikes"].shape[:2]
            value = value[..., None] if self.axes is not None or is_beside else value
        if self.axes is None:
            return value
        return self._turned(value, self.axes)

    @staticmethod
    def _turned(value: Any, axes: Sequence[str]) -> Any:
        if np.ndim(value) != 3:
            return value  # The session says what is wrong.
        return np.transpose(value, [axes.index(axis) for axis in orders.AXES])


@contextlib.contextmanager
def of_matlab(
    path: str | os.PathLike[str], group: str | None = None, axes: Sequence[str] | None = None
) -> Iterator[Source]:
    """Open the variables of a file of MATLAB's, or the fields of a structure.

    Args:
        path: the file.
        group: of structures in each other.
        axes: of :func:`lfads_tf.data.formats.axes.as_axes`.

    Raises:
        ValueError: as :func:`lfads_tf.data.formats.matlab.opened`.
    """
    width = None
    if group is not None:
        with matlab.opened(path) as at_top:
            width = _told_width(at_top)
    with matlab.opened(path, group=group) as variables:
        own = _told_width(variables)
        width = width if own is None else own
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


def _told_width(variables: Mapping[str, Any]) -> float | None:
    for name in _BIN_WIDTHS:
        value = variables.get(name)
        if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind in "iuf":
            return float(value.reshape(-1)[0])
    return None


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


def unknown(source: Source, what: str) -> str:
    """Describe a file's contents in an error, and the keys that each layout needs."""
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
        f"{holds or 'nothing'}. The layouts need: {needs}. "
        f"{groups or 'Data of other names: Session.from_arrays(...).save(...) of the arrays.'}"
    )


def groups_with_data(file: h5py.File) -> str:
    """List the groups of a file that can be read."""
    found: list[str] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Group) and layouts.layout_of(set(item)) is not None:
            found.append(name)

    file.visititems(visit)
    return _groups_said(found)


def all_groups(file: h5py.File) -> str:
    """List the groups of a file of which none can be read as it is."""
    found: list[str] = []
    file.visititems(
        lambda name, item: found.append(name) if isinstance(item, h5py.Group) else None
    )
    return f"Its groups are {listed(found)}." if found else "It has no groups."


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
