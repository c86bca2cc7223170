"""One test of many cases, which lists all that fail."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterable

import pytest

LONGEST = 600  # characters of the message of one case


def label(value: object) -> str:
    return getattr(value, "__name__", f"{value!r:.80}")


def each(**values: Iterable) -> Callable:
    """Run a test for each combination of values, as one test that lists all failures.

    It stands for ``pytest.mark.parametrize`` where thousands of names would say no more than
    the list does. Fixtures are shared by the cases.
    """
    cases = [
        dict(zip(values, case, strict=True)) for case in itertools.product(*values.values())
    ]

    def decorate(test):
        @functools.wraps(test)
        def run(*args, **fixtures):
            assert cases, "there are no cases"
            failed = []
            for case in cases:
                try:
                    test(*args, **fixtures, **case)
                except (Exception, pytest.fail.Exception) as error:
                    named = ", ".join(f"{name}={label(value)}" for name, value in case.items())
                    failed.append(f"{named}: {type(error).__name__}: {error}"[:LONGEST])
            if failed:
                text = "\n\n".join([f"{len(failed)} of {len(cases)} cases:", *failed])
                pytest.fail(text, pytrace=False)

        signature = inspect.signature(test)
        kept = [p for name, p in signature.parameters.items() if name not in values]
        run.__signature__ = signature.replace(parameters=kept)
        return run

    return decorate
