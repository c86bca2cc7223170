"""Labels of trials: text in any encoding, and trials that have none."""

import types

import numpy as np
import pytest
from each import each

from lfads_tf import Session, plotting
from lfads_tf._utils.conditions import as_conditions, condition_kinds, has_condition
from lfads_tf.analysis import (
    condition_means,
    cross_correlation,
    folds_by_condition,
    folds_by_splitter,
    folds_by_trial,
    psth_r_squared,
    separate_conditions,
)
from lfads_tf.data.compatibility import common_conditions
from lfads_tf.data.formats import lfads_torch
from lfads_tf.sessions.initial_weights import start_by_pcr

WORDS = ["à droite", "gauche", "été", "gauche"]
BLANK = [None, np.nan, float("nan"), np.float32("nan"), np.ma.masked]


@each(
    encoding=["utf-8", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"],
    kind=[list, object, "S", "padded"],
)
def test_bytes_in_any_encoding_are_text(encoding, kind):
    labels = [word.encode(encoding) for word in WORDS]
    if kind == "padded":  # as a table of fixed width holds them
        labels = [word.ljust(12).encode(encoding) for word in WORDS]
    elif kind is not list:
        labels = np.array(labels, dtype=kind)
    assert as_conditions(labels, 4).tolist() == WORDS


def test_cyrillic_in_utf_16_is_text_although_it_has_no_nul():
    words = ["слева", "справа"]
    for encoding in ("utf-8", "utf-16", "utf-16-le", "utf-16-be"):
        assert as_conditions([w.encode(encoding) for w in words], 2).tolist() == words


@each(
    blank=BLANK,
    case=[
        (["left", "right", "left"], ["left", "right", "left", ""]),
        ([b"left", b"right", b"left"], ["left", "right", "left", ""]),
        ([3, 1, 3], [3.0, 1.0, 3.0, np.nan]),
        ([True, False, True], [1.0, 0.0, 1.0, np.nan]),
    ],
)
def test_trials_without_a_condition(case, blank):
    labels, expected = case
    found = as_conditions([*labels, blank], 4)
    np.testing.assert_array_equal(found, np.array(expected))
    assert has_condition(found).tolist() == [True, True, True, False]
    assert condition_kinds(found).tolist() == sorted(set(expected[:3]))


def test_masked_labels_are_none():
    numbers = np.ma.masked_array([0, 1, 2], mask=[False, True, False])
    np.testing.assert_array_equal(as_conditions(numbers, 3), [0, np.nan, 2])
    words = np.ma.masked_array(["a", "b", "c"], mask=[False, True, False])
    assert as_conditions(words, 3).tolist() == ["a", "", "c"]


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["left", "right", np.nan, "left"]),  # NumPy writes NaN as text
        np.array(["left", "right", "<NA>", "left"]),  # pandas
        np.array(["left", "right", "NaN", "left"], dtype=object),
        np.array([b"left", b"right", b"NaT", b"left"]),
    ],
)
def test_nan_that_became_text_is_no_condition(labels):
    assert as_conditions(labels, 4).tolist() == ["left", "right", "", "left"]


def test_none_that_may_have_become_text_is_warned_of():
    with pytest.warns(UserWarning, match="conditions: 'None' is taken as a condition"):
        found = as_conditions(np.array(["left", None, "right"]).astype(str), 3)
    assert found.tolist() == ["left", "None", "right"]


def test_scalars_and_arrays_of_no_axes_are_labels():
    for kind in (np.bool_, np.int8, np.float32, np.array):
        labels = np.empty(2, dtype=object)
        labels[:] = [kind(1), kind(0)]
        assert as_conditions(labels, 2).tolist() == [1, 0]
    assert as_conditions([np.array("left"), np.array("right")], 2).tolist() == ["left", "right"]
    with pytest.raises(TypeError, match="conditions: .* received too large whole numbers"):
        as_conditions([10**30, 1], 2)


@pytest.mark.parametrize("shape", [(4,), (4, 1), (1, 4)])
def test_a_row_or_a_column_of_labels(shape):
    labels = np.array(WORDS).reshape(shape)
    assert as_conditions(labels, 4).tolist() == WORDS
    assert as_conditions(np.arange(4).reshape(shape), 4).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "wrong",
    [
        ["left", 1, "left", "right"],
        np.array(["2020-01-01"] * 4, "M8[D]"),
        [1j] * 4,
        [{"a": 1}] * 4,
        [None] * 4,
        np.zeros(4, [("a", int)]),
    ],
)
def test_what_is_neither_numbers_nor_text_is_refused(wrong):
    with pytest.raises(TypeError, match="conditions: expected numbers or strings, received"):
        as_conditions(wrong, 4)


@pytest.mark.parametrize("wrong", [WORDS[:3], np.ones((2, 2)), "left", np.eye(4)])
def test_not_one_label_for_each_trial_is_refused(wrong):
    with pytest.raises(ValueError, match="conditions: expected one for each of 4 trials, re"):
        as_conditions(wrong, 4)


# Trials without a condition, in every question.


