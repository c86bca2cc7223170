"""Calls of decoding in lfads_tf.analysis that succeed, and the kinds of their arguments."""

from __future__ import annotations

import functools

import numpy as np
from analysis_kinds import (
    by_name,
    folds,
    grid_of_axes,
    lag,
    numbers,
    observed,
    of_scikit_learn,
    pair_of,
    places,
    samples,
)
from argument_kinds import anything, array, names, number, whole
from calls_lfads_analysis import RESULT
from public_calls import Call, Excluded

SOLVE = Excluded("fit_decoder calls it with arrays and settings that it has checked")
CLASS_OF = Excluded("the class of scikit-learn that a method fits, which has its own entry")
STORES = Excluded(
    "scikit-learn demands that constructors take anything and that fit refuses it: "
    "tests/lfads_tf/analysis/decoding/test_any_regressor.py tries these"
)


@functools.cache
def features() -> np.ndarray:
    """Return features of 6 trials, 8 bins and 3 neurons."""
    return np.random.default_rng(0).normal(size=(6, 8, 3))


@functools.cache
def targets() -> np.ndarray:
    """Return behaviour of two dimensions for the features."""
    noise = np.random.default_rng(1).normal(size=(6, 8, 2))
    return features()[..., :2].cumsum(axis=1) + 0.1 * noise


def made(name, **options):
    """Make a thing of lfads_tf.analysis."""
    from lfads_tf import analysis

    return getattr(analysis, name)(**options)


@functools.cache
def fitted(name="Ridge"):
    return made("fit_decoder", decoder=made(name), features=features(), targets=targets())


@functools.cache
def regressor(name):
    rows = features() if name == "KalmanRegressor" else features().reshape(-1, 3)
    wanted = targets() if name == "KalmanRegressor" else targets().reshape(-1, 2)
    return made(name).fit(rows, wanted)


@functools.cache
def over_dimensions():
    return made(
        "decode_over_dimensions", features=features(), targets=targets(), dimensions=[1, 2]
    )


def svr():
    from sklearn.svm import SVR

    return SVR()


def _not_regressors():
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    return [SVR, StandardScaler(), "ridge", "Ridge"]


DECODER = of_scikit_learn(_not_regressors)
LAGS = numbers(-np.inf, whole=True, alone=True)
DATA = {"features": samples(), "targets": samples(tied=(0, 1))}
WRONG_PAIRS = pair_of(
    (features(), targets()[:3]),
    (features()[..., :2], targets()),
    (features(), targets()[..., :1]),
    (features().astype("U8"), targets()),
    (features(), np.full((6, 8, 2), np.inf)),
    (features()[0, 0], targets()[0, 0]),
)
STRENGTHS = {
    "Ridge": {"penalties": numbers()},
    "Wiener": {"penalties": numbers(), "n_lags": whole(0)},
    "OptimalLinear": {"shrinkages": numbers(high=1.0)},
    "Kalman": {"shrinkages": numbers(high=1.0)},
}


def methods():
    """Return entries of the methods of decoding."""
    found = {}
    for name, kinds in STRENGTHS.items():
        options = {argument: [0.0, 0.1] for argument in kinds if argument != "n_lags"}
        options |= {"n_lags": 1} if "n_lags" in kinds else {}
        found[name] = Call(
            lambda options=options: {"lags": [0, 1], **options}, {**kinds, "lags": LAGS}
        )
        made_one = functools.partial(made, name)
        found[f"{name}.taps"] = Call(lambda: {"lag": 1}, {"lag": lag()}, on=made_one)
        found[f"{name}.settings"] = Call(on=made_one)
        found[f"{name}.solve"] = SOLVE
        found[f"{name}.estimator"] = CLASS_OF
    return found


def estimators():
    """Return entries of the regressors of scikit-learn."""
    found = {}
    for name, most in (
        ("RidgeRegressor", np.inf),
        ("OptimalLinearRegressor", 1.0),
        ("KalmanRegressor", 1.0),
    ):
        of_trials = name == "KalmanRegressor"
        x = features() if of_trials else features().reshape(-1, 3)
        y = targets() if of_trials else targets().reshape(-1, 2)
        new = functools.partial(made, name)
        found[name] = STORES
        found[f"{name}.fit"] = Call(
            lambda x=x, y=y: {"X": x, "y": y},
            {
                "X": observed() if of_trials else array(),
                "y": observed(tied=(0, 1)) if of_trials else array(axes=(1, 2), tied=(0,)),
            },
            on=new,
        )
        found[f"{name}.predict"] = Call(
            lambda x=x: {"X": x},
            {"X": observed(tied=(2,)) if of_trials else array(tied=(1,))},
            on=functools.partial(regressor, name),
        )
        found[f"{name}.path"] = Call(
            lambda x=x, y=y: {"X": x, "y": y, "strengths": [0.0, 0.1]},
            {
                "X": observed() if of_trials else samples(),
                "y": samples(tied=(0,)),
                "strengths": numbers(high=most),
            },
        )
    return found


