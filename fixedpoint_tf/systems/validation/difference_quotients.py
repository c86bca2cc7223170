"""Products with Jacobians compared with differences of the update."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from fixedpoint_tf._utils.chunks import chunks
from fixedpoint_tf.systems.differentiation.directional import (
    EXACT,
    LADDERS,
    Function,
    differences,
)
from fixedpoint_tf.systems.system import DynamicalSystem
from fixedpoint_tf.systems.validation.derivative_errors import WrongDerivative

__all__ = ["confirm", "disagrees", "finite_rows", "image_of"]

NEARBY = {"float64": 1e-3, "float32": 1e-2}  # distance of the states of the second look
N_NEARBY = 8  # states beside a doubtful one, of which half must disagree
N_DOUBTFUL = 8  # rows that get a second look
#: Step lengths, relative to a state, a decade apart.
SHORT = {"float64": 10.0 ** -np.arange(3.0, 11.0), "float32": 10.0 ** -np.arange(2.0, 6.0)}
WITHIN = np.array([-1.0, -0.37, 0.0, 0.61, 1.0])  # places along a step
FAR = 1e3  # sizes of a state, beyond which its offset is no part of it
STEADY = 0.05  # relative change of a Jacobian along a step that differences resolve


def disagrees(system, x, u, v, products, scale, by_input) -> np.ndarray:
    """Mark units of each row whose product is no difference along ``v``, (n, n_states)."""
    function, place = _along(system, x, u, by_input)
    found, tolerance = differences(function, place, v, scale, system.dtypes[1], products)
    known = np.isfinite(found) & np.isfinite(tolerance) & np.isfinite(products)
    with np.errstate(invalid="ignore"):
        close = np.abs(found - products) <= tolerance
    return known.any(axis=0) & ~(close & known).any(axis=0)


def confirm(
    system, x, u, scale, doubtful, by_input, rng, unit: np.ndarray | float = 1.0
) -> Iterator[list[WrongDerivative]]:
    """Look again at doubtful units, at states near by, with the Jacobian itself."""
    dtype = system.dtypes[1]
    make = system.input_jacobian if by_input else system.jacobian
    count = doubtful.sum(axis=1)
    for row in np.argsort(-count, kind="stable")[: min(N_DOUBTFUL, np.count_nonzero(count))]:
        near, inputs = (np.repeat(a[row : row + 1], N_NEARBY, axis=0) for a in (x, u))
        moved = inputs if by_input else near
        moved += NEARBY[dtype] * scale[row] * unit * rng.normal(size=moved.shape)
        try:
            jacobians = make(near, inputs).numpy().astype(np.float64)
        except tf.errors.OpError:
            continue
        v, sizes = unit * rng.normal(size=moved.shape), np.full(N_NEARBY, scale[row])
        products = np.einsum("nij,nj->ni", jacobians, v)
        again = disagrees(system, near, inputs, v, products, sizes, by_input)
        again[:, again.mean(axis=0) < 0.5] = False
        if again.any():
            again &= _disagrees_where_steady(system, near, inputs, v, scale[row], by_input)
        at = int(again.sum(axis=1).argmax())
        if again[at].any():
            found = _matrix(
                system, near[at], inputs[at], scale[row] * unit, jacobians[at], by_input
            )
            yield _entries(int(row), jacobians[at], found, again[at], by_input)


def _disagrees_where_steady(system, x, u, v, scale: float, by_input: bool) -> np.ndarray:
    """Mark units whose difference disagrees at the step where ``J v`` changes least."""
    dtype = system.dtypes[1]
    make = system.input_jacobian if by_input else system.jacobian
    wrong = np.zeros((len(x), system.n_states), dtype=bool)
    least = np.full(wrong.shape, np.inf)
    for length in SHORT[dtype] * scale:
        places = [
            (x, u + t * length * v) if by_input else (x + t * length * v, u) for t in WITHIN
        ]
        try:
            jacobians = np.stack([make(h, w).numpy().astype(float) for h, w in places])
            claims = np.einsum("pnij,nj->pni", jacobians, v)
            behind, ahead = image_of(system, *places[0]), image_of(system, *places[-1])
        except tf.errors.OpError:
            continue
        with np.errstate(invalid="ignore", over="ignore"):
            size, change = np.abs(claims).max(axis=0), np.ptp(claims, axis=0)
            largest = np.abs(ahead).max(axis=1) + np.abs(x).max(axis=1, initial=0.0)
            rounding = 8.0 * np.finfo(dtype).eps * largest[:, None] / length
            tolerance = 3.0 * change + EXACT[dtype] * size + rounding
            gap = np.abs((ahead - behind) / (2.0 * length) - claims[2])
            better = (change <= STEADY * size) & (tolerance < least) & np.isfinite(gap)
            # A part in single precision may round away what a long step of that slope makes.
            image = np.minimum(np.abs(ahead), FAR * scale)
            unseen = 8.0 * np.finfo("float32").eps * image / (LADDERS[dtype][0] * scale)
        wrong = np.where(better, gap > np.maximum(tolerance, unseen), wrong)
        least = np.where(better, tolerance, least)
    return wrong


def _matrix(system, x, u, scale, jacobian, by_input) -> np.ndarray:
    """Return the Jacobian at one state by central differences, ``(n_states, k)``."""
    columns = []
    scale = np.broadcast_to(scale, jacobian.shape[1:])
    n_places = 1 + 2 * len(LADDERS["float64"])
    for some in chunks(jacobian.shape[1], n_places * max(jacobian.shape)):
        v = np.eye(jacobian.shape[1])[some]
        h, inputs = (np.repeat(a[None], len(v), axis=0) for a in (x, u))
        function, place = _along(system, h, inputs, by_input)
        products = jacobian[:, some].T
        found = differences(function, place, v, scale[some], system.dtypes[1], products)
        columns.append(found[0][0])
    return np.concatenate(columns).T


def _entries(row, claimed, found, units, by_input) -> list[WrongDerivative]:
    """List the worst entry of the derivative for each wrong unit."""
    gap = np.nan_to_num(np.abs(found - claimed))
    return [
        WrongDerivative(
            row, int(i), int(j := gap[i].argmax()), by_input, float(claimed[i, j]),
            float(found[i, j]),
        )
        for i in np.flatnonzero(units)
    ]  # fmt: skip


def _along(system, x, u, by_input: bool) -> tuple[Function, np.ndarray]:
    """Return the update as a function of states or of inputs, and where it is asked about."""
    fixed, varied = (x, u) if by_input else (u, x)
    m, k = varied.shape

    def function(stencil: np.ndarray) -> np.ndarray:
        rows = np.tile(np.arange(m), len(stencil) // m)

        def step(indexed: np.ndarray) -> np.ndarray:
            moved, still = indexed[:, :k], fixed[indexed[:, k].astype(int)]
            return image_of(system, *((still, moved) if by_input else (moved, still)))

        return finite_rows(step, np.column_stack([stencil, rows]), system.n_states)

    return function, varied


def finite_rows(function: Function, rows: np.ndarray, width: int | None = None) -> np.ndarray:
    """Evaluate a function by rows, with NaN where it raises an error of TensorFlow."""
    try:
        return function(rows)
    except tf.errors.OpError:
        values = []
        for row in rows:
            try:
                values.append(function(row[None])[0])
            except tf.errors.OpError:
                values.append(None)
        known = [value for value in values if value is not None]
        n = len(known[0]) if known else width or rows.shape[1]
        return np.stack([np.full(n, np.nan) if value is None else value for value in values])


def image_of(system: DynamicalSystem, h: np.ndarray, u: np.ndarray) -> np.ndarray:
    """Evaluate the update, in float64."""
    return system.step(h, u).numpy().astype(np.float64)
