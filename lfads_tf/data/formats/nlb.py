"""Files of the Neural Latents Benchmark: spikes in, predicted rates out.

Pei et al. (2021, arXiv:2109.04463). Its trials are ``(n_trials, n_bins, n_neurons)``; neurons
are *held in* (shown to a model in all trials) or *held out* (of the evaluated trials, hidden),
and bins *forward* of a trial's end are to be predicted too.

=============  ==============================================================================
file           keys
=============  ==============================================================================
training       ``train_spikes_heldin``, ``train_spikes_heldout``; if known,
               ``train_spikes_heldin_forward``, ``train_spikes_heldout_forward``,
               ``train_behavior``
evaluation     ``eval_spikes_heldin``; if known, ``eval_spikes_heldout`` and the same
               ``..._forward``, ``eval_behavior``
predictions    ``train_rates_heldin``, ``train_rates_heldout``, ``eval_rates_heldin``,
               ``eval_rates_heldout``, and the same ``..._forward``; in **spikes/bin**
targets        ``eval_spikes_heldout``, ``train_behavior``, ``eval_behavior``; for some,
               ``eval_spikes_heldin_forward``, ``eval_spikes_heldout_forward``, ``psth``,
               ``eval_cond_idx``, ``eval_jitter``, ``train_decode_mask``,
               ``eval_decode_mask``
=============  ==============================================================================

Predictions and targets lie in one group for each data set, named after it and its bins:
``mc_maze`` for 5 ms and ``mc_maze_20`` for 20 ms; training and evaluation data lie at the top
of a file. In the middle stands a :class:`~lfads_tf.Session` whose neurons are those held
in, then those held out, and whose bins are those of the trial, then those forward of it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from fixedpoint_tf._utils import hdf5
from fixedpoint_tf._utils.checks import (
    ArgumentKeyError,
    as_numbers,
    check_choice,
    check_instance,
    check_mapping,
    check_path,
    check_switch,
    check_text,
    listed,
)
from fixedpoint_tf._utils.files import writing
from fixedpoint_tf._utils.hdf5_checks import read_array
from lfads_tf._utils.checks import seconds_per_bin
from lfads_tf._utils.rate_units import warn_of_rate_unit
from lfads_tf.data.formats.nlb_names import check_array_names, check_dataset
from lfads_tf.data.session import Session

__all__ = ["group_name", "predictions", "read", "session", "spikes_of", "write"]

_SPLITS = ("train", "eval")
_BLOCKS = ("heldin", "heldout", "heldin_forward", "heldout_forward")


def group_name(dataset: str, bin_width: float) -> str:
    """Return the name of a data set's group, with its bin width in ms unless that is 5 ms.

    Args:
        dataset: name such as ``"mc_maze"``, or one that you chose.
        bin_width: width of a bin in seconds.

    Raises:
        ValueError: a misspelt name of one of the benchmark's data sets.

    Example:
        >>> group_name("mc_maze", 0.005), group_name("area2_bump", 0.02)
        ('mc_maze', 'area2_bump_20')
    """
    check_dataset(dataset)
    ms = 1e3 * seconds_per_bin(bin_width)
    return dataset if round(ms, 6) == 5 else f"{dataset}_{ms:g}"


def session(
    arrays: Mapping[str, Any], bin_width: float, *, split: str = "train", name: str = "nlb"
) -> Session:
    """Make a session from the arrays of a training or an evaluation file.

    Args:
        arrays: of :func:`read`.
        bin_width: in seconds; the files do not tell it.
        split: ``"train"`` or ``"eval"``.
        name: name of the session.

    Returns:
        Neurons held in before those held out, which are NaN where they are hidden; the
        session says how many of the neurons and bins may be encoded. Behaviour comes along
        if it has one value per bin of the trial, and is NaN forward of it.

    Raises:
        KeyError: no held-in spikes of this split; the message lists what there is.
        ValueError: shapes that do not fit each other, or a misspelt name of an array.

    Example:
        >>> import numpy as np
        >>> arrays = {
        ...     "train_spikes_heldin": np.ones((4, 10, 6)),
        ...     "train_spikes_heldout": np.ones((4, 10, 2)),
        ...     "train_spikes_heldin_forward": np.ones((4, 3, 6)),
        ...     "train_spikes_heldout_forward": np.ones((4, 3, 2)),
        ... }
        >>> joined = session(arrays, 0.02)
        >>> joined.spikes.shape, joined.n_encode_neurons, joined.n_encode_bins
        ((4, 13, 8), 6, 10)
    """
    check_mapping(arrays, "arrays")
    seconds_per_bin(bin_width)
    check_choice(split, "split", _SPLITS)
    check_text(name, "name")
    check_array_names(arrays, "arrays")
    key = f"{split}_spikes_heldin"
    if key not in arrays:
        raise ArgumentKeyError(
            f"arrays: expected {key}, received {', '.join(sorted(arrays)) or 'nothing'}."
        )
    shape = "(n_trials, n_bins, n_neurons)"
    found = {
        block: as_numbers(arrays[name_], name_, n_axes=(3,), shape=shape, dtype=None)
        for block in _BLOCKS
        if (name_ := f"{split}_spikes_{block}") in arrays
    }
    n_trials, n_bins, n_heldin = found["heldin"].shape
    n_heldout = max(
        (found[block].shape[2] for block in ("heldout", "heldout_forward") if block in found),
        default=0,
    )
    n_forward = max((found[b].shape[1] for b in _BLOCKS[2:] if b in found), default=0)
    spikes = np.full((n_trials, n_bins + n_forward, n_heldin + n_heldout), np.nan, np.float32)
    for block, array in found.items():
        into = spikes[_place(block, n_bins, n_heldin)]
        if into.shape != array.shape:
            raise ValueError(
                f"arrays: expected {split}_spikes_{block} of shape {into.shape}, as the other "
                f"spikes of this split ask for, received {array.shape}."
            )
        into[:] = array
    behavior = None
    key = f"{split}_behavior"
    given = as_numbers(arrays.get(key, np.zeros(0)), key, dtype=None)
    if given.ndim == 3 and given.shape[:2] == (n_trials, n_bins):
        behavior = np.full((n_trials, n_bins + n_forward, given.shape[2]), np.nan, np.float32)
        behavior[:, :n_bins] = given
    return Session(
        spikes,
        bin_width,
        name,
        behavior=behavior,
        n_encode_neurons=n_heldin if n_heldout else None,
        n_encode_bins=n_bins if n_forward else None,
    )


def spikes_of(data: Session, split: str = "train") -> dict[str, np.ndarray]:
    """Return the benchmark's arrays of a session, the inverse of :func:`session`.

    Args:
        data: the session, whose ``n_encode_neurons`` and ``n_encode_bins`` give the encoded
            part.
        split: ``"train"`` or ``"eval"``.

    Returns:
        Arrays by name; blocks without neurons or bins, or NaN throughout, are left out.

    Example:
        >>> import numpy as np
        >>> data = Session(np.ones((4, 10, 8)), 0.02, n_encode_neurons=6)
        >>> {key: array.shape for key, array in spikes_of(data).items()}
        {'train_spikes_heldin': (4, 10, 6), 'train_spikes_heldout': (4, 10, 2)}
    """
    check_instance(data, "data", Session)
    check_choice(split, "split", _SPLITS)
    n_bins, n_heldin = _encoded(data)
    arrays = {
        f"{split}_spikes_{block}": array
        for block, array in _blocks(data.spikes, n_bins, n_heldin)
        if not np.isnan(array).all()
    }
    if data.behavior is not None:
        arrays[f"{split}_behavior"] = data.behavior[:, :n_bins]
    return arrays


def predictions(
    train_rates: Any, eval_rates: Any, data: Session, *, forward: bool = True
) -> dict[str, np.ndarray]:
    """Gather the arrays of a file of predictions, ready for :func:`write`.

    Args:
        train_rates: spikes/s, ``(n_trials, n_bins, n_neurons)``, of the training trials.
        eval_rates: rates of the evaluated trials, with the same bins and neurons.
        data: the session of the training or of the evaluated trials, for its held-in neurons,
            observed bins and bin width.
        forward: True to write also the bins after the observed ones, if there are any.

    Returns:
        Rates in spikes/bin by name, float32.

    Raises:
        ValueError: other bins or neurons than the session's; negative rates.

    Example:
        >>> import numpy as np
        >>> data = Session(np.ones((4, 10, 8)), 0.02, n_encode_neurons=6)
        >>> arrays = predictions(np.full((4, 10, 8), 50.0), np.full((2, 10, 8), 50.0), data)
        >>> sorted(arrays)
        ['eval_rates_heldin', 'eval_rates_heldout', 'train_rates_heldin', 'train_rates_heldout']
        >>> arrays["eval_rates_heldout"].shape, float(arrays["eval_rates_heldout"].max())
        ((2, 10, 2), 1.0)
    """
    check_instance(data, "data", Session)
    check_switch(forward, "forward")
    arrays: dict[str, np.ndarray] = {}
    n_bins, n_heldin = _encoded(data)
    seen = np.isfinite(data.spikes).any(axis=0)  # of each trial, which may be others here
    for split, rates in zip(_SPLITS, (train_rates, eval_rates), strict=True):
        name = f"{split}_rates"
        shape = "(n_trials, n_bins, n_neurons)"
        rates = as_numbers(rates, name, n_axes=(3,), shape=shape, dtype=None, finite=True)
        if rates.shape[1:] != data.spikes.shape[1:]:
            raise ValueError(
                f"{name}: expected {data.n_bins} bins and {data.n_neurons} neurons, as data "
                f"has, received shape {rates.shape}."
            )
        if not (rates >= 0).all():
            raise ValueError(f"{name}: expected rates of at least 0, received {rates.min():g}.")
        warn_of_rate_unit(name, rates[:, seen], data.spikes[:, seen], data.bin_width)
        counts = (rates.astype(np.float64) * data.bin_width).astype(np.float32)
        for block, array in _blocks(counts, n_bins, n_heldin):
            if forward or not block.endswith("forward"):
                arrays[f"{split}_rates_{block}"] = array
    return arrays


def write(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Any],
    *,
    group: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write arrays under their names, compressed, whole or not at all.

    Several data sets go into one file, each in its group: a file that is there already keeps
    its other groups.

    Args:
        path: the file; its folder is made if need be.
        arrays: by name, NaN for what is masked; a list of index arrays, such as
            ``eval_cond_idx``, is written with rows of different length.
        group: of :func:`group_name`; None: the top of the file.
        overwrite: whether what is there under the group's name is replaced; at the top of
            the file, the whole file.

    Raises:
        FileExistsError: the group, or for the top of a file the file, is there and
            ``overwrite`` is false.
        ValueError: a misspelt name of one of the benchmark's arrays or data sets.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "submission.h5")
        ...     write(path, {"eval_rates_heldin": np.ones((1, 2, 3))}, group="mc_maze_20")
        ...     list(read(path, group="mc_maze_20"))
        ['eval_rates_heldin']
    """
    check_path(path)
    check_switch(overwrite, "overwrite")
    check_text(group, "group", none=True)
    if group is not None and not group.strip("/"):
        raise ValueError(f"group: expected a name, received {group!r}.")
    arrays = _checked_arrays(arrays)
    if group is not None:
        check_dataset(group.strip("/"), "group")
    adds = group is not None and os.path.exists(path)
    with writing(path, overwrite=overwrite or adds) as temporary:
        if adds:
            shutil.copyfile(path, temporary)
        with h5py.File(temporary, "a") as file:
            if group is not None and group in file:
                if not overwrite:
                    raise FileExistsError(
                        f"group: expected a new one, received {group!r}, which "
                        f"{os.fspath(path)!r} has. Pass overwrite=True to replace it."
                    )
                del file[group]
            node = file if group is None else file.create_group(group)
            for name, value in arrays.items():
                _write(node, name, value)


