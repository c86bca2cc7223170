"""The public recording: what is read of its files."""

import numpy as np
import pytest
from scipy.io import savemat

from lfads_tf.data.wrist import isometric_wrist

N_BINS, N_CHANNELS = 400, 5
LABELS = ["trial start time", "go/catch", "Result(R,A,I,orN)", "tgt_id"]


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, (N_BINS, N_CHANNELS))
    counts[:, 3] = 0  # a silent electrode
    go = [0.3, 5.01, 8.0, 12.5, 19.9]  # the first and the last window do not fit
    results = [ord(letter) for letter in "RRARR"]
    table = np.array(
        [[0.0, at, result, k] for k, (at, result) in enumerate(zip(go, results, strict=True))]
    )
    data = {
        "timeframe": 0.05 * np.arange(N_BINS),
        "spikeratedata": (20 * counts).astype(np.uint16),
        "forcedatabin": np.arange(2.0 * N_BINS).reshape(N_BINS, 2),
        "trialtable": table,
        "trialtablelabels": np.array(LABELS, dtype=object),
    }
    for name in ("Day0.mat", "Day16.mat"):
        savemat(tmp_path / name, {"binnedData": data})
    return tmp_path, counts


def test_rewarded_trials_stand_around_the_go_cue(folder):
    path, counts = folder
    session = isometric_wrist("day0", path, bins_before=10, bins_after=24)
    assert session.conditions.tolist() == [1, 3]
    # The first bin that begins after the go cue, at 5.01 s and at 12.5 s.
    heard = counts[:, [0, 1, 2, 4]]
    np.testing.assert_array_equal(session.spikes[0], heard[101 - 10 : 101 + 24])
    np.testing.assert_array_equal(session.spikes[1], heard[250 - 10 : 250 + 24])
    np.testing.assert_array_equal(session.behavior[0, :, 0], 2.0 * np.arange(91, 125))
    assert session.bin_width == 0.05 and session.name == "day0"


def test_silent_electrodes_stay_where_they_are_asked_for(folder):
    path, counts = folder
    with pytest.warns(UserWarning, match="silent"):
        session = isometric_wrist("day0", path, keep_silent=True)
    np.testing.assert_array_equal(session.spikes[0], counts[91:125])


def test_force_is_x_then_y_on_both_days(folder):
    path, _ = folder
    first, second = (isometric_wrist(day, path).behavior for day in ("day0", "day16"))
    np.testing.assert_array_equal(first, second[..., ::-1])


def test_the_folder_may_stand_in_the_environment(folder, monkeypatch):
    monkeypatch.setenv("ISOMETRIC_WRIST_DATA", str(folder[0]))
    assert len(isometric_wrist("day16")) == 2


def test_what_is_missing_says_where_it_can_be_had(tmp_path, monkeypatch):
    monkeypatch.delenv("ISOMETRIC_WRIST_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=r"Day16\.mat .* had from https://github\.com"):
        isometric_wrist("day16", tmp_path)
    with pytest.raises(FileNotFoundError, match="ISOMETRIC_WRIST_DATA"):
        isometric_wrist("day0")
    with pytest.raises(ValueError, match="day: expected one of"):
        isometric_wrist("day1", tmp_path)
