"""Kinds of arguments that only analysis and plotting of rates have."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
from argument_kinds import LISTS, OBJECTS, Kind, array
from hypothesis import strategies as st

DATE = datetime.date(2020, 1, 1)
ONE = next(value for value in OBJECTS if isinstance(value, dict))  # {"a": 1}


def _one_of(*values: Any) -> st.SearchStrategy:
    return st.sampled_from(list(values))


def observed(**options: Any) -> Kind:
    """Describe an array in which NaN, or a mask, says "not observed"; infinity is wrong."""
    plain = array(finite=False, **options)

    def wrong(valid):
        values = np.asarray(valid, np.float64)

        def put(drawn):
            place, entry = drawn
            changed = values.copy()
            changed.flat[place % changed.size] = entry
            return changed

        drawn = st.tuples(st.integers(0, 10**6), st.sampled_from([np.inf, -np.inf])).map(put)
        return st.one_of(plain.wrong(valid), drawn)

    return Kind("array", wrong)


def samples(**options: Any) -> Kind:
    """Describe trials by bins by anything, or samples by anything; NaN is not observed."""
    return observed(axes=(2, 3), **options)


def labels_of_trials(*, all_known: bool = False, any_number: bool = False) -> Kind:
    """Describe a label a trial; NaN, None, masks and empty text say that there is none.

    Args:
        all_known: none may be missing.
        any_number: nothing else says how many trials there are.
    """

    def wrong(valid):
        n = len(valid)
        bad = [*OBJECTS, 0.5, 3, [], np.zeros((2, 2)), ["a"] * (n + 1)]
        bad += [] if any_number else [np.arange(n + 1), np.arange(n)[:-1]]
        bad += [[["a"] * n] * 2, [["a", "b"], ["c"]], [[1]] * (n + 1)]
        for dtype in (complex, "M8[D]", "m8[s]"):
            bad.append(np.ones(n, np.int64).astype(dtype))
        for entry in (DATE, 1j, object(), {}, [1, 2], np.datetime64("2020-01-01")):
            bad.append([entry, *valid[1:]])
        bad += [["a"] * (n - 1) + [1], [1] * (n - 1) + ["a"], [None] * n]
        if all_known:
            numbers = np.arange(n, dtype=float)
            bad += [[None, *range(1, n)], np.where(numbers == 0, np.nan, numbers)]
            bad += [["", *["a"] * (n - 1)], np.ma.masked_array(numbers, numbers == 1)]
        return _one_of(*bad)

    return Kind("labels", wrong)


def folds(n_trials: int, *, alone: bool = False) -> Kind:
    """Describe a number of folds, or the fold of each trial; ``alone``: the number alone."""
    bad = [*OBJECTS, True, False, 2.5, np.nan, np.inf, -1, 0, 1, [], [1, 2], np.zeros(3)]
    bad += [np.zeros((2, 2)), np.zeros(n_trials), [[1, 2], [3]], np.arange(n_trials + 1)]
    bad += [[None, *range(1, n_trials)], np.ma.masked_array(range(n_trials), [1] * n_trials)]
    bad += [np.arange(n_trials) * 1j, np.arange(n_trials).astype("M8[D]"), [DATE] * n_trials]
    bad += [np.arange(n_trials)[:, None]] * alone + [np.arange(n_trials) % 2] * alone
    return Kind("folds", lambda valid: _one_of(*bad))


def numbers(
    low: float = 0.0,
    high: float = np.inf,
    *,
    closed: bool = True,
    whole: bool = False,
    alone: bool = False,
) -> Kind:
    """Describe a list of numbers in a range.

    Args:
        low: the least.
        high: the greatest; infinity is none.
        closed: both belong to it.
        whole: fractions are wrong.
        alone: one number will do as well.
    """
    bad: list[Any] = [*OBJECTS, [], [[1.0, 2.0], [1.0]], np.zeros((2, 2)), np.zeros((1, 1))]
    bad += [True, np.nan] if alone else [0.5, 3]
    entries: list[Any] = ["1", b"1", 1j, None, True, np.nan, np.inf, -np.inf, DATE, [1.0]]
    entries += [np.datetime64("2020-01-01"), np.timedelta64(3, "s"), object()]
    entries += [low - 1e-3, low - 5] if low > -np.inf else []
    entries += [high + 1e-3, high + 5] if high < np.inf else []
    entries += [] if closed else [low]
    entries += [0.5, 2.5, 1.0] if whole else []
    bad += [[entry] for entry in entries]
    bad += [np.array([1, 2]).astype(dtype) for dtype in (complex, "U3", "M8[D]", bool)]
    bad += [np.ma.masked_array([1.0, 2.0], [True, False])]
    return Kind("numbers", lambda valid: _one_of(*bad))


def places(n: int) -> Kind:
    """Describe numbers from 0 to ``n - 1``, one or a list of them."""
    bad = [*OBJECTS, True, 2.5, 0.0, np.nan, -1, n, 10**6, [], [0.0], [-1], [0, n], [None]]
    bad += [np.zeros((2, 2), int), [[0], [0, 0]], [True] * n, ["0"], [1j], [DATE]]
    bad += [np.ma.masked_array([0, 0], [True, False])]
    return Kind("places", lambda valid: _one_of(*bad))


def pair_of(*others: Any) -> Kind:
    """Describe a pair of arrays; ``others`` are wrong pairs."""
    bad = [0, 1.5, True, *OBJECTS, [], (1.0,), (1, 2, 3), np.zeros(3), ("ab", "cd"), (None, 1)]
    return Kind("pair", lambda valid: _one_of(*bad, *others))


def by_name(*others: Any, keys: bool = True, none: bool = False, ones: bool = False) -> Kind:
    """Describe things by name; ``others`` are wrong, and so are names that are no text.

    Args:
        others: wrong dictionaries.
        keys: names must be texts.
        none: an empty dictionary is right.
        ones: whole numbers by name are right.
    """

    def wrong(valid):
        items = list((valid or {}).values())
        bad = [0, 1.5, True, *OBJECTS, *LISTS, *others, *([] if none else [{}])]
        bad += [{k: v for k, v in enumerate(items)}, {None: items[0]}] if items and keys else []
        return _one_of(*[value for value in bad if not (ones and value is ONE)])

    return Kind("by name", wrong)


def masks() -> Kind:
    """Describe masks of trials, True and False."""

    def wrong(valid):
        array = np.asarray(valid)
        n, k = array.shape
        bad = [*OBJECTS, 0, 1, True, [], array[0], array[:-1], array[None]]
        bad += [np.full((n, k), 0.5), np.full((n, k), 2), np.full((n, k), -1), np.zeros((n, 0))]
        bad += [np.full((n, k), v, object) for v in (None, "no", DATE)]
        bad += [np.full((n, k), "False"), np.full((n, k), np.nan), np.full((n, k), 1j)]
        bad += [np.full((n, k), b"0"), array.tolist()[:-1], [[True], [True, False]]]
        bad += [np.ma.masked_array(array, np.ones((n, k), bool)), array.astype("M8[D]")]
        return _one_of(*bad)

    return Kind("masks", wrong)


def grid_of_axes() -> Kind:
    """Describe as many axes of matplotlib as there are panels."""
    bad = [0, 1.5, True, "ax", [], [1], ["a", "b"], np.zeros(2), object(), {1: 2}, [None] * 4]
    return Kind("axes", lambda valid: _one_of(*bad))


def of_scikit_learn(wrong_objects: Callable[[], list[Any]]) -> Kind:
    """Describe an object of scikit-learn; wrong ones are made when they are needed."""
    bad = [0, 1.5, True, np.nan, *OBJECTS, *LISTS]
    return Kind("object", lambda valid: _one_of(*bad, *wrong_objects()))


def lag() -> Kind:
    """Describe a whole number of bins, of later ones below 0."""
    bad = [*OBJECTS, *LISTS, True, 0.0, 2.5, np.nan, np.float64(1.0), [1], (0,), DATE]
    return Kind("lag", lambda valid: _one_of(*bad))


def bins(n: int) -> Kind:
    """Describe bins of ``n``: numbers, from the end as well, a mask or a slice."""
    bad = [*OBJECTS, 2.5, np.nan, n, -n - 1, [], [0.0], [0, n], ["0"], [None], [1j]]
    bad += [[True] * (n + 1), [False] * n, slice(n, n + 1), np.zeros((2, 2), int), np.zeros(n)]
    return Kind("bins", lambda valid: _one_of(*bad))
