"""Files of other programs are read as they are; ours are written whole or not at all."""

import dataclasses
import os

import h5py
import numpy as np
import pytest
import reference

from fixedpoint_tf._utils.checksums import write_checksum
from lfads_tf import Session
from lfads_tf.data import synthetic

ARRAYS = ("spikes", "external_inputs", "behavior", "conditions", "true_rates")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "monday.h5"


@pytest.fixture(scope="module")
def data():
    """Ten trials of everything, and in which order they were split."""
    made = synthetic.lorenz(10, 30, 6, n_conditions=2, mean_rate=40.0, seed=0).session
    rng = np.random.default_rng(0)
    return {
        "spikes": made.spikes,
        "truth": made.true_rates,
        "ext_input": rng.normal(size=(10, 30, 2)).astype(np.float32),
        "behavior": rng.normal(size=(10, 30, 3)).astype(np.float32),
        "conditions": made.conditions,
        "train": np.array([7, 0, 1, 3, 9, 4, 5]),
        "valid": np.array([8, 2, 6]),
    }


def write(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, value in datasets.items():
            file[name] = value


def autolfads(data, *, base=0, truth="truth"):
    """The keys of autolfads-tf2, with trials counted from ``base``."""
    return {
        f"{split}_{key}": value
        for split in ("train", "valid")
        for key, value in {
            "data": data["spikes"][data[split]],
            "truth": data[truth][data[split]],
            "ext_input": data["ext_input"][data[split]],
            "inds": data[split] + base,
        }.items()
    }


def lfads_torch(data, n_bins=30, n_neurons=6):
    return {
        f"{split}_{key}": value
        for split in ("train", "valid")
        for key, value in {
            "encod_data": data["spikes"][data[split], :n_bins, :n_neurons],
            "recon_data": data["spikes"][data[split]].astype(np.float16),
            "behavior": data["behavior"][data[split], :n_bins],
            "ext_input": data["ext_input"][data[split], :n_bins],
            "inds": data[split],
        }.items()
    }


def assert_same(one, other):
    for field in dataclasses.fields(one):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if field.name in ARRAYS and a is not None:
            np.testing.assert_array_equal(a, b)
            assert a.dtype == b.dtype
        else:
            assert a == b, field.name


def test_a_session_comes_back_as_it_was(path, data):
    spikes = data["spikes"].copy()
    spikes[3, 20:] = np.nan
    session = Session(
        spikes,
        1 / 3 * 0.1,
        "Dienstag, früh",
        external_inputs=data["ext_input"],
        behavior=data["behavior"],
        conditions=np.array(["links", "rückwärts"])[data["conditions"]],
        true_rates=data["truth"],
        n_encode_neurons=5,
        n_encode_bins=29,
    )
    session.save(path)
    assert_same(Session.load(path), session)
    assert Session.load(path, name="other").name == "other"
    bare = Session(spikes, 0.01)
    bare.save(path, overwrite=True)
    assert_same(Session.load(path, bin_width=0.01), bare)


def test_an_existing_file_is_replaced_only_if_asked(path):
    first, second = Session(np.ones((1, 2, 3)), 0.02), Session(np.ones((2, 2, 3)), 0.02)
    first.save(path)
    with pytest.raises(FileExistsError, match="path: expected a new file, .*overwrite=True"):
        second.save(path)
    assert len(Session.load(path)) == 1
    second.save(path, overwrite=True)
    assert len(Session.load(path)) == 2


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["create_dataset", "replace"])
@pytest.mark.parametrize("existing", [False, True])
def test_a_half_written_file_is_never_left_behind(path, monkeypatch, error, where, existing):
    session = Session(np.ones((1, 2, 3)), 0.02, behavior=np.ones((1, 2, 3)))
    if existing:
        session.save(path)
    made = h5py.File.create_dataset

    def fail(*args, **kwargs):
        if where == "create_dataset" and args[1] == "spikes":
            return made(*args, **kwargs)  # It fails after something was written.
        raise error

    owner = h5py.File if where == "create_dataset" else os
    monkeypatch.setattr(owner, where, fail)
    with pytest.raises(type(error)):
        Session(np.full((5, 2, 3), 4.0), 0.02, behavior=np.ones((5, 2, 3))).save(
            path, overwrite=True
        )
    monkeypatch.undo()
    assert [file.name for file in path.parent.iterdir()] == [path.name] * existing
    if existing:
        assert_same(Session.load(path), session)


