"""Ctrl-C in every question: what is done by then is returned, and says that it is not all.

A question is interrupted at the k-th call of a compiled function, for k from the first to the
last, so that no test depends on time.
"""

import functools
import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, FixedPoints, SearchEnd, Status, analysis, as_system
from fixedpoint_tf._utils import compiling, selection
from fixedpoint_tf._utils.interruption import Interruption
from fixedpoint_tf.analysis import CompletenessCode, RunOutcome, StartOutcome
from fixedpoint_tf.analysis.certificates import certification, proofs
from fixedpoint_tf.analysis.completeness import coverage
from fixedpoint_tf.analysis.completeness.proof import active_sets, branch_and_bound
from fixedpoint_tf.analysis.sensitivity import alignment, nonnormality
from fixedpoint_tf.search import results
from fixedpoint_tf.systems import simulation


@functools.cache
def bistable():
    """Two units of tanh, each bistable by itself: nine fixed points, four of them stable."""
    cell = keras.layers.SimpleRNNCell(2)
    cell.build((None, 1))
    cell.set_weights([np.eye(1, 2), np.array([[2.0, 0.1], [0.0, 1.8]]), np.zeros(2)])
    return FixedPointFinder(cell, verbose=False)


@functools.cache
def flow():
    """Two units in continuous time, as a function of the user's own."""
    return as_system(
        lambda h, u: -h + 2.0 * tf.tanh(h) + u, n_states=2, n_inputs=2, time="continuous"
    )


@functools.cache
def starts(n):
    return np.random.default_rng(0).uniform(-1.0, 1.0, size=(n, 2))


@functools.cache
def points():
    return bistable().find_fixed_points(starts(64), [[0.0]])


def of_flow():
    x = np.array([[0.0, 0.0], [1.9150080481545, 1.9150080481545]])
    return FixedPoints(xstar=x, inputs=np.zeros((2, 2)), time="continuous")


class Interrupted(Exception):
    """A question that ended with KeyboardInterrupt; pytest would take that for its own."""


