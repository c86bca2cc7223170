"""Work through many rows in chunks that one limit of memory sets.

A chunk has as many rows as let the largest array of the work, and the copies of it that the
work makes, fit into the limit. Where a result depends on which rows are worked on together
(samples drawn for a chunk, descents that share what others found), the caller gives the number
of rows, or of copies, and the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = [
    "ALL_MEMORY", "MEMORY_LIMIT", "chunk_size", "chunks", "map_chunks", "padded_chunks",
    "work_through",
]  # fmt: skip

MEMORY_LIMIT = 2.0**30  # bytes; the default of FinderConfig.memory_limit
ALL_MEMORY = 2.0**60  # bytes that stand for no limit: more than a machine has
#: Copies of the largest array that work on it holds, at most: measured 4 (Jacobians of an LSTM)
#: to 14 (eigenvectors of 64 matrices of 256 units), twice that for users' own networks.
COPIES = 32


def chunk_size(entries: int, *, copies: int = COPIES, memory_limit: float | None = None) -> int:
    """Count the rows that fit into the limit at once, at least one.

    Args:
        entries: numbers of 8 bytes that a row adds to the largest array of the work.
        copies: arrays of that size that are held at once.
        memory_limit: bytes; default: :data:`MEMORY_LIMIT`.

    Example:
        >>> chunk_size(256**2), chunk_size(10**12)
        (64, 1)
    """
    limit = min(MEMORY_LIMIT if memory_limit is None else memory_limit, ALL_MEMORY)
    return max(1, int(limit // (8 * copies * max(entries, 1))))


def chunks(
    n: int,
    entries: int = 1,
    *,
    copies: int = COPIES,
    memory_limit: float | None = None,
    size: int | None = None,
) -> Iterator[slice]:
    """Divide rows into chunks, in order.

    Args:
        n: rows.
        entries, copies, memory_limit: see :func:`chunk_size`.
        size: rows of a chunk, in their place.

    Yields:
        Slices of the rows.

    Example:
        >>> list(chunks(5, size=2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    if size is None:
        size = chunk_size(entries, copies=copies, memory_limit=memory_limit)
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def map_chunks(
    function: Callable[..., Any],
    *arrays: np.ndarray,
    shape: tuple[int, ...],
    memory_limit: float | None = None,
) -> np.ndarray:
    """Apply a function to chunks of rows, and to none if there are no rows.

    Args:
        function: of some rows of each array; returns an array, or tensor, with a row for each.
        arrays: ``(n, ...)`` each.
        shape: shape of a row of what it returns, taken to be the largest array of the work.
        memory_limit: see :func:`chunk_size`.

    Returns:
        ``(n, *shape)``, float64.

    Example:
        >>> map_chunks(np.square, np.arange(4), shape=())
        array([0., 1., 4., 9.])
    """
    result = np.empty((len(arrays[0]), *shape))
    for rows in chunks(len(result), math.prod(shape), memory_limit=memory_limit):
        result[rows] = function(*(array[rows] for array in arrays))
    return result


def padded_chunks(n: int, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """Divide rows into chunks of one size, for functions that are compiled for it.

    Args:
        n: rows.
        size: rows of a chunk.

    Yields:
        ``(size,)`` row numbers, the last row again where there are no more; and how many of
        them come first and are new.

    Example:
        >>> [(rows.tolist(), n_new) for rows, n_new in padded_chunks(3, 2)]
        [([0, 1], 2), ([2, 2], 1)]
    """
    for rows in chunks(n, size=size):
        yield (
            np.minimum(np.arange(rows.start, rows.start + size), n - 1),
            rows.stop - rows.start,
        )


def work_through(
    indices: np.ndarray, size: int, advance: Callable[[np.ndarray], np.ndarray]
) -> None:
    """Advance all points in batches, in which waiting points replace finished ones.

    Args:
        indices: the points to be worked on.
        size: largest batch.
        advance: works on a batch of indices and says which of them are done.
    """
    active, waiting = indices[:size], indices[size:]
    while len(active):
        active = active[~advance(active)]
        room = size - len(active)
        active, waiting = np.concatenate([active, waiting[:room]]), waiting[room:]