@pytest.fixture
def trials():
    """Features of three conditions, of 8 trials each; the first four have no label."""
    rng = np.random.default_rng(0)
    conditions = np.repeat([0.0, 1.0, 2.0], 8)
    features = conditions[:, None, None] + 0.5 * rng.normal(size=(24, 6, 4))
    known = conditions.copy()
    known[:4] = np.nan
    return features, conditions, known


def test_means_are_those_of_the_labelled_trials(trials):
    features, conditions, known = trials
    kinds, means = condition_means(features, known)
    expected_kinds, expected = condition_means(features[4:], conditions[4:])
    assert kinds.tolist() == expected_kinds.tolist()
    np.testing.assert_array_equal(means, expected)


def test_separation_is_that_of_the_labelled_trials(trials):
    features, conditions, known = trials
    expected = separate_conditions(features[4:], conditions[4:])
    found = separate_conditions(features, known)
    np.testing.assert_array_equal(found.predictions, expected.predictions)
    assert (found.chance, found.kinds.tolist()) == (expected.chance, [0.0, 1.0, 2.0])
    folds = np.arange(24) % 4
    given = separate_conditions(features, known, folds)
    alone = separate_conditions(features[4:], conditions[4:], folds[4:])
    np.testing.assert_array_equal(given.predictions, alone.predictions)
    held = separate_conditions(features, conditions, test=(features, known))
    assert len(held.conditions) == 20


def test_folds_of_trials_without_a_condition(trials):
    from sklearn.model_selection import StratifiedKFold

    _, _, known = trials
    folds = folds_by_trial(24, 4, conditions=known)
    for rows in (np.isnan(known), known == 0, known == 1):
        assert set(np.bincount(folds[rows], minlength=4)) <= {1, 2}
    assert set(folds_by_splitter(StratifiedKFold(4), 24, conditions=known)) == {0, 1, 2, 3}
    with pytest.raises(ValueError, match="conditions: .* received none for trials 0, 1, 2, 3"):
        folds_by_condition(known)


def test_shuffles_leave_out_trials_without_a_condition(trials):
    _, conditions, known = trials
    rng = np.random.default_rng(1)
    rates, lfp = rng.normal(size=(24, 50, 2)), rng.normal(size=(24, 50))
    options = {"max_lag": 0.1, "n_shuffles": 5}
    found = cross_correlation(rates, lfp, 0.01, conditions=known, **options)
    expected = cross_correlation(rates[4:], lfp[4:], 0.01, conditions=conditions[4:], **options)
    np.testing.assert_array_equal(found.shuffled, expected.shuffled)


def test_sessions_are_stitched_by_the_labelled_trials(trials):
    _, _, known = trials
    spikes = np.random.default_rng(2).poisson(1.0, (24, 10, 6))
    days = [Session(spikes, 0.02, name, conditions=known) for name in ("monday", "tuesday")]
    assert common_conditions(days).tolist() == [0.0, 1.0, 2.0]
    assert "3 conditions" in repr(days[0])
    nothing = Session(spikes, 0.02, "sunday", conditions=[np.nan] * 24)
    with pytest.raises(ValueError, match="received none in 'sunday'"):
        common_conditions([*days, nothing])


def test_figures_draw_the_labelled_trials(trials):
    features, _, known = trials
    words = [None if np.isnan(label) else "abc"[int(label)] for label in known]
    _, axes = plotting.plot_factors(features, words, bin_width=0.02, n_single_trials=0)
    assert [line.get_label() for line in axes[0].get_lines()] == ["a", "b", "c"]
    np.testing.assert_allclose(
        sorted(line.get_ydata()[0] for line in axes[0].get_lines()),
        sorted(
            features[known == kind, 0, int(axes[0].get_title().split()[1])].mean()
            for kind in range(3)
        ),
    )
    many = [np.nan, *range(23)]
    _, axes = plotting.plot_factors(features, many, bin_width=0.02, n_single_trials=0)
    assert all(np.isfinite(line.get_ydata()).all() for line in axes[0].get_lines())
    _, ax = plotting.plot_initial_conditions(features[:, 0], known)
    assert sum(len(line.get_xdata()) for line in ax.get_lines()) == 20


def test_a_trial_without_a_condition_has_none_in_its_title():
    spikes = np.random.default_rng(3).poisson(1.0, (2, 20, 6))
    session = Session(spikes, 0.02, conditions=[np.nan, 1.0])
    inferred = types.SimpleNamespace(rates=np.full(spikes.shape, 50.0, np.float32))
    _, axes = plotting.plot_trials(session, inferred, trials=[0, 1])
    assert [ax.get_title() for ax in axes[0]] == ["trial 0", "trial 1, condition 1.0"]


def test_folds_that_a_user_gives_are_complete(trials):
    features, conditions, known = trials
    with pytest.raises(ValueError, match="folds: .* received none for trials 0, 1, 2, 3"):
        separate_conditions(features, conditions, known)
    folds = np.array(["a", "b", "c"])[np.arange(24) % 3]
    named = separate_conditions(features, conditions, folds.astype(object))
    np.testing.assert_array_equal(
        named.predictions,
        separate_conditions(features, conditions, np.arange(24) % 3).predictions,
    )


