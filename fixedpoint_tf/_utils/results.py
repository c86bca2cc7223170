"""Base of all results, which are frozen and can be printed, drawn, saved and loaded."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from fixedpoint_tf._utils import hdf5
from fixedpoint_tf._utils.checks import check_path, check_switch
from fixedpoint_tf._utils.hdf5_checks import (
    Fault,
    Header,
    Layout,
    check_arrays,
    header_of,
    parse_json,
)
from fixedpoint_tf._utils.ranges import (
    Agreement,
    Ranges,
    Words,
    check_agreements,
    check_ranges,
    check_words,
)

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

    #: Fields that a file holds as arrays, by the names of their axes, such as ``"n n_states"``;
    #: lists of a field too. The same name stands for the same length. ``complex`` or ``text``
    #: behind them: what is no real number.
    _axes: ClassVar[dict[str, str]] = {}

    #: Ranges of the numbers of a file, and words of its fields, see ``ranges``.
    _ranges: ClassVar[Ranges] = {}
    _words: ClassVar[Words] = {"time": ("discrete", "continuous")}

    #: Attributes of a file: ``values`` holds all fields but arrays, in JSON.
    _attribute_names: ClassVar[tuple[str, ...]] = ("values",)

    @classmethod
    def _format_name(cls) -> str:
        return f"fixedpoint_tf.{cls.__name__}"

    def plot(self) -> tuple[Figure, Any]:
        """Draw the result, with options that depend on its class.

        Raises:
            NotImplementedError: a class without a picture.
        """
        raise NotImplementedError(f"{type(self).__name__} has no picture.")

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        """Write the result to an HDF5 file.

        Args:
            path: the file, whose name ends in ``.h5``, ``.hdf5`` or ``.hdf``.
            overwrite: replace an existing file, after the new one is complete.

        Raises:
            ValueError: a name with another ending.
            FileExistsError: the file exists, and ``overwrite`` is False.
            FileNotFoundError: the folder does not exist.

        Example:
            >>> import os, tempfile
            >>> from fixedpoint_tf import FixedPoints
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     path = os.path.join(folder, "points.h5")
            ...     FixedPoints(xstar=np.zeros((0, 3)), status=[]).save(path)
            ...     FixedPoints.load(path)
            no fixed points; 3 units
        """
        check_path(path)
        check_switch(overwrite, "overwrite")
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
        """Read a result that :meth:`save` wrote.

        Args:
            path: the file.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, foreign or of a later format.
        """
        check_path(path)
        arrays, attributes = hdf5.read(
            path,
            format_name=cls._format_name(),
            format_version=cls.format_version,
            attribute_names=cls._attribute_names,
            check=cls._check_arrays,
        )
        try:
            contents = cls._from_file(arrays, attributes)
            cls._check_arrays(_headers(arrays) | _headers(contents, cls._layout()))
            result = cls(**contents)
            _check_types(result)
            result._check_values()
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            expected = f"the contents of {cls._format_name()!r}"
            raise hdf5.damaged(path, expected, error) from error
        return result

    @classmethod
    def _layout(cls) -> Layout:
        """Return the kinds and axes of the arrays of a file, by name."""
        layout = {}
        for text, names in cls._axes.items():
            *axes, kind = (
                text.split() if text.split()[-1] in _KINDS else (*text.split(), "real")
            )
            layout.update(dict.fromkeys(names.split(), (_KINDS[kind], tuple(axes))))
        return layout

    @classmethod
    def _check_arrays(cls, headers: Mapping[str, Header]) -> None:
        """Refuse what is no field, or has another shape than other fields ask for."""
        layout = cls._layout()
        fields = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
        for name in headers:
            if name.partition(".")[0] not in fields:
                raise Fault(f"{name}: expected one of {', '.join(sorted(fields))}")
        check_arrays({name: headers[name] for name in headers if name in layout}, layout)

    def _check_values(self) -> None:
        """Refuse numbers and words that no result of this class holds, or not together."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]
        check_words(values, self._words)
        check_ranges(values, self._ranges, self._layout())
        with np.errstate(invalid="ignore"):
            check_agreements(values, self._agreements())

    def _agreements(self) -> Iterator[Agreement]:
        """Yield the fields of a file that follow from others."""
        yield from ()

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
        contents: dict[str, Any] = parse_json(attributes["values"], "values")
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
    """Return values for JSON, and collect the arrays in them by their paths."""
    rest = {}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            arrays[path + name] = value
        elif hasattr(value, "to_dict"):
            rest[name] = _without_arrays(value.to_dict(), f"{path}{name}.", arrays)
        else:
            rest[name] = value
    return rest


_KINDS = {"real": "biuf", "complex": "biufc", "text": "U"}
_TYPES: dict[str, tuple[type, ...]] = {
    "np.ndarray": (np.ndarray,),
    "np.ndarray | None": (np.ndarray, type(None)),
    "int": (int, np.integer),
    "float": (float, int, np.floating),
    "str": (str,),
    "bool": (bool, np.bool_),
    "list[str]": (list,),
}


def _headers(values: Mapping[str, Any], layout: Layout | None = None) -> dict[str, Header]:
    """Return the headers of arrays, restricted to known lists by a layout."""
    if layout is None:
        return {name: header_of(array) for name, array in values.items()}
    known = {k: v for k, v in values.items() if isinstance(v, list) and k in layout}
    return {name: Header(layout[name][0][0], (len(v),)) for name, v in known.items()}


def _check_types(result: Result) -> None:
    """Refuse a field of another type than the class declares."""
    for field in dataclasses.fields(result):  # type: ignore[arg-type]
        value = getattr(result, field.name)
        if not isinstance(value, _TYPES.get(str(field.type), object)):
            raise ValueError(f"{field.name}: expected {field.type}, received {value!r:.50}")
