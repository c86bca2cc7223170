"""Calls of lfads_tf.data and of a session that succeed, and the kinds of their arguments."""

from __future__ import annotations

import functools
import os
import tempfile
import types
from typing import Any

import h5py
import numpy as np
import scipy.io
from argument_kinds import (
    array,
    choice,
    flag,
    generator_or_seed,
    instance,
    known_names,
    labels,
    named_arrays,
    names,
    number,
    path,
    text,
    times_of_neurons,
    whole,
)
from public_calls import Call, Excluded

ANY = {"low": -np.inf}  # a number may be negative
NOT_NEGATIVE = number(closed="low")
SIZES = {
    "n_trials": whole(),
    "n_bins": whole(),
    "n_neurons": whole(),
    "n_conditions": whole(1, 3),
    "bin_width": number(),
}
SMALL = {"n_trials": 3, "n_bins": 6, "n_neurons": 4, "n_conditions": 2}
MADE = Excluded("the function of its name makes it; users read it")


@functools.cache
def folder():
    """Return a folder that is removed when the tests end."""
    found = tempfile.TemporaryDirectory()
    _KEPT.append(found)
    return found.name


_KEPT: list[Any] = []


def file(name):
    return os.path.join(folder(), name)


@functools.cache
def session():
    """Return counts of four neurons in three trials of six bins."""
    from lfads_tf import Session

    return Session(np.random.default_rng(0).poisson(1.0, (3, 6, 4)) + 0.0, 0.02)


#: Trials of unequal lengths, beside which nothing else is given.
OF_LISTS = {
    "spikes": [np.ones((5, 4)), np.ones((6, 4)), np.ones((6, 4))],
    **dict.fromkeys(["external_inputs", "behavior", "true_rates"]),
}


def arrays():
    """Return all arrays of a session."""
    return {
        "spikes": np.ones((3, 6, 4)),
        "bin_width": 0.02,
        "external_inputs": np.zeros((3, 6, 2)),
        "behavior": np.zeros((3, 6, 2)),
        "conditions": ["a", "b", "a"],
        "true_rates": np.ones((3, 6, 4)),
    }


def _no_width(value):
    return isinstance(value, np.ndarray) and value.shape == (3, 6, 0)


def _no_columns(value):
    """Test for an array without columns, which has all of its bins."""
    return isinstance(value, np.ndarray) and value.size == 0 and 0 not in value.shape[:-1]


OF_SESSION = {
    "spikes": array(axes=3, finite=False, missing=True),
    "bin_width": number(),
    "name": text(),
    "external_inputs": array(axes=3, tied=(0, 1), also=_no_width),
    "behavior": array(axes=3, tied=(0, 1), finite=False, missing=True, also=_no_width),
    "conditions": labels(),
    "true_rates": array(axes=3, tied=(0, 1, 2), finite=False, missing=True, also=_no_width),
    "n_encode_neurons": whole(1, 4),
    "n_encode_bins": whole(1, 6),
}


@functools.cache
def foreign_file():
    """Return the path of another program's file."""
    path = file("foreign.h5")
    with h5py.File(path, "w") as made:
        for name in ("train_data", "valid_data", "train_truth", "valid_truth"):
            made["day/" + name] = np.ones((3, 6, 4))
        made["plain/spikes"] = np.ones((3, 6, 4))
    return path


@functools.cache
def wrist_folder():
    """Return a folder of files in the form of the public recording."""
    go, n_bins = [5.0, 8.0, 12.5], 400
    fields = {
        "timeframe": 0.05 * np.arange(n_bins),
        "spikeratedata": (20 * np.ones((n_bins, 4))).astype(np.uint16),
        "forcedatabin": np.ones((n_bins, 2)),
        "trialtable": np.array([[0.0, at, ord("R"), k] for k, at in enumerate(go)]),
        "trialtablelabels": np.array(
            ["trial start time", "go/catch", "Result(R,A,I,orN)", "tgt_id"], dtype=object
        ),
    }
    scipy.io.savemat(file("Day0.mat"), {"binnedData": fields})
    return folder()


@functools.cache
def matlab_file():
    path = file("monday.mat")
    scipy.io.savemat(path, {"day": {"counts": np.ones((2, 3))}})
    return path


def _opened(path, group=None):
    from lfads_tf.data.formats import matlab

    with matlab.opened(path, group=group) as variables:
        return dict(variables)


def _pair():
    found = types.SimpleNamespace(rates=np.ones((3, 6, 4)), factors=np.ones((3, 6, 2)))
    return session(), found