def test_a_missing_folder_is_made(tmp_path):
    session = Session(np.ones((1, 2, 3)), 0.02)
    session.save(tmp_path / "new" / "x.h5")
    assert_same(Session.load(tmp_path / "new" / "x.h5", name="session"), session)


def test_our_files_say_what_they_are(path):
    Session(np.ones((1, 2, 3)), 0.02, "x").save(path)
    with h5py.File(path) as file:
        assert dict(file.attrs) == {
            "format": "lfads_tf.Session",
            "format_version": 1,
            "bin_width": 0.02,
            "name": "x",
            "datasets": "spikes",
        }
    with pytest.raises(ValueError, match="split: expected 'all', since .* received 'train'"):
        Session.load(path, split="train")
    with pytest.raises(ValueError, match="bin_width: expected 0.02 s, as .* received 0.01"):
        Session.load(path, bin_width=0.01)
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 2
        file["note"] = 1.0
    write_checksum(path)
    with pytest.raises(
        ValueError, match="version 1 or earlier, received .* version 2: a later"
    ):
        Session.load(path)


def test_damage_is_noticed(path):
    # Numbers that cannot be compressed, and so are stored as they are.
    labels = np.random.default_rng(0).integers(2**64, size=2000, dtype=np.uint64)
    Session(np.ones((2000, 1, 1)), 0.02, conditions=labels).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="path: .* received '.*monday.h5', which is damaged"):
        Session.load(path)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(ValueError, match="damaged"):
        Session.load(path)


def test_what_is_no_hdf5_file_is_named(path):
    with pytest.raises(FileNotFoundError, match="path: expected a file, received .*monday.h5"):
        Session.load(path)
    path.touch()
    with pytest.raises(ValueError, match=r"path: .* which is no HDF5 file \(it is empty\)"):
        Session.load(path)
    path.write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(ValueError, match=r"no HDF5 file \(it begins with b'MATLAB 5'\)"):
        Session.load(path)


@pytest.mark.parametrize("base", [0, 1, 1000])
def test_autolfads_files_in_their_original_order(path, data, base):
    write(path, **autolfads(data, base=base))
    session = Session.load(path, bin_width=0.01)
    np.testing.assert_array_equal(session.spikes, data["spikes"])
    np.testing.assert_array_equal(session.true_rates, data["truth"])
    np.testing.assert_array_equal(session.external_inputs, data["ext_input"])
    assert (session.name, session.bin_width) == ("monday", 0.01)
    for split in ("train", "valid"):
        part = Session.load(path, split=split, bin_width=0.01)
        np.testing.assert_array_equal(part.spikes, data["spikes"][data[split]])
        np.testing.assert_array_equal(part.external_inputs, data["ext_input"][data[split]])


def test_without_places_validation_follows_training(path, data):
    keys = {k: v for k, v in autolfads(data).items() if not k.endswith("inds")}
    write(path, **keys)
    order = np.concatenate([data["train"], data["valid"]])
    session = Session.load(path, bin_width=0.01)
    np.testing.assert_array_equal(session.spikes, data["spikes"][order])


def test_places_that_are_no_places_are_refused(path, data):
    write(path, **{**autolfads(data), "valid_inds": data["train"][:3]})
    with pytest.raises(ValueError, match="train_inds and valid_inds to be 10 different .* 7"):
        Session.load(path, bin_width=0.01)


@pytest.mark.parametrize(("n_bins", "n_neurons"), [(30, 6), (30, 4), (25, 6), (25, 4)])
def test_lfads_torch_files_say_what_is_encoded(path, data, n_bins, n_neurons):
    write(path, **lfads_torch(data, n_bins, n_neurons))
    session = Session.load(path, bin_width=0.01)
    np.testing.assert_array_equal(session.spikes, data["spikes"])
    assert session.n_encode_bins == (None if n_bins == 30 else n_bins)
    assert session.n_encode_neurons == (None if n_neurons == 6 else n_neurons)
    np.testing.assert_array_equal(session.behavior[:, :n_bins], data["behavior"][:, :n_bins])
    assert np.isnan(session.behavior[:, n_bins:]).all()
    inputs = data["ext_input"].copy()
    inputs[:, n_bins:] = 0.0
    np.testing.assert_array_equal(session.external_inputs, inputs)


