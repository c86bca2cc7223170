"""Named arrays in an HDF5 file that says what it is: written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

__all__ = ["read", "write"]

_NAME, _VERSION = "format", "format_version"


def write(
    path: str | os.PathLike[str],
    arrays: Mapping[str, np.ndarray],
    attributes: Mapping[str, str | int | float],
    *,
    format_name: str,
    format_version: int,
) -> None:
    """Writes arrays and attributes to an HDF5 file.

    The file is written under a temporary name in the same folder and then renamed, so
    that a reader never meets half a file, and a failed write leaves the old file as it
    was. Each dataset carries a checksum, by which :func:`read` notices damage.

    Args:
        path: the file; an existing one is replaced.
        arrays: one dataset each; of any shape, also with no elements.
        attributes: one attribute of the file each.
        format_name: what the file holds.
        format_version: raised whenever an older reader could not read the file.

    Raises:
        FileNotFoundError: where the folder does not exist.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "x.h5")
        ...     write(path, {"x": np.arange(3)}, {}, format_name="demo", format_version=1)
        ...     arrays, _ = read(path, format_name="demo", format_version=1)
        >>> arrays["x"].tolist()
        [0, 1, 2]
    """
    target = Path(os.path.realpath(path))  # A link stays a link: its target is replaced.
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"path: expected a file in an existing folder, received {os.fspath(path)!r}, "
            f"and {str(target.parent)!r} is not a folder."
        )
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(6)}.tmp")
    try:
        with h5py.File(temporary, "x") as file:
            file.attrs[_NAME] = format_name
            file.attrs[_VERSION] = format_version
            for name, value in attributes.items():
                file.attrs[name] = value
            for name, array in arrays.items():
                # HDF5 can chunk, and so sum, no array that is a scalar or empty.
                file.create_dataset(name, data=array, fletcher32=array.size * array.ndim > 0)
        os.replace(temporary, target)
    except BaseException:  # Ctrl-C must not leave a temporary file behind either.
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        raise


def read(
    path: str | os.PathLike[str], *, format_name: str, format_version: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Reads what :func:`write` wrote.

    Args:
        path: the file.
        format_name: what the file must hold.
        format_version: the newest version that the caller can read.

    Returns:
        The arrays and the attributes, by name.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no HDF5 file, or is damaged, or holds something else, or
            was written by a later version. The message names the path, what was expected
            and what came.
    """
    shown = os.fspath(path)
    expected = f"path: expected an HDF5 file of format {format_name!r}"
    with open(path, "rb") as raw:  # The operating system's own errors, in their own words.
        first_bytes = raw.read(8)
    if not h5py.is_hdf5(path):
        raise ValueError(
            f"{expected}, received {shown!r}, which is no HDF5 file "
            f"({'it is empty' if not first_bytes else f'it begins with {first_bytes!r}'})."
        )
    try:
        with h5py.File(path, "r") as file:
            attributes = {name: _python(value) for name, value in file.attrs.items()}
            found_name = attributes.pop(_NAME, None)
            found_version = attributes.pop(_VERSION, None)
            is_ours = found_name == format_name and isinstance(found_version, int)
            datasets = {
                name: item for name, item in file.items() if isinstance(item, h5py.Dataset)
            }
            if is_ours and found_version <= format_version:
                arrays = {name: np.asarray(item[()]) for name, item in datasets.items()}
                return arrays, attributes
            contents = ", ".join(file) or "nothing"
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise ValueError(
            f"{expected}, received {shown!r}, which is damaged ({error})."
        ) from error
    if not is_ours:
        what = "no format" if found_name is None else f"the format {found_name!r}"
        raise ValueError(
            f"{expected}, received {shown!r}, which names {what} and holds: {contents}."
        )
    raise ValueError(
        f"{expected} and version {format_version} or earlier, received {shown!r} of version "
        f"{found_version}: a later release wrote it."
    )


def _python(value: Any) -> Any:
    """An attribute as a plain Python value."""
    return value.item() if isinstance(value, np.generic) else value
