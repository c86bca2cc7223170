"""Enclosures of any update by the operations that TensorFlow records of it.

The graph of one row is walked operation by operation in the arithmetic of an enclosure
(:class:`Dual`, :class:`Affine`, :class:`Growth`). Operations that only move entries about are
carried out on the entries' numbers; those that are linear in the states are measured by what
they make of unit vectors, which is exact. An operation that is not known here ends it.
"""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context as eager_context
from tensorflow.python.eager.execute import execute  # any operation by its name: no public name
from tensorflow.python.framework.convert_to_constants import (  # inlines calls: no public name
    convert_variables_to_constants_v2,
)

from fixedpoint_tf._utils.affine import Affine
from fixedpoint_tf._utils.compiling import undisturbed
from fixedpoint_tf._utils.duals import Dual
from fixedpoint_tf._utils.graph_gradients import gradients_kept_with_graphs
from fixedpoint_tf._utils.growth import Growth
from fixedpoint_tf._utils.intervals import Interval
from fixedpoint_tf.systems.differentiation.autodiff import Autodiff
from fixedpoint_tf.systems.enclosures.linear import LinearEnclosure
from fixedpoint_tf.systems.enclosures.operations import (
    BINARY,
    Form,
    Quantity,
    Unknown,
    as_quantity,
    clipped,
    either_end,
    elementwise,
    extremum,
    flat,
    to_power,
    unary,
)
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["TracedMap", "trace"]


_SAME = {"Identity", "IdentityN", "StopGradient", "PreventGradient", "CheckNumerics",
         "EnsureShape", "Snapshot"}  # fmt: skip
_MOVES = {"Reshape", "Transpose", "Squeeze", "ExpandDims", "StridedSlice", "Slice", "Split",
          "SplitV", "ConcatV2", "Pack", "Unpack", "BroadcastTo", "Tile", "GatherV2", "GatherNd",
          "ReverseV2", "Roll", "MatrixDiagPartV3", "Select", "SelectV2"}  # fmt: skip
_LINEAR = {"MatMul", "BatchMatMul", "BatchMatMulV2", "BatchMatMulV3", "Einsum", "Sum", "AddN"}
MARGIN = 1e-9  # of the box of all fixed points, relative to its size


@dataclasses.dataclass(frozen=True)
class TracedMap:
    """Map with the fixed points of a system, enclosed operation by operation.

    In continuous time it is ``x + dx/dt``.

    Args:
        run: from an enclosure of the states to one of the update.
        n: number of states.
        time: ``"discrete"`` or ``"continuous"``.
    """

    run: Callable[[Form], Form]
    n: int
    time: str

    def enclose(self, box: Interval) -> tuple[Interval, Interval]:
        """Enclose the map and its derivatives over boxes ``(m, n)``."""
        states = Dual.coordinates(box)
        image = self._map(states)
        return image.value, image.slope

    def enclose_linearly(self, box: Interval) -> LinearEnclosure:
        """Enclose the map over boxes by linear functions of the distance to their centres."""
        image = self._map(Affine.coordinates(box.centre, box.radius))
        return LinearEnclosure(image.slope, image.rest)

    def _map(self, states: Form) -> Form:
        image = self.run(states)
        return states + image if self.time == "continuous" else image

    def box(self) -> Interval | None:
        """Return a box ``(n,)`` that holds every fixed point, or None.

        Over the whole space the update is a matrix times the states plus something bounded:
        ``(I - L) x`` lies in a box, and so does ``x``.
        """
        found = self._far_out()
        if found is None:
            return None
        inverse, defect, rest = found
        norm = float(defect.sum(axis=1).max()) * (1.0 + 1e-9)
        centre = rest.matmul(inverse.T)[0]
        if not np.isfinite(centre.size).all():
            return None
        # x = C r + (I - C A) x, of which the last part is no larger than norm |x|.
        largest = float(centre.size.max()) / (1.0 - norm)
        spread = defect.sum(axis=1) * largest * (1.0 + 1e-9)
        spread += MARGIN * (1.0 + largest)  # a box of no width is hard to cut
        return centre + Interval(-spread, spread)

    def index(self) -> int | None:
        """Return the sum of the indices of all fixed points, ``sign det(I - L)``, or None."""
        found = self._far_out()
        return None if found is None else int(np.linalg.slogdet(found[0])[0])

    def _far_out(self) -> tuple[np.ndarray, np.ndarray, Interval] | None:
        """Split the update into a matrix and a bounded rest, over the whole space, or None."""
        image = self.run(Growth.coordinates(self.n))
        if not np.isfinite(image.rest.size).all() or not np.isfinite(image.slope.size).all():
            return None
        identity = np.eye(self.n) if self.time == "discrete" else np.zeros((self.n, self.n))
        matrix = Interval.at(identity) - image.slope[0]
        try:
            inverse = np.linalg.inv(matrix.centre)
        except np.linalg.LinAlgError:
            return None
        defect = (Interval.at(np.eye(self.n)) - matrix.matmul_left(inverse)).size
        norm = float(defect.sum(axis=1).max()) * (1.0 + 1e-9)
        return (inverse, defect, image.rest) if norm < 1.0 else None


