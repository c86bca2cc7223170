"""Files of ours that were damaged, or made to harm their reader, are refused by name.

Nothing is read from elsewhere, nothing comes back changed, nothing fills the memory or hangs:
each is one ValueError, which names the file.
"""

import dataclasses
import json
import os
import pickle
import random
import resource
import subprocess
import sys
import tempfile

import h5py
import numpy as np
import pytest
from hostile_files import BESIDE, TAMPERINGS, makers, outcome, result, results, tampered
from hostile_foreign import FILES

from fixedpoint_tf import FixedPoints, analysis
from lfads_tf import Session
from lfads_tf.data.formats import matlab, nlb

for _name in analysis.__all__:
    getattr(analysis, _name)
KINDS = makers()


def test_every_class_of_results_is_tried_and_tells_the_axes_of_its_arrays():
    classes = results()
    assert (
        set(classes)
        == {*BESIDE, "FixedPoints"}
        == set(KINDS)
        - {
            "Session",
            "Inferred",
            "run state",
        }
        | {"FixedPoints"}
    )
    for name, kind in classes.items():
        layout = kind._layout()
        fields = {f.name: str(f.type) for f in dataclasses.fields(kind)}
        arrays = {name for name, declared in fields.items() if "np.ndarray" in declared}
        assert arrays <= layout.keys(), name
        assert {key.partition(".")[0] for key in layout} <= fields.keys(), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_as_it_was_written_is_read(kind, tmp_path):
    write, read = KINDS[kind]
    write(tmp_path / "a.h5")
    write_again = getattr(read(tmp_path / "a.h5"), "save", None)
    if write_again is not None:
        write_again(tmp_path / "b.h5")
        assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_files_are_refused_by_name(kind, tmp_path):
    assert len(TAMPERINGS) >= 60
    write, read = KINDS[kind]
    outcomes = {name: outcome(read, tampered(write, name, tmp_path)) for name in TAMPERINGS}
    assert {name: text for name, text in outcomes.items() if text.startswith("FAULT")} == {}
    assert not any("4242" in text or "root:" in text for text in outcomes.values())


@pytest.mark.parametrize("name", ["external link", "virtual dataset", "a billion rows", "text"])
def test_the_dataset_is_named(name, tmp_path):
    write, read = KINDS["FixedPoints"]
    assert "xstar" in outcome(read, tampered(write, name, tmp_path))


PROGRAM = r"""
import json, re, sys, tempfile
from hostile_files import TAMPERINGS, makers, outcome, tampered
known = makers()
with tempfile.TemporaryDirectory() as folder:
    faults = [
        (kind, name, text)
        for kind, (write, read) in known.items()
        for name in TAMPERINGS
        if (text := outcome(read, tampered(write, name, folder))).startswith("FAULT")
    ]
# Of this program: getrusage counts what the process was before it.
with open("/proc/self/status") as status:
    peak = int(re.search("VmHWM: *([0-9]+)", status.read().replace("\t", "")).group(1)) / 1024
print(json.dumps([sorted(known), faults, peak, "tensorflow" in sys.modules]))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="tells the peak on Linux")
def test_hostile_files_take_little_memory_and_time():
    """In a process of its own, whose peak of memory is that of the readers."""
    support = os.path.join(os.path.dirname(__file__), "..", "support")
    path = os.pathsep.join([support, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    kinds, faults, peak, tensorflow = json.loads(done.stdout)
    assert {"FixedPoints", "Session", "Inferred", "run state"} <= set(kinds)
    assert faults == [] and not tensorflow
    assert peak < 500  # MB, with the interpreter and NumPy


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_is_noticed_wherever_it_is(kind, tmp_path):
    write, read = KINDS[kind]
    path = str(tmp_path / "a.h5")
    write(path)
    with open(path, "rb") as file:
        content = bytearray(file.read())
    places = random.Random(0)
    for at in [*range(0, 600, 40), *(places.randrange(len(content)) for _ in range(50))]:
        bit = 1 << places.randrange(8)
        content[at] ^= bit
        with open(path, "wb") as file:
            file.write(content)
        content[at] ^= bit
        assert not outcome(read, path).startswith("FAULT"), at


def test_files_of_other_programs_take_nothing_from_elsewhere_either(tmp_path):
    with h5py.File(tmp_path / "private.h5", "w") as file:
        file["spikes"] = np.ones((4, 5, 3))
    secret = h5py.VirtualSource(str(tmp_path / "private.h5"), "spikes", shape=(4, 5, 3))
    layout = h5py.VirtualLayout(shape=(4, 5, 3), dtype="f8")
    layout[:] = secret
    raw = [("/etc/passwd", 0, 60)]
    for name, make in {
        "link": lambda f: f.__setitem__("spikes", h5py.ExternalLink("private.h5", "/spikes")),
        "virtual": lambda f: f.create_virtual_dataset("spikes", layout),
        "external": lambda f: f.create_dataset("spikes", (4, 5, 3), "u1", external=raw),
        "deep": lambda f: f.create_virtual_dataset("a/b/spikes", layout),
    }.items():
        path = str(tmp_path / f"{name}.h5")
        with h5py.File(path, "w") as file:
            make(file)
            file.attrs["bin_width"] = 0.02
        group = "a/b" if name == "deep" else None
        with pytest.raises(ValueError, match=rf"{name}\.h5'.*spikes"):
            Session.load(path, group=group)


FOREIGN = r"""
import json, pathlib, re, sys, tempfile
from hostile_foreign import FILES
from lfads_tf import Session
from lfads_tf.data.formats import lfads_torch, matlab, nlb
readers = {
    "Session": lambda path: Session.load(path, bin_width=0.02),
    "nlb": nlb.read,
    "lfads-torch": lambda path: lfads_torch.read_output(path, "train", 0.02),
    "matlab": matlab.read,
}
faults = []
with tempfile.TemporaryDirectory() as folder:
    for name, write in FILES.items():
        path = pathlib.Path(folder, "a.mat" if name.startswith("MATLAB") else "a.h5")
        write(path)
        for reader in ("Session", "matlab") if path.suffix == ".mat" else list(readers)[:3]:
            if reader == "lfads-torch" and "one text" in name:
                continue  # It reads no labels.
            try:
                readers[reader](path)
                faults.append([name, reader, "taken"])
            except ValueError as error:
                if str(path) not in str(error) and "class that is no" not in name:
                    faults.append([name, reader, str(error)])
            except BaseException as error:
                faults.append([name, reader, repr(error)])