@pytest.mark.parametrize("labels", [["links", None, "été", ""], [1.0, np.nan, 2.0, np.nan]])
def test_a_session_keeps_trials_without_a_condition(tmp_path, labels):
    session = Session(np.ones((4, 5, 2)), 0.02, conditions=labels)
    session.save(tmp_path / "x.h5")
    found = Session.load(tmp_path / "x.h5").conditions
    np.testing.assert_array_equal(found, session.conditions)
    assert has_condition(found).tolist() == [True, False, True, False]
    lfads_torch.write_data(tmp_path / "y.h5", session, session)
    other = Session.load(tmp_path / "y.h5", split="train").conditions
    np.testing.assert_array_equal(other, session.conditions)
    train, valid = session.split(0.5)
    assert len(train) + len(valid) == 4


def test_no_trial_with_a_condition_is_refused(trials):
    features, _, _ = trials
    nothing = [np.nan] * 24
    with pytest.raises(ValueError, match="conditions: expected that of at least one trial"):
        condition_means(features, nothing)
    with pytest.raises(ValueError, match="conditions: expected that of at least two trials"):
        cross_correlation(
            features[..., 0], features[..., 1], 0.01, max_lag=0.02, conditions=nothing
        )
    with pytest.raises(ValueError, match="conditions: expected at least two, received none"):
        separate_conditions(features, nothing)


# Whole numbers that float64 does not hold apart, such as dates with milliseconds.

LARGE = [20231130123456781, 20231130123456782, 20231130123456783]


@pytest.mark.parametrize("blank", BLANK)
def test_large_whole_numbers_stay_apart_beside_a_trial_without(blank):
    found = as_conditions([*LARGE, blank, LARGE[0]], 5)
    assert found.tolist() == [*map(str, LARGE), "", str(LARGE[0])]
    assert len(condition_kinds(found)) == 3


def test_large_whole_numbers_of_every_type_stay_apart():
    masked = np.ma.masked_array(LARGE, mask=[False, True, False])
    assert as_conditions(masked, 3).tolist() == [str(LARGE[0]), "", str(LARGE[2])]
    for labels in ([2**63, 2**63 + 1, 1], [-(2**63), 1, 2], LARGE):
        found = as_conditions(labels, 3)
        assert found.dtype.kind in "iu" and found.tolist() == labels
    for wrong in ([2**63, -1], [2**64, 1], [2**64, None], [LARGE[0], 0.5]):
        with pytest.raises(TypeError, match="conditions: .* received too large whole numbers"):
            as_conditions(wrong, 2)


def test_numbers_that_were_rounded_before_are_warned_of():
    for labels in (np.array(LARGE, float), np.array([20231130, 1], np.float32)):
        with pytest.warns(UserWarning, match="conditions: .* may have become one"):
            as_conditions(labels, len(labels))


def test_large_whole_numbers_with_and_without_none_are_the_same_conditions():
    spikes = np.random.default_rng(0).poisson(1.0, (12, 6, 4)) * 1.0
    whole, some = LARGE * 4, [*LARGE * 3, *LARGE[:2], None]
    days = [
        Session(spikes, 0.02, name, conditions=c) for name, c in (("a", whole), ("b", some))
    ]
    assert common_conditions(days).tolist() == list(map(str, LARGE))
    kinds, means = condition_means(spikes, some)
    assert len(kinds) == 3
    assert psth_r_squared(spikes, some, means, kinds=LARGE) == 1.0
    for conditions, of_test in ((whole, some), (some, whole)):
        found = separate_conditions(spikes, conditions, test=(spikes, of_test))
        assert found.predictions.shape[0] == 12 - of_test.count(None)
    starts = start_by_pcr([spikes] * 2, [day.conditions for day in days], (4, 4), 2, 2)
    assert np.isfinite(starts[1].in_kernel).all()


def test_large_whole_numbers_come_back_from_files(tmp_path):
    spikes = np.ones((4, 5, 3))
    given = [*LARGE, None]
    session = Session(spikes, 0.02, conditions=given)
    session.save(tmp_path / "ours.h5")
    assert Session.load(tmp_path / "ours.h5").conditions.tolist() == [*map(str, LARGE), ""]
    whole = Session(spikes, 0.02, conditions=[*LARGE, 4])
    lfads_torch.write_data(tmp_path / "torch.h5", session, whole)
    found = Session.load(tmp_path / "torch.h5").conditions.tolist()
    assert found == [*map(str, LARGE), "", *map(str, LARGE), "4"]


@pytest.mark.parametrize("blank", BLANK)
def test_a_trial_without_a_group_is_in_no_fold(blank):
    from sklearn.model_selection import GroupKFold

    for groups in (["a", "b", "a", "b", blank], [1, 2, 1, 2, blank]):
        with pytest.raises(ValueError, match="groups: .* received none for trials 4"):
            folds_by_splitter(GroupKFold(2), 5, groups=groups)
