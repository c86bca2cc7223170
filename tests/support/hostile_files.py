"""Makers of our own files, and of what is wrong with a file made to harm its reader.

Each hostile file is one of ours, changed by :data:`TAMPERINGS`. Most get the checksum of what
they then hold, as one would give them who knows it: what refuses them is what they hold.
"""

import dataclasses
import functools
import os
import warnings
import zlib

import h5py
import numpy as np

from fixedpoint_tf import FixedPoints
from fixedpoint_tf._utils.checksums import BLOCK_SIZE, write_checksum
from fixedpoint_tf._utils.files import writing
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.fixed_points.index import IndexSum
from lfads_tf import Inferred, Session
from lfads_tf.training import run_state

#: What each class of results has beside arrays of any numbers, where ``n`` is 2 throughout.
BESIDE = {
    "Attractors": {"group_type": ["line", "ring"], "min_time_constant": 100.0},
    "Basins": {
        "target": np.array([0, 1]),
        "attractors": np.array([0, 1]),
        "fraction": np.full(2, 0.5),
        "lower": np.full(2, 0.1),
        "upper": np.full(2, 0.9),
    },
    "Branches": {
        "ends": [["end of path", "end of path"]] * 2,
        "bifurcation_types": ["saddle-node"] * 2,
        "lengths": np.array([1, 1]),
    },
    "Certificates": {
        "codes": ["supported", "supported"],
        "same_as": np.array([0, 1]),
        "n_distinct": 2,
        "method": "sampled",
        "precision": "float64",
        "safety": 2.0,
        "time": "discrete",
        "interrupted": False,
    },
    "Comparison": {
        "labels": ["a", "b"],
        "measures": ["x", "y"],
        "reasons": ["", ""],
        "interrupted": False,
    },
    "Completeness": {
        "codes": ["complete", "undecided"],
        "methods": ["a", "b"],
        "n_open": np.array([0, 1]),
        "known_row": np.array([-1, 0]),
    },
    "Connections": {},
    "Coverage": {
        "confidence": 0.95,
        "of": "fixed",
        "condition": np.array([0, 1]),
        "member": np.array([0, 1]),
    },
    "Cycles": {
        "outcomes": ["cycle", "cycle"],
        "kink_stability": ["", ""],
        "lengths": np.array([1, 1]),
    },
    "Deflated": {"n_starts": 4, "n_arrived": 2, "interrupted": False},
    "IndexSum": {"self_map": np.array(["proved", "proved"]), "n_undetermined": np.zeros(2)},
    "LinearError": {"n_steps": 3, "time": "discrete"},
    "Sensitivity": {"time": "discrete", "input_names": ["u", "v"]},
}


def points():
    """Return two points with every array that a file can hold."""
    rng = np.random.default_rng(0)
    return FixedPoints(
        xstar=rng.normal(size=(2, 3)),
        qstar=rng.random(2),
        n_iters=[1, 2],
        J_xstar=rng.normal(size=(2, 3, 3)),
        status=[0, 1],
        state_names=(("h", 1), ("c", 2)),
        index=result(IndexSum),
    )


def result(kind):
    """Return a result of a class, all axes of length 2."""
    fields = {field.name for field in dataclasses.fields(kind)}
    values = {
        name: np.ones([2] * len(axes), complex if "c" in kinds else float)
        for name, (kinds, axes) in kind._layout().items()
        if name in fields
    }
    if "points" in fields and kind.__name__ == "Deflated":
        values["points"] = points()
    return kind(**{**values, **BESIDE[kind.__name__]})


def results():
    """Return the imported classes of results by name."""
    pending, found = [Result], {}
    while pending:
        for one in pending.pop().__subclasses__():
            pending.append(one)
            if one.__module__.startswith("fixedpoint_tf"):
                found[one.__name__] = one
    return found


def _write_state(path):
    rng = np.random.default_rng(0)
    lists = {"weights": [rng.normal(size=(3, 4)), np.ones(2)], "optimizer": [np.zeros(3)]}
    beside = {"settings": {"seed": 1}, "trials": {}, "memory": [], "history": {"loss": [1.0]}}
    lists["best"] = lists["weights"]
    with writing(path, overwrite=True) as temporary:
        run_state.write(temporary, lists, epoch=3, stopped=False, **beside)


