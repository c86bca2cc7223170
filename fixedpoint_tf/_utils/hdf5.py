"""Named arrays in an HDF5 file that says what it is: written whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fixedpoint_tf._utils.files import existing, writing

__all__ = ["attributes_of", "check_suffix", "datasets_of", "opened", "read", "write"]

_NAME, _VERSION = "format", "format_version"
_SUFFIXES = (".h5", ".hdf5", ".hdf")


def check_suffix(path: str | os.PathLike[str], name: str = "path") -> None:
    """Refuse a file name whose ending is not that of an HDF5 file.

    Example:
        >>> check_suffix("points.h5")
        >>> try:
        ...     check_suffix("points.pkl")
        ... except ValueError as error:
        ...     print(error)
        path: expected a name that ends in .h5, .hdf5 or .hdf, received 'points.pkl'.
    """
    if Path(path).suffix.lower() not in _SUFFIXES:
        raise ValueError(
            f"{name}: expected a name that ends in {', '.join(_SUFFIXES[:-1])} or "
            f"{_SUFFIXES[-1]}, received {os.fspath(path)!r}."
        )


def write(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    attributes: Mapping[str, str | int | float],
    *,
    format_name: str,
    format_version: int,
    overwrite: bool = True,
    make_folder: bool = False,
    compress: bool = False,
) -> None:
    """Write arrays and attributes to an HDF5 file.

    The file is written under a temporary name in the same folder and then renamed, so
    that a reader never meets half a file, and a failed write leaves the old file as it
    was. Each dataset carries a checksum, by which :func:`read` notices damage.

    Args:
        path: the file, whose name ends in ``.h5``, ``.hdf5`` or ``.hdf``.
        arrays: one dataset each; of any shape, also with no elements. Strings may be of
            any length.
        attributes: one attribute of the file each.
        format_name: what the file holds.
        format_version: raised whenever an older reader could not read the file.
        overwrite: whether an existing file is replaced.
        make_folder: whether the folder of the file is made if need be.
        compress: whether the arrays are compressed without loss.

    Raises:
        ValueError: a name with another ending.
        FileNotFoundError: where the folder does not exist, and not ``make_folder``.
        FileExistsError: where the file exists, and not ``overwrite``.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "x.h5")
        ...     write(path, {"x": np.arange(3)}, {}, format_name="demo", format_version=1)
        ...     arrays, _ = read(path, format_name="demo", format_version=1)
        >>> arrays["x"].tolist()
        [0, 1, 2]
    """
    check_suffix(path)
    with writing(path, overwrite=overwrite, make_folder=make_folder) as temporary:
        with h5py.File(temporary, "x") as file:
            file.attrs[_NAME] = format_name
            file.attrs[_VERSION] = format_version
            for name, value in attributes.items():
                file.attrs[name] = value
            for name, array in arrays.items():
                _write_array(file, name, array, compress)


def _write_array(file: h5py.File, name: str, array: np.ndarray, compress: bool) -> None:
    """One dataset, with a checksum (that of gzip, where compressed) where HDF5 can."""
    if array.dtype.kind == "U":
        file.create_dataset(name, data=array.astype(object), dtype=h5py.string_dtype())
        return
    options: dict[str, Any] = {"fletcher32": True}
    if compress:
        options = {"shuffle": True, "compression": "gzip", "compression_opts": 1}
    # HDF5 can chunk, and so sum or compress, no array that is a scalar or empty.
    file.create_dataset(name, data=array, **(options if array.size * array.ndim else {}))


@contextlib.contextmanager
def opened(path: str | os.PathLike[str], expected: str = "an HDF5 file") -> Iterator[h5py.File]:
    """Give an HDF5 file to read from; errors say what is wrong with it.

    Args:
        path: the file, of any name.
        expected: what the file should be, in words.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no HDF5 file, or turns out damaged while it is read.
    """
    shown = os.fspath(path)
    with open(existing(path), "rb") as raw:  # The system's own errors, in their own words.
        first_bytes = raw.read(8)
    if not h5py.is_hdf5(path):
        raise ValueError(
            f"path: expected {expected}, received {shown!r}, which is no HDF5 file "
            f"({'it is empty' if not first_bytes else f'it begins with {first_bytes!r}'})."
        )
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(
            f"path: expected {expected}, received {shown!r}, which is damaged ({error})."
        ) from error


def read(
    path: str | os.PathLike[str],
    *,
    format_name: str,
    format_version: int,
    may_be_unnamed: bool = False,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what :func:`write` wrote.

    Args:
        path: the file.
        format_name: what the file must hold.
        format_version: the newest version that the caller can read.
        may_be_unnamed: whether a file that names no format is read as well.

    Returns:
        The arrays and the attributes, by name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no HDF5 file, or is damaged, or holds something else, or
            was written by a later version. The message names the path, what was expected
            and what came.
    """
    shown = os.fspath(path)
    expected = f"an HDF5 file of format {format_name!r}"
    with opened(path, expected) as file:
        attributes = attributes_of(file)
        found_name = attributes.pop(_NAME, None)
        found_version = attributes.pop(_VERSION, None)
        is_ours = found_name == format_name and isinstance(found_version, int)
        if is_ours and found_version <= format_version:
            return datasets_of(file), attributes
        if may_be_unnamed and found_name is None:
            return datasets_of(file), attributes
        contents = ", ".join(file) or "nothing"
    if not is_ours:
        what = "no format" if found_name is None else f"the format {found_name!r}"
        raise ValueError(
            f"path: expected {expected}, received {shown!r}, which names {what} and holds: "
            f"{contents}."
        )
    raise ValueError(
        f"path: expected {expected} and version {format_version} or earlier, received "
        f"{shown!r} of version {found_version}: a later release wrote it."
    )


def datasets_of(node: h5py.Group) -> dict[str, np.ndarray]:
    """Return the datasets of a group, text as strings; those of groups in it are left out."""
    try:
        return {
            name: np.asarray(item.asstr()[()]).astype(str)
            if h5py.check_string_dtype(item.dtype) is not None
            else np.asarray(item[()])
            for name, item in node.items()
            if isinstance(item, h5py.Dataset)
        }
    except (TypeError, ValueError) as error:  # h5py's words for some kinds of damage
        raise OSError(str(error)) from error


def attributes_of(node: h5py.Group) -> dict[str, Any]:
    """Return the attributes of a group as plain Python values."""
    try:
        return {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in node.attrs.items()
        }
    except (TypeError, ValueError) as error:
        raise OSError(str(error)) from error
