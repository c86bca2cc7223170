"""The command line, from files to figures."""

import dataclasses
import functools

import h5py
import numpy as np
import pytest

from lfads_tf import LFADS, Inferred, Session, load_model
from lfads_tf.__main__ import main
from lfads_tf.analysis import bits_per_spike, mean_rates
from lfads_tf.data import synthetic
from lfads_tf.data.synthetic import lorenz_days
from lfads_tf.training.checkpoints import read_history

pytestmark = pytest.mark.slow

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


@pytest.fixture(autouse=True)
def without_xla(request, monkeypatch):
    """Save the seconds that XLA takes to compile each model; the demonstration has it."""
    if "demonstration" not in request.node.name:
        plain = functools.partialmethod(LFADS.compile, jit_compile=False)
        monkeypatch.setattr(LFADS, "compile", plain)


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
    session.save(tmp_path / "data.h5")
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
    assert len(read_history(out)["loss"]) == 4
    model = load_model(out / "best.keras")

    inferred = tmp_path / "inferred.h5"
    assert run("infer", out, data, "--out", inferred, "--n-samples", 3) == 0
    rates = Inferred.load(inferred).rates
    np.testing.assert_array_equal(rates, model.infer(Session.load(data), n_samples=3).rates)
    assert "--overwrite replaces it" in refused(capsys, "infer", out, data, "--out", inferred)
    npz = tmp_path / "inferred.npz"
    assert "ends in .h5" in refused(capsys, "infer", out, data, "--out", npz)

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


def test_several_files_make_one_model_of_all_sessions(tmp_path, capsys):
    files = []
    for name, day in zip(("monday", "tuesday"), lorenz_days(2, 20, 6, n_bins=20), strict=True):
        files.append(tmp_path / f"{name}.h5")
        Session.from_arrays(
            day.spikes, 0.01, conditions=day.conditions, true_rates=day.true_rates
        ).save(files[-1])  # without names of their own
    out = tmp_path / "run"
    assert run("fit", *files, "--out", out, "--epochs", 2, *SETTINGS) == 0
    model = load_model(out / "best.keras")
    assert model.config.session_names == ("monday", "tuesday")
    assert run("fit", *files, "--out", out, "--epochs", 3, "--resume", *SETTINGS) == 0
    model = load_model(out / "best.keras")

    inferred = tmp_path / "inferred.h5"
    assert run("infer", out, files[1], "--out", inferred, "--n-samples", 3) == 0
    tuesday = dataclasses.replace(Session.load(files[1]), name="tuesday")
    expected = model.infer(tuesday, n_samples=3).rates
    np.testing.assert_array_equal(Inferred.load(inferred).rates, expected)
    again = ("infer", out, files[1], "--out", inferred, "--overwrite", "--n-samples", 3)
    assert run(*again, "--session", "tuesday") == 0
    assert "'monday', 'tuesday', received 'friday'" in refused(
        capsys, *again, "--session", "friday"
    )
    assert run("report", out) == 0
    assert capsys.readouterr().out.count("bits/spike, validation trials") == 2
    for name in ("monday", "tuesday"):
        assert (out / name / "trials.png").stat().st_size > 10_000


