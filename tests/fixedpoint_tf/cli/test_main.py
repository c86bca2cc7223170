"""The command line: what it accepts, what it writes, and the demonstration itself."""

import contextlib
import io
import sys

import keras
import numpy as np
import pytest

from fixedpoint_tf import FixedPointFinder, FixedPoints
from fixedpoint_tf.__main__ import TASKS as COMMANDS
from fixedpoint_tf.__main__ import main
from fixedpoint_tf.cli.user_files import run_file
from fixedpoint_tf.tasks import TASKS, recurrent_network

pytestmark = pytest.mark.slow

PNG = b"\x89PNG\r\n\x1a\n"


def is_png(path):
    return path.read_bytes().startswith(PNG)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The folder that the demonstration writes, and what it prints when it is quiet."""
    out = tmp_path_factory.mktemp("demo") / "new folder"
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(["flip_flop", "--out", str(out), "--quiet"]) == 0
    return out, printed.getvalue().splitlines()


def test_the_demonstration_finds_the_27_fixed_points_of_the_flip_flop(demo):
    out, _ = demo
    points = FixedPoints.load(out / "fixed_points.h5")
    assert len(points.fixed) == len(points) == 27
    np.testing.assert_array_equal(np.bincount(points.n_unstable), [8, 12, 6, 1])
    assert points.qstar.max() < 1e-20


def test_the_demonstration_says_the_result_in_three_lines_and_where_it_is(demo):
    out, lines = demo
    assert len(lines) == 4
    assert lines[0].startswith("27 fixed points: 8 stable, 12 with 1 unstable direction")
    assert lines[1].startswith("indices add up to +1, as for a complete set")
    assert lines[2].startswith("search ended: ")
    assert lines[3].startswith(f"Written to {out}: state_space.png, ")


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
    assert len(capsys.readouterr().out.splitlines()) == 4


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
    assert "cell: expected one of ['gru', 'lstm', 'tanh']" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: command"),
        (["plot"], "invalid choice: 'plot'"),
        (["find"], "the following arguments are required: MODEL.keras"),
        (
            ["flip_flop", "--n-inits", "0"],
            "--n-inits: expected a whole number of at least 1, received 0",
        ),
        (["flip_flop", "--epochs", "x"], "--epochs: invalid"),
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
    assert "inputs: expected shape (n, n_inputs) = (n, 3)" in capsys.readouterr().err


def saved(tmp_path, *stack):
    """A saved model, and its RNN layer with what stands before it as a model of Keras."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential(list(stack))
    model.save(tmp_path / "model.keras")
    return model


def searched(tmp_path, monkeypatch, *options):
    """States about which the command line searches, the points, and what it says."""
    heard = {}
    draw = FixedPointFinder.sample_states

    def note(self, states, *arguments, **named):
        heard.update(states=states, **named)
        return draw(self, states, *arguments, **named)

    monkeypatch.setattr(FixedPointFinder, "sample_states", note)
    arguments = ["find", str(tmp_path / "model.keras"), "--out", str(tmp_path), *options]
    assert main([*arguments, "--n-inits", "8"]) == 0
    return heard, FixedPoints.load(tmp_path / "fixed_points.h5")


def test_the_drive_is_that_of_the_model(tmp_path, monkeypatch, capsys):
    drive = np.random.default_rng(0).normal(50.0, 10.0, size=(4, 12, 3)).astype("float32")
    norm = keras.layers.Normalization()
    norm.adapt(drive)
    rnn = keras.layers.GRU(3, return_sequences=True, name="rnn")
    saved(tmp_path, keras.Input((None, 3)), norm, rnn, keras.layers.Dense(1))
    np.save(tmp_path / "drive.npy", drive)
    heard, points = searched(tmp_path, monkeypatch, "--drive", str(tmp_path / "drive.npy"))
    np.testing.assert_allclose(heard["states"], rnn(norm(drive)), atol=2e-6)
    zero = np.asarray(norm(np.zeros((1, 1, 3), "float32")))[0, 0]
    np.testing.assert_allclose(points.inputs, np.tile(zero, (len(points), 1)), rtol=1e-6)
    assert "The model's input [0.0, 0.0, 0.0] is [" in capsys.readouterr().out

    _, points = searched(tmp_path, monkeypatch, "--input", "50", "40", "60")
    there = np.asarray(norm(np.array([[[50.0, 40.0, 60.0]]], "float32")))[0, 0]
    np.testing.assert_allclose(points.inputs, np.tile(there, (len(points), 1)), rtol=1e-6)

    capsys.readouterr()
    _, points = searched(tmp_path, monkeypatch)
    np.testing.assert_array_equal(points.inputs, 0.0)
    assert "input are inputs of the RNN layer 'rnn', behind norm" in capsys.readouterr().out