def test_test_trials_of_lfads_torch_are_nan_where_they_are_held_out(path, data):
    write(path, **lfads_torch(data, 25, 4), test_encod_data=data["spikes"][:2, :25, :4])
    session = Session.load(path, split="test", bin_width=0.01)
    expected = np.full((2, 30, 6), np.nan)
    expected[:, :25, :4] = data["spikes"][:2, :25, :4]
    np.testing.assert_array_equal(session.spikes, expected)
    assert (session.n_encode_bins, session.n_encode_neurons) == (25, 4)


def test_encoded_data_must_be_the_first_block_of_the_reconstructed(path, data):
    other = data["spikes"][data["train"], :25, :4].copy()
    other[0, 3, 2] += 1
    write(path, **{**lfads_torch(data, 25, 4), "train_encod_data": other})
    message = "train_encod_data to be the first 25 bins and 4 neurons .* differ in 1 samples"
    with pytest.raises(ValueError, match=message):
        Session.load(path, bin_width=0.01)
    write(path, **{**lfads_torch(data), "train_recon_data": other})
    with pytest.raises(ValueError, match=r"no fewer bins .* \(7, 25, 4\) for \(7, 30, 6\)"):
        Session.load(path, split="train", bin_width=0.01)


@pytest.mark.parametrize(
    "pattern",
    ["{}_cond_idx", "{}_conditions", "{}_condition", "condition_labels_{}"],
)
def test_a_label_for_each_trial(path, data, pattern):
    labels = {pattern.format(s): data["conditions"][data[s]] for s in ("train", "valid")}
    write(path, **autolfads(data), **labels)
    session = Session.load(path, bin_width=0.01)
    np.testing.assert_array_equal(session.conditions, data["conditions"])


def test_the_trials_of_each_condition_as_in_the_neural_latents_benchmark(path, data):
    write(path, **lfads_torch(data))
    lists = {"train": [[0, 3], [1, 2, 6], [5]], "valid": [[2], [], [0]]}
    with h5py.File(path, "a") as file:
        for split, conditions in lists.items():
            kind = h5py.vlen_dtype(np.int64)
            dataset = file.create_dataset(f"{split}_cond_idx", (3,), dtype=kind)
            for i, rows in enumerate(conditions):
                dataset[i] = np.array(rows, np.int64)
    train = Session.load(path, split="train", bin_width=0.01)
    np.testing.assert_array_equal(train.conditions, [0, 1, 1, 0, np.nan, 2, 1])
    assert "3 conditions" in repr(train)
    valid = Session.load(path, split="valid", bin_width=0.01)
    np.testing.assert_array_equal(valid.conditions, [2, np.nan, 0])
    with h5py.File(path, "a") as file:
        file["valid_cond_idx"][0] = np.array([3])
    with pytest.raises(ValueError, match=r"valid_cond_idx .* \(0 to 2\), received 3 to 3"):
        Session.load(path, split="valid", bin_width=0.01)


def test_behavior_without_time_is_left_out(path, data, caplog):
    keys = lfads_torch(data)
    keys["train_behavior"], keys["valid_behavior"] = np.ones((7, 2)), np.ones((3, 2))
    write(path, **keys)
    assert Session.load(path, bin_width=0.01).behavior is None
    assert "train_behavior has shape (7, 2), not one value per bin: left out" in caplog.text


def test_true_rates_in_any_unit_come_out_in_spikes_per_second(path, data):
    truth = data["truth"]

    def rates(scaled, *, unit=None, **more):
        write(path, **autolfads({**data, "scaled": scaled}, truth="scaled"), **more)
        return Session.load(path, bin_width=0.01, truth_unit=unit).true_rates

    np.testing.assert_array_equal(rates(truth), truth)
    np.testing.assert_array_equal(rates(truth, unit="spikes/s"), truth)
    np.testing.assert_allclose(rates(truth * 0.01, unit="spikes/bin"), truth, rtol=1e-6)
    # The other programs divide by a factor and have spikes/bin: here from shares of 30 / s.
    factor = 1 / (30 * 0.01)
    np.testing.assert_allclose(rates(truth / 30, conversion_factor=factor), truth, rtol=1e-6)
    np.testing.assert_array_equal(
        rates(truth, conversion_factor=factor, unit="spikes/s"), truth
    )
    with pytest.warns(UserWarning, match="truth_unit: the file's true rates mean .* but its"):
        rates(truth * 0.01)
    with pytest.raises(
        ValueError, match=r"truth_unit: expected one of \['spikes/s', 'spikes/bin'\], re"
    ):
        rates(truth, unit="Hz")


