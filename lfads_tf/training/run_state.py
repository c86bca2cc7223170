"""State of a run of training in a file, written and read without TensorFlow.

It has lists of arrays, ``weights``, ``optimizer`` and, once there are any, the ``best``
weights; and attributes: the epoch, whether training had finished, and in JSON the
settings and trials of the run, the memory of its callbacks and its history.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils import hdf5
from fixedpoint_tf._utils.hdf5_checks import Fault, Header, check_arrays, parse_json

__all__ = ["read", "write"]

_FORMAT: Any = {"format_name": "lfads_tf.Run", "format_version": 1}
_LISTS = ("weights", "optimizer", "best")
_IN_JSON = {"settings": dict, "trials": dict, "memory": list, "history": dict}


def write(
    path: str | os.PathLike[str],
    lists: Mapping[str, Sequence[Any]],
    *,
    epoch: int,
    stopped: bool,
    **in_json: Any,
) -> None:
    """Write the state of a run to a new file, as it is.

    Args:
        path: path of the file, at which nothing is.
        lists: arrays by name.
        epoch: the last one.
        stopped: whether training had finished.
        **in_json: settings, trials, memory and history.

    Example:
        >>> import tempfile
        >>> known = {"settings": {"seed": 1}, "trials": {}, "memory": [], "history": {}}
        >>> lists = {"weights": [np.ones(3)], "optimizer": []}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "state.h5")
        ...     write(path, lists, epoch=4, stopped=False, **known)
        ...     state = read(path)
        >>> state["epoch"], state["settings"], state["weights"]
        (4, {'seed': 1}, [array([1., 1., 1.])])
    """
    arrays = {
        f"{name}.{i}": np.asarray(array)
        for name, some in lists.items()
        for i, array in enumerate(some)
    }
    attributes = {
        "epoch": int(epoch),
        "stopped": bool(stopped),
        **{name: json.dumps(in_json[name], default=float) for name in _IN_JSON},
        **{f"n_{name}": len(some) for name, some in lists.items()},
    }
    hdf5.write_new(path, arrays, attributes, **_FORMAT)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the state of a run, by the names that :func:`write` takes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, or no state of a run.
    """
    names = ("epoch", "stopped", *_IN_JSON, *(f"n_{name}" for name in _LISTS))
    arrays, state = hdf5.read(path, **_FORMAT, attribute_names=names, check=_check)
    try:
        for name, kind in _IN_JSON.items():
            state[name] = parse_json(state[name], name)
            if not isinstance(state[name], kind):
                raise Fault(f"attribute {name!r}: expected a {kind.__name__}")
        state["epoch"], state["stopped"] = int(state["epoch"]), bool(state["stopped"])
        for name in _LISTS:
            if name == "best" and "n_best" not in state:
                continue
            values = [arrays.pop(f"{name}.{i}") for i in range(int(state[f"n_{name}"]))]
            # A model of before has a weight of size 0 where nothing comes in.
            state[name] = [value for value in values if value.size]
        if arrays:
            raise Fault(f"dataset {min(arrays)!r}: not counted")
    except (KeyError, TypeError, ValueError) as error:
        raise hdf5.damaged(path, "the state of a run", error) from error
    return state


def _check(headers: Mapping[str, Header]) -> None:
    """Refuse other lists, and best weights that are not shaped as the weights are."""
    layout = {}
    for name, header in headers.items():
        whose, _, number = name.partition(".")
        like = headers.get(f"weights.{number}", header) if whose == "best" else header
        if whose in _LISTS:
            layout[name] = ("biuf", like.shape)
    check_arrays(headers, layout)
