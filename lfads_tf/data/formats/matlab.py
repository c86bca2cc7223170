"""Variables of MATLAB's files, of ``save`` with ``-v6``, ``-v7`` and ``-v7.3``, as MATLAB shows
them.

Version 7.3 is HDF5 with all axes reversed, text as numbers, and cells as references;
``MATLAB_class`` tells the kind of each variable. Axes here are in the order of ``size`` in
MATLAB.

==========================  ==================================================================
in MATLAB                   here
==========================  ==================================================================
numbers, logical            an array with the same axes; sparse ones are filled up
text: a row, several rows   a string, an array of strings
cell array                  an array of objects with the same axes
structure                   a dictionary of its fields
array of structures         a dictionary; each field is an array of objects
string, table, datetime,    refused by name: their values are in no form that another program
and other objects           can read
==========================  ==================================================================
"""

from __future__ import annotations

import contextlib
import functools
import logging
import math
import os
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import h5py
import numpy as np

from fixedpoint_tf._utils import hdf5
from fixedpoint_tf._utils.checks import check_path, check_text, listed
from fixedpoint_tf._utils.files import existing
from fixedpoint_tf._utils.hdf5_checks import Budget, Fault, read_array
from lfads_tf.data.formats.matlab5 import HEADER, check_file

__all__ = ["is_matlab", "opened", "read"]

_LOGGER = logging.getLogger(__name__)

_NUMBERS = {"double", "single", *(f"{u}int{n}" for u in ("", "u") for n in (8, 16, 32, 64))}
# What an empty cell refers to has a class of its own.
_KNOWN = _NUMBERS | {"logical", "char", "cell", "struct", "canonical empty"}
_DEPTH = 30  # of cells and structures in each other: a file may refer to itself
_Readers = dict[str, Callable[[], Any]]


class Variables(Mapping[str, Any]):
    """Variables of a file, or fields of a structure, read when they are asked for.

    Example:
        >>> sorted(Variables({"x": lambda: 1.0}))
        ['x']
    """

    def __init__(self, readers: Mapping[str, Callable[[], Any]]):
        self._readers = dict(readers)

    def __getitem__(self, name: str) -> Any:
        return self._readers[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._readers)

    def __len__(self) -> int:
        return len(self._readers)


