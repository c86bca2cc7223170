"""Checks of an HDF5 file before any of its arrays is read.

A file may be made to harm its reader: by links and storage that take in other files, by few
bytes that stand for many, by objects where arrays should be.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import h5py
import numpy as np

__all__ = [
    "CHUNK_BYTES",
    "Budget",
    "Fault",
    "Header",
    "Layout",
    "check_arrays",
    "check_attributes",
    "check_links",
    "header_of",
    "headers_of",
    "most_bytes",
    "nested_layout",
    "parse_json",
    "read_array",
]

#: A compressed part stands for fewer bytes than this. The library inflates a part before it
#: looks at its size, by a factor of 1,032 at most.
CHUNK_BYTES = 1 << 17

#: Bytes that all arrays of a file may have in memory, or times those of the file, whichever
#: is more. A quarter of a gigabyte fills no memory; what compresses better than a
#: hundredfold, as few recordings do, is written as it is.
_FREE_BYTES, _MOST_TIMES = 1 << 28, 100

#: Datasets, and attributes, of one file: a run has some hundreds.
_MOST_NAMES = 100_000  # arrays in a file, far above those of any result

#: Groups in each other; the library itself ends the process at some thousands.
_MOST_NESTED = 100

#: Times by which gzip makes a part smaller at most (1,032), and some more.
_MOST_DEFLATED = 1_100

_NUMBERS = "biufc"
_FILTERS = [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE]


class Fault(ValueError):
    """Fault within a file, to which the reader adds the file's name."""


class Header(NamedTuple):
    """Type and shape of a dataset: the letter of NumPy's kind, ``U`` for text."""

    kind: str
    shape: tuple[int, ...]


def header_of(array: np.ndarray) -> Header:
    """Return the header that an array would have in a file."""
    return Header(array.dtype.kind, array.shape)


#: Of each dataset, by name: the letters of NumPy's kinds that it may have, and the length of
#: each axis: a number, or a name that stands for the same number throughout.
Layout = Mapping[str, tuple[str, Sequence[str | int]]]


def most_bytes(file_size: int) -> int:
    """Return how many bytes all arrays of a file may have in memory."""
    return max(_FREE_BYTES, _MOST_TIMES * file_size)


def headers_of(file: h5py.File, file_size: int) -> dict[str, Header]:
    """Return the headers of the datasets of a file of ours, all of which it may hold.

    Raises:
        Fault: anything but datasets, or one whose data are not in the file, or are of a
            type, or of a size, that we do not write.
    """
    if len(file) > _MOST_NAMES:
        raise Fault(f"it holds {len(file)} datasets")
    headers, stored, total = {}, 0, 0
    for name in file:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise Fault(f"dataset {name!r}: a link to another place")
        if file.get(name, getclass=True) is not h5py.Dataset:
            raise Fault(f"{name!r}: no dataset")
        item = file[name]
        try:
            headers[name] = _header(item)
            # A letter of text has one to four bytes in the file, and four in memory.
            times = 5 if headers[name].kind == "U" else 1
            total += times * math.prod(item.shape) * item.dtype.itemsize
            if total > most_bytes(file_size):
                raise Fault(f"{total:,} bytes of data in a file of {file_size:,}")
            stored += _stored_bytes(item)
            if stored > file_size:
                raise Fault("its data are those of other datasets")
        except Fault as error:
            raise Fault(f"dataset {name!r}: {error}") from error
    return headers


def _is_text(item: h5py.Dataset) -> bool:
    return bool(item.dtype.kind == "S" and h5py.check_string_dtype(item.dtype) is not None)


def _header(item: h5py.Dataset) -> Header:
    if item.shape is None or not (item.dtype.kind in _NUMBERS or _is_text(item)):
        raise Fault(f"expected numbers or text, received the type {item.dtype}")
    return Header("U" if item.dtype.kind == "S" else item.dtype.kind, item.shape)