def test_a_drive_of_tokens_is_masked_as_in_the_model(tmp_path, monkeypatch):
    embedding = keras.layers.Embedding(5, 2, mask_zero=True)
    rnn = keras.layers.SimpleRNN(3, return_sequences=True)
    model = saved(tmp_path, keras.Input((None,)), embedding, rnn)
    tokens = np.array([[1, 2, 3, 4], [3, 1, 0, 0]])
    np.save(tmp_path / "drive.npy", tokens)
    options = ["--drive", str(tmp_path / "drive.npy"), "--input", "3"]
    heard, points = searched(tmp_path, monkeypatch, *options)
    np.testing.assert_allclose(heard["states"], model(tokens), atol=2e-6)
    np.testing.assert_array_equal(heard["valid_bxt"], tokens != 0)
    row = embedding.embeddings.numpy()[3]
    np.testing.assert_allclose(points.inputs, np.tile(row, (len(points), 1)), rtol=1e-6)


def test_a_drive_of_several_inputs_goes_by_their_names(tmp_path, monkeypatch, capsys):
    a, b = keras.Input((None, 2), name="a"), keras.Input((None, 1), name="b")
    rnn = keras.layers.GRU(3, return_sequences=True)
    model = keras.Model([a, b], rnn(keras.layers.Concatenate()([a, b])))
    model.save(tmp_path / "model.keras")
    rng = np.random.default_rng(0)
    drive = {"b": rng.normal(size=(4, 5, 1)), "a": rng.normal(size=(4, 5, 2))}
    np.savez(tmp_path / "drive.npz", **drive)
    options = ["--drive", str(tmp_path / "drive.npz"), "--input", "1", "2", "3"]
    heard, points = searched(tmp_path, monkeypatch, *options)
    np.testing.assert_allclose(heard["states"], model([drive["a"], drive["b"]]), atol=2e-6)
    np.testing.assert_array_equal(points.inputs, np.tile([1.0, 2.0, 3.0], (len(points), 1)))
    np.savez(tmp_path / "drive.npz", a=drive["a"])
    with pytest.raises(SystemExit):
        main(["find", str(tmp_path / "model.keras"), *options, "--out", str(tmp_path)])
    assert "an array for each input of the model, ['a', 'b']" in capsys.readouterr().err


def test_a_constant_input_that_never_settles_is_refused(tmp_path, capsys):
    first = keras.layers.SimpleRNN(1, return_sequences=True, name="first")
    second = keras.layers.SimpleRNN(2, name="second")
    model = saved(tmp_path, keras.Input((None, 1)), first, second)
    first.set_weights([np.ones((1, 1)), np.full((1, 1), -3.0), np.full(1, 0.1)])  # turns over
    model.save(tmp_path / "model.keras")
    options = ["--layer", "second", "--input", "1", "--out", str(tmp_path)]
    with pytest.raises(SystemExit):
        main(["find", str(tmp_path / "model.keras"), *options])
    assert "inputs of the RNN layer 'second' settle" in capsys.readouterr().err


OWN_CELL = """
import keras

{decorator}
class Halving(keras.layers.Layer):
    state_size = 2

    def call(self, inputs, states, training=False):
        new = 0.5 * states[0] + inputs
        return new, [new]
"""


@pytest.mark.parametrize(
    ("decorator", "name"),
    [("@keras.saving.register_keras_serializable('own')", "own>Halving"), ("", "Halving")],
)
def test_a_model_with_a_cell_of_the_user_needs_the_file_that_defines_it(
    tmp_path, capsys, monkeypatch, decorator, name
):
    file, path = tmp_path / "own_cells.py", tmp_path / "model.keras"
    file.write_text(OWN_CELL.format(decorator=decorator))
    registered = keras.saving.get_custom_objects()
    monkeypatch.delitem(sys.modules, "own_cells", raising=False)
    before = list(sys.path)
    cell = run_file(file)["Halving"]()
    keras.Sequential([keras.Input((None, 2)), keras.layers.RNN(cell)]).save(path)
    registered.pop(name, None)
    sys.modules.pop("own_cells", None)
    arguments = ["find", str(path), "--out", str(tmp_path), "--quiet", "--n-inits", "8"]
    with pytest.raises(SystemExit):
        main(arguments)
    said = capsys.readouterr().err
    assert f"with {name}. Import the module" in said and "--import FILE.py" in said
    assert main([*arguments, "--import", str(file)]) == 0
    assert "1 fixed point (stable); 2 units" in capsys.readouterr().out
    assert sys.path == before
    registered.pop(name, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "expected a Python file, FILE.py"), ("1/0", "ZeroDivisionError")],
)
def test_a_file_of_classes_that_does_not_run_is_refused(tmp_path, text, message):
    file = tmp_path / "broken_cells.py"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ValueError, match=message):
        run_file(file)
    assert "broken_cells" not in sys.modules


def test_a_file_of_classes_replaces_no_module_in_use(tmp_path):
    file = tmp_path / "json.py"
    file.write_text("")
    before = sys.modules["json"]
    with pytest.raises(ValueError, match="expected a name of no other module, .*rename"):
        run_file(file)
    assert sys.modules["json"] is before
