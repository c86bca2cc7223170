# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 5. Stitching two days
#
# **You will learn** how one LFADS model is fitted to several recordings with different
# neurons, what that gains when a recording is short, and how a decoder of one day is used on
# another. **Time:** about three minutes on two cores. **You need** tutorial 4; the second day
# of its recording is downloaded too. Without a network two simulated days take their place.
# `TUTORIALS_FAST=1` in the environment trains for fewer epochs.
#
# **The recording.** Two weeks lie between the two days. The electrodes are the same, the
# neurons at them are not the same all over: some were lost, some are new, some moved. A decoder
# trained on the neurons of the first day is wrong on the other one. But the animal does the
# same task, and if what its motor cortex computes is the same, the *dynamics* of both days are
# the same, seen through other neurons (Pandarinath et al. 2018, Figure 5):
#
# $$ g_t = \mathrm{GRU}(g_{t-1}, u_t), \qquad f_t = W g_t \quad\text{(shared)}, \qquad
#    r_t^{(d)} = e^{A^{(d)} f_t + b^{(d)}} \quad\text{(day } d\text{)}. $$
#
# Each day has its own read-out $A^{(d)}, b^{(d)}$, and a read-in that leads its neurons to
# the common encoders. How do the two read-ins begin in a common language? By *principal
# components regression*: the averages of the eight targets, of all neurons of all days
# together, have leading principal components; the read-in of a day is the ridge regression
# from its neurons' averages to those.

# %%
import os
import warnings

import matplotlib.pyplot as plt
import numpy as np

from lfads_tf import LFADS, LFADSConfig
from lfads_tf.analysis import (
    Ridge,
    decoding_r_squared,
    fit_decoder,
    folds_by_trial,
    smooth_gaussian,
)
from lfads_tf.data import fetch_isometric_wrist
from lfads_tf.data.synthetic import lorenz_days
from lfads_tf.plotting import condition_colors

FAST = bool(os.environ.get("TUTORIALS_FAST"))  # a shorter run, for tests

plt.rcParams["figure.dpi"] = 144  # sharp on any screen

# %%
try:
    old, new = (fetch_isometric_wrist(day, verbose=False) for day in ("day0", "day16"))
except (OSError, ImportError) as error:  # no network, or no library to download with
    print(f"{error}\nTwo simulated days of a Lorenz system take their place.\n")
    old, new = lorenz_days(
        2, 160, 30, n_bins=34, n_conditions=8, bin_width=0.05, mean_rate=6.0, time_per_bin=0.03
    )
print(old)
print(new)

# %% [markdown]
# ## A short second day
#
# A fifth of each day's trials is held out. Of the rest, we pretend to have recorded only a
# quarter on the second day. That is where another day should help.


# %%
class Day:
    """Trials of a day: to learn from, to judge the learning, and held out."""

    def __init__(self, session, share=1.0):
        outside = folds_by_trial(len(session), 5, conditions=session.conditions, seed=0) == 0
        known, self.held = session.trials(~outside), session.trials(outside)
        part = folds_by_trial(len(known), 20, conditions=known.conditions, seed=1)
        self.known = known.trials(part < 20 * share)
        self.train, self.valid = self.known.split(0.125)

    def decoded(self, model_or_none, features="factors"):
        """A decoder of behavior, fitted to the known trials, and its R² on held-out ones."""
        of_known, of_held = (
            smooth_gaussian(s.spikes, s.bin_width, 0.15)
            if model_or_none is None
            else getattr(model_or_none.infer(s), features)
            for s in (self.known, self.held)
        )
        decoder = fit_decoder(Ridge(), of_known, self.known.behavior)
        return decoder, decoding_r_squared(self.held.behavior, decoder.predict(of_held))


first, second = Day(old), Day(new, share=0.25)
print(f"{len(first.known)} trials of the first day, {len(second.known)} of the second")


