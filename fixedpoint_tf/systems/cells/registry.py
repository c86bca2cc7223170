"""Register of cell kinds, from Keras classes to equations.

Kinds of this folder register themselves; every module of it is read at the first question.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf

from fixedpoint_tf.systems.cells.equations import CellEquations

__all__ = [
    "closed_form",
    "is_builtin",
    "is_standard",
    "kind_of",
    "register_cell",
    "register_standard",
]

_OF_LIBRARY: dict[str, type[CellEquations]] = {}  # by the names of the classes of Keras
_OF_USERS: dict[type, type[CellEquations]] = {}

Kind = TypeVar("Kind", bound=type[CellEquations])


def register_standard(name: str) -> Callable[[Kind], Kind]:
    """Register equations for the class of that name in Keras 3 and in ``tf_keras``."""

    def register(equations: Kind) -> Kind:
        _OF_LIBRARY[name] = equations
        return equations

    return register


def register_cell(cell_class: type) -> Callable[[Kind], Kind]:
    """Register equations in closed form for a Keras cell class of your own.

    Systems made of such cells from then on have exact Jacobians without automatic
    differentiation, and certificates that are proofs where the equations bound how fast
    their Jacobian changes. Subclasses of the cell class are not meant: they may compute
    anything. The update and its Jacobians are held against the cell's own call whenever a
    system is made, and the bounds against samples when points are certified.

    Args:
        cell_class: a layer that follows the cell contract (``state_size``, a call with
            states). Registering other equations for it replaces the first.

    Returns:
        A decorator of a frozen dataclass that inherits from :class:`CellEquations`.

    Raises:
        TypeError: the class is no Keras layer; what is decorated is no such dataclass.
        ValueError: the class is one of the library's, which has equations.

    Example:
        >>> import dataclasses, keras
        >>> from fixedpoint_tf import as_system
        >>> class Halving(keras.layers.Layer):
        ...     state_size = 2
        ...     def call(self, inputs, states):
        ...         return 0.5 * states[0], [0.5 * states[0]]
        >>> @register_cell(Halving)
        ... @dataclasses.dataclass(frozen=True)
        ... class HalvingEquations(CellEquations):
        ...     units: int
        ...     @classmethod
        ...     def from_cell(cls, cell):
        ...         return cls(cell.state_size)
        ...     @staticmethod
        ...     def weights(cell):
        ...         return ()
        ...     def step(self, w, h, u):
        ...         return 0.5 * h
        ...     def jacobian(self, w, h, u):
        ...         return tf.linalg.diag(0.5 * tf.ones_like(h))
        ...     def input_jacobian(self, w, h, u):
        ...         return tf.zeros([tf.shape(h)[0], self.units, u.shape[-1]], h.dtype)
        >>> cell = Halving()
        >>> cell.build((None, 1))
        >>> as_system(cell).equations
        HalvingEquations(units=2)
    """
    if not isinstance(cell_class, type) or not hasattr(cell_class, "compute_dtype"):
        raise TypeError(
            "cell_class: expected the class of a Keras cell, a subclass of "
            f"keras.layers.Layer, received {cell_class!r}."
        )
    if _library_name(cell_class) in _standard():
        raise ValueError(
            f"cell_class: expected a class of your own, received {cell_class.__name__} of "
            "Keras, which has equations."
        )

    def register(equations: Kind) -> Kind:
        if not isinstance(equations, type) or not issubclass(equations, CellEquations):
            raise TypeError(
                f"register_cell({cell_class.__name__}): expected a subclass of CellEquations, "
                f"received {equations!r}."
            )
        parameters = vars(equations).get("__dataclass_params__")
        if parameters is None or not parameters.frozen:
            raise TypeError(
                f"register_cell({cell_class.__name__}): expected {equations.__name__} to be a "
                "frozen dataclass (@dataclasses.dataclass(frozen=True) below "
                "@register_cell), so that equal equations compute the same; received none."
            )
        missing = sorted(equations.__abstractmethods__)
        if missing:
            raise TypeError(
                f"register_cell({cell_class.__name__}): expected {equations.__name__} to have "
                f"{', '.join(missing)}, received none."
            )
        _OF_USERS[cell_class] = equations
        return equations

    return register


def kind_of(cell: Any) -> type[CellEquations] | None:
    """Look up the equations of a cell's class, for exactly that class.

    Example:
        >>> import keras
        >>> kind_of(keras.layers.LSTMCell(2)).__name__
        'LSTM'
    """
    standard = _standard()  # first of all: files of this folder may register classes too
    return _OF_USERS.get(type(cell)) or standard.get(_library_name(type(cell)) or "")


def is_standard(cell: Any) -> bool:
    """Test whether a cell is of one of the library's own classes that have equations."""
    return _library_name(type(cell)) in _standard()


def is_builtin(equations: CellEquations) -> bool:
    """Test whether equations are of this package, with each layer of a stack."""
    return all(
        type(layer) in _standard().values()
        for layer in getattr(equations, "layers", (equations,))
    )


def closed_form(cell: Any) -> tuple[CellEquations, Callable[[str], Any]] | None:
    """Make the equations of a built cell and a reader of its weights.

    Args:
        cell: a built cell.

    Returns:
        The equations and ``dtype name -> weights``, or None where the class is unknown or
        its equations do not describe this cell (such as a custom activation).

    Example:
        >>> import keras
        >>> cell = keras.layers.SimpleRNNCell(2)
        >>> cell.build((None, 1))
        >>> equations, read = closed_form(cell)
        >>> equations, [tuple(w.shape) for w in read("float64")]
        (SimpleRNN(units=2, activation='tanh'), [(1, 2), (2, 2), (2,)])
    """
    kind = kind_of(cell)
    equations = None if kind is None else kind.from_cell(cell)
    if kind is None or equations is None:
        return None

    def read(dtype: str) -> Any:
        return tf.nest.map_structure(
            lambda w: tf.cast(tf.convert_to_tensor(w), dtype), kind.weights(cell)
        )

    return equations, read


def _library_name(cell_class: type) -> str | None:
    """Return the name of a class of Keras, not of TensorFlow 1, whose weights differ."""
    modules = cell_class.__module__.split(".")
    known = modules[0] in ("keras", "tf_keras") and modules[-1] != "legacy_cells"
    return cell_class.__name__ if known else None


@functools.cache
def _standard() -> dict[str, type[CellEquations]]:
    """Return the equations of Keras's own cells by class name."""
    package = __name__.rpartition(".")[0]
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        importlib.import_module(f"{package}.{module.name}")
    return _OF_LIBRARY
