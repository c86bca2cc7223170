"""Calls of lfads_tf, without data, analysis and plotting, and the kinds of their arguments."""

from __future__ import annotations

import functools
import os
import tempfile

import numpy as np
import tensorflow as tf
from argument_kinds import (
    array,
    choice,
    counts,
    flag,
    instance,
    known_names,
    names,
    number,
    path,
    several,
    text,
    whole,
    whole_or_several,
)
from calls_lfads_data import DATA_CALLS, STATES, folder, session
from public_calls import Call, Excluded

SIZES = {
    "encoder_units": 2,
    "n_initial_conditions": 2,
    "generator_units": 3,
    "n_factors": 2,
    "controller_encoder_units": 2,
    "controller_units": 2,
    "coordinated_dropout": 0.0,
}
SPIKES = {"axes": 3, "tied": (1, 2), "finite": False, "missing": True, "low": 0.0}
#: Trials for a model of one session of counts.
TRIALS = array(**SPIKES, whole=True)
NOTHING = instance()  # every value but None is wrong
NOTHING_BUT_NAMES = instance(dict)
VERBOSE = choice(0, 1, True)
EPOCHS = whole_or_several()
OF_KERAS = Excluded("Keras calls it in its loops, with batches that were made here")


@functools.cache
def config():
    """Return sizes for the session."""
    from lfads_tf import LFADSConfig

    return LFADSConfig.for_data(session(), **SIZES)


@functools.cache
def days():
    """Return two sessions of the same conditions."""
    from lfads_tf import Session

    return [
        Session(np.ones((3, 6, n)), 0.02, f"day{n}", conditions=["a", "b", "a"]) for n in (3, 4)
    ]


@functools.cache
def config_of_days():
    from lfads_tf import LFADSConfig

    return LFADSConfig.for_data(days(), **SIZES)


def model():
    """Compile a model of the session."""
    from lfads_tf import LFADS

    made = LFADS(config())
    made.compile(jit_compile=False)
    return made


@functools.cache
def fitted():
    """Return a model for all analyses."""
    return model()


@functools.cache
def stitched():
    """Return a model of two sessions."""
    from lfads_tf import LFADS

    return LFADS(config_of_days())


@functools.cache
def saved():
    path = os.path.join(folder(), "model.keras")
    fitted().save(path)
    return path


@functools.cache
def inferred():
    """Return the inference on the session's trials."""
    return fitted().infer(spikes(), n_samples=2)


def spikes():
    return session().spikes


def endless():
    return tf.data.Dataset.from_tensors(spikes()).repeat()


SHARES = number(high=1.0, closed="low")
NOT_NEGATIVE = number(closed="low")

