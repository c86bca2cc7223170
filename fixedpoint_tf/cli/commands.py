"""Commands of the command line: demonstration, search, figures, files."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from fixedpoint_tf import plotting
from fixedpoint_tf._utils.figures import save_figure
from fixedpoint_tf.analysis.sensitivity import analyze_sensitivity
from fixedpoint_tf.cli.report import meaning
from fixedpoint_tf.cli.user_files import run_file
from fixedpoint_tf.finder import FixedPointFinder
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.systems.convert import as_system
from fixedpoint_tf.systems.models.constant_inputs import (
    constant_rnn_input,
    n_features,
    named_inputs,
)
from fixedpoint_tf.systems.models.model_path import ModelPath
from fixedpoint_tf.systems.models.rnn_inputs import LayerArray
from fixedpoint_tf.systems.simulation import roll_out
from fixedpoint_tf.systems.system import DynamicalSystem
from fixedpoint_tf.tasks import flip_flop, task_named, train_flip_flop, train_task

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["demonstrate", "find", "study"]

N_BITS = 3  # memories of the demonstration, as in Sussillo & Barak (2013)
N_UNITS = 24  # of its network: few, so that training is short
N_TRIALS = 128  # whose states a search starts from
# Rare pulses: the network rests in a memory between them, and the figure shows the moves.
PULSE_PROBABILITY = 0.1
# Trajectories seldom come near saddles, so the search starts from states spread widely
# about them (Golub & Sussillo 2018).
NOISE_SCALE = 0.5

Say = Callable[[str], Any]


def demonstrate(
    out: Path, *, seed: int, n_inits: int, epochs: int, verbose: bool, say: Say
) -> tuple[FixedPoints, list[str]]:
    """Train a network on the 3-bit flip-flop and find its fixed points with no input.

    Args:
        out: folder for the figures, the points and the model; made if need be.
        seed: seed of the trials, the weights and the search.
        n_inits: number of states to search from.
        epochs: passes over the training trials.
        verbose: show the progress bar of the search.
        say: called with each line of progress.

    Returns:
        The distinct points, and the names of the files written.
    """

    def report(epoch: int, logs: dict[str, float]) -> None:
        if (epoch + 1) % 20 == 0:
            say(f"  epoch {epoch + 1:3d}: mean squared error {logs['loss']:.4f}")

    say(f"Training a network of {N_UNITS} tanh units on the {N_BITS}-bit flip-flop ...")
    start = time.perf_counter()
    progress = keras.callbacks.LambdaCallback(on_epoch_end=report)
    model = train_flip_flop(
        seed, n_bits=N_BITS, units=N_UNITS, epochs=epochs, callbacks=[progress]
    )
    say(f"  trained in {time.perf_counter() - start:.1f} s")

    rng = np.random.default_rng(seed + 1)  # trials that the network has not seen
    drive, _ = flip_flop(rng, N_TRIALS, n_bits=N_BITS, pulse_probability=PULSE_PROBABILITY)
    finder = FixedPointFinder(model, random_seed=seed, verbose=verbose)
    states = finder.simulate(drive)
    unique, figures = _search(finder, states, None, np.zeros((1, N_BITS)), n_inits, say)

    bits = np.asarray(model.get_layer("readout")(unique.xstar.astype(np.float32)))
    face = unique[np.abs(bits[:, -1] - 1.0) < 0.5]  # the last bit is +1 in these
    if face.n >= 3 and np.linalg.matrix_rank(face.xstar - face.xstar[0]) >= 2:
        figures["flow"] = plotting.plot_flow(finder.system, face)[0]
    names = _write(out, unique, figures)
    model.save(out / "model.keras")
    return unique, [*names, "model.keras"]


def study(
    name: str,
    out: Path,
    *,
    cell: str | None,
    units: int | None,
    epochs: int | None,
    seed: int,
    n_inits: int,
    verbose: bool,
    say: Say,
) -> tuple[FixedPoints, list[str]]:
    """Train a network on a task and find its fixed points at each of the task's inputs.

    Args:
        name: name of a task in :data:`fixedpoint_tf.tasks.TASKS`.
        out: folder for the figures, the points and the model; made if need be.
        cell: kind of recurrent layer; default: the task's own.
        units: number of recurrent units; default: the task's own.
        epochs: passes over the training trials; default: the task's own.
        seed: seed of the trials, the weights and the search.
        n_inits: number of states to search from, at each input.
        verbose: show the progress bar of the search.
        say: called with each line of progress.

    Returns:
        The distinct points at all inputs, labelled by ``cond_id`` in the order of the
        task's conditions; and the names of the files written.
    """
    task = task_named(name)
    say(
        f"Training a network of {units or task.units} units ({cell or task.cell}) on {name} ..."
    )
    start = time.perf_counter()
    model = train_task(task, cell, units, seed, epochs=epochs)
    error = task.error(model, seed=seed + 1)
    limit = f", too large (expected at most {task.usable_error:.2%})"
    usable = "" if error <= task.usable_error else limit
    say(f"  trained in {time.perf_counter() - start:.1f} s; error {error:.2%}{usable}")
    say(f"Known answer: {task.known_answer} ({task.reference})")

    finder = FixedPointFinder(model, random_seed=seed, verbose=verbose)
    drive, _ = task(np.random.default_rng(seed + 1), N_TRIALS)
    states = finder.simulate(drive)
    noise = NOISE_SCALE * float(np.sqrt(np.mean(states**2)))
    found, ends, figures = [], [], {}
    for number, condition in enumerate(task.conditions):
        initial_states = finder.sample_states(states, n_inits, noise_scale=noise)
        ids = np.full(n_inits, number)
        unique, all_points = finder.find_fixed_points(initial_states, [condition.inputs], ids)
        say(textwrap.indent(f"{condition.label}: {unique}", "  "))
        found.append(unique)
        ends.append(all_points)
        suffix = f"_{number + 1}" if len(task.conditions) > 1 else ""
        shown = _trials_nearest(drive, condition.inputs)[:20]
        figure, _ = plotting.plot_fixed_points(unique, states, plot_batch_idx=shown)
        answer = analyze_sensitivity(finder.system, unique, input_names=task.input_names)
        drawn = {"state_space": figure, "sensitivity": answer.plot()[0]}
        constant = np.asarray(condition.inputs, dtype=float)
        told = meaning(finder, unique, all_points, states[shown], constant)
        for line in told.lines:
            say(f"    {line}")
        for kind_of_figure, figure in (drawn | told.figures).items():
            figure.suptitle(condition.label, fontsize="medium")
            figures[kind_of_figure + suffix] = figure
    unique, all_points = FixedPoints.concatenate(found), FixedPoints.concatenate(ends)
    figures["eigenvalues"] = plotting.plot_eigenvalues(unique)[0]
    figures["q"] = plotting.plot_q(all_points)[0]
    names = _write(out, unique, figures)
    model.save(out / "model.keras")
    return unique, [*names, "model.keras"]


def _trials_nearest(drive: np.ndarray, constant: Sequence[float]) -> np.ndarray:
    """Order trials by the distance of their held inputs from the constant input."""
    held = np.ptp(drive, axis=1).max(axis=0) == 0.0
    far = np.abs(drive[:, 0, held] - np.asarray(constant)[held]).sum(axis=1)
    return np.argsort(far, kind="stable")


def find(
    model: Path,
    out: Path,
    *,
    layer: str | None,
    constant_input: Sequence[float] | None,
    drive: Path | None,
    imported: Path | None,
    seed: int,
    n_inits: int,
    verbose: bool,
    say: Say,
) -> tuple[FixedPoints, list[str]]:
    """Find the fixed points of a saved model at one constant input.

    Args:
        model: a ``.keras`` file.
        out: folder for the figures and the points; made if need be.
        layer: name of the RNN layer, for a model that has several.
        constant_input: constant input of the model, a number for each of its inputs; what
            reaches the RNN layer is studied. Zeros by default.
        drive: a ``.npy`` file of inputs of the model, ``(n_trials, n_time, n_inputs)``, or
            a ``.npz`` file with an array for each input by its name: the search starts
            about the states that the model goes through. By default white noise at the RNN
            layer; without a constant input either, zeros there too.
        imported: a Python file that defines the classes of the model, or None.
        seed: seed of the noise and the search.
        n_inits: number of states to search from.
        verbose: show the progress bar of the search.
        say: called with each line of progress.

    Returns:
        The distinct points, and the names of the files written.
    """
    own = {} if imported is None else run_file(imported)
    with keras.saving.custom_object_scope(own):
        system = as_system(model, layer=layer)
    finder = FixedPointFinder(system, random_seed=seed, verbose=verbose)
    valid_bxt = None
    if drive is None:
        rng = np.random.default_rng(seed)
        noise = rng.standard_normal((N_TRIALS, 64, system.n_inputs))
        states = roll_out(system, noise)
    else:
        u = finder.rnn_inputs(_load_drive(drive, system))
        states, valid_bxt = finder.simulate(u), u.valid_bxt
    constant = _constant(system, constant_input, drive is not None, say)
    unique, figures = _search(finder, states, valid_bxt, constant, n_inits, say)
    return unique, _write(out, unique, figures)


def _load_drive(drive: Path, system: DynamicalSystem) -> Any:
    """Load inputs of the model from a file, in the structure that the model takes."""
    loaded = np.load(drive, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return loaded
    with loaded as arrays:
        return named_inputs(_path(system).model, dict(arrays))


def _path(system: DynamicalSystem) -> ModelPath:
    if system.path is None:
        raise ValueError(f"model: expected a model with an RNN layer, received {system!r}.")
    return system.path


def _constant(
    system: DynamicalSystem, given: Sequence[float] | None, is_driven: bool, say: Say
) -> np.ndarray:
    """Return the RNN layer's input, ``(1, n_inputs)``, under a constant input of the model."""
    path = _path(system)
    behind = path.describe().removeprefix("the inputs of ")
    if given is None and (not is_driven or path.gives_as_it_is()):
        if not path.gives_as_it_is():
            say(f"White noise and zero input are inputs of {behind}.")
        return np.zeros((1, system.n_inputs)).view(LayerArray)
    if path.gives_as_it_is():
        return np.array([given], dtype=float)
    values = [0.0] * n_features(path.model, system.n_inputs) if given is None else list(given)
    constant = constant_rnn_input(path, values)[None]
    say(f"The model's input {values} is {constant[0].tolist()} for {behind}.")
    return constant