def test_the_width_of_bins_must_be_known(path, data):
    write(path, **autolfads(data))
    with pytest.raises(ValueError, match="bin_width: expected seconds, since .*monday.h5"):
        Session.load(path)
    with pytest.raises(ValueError, match="bin_width: expected a positive number"):
        Session.load(path, bin_width=0)
    for name in ("bin_width", "dt"):
        write(path, **autolfads(data), **{name: 0.01})
        assert Session.load(path).bin_width == 0.01
    write(path, **autolfads(data), dt=10)  # in milliseconds
    with pytest.warns(UserWarning, match="bin_width: 0.01 s is used .* tells 10"):
        assert Session.load(path, bin_width=0.01).bin_width == 0.01


def test_a_file_without_the_keys_is_told_what_it_has_and_what_it_needs(path, data):
    write(path, rates=np.ones((3, 4)), **{"monday/trials/spikes": data["spikes"]})
    with pytest.raises(ValueError) as error:
        Session.load(path, bin_width=0.01)
    message = str(error.value)
    for part in (
        "path: expected a file with the keys of a layout we know",
        "it holds: monday/, rates (3, 4).",
        "lfads-torch: train_encod_data, train_recon_data and the same of valid",
        "autolfads-tf2: train_data and the same of valid",
        "plain: spikes",
        "Groups that can be read with group=...: monday/trials.",
    ):
        assert part in message
    with pytest.raises(ValueError, match="group: expected a group of .* received 'tuesday'"):
        Session.load(path, bin_width=0.01, group="tuesday")


def test_half_a_layout_is_told_what_is_missing(path, data):
    keys = {k: v for k, v in lfads_torch(data).items() if k != "valid_recon_data"}
    write(path, **keys)
    with pytest.raises(ValueError, match="lfads-torch without valid_recon_data"):
        Session.load(path, bin_width=0.01)
    assert len(Session.load(path, split="train", bin_width=0.01)) == 7
    write(path, **{k: v for k, v in autolfads(data).items() if k != "valid_truth"})
    with pytest.raises(ValueError, match="received true_rates in only one of them"):
        Session.load(path, bin_width=0.01)
    with pytest.raises(
        ValueError, match=r"split: expected one of \['all', 'train', .* received 'dev'"
    ):
        Session.load(path, bin_width=0.01, split="dev")


def test_splits_of_different_width_are_refused(path, data):
    keys = autolfads(data)
    keys["valid_data"] = keys["valid_data"][:, :, :5]
    write(path, **keys)
    with pytest.raises(
        ValueError, match=r"spikes of the same shape .* \(7, 30, 6\) and \(3, 3"
    ):
        Session.load(path, bin_width=0.01)


def test_plain_datasets_below_a_group(path, data):
    with h5py.File(path, "w") as file:
        file.attrs["bin_width"] = 0.01
        trials = file.create_group("day0/trials")
        trials["spikes"] = data["spikes"].astype(np.uint8)
        trials["force"] = data["behavior"]
        trials["condition"] = np.array([b"left", b"right"], object)[data["conditions"]]
        trials["external_inputs"] = data["ext_input"]
        trials["true_rates"] = data["truth"]
        file["day0/continuous/spikes"] = data["spikes"][0]
    session = Session.load(path, group="/day0/trials")
    np.testing.assert_array_equal(session.spikes, data["spikes"])
    np.testing.assert_array_equal(session.behavior, data["behavior"])
    np.testing.assert_array_equal(session.external_inputs, data["ext_input"])
    np.testing.assert_array_equal(session.true_rates, data["truth"])
    assert set(session.conditions) == {"left", "right"}
    assert (session.name, session.bin_width) == ("monday/day0/trials", 0.01)
    with pytest.raises(ValueError, match="spikes: .* continuous recording into trials"):
        Session.load(path, group="day0/continuous")
    with pytest.raises(ValueError, match="split: expected 'all', since"):
        Session.load(path, group="day0/trials", split="valid")
    with h5py.File(path, "a") as file:
        file["day0/trials/conditions"] = np.ones(10)
    with pytest.raises(ValueError, match="expected one of conditions and condition, .* both"):
        Session.load(path, group="day0/trials")


