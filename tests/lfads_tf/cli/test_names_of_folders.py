"""What a data file calls itself never leads out of the folder of a run."""

import json
import types

import numpy as np
import pytest

from lfads_tf import Session
from lfads_tf.cli import commands

NAMES = [
    "monday",
    "../../escaped",
    "/absolute",
    "..",
    "a/b",
    "a:b",
    "report.md",
    "best.keras",
    "",
]


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A folder of a run over sessions of such names; nothing is inferred or drawn."""
    out = tmp_path / "deep" / "run"
    out.mkdir(parents=True)
    (out / "best.keras").touch()
    spikes, paths = np.random.default_rng(0).poisson(1.0, (4, 5, 3)), []
    for i, name in enumerate(NAMES):
        paths.append(str(tmp_path / f"{i}.h5"))
        Session(spikes, 0.02, name).save(paths[-1])
    told = {"group": None, "bin_width": None, "valid_fraction": 0.25, "config": {"seed": 0}}
    (out / "run.json").write_text(json.dumps({"data": paths, **told}))
    model = types.SimpleNamespace(infer=lambda session: None, config="a model")
    monkeypatch.setattr(commands, "load_model", lambda path: model)
    monkeypatch.setattr(commands, "read_history", lambda out: {})
    monkeypatch.setattr(commands.reports, "measured", lambda *arguments: "a table")
    monkeypatch.setattr(commands.reports, "draw", lambda folder, *_: ["x.png"])
    return out


def test_each_session_has_a_folder_of_its_own_within_the_run(run):
    before = {path for path in run.parents[1].rglob("*") if run not in path.parents}
    commands.report(run, say=lambda line: None)
    after = {path for path in run.parents[1].rglob("*") if run not in path.parents}
    assert after == before
    folders = [path for path in run.rglob("*") if path.is_dir()]
    assert len(folders) == len(NAMES) and all(path.parent == run for path in folders)
    assert (run / "report.md").is_file() and (run / "best.keras").is_file()
    assert (run / "monday").is_dir()