def makers():
    """Return a function that writes and one that reads each kind of file."""
    rng = np.random.default_rng(0)
    session = Session(
        rng.poisson(1.0, (4, 5, 3)),
        0.02,
        "monday",
        conditions=["a", "b", "a", "b"],
        behavior=rng.normal(size=(4, 5, 2)),
    )
    arrays = list(rng.normal(size=(10, 4, 5, 3)).astype(np.float32))
    arrays[3:6] = [array[:, 0] for array in arrays[3:6]]  # one value a trial, not a bin
    inferred = Inferred(*arrays)
    kinds = {
        "FixedPoints": (points().save, FixedPoints.load),
        "Session": (functools.partial(session.save, overwrite=True), Session.load),
        "Inferred": (inferred.save, Inferred.load),
        "run state": (_write_state, run_state.read),
    }
    for name, kind in results().items():
        if name in BESIDE:
            kinds[name] = result(kind).save, kind.load
    return kinds


#: What is done to a file: ``tampering(path)``, by name.
TAMPERINGS = {}


def tampering(function):
    """Note what is done to an opened file and the name of its largest dataset."""

    @functools.wraps(function)
    def tamper(path):
        with h5py.File(path, "r+") as file:
            largest = max(file, key=lambda name: file[name].size)
            victim = "xstar" if "xstar" in file else largest
            function(file, victim)
        write_checksum(path)

    TAMPERINGS[function.__name__] = tamper
    return tamper


def replacing(name, make):
    """Note a tampering that puts another thing in the place of a dataset."""

    def replace(file, victim):
        shape = file[victim].shape
        del file[victim]
        make(file, victim, shape)

    replace.__name__ = name
    tampering(replace)


def on_bytes(name, change, *, seal=False):
    """Note a tampering of the bytes of a file."""

    def tamper(path):
        with open(path, "rb") as file:
            content = bytearray(file.read())
        with open(path, "wb") as file:
            file.write(change(content))
        if seal:
            write_checksum(path)

    TAMPERINGS[name] = tamper


def elsewhere(file):
    """Return the path of another file, with numbers that the reader must never see."""
    path = os.path.join(os.path.dirname(file.filename), "private.h5")
    if not os.path.exists(path):
        with h5py.File(path, "w") as private:
            private["secret"] = np.full(1000, 4242.0)
    return path


def _link(value):
    return lambda file, name, shape: file.__setitem__(name, value(file, name))


def _dataset(**options):
    return lambda file, name, shape: file.create_dataset(name, **options)


# Links.
replacing("external link", _link(lambda f, _: h5py.ExternalLink(elsewhere(f), "/secret")))
replacing("external link to nothing", _link(lambda f, _: h5py.ExternalLink("gone.h5", "/x")))
replacing("external link to a device", _link(lambda f, _: h5py.ExternalLink("/dev/zero", "/x")))
replacing("external link to itself", _link(lambda f, n: h5py.ExternalLink(f.filename, n)))
replacing("dangling soft link", _link(lambda f, _: h5py.SoftLink("/gone")))
replacing("soft link to itself", _link(lambda f, n: h5py.SoftLink(f"/{n}")))
replacing("soft link to the root", _link(lambda f, _: h5py.SoftLink("/")))
replacing("hard link to the root", _link(lambda f, _: f["/"]))


@tampering
def soft_link_to_a_twin(file, victim):
    file.move(victim, "twin")
    file[victim] = h5py.SoftLink("/twin")


@tampering
def more_names_than_fields(file, victim):
    for i in range(300):
        file[f"more {i}"] = file[victim]


@tampering
def one_name_too_many(file, victim):
    file["other"] = np.zeros(3)


# Storage.
def _external(file, name, shape):
    size = 8 * int(np.prod(shape))
    file.create_dataset(name, shape, "f8", external=[(elsewhere(file), 0, size)])


def _external_passwd(file, name, shape):
    size = int(np.prod(shape))
    file.create_dataset(name, shape, "u1", external=[("/etc/passwd", 0, size)])


def _virtual(file, name, shape):
    layout = h5py.VirtualLayout(shape=(1000,), dtype="f8")
    layout[:] = h5py.VirtualSource(elsewhere(file), "secret", shape=(1000,))
    file.create_virtual_dataset(name, layout)


