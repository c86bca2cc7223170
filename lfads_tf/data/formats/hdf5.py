"""Sessions in HDF5 files: ours written and read, other programs' read as they are.

Our own format holds one session, a dataset for each array, the rest as attributes. What
other programs write is told in ``layouts.py`` beside.
"""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fixedpoint_tf._utils import hdf5
from fixedpoint_tf._utils.checks import check_number, listed
from fixedpoint_tf._utils.checksums import has_checksum
from fixedpoint_tf._utils.files import existing
from fixedpoint_tf._utils.hdf5_checks import Layout, check_arrays
from lfads_tf.data.formats import layouts

__all__ = ["has_splits", "read", "write"]

_FORMAT, _VERSION = "lfads_tf.Session", 1
_LAYOUT: Layout = {
    "spikes": ("f", ("n_trials", "n_bins", "n_neurons")),
    "external_inputs": ("f", ("n_trials", "n_bins", "n_external")),
    "behavior": ("f", ("n_trials", "n_bins", "n_behavior")),
    "conditions": ("biufU", ("n_trials",)),
    "true_rates": ("f", ("n_trials", "n_bins", "n_neurons")),
}
_TRUTH_UNITS = ("spikes/s", "spikes/bin")
# Under these names files tell the width of a bin in seconds; "dt" is that of LFADS itself.
_BIN_WIDTHS = ("bin_width", "bin_s", "dt")


def write(
    path: str | os.PathLike[str], fields: Mapping[str, Any], *, overwrite: bool = False
) -> None:
    """Write the fields of a session.

    No reader meets half a file, and a failed write leaves an old one as it was. Arrays are
    compressed, with checksums by which :func:`read` notices damage.

    Args:
        path: the file; its folder is made if need be.
        fields: arrays, numbers and strings by name; none is left out.
        overwrite: whether an existing file is replaced.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "x.h5")
        ...     write(path, {"spikes": np.ones((1, 2, 3)), "bin_width": 0.02, "name": "x"})
        ...     fields = read(path)
        >>> sorted(fields)
        ['bin_width', 'name', 'spikes']
    """
    hdf5.write(
        path,
        {name: value for name, value in fields.items() if isinstance(value, np.ndarray)},
        {
            name: value
            for name, value in fields.items()
            if value is not None and not isinstance(value, np.ndarray)
        },
        format_name=_FORMAT,
        format_version=_VERSION,
        overwrite=overwrite,
        make_folder=True,
        compress=True,
    )


def read(
    path: str | os.PathLike[str],
    *,
    split: str = "all",
    bin_width: float | None = None,
    group: str | None = None,
    truth_unit: str | None = None,
) -> dict[str, Any]:
    """Read the fields of a session from a file of any layout we know.

    Args:
        path: the file.
        split: ``"all"``, ``"train"``, ``"valid"`` or ``"test"``.
        bin_width: in seconds; needed where the file does not tell it.
        group: the group to read from; none: the top of the file.
        truth_unit: of true rates; see :meth:`lfads_tf.Session.load`.

    Returns:
        Arguments of a session by name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no HDF5 file or a damaged one, a layout we do not know, no bin width,
            or one that the file contradicts.
    """
    if split != "all" and split not in layouts.SPLITS:
        raise ValueError(
            f"split: expected 'all', 'train', 'valid' or 'test', received {split!r}."
        )
    if truth_unit is not None and truth_unit not in _TRUTH_UNITS:
        raise ValueError(
            f"truth_unit: expected {' or '.join(map(repr, _TRUTH_UNITS))}, received "
            f"{truth_unit!r}."
        )
    if bin_width is not None:
        bin_width = check_number(bin_width, "bin_width")
    shown = os.fspath(path)
    if has_checksum(existing(path)):
        return _read_ours(path, split, bin_width, group)
    with hdf5.opened(path) as file:
        node = file if group is None else file.get(group)
        if not isinstance(node, h5py.Group):
            raise ValueError(
                f"group: expected a group of {shown!r}, received {group!r}. "
                f"{_groups_with_data(file)}"
            )
        if node.attrs.get("format") == _FORMAT:
            raise ValueError(
                f"path: expected a file of format {_FORMAT!r} in layout 2, received {shown!r}, "
                "which does not begin with its checksum: another program wrote it, or this "
                "package in layout 1, which is no longer read."
            )
        fields = _read_foreign(node, shown, split, truth_unit, bin_width)
        fields["name"] = _name_of(path, group)
    return fields


