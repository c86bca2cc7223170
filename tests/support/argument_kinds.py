"""Kinds of arguments, and for each the values that must be refused by the argument's name.

A kind makes a ``hypothesis`` strategy of wrong values from the value of a call that succeeds:
an array of the same shape with text in it, one axis less, NaN where numbers must be finite.
Whether None is among them follows from the signature: where the default is None, or the
annotation allows it, None is right.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

#: What is no number, no flag, no seed, no size, no array: wrong for all of these kinds.
OBJECTS = [
    "three",
    b"3",
    1 + 2j,
    datetime.date(2020, 1, 1),
    np.datetime64("2020-01-01"),
    np.timedelta64(3, "s"),
    object(),
    {"a": 1},
    {1, 2},
    len,
    int,
]
LISTS = [[], [1, 2], (1.0,), np.zeros(3), np.zeros((2, 2))]


@dataclasses.dataclass(frozen=True)
class Kind:
    """Kind of an argument."""

    name: str
    wrong: Callable[[Any], st.SearchStrategy]  # of the value of a call that succeeds
    reason: str = ""  # why anything is taken


def _one_of(*values: Any) -> st.SearchStrategy:
    return st.sampled_from(list(values))


def anything(reason: str) -> Kind:
    """Take whatever is given: no value of its own is wrong."""
    return Kind("anything", lambda valid: st.nothing(), reason)


def number(
    low: float = 0.0,
    high: float = np.inf,
    *,
    closed: str = "",
    nan: bool = False,
    besides: tuple[Any, ...] = (),
):
    """Describe a real number in a range, as ``check_number`` does; ``besides`` are wrong."""

    def wrong(valid):
        bad = [*OBJECTS, *LISTS, True, False, np.True_, *besides]
        bad += [] if nan else [np.nan, float("-nan")]
        bad += [] if closed in ("high", "both") and high == np.inf else [np.inf]
        bad += [-np.inf] if low > -np.inf or closed not in ("low", "both") else []
        ranges = []
        if low > -np.inf:
            below = {"max_value": low, "exclude_max": closed in ("low", "both")}
            ranges.append(st.floats(allow_nan=False, **below))
        if high < np.inf:
            above = {"min_value": high, "exclude_min": closed in ("high", "both")}
            ranges.append(st.floats(allow_nan=False, **above))
        return st.one_of(_one_of(*bad), *ranges)

    return Kind("number", wrong)


def whole(least: int = 1, most: int | None = None):
    """Describe a whole number of at least ``least``."""

    def wrong(valid):
        bad = [*OBJECTS, *LISTS, True, False, 2.5, np.nan, np.inf, np.float32(1.5)]
        ranges = [st.integers(max_value=least - 1), st.floats(0.1, 0.9)]
        if most is not None:
            ranges.append(st.integers(min_value=most + 1))
        return st.one_of(_one_of(*bad), *ranges)

    return Kind("whole number", wrong)


def whole_or_several(least: int = 1):
    """Describe a whole number of at least ``least``, or a list of such."""
    entries = [least - 1, "a", None, 1.5, True, np.nan, [1]]
    bad = [*OBJECTS[:-4], len, [], True, 2.5, np.nan, *([entry] for entry in entries)]
    return Kind("whole numbers", lambda valid: _one_of(*bad, least - 1, least - 100))


def seed():
    """Describe a seed: a whole number of at least 0."""
    return dataclasses.replace(whole(0), name="seed")


def flag():
    """Describe True or False."""
    return Kind(
        "flag", lambda valid: _one_of(*OBJECTS, *LISTS, 0, 1, 0.0, "True", "no", np.nan)
    )


def choice(*also: Any):
    """Describe one of some names; ``also`` are values of another type that are right."""

    def wrong(valid):
        bad = [0, 1, 2.5, True, np.nan, "no such", "", *OBJECTS[1:], *LISTS]
        words = st.text(min_size=1, max_size=8).map(lambda text: text + "?")
        return st.one_of(_one_of(*bad).filter(lambda v: not any(v is a for a in also)), words)

    return Kind("choice", wrong)


def text():
    """Describe a text."""
    bad = [0, 1.5, True, b"x", *OBJECTS[2:], *LISTS]
    return Kind("text", lambda valid: _one_of(*bad))


def path():
    """Describe the path of a file."""
    bad = [0, 1.5, True, np.nan, "a\0b", *OBJECTS[2:], *LISTS]
    return Kind("path", lambda valid: _one_of(*bad))


def generator():
    """Describe a ``numpy.random.Generator``."""
    bad = [0, 1.5, True, *OBJECTS, *LISTS, np.random, np.random.RandomState(0)]
    return Kind("generator", lambda valid: _one_of(*bad))


def generator_or_seed():
    """Describe a seed or a ``numpy.random.Generator``."""

    def wrong(valid):
        return st.one_of(whole(0).wrong(valid), _one_of(np.random, np.random.RandomState(0)))

    return Kind("generator or seed", wrong)


def instance(*also: type, others: tuple[Any, ...] = ()):
    """Describe an object of a type that cannot be confused with other values.

    Args:
        also: types of wrong-looking values that are right.
        others: further objects that are wrong, such as one of another size.
    """
    bad = [0, 1.5, True, np.nan, *OBJECTS, *LISTS, *others]
    return Kind("instance", lambda valid: _one_of(*[v for v in bad if not isinstance(v, also)]))


def index(n: int, *, negative: bool = False):
    """Describe the number of one of ``n`` things; ``negative``: from the end as well."""
    return dataclasses.replace(whole(-n if negative else 0, n - 1), name="index")


def pair():
    """Describe two rising finite numbers."""
    bad = [0.5, 3, "ab", [], (1.0,), (0.0, 1.0, 2.0), (1.0, 0.0), (1.0, 1.0), (0.0, np.nan)]
    bad += [(np.nan, 1.0), (-np.inf, 1.0), (0.0, np.inf), (None, 1.0), (0.0, "1"), (0.0, 1j)]
    bad += [(False, True), ([0.0], [1.0]), np.zeros(3), np.zeros((2, 2)), np.zeros((2, 0))]
    return Kind("pair", lambda valid: _one_of(*bad, *OBJECTS))


def box(n: int):
    """Describe the sides of a box in ``n`` dimensions: two numbers, or two vectors."""
    low, high = np.zeros(n), np.ones(n)
    bad = [0.5, 3, "ab", [], (1.0,), (0.0, 1.0, 2.0), (1.0, 0.0), (1.0, 1.0), (0.0, np.nan)]
    bad += [(np.nan, 1.0), (None, 1.0), (0.0, "1"), (0.0, 1j), (0.0, object()), (0.0, [])]
    bad += [(low, np.ones(n + 1)), (low[None], high[None]), (low, low), (low, high * np.nan)]
    bad += [(low, high.astype("U5")), (low, high.astype("M8[D]")), np.zeros((3, n)), (0.0, {})]
    bad += [(low, np.ma.masked_array(high, mask=np.ones(n, bool))), (high, low)]
    return Kind("box", lambda valid: _one_of(*bad, *OBJECTS))


def function():
    """Describe a function of the user's."""
    bad = [0, 1.5, True, "three", b"3", 1j, {"a": 1}, *LISTS]
    return Kind("function", lambda valid: _one_of(*bad))