DECODING: dict[str, Call | Excluded] = {
    **methods(),
    **estimators(),
    "Regressor": Call(
        lambda: {"regressor": svr(), "lags": [0, 1], "grid": {"C": [0.1, 1.0]}},
        {
            "regressor": DECODER,
            "lags": LAGS,
            "grid": by_name(
                {"C": 1.0},
                {"C": "ab"},
                {"C": []},
                {"C": None},
                {"C": {1.0}},
                {"depth": [1]},
                none=True,
            ),
        },
    ),
    "Regressor.taps": Call(
        lambda: {"lag": 1}, {"lag": lag()}, on=lambda: made("Regressor", regressor=svr())
    ),
    "Regressor.settings": Call(on=lambda: made("Regressor", regressor=svr())),
    "Regressor.solve": SOLVE,
    "Lags": STORES,
    "Lags.fit": Call(
        lambda: {"X": features()},
        {"X": observed(), "y": anything("scikit-learn passes targets, which are not used")},
        on=lambda: made("Lags", lags=[0, 1]),
    ),
    "Lags.transform": Call(
        lambda: {"X": features()},
        {"X": observed(tied=(2,))},
        on=lambda: made("Lags", lags=[0, 1]).fit(features()),
    ),
    "FittedDecoder": RESULT,
    "FittedDecoder.predict": Call(
        lambda: {"features": features()},
        {"features": observed(axes=(2, 3), tied=(2,), empty=True)},
        on=fitted,
    ),
    "fit_decoder": Call(
        lambda: {"decoder": made("Ridge"), "features": features(), "targets": targets()},
        {"decoder": DECODER, **DATA, "folds": folds(6)},
    ),
    "CrossValidated": RESULT,
    "cross_validate": Call(
        lambda: {
            "features": features(),
            "targets": targets(),
            "decoder": made("Ridge", penalties=[0.1]),
            "folds": 2,
            "inner_folds": 2,
        },
        {**DATA, "decoder": DECODER, "folds": folds(6), "inner_folds": whole(2)},
    ),
    "BetweenSessions": RESULT,
    "decode_between_sessions": Call(
        lambda: {
            "sessions": {"a": (features(), targets()), "b": (features(), targets())},
            "decoder": made("Ridge", penalties=[0.1]),
            "folds": 2,
        },
        {
            "sessions": by_name(
                {"a": (features(), targets())},
                {"a": (features(), targets()), "b": features()},
                {"a": (features(), targets()), "b": "ab"},
                {"a": (features(), targets()), "b": (features(), targets(), 1)},
                {"a": (features(), targets()), "b": (features()[..., :2], targets())},
                {"a": (features(), targets()), "b": (features(), targets()[:2])},
            ),
            "decoder": DECODER,
            "folds": folds(6, alone=True),
        },
    ),
    "OverDimensions": RESULT,
    "OverDimensions.needed": Call(
        lambda: {"share": 0.9},
        {"share": number(high=1.0, closed="high")},
        on=over_dimensions,
    ),
    "decode_over_dimensions": Call(
        lambda: {
            "features": features(),
            "targets": targets(),
            "decoder": made("Ridge", penalties=[0.1]),
            "folds": 2,
            "test": (features()[:2], targets()[:2]),
            "dimensions": [1, 2],
        },
        {
            **DATA,
            "decoder": DECODER,
            "folds": folds(6),
            "test": WRONG_PAIRS,
            "dimensions": numbers(1.0, whole=True),
        },
        given={argument: lambda: {"test": None} for argument in ("features", "targets")},
    ),
    "decoding_r_squared": Call(
        lambda: {"targets": targets(), "predictions": targets() + 0.1},
        {"targets": samples(), "predictions": samples(tied=(0, 1, 2))},
    ),
    "plot_decoded": Call(
        lambda: {
            "targets": targets(),
            "predictions": {"LFADS": targets() + 0.1},
            "bin_width": 0.02,
            "trials": [0, 3],
            "dimensions": [1],
            "names": ["x", "y"],
            "start": -0.1,
        },
        {
            "targets": observed(),
            "predictions": by_name(
                {"a": targets()[:2]}, {"a": targets().astype("U8")}, {"a": "ab"}
            ),
            "bin_width": number(),
            "trials": places(6),
            "dimensions": places(2),
            "names": names(2),
            "start": number(low=-np.inf),
            "axes": grid_of_axes(),
        },
    ),
    "plot_over_dimensions": Call(
        lambda: {"results": {"LFADS": over_dimensions()}, "levels": {"Wiener": 0.5}},
        {
            "results": by_name({"a": 1}, {"a": None}),
            "levels": by_name(
                {"a": "b"},
                {"a": np.nan},
                {"a": True},
                dict.fromkeys("abcd", 1.0),
                none=True,
                ones=True,
            ),
        },
    ),
}
CALLS = {f"lfads_tf.analysis.{name}": call for name, call in DECODING.items()}