def trace(system: DynamicalSystem, u: np.ndarray) -> TracedMap | None:
    """Record a system's update at a constant input, or None with unknown operations.

    Args:
        system: any, in double precision.
        u: the constant input, ``(n_inputs,)``.
    """
    equations = system.equations
    weights = system.weights("float64")
    constant = tf.constant(u[None], tf.float64)
    if isinstance(equations, Autodiff):
        of_states = equations.step_for("float64")
    elif hasattr(equations, "step_for"):  # differences of an update that is no graph
        return None
    else:
        of_states = lambda h, u: equations.step(weights, h, u)  # noqa: E731
    with undisturbed(), gradients_kept_with_graphs():
        traced = tf.function(
            lambda h: of_states(h, constant), autograph=False
        ).get_concrete_function(tf.TensorSpec([1, system.n_states], tf.float64))
        try:
            graph = convert_variables_to_constants_v2(traced).graph
        except ValueError:  # it writes to a variable
            return None
        walk = _Walk(graph)
        network = TracedMap(walk.run, system.n_states, system.time)
        try:
            network.run(Growth.coordinates(system.n_states))
        except Unknown:
            return None
    return network


class _Walk:
    """Operations of a graph in their order, those of constants alone carried out once.

    An operation with a state of its own (random numbers, variables, files) gives another
    result at each call, and one without a known shape works on lists or loops: both end it.
    """

    def __init__(self, graph: tf.Graph):
        self.operations = graph.get_operations()
        self.output = graph.outputs[0].name
        self.constants: dict[str, Any] = {}  # intervals where they are double precision
        self.matrices: dict[str, Interval] = {}  # of linear operations

    def run(self, states: Form) -> Form:
        """Enclose the update of enclosed states."""
        known: dict[str, Any] = dict(self.constants)
        for operation in self.operations:
            if all(output.name in known for output in operation.outputs):
                continue
            if operation.type == "Placeholder":
                width = int(operation.outputs[0].shape[-1])
                known[operation.outputs[0].name] = Quantity(states, (1, width))
                continue
            stateful = operation.op_def.is_stateful and operation.type not in _SAME
            shaped = all(output.shape.is_fully_defined() for output in operation.outputs)
            if stateful or not shaped:
                raise Unknown(operation.type)
            inputs = [known[tensor.name] for tensor in operation.inputs]
            is_constant = not any(isinstance(value, Quantity) for value in inputs)
            if is_constant:
                results = _constants(operation, inputs)
            else:
                results = self._apply(operation, inputs, states)
            for output, result in zip(operation.outputs, results, strict=True):
                known[output.name] = result
                if is_constant:
                    self.constants[output.name] = result
        result = known[self.output]
        return result.form if isinstance(result, Quantity) else states.constant(flat(result))

    def _apply(self, operation: tf.Operation, inputs: list, states: Form) -> list[Any]:
        """Carry out an operation on quantities."""
        kind = operation.type
        if kind in _SAME:
            return inputs
        if kind == "Shape":
            return [np.array(inputs[0].shape, dtype=np.int32)]
        if any(output.dtype != tf.float64 for output in operation.outputs):
            raise Unknown(kind)
        if kind in ("Cast", "ZerosLike", "OnesLike"):
            value = inputs[0]
            if kind == "Cast":
                return inputs
            return [Interval.at(np.full(value.shape, float(kind == "OnesLike")))]
        if kind in _MOVES:
            return _moved(operation, inputs, states)
        if kind in _LINEAR or (kind == "Mean"):
            return [self._linear(operation, inputs, states)]
        one = as_quantity(inputs[0], states)
        if kind == "ClipByValue":
            ends = [flat(end) for end in inputs[1:]]
            if any(end.lower.size != 1 for end in ends):
                raise Unknown(kind)
            return [Quantity(clipped(one.form, *ends), one.shape)]
        if kind in ("Minimum", "Maximum"):
            return [extremum(kind, inputs, states)]
        if kind in BINARY:
            return [elementwise(BINARY[kind], one, as_quantity(inputs[1], states))]
        if kind == "Pow":
            return [Quantity(to_power(one.form, inputs[1]), one.shape)]
        return [Quantity(unary(operation, one.form), one.shape)]

    def _linear(self, operation: tf.Operation, inputs: list, states: Form) -> Quantity:
        """Carry out an operation that is linear in the one input that is no constant."""
        places = [k for k, value in enumerate(inputs) if isinstance(value, Quantity)]
        if operation.type == "AddN":
            total = as_quantity(inputs[0], states)
            for value in inputs[1:]:
                total = elementwise(operator.add, total, as_quantity(value, states))
            return total
        if len(places) != 1:
            raise Unknown(operation.type)
        quantity = inputs[places[0]]
        name = operation.name
        if name not in self.matrices:
            self.matrices[name] = _matrix(operation, inputs, places[0])
        shape = tuple(int(d) for d in operation.outputs[0].shape)
        matrix = self.matrices[name]
        exact = bool((matrix.lower == matrix.upper).all())
        return Quantity(quantity.form.matmul(matrix.lower if exact else matrix), shape)


