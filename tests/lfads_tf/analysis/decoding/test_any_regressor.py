"""Lags in front of any regressor of scikit-learn, and decoders that scikit-learn accepts."""

import hypothesis
import numpy as np
import pytest
from analysis_kinds import numbers
from argument_kinds import flag, number
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.utils.estimator_checks import parametrize_with_checks

from lfads_tf.analysis import (
    Kalman,
    KalmanRegressor,
    Lags,
    OptimalLinearRegressor,
    Regressor,
    RidgeRegressor,
    Wiener,
    cross_validate,
    decode_between_sessions,
    decode_over_dimensions,
    fit_decoder,
)
from lfads_tf.analysis.decoding import kalman


def rates_and_force(seed=0, n_trials=12, n_bins=25, noise=0.1, n_targets=2):
    rng = np.random.default_rng(seed)
    force = rng.normal(size=(n_trials, n_bins, n_targets))
    rates = force @ rng.normal(size=(n_targets, 6)) + noise * rng.normal(
        size=(n_trials, n_bins, 6)
    )
    return rates, force


# The Kalman filter is not among them: what it says of a bin depends on the bins before it,
# while these checks shuffle samples.
@pytest.mark.slow
@parametrize_with_checks([Lags(), RidgeRegressor(), OptimalLinearRegressor()])
def test_scikit_learn_accepts(estimator, check):
    check(estimator)


class TestLags:
    def test_a_pipeline_learns_a_convolution_that_does_not_cross_trials(self):
        x = np.random.default_rng(0).normal(size=(10, 50, 2))
        y = np.zeros((10, 50))
        for lag, weight in enumerate([1.0, -2.0, 0.5]):
            y[:, lag:] += weight * x[:, : 50 - lag, 0]
        lagged = Lags(range(3)).fit(x)
        lagged.filling_[:] = 0.0  # as the convolution has it
        fitted = LinearRegression().fit(lagged.transform(x), y.ravel())
        np.testing.assert_allclose(fitted.coef_, [1, 0, -2, 0, 0.5, 0], atol=1e-12)

    def test_beyond_the_edge_stands_the_mean_of_the_trials_fitted_to(self):
        x = np.random.default_rng(0).normal(size=(4, 6, 3)) + 5.0
        before = x.copy()
        rows = Lags([-1, 2]).fit(x).transform(x[:1])
        assert rows.shape == (6, 6)
        np.testing.assert_allclose(rows[-1, :3], x.mean((0, 1)))
        np.testing.assert_allclose(rows[:2, 3:], [x.mean((0, 1))] * 2)
        np.testing.assert_array_equal(rows[2:, 3:], x[0, :4])
        np.testing.assert_array_equal(x, before)

    def test_trials_stay_for_a_decoder_that_follows_them(self):
        rates, force = rates_and_force()
        decoder = make_pipeline(Lags([1], keep_trials=True), KalmanRegressor())
        told = clone(decoder).fit(rates, force).predict(rates)
        ours = fit_decoder(Kalman([1], [0.0]), rates, force).predict(rates)
        np.testing.assert_array_equal(told, ours)

    def test_wrong_arguments(self):
        x = np.zeros((4, 6, 3))
        with pytest.raises(ValueError, match="X: expected shape .* since there are lags"):
            Lags([1]).fit(x[0]).transform(x[0])
        with pytest.raises(
            TypeError, match="lags: expected a whole number of bins, received 0.5"
        ):
            Lags([0.5]).fit(x)
        with pytest.raises(ValueError, match="lags: expected at least one, received none"):
            Lags([]).fit(x)
        with pytest.raises(ValueError, match="X: expected 3 features on the last axis"):
            Lags([1]).fit(x).transform(x[..., :2])
        with pytest.raises(ValueError, match="X: expected finite numbers or NaN"):
            Lags([1]).fit(x + np.inf)


