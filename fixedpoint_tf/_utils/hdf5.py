"""Named arrays in a self-describing HDF5 file, written and read whole or not at all."""

from __future__ import annotations

import contextlib
import io
import math
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from fixedpoint_tf._utils.checks import check_path, listed
from fixedpoint_tf._utils.checksums import (
    BLOCK_SIZE,
    has_checksum,
    is_whole,
    write_checksum,
)
from fixedpoint_tf._utils.files import existing, writing
from fixedpoint_tf._utils.hdf5_checks import (
    CHUNK_BYTES,
    Fault,
    Header,
    check_attributes,
    check_links,
    headers_of,
    most_bytes,
)

__all__ = ["check_storable", "check_suffix", "damaged", "opened", "read", "write", "write_new"]

_NAME, _VERSION, _DATASETS = "format", "format_version", "datasets"
_LONGEST_TEXT = 60_000  # bytes of an attribute, of which HDF5 allows 65,536
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
    check_path(path, name)
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
    was. It carries a checksum of all its bytes, by which :func:`read` notices damage.

    Args:
        path: the file, whose name ends in ``.h5``, ``.hdf5`` or ``.hdf``.
        arrays: one dataset each; of any shape, also with no elements. Strings may be of
            any length.
        attributes: one attribute of the file each.
        format_name: what the file holds.
        format_version: raised whenever its contents are written in another way.
        overwrite: whether an existing file is replaced.
        make_folder: whether the folder of the file is made if need be.
        compress: whether the arrays are compressed without loss.

    Raises:
        ValueError: a name with another ending.
        FileNotFoundError: the folder does not exist, and not ``make_folder``.
        FileExistsError: the file exists, and ``overwrite`` is False.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "x.h5")
        ...     write(path, {"x": np.arange(3)}, {}, format_name="demo", format_version=1)
        ...     form = {"format_name": "demo", "format_version": 1}
        ...     arrays, _ = read(path, attribute_names=(), **form)
        >>> arrays["x"].tolist()
        [0, 1, 2]
    """
    check_suffix(path)
    with writing(path, overwrite=overwrite, make_folder=make_folder) as temporary:
        write_new(
            temporary,
            arrays,
            attributes,
            format_name=format_name,
            format_version=format_version,
            compress=compress,
        )


def check_storable(texts: Iterable[str], name: str) -> None:
    """Refuse text that an HDF5 file cannot hold as it is.

    Args:
        texts: to be written.
        name: name of the argument or the attribute that they are.

    Raises:
        ValueError: NUL, or half of a pair of surrogates, which UTF-8 has no bytes for.

    Example:
        >>> check_storable(["left", "à droite"], "conditions")
    """
    for text in texts:
        if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
            raise ValueError(
                f"{name}: expected text without NUL and lone surrogates, received "
                f"{text!r:.100}."
            )


def write_new(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    attributes: Mapping[str, str | int | float],
    *,
    format_name: str,
    format_version: int,
    compress: bool = False,
) -> None:
    """Write arrays and attributes to a file as :func:`write` does, but to its own name."""
    for name, value in attributes.items():
        if isinstance(value, str):
            check_storable([value], name)
    for name, array in arrays.items():
        if array.dtype.kind == "U":
            check_storable(array.ravel().tolist(), name)
    told = {
        _NAME: format_name,
        _VERSION: format_version,
        _DATASETS: _names_of(arrays),
        **attributes,
    }
    _write_file(path, arrays, told, compress)
    total = sum(array.nbytes for array in arrays.values())
    if total > most_bytes(os.path.getsize(path)):
        # So little for so much would be refused by the reader as made to fill memory.
        _write_file(path, arrays, told, False)
    write_checksum(path)


def _write_file(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    attributes: Mapping[str, Any],
    compress: bool,
) -> None:
    with _Unfailing(path) as raw:
        with h5py.File(raw, "w", userblock_size=BLOCK_SIZE) as file:
            for name, value in attributes.items():
                file.attrs[name] = value
            for name, array in arrays.items():
                _write_array(file, name, array, compress)
        if raw.error is not None:
            raise raw.error


class _Unfailing(io.FileIO):
    """A file that keeps its first error for the end, as of a disk that is full.

    The HDF5 library cannot close a file whose writing fails, and keeps it open for ever.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        super().__init__(path, "w+")
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        done = 0
        try:
            while self.error is None and done < len(view):
                done += super().write(view[done:]) or 0
        except OSError as error:
            self.error = error
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0


def _write_array(file: h5py.File, name: str, array: np.ndarray, compress: bool) -> None:
    """Write one dataset, text with a fixed length, since variable-length text has no bound."""
    if array.dtype.kind == "U":
        array = np.asarray(np.char.encode(array, "utf-8"))
        array = array.astype(h5py.string_dtype("utf-8", max(1, array.dtype.itemsize)))
    chunk = _chunk(array)
    # HDF5 can chunk, and so compress, no array that is a scalar or empty.
    if compress and array.size * array.ndim and math.prod(chunk) * array.itemsize < CHUNK_BYTES:
        file.create_dataset(
            name,
            data=array,
            chunks=chunk,
            shuffle=True,
            compression="gzip",
            compression_opts=1,
        )
    else:
        file.create_dataset(name, data=array)