def _search(
    finder: FixedPointFinder,
    states: np.ndarray,
    valid_bxt: np.ndarray | None,
    constant: np.ndarray,
    n_inits: int,
    say: Say,
) -> tuple[FixedPoints, dict[str, Figure]]:
    """Search from about the states that the network visits, draw what was found."""
    initial_states = finder.sample_states(
        states, n_inits, valid_bxt=valid_bxt, noise_scale=NOISE_SCALE
    )
    say(f"Searching from {n_inits:,} states at the input {constant[0].tolist()} ...")
    start = time.perf_counter()
    unique, all_points = finder.find_fixed_points(initial_states, constant)
    say(f"  searched in {time.perf_counter() - start:.1f} s")
    n_shown = min(30, len(states))
    figures = {
        "state_space": plotting.plot_fixed_points(
            unique, states, plot_batch_idx=range(n_shown), plot_start_time=10
        )[0],
        "eigenvalues": plotting.plot_eigenvalues(unique)[0],
        "q": plotting.plot_q(all_points)[0],
    }
    told = meaning(finder, unique, all_points, states, constant[0])
    for line in told.lines:
        say(f"  {line}")
    return unique, figures | told.figures


def _write(out: Path, unique: FixedPoints, figures: dict[str, Figure]) -> list[str]:
    from matplotlib import pyplot

    out.mkdir(parents=True, exist_ok=True)
    unique.save(out / "fixed_points.h5")
    for name, figure in figures.items():
        save_figure(figure, out / f"{name}.png")
        pyplot.close(figure)
    return [*(f"{name}.png" for name in figures), "fixed_points.h5"]