def _stored_bytes(item: h5py.Dataset) -> int:
    """Return the bytes of the data in the file, which must be there, and as we store them."""
    _check_storage(item)
    plist = item.id.get_create_plist()
    filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    n_bytes = math.prod(item.shape) * item.dtype.itemsize
    if plist.get_layout() == h5py.h5d.CONTIGUOUS and not filters:
        if item.id.get_storage_size() != n_bytes:
            raise Fault(
                f"{n_bytes:,} bytes of which {item.id.get_storage_size():,} are in the file"
            )
        return n_bytes
    if plist.get_layout() != h5py.h5d.CHUNKED or filters != _FILTERS:
        raise Fault("stored in a way that this package does not store")
    chunk_bytes = math.prod(item.chunks) * item.dtype.itemsize
    if chunk_bytes >= CHUNK_BYTES:
        raise Fault(f"compressed parts of {chunk_bytes:,} bytes")
    stored = 0
    corners = [range(0, n, step) for n, step in zip(item.shape, item.chunks, strict=True)]
    n_parts = math.prod(len(corner) for corner in corners)
    if item.id.get_num_chunks() != n_parts:
        raise Fault(f"{n_parts:,} parts of which {item.id.get_num_chunks():,} are there")
    for corner in itertools.product(*corners):
        info = item.id.get_chunk_info_by_coord(corner)
        if (
            info.filter_mask
            or not info.size
            or info.size > chunk_bytes + chunk_bytes // 100 + 64
        ):
            raise Fault(f"a compressed part of {info.size:,} bytes")
        stored += info.size
    return stored


def _check_storage(item: h5py.Dataset) -> None:
    """Refuse a dataset whose data are in other files or other datasets."""
    plist = item.id.get_create_plist()
    if plist.get_external_count():
        raise Fault("external storage: its data are in another file")
    if plist.get_layout() == h5py.h5d.VIRTUAL:
        raise Fault("a virtual dataset: its data are elsewhere")


class Budget:
    """Bytes that what is read of another program's file may take in memory.

    Compressed data stand for at most a thousandfold, and each object of a file takes some
    bytes in it: what takes more than the file can hold was made to fill the memory.

    Example:
        >>> Budget(1000).take(1 << 20)
    """

    #: A cell or a member of a structure, which takes two hundred bytes or more in a file.
    OBJECT = 1 << 16
    #: An empty cell, which may be the same in all places.
    EMPTY = 1 << 10

    def __init__(self, file_size: int):
        self._size, self._left = file_size, max(_FREE_BYTES, _MOST_DEFLATED * file_size)

    def take(self, n_bytes: int) -> None:
        """Take so many bytes, if they are left.

        Raises:
            Fault: they are not.
        """
        self._left -= int(n_bytes)
        if self._left < 0:
            raise Fault(
                f"its data would take more memory than a file of {self._size:,} bytes can"
            )


def _bytes_of(item: h5py.Dataset) -> int:
    """Return the bytes of a dataset in memory, where numbers become float32 at least."""
    least = 4 if item.dtype.kind in _NUMBERS else 1
    return int((item.size or 0) * max(item.dtype.itemsize, least))


def check_links(file: h5py.File, file_size: int) -> None:
    """Refuse a file, of any program, that takes data from other files, or fills the memory.

    Groups are walked one by one, as the library's own walk ends the process where they are
    nested deeply.

    Raises:
        Fault: an external link, external storage, a virtual dataset, more data than the file
            can hold, or groups nested deeply.
    """
    budget, pending, seen = Budget(file_size), [(file["/"], 0)], set()
    while pending:
        group, depth = pending.pop()
        if depth > _MOST_NESTED:
            raise Fault(f"more than {_MOST_NESTED} groups in each other")
        for name in group:
            shown = f"{group.name}/{name}".strip("/")
            link = group.id.links.get_info(name.encode("utf-8", "surrogateescape"))
            if link.type == h5py.h5l.TYPE_SOFT:
                continue  # to another place in the file, which is visited there
            if link.type != h5py.h5l.TYPE_HARD:
                raise Fault(f"dataset {shown!r}: a link to another file")
            item = group[name]
            if isinstance(item, h5py.Dataset):
                try:
                    _check_storage(item)
                    if _bytes_of(item) > _FREE_BYTES:
                        # Of one dataset it is its own bytes in the file that count.
                        Budget(item.id.get_storage_size()).take(_bytes_of(item))
                    budget.take(_bytes_of(item))
                except Fault as error:
                    raise Fault(f"dataset {shown!r}: {error}") from error
            elif isinstance(item, h5py.Group):
                address = h5py.h5o.get_info(item.id).addr
                if address not in seen:
                    seen.add(address)
                    pending.append((item, depth + 1))


