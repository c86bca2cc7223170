"""Models of Keras in files: loading, and messages about their weights."""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
import zipfile
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from fixedpoint_tf._utils.checks import check_path, listed

__all__ = ["check_model_file", "is_saved_as_hdf5", "unknown_classes", "warn_of_weights"]

#: The first Keras that heeds ``safe_mode`` in HDF5 files (CVE-2025-9905): one before runs
#: code that is hidden in them.
_SAFE_HDF5 = (3, 11, 3)
_HDF5 = (".h5", ".hdf5")


def check_model_file(path: str | os.PathLike[str], name: str) -> None:
    """Refuse a file that is no whole model of Keras, or that Keras cannot load safely.

    Args:
        path: path of the file.
        name: name of the argument.

    Raises:
        ValueError: no file, another ending than ``.keras``, ``.h5`` or ``.hdf5``, a damaged
            file, or HDF5 with a Keras before 3.11.3.

    Example:
        >>> try:
        ...     check_model_file("model.pkl", "path")
        ... except ValueError as error:
        ...     print(error)
        path: expected a model that Keras can load, received 'model.pkl', which is no file.
    """
    check_path(path, name)
    shown = os.fspath(path)
    expected = f"{name}: expected a model that Keras can load, received {shown!r}"
    if not Path(path).is_file():
        raise ValueError(f"{expected}, which is no file.")
    ending = Path(path).suffix
    if ending in _HDF5:
        version = tuple(map(int, re.findall(r"\d+", keras.__version__)[:3]))
        if version < _SAFE_HDF5:
            raise ValueError(
                f"{expected}: Keras {keras.__version__} runs code that is hidden in an HDF5 "
                "file (CVE-2025-9905). Keras 3.11.3 or later does not; nor does a .keras file "
                "need it. A file that you trust, load by Keras, and pass the model."
            )
    elif ending != ".keras":
        raise ValueError(f"{expected}, whose name does not end in .keras (or {_HDF5[0]}).")
    elif (wrong := damage(path)) is not None:
        raise ValueError(f"{expected}, which is no .keras file, or damaged ({wrong}).")


def damage(path: str | os.PathLike[str]) -> object:
    """Return the damage of a ``.keras`` file by its checksums, or None."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip()
    except Exception as error:  # noqa: BLE001 - the library has many words for damage
        return error


def unknown_classes(path: str | os.PathLike[str]) -> list[str]:
    """Return the registered names in a ``.keras`` file that Keras does not know here."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = [json.loads(archive.read("config.json"))]
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):  # of another format
        return []
    names = []
    while parts:
        part = parts.pop()
        if isinstance(part, dict):
            name, module = part.get("registered_name"), sys.modules.get(str(part.get("module")))
            if (
                isinstance(name, str)
                and keras.saving.get_registered_object(name) is None
                and not hasattr(module, str(part.get("class_name")))
            ):
                names.append(name)
            part = list(part.values())
        if isinstance(part, list):
            parts += reversed(part)
    return list(dict.fromkeys(names))


def not_finite(model: Any) -> list[str]:
    """Return the names of the weights in which NaN or infinity stands."""
    tensors = {v.path: tf.convert_to_tensor(v.value) for v in model.weights}
    return [
        path
        for path, tensor in tensors.items()
        if tensor.dtype.is_floating and not bool(tf.reduce_all(tf.math.is_finite(tensor)))
    ]


def warn_of_weights(model: Any, path: str | os.PathLike[str]) -> None:
    """Warn of weights that are NaN or infinite, by their names."""
    if names := not_finite(model):
        warnings.warn(
            f"path: expected finite weights, received {os.fspath(path)!r}, in which NaN or "
            f"infinity stands in {listed(names)}.",
            stacklevel=3,
        )


def is_saved_as_hdf5() -> bool:
    """Test whether Keras is writing or reading a whole model in its old HDF5 format."""
    books: Any = sys.modules.get("keras.src.backend.common.global_state")
    return books is not None and bool(books.get_global_attribute("use_legacy_config", False))
