"""Options refuse bad values when they are made, and print only what was chosen."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from each import each

from fixedpoint_tf import FinderConfig


def test_defaults_are_those_of_fixed_point_finder():
    # Golub & Sussillo (2018), FixedPointFinderBase._default_hps; only the method differs.
    expected = {
        "tol_q": 1e-12,
        "tol_dq": 1e-20,
        "max_iters": 5000,
        "do_rerun_q_outliers": False,
        "outlier_q_scale": 10.0,
        "do_exclude_distance_outliers": True,
        "outlier_distance_scale": 10.0,
        "tol_unique": 1e-3,
        "max_n_unique": np.inf,
        "do_compute_jacobians": True,
        "do_decompose_jacobians": True,
        "dtype": "float32",
        "random_seed": 0,
        "verbose": True,
        "super_verbose": False,
        "n_iters_per_print_update": 100,
    }
    config = dataclasses.asdict(FinderConfig())
    assert {name: config[name] for name in expected} == expected


def test_the_repr_tells_what_differs_from_the_default():
    assert repr(FinderConfig()) == "FinderConfig()"
    config = FinderConfig(method="adam", tol_q=1e-9, verbose=True)
    assert repr(config) == "FinderConfig(tol_q=1e-09, method='adam')"


def test_options_cannot_be_changed_but_replaced():
    config = FinderConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.tol_q = 1.0
    assert dataclasses.replace(config, tol_q=1.0).tol_q == 1.0
    with pytest.raises(ValueError, match="tol_q"):
        dataclasses.replace(config, tol_q=-1.0)


def test_options_by_their_names():
    options = {"tol_unique": 0.1, "verbose": False}
    assert FinderConfig.from_options(options) == FinderConfig(**options)
    with pytest.raises(TypeError, match="received 'rate'"):
        FinderConfig.from_options({"rate": 0.1})


@pytest.mark.parametrize("given", ["joint", "sequential", "adam"])
def test_the_peers_methods_are_adam(given):
    assert FinderConfig(method=given).search_options().method == "adam"


def test_the_method_is_newton_by_default():
    assert FinderConfig().search_options().method == "newton"


@pytest.mark.parametrize(
    ("dtype", "name"),
    [
        ("float64", "float64"),
        (np.float64, "float64"),
        (np.dtype("float32"), "float32"),
        (tf.float64, "float64"),
    ],
)
def test_a_floating_type_by_any_of_its_names(dtype, name):
    assert FinderConfig(dtype=dtype).dtype == name


NUMBERS = [
    "outlier_q_scale",
    "outlier_distance_scale",
    "max_n_unique",
    "memory_limit",
    "lr_init",
]
COUNTS = {
    "max_iters": 1,
    "n_iters_per_print_update": 1,
    "lr_patience": 0,
    "lr_cooldown": 0,
    "random_seed": 0,
}
REFUSED = (
    [(name, value, "a positive number") for name in NUMBERS for value in (0, -1.0, "x", np.nan)]
    + [
        (name, value, f"a whole number of at least {least}")
        for name, least in COUNTS.items()
        for value in (least - 1, 2.5, True, None)
    ]
    + [
        ("tol_q", -1e-9, "a number of at least 0"),
        ("lr_factor", 1.5, r"a number in \(0, 1\]"),
        ("lr_factor", 0.0, r"a number in \(0, 1\]"),
        ("max_n_unique", 2.5, "a whole number or infinity"),
        ("method", "newtom", r"one of \['newton', 'adam', 'joint', 'sequential'\]"),
        ("method", ["adam"], r"one of \['newton', 'adam', 'joint', 'sequential'\]"),
        ("dtype", "float16", "'float32' or 'float64'"),
        ("dtype", "double precision", "'float32' or 'float64'"),
        ("dtype", None, "'float32' or 'float64'"),
        ("verbose", "no", "True or False"),
        ("do_compute_jacobians", 1, "True or False"),
    ]
)


@each(case=REFUSED)
def test_bad_values_are_refused(case):
    name, value, expected = case
    with pytest.raises(ValueError, match=f"{name}: expected {expected}, received ") as refusal:
        FinderConfig(**{name: value})
    assert str(refusal.value).endswith(f"received {value!r}.")