def mapping():
    """Describe functions by name."""
    bad = [0, 1.5, True, "three", b"3", 1j, len, int, *LISTS, {"a": 1}, {"a": "b"}, {1: len}]
    return Kind("mapping", lambda valid: _one_of(*bad, {"a": None}, object(), {1, 2}))


def names(n: int | None = None):
    """Describe a list of texts; ``n`` where their number is known."""

    def wrong(valid):
        bad = [0, 1.5, True, [1, 2], [None], [["a"]], *OBJECTS[2:7], np.zeros(3)]
        if n is not None:
            bad += [["a"] * (n + 1)]
        return _one_of(*bad)

    return Kind("names", wrong)


def array(
    *,
    finite: bool = True,
    missing: bool = False,
    axes: int | tuple[int, ...] | None = None,
    tied: tuple[int, ...] = (),
    empty: bool = False,
    low: float | None = None,
    high: float | None = None,
    whole: bool = False,
    complex_too: bool = False,
    also: Callable[[Any], bool] = lambda value: False,
):
    """Describe an array of real numbers, of which that of the valid call is an example.

    Args:
        finite: NaN and infinity are wrong; else infinity alone may be right as well.
        missing: NaN and what is masked are right, infinity is wrong.
        axes: numbers of axes that are right; None: that of the example alone.
        tied: axes whose sizes are given by other arguments.
        empty: arrays without elements are right.
        low, high: smallest and largest entry.
        whole: entries are whole numbers.
        complex_too: complex numbers are right.
        also: test of values that are right although they look wrong.
    """

    def wrong(valid):
        example = np.asarray(valid)
        right = (axes,) if isinstance(axes, int) else axes or (example.ndim,)
        bad: list[Any] = [v for v in OBJECTS]
        shape = example.shape or (1,)
        for dtype, fill in (
            ("U5", "three"),
            ("S5", b"three"),
            (complex, 1 + 2j),
            ("M8[D]", "2020-01-01"),
            ("m8[s]", 3),
            (object, None),
            (object, "x"),
            (object, datetime.date(2020, 1, 1)),
        ):
            if not (complex_too and dtype is complex):
                bad.append(np.full(shape, fill, dtype))
        if complex_too:
            bad = [v for v in bad if not isinstance(v, complex)]
        values = example.astype(np.complex128 if complex_too else np.float64)
        if example.ndim and example.ndim - 1 not in right:
            bad.append(example[0])
        if example.ndim + 1 not in right:
            bad.append(example[None])
        if example.ndim + 2 not in right:
            bad.append(example[None, None])
        if example.ndim >= 1 and 0 not in right:
            bad += [0.5, 3]
        for axis in tied:
            bad += [
                np.repeat(example, 2, axis=axis),
                np.concatenate([example, example.take([0], axis=axis)], axis=axis),
            ]
            if example.shape[axis] > 2:
                bad.append(example.take(range(example.shape[axis] - 1), axis=axis))
        if not empty and example.ndim:
            bad += [example[:0], []]
            bad.append(np.zeros((*example.shape[:-1], 0)))
        if example.ndim == 2 and example.shape[0] > 1 and example.shape[1] > 1:
            ragged = example.tolist()
            ragged[-1] = ragged[-1][:-1]
            bad.append(ragged)
        entries = []
        if finite or missing:
            entries += [np.inf, -np.inf] if missing else [np.nan, np.inf, -np.inf]
        if low is not None:
            entries += [low - 1.0, low - 1e6]
        if high is not None:
            entries += [high + 1.0, high + 1e6]
        if whole:
            entries += [0.5, 1.25] if missing else [0.5, 1.25, np.nan]
        strategies = [_one_of(*[b for b in bad if not also(b)])]
        if entries and values.size:

            def put(drawn):
                place, entry = drawn
                changed = values.copy()
                changed.flat[place % changed.size] = entry
                return changed

            drawn = st.tuples(st.integers(0, 10**6), st.sampled_from(entries)).map(put)
            strategies.append(drawn.filter(lambda value: not also(value)))
        if finite and not missing and values.size:
            masked = np.ma.masked_array(values, mask=np.zeros(values.shape, bool))
            masked[(0,) * values.ndim] = np.ma.masked
            strategies.append(st.just(masked))
        return st.one_of(*strategies)

    return Kind("array", wrong)


