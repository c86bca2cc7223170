"""Rates against a field potential: their cross-correlation, coherence and phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils import checks, figures
from lfads_tf._utils.checks import check_share
from lfads_tf.plotting import style

if TYPE_CHECKING:
    from typing import Any

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lfads_tf.analysis.field_potentials.coherence import Coherence
    from lfads_tf.analysis.field_potentials.cross_correlation import CrossCorrelation

__all__ = ["plot_coherence", "plot_cross_correlation"]

_THIN = {"color": figures.COLORS["sky blue"], "linewidth": 0.5, "alpha": 0.5, "zorder": 1}


def plot_cross_correlation(
    found: CrossCorrelation, *, level: float = 0.95, ax: Any = None
) -> tuple[Figure, Axes]:
    """Draw :meth:`~.cross_correlation.CrossCorrelation.plot`."""
    check_share(level, "level")
    checks.check_axes(ax)
    fig, ax = figures.new_axes(ax=ax, size=(4.6, 3.0))
    correlation, shuffled = found.correlation, found.shuffled
    name = "rates"
    if correlation.ndim == 2:
        n_neurons = correlation.shape[1]
        ax.plot(found.lags, correlation, **_THIN)
        correlation, shuffled = (np.nanmean(a, axis=-1) for a in (correlation, shuffled))
        name = f"mean of {n_neurons} neurons"
    low, high = type(found)(found.lags, correlation, shuffled).chance(level)
    ax.fill_between(
        found.lags,
        low,
        high,
        color=figures.COLORS["grey"],
        alpha=0.35,
        linewidth=0,
        label=f"{level:.0%} of shuffled trials",
    )
    ax.plot(found.lags, correlation, **style.ESTIMATE, label=name)
    for draw in (ax.axhline, ax.axvline):
        draw(0.0, color=figures.COLORS["grey"], linewidth=0.6, zorder=0)
    ax.set(xlabel="lag of the rates behind the LFP (s)", ylabel="correlation")
    ax.set_xlim(found.lags[0], found.lags[-1])
    figures.legend_above(ax)
    return fig, ax


def plot_coherence(
    found: Coherence, *, level: float = 0.95, with_phase: bool = True, axes: Any = None
) -> tuple[Figure, np.ndarray]:
    """Draw :meth:`~.coherence.Coherence.plot`."""
    chance = found.chance(level)
    checks.check_switch(with_phase, "with_phase")
    fig, grid = figures.panels(axes, 1 + with_phase, 1, size=(4.6, 2.2), sharex=True)
    above = grid[0, 0]
    values = found.coherence
    name = "rates"
    if values.ndim == 2:
        above.plot(found.frequencies, values, **_THIN)
        name = f"mean of {values.shape[1]} neurons"
        values = np.nanmean(values, axis=1)
    above.plot(found.frequencies, values, **style.ESTIMATE, label=name)
    above.axhline(
        chance,
        color=figures.COLORS["black"],
        linestyle="--",
        linewidth=1.0,
        label=f"chance ({level:.0%})",
    )
    above.set(ylabel="coherence", ylim=(0.0, 1.02))
    if with_phase:
        phase = np.where(found.coherence > chance, found.phase, np.nan)
        below = grid[1, 0]
        below.plot(
            found.frequencies, phase, ".", color=figures.COLORS["blue"], markersize=3, alpha=0.7
        )
        below.axhline(0.0, color=figures.COLORS["grey"], linewidth=0.6, zorder=0)
        below.set(ylabel="phase lag of\nthe rates (rad)", ylim=(-np.pi, np.pi))
        below.set_yticks([-np.pi, 0.0, np.pi], ["-π", "0", "π"])
    figures.only_outer_labels(grid, "frequency (Hz)")
    above.set_xlim(0.0, found.frequencies[-1])
    figures.legend_above(above)
    return fig, grid[:, 0]
