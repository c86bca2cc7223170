"""Trials without a condition, however that is said, in every question that takes conditions."""

import numpy as np
import pytest
from matplotlib import pyplot
from sklearn.model_selection import StratifiedKFold

from lfads_tf import Session, analysis, plotting
from lfads_tf._utils.conditions import as_conditions, condition_kinds
from lfads_tf.data.compatibility import common_conditions
from lfads_tf.sessions.condition_averages import condition_averages

WIDTH = 0.02
RATES = np.random.default_rng(0).gamma(4.0, 5.0, (8, 12, 3))
KNOWN = np.array([0, 2, 3, 4, 6, 7])  # trials 1 and 5 have no condition
PLAIN = np.array([0, 1, 0, 1, 0, 1])  # those of the others
NUMBERS = [0, None, 1, 0, 1, None, 0, 1]
WORDS = ["a", None, "b", "a", "b", None, "a", "b"]
SPELLINGS = {
    "None among numbers": NUMBERS,
    "NaN": [np.nan if one is None else one for one in NUMBERS],
    "NaN in an array": np.array(NUMBERS, float),
    "masked": np.ma.masked_array([0, 9, 1, 0, 1, 9, 0, 1], [0, 1, 0, 0, 0, 1, 0, 0]),
    "None among words": WORDS,
    "NaN among words": [np.nan if one is None else one for one in WORDS],
    "empty words": [one or "" for one in WORDS],
    "NaN that NumPy made text": np.array([np.nan if one is None else one for one in WORDS]),
    "NA that pandas made text": np.array([one or "<NA>" for one in WORDS]),
    "NaN as text": [one or "NaN" for one in WORDS],
    "nan as text in bytes": np.array([(one or "nan").encode() for one in WORDS]),
    "bytes": [one if one is None else one.encode() for one in WORDS],
    "objects": np.array(WORDS, dtype=object),
    "a column": np.array(NUMBERS, float)[:, None],
}


@pytest.fixture(params=SPELLINGS.values(), ids=SPELLINGS)
def labels(request):
    yield request.param
    pyplot.close("all")


def test_means_and_classifiers_leave_them_out(labels):
    kinds, means = analysis.condition_means(RATES, labels)
    np.testing.assert_array_equal(means, analysis.condition_means(RATES[KNOWN], PLAIN)[1])
    assert len(kinds) == 2
    score = analysis.psth_r_squared(RATES, labels, RATES[:2])
    assert score == analysis.psth_r_squared(RATES[KNOWN], PLAIN, RATES[:2])
    folds = np.array([0, 0, 0, 1, 1, 1, 2, 2])
    options = {"method": "nearest_centroid"}
    found = analysis.separate_conditions(RATES, labels, folds, **options)
    alone = analysis.separate_conditions(RATES[KNOWN], PLAIN, folds[KNOWN], **options)
    np.testing.assert_array_equal(found.accuracy, alone.accuracy)
    tested = analysis.separate_conditions(RATES, labels, test=(RATES, labels), **options)
    assert tested.predictions.shape == (6, 12)


def test_shuffles_leave_them_out(labels):
    options = {"max_lag": 0.06, "n_shuffles": 3}
    lfp = RATES[..., 0]
    found = analysis.cross_correlation(RATES, lfp, WIDTH, conditions=labels, **options)
    alone = analysis.cross_correlation(
        RATES[KNOWN], lfp[KNOWN], WIDTH, conditions=PLAIN, **options
    )
    np.testing.assert_array_equal(found.shuffled, alone.shuffled)


def test_folds_spread_them_and_cannot_hold_them_out(labels):
    for folds in (
        analysis.folds_by_trial(8, 2, conditions=labels),
        analysis.folds_by_splitter(StratifiedKFold(2), 8, conditions=labels),
    ):
        assert sorted(folds[[1, 5]]) == [0, 1]
        assert np.bincount(folds).tolist() == [4, 4]
    with pytest.raises(
        ValueError, match="conditions: expected the condition of .* for trials 1, 5"
    ):
        analysis.folds_by_condition(labels)
    if np.ndim(labels) == 1:
        with pytest.raises(ValueError, match="folds: expected the fold of each .* trials 1, 5"):
            analysis.cross_validate(RATES, RATES, folds=labels)


def test_sessions_are_stitched_without_them(labels):
    spikes = np.random.default_rng(1).poisson(2.0, RATES.shape).astype("float32")
    kinds = condition_kinds(as_conditions(labels, 8))
    whole = Session(spikes, WIDTH, "monday", conditions=labels)
    known = Session(spikes[KNOWN], WIDTH, "tuesday", conditions=kinds[PLAIN])
    np.testing.assert_array_equal(common_conditions([whole, known]), kinds)
    averages = [condition_averages(s.spikes, s.conditions, kinds) for s in (whole, known)]
    for one, other in zip(*averages, strict=True):
        np.testing.assert_array_equal(one, other)


def test_decoders_are_tested_on_the_others_alone(labels):
    if np.ndim(labels) == 1:
        chosen = as_conditions(labels, 8)
        alone = analysis.cross_validate(RATES[KNOWN], RATES[KNOWN], folds=chosen[KNOWN])
        folds = analysis.folds_by_condition(chosen[KNOWN])
        told = analysis.cross_validate(RATES[KNOWN], RATES[KNOWN], folds=folds)
        np.testing.assert_array_equal(alone.predictions, told.predictions)


def test_the_text_none_is_a_condition_everywhere_and_is_said():
    labels = np.array([str(one) for one in WORDS])
    with pytest.warns(UserWarning, match="conditions: 'None' is taken as a condition"):
        session = Session(np.ones(RATES.shape), WIDTH, conditions=labels)
    assert condition_kinds(session.conditions).tolist() == ["None", "a", "b"]
    said = pytest.warns(UserWarning, match="'None' is taken as a condition")
    with said:
        assert analysis.condition_means(RATES, labels)[0].tolist() == ["None", "a", "b"]
    with said:
        assert len(np.unique(analysis.folds_by_condition(labels))) == 3
    with said:
        found = analysis.separate_conditions(RATES, labels, np.arange(8) // 4)
    assert found.predictions.shape[0] == 8
    with said:
        analysis.cross_validate(RATES, RATES, folds=labels)
    with said:
        fig, _ = plotting.plot_factors(RATES, labels, bin_width=WIDTH)
    assert len(fig.legends[0].get_texts()) == 3
    pyplot.close("all")


def test_figures_name_the_conditions_alone(labels):
    fig, _ = plotting.plot_factors(RATES, labels, bin_width=WIDTH)
    assert len(fig.legends[0].get_texts()) == 2
    fig, _ = plotting.plot_inferred_inputs(RATES, bin_width=WIDTH, conditions=labels)
    assert len(fig.legends[0].get_texts()) == 2
    _, ax = plotting.plot_initial_conditions(RATES[:, 0], labels)
    assert sum(len(line.get_xdata()) for line in ax.get_lines()) == len(KNOWN)