def test_lorenz_file_of_another_program():
    session = Session.load(reference.find("data", "lorenz_known_rates.h5"), bin_width=0.01)
    assert session.spikes.shape == (800, 100, 60)
    # In their order before the split, the 40 trials of a condition share their rates.
    rates = session.true_rates.reshape(20, 40, 100, 60)
    np.testing.assert_array_equal(rates, np.broadcast_to(rates[:, :1], rates.shape))
    expected = session.true_rates.sum(dtype=float) * 0.01
    assert abs(session.spikes.sum() - expected) < 3 * np.sqrt(expected)
    sizes = [
        len(
            Session.load(
                reference.find("data", "lorenz_known_rates.h5"), split=split, bin_width=0.01
            )
        )
        for split in ("train", "valid")
    ]
    assert sizes == [640, 160]


def test_a_real_recording_with_its_behavior():
    file = reference.find("data", "jango_isometric_wrist.h5")
    session = Session.load(file, group="day0/trials")
    assert session.spikes.shape == (296, 34, 96) and session.bin_width == 0.05
    assert session.behavior.shape == (296, 34, 2)
    assert sorted(set(session.conditions.tolist())) == [1, 2, 3, 4, 5, 6, 7, 8]
    with pytest.warns(UserWarning, match="2 of 96 neurons are silent in all trials"):
        Session.load(file, group="day16/trials")


@pytest.mark.parametrize(
    "factor", [np.nan, -1.0, 0.0, np.inf, b"0.02", "0.02", True, [1.0, 2.0]]
)
def test_a_factor_that_is_no_positive_number_is_refused(path, data, factor):
    write(path, **autolfads(data), conversion_factor=factor)
    with pytest.raises((TypeError, ValueError), match="^path: conversion_factor: expected"):
        Session.load(path, bin_width=0.01)


def test_the_unit_of_rates_in_our_own_file_is_known(path):
    Session(np.ones((2, 5, 3)), 0.02, true_rates=np.ones((2, 5, 3))).save(path)
    with pytest.raises(ValueError, match="truth_unit: expected none, since .* is our own"):
        Session.load(path, truth_unit="spikes/bin")


def test_numbers_of_trials_are_not_negative(path, data):
    made = autolfads(data)
    made["train_inds"] = np.where(made["train_inds"] == 0, -1, made["train_inds"])
    write(path, **made)
    with pytest.raises(ValueError, match="path: expected train_inds and .* received -1"):
        Session.load(path, bin_width=0.01)


def test_few_bytes_that_stand_for_many_are_refused_unread(path):
    with h5py.File(path, "w") as file:
        file.create_dataset(
            "spikes", (400, 1000, 1000), "u1", chunks=(1, 1000, 1000), compression="gzip"
        )[:1] = 0
        for trial in range(1, 400):
            file["spikes"][trial] = 0
    with pytest.raises(ValueError, match="monday.h5.*'spikes': its data would take"):
        Session.load(path, bin_width=0.02)


@pytest.mark.parametrize(
    ("name", "value"),
    [("bin_width", -1.0), ("bin_width", np.nan), ("n_encode_neurons", 99), ("spikes", np.inf)],
)
def test_a_file_of_ours_with_impossible_values_is_named(path, name, value):
    Session(np.ones((2, 5, 3)), 0.02, n_encode_neurons=2).save(path)
    with h5py.File(path, "a") as file:
        if name in file:
            file[name][0, 0, 0] = value
        else:
            file.attrs[name] = value
    write_checksum(path)
    with pytest.raises(ValueError, match=f"path: .*monday.h5.* damaged .*{name}: expected"):
        Session.load(path)


def test_a_group_that_is_not_there_is_answered_with_those_that_are(path):
    with h5py.File(path, "w") as file:
        file["M1/counts"] = np.ones((2, 5, 3))
    with pytest.raises(ValueError, match=r"received 'm1'\. Its groups are M1\."):
        Session.load(path, bin_width=0.02, group="m1")
    with pytest.raises(ValueError, match=r"received 'M1/counts', an array\."):
        Session.load(path, bin_width=0.02, group="M1/counts")
    with pytest.raises(ValueError, match=r"plain: spikes\. Data of other names: Session\.from"):
        Session.load(path, bin_width=0.02, group="M1")
