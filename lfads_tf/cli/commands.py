"""Commands of the command line: fit, infer, report, demonstrate."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from fixedpoint_tf._utils import hdf5 as storage
from fixedpoint_tf._utils.files import file_names, writing
from lfads_tf._utils.checks import UNNAMED
from lfads_tf.analysis import report as reports
from lfads_tf.config import LFADSConfig
from lfads_tf.data import synthetic
from lfads_tf.data.formats import hdf5
from lfads_tf.data.session import Session
from lfads_tf.inference.result import Inferred
from lfads_tf.model import LFADS, load_model
from lfads_tf.training.checkpoints import read_history

__all__ = ["demo", "fit", "infer", "report"]

RUN = "run.json"
_READING = ("group", "axes", "bin_width", "valid_fraction")  # of trials
_WHY_NONE = (
    "Smoothed spikes have no bits/spike here: they contain the spikes that they would predict."
)
Say = Callable[[str], Any]


def sessions(
    data: Path,
    *,
    group: str | None,
    axes: Sequence[str] | None,
    bin_width: float | None,
    valid_fraction: float,
    seed: int,
) -> tuple[Session, Session]:
    """Return training and validation trials of a file, or draw them from all trials."""

    def read(split: str) -> Session:
        return Session.load(data, split=split, group=group, axes=axes, bin_width=bin_width)

    if hdf5.has_splits(data, group=group):
        return read("train"), read("valid")
    return read("all").split(valid_fraction, seed=seed)


def read_all(data: Sequence[Path], **reading: Any) -> tuple[list[Session], list[Session]]:
    """Return training and validation trials of each file, sessions with distinct names.

    Where names of sessions are missing or stand twice, those of the files take their place.
    """
    both = [sessions(path, **reading) for path in data]
    names = [train.name for train, _ in both]
    if len(both) > 1 and (UNNAMED in names or len(set(names)) < len(names)):
        both = [
            (
                dataclasses.replace(train, name=path.stem),
                dataclasses.replace(valid, name=path.stem),
            )
            for path, (train, valid) in zip(data, both, strict=True)
        ]
    return [train for train, _ in both], [valid for _, valid in both]


def fit(
    data: Sequence[Path],
    out: Path,
    *,
    group: str | None,
    axes: Sequence[str] | None,
    bin_width: float | None,
    valid_fraction: float | None,
    settings: Mapping[str, Any],
    epochs: int | None,
    batch_size: int | None,
    patience: int | None,
    resume: bool,
    overwrite: bool,
    say: Say,
) -> list[str]:
    """Fit a model to the trials of a file, or one model to those of several sessions.

    A run that is resumed goes on with what it began with.

    Args:
        data: files that :meth:`Session.load` reads, one per session; with ``resume``, none
            for those of the run.
        out: folder for the models, the history and the state of training.
        group: of the file, e.g. ``day0/trials``.
        axes: their order in the file; see :meth:`Session.load`.
        bin_width: in seconds, where the file does not tell it.
        valid_fraction: share of trials for validation, where the file does not tell them;
            none: 0.2, or the run's.
        settings: attributes of the configuration.
        epochs: at most; none: 1000, or the run's.
        batch_size: trials at most; none: 64, or the run's.
        patience: epochs without a better validation likelihood until training stops; none:
            80, or the run's.
        resume: go on with the run in ``out``.
        overwrite: begin anew over the run in ``out``.
        say: called with each line of progress.

    Returns:
        The names of the files in ``out``.

    Raises:
        FileExistsError: ``out`` holds a run, and neither ``resume`` nor ``overwrite``.
        FileNotFoundError: there is no such file.
        TypeError: an unknown attribute among the settings.
        ValueError: data that no model can take, an attribute out of range, or what
            contradicts the run that is to be resumed.
        FloatingPointError: a part of the loss is no longer finite.
    """
    asked: dict[str, Any] = {
        "group": group,
        "axes": axes,
        "bin_width": bin_width,
        "valid_fraction": valid_fraction,
        "batch_size": batch_size,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    defaults = {"valid_fraction": 0.2, "batch_size": 64}
    run = {**dict.fromkeys(asked), **defaults, **given}
    begun: Mapping[str, Any] = {}
    settings = dict(settings)
    if resume and (out / RUN).exists():
        begun = _begun(out, {**given, **settings})
        run = {name: begun.get(name) for name in asked}
        settings = {**begun["config"], **settings}
        for name in ("session_names", "session_neurons", "n_neurons"):
            settings.pop(name, None)  # what the sessions decide they decide again
        data = data or [Path(path) for path in begun["data"]]
    if not data:
        no_run = f", and {str(out)!r} holds no run" if resume else ""
        raise ValueError(f"DATA.h5: expected at least one file, received none{no_run}.")
    asked_limits = {"epochs": epochs, "patience": patience}
    given_limits = {name: value for name, value in asked_limits.items() if value is not None}
    limits = {"epochs": 1000, "patience": 80, **given_limits}
    limits |= {name: begun[name] for name in limits if name in begun}  # the run keeps its own
    now = {**limits, **given_limits}
    reading = {name: run.get(name) for name in _READING}
    trains, valids = read_all(data, **reading, seed=int(settings.get("seed", 0)))
    for one, judge in zip(trains, valids, strict=True):
        say(f"Training on {one}, validating on {judge.n_trials} trials.")
    train, valid = (trains, valids) if len(trains) > 1 else (trains[0], valids[0])
    model = LFADS(LFADSConfig.for_data(train, **settings))
    say(f"{model.config}: {model.count_params():,} weights.")
    model.compile()
    callbacks = model.default_callbacks(
        out, patience=now["patience"], resume=resume, overwrite=overwrite
    )
    paths = [str(path.resolve()) for path in data]
    run = {"data": paths, **run, **limits, "config": model.config.to_dict()}

    def write_run(logs: Any = None) -> None:
        """Write the run's description, after the checkpoint has accepted the folder."""
        with writing(out / RUN, overwrite=True) as path:
            path.write_text(json.dumps(run), encoding="utf-8")

    writer = keras.callbacks.LambdaCallback(on_train_begin=write_run)
    epochs, batch_size = now["epochs"], run["batch_size"]
    trained(model, train, valid, epochs, batch_size, [*callbacks, writer], say)
    return sorted(p.name for p in out.iterdir() if not p.name.startswith("."))