def _chunk(array: np.ndarray) -> tuple[int, ...]:
    """Return the shape of the parts by which an array is compressed."""
    chunk = list(array.shape)
    while math.prod(chunk) * array.itemsize >= CHUNK_BYTES and max(chunk, default=1) > 1:
        longest = chunk.index(max(chunk))
        chunk[longest] = -(-chunk[longest] // 2)
    return tuple(chunk)


def damaged(path: str | os.PathLike[str], expected: str, why: object) -> ValueError:
    """Return the error of a file that does not hold what it should."""
    return ValueError(
        f"path: expected {expected}, received {os.fspath(path)!r}, which is damaged ({why})."
    )


@contextlib.contextmanager
def _hdf5_file(path: str | os.PathLike[str], expected: str) -> Iterator[h5py.File]:
    """Open a file to read from, and translate the library's errors."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, KeyError, RuntimeError, MemoryError, OverflowError) as error:
        raise damaged(path, expected, str(error) or type(error).__name__) from error


def _check_is_hdf5(path: str | os.PathLike[str], expected: str) -> None:
    """Refuse files other than HDF5, and pass on errors of the operating system."""
    with open(existing(path), "rb") as raw:
        first_bytes = raw.read(8)
    if not h5py.is_hdf5(path):
        raise ValueError(
            f"path: expected {expected}, received {os.fspath(path)!r}, which is no HDF5 file "
            f"({'it is empty' if not first_bytes else f'it begins with {first_bytes!r}'})."
        )


@contextlib.contextmanager
def opened(path: str | os.PathLike[str], expected: str = "an HDF5 file") -> Iterator[h5py.File]:
    """Open another program's HDF5 file to read from, and check its links.

    Args:
        path: the file, of any name.
        expected: what the file should be, in words.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no HDF5 file, takes anything from other files, or turns out
            damaged while it is read.
    """
    _check_is_hdf5(path, expected)
    with _hdf5_file(path, expected) as file:
        try:
            check_links(file, os.path.getsize(path))
            yield file
        except Fault as error:
            raise ValueError(
                f"path: expected {expected} that holds all its data itself, received "
                f"{os.fspath(path)!r}: {error}."
            ) from error


def read(
    path: str | os.PathLike[str],
    *,
    format_name: str,
    format_version: int,
    attribute_names: Collection[str],
    check: Callable[[Mapping[str, Header]], None] | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what :func:`write` wrote.

    Args:
        path: the file.
        format_name: what the file must hold.
        format_version: the newest version that the caller can read.
        attribute_names: those that it may have beside the format.
        check: refuses, by a ``ValueError``, datasets by their shapes and types, before any
            is read.

    Returns:
        The arrays and the attributes, by name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no HDF5 file, or is damaged, or holds something else, or
            is of layout 1, or of a later version. The message names the path, what was expected
            and what came.
    """
    check_path(path)
    shown = os.fspath(path)
    expected = f"an HDF5 file of format {format_name!r}"
    _check_is_hdf5(path, expected)
    if not has_checksum(path):
        raise ValueError(
            f"path: expected {expected} in layout 2, received {shown!r}, which does not begin "
            "with its checksum: another program wrote it, or this package in layout 1, which "
            "is no longer read."
        )
    if not is_whole(path):
        raise damaged(
            path, expected, "its checksum is that of other bytes: it was cut or changed"
        )
    with _hdf5_file(path, expected) as file:
        try:
            attributes = check_attributes(file)
            found_name = attributes.pop(_NAME, None)
            found_version = attributes.pop(_VERSION, None)
            written = attributes.pop(_DATASETS, _names_of(file))  # Early files do not tell it.
            is_ours = found_name == format_name and isinstance(found_version, int)
            if is_ours and found_version <= format_version:
                if unknown := attributes.keys() - set(attribute_names):
                    raise Fault(f"attribute {min(unknown)!r}: none of this format")
                headers = headers_of(file, os.path.getsize(path))
                if check is not None:
                    check(headers)
                _check_all_there(file, written)
                return {name: _array(file[name]) for name in headers}, attributes
        except (TypeError, ValueError) as error:  # also h5py's words for kinds of damage
            raise damaged(path, expected, error) from error
    if not is_ours:
        what = "no format" if found_name is None else f"the format {found_name!r}"
        raise ValueError(f"path: expected {expected}, received {shown!r}, which names {what}.")
    raise ValueError(
        f"path: expected {expected} and version {format_version} or earlier, received "
        f"{shown!r} of version {found_version}: a later release wrote it."
    )


def _names_of(arrays: Iterable[str]) -> str:
    """Return the names of datasets as one text, or their number where that is too long."""
    names = sorted(arrays)
    text = ",".join(names)
    return text if len(text.encode("utf-8")) < _LONGEST_TEXT else str(len(names))


def _check_all_there(file: h5py.File, written: Any) -> None:
    """Refuse a file that lacks datasets that were written to it."""
    if written != _names_of(file):
        missing = sorted(set(str(written).split(",")) - set(file))
        raise Fault(f"missing: {listed(missing)}" if missing else "too many datasets")


def _array(item: h5py.Dataset) -> np.ndarray:
    """Read a dataset, text as strings."""
    array = np.asarray(item[()])
    return array if array.dtype.kind != "S" else np.asarray(np.char.decode(array, "utf-8"))