def _virtual_within(file, name, shape):
    layout = h5py.VirtualLayout(shape=shape, dtype="f8", maxshape=shape)
    file.create_dataset("somewhere", data=np.zeros(shape))
    layout[:] = h5py.VirtualSource(".", "somewhere", shape=shape)
    file.create_virtual_dataset(name, layout)


def _compact(file, name, shape):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    space = h5py.h5s.create_simple(shape)
    h5py.h5d.create(file.id, name.encode(), h5py.h5t.IEEE_F64LE, space, plist)


replacing("external storage", _external)
replacing("external storage in /etc", _external_passwd)
replacing("virtual dataset", _virtual)
replacing("virtual dataset of itself", _virtual_within)
replacing("compact storage", _compact)
replacing("unallocated", lambda f, n, shape: f.create_dataset(n, shape, "f4"))
LZF = {"dtype": "f8", "compression": "lzf"}
replacing("other filter", lambda f, n, s: f.create_dataset(n, data=np.ones(s), **LZF))

# Sizes, and bombs.
replacing(
    "chunks that are not there", _dataset(shape=(20000, 20000), dtype="f4", chunks=(1, 1000))
)
replacing("a billion rows", _dataset(shape=(10**9, 2), dtype="f4", chunks=(100000, 2)))
replacing("contiguous and huge", _dataset(shape=(10**12,), dtype="f8"))
replacing("more elements than numbers", _dataset(shape=(2**62,), dtype="i1", chunks=(2**20,)))
replacing("huge text", _dataset(shape=(2,), dtype="S1000000000"))
replacing("null", lambda f, n, s: f.__setitem__(n, h5py.Empty("f8")))
replacing("one number", _dataset(data=1.0))
replacing("no rows", lambda f, n, s: f.create_dataset(n, data=np.zeros((0, *s[1:]))))
replacing(
    "one row more", lambda f, n, s: f.create_dataset(n, data=np.zeros((s[0] + 1, *s[1:])))
)
replacing("one axis more", lambda f, n, s: f.create_dataset(n, data=np.zeros((*s, 1, 1))))
replacing("thirty axes", lambda f, n, s: f.create_dataset(n, data=np.zeros((1,) * 30)))

BOMB = {"shuffle": True, "compression": "gzip", "compression_opts": 9}