def counted(monkeypatch, question, stop_at=None, hook=(compiling, "undisturbed")):
    """Answer of a question, interrupted at a call, and the number of calls."""
    n_calls, whole = 0, getattr(*hook)

    def stop(*arguments):
        nonlocal n_calls
        n_calls += 1
        if n_calls - 1 == stop_at:
            raise KeyboardInterrupt
        return whole(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(*hook, stop)
        patch.setattr(certification, "_MOST_AT_ONCE", 2)
        patch.setattr(alignment, "_MOST_AT_ONCE", 2)
        try:
            return question(), n_calls
        except KeyboardInterrupt:
            raise Interrupted from None


def moments(n_calls):
    return sorted({0, n_calls // 4, n_calls // 2, 3 * n_calls // 4, n_calls - 1})


def rows_agree(kept, whole, among):
    """Rows of what is kept that are among those of the whole answer, all of them."""
    if not len(kept):
        return True
    near = np.abs(kept[:, None] - whole[None]).max(axis=2).min(axis=1)
    return bool((near[among] < 1e-6).all())


def certificates_agree(kept, whole):
    pairs = list(zip(kept.codes, whole.codes, strict=True))
    return all(a in ("interrupted", b) for a, b in pairs)


def numbers_agree(name):
    def agree(kept, whole):
        a, b = getattr(kept, name), getattr(whole, name)
        known = ~np.isnan(a)
        return np.allclose(a[known], b[known])

    return agree


def outcomes_agree(kept, whole):
    ran = kept.outcome != RunOutcome.NOT_RUN
    moving = kept.outcome == RunOutcome.MOVING
    return len(kept.outcome) in (0, len(whole.outcome)) and bool(
        (kept.outcome[ran & ~moving] == whole.outcome[: len(ran)][ran & ~moving]).all()
    )


def cycles_agree(kept, whole):
    pairs = zip(kept.outcomes, whole.outcomes, strict=True)
    return all(a in (StartOutcome.NOT_REACHED, b) for a, b in pairs)


def slow_states_agree(kept, whole):
    return (kept.n_iters <= whole.n_iters.max()).all() and np.isfinite(kept.qstar).all()


def branches_agree(kept, whole):
    return all(
        np.isin(kept.s[kept.rows(k)][0], whole.s).all() for k in range(len(kept.lengths))
    )


def groups_agree(kept, whole):
    return set(kept.group_type) <= set(whole.group_type)


def coverage_agrees(kept, whole):
    same = (kept.counts == whole.counts).all() and (kept.missing == whole.missing).all()
    return same and (kept.n_points_lower <= whole.n_points_lower).all()


@functools.cache
def logistic():
    return as_system(lambda x, u: 3.3 * x * (1 - x), n_states=1, n_inputs=0)


QUESTIONS = {
    "certify": (lambda: bistable().certify(points()[0]), certificates_agree),
    "certify, sampled": (lambda: analysis.certify(flow(), of_flow()), certificates_agree),
    "analyze_sensitivity": (
        lambda: bistable().analyze_sensitivity(
            FixedPoints(xstar=np.tile(points()[0].xstar, (9, 1)), inputs=np.zeros((81, 1)))
        ),
        numbers_agree("henrici"),
    ),
    "linear_error": (
        lambda: analysis.linear_error(bistable().system, points()[0], n_steps=3),
        numbers_agree("absolute"),
    ),
    "estimate_coverage": (
        lambda: bistable().estimate_coverage(points()[1], known=points()[0]),
        coverage_agrees,
    ),
    **{
        f"estimate_coverage, {part}": (
            lambda: bistable().estimate_coverage(points()[1], known=points()[0]),
            coverage_agrees,
        )
        for part in ("sorting", "estimates")
    },
    "find_connections": (lambda: bistable().find_connections(points()[0]), outcomes_agree),
    "estimate_basins": (
        lambda: bistable().estimate_basins(points()[0], starts(64)),
        outcomes_agree,
    ),
    "find_cycles": (
        lambda: analysis.find_cycles(
            logistic(), [[0.3], [0.4]], n_transient=50, n_steps=64, max_period=2
        ),
        cycles_agree,
    ),
    "sample_slow_states": (
        lambda: bistable().sample_slow_states(starts(64), n_steps=200),
        slow_states_agree,
    ),
    "sample_slow_states, flow": (
        lambda: analysis.sample_slow_states(flow(), starts(64), n_steps=200),
        slow_states_agree,
    ),
    "classify_attractors": (
        lambda: bistable().classify_attractors(points()[0], min_time_constant=10.0),
        groups_agree,
    ),
    "continue_branches": (
        lambda: bistable().continue_branches(points()[0], [[0.0], [0.3]]),
        branches_agree,
    ),
    "search_deflated": (
        lambda: bistable().search_deflated(points()[0][:1], n_inits=16),
        lambda kept, whole: rows_agree(kept.points.xstar, points()[0].xstar, slice(None)),
    ),
    "compare_networks": (
        lambda: analysis.compare_networks(
            {"a": flow(), "b": flow()},
            starts(16),
            [[0.0, 0.0]],
            config=bistable().config,
            measures={"one": lambda finder, unique, all_points: 1.0},
        )[0],
        lambda kept, whole: kept.labels == whole.labels[: len(kept)],
    ),
}


#: Where a question computes by NumPy alone.
HOOKS = {
    "certify": (proofs, "first_bounds"),
    "estimate_coverage": (proofs, "first_bounds"),
    "estimate_coverage, sorting": (selection, "select_distinct"),
    "estimate_coverage, estimates": (coverage, "chao1"),
    "analyze_sensitivity": (nonnormality, "henrici_departure"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_keeps_what_is_done_and_says_so_once(name, monkeypatch, caplog):
    question, agree = QUESTIONS[name]
    question()  # so that all is compiled
    hook = HOOKS.get(name, (compiling, "undisturbed"))
    whole, n_calls = counted(monkeypatch, question, hook=hook)
    assert n_calls > 0 and not was_interrupted(whole)
    for k in moments(n_calls):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            kept, _ = counted(monkeypatch, question, k, hook)
        assert was_interrupted(kept), (k, n_calls)
        assert agree(kept, whole), (k, n_calls)
        said = [record for record in caplog.records if "interrupted" in record.getMessage()]
        assert len(said) == 1, (k, said)


def was_interrupted(answer):
    if isinstance(answer, FixedPoints):
        return answer.search_end == SearchEnd.INTERRUPTED
    said = "interrupted" in repr(answer) or "not examined" in repr(answer)
    return answer.interrupted and said


def test_a_search_returns_what_it_has_wherever_it_is_interrupted(monkeypatch):
    finder = bistable()

    def question():
        return finder.find_fixed_points(starts(64), [[0.0]])

    (whole, _), n_calls = counted(monkeypatch, question)
    n_kept = []
    for k in np.unique(np.linspace(0, n_calls - 1, 24).astype(int)):
        try:
            (unique, every), _ = counted(monkeypatch, question, stop_at=k)
        except Interrupted:  # nothing had been begun
            assert k < 8
            continue
        assert finder.interrupted and every.n == 64
        assert (
            unique.search_end == SearchEnd.INTERRUPTED
            or unique.J_xstar is None
            or (len(unique.fixed) == len(whole.fixed))
        )
        assert rows_agree(unique.fixed.xstar, whole.fixed.xstar, slice(None))
        n_kept.append(len(unique.fixed))
    assert len(n_kept) >= 10 and max(n_kept) == len(whole.fixed) == 9


@pytest.mark.parametrize("name", ["mark_outliers", "mark_not_slow", "every_end"])
def test_an_interruption_while_the_answer_is_made_loses_nothing(name, monkeypatch):
    from fixedpoint_tf.search import find

    whole, calls = getattr(results, name), []

    def once(*arguments):
        calls.append(1)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(find, name, once)
    finder = FixedPointFinder(bistable().system, verbose=False)
    unique, every = finder.find_fixed_points(starts(64), [[0.0]])
    assert finder.interrupted and len(unique.fixed) == 9 and every.n == 64


def test_an_interrupted_search_does_not_work_on(monkeypatch):
    """After its time, what has not been located stands where it is."""
    from fixedpoint_tf.search import find
    from fixedpoint_tf.search import search as search_module

    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(search_module.Search, "attract", stop)
    sharpen, n_sharpened = search_module.Search.sharpen, []

    def at_second(self):
        n_sharpened.append(1)
        return stop(self) if len(n_sharpened) == 1 else sharpen(self)

    monkeypatch.setattr(search_module.Search, "sharpen", at_second)
    monkeypatch.setattr(find, "WRAPPING_UP", -1.0)
    finder = FixedPointFinder(bistable().system, verbose=False)
    unique, every = finder.find_fixed_points(starts(64), [[0.0]])
    assert unique.search_end == SearchEnd.INTERRUPTED
    assert len(unique.fixed) == 1  # the nearest, for which functions were compiled
    assert (every.status == Status.NOT_CONVERGED).sum() >= 32


def test_a_classification_is_marked_where_its_runs_are_interrupted(monkeypatch):
    """Runs forward catch an interruption; who asks for them must not miss that."""
    from fixedpoint_tf.analysis.attractors import slow_outcomes

    run = slow_outcomes.run_to_convergence

    def interrupted(*arguments, **options):
        ends = run(*arguments, **options)
        ends.interrupted = True
        return ends

    monkeypatch.setattr(slow_outcomes, "run_to_convergence", interrupted)
    spiral = as_system(
        lambda h, u: tf.matmul(h, tf.constant([[0.0, 0.9], [-0.9, 0.0]], h.dtype)),
        n_states=2,
        n_inputs=0,
    )
    moving = FixedPoints(xstar=starts(9), status=np.full(9, Status.NOT_SLOW))
    assert analysis.classify_attractors(spiral, moving).interrupted


# -- proofs ---------------------------------------------------------------------------------


def gated():
    cell = keras.layers.GRUCell(2, bias_initializer="zeros")
    cell.build((None, 1))
    recurrent = np.hstack([np.zeros((2, 4)), np.array([[4.0, 0.3], [0.2, 4.0]])])
    cell.set_weights([np.full((1, 6), 0.1), recurrent, np.zeros((2, 6))])
    return cell


def raising_at(monkeypatch, module, name, k):
    whole, calls = getattr(module, name), []

    def stop(*arguments):
        calls.append(1)
        if len(calls) == k:
            raise KeyboardInterrupt
        return whole(*arguments)

    monkeypatch.setattr(module, name, stop)
    return calls


@pytest.mark.parametrize("k", [1, 2, 5, 20, 60])
def test_a_proof_keeps_the_inputs_and_the_boxes_that_are_decided(k, monkeypatch, caplog):
    cell, inputs = gated(), np.array([[0.0], [0.5], [1.0]])
    nothing = np.zeros((0, 2))
    whole = analysis.prove_complete(cell, nothing, inputs=inputs)
    assert whole.is_complete
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        calls = raising_at(patch, branch_and_bound, "inverses_or_nan", k)
        kept = analysis.prove_complete(cell, nothing, inputs=inputs)
    assert len(calls) >= k and not kept.is_complete
    first = kept.codes.index(CompletenessCode.INTERRUPTED)
    assert set(kept.codes[:first]) <= {CompletenessCode.COMPLETE}
    assert set(kept.codes[first:]) == {CompletenessCode.INTERRUPTED}
    assert "interrupted: at least" in repr(kept)
    assert caplog.text.count("interrupted") == 1
    # What is enclosed is true, and what is not is left open at the input in question.
    assert rows_agree(kept.xstar, whole.xstar, slice(None))
    at = kept.input_number == first
    missed = whole.xstar[whole.input_number == first]
    if at.any():
        near = np.abs(missed[:, None] - kept.xstar[at][None]).max(axis=2).min(axis=1)
        missed = missed[near > 1e-9]
    boxes = kept.open_input == first
    inside = (missed[:, None] >= kept.open_lower[boxes]) & (
        missed[:, None] <= kept.open_upper[boxes]
    )
    assert kept.n_open[first] and inside.all(axis=2).any(axis=1).all()


@pytest.mark.parametrize("k", [1, 3])
def test_a_proof_over_active_sets_is_left_open(k, monkeypatch):
    cell = keras.layers.SimpleRNNCell(4, activation="relu")
    cell.build((None, 1))
    weights = np.random.default_rng(0).normal(size=(4, 4))
    cell.set_weights([np.zeros((1, 4)), weights, np.ones(4)])
    raising_at(monkeypatch, active_sets, "_decide", k)
    inputs = np.arange(4.0)[:, None]
    kept = analysis.prove_complete(cell, np.zeros((0, 4)), inputs=inputs)
    interrupted = [CompletenessCode.INTERRUPTED] * (5 - k)
    assert list(kept.codes[k - 1 :]) == interrupted and not kept.is_complete


# -- what an interruption waits for -----------------------------------------------------------


def test_runs_in_pieces_are_the_runs_in_one(monkeypatch):
    system = bistable().system
    u = np.random.default_rng(0).normal(size=(3, 50, 1))
    mask = np.random.default_rng(1).random((3, 50)) < 0.7
    whole = simulation.roll_out(system, u, starts(3), mask=mask)
    monkeypatch.setattr(simulation, "PROMPT_STEPS", 7)
    assert (simulation.roll_out(system, u, starts(3), mask=mask) == whole).all()


def test_a_second_interruption_is_raised():
    stop = Interruption()
    with stop:
        raise KeyboardInterrupt

    def work():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop.complete(work)
    with pytest.raises(ValueError, match="another"), Interruption():
        raise ValueError("another")
