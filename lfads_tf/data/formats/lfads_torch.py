"""Files of lfads-torch: its data, and its outputs or those of a model here.

``SPLIT`` is ``train`` or ``valid``. Data: ``SPLIT_encod_data`` and ``SPLIT_recon_data``, with
``SPLIT_ext_input``, ``SPLIT_behavior``, ``SPLIT_truth`` and ``SPLIT_cond_idx`` where there is
something to tell. Output files repeat the data and add what was inferred:

=======================  =================================================
key                      here
=======================  =================================================
``SPLIT_output_params``  ``rates``, but in spikes/bin
``SPLIT_factors``        ``factors``
``SPLIT_ic_mean``        ``initial_condition_mean``
``SPLIT_ic_std``         ``initial_condition_sd``
``SPLIT_co_means``       ``inferred_input_mean``
``SPLIT_co_stds``        ``inferred_input_sd``
``SPLIT_gen_states``     ``generator_states``
``SPLIT_gen_init``       ``generator_initial_states``
``SPLIT_gen_inputs``     the inferred and the external inputs, side by side
``SPLIT_con_states``     ``controller_states``
=======================  =================================================

:meth:`lfads_tf.Session.load` reads the data.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from fixedpoint_tf._utils import hdf5
from fixedpoint_tf._utils.checks import (
    ArgumentKeyError,
    ArgumentTypeError,
    as_numbers,
    check_choice,
    check_instance,
    check_path,
    check_switch,
    shown,
)
from fixedpoint_tf._utils.files import writing
from fixedpoint_tf._utils.hdf5_checks import read_array
from lfads_tf._utils.checks import seconds_per_bin
from lfads_tf.data.session import Session

__all__ = ["read_output", "write_data", "write_output"]

_OUTPUTS = {
    "output_params": "rates",
    "factors": "factors",
    "ic_mean": "initial_condition_mean",
    "ic_std": "initial_condition_sd",
    "co_means": "inferred_input_mean",
    "co_stds": "inferred_input_sd",
    "gen_states": "generator_states",
    "gen_init": "generator_initial_states",
    "con_states": "controller_states",
}


def write_data(
    path: str | os.PathLike[str], train: Session, valid: Session, *, overwrite: bool = False
) -> None:
    """Write two sessions so that lfads-torch trains on them.

    True rates are written in spikes/bin, which is how lfads-torch compares them.

    Args:
        path: the file; its folder is made if need be.
        train: trials to train on.
        valid: trials to validate on, with the same neurons and bins.
        overwrite: whether an existing file is replaced.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
        TypeError: not sessions.
        ValueError: sessions that differ in more than their trials.

    Example:
        >>> import tempfile
        >>> train, valid = Session(np.ones((10, 50, 6)), 0.02).split()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_data(os.path.join(folder, "monday.h5"), train, valid)
        ...     Session.load(os.path.join(folder, "monday.h5"))
        Session('monday': 10 trials x 50 bins of 20 ms x 6 neurons)
    """
    check_path(path)
    check_instance(train, "train", Session)
    check_instance(valid, "valid", Session)
    check_switch(overwrite, "overwrite")
    _write(path, {**_data("train", train), **_data("valid", valid)}, train, valid, overwrite)


def write_output(
    path: str | os.PathLike[str],
    train: tuple[Session, Any],
    valid: tuple[Session, Any],
    *,
    overwrite: bool = False,
) -> None:
    """Write what was inferred as lfads-torch does, for programs that read its output.

    Args:
        path: the file; its folder is made if need be.
        train: the training trials and what inference returned for them.
        valid: the same of the validation trials.
        overwrite: whether an existing file is replaced.

    Raises:
        FileExistsError: the file exists and ``overwrite`` is false.
        TypeError: no session with what was inferred of it.
        ValueError: sessions that differ in more than their trials, or rates of another
            shape than the session's spikes.

    Example:
        >>> import tempfile, types
        >>> session, rates = Session(np.ones((4, 5, 6)), 0.02), np.full((4, 5, 6), 50.0)
        >>> inferred = types.SimpleNamespace(rates=rates, factors=rates[..., :2])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "output.h5")
        ...     write_output(path, (session, inferred), (session, inferred))
        ...     read_output(path, "valid", 0.02)["rates"].max()
        np.float32(50.0)
    """
    check_path(path)
    check_switch(overwrite, "overwrite")
    _check_pair(train, "train")
    _check_pair(valid, "valid")
    arrays: dict[str, Any] = {}
    for split, (session, inferred) in (("train", train), ("valid", valid)):
        if np.shape(inferred.rates) != session.spikes.shape:
            raise ValueError(
                f"{split}: expected rates of shape {session.spikes.shape}, as the spikes', "
                f"received {np.shape(inferred.rates)}."
            )
        arrays |= _data(split, session)
        for name, field in _OUTPUTS.items():
            value = getattr(inferred, field, None)
            if value is not None:
                scale = session.bin_width if field == "rates" else 1.0
                arrays[f"{split}_{name}"] = as_numbers(
                    value, f"{split}, {field}", dtype=np.float32
                ) * np.float32(scale)
        inputs = [arrays.get(f"{split}_co_means"), session.external_inputs]
        shown = [one for one in inputs if one is not None]
        if shown:
            arrays[f"{split}_gen_inputs"] = np.concatenate(shown, axis=-1)
    _write(path, arrays, train[0], valid[0], overwrite)


def read_output(
    path: str | os.PathLike[str], split: str, bin_width: float
) -> dict[str, np.ndarray]:
    """Read what lfads-torch inferred, under the names of
    :class:`~lfads_tf.inference.result.Inferred`.

    Args:
        path: the file, such as ``lfads_output_sess0.h5``.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        bin_width: in seconds; the file does not tell it.

    Returns:
        Arrays by name, rates in spikes/s if the model's observations are Poisson; what the
        file lacks is left out.

    Raises:
        ValueError: another split.
        KeyError: nothing was inferred for this split; the message lists what there is.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "output.h5")
        ...     with h5py.File(path, "w") as file:
        ...         file["valid_output_params"] = np.ones((2, 5, 3))
        ...     read_output(path, "valid", 0.02)["rates"][0, 0].tolist()
        [50.0, 50.0, 50.0]
    """
    check_choice(split, "split", ("train", "valid", "test"))
    width = seconds_per_bin(bin_width)
    with hdf5.opened(path) as file:
        holds = ", ".join(sorted(file)) or "nothing"
        found = {
            field: np.asarray(read_array(file[f"{split}_{name}"]))
            for name, field in _OUTPUTS.items()
            if f"{split}_{name}" in file
        }
    if not found:
        raise ArgumentKeyError(
            f"path: expected {split}_output_params and the like, received "
            f"{os.fspath(path)!r} with {holds}."
        )
    if "rates" in found:
        found["rates"] = found["rates"] / found["rates"].dtype.type(width)
    return found


def _check_pair(value: Any, argument: str) -> None:
    """Refuse anything but a session and what was inferred of it."""
    is_pair = isinstance(value, tuple | list) and len(value) == 2
    if not is_pair or not isinstance(value[0], Session) or not hasattr(value[1], "rates"):
        raise ArgumentTypeError(
            f"{argument}: expected a Session and what was inferred of it, received "
            f"{shown(value)}."
        )


def _data(split: str, session: Session) -> dict[str, Any]:
    n_bins, n_neurons = session.n_encode_bins, session.n_encode_neurons
    arrays: dict[str, Any] = {
        "encod_data": session.spikes[:, :n_bins, :n_neurons],
        "recon_data": session.spikes,
    }
    if session.external_inputs is not None:
        arrays["ext_input"] = session.external_inputs
    if session.behavior is not None:
        arrays["behavior"] = session.behavior
    if session.true_rates is not None:
        arrays["truth"] = session.true_rates * np.float32(session.bin_width)
    if session.conditions is not None:
        arrays["cond_idx"] = session.conditions
    return {f"{split}_{name}": value for name, value in arrays.items()}


def _write(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Any],
    train: Session,
    valid: Session,
    overwrite: bool,
) -> None:
    for what in ("bin_width", "n_bins", "n_neurons", "n_encode_bins", "n_encode_neurons"):
        ours, theirs = getattr(train, what), getattr(valid, what)
        if ours != theirs:
            raise ValueError(
                f"valid: expected the {what} of the training trials ({ours}), received "
                f"{theirs}."
            )
    for what in ("conditions", "behavior", "external_inputs", "true_rates"):
        ours, theirs = (getattr(one, what) is not None for one in (train, valid))
        if ours != theirs:
            received = "none" if ours else "some"
            raise ValueError(
                f"valid: expected {what} as the training trials, which have "
                f"{'them' if ours else 'none'}, received {received}."
            )
    for name, value in arrays.items():
        if np.asarray(value).dtype.kind == "U":
            hdf5.check_storable(np.ravel(value).tolist(), f"{name} (conditions)")
    with writing(path, overwrite=overwrite) as temporary, h5py.File(temporary, "w") as file:
        for name, value in arrays.items():
            if np.asarray(value).dtype.kind == "U":
                text = h5py.string_dtype()
                file.create_dataset(name, data=np.asarray(value).astype(object), dtype=text)
            else:
                file.create_dataset(name, data=value)
        if train.true_rates is not None:
            # Both programs take rates in the file for spikes/bin, times this factor.
            file["conversion_factor"] = 1.0
        file["bin_width"] = train.bin_width
