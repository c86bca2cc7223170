"""One test of many cases fails where any of them fails, and lists those that do."""

import pytest
from each import each


def test_every_case_that_fails_is_listed_and_the_others_are_not():
    tried = []

    @each(x=[1, 2, 3], name=["a", "b"])
    def is_odd(x, name):
        tried.append((x, name))
        assert x % 2, f"{x} is even"

    with pytest.raises(pytest.fail.Exception) as failure:
        is_odd()
    assert tried == [(x, name) for x in (1, 2, 3) for name in "ab"]
    text = str(failure.value)
    assert text.startswith("2 of 6 cases:")
    assert "x=2, name='a': AssertionError: 2 is even" in text
    assert "x=2, name='b'" in text and "x=1" not in text and "x=3" not in text


def test_an_error_that_should_be_raised_and_is_not_fails_too():
    @each(value=[0, 1])
    def is_refused(value):
        with pytest.raises(ZeroDivisionError):
            1 / value

    with pytest.raises(pytest.fail.Exception, match="1 of 2 cases:\n\nvalue=1: Failed: "):
        is_refused()


def test_no_cases_are_a_failure():
    with pytest.raises(AssertionError, match="there are no cases"):
        each(value=[])(lambda value: None)()


@pytest.mark.parametrize("beside", [3])
@each(value=[1, 2])
def test_fixtures_and_parameters_reach_each_case(tmp_path, beside, value):
    assert tmp_path.is_dir() and beside == 3 and value in (1, 2)
