"""Calls of systems and finders that succeed, and the kinds of their arguments."""

from __future__ import annotations

import functools

import calls_analysis
import numpy as np
from argument_kinds import (
    Kind,
    array,
    booleans,
    box,
    choice,
    flag,
    instance,
    number,
    options,
    seed,
    text,
    whole,
)
from common_calls import system
from public_calls import Call, Excluded, public_callables

FINDER = "fixedpoint_tf.FixedPointFinder"


@functools.cache
def model():
    """Return a model with a layer before its recurrent one."""
    import keras

    return keras.Sequential(
        [
            keras.Input((None, 2)),
            keras.layers.Rescaling(0.5),
            keras.layers.SimpleRNN(3, return_sequences=True, name="rnn", seed=0),
        ]
    )


@functools.cache
def finder():
    """Return a finder of the map of two states, which uses the given starts alone."""
    from fixedpoint_tf import FixedPointFinder

    return FixedPointFinder(system(), effort=0.0, verbose=False)


@functools.cache
def finder_of_model():
    from fixedpoint_tf import FixedPointFinder

    return FixedPointFinder(model(), verbose=False)


def halved(h, u):
    """Return half of each state plus the input."""
    return 0.5 * h + u


FUNCTION = {"rnn": halved, "n_states": 2, "n_inputs": 1}
# A text is the path of a model; one that is not there is a FileNotFoundError, as everywhere.
NETWORK = {
    "rnn": instance(str),
    "layer": text(),
    "n_states": whole(),
    "n_inputs": whole(0),
    "time": choice(),
    "bounds": box(2),
    "dtype": choice(),
    "derivatives": choice(),
}
OPTIONS: dict[str, Kind] = {
    **dict.fromkeys(("tol_q", "tol_dq", "tol_unique"), number(closed="low")),
    "effort": number(high=1000.0, closed="both"),
    **dict.fromkeys(
        ("outlier_q_scale", "outlier_distance_scale", "memory_limit", "max_seconds"),
        number(closed="high"),
    ),
    **dict.fromkeys(("max_iters", "n_iters_per_print_update"), whole()),
    **dict.fromkeys(("lr_patience", "lr_cooldown"), whole(0)),
    **dict.fromkeys(
        (
            "do_rerun_q_outliers",
            "do_exclude_distance_outliers",
            "do_compute_jacobians",
            "do_decompose_jacobians",
            "super_verbose",
            "share_descents",
        ),
        flag(),
    ),
    "max_n_unique": number(closed="high", besides=(2.5, 0.5)),
    "method": choice(),
    "dtype": choice(),
    "random_seed": seed(),
    "lr_init": number(),
    "lr_factor": number(high=1.0, closed="high"),
}
LAYER = {"layer": lambda: {"rnn": model(), "n_states": None, "n_inputs": None, "layer": "rnn"}}
POINTWISE = Call(
    lambda: {"h": np.ones((3, 2)), "u": np.ones((3, 1))},
    {
        "h": array(finite=False, tied=(1,), empty=True),  # u follows its rows
        "u": array(finite=False, tied=(0, 1)),
    },
    on=system,
)
TRIALS = {
    "initial_states": array(tied=(0, 1)),
    "mask": booleans(tied=(0, 1)),
    "dt": number(),
    "dtype": choice(),
}
SAMPLES = {
    "state_traj": array(finite=False, tied=(2,)),  # others follow its trials and times
    "inputs": array(finite=False, tied=(0, 1, 2)),
    "n_inits": whole(),
    "valid_bxt": booleans(tied=(0, 1)),
    "noise_scale": number(closed="low"),
}


def simulated(on):
    """Return a run of three steps from four states."""
    return Call(
        lambda: {
            "u": np.ones((4, 3, 1)),
            "initial_states": np.ones((4, 2)),
            "mask": np.ones((4, 3), bool),
        },
        {"u": array(tied=(2,)), **TRIALS},  # others follow its trials and times
        on=on,
    )


