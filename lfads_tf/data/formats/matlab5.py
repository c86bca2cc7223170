"""Check of a file of MATLAB 5 to 7.2 before SciPy reads it.

SciPy believes what such a file says of itself: cells in each other end the process at some
thousands, and a few bytes that tell of many cells fill the memory. Elements of a file are tags
of eight bytes with their data; a matrix is made of elements, of which those of cells and
structures are matrices again ("MAT-File Format", The MathWorks).
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from typing import BinaryIO, Protocol

from fixedpoint_tf._utils.hdf5_checks import Budget, Fault

__all__ = ["HEADER", "check_file"]

HEADER = 128  # bytes at the beginning of a file
_MATRIX, _COMPRESSED = 14, 15  # types of elements
_CELL, _STRUCT, _OBJECT, _SPARSE, _FUNCTION, _OPAQUE = (
    1,
    2,
    3,
    5,
    16,
    17,
)  # classes of arrays, by their numbers in the format
_COMPLEX = 0x800  # among the flags of an array
_PIECE = 1 << 20  # bytes that are read, or inflated, at once


class _Stream(Protocol):
    def read(self, n_bytes: int, /) -> bytes: ...


class _Inflated:
    """Bytes that a compressed element stands for, a piece at a time."""

    def __init__(self, raw: BinaryIO, n_bytes: int):
        self._raw, self._left = raw, n_bytes
        self._inflating, self._ready = zlib.decompressobj(), b""

    def read(self, n_bytes: int, /) -> bytes:
        while len(self._ready) < n_bytes:
            tail = self._inflating.unconsumed_tail
            if not tail:
                tail = self._raw.read(min(self._left, _PIECE))
                self._left -= len(tail)
            piece = self._inflating.decompress(tail, _PIECE)
            if not piece and not self._inflating.unconsumed_tail and not self._left:
                break
            self._ready += piece
        found, self._ready = self._ready[:n_bytes], self._ready[n_bytes:]
        return found


def check_file(path: str | os.PathLike[str], *, most_nested: int) -> None:
    """Refuse a file that is cut, nested deeply, or tells of more than it can hold.

    Args:
        path: path of a file of MATLAB 5.
        most_nested: cells and structures that may be in each other.

    Raises:
        Fault: what is wrong with it.
    """
    with open(path, "rb") as raw:
        order = "<" if raw.read(HEADER)[126:128] == b"IM" else ">"
        size = os.path.getsize(path)
        walk = _Walk(order, Budget(size), most_nested)
        while (place := raw.tell()) < size:
            kind, n_bytes = struct.unpack(f"{order}II", _exactly(raw, 8))
            if place + 8 + n_bytes > size:
                raise Fault("it is cut")
            if kind == _COMPRESSED:
                try:
                    walk.matrix(_Inflated(raw, n_bytes))
                except zlib.error as error:
                    raise Fault(str(error)) from error
            elif kind == _MATRIX and n_bytes:
                raw.seek(place)
                walk.matrix(raw)
            raw.seek(place + 8 + n_bytes)


class _Walk:
    """A walk over matrices in the order in which SciPy reads them."""

    def __init__(self, order: str, budget: Budget, most_nested: int):
        self._order, self._budget, self._most_nested = order, budget, most_nested

    def matrix(self, stream: _Stream) -> None:
        """Go over one matrix and all that are in it."""
        pending = [1]  # matrices that are still to come, at each depth
        while pending:
            if not pending[-1]:
                pending.pop()
                continue
            pending[-1] -= 1
            kind, n_bytes, _ = self._tag(stream)
            if kind != _MATRIX:
                raise Fault(f"an element of type {kind} in place of a matrix")
            if n_bytes:
                n_within = self._contents(stream)
                self._budget.take(n_within * Budget.EMPTY)
                pending.append(n_within)
            if len(pending) > self._most_nested + 1:
                raise Fault(f"more than {self._most_nested} cells or structures in each other")

    def _contents(self, stream: _Stream) -> int:
        """Walk over the elements of a matrix, and count the matrices in it."""
        flags = self._numbers(stream, "I")
        kind, is_complex = (flags[0] & 0xFF, flags[0] & _COMPLEX) if flags else (0, 0)
        if kind == _OPAQUE:
            for _ in range(3):
                self._skip(stream)
            return 1
        sizes = self._numbers(stream, "i")
        if any(n < 0 for n in sizes):
            raise Fault(f"an array of sizes {sizes!r:.100}")
        self._skip(stream)  # the name
        if kind == _FUNCTION:
            return 1
        if kind in (_CELL, _STRUCT, _OBJECT):
            self._budget.take(8 * math.prod(sizes))
        if kind == _CELL:
            return math.prod(sizes)
        if kind in (_STRUCT, _OBJECT):
            if kind == _OBJECT:
                self._skip(stream)  # the name of its class
            (length, *_) = self._numbers(stream, "i") or [0]
            if length < 1:
                raise Fault("fields without names")
            return math.prod(sizes) * (self._skip(stream) // length)
        for _ in range((2 if kind == _SPARSE else 0) + (2 if is_complex else 1)):
            self._skip(stream)
        return 0

    def _tag(self, stream: _Stream) -> tuple[int, int, bytes]:
        """Return the type and size of an element, and data that stand in the tag itself."""
        tag = _exactly(stream, 8)
        first, second = struct.unpack(f"{self._order}II", tag)
        return (first & 0xFFFF, first >> 16, tag[4:]) if first >> 16 else (first, second, b"")

    def _numbers(self, stream: _Stream, letter: str) -> list[int]:
        """Return the few numbers of four bytes that an element holds."""
        _, n_bytes, data = self._tag(stream)
        if n_bytes > 4 * 64:
            raise Fault(f"an array of {n_bytes // 4:,} axes")
        if not data:
            data = _exactly(stream, n_bytes + -n_bytes % 8)
        return list(
            struct.unpack(f"{self._order}{n_bytes // 4}{letter}", data[: n_bytes // 4 * 4])
        )

    def _skip(self, stream: _Stream) -> int:
        """Skip an element, and return its size."""
        _, n_bytes, data = self._tag(stream)
        left = 0 if data else n_bytes + -n_bytes % 8
        while left > 0:
            piece = stream.read(min(left, _PIECE))
            left -= len(piece)
            if not piece and left >= 8:  # the last may lack what fills it up
                raise Fault("it is cut")
            if not piece:
                break
        return n_bytes


def _exactly(stream: _Stream, n_bytes: int) -> bytes:
    found = stream.read(n_bytes)
    if len(found) < n_bytes:
        raise Fault("it is cut")
    return found