def several():
    """Describe a list of objects of one type: a list of others is wrong."""
    bad = [0, 1.5, True, "three", [1, 2], [None], ["a"], [[]], np.zeros(3), *OBJECTS]
    return Kind("several", lambda valid: _one_of(*bad))


def known_names():
    """Describe a mapping by names that are known: others are wrong."""
    bad = [0, 1.5, True, np.nan, *OBJECTS, *LISTS, [("a", 1)], {1: 1}, {None: None}]
    return Kind("known names", lambda valid: _one_of(*bad))


def labels():
    """Describe a label for each trial: numbers or texts, NaN, None and empty text for none."""

    def wrong(valid):
        n = len(valid)
        bad = [*OBJECTS, 0.5, 3, [], ["a"] * (n + 1), [1] * (n - 1), [[1, 2]] * n, [{}] * n]
        kinds = (complex, "M8[D]", "m8[s]")
        bad += [np.ones(n, int).astype(kind) for kind in kinds]
        bad += [
            [datetime.date(2020, 1, 1)] * n,
            [1j] * n,
            [object()] * n,
            ["a", *[1] * (n - 1)],
        ]
        return _one_of(*bad)

    return Kind("labels", wrong)


def named_arrays():
    """Describe a mapping of names to arrays of numbers."""
    bad = [0, True, *OBJECTS[:7], len, {1, 2}, *LISTS, {1: np.ones(3)}, {"": np.ones(3)}]
    entries = ["x", None, 1j, object(), {"b": 1}, np.ones(3, complex), np.array(["x"])]
    return Kind("named arrays", lambda valid: _one_of(*bad, *({"a": one} for one in entries)))


