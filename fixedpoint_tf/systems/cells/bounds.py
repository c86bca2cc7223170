"""The standard cells, written out as elementwise functions of ports, with their bounds.

Each function here bounds, within a ball, the first and second derivatives of one cell of
:mod:`fixedpoint_tf.systems.cells.closed_forms`, and the rounding errors of evaluating it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fixedpoint_tf._utils.norms import EPS
from fixedpoint_tf.systems.cells import closed_forms
from fixedpoint_tf.systems.cells.curvature import (
    ULPS,
    CellBounds,
    GateInput,
    Kernel,
    affine,
    elementwise,
    identity,
    suprema,
)

__all__ = ["KINDS", "bounds_of"]

#: The equations whose Jacobians have bounds in closed form.
KINDS = (
    closed_forms.SimpleRNN,
    closed_forms.GRU,
    closed_forms.LSTM,
    closed_forms.Stacked,
)

#: ``(states, inputs, radius) -> answers``: a block of new states each, in order.
Cell = Callable[[np.ndarray, GateInput, np.ndarray], list[CellBounds]]


def bounds_of(
    equations: Any, weights: Any, *, jumps: bool = False
) -> Callable[[np.ndarray, np.ndarray, np.ndarray], list[CellBounds]]:
    """``(states, inputs, radii) -> answers`` of a closed form with its weights.

    Args:
        equations: one of :data:`KINDS`.
        weights: as its methods take them, in double precision.
        jumps: thresholds of ReLU units count as jumps, and not as infinite curvature.
    """
    stacked = isinstance(equations, closed_forms.Stacked)
    layers = equations.layers if stacked else (equations,)
    every = weights if stacked else (weights,)
    cells = [_cell(layer, w, jumps) for layer, w in zip(layers, every, strict=True)]
    sizes = np.cumsum([layer.n_states for layer in layers])[:-1]

    def evaluate(x: np.ndarray, u: np.ndarray, radius: np.ndarray) -> list[CellBounds]:
        zero = np.zeros_like(u)
        none = np.zeros(len(u))
        below = GateInput(u, zero, none, none, zero, zero)
        answers: list[CellBounds] = []
        with np.errstate(all="ignore"):  # a kink overflows on purpose
            for cell, states in zip(cells, np.split(x, sizes, axis=1), strict=True):
                new = cell(states, below, radius)
                answers += new
                below = new[0].port
        return answers

    return evaluate


def _cell(equations: Any, weights: Any, jumps: bool) -> Cell:
    arrays = [np.asarray(w, dtype=np.float64) for w in weights]
    if isinstance(equations, closed_forms.SimpleRNN):
        return _simple(equations, jumps, *arrays)
    if isinstance(equations, closed_forms.LSTM):
        return _lstm(equations, jumps, *arrays)
    make = _gru_after if equations.reset_after else _gru_before
    return make(equations, jumps, *arrays)


def _kernels(matrix: np.ndarray, n_gates: int) -> list[Kernel]:
    return [Kernel(part) for part in np.split(matrix, n_gates, axis=1)]


def _simple(equations, jumps, kernel, recurrent, bias) -> Cell:
    K, R = Kernel(kernel), Kernel(recurrent)
    activation = closed_forms.ACTIVATIONS[equations.activation]

    def cell(h, below, radius):
        a = affine(below, K, identity(h, 0, h.shape[1]), R, bias)
        f = suprema(equations.activation, a.value, a.width(radius), jumps=jumps)
        return [
            elementwise(
                [a],
                activation.function(a.value).numpy(),
                [f.slope],
                {(0, 0): f.curvature},
                rounding=ULPS * EPS * f.size,
                size=np.ones_like(h),
                jumps=None if f.jump is None else {0: f.jump},
            )
        ]

    return cell


def _gru_after(equations, jumps, kernel, recurrent, input_bias, recurrent_bias) -> Cell:
    Kz, Kr, Kh = _kernels(kernel, 3)
    Rz, Rr, Rh = _kernels(recurrent, 3)
    none = [Kernel(np.zeros_like(k.matrix)) for k in (Kh, Rh)]
    b = np.split(input_bias, 3), np.split(recurrent_bias, 3)
    gate, name = equations.recurrent_activation, equations.activation

    def cell(states, below, radius):
        h = identity(states, 0, states.shape[1])
        z = affine(below, Kz, h, Rz, b[0][0] + b[1][0])
        r = affine(below, Kr, h, Rr, b[0][1] + b[1][1])
        x = affine(below, Kh, h, none[1], b[0][2])
        p = affine(below, none[0], h, Rh, b[1][2])
        g_z, g_r = (suprema(gate, a.value, a.width(radius)) for a in (z, r))
        h_size, p_size = (np.abs(a.value) + a.width(radius) for a in (h, p))
        # The argument of the candidate, q = x + g(r) p, and its derivatives.
        q_r, q_rr, q_rp = g_r.slope * p_size, g_r.curvature * p_size, g_r.slope
        q_p = g_r.size
        reset = closed_forms.ACTIVATIONS[gate].function(r.value).numpy()
        q = x.value + reset * p.value
        q_rounding = ULPS * EPS * (np.abs(x.value) + x.error + q_p * p_size)
        q_width = x.width(radius) + q_r * r.width(radius) + q_p * p.width(radius) + q_rounding
        f = suprema(name, q, q_width, jumps=jumps)
        c = closed_forms.ACTIVATIONS[name].function(q).numpy()
        update = closed_forms.ACTIVATIONS[gate].function(z.value).numpy()
        apart = np.minimum(
            np.abs(states - c) + h.width(radius) + f.slope * q_width + ULPS * EPS * f.size,
            h_size + f.size,
        )
        keep, slope, bend = g_z.complement, f.slope, f.curvature
        by_q = keep * slope
        through_z = g_z.slope * slope
        z_, r_, x_, p_, h_ = range(5)
        return [
            elementwise(
                [z, r, x, p, h],
                update * states + (1.0 - update) * c,
                [g_z.slope * apart, by_q * q_r, by_q, by_q * q_p, g_z.size],
                {
                    (z_, z_): g_z.curvature * apart,
                    (z_, r_): through_z * q_r,
                    (z_, x_): through_z,
                    (z_, p_): through_z * q_p,
                    (z_, h_): g_z.slope,
                    (r_, r_): keep * (bend * q_r**2 + slope * q_rr),
                    (r_, x_): keep * bend * q_r,
                    (r_, p_): keep * (bend * q_r * q_p + slope * q_rp),
                    (x_, x_): keep * bend,
                    (x_, p_): keep * bend * q_p,
                    (p_, p_): keep * bend * q_p**2,
                },
                rounding=ULPS * EPS * (g_z.size * h_size + (1.0 + g_z.size) * f.size)
                + by_q * q_rounding,
                size=1.0 + h_size + f.size + p_size,
                jumps=None
                if f.jump is None
                else {
                    r_: keep * f.jump * q_r,
                    x_: keep * f.jump,
                    p_: keep * f.jump * q_p,
                },
            )
        ]

    return cell


def _gru_before(equations, jumps, kernel, recurrent, input_bias, recurrent_bias) -> Cell:
    Kz, Kr, Kh = _kernels(kernel, 3)
    Rz, Rr, Rh = _kernels(recurrent, 3)
    bz, br, bh = np.split(input_bias, 3)  # a reset before has no bias of its own
    gate, name = equations.recurrent_activation, equations.activation

    def cell(states, below, radius):
        h = identity(states, 0, states.shape[1])
        z = affine(below, Kz, h, Rz, bz)
        r = affine(below, Kr, h, Rr, br)
        g_z, g_r = (suprema(gate, a.value, a.width(radius)) for a in (z, r))
        h_size = np.abs(states) + h.width(radius)
        reset = closed_forms.ACTIVATIONS[gate].function(r.value).numpy()
        y = elementwise(  # what is left of the states, g(r) h
            [r, h],
            reset * states,
            [g_r.slope * h_size, g_r.size],
            {(0, 0): g_r.curvature * h_size, (0, 1): g_r.slope},
            rounding=ULPS * EPS * g_r.size * h_size,
            size=1.0 + h_size,
        ).port
        a = affine(below, Kh, y, Rh, bh)
        f = suprema(name, a.value, a.width(radius), jumps=jumps)
        c = closed_forms.ACTIVATIONS[name].function(a.value).numpy()
        update = closed_forms.ACTIVATIONS[gate].function(z.value).numpy()
        apart = np.minimum(
            np.abs(states - c)
            + h.width(radius)
            + f.slope * a.width(radius)
            + ULPS * EPS * f.size,
            h_size + f.size,
        )
        keep = g_z.complement
        return [
            elementwise(
                [z, a, h],
                update * states + (1.0 - update) * c,
                [g_z.slope * apart, keep * f.slope, g_z.size],
                {
                    (0, 0): g_z.curvature * apart,
                    (0, 1): g_z.slope * f.slope,
                    (0, 2): g_z.slope,
                    (1, 1): keep * f.curvature,
                },
                rounding=ULPS * EPS * (g_z.size * h_size + (1.0 + g_z.size) * f.size),
                size=1.0 + h_size + f.size,
                jumps=None if f.jump is None else {1: keep * f.jump},
            )
        ]

    return cell


def _lstm(equations, jumps, kernel, recurrent, bias) -> Cell:
    K, R, b = _kernels(kernel, 4), _kernels(recurrent, 4), np.split(bias, 4)
    gate, name = equations.recurrent_activation, equations.activation
    phi = closed_forms.ACTIVATIONS[name].function
    sigma = closed_forms.ACTIVATIONS[gate].function

    def cell(states, below, radius):
        n = equations.units
        h, c = identity(states[:, :n], 0, 2 * n), identity(states[:, n:], n, 2 * n)
        i, f, g, o = (affine(below, K[k], h, R[k], b[k]) for k in range(4))
        si, sf, so = (suprema(gate, a.value, a.width(radius)) for a in (i, f, o))
        sg = suprema(name, g.value, g.width(radius), jumps=jumps)
        c_size = np.abs(c.value) + c.width(radius)
        gradient = [si.slope * sg.size, sf.slope * c_size, si.size * sg.slope, sf.size]
        hessian = {
            (0, 0): si.curvature * sg.size,
            (0, 2): si.slope * sg.slope,
            (2, 2): si.size * sg.curvature,
            (1, 1): sf.curvature * c_size,
            (1, 3): sf.slope,
        }
        memory = (sigma(f.value) * c.value + sigma(i.value) * phi(g.value)).numpy()
        memory_rounding = ULPS * EPS * (sf.size * c_size + si.size * sg.size)
        size = 1.0 + c_size + sg.size
        ports = [i, f, g, c]
        memory_jumps = None if sg.jump is None else {2: si.size * sg.jump}
        new_memory = elementwise(
            ports,
            memory,
            gradient,
            hessian,
            rounding=memory_rounding,
            size=size,
            jumps=memory_jumps,
        )
        width = memory_rounding + sum(
            d * port.width(radius) for d, port in zip(gradient, ports, strict=True)
        )
        sm = suprema(name, memory, width, jumps=jumps)
        # h' = sigma(o) phi(c'), with c' a function of the other four ports.
        inner = so.size * sm.slope
        # (No name of the enclosing function here: Python 3.12.1 then loses sight of it.)
        by_memory = {
            (j, k): so.size * sm.curvature * gradient[j] * gradient[k]
            + inner * hessian.get((j, k), 0.0)
            for j in range(4)
            for k in range(j, 4)
        }
        with_output = {(k, 4): so.slope * sm.slope * gradient[k] for k in range(4)}
        output_jumps = None
        if sm.jump is not None and memory_jumps is not None:
            output_jumps = {k: so.size * sm.jump * gradient[k] for k in range(4)}
            output_jumps[2] = output_jumps[2] + inner * memory_jumps[2]
        output = elementwise(
            [*ports, o],
            (sigma(o.value) * phi(memory)).numpy(),
            [*(inner * d for d in gradient), so.slope * sm.size],
            {**by_memory, **with_output, (4, 4): so.curvature * sm.size},
            rounding=inner * memory_rounding + ULPS * EPS * so.size * sm.size,
            size=size * (1.0 + so.size) + sm.size,
            jumps=output_jumps,
        )
        return [output, new_memory]

    return cell
