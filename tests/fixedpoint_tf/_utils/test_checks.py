"""The checks of both packages name the argument, what was expected and what was received."""

import numpy as np
import pytest

from fixedpoint_tf._utils import checks


@pytest.mark.parametrize("value", [True, 2.5, "3", None])
def test_another_type_is_a_wrong_type_and_a_wrong_value(value):
    for error in (TypeError, ValueError):
        with pytest.raises(error, match="n: expected a whole number from 1 to 5, received"):
            checks.check_whole(value, "n", most=5)


@pytest.mark.parametrize(
    ("value", "options", "expected"),
    [
        (0.0, {}, "a positive number"),
        (np.inf, {}, "a finite positive number"),
        (0.0, {"low": 1.0, "closed": "low"}, "a number of at least 1"),
        (1.0, {"high": 1.0, "closed": "low"}, r"a number in \[0, 1\)"),
        (0.0, {"high": 1.0, "closed": "high"}, r"a number in \(0, 1\]"),
        (np.nan, {"high": 1.0, "closed": "both"}, r"a number in \[0, 1\]"),
    ],
)
def test_ends_belong_to_a_range_or_not(value, options, expected):
    with pytest.raises(ValueError, match=f"^tol: expected {expected}, received {value}"):
        checks.check_number(value, "tol", **options)


def test_infinity_is_taken_where_it_is_an_end_that_belongs_to_the_range():
    assert checks.check_number(np.inf, "limit", closed="high") == np.inf
    for value in (0.0, -1.0, np.nan, "x"):
        with pytest.raises(ValueError, match="limit: expected a positive number, received"):
            checks.check_number(value, "limit", closed="high")


@pytest.mark.parametrize("value", [1, 0, "True", None])
def test_a_switch_is_true_or_false(value):
    assert checks.check_switch(np.True_, "verbose") is True
    for error in (TypeError, ValueError):
        with pytest.raises(error, match="verbose: expected True or False, received"):
            checks.check_switch(value, "verbose")


@pytest.mark.parametrize("value", [[1j], ["1"], [None, 1.0], [[1.0], [1.0, 2.0]], None])
def test_what_numpy_would_convert_is_refused(value):
    with pytest.raises(TypeError, match="x: expected an array of real numbers, received"):
        checks.as_numbers(value, "x")


@pytest.mark.parametrize(
    "value",
    [
        np.array([np.timedelta64(3, "s"), 1.0], dtype=object),
        np.zeros(2, [("a", float)]),
        np.array(["2020-01-01"], "M8[D]"),
        object(),
        {"a": 1},
        (each for each in [1.0]),
    ],
)
def test_spans_of_time_fields_and_objects_are_no_numbers(value):
    with pytest.raises(TypeError, match="^x: expected an array of real numbers, received"):
        checks.as_numbers(value, "x")


