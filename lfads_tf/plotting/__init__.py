"""Figures of what a trained model says, and of how it was trained.

Every function returns the figure and its axes, draws into given axes if asked to, and leaves
showing or saving to the caller. matplotlib is imported when the first figure is drawn, not
before. Wherever a result of inference is expected, the one array that is drawn will do.
"""

from lfads_tf.plotting.decoding import (
    plot_decoded,
    plot_over_dimensions,
    plot_separation,
)
from lfads_tf.plotting.factors import plot_factors
from lfads_tf.plotting.history import plot_history
from lfads_tf.plotting.initial_conditions import plot_initial_conditions
from lfads_tf.plotting.inputs import plot_inferred_inputs
from lfads_tf.plotting.lfp import plot_coherence, plot_cross_correlation
from lfads_tf.plotting.rates import plot_rates_against_truth
from lfads_tf.plotting.trials import plot_trials

__all__ = [
    "plot_coherence",
    "plot_cross_correlation",
    "plot_decoded",
    "plot_factors",
    "plot_history",
    "plot_inferred_inputs",
    "plot_initial_conditions",
    "plot_over_dimensions",
    "plot_rates_against_truth",
    "plot_separation",
    "plot_trials",
]