def read(path: str | os.PathLike[str], *, group: str | None = None) -> dict[str, Any]:
    """Read all arrays of a file, or of one of its groups, by name.

    Args:
        path: the file.
        group: such as ``"mc_maze_20"``; None: the top of the file.

    Returns:
        Arrays as they are; rows of different length as a list.

    Raises:
        ValueError: no HDF5 file, or one that takes data from other files.
        KeyError: there is no such group, or nothing to read at the top; the message lists
            the groups there are.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "train.h5")
        ...     write(path, {"train_spikes_heldin": np.ones((1, 2, 3))})
        ...     read(path)["train_spikes_heldin"].shape
        (1, 2, 3)
    """
    check_text(group, "group", none=True)
    with hdf5.opened(path) as file:
        groups = [key for key, item in file.items() if isinstance(item, h5py.Group)]
        node = file if group is None else file.get(group)
        found = {}
        if isinstance(node, h5py.Group):
            found = {k: read_array(v) for k, v in node.items() if isinstance(v, h5py.Dataset)}
    if not found:
        wanted = "arrays at the top" if group is None else repr(group)
        raise ArgumentKeyError(
            f"group: expected one of the groups of {os.fspath(path)!r} "
            f"({listed(groups) or 'it has none'}), received {wanted}."
        )
    return {k: list(v) if v.dtype == object else v for k, v in found.items()}


