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
# # 4. LFADS on a real recording
#
# **You will learn** how to fit LFADS to a recording of motor cortex, how to tell whether its
# rates are worth more than smoothed spikes, and how to decode behaviour from them without
# fooling yourself. **Time:** about two minutes on two cores. **You need** tutorial 3; the
# recording, 3 MB, is downloaded. Without a network the tutorial runs on simulated spikes, and
# each caption says what to expect of them. `TUTORIALS_FAST=1` in the environment trains for
# fewer epochs.
#
# **The recording.** A monkey holds a handle that does not move, and pushes it towards one of
# eight targets: the force of the wrist moves a cursor. The spikes come from ninety-six
# electrodes in primary motor cortex, on two days two weeks apart (Farshchian et al. 2019). Here
# we take the first day; tutorial 5 takes both.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from lfads_tf import LFADS, LFADSConfig
from lfads_tf.analysis import (
    OptimalLinear,
    Wiener,
    bits_per_spike,
    condition_means,
    decoding_r_squared,
    fit_decoder,
    folds_by_trial,
    mean_rates,
    plot_decoded,
    plot_separation,
    separate_conditions,
    smooth_gaussian,
)
from lfads_tf.data import fetch_isometric_wrist
from lfads_tf.data.synthetic import lorenz_days
from lfads_tf.plotting import (
    plot_factors,
    plot_history,
    plot_inferred_inputs,
    plot_trials,
)

FAST = bool(os.environ.get("TUTORIALS_FAST"))  # a shorter run, for tests

plt.rcParams["figure.dpi"] = 144  # sharp on any screen

# %%
try:
    session = fetch_isometric_wrist("day0", verbose=False)
    go = 0.5  # s, from the beginning of a trial to the go cue
except (OSError, ImportError) as error:  # no network, or no library to download with
    print(f"{error}\nSimulated spikes take its place: a Lorenz system drives them.\n")
    (session,) = lorenz_days(
        1, 160 if FAST else 296, 60, n_bins=34, n_conditions=8, bin_width=0.05
    )
    go = 0.0
print(session)

# %% [markdown]
# ## Held-out trials
#
# A fifth of the trials, evenly over the targets, is held out: no fit below uses these trials.
# Of the others, an eighth decides on the learning rate, the end of training and the best
# weights. These validation trials influence the model and so are not held out: they cannot be
# used to judge it.

# %%
outside = folds_by_trial(len(session), 5, conditions=session.conditions, seed=0) == 0
known, held = session.trials(~outside), session.trials(outside)
train, valid = known.split(0.125)
print(
    f"{len(train)} trials to learn from, {len(valid)} to judge the learning, "
    f"{len(held)} held out"
)

# %% [markdown]
# ## The model
#
# LFADS is a variational auto-encoder whose decoder is a recurrent network, the *generator*.
# From a trial's spikes $s$ an encoder infers a distribution of the generator's initial state
# $g_0$, and a *controller* infers a distribution of its inputs $u_t$; then
#
# $$ g_t = \mathrm{GRU}(g_{t-1}, u_t), \qquad f_t = W g_t, \qquad
#    r_t = e^{A f_t + b}, \qquad s_t \sim \mathrm{Poisson}(r_t\, \Delta t). $$
#
# Training maximises the evidence lower bound,
#
# $$ \mathbb{E}_q \Bigl[ \sum_t \log p(s_t \mid r_t) \Bigr]
#    - \mathrm{KL}\bigl(q(g_0) \,\|\, p(g_0)\bigr)
#    - \mathrm{KL}\bigl(q(u) \,\|\, p(u)\bigr) : $$
#
# rates should explain the spikes, while the posteriors stay close to the priors (Pandarinath et
# al. 2018, equations 1 to 11 of the online methods). Why inferred inputs here? In the recording
# the target and the go cue appear during the trial, and an initial state at its beginning
# cannot contain them. (The simulated system has no inputs: those that the model infers correct
# its generator.)

# %%
model = LFADS(LFADSConfig.for_data(train, n_inferred_inputs=2, seed=0))
model.compile()
history = model.fit(
    train,
    validation_data=valid,
    epochs=60 if FAST else 350,
    callbacks=model.default_callbacks(),
    verbose=0,
)
figure, _ = plot_history(history)
plt.show()