def read_array(item: h5py.Dataset) -> Any:
    """Read a dataset of another program's file, text of variable length in parts.

    Elements of no fixed length stand elsewhere in the file, several perhaps in one place.

    Raises:
        Fault: they take more bytes than the file has.
    """
    if item.dtype.kind != "O" or h5py.check_ref_dtype(item.dtype) or not item.shape:
        return item[()]
    file_size = item.file.id.get_filesize()
    at_once = max(1, min(4096, _FREE_BYTES // file_size))
    left = max(_FREE_BYTES, file_size)
    array = np.empty(item.shape, dtype=object)
    for row in np.ndindex(item.shape[:-1]):
        for first in range(0, item.shape[-1], at_once):
            part = (*row, slice(first, first + at_once))
            array[part] = item[part]
            left -= sum(np.size(one) * getattr(one, "itemsize", 1) for one in array[part])
            left -= sum(len(one) for one in array[part] if isinstance(one, str | bytes))
            if left < 0:
                raise Fault(f"dataset {item.name!r}: more bytes than the file has")
    return array


def check_attributes(file: h5py.File) -> dict[str, Any]:
    """Return the numbers and strings among the attributes of a file of ours.

    Raises:
        Fault: another attribute.
    """
    if h5py.h5a.get_num_attrs(file.id) > _MOST_NAMES:
        raise Fault("too many attributes")
    values = {}
    for name in file.attrs:
        header = h5py.h5a.open(file.id, name.encode("utf-8"))
        is_text = h5py.check_string_dtype(header.dtype) is not None
        if header.shape != () or not (is_text or header.dtype.kind in "biuf"):
            raise Fault(f"attribute {name!r}: expected a number or text")
        value = file.attrs[name]
        values[name] = value.item() if isinstance(value, np.generic) else value
    return values


def parse_json(text: Any, name: str) -> Any:
    """Return the value that a text holds in JSON, however deep the text pretends to be.

    Example:
        >>> parse_json('{"a": [1, null]}', "values")
        {'a': [1, None]}
    """
    if not isinstance(text, str):
        raise Fault(f"attribute {name!r}: expected text, received {text!r:.50}")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        why = "nested too deeply" if isinstance(error, RecursionError) else error
        raise Fault(f"attribute {name!r}: no JSON ({why})") from error


def check_arrays(headers: Mapping[str, Header], layout: Layout) -> None:
    """Refuse datasets whose types and shapes do not fit a layout, or each other.

    Args:
        headers: by name.
        layout: layout of all datasets that there may be.

    Raises:
        Fault: a dataset that is none of the layout, or differs from it.

    Example:
        >>> layout = {"x": ("f", ("n", 2)), "name": ("U", ("n",))}
        >>> check_arrays({"x": Header("f", (5, 2)), "name": Header("U", (5,))}, layout)
        >>> try:
        ...     check_arrays({"x": Header("f", (5, 2)), "name": Header("U", (4,))}, layout)
        ... except Fault as error:
        ...     print(error)
        name: expected shape (n=5), received (4,)
    """
    for name in headers:
        if name not in layout:
            raise Fault(f"{name}: expected one of {', '.join(layout)}")
    lengths: dict[str | int, int] = {}
    for name, (kinds, axes) in layout.items():
        if name not in headers:
            continue
        kind, shape = headers[name]
        if kind not in kinds:
            raise Fault(f"{name}: expected {_words(kinds)}, received {kind!r}")
        fits = len(shape) == len(axes) and all(
            n == (lengths.setdefault(axis, n) if isinstance(axis, str) else axis)
            for axis, n in zip(axes, shape, strict=True)
        )
        if not fits:
            wanted = ", ".join(f"{a}={lengths[a]}" if a in lengths else str(a) for a in axes)
            raise Fault(f"{name}: expected shape ({wanted}), received {shape}")


def nested_layout(name: str, layout: Layout) -> Layout:
    """Return the layout of a result within another one, with axes of its own.

    Example:
        >>> nested_layout("index", {"x": ("f", ("n", 2))})
        {'index.x': ('f', ('index.n', 2))}
    """
    return {
        f"{name}.{key}": (
            kinds,
            tuple(f"{name}.{axis}" if isinstance(axis, str) else axis for axis in axes),
        )
        for key, (kinds, axes) in layout.items()
    }


def _words(kinds: str) -> str:
    return "text" if kinds == "U" else "numbers"