def is_matlab(path: str | os.PathLike[str]) -> bool:
    """Test whether a file has the format of MATLAB's ``save``, written by any program.

    Args:
        path: the file.
    """
    with open(existing(path), "rb") as raw:
        header = raw.read(HEADER)
    if len(header) == HEADER and header[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
        return True
    if not h5py.is_hdf5(path):
        if _is_version_4(header):
            raise ValueError(
                f"path: expected a file of MATLAB's save with -v6, -v7 or -v7.3, received "
                f"{os.fspath(path)!r} of MATLAB 4. Load it there and save it again."
            )
        return False
    if header.startswith(b"MATLAB 7.3"):
        return True
    with hdf5.opened(path) as file:
        return any("MATLAB_class" in item.attrs for _, item in _linked(file))


def _is_version_4(header: bytes) -> bool:
    """Test for the header of a matrix in a file of MATLAB 4."""
    for order in "<>":
        if len(header) >= 21:
            kind, rows, columns, is_complex, length = struct.unpack(f"{order}5i", header[:20])
            order_told, form = kind // 1000, (kind // 10 % 10, kind % 10)
            if (
                order_told == "<>".index(order)
                and kind // 100 % 10 == 0
                and form[0] <= 5
                and form[1] <= 2
                and min(rows, columns) >= 0
                and is_complex in (0, 1)
                and 1 < length <= 64
                and header[20:21].isalpha()
            ):
                return True
    return False


def read(path: str | os.PathLike[str], *, group: str | None = None) -> dict[str, Any]:
    """Read all variables of a file of MATLAB's, or the fields of one of its structures.

    Args:
        path: the file.
        group: of structures in each other, such as ``"day0/trials"``; None: the file's
            variables.

    Returns:
        Variables by name; see above for what they are.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no file of MATLAB's or a damaged one, no such structure, or an object
            that only MATLAB can read.

    Example:
        >>> import tempfile
        >>> import scipy.io
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "monday.mat")
        ...     scipy.io.savemat(path, {"day": {"counts": np.ones((2, 3)), "name": "monday"}})
        ...     fields = read(path, group="day")
        >>> fields["name"], fields["counts"].shape
        ('monday', (2, 3))
    """
    with opened(path, group=group) as variables:
        return dict(variables)


@contextlib.contextmanager
def opened(path: str | os.PathLike[str], *, group: str | None = None) -> Iterator[Variables]:
    """Open the variables of a file of MATLAB's, or the fields of a structure in it.

    Args:
        path: the file.
        group: as of :func:`read`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: as of :func:`read`.
    """
    check_text(group, "group", none=True)
    check_path(path)
    shown = os.fspath(path)
    if not is_matlab(path):
        raise ValueError(f"path: expected a file of MATLAB's, received {shown!r}.")
    parts = group.strip("/").split("/") if group else []
    if h5py.is_hdf5(path):
        with hdf5.opened(path, "a file of MATLAB 7.3") as file:
            fields_of = functools.partial(_hdf5_fields, budget=Budget(os.path.getsize(path)))
            yield _below(file, parts, shown, fields_of)
    else:
        fields_of = functools.partial(_fields, budget=Budget(os.path.getsize(path)))
        with _named(path):
            yield _below(_load(path), parts, shown, fields_of)


@contextlib.contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Add the name of the file to errors about it."""
    try:
        yield
    except Fault as error:
        raise ValueError(
            f"path: expected a file of MATLAB's, received {os.fspath(path)!r}, which is "
            f"damaged ({error})."
        ) from error


def _below(
    node: Any, parts: Sequence[str], shown: str, fields_of: Callable[[Any], _Readers]
) -> Variables:
    """Return the fields of a structure, in which others may lie."""
    for i, name in enumerate(["", *parts]):
        node = _field(node, name) if i else node
        fields = fields_of(node)
        following = parts[i] if i < len(parts) else None
        if not fields or (following is not None and following not in fields):
            raise ValueError(
                f"group: expected a structure of {shown!r}, received {'/'.join(parts)!r}. "
                f"There is {listed(fields) or 'no structure'} at {'/'.join(parts[:i])!r}."
            )
    return Variables(fields)


def _unreadable(kind: str, name: str) -> ValueError:
    return ValueError(
        f"path: expected numbers, text, cells and structures, received {name} of MATLAB's "
        f"class {kind}, which only MATLAB can read. Save it as text by cellstr, as numbers by "
        "double, or as a structure by struct or table2struct."
    )


# Version 7.3, which is HDF5.


def _linked(node: h5py.Group) -> list[tuple[str, Any]]:
    """List members of a group that lie in this file, without MATLAB's own."""
    return [
        (name, node[name])
        for name in node
        if not name.startswith("#") and isinstance(node.get(name, getlink=True), h5py.HardLink)
    ]


def _hdf5_fields(node: Any, budget: Budget) -> _Readers:
    """Return readers of the members of a file or of a structure."""
    is_group = isinstance(node, h5py.Group) and "MATLAB_sparse" not in node.attrs
    return {
        name: functools.partial(_hdf5_value, item, name, budget)
        for name, item in (_linked(node) if is_group else ())
    }


def _hdf5_value(item: Any, name: str, budget: Budget, depth: int = 0) -> Any:
    """Return what an item of a file of version 7.3 means."""
    kind = item.attrs.get("MATLAB_class", b"")
    kind = kind.decode() if isinstance(kind, bytes) else str(kind)
    if depth > _DEPTH:
        raise Fault(
            f"expected at most {_DEPTH} cells in each other, received more in {name:.100}"
        )
    budget.take(budget.EMPTY if kind == "canonical empty" else budget.OBJECT)
    if "MATLAB_object_decode" in item.attrs and kind not in _KNOWN or kind not in _KNOWN | {""}:
        raise _unreadable(repr(kind), name)
    if isinstance(item, h5py.Group):
        if "MATLAB_sparse" in item.attrs:
            return _sparse(item, name, budget)
        return {
            k: _hdf5_value(one, f"{name}.{k}", budget, depth + 1) for k, one in _linked(item)
        }
    if not isinstance(item, h5py.Dataset) or item.shape is None:
        raise Fault(f"{name:.100} is no array")
    budget.take(item.size * item.dtype.itemsize)
    array = read_array(item)
    if "MATLAB_empty" in item.attrs:
        return _empty(array, kind, name)
    if h5py.check_ref_dtype(item.dtype) is not None:
        cells = np.empty(np.shape(array), dtype=object)
        for place, reference in np.ndenumerate(array):
            if not reference:
                raise Fault(f"a cell of {name:.100} refers to nothing")
            cells[place] = _hdf5_value(item.file[reference], name, budget, depth + 1)
        return cells.T
    if not kind and np.ndim(array) > 1:
        raise ValueError(
            f"path: expected the attribute MATLAB_class of {name} in a file of MATLAB's, since "
            "it tells the order of the axes, received none."
        )
    if kind == "char":
        if array.dtype.kind not in "iu":
            raise Fault(f"{name:.100} holds no characters, but {array.dtype}")
        return _text_of(array)
    if array.dtype.names == ("real", "imag"):
        array = array["real"] + 1j * array["imag"]
    return np.asarray(array.T, dtype=bool) if kind == "logical" else array.T


def _empty(sizes: Any, kind: str, name: str) -> Any:
    """Return an empty variable, of which the file holds the sizes."""
    shape = np.ravel(sizes).tolist()
    if not all(isinstance(size, int) and size >= 0 for size in shape) or math.prod(shape):
        raise Fault(f"{name:.100} is marked as empty, but of sizes {shape!r:.100}")
    return "" if kind == "char" else np.zeros(shape, object if kind == "cell" else float)


def _text_of(codes: np.ndarray) -> Any:
    """Return the text of numbers of characters, of which each row is a text in MATLAB."""
    rows = np.atleast_2d(codes.T).astype("<u2")
    texts = [row.tobytes().decode("utf-16-le", "replace") for row in rows]
    return texts[0] if len(texts) == 1 else np.array(texts, dtype=str)


def _sparse(group: h5py.Group, name: str, budget: Budget) -> np.ndarray:
    from scipy.sparse import csc_matrix

    n_rows = group.attrs["MATLAB_sparse"]
    parts = {key: group.get(key, np.zeros(0)) for key in ("data", "ir", "jc")}
    if np.shape(n_rows) or not all(
        isinstance(one, h5py.Dataset | np.ndarray) and np.ndim(one) == 1
        for one in parts.values()
    ):
        raise Fault(f"the sparse matrix {name:.100} lacks some of its parts")
    data, rows, starts = (parts[key][()] for key in ("data", "ir", "jc"))
    try:
        shape = (int(n_rows), len(starts) - 1)
        matrix = csc_matrix((data, rows.astype(int), starts.astype(int)), shape=shape)
    except (TypeError, ValueError) as error:
        raise Fault(f"the sparse matrix {name:.100} is damaged ({error})") from error
    return _filled_up(matrix, name, budget)


def _filled_up(matrix: Any, name: str, budget: Budget) -> np.ndarray:
    """Return a sparse matrix with its zeros, after a check of its indices."""
    budget.take(math.prod(matrix.shape) * matrix.dtype.itemsize)
    try:
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise Fault(f"the sparse matrix {name:.100} is damaged ({error})") from error
    return np.asarray(matrix.toarray())


# Versions before, which SciPy reads.


def _fields(node: Any, budget: Budget) -> _Readers:
    """Return readers of the variables of a file or of the fields of a structure."""
    names = node if isinstance(node, dict) else getattr(node, "dtype", np.dtype(int)).names
    return {
        name: functools.partial(_value, _field(node, name), name, budget)
        for name in names or ()
    }


def _field(node: Any, name: str) -> Any:
    """Return a field of a structure, without the array of one that SciPy puts around it."""
    value = node[name]
    return value.reshape(-1)[0] if isinstance(node, np.ndarray) and value.size == 1 else value


def _load(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the variables of a file as SciPy has them, objects under their own names."""
    from scipy.io import loadmat
    from scipy.io.matlab import MatlabOpaque

    check_file(path, most_nested=_DEPTH)
    try:
        raw = loadmat(os.fspath(path), chars_as_strings=True, appendmat=False)
    except Exception as error:  # SciPy's errors about damaged files are of any kind.
        raise ValueError(
            f"path: expected a file of MATLAB's, received {os.fspath(path)!r}, which is "
            f"damaged ({error})."
        ) from error
    found = {}
    for name, value in raw.items():
        if isinstance(value, MatlabOpaque):  # SciPy gives only the last of them.
            name = _name_in(value, "s0") or name
            _LOGGER.warning(
                "%s holds objects that only MATLAB can read, among them %s of class %s",
                os.fspath(path),
                name,
                _name_in(value, "s2"),
            )
        if not name.startswith("__"):
            found[name] = value
    return found


def _name_in(value: Any, field: str) -> str:
    """Return the name or class of an object as SciPy reads it."""
    if field not in (value.dtype.names or ()) or not value.size:
        return ""
    told = value.reshape(-1)[0][field]
    return told.decode() if isinstance(told, bytes) else str(told)


def _value(value: Any, name: str, budget: Budget) -> Any:
    """Return what a variable that SciPy read means."""
    from scipy.io.matlab import MatlabFunction, MatlabObject, MatlabOpaque
    from scipy.sparse import issparse

    if isinstance(value, MatlabFunction | MatlabObject | MatlabOpaque):
        kind = _name_in(value, "s2") or getattr(value, "classname", "") or "function_handle"
        raise _unreadable(repr(kind), name)
    if issparse(value):
        return _filled_up(value, name, budget)
    if not isinstance(value, np.ndarray):
        return value
    if value.dtype.names:
        return {
            key: _value(_field(value, key), f"{name}.{key}", budget)
            for key in value.dtype.names
        }
    if value.dtype == object:
        cells = np.empty(value.shape, dtype=object)
        for place, item in np.ndenumerate(value):
            cells[place] = _value(item, name, budget)
        return cells
    if value.dtype.kind == "U":
        return value.item() if value.size == 1 else value if value.size else ""
    return value
