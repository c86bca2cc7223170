"""Result of inference: named arrays, saved and read without TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from fixedpoint_tf._utils import hdf5
from fixedpoint_tf._utils.checks import as_numbers
from fixedpoint_tf._utils.hdf5_checks import Fault, Header, check_arrays, header_of

__all__ = ["Inferred"]

_PER_BIN = (
    "rates",
    "rates_sd",
    "factors",
    "inferred_input_mean",
    "inferred_input_sd",
    "generator_states",
    "controller_states",
)
_SAME_WIDTH = {
    "rates_sd": "rates",
    "inferred_input_sd": "inferred_input_mean",
    "initial_condition_sd": "initial_condition_mean",
}
_FORMAT: Any = {"format_name": "lfads_tf.Inferred", "format_version": 1}


class Inferred(NamedTuple):
    """Inferred rates, factors, inputs and initial conditions, NumPy arrays of float32.

    Attributes:
        rates: ``(n_trials, n_bins, n_neurons)``, in spikes/s; with another observation model
            than Poisson the expected data, in their unit.
        rates_sd: their standard deviation over the samples of the posterior, ``(n_trials,
            n_bins, n_neurons)``, in the same unit; 0 without samples. It measures the
            uncertainty of the model, not the distance from the true rates.
        factors: ``(n_trials, n_bins, n_factors)``.
        initial_condition_mean: mean of the posterior, ``(n_trials,
            n_initial_conditions)``.
        initial_condition_sd: its standard deviation, ``(n_trials, n_initial_conditions)``.
        generator_initial_states: states of the generator before the first bin, ``(n_trials,
            generator_units)``: :attr:`LFADS.generator <lfads_tf.model.LFADS.generator>`
            continues from there.
        inferred_input_mean: ``(n_trials, n_bins, n_inferred_inputs)``, of width 0 without
            controller.
        inferred_input_sd: standard deviation over samples and within each, of the same
            shape.
        generator_states: ``(n_trials, n_bins, generator_units)``.
        controller_states: ``(n_trials, n_bins, controller_units)``, or of width 0.

    Example:
        >>> shapes = {"rates": (2, 5, 3), "factors": (2, 5, 4)}
        >>> arrays = (np.zeros(shapes.get(name, (2, 5, 1))) for name in Inferred._fields)
        >>> found = Inferred(*arrays)
        >>> found.rates.shape, found.factors.shape
        ((2, 5, 3), (2, 5, 4))
    """

    rates: np.ndarray
    rates_sd: np.ndarray
    factors: np.ndarray
    initial_condition_mean: np.ndarray
    initial_condition_sd: np.ndarray
    generator_initial_states: np.ndarray
    inferred_input_mean: np.ndarray
    inferred_input_sd: np.ndarray
    generator_states: np.ndarray
    controller_states: np.ndarray

    def __repr__(self) -> str:
        n_trials, n_bins, n_neurons = self.rates.shape
        n_inferred = self.inferred_input_mean.shape[-1]
        inputs = f", {n_inferred} inferred inputs" if n_inferred else ""
        return (
            f"Inferred({n_trials} trials x {n_bins} bins x {n_neurons} neurons, "
            f"{self.factors.shape[-1]} factors{inputs})"
        )

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        """Write every array under its name, a dataset of float32 at the top of an HDF5 file.

        Args:
            path: path of the file, which ends in ``.h5``, ``.hdf5`` or ``.hdf``; its folder is
                made if need be.
            overwrite: replace an existing file, after the new one is complete.

        Raises:
            FileExistsError: the file exists, and ``overwrite`` is False.
            ValueError: the name has another ending, or an array another shape.

        Example:
            >>> import tempfile
            >>> per_bin, per_trial = np.zeros((2, 5, 3)), np.zeros((2, 3))
            >>> nothing = Inferred(*[per_bin] * 3, *[per_trial] * 3, *[per_bin] * 4)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     nothing.save(os.path.join(folder, "inferred.h5"))
            ...     Inferred.load(os.path.join(folder, "inferred.h5"))
            Inferred(2 trials x 5 bins x 3 neurons, 3 factors, 3 inferred inputs)
        """
        arrays = {
            name: as_numbers(array, name, dtype=np.float32)
            for name, array in self._asdict().items()
        }
        _check({name: header_of(array) for name, array in arrays.items()})
        hdf5.write(path, arrays, {}, **_FORMAT, overwrite=overwrite, make_folder=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Inferred:
        """Read what :meth:`save` wrote.

        Args:
            path: path of the file.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it is no HDF5 file, damaged, of another format or a later version.

        Example:
            >>> import tempfile
            >>> per_bin, per_trial = np.zeros((2, 5, 3)), np.zeros((2, 3))
            >>> nothing = Inferred(*[per_bin] * 3, *[per_trial] * 3, *[per_bin] * 4)
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     nothing.save(os.path.join(folder, "inferred.h5"))
            ...     Inferred.load(os.path.join(folder, "inferred.h5")).rates.shape
            (2, 5, 3)
        """
        arrays, _ = hdf5.read(path, **_FORMAT, attribute_names=(), check=_check)
        return cls(**arrays)


def _check(headers: Mapping[str, Header]) -> None:
    """Refuse arrays of other shapes than inference gives."""
    missing = [name for name in Inferred._fields if name not in headers]
    if missing:
        raise Fault(f"dataset {missing[0]!r}: missing")
    layout = {}
    for name in headers:
        axes: tuple[str, ...] = ("n_trials", "n_bins", _SAME_WIDTH.get(name, name))
        if name not in _PER_BIN:
            axes = ("n_trials", _SAME_WIDTH.get(name, name))
        if name in Inferred._fields:
            layout[name] = ("f", axes)
    check_arrays(headers, layout)
