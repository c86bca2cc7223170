"""Labels of trials in files: any sensible shape, or lists of trials where these are meant."""

import h5py
import numpy as np
import pytest

from lfads_tf import Session
from lfads_tf.data.formats.labels import labels_by_trial, labels_of_lists

N, N_TRAIN = 20, 16
RNG = np.random.default_rng(0)
SPIKES = RNG.poisson(0.5, (N, 10, 6))
LABELS = RNG.integers(0, 4, N)
WORDS = np.array(["left", "right", "up", "down"])[LABELS]


@pytest.fixture
def read(tmp_path):
    """Read the labels of a file that has these datasets for the two splits."""

    def read_labels(train, valid):
        path = tmp_path / "monday.h5"
        with h5py.File(path, "w") as file:
            file["train_data"], file["valid_data"] = SPIKES[:N_TRAIN], SPIKES[N_TRAIN:]
            file["train_conditions"], file["valid_conditions"] = train, valid
        return Session.load(path, bin_width=0.02).conditions

    return read_labels


@pytest.mark.parametrize(
    "shaped",
    [
        lambda c: c,
        lambda c: c[None],
        lambda c: c[:, None],
        lambda c: c[:, None, None],
        lambda c: c.astype(float),
        lambda c: np.eye(4)[c],
        lambda c: np.eye(4, dtype=bool)[c],
        lambda c: np.eye(4)[c].T,
        lambda c: np.eye(4, dtype=np.int16)[c][:, :, None],
    ],
    ids=["n", "row", "column", "n11", "float", "one-hot", "mask", "hot columns", "n41"],
)
def test_a_label_a_trial_in_any_shape(read, shaped):
    train, valid = shaped(LABELS[:N_TRAIN]), shaped(LABELS[N_TRAIN:])
    np.testing.assert_array_equal(read(train, valid), LABELS)


@pytest.mark.parametrize(
    "written",
    [
        lambda w: w.astype("S"),
        lambda w: np.char.encode(w, "utf-16"),
        lambda w: w.astype("S")[None],
        lambda w: w.astype(object)[:, None],
        lambda w: np.char.ljust(w, 9).astype("S"),
    ],
)
def test_text_in_any_shape(read, written):
    np.testing.assert_array_equal(
        read(written(WORDS[:N_TRAIN]), written(WORDS[N_TRAIN:])), WORDS
    )


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (LABELS[: N_TRAIN - 1], r"train_conditions: expected one for each of 16 trials"),
        (LABELS[:N_TRAIN].reshape(4, 4), "train_conditions .* several times"),
        (np.stack([LABELS[:N_TRAIN]] * 2), r"shape \(2, 16\): not one-hot"),
        (np.eye(16)[RNG.permutation(16)], r"shape \(16, 16\): not one-hot"),
        (np.arange(16)[None], "may as well list the trials of one condition"),
        (np.eye(4)[LABELS[:15]], "several times"),
        (RNG.normal(size=(3, 5)), "something else than whole numbers"),
        (2, "expected one for each of 16 trials"),
        ("left", "expected one for each of 16 trials"),
    ],
)
def test_what_are_no_labels_is_refused_by_name(read, train, message):
    with pytest.raises(ValueError, match=message):
        read(train, LABELS[N_TRAIN:])


def test_labels_of_another_kind_in_the_other_split_are_refused(read):
    with pytest.raises(ValueError, match="conditions of the same kind in both splits"):
        read(WORDS[:N_TRAIN].astype("S"), LABELS[N_TRAIN:])


def test_lists_of_trials_of_equal_length():
    rows = RNG.permutation(12).reshape(3, 4)
    expected = np.empty(12, int)
    for i, row in enumerate(rows):
        expected[row] = i
    np.testing.assert_array_equal(labels_by_trial(rows, 12, "cond_idx"), expected)
    with pytest.raises(ValueError, match="received 1 to 12. Do they count from 1|count from 1"):
        labels_by_trial(rows + 1, 12, "cond_idx")


def test_lists_that_are_no_lists_of_trials_are_refused():
    with pytest.raises(ValueError, match="1 several times"):
        labels_of_lists([[0, 1], [1]], 3, "cond_idx")
    with pytest.raises(ValueError, match="something else than whole numbers"):
        labels_of_lists([[0.5], [1]], 3, "cond_idx")
    with pytest.raises(ValueError, match="something else than whole numbers"):
        labels_of_lists([["left"], [1]], 3, "cond_idx")
    np.testing.assert_array_equal(labels_of_lists([[0], [2]], 3, "cond_idx"), [0, np.nan, 1])
    with pytest.raises(ValueError, match="lists of 2, without the first: .* count from 1"):
        labels_of_lists([[1], [2]], 3, "cond_idx")


def test_lists_tell_nothing_of_axes(tmp_path):
    """As many conditions as neurons: their number is none of trials."""
    path, rows = tmp_path / "monday.h5", np.arange(N) % 6
    with h5py.File(path, "w") as file:
        file["spikes"] = SPIKES
        lists = file.create_dataset("conditions", (6,), h5py.vlen_dtype(np.int64))
        for k in range(6):
            lists[k] = np.flatnonzero(rows == k)
    np.testing.assert_array_equal(Session.load(path, bin_width=0.02).conditions, rows)


def test_trials_without_a_label_have_no_condition(read):
    labels = LABELS.astype(float)
    labels[3] = np.nan
    np.testing.assert_array_equal(read(labels[:N_TRAIN], labels[N_TRAIN:]), labels)
    words = WORDS.astype("U5")
    words[3] = "  "
    found = read(words[:N_TRAIN].astype("S"), words[N_TRAIN:].astype("S"))
    assert found[3] == "" and found[4] == WORDS[4]


def test_a_plain_file_is_read_alike(tmp_path):
    path = tmp_path / "monday.h5"
    for labels in (LABELS[None], np.eye(4)[LABELS]):
        with h5py.File(path, "w") as file:
            file["spikes"], file["conditions"] = SPIKES, labels
        np.testing.assert_array_equal(Session.load(path, bin_width=0.02).conditions, LABELS)
    words = ["gauche".encode("latin-1"), "à droite".encode("latin-1")] * 10
    with h5py.File(path, "w") as file:
        file["spikes"], file["condition"] = SPIKES, np.array(words)
    assert set(Session.load(path, bin_width=0.02).conditions) == {"gauche", "à droite"}


@pytest.mark.parametrize("wrong", [[*range(15), np.nan], np.arange(16) + 0.5])
def test_places_that_are_not_whole_are_refused(tmp_path, wrong):
    path = tmp_path / "monday.h5"
    with h5py.File(path, "w") as file:
        file["train_data"], file["valid_data"] = SPIKES[:N_TRAIN], SPIKES[N_TRAIN:]
        file["train_inds"], file["valid_inds"] = np.array(wrong), np.arange(16.0, 20.0)
    with pytest.raises(ValueError, match="train_inds and valid_inds .* not all are whole"):
        Session.load(path, bin_width=0.02)
