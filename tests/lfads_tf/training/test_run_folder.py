"""A folder belongs to one run at a time, and loses nothing when a disk is full or read-only."""

import contextlib
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import pytest

from fixedpoint_tf import FixedPoints
from lfads_tf import LFADS, LFADSConfig, load_model
from lfads_tf.training import run_state
from lfads_tf.training.checkpoints import Checkpoint

X = np.random.default_rng(0).poisson(0.7, (24, 10, 5)).astype("float32")
PROGRAM = "import test_run_folder as t, sys; t.fit(t.small_model(), sys.argv[1], epochs=10**6)"


def small_model():
    model = LFADS(LFADSConfig(n_neurons=5, n_bins=10, bin_width=0.02, n_factors=2))
    model.compile(jit_compile=False)
    return model


def fit(model, directory=None, *, epochs, callbacks=None, **how):
    if callbacks is None:
        callbacks = model.default_callbacks(directory, save_every=0.0, **how)
    return model.fit(X, validation_data=X, epochs=epochs, callbacks=callbacks, verbose=0)


@contextlib.contextmanager
def another_run(folder):
    """A process that trains into a folder until it is killed."""
    path = os.pathsep.join([os.path.dirname(__file__), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 240
        while not (folder / "state.h5").exists() and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.1)
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_second_run_is_refused_while_the_first_lives_and_not_after(tmp_path):
    folder = tmp_path / "run"
    with another_run(folder):
        for how in ({"resume": True}, {"overwrite": True}):
            model = small_model()
            with pytest.raises(FileExistsError, match="no other run writes, received .*run'"):
                fit(model, folder, epochs=2, **how)
            assert int(model.step) == 0
    # What a killed run leaves half-written goes; what a user has of such names stays.
    left = [".state.0123456789ab.h5", ".best.0123456789ab.keras", ".run.0123456789ab.json"]
    for name in [*left, ".mine.h5", ".state.h5"]:
        (folder / name).touch()
    n = run_state.read(folder / "state.h5")["epoch"] + 1
    history = fit(small_model(), folder, epochs=n + 1, resume=True).history
    assert len(history["loss"]) == n + 1
    kept = {".mine.h5", ".state.h5", "best.keras", "history.csv", "last.keras", "state.h5"}
    assert set(os.listdir(folder)) == kept


def test_two_runs_that_begin_at_once_do_not_mix(tmp_path):
    """Both passed the look into the empty folder; the one that is second is refused."""
    first, second = small_model(), small_model()
    of_first = first.default_callbacks(tmp_path, save_every=0.0)
    of_second = second.default_callbacks(tmp_path, save_every=0.0)
    with of_first[-1].locked():
        with pytest.raises(FileExistsError, match="no other run writes"):
            fit(second, callbacks=of_second, epochs=1)
    fit(first, callbacks=of_first, epochs=1)
    with pytest.raises(FileExistsError, match="holds a run"):
        fit(second, callbacks=of_second, epochs=1)
    with pytest.raises(FileExistsError, match="holds a run"):  # nor is its own run replaced
        fit(first, callbacks=of_first, epochs=1)


def test_a_full_disk_loses_no_run(tmp_path):
    """The run goes on from what was written before, and ends as one that was not stopped."""
    whole = fit(small_model(), epochs=4).history
    fit(small_model(), tmp_path, epochs=2)
    files = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, limits[1]))
        with pytest.raises(OSError, match=r"File too large|keras|state"):
            fit(small_model(), tmp_path, epochs=3, resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)} == files
    history = fit(small_model(), tmp_path, epochs=4, resume=True).history
    np.testing.assert_array_equal(history["loss"], whole["loss"])


