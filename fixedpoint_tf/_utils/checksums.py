"""Checksum of a whole file, kept in the bytes before its HDF5 content.

HDF5 leaves a user block at the beginning of a file to other programs. Ours holds the SHA-256
of all that follows, so that damage of any byte is found before the HDF5 library, which a
single flipped bit can send round in circles, walks the file. Readers of HDF5 in any language
skip the block.
"""

from __future__ import annotations

import hashlib
import os
from typing import BinaryIO

__all__ = ["BLOCK_SIZE", "has_checksum", "is_whole", "write_checksum"]

#: Bytes of the user block; the smallest that HDF5 allows.
BLOCK_SIZE = 512

_BEGINNING = b"file of fixedpoint-tf, layout 2\nsha256 "
#: Bytes that are read at once: of files of any size a megabyte is in memory.
_PIECE = 1 << 20  # bytes read at a time


def write_checksum(path: str | os.PathLike[str]) -> None:
    """Write the checksum of a closed HDF5 file into its user block.

    Args:
        path: the file, made with ``userblock_size=BLOCK_SIZE``.
    """
    with open(path, "r+b") as file:
        block = _block(file)
        file.seek(0)
        file.write(block)


def has_checksum(path: str | os.PathLike[str]) -> bool:
    """Test whether a file begins as those of this package do."""
    with open(path, "rb") as file:
        return file.read(len(_BEGINNING)) == _BEGINNING


def is_whole(path: str | os.PathLike[str]) -> bool:
    """Test whether every byte of a file is what it was when its checksum was written."""
    with open(path, "rb") as file:
        return file.read(BLOCK_SIZE) == _block(file)


def _block(file: BinaryIO) -> bytes:
    """Return the user block that belongs to the content of a file."""
    file.seek(BLOCK_SIZE)
    checksum = hashlib.sha256()
    while piece := file.read(_PIECE):
        checksum.update(piece)
    return (_BEGINNING + checksum.hexdigest().encode() + b"\n").ljust(BLOCK_SIZE, b"\0")
