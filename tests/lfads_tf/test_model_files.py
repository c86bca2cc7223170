"""Models are saved to files that can be read again, and odd ones are said."""

import zipfile

import keras
import numpy as np
import pytest

from fixedpoint_tf import FixedPointFinder
from lfads_tf import LFADS, LFADSConfig, load_model

QUIET = {"verbose": False}


@pytest.fixture(scope="module")
def model():
    return LFADS(LFADSConfig(n_neurons=3, n_bins=4, bin_width=0.02, n_factors=2))


@pytest.fixture(scope="module")
def network():
    layers = [keras.Input((None, 2)), keras.layers.GRU(3, return_sequences=True)]
    return keras.Sequential(layers)


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5", "m", "m.tf", "m.weights.h5"])
def test_a_model_is_saved_only_where_it_can_be_read_again(model, name, tmp_path):
    with pytest.raises(ValueError, match=rf"filepath: expected .*\.keras.* received .*{name}'"):
        model.save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match=r"path: expected the name of a \.keras file"):
        load_model(tmp_path / name)


@pytest.mark.parametrize("name", ["m.h5", "m.hdf5"])
def test_keras_saves_no_model_that_cannot_be_read_again_either(model, name, tmp_path):
    for save in (keras.models.save_model, keras.saving.save_model):
        with pytest.raises(ValueError, match=r"filepath: expected .*\.keras.* ends in \.h5"):
            save(model, tmp_path / name)
        save(model, tmp_path / "m.keras", overwrite=True)
        assert load_model(tmp_path / "m.keras").config == model.config


def test_a_model_is_replaced_whole_or_kept(model, tmp_path):
    path = tmp_path / "m.keras"
    model.save(path)
    with pytest.raises(FileExistsError, match="path: expected a new file, received .*m.keras"):
        model.save(path, overwrite=False)
    model.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["m.keras"]
    for one, other in zip(model.get_weights(), load_model(path).get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_file_that_is_missing_cut_or_flipped_is_refused(model, network, tmp_path):
    path = tmp_path / "m.keras"
    reads = [(load_model, "path"), (lambda p: FixedPointFinder(p, **QUIET), "rnn")]
    for read, argument in reads:
        with pytest.raises(
            ValueError, match=rf"{argument}: expected .*m.keras', which is no f"
        ):
            read(tmp_path / "no" / "m.keras")
    model.save(path)
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("model.weights.h5").header_offset + 60
    for changed in (
        b"",
        b"PK\x03\x04 and no more",
        content[: len(content) // 2],
        content[:start] + bytes([content[start] ^ 1]) + content[start + 1 :],
    ):
        path.write_bytes(changed)
        for read, argument in reads:
            with pytest.raises(ValueError, match=rf"^{argument}: expected .*m\.keras', which "):
                read(str(path))


def test_hdf5_is_loaded_only_by_a_keras_that_loads_it_safely(network, tmp_path, monkeypatch):
    path = str(tmp_path / "m.h5")
    network.save(path)
    assert FixedPointFinder(path, **QUIET).system.n_states == 3
    for old in ("3.3.0", "3.10.0", "3.11.2"):
        monkeypatch.setattr(keras, "__version__", old)
        with pytest.raises(ValueError, match=rf"m\.h5': Keras {old} runs code .*3\.11\.3"):
            FixedPointFinder(path, **QUIET)
        assert FixedPointFinder(network, **QUIET).system.n_states == 3  # a model always
    for new in ("3.11.3", "3.12.0", "4.0.0"):
        monkeypatch.setattr(keras, "__version__", new)
        assert FixedPointFinder(path, **QUIET).system.n_states == 3


def test_weights_that_are_not_finite_are_said(network, tmp_path):
    bad = keras.models.clone_model(network)
    weights = bad.get_weights()
    weights[1][0, 0] = np.nan
    bad.set_weights(weights)
    bad.save(tmp_path / "m.keras")
    with pytest.warns(
        UserWarning, match=r"finite weights, received .*m\.keras'.*recurrent_ker"
    ):
        FixedPointFinder(str(tmp_path / "m.keras"), **QUIET)


def test_weights_of_lfads_that_are_not_finite_are_said(tmp_path):
    model = LFADS(LFADSConfig(n_neurons=3, n_bins=4, bin_width=0.02, n_factors=2))
    kernel = next(weight for weight in model.trainable_weights if len(weight.shape) == 2)
    kernel.assign(np.full(kernel.shape, np.inf))
    with pytest.warns(
        UserWarning, match=r"expected finite weights, received .*m\.keras'.*kernel"
    ):
        model.save(tmp_path / "m.keras")
    with pytest.warns(UserWarning, match=r"expected finite weights, received .*m\.keras'"):
        load_model(tmp_path / "m.keras")
