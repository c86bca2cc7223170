"""Calls of tasks and of cells in closed form that succeed, and the kinds of their arguments."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from argument_kinds import (
    anything,
    array,
    booleans,
    choice,
    flag,
    function,
    generator,
    instance,
    names,
    number,
    sequence_of,
    text,
    whole,
)
from public_calls import Call, Excluded

TASKS, CELLS = "fixedpoint_tf.tasks", "fixedpoint_tf.systems.cells"
SIZES = (
    "n_trials",
    "n_time",
    "n_inputs",
    "n_outputs",
    "n_bits",
    "n_streams",
    "n_frequencies",
    "units",
    "epochs",
    "batch_size",
)
KINDS = {
    **dict.fromkeys(SIZES, whole()),
    "rng": generator(),
    "pulse_probability": number(high=1.0, closed="both"),
    "bias": number(high=1e30, closed="both"),
    "noise": number(high=1e30, closed="both"),
    "speed": number(high=1e30, closed="both"),
    "correlation": number(high=1.0, closed="low"),
    "slowest": number(high=0.5, closed="high"),
    "fastest": number(high=0.5, closed="high"),
    "cell": choice(),
    "recurrent_gain": number(high=1e6, closed="both"),
    "learning_rate": number(high=1e6),
    "callbacks": sequence_of("ab", ["ab"]),
    "model": instance(),
}


@functools.cache
def network():
    from fixedpoint_tf.tasks import recurrent_network

    return recurrent_network(3, 3, 2, rng=np.random.default_rng(0))


@functools.cache
def flip_flop():
    """Return the flip-flop from the table of tasks."""
    from fixedpoint_tf.tasks import TASKS

    return TASKS["flip_flop"]


def parts(of):
    """Return the fields of a dataclass by name."""
    return {field.name: getattr(of, field.name) for field in dataclasses.fields(of)}


def drawing(*arguments):
    """Return a generator of trials."""
    return Call(
        lambda: {"rng": np.random.default_rng(0), "n_trials": 2, "n_time": 4},
        {a: KINDS[a] for a in ("rng", "n_trials", "n_time", *arguments)},
    )


def chosen(**kinds):
    return {name: kind or KINDS[name] for name, kind in kinds.items()}


@functools.cache
def halving():
    """Return the equations of a user's cell."""
    from fixedpoint_tf._utils.intervals import Interval
    from fixedpoint_tf.systems.cells import FixedPointMap

    return FixedPointMap(
        kernel=np.eye(2) / 2,
        offset=Interval.at(np.zeros(2)),
        gates=lambda a: a.activate("tanh"),
        lower=-np.ones(2),
        upper=np.ones(2),
        lift=lambda h: h,
    )


@functools.cache
def rectified():
    from fixedpoint_tf.systems.cells import PiecewiseLinear

    return PiecewiseLinear(np.eye(3) / 2, np.ones((3, 2)), np.zeros(3), np.ones(3, bool))


@functools.cache
def port():
    from fixedpoint_tf.systems.cells import identity

    return identity(np.ones((2, 3)))


@functools.cache
def kernel():
    from fixedpoint_tf.systems.cells import Kernel

    return Kernel(np.eye(3) / 2)


def interval():
    from fixedpoint_tf._utils.intervals import Interval

    return Interval.at(np.zeros((1, 2)))


@functools.cache
def cell_class():
    import keras

    class Halving(keras.layers.Layer):
        state_size = 2

    return Halving


IN_GRAPHS = Excluded(
    "users write it, and the library calls it with its own tensors within compiled code"
)
AS_PART = Excluded(
    "the library calls it within a proof, with arrays and weights that it has made itself"
)
READ = array(finite=False, tied=(0, 1))

