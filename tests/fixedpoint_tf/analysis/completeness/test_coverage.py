"""The starts of a search tell how likely one more start meets a point not yet seen."""

import keras
import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from fixedpoint_tf import FixedPointFinder, FixedPoints, Status, as_system
from fixedpoint_tf.analysis import Coverage, certify, estimate_coverage
from fixedpoint_tf.analysis.completeness.estimators import (
    accumulation,
    chao1,
    missing_mass_bound,
)

pytestmark = pytest.mark.slow


def ends(labels, *, scale=1.0, inputs=None, status=None, **options):
    """Ends of starts at whole numbers times ``scale``."""
    x = scale * np.asarray(labels, float)[:, None]
    status = np.zeros(len(x), int) if status is None else status
    return FixedPoints(xstar=x, inputs=inputs, status=status, **options)


POPULATIONS = {
    "even": np.full(30, 1 / 30),
    "many": np.full(2000, 1 / 2000),
    "geometric": 0.7 ** np.arange(40) / (0.7 ** np.arange(40)).sum(),
    "power law": np.arange(1, 400) ** -1.5 / (np.arange(1, 400) ** -1.5).sum(),
    "one rare": np.array([0.99, 0.01]),
    "one": np.ones(1),
}


@pytest.mark.parametrize("name", POPULATIONS)
@pytest.mark.parametrize("n", [20, 200])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_the_bound_covers_the_true_missing_mass_at_the_nominal_rate(name, n, confidence):
    p = POPULATIONS[name]
    rng = np.random.default_rng(0)
    n_trials, covered = 1000, 0
    for _ in range(n_trials):
        labels = rng.choice(len(p), n, p=p)
        missing = 1.0 - p[np.unique(labels)].sum()
        covered += missing <= missing_mass_bound(labels, confidence, rng) + 1e-12
    # Three standard errors below the nominal rate would show a bound that is too low.
    error = np.sqrt(confidence * (1 - confidence) / n_trials)
    assert covered / n_trials >= confidence - 3 * error


def test_good_turing_is_right_on_average():
    p = POPULATIONS["power law"]
    rng = np.random.default_rng(1)
    estimates, truths = [], []
    for _ in range(400):
        labels = rng.choice(len(p), 300, p=p)
        estimates.append(estimate_coverage(ends(labels)).missing[0])
        truths.append(1.0 - p[np.unique(labels)].sum())
    spread = np.std(np.subtract(estimates, truths)) / np.sqrt(400)
    # Its bias is that of one start: the expected missing mass after n - 1 of them.
    assert abs(np.mean(estimates) - np.mean(truths)) < 3 * spread + 1e-3


def test_chao_is_below_the_number_of_points_on_average():
    p = POPULATIONS["even"]
    rng = np.random.default_rng(2)
    counts = [np.unique(rng.choice(30, 40, p=p), return_counts=True)[1] for _ in range(500)]
    estimate = np.mean([chao1(c) for c in counts])
    found = np.mean([len(c) for c in counts])
    assert found + 3 < estimate < 31


def test_the_bound_falls_as_one_over_n_where_nothing_is_new():
    rng = np.random.default_rng(0)
    for n in (100, 1000, 10000):
        bound = missing_mass_bound(np.zeros(n, int), 0.95, rng)
        assert bound == pytest.approx(1.0 - 0.05 ** (2 / n), rel=1e-9)


def test_accumulation_is_the_mean_over_orders():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(5), [10, 5, 3, 1, 1])
    n = np.array([1, 4, 9, 20])
    met = [[len(set(rng.permutation(labels)[:k])) for k in n] for _ in range(3000)]
    curve = accumulation(np.bincount(labels), n, len(labels))
    assert curve == pytest.approx(np.mean(met, axis=0), abs=0.05)
    assert curve[-1] == pytest.approx(5.0)


def test_counts_of_each_point():
    answer = estimate_coverage(ends([3, 3, 3, 1, 2, 2]))
    order = np.argsort(answer.xstar[:, 0])
    assert answer.xstar[order].ravel().tolist() == [1, 2, 3]
    assert answer.counts[order].tolist() == [1, 2, 3]
    assert answer.xstar[answer.member].ravel().tolist() == [3, 3, 3, 1, 2, 2]
    assert (answer.n_once[0], answer.missing[0]) == (1, 1 / 6)


