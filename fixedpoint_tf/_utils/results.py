"""Base of all results: frozen, they print, draw, save and load themselves."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from fixedpoint_tf._utils import hdf5

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Result"]

Self = TypeVar("Self", bound="Result")


class Result:
    """Base of the frozen dataclasses that hold a set of points, or answer a question.

    Each says in one line what it holds (``repr``), draws itself, saves and loads itself. A
    field holds an array, None, or a plain value that JSON can hold (numbers, strings,
    booleans, and lists and dictionaries of them; a tuple comes back as a list, which the
    ``__post_init__`` of the class may turn back), or an object with ``to_dict`` of such, as
    FixedPoints is, which comes back as that dictionary, to be turned back as well. Arrays of
    unequal length are kept end to end in one array, beside one of their lengths.

    Example:
        >>> import os, tempfile
        >>> @dataclasses.dataclass(frozen=True, eq=False)
        ... class Answer(Result):
        ...     radius: np.ndarray
        ...     norm: str
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "answer.h5")
        ...     Answer(np.array([0.5]), "euclidean").save(path)
        ...     Answer.load(path)
        Answer(radius=array([0.5]), norm='euclidean')
    """

    #: Raised whenever an older release could not read what a class saves.
    format_version: ClassVar[int] = 1

    #: Names that fields had in files of older releases, and those that they have now.
    _former_names: ClassVar[dict[str, str]] = {}

    @classmethod
    def _format_name(cls) -> str:
        return f"fixedpoint_tf.{cls.__name__}"

    def plot(self) -> tuple[Figure, Any]:
        """Draw the result; each class of results has its own picture, and options of it.

        Raises:
            NotImplementedError: a class without a picture.
        """
        raise NotImplementedError(f"{type(self).__name__} has no picture.")

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        """Write everything to an HDF5 file.

        Args:
            path: the file, whose name ends in ``.h5``, ``.hdf5`` or ``.hdf``.
            overwrite: replace an existing file, once the new one is whole.

        Raises:
            ValueError: a name with another ending.
            FileExistsError: where the file exists, and not ``overwrite``.
            FileNotFoundError: where the folder does not exist.

        Example:
            >>> import os, tempfile
            >>> from fixedpoint_tf import FixedPoints
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "points.h5")
            ...     FixedPoints(xstar=np.zeros((0, 3)), status=[]).save(path)
            ...     FixedPoints.load(path)
            no fixed points; 3 units
        """
        arrays, attributes = self._to_file()
        hdf5.write(
            path,
            arrays,
            attributes,
            format_name=self._format_name(),
            format_version=self.format_version,
            overwrite=overwrite,
        )

    @classmethod
    def load(cls: type[Self], path: str | os.PathLike[str]) -> Self:
        """Read what :meth:`save` wrote.

        Args:
            path: the file.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, foreign or of a later format.
        """
        arrays, attributes = hdf5.read(
            path, format_name=cls._format_name(), format_version=cls.format_version
        )
        try:
            contents = cls._from_file(arrays, attributes)
            return cls(**{cls._former_names.get(key, key): v for key, v in contents.items()})
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"path: expected the contents of {cls._format_name()!r}, received "
                f"{os.fspath(path)!r}, which is damaged ({error})."
            ) from error

    def _to_file(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the datasets and attributes of a file: arrays, and other fields as JSON."""
        arrays: dict[str, np.ndarray] = {}
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        values = _without_arrays(fields, "", arrays)
        return arrays, {"values": json.dumps(values)}

    @classmethod
    def _from_file(
        cls, arrays: dict[str, np.ndarray], attributes: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the fields, by the names that they have in the file."""
        contents: dict[str, Any] = json.loads(attributes["values"])
        for path, array in arrays.items():
            *owners, name = path.split(".")
            node = contents
            for owner in owners:
                node = node[owner]
            node[name] = array
        return contents


def _without_arrays(
    values: dict[str, Any], path: str, arrays: dict[str, np.ndarray]
) -> dict[str, Any]:
    """Return values that JSON can hold; arrays in them are put aside by their paths."""
    rest = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            arrays[path + name] = value
        elif hasattr(value, "to_dict"):
            rest[name] = _without_arrays(value.to_dict(), f"{path}{name}.", arrays)
        else:
            rest[name] = value
    return rest
