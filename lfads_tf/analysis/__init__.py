"""Analysis of a trained model's rates: metrics, baselines, behaviour, field potentials.

NumPy, SciPy and scikit-learn only; a module is loaded when one of its names is first used.
Trials are ``(n_trials, n_bins, n)``; rates are in spikes/s, spikes are counts, widths and
times in seconds; NaN means "not observed".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixedpoint_tf._utils.lazy import attach

if TYPE_CHECKING:
    from lfads_tf.analysis.components import PrincipalComponents, principal_components
    from lfads_tf.analysis.decoding.cross_validation import (
        BetweenSessions,
        CrossValidated,
        cross_validate,
        decode_between_sessions,
        decoding_r_squared,
    )
    from lfads_tf.analysis.decoding.decoders import (
        Kalman,
        OptimalLinear,
        Ridge,
        Wiener,
    )
    from lfads_tf.analysis.decoding.dimensions import OverDimensions, decode_over_dimensions
    from lfads_tf.analysis.decoding.estimators import (
        KalmanRegressor,
        OptimalLinearRegressor,
        RidgeRegressor,
    )
    from lfads_tf.analysis.decoding.fitting import FittedDecoder, fit_decoder
    from lfads_tf.analysis.decoding.folds import (
        folds_by_condition,
        folds_by_splitter,
        folds_by_trial,
    )
    from lfads_tf.analysis.decoding.lags import Lags
    from lfads_tf.analysis.decoding.plotting import plot_decoded, plot_over_dimensions
    from lfads_tf.analysis.decoding.regressor import Regressor
    from lfads_tf.analysis.field_potentials.coherence import Coherence, coherence
    from lfads_tf.analysis.field_potentials.cross_correlation import (
        CrossCorrelation,
        cross_correlation,
    )
    from lfads_tf.analysis.field_potentials.signals import band_pass
    from lfads_tf.analysis.metrics import (
        bits_per_spike,
        mean_rates,
        poisson_log_likelihood,
        r_squared,
        squared_correlation,
    )
    from lfads_tf.analysis.nlb import (
        co_smoothing,
        evaluate_nlb,
        forward_prediction,
        nlb_behavior_r_squared,
    )
    from lfads_tf.analysis.psth import condition_means, psth_r_squared
    from lfads_tf.analysis.separation.classification import separate_conditions
    from lfads_tf.analysis.separation.plotting import plot_separation
    from lfads_tf.analysis.separation.result import Separation
    from lfads_tf.analysis.smoothing import (
        GaussianWidth,
        select_gaussian_width,
        smooth_causal_gaussian,
        smooth_gaussian,
        smooth_pca,
    )

__all__ = [
    "BetweenSessions",
    "Coherence",
    "CrossCorrelation",
    "CrossValidated",
    "FittedDecoder",
    "GaussianWidth",
    "Kalman",
    "KalmanRegressor",
    "Lags",
    "OptimalLinear",
    "OptimalLinearRegressor",
    "OverDimensions",
    "PrincipalComponents",
    "Regressor",
    "Ridge",
    "RidgeRegressor",
    "Separation",
    "Wiener",
    "band_pass",
    "bits_per_spike",
    "co_smoothing",
    "coherence",
    "condition_means",
    "cross_correlation",
    "cross_validate",
    "decode_between_sessions",
    "decode_over_dimensions",
    "decoding_r_squared",
    "evaluate_nlb",
    "fit_decoder",
    "folds_by_condition",
    "folds_by_splitter",
    "folds_by_trial",
    "forward_prediction",
    "mean_rates",
    "nlb_behavior_r_squared",
    "plot_decoded",
    "plot_over_dimensions",
    "plot_separation",
    "poisson_log_likelihood",
    "principal_components",
    "psth_r_squared",
    "r_squared",
    "select_gaussian_width",
    "separate_conditions",
    "smooth_causal_gaussian",
    "smooth_gaussian",
    "smooth_pca",
    "squared_correlation",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "lfads_tf.analysis.components": ["PrincipalComponents", "principal_components"],
        "lfads_tf.analysis.decoding.cross_validation": [
            "BetweenSessions",
            "CrossValidated",
            "cross_validate",
            "decode_between_sessions",
            "decoding_r_squared",
        ],
        "lfads_tf.analysis.decoding.decoders": [
            "Kalman",
            "OptimalLinear",
            "Ridge",
            "Wiener",
        ],
        "lfads_tf.analysis.decoding.dimensions": ["OverDimensions", "decode_over_dimensions"],
        "lfads_tf.analysis.decoding.estimators": [
            "KalmanRegressor",
            "OptimalLinearRegressor",
            "RidgeRegressor",
        ],
        "lfads_tf.analysis.decoding.fitting": ["FittedDecoder", "fit_decoder"],
        "lfads_tf.analysis.decoding.folds": [
            "folds_by_condition",
            "folds_by_splitter",
            "folds_by_trial",
        ],
        "lfads_tf.analysis.decoding.lags": ["Lags"],
        "lfads_tf.analysis.decoding.plotting": ["plot_decoded", "plot_over_dimensions"],
        "lfads_tf.analysis.decoding.regressor": ["Regressor"],
        "lfads_tf.analysis.field_potentials.coherence": ["Coherence", "coherence"],
        "lfads_tf.analysis.field_potentials.cross_correlation": [
            "CrossCorrelation",
            "cross_correlation",
        ],
        "lfads_tf.analysis.field_potentials.signals": ["band_pass"],
        "lfads_tf.analysis.metrics": [
            "bits_per_spike",
            "mean_rates",
            "poisson_log_likelihood",
            "r_squared",
            "squared_correlation",
        ],
        "lfads_tf.analysis.nlb": [
            "co_smoothing",
            "evaluate_nlb",
            "forward_prediction",
            "nlb_behavior_r_squared",
        ],
        "lfads_tf.analysis.psth": ["condition_means", "psth_r_squared"],
        "lfads_tf.analysis.separation.classification": ["separate_conditions"],
        "lfads_tf.analysis.separation.plotting": ["plot_separation"],
        "lfads_tf.analysis.separation.result": ["Separation"],
        "lfads_tf.analysis.smoothing": [
            "GaussianWidth",
            "select_gaussian_width",
            "smooth_causal_gaussian",
            "smooth_gaussian",
            "smooth_pca",
        ],
    },
)