def test_duplicates_within_tol_unique_are_one_point():
    near = ends([0, 1, 2, 3, 100], scale=1e-5)
    assert estimate_coverage(near).counts.tolist() == [5]
    assert estimate_coverage(ends([0, 1, 2, 3], scale=1e-2)).n_points.tolist() == [4]


def test_conditions_are_apart():
    inputs = np.repeat([[0.0], [1.0]], [50, 30], axis=0)
    labels = np.r_[np.zeros(50), np.arange(30)]
    answer = estimate_coverage(ends(labels, inputs=inputs))
    assert answer.n_starts.tolist() == [50, 30]
    assert answer.n_points.tolist() == [1, 30]
    assert answer.missing.tolist() == [0.0, 1.0]
    assert answer.missing_upper[1] == 1.0
    assert "condition 1 of 2" in repr(answer)


def test_starts_that_ended_nowhere_are_told():
    numbers = [50, 20, 10, 5, 3, 2]
    status = np.repeat(list(Status), numbers)
    answer = estimate_coverage(ends(np.repeat([0, 5, 7, 8, 9, 11], numbers), status=status))
    assert answer.n_points.tolist() == [1]
    assert answer.n_unfinished.tolist() == [10]
    assert answer.n_lost.tolist() == [20]
    assert answer.n_elsewhere.tolist() == [20]
    # Nothing that was reached was met once; but 20 of 90 starts may have missed a point.
    assert answer.missing_reached.tolist() == [0.0] and answer.missing[0] == 20 / 90
    assert answer.missing_reached_upper[0] < 20 / 90 < answer.missing_upper[0]
    words = (
        "10 starts did not converge, 5 starts diverged, 5 starts ended at no point: each cou"
    )
    assert words in repr(answer)
    both = estimate_coverage(ends(np.zeros(70), status=status[:70]), of="all")
    assert both.n_points.tolist() == [1]
    with_slow = estimate_coverage(
        ends(np.repeat([0, 5], [50, 20]), status=status[:70]), of="all"
    )
    assert with_slow.counts.tolist() == [50, 20]


def test_nothing_known_of_no_starts():
    empty = estimate_coverage(FixedPoints(xstar=np.zeros((0, 2)), status=[]))
    assert repr(empty) == "no starts" and len(empty.inputs) == 0
    empty.plot()
    lost = estimate_coverage(ends([0, 1], status=[2, 3]))
    assert lost.n_points.tolist() == [0] and lost.missing_upper[0] >= 0.95
    lost.plot()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ([3] * 1024, "1,024 starts (1,024 starts diverged)"),
        ([2], "1 start (1 start did not converge)"),
        (
            [1, 1, 2, 4],
            "4 starts (2 ended at slow points, 1 start did not converge, 1 start end",
        ),
    ],
)
def test_a_search_that_found_nothing_claims_nothing(status, words):
    answer = estimate_coverage(ends(np.arange(len(status)), status=status))
    assert repr(answer).startswith(f"no fixed points found by {words}")
    assert repr(answer).endswith("their number cannot be estimated")
    assert "chance" not in repr(answer) and answer.n_points_lower.tolist() == [0]


def test_starts_that_reached_no_point_count_against_the_claim():
    """A search of which nine tenths ran away knows little, however often it met its point."""
    answer = estimate_coverage(ends(np.zeros(1000), status=np.repeat([0, 3], [100, 900])))
    assert answer.missing.tolist() == [0.9] and answer.missing_upper[0] >= 0.9
    assert "finds a new point: 0.9" in repr(answer) and "900 starts diverged" in repr(answer)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([0], "1 fixed point found by 1 start, once;"),
        ([0, 0], "1 fixed point found by 2 starts;"),
        ([0, 1], "2 fixed points found by 2 starts, each by a single start;"),
        ([0, 0, 1], "2 fixed points found by 3 starts, 1 by a single start;"),
    ],
)
def test_the_sentence_is_right_for_one_and_for_several(labels, words):
    assert repr(estimate_coverage(ends(labels))).startswith(words)