class TestRegressors:
    def test_ridge_is_that_of_scikit_learn_on_standardised_features(self):
        rates, force = rates_and_force(noise=1.0)
        x, y = rates.reshape(-1, 6), force.reshape(-1, 2)
        ours = RidgeRegressor(0.3).fit(x, y)
        theirs = make_pipeline(StandardScaler(), SklearnRidge(alpha=0.3 * len(x))).fit(x, y)
        np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-9)

    def test_each_of_a_path_is_the_one_fitted_alone(self):
        rates, force = rates_and_force(noise=1.0)
        x, y = rates.reshape(-1, 6), force.reshape(-1, 2)
        for kind, strengths in (
            (RidgeRegressor, [0.0, 0.1, 1.0]),
            (OptimalLinearRegressor, [0.0, 0.5, 1.0]),
        ):
            for strength, one in zip(strengths, kind.path(x, y, strengths), strict=True):
                np.testing.assert_allclose(
                    one.predict(x), kind(strength).fit(x, y).predict(x), rtol=1e-9
                )

    def test_kalman_filter_is_the_function_of_arrays(self):
        rates, force = rates_and_force()
        fitted = clone(KalmanRegressor(shrinkage=0.5)).fit(rates, force)
        (known,) = kalman.kalman_filters(rates, force, [0.5])
        np.testing.assert_array_equal(fitted.predict(rates), known.predict(rates))
        assert fitted.n_features_in_ == 6 and fitted.get_params() == {"shrinkage": 0.5}

    def test_a_search_of_scikit_learn_chooses_the_penalty_by_groups_of_trials(self):
        rates, force = rates_and_force(noise=0.01)
        x, y, trial = rates.reshape(-1, 6), force.reshape(-1, 2), np.repeat(np.arange(12), 25)
        search = GridSearchCV(RidgeRegressor(), {"penalty": [1e-4, 100.0]}, cv=GroupKFold(4))
        assert search.fit(x, y, groups=trial).best_params_ == {"penalty": 1e-4}
        scores = cross_val_score(OptimalLinearRegressor(), x, y, groups=trial, cv=GroupKFold(4))
        assert scores.min() > 0.99


@pytest.mark.parametrize(
    "regressor",
    [
        KNeighborsRegressor(3),
        SVR(C=10.0),  # of a single target
        RandomForestRegressor(10),  # draws random numbers; its len() fails before the fit
        make_pipeline(StandardScaler(), SVR(C=10.0)),
        make_pipeline(Lags([0, 1]), StandardScaler(), SVR(C=10.0)),
    ],
    ids=["neighbors", "svr", "forest", "pipeline", "lagged"],
)
class TestAnyRegressor:
    def test_it_decodes_held_out_trials(self, regressor):
        rates, force = rates_and_force()
        parameters = regressor.get_params()
        np.random.seed(0)  # the next number drawn would change all of the state
        state = np.random.get_state()[1].copy()
        result = cross_validate(rates, force, regressor, 3)
        again = cross_validate(rates, force, regressor, 3)
        assert result.r_squared > 0.7
        np.testing.assert_array_equal(result.predictions, again.predictions)
        # Nothing of the user's is fitted or changed, no global random number is drawn.
        assert not [name for name in vars(regressor) if name.endswith("_")]
        assert str(regressor.get_params()) == str(parameters)
        np.testing.assert_array_equal(np.random.get_state()[1], state)

    def test_the_lag_is_recovered(self, regressor):
        rates, force = rates_and_force(n_targets=1)
        late = np.roll(force, 2, axis=1)
        fitted = fit_decoder(Regressor(regressor, lags=[0, 2]), rates, late, folds=2)
        assert fitted.lag == 2 and fitted.penalty is None
        assert fitted.predict(rates).shape == late.shape

    def test_gaps_give_no_prediction(self, regressor):
        rates, force = rates_and_force()
        rates[0, 4, 1] = force[1, 7, 0] = np.nan
        told = fit_decoder(regressor, rates, force).predict(rates)
        assert np.isnan(told[0, 4]).all() and np.isfinite(told[1:]).all()

    def test_every_function_that_decodes_takes_it(self, regressor):
        rates, force = rates_and_force()
        found = decode_over_dimensions(rates, force, regressor, 2, dimensions=[2])
        assert found.r_squared.shape == (2,) and found.r_squared[-1] > 0.6
        days = {"monday": (rates, force), "friday": (rates, force)}
        assert decode_between_sessions(days, regressor, folds=2).r_squared.min() > 0.6


