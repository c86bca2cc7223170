"""Eigenvalues of the linearised dynamics in the complex plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils.figures import (
    COLORS,
    lay_out,
    legend_above,
    new_axes,
    say_if_empty,
)
from fixedpoint_tf.plotting.style import Look

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_spectra"]


def plot_spectra(
    groups: Sequence[tuple[Look, np.ndarray]],
    time: str,
    *,
    fig: Figure | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw eigenvalues ``(n_points, n_modes)`` of kinds of points, and the edge of stability.

    The edge is the unit circle in discrete time and the imaginary axis in continuous time.
    """
    fig, ax = new_axes(fig, ax, size=(4.8, 5.0))
    edge: dict[str, Any] = {"color": COLORS["grey"], "linewidth": 1.0, "zorder": 1}
    if time == "discrete":
        angle = np.linspace(0.0, 2.0 * np.pi, 361)
        ax.plot(np.cos(angle), np.sin(angle), **edge, label="unit circle")
        unit = ""
    else:
        ax.axvline(0.0, **edge, label="imaginary axis")
        unit = " (1/time)"
    ax.axhline(0.0, color=COLORS["grey"], linewidth=0.5, zorder=0)
    for number, (look, eigenvalues) in enumerate(groups):
        options = look.marker_options() | {"markersize": 0.6 * look.size}
        label, values = look.label(len(eigenvalues)), eigenvalues.ravel()
        ax.plot(values.real, values.imag, **options, label=label, zorder=2 + number)
    ax.set_xlabel(f"Re λ{unit}")
    ax.set_ylabel(f"Im λ{unit}")
    ax.locator_params(nbins=7)  # More names of marks would touch.
    if time == "discrete":
        ax.set_aspect("equal", adjustable="datalim")  # So that the circle is one.
    elif groups:  # Rounding of real eigenvalues is not stretched to a full axis.
        reach = max(np.abs(ax.get_ylim()).max(), 0.1 * np.ptp(ax.get_xlim()))
        ax.set_ylim(-reach, reach)
    say_if_empty(ax, len(groups), "no fixed or slow points")
    legend_above(ax)
    lay_out(fig)
    return fig, ax