CALLS: dict[str, Call | Excluded] = {
    "fixedpoint_tf.as_system": Call(lambda: FUNCTION, NETWORK, given=LAYER),
    "fixedpoint_tf.DynamicalSystem": Excluded(
        "as_system makes it, of equations, layouts and readers of weights of its own"
    ),
    "fixedpoint_tf.DynamicalSystem.step": POINTWISE,
    "fixedpoint_tf.DynamicalSystem.jacobian": POINTWISE,
    "fixedpoint_tf.DynamicalSystem.input_jacobian": POINTWISE,
    "fixedpoint_tf.DynamicalSystem.weights": Call(dict, {"dtype": choice()}, on=system),
    "fixedpoint_tf.DynamicalSystem.simulate": simulated(system),
    "fixedpoint_tf.FinderConfig": Call(dict, OPTIONS),
    "fixedpoint_tf.FinderConfig.from_options": Call(
        lambda: {"options": {"tol_q": 1e-9}}, {"options": options()}
    ),
    "fixedpoint_tf.FinderConfig.search_options": Call(on=lambda: finder().config),
    FINDER: Call(lambda: {**FUNCTION, "verbose": False}, {**NETWORK, **OPTIONS}, given=LAYER),
    f"{FINDER}.simulate": simulated(finder),
    f"{FINDER}.rnn_inputs": Call(
        lambda: {"model_inputs": np.ones((4, 3, 2))},
        {"model_inputs": array(tied=(2,)), "call_arguments": options()},
        on=finder_of_model,
    ),
    f"{FINDER}.simulate_model": Call(
        lambda: {"model_inputs": np.ones((4, 3, 2))},
        {"model_inputs": array(tied=(2,)), "call_arguments": options(), "dtype": choice()},
        on=finder_of_model,
    ),
    f"{FINDER}.sample_states": Call(
        lambda: {
            "state_traj": np.ones((4, 3, 2)),
            "n_inits": 5,
            "valid_bxt": np.ones((4, 3), bool),
        },
        {k: v for k, v in SAMPLES.items() if k != "inputs"},
        on=finder,
    ),
    f"{FINDER}.sample_inputs_and_states": Call(
        lambda: {
            "inputs": np.ones((4, 3, 1)),
            "state_traj": np.ones((4, 3, 2)),
            "n_inits": 5,
            "valid_bxt": np.ones((4, 3), bool),
        },
        SAMPLES,
        on=finder,
    ),
    f"{FINDER}.find_fixed_points": Call(
        lambda: {
            "initial_states": np.eye(4, 2),
            "inputs": np.zeros((1, 1)),
            "cond_ids": np.arange(4),
        },
        {
            "initial_states": array(tied=(1,)),  # others follow its rows
            "inputs": array(tied=(0, 1)),
            "cond_ids": array(whole=True, tied=(0,)),
        },
        on=finder,
    ),
}


def asked_of_finder(entry: Call) -> Call:
    """Return the entry of an analysis as a method of a finder of its system."""
    from fixedpoint_tf import FixedPointFinder

    def without_system():
        return {k: v for k, v in entry.arguments().items() if k != "system"}

    def owner():
        return FixedPointFinder(entry.arguments()["system"], effort=0.0, verbose=False)

    kinds = {k: v for k, v in entry.kinds.items() if k != "system"}
    # A step is given beside another system: that of a map takes none.
    given = {k: v for k, v in entry.given.items() if k != "dt"}
    return Call(without_system, kinds, on=owner, given=given, slow=entry.slow)


for _name, _ in public_callables():
    _function = _name.replace(FINDER, "fixedpoint_tf.analysis")
    if _name.startswith(f"{FINDER}.") and _function in calls_analysis.CALLS:
        CALLS[_name] = asked_of_finder(calls_analysis.CALLS[_function])