class Unwilling:
    """An array of another library that cannot be converted, nor shown."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("call detach first")

    def __repr__(self):
        raise RuntimeError("no words")


def test_arrays_that_do_not_convert_are_refused_by_name():
    with pytest.raises(TypeError, match="^x: .* received Unwilling .call detach first.\\.$"):
        checks.as_numbers(Unwilling(), "x")
    with pytest.raises(TypeError, match="^n: .* received .*Unwilling.*\\.$"):
        checks.check_whole(Unwilling(), "n")


@pytest.mark.parametrize(
    ("options", "wrong", "expected"),
    [
        ({"finite": True}, np.nan, "finite numbers"),
        ({"finite": True}, -np.inf, "finite numbers"),
        ({"low": 0.0}, -1.0, "numbers of at least 0"),
        ({"high": 2.0}, 3.0, "numbers of at most 2"),
        ({"low": 0.0, "high": 2.0, "finite": True}, np.nan, r"finite numbers in \[0, 2\]"),
        ({"whole": True}, 1.5, "whole numbers"),
        ({"whole": True}, np.inf, "whole numbers"),
    ],
)
def test_numbers_of_an_array_are_refused_by_the_first_that_is_wrong(options, wrong, expected):
    with pytest.raises(ValueError, match=f"^x: expected {expected}, received {wrong}"):
        checks.as_numbers([[1.0, wrong]], "x", **options)
    assert checks.as_numbers([[1.0, 2.0]], "x", **options).tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("options", [{"low": 0.0}, {"high": 2.0}, {"whole": True}])
def test_a_missing_number_is_in_every_range_unless_it_must_be_finite(options):
    assert np.isnan(checks.as_numbers([np.nan], "x", **options)).all()


def test_sizes_of_axes_are_checked():
    options = {"n_axes": (2,), "sizes": {-1: 3}, "shape": "(n, n_states=3)"}
    assert checks.as_numbers(np.zeros((2, 3)), "x", **options).shape == (2, 3)
    for shape in [(2, 2), (3,), (0, 3), (1, 2, 3)]:
        with pytest.raises(ValueError, match="^x: expected shape .n, n_states=3., received"):
            checks.as_numbers(np.zeros(shape), "x", **options)
    assert checks.as_numbers(np.zeros((0, 3)), "x", empty=True, **options).size == 0


def test_whole_numbers_beyond_all_floats_are_refused():
    for value in (10**400, -(10**400)):
        with pytest.raises(ValueError, match="^x: expected a finite positive number, received"):
            checks.check_number(value, "x")


def test_a_range_is_two_finite_numbers_in_order():
    assert checks.check_range(np.array([0, 1.5]), "r") == (0.0, 1.5)
    for value in (None, 1.0, "ab", [1.0], [1, 2, 3], [True, 2], ["a", 2], {1.0, 2.0}):
        with pytest.raises(TypeError, match="^r: expected a pair of numbers, received"):
            checks.check_range(value, "r")
    for value in ([0, np.inf], [np.nan, 1], [1, 1], [2, 1]):
        with pytest.raises(ValueError, match="^r: expected"):
            checks.check_range(value, "r")


def test_none_is_a_switch_where_it_may_be():
    assert checks.check_switch(None, "verbose", none=True) is None
    with pytest.raises(TypeError, match="^verbose: expected True, False or None, received 0"):
        checks.check_switch(0, "verbose", none=True)


def test_a_type_is_no_object_of_the_type():
    checks.check_instance(np.zeros(1), "points", dict, np.ndarray)
    checks.check_instance(None, "points", dict, none=True)
    for value in (None, [1], dict, "x"):
        with pytest.raises(TypeError, match="^points: expected a dict or ndarray, received"):
            checks.check_instance(value, "points", dict, np.ndarray)


@pytest.mark.parametrize("value", ["ab", 3, None, [1], [None], [["a"]], {"a"}, {"a": 1}])
def test_names_are_a_list_of_texts(value):
    with pytest.raises(TypeError, match="^names: expected a list of names, received"):
        checks.check_names(value, "names")


def test_names_are_as_many_as_there_are_things_to_name():
    assert checks.check_names(np.array(["a", "b"]), "names", 2) == ["a", "b"]
    with pytest.raises(ValueError, match="^names: expected 3 names, received 2"):
        checks.check_names(["a", "b"], "names", 3)
    with pytest.raises(ValueError, match="^names: expected different names, received 'a' more"):
        checks.check_names(["a", "a"], "names")
    with pytest.raises(ValueError, match="^names: expected names among .'a'., received 'b'"):
        checks.check_names(["b"], "names", known=["a"])


@pytest.mark.parametrize("value", [None, 3, b"a", "", "a\0b", ["a"], np.zeros(1)])
def test_a_path_is_a_text_with_something_in_it(value):
    with pytest.raises(ValueError, match="^path: expected"):
        checks.check_path(value)


def test_functions_texts_and_dictionaries_are_told_from_other_objects():
    checks.check_function(len, "f")
    checks.check_text("a", "title")
    checks.check_mapping({"a": 1}, "options")
    for check, value in [
        (checks.check_function, "len"),
        (checks.check_text, b"a"),
        (checks.check_mapping, [("a", 1)]),
        (checks.check_mapping, {1: 2}),
    ]:
        check(None, "f", none=True)
        for wrong in (value, None):
            with pytest.raises(TypeError, match="^f: expected"):
                check(wrong, "f")


def test_axes_and_figures_are_those_of_matplotlib():
    from matplotlib.figure import Figure

    figure = Figure()
    left, right = figure.subplots(1, 2)
    checks.check_axes(left)
    checks.check_axes(None)
    checks.check_axes([left, right], "axes", n=2)
    checks.check_figure(figure)
    checks.check_figure(figure.subfigures())
    for wrong in (0, "left", figure, [left]):
        with pytest.raises(TypeError, match="^ax: expected axes of matplotlib or None"):
            checks.check_axes(wrong)
    for wrong in (0, left, "a.png"):
        with pytest.raises(TypeError, match="^fig: expected a figure of matplotlib or None"):
            checks.check_figure(wrong)
    with pytest.raises(ValueError, match="^axes: expected 3 axes, received 2"):
        checks.check_axes([left, right], "axes", n=3)
    with pytest.raises(ValueError, match="^ax: expected 3d axes, received rectilinear axes"):
        checks.check_axes(left, projection="3d")
    right.remove()
    with pytest.raises(ValueError, match="^ax: expected axes of a figure, received"):
        checks.check_axes(right)