def _bomb(file, name, shape, *, chunk):
    """Return half a gigabyte of zeros, compressed to half a megabyte."""
    part = np.zeros((chunk,), "u1")
    data = file.create_dataset(name, (512 << 20,), "u1", chunks=(chunk,), **BOMB)
    data[:chunk] = part
    _, stored = data.id.read_direct_chunk((0,))
    for i in range(1, (512 << 20) // chunk):
        data.id.write_direct_chunk((i * chunk,), stored)


def _swelling_part(file, name, shape, *, megabytes):
    """Return a part that stands for up to a thousand times its size."""
    data = file.create_dataset(name, (16000,), "f8", chunks=(16000,), **BOMB)
    data.id.write_direct_chunk((0,), _deflated(megabytes))


@functools.cache
def _deflated(megabytes):
    deflating = zlib.compressobj(9)
    parts = [deflating.compress(bytes(1 << 20)) for _ in range(megabytes)]
    return b"".join(parts) + deflating.flush()


replacing("bomb of large parts", functools.partial(_bomb, chunk=8 << 20))
replacing("bomb of small parts", functools.partial(_bomb, chunk=1 << 16))
replacing("a part that swells", functools.partial(_swelling_part, megabytes=120))
replacing("a part that swells more", functools.partial(_swelling_part, megabytes=600))

# Types.
replacing("text", lambda f, n, s: f.create_dataset(n, data=np.full(s, b"x" * 9)))
replacing("text of any length", lambda f, n, s: f.create_dataset(n, s, h5py.string_dtype()))
replacing("a compound", lambda f, n, s: f.create_dataset(n, data=np.zeros(s, "f8,i4")))
replacing("opaque", lambda f, n, s: f.create_dataset(n, data=np.zeros(s, "V8")))
replacing("arrays of any length", lambda f, n, s: f.create_dataset(n, s, h5py.vlen_dtype("f8")))
replacing("references", lambda f, n, s: f.create_dataset(n, s, h5py.ref_dtype))
replacing("region references", lambda f, n, s: f.create_dataset(n, s, h5py.regionref_dtype))
replacing("arrays in elements", lambda f, n, s: f.create_dataset(n, s, np.dtype(("f8", (3,)))))
replacing("a group", lambda f, n, s: f.create_group(n))
replacing("a named type", lambda f, n, s: f.__setitem__(n, np.dtype("f8")))
TIMES = h5py.opaque_dtype("M8[s]")
replacing("dates", lambda f, n, s: f.create_dataset(n, data=np.zeros(s, "M8[s]").astype(TIMES)))


# Attributes.
def of_attributes(name, value, *, only=str):
    """Note a tampering that gives all attributes of a type another value."""

    def change(file, victim):
        for key, old in dict(file.attrs).items():
            if isinstance(old, only) and key not in ("format", "name"):
                del file.attrs[key]
                file.attrs.create(key, value) if not callable(value) else value(file, key)
                return
        file.attrs["format"] = "none"

    change.__name__ = name
    tampering(change)


of_attributes("nested JSON", "[" * 100_000)
of_attributes("nested dictionaries", '{"a":' * 100_000)
of_attributes("a huge number in JSON", "9" * 10_000)
of_attributes("half of JSON", '{"a": [1, ')
of_attributes("JSON of another kind", "17")
of_attributes("an array of texts", np.array(["a", "b"], dtype=object))
of_attributes("an array of numbers", lambda f, k: f.attrs.create(k, np.zeros(8000)))
of_attributes("a null attribute", h5py.Empty("f8"))
of_attributes("a reference", lambda f, k: f.attrs.create(k, f.ref, dtype=h5py.ref_dtype))
of_attributes("a compound attribute", np.zeros((), "f8,i4"))


@tampering
def no_datasets(file, victim):
    for name in list(file):
        del file[name]


@tampering
def one_dataset_gone(file, victim):
    del file[min(set(file) - {victim}, default=victim)]


@tampering
def an_attribute_too_many(file, victim):
    file.attrs["other"] = 1.0


@tampering
def no_attributes(file, victim):
    for name in list(file.attrs):
        del file.attrs[name]


@tampering
def another_format(file, victim):
    file.attrs["format"] = "fixedpoint_tf.Other"


@tampering
def a_later_version(file, victim):
    file.attrs["format_version"] = 10**6


@tampering
def a_version_in_words(file, victim):
    file.attrs["format_version"] = "one"


@tampering
def versions(file, victim):
    file.attrs["format_version"] = np.array([1, 1])


# Bytes.
on_bytes("empty", lambda b: b"")
on_bytes("no HDF5 file", lambda b: b"\x80\x04 a pickle")
on_bytes("without its first block", lambda b: b[BLOCK_SIZE:])
on_bytes("only its first block", lambda b: b[:BLOCK_SIZE])
on_bytes("half", lambda b: b[: len(b) // 2])
on_bytes("half, and sealed", lambda b: b[: len(b) // 2], seal=True)
on_bytes("one byte short", lambda b: b[:-1])
on_bytes("one byte long", lambda b: bytes(b) + b"\0")
on_bytes("twice", lambda b: bytes(b) * 2)
on_bytes("a block of zeros", lambda b: bytes(BLOCK_SIZE) + bytes(b[BLOCK_SIZE:]))
on_bytes("no checksum", lambda b: bytes(b[:60]) + bytes(len(b) - 60))
AFTER = BLOCK_SIZE + 9
NONSENSE = b"\xff" * 40
on_bytes("nonsense", lambda b: b[:AFTER] + NONSENSE + b[AFTER + 40 :], seal=True)


def tampered(write, name, folder):
    """Write a file and do to it what a tampering does; return its path."""
    path = os.path.join(folder, "a.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(path)
        TAMPERINGS[name](path)
    return path


def outcome(read, path):
    """Return the message of the ValueError on reading a file, or the other outcome."""
    try:
        read(path)
    except ValueError as error:
        return str(error) if path in str(error) else f"FAULT: no path in {error}"
    except BaseException as error:
        return f"FAULT: {type(error).__name__}: {error}"
    return "FAULT: taken"
