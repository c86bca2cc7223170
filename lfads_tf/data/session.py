"""One recording session: binned spikes, and the variables recorded with them."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import (
    ArgumentIndexError,
    ArgumentTypeError,
    as_numbers,
    check_fits,
    check_text,
    check_whole,
    listed,
    shown,
)
from fixedpoint_tf._utils.plurals import pluralize
from lfads_tf._utils.checks import (
    UNNAMED,
    check_infinity,
    in_session,
    refuse_flags,
    seconds_per_bin,
    warn_of_silent_neurons,
)
from lfads_tf._utils.conditions import as_conditions, condition_kinds
from lfads_tf.data.formats import hdf5
from lfads_tf.data.padding import as_lengths, as_trials, blank_beyond, pad, padded
from lfads_tf.data.splits import validation_trials

__all__ = ["Session"]

# What stands after the end of a short trial: a measured input must always be a number.
_PADDING = {"external_inputs": 0.0, "behavior": math.nan, "true_rates": math.nan}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Session:
    """Trials of one recording session, checked on construction.

    Arrays are held as read-only views, without a copy where they are float32 already; the
    arrays of the caller stay unchanged and writeable. Silent neurons cause a warning.

    Attributes:
        spikes: counts ``(n_trials, n_bins, n_neurons)``, float32; NaN where nothing was
            observed. They may be negative or fractional, as calcium or field potentials are:
            the model checks whether they suit its likelihood.
        bin_width: width of a bin in seconds.
        name: name of the session.
        external_inputs: measured inputs ``(n_trials, n_bins, n_external)``, finite.
        behavior: ``(n_trials, n_bins, n_behavior)``, NaN where unknown.
        conditions: ``(n_trials,)``, numbers or strings; NaN, None or empty text for a trial
            without a condition, or what NumPy and pandas make of these: the texts ``nan``,
            ``NaN``, ``<NA>`` and ``NaT``. The text ``None`` may be a condition, and is taken
            as one with a warning. Whole numbers above 2**53 beside such a trial become text.
        true_rates: ``(n_trials, n_bins, n_neurons)`` in spikes/s, if they are known.
        n_encode_neurons: number of neurons, from the first on, that the encoders see
            (co-smoothing); None: all.
        n_encode_bins: number of bins, from the first on, that the encoders see (forward
            prediction); None: all.

    Raises:
        TypeError: an attribute that is not an array of numbers, or not a number.
        ValueError: shapes that do not match, values out of range, infinity, or spikes that are
            NaN throughout.

    Example:
        >>> import numpy as np
        >>> spikes = np.random.default_rng(0).poisson(0.5, (8, 50, 12))
        >>> Session(spikes, bin_width=0.02, name="monday")
        Session('monday': 8 trials x 50 bins of 20 ms x 12 neurons)
    """

    spikes: np.ndarray
    bin_width: float
    name: str = UNNAMED
    external_inputs: np.ndarray | None = None
    behavior: np.ndarray | None = None
    conditions: np.ndarray | None = None
    true_rates: np.ndarray | None = None
    n_encode_neurons: int | None = None
    n_encode_bins: int | None = None

    def __post_init__(self) -> None:
        check_text(self.name, "name")
        with in_session(self.name):
            self._check()
        warn_of_silent_neurons(self.spikes, stacklevel=4)

    def _check(self) -> None:
        """Put checked arrays in the place of what was given."""
        spikes = as_numbers(self.spikes, "spikes", dtype=np.float32)
        if spikes.ndim != 3 or 0 in spikes.shape:
            hint = ""
            if spikes.ndim == 2:
                hint = " Cut a continuous recording into trials with segment or chop first."
            raise ValueError(
                "spikes: expected shape (n_trials, n_bins, n_neurons), none of them 0, "
                f"received {spikes.shape}.{hint}"
            )
        check_infinity(spikes, "spikes")
        if np.isnan(spikes).all():
            raise ValueError("spikes: expected observed samples, received NaN only.")
        self._set("spikes", _read_only(spikes))
        self._set("bin_width", seconds_per_bin(self.bin_width, stacklevel=5))
        n_trials, n_bins, n_neurons = spikes.shape
        for name in _PADDING:
            value = getattr(self, name)
            if value is None:
                continue
            array = as_numbers(value, name, dtype=np.float32)
            if array.ndim != 3 or array.shape[:2] != (n_trials, n_bins):
                raise ValueError(
                    f"{name}: expected shape (n_trials, n_bins, n) = ({n_trials}, {n_bins}, "
                    f"n), as the spikes have, received {array.shape}."
                )
            check_infinity(array, name)
            self._set(name, _read_only(array) if array.shape[2] else None)
        if self.true_rates is not None and self.true_rates.shape[2] != n_neurons:
            raise ValueError(
                f"true_rates: expected {n_neurons} neurons, as the spikes', received "
                f"{self.true_rates.shape[2]}."
            )
        if self.external_inputs is not None and np.isnan(self.external_inputs).any():
            raise ValueError(
                "external_inputs: expected finite numbers, received NaN. A model cannot leave "
                "out measured inputs: put a number, such as 0, where they are unknown."
            )
        if self.conditions is not None:
            self._set("conditions", _read_only(as_conditions(self.conditions, n_trials)))
        for name, most in (("n_encode_neurons", n_neurons), ("n_encode_bins", n_bins)):
            number = getattr(self, name)
            if number is not None:
                self._set(name, check_whole(number, name, most=most))

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # The way past a frozen dataclass.

    @property
    def n_trials(self) -> int:
        """Number of trials."""
        return self.spikes.shape[0]

    @property
    def n_bins(self) -> int:
        """Number of bins of a trial, the longest if they differ."""
        return self.spikes.shape[1]

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return self.spikes.shape[2]

    @property
    def lengths(self) -> np.ndarray:
        """Bins of each trial up to the last that is observed, ``(n_trials,)``."""
        observed = ~np.isnan(self.spikes).all(axis=2)
        last = self.n_bins - np.argmax(observed[:, ::-1], axis=1)
        return np.where(observed.any(axis=1), last, 0)

    def __len__(self) -> int:
        """Return the number of trials."""
        return self.n_trials

    def __repr__(self) -> str:
        """Describe the session in one line."""
        parts = [
            f"{self.n_trials} trials x {self.n_bins} bins of {1e3 * self.bin_width:g} ms x "
            f"{self.n_neurons} neurons"
        ]
        if self.conditions is not None:
            parts.append(pluralize(len(condition_kinds(self.conditions)), "condition"))
        if self.external_inputs is not None:
            parts.append(pluralize(self.external_inputs.shape[2], "external input"))
        if self.behavior is not None:
            parts.append(f"{self.behavior.shape[2]} of behavior")
        if self.true_rates is not None:
            parts.append("true rates")
        if self.n_encode_neurons is not None:
            parts.append(f"{pluralize(self.n_encode_neurons, 'neuron')} encoded")
        if self.n_encode_bins is not None:
            parts.append(f"{pluralize(self.n_encode_bins, 'bin')} encoded")
        return f"{type(self).__name__}({self.name!r}: {', '.join(parts)})"

    @classmethod
    def from_arrays(
        cls,
        spikes: Any,
        bin_width: float,
        *,
        name: str = UNNAMED,
        external_inputs: Any = None,
        behavior: Any = None,
        conditions: Any = None,
        true_rates: Any = None,
        lengths: Any = None,
        n_bins: int | None = None,
        n_encode_neurons: int | None = None,
        n_encode_bins: int | None = None,
    ) -> Session:
        """Return a session from arrays, or from lists of trials of different length.

        After the end of a short trial stand NaN (not observed, and so not fitted), and 0 in
        the external inputs.

        Args:
            spikes: counts ``(n_trials, n_bins, n_neurons)``, or a list of one array
                ``(n_bins_of_the_trial, n_neurons)`` for each trial.
            bin_width: width of a bin in seconds.
            name: name of the session.
            external_inputs: ``(n_trials, n_bins, n_external)``, or a list as of the spikes.
            behavior: ``(n_trials, n_bins, n_behavior)``, or a list as of the spikes.
            conditions: ``(n_trials,)``, numbers or strings; NaN, None or empty text for none.
            true_rates: in spikes/s, shaped as the spikes.
            lengths: lengths of the trials in bins, ``(n_trials,)``, where ``spikes`` is one
                array that holds anything after their ends.
            n_bins: number of bins to which the trials of a list are padded, such as that of
                a model that is to infer them; None: that of the longest trial.
            n_encode_neurons: see :class:`Session`.
            n_encode_bins: see :class:`Session`.

        Raises:
            TypeError: as :class:`Session`.
            ValueError: as :class:`Session`; lists whose trials differ in length from the
                spikes'.

        Example:
            >>> import numpy as np
            >>> session = Session.from_arrays([np.ones((30, 4)), np.ones((50, 4))], 0.02)
            >>> session, session.lengths
            (Session('session': 2 trials x 50 bins of 20 ms x 4 neurons), array([30, 50]))
        """
        check_text(name, "name")
        with in_session(name):
            trials = as_trials(spikes, "spikes")
            if trials is not None:
                own = np.array([len(trial) for trial in trials])
                refuse_flags(lengths, "lengths", "whole numbers of bins")
                longest = int(own.max())
                if n_bins is not None:
                    n_bins = check_whole(
                        n_bins, "n_bins", longest, for_=", the longest trial's"
                    )
                    check_fits("n_bins", n_bins, n_bins, len(trials), trials[0].shape[1])
                spikes = pad(trials, n_bins or longest, math.nan)
                if lengths is not None and not np.array_equal(lengths, own):
                    raise ValueError(
                        "lengths: expected none, or those of the list of spikes "
                        f"({listed(own)}), received {lengths!r}."
                    )
                lengths = own
            elif n_bins is not None:
                raise ValueError(
                    "n_bins: expected none for spikes in one array, whose bins are there, "
                    f"received {n_bins!r}."
                )
            elif lengths is not None:
                spikes = as_numbers(spikes, "spikes", dtype=np.float32)
                if spikes.ndim != 3:
                    raise ValueError(
                        "spikes: expected shape (n_trials, n_bins, n_neurons), received "
                        f"{spikes.shape}."
                    )
                lengths = as_lengths(lengths, len(spikes), spikes.shape[1])
                spikes = blank_beyond(spikes, lengths, math.nan)
            beside = {
                "external_inputs": external_inputs,
                "behavior": behavior,
                "true_rates": true_rates,
            }
            for key, value in beside.items():
                beside[key] = padded(value, key, lengths, np.shape(spikes), _PADDING[key])
        return cls(
            spikes,
            bin_width,
            name,
            conditions=conditions,
            n_encode_neurons=n_encode_neurons,
            n_encode_bins=n_encode_bins,
            **beside,
        )

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        *,
        split: str = "all",
        bin_width: float | None = None,
        name: str | None = None,
        group: str | None = None,
        truth_unit: str | None = None,
        axes: Sequence[str] | None = None,
    ) -> Session:
        """Return a session from an HDF5 file, ours or another program's, or from MATLAB's.

        Of MATLAB's ``save`` all versions from 6 are read; ``group`` is then a structure.
        The layouts and their keys stand in ``lfads_tf/data/formats/layouts.py``: those of
        lfads-torch, those of autolfads-tf2 (and the first LFADS), and plain ``spikes``.

        Args:
            path: the file.
            split: ``"all"`` trials, in their original order where the file tells it;
                ``"train"`` or ``"valid"``, as another program divided them; ``"test"`` of
                lfads-torch, whose held-out samples are NaN.
            bin_width: in seconds; needed where the file does not tell it. Another program's
                file is overruled by it, with a warning.
            name: name of the session; None: the file's.
            group: read what lies below this group, such as ``"day0/trials"``.
            truth_unit: of true rates, ``"spikes/s"`` or ``"spikes/bin"``. None: in
                spikes/s, or, where the file has a ``conversion_factor``, as the other
                programs read it: spikes/bin after division by it.
            axes: the order of ``"trials"``, ``"bins"`` and ``"neurons"`` in another program's
                file (of MATLAB: as ``size`` tells it there); None: that order. In
                MATLAB a trial may also be a cell with a matrix; ``axes`` begins with what a
                cell is.

        Raises:
            FileNotFoundError: there is no such file.
            TypeError: as :class:`Session`.
            ValueError: no HDF5 file or a damaged one; axes that only the user can tell apart
                (``axes``), or that labels contradict; no known layout (the message lists
                what the file holds and what each layout needs); no bin width; what
                :class:`Session` refuses.

        Example:
            >>> import os, tempfile
            >>> import h5py, numpy as np
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "monday.h5")
            ...     with h5py.File(path, "w") as file:
            ...         file["train_data"] = np.ones((4, 50, 6))
            ...         file["valid_data"] = np.ones((1, 50, 6))
            ...     Session.load(path, bin_width=0.02)
            Session('monday': 5 trials x 50 bins of 20 ms x 6 neurons)
        """
        check_text(name, "name", none=True)
        fields = hdf5.read(
            path,
            split=split,
            bin_width=bin_width,
            group=group,
            truth_unit=truth_unit,
            axes=axes,
        )
        if name is not None:
            fields["name"] = name
        known = {field.name for field in dataclasses.fields(cls)}
        with hdf5.faults_named(path):
            return cls(**{key: value for key, value in fields.items() if key in known})

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Save all of the session to an HDF5 file, whole or not at all.

        Args:
            path: the file, which ends in ``.h5``, ``.hdf5`` or ``.hdf``; its folder is made
                if need be.
            overwrite: whether an existing file is replaced.

        Raises:
            FileExistsError: the file exists and ``overwrite`` is false.
            ValueError: the name has another ending.

        Example:
            >>> import os, tempfile
            >>> import numpy as np
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "monday.h5")
            ...     Session(np.ones((4, 50, 6)), 0.02, "monday").save(path)
            ...     Session.load(path)
            Session('monday': 4 trials x 50 bins of 20 ms x 6 neurons)
        """
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        hdf5.write(path, fields, overwrite=overwrite)

    def trials(self, index: Any) -> Session:
        """Return a session of the selected trials, in the order of ``index``.

        Args:
            index: a number, a slice, numbers, or a mask ``(n_trials,)``.

        Raises:
            TypeError: neither numbers of trials nor a mask.
            IndexError: trials that are not there.
            ValueError: no trials.

        Example:
            >>> import numpy as np
            >>> Session(np.ones((4, 50, 6)), 0.02).trials([0, 2])
            Session('session': 2 trials x 50 bins of 20 ms x 6 neurons)
        """
        if isinstance(index, slice):
            try:
                index.indices(self.n_trials)
            except (TypeError, ValueError) as error:
                raise ArgumentTypeError(
                    f"index: expected a slice of whole numbers, received {index!r}."
                ) from error
        chosen = index if isinstance(index, slice) else self._chosen(index)
        if np.arange(self.n_trials)[chosen].size == 0:
            raise ValueError(f"index: expected at least one trial, received {shown(index)}.")
        # Checked already, and a neuron silent in a few trials is no news: past __init__.
        part = object.__new__(type(self))
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            is_array = isinstance(value, np.ndarray)
            part._set(field.name, _read_only(value[chosen]) if is_array else value)
        return part

    def _chosen(self, index: Any) -> np.ndarray:
        """Return numbers of trials, or a mask."""
        chosen = as_numbers(index, "index", dtype=None, finite=True, whole=True)
        n = self.n_trials
        if chosen.ndim > 1 or (chosen.dtype == bool and chosen.shape != (n,)):
            raise ValueError(
                f"index: expected numbers of trials or a mask of shape ({n},), received an "
                f"array of shape {chosen.shape} of {chosen.dtype}."
            )
        if chosen.dtype != bool:
            beyond = chosen[(chosen < -n) | (chosen >= n)]
            if beyond.size:
                raise ArgumentIndexError(
                    f"index: expected numbers of trials from 0 to {n - 1}, received "
                    f"{beyond.flat[0]}."
                )
            chosen = chosen.astype(np.int64)
        return np.atleast_1d(chosen)

    def split(self, valid_fraction: float = 0.2, *, seed: int = 0) -> tuple[Session, Session]:
        """Split trials at random for training and validation.

        With conditions, each gives its share of validation trials, up to rounding, and
        keeps a trial for training where it can. Both parts have at least one trial and
        keep the order of trials.

        Args:
            valid_fraction: share of the trials for validation, between 0 and 1.
            seed: the same seed gives the same split.

        Returns:
            The training and the validation session.

        Raises:
            ValueError: a fraction out of range, or fewer than two trials.

        Example:
            >>> import numpy as np
            >>> session = Session(np.ones((10, 50, 6)), 0.02, conditions=np.arange(10) % 2)
            >>> train, valid = session.split(0.2)
            >>> len(train), sorted(valid.conditions.tolist())
            (8, [0, 1])
        """
        is_valid = validation_trials(self.n_trials, valid_fraction, seed, self.conditions)
        return self.trials(~is_valid), self.trials(is_valid)


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
