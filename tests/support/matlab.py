"""Files as MATLAB writes them: version 7.3 by h5py with MATLAB's attributes, 7 by SciPy."""

import itertools

import h5py
import numpy as np
import scipy.io

__all__ = ["cells", "save"]

_NUMBERS = itertools.count()
_HEADER = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024 HDF5"


def cells(items, shape=None):
    """Return a cell array, by default a row, of matrices, text, or other cells."""
    array = np.empty(len(items), dtype=object)
    array[:] = [
        np.atleast_2d(item) if isinstance(item, (int, float)) else item for item in items
    ]
    return array.reshape(shape or (1, -1), order="F")


def save(path, version, **variables):
    """Write arrays with axes as in MATLAB, text, cells, structures and arrays of these.

    Args:
        path: the file.
        version: ``"7"`` or ``"7.3"``.
        variables: arrays of at least two axes; strings, or tuples of strings of one length;
            :func:`cells`; dictionaries; lists of dictionaries.
    """
    if version == "7":
        scipy.io.savemat(
            path, {k: _for_scipy(v) for k, v in variables.items()}, appendmat=False
        )
        return
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            _write(file, name, value)
    with open(path, "r+b") as raw:
        raw.write(_HEADER.ljust(124) + b"\x00\x02IM")


def _for_scipy(value):
    if isinstance(value, tuple):
        return np.array(value)
    if isinstance(value, list):
        array = np.empty((1, len(value)), [(key, object) for key in value[0]])
        for i, one in enumerate(value):
            array[0, i] = tuple(_for_scipy(field) for field in one.values())
        return array
    if isinstance(value, dict):
        return {key: _for_scipy(field) for key, field in value.items()}
    if isinstance(value, np.ndarray) and value.dtype == object:
        array = np.empty(value.shape, dtype=object)
        for place, item in np.ndenumerate(value):
            array[place] = _for_scipy(item)
        return array
    return value


def _write(node, name, value):
    """Write one variable, cell or field."""
    if isinstance(value, dict):
        group = node.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for key, field in value.items():
            _write(group, key, field)
        return
    if isinstance(value, list):  # A dataset of references for each field, without a class.
        group = node.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for key in value[0]:
            _write_references(group, key, cells([one[key] for one in value]))
        return
    if isinstance(value, np.ndarray) and value.dtype == object and value.size:
        _write_references(node, name, value).attrs["MATLAB_class"] = np.bytes_("cell")
        return
    kind, decode = None, None
    if isinstance(value, str | tuple):
        rows = [value] if isinstance(value, str) else value
        codes = [list(np.frombuffer(row.encode("utf-16-le"), "<u2")) for row in rows]
        value, kind, decode = np.array(codes, np.uint16).reshape(len(rows), -1), "char", 2
        value = value if value.size else np.zeros((0, 0), np.uint16)
    elif value.dtype == bool:
        value, kind, decode = value.astype(np.uint8), "logical", 1
    elif value.dtype == object:
        kind = "cell"
    if value.size == 0:
        dataset = node.create_dataset(name, data=np.array(value.shape, np.uint64))
        dataset.attrs["MATLAB_empty"] = np.uint8(1)
    else:
        dataset = node.create_dataset(name, data=value.T)
    names = {"float64": "double", "float32": "single", "object": "cell"}
    kind = kind or names.get(str(value.dtype), str(value.dtype))
    dataset.attrs["MATLAB_class"] = np.bytes_(kind)
    if decode:
        dataset.attrs["MATLAB_int_decode"] = np.int32(decode)


def _write_references(node, name, array):
    """Write what the cells hold below ``#refs#``, and references to it."""
    kept = node.file.require_group("#refs#")
    references = np.empty(array.T.shape, dtype=h5py.ref_dtype)
    for place, item in np.ndenumerate(array.T):
        if isinstance(item, np.ndarray) and item.shape == (0, 0):
            if "a" not in kept:
                empty = kept.create_dataset("a", data=np.zeros(2, np.uint64))
                empty.attrs["MATLAB_class"] = np.bytes_("canonical empty")
                empty.attrs["MATLAB_empty"] = np.uint8(1)
            references[place] = kept["a"].ref
            continue
        key = f"c{next(_NUMBERS)}"
        _write(kept, key, item)
        references[place] = kept[key].ref
    return node.create_dataset(name, data=references, dtype=h5py.ref_dtype)
