"""Rows are worked through in chunks that one limit of memory sets."""

import inspect

import numpy as np
import pytest

from fixedpoint_tf import FinderConfig, FixedPointFinder
from fixedpoint_tf._utils.chunks import (
    MEMORY_LIMIT,
    chunk_size,
    chunks,
    map_chunks,
    padded_chunks,
    work_through,
)


def test_one_default_limit_of_memory():
    assert FinderConfig().memory_limit == MEMORY_LIMIT
    options = inspect.signature(FixedPointFinder).parameters
    assert options["memory_limit"].default == MEMORY_LIMIT


def test_all_copies_of_a_chunk_fit_into_the_limit():
    for entries in (1, 7, 64**2, 300**2):
        for copies in (4, 32):
            size = chunk_size(entries, copies=copies, memory_limit=2.0**28)
            assert size * entries * copies * 8 <= 2.0**28 < (size + 1) * entries * copies * 8


def test_a_row_larger_than_the_limit_is_a_chunk_of_its_own():
    assert chunk_size(10**12) == 1
    assert chunk_size(10, memory_limit=0.0) == 1
    assert [list(range(5))[rows] for rows in chunks(2, 10**12)] == [[0], [1]]


def test_rows_without_entries_are_one_chunk():
    assert list(chunks(3, 0)) == [slice(0, 3)]


@pytest.mark.parametrize("n", [0, 1, 7, 8, 9, 16])
def test_chunks_cover_each_row_once_in_order(n):
    parts = [np.arange(n)[rows] for rows in chunks(n, size=8)]
    assert all(0 < len(part) <= 8 for part in parts)
    np.testing.assert_array_equal(np.concatenate([np.zeros(0), *parts]), np.arange(n))
    assert all(rows.stop <= n for rows in chunks(n, size=8))


def test_map_joins_what_a_function_makes_of_each_chunk():
    n = chunk_size(2**20) * 2 + 1
    a, b = np.arange(2.0 * n).reshape(n, 2), np.arange(n)
    seen = []

    def function(some_a, some_b):
        seen.append(len(some_a))
        total = np.float32(some_a.sum(axis=1) + some_b)
        return np.broadcast_to(total[:, None], (len(some_a), 2**20))

    result = map_chunks(function, a, b, shape=(2**20,))
    assert seen == [chunk_size(2**20)] * 2 + [1]
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result[:, -1], a.sum(axis=1) + b)


def test_map_of_no_rows_does_not_call_the_function():
    def never(x):
        raise AssertionError("called")

    assert map_chunks(never, np.zeros((0, 3)), shape=(3, 2)).shape == (0, 3, 2)


def test_padded_chunks_are_all_of_one_size_and_repeat_the_last_row():
    found = list(padded_chunks(10, 4))
    assert [rows.tolist() for rows, _ in found] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 9, 9]]
    assert [n_real for _, n_real in found] == [4, 4, 2]
    assert list(padded_chunks(0, 4)) == []


def test_a_finished_row_makes_room_for_a_waiting_one():
    left, batches = {3: 1, 5: 3, 7: 1, 9: 2}, []

    def advance(batch):
        batches.append(batch.tolist())
        for row in batch:
            left[row] -= 1
        return np.array([left[row] == 0 for row in batch])

    work_through(np.array([3, 5, 7, 9]), 2, advance)
    assert batches == [[3, 5], [5, 7], [5, 9], [9]]
    assert not any(left.values())
