"""Models of before this layout load, and say what they said.

``tests/data/lfads_models`` was written by the version before: of one session and of two a
model, the state of its run, its configuration, and the rates that it inferred.
"""

import gzip
import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from lfads_tf import LFADS, LFADSConfig, Session, load_model

STORED = Path(__file__).parents[1] / "data" / "lfads_models"
NAMES = {"one_session": ("session",), "several_sessions": ("monday", "tuesday")}


def sessions_of(kind):
    """Trials and rates by the names of the sessions."""
    with np.load(STORED / "expected.npz") as file:
        arrays = {key: file[key] for key in file.files if key.startswith(kind)}
    names = dict.fromkeys(key.split("/")[1] for key in arrays)
    return {
        name: (
            Session(arrays[f"{kind}/{name}/spikes"], 0.02, name, conditions=np.arange(6) % 2),
            arrays[f"{kind}/{name}/rates"],
        )
        for name in names
    }


@pytest.mark.parametrize("kind", NAMES)
def test_a_model_of_the_version_before_infers_what_it_did(kind):
    model = load_model(STORED / f"{kind}.keras")
    assert model.config.session_names == NAMES[kind]
    assert model.config.kl_initial_condition_weight == 0.4
    for session, rates in sessions_of(kind).values():
        found = model.infer(session, n_samples=2).rates
        np.testing.assert_allclose(found, rates, rtol=1e-6)
    values = json.loads((STORED / f"{kind}_config.json").read_text(encoding="utf-8"))
    assert LFADSConfig.from_dict(values) == model.config


@pytest.mark.parametrize("kind", NAMES)
def test_a_run_of_the_version_before_goes_on(kind, tmp_path):
    packed = (STORED / f"{kind}_state.h5.gz").read_bytes()
    (tmp_path / "state.h5").write_bytes(gzip.decompress(packed))
    trials = [session for session, _ in sessions_of(kind).values()]
    data = trials[0] if kind == "one_session" else trials
    config = load_model(STORED / f"{kind}.keras").config
    model = LFADS(config)
    model.compile(jit_compile=False)
    callbacks = model.default_callbacks(tmp_path, resume=True)
    history = model.fit(
        data, validation_data=data, epochs=3, batch_size=6, callbacks=callbacks, verbose=0
    )
    assert history.epoch == [0, 1, 2]


def test_registered_names_stay_what_files_have():
    """They are literals: a class that moves, or is renamed, still loads."""
    with zipfile.ZipFile(STORED / "one_session.keras") as file:
        assert json.loads(file.read("config.json"))["registered_name"] == "lfads_tf>LFADS"
    for name in [
        "AutoregressivePrior",
        "BidirectionalGRU",
        "ClippedGRUCell",
        "ControllerInputEncoder",
        "Decoder",
        "Gamma",
        "GatesBias",
        "Gaussian",
        "IndependentPrior",
        "InitialConditionEncoder",
        "InitialConditionPrior",
        "LFADS",
        "MeanAndLogVariance",
        "Network",
        "Poisson",
        "SessionsLayer",
        "ZeroInflatedGamma",
    ]:
        found = keras.saving.get_registered_object(f"lfads_tf>{name}")
        assert found is not None and found.__module__.startswith("lfads_tf."), name