def times_of_neurons():
    """Describe a list with an array of times for each neuron."""
    entries = ["x", None, 1j, 1.0, [np.nan], [np.inf], [None], [1j], ["x"], [[1, 2], [3, 4]]]
    entries += [[datetime.date(2020, 1, 1)], [True, "x"], np.ma.masked_array([1.0], [True])]
    bad = [*OBJECTS, 0.5, 3, True, [], np.zeros(3), np.zeros((3, 1)), np.zeros((2, 2, 2))]
    return Kind("times", lambda valid: _one_of(*bad, *([one, [0.1]] for one in entries)))


def counts():
    """Describe a tuple of whole numbers of at least 1, of the length of the valid one."""

    def wrong(valid):
        n = len(valid)
        entries = [0, -1, 2.5, "4", None, True, np.nan, 1j, (1,)]
        right = list(valid)
        bad = [*OBJECTS, 4, 0.5, [*right, 1], [right], *([entry] * n for entry in entries)]
        return _one_of(*bad)

    return Kind("counts", wrong)


def booleans(*, tied: tuple[int, ...] = ()):
    """Describe an array of True and False, of which that of the valid call is an example."""
    of_numbers = array(tied=tied)

    def wrong(valid):
        example = np.asarray(valid)
        numbers = [example.astype(dtype) for dtype in (np.int64, np.float64, "U5", object)]
        words = np.where(example, "yes", "no")
        return st.one_of(_one_of(*numbers, words, words.tolist()), of_numbers.wrong(valid))

    return Kind("booleans", wrong)


def options():
    """Describe a dictionary by names."""
    bad = [v for v in OBJECTS if not isinstance(v, dict)]
    return Kind("options", lambda valid: _one_of(0, 1.5, True, *bad, *LISTS, {1: 2}, {None: 1}))


def figure_axes():
    """Describe axes, or a figure, of matplotlib."""
    return Kind("axes", lambda valid: _one_of(0, 1.5, True, "ax", [1], np.zeros(2), object()))


def sequence_of(*besides: Any):
    """Describe a list of things, none of them numbers; ``besides`` are wrong lists."""
    bad = [
        0,
        1.5,
        True,
        np.nan,
        [1, 2],
        [None],
        [object()],
        np.zeros(3),
        *OBJECTS[2:7],
        len,
        int,
    ]
    return Kind("list", lambda valid: _one_of(*bad, *besides))
