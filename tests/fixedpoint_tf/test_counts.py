"""Counts beyond all measure: each is refused by its name, before any work, in both packages."""

import functools

import keras
import numpy as np
import pytest
from each import each
from matplotlib import pyplot

from fixedpoint_tf import (
    FinderConfig,
    FixedPointFinder,
    FixedPoints,
    as_system,
    linearization,
    tasks,
)
from fixedpoint_tf.plotting import plot_flow, plot_q
from fixedpoint_tf.systems.cells import identity
from lfads_tf import LFADS, LFADSConfig
from lfads_tf import analysis as analyses
from lfads_tf.data import bin_spikes, chop, synthetic
from lfads_tf.plotting import plot_factors


@functools.cache
def finder():
    cell = keras.layers.SimpleRNNCell(2)
    cell.build((None, 1))
    cell.set_weights([np.eye(1, 2), 0.5 * np.eye(2), np.zeros(2)])
    return FixedPointFinder(cell, verbose=False)


@functools.cache
def points():
    return FixedPoints(
        xstar=np.zeros((1, 2)), inputs=np.zeros((1, 1)), status=[0], qstar=[1e-20]
    )


@functools.cache
def lfads():
    model = LFADS(
        LFADSConfig(n_neurons=4, n_bins=10, bin_width=0.02, n_factors=2, n_inferred_inputs=1)
    )
    model.compile(jit_compile=False)
    return model


def rng():
    return np.random.default_rng(0)


STATES = np.zeros((3, 2))
SPREAD = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]])
TRIALS = np.ones((4, 10, 4))
QUESTIONS = {
    "sample_states": ("n_inits", lambda **n: finder().sample_states(STATES[None], **n)),
    "certify": ("n_directions", lambda **n: finder().certify(points(), **n)),
    "prove_complete": ("max_boxes", lambda **n: finder().prove_complete(points(), **n)),
    "deflated, inits": ("n_inits", lambda **n: finder().search_deflated(points(), **n)),
    "deflated, rounds": ("max_rounds", lambda **n: finder().search_deflated(points(), **n)),
    "deflated, iters": ("max_iters", lambda **n: finder().search_deflated(points(), **n)),
    "slow, steps": ("n_steps", lambda **n: finder().sample_slow_states(STATES, **n)),
    "slow, points": ("max_points", lambda **n: finder().sample_slow_states(STATES, **n)),
    "attractors": ("min_points", lambda **n: finder().classify_attractors(points(), **n)),
    **{
        f"cycles, {name}": (name, lambda **n: finder().find_cycles(STATES, [[0.0]], **n))
        for name in ("n_transient", "n_steps", "max_period", "n_candidates", "n_extensions")
    },
    "branches": (
        "max_points",
        lambda **n: finder().continue_branches(points(), [[0.0], [1.0]], **n),
    ),
    "connections": ("n_directions", lambda **n: finder().find_connections(points(), **n)),
    "connections, steps": ("max_steps", lambda **n: finder().find_connections(points(), **n)),
    "basins": ("max_steps", lambda **n: finder().estimate_basins(points(), STATES, **n)),
    "sensitivity": ("n_modes", lambda **n: finder().analyze_sensitivity(points(), **n)),
    "linear_error": ("n_steps", lambda **n: finder().linear_error(points(), **n)),
    "linear_error, directions": (
        "n_directions",
        lambda **n: finder().linear_error(points(), **n),
    ),
    **{
        f"finder, {name}": (name, lambda **n: FinderConfig(**n))
        for name in ("max_iters", "n_iters_per_print_update", "lr_patience", "lr_cooldown")
    },
    "linear_trajectories": (
        "n_steps",
        lambda **n: linearization.linear_trajectories([0.0], [[0.5]], [[1.0]], **n),
    ),
    "recurrent_network": (
        "units",
        lambda **n: tasks.recurrent_network(2, 1, rng=rng(), **n),
    ),
    **{
        f"network, {name}": (
            name,
            lambda **n: tasks.recurrent_network(
                **{"n_inputs": 2, "n_outputs": 1, "units": 4, **n}, rng=rng()
            ),
        )
        for name in ("n_inputs", "n_outputs")
    },
    **{
        f"system, {name}": (
            name,
            lambda **n: as_system(lambda h, u: 0.5 * h, **{"n_states": 2, "n_inputs": 1, **n}),
        )
        for name in ("n_states", "n_inputs")
    },
    "identity": ("n_states", lambda **n: identity(np.zeros((1, 2)), **n)),
    "train_flip_flop, trials": ("n_trials", lambda **n: tasks.train_flip_flop(0, **n)),
    "train_flip_flop, epochs": ("epochs", lambda **n: tasks.train_flip_flop(0, **n)),
    "train_flip_flop, units": ("units", lambda **n: tasks.train_flip_flop(0, **n)),
    "flip_flop": ("n_time", lambda **n: tasks.flip_flop(rng(), 3, **n)),
    "flip_flop, bits": ("n_bits", lambda **n: tasks.flip_flop(rng(), 3, **n)),
    "white_noise": ("n_trials", lambda **n: tasks.white_noise_integration(rng(), **n)),
    "binary_decision": ("n_time", lambda **n: tasks.binary_decision(rng(), 3, **n)),
    "context": (
        "n_streams",
        lambda **n: tasks.context_dependent_integration(rng(), 3, **n),
    ),
    "ring": ("n_time", lambda **n: tasks.ring_integration(rng(), 3, **n)),
    "sine": ("n_frequencies", lambda **n: tasks.sine_waves(rng(), 3, **n)),
    "average": ("n_inputs", lambda **n: tasks.two_point_average(rng(), 3, **n)),
    "pulses": ("n_time", lambda **n: tasks.pulse_average(rng(), 3, **n)),
    "infer": ("n_samples", lambda **n: lfads().infer(TRIALS, **n)),
    "fit": ("epochs", lambda **n: lfads().fit(TRIALS, verbose=0, **n)),
    "fit, batch": ("batch_size", lambda **n: lfads().fit(TRIALS, verbose=0, **n)),
    "compile": ("steps_per_execution", lambda **n: lfads().compile(**n)),
    "folds": ("n_trials", lambda **n: analyses.folds_by_trial(**n)),
    "cross_correlation": (
        "n_shuffles",
        lambda **n: analyses.cross_correlation(
            rng().normal(size=(4, 50)), rng().normal(size=(4, 50)), 0.01, max_lag=0.1, **n
        ),
    ),
    "wiener": ("n_lags", lambda **n: analyses.Wiener(**n)),
    **{
        f"lorenz, {name}": (name, lambda **n: synthetic.lorenz(**n))
        for name in ("n_trials", "n_bins", "n_neurons", "n_conditions", "time_per_bin")
    },
    **{
        f"chaotic, {name}": (name, lambda **n: synthetic.chaotic_rnn_with_pulse(**n))
        for name in ("n_trials", "n_bins", "n_neurons", "n_conditions")
    },
    **{
        f"oscillation, {name}": (name, lambda **n: synthetic.oscillation(**n))
        for name in ("n_trials", "n_bins", "n_neurons", "n_conditions")
    },
    "chop": ("window", lambda **n: chop(np.ones((5, 2)), overlap=1, **n)),
    "lorenz_days": ("n_days", lambda **n: synthetic.lorenz_days(**n)),
    "plot_flow": ("n_grid", lambda **n: plot_flow(finder().system, SPREAD, [0.0], **n)),
    "plot_q": ("n_bins", lambda **n: plot_q(points(), **n)),
}