def _constants(operation: tf.Operation, inputs: list) -> list[Any]:
    """Carry out an operation on constants alone."""
    kind = operation.type
    if kind == "Const":
        value = tf.make_ndarray(operation.get_attr("value"))
        return [_as_constant(value)]
    if kind == "NoOp":
        return []
    if kind in _SAME:
        return inputs
    floating = [value for value in inputs if isinstance(value, Interval)]
    is_double = [output.dtype == tf.float64 for output in operation.outputs]
    if not floating and (kind == "Cast" or not any(is_double)):
        results = _executed(operation, inputs)
        return [_as_constant(np.asarray(result)) for result in results]
    if kind in ("Shape", "ZerosLike", "OnesLike"):
        shape = floating[0].lower.shape
        if kind == "Shape":
            return [np.array(shape, dtype=np.int32)]
        return [Interval.at(np.full(shape, float(kind == "OnesLike")))]
    if not all(is_double):
        raise Unknown(kind)
    if kind in _MOVES or kind in ("Fill", "Range"):
        if not all((value.lower == value.upper).all() for value in floating):
            low = _executed(operation, [either_end(value, "lower") for value in inputs])
            high = _executed(operation, [either_end(value, "upper") for value in inputs])
            return [
                Interval(np.asarray(a), np.asarray(b)) for a, b in zip(low, high, strict=True)
            ]
        results = _executed(operation, [either_end(value, "lower") for value in inputs])
        return [Interval.at(np.asarray(result)) for result in results]
    # As quantities that depend on no state.
    none = Dual.constants(Interval.at(np.zeros((1, 0))))
    if not floating:
        raise Unknown(kind)
    first = next(k for k, value in enumerate(inputs) if isinstance(value, Interval))
    inputs = list(inputs)
    inputs[first] = as_quantity(inputs[first], none)
    result = _Walk.__new__(_Walk)
    result.matrices = {}
    (quantity,) = result._apply(operation, inputs, none)
    return [_unflat(quantity.form.value, quantity.shape)]


def _as_constant(value: np.ndarray) -> Any:
    return Interval.at(value) if value.dtype == np.float64 else value


def _unflat(value: Interval, shape: tuple[int, ...]) -> Interval:
    return Interval(value.lower.reshape(shape), value.upper.reshape(shape))


def _moved(operation: tf.Operation, inputs: list, states: Form) -> list[Quantity]:
    """Carry out an operation that moves entries about, on their numbers."""
    pool, arguments, n = [], [], 0
    for value in inputs:
        if isinstance(value, (Quantity, Interval)):
            quantity = as_quantity(value, states)
            size = int(np.prod(quantity.shape))
            arguments.append(np.arange(n, n + size, dtype=np.float64).reshape(quantity.shape))
            pool.append(quantity.form)
            n += size
        else:
            arguments.append(value)
    whole = pool[0] if len(pool) == 1 else type(states).join(pool)
    results = []
    for numbers in _executed(operation, arguments):
        columns = np.asarray(numbers).astype(int)
        results.append(Quantity(whole.take(columns.ravel()), columns.shape))
    return results


def _matrix(operation: tf.Operation, inputs: list, place: int) -> Interval:
    """Measure a linear operation by unit vectors: ``(d, m)``, exact where its constants are."""
    shape = inputs[place].shape
    size = int(np.prod(shape))
    units = np.eye(size).reshape(size, *shape)
    low, high = np.zeros((2, size, int(np.prod(operation.outputs[0].shape.as_list()))))
    for k, unit in enumerate(units):
        ends = []
        for end in ("lower", "upper"):
            given = [either_end(value, end) for value in inputs]
            given[place] = unit
            (result,) = _executed(operation, given)
            ends.append(np.asarray(result).ravel())
        # One product and zeros: exact, between the ends of the constant.
        low[k], high[k] = np.minimum(*ends), np.maximum(*ends)
    if operation.type == "Mean":  # the mean of a unit vector is one over a number, rounded
        low, high = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)
    return Interval(low, high)


def _executed(operation: tf.Operation, inputs: list) -> list[Any]:
    """Carry out an operation of TensorFlow on numbers of the types that it has in the graph."""
    attributes: list[Any] = []
    for attribute in operation.op_def.attr:
        value = operation.get_attr(attribute.name)
        is_type = isinstance(value, tf.DType)
        attributes += [attribute.name, value.as_datatype_enum if is_type else value]
    return execute(
        operation.type.encode(),
        len(operation.outputs),
        [
            tf.constant(value, t.dtype)
            for value, t in zip(inputs, operation.inputs, strict=True)
        ],
        tuple(attributes),
        eager_context.context(),
    )
