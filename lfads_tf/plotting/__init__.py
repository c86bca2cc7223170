"""Figures of what a trained model says, and of how it was trained.

Every function returns the figure and its axes, draws into given axes if asked to, and leaves
showing or saving to the caller. matplotlib is imported when the first figure is drawn, not
before. Wherever a result of inference is expected, the one array that is drawn will do.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixedpoint_tf._utils.lazy import attach

if TYPE_CHECKING:
    from lfads_tf.plotting.factors import plot_factors
    from lfads_tf.plotting.history import plot_history
    from lfads_tf.plotting.initial_conditions import plot_initial_conditions
    from lfads_tf.plotting.inputs import plot_inferred_inputs
    from lfads_tf.plotting.rates import plot_rates_against_truth
    from lfads_tf.plotting.style import condition_colors
    from lfads_tf.plotting.trials import plot_trials

__all__ = [
    "condition_colors",
    "plot_factors",
    "plot_history",
    "plot_inferred_inputs",
    "plot_initial_conditions",
    "plot_rates_against_truth",
    "plot_trials",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "lfads_tf.plotting.factors": ["plot_factors"],
        "lfads_tf.plotting.history": ["plot_history"],
        "lfads_tf.plotting.initial_conditions": ["plot_initial_conditions"],
        "lfads_tf.plotting.inputs": ["plot_inferred_inputs"],
        "lfads_tf.plotting.rates": ["plot_rates_against_truth"],
        "lfads_tf.plotting.style": ["condition_colors"],
        "lfads_tf.plotting.trials": ["plot_trials"],
    },
)
