"""Files are written whole or not at all, and a wrong one is refused by name."""

import os
import time

import h5py
import numpy as np
import pytest

from fixedpoint_tf._utils import hdf5
from fixedpoint_tf._utils.checksums import write_checksum

FORMAT = {"format_name": "test.Arrays", "format_version": 2}


def read(path):
    return hdf5.read(path, **FORMAT, attribute_names=("name", "number", "real_number"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "arrays.h5"


def test_round_trip_keeps_types_and_shapes(path):
    arrays = {
        "real": np.random.default_rng(0).normal(size=(3, 4)),
        "complex": np.array([1 + 2j]),
        "flags": np.array([True, False]),
        "small": np.array([1, 2], np.int8),
        "empty": np.zeros((0, 5, 2)),
        "scalar": np.array(3.0),
        "nan": np.array([np.nan, np.inf]),
    }
    attributes = {"name": "x", "number": 3, "real_number": 0.1}
    hdf5.write(path, arrays, attributes, **FORMAT)
    got, got_attributes = read(path)
    assert got.keys() == arrays.keys()
    for name, array in arrays.items():
        assert got[name].dtype == array.dtype
        np.testing.assert_array_equal(got[name], array)
    assert got_attributes == attributes
    assert [type(value) for value in got_attributes.values()] == [str, int, float]


def test_a_failed_write_leaves_the_old_file_and_no_other(path):
    hdf5.write(path, {"x": np.ones(2)}, {}, **FORMAT)
    with pytest.raises(TypeError):
        hdf5.write(path, {"x": np.array([object()])}, {}, **FORMAT)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    np.testing.assert_array_equal(read(path)[0]["x"], np.ones(2))


def test_a_link_stays_a_link(path):
    target = path.with_name("target.h5")
    hdf5.write(target, {"x": np.ones(1)}, {}, **FORMAT)
    path.symlink_to(target)
    hdf5.write(path, {"x": np.ones(2)}, {}, **FORMAT)
    assert path.is_symlink()
    assert read(target)[0]["x"].shape == (2,)


def test_what_a_killed_process_left_goes_once_it_is_nobodys(tmp_path):
    """Another process may be writing to the same file: hers is younger than a day."""
    ages = {"0123456789ab": 25, "123456789abc": 23}
    for token, hours in ages.items():
        left = tmp_path / f".arrays.{token}.h5"
        left.write_bytes(b"half")
        os.utime(left, (time.time() - 3600 * hours,) * 2)
    mine = tmp_path / ".arrays.h5"
    mine.write_bytes(b"not ours")
    os.utime(mine, (0, 0))
    hdf5.write(tmp_path / "arrays.h5", {"x": np.ones(2)}, {}, **FORMAT)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"arrays.h5", ".arrays.123456789abc.h5", ".arrays.h5"}


def test_a_dataset_that_went_is_missed_though_the_checksum_holds(tmp_path):
    path = tmp_path / "arrays.h5"
    hdf5.write(path, {"x": np.ones(2), "extra": np.ones(3)}, {}, **FORMAT)
    with h5py.File(path, "a") as file:
        del file["extra"]
    write_checksum(path)
    with pytest.raises(ValueError, match=r"arrays.h5'.* \(missing: extra\)"):
        read(path)


@pytest.mark.parametrize("name", ["arrays.npz", "arrays.h5.bak", "arrays"])
def test_another_ending_is_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(ValueError, match=rf"path: expected .* \.h5, .*, received '.*{name}'"):
        hdf5.write(tmp_path / name, {}, {}, **FORMAT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["arrays.hdf5", "ARRAYS.H5", "arrays.hdf"])
def test_endings_of_hdf5_and_a_file_renamed_afterwards(tmp_path, name):
    hdf5.write(tmp_path / name, {"x": np.ones(2)}, {}, **FORMAT)
    (tmp_path / name).rename(tmp_path / "arrays.old")  # what a file holds decides
    assert read(tmp_path / "arrays.old")[0]["x"].tolist() == [1.0, 1.0]


def test_an_existing_file_is_kept_unless_it_may_be_replaced(path):
    hdf5.write(path, {"x": np.ones(2)}, {}, **FORMAT)
    with pytest.raises(FileExistsError, match="path: expected a new file, .*overwrite"):
        hdf5.write(path, {"x": np.zeros(2)}, {}, **FORMAT, overwrite=False)
    assert read(path)[0]["x"].tolist() == [1.0, 1.0]


def test_a_folder_is_made_where_asked_for(tmp_path):
    hdf5.write(tmp_path / "new" / "x.h5", {"x": np.ones(1)}, {}, **FORMAT, make_folder=True)
    assert read(tmp_path / "new" / "x.h5")[0]["x"].shape == (1,)


def test_compressed_arrays_and_text_come_back_and_damage_is_noticed(path):
    arrays = {
        "zeros": np.zeros((500, 40)),
        "empty": np.zeros((0, 3)),
        "text": np.array(["ä", ""]),
    }
    hdf5.write(path, arrays, {}, **FORMAT, compress=True)
    assert path.stat().st_size < arrays["zeros"].nbytes / 5
    got, _ = read(path)
    for name, array in arrays.items():
        np.testing.assert_array_equal(got[name], array)


def test_missing_folder_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="path: expected .* existing folder.*nowhere"):
        hdf5.write(tmp_path / "nowhere" / "x.h5", {}, {}, **FORMAT)


def test_missing_file(path):
    with pytest.raises(FileNotFoundError, match=path.name):
        read(path)


def test_not_hdf5(path):
    path.write_bytes(b"\x80\x04pickle, perhaps")
    with pytest.raises(
        ValueError,
        match=r"path: expected an HDF5 file of format 'test.Arrays', received "
        r"'.*arrays.h5', which is no HDF5 file \(it begins with ",
    ):
        read(path)


def test_empty_file(path):
    path.touch()
    with pytest.raises(ValueError, match="no HDF5 file .it is empty."):
        read(path)


def test_foreign_hdf5(path):
    with h5py.File(path, "w") as file:
        file["weights"] = np.ones(3)
    with pytest.raises(ValueError, match="arrays.h5', which does not begin with its checksum"):
        read(path)
    hdf5.write(path, {}, {}, format_name="other", format_version=1)
    with pytest.raises(ValueError, match="names the format 'other'"):
        read(path)


def test_a_file_of_the_layout_before_is_refused_in_one_sentence(path):
    with h5py.File(path, "w") as file:
        file["x"] = np.ones(3)
        file.attrs["format"], file.attrs["format_version"] = "test.Arrays", 1
    with pytest.raises(ValueError, match="layout 1, which is no longer read"):
        read(path)


def test_later_version(path):
    hdf5.write(path, {}, {}, format_name="test.Arrays", format_version=3)
    with pytest.raises(ValueError, match="version 2 or earlier, received .* of version 3"):
        read(path)


def test_earlier_version_is_read(path):
    hdf5.write(path, {"x": np.ones(1)}, {}, format_name="test.Arrays", format_version=1)
    assert "x" in read(path)[0]


def test_truncated_file(path):
    hdf5.write(path, {"x": np.arange(10_000.0)}, {}, **FORMAT)
    path.write_bytes(path.read_bytes()[:5_000])
    with pytest.raises(ValueError, match="arrays.h5', which is damaged"):
        read(path)


def test_one_flipped_bit_is_noticed(path):
    x = np.arange(1_000.0)
    hdf5.write(path, {"x": x}, {}, **FORMAT)
    content = bytearray(path.read_bytes())
    at = content.find(x[500:510].tobytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="arrays.h5', which is damaged"):
        read(path)
