"""Files of lfads-torch: its names, its units, and nothing lost on the way."""

import dataclasses
import types

import h5py
import numpy as np
import pytest

from lfads_tf import Session
from lfads_tf.data.formats import lfads_torch


def sessions(**changes):
    rng = np.random.default_rng(0)
    rates = rng.gamma(2.0, 10.0, (10, 12, 6))
    fields = {
        "behavior": rng.normal(size=(10, 12, 2)),
        "external_inputs": rng.normal(size=(10, 12, 1)),
        "conditions": np.array(["left", "right"] * 5),
        "true_rates": rates,
        "n_encode_neurons": 4,
        "n_encode_bins": 9,
    }
    spikes = rng.poisson(0.02 * rates)
    return Session(spikes, 0.02, **(fields | changes)).split(0.3)


def inferred(session):
    shape = session.spikes.shape
    rng = np.random.default_rng(1)
    return types.SimpleNamespace(
        rates=rng.gamma(2.0, 10.0, shape).astype("float32"),
        factors=rng.normal(size=(*shape[:2], 3)).astype("float32"),
        initial_condition_mean=np.ones((len(session), 5), "float32"),
        initial_condition_sd=np.ones((len(session), 5), "float32"),
        inferred_input_mean=np.full((*shape[:2], 2), 3.0, "float32"),
        inferred_input_sd=np.ones((*shape[:2], 2), "float32"),
        generator_states=np.ones((*shape[:2], 7), "float32"),
        generator_initial_states=np.ones((len(session), 7), "float32"),
        controller_states=np.ones((*shape[:2], 4), "float32"),
    )


def test_data_comes_back_as_it_was(tmp_path):
    path = tmp_path / "monday.h5"
    for part, split in zip(sessions(), ("train", "valid"), strict=True):
        lfads_torch.write_data(path, *sessions(), overwrite=True)
        read = Session.load(path, split=split)
        for name in ("spikes", "behavior", "external_inputs", "conditions"):
            np.testing.assert_array_equal(getattr(read, name), getattr(part, name))
        np.testing.assert_allclose(read.true_rates, part.true_rates, rtol=1e-6)
        assert (read.n_encode_neurons, read.n_encode_bins) == (4, 9)
        assert read.bin_width == 0.02


def test_names_and_units_are_those_of_lfads_torch(tmp_path):
    train, valid = sessions()
    path = tmp_path / "output.h5"
    lfads_torch.write_output(path, (train, inferred(train)), (valid, inferred(valid)))
    with h5py.File(path) as file:
        for split, session in (("train", train), ("valid", valid)):
            told = inferred(session)
            assert file[f"{split}_encod_data"].shape == (len(session), 9, 4)
            assert file[f"{split}_recon_data"].shape == (len(session), 12, 6)
            np.testing.assert_allclose(file[f"{split}_output_params"], 0.02 * told.rates)
            np.testing.assert_array_equal(file[f"{split}_factors"], told.factors)
            inputs = file[f"{split}_gen_inputs"][()]
            assert (inputs[..., :2] == 3.0).all()
            np.testing.assert_array_equal(inputs[..., 2:], session.external_inputs)
            for (
                name
            ) in "ic_mean ic_std co_means co_stds gen_states gen_init con_states".split():
                assert f"{split}_{name}" in file


def test_output_is_read_under_our_names_in_spikes_per_second(tmp_path):
    train, valid = sessions()
    path = tmp_path / "output.h5"
    lfads_torch.write_output(path, (train, inferred(train)), (valid, inferred(valid)))
    read = lfads_torch.read_output(path, "valid", 0.02)
    told = vars(inferred(valid))
    assert read.keys() == told.keys()
    for name, array in told.items():
        np.testing.assert_allclose(read[name], array, rtol=1e-6)


def test_what_does_not_fit(tmp_path):
    train, valid = sessions()
    path = tmp_path / "output.h5"
    with pytest.raises(ValueError, match="valid: expected the n_bins of the training trials"):
        lfads_torch.write_data(path, train, Session(np.ones((2, 11, 6)), 0.02))
    short = types.SimpleNamespace(rates=np.ones((2, 12, 6)))
    with pytest.raises(ValueError, match=r"valid: expected rates of shape \(3, 12, 6\)"):
        lfads_torch.write_output(path, (train, inferred(train)), (valid, short))
    lfads_torch.write_data(path, train, valid)
    with pytest.raises(KeyError, match="expected test_output_params and the like, received"):
        lfads_torch.read_output(path, "test", 0.02)
    with pytest.raises(FileExistsError, match="path: expected a new file"):
        lfads_torch.write_data(path, train, valid)


def test_what_is_masked_is_written_as_nan(tmp_path):
    train, valid = sessions()
    told = inferred(train)
    for name, array in vars(told).items():
        masked = np.ma.masked_array(array.copy(), mask=np.zeros(array.shape, bool))
        masked[1] = 777
        masked[1] = np.ma.masked
        setattr(told, name, masked)
    path = tmp_path / "output.h5"
    lfads_torch.write_output(path, (train, told), (valid, inferred(valid)))
    with h5py.File(path) as file:
        for name in ("output_params", "factors", "co_means", "gen_inputs", "con_states"):
            array = file[f"train_{name}"][1]
            assert np.isnan(array[..., :2]).all(), name


@pytest.mark.parametrize("name", ["conditions", "behavior", "external_inputs", "true_rates"])
def test_what_only_one_split_has_is_refused(tmp_path, name):
    train, valid = sessions()
    for pair in (
        (train, dataclasses.replace(valid, **{name: None})),
        (dataclasses.replace(train, **{name: None}), valid),
    ):
        with pytest.raises(ValueError, match=f"valid: expected {name} as the training trials"):
            lfads_torch.write_data(tmp_path / "a.h5", *pair)