@contextlib.contextmanager
def read_only_folder():
    """A folder to which this process cannot write, though it be that of the superuser."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o555)
        user = os.geteuid()
        try:
            os.seteuid(65534 if user == 0 else user)
            yield folder
        finally:
            os.seteuid(user)
            os.chmod(folder, 0o755)


def test_a_folder_that_is_read_only_is_said_before_training():
    points = FixedPoints(xstar=np.zeros((3, 2)))
    model = small_model()
    fit(small_model(), epochs=1)  # what is imported on the way
    with read_only_folder() as folder:
        with pytest.raises(PermissionError, match="points.h5"):
            points.save(os.path.join(folder, "points.h5"))
        with pytest.raises(PermissionError):
            fit(model, folder, epochs=1)
        assert os.listdir(folder) == []
    assert int(model.step) == 0


FILES = {"best.keras", "last.keras", "history.csv"}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("held", [FILES, {"best.keras"}, {"history.csv"}])
def test_files_of_a_run_without_its_state_are_kept(tmp_path, resume, held):
    for name in held:  # a user's own, or those of a run whose large state was deleted
        (tmp_path / name).write_bytes(b"mine")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match=r"^directory: .* but no state.h5.*overwrite=T"):
        small_model().default_callbacks(tmp_path, resume=resume)
    assert contents(tmp_path) == before
    fit(small_model(), tmp_path, epochs=1, overwrite=True)
    assert set(contents(tmp_path)) == {*FILES, "state.h5"}


def test_files_that_come_between_are_kept(tmp_path):
    model = small_model()
    callbacks = model.default_callbacks(tmp_path, resume=True)
    (tmp_path / "best.keras").write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="no state.h5"):
        fit(model, callbacks=callbacks, epochs=1)
    assert contents(tmp_path) == {"best.keras": b"mine"} and int(model.step) == 0


class _Killed(BaseException):
    """The end of a process, of which nothing is cleaned up."""


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("moment", ["_save_models", "_write_state", "overwrite"])
def test_a_run_killed_before_its_first_state_begins_anew(tmp_path, monkeypatch, resume, moment):
    def killed(*arguments, **named):
        raise _Killed

    with monkeypatch.context() as patch:
        if moment == "overwrite":
            fit(small_model(), tmp_path, epochs=1)
            unlink = pathlib.Path.unlink
            patch.setattr(
                pathlib.Path,
                "unlink",
                lambda path, **how: (
                    killed() if path.name == "best.keras" else unlink(path, **how)
                ),
            )
        else:
            patch.setattr(Checkpoint, moment, killed)
        with pytest.raises(_Killed):
            fit(small_model(), tmp_path, epochs=2, overwrite=moment == "overwrite")
    assert "state.h5" not in contents(tmp_path)
    history = fit(small_model(), tmp_path, epochs=2, resume=resume).history
    whole = fit(small_model(), epochs=2).history
    np.testing.assert_array_equal(history["loss"], whole["loss"])
    assert set(contents(tmp_path)) == {*FILES, "state.h5"}


def test_what_was_deleted_or_damaged_is_written_again_and_said(tmp_path):
    fit(small_model(), tmp_path, epochs=2)
    before = contents(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(small_model(), tmp_path, epochs=2, resume=True)

    def damage(name):
        path = tmp_path / name
        flipped = bytearray(before[name])
        flipped[len(flipped) // 2] ^= 255
        yield path.unlink
        yield lambda: path.write_bytes(before[name][: len(before[name]) // 2])
        yield lambda: path.write_bytes(b"")
        if name.endswith("keras"):
            yield lambda: path.write_bytes(flipped)

    weights = load_model(tmp_path / "best.keras").get_weights()
    for name in sorted(FILES):
        for harm in damage(name):
            harm()
            with pytest.warns(
                UserWarning, match=f"^directory: .*{name} was missing or damaged"
            ):
                fit(small_model(), tmp_path, epochs=2, resume=True)
    assert (tmp_path / "history.csv").read_bytes() == before["history.csv"]
    again = load_model(tmp_path / "best.keras").get_weights()
    for one, other in zip(weights, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_links_in_a_folder_are_followed_and_devices_refused(tmp_path):
    far, folder = tmp_path / "far", tmp_path / "run"
    far.mkdir()
    folder.mkdir()
    for name in (*FILES, "state.h5"):
        (folder / name).symlink_to(far / name)
    fit(small_model(), folder, epochs=1)
    fit(small_model(), folder, epochs=2, overwrite=True)
    fit(small_model(), folder, epochs=3, resume=True)
    assert all((folder / name).is_symlink() for name in (*FILES, "state.h5"))
    assert set(contents(far)) == {*FILES, "state.h5"}
    for name in (*FILES, "state.h5"):
        for put in (lambda path: path.symlink_to(os.devnull), os.mkfifo, os.mkdir):
            path = tmp_path / "devices" / name
            path.parent.mkdir(exist_ok=True)
            put(path)
            for how in ({}, {"resume": True}, {"overwrite": True}):
                with pytest.raises(ValueError, match=f"^directory: expected .* {name} is a f"):
                    small_model().default_callbacks(path.parent, **how)
            path.rmdir() if path.is_dir() else path.unlink()
