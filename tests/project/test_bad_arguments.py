"""Every argument of the public line: what is wrong is refused by its name, before any work.

The tests go over the public line by themselves. A new public function needs an entry in
a table of ``tests/support/calls_*.py``: a small call that succeeds, and the kind of each
argument. ``python tests/project/test_bad_arguments.py 100`` tries a hundred values of each
argument and prints how many were refused by name, by package; further words,
such as ``lfads_tf.data``, are how the names begin that are tried.
"""

import collections
import functools
import inspect
import re
import sys
from pathlib import Path

import matplotlib
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if __name__ == "__main__":  # pragma: no cover
    sys.path[:0] = [str(Path(__file__).parents[k] / s) for k, s in ((2, ""), (1, "support"))]

import calls_analysis
import calls_decoding
import calls_field_potentials
import calls_fixed_points
import calls_fixedpoint_tf
import calls_lfads_analysis
import calls_lfads_plotting
import calls_lfads_tf
import calls_tasks
from common_calls import KINDS
from each import each
from public_calls import Call, Excluded, parameters, public_callables, takes_none

CALLS = {
    **calls_fixedpoint_tf.CALLS,
    **calls_fixed_points.CALLS,
    **calls_tasks.CALLS,
    **calls_analysis.CALLS,
    **calls_lfads_tf.CALLS,
    **calls_lfads_analysis.CALLS,
    **calls_field_potentials.CALLS,
    **calls_decoding.CALLS,
    **calls_lfads_plotting.CALLS,
}
CALLABLES = dict(public_callables())
MOST_ANYTHING = 15  # arguments that take whatever is given, each with its reason
EXAMPLES = 12  # wrong values of each argument in a run of the tests


def kind_of(name, argument):
    return CALLS[name].kinds.get(argument) or KINDS.get(argument)


def is_open(parameter):
    return parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)


def arguments_of(name):
    """Arguments of a callable that are tried: all but ``**``, whose names are its own."""
    return [a for a, p in parameters(CALLABLES[name]).items() if not is_open(p)]


ENTRIES = [name for name in CALLABLES if isinstance(CALLS.get(name), Call)]
ARGUMENTS = [(name, argument) for name in ENTRIES for argument in arguments_of(name)]


def test_every_public_callable_has_an_entry():
    assert [name for name in CALLABLES if name not in CALLS] == []
    assert [name for name in CALLS if name not in CALLABLES] == []


def test_every_argument_is_of_a_kind():
    assert [(n, a) for n, a in ARGUMENTS if kind_of(n, a) is None] == []
    extra = [(n, a) for n in ENTRIES for a in CALLS[n].kinds if a not in arguments_of(n)]
    assert extra == []


def test_few_arguments_take_anything_and_each_says_why():
    free = [(n, a) for n, a in ARGUMENTS if kind_of(n, a).name == "anything"]
    assert len(free) <= MOST_ANYTHING, free
    assert all(len(kind_of(n, a).reason.split()) > 3 for n, a in free)
    excluded = [e for e in CALLS.values() if isinstance(e, Excluded)]
    assert all(len(e.reason.split()) > 3 for e in excluded)


@functools.cache
def arguments_that_succeed(name):
    return CALLS[name].arguments()


@functools.cache
def beside(name, argument):
    given_beside = CALLS[name].given
    return given_beside[argument]() if argument in given_beside else {}


@functools.cache
def owner(name):
    return CALLS[name].on()


def function_of(name):
    if CALLS[name].on is None:
        return CALLABLES[name]
    return getattr(owner(name), name.rpartition(".")[2])


def called(name, changes):
    """Call it, with positional-only arguments in their places."""
    values = {**arguments_that_succeed(name), **changes}
    places = [
        a
        for a, p in parameters(CALLABLES[name]).items()
        if p.kind is p.POSITIONAL_ONLY and a in values
    ]
    return function_of(name)(*[values.pop(a) for a in places], **values)


def wrong_values(name, argument):
    """Strategy of values that must be refused."""
    parameter = parameters(CALLABLES[name])[argument]
    valid = {**arguments_that_succeed(name), **beside(name, argument)}.get(
        argument, parameter.default
    )
    if valid is inspect.Parameter.empty:
        pytest.fail(f"{name}: the call that succeeds has no {argument}")
    strategy = kind_of(name, argument).wrong(valid)
    return strategy if takes_none(parameter) else st.one_of(st.none(), strategy)


def outcome(name, argument, wrong):
    """Outcome of a call with a wrong value: refused by name, another error, or none."""
    try:
        called(name, {**beside(name, argument), argument: wrong})
    except (TypeError, ValueError) as error:
        by_name = re.match(rf"{argument}\b[^:]*: expected", str(error))
        return "refused" if by_name else f"{type(error).__name__}: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        if "matplotlib.pyplot" in sys.modules:
            matplotlib.pyplot.close("all")
    return "taken"


def tried(name, argument, n):
    """Outcomes of ``n`` wrong values."""
    outcomes = []

    @settings(
        max_examples=n,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(wrong_values(name, argument))
    def attempt(wrong):
        outcomes.append((outcome(name, argument, wrong), wrong))

    if kind_of(name, argument).name != "anything":
        attempt()
    return outcomes


def owners(names):
    """Names by the module or class that has them: one test for each."""
    found = collections.defaultdict(list)
    for name in names:
        found[name.rpartition(".")[0]].append(name)
    return [pytest.param(group, id=owner) for owner, group in found.items()]


def call_as_in_the_table(name):
    called(name, {})
    for argument in CALLS[name].given:
        called(name, beside(name, argument))


@pytest.mark.parametrize("names", owners(n for n in ENTRIES if not CALLS[n].slow))
def test_the_calls_of_the_table_succeed(names):
    each(name=names)(call_as_in_the_table)()


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in ENTRIES if CALLS[n].slow])
def test_the_long_call_of_the_table_succeeds(name):
    call_as_in_the_table(name)


@pytest.mark.parametrize("names", owners(ENTRIES))
def test_what_is_wrong_is_refused_by_its_name(names):
    bad = {
        f"{name}: {argument}": refusals
        for name in names
        for argument in arguments_of(name)
        if (refusals := not_refused(name, argument))
    }
    assert bad == {}


def not_refused(name, argument):
    """Outcomes of the wrong values that were not refused by name."""
    return [(o, repr(v)[:80]) for o, v in tried(name, argument, EXAMPLES) if o != "refused"]


def main(n, *beginnings):
    """Print how many of the wrong values are refused by name, where names begin so."""
    counts, others = collections.defaultdict(collections.Counter), collections.Counter()
    for name, argument in ARGUMENTS:
        if not name.startswith(beginnings or ""):
            continue
        for o, _ in tried(name, argument, n):
            kind = o if o in ("refused", "taken") else "another error"
            counts[name.partition(".")[0]][kind] += 1
            if o != "refused":
                others[f"{name}: {argument}: {o[:90]}"] += 1
    for package, row in counts.items():
        print(package, dict(row))
    for line, k in others.most_common():
        print(f"{k:5d}  {line}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100, *sys.argv[2:])
