"""Values of the right kind that have no finite answer: refused by name, or answered."""

import numpy as np
import pytest

from lfads_tf import analysis

WIDTH = 0.02
RNG = np.random.default_rng(0)
RATES = RNG.gamma(4.0, 5.0, (6, 12, 3))
COUNTS = RNG.poisson(2.0, (6, 12, 3)).astype(float)
FORCE = RATES[..., :2].cumsum(axis=1)
LFP = RNG.normal(size=(6, 12))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: analysis.mean_rates(COUNTS, 5e-324),
            "bin_width: expected seconds, from 1e-09",
        ),
        (lambda: analysis.mean_rates(COUNTS, 1e308), "bin_width: expected seconds, from 1e-09"),
        (
            lambda: analysis.r_squared(RATES * 1e200, RATES * 1e200 + 1e190),
            "true: expected numbers up to 1e.60 in size, received",
        ),
        (
            lambda: analysis.r_squared(RATES, RATES * 1e200),
            "estimated: expected numbers up to 1e.60 in size, received",
        ),
        (
            lambda: analysis.principal_components(RATES * 1e200),
            "features: expected numbers up to 1e.60",
        ),
        (
            lambda: analysis.coherence(RATES, LFP * 1e100, WIDTH),
            "lfp: expected numbers up to 1e.60",
        ),
        (
            lambda: analysis.coherence(RATES * 0 + 3, LFP, WIDTH),
            "rates: expected a signal that varies",
        ),
        (
            lambda: analysis.cross_correlation(RATES, LFP * 0, WIDTH, max_lag=0.06),
            "lfp: expected a signal that varies",
        ),
        (
            lambda: analysis.poisson_log_likelihood(RATES, COUNTS * np.nan, WIDTH),
            "spikes: expected observed counts, received NaN only",
        ),
        (
            lambda: analysis.cross_validate(RATES, FORCE * 0 + 3),
            "targets: expected behavior that varies, received one value",
        ),
        (
            lambda: analysis.decode_over_dimensions(
                RATES, FORCE, test=(RATES[:2], FORCE[:2] * 0)
            ),
            "test .targets.: expected behavior that varies",
        ),
        (
            lambda: analysis.decode_between_sessions(
                {"a": (RATES, FORCE), "b": (RATES, FORCE * 0)}
            ),
            "sessions .targets of 'b'.: expected behavior that varies",
        ),
        (
            lambda: analysis.fit_decoder(analysis.Ridge(lags=[0, -12]), RATES, FORCE),
            "decoder: expected lags of fewer bins than a trial has, 12, received -12",
        ),
        (lambda: analysis.Wiener(n_lags=10**30), "n_lags: expected a whole number from 0"),
        (
            lambda: analysis.separate_conditions(
                RATES, np.arange(6) % 2, 3, method=analysis.RidgeRegressor()
            ),
            "method: expected a classifier, received the regressor",
        ),
        (
            lambda: analysis.decoding_r_squared(FORCE, FORCE + np.inf),
            "predictions: expected finite numbers or NaN, received infinity",
        ),
        (
            lambda: analysis.psth_r_squared(
                RATES, np.arange(6) % 2, RATES[:2], kinds=[0, None]
            ),
            "kinds: expected 2 different conditions, one a PSTH",
        ),
    ],
)
def test_what_has_no_answer_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_where_no_dimensions_are_enough_all_are_needed():
    r_squared = np.array([[-3.0], [-2.0], [-1.0]])
    found = analysis.OverDimensions(np.array([1, 2, 5]), r_squared, r_squared)
    assert found.needed() == 5


def test_a_seed_beyond_those_of_scikit_learn_is_one_of_them():
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(n_estimators=2)
    found = [
        analysis.fit_decoder(forest, RATES, FORCE, seed=seed).predict(RATES)
        for seed in (3, 3 + 2**32)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_single_precision_is_compared_without_a_warning(dtype):
    spikes = np.random.default_rng(0).poisson(1.0, (6, 20, 3)).astype(dtype)
    rates = analysis.smooth_gaussian(spikes, 0.02, 0.05)
    assert np.isfinite(rates).all()
    assert np.isfinite(analysis.bits_per_spike(rates, spikes, 0.02))
    assert np.isfinite(analysis.condition_means(spikes, np.arange(6) % 2)[1]).all()
    assert analysis.select_gaussian_width(spikes, 0.02, [0.05, 0.1, 0.2]).sd > 0
