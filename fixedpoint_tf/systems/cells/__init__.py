"""Cells in closed form, one file a kind: update, Jacobians, box, bounds within balls.

A new kind is one new file, with a subclass of ``CellEquations`` that is decorated by
``register_standard`` (classes of Keras) or by ``register_cell`` (all others). It is found by
itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixedpoint_tf._utils.lazy import attach

if TYPE_CHECKING:
    from fixedpoint_tf.systems.cells.activations import (
        ACTIVATIONS,
        activation_name,
        suprema,
    )
    from fixedpoint_tf.systems.cells.curvature import (
        ROUNDING,
        Kernel,
        affine,
        elementwise,
        identity,
    )
    from fixedpoint_tf.systems.cells.equations import (
        CellEquations,
        preactivation,
        scale_rows,
    )
    from fixedpoint_tf.systems.cells.fixed_point_map import FixedPointMap
    from fixedpoint_tf.systems.cells.piecewise_linear import PiecewiseLinear
    from fixedpoint_tf.systems.cells.registry import register_cell

__all__ = [
    "ACTIVATIONS",
    "CellEquations",
    "FixedPointMap",
    "Kernel",
    "PiecewiseLinear",
    "ROUNDING",
    "activation_name",
    "affine",
    "elementwise",
    "identity",
    "preactivation",
    "register_cell",
    "scale_rows",
    "suprema",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "fixedpoint_tf.systems.cells.activations": [
            "ACTIVATIONS",
            "activation_name",
            "suprema",
        ],
        "fixedpoint_tf.systems.cells.curvature": [
            "ROUNDING",
            "Kernel",
            "affine",
            "elementwise",
            "identity",
        ],
        "fixedpoint_tf.systems.cells.equations": [
            "CellEquations",
            "preactivation",
            "scale_rows",
        ],
        "fixedpoint_tf.systems.cells.piecewise_linear": ["PiecewiseLinear"],
        "fixedpoint_tf.systems.cells.fixed_point_map": ["FixedPointMap"],
        "fixedpoint_tf.systems.cells.registry": ["register_cell"],
    },
)
