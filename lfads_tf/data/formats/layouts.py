"""Layouts of other programs' HDF5 files, and their readers.

Below, ``SPLIT`` is ``train`` or ``valid``; arrays are ``(n_trials, n_bins, n)``.

========================  ==========================================================
layout                    keys
========================  ==========================================================
lfads-torch               ``SPLIT_encod_data``, ``SPLIT_recon_data`` (also ``test``,
                          which has no ``recon_data``)
autolfads-tf2, LFADS      ``SPLIT_data``
plain                     ``spikes``
========================  ==========================================================

Both of the first two may add ``SPLIT_ext_input``, ``SPLIT_truth`` and
``conversion_factor``, ``SPLIT_behavior``, ``SPLIT_inds`` (the places of the trials before
they were split), and conditions as ``SPLIT_cond_idx``, ``SPLIT_conditions``,
``SPLIT_condition`` or ``condition_labels_SPLIT``: one label per trial, or, as the Neural
Latents Benchmark has them, the trials of each condition. A plain
file may add ``external_inputs``, ``behavior`` or ``force``, ``condition`` or
``conditions``, and ``true_rates``.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import as_numbers
from lfads_tf._utils.checks import refuse_flags
from lfads_tf._utils.conditions import as_one_kind
from lfads_tf.data.formats.labels import labels_by_trial

__all__ = [
    "PLAIN",
    "SPLITS",
    "keys_beside",
    "layout_of",
    "needed_keys",
    "read_plain",
    "read_split",
    "reordered",
]

_LOGGER = logging.getLogger(__name__)

SPLITS = ("train", "valid", "test")

_NEEDED = {
    "lfads-torch": ("{split}_encod_data", "{split}_recon_data"),
    "autolfads-tf2": ("{split}_data",),
    "plain": ("spikes",),
}
_CONDITIONS = (
    "{split}_cond_idx",
    "{split}_conditions",
    "{split}_condition",
    "condition_labels_{split}",
)

# Our names of what may stand beside the spikes, and what extends it to bins without.
_BESIDE = {
    "external_inputs": ("{split}_ext_input", 0.0),
    "behavior": ("{split}_behavior", np.nan),
    "true_rates": ("{split}_truth", np.nan),
}
PLAIN = {
    "external_inputs": ("external_inputs",),
    "behavior": ("behavior", "force"),
    "conditions": ("conditions", "condition"),
    "true_rates": ("true_rates",),
}


def layout_of(keys: set[str]) -> str | None:
    """Return the layout that has any of its keys among ``keys``.

    Example:
        >>> layout_of({"train_data", "valid_data", "train_inds"})
        'autolfads-tf2'
    """
    for name, needed in _NEEDED.items():
        if any(key.format(split=split) in keys for key in needed for split in SPLITS):
            return name
    return None


def needed_keys(layout: str, split: str) -> tuple[str, ...]:
    """Return the keys that a layout must have for a split.

    Example:
        >>> needed_keys("lfads-torch", "valid")
        ('valid_encod_data', 'valid_recon_data')
    """
    names = tuple(key.format(split=split) for key in _NEEDED[layout])
    return names[:1] if split == "test" else names


def keys_beside(split: str) -> tuple[list[str], list[str]]:
    """Return the keys of arrays, and of labels, that may stand beside the spikes of a split.

    Example:
        >>> keys_beside("valid")[0]
        ['valid_ext_input', 'valid_behavior', 'valid_truth']
    """
    arrays = [pattern.format(split=split) for pattern, _ in _BESIDE.values()]
    return arrays, [pattern.format(split=split) for pattern in _CONDITIONS]


def read_plain(node: Mapping[str, Any], *, is_matlab: bool = False) -> dict[str, Any]:
    """Return the fields of a session from a group with ``spikes``.

    Args:
        node: arrays by name.
        is_matlab: whether labels are as MATLAB has them.

    Raises:
        TypeError: labels that are neither numbers nor text.
        ValueError: a field under two names, or not one label per trial.
    """
    fields: dict[str, Any] = {"spikes": node["spikes"]}
    for field, names in PLAIN.items():
        found = [name for name in names if name in node]
        if field == "behavior" and "behavior" in found:
            found = ["behavior"]  # force beside it is another measurement
        if len(found) > 1:
            raise ValueError(
                f"path: expected one of {' and '.join(names)}, received a file with both."
            )
        if found:
            fields[field] = node[found[0]]
    shape = np.shape(fields["spikes"])
    if "conditions" in fields and len(shape) == 3:
        key = next(name for name in PLAIN["conditions"] if name in node)
        labels = labels_by_trial(fields["conditions"], shape[0], key, is_matlab=is_matlab)
        fields["conditions"] = labels
    return fields


def read_split(
    node: Mapping[str, Any], layout: str, split: str, *, is_matlab: bool = False
) -> dict[str, Any]:
    """Return the fields of a session from one split of a foreign file.

    Args:
        node: arrays by name; among them :func:`needed_keys`.
        layout: ``"lfads-torch"`` or ``"autolfads-tf2"``.
        split: ``"train"``, ``"valid"`` or ``"test"``.
        is_matlab: whether labels are as MATLAB has them.

    Returns:
        Arguments of a session; ``true_rates`` in the file's unit, and ``inds``, the places
        of the trials before the split.

    Raises:
        ValueError: data to encode that are not the first block of those to reconstruct.

    Example:
        >>> import numpy as np
        >>> file = {"train_data": np.ones((2, 5, 3)), "train_inds": np.array([4, 1])}
        >>> sorted(read_split(file, "autolfads-tf2", "train"))
        ['inds', 'spikes']
    """
    if layout == "lfads-torch":
        fields = _encoded_and_reconstructed(node, split)
    else:
        fields = {"spikes": node[f"{split}_data"]}
    spikes = fields["spikes"]
    if np.ndim(spikes) != 3:
        return fields  # The session says what is wrong.
    n_trials, n_bins, _ = spikes.shape
    n_encoded = fields.get("n_encode_bins")
    for field, (pattern, fill) in _BESIDE.items():
        key = pattern.format(split=split)
        if key not in node:
            continue
        array = _numbers(node, key)
        if field == "behavior" and array.ndim < 3:
            _LOGGER.warning(
                "%s has shape %s, not one value per bin: left out", key, array.shape
            )
            continue
        if array.ndim == 3 and n_encoded is not None and array.shape[1] == n_encoded:
            missing = ((0, 0), (0, n_bins - n_encoded), (0, 0))
            array = np.pad(array, missing, constant_values=fill)
        fields[field] = array
    for pattern in _CONDITIONS:
        if (key := pattern.format(split=split)) in node:
            labels = labels_by_trial(node[key], n_trials, key, is_matlab=is_matlab)
            if labels is not None:
                fields["conditions"] = labels
            break
    if f"{split}_inds" in node:
        inds, name = node[f"{split}_inds"], f"path: {split}_inds"
        refuse_flags(inds, name, "whole numbers of trials")
        fields["inds"] = as_numbers(inds, name).reshape(-1)
    return fields


def reordered(train: dict[str, Any], valid: dict[str, Any]) -> dict[str, Any]:
    """Return both splits as one, in the order the trials had before, where ``inds`` tell it.

    Args:
        train: of :func:`read_split`.
        valid: of :func:`read_split`.

    Returns:
        The same fields, without ``inds``. Without ``inds`` validation follows training.

    Raises:
        ValueError: fields of only one split, shapes that differ, or ``inds`` that are not
            one different number for each trial.

    Example:
        >>> import numpy as np
        >>> train = {"spikes": np.array([[[3.0]], [[1.0]]]), "inds": np.array([3, 1])}
        >>> valid = {"spikes": np.array([[[2.0]]]), "inds": np.array([2])}
        >>> reordered(train, valid)["spikes"].ravel().tolist()
        [1.0, 2.0, 3.0]
    """
    alone = train.keys() ^ valid.keys()
    if alone:
        raise ValueError(
            f"path: expected the same in both splits, received {', '.join(sorted(alone))} in "
            "only one of them. Read them one by one."
        )
    fields: dict[str, Any] = {}
    for name, first in train.items():
        second = valid[name]
        if name == "conditions":
            first, second = as_one_kind([first, second])
        if not isinstance(first, np.ndarray):
            if first != second:
                raise ValueError(
                    f"path: expected the same {name} in both splits, received {first} and "
                    f"{second}. Read them one by one."
                )
            fields[name] = first
        elif first.shape[1:] != second.shape[1:]:
            raise ValueError(
                f"path: expected {name} of the same shape but for the trials in both splits, "
                f"received {first.shape} and {second.shape}. Read them one by one."
            )
        elif (first.dtype.kind == "U") != (second.dtype.kind == "U"):
            raise ValueError(
                f"path: expected {name} of the same kind in both splits, received "
                f"{first.dtype} and {second.dtype}. Read them one by one."
            )
        else:
            fields[name] = np.concatenate([first, second])
    inds = fields.pop("inds", None)
    if inds is None:
        return fields
    n_trials = len(fields["spikes"])
    is_whole = bool((inds == np.floor(inds)).all())  # NaN is not
    if inds.shape != (n_trials,) or len(np.unique(inds)) != n_trials or not is_whole:
        raise ValueError(
            f"path: expected train_inds and valid_inds to be {n_trials} different numbers, one "
            f"for each trial, received {len(inds)}, of which {len(np.unique(inds))} differ"
            + ("." if is_whole else ", and not all are whole.")
        )
    if (inds < 0).any():
        raise ValueError(
            "path: expected train_inds and valid_inds to be numbers of trials from 0 or 1 on, "
            f"received {inds.min():g}."
        )
    order = np.argsort(inds)  # Whether they count from 0 or, as MATLAB does, from 1.
    return {
        name: value[order] if isinstance(value, np.ndarray) else value
        for name, value in fields.items()
    }


def _numbers(node: Mapping[str, Any], key: str) -> np.ndarray:
    return as_numbers(node[key], f"path: {key}", dtype=np.float32)


def _encoded_and_reconstructed(node: Mapping[str, Any], split: str) -> dict[str, Any]:
    encoded = _numbers(node, f"{split}_encod_data")
    if encoded.ndim != 3:
        return {"spikes": encoded}
    if split == "test":  # What is to be predicted of it is not in the file.
        like = node["train_recon_data"].shape[1:] if "train_recon_data" in node else ()
        shape = (len(encoded), *(like or encoded.shape[1:]))
        spikes = np.full(shape, np.nan, np.float32)
    else:
        spikes = _numbers(node, f"{split}_recon_data")
    _, n_bins, n_neurons = encoded.shape
    fits = spikes.ndim == 3 and all(
        (len(spikes) == len(encoded), spikes.shape[1] >= n_bins, spikes.shape[2] >= n_neurons)
    )
    if not fits:
        raise ValueError(
            f"path: expected {split}_recon_data to have the trials of {split}_encod_data, and "
            f"no fewer bins and neurons, received {spikes.shape} for {encoded.shape}."
        )
    block = spikes[:, :n_bins, :n_neurons]
    if split == "test":
        block[:] = encoded
    elif not np.array_equal(block, encoded, equal_nan=True):
        raise ValueError(
            f"path: expected {split}_encod_data to be the first {n_bins} bins and {n_neurons} "
            f"neurons of {split}_recon_data, received data that differ in "
            f"{np.sum(~((block == encoded) | (np.isnan(block) & np.isnan(encoded))))} samples."
        )
    return {
        "spikes": spikes,
        "n_encode_bins": n_bins if n_bins < spikes.shape[1] else None,
        "n_encode_neurons": n_neurons if n_neurons < spikes.shape[2] else None,
    }