def _begun(out: Path, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Read the arguments that a run began with, and refuse others that contradict them."""
    run = json.loads((out / RUN).read_text(encoding="utf-8"))
    had = {**run, **run["config"]}
    names = [name for name in wanted if name in had and wanted[name] != had[name]]
    if names:
        begun, received = (
            ", ".join(f"{name}={of[name]!r}" for name in names) for of in (had, wanted)
        )
        raise ValueError(
            f"--resume: expected {begun}; received {received}, unlike the run in {str(out)!r}. "
            "It goes on with what it began with; --overwrite begins anew."
        )
    return dict(run)


def trained(
    model: LFADS,
    train: Session | list[Session],
    valid: Session | list[Session],
    epochs: int,
    batch_size: int,
    callbacks: list[Any],
    say: Say,
) -> dict[str, list[float]]:
    """Train a model, report progress, and return the history."""
    start = said = time.perf_counter()

    def tell(epoch: int, logs: dict[str, float]) -> None:
        nonlocal said
        now = time.perf_counter()
        if epoch == 0 or now - said >= 10:
            said = now
            say(
                f"  epoch {epoch + 1:4d}, {now - start:4.0f} s: likelihood "
                f"{-logs['nll']:.4f}, on validation trials {-logs['val_nll']:.4f} nats per "
                "sample"
            )

    telling = keras.callbacks.LambdaCallback(on_epoch_end=tell)
    history = model.fit(
        train,
        validation_data=valid,
        epochs=epochs,
        batch_size=batch_size,
        callbacks=[*callbacks, telling],
        verbose=0,
    ).history
    n_epochs = len(history.get("loss", ()))
    say(f"  {n_epochs} epochs, {time.perf_counter() - start:.0f} s, compiling included")
    return history


def infer(
    model: Path,
    data: Path,
    out: Path,
    *,
    group: str | None,
    axes: Sequence[str] | None,
    bin_width: float | None,
    session: str | None,
    split: str,
    n_samples: int,
    seed: int,
    overwrite: bool,
    say: Say,
) -> Inferred:
    """Infer the trials of a file by a trained model, and write the result.

    Args:
        model: a ``.keras`` file, or the folder of a run, whose best model it takes.
        data: an HDF5 file that :meth:`Session.load` reads.
        out: the file to write.
        group: of the file.
        axes: their order in the file; see :meth:`Session.load`.
        bin_width: in seconds; the model's where neither this nor the file tells it.
        session: name of the trials' session, for a model of several; None: that of
            the name in the file, else of the name of the file.
        split: ``all`` trials, or ``train``, ``valid`` or ``test`` where the file tells them
            apart.
        n_samples: number of samples of the posterior.
        seed: seed of the samples.
        overwrite: replace a file that is there.
        say: takes one line at a time.

    Returns:
        What was inferred.

    Raises:
        FileExistsError: ``out`` is there, and not ``overwrite``.
        FileNotFoundError: there is no such file of trials.
        TypeError: the file holds another kind of model.
        ValueError: no model at ``model``, trials that do not fit it, or a name of ``out``
            that is not one of HDF5.
    """
    storage.check_suffix(out, "--out")  # before the work, not after it
    if out.exists() and not overwrite:
        raise FileExistsError(f"--out: {str(out)!r} exists; --overwrite replaces it.")
    path = model / "best.keras" if model.is_dir() else model
    if not path.is_file():
        raise FileNotFoundError(
            f"model: expected a .keras file, or the folder of a run with best.keras in it, "
            f"received {str(model)!r}."
        )
    trained_model = load_model(path)
    config = trained_model.config
    try:
        trials = Session.load(data, group=group, axes=axes, bin_width=bin_width, split=split)
    except ValueError:
        if bin_width is not None:
            raise
        trials = Session.load(
            data, group=group, axes=axes, bin_width=config.bin_width, split=split
        )
    known = config.session_names
    if len(known) > 1:
        name = session or (trials.name if trials.name in known else data.stem)
        if name not in known:
            raise ValueError(
                f"--session: expected one of {', '.join(map(repr, known))}, received {name!r}."
            )
        trials = dataclasses.replace(trials, name=name)
    elif session not in (None, *known):
        raise ValueError(
            f"--session: expected none or {known[0]!r} for a model of one session, received "
            f"{session!r}."
        )
    say(f"Inferring {trials} ...")
    inferred = trained_model.infer(trials, n_samples=n_samples, seed=seed)
    inferred.save(out, overwrite=overwrite)
    return inferred


def report(out: Path, *, say: Say) -> tuple[str, list[str]]:
    """Draw and measure the run in a folder.

    Args:
        out: the folder of :func:`fit`; figures and ``report.md`` go there.
        say: takes one line at a time.

    Returns:
        The table, and the names of the files written.

    Raises:
        FileNotFoundError: the folder holds no run, or its trials are no longer there.
        ValueError: trials that no longer fit the model.
    """
    if not (out / RUN).exists():
        raise FileNotFoundError(f"DIR: {str(out)!r} holds no run: there is no {RUN} in it.")
    run = json.loads((out / RUN).read_text(encoding="utf-8"))
    reading = {name: run.get(name) for name in _READING}
    paths = [Path(path) for path in run["data"]]
    model = load_model(out / "best.keras")
    tables, names = [], []
    both = list(zip(*read_all(paths, **reading, seed=run["config"]["seed"]), strict=True))
    own = [path.name for path in out.iterdir() if not path.is_dir()]
    folders = file_names([train.name for train, _ in both], taken=[*own, "report.md"])
    for (train, valid), of_session in zip(both, folders, strict=True):
        say(f"Inferring the training and the validation trials of {train.name!r} ...")
        inferred = model.infer(train), model.infer(valid)
        table = reports.measured(model, train, valid, *inferred)
        folder = out / of_session if len(paths) > 1 else out
        folder.mkdir(exist_ok=True)
        drawn = reports.draw(folder, train, valid, inferred[1], read_history(out))
        names += [str((folder / name).relative_to(out)) for name in drawn]
        tables.append(f"{train.name}\n\n{table}" if len(paths) > 1 else table)
    text = "\n\n".join(tables)
    with writing(out / "report.md", overwrite=True) as path:
        path.write_text(f"# {model.config}\n\n{text}\n\n{_WHY_NONE}\n", encoding="utf-8")
    return text, [*names, "report.md"]


def demo(out: Path, *, seed: int, epochs: int, say: Say) -> tuple[str, list[str]]:
    """Make spikes of a Lorenz system, fit them, and compare with the true rates.

    Args:
        out: folder for figures, model, data and table.
        seed: seed of the data and of the model.
        epochs: at most.
        say: called with each line of progress.

    Returns:
        The table, and the names of the files written.
    """
    data = synthetic.lorenz(n_trials=500, n_conditions=50, mean_rate=10.0, seed=seed)
    train, valid = data.session.split(0.2, seed=seed)
    say(f"Spikes of neurons driven by a Lorenz system: {train}")
    model = LFADS(LFADSConfig.for_data(train, n_factors=8, seed=seed))
    model.compile()
    callbacks = model.default_callbacks(out, overwrite=True)
    out.mkdir(parents=True, exist_ok=True)
    data.session.save(out / "lorenz.h5", overwrite=True)
    history = trained(model, train, valid, epochs, 64, callbacks, say)
    inferred = model.infer(train), model.infer(valid)
    table = reports.measured(model, train, valid, *inferred)
    names = reports.draw(out, train, valid, inferred[1], history)
    inferred[1].save(out / "inferred.h5")
    return table, [*names, "lorenz.h5", "inferred.h5", "best.keras"]
