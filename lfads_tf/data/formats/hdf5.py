"""Sessions in HDF5 files, our own and those of other programs.

Our own format holds one session, a dataset for each array, the rest as attributes. What
other programs write stands in ``foreign.py`` and ``layouts.py`` beside.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fixedpoint_tf._utils import hdf5
from fixedpoint_tf._utils.checks import check_choice, check_number, check_path, check_text
from fixedpoint_tf._utils.checksums import has_checksum
from fixedpoint_tf._utils.files import existing
from fixedpoint_tf._utils.hdf5_checks import Layout, check_arrays
from lfads_tf.data.formats import foreign, layouts, matlab, source
from lfads_tf.data.formats.axes import as_axes

__all__ = ["faults_named", "has_splits", "read", "write"]

_FORMAT, _VERSION = "lfads_tf.Session", 1
_LAYOUT: Layout = {
    "spikes": ("f", ("n_trials", "n_bins", "n_neurons")),
    "external_inputs": ("f", ("n_trials", "n_bins", "n_external")),
    "behavior": ("f", ("n_trials", "n_bins", "n_behavior")),
    "conditions": ("biufU", ("n_trials",)),
    "true_rates": ("f", ("n_trials", "n_bins", "n_neurons")),
}
_TRUTH_UNITS = ("spikes/s", "spikes/bin")


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
    axes: Any = None,
) -> dict[str, Any]:
    """Read the fields of a session from a file of any layout we know.

    Args:
        path: the file.
        split: ``"all"``, ``"train"``, ``"valid"`` or ``"test"``.
        bin_width: in seconds; needed where the file does not tell it.
        group: the group to read from; None: the top of the file.
        truth_unit: of true rates; see :meth:`lfads_tf.Session.load`.
        axes: their order in another program's file; see :meth:`lfads_tf.Session.load`.

    Returns:
        Arguments of a session by name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no HDF5 file or a damaged one, a layout we do not know, no bin width,
            or one that the file contradicts.
    """
    check_path(path)
    check_choice(split, "split", ("all", *layouts.SPLITS))
    check_text(group, "group", none=True)
    if truth_unit is not None:
        check_choice(truth_unit, "truth_unit", _TRUTH_UNITS)
    if bin_width is not None:
        bin_width = check_number(bin_width, "bin_width")
    axes = as_axes(axes)
    shown = os.fspath(path)
    if has_checksum(existing(path)):
        if axes is not None:
            raise ValueError(
                f"axes: expected none, since {shown!r} is our own, received {axes!r}."
            )
        if truth_unit is not None:
            raise ValueError(
                f"truth_unit: expected none, since {shown!r} is our own and tells its rates in "
                f"spikes/s, received {truth_unit!r}."
            )
        return _read_ours(path, split, bin_width, group)
    if matlab.is_matlab(path):
        with source.of_matlab(path, group, axes) as found:
            fields = foreign.read(found, split, truth_unit, bin_width)
        return {**fields, "name": _name_of(path, group)}
    with hdf5.opened(path) as file:
        node = file if group is None else file.get(group)
        if not isinstance(node, h5py.Group):
            kind = ", an array" if isinstance(node, h5py.Dataset) else ""
            raise ValueError(
                f"group: expected a group of {shown!r}, received {group!r}{kind}. "
                f"{source.groups_with_data(file) or source.all_groups(file)}"
            )
        if node.attrs.get("format") == _FORMAT:
            raise ValueError(
                f"path: expected a file of format {_FORMAT!r} in layout 2, received {shown!r}, "
                "which does not begin with its checksum: another program wrote it, or this "
                "package in layout 1, which is no longer read."
            )
        found = source.of_group(node, shown, axes)
        fields = foreign.read(found, split, truth_unit, bin_width)
        fields["name"] = _name_of(path, group)
    return fields


@contextlib.contextmanager
def faults_named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Add the name of the file, one of ours, to errors of a session.

    Args:
        path: the file; of another program's nothing is added, as users give much of it.

    Raises:
        ValueError: with the file's name.
    """
    try:
        yield
    except (TypeError, ValueError) as error:
        if not has_checksum(existing(path)):
            raise
        raise hdf5.damaged(path, f"an HDF5 file of format {_FORMAT!r}", error) from error


def has_splits(path: str | os.PathLike[str], *, group: str | None = None) -> bool:
    """Test whether a file keeps training and validation trials apart.

    Args:
        path: the file.
        group: the group to look at; None: the top of the file.
    """
    if has_checksum(existing(path)):
        return False  # one of ours
    if matlab.is_matlab(path):
        with source.of_matlab(path, group) as found:
            return layouts.layout_of(set(found)) not in (None, "plain")
    if not h5py.is_hdf5(path):
        return False  # :func:`read` says what is wrong.
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
            f"group: expected a group of {shown!r}, received {group!r}: it holds one "
            "session and no groups."
        )
    foreign.check_split(split, shown)
    arrays, attributes = hdf5.read(
        path,
        format_name=_FORMAT,
        format_version=_VERSION,
        attribute_names=("bin_width", "name", "n_encode_neurons", "n_encode_bins"),
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


def _name_of(path: str | os.PathLike[str], group: str | None) -> str:
    return "/".join([Path(path).stem, *(group or "").strip("/").split("/")]).rstrip("/")
