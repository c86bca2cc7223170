"""A dynamical system on flat states, the basis of all other modules."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.checks import as_numbers, check_float_type
from fixedpoint_tf._utils.compiling import undisturbed
from fixedpoint_tf._utils.plurals import pluralize

if TYPE_CHECKING:
    from fixedpoint_tf.systems.models.model_path import ModelPath

__all__ = ["DynamicalSystem", "Equations", "Residual", "StateLayout"]


class Equations(Hashable, Protocol):
    """The right-hand side as pure functions of weights, states and inputs.

    Equal equations share one compiled solver, so whatever changes the computation must be
    part of their equality, and the weights must not.
    """

    def step(self, w, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor: ...

    def jacobian(self, w, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor: ...

    def input_jacobian(self, w, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor: ...


@dataclasses.dataclass(frozen=True)
class Residual:
    """Residual of a fixed point: ``F(h, u) - h``, or ``dh/dt`` in continuous time."""

    equations: Equations
    time: str

    def value(self, w, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """Return the residual, (n, n_states)."""
        with undisturbed():
            image = self.equations.step(w, h, u)
            return image - h if self.time == "discrete" else image

    def jacobian(self, w, h: tf.Tensor, u: tf.Tensor) -> tf.Tensor:
        """Return the derivative of the residual by the states, (n, n_states, n_states)."""
        with undisturbed():
            jacobian = self.equations.jacobian(w, h, u)
            if self.time == "discrete":
                jacobian = tf.linalg.set_diag(jacobian, tf.linalg.diag_part(jacobian) - 1.0)
            return jacobian


@dataclasses.dataclass(frozen=True)
class StateLayout:
    """Order and sizes of a network's named states in the flat one."""

    names: tuple[str, ...]
    sizes: tuple[int, ...]

    @property
    def n_states(self) -> int:
        """Width of the flat state."""
        return sum(self.sizes)

    def pack(self, states: Any, argument: str = "states") -> np.ndarray:
        """Bring states in any accepted form to one flat array.

        Args:
            states: ``(..., n_states)``; or the states one by one, each ``(..., size)``, in
                a list or tuple nested like the cell's, or in a mapping by name.
            argument: its name in errors.

        Returns:
            ``(..., n_states)`` float64.

        Raises:
            TypeError: the value is not an array of real numbers.
            ValueError: the number, names or widths of the states do not fit.

        Example:
            >>> layout = StateLayout(("h", "c"), (2, 2))
            >>> layout.pack([np.zeros((5, 2)), np.ones((5, 2))]).shape
            (5, 4)
        """
        if isinstance(states, Mapping):
            missing = [name for name in self.names if name not in states]
            if missing or len(states) != len(self.names):
                raise ValueError(
                    f"{argument}: expected the states {list(self.names)}, received "
                    f"{list(states)}."
                )
            states = [states[name] for name in self.names]
        if isinstance(states, (list, tuple)):
            leaves = [as_numbers(leaf, argument) for leaf in tf.nest.flatten(states)]
            widths = tuple(leaf.shape[-1] if leaf.ndim else 0 for leaf in leaves)
            # A list of one vector is a list of one row, not a state by its name.
            one_row = len(leaves) == 1 and leaves[0].ndim == 1
            same_rows = len({leaf.shape[:-1] for leaf in leaves}) == 1
            if widths == self.sizes and same_rows and not one_row:
                return np.concatenate(leaves, axis=-1)
        try:
            flat = as_numbers(states, argument)
        except TypeError as error:
            if not isinstance(states, (list, tuple)):
                raise
            shapes = [leaf.shape for leaf in leaves]  # a list of arrays that do not stack
            expected = f"{argument}: expected {self._shape_in_words()}"
            raise ValueError(f"{expected}, received shapes {shapes}.") from error
        if flat.ndim == 0 or flat.shape[-1] != self.n_states:
            expected = f"{argument}: expected {self._shape_in_words()}"
            raise ValueError(f"{expected}, received shape {flat.shape}.")
        return flat

    def _shape_in_words(self) -> str:
        shape = f"shape (..., {self.n_states})"
        if len(self.sizes) == 1:
            return shape
        one_by_one = f"the states {list(self.names)} one by one with widths {list(self.sizes)}"
        return f"{shape}, or {one_by_one}"

    def unpack(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Split a flat state into named ones: ``(..., n_states)`` to ``{name: (..., size)}``.

        Example:
            >>> StateLayout(("h", "c"), (1, 2)).unpack(np.array([[1.0, 2.0, 3.0]]))
            {'h': array([[1.]]), 'c': array([[2., 3.]])}
        """
        parts = np.split(np.asarray(flat), np.cumsum(self.sizes)[:-1], axis=-1)
        return dict(zip(self.names, parts, strict=True))


class DynamicalSystem:
    """Dynamical system on flat states, made of a network in any framework.

    Users get one from :func:`fixedpoint_tf.as_system`. In discrete time ``step`` is the
    next state ``F(h, u)``; in continuous time it is the velocity ``dh/dt = g(h, u)``.
    Weights are read from the network at each call, so a system made once follows further
    training. Nothing of the network is changed.

    Args:
        equations: right-hand side and its derivatives.
        read_weights: ``dtype -> weights`` as the network has them now.
        layout: names and sizes of the states.
        n_inputs: width of the input.
        time: ``"discrete"`` or ``"continuous"``.
        bounds: ``(lower, upper)``, each ``(n_states,)``: a box that holds every fixed
            point, infinite where none is known.
        dtypes: ``(search, final)``: the floating types in which the network can be
            evaluated cheaply and as exactly as possible.
        name: name of the network in errors and reports.
        variables: variables that the equations use directly, without ``read_weights``.

    Attributes:
        path: translation of a model's inputs to those of its recurrent layer, or None for a
            system that was not made from a model or layer.
        read_weights: as given; ``weights`` refuses weights that are not finite.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> system = as_system(lambda h, u: 0.5 * h + u, n_states=2, n_inputs=2)
        >>> system.n_states, system.time, system.state_names
        (2, 'discrete', [('h', 2)])
        >>> system.step([[1.0, 2.0]], [[0.0, 1.0]]).numpy().tolist()
        [[0.5, 2.0]]
    """

    def __init__(
        self,
        equations: Equations,
        read_weights: Callable[[str], Any],
        layout: StateLayout,
        n_inputs: int,
        *,
        time: str = "discrete",
        bounds: tuple[np.ndarray, np.ndarray] | None = None,
        dtypes: tuple[str, str] = ("float32", "float64"),
        name: str = "system",
        variables: Sequence[Any] = (),
    ):
        self.residual = Residual(equations, time)
        self.layout = layout
        self.n_states = layout.n_states
        self.n_inputs = n_inputs
        self.time = time
        self.dtypes = dtypes
        self.name = name
        self.path: ModelPath | None = None
        self.read_weights, self._variables = read_weights, variables
        unbounded = np.full(self.n_states, np.inf)
        self.lower, self.upper = bounds if bounds is not None else (-unbounded, unbounded)

    @property
    def equations(self) -> Equations:
        """Right-hand side and derivatives as pure functions."""
        return self.residual.equations

    @property
    def state_names(self) -> list[tuple[str, int]]:
        """``(name, size)`` of each block of the flat state."""
        return list(zip(self.layout.names, self.layout.sizes, strict=True))

    def weights(self, dtype: str | None = None) -> Any:
        """Return the present weights as tensors of ``dtype`` (default: the final one).

        Args:
            dtype: ``"float32"`` or ``"float64"``; default: the type of the results.

        Raises:
            ValueError: a weight is NaN or infinite, as after training that failed.

        Example:
            >>> import keras
            >>> from fixedpoint_tf import as_system
            >>> cell = keras.layers.SimpleRNNCell(3)
            >>> cell.build((None, 2))
            >>> [tuple(w.shape) for w in as_system(cell).weights()]
            [(2, 3), (3, 3), (3,)]
        """
        dtype = self.dtypes[1] if dtype is None else check_float_type(dtype)
        weights = self.read_weights(dtype)
        every = [*tf.nest.flatten(weights), *self._variables]
        bad = sum(not _is_finite(one) for one in every)
        if bad:
            raise ValueError(
                f"rnn: expected finite weights, received NaN or infinity in {bad} of the "
                f"{len(every)} arrays of weights of {self.name!r}."
            )
        return weights

    def step(self, h, u) -> tf.Tensor:
        """Return ``F(h, u)`` (or ``dh/dt``), (n, n_states), of inputs (n or 1, n_inputs).

        Args:
            h: states ``(n, n_states)``.
            u: inputs ``(n, n_inputs)``, or ``(1, n_inputs)`` for all.

        Example:
            >>> from fixedpoint_tf import as_system
            >>> system = as_system(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
            >>> system.step([[1.0], [2.0]], [[1.0]]).numpy().ravel().tolist()
            [1.5, 2.0]
        """
        return self._evaluate(self.equations.step, h, u)

    def jacobian(self, h, u) -> tf.Tensor:
        """Return the derivative of ``step`` by the states, (n, n_states, n_states).

        Arguments: see :meth:`step`.

        Example:
            >>> from fixedpoint_tf import as_system
            >>> system = as_system(lambda h, u: h * h + u, n_states=1, n_inputs=1)
            >>> system.jacobian([[1.0], [2.0]], [[0.0]]).numpy().ravel().tolist()
            [2.0, 4.0]
        """
        return self._evaluate(self.equations.jacobian, h, u)

    def input_jacobian(self, h, u) -> tf.Tensor:
        """Return the derivative of ``step`` by the inputs, (n, n_states, n_inputs).

        Arguments: see :meth:`step`.

        Example:
            >>> from fixedpoint_tf import as_system
            >>> system = as_system(lambda h, u: h * u, n_states=1, n_inputs=1)
            >>> system.input_jacobian([[3.0]], [[0.5]]).numpy().ravel().tolist()
            [3.0]
        """
        return self._evaluate(self.equations.input_jacobian, h, u)

    def simulate(
        self,
        u: Any,
        initial_states: Any = None,
        *,
        mask: Any = None,
        dt: float | None = None,
        dtype: str | None = None,
    ) -> np.ndarray:
        """Return the states for inputs ``u`` of the recurrent layer (not of the model).

        This is the computation of :meth:`fixedpoint_tf.FixedPointFinder.simulate`.

        Args:
            u: ``(n_batch, n_time, n_inputs)``, or what ``finder.rnn_inputs`` returns.
            initial_states: ``(n_batch, n_states)``; default: where the layer starts.
            mask: ``(n_batch, n_time)`` boolean, False where the state is kept.
            dt: length of a step, for a continuous system.
            dtype: ``"float32"`` or ``"float64"``; default: the system's final one.

        Returns:
            ``(n_batch, n_time, n_states)``, the state after each step.

        Raises:
            TypeError, ValueError: an argument is not as described.

        Example:
            >>> from fixedpoint_tf import as_system
            >>> system = as_system(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
            >>> system.simulate([[[1.0], [0.0], [0.0]]]).ravel().tolist()
            [1.0, 0.5, 0.25]
        """
        from fixedpoint_tf.systems.simulation import simulate

        return simulate(self, u, initial_states, mask=mask, dt=dt, dtype=dtype)

    def _evaluate(self, function, h, u) -> tf.Tensor:
        dtype = self.dtypes[1]
        h = _rows(h if tf.is_tensor(h) else self.layout.pack(h, "h"), "h", self.n_states, dtype)
        u = _rows(u if tf.is_tensor(u) else as_numbers(u, "u"), "u", self.n_inputs, dtype)
        n = h.shape[0]
        if None not in (n, u.shape[0]) and u.shape[0] not in (1, n):
            raise ValueError(
                f"u: expected one row, or one for each of the {n} states, received "
                f"{u.shape[0]}."
            )
        u = tf.broadcast_to(u, [tf.shape(h)[0], self.n_inputs])
        with undisturbed():
            return function(self.read_weights(dtype), h, u)

    def __repr__(self) -> str:
        states = ", ".join(f"{name} ({size})" for name, size in self.state_names)
        return (
            f"DynamicalSystem({self.name}: {self.time}, states {states}; "
            f"{pluralize(self.n_inputs, 'input')})"
        )


def _is_finite(weight: Any) -> bool:
    """Test whether a weight has no NaN or infinity, True for symbols of a graph."""
    weight = tf.convert_to_tensor(weight)
    if not weight.dtype.is_floating or tf.is_symbolic_tensor(weight):
        return True
    return bool(tf.reduce_all(tf.math.is_finite(weight)))


def _rows(value: Any, argument: str, width: int, dtype: str) -> tf.Tensor:
    """Return rows of a width as a tensor, NumPy arrays without loss of precision."""
    if tf.is_tensor(value) and not (value.dtype.is_floating or value.dtype.is_integer):
        raise TypeError(
            f"{argument}: expected a tensor of real numbers, received {value.dtype.name}."
        )
    if len(value.shape) != 2 or value.shape[1] not in (None, width):
        raise ValueError(
            f"{argument}: expected shape (n, {width}), received shape {tuple(value.shape)}."
        )
    return tf.cast(value, dtype) if tf.is_tensor(value) else tf.constant(value, dtype)