# %%
def fitted(train, valid, epochs, patience=80):
    """A model of one session, or of a list of them."""
    model = LFADS(LFADSConfig.for_data(train, n_inferred_inputs=2, seed=0))
    model.compile()
    callbacks = model.default_callbacks(patience=patience, lr_patience=patience // 4)
    model.fit(train, validation_data=valid, epochs=epochs, callbacks=callbacks, verbose=0)
    return model


EPOCHS = 80 if FAST else 350
# Of a quarter of the trials an epoch is a quarter as long: four times as many.
alone = fitted(second.train, second.valid, 4 * EPOCHS, patience=320)
stitched = fitted([first.train, second.train], [first.valid, second.valid], EPOCHS)

# %% [markdown]
# That is all: a list of sessions instead of one. Batches mix trials of both days, and
# `stitched.infer(session)` goes by the name of the session.

# %%
decoder_of_first, on_first = first.decoded(stitched)
_, from_stitched = second.decoded(stitched)
_, from_alone = second.decoded(alone)
_, from_smoothed = second.decoded(None)
print(
    f"R² of behavior on the second day, {len(second.known)} trials known: stitched "
    f"{from_stitched:.3f}, alone {from_alone:.3f}, smoothed spikes {from_smoothed:.3f}"
)

# %% [markdown]
# ## One language?
#
# If the factors mean the same on both days, the averages of a condition coincide, whatever
# neurons they were inferred from. `session_agreement` compares the averages of all conditions:
# 1 is the same, 0 as different as unrelated ones.

# %%
agreement = stitched.session_agreement([first.known, second.known])
print(agreement)

# %%
factors = {
    "first day": (first, stitched.infer(first.held).factors),
    "second day": (second, stitched.infer(second.held).factors),
}
together = np.concatenate([f.reshape(-1, f.shape[-1]) for _, f in factors.values()])
mean = together.mean(axis=0)
axes_of = np.linalg.svd(together - mean, full_matrices=False)[2][:2]
figure, axes = plt.subplots(
    1, 2, figsize=(9, 4), sharex=True, sharey=True, layout="constrained"
)
# Targets of the recording, in order, stand around a circle, and so do their colours.
colors = condition_colors(first.held.conditions, cyclic=old.name == "day0")
for axis, (name, (day, values)) in zip(axes, factors.items(), strict=True):
    for kind, color in colors.items():
        average = values[day.held.conditions == kind].mean(axis=0)
        x, y = ((average - mean) @ axes_of.T).T
        axis.plot(x, y, color=color, label=kind)
        axis.plot(x[0], y[0], "o", color=color, markersize=4)
    axis.set(title=name, xlabel="factors, PC 1")
axes[0].set_ylabel("factors, PC 2")
axes[1].legend(
    title="condition",
    frameon=False,
    fontsize="small",
    loc="center left",
    bbox_to_anchor=(1.0, 0.5),
)
plt.show()

# %% [markdown]
# **Figure 1.** Factors of held-out trials, averaged over each condition, in the two directions
# in which both days together vary most. A dot marks the beginning. Each colour, a target of the
# recording or an initial state of the simulation, goes the same way on both days, though the
# left was inferred from the neurons of the first day and the right from those of the second,
# with a quarter of its trials.

# %% [markdown]
# ## The decoder of one day, used on the other
#
# A brain-computer interface wants no new calibration every morning. The decoder below has
# learned behaviour from factors of the *first* day and is applied to the second one as it is.
# For the recording, a decoder of smoothed spikes of the first day is compared with it.

# %%
across = decoding_r_squared(
    second.held.behavior, decoder_of_first.predict(stitched.infer(second.held).factors)
)
print(
    f"decoder of the first day: R² {on_first:.3f} there, {across:.3f} on the second day by "
    "stitched factors"
)


# %%
def z_scored(spikes, like):
    """Smoothed rates of each electrode in units of its own day's mean and deviation."""
    rates, reference = (smooth_gaussian(s, 0.05, 0.15) for s in (spikes, like))
    return (rates - reference.mean(axis=(0, 1))) / reference.std(axis=(0, 1))


if old.name == "day0":  # the recording: electrodes that are heard on both days
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of silent electrodes, which is what we ask
        all_electrodes = fetch_isometric_wrist("day16", keep_silent=True, verbose=False)
    heard = all_electrodes.spikes.any(axis=(0, 1))
    of_first = first.known.spikes[..., heard]
    for name, function in (
        ("as they are", lambda spikes, like: smooth_gaussian(spikes, 0.05, 0.15)),
        ("z-scored on each day", z_scored),
    ):
        decoder = fit_decoder(Ridge(), function(of_first, of_first), first.known.behavior)
        told = decoder.predict(function(second.held.spikes, second.known.spikes))
        print(
            f"smoothed spikes, {name}: R² {decoding_r_squared(second.held.behavior, told):.3f}"
        )

# %% [markdown]
# The decoder of the first day reads the second one nearly as well as its own. In the recording,
# the same electrodes as they are mislead it, and z-scoring them mends a part: what is left is
# that they hear other neurons. (Simulated days have neurons of their own each, which no decoder
# of the other day could read at all.)
#
# Over five folds and all trials of the recording, `benchmarks/real_data_stitched.py` prints the
# whole table: with a quarter of the second day's trials force was decoded with 0.939 ± 0.012 by
# the stitched model against 0.897 ± 0.018 by one of that day alone, and better in each of the
# folds; with all trials 0.954 against 0.948, better in three of five. Where a day has trials
# enough, stitching gains little; it is for short days, and for reading many days in one
# language.
#
# ## A third day
#
# A new day need not mean a new training. `model.add_session(day, reference_sessions=[...])`
# gives a model with a read-in and read-out for the new day, which alone are trained:
#
# ```python
# more = stitched.add_session(third, reference_sessions=[first.known, second.known])
# more.compile()
# more.fit(third, epochs=100)
# ```
#
# Nothing changes in what it says of the other days. The read-out of a new day begins by a
# regression of its trials on the factors that the read-in leads to, so that the model tells
# something of it before any training: with a quarter of the second day's trials added to a
# model of the first, force was decoded on one fold nearly as well at once as after training,
# and both times within 0.02 of the R² of the stitched model.
#
# ## Exercises
#
# **1.** Give the second day all of its trials (`share=1.0`). What is left of the gain?
#
# <details><summary>Answer</summary>
#
# `second = Day(new)`, and train both models again, the one alone with `EPOCHS`. Over five folds
# the gain shrinks from 0.042 to 0.006.
#
# </details>
#
# **2.** Are the shared factors really owed to stitching? Compare the averages of targets
# between two models that were each trained on one day.
#
# <details><summary>Answer</summary>
#
# Train `other = fitted(first.train, first.valid, EPOCHS)` and decode the second day's force
# from `alone.infer(second.held).factors` with a decoder of `other`'s factors: R² is far below
# zero. Two models of one day each find factors that are equally good, in coordinates of their
# own.
#
# </details>
#
# ## References
#
# - Farshchian A, Gallego JA, Cohen JP, Bengio Y, Miller LE, Solla SA (2019). Adversarial domain
#   adaptation for stable brain-machine interfaces. *ICLR*.
# - Pandarinath C, O'Shea DJ, Collins J, et al. (2018). Inferring single-trial neural population
#   dynamics using sequential auto-encoders. *Nature Methods* 15:805-815.