def tanh_units(gains, n_inputs=1):
    cell = keras.layers.SimpleRNNCell(len(gains), dtype="float64")
    cell.build((None, n_inputs))
    cell.set_weights([np.ones((n_inputs, len(gains))), np.diag(gains), np.zeros(len(gains))])
    return cell


def test_the_lower_bound_is_the_number_of_proofs():
    """Points met once make Chao's estimate exceed what is known: that is no lower bound."""
    root = scipy.optimize.brentq(lambda x: np.tanh(2 * x) - x, 0.1, 1, xtol=1e-15)
    cell = tanh_units([2.0, 2.0])
    x = root * np.array([[0, 0], [1, 0], [0, 1], [1, 1], [-1, 0], [0, -1]], float)
    # A start that stopped halfway is no fixed point, though its status says so.
    halfway = np.array([[0.5, 0.5]])
    starts = FixedPoints(
        xstar=np.concatenate([x, halfway]), inputs=np.zeros((7, 1)), status=np.zeros(7, int)
    )
    answer = estimate_coverage(starts, system=cell)
    assert answer.n_points.tolist() == [7] and answer.n_points_lower.tolist() == [6]
    assert answer.n_points_lower[0] == certify(cell, starts).n_distinct
    assert answer.n_points_estimate[0] > 7
    assert "at least 6 exist (proved)" in repr(answer)
    # Of a function of the user's own nothing is proved.
    function = as_system(lambda h, u: tf.tanh(2.0 * h) + 0.0 * u, n_states=2, n_inputs=1)
    assert estimate_coverage(starts, system=function).n_points_lower.tolist() == [0]
    assert (
        FixedPointFinder(cell, verbose=False).estimate_coverage(starts).n_points_lower[0] == 6
    )


def test_the_lower_bound_is_by_condition():
    cell = tanh_units([2.0])
    low = scipy.optimize.brentq(lambda x: np.tanh(2 * x - 0.1) - x, -2, 0, xtol=1e-15)
    starts = FixedPoints(
        xstar=[[0.0], [low], [low + 1e-9]],
        inputs=[[0.0], [-0.1], [-0.1]],
        status=np.zeros(3, int),
        tol_unique=1e-12,
    )
    answer = estimate_coverage(starts, system=cell)
    assert answer.inputs.ravel().tolist() == [-0.1, 0.0]
    assert answer.n_points.tolist() == [2, 1] and answer.n_points_lower.tolist() == [1, 1]


def test_points_known_otherwise_raise_the_number_of_them():
    starts = ends([0, 0, 0, 1])
    known = ends([0, 1, 2, 3, 4], status=[0, 0, 0, 0, 1])
    alone, answer = estimate_coverage(starts), estimate_coverage(starts, known=known)
    assert (alone.n_otherwise.tolist(), answer.n_otherwise.tolist()) == ([0], [2])
    assert (answer.n_points.tolist(), answer.n_known.tolist()) == ([2], [4])
    assert alone.n_points_estimate[0] < 4 == answer.n_points_estimate[0]
    assert answer.missing == alone.missing  # an estimate from the starts, as before
    assert (
        "2 fixed points found by 4 starts, 1 by a single start; 2 more known from elsewhere"
        in repr(answer)
    )
    assert repr(answer).endswith("if starts are independent")
    with_slow = estimate_coverage(starts, known=known, of="all")
    assert with_slow.n_otherwise.tolist() == [3]


def test_the_figure_tells_what_is_known_otherwise_from_an_estimate():
    _, axes = estimate_coverage(ends([0, 0, 0, 1]), known=ends([2, 3])).plot()
    words = [t.get_text() for t in axes.get_legend().texts]
    assert words[-1] == "with those known from elsewhere: 4"


def test_an_estimate_above_what_is_known_stands():
    starts = ends(np.r_[np.zeros(50), np.arange(1, 20)])
    alone = estimate_coverage(starts)
    answer = estimate_coverage(starts, known=ends([0, 1, 2, 30]))
    assert answer.n_points_estimate[0] == alone.n_points_estimate[0] > answer.n_known[0] == 21