@functools.cache
def output_file():
    from lfads_tf.data.formats import lfads_torch

    lfads_torch.write_output(file("output.h5"), _pair(), _pair())
    return file("output.h5")


@functools.cache
def nlb_file():
    from lfads_tf.data.formats import nlb

    nlb.write(file("nlb.h5"), nlb_arrays(), group="mc_maze_20")
    return file("nlb.h5")


def nlb_arrays():
    return {"train_spikes_heldin": np.ones((3, 6, 4))}


STATES = array(axes=(1, 2, 3, 4), tied=(-1,), finite=False, missing=True, empty=True)
RATES = array(axes=3, tied=(1, 2), low=0.0)

DATA_CALLS: dict[str, Call | Excluded] = {
    "lfads_tf.Session": Call(arrays, OF_SESSION),
    "lfads_tf.Session.from_arrays": Call(
        arrays,
        {
            **OF_SESSION,
            "lengths": array(axes=1, tied=(0,), low=1, high=6, whole=True),
            "n_bins": whole(),
        },
        given={
            "lengths": lambda: {"lengths": [6, 5, 3]},
            "n_bins": lambda: {**OF_LISTS, "n_bins": 6},
        },
    ),
    "lfads_tf.Session.load": Call(
        lambda: {"path": foreign_file(), "bin_width": 0.02, "group": "day"},
        {
            "split": choice(),
            "bin_width": number(),
            "name": text(),
            "group": text(),
            "truth_unit": choice(),
            "axes": names(3),
        },
        given={"axes": lambda: {"group": "plain", "axes": ["trials", "bins", "neurons"]}},
    ),
    "lfads_tf.Session.save": Call(
        lambda: {"path": file("session.h5"), "overwrite": True}, on=session
    ),
    "lfads_tf.Session.split": Call(
        lambda: {"valid_fraction": 0.4}, {"valid_fraction": number(high=1.0)}, on=session
    ),
    "lfads_tf.Session.trials": Call(
        lambda: {"index": [0, 2]},
        {"index": array(axes=(0, 1), low=-3, high=2, whole=True)},
        on=session,
    ),
    "lfads_tf.bin_spikes": Call(
        lambda: {
            "spike_times": [np.array([0.01, 0.1]), []],
            "bin_width": 0.1,
            "start": 0.0,
            "stop": 0.4,
        },
        {
            "spike_times": times_of_neurons(),
            "bin_width": number(),
            "start": number(**ANY),
            "stop": number(low=0.05),
        },
    ),
    "lfads_tf.chop": Call(
        lambda: {"continuous": np.ones((9, 2)), "window": 4, "overlap": 1},
        {
            "continuous": array(finite=False, axes=(1, 2, 3, 4), also=_no_columns),
            "window": whole(2),
            "overlap": whole(0, 3),
            "fill": number(**ANY, nan=True),
        },
    ),
    "lfads_tf.merge": Call(
        lambda: {"windows": np.ones((3, 4, 2)), "overlap": 1},
        {
            "windows": array(finite=False, axes=(2, 3, 4, 5), also=_no_columns),
            "overlap": whole(0, 3),
            "n_bins": whole(8, 10),
        },
        given={"n_bins": lambda: {"n_bins": 9}},
    ),
    "lfads_tf.rebin": Call(
        lambda: {"spikes": np.ones((3, 6, 4)), "factor": 2},
        {"spikes": array(finite=False, axes=(2, 3, 4, 5), empty=True), "factor": whole()},
    ),
    "lfads_tf.segment": Call(
        lambda: {
            "continuous": np.ones((10, 2)),
            "event_times": [0.2, 0.4],
            "before": 0.1,
            "after": 0.2,
            "bin_width": 0.1,
            "start": 0.0,
            "outside": "drop",
        },
        {
            "continuous": array(finite=False, axes=(1, 2, 3, 4), also=_no_columns),
            "event_times": array(finite=False, missing=True, axes=1),
            "before": number(**ANY),
            "after": number(**ANY),
            "bin_width": number(),
            "start": number(**ANY),
            "outside": choice(),
        },
    ),
    "lfads_tf.data.synthetic.Oscillation": MADE,
    "lfads_tf.data.synthetic.Synthetic": MADE,
    "lfads_tf.data.synthetic.chaotic_rnn_with_pulse": Call(
        lambda: SMALL,
        {
            **SIZES,
            "n_bins": whole(4),
            "gain": number(),
            "pulse_size": number(**ANY),
            "time_constant": number(low=0.01, closed="low"),
            "max_rate": number(),
        },
    ),
    "lfads_tf.data.synthetic.lorenz": Call(
        lambda: SMALL,
        {**SIZES, "mean_rate": number(), "time_per_bin": number(high=100.0, closed="high")},
    ),
    "lfads_tf.data.synthetic.lorenz_days": Call(
        lambda: {**SMALL, "n_days": 1},
        {
            **SIZES,
            "n_days": whole(),
            "mean_rate": number(),
            "time_per_bin": number(high=100.0, closed="high"),
        },
    ),
    "lfads_tf.data.synthetic.lorenz_flow": Call(
        lambda: {"states": np.ones((2, 3))}, {"states": STATES}
    ),
    "lfads_tf.data.synthetic.oscillation": Call(
        lambda: SMALL,
        {
            **SIZES,
            "frequency": number(high=50.0),
            "bandwidth": NOT_NEGATIVE,
            "depth": number(high=100.0, closed="both"),
            "lag": number(**ANY),
            "lag_spread": NOT_NEGATIVE,
            "slow_depth": number(high=100.0, closed="both"),
            "lfp_noise": NOT_NEGATIVE,
            "noise_time_constant": number(),
            "mean_rate": number(),
        },
    ),
    "lfads_tf.data.synthetic.spikes_from_rates": Call(
        lambda: {"rates": np.ones((2, 3)), "bin_width": 0.1, "seed": 0},
        {
            "rates": array(
                axes=tuple(range(6)), finite=False, missing=True, empty=True, low=0.0
            ),
            "bin_width": number(),
            "seed": generator_or_seed(),
        },
    ),
    "lfads_tf.data.fetch_isometric_wrist": Call(
        lambda: {"day": "day0", "folder": wrist_folder()},
        {
            "day": choice(),
            "folder": path(),
            "bins_before": whole(0),
            "bins_after": whole(0),
            "keep_silent": flag(),
        },
    ),
    "lfads_tf.data.formats.lfads_torch.read_output": Call(
        lambda: {"path": output_file(), "split": "train", "bin_width": 0.02},
        {"split": choice(), "bin_width": number()},
    ),
    "lfads_tf.data.formats.lfads_torch.write_data": Call(
        lambda: {
            "path": file("data.h5"),
            "train": session(),
            "valid": session(),
            "overwrite": True,
        },
        {"train": instance(), "valid": instance()},
    ),
    "lfads_tf.data.formats.lfads_torch.write_output": Call(
        lambda: {
            "path": file("written.h5"),
            "train": _pair(),
            "valid": _pair(),
            "overwrite": True,
        },
        {"train": instance(), "valid": instance()},
    ),
    "lfads_tf.data.formats.matlab.is_matlab": Call(lambda: {"path": matlab_file()}),
    "lfads_tf.data.formats.matlab.opened": Call(
        lambda: {"path": matlab_file(), "group": "day"},
        {"group": text()},
        on=lambda: types.SimpleNamespace(opened=_opened),
    ),
    "lfads_tf.data.formats.matlab.read": Call(
        lambda: {"path": matlab_file(), "group": "day"}, {"group": text()}
    ),
    "lfads_tf.data.formats.nlb.group_name": Call(
        lambda: {"dataset": "mc_maze", "bin_width": 0.02},
        {"dataset": text(), "bin_width": number()},
    ),
    "lfads_tf.data.formats.nlb.predictions": Call(
        lambda: {
            "train_rates": np.ones((3, 6, 4)),
            "eval_rates": np.ones((2, 6, 4)),
            "data": session(),
        },
        {"train_rates": RATES, "eval_rates": RATES, "data": instance(), "forward": flag()},
    ),
    "lfads_tf.data.formats.nlb.read": Call(
        lambda: {"path": nlb_file(), "group": "mc_maze_20"}, {"group": text()}
    ),
    "lfads_tf.data.formats.nlb.session": Call(
        lambda: {"arrays": nlb_arrays(), "bin_width": 0.02},
        {"arrays": known_names(), "bin_width": number(), "split": choice(), "name": text()},
    ),
    "lfads_tf.data.formats.nlb.spikes_of": Call(
        lambda: {"data": session()}, {"data": instance(), "split": choice()}
    ),
    "lfads_tf.data.formats.nlb.write": Call(
        lambda: {
            "path": file("written_nlb.h5"),
            "arrays": nlb_arrays(),
            "group": "mc_maze_20",
            "overwrite": True,
        },
        {"arrays": named_arrays(), "group": text()},
    ),
}
