"""Checkpoints of training: best and last model, and the state to resume from.

A folder holds ``best.keras`` and ``last.keras``, models to load (the same until the warm-up
of the loss has ended, before which nothing is judged); ``history.csv``, a line per epoch; and
``state.h5``: weights, optimizer, the memory of the callbacks and the epoch. Everything random
follows from seed and step, and the order of trials from seed and epoch, so that training
which goes on from that file equals training that was never broken off. It is written last:
what it says is done, the other files have. It also tells the configuration and the trials of
its run, and another run is not taken for it.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import math
import os
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock
import keras
import numpy as np

from fixedpoint_tf._utils.checks import (
    ArgumentTypeError,
    check_number,
    check_switch,
    check_whole,
    listed,
)
from fixedpoint_tf._utils.files import remove_leftovers, writing
from fixedpoint_tf._utils.keras_files import damage
from lfads_tf.config import renamed
from lfads_tf.training import run_state
from lfads_tf.training.callbacks import (
    LEAST_RATE,
    MONITOR,
    EarlyStopping,
    Plateau,
    SmoothedValidation,
)

__all__ = ["Checkpoint", "default_callbacks", "digest", "read_history", "settings_of"]

STATE, HISTORY, BEST, LAST = "state.h5", "history.csv", "best.keras", "last.keras"
_FILES = (STATE, HISTORY, BEST, LAST)
LOCK = ".lock"
#: There while files of a run are written, or removed, that have no state yet.
BEGUN = ".begun"

#: Files of the folder that the command line writes.
_WRITTEN_BESIDE = ("run.json", "report.md")


def default_callbacks(
    directory: str | os.PathLike[str] | None = None,
    *,
    patience: int = 80,
    lr_patience: int = 20,
    lr_factor: float = 0.5,
    least_learning_rate: float = LEAST_RATE,
    resume: bool = False,
    overwrite: bool = False,
    save_every: float = 30.0,
) -> list[keras.callbacks.Callback]:
    """Make callbacks for learning rate, early stopping and, with a folder, checkpoints.

    All use the validation likelihood smoothed over epochs, and start after the warm-up of the
    loss.

    Args:
        directory: folder for the best and the last model, the history and the state of
            training; None: nothing is written.
        patience: epochs without a better value until training stops.
        lr_patience: epochs without a better value until the learning rate falls.
        lr_factor: factor by which the learning rate falls.
        least_learning_rate: lower bound of the learning rate; ``fit`` refuses one above the
            present rate.
        resume: continue the run in the folder, if there is one; the result is the same as
            without the interruption. ``fit`` refuses another configuration, optimizer, size of
            batches or other trials than the run's.
        overwrite: begin anew in a folder that holds a run.
        save_every: least number of seconds between two savings.

    Returns:
        Callbacks for ``fit``, in the order that they must have.

    Raises:
        FileExistsError: the folder holds a run, and neither ``resume`` nor ``overwrite`` is
            set; or files of such names without a state from which to resume.
        TypeError: a ``directory`` that is no path.
        ValueError: a number out of range; a path that cannot be a folder, or a folder whose
            files are devices; both ``resume`` and ``overwrite``, or either without a folder.

    Example:
        >>> [type(callback).__name__ for callback in default_callbacks(patience=40)]
        ['SmoothedValidation', 'Plateau', 'EarlyStopping']
    """
    check_whole(patience, "patience", least=0)
    check_whole(lr_patience, "lr_patience", least=0)
    check_number(lr_factor, "lr_factor", high=1.0)
    check_number(least_learning_rate, "least_learning_rate", closed="low")
    check_switch(resume, "resume")
    check_switch(overwrite, "overwrite")
    check_number(save_every, "save_every", closed="low")
    if resume and overwrite:
        raise ValueError("resume: expected resume or overwrite, received both as True.")
    remembered: list[Any] = [
        SmoothedValidation(),
        Plateau(
            MONITOR,
            mode="min",
            factor=lr_factor,
            patience=lr_patience,
            min_delta=0.0,
            min_lr=least_learning_rate,
        ),
        EarlyStopping(MONITOR, mode="min", patience=patience, restore_best_weights=True),
    ]
    if directory is None:
        for name, asked in (("resume", resume), ("overwrite", overwrite)):
            if asked:
                raise ValueError(f"{name}: expected a directory beside it, received none.")
        return remembered
    if not isinstance(directory, str | os.PathLike):
        raise ArgumentTypeError(f"directory: expected a path, received {directory!r}.")
    if not str(directory) or "\0" in str(directory):
        raise ValueError(f"directory: expected a path, received {directory!r}.")
    if os.path.isfile(directory):
        raise ValueError(f"directory: expected a folder, received the file {directory!r}.")
    _check_folder(Path(directory))
    checkpoint = Checkpoint(
        directory, remembered, resume=resume, overwrite=overwrite, every=save_every
    )
    return [*remembered, checkpoint]


class Checkpoint(keras.callbacks.Callback):
    """Callback that writes a folder during training, placed after those it records.

    Args:
        directory: made if it is not there.
        remembered: callbacks with a ``state``, among them one with ``best_weights``.
        resume: go on from the folder's state, if there is one.
        overwrite: begin anew in a folder that holds a run.
        every: seconds between two writings at least; the end is always written.

    From the beginning of ``fit`` to its end the folder belongs to its run, and another one, of
    any process, is refused; so is, without ``resume`` and ``overwrite``, a second ``fit`` with
    the same callback.

    Raises:
        FileExistsError: the folder holds a run, and neither ``resume`` nor ``overwrite``; or
            files of a run without its state, and not ``overwrite``.
        ValueError: one of its files is a folder, device or pipe.

    Example:
        >>> import tempfile
        >>> from lfads_tf import LFADS, LFADSConfig
        >>> spikes = np.random.default_rng(0).poisson(0.5, (20, 10, 6))
        >>> model = LFADS(LFADSConfig(n_neurons=6, n_bins=10, bin_width=0.02, n_factors=3))
        >>> model.compile(jit_compile=False)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = model.fit(spikes, callbacks=[Checkpoint(folder)], verbose=0)
        ...     sorted(os.listdir(folder))
        ['best.keras', 'history.csv', 'last.keras', 'state.h5']
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        remembered: Sequence[Any] = (),
        *,
        resume: bool = False,
        overwrite: bool = False,
        every: float = 30.0,
    ) -> None:
        super().__init__()
        self.directory, self.remembered = Path(directory), list(remembered)
        self.resume, self.every = resume, every
        self.swaps: list[keras.callbacks.Callback] = []
        self.history: dict[str, list[float]] = {}
        self.settings: dict[str, Any] = {}
        self.trials: dict[str, str | None] = {}
        self._written = time.monotonic()
        self._best_written: int | None = None
        self.overwrite, self._goes_on = overwrite, False
        self._check_is_free()

    def _check_is_free(self) -> None:
        """Refuse a folder that holds another run, or what may be some of one."""
        for name in _FILES:
            path = self.directory / name
            if path.exists() and not path.is_file():
                raise ValueError(
                    f"directory: expected a folder in which {name} is a file, received "
                    f"{str(self.directory)!r}, in which it is a folder, device or pipe."
                )
        held = [name for name in (BEST, LAST, HISTORY) if (self.directory / name).exists()]
        has_state = (self.directory / STATE).exists()
        if self.overwrite or not (held or has_state):
            return
        if not has_state:
            if (self.directory / BEGUN).exists():  # killed before there was one to lose
                return
            raise FileExistsError(
                f"directory: expected a folder with the state of a run to go on from, or none "
                f"of its files, received {str(self.directory)!r}, which holds {listed(held)}, "
                f"but no {STATE}. Move them, or give another folder; overwrite=True "
                "(--overwrite) replaces them."
            )
        if not self.resume:
            raise FileExistsError(
                f"directory: {str(self.directory)!r} holds a run. resume=True (--resume) goes "
                "on with it, overwrite=True (--overwrite) begins anew."
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Take the folder for a run, and remove what a killed one left half-written.

        Raises:
            FileExistsError: another run, of this process or another, writes to the folder; or
                it holds a run that must not be replaced.
            OSError: the folder cannot be written to.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(self.directory / LOCK)
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout as error:
            raise FileExistsError(
                f"directory: expected a folder to which no other run writes, received "
                f"{str(self.directory)!r}, to which another run is writing. Wait for its "
                "end, or give another folder."
            ) from error
        try:
            self._check_is_free()
            remove_leftovers(self.directory, (*_FILES, *_WRITTEN_BESIDE))
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows removes no file that is open
                (self.directory / LOCK).unlink()
            lock.release()

    def begin(self, settings: Mapping[str, Any], trials: Mapping[str, Any]) -> tuple[int, bool]:
        """Note the settings and trials of a run, and find the epoch it begins with.

        Args:
            settings: the configuration, and what else decides how training goes, by name.
            trials: of each argument the arrays of its trials, whose :func:`digest` is noted;
                those of a ``tf.data.Dataset`` are not compared.

        Returns:
            The epoch to begin with, and whether the run of the folder has finished.

        Raises:
            ValueError: the folder that is to be resumed holds another run.
        """
        self.settings = dict(settings)
        self.trials = {n: digest(a) if isinstance(a, dict) else None for n, a in trials.items()}
        self._goes_on = False
        if not self.resume or not (self.directory / STATE).exists():
            return 0, False
        state = run_state.read(self.directory / STATE)
        theirs = {name: state[name] for name in ("settings", "trials")}
        epoch, stopped = int(state["epoch"]), bool(state["stopped"])
        theirs["settings"] = {renamed(k): value for k, value in theirs["settings"].items()}
        expected: list[str] = []
        received: list[str] = []
        if names := _differing(theirs["settings"], self.settings):
            for of, values in ((expected, theirs["settings"]), (received, self.settings)):
                of.append(", ".join(f"{name}={values.get(name)!r}" for name in names))
        if names := _differing(theirs["trials"], self.trials):
            expected.append("its own trials")
            received.append(f"other trials in {', '.join(names)}")
        if expected:
            raise ValueError(
                f"resume: expected {' and '.join(expected)}; received "
                f"{' and '.join(received)}, unlike the run in {str(self.directory)!r}. Give "
                "what it began with or another folder; overwrite=True begins anew."
            )
        self._goes_on = True
        return epoch + 1, stopped

    def fill(self, history: keras.callbacks.History) -> None:
        """Add all epochs of a resumed run to Keras's history."""
        columns = dict(self.history)
        history.epoch = [int(epoch) for epoch in columns.pop("epoch", [])]
        history.history = columns

    def on_train_begin(self, logs: Any = None) -> None:
        self.history = {}
        self._written, self._best_written = time.monotonic(), None
        if self._goes_on:
            self.restore(self.model)
            for swap in self.swaps:  # as at the end of the epoch that was written
                swap.on_epoch_end(-1)
            self._mend()
            return
        # Nothing of an older run may be taken for this one's; its state goes first.
        (self.directory / BEGUN).touch()
        for name in _FILES:
            Path(os.path.realpath(self.directory / name)).unlink(missing_ok=True)
        (self.directory / BEGUN).unlink()

    def _mend(self) -> None:
        """Write again, and say so, what is gone or damaged since the state was written."""
        wrong = [name for name in (BEST, LAST) if damage(self.directory / name) is not None]
        if wrong:
            self._save_models()
        if not _begins_with(self.directory, self.history):
            _write_history(self.directory / HISTORY, self.history)
            wrong.append(HISTORY)
        if wrong:
            warnings.warn(
                f"directory: expected the files of a run, received {str(self.directory)!r}, in "
                f"which {listed(wrong)} was missing or damaged and is written again.",
                stacklevel=2,
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        values = {"epoch": epoch, **{name: float(v) for name, v in (logs or {}).items()}}
        n_before = max(map(len, self.history.values()), default=0)
        for name in {**self.history, **values}:  # with gaps where there was no validation
            column = self.history.setdefault(name, [math.nan] * n_before)
            column.append(values.get(name, math.nan))
        last = self.model.stop_training or epoch + 1 == self.params["epochs"]
        if last or time.monotonic() - self._written >= self.every:
            if not (self.directory / STATE).exists():
                (self.directory / BEGUN).touch()
            self._save_models()
            _write_history(self.directory / HISTORY, self.history)
            self._write_state(epoch)
            (self.directory / BEGUN).unlink(missing_ok=True)
            self._written = time.monotonic()

    def _best(self) -> Any:
        holders = [c for c in self.remembered if getattr(c, "best_weights", None) is not None]
        return holders[0] if holders else None

    def _save_models(self) -> None:
        model, best = self.model, self._best()
        self._save(LAST)
        if best is None:  # nothing is judged before the warm-up has ended
            self._save(BEST)
        elif best.best_epoch != self._best_written:
            weights = model.get_weights()
            model.set_weights(best.best_weights)
            try:
                self._save(BEST)
            finally:
                model.set_weights(weights)
            self._best_written = best.best_epoch

    def _save(self, name: str) -> None:
        with writing(self.directory / name, overwrite=True) as path:
            keras.Model.save(self.model, path)

    def _write_state(self, epoch: int) -> None:
        model, best = self.model, self._best()
        lists = {
            "weights": model.get_weights(),
            "optimizer": [np.asarray(v) for v in model.optimizer.variables],
        }
        if best is not None:
            lists["best"] = best.best_weights
        with writing(self.directory / STATE, overwrite=True) as path:
            run_state.write(
                path,
                lists,
                epoch=epoch,
                stopped=model.stop_training,
                settings=self.settings,
                trials=self.trials,
                memory=[{name: getattr(c, name) for name in c.state} for c in self.remembered],
                history=self.history,
            )

    def restore(self, model: keras.Model) -> None:
        """Restore a model, and the callbacks, to the state of the folder.

        Args:
            model: compiled, with the configuration and the optimizer of the folder's run.
        """
        state = run_state.read(self.directory / STATE)
        variables, values = model.optimizer.variables, state["optimizer"]
        for whose, own, given in (
            ("model", model.weights, state["weights"]),
            ("optimizer", variables, values),
        ):
            _check_shapes(self.directory / STATE, whose, own, given)
        model.set_weights(state["weights"])
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.history = state["history"]
        for callback, remembered in zip(self.remembered, state["memory"], strict=True):
            if set(remembered) != set(callback.state):
                raise ValueError(
                    f"resume: expected a state with {', '.join(callback.state)} of "
                    f"{type(callback).__name__}, received {remembered}."
                )
            for name, value in remembered.items():
                # Kerases since 3.9 have no best value before the first, those before infinity.
                is_none_yet = name == "best" and value is None
                setattr(callback, name, math.inf if is_none_yet else value)
            if "best" in state and hasattr(callback, "best_weights"):
                callback.best_weights = state["best"]


def _check_folder(path: Path) -> None:
    """Refuse what is no folder and can become none."""
    made = []
    try:
        for folder in [*reversed(path.parents), path]:
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
        if not path.is_dir():
            raise NotADirectoryError("a file, device or pipe is there")
    except PermissionError:  # the system's own words when it is written to
        pass
    except OSError as error:
        raise ValueError(
            f"directory: expected a folder, received {str(path)!r}, which is not a folder "
            f"and cannot become one ({error.strerror or error})."
        ) from error
    finally:
        with contextlib.suppress(OSError):  # another process has put something there
            for folder in reversed(made):
                folder.rmdir()


def _begins_with(directory: Path, history: Mapping[str, list[float]]) -> bool:
    """Test whether the written history has that of the state, or more."""
    try:
        written = read_history(directory)
    except (OSError, ValueError):
        return False
    n = len(history["epoch"])
    return all(
        np.array_equal(written.get(name, [])[:n], values, equal_nan=True)
        for name, values in history.items()
    )


def _check_shapes(path: Path, whose: str, own: Sequence[Any], given: Sequence[Any]) -> None:
    """Refuse values that are not those of the variables of a model or an optimizer."""
    expected, received = ([tuple(v.shape) for v in of] for of in (own, given))
    if expected != received:
        raise ValueError(
            f"resume: expected a state with the variables of this {whose}, of shapes "
            f"{expected}, received {os.fspath(path)!r} with {received}."
        )


def settings_of(optimizer: keras.optimizers.Optimizer) -> dict[str, Any]:
    """Return all settings of an optimizer by name, as a file holds them.

    Args:
        optimizer: Keras optimizer; of one that scales losses also those of the one within.

    Example:
        >>> settings = settings_of(keras.optimizers.SGD(0.5, momentum=0.25))
        >>> settings["optimizer"], settings["optimizer.momentum"]
        ('SGD', 0.25)
    """
    settings: dict[str, Any] = {"optimizer": type(optimizer).__name__}
    inner = getattr(optimizer, "inner_optimizer", None)
    config = json.loads(json.dumps(optimizer.get_config(), default=repr))
    for name, value in config.items():
        if name == "inner_optimizer":
            settings |= {f"inner_{key}": value for key, value in settings_of(inner).items()}
        elif name != "name":  # which counts the optimizers made in this process
            settings[f"optimizer.{name}"] = value
    return settings


def _differing(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """List the attributes of a written run that differ now."""
    names = [name for name in theirs if theirs[name] != ours.get(name)]
    if "optimizer" in names:  # another optimizer has other settings
        names = [name for name in names if not name.startswith("optimizer.")]
    return names


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Hash the spikes and external inputs of trials.

    Args:
        arrays: of :func:`lfads_tf.training.trial_arrays.as_arrays`.

    Example:
        >>> one, other = np.zeros((2, 3, 4), np.float32), np.zeros((4, 3, 2), np.float32)
        >>> digest({"spikes_btn": one}) == digest({"spikes_btn": other})
        False
    """
    made = hashlib.blake2b(digest_size=16)
    for name in sorted({"spikes_btn", "external_bte"} & set(arrays)):
        array = np.ascontiguousarray(arrays[name])
        made.update(f"{name}{array.shape}".encode())
        made.update(array.reshape(-1).view(np.uint8).data)
    return made.hexdigest()


def _write_history(path: Path, history: dict[str, list[float]]) -> None:
    with writing(path, overwrite=True) as temporary:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(history)
            rows.writerows(zip(*history.values(), strict=True))


def read_history(directory: str | os.PathLike[str]) -> dict[str, list[float]]:
    """Return the columns of a folder's ``history.csv``.

    Args:
        directory: that a :class:`Checkpoint` wrote.

    Returns:
        Lists by name, a number per epoch, NaN where there was none.

    Raises:
        FileNotFoundError: the folder holds no history.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "history.csv").write_text("epoch,loss\\n0,2.5\\n1,2.0\\n")
        ...     read_history(folder)
        {'epoch': [0.0, 1.0], 'loss': [2.5, 2.0]}
    """
    with (Path(directory) / HISTORY).open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return {n: [float(v) for v in column] for n, column in zip(names, columns, strict=True)}