# %% [markdown]
# **Figure 1.** The loss and its parts by epoch. The most important curve is the negative
# log-likelihood of spikes that were hidden from the encoder. It should keep falling; it rises
# if the model memorises single spikes. Both KL divergences should settle above zero: where one
# falls to zero, its part of the model is not used. (The fast version ends during the warm-up,
# before they settle.)

# %%
inferred = model.infer(held)
smoothed = smooth_gaussian(held.spikes, held.bin_width, 0.15)
figure, _ = plot_trials(held, inferred, trials=[0, 20], smoothing_sd=0.15, start=-go)
plt.show()

# %% [markdown]
# **Figure 2.** Two held-out trials. Top to bottom: spikes, smoothed spikes (standard
# deviation of 150 ms), rates inferred by LFADS (of simulated data also the true rates, dashed
# in the lowest panels), and three neurons. A smoothed rate uses the
# spikes of one neuron in one trial; a rate of LFADS uses those of all neurons, and what they
# did in all training trials. So the LFADS rates have structure in time where the smoothed rates
# have noise, and neurons share this structure.

# %%
means = mean_rates(known.spikes, known.bin_width)
kinds, psth = condition_means(
    smooth_gaussian(known.spikes, known.bin_width, 0.05), known.conditions
)
average = psth[np.searchsorted(kinds, held.conditions)]
for name, rates in (("LFADS", inferred.rates), ("average of the condition", average)):
    bits = bits_per_spike(rates, held.spikes, held.bin_width, reference=means)
    print(f"{name}: {bits:.3f} bits/spike on held-out trials")

# %% [markdown]
# Bits per spike are the gain in log-likelihood over constant rates. The baseline is the average
# of the known trials of the same condition (the PSTH, peri-stimulus time histogram): the best
# prediction from the condition alone. LFADS reads the held-out spikes themselves, and predicts
# better. Smoothed spikes cannot be compared in this way: the rate of a bin would contain the
# spikes that it is to predict, and a kernel narrow enough would reach any value. Behaviour is a
# better test still, since no method has seen it.

# %%
# Targets, in order, stand around a circle, and so do their colours.
options = {"bin_width": held.bin_width, "start": -go, "cyclic": bool(go)}
figure, _ = plot_factors(inferred, held.conditions, n_factors=3, **options)
plt.show()
figure, _ = plot_inferred_inputs(inferred, conditions=held.conditions, **options)
plt.show()

# %% [markdown]
# **Figures 3 and 4.** The three factors of greatest variance, means of the eight conditions
# (thick) over single trials (thin), and the means of the two inferred inputs. In the recording
# conditions are targets, from 1 at the top on clockwise, with colours in the same order, and
# the go cue is at 0: factors diverge when movement begins, in an order that follows the
# direction of the targets, and inputs are largest about the cue, since they carry what the
# initial state could not predict. In simulated data conditions are initial states of the Lorenz
# system: factors differ from the first bin on, and so may the inputs, which the system does not
# have, where they correct the generator.

# %% [markdown]
# ## Which condition?
#
# Which of the eight conditions (targets of the recording) can be decoded from the activity in a
# single bin of a single trial? A linear discriminant is trained on the known trials, separately
# for each bin.

# %%
known_inferred = model.infer(known)
features = {
    "LFADS factors": (known_inferred.factors, inferred.factors),
    "smoothed, 150 ms": tuple(
        smooth_gaussian(s.spikes, s.bin_width, 0.15) for s in (known, held)
    ),
    "smoothed, 50 ms": tuple(
        smooth_gaussian(s.spikes, s.bin_width, 0.05) for s in (known, held)
    ),
}
apart = {
    name: separate_conditions(of_known, known.conditions, test=(of_held, held.conditions))
    for name, (of_known, of_held) in features.items()
}
figure, _ = plot_separation(
    apart,
    bin_width=held.bin_width,
    start=-go,
    event=0.0 if go else None,
    event_name="go",
)
plt.show()

# %% [markdown]
# **Figure 5.** Share of held-out trials whose condition is decoded correctly. In the recording
# nobody can know the target before the go cue, and yet LFADS is above chance there: its encoder
# reads the whole trial, and the initial state already holds what comes later. A kernel of 150
# ms looks ahead as well. So these curves do not show when the brain knew the target, only how
# much information about the condition each bin of the rates holds: late in the trial LFADS
# keeps the target where smoothed spikes lose it. In simulated data a trial's trajectory follows
# from its condition, which can be decoded from nearly every bin.

