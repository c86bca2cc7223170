"""Figures of fixed points and the dynamics around them.

Every function returns the figure and its axes, draws into given axes if asked to, and
leaves showing or saving to the caller. matplotlib is imported when the first figure is
drawn, not before.

The modules of this folder take arrays and know no result; the pictures of fixed points and
systems, which users import from here, lie beside these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixedpoint_tf._utils.lazy import attach

if TYPE_CHECKING:
    from fixedpoint_tf.fixed_points.plotting import (
        plot_eigenvalues,
        plot_fixed_points,
        plot_fps,
        plot_q,
    )
    from fixedpoint_tf.systems.plotting import plot_flow

__all__ = ["plot_eigenvalues", "plot_fixed_points", "plot_flow", "plot_fps", "plot_q"]

__getattr__, __dir__ = attach(
    __name__,
    {
        "fixedpoint_tf.fixed_points.plotting": [
            "plot_eigenvalues",
            "plot_fixed_points",
            "plot_fps",
            "plot_q",
        ],
        "fixedpoint_tf.systems.plotting": ["plot_flow"],
    },
)
