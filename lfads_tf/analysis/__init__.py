"""Analysis of a trained model's rates: metrics, baselines, behaviour, field potentials.

NumPy, SciPy and scikit-learn only; a module is loaded when it is first used. Trials are
``(n_trials, n_bins, n)``; rates are in spikes/s, spikes are counts, widths and times in
seconds; NaN means "not observed".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixedpoint_tf._utils.lazy import attach

if TYPE_CHECKING:
    from lfads_tf.analysis import (
        components,
        decoding,
        field_potentials,
        metrics,
        nlb,
        psth,
        separation,
        smoothing,
    )

__all__ = [
    "components",
    "decoding",
    "field_potentials",
    "metrics",
    "nlb",
    "psth",
    "separation",
    "smoothing",
]

__getattr__, __dir__ = attach(__name__, {}, packages=__all__)