# %% [markdown]
# ## Behaviour by optimal linear estimator
#
# The behaviour of the recording is the force of the wrist; that of simulated data, the three
# coordinates of the Lorenz system.
#
# Salinas & Abbott (1994) decode a vector $x$ from rates $r$ by $\hat{x} = \sum_i D_i r_i$ with
# the vectors that minimise the mean squared error over all trials,
#
# $$ D = Q^{-1} L, \qquad Q_{ij} = \langle r_i r_j \rangle,
#    \qquad L_i = \langle r_i x \rangle, $$
#
# where $Q$ includes the noise as well as the tuning. Its covariance is shrunk by the share that
# decodes best within the known trials, and held-out trials are decoded once.

# %%
features["LFADS rates"] = (known_inferred.rates, inferred.rates)
decoded = {}
for name in ("LFADS rates", "LFADS factors", "smoothed, 150 ms"):
    of_known, of_held = features[name]
    fitted = fit_decoder(OptimalLinear(), of_known, known.behavior)
    decoded[name] = fitted.predict(of_held)
wiener = fit_decoder(Wiener(), known.spikes, known.behavior)
decoded["Wiener filter on spikes, 8 bins"] = wiener.predict(held.spikes)
scores = {name: decoding_r_squared(held.behavior, told) for name, told in decoded.items()}
print(
    f"R² on held-out trials: LFADS rates {scores['LFADS rates']:.3f}, factors "
    f"{scores['LFADS factors']:.3f}; smoothed spikes {scores['smoothed, 150 ms']:.3f}, Wiener "
    f"filter {scores['Wiener filter on spikes, 8 bins']:.3f}"
)

# %%
figure, _ = plot_decoded(
    held.behavior,
    {name: decoded[name] for name in ("LFADS rates", "smoothed, 150 ms")},
    bin_width=held.bin_width,
    start=-go,
    dimensions=[0, 1],
    names=["force x (a.u.)", "force y (a.u.)"] if go else ["x", "y", "z"],
)
plt.show()

# %% [markdown]
# **Figure 6.** Behaviour in held-out trials (dashed), decoded bin by bin from LFADS rates
# (blue) and from smoothed spikes. The decoder is the same; its input differs. It reads one bin
# and no history, so that the smoothness of the blue lines is that of the rates.
#
# Over five folds of the recording, both days and more decoders, `benchmarks/real_data.py`
# prints the whole table: an R² of 0.947 ± 0.004 for force from LFADS rates on this day, where
# the Wiener filter reaches 0.860 and smoothed spikes 0.797.
#
# ## Exercises
#
# **1.** Does a decoder that was trained on seven targets decode the force towards the eighth?
#
# <details><summary>Answer</summary>
#
# ```python
# from lfads_tf.analysis import cross_validate, folds_by_condition
#
# result = cross_validate(
#     known_inferred.rates,
#     known.behavior,
#     OptimalLinear(),
#     folds_by_condition(known.conditions),
# )
# print(result)
# ```
#
# Worse, and unevenly: with held-out trials, R² is about 0.73 for LFADS rates and 0.65 for
# smoothed spikes on this day (`benchmarks/real_data.py`). The linear map from rates to force is
# not the same for all targets. In simulated data one map holds for all conditions, which are
# starts of the same system, and little is lost.
#
# </details>
#
# **2.** Fit the model without inferred inputs. What is lost?
#
# <details><summary>Answer</summary>
#
# Use `LFADSConfig.for_data(train)` and leave the rest as it is. On one fold of the recording
# the R² of force fell by 0.015 and bits/spike by 0.010: the generator then runs by itself from
# the beginning of the trial, and cannot follow when the animal reacts sooner or later. The
# simulated system has no inputs, and without them R² stays the same.
#
# </details>
#
# ## References
#
# - Farshchian A, Gallego JA, Cohen JP, Bengio Y, Miller LE, Solla SA (2019). Adversarial domain
#   adaptation for stable brain-machine interfaces. *ICLR*.
# - Pandarinath C, O'Shea DJ, Collins J, et al. (2018). Inferring single-trial neural population
#   dynamics using sequential auto-encoders. *Nature Methods* 15:805-815.
# - Salinas E, Abbott LF (1994). Vector reconstruction from firing rates. *Journal of
#   Computational Neuroscience* 1:89-107.