def test_a_model_of_one_session_is_asked_for_no_other(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert run("fit", data, "--out", out, "--epochs", 1, *SETTINGS) == 0
    told = refused(
        capsys, "infer", out, data, "--out", tmp_path / "x.h5", "--session", "monday"
    )
    assert "--session: expected none" in told


def test_a_run_is_resumed_with_what_it_began_with(data, tmp_path, capsys):
    out = tmp_path / "run"
    begun = ("fit", data, "--out", out, "--epochs")
    flags = ("--seed", 1, "--set=dropout=0.3", "--valid-fraction", 0.3, "--batch-size", 10)
    assert run(*begun, 1, *flags, *SETTINGS) == 0
    before = (out / "run.json").read_text()
    for flag, message in {
        "--seed=0": "seed=1; received seed=0",
        "--set=dropout=0.1": "dropout=0.3; received dropout=0.1",
        "--inferred-inputs=2": "n_inferred_inputs=0; received n_inferred_inputs=2",
        "--valid-fraction=0.2": "valid_fraction=0.3; received valid_fraction=0.2",
        "--batch-size=64": "batch_size=10; received batch_size=64",
        "--group=day0": "group=None; received group='day0'",
        "--bin-width=0.02": "bin_width=0.01; received bin_width=0.02",
    }.items():
        assert message in refused(capsys, *begun, 2, "--resume", flag)
    assert "not allowed with" in refused(capsys, *begun, 2, "--resume", "--overwrite")
    assert run(*begun, 2, "--resume", "--set=dropout=0.3") == 0
    assert run(*begun, 3, "--resume", "--patience", 5) == 0
    assert len(read_history(out)["loss"]) == 3
    assert (out / "run.json").read_text() == before
    config = load_model(out / "last.keras").config
    assert (config.seed, config.dropout) == (1, 0.3)
    assert "12 trials" in capsys.readouterr().out  # of 40 for validation


def test_fit_stops_after_the_patience_it_is_given(data, tmp_path):
    out = tmp_path / "run"
    arguments = ("--epochs", 60, "--patience", 2, "--set=learning_rate=0.1", *SETTINGS)
    assert run("fit", data, "--out", out, *arguments) == 0
    assert len(read_history(out)["loss"]) < 60


def test_what_the_encoders_do_not_see_has_rows_of_its_own(data, tmp_path, capsys):
    out = tmp_path / "run"
    parts = ("--set=n_encode_neurons=6", "--set=n_encode_bins=15", "--epochs", 1)
    assert run("fit", data, "--out", out, *parts, *SETTINGS) == 0
    assert run("report", out, "--quiet") == 0
    table = capsys.readouterr().out
    model, valid = load_model(out / "best.keras"), Session.load(data).split(0.2)[1]
    train = Session.load(data).split(0.2)[0]
    rates, means = model.infer(valid).rates, mean_rates(train.spikes, 0.01)
    for row, bins, neurons in (
        ("held-out neurons", slice(0, 15), slice(6, 8)),
        ("held-out bins", slice(15, 20), slice(0, 8)),
    ):
        bits = bits_per_spike(
            rates[:, bins, neurons],
            valid.spikes[:, bins, neurons],
            0.01,
            reference=means[neurons],
        )
        assert f"| bits/spike, {row} | {bits:.3f} | - |" in table


def test_a_file_that_tells_training_from_validation_is_taken_at_its_word(tmp_path, capsys):
    rng = np.random.default_rng(0)
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["train_data"] = rng.poisson(0.5, (20, 15, 6))
        file["valid_data"] = rng.poisson(0.5, (7, 15, 6))
    arguments = ("fit", tmp_path / "foreign.h5", "--out", tmp_path / "run", "--epochs", 1)
    assert "that tells it" in refused(capsys, *arguments)
    assert run(*arguments, "--bin-width", 0.02, *SETTINGS) == 0
    assert "20 trials x 15 bins of 20 ms" in capsys.readouterr().out
    # The model knows the width of a bin: inference need not be told again.
    new = tmp_path / "valid.h5"
    arguments = ("infer", tmp_path / "run", tmp_path / "foreign.h5", "--out", new)
    assert run(*arguments, "--split", "valid", "--n-samples", 2) == 0
    assert len(Inferred.load(new).rates) == 7
    told = refused(capsys, *arguments, "--split", "test", "--overwrite")
    assert "test" in told and "invalid choice" not in told  # this file has none


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set=n_factor=3"], "n_factor: expected attributes of LFADSConfig"),
        (["--set=dropout=2"], "dropout: expected a number in [0, 1), received 2"),
        (["--set", "dropout"], "must be NAME=VALUE"),
        (["--group", "day9"], "group: expected a group"),
        (["--axes", "trials,time"], "axes: expected 'trials', 'bins', 'neurons' in the file"),
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


def test_a_file_of_matlab_in_another_order(tmp_path, capsys):
    import scipy.io

    spikes = np.random.default_rng(0).poisson(0.5, (12, 10, 5)).astype(float)
    labels = {"conditions": np.arange(12.0)[None] % 3}
    scipy.io.savemat(tmp_path / "x.mat", {"spikes": spikes.transpose(2, 1, 0), **labels})
    flags = ("--bin-width", 0.02, "--epochs", 1, *SETTINGS)
    begun = ("fit", tmp_path / "x.mat", "--out", tmp_path / "run", *flags)
    assert "axes: expected the order" in refused(capsys, *begun)
    assert run(*begun, "--axes", "neurons,bins,trials") == 0
    assert "10 trials x 10 bins of 20 ms x 5 neurons" in capsys.readouterr().out
    assert run("report", tmp_path / "run") == 0


def test_a_run_is_resumed_without_its_files_and_to_its_epochs(data, tmp_path, capsys):
    out = tmp_path / "run"
    assert "expected at least one file" in refused(capsys, "fit", "--out", out)
    assert "holds no run" in refused(capsys, "fit", "--out", out, "--resume")
    begun = ("fit", data, "--out", out, "--epochs")
    assert run(*begun, 3, *SETTINGS) == 0
    assert run("fit", "--out", out, "--resume") == 0
    assert len(read_history(out)["loss"]) == 3
    assert run("fit", "--out", out, "--resume", "--epochs", 4) == 0
    assert len(read_history(out)["loss"]) == 4