def test_known_points_are_counted_under_their_inputs():
    starts = ends([0, 0, 1], inputs=[[0.0], [0.0], [1.0]])
    known = ends([0, 5, 0, 1, 7], inputs=[[0.0], [0.0], [1.0], [1.0], [2.0]])
    answer = estimate_coverage(starts, known=known)
    assert answer.n_otherwise.tolist() == [1, 1]
    near = ends([0], scale=1.0, inputs=[[0.0]])
    near = FixedPoints(xstar=near.xstar + 1e-9, inputs=near.inputs, status=[0])
    assert estimate_coverage(starts, known=near).n_otherwise.tolist() == [0, 0]


def test_where_starts_met_nothing_what_is_known_is_said():
    answer = estimate_coverage(ends([0, 1], status=[2, 3]), known=ends([4]))
    assert answer.n_known.tolist() == [1] and answer.n_points_estimate.tolist() == [1.0]
    assert "1 known from elsewhere: their number cannot be estimated" in repr(answer)


def test_the_further_starts_of_a_search_count_as_known_otherwise():
    finder = FixedPointFinder(tanh_units([2.0, 2.0]), verbose=False)
    starts = np.random.default_rng(0).normal(0.9, 0.02, (16, 2))
    unique, all_points = finder.find_fixed_points(starts, [[0.0]])
    alone = finder.estimate_coverage(all_points)
    answer = finder.estimate_coverage(all_points, known=unique)
    assert alone.n_points[0] < 9 == answer.n_known[0] == answer.n_points_lower[0]
    assert answer.n_points_estimate[0] >= 9
    assert "complete" not in repr(answer)


@pytest.mark.parametrize(
    ("known", "error", "message"),
    [
        (np.zeros((1, 1)), TypeError, "known: expected a FixedPoints, received ndarray"),
        (FixedPoints(xstar=[[0.0]]), ValueError, "known: expected a status, received None"),
        (
            FixedPoints(xstar=[[0.0, 0.0]], status=[0]),
            ValueError,
            "known: expected points of 1 states and 1 inputs",
        ),
        (ends([0]), ValueError, "known: expected points with inputs beside starts under 2"),
    ],
)
def test_known_points_of_another_system_are_refused(known, error, message):
    with pytest.raises(error, match=message):
        estimate_coverage(ends([0, 1], inputs=[[0.0], [1.0]]), known=known)


def test_a_file_of_an_older_release_loads(tmp_path):
    answer = estimate_coverage(ends([0, 0, 1]))
    object.__setattr__(answer, "n_otherwise", None)
    answer.save(tmp_path / "c.h5")
    assert Coverage.load(tmp_path / "c.h5").n_otherwise.tolist() == [0]


def test_saved_as_it_was(tmp_path):
    answer = estimate_coverage(ends([0, 0, 0, 1]), seed=3)
    answer.save(tmp_path / "c.h5")
    back = Coverage.load(tmp_path / "c.h5")
    assert repr(back) == repr(answer) == repr(estimate_coverage(ends([0, 0, 0, 1]), seed=3))


def test_figure_has_a_line_for_each_condition_and_the_lower_bound():
    inputs = np.repeat([[0.0], [1.0]], [50, 30], axis=0)
    labels = np.r_[np.zeros(50), np.r_[np.arange(10), np.zeros(20)]]
    figure, axes = estimate_coverage(ends(labels, inputs=inputs)).plot()
    words = [t.get_text() for t in axes.get_legend().texts]
    assert len(words) == 3 and "Chao" in words[-1]


@pytest.mark.parametrize(
    ("points", "options", "error", "message"),
    [
        (np.zeros((3, 1)), {}, TypeError, "points: expected a FixedPoints"),
        (FixedPoints(xstar=np.zeros((3, 1))), {}, ValueError, "points: expected a status"),
        (ends([0]), {"of": "slow"}, ValueError, r"of: expected one of \['fixed', 'all'\]"),
        (ends([0]), {"confidence": 1.0}, ValueError, "confidence: expected a number between"),
    ],
)
def test_bad_input_is_refused(points, options, error, message):
    with pytest.raises(error, match=message):
        estimate_coverage(points, **options)


def test_the_distinct_points_of_a_search_are_no_starts():
    unique = FixedPoints(
        xstar=np.zeros((2, 1)),
        status=np.zeros(2, int),
        eigval_J_xstar=np.zeros((2, 1), complex),
    )
    with pytest.raises(
        ValueError, match="second result of find_fixed_points.*received 2 points"
    ):
        estimate_coverage(unique)
