"""A session takes what fits together, refuses the rest by name, and changes nothing."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from lfads_tf import Session
from lfads_tf.data.formats import lfads_torch


def counts(n_trials=6, n_bins=20, n_neurons=5, seed=0):
    return np.random.default_rng(seed).poisson(1.0, (n_trials, n_bins, n_neurons))


def complete(n_trials=6, seed=0):
    """A session with everything it can have."""
    rng = np.random.default_rng(seed)
    return Session.from_arrays(
        counts(n_trials, seed=seed),
        0.02,
        name="monday",
        external_inputs=rng.normal(size=(n_trials, 20, 2)),
        behavior=rng.normal(size=(n_trials, 20, 3)),
        conditions=[("left", "right")[i % 2] for i in range(n_trials)],
        true_rates=rng.random((n_trials, 20, 5)),
        n_encode_neurons=4,
        n_encode_bins=15,
    )


def test_a_session_says_what_it_holds_in_one_line():
    assert repr(complete()) == (
        "Session('monday': 6 trials x 20 bins of 20 ms x 5 neurons, 2 conditions, 2 external "
        "inputs, 3 of behavior, true rates, 4 neurons encoded, 15 bins encoded)"
    )
    session = complete()
    assert (len(session), session.n_trials, session.n_bins, session.n_neurons) == (6, 6, 20, 5)


def test_arrays_are_neither_copied_nor_changed_nor_writeable_through_the_session():
    spikes = counts().astype(np.float32)
    session = Session(spikes, 0.02)
    assert np.shares_memory(session.spikes, spikes)
    with pytest.raises(ValueError, match="read-only"):
        session.spikes[0, 0, 0] = 9.0
    spikes[0, 0, 0] = 7.0  # The caller's array stays writeable.
    with pytest.raises(dataclasses.FrozenInstanceError):
        session.bin_width = 1.0


def test_counts_of_any_type_become_float32():
    for dtype in (np.uint8, np.int64, np.float16, np.float64, bool):
        assert Session(np.ones((1, 2, 3), dtype), 0.02).spikes.dtype == np.float32


def test_negative_and_fractional_data_are_the_models_to_judge():
    session = Session(np.random.default_rng(0).normal(size=(2, 5, 3)), 0.02)
    assert session.spikes.min() < 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spikes": np.ones((20, 5))}, r"spikes: expected shape \(n_trials.*segment or chop"),
        ({"spikes": np.ones((0, 20, 5))}, r"spikes: expected shape .* received \(0, 20, 5\)"),
        ({"spikes": np.full((6, 20, 5), np.nan)}, "spikes: expected observed .* NaN only"),
        ({"spikes": np.full((6, 20, 5), np.inf)}, r"spikes: .* infinity .* \(0, 0, 0\)"),
        ({"bin_width": 0.0}, "bin_width: expected a positive number, received 0.0"),
        ({"bin_width": float("nan")}, "bin_width: expected a positive number"),
        ({"behavior": np.ones((6, 19, 2))}, r"behavior: expected .*\(6, 20, n\).*\(6, 19, 2\)"),
        ({"behavior": np.ones((6, 20))}, r"behavior: expected shape .* received \(6, 20\)"),
        ({"external_inputs": np.ones((5, 20, 1))}, "external_inputs: expected shape"),
        ({"external_inputs": np.full((6, 20, 1), np.nan)}, "external_inputs: .* received NaN"),
        ({"behavior": np.full((6, 20, 1), -np.inf)}, "behavior: .* infinity in 120 places"),
        ({"true_rates": np.ones((6, 20, 4))}, "true_rates: expected 5 neurons, .* received 4"),
        ({"conditions": [1, 2]}, r"conditions: expected one for each of 6 trials"),
        ({"conditions": np.ones((6, 2))}, r"conditions: .* received shape \(6, 2\)"),
        (
            {"n_encode_neurons": 6},
            "n_encode_neurons: expected a whole number from 1 to 5, received 6",
        ),
        (
            {"n_encode_bins": 0},
            "n_encode_bins: expected a whole number from 1 to 20, received 0",
        ),
    ],
)
def test_what_does_not_fit_is_refused_by_name(changes, message):
    with pytest.raises(ValueError, match=message):
        Session(**{"spikes": counts(), "bin_width": 0.02, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spikes": [["a"]]}, "spikes: expected an array of real numbers, received .*<U1"),
        ({"spikes": np.ones((6, 20, 5), complex)}, "spikes: .* received ndarray of complex"),
        ({"spikes": None}, "spikes: expected an array of real numbers"),
        ({"bin_width": "20 ms"}, "bin_width: expected a positive number, received '20 ms'"),
        ({"bin_width": True}, "bin_width: expected a positive number"),
        ({"name": 3}, "name: expected a text, received 3"),
        (
            {"n_encode_bins": 2.5},
            "n_encode_bins: expected a whole number from 1 to 20, received 2.5",
        ),
        ({"conditions": [None] * 6}, "conditions: expected numbers or strings"),
    ],
)
def test_what_is_no_number_is_refused_by_name(changes, message):
    with pytest.raises(TypeError, match=message):
        Session(**{"spikes": counts(), "bin_width": 0.02, **changes})


def test_silent_neurons_are_named_and_unobserved_ones_are_not():
    spikes = counts().astype(float)
    spikes[:, :, [1, 4]] = 0.0
    spikes[:, :, 2] = np.nan
    with pytest.warns(UserWarning, match=r"2 of 5 neurons are silent in all trials \(1, 4\)"):
        session = Session(spikes, 0.02)
    # It was said once: parts of the session need not say it again.
    session.split(), session.trials(0)


def test_milliseconds_in_place_of_seconds_are_noticed():
    with pytest.warns(UserWarning, match="bin_width: 20 is taken in seconds.* pass 0.02"):
        Session(counts(), 20)


def test_no_columns_of_external_inputs_are_none():
    assert Session(counts(), 0.02, external_inputs=np.ones((6, 20, 0))).external_inputs is None


def test_trials_of_different_length_are_padded_true_to_their_lengths():
    lengths = [3, 7, 5]
    rng = np.random.default_rng(0)
    lists = {
        name: [rng.random((n, width)) for n in lengths]
        for name, width in [
            ("spikes", 4),
            ("external_inputs", 2),
            ("behavior", 1),
            ("true_rates", 4),
        ]
    }
    session = Session.from_arrays(lists.pop("spikes"), 0.02, **lists)
    assert session.spikes.shape == (3, 7, 4)
    assert session.lengths.tolist() == lengths
    for i, n in enumerate(lengths):
        for name, trials in lists.items():
            got = getattr(session, name)[i]
            np.testing.assert_array_equal(got[:n], trials[i].astype(np.float32))
            end = got[n:]
            assert np.all(end == 0) if name == "external_inputs" else np.isnan(end).all()
        assert np.isnan(session.spikes[i, n:]).all()
        assert np.isfinite(session.spikes[i, :n]).all()


def test_lengths_blank_what_an_array_holds_past_the_ends_and_leave_it_alone():
    spikes, inputs = counts(3, 7).astype(np.float32), np.ones((3, 7, 1), np.float32)
    before = spikes.copy()
    lengths = [3, 7, 5]
    ragged = Session.from_arrays(
        [trial[:n] for trial, n in zip(spikes, lengths, strict=True)], 0.02
    )
    session = Session.from_arrays(
        spikes, 0.02, lengths=lengths, external_inputs=inputs, behavior=inputs
    )
    np.testing.assert_array_equal(session.spikes, ragged.spikes)
    np.testing.assert_array_equal(spikes, before)
    assert session.external_inputs.sum(axis=(1, 2)).tolist() == lengths
    assert np.isnan(session.behavior).sum(axis=(1, 2)).tolist() == [4, 0, 2]


def test_trials_may_come_in_an_array_of_objects_as_from_matlab():
    cells = np.empty(2, object)
    cells[0], cells[1] = np.ones((2, 3)), np.ones((4, 3))
    assert Session.from_arrays(cells, 0.02).lengths.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("spikes", "changes", "message"),
    [
        ([], {}, "spikes: expected at least one trial"),
        ([np.ones((3, 2)), np.ones(3)], {}, r"spikes: .* received shape \(3,\) for trial 1"),
        ([np.ones((3, 2)), np.ones((3, 4))], {}, r"\(n_bins, 2\) .* \(3, 4\) for trial 1"),
        ([np.ones((3, 2)), np.ones((0, 2))], {}, r"received shape \(0, 2\) for trial 1"),
        ([np.ones((3, 2)), np.ones((5, 2))], {"lengths": [3, 4]}, "lengths: expected none, or"),
        (
            [np.ones((3, 2)), np.ones((5, 2))],
            {"behavior": [np.ones((3, 1)), np.ones((4, 1))]},
            r"behavior: .* as the spikes have \(3, 5\), received 3, 4",
        ),
        (np.ones((2, 5, 3)), {"lengths": [3]}, "lengths: expected one number of bins for each"),
        (np.ones((2, 5, 3)), {"lengths": [3, 6]}, "lengths: .* 1 to 5, received 6 for trial 1"),
        (np.ones((2, 5, 3)), {"lengths": [3, 2.5]}, "lengths: .* received 2.5 for trial 1"),
        (np.ones((5, 3)), {"lengths": [3]}, r"spikes: expected shape .* received \(5, 3\)"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(spikes, changes, message):
    with pytest.raises(ValueError, match=message):
        Session.from_arrays(spikes, 0.02, **changes)


@pytest.mark.parametrize(
    "index",
    [[4, 0, 4], slice(1, 4), -1, np.array([True, False, False, True, False, False])],
)
def test_some_trials_keep_everything_that_belongs_to_them(index):
    session = complete()
    part = session.trials(index)
    rows = np.atleast_1d(np.arange(6)[index])
    for name in ("spikes", "external_inputs", "behavior", "conditions", "true_rates"):
        np.testing.assert_array_equal(getattr(part, name), getattr(session, name)[rows])
        assert not getattr(part, name).flags.writeable
    for name in ("bin_width", "name", "n_encode_neurons", "n_encode_bins"):
        assert getattr(part, name) == getattr(session, name)


def test_a_slice_of_trials_is_a_view():
    session = complete()
    assert np.shares_memory(session.trials(slice(2, 4)).spikes, session.spikes)


@pytest.mark.parametrize("index", [[], slice(0, 0), np.zeros(6, bool)])
def test_no_trials_are_no_session(index):
    with pytest.raises(ValueError, match="index: expected at least one trial"):
        complete().trials(index)


def test_trials_that_are_not_there_are_refused():
    with pytest.raises(IndexError, match="6"):
        complete().trials([0, 6])


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("seed", range(3))
def test_a_split_is_a_partition_with_each_conditions_share(fraction, seed):
    rng = np.random.default_rng(seed)
    conditions = rng.integers(0, 7, size=103)
    ids = np.arange(103.0)[:, None, None] + 1
    session = Session(ids, 0.02, conditions=conditions)
    train, valid = session.split(fraction, seed=seed)
    assert len(valid) == round(fraction * 103)
    both = np.concatenate([train.spikes, valid.spikes]).ravel()
    np.testing.assert_array_equal(np.sort(both), ids.ravel())
    for part in (train, valid):
        assert np.all(np.diff(part.spikes.ravel()) > 0), "the order of trials is kept"
    for condition in np.unique(conditions):
        n = np.sum(conditions == condition)
        assert abs(np.sum(valid.conditions == condition) - fraction * n) < 1
        assert np.sum(train.conditions == condition) >= 1


def test_the_seed_decides_the_split():
    first, again, other = (complete(40).split(seed=s)[1].spikes for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("n_trials", [2, 3, 4])
@pytest.mark.parametrize("fraction", [0.01, 0.99])
def test_both_sides_of_a_split_have_a_trial(n_trials, fraction):
    session = Session(counts(n_trials), 0.02)
    train, valid = session.split(fraction)
    assert len(train) >= 1 and len(valid) >= 1


def test_a_condition_with_one_trial_keeps_it_for_training():
    session = Session(counts(12), 0.02, conditions=[0] * 8 + [1, 2, 3, 4])
    for seed in range(10):
        assert session.split(0.25, seed=seed)[1].conditions.tolist() == [0, 0, 0]


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 3, float("nan")])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match="valid_fraction: expected"):
        complete().split(fraction)


def test_one_trial_cannot_be_split():
    with pytest.raises(ValueError, match="n_trials: expected at least two to split"):
        Session(counts(1), 0.02).split()


def test_data_need_neither_tensorflow_nor_matplotlib():
    program = (
        "import sys, lfads_tf.data\n"
        "unwanted = {'tensorflow', 'keras', 'matplotlib', 'tensorflow_probability'}\n"
        "print(sorted(unwanted & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("index", ["a", [0.5], [[0]], [True], 4, [-5], slice("a"), None])
def test_what_is_no_number_of_a_trial_is_refused(index):
    session = Session(np.ones((4, 5, 3)), 0.02)
    with pytest.raises((TypeError, ValueError), match="^index: expected"):
        session.trials(index)


@pytest.mark.parametrize("flags", [[True] * 3, np.ones(3, bool), np.ones(3, object) == 1])
def test_flags_are_no_lengths(flags):
    for spikes in (np.ones((3, 5, 2)), [np.ones((1, 2))] * 3):
        with pytest.raises(
            TypeError, match="lengths: expected whole numbers .* received flags"
        ):
            Session.from_arrays(spikes, 0.02, lengths=flags)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_file_can_hold_is_refused_by_name_when_saved(tmp_path, text):
    spikes, path = np.ones((2, 5, 3)), tmp_path / "a.h5"
    with pytest.raises(ValueError, match="name: expected text without NUL"):
        Session(spikes, 0.02, text).save(path)
    labelled = Session(spikes, 0.02, conditions=[text, "b"])
    with pytest.raises(ValueError, match="conditions: expected text without NUL"):
        labelled.save(path)
    with pytest.raises(ValueError, match=r"\(conditions\): expected text without NUL"):
        lfads_torch.write_data(path, labelled, labelled)
    assert not path.exists()


def test_a_list_of_trials_is_padded_to_the_bins_of_a_model():
    trials = [np.ones((3, 2)), np.ones((5, 2))]
    behavior = [np.zeros((3, 1)), np.zeros((5, 1))]
    session = Session.from_arrays(trials, 0.02, n_bins=8, behavior=behavior)
    assert session.spikes.shape == (2, 8, 2)
    assert session.lengths.tolist() == [3, 5]
    assert session.behavior.shape == (2, 8, 1)
    assert np.isnan(session.behavior[0, 3:]).all()
    with pytest.raises(ValueError, match="n_bins: expected .*5.* received 4"):
        Session.from_arrays(trials, 0.02, n_bins=4)
    with pytest.raises(ValueError, match="n_bins: expected none for spikes in one array"):
        Session.from_arrays(np.ones((2, 5, 2)), 0.02, n_bins=8)