CALLS: dict[str, Call | Excluded] = {
    f"{TASKS}.Condition": Call(
        lambda: {"label": "no input", "inputs": (0.0, 1.0)},
        {"label": text(), "inputs": array(axes=1)},
    ),
    f"{TASKS}.Recipe": Call(
        lambda: {"n_trials": 2, "epochs": 1, "lengths": (2, 4)},
        {
            "n_trials": whole(),
            "epochs": whole(),
            "batch_size": whole(),
            "learning_rate": number(),
            "lengths": array(axes=1, whole=True, low=1, empty=True),
            "recurrent_gain": number(closed="low"),
            "activity_penalty": number(closed="low"),
            "input_noise": number(closed="low"),
            "weight_penalty": number(closed="low"),
        },
    ),
    f"{TASKS}.Task": Call(
        lambda: parts(flip_flop()),
        {
            "name": text(),
            "generator": function(),
            "input_names": names(),
            "n_outputs": whole(),
            "cell": choice(),
            "units": whole(),
            "recipe": instance(),
            "usable_error": number(closed="low"),
            "conditions": sequence_of("ab"),
            "known_answer": text(),
            "reference": text(),
            "last_step_only": flag(),
        },
    ),
    f"{TASKS}.Task.error": Call(
        lambda: {"model": network(), "n_trials": 2},
        chosen(model=None, n_trials=None),
        on=flip_flop,
    ),
    f"{TASKS}.Task.weights": Call(
        lambda: {"n_trials": 2, "n_time": 3}, chosen(n_trials=None, n_time=None), on=flip_flop
    ),
    f"{TASKS}.binary_decision": drawing("bias", "noise"),
    f"{TASKS}.context_dependent_integration": drawing("bias", "noise", "n_streams"),
    f"{TASKS}.flip_flop": drawing("n_bits", "pulse_probability"),
    f"{TASKS}.pulse_average": drawing("pulse_probability"),
    f"{TASKS}.ring_integration": drawing("speed", "correlation"),
    f"{TASKS}.sine_waves": drawing("n_frequencies", "slowest", "fastest"),
    f"{TASKS}.two_point_average": drawing("n_inputs"),
    f"{TASKS}.white_noise_integration": drawing("bias", "noise"),
    f"{TASKS}.recurrent_network": Call(
        lambda: {"n_inputs": 1, "n_outputs": 1, "units": 2, "rng": np.random.default_rng(0)},
        chosen(
            n_inputs=None, n_outputs=None, units=None, cell=None, recurrent_gain=None, rng=None
        ),
    ),
    f"{TASKS}.task_named": Call(lambda: {"name": "flip_flop"}, {"name": choice()}),
    f"{TASKS}.train": Call(
        lambda: {
            "model": network(),
            "inputs": np.zeros((2, 4, 3)),
            "targets": np.zeros((2, 4, 3)),
            "epochs": 1,
        },
        {
            **chosen(
                model=None, epochs=None, batch_size=None, learning_rate=None, callbacks=None
            ),
            "inputs": array(tied=(2,)),
            "targets": array(tied=(0, 1, 2)),
        },
        slow=True,
    ),
    f"{TASKS}.train_flip_flop": Call(
        lambda: {"n_bits": 1, "units": 2, "n_trials": 2, "epochs": 1},
        chosen(n_bits=None, cell=None, units=None, n_trials=None, epochs=None, callbacks=None),
        slow=True,
    ),
    f"{TASKS}.train_task": Call(
        lambda: {"task": "flip_flop", "units": 2, "n_trials": 2, "epochs": 1},
        {
            **chosen(cell=None, units=None, epochs=None, n_trials=None, callbacks=None),
            "task": choice(),
        },
        slow=True,
    ),
    **{
        f"{CELLS}.CellEquations{method}": IN_GRAPHS
        for method in (
            "",
            ".from_cell",
            ".weights",
            ".step",
            ".jacobian",
            ".input_jacobian",
            ".settled_step",
            ".settled_jacobian",
            ".settled_input_jacobian",
            ".bounds",
        )
    },
    **{
        f"{CELLS}.CellEquations{method}": AS_PART
        for method in (".ball_bounds", ".couplings", ".fixed_point_map", ".piecewise_linear")
    },
    f"{CELLS}.preactivation": IN_GRAPHS,
    f"{CELLS}.scale_rows": IN_GRAPHS,
    f"{CELLS}.register_cell": Call(
        lambda: {"cell_class": cell_class()}, {"cell_class": instance()}
    ),
    f"{CELLS}.activation_name": Call(
        lambda: {"function": "tanh"},
        {
            "function": anything(
                "of what is no activation that is known here the answer is None"
            )
        },
    ),
    f"{CELLS}.FixedPointMap": Call(
        lambda: parts(halving()),
        {
            "kernel": array(tied=(0, 1)),
            "offset": instance(),
            "gates": function(),
            "lower": array(tied=(0,)),
            "upper": array(tied=(0,)),
            "lift": function(),
            "is_elementwise": flag(),
        },
    ),
    f"{CELLS}.FixedPointMap.columns": Call(
        lambda: {"units": np.array([0])},
        {"units": array(axes=1, whole=True, low=0, high=1)},
        on=halving,
    ),
    f"{CELLS}.FixedPointMap.couplings": Call(on=halving),
    f"{CELLS}.FixedPointMap.image": Call(
        lambda: {"h": interval()}, {"h": instance()}, on=halving
    ),
    f"{CELLS}.FixedPointMap.part": Call(
        lambda: {"units": np.array([0])},
        {"units": array(axes=1, whole=True, low=0, high=1)},
        on=halving,
    ),
    f"{CELLS}.Kernel": Call(lambda: {"matrix": np.eye(3)}, {"matrix": array()}),
    f"{CELLS}.Kernel.split": Call(
        lambda: {"matrix": np.ones((2, 6)), "n_gates": 3},
        {"matrix": array(), "n_gates": whole()},
    ),
    f"{CELLS}.PiecewiseLinear": Call(
        lambda: {**parts(rectified()), "threshold": np.zeros(3)},
        {
            "recurrent": array(tied=(0, 1)),
            "from_input": array(tied=(0,), empty=True),
            "bias": array(tied=(0,)),
            "rectified": booleans(tied=(0,)),
            "n_layers": whole(),
            "slope_below": array(axes=(0, 1)),
            "threshold": array(tied=(0,)),
        },
    ),
    f"{CELLS}.PiecewiseLinear.activate": Call(
        lambda: {"z": np.ones((2, 3))},
        {"z": array(finite=False, tied=(1,), empty=True)},
        on=rectified,
    ),
    f"{CELLS}.PiecewiseLinear.image": Call(
        lambda: {"x": np.ones((2, 3)), "u": np.ones((2, 2))},
        {
            "x": array(finite=False, tied=(1,), empty=True),
            "u": array(finite=False, tied=(0, 1)),
        },
        on=rectified,
    ),
    f"{CELLS}.affine": Call(
        lambda: {
            "below": port(),
            "kernel": kernel(),
            "h": port(),
            "recurrent": kernel(),
            "bias": np.zeros(3),
        },
        {
            **dict.fromkeys(("below", "kernel", "h", "recurrent"), instance()),
            "bias": array(tied=(0,), finite=False),
        },
    ),
    f"{CELLS}.elementwise": Call(
        lambda: {
            "ports": [port()],
            "value": np.ones((2, 3)),
            "gradient": [np.ones((2, 3))],
            "hessian": {(0, 0): np.ones((2, 3))},
            "rounding": np.zeros((2, 3)),
            "size": np.zeros((2, 3)),
        },
        {
            "ports": sequence_of("ab", []),
            "value": READ,
            "gradient": sequence_of("ab", []),
            "hessian": sequence_of({"a": 1}, {(0, 5): np.ones((2, 3))}, {(0, 0): "x"}),
            "rounding": READ,
            "size": READ,
            "jumps": sequence_of({"a": 1}, {5: np.ones((2, 3))}, {0: "x"}),
        },
    ),
    f"{CELLS}.identity": Call(
        lambda: {"value": np.ones((2, 3)), "first": 0, "n_states": 3},
        {"value": array(finite=False, empty=True), "first": whole(0), "n_states": whole(3)},
    ),
    f"{CELLS}.suprema": Call(
        lambda: {"name": "tanh", "centre": np.zeros((2, 3)), "width": np.ones((2, 3))},
        {
            "name": choice(),
            "centre": array(finite=False, axes=(0, 1, 2, 3, 4), empty=True),
            "width": array(finite=False, tied=(0, 1), low=0.0),
            "jumps": flag(),
        },
    ),
}
