"""The public recording: its download, and what is read of its files."""

import hashlib
import http.server
import os
import socket
import threading
import warnings

import h5py
import numpy as np
import pytest
import reference
from scipy.io import savemat

from lfads_tf.data import fetch_isometric_wrist, wrist

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
    session = fetch_isometric_wrist("day0", path, bins_before=10, bins_after=24)
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
        session = fetch_isometric_wrist("day0", path, keep_silent=True)
    np.testing.assert_array_equal(session.spikes[0], counts[91:125])


def test_force_is_x_then_y_on_both_days(folder):
    path, _ = folder
    first, second = (fetch_isometric_wrist(day, path).behavior for day in ("day0", "day16"))
    np.testing.assert_array_equal(first, second[..., ::-1])


def test_the_folder_may_stand_in_the_environment(folder, monkeypatch):
    monkeypatch.setenv("ISOMETRIC_WRIST_DATA", str(folder[0]))
    assert len(fetch_isometric_wrist("day16")) == 2


def test_a_folder_without_the_file_is_refused(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"folder: expected Day16\.mat in"):
        fetch_isometric_wrist("day16", tmp_path)
    monkeypatch.setenv("ISOMETRIC_WRIST_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"folder: expected Day0\.mat in"):
        fetch_isometric_wrist("day0")
    with pytest.raises(ValueError, match="day: expected one of"):
        fetch_isometric_wrist("day1", tmp_path)


class Server(http.server.BaseHTTPRequestHandler):
    """Serves the files of a folder; ``half`` of each where that is asked for."""

    folder, half, n_served = None, False, 0

    def do_GET(self):
        type(self).n_served += 1
        whole = (self.folder / self.path.rpartition("/")[2]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(whole[: len(whole) // 2] if self.half else whole)

    def log_message(self, *message):
        pass


@pytest.fixture
def served(folder, tmp_path_factory, monkeypatch):
    """The server, whose files are those of which the checksums are known, and the cache."""
    pytest.importorskip("pooch")
    cache = tmp_path_factory.mktemp("cache")
    handler = type("Handler", (Server,), {"folder": folder[0]})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.delenv("ISOMETRIC_WRIST_DATA", raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("FIXEDPOINT_TF_CACHE", str(cache))
        monkeypatch.setattr(wrist, "SOURCE", f"http://127.0.0.1:{server.server_port}/")
        sums = {
            name: hashlib.sha256((folder[0] / name).read_bytes()).hexdigest()
            for name in ("Day0.mat", "Day16.mat")
        }
        monkeypatch.setattr(wrist, "_SHA256", sums)
        yield handler, cache
        server.shutdown()


def test_the_first_call_downloads_and_later_ones_read_the_copy(served, folder):
    handler, cache = served
    first = fetch_isometric_wrist("day0", verbose=False)
    again = fetch_isometric_wrist("day0", verbose=False)
    np.testing.assert_array_equal(first.spikes, fetch_isometric_wrist("day0", folder[0]).spikes)
    np.testing.assert_array_equal(first.spikes, again.spikes)
    assert handler.n_served == 1
    assert [path.name for path in cache.iterdir()] == ["Day0.mat"]


def test_another_file_is_refused_and_not_kept(served, folder):
    _, cache = served
    (folder[0] / "Day0.mat").write_bytes(b"something else")
    with pytest.raises(ConnectionError, match=r"Day0\.mat: expected a file of SHA-256 .*hash"):
        fetch_isometric_wrist("day0", verbose=False)
    assert list(cache.iterdir()) == []


def test_half_a_file_is_refused_and_not_kept(served):
    handler, cache = served
    handler.half = True
    with pytest.raises(ConnectionError, match=r"Day0\.mat: expected .*pass its folder"):
        fetch_isometric_wrist("day0", verbose=False)
    assert list(cache.iterdir()) == []
    handler.half = False
    assert len(fetch_isometric_wrist("day0", verbose=False)) == 2


def test_without_a_network_it_says_so(served, monkeypatch):
    with socket.socket() as unused:  # a port at which nobody listens
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setattr(wrist, "SOURCE", f"http://127.0.0.1:{unused.getsockname()[1]}/")
        with pytest.raises(ConnectionError, match=r"received ConnectionError.*pass its folder"):
            fetch_isometric_wrist("day0", verbose=False)


@pytest.mark.parametrize(("day", "n_trials"), [("day0", 296), ("day16", 224)])
def test_the_trials_are_those_of_the_reference(day, n_trials):
    """Runs where the recording itself and its reference are there."""
    if "ISOMETRIC_WRIST_DATA" not in os.environ:
        pytest.skip("the environment variable ISOMETRIC_WRIST_DATA names no folder")
    file = reference.find("data", "jango_isometric_wrist.h5")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "spikes: 2 of 96 neurons are silent")
        session = fetch_isometric_wrist(day, keep_silent=True)
    with h5py.File(file) as known:
        trials = known[day]["trials"]
        np.testing.assert_array_equal(session.spikes, trials["spikes"][:])
        np.testing.assert_array_equal(session.conditions, trials["condition"][:])
        force = trials["force"][:]  # as in the file; ours are x, then y on both days
        force = force if day == "day0" else force[..., ::-1]
        np.testing.assert_allclose(session.behavior, force, rtol=1e-6)
    assert len(session) == n_trials