with open("/proc/self/status") as status:
    peak = int(re.search("VmHWM: *([0-9]+)", status.read().replace("\t", "")).group(1)) / 1024
print(json.dumps([faults, peak]))
"""


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="tells the peak on Linux")
def test_hostile_files_of_other_programs_are_refused_and_take_little_memory_and_time():
    """In a process of its own: some of them ended it, by more cells in each other than fit."""
    assert len(FILES) >= 30
    support = os.path.join(os.path.dirname(__file__), "..", "support")
    path = os.pathsep.join([support, *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", FOREIGN],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-1000:]
    faults, peak = json.loads(done.stdout)
    assert faults == []
    assert peak < 700  # MB, of which one dataset may take 256 without being in the file


@pytest.mark.parametrize("name", ["a.npz", "a.npy", "a.mat", "a.h5", "a.keras"])
def test_no_pickle_is_ever_loaded(name, tmp_path):
    """Whatever the ending: what is in a pickle runs when it is loaded."""

    class Harm:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "harmed"),))

    path = tmp_path / name
    harm = np.array([Harm()], dtype=object)
    with open(path, "wb") as file:
        if name == "a.npz":
            np.savez(file, spikes=harm)
        elif name == "a.npy":
            np.save(file, harm, allow_pickle=True)
        else:
            pickle.dump(harm, file)
    for _, read in [*KINDS.values(), (None, matlab.read), (None, nlb.read)]:
        with pytest.raises(ValueError, match=name):
            read(path)
    assert not (tmp_path / "harmed").exists()


def test_a_folder_a_pipe_and_a_device_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "pipe.h5")
    for path in (tmp_path, tmp_path / "pipe.h5", "/dev/null", "/dev/zero"):
        for _, read in KINDS.values():
            with pytest.raises(ValueError, match="path: expected a file, received"):
                read(path)


def test_large_and_regular_arrays_come_back(tmp_path):
    """What compresses far better than a reader would believe is stored as it is."""
    session = Session(np.ones((60, 2000, 700), np.float32), 0.02)
    session.save(tmp_path / "a.h5")
    back = Session.load(tmp_path / "a.h5")
    assert back.spikes.shape == session.spikes.shape and (back.spikes == 1).all()


def test_nothing_but_files_is_replaced(tmp_path):
    points = FixedPoints(xstar=np.zeros((3, 2)))
    os.mkfifo(tmp_path / "pipe.h5")
    (tmp_path / "folder.h5").mkdir()
    (tmp_path / "link.h5").symlink_to("pipe.h5")
    for name, what in (("pipe", "device or pipe"), ("folder", "folder"), ("link", "device")):
        with pytest.raises(ValueError, match=rf"path: expected a file, .*{name}.h5'.* {what}"):
            points.save(tmp_path / f"{name}.h5")
    assert sorted(os.listdir(tmp_path)) == ["folder.h5", "link.h5", "pipe.h5"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_is_full_leaves_the_old_file_and_no_other(kind, tmp_path):
    """No process may write more than a few kilobytes to a file, as if there were no room."""
    write, read = KINDS[kind]
    path = tmp_path / "a.h5"
    write(path)
    old = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, limits[1]))
        with pytest.raises(OSError, match=r"a\.h5|File too large|write"):
            write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == ["a.h5"] and path.read_bytes() == old
    read(path)


def test_text_comes_back_whatever_its_letters(tmp_path):
    labels = np.array(["ä", "", "x" * 3000, "\U0001f41f"])
    with tempfile.TemporaryDirectory() as folder:
        session = Session(np.ones((4, 2, 1)), 0.02, conditions=labels)
        session.save(os.path.join(folder, "a.h5"))
        assert Session.load(os.path.join(folder, "a.h5")).conditions.tolist() == labels.tolist()


def test_an_answer_of_another_shape_is_refused_though_its_checksum_holds(tmp_path):
    made = result(results()["Basins"])
    object.__setattr__(made, "counts", np.ones(7))
    made.save(tmp_path / "a.h5")
    with pytest.raises(ValueError, match=r"a.h5'.*: expected shape \(k=2\), received \(7,\)"):
        type(made).load(tmp_path / "a.h5")
