"""Factors over time, by condition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf._utils import checks, figures
from lfads_tf._utils.checks import seconds_per_bin
from lfads_tf._utils.conditions import as_conditions
from lfads_tf.plotting import style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_factors"]

#: Conditions that are drawn where there are too many for all.
N_EXAMPLES = 6


def plot_factors(
    inferred: Any,
    conditions: Any = None,
    *,
    bin_width: float,
    n_factors: int = 6,
    n_single_trials: int = 8,
    start: float = 0.0,
    cyclic: bool = False,
    axes: Any = None,
) -> tuple[Figure, np.ndarray]:
    """Draw the factors of greatest variance, means of conditions over single trials.

    Factors have no order, sign or unit of their own, and they are no orthogonal axes: a
    factor of little variance may still move the rates of many neurons. Of more conditions
    than a legend can hold a few are drawn, evenly chosen.

    Args:
        inferred: a result of inference, or factors ``(n_trials, n_bins, n_factors)``.
        conditions: conditions of the trials, ``(n_trials,)``.
        bin_width: width of a bin in seconds.
        n_factors: number of factors to draw, at most.
        n_single_trials: drawn faintly of each condition, at most, evenly over the data.
        start: time of the first bin's beginning in seconds.
        cyclic: the conditions, in order, follow one another around a circle, as directions
            of reaching do; so do their colours.
        axes: axes to draw in, one per factor.

    Returns:
        The figure and the axes, ``(n_drawn,)``, by falling variance over all trials and
        bins; the title says the factor and its share of the variance of all factors.

    Raises:
        TypeError: ``cyclic`` is neither True nor False.
        ValueError: wrong shapes or numbers.

    Example:
        >>> import numpy as np
        >>> factors = np.random.default_rng(0).normal(size=(20, 50, 3)) * [1.0, 3.0, 2.0]
        >>> fig, axes = plot_factors(factors, np.arange(20) % 2, bin_width=0.01)
        >>> [ax.get_title() for ax in axes]
        ['factor 1 (62%)', 'factor 2 (31%)', 'factor 0 (7%)']
    """
    width = seconds_per_bin(bin_width)
    factors = style.field("inferred", inferred, "factors", 3, "(n_trials, n_bins, n_factors)")
    n_trials, n_bins, n_all = factors.shape
    checks.check_whole(n_factors, "n_factors")
    checks.check_whole(n_single_trials, "n_single_trials", least=0)
    checks.check_number(start, "start", low=-np.inf)
    if n_all == 0:
        raise ValueError(f"inferred: expected factors, received shape {factors.shape}.")
    key = style.condition_key(conditions, n_trials, cyclic)
    title = None if conditions is None else "condition (thick: mean, thin: single trials)"
    if len(key) > style.MOST_LISTED:  # more lines than anyone can follow
        title = f"{N_EXAMPLES} of {len(key)} conditions (thick: mean, thin: single trials)"
        examples = np.linspace(0, len(key) - 1, N_EXAMPLES).astype(int)
        chosen = np.sort(np.concatenate([key[i][2] for i in examples]))
        factors, conditions = factors[chosen], as_conditions(conditions, n_trials)[chosen]
        key = style.condition_key(conditions, len(factors), cyclic)
    variance = factors.astype(np.float64).var(axis=(0, 1))
    share = variance / (variance.sum() or 1.0)
    drawn = np.argsort(-variance, kind="stable")[:n_factors]
    fig, grid = figures.panel_rows(axes, len(drawn), size=(2.7, 2.4), most_columns=3)
    time = style.times(n_bins, width, start)
    for ax, factor in zip(grid.ravel(), drawn, strict=False):
        for name, color, trials in key:
            values = factors[trials, :, factor]
            n_few = min(n_single_trials, len(trials))
            few = np.unique(np.linspace(0, len(trials) - 1, n_few).astype(int))
            if n_single_trials > 0:
                thin = ax.plot(time, values[few].T, color=color, linewidth=0.5, alpha=0.4)
                thin[0].set_label("_" if name else "single trials")
            label = name or "mean over trials"
            ax.plot(time, values.mean(axis=0), color=color, linewidth=1.8, label=label)
        ax.set_title(f"factor {factor} ({share[factor]:.0%})", fontsize="medium")
    figures.only_outer_labels(grid, "time (s)", "factor (a.u.)")
    figures.legend_above_panels(fig, grid, own=axes is None, title=title)
    return fig, grid.ravel()[: len(drawn)]
