"""Makers of files of other programs that were made to harm their reader, by name.

Each says in a few kilobytes of much more than it holds, or goes round in circles.
"""

import struct
import zlib

import h5py
import numpy as np

__all__ = ["FILES"]

#: What writes a file to a path, by the name of the file.
FILES = {}

_HEADER5 = b"MATLAB 5.0 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x01IM"
_HEADER73 = b"MATLAB 7.3 MAT-file, Platform: GLNXA64 HDF5 schema 1.00 ."
_DOUBLE, _CHAR, _CELL, _STRUCT, _SPARSE = 6, 4, 1, 2, 5


# MATLAB 5: elements, and matrices made of them.


def _element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def _head(kind, sizes, name=b"spikes"):
    flags = _element(6, struct.pack("<II", kind, 1))
    return flags + _element(5, struct.pack(f"<{len(sizes)}i", *sizes)) + _element(1, name)


def _matrix(kind, sizes, *rest):
    body = _head(kind, sizes) + b"".join(rest)
    return struct.pack("<II", 14, len(body)) + body


def _doubles(values):
    return _element(9, np.asarray(values, "<f8").tobytes())


def _whole(values):
    return _element(5, np.asarray(values, "<i4").tobytes())


def _nested(n):
    """Return a cell in a cell, so often."""
    parts = [_matrix(_DOUBLE, (1, 1), _doubles([1.0]))]
    size = len(parts[0])
    for _ in range(n):
        head = _head(_CELL, (1, 1))
        parts.append(struct.pack("<II", 14, len(head) + size) + head)
        size += len(parts[-1])
    return b"".join(reversed(parts))


def _compressed(content):
    data = zlib.compress(content, 9)
    return struct.pack("<II", 15, len(data)) + data


_HUGE = (10**6, 10**6)
_EMPTY_SPARSE = (_whole([0]), _whole(np.zeros(10**6 + 1)), _doubles([]))
_TWO = _doubles([1.0, 2.0])
_MATLAB5 = {
    "nested": _nested(20_000),
    "nested and compressed": _compressed(_nested(100_000)),
    "a billion cells": _matrix(_CELL, (30_000, 30_000)),
    "a billion structures": _matrix(
        _STRUCT, (30_000, 30_000), _whole([8]), _element(1, b"a\0\0\0\0\0\0\0")
    ),
    "fields without names": _matrix(_STRUCT, (1, 1), _whole([0]), _element(1, b"aaaa")),
    "huge when filled up": _matrix(_SPARSE, _HUGE, *_EMPTY_SPARSE),
    "huge, compressed": _compressed(_matrix(_SPARSE, _HUGE, *_EMPTY_SPARSE)),
    "index out of range": _matrix(
        _SPARSE, (3, 3), _whole([10**6]), _whole([0, 1, 1, 1]), _doubles([1.0])
    ),
    "more numbers told than there": _matrix(_DOUBLE, (30_000, 30_000), _TWO),
    "negative sizes": _matrix(_DOUBLE, (-1, -2), _TWO),
    "too many axes": _matrix(_DOUBLE, (1,) * 60, _doubles([1.0])),
    "axes without end": _matrix(_DOUBLE, (1,) * 10_000, _doubles([1.0])),
    "text that is not there": _matrix(_CHAR, (30_000, 30_000), _element(4, b"a\0b\0")),
    "cut": _matrix(_DOUBLE, (20, 10), _doubles(np.zeros(200)))[:300],
    "no stream of zlib": struct.pack("<II", 15, 20) + b"\x78\x9c" + b"x" * 18,
    "half a stream": _compressed(_nested(10))[:60],
    "nothing": b"",
}
for _name, _content in _MATLAB5.items():
    FILES[f"MATLAB 5, {_name}"] = lambda path, content=_content: path.write_bytes(
        _HEADER5 + content
    )


# MATLAB 7.3, and HDF5 of other programs.


def _hdf5(name, matlab=True):
    """Note a maker of a file, which is given the opened file."""

    def note(make):
        def write(path):
            with h5py.File(path, "w", userblock_size=512) as file:
                make(file)
                file.attrs["bin_width"] = 0.02
            if matlab:
                with open(path, "r+b") as raw:
                    raw.write(_HEADER73.ljust(124) + b"\x00\x02IM")

        FILES[f"{'MATLAB 7.3' if matlab else 'HDF5'}, {name}"] = write
        return make

    return note