class TestGrid:
    def test_parameters_are_chosen_inside_the_training_trials(self):
        rates, force = rates_and_force()
        near = Regressor(
            make_pipeline(Lags([0, 1]), StandardScaler(), KNeighborsRegressor()),
            grid={"kneighborsregressor__n_neighbors": [3, 200]},
        )
        fitted = fit_decoder(near, rates, force)
        assert fitted.parameters == {"kneighborsregressor__n_neighbors": 3}
        assert fitted.taps == (0, 1) and fitted.model[-1].n_neighbors == 3

    def test_ridge_through_a_pipeline_is_the_wiener_filter(self):
        rates, force = rates_and_force(noise=1.0)
        wiener = fit_decoder(Wiener(penalties=(0.1,), n_lags=2), rates, force)
        lagged = make_pipeline(Lags(range(3)), StandardScaler(), SklearnRidge(0.1 * 300))
        ours = fit_decoder(lagged, rates, force)
        np.testing.assert_allclose(ours.predict(rates), wiener.predict(rates), rtol=1e-9)
        linear = wiener.model.predict(wiener.lagged.transform(rates))
        np.testing.assert_allclose(wiener.predict(rates).reshape(-1, 2), linear)

    def test_wrong_arguments(self):
        rates, force = rates_and_force()
        with pytest.raises(TypeError, match="decoder: expected Ridge, .* the class SVR"):
            fit_decoder(SVR, rates, force)
        with pytest.raises(TypeError, match="regressor: expected an object with fit and"):
            Regressor(StandardScaler())
        with pytest.raises(ValueError, match="grid: expected parameters .* 'depth'"):
            fit_decoder(Regressor(SVR(), grid={"depth": [1]}), rates, force)

    @pytest.mark.parametrize("regressor", [RidgeRegressor(), OptimalLinearRegressor()])
    def test_what_scikit_learn_would_convert_or_overlook_is_refused(self, regressor):
        x = np.random.default_rng(0).normal(size=(50, 2)).round(2)
        for wrong in (
            x.astype(str),
            x.astype("S8"),
            x.astype(str).astype(object),
            x.astype("M8[D]"),
            x.astype("m8[s]").astype(object),
        ):
            with pytest.raises(TypeError, match="X: expected an array of real numbers"):
                regressor.fit(wrong, x)
            with pytest.raises(TypeError, match="y: expected an array of real numbers"):
                regressor.fit(x, wrong)
        for missing in (np.where(x > 1, None, x), np.ma.masked_greater(x, 1)):
            for given in ((missing, x), (x, missing)):
                with pytest.raises(ValueError, match="contains NaN"):
                    regressor.fit(*given)


PARAMETERS = [
    (RidgeRegressor, "penalty", number(closed="low")),
    (OptimalLinearRegressor, "shrinkage", number(high=1.0, closed="both")),
    (KalmanRegressor, "shrinkage", number(high=1.0, closed="both")),
    (Lags, "lags", numbers(-np.inf, whole=True, alone=True)),
    (Lags, "keep_trials", flag()),
]


@pytest.mark.parametrize(
    ("estimator", "name", "kind"),
    PARAMETERS,
    ids=[f"{kind.__name__}-{name}" for kind, name, _ in PARAMETERS],
)
def test_constructors_take_anything_and_fit_refuses_it_by_name(estimator, name, kind):
    trials = np.random.default_rng(0).normal(size=(6, 8, 3))
    of_trials = estimator in (KalmanRegressor, Lags)
    x = trials if of_trials else trials.reshape(-1, 3)

    @hypothesis.settings(max_examples=100, deadline=None, derandomize=True, database=None)
    @hypothesis.given(kind.wrong(None))
    def attempt(wrong):
        made = estimator(**{name: wrong})
        with pytest.raises((TypeError, ValueError), match=f"^{name}: expected .* received"):
            made.fit(x, x[..., :1])

    attempt()
