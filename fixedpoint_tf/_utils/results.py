"""What every answer has in common: it is frozen, and saves and loads itself."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any, ClassVar, TypeVar

import numpy as np

from fixedpoint_tf._utils import storage

__all__ = ["Result"]

Self = TypeVar("Self", bound="Result")


class Result:
    """Base of the frozen dataclasses that answer one question each.

    A field holds an array, None, or a plain value that JSON can hold (numbers, strings,
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

    @classmethod
    def _format_name(cls) -> str:
        return f"fixedpoint_tf.{cls.__name__}"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes everything to an HDF5 file; an existing file is replaced.

        Raises:
            FileNotFoundError: where the folder does not exist.
        """
        arrays: dict[str, np.ndarray] = {}
        values: dict[str, Any] = {}
        for field in dataclasses.fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                arrays[field.name] = value
            elif hasattr(value, "to_dict"):
                values[field.name] = {}
                for name, part in value.to_dict().items():
                    if isinstance(part, np.ndarray):
                        arrays[f"{field.name}.{name}"] = part
                    else:
                        values[field.name][name] = part
            else:
                values[field.name] = value
        storage.write(
            path,
            arrays,
            {"values": json.dumps(values)},
            format_name=self._format_name(),
            format_version=self.format_version,
        )

    @classmethod
    def load(cls: type[Self], path: str | os.PathLike[str]) -> Self:
        """Reads what :meth:`save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, foreign or of a later format.
        """
        arrays, attributes = storage.read(
            path, format_name=cls._format_name(), format_version=cls.format_version
        )
        try:
            contents: dict[str, Any] = json.loads(attributes["values"])
            for name, array in arrays.items():
                field, _, part = name.partition(".")
                (contents[field] if part else contents)[part or field] = array
            return cls(**contents)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"path must hold the contents of {cls._format_name()!r}; got "
                f"{os.fspath(path)!r}, which is damaged ({error})."
            ) from error
