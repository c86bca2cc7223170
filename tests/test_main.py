"""The command line: what it accepts, what it writes, and the demonstration itself."""

import contextlib
import io

import numpy as np
import pytest

from fixedpoint_tf import FixedPoints
from fixedpoint_tf.__main__ import TASKS as COMMANDS
from fixedpoint_tf.__main__ import main
from fixedpoint_tf.tasks import TASKS, recurrent_network

PNG = b"\x89PNG\r\n\x1a\n"


def is_png(path):
    return path.read_bytes().startswith(PNG)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder that the demonstration writes, and what it prints when it is quiet."""
    out = tmp_path_factory.mktemp("demo") / "new folder"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["flipflop", "--out", str(out), "--quiet"]) == 0
    return out, printed.getvalue().splitlines()


def test_the_demonstration_finds_the_27_fixed_points_of_the_flip_flop(demo):
    out, _ = demo
    points = FixedPoints.load(out / "fixed_points.h5")
    assert len(points.fixed) == len(points) == 27
    np.testing.assert_array_equal(np.bincount(points.n_unstable), [8, 12, 6, 1])
    assert points.qstar.max() < 1e-20


def test_the_demonstration_says_the_result_in_one_line_and_where_it_is(demo):
    out, lines = demo
    assert len(lines) == 2
    assert lines[0].startswith("27 fixed points: 8 stable, 12 with 1 unstable direction")
    assert lines[1].startswith(f"Written to {out}: state_space.png, ")


@pytest.mark.parametrize("name", ["state_space", "eigenvalues", "q", "flow"])
def test_the_demonstration_draws(demo, name):
    assert is_png(demo[0] / f"{name}.png")


def test_a_saved_model_can_be_searched(demo, tmp_path, capsys):
    model = demo[0] / "model.keras"
    assert main(["find", str(model), "--out", str(tmp_path), "--n-inits", "512"]) == 0
    printed = capsys.readouterr().out
    assert "Searching from 512 states at the input [0.0, 0.0, 0.0]" in printed
    assert "27 fixed points: 8 stable" in printed
    found, reference = (
        FixedPoints.load(folder / "fixed_points.h5") for folder in (tmp_path, demo[0])
    )
    distance = np.linalg.norm(found.xstar[:, None] - reference.xstar, axis=2).min(axis=0)
    assert distance.max() < 1e-6, "the same points, from other starts"
    assert is_png(tmp_path / "state_space.png")


def test_the_input_and_the_drive_of_a_search_can_be_given(demo, tmp_path, capsys):
    np.save(tmp_path / "drive.npy", np.zeros((2, 12, 3)))
    arguments = ["find", str(demo[0] / "model.keras"), "--layer", "rnn", "--quiet"]
    arguments += ["--out", str(tmp_path), "--n-inits", "16", "--seed", "3"]
    arguments += ["--input", "1", "-1", "1", "--drive", str(tmp_path / "drive.npy")]
    assert main(arguments) == 0
    points = FixedPoints.load(tmp_path / "fixed_points.h5")
    np.testing.assert_array_equal(points.inputs, np.tile([1.0, -1.0, 1.0], (len(points), 1)))
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_an_untrained_network_is_no_error(tmp_path):
    model = recurrent_network(1, 1, units=2, rng=np.random.default_rng(0))
    model.save(tmp_path / "model.keras")
    arguments = ["find", str(tmp_path / "model.keras"), "--out", str(tmp_path), "--quiet"]
    assert main([*arguments, "--n-inits", "4"]) == 0
    assert is_png(tmp_path / "q.png")


def test_every_task_is_a_command():
    assert {"flip_flop", *COMMANDS} == set(TASKS)


@pytest.mark.parametrize("name", ["context_dependent_integration", "two_point_average"])
def test_a_task_is_trained_searched_and_drawn(name, tmp_path, capsys):
    arguments = [name, "--out", str(tmp_path), "--epochs", "1", "--units", "4"]
    assert main([*arguments, "--n-inits", "8"]) == 0
    printed = capsys.readouterr().out
    task = TASKS[name]
    assert f"Training a network of 4 units ({task.cell}) on {name}" in printed
    assert f"Known answer: {task.known_answer}" in printed
    points = FixedPoints.load(tmp_path / "fixed_points.h5")
    for number, condition in enumerate(task.conditions):
        assert f"  {condition.label}: " in printed
        of_it = points[points.cond_id == number]
        np.testing.assert_array_equal(of_it.inputs, np.tile(condition.inputs, (of_it.n, 1)))
    suffix = "_1" if len(task.conditions) > 1 else ""
    for figure in (f"state_space{suffix}", f"sensitivity{suffix}", "eigenvalues", "q"):
        assert is_png(tmp_path / f"{figure}.png")
    assert (tmp_path / "model.keras").is_file()


def test_a_cell_that_is_not_there_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["ring_integration", "--out", str(tmp_path), "--cell", "relu", "--quiet"])
    assert stop.value.code == 2
    assert "cell must be one of ['gru', 'lstm', 'tanh']" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: command"),
        (["plot"], "invalid choice: 'plot'"),
        (["find"], "the following arguments are required: MODEL.keras"),
        (["flipflop", "--n-inits", "0"], "--n-inits: must be a positive integer; got 0"),
        (["flipflop", "--epochs", "x"], "--epochs: invalid"),
        (["find", "nowhere.keras"], "'nowhere.keras', which is no file"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err


def test_an_input_of_the_wrong_width_is_refused(demo, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["find", str(demo[0] / "model.keras"), "--input", "1", "--out", str(tmp_path)])
    assert stop.value.code == 2
    assert "inputs must have shape (n, n_inputs) = (n, 3)" in capsys.readouterr().err