CALLS: dict[str, Call | Excluded] = {
    **DATA_CALLS,
    "lfads_tf.LFADSConfig": Call(
        lambda: {
            "n_neurons": 4,
            "n_bins": 6,
            "bin_width": 0.02,
            "session_neurons": (4,),
            "session_encode_neurons": (4,),
            "n_inferred_inputs": 1,
        },
        {
            **dict.fromkeys(
                (
                    "n_neurons",
                    "n_bins",
                    "encoder_units",
                    "n_initial_conditions",
                    "generator_units",
                    "n_factors",
                    "controller_encoder_units",
                    "controller_units",
                ),
                whole(),
            ),
            **dict.fromkeys(
                ("n_external_inputs", "n_inferred_inputs", "warm_up_steps", "n_read_in"),
                whole(0),
            ),
            **dict.fromkeys(
                ("controller_lag", "initial_condition_bins", "spike_jitter"), whole(0, 5)
            ),
            "n_encode_neurons": whole(1, 4),
            "n_encode_bins": whole(1, 6),
            "seed": whole(0, 2**31 - 1),
            **dict.fromkeys(
                (
                    "bin_width",
                    "state_clip",
                    "initial_condition_prior_variance",
                    "input_prior_time_constant",
                    "input_prior_noise_variance",
                    "learning_rate",
                    "gradient_clip",
                ),
                number(),
            ),
            **dict.fromkeys(
                (
                    "variance_floor",
                    "gamma_location",
                    "temporal_shift",
                    "kl_initial_condition_weight",
                    "kl_inferred_inputs_weight",
                    "l2_generator_weight",
                    "l2_controller_weight",
                    "l2_encoders_weight",
                ),
                NOT_NEGATIVE,
            ),
            **dict.fromkeys(("dropout", "coordinated_dropout", "sample_validation"), SHARES),
            **dict.fromkeys(("input_prior", "observation", "read_in_start"), choice()),
            **dict.fromkeys(("read_in_trained", "shared_frozen"), flag()),
            "session_names": names(1),
            "frozen_sessions": names(),
            "session_neurons": counts(),
            "session_encode_neurons": counts(),
        },
    ),
    "lfads_tf.LFADSConfig.encoded_of": Call(
        lambda: {"index": 1}, {"index": whole(0, 1)}, on=config_of_days
    ),
    "lfads_tf.LFADSConfig.of_session": Call(
        lambda: {"index": 1}, {"index": whole(0, 1)}, on=config_of_days
    ),
    "lfads_tf.LFADSConfig.for_data": Call(lambda: {"session": days()}, {"session": several()}),
    "lfads_tf.LFADSConfig.from_dict": Call(
        lambda: {"values": config().to_dict()}, {"values": known_names()}
    ),
    "lfads_tf.LFADSConfig.index_of": Call(
        lambda: {"session_name": "day4", "argument": "session_name"},
        {"session_name": choice(), "argument": text()},
        on=config_of_days,
    ),
    "lfads_tf.LFADSConfig.kl_weight_from_lfads_torch": Call(
        lambda: {"scale": 1e-4}, {"scale": NOT_NEGATIVE, "cd_rate": SHARES}, on=config
    ),
    "lfads_tf.LFADSConfig.replace": Call(on=config),
    "lfads_tf.LFADSConfig.to_dict": Call(on=config),
    "lfads_tf.LFADSConfig.with_session": Call(
        lambda: {"name": "day5", "n_neurons": 5, "n_encoded": 5, "shared_frozen": True},
        {
            "name": text(),
            "n_neurons": whole(),
            "n_encoded": whole(1, 5),
            "shared_frozen": flag(),
        },
        on=config_of_days,
    ),
    "lfads_tf.LFADS": Call(lambda: {"config": config()}, {"config": instance()}),
    "lfads_tf.LFADS.add_session": Call(
        lambda: {"session": days()[1]},
        {"session": instance(), "reference_sessions": several(), "freeze_shared": flag()},
        on=lambda: _of_first_day(),
        given={"reference_sessions": lambda: {"reference_sessions": days()[:1]}},
        slow=True,
    ),
    "lfads_tf.LFADS.call": Call(
        lambda: {"inputs": spikes()}, {"inputs": TRIALS, "training": flag()}, on=fitted
    ),
    "lfads_tf.LFADS.compile": Call(
        lambda: {"jit_compile": False},
        {
            "optimizer": instance(),
            "jit_compile": flag(),
            "run_eagerly": flag(),
            "steps_per_execution": whole(),
        },
        on=model,
    ),
    "lfads_tf.LFADS.compile_from_config": Excluded(
        "Keras calls it when it loads a model, with what get_compile_config gave"
    ),
    "lfads_tf.LFADS.default_callbacks": Call(
        lambda: {"patience": 5},
        {
            "directory": path(),
            "patience": whole(0),
            "lr_patience": whole(0),
            "lr_factor": number(high=1.0),
            "least_learning_rate": NOT_NEGATIVE,
            "resume": flag(),
            "save_every": NOT_NEGATIVE,
        },
        given={"directory": lambda: {"directory": tempfile.mkdtemp(dir=folder())}},
    ),
    "lfads_tf.LFADS.evaluate": Call(
        lambda: {"x": spikes(), "verbose": 0},
        {
            "x": TRIALS,
            "batch_size": whole(),
            "session_weights": choice(),
            "steps": whole(),
            "callbacks": several(),
            "return_dict": flag(),
            "verbose": VERBOSE,
        },
        on=fitted,
        given={"steps": lambda: {"x": endless(), "steps": 1}},
        slow=True,
    ),
    "lfads_tf.LFADS.factors_of": Call(
        lambda: {"states": np.zeros((2, 3))},
        {"states": STATES},
        on=fitted,
    ),
    "lfads_tf.LFADS.fit": Call(
        lambda: {"x": spikes(), "verbose": 0},
        {
            "x": TRIALS,
            "y": NOTHING,
            "batch_size": whole(),
            "epochs": whole(0),
            "validation_data": TRIALS,
            "callbacks": several(),
            "initial_epoch": whole(0),
            "steps_per_epoch": whole(),
            "session_weights": choice(),
            "validation_freq": EPOCHS,
            "validation_steps": whole(),
            "verbose": VERBOSE,
        },
        on=fitted,
        given={
            "steps_per_epoch": lambda: {"x": endless(), "steps_per_epoch": 1},
            "validation_data": lambda: {"validation_data": spikes()},
            "validation_steps": lambda: {"validation_data": endless(), "validation_steps": 1},
        },
        slow=True,
    ),
    "lfads_tf.LFADS.from_config": Call(
        lambda: {"config": fitted().get_config()},
        {"config": known_names(), "custom_objects": NOTHING_BUT_NAMES},
    ),
    "lfads_tf.LFADS.get_compile_config": Call(on=fitted),
    "lfads_tf.LFADS.get_config": Call(on=fitted),
    "lfads_tf.LFADS.infer": Call(
        lambda: {"data": spikes(), "n_samples": 2},
        {"data": TRIALS, "n_samples": whole(0), "seed": whole(0, 2**63 - 1)},
        on=fitted,
        slow=True,
    ),
    "lfads_tf.LFADS.predict": Call(
        lambda: {"x": spikes(), "verbose": 0},
        {
            "x": TRIALS,
            "batch_size": whole(),
            "verbose": VERBOSE,
            "steps": whole(),
            "callbacks": several(),
        },
        on=fitted,
        given={"steps": lambda: {"x": endless(), "steps": 1}},
        slow=True,
    ),
    "lfads_tf.LFADS.predict_on_batch": Call(
        lambda: {"x": spikes()}, {"x": TRIALS}, on=fitted, slow=True
    ),
    "lfads_tf.LFADS.rates_of": Call(
        lambda: {"states": np.zeros((2, 3)), "session": "day4"},
        {"states": STATES, "session": choice()},
        on=stitched,
    ),
    "lfads_tf.LFADS.save": Call(
        lambda: {"filepath": os.path.join(folder(), "again.keras")},
        {"filepath": path()},
        on=fitted,
    ),
    "lfads_tf.LFADS.session_agreement": Call(
        lambda: {"sessions": days(), "n_samples": 1},
        {"sessions": several(), "n_samples": whole(0)},
        on=stitched,
        slow=True,
    ),
    "lfads_tf.LFADS.test_on_batch": Call(
        lambda: {"x": spikes()},
        {"x": TRIALS, "y": NOTHING, "sample_weight": NOTHING, "return_dict": flag()},
        on=fitted,
        slow=True,
    ),
    "lfads_tf.LFADS.test_step": OF_KERAS,
    "lfads_tf.LFADS.train_on_batch": Call(
        lambda: {"x": spikes()},
        {
            "x": TRIALS,
            "y": NOTHING,
            "sample_weight": NOTHING,
            "class_weight": NOTHING,
            "return_dict": flag(),
        },
        on=fitted,
        slow=True,
    ),
    "lfads_tf.LFADS.train_step": OF_KERAS,
    "lfads_tf.LFADS.make_train_function": OF_KERAS,
    "lfads_tf.LFADS.make_test_function": OF_KERAS,
    "lfads_tf.Inferred": Excluded("infer makes it; users read it"),
    "lfads_tf.Inferred.load": Call(
        lambda: {"path": _inferred_file()},
    ),
    "lfads_tf.Inferred.save": Call(lambda: {"path": _inferred_file()}, on=inferred),
    "lfads_tf.load_model": Call(lambda: {"path": saved()}),
}


@functools.cache
def _of_first_day():
    from lfads_tf import LFADS, LFADSConfig

    return LFADS(LFADSConfig.for_data(days()[0], **SIZES))


@functools.cache
def _inferred_file():
    path = os.path.join(folder(), "inferred.h5")
    inferred().save(path)
    return path