def has_splits(path: str | os.PathLike[str], *, group: str | None = None) -> bool:
    """Tell whether a file has training and validation trials apart.

    Args:
        path: the file.
        group: the group to look at; none: the top of the file.
    """
    if not h5py.is_hdf5(path) or has_checksum(path):
        return False  # one of ours, or :func:`read` says what is wrong
    with hdf5.opened(path) as file:
        node = file if group is None else file.get(group)
        if not isinstance(node, h5py.Group):
            return False
        layout = layouts.layout_of({k for k, v in node.items() if isinstance(v, h5py.Dataset)})
    return layout not in (None, "plain")


def _read_ours(
    path: str | os.PathLike[str], split: str, bin_width: float | None, group: str | None
) -> dict[str, Any]:
    shown = os.fspath(path)
    if group is not None and group.strip("/"):
        raise ValueError(
            f"group: expected none, since {shown!r} holds one session, received {group!r}."
        )
    _check_split(split, shown)
    arrays, attributes = hdf5.read(
        path,
        format_name=_FORMAT,
        format_version=_VERSION,
        check=lambda headers: check_arrays(headers, _LAYOUT),
    )
    fields = {**attributes, **arrays}
    told = fields.get("bin_width")
    if "spikes" not in arrays or not isinstance(told, float):
        expected = f"an HDF5 file of format {_FORMAT!r}"
        raise hdf5.damaged(path, expected, "no spikes or no bin_width")
    if bin_width is not None and not math.isclose(bin_width, told, rel_tol=1e-6):
        raise ValueError(
            f"bin_width: expected {told:g} s, as {shown!r} tells it, or none, received "
            f"{bin_width!r}."
        )
    return fields


def _read_foreign(
    node: h5py.Group, shown: str, split: str, truth_unit: str | None, bin_width: float | None
) -> dict[str, Any]:
    keys = {name for name, item in node.items() if isinstance(item, h5py.Dataset)}
    layout = layouts.layout_of(keys)
    if layout is None:
        raise ValueError(_unknown(node, shown, "no layout we know"))
    splits = ("train", "valid") if split == "all" else (split,)
    needed = [key for one in splits for key in layouts.needed_keys(layout, one)]
    if not keys.issuperset(needed):
        missing = ", ".join(key for key in needed if key not in keys)
        raise ValueError(_unknown(node, shown, f"the layout of {layout} without {missing}"))
    width = _chosen_width(bin_width, _bin_width_of(node), shown)
    if layout == "plain":
        _check_split(split, shown)
        fields = layouts.read_plain(node)
    elif split == "all":
        train, valid = (layouts.read_split(node, layout, one) for one in splits)
        fields = layouts.reordered(train, valid)
    else:
        fields = layouts.read_split(node, layout, split)
        fields.pop("inds", None)
    fields["bin_width"] = width
    if "true_rates" in fields:
        factor = node["conversion_factor"][()] if "conversion_factor" in keys else None
        rates = _in_spikes_per_second(fields["true_rates"], truth_unit, factor, width)
        _warn_of_another_unit(rates, fields["spikes"], width)
        fields["true_rates"] = rates
    return fields


def _in_spikes_per_second(
    truth: Any, unit: str | None, factor: Any, bin_width: float
) -> np.ndarray:
    truth = np.asarray(truth, np.float32)
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


def _check_split(split: str, shown: str) -> None:
    if split != "all":
        raise ValueError(
            f"split: expected 'all', since {shown!r} is not divided into splits, received "
            f"{split!r}. Session.split divides it."
        )


def _unknown(node: h5py.Group, shown: str, what: str) -> str:
    """Say in an error what a file holds, and the keys that each layout needs."""
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
        f"path: expected a file with the keys of a layout we know, received {shown!r} with "
        f"{what}. At {node.name!r} it holds: {holds or 'nothing'}. The layouts need: {needs}. "
        f"{_groups_with_data(node.file)}"
    )


def _groups_with_data(file: h5py.File) -> str:
    found: list[str] = []

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Group) and layouts.layout_of(set(item)) is not None:
            found.append(name)

    file.visititems(visit)
    return f"Groups that can be read with group=...: {listed(found)}." if found else ""


def _name_of(path: str | os.PathLike[str], group: str | None) -> str:
    return "/".join([Path(path).stem, *(group or "").strip("/").split("/")]).rstrip("/")