@each(name=QUESTIONS)
def test_a_count_without_end_is_refused_by_its_name(name):
    argument, question = QUESTIONS[name]
    with pytest.raises(ValueError, match=rf"{argument}.*: expected .*received 1"):
        question(**{argument: 10**30})


#: A billion of these would be arrays of more than 8 GB: others are worked through in turn.
IN_MEMORY = [
    "sample_states",
    "certify",
    "deflated, inits",
    "connections",
    "linear_error",
    "linear_error, directions",
    "cycles, n_steps",
    "recurrent_network",
    "network, n_inputs",
    "network, n_outputs",
    "system, n_states",
    "system, n_inputs",
    "identity",
    "flip_flop",
    "infer",
    "folds",
    "cross_correlation",
    "lorenz, n_neurons",
    "oscillation, n_bins",
    "chop",
]


@pytest.mark.parametrize("name", IN_MEMORY)
def test_what_fits_into_no_memory_is_refused_before_it_is_made(name):
    argument, question = QUESTIONS[name]
    with pytest.raises(ValueError, match=rf"{argument}: expected .*received 1"):
        question(**{argument: 10**9})


@pytest.mark.parametrize(
    "call",
    [
        lambda width: bin_spikes([[0.1], [0.2]], width, 0.0, 1.0),
        lambda width: synthetic.oscillation(bin_width=width),
    ],
)
@pytest.mark.parametrize("width", [1e-9, 1e-12])
def test_a_width_that_makes_more_bins_than_memory_holds_is_refused(call, width):
    with pytest.raises(ValueError, match=r"^(bin_width|stop): expected"):
        call(width)


def test_more_single_trials_than_there_are_draw_all():
    rates = np.random.default_rng(0).normal(size=(4, 5, 1))
    _, axes = plot_factors(rates, bin_width=0.1, n_single_trials=10**9)
    assert len(axes[0].get_lines()) == 5  # and their mean
    pyplot.close("all")
