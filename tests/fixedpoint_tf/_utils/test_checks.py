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