def _of_class(item, kind):
    item.attrs["MATLAB_class"] = np.bytes_(kind)
    return item


def _cell(node, name, *references, n=1):
    made = _of_class(node.create_dataset(name, (1, n), h5py.ref_dtype), "cell")
    for i, reference in enumerate(references * (n // len(references) if references else 0)):
        made[0, i] = reference
    return made


@_hdf5("a cell in itself")
def _(file):
    made = _cell(file, "spikes", n=10)
    made[0] = np.array([made.ref] * 10, dtype=h5py.ref_dtype)


@_hdf5("cells of cells of cells")
def _(file):
    inner = _of_class(file.create_dataset("#refs#/x", data=np.ones((2, 2))), "double")
    for i in range(12):
        inner = _cell(file, f"#refs#/c{i}", inner.ref, n=30)
    _cell(file, "spikes", inner.ref, n=30)


@_hdf5("a thousand times the same")
def _(file):
    inner = _of_class(file.create_dataset("#refs#/x", (3 * 10**6,), "f8"), "double")
    _cell(file, "spikes", inner.ref, n=1000)


@_hdf5("references to nothing")
def _(file):
    _cell(file, "spikes", n=3)


@_hdf5("structures in themselves")
def _(file):
    group = _of_class(file.create_group("spikes"), "struct")
    for i in range(10):
        group[f"f{i}"] = group


def _sparse(file, n_rows, **parts):
    group = _of_class(file.create_group("spikes"), "double")
    group.attrs["MATLAB_sparse"] = n_rows
    for name, values in parts.items():
        group[name] = values


@_hdf5("huge when filled up")
def _(file):
    _sparse(file, np.uint64(10**9), jc=np.zeros(10**5, "u8"))


@_hdf5("index out of range")
def _(file):
    _sparse(file, np.uint64(3), jc=[0, 1, 2], ir=[10**6, 0], data=np.ones(2))


@_hdf5("a sparse matrix without its parts")
def _(file):
    _sparse(file, np.uint64(3))


@_hdf5("rows in words")
def _(file):
    _sparse(file, "many", jc=np.zeros(3))


@_hdf5("empty, but huge")
def _(file):
    made = _of_class(file.create_dataset("spikes", data=np.array(_HUGE, "u8")), "double")
    made.attrs["MATLAB_empty"] = np.uint8(1)


@_hdf5("characters that are none")
def _(file):
    _of_class(file.create_dataset("spikes", data=np.array([b"x"])), "char")


@_hdf5("a class that is no text")
def _(file):
    file.create_dataset("spikes", data=np.ones((2, 3, 4))).attrs["MATLAB_class"] = np.zeros(5)


@_hdf5("a link to itself")
def _(file):
    file["spikes"] = h5py.SoftLink("/spikes")


def _deep(file):
    group = file.id
    for _ in range(3000):
        group = h5py.h5g.create(group, b"g")
    file["spikes"] = np.ones((3, 4, 5))


def _many_links(file):
    first = file.create_dataset("spikes", (60, 1000, 1000), "f4")
    for i in range(100):
        file[f"train_data{i}"] = first


def _many_absent(file):
    for i in range(50):
        file.create_dataset(f"spikes{i or ''}", (60, 1000, 1000), "f4")


def _one_string_many_times(file):
    """Return elements of text that all refer to the same place."""
    text = "x" * (1 << 20)
    file["spikes"] = np.ones((4, 5, 3))
    labels = file.create_dataset("conditions", (4000,), h5py.string_dtype(), chunks=(4000,))
    labels[0] = text
    _, stored = labels.id.read_direct_chunk((0,))
    labels.id.write_direct_chunk((0,), stored[:16] * 4000)


for _name, _make in {
    "groups in groups": _deep,
    "many names of one array": _many_links,
    "many arrays that are not there": _many_absent,
    "one text many times": _one_string_many_times,
}.items():
    _hdf5(_name, matlab=False)(_make)
    if _name != "one text many times":
        _hdf5(_name)(_make)
