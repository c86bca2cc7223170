"""What the README says is true of this checkout."""

import dataclasses
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from pages import blocks

from fixedpoint_tf import FixedPoints, Status
from lfads_tf import Inferred, LFADSConfig, bin_spikes, segment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OTHER_TOOLS = (ROOT / "docs/howto/other_tools.md").read_text(encoding="utf-8")
OWN_SPIKES = (ROOT / "docs/howto/own_spikes.md").read_text(encoding="utf-8")
SPEED = (ROOT / "docs/concepts/speed.md").read_text(encoding="utf-8")


def test_it_is_short():
    assert len(README.splitlines()) <= 150 and len(README.encode()) <= 9000


@pytest.mark.slow
def test_the_example_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((None, 2)), keras.layers.SimpleRNN(3)])
    inputs = np.random.default_rng(0).standard_normal((8, 20, 2))
    names = {"model": model, "inputs": inputs}
    example, questions, *_ = blocks(README, "python")
    exec(example, names)
    assert isinstance(names["unique"], FixedPoints)
    assert len(names["all_points"]) == 1024
    exec(questions, names)
    assert names["finder"].certify(names["unique"]).certified.all()


@pytest.mark.slow
def test_the_example_of_lfads_runs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    names = {"spikes": np.random.default_rng(0).poisson(0.5, (20, 10, 6))}
    *_, example, generator = blocks(README, "python")
    exec(example.replace("epochs=1000", "epochs=2"), names)
    assert names["inferred"].rates.shape == (20, 10, 6)
    assert Inferred.load("inferred.h5").factors.shape == names["inferred"].factors.shape
    exec(generator, names)
    assert len(names["all_points"]) == 512


def test_its_recipe_for_spike_times_puts_events_where_they_are():
    binned, cut = re.search(
        r"`(bin_spikes\([^`]*\))`, then `(segment\([^`]*\))`", OWN_SPIKES
    ).groups()
    names = {"bin_spikes": bin_spikes, "segment": segment, "start": 7.3, "stop": 20.0}
    names |= {"event_times": [9.0, 12.5], "times": [[9.0, 12.5]]}
    names["counts"] = eval(binned, names)
    trials = eval(cut, names)
    assert trials[:, 25, 0].tolist() == [1, 1] and trials.sum() == 2


def table(first_line):
    """The cells of the second column of a table."""
    rows = OTHER_TOOLS[OTHER_TOOLS.index(first_line) :].split("\n\n")[0].splitlines()[2:]
    return [re.findall(r"`([^`]+)`", row.split("|")[2]) for row in rows]


def test_names_of_other_packages_lead_to_names_that_exist():
    settings = sum(table("| There | Here: `LFADSConfig` |"), [])
    known = {field.name for field in dataclasses.fields(LFADSConfig)}
    assert set(settings) <= known and len(settings) > 25
    # What has no counterpart there.
    own = {"bin_width", "gamma_location", "seed", "frozen_sessions", "shared_frozen"}
    sessions = {"session_names", "session_neurons", "session_encode_neurons"}
    read_ins = {"n_read_in", "read_in_start", "read_in_trained"}
    assert known - set(settings) == own | sessions | read_ins
    fields = sum(table("| There: output |"), [])
    assert set(fields) == set(Inferred._fields)


def test_every_command_of_lfads_is_named():
    for command in ("demo", "fit", "infer", "report"):
        assert re.search(rf"(lfads_tf |`){command}\b", README), command


def test_what_it_links_to_exists():
    paths = set(re.findall(r'(?:\]\(|src=")(?!http|#)([^)"]+)', README))
    assert len(paths) > 10
    assert [path for path in sorted(paths) if not (ROOT / path).is_file()] == []


def test_pictures_are_small():
    for path in (ROOT / "docs" / "images").glob("*.png"):
        assert path.stat().st_size < 200_000, path.name


def test_every_status_is_explained():
    for status in Status:
        assert f"| `{status.name}` |" in SPEED


def test_what_it_names_of_the_result_exists():
    names = set(re.findall(r"`unique\.(\w+)", README))
    evidence = SPEED[SPEED.index("## The evidence") :].split("\n\n")[1]
    for row in evidence.splitlines()[2:]:
        names |= set(re.findall(r"`(\w+)`", row.split("|")[1]))
    points = FixedPoints(xstar=np.zeros((1, 2)), status=np.zeros(1, int))
    for name in names:
        assert hasattr(points, name), name
