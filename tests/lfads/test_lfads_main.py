"""The command line, from files to figures."""

import h5py
import numpy as np
import pytest

from lfads_tf import Inferred, Session, load_model
from lfads_tf.__main__ import main
from lfads_tf.data import synthetic

SETTINGS = [
    f"--set={name}={value}"
    for name, value in {
        "encoder_units": 6,
        "n_initial_conditions": 4,
        "generator_units": 8,
        "n_factors": 3,
        "controller_units": 4,
        "controller_encoder_units": 4,
        "warm_up_steps": 2,
        "input_prior": "gaussian",
    }.items()
]


@pytest.fixture
def data(tmp_path):
    made = synthetic.lorenz(40, 20, 8, n_conditions=4, mean_rate=20.0)
    session = Session.from_arrays(
        made.session.spikes,
        0.01,
        conditions=made.session.conditions,
        true_rates=made.session.true_rates,
        behavior=made.latents,
    )
    session.save_h5(tmp_path / "data.h5")
    return tmp_path / "data.h5"


def run(*arguments):
    return main([str(argument) for argument in arguments])


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as end:
        run(*arguments)
    assert end.value.code == 2
    return capsys.readouterr().err


def test_fit_infer_and_report(data, tmp_path, capsys):
    out = tmp_path / "run"
    fit = ("fit", data, "--out", out, "--epochs", 3, "--inferred-inputs", 1, *SETTINGS)
    assert run(*fit) == 0
    model = load_model(out / "best.keras")
    assert (model.config.n_inferred_inputs, model.config.input_prior) == (1, "gaussian")
    assert "resume=True" in refused(capsys, *fit)  # nothing is overwritten without being asked
    assert run(*fit[:4], "--epochs", 4, "--resume", *fit[6:]) == 0

    inferred = tmp_path / "inferred.h5"
    assert run("infer", out, data, "--out", inferred, "--n-samples", 3) == 0
    rates = Inferred.load_h5(inferred).rates
    np.testing.assert_allclose(
        rates, model.infer(Session.from_h5(data), n_samples=3).rates, rtol=0.2
    )
    assert "--overwrite replaces it" in refused(capsys, "infer", out, data, "--out", inferred)

    assert run("report", out) == 0
    printed = capsys.readouterr().out
    for words in ("bits/spike", "R^2 to the true rates", "R^2 of behavior"):
        assert words in printed
    for name in (
        "learning_curve",
        "trials",
        "factors",
        "initial_conditions",
        "inferred_inputs",
    ):
        assert (out / f"{name}.png").stat().st_size > 10_000
    assert "LFADSConfig(" in (out / "report.md").read_text()


def test_a_file_that_tells_training_from_validation_is_taken_at_its_word(tmp_path, capsys):
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["train_data"] = rng.poisson(0.5, (20, 15, 6))
        file["valid_data"] = rng.poisson(0.5, (7, 15, 6))
    arguments = ("fit", tmp_path / "foreign.h5", "--out", tmp_path / "run", "--epochs", 1)
    assert "does not tell it" in refused(capsys, *arguments)
    assert run(*arguments, "--bin-width", 0.02, *SETTINGS) == 0
    assert "20 trials x 15 bins of 20 ms" in capsys.readouterr().out
    # The model knows the width of a bin: inference need not be told again.
    new = tmp_path / "valid.h5"
    arguments = ("infer", tmp_path / "run", tmp_path / "foreign.h5", "--out", new)
    assert run(*arguments, "--split", "valid", "--n-samples", 2) == 0
    assert len(Inferred.load_h5(new).rates) == 7


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set=n_factor=3"], "n_factor: expected attributes of LFADSConfig"),
        (["--set=dropout=2"], "dropout: expected at least 0 and below 1, received 2"),
        (["--set", "dropout"], "must be NAME=VALUE"),
        (["--group", "day9"], "group: expected a group"),
        (["--epochs", "0"], "positive integer"),
    ],
)
def test_mistakes_are_told_in_one_line(arguments, message, data, tmp_path, capsys):
    assert message in refused(capsys, "fit", data, "--out", tmp_path / "run", *arguments)
    assert not (tmp_path / "run").exists()


def test_a_report_needs_a_run(tmp_path, capsys):
    assert "holds no run" in refused(capsys, "report", tmp_path)


def test_the_demonstration_writes_what_it_says(tmp_path, capsys):
    assert run("demo", "--out", tmp_path / "demo", "--epochs", 2, "--quiet") == 0
    written = capsys.readouterr().out.splitlines()[-1].partition(": ")[2].split(", ")
    assert "rates_against_truth.png" in written
    assert all((tmp_path / "demo" / name).stat().st_size > 0 for name in written)