def _checked_arrays(arrays: Any) -> dict[str, Any]:
    """Return arrays of numbers, NaN where they are masked, or lists of rows of indices."""
    check_mapping(arrays, "arrays")
    check_array_names(arrays, "arrays")
    checked: dict[str, Any] = {}
    for name, value in arrays.items():
        if not name or "/" in name:
            raise ValueError(f"arrays: expected names without '/', received {name!r}.")
        ragged = _is_ragged(value)  # whose rows are written as indices
        rows = [
            as_numbers(row, f"arrays[{name!r}]", dtype=None, finite=ragged, whole=ragged)
            for row in (value if ragged else [value])
        ]
        checked[name] = rows if ragged else rows[0]
    return checked


def _is_ragged(value: Any) -> bool:
    """Test for rows of different length."""
    return isinstance(value, list | tuple) and len(value) > 0 and np.ndim(value[0]) == 1


def _write(node: h5py.Group, name: str, value: Any) -> None:
    if _is_ragged(value):
        rows = np.empty(len(value), object)
        for i, row in enumerate(value):
            rows[i] = np.asarray(row, np.int64)
        node.create_dataset(name, data=rows, dtype=h5py.vlen_dtype(np.int64))
        return
    options = {"compression": "gzip", "shuffle": True} if value.ndim and value.size else {}
    node.create_dataset(name, data=value, **options)


def _encoded(data: Session) -> tuple[int, int]:
    """Return the numbers of bins and neurons that are shown to the model."""
    n_bins, n_heldin = data.n_encode_bins, data.n_encode_neurons
    return (
        data.n_bins if n_bins is None else n_bins,
        data.n_neurons if n_heldin is None else n_heldin,
    )


def _place(block: str, n_bins: int, n_heldin: int) -> tuple[slice, slice, slice]:
    """Return the slices of a block in an array of all bins and neurons."""
    bins = slice(n_bins, None) if block.endswith("forward") else slice(0, n_bins)
    neurons = slice(0, n_heldin) if block.startswith("heldin") else slice(n_heldin, None)
    return slice(None), bins, neurons


def _blocks(array: np.ndarray, n_bins: int, n_heldin: int) -> list[tuple[str, np.ndarray]]:
    parts = [(block, array[_place(block, n_bins, n_heldin)]) for block in _BLOCKS]
    return [(block, part) for block, part in parts if part.size]
