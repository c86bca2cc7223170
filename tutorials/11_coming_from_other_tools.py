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
# # 11. Coming from FixedPointFinder, lfads-torch or a Keras pipeline of your own
#
# **You will learn** how a script of FixedPointFinder moves over, how a model that you have
# trained and saved goes in and everything comes out as files, and how data and settings of
# lfads-torch are read. **Time:** under a minute on two cores. **You need** none of the other
# tutorials.
#
# ## From FixedPointFinder
#
# FixedPointFinder (Golub & Sussillo 2018) comes with one worked example: train a network
# on the 3-bit flip-flop, look for its fixed points with no input, and draw them among the
# trajectories. Here is that analysis with `fixedpoint_tf`. Two things differ: where the
# names are imported from, and how the model is built and trained. The search itself, from
# `fpf_hps` on, reads as it did.
#
# - `FixedPointFinder` came from `FixedPointFinderTF` or `FixedPointFinderTorch`, found
#   through `sys.path`; now it is `from fixedpoint_tf import FixedPointFinder`.
# - `plot_fps` came from `plot_utils`; now it is in `fixedpoint_tf.plotting`.
# - The TensorFlow version took `(model.rnn_cell, model.session, **fpf_hps)`; there is no
#   session any more, and the whole model may be given.
# - `valid_predictions["hidden"]` was collected by the example's own model class; now
#   `as_system(model).simulate` gives it for any model.

# %%
import tempfile
from pathlib import Path

import h5py
import keras
import matplotlib.pyplot as plt
import numpy as np

from fixedpoint_tf import FixedPointFinder, FixedPoints, as_system
from fixedpoint_tf.plotting import plot_fps
from fixedpoint_tf.tasks import flip_flop, recurrent_network, train
from lfads_tf import LFADS, Inferred, LFADSConfig, Session, bin_spikes, load_model, segment
from lfads_tf.data.formats import lfads_torch

plt.rcParams["figure.dpi"] = 144  # sharp on any screen

# %% [markdown]
# ### Train
#
# The sizes are those of the original: 16 tanh units, 512 trials to learn from and 128 to
# validate on (with rarer pulses, so that the figure shows the moves between memories),
# batches of 128. The network is an ordinary Keras model, a `SimpleRNN` layer
# and a `Dense` readout, trained with `fit`; a model of your own, or one loaded from a
# `.keras` file, takes its place without further change.

# %%
n_bits = 3
n_train = 512
n_valid = 128
n_hidden = 16
batch_size = 128

rng = np.random.default_rng(0)
train_inputs, train_targets = flip_flop(rng, n_train, n_bits=n_bits)
valid_inputs, valid_targets = flip_flop(rng, n_valid, n_bits=n_bits, pulse_probability=0.1)

model = recurrent_network(n_bits, n_bits, n_hidden, cell="tanh", rng=rng)
train(model, train_inputs, train_targets, batch_size=batch_size, epochs=200)

valid_outputs = model.predict(valid_inputs, verbose=0)
wrong = np.mean(np.sign(valid_outputs) != valid_targets)
print(f"bits wrong on trials the network has not seen: {wrong:.2%}")

# %% [markdown]
# The states that the network visits on the validation trials, `(trials, time, units)`.
# Of an LSTM this gives `h` and `c` side by side.

# %%
valid_predictions = {"hidden": as_system(model).simulate(valid_inputs)}

# %% [markdown]
# ### Find the fixed points
#
# From here on it is the original script. A well-trained network jumps from one memory to
# the next and is never seen near a saddle, so the search starts from states with much
# noise added.

# %%
NOISE_SCALE = 0.5  # Standard deviation of the noise added to the initial states
N_INITS = 1024  # Number of initial states

fpf_hps = {
    "max_iters": 10000,
    "lr_init": 1.0,
    "outlier_distance_scale": 10.0,
    "verbose": True,
    "super_verbose": True,
}

fpf = FixedPointFinder(model, **fpf_hps)

initial_states = fpf.sample_states(
    valid_predictions["hidden"], n_inits=N_INITS, noise_scale=NOISE_SCALE
)

# The system with no pulses: every input is zero.
inputs = np.zeros([1, n_bits])

unique_fps, all_fps = fpf.find_fixed_points(initial_states, inputs)

fig, ax = plot_fps(
    unique_fps,
    valid_predictions["hidden"],
    plot_batch_idx=list(range(30)),
    plot_start_time=10,
)

# %% [markdown]
# ### What there is to read
#
# One line says what was found.

# %%
print(unique_fps)

# %% [markdown]
# The eight stable points are the eight memories, at the corners of a cube. Three
# independent bistable bits would have 27 points: 8 corners, 12 saddles on the edges with
# one unstable direction each, 6 on the faces with two and 1 in the middle with three.
#
# `unique_fps` holds true fixed points and *slow points* (stationary points of the speed
# that are no fixed points), told apart by their status: `unique_fps.fixed` and
# `unique_fps.slow`. Each carries the evidence: the speed `qstar`, the length of the last
# Newton step (an estimate of how far the true fixed point is), and the smallest singular
# value of J - I (near zero: the point may be part of a line).

# %%
fixed = unique_fps.fixed
print("largest speed q:         ", fixed.qstar.max())
print("longest last Newton step:", fixed.newton_step.max())
print("unstable directions:     ", np.bincount(fixed.n_unstable))

# %% [markdown]
# ### What changed besides the names
#
# - The default method is Newton's, as a damped least-squares search on all states at once;
#   `method="adam"` is the original's.
# - `xstar`, `F_xstar`, `qstar` and the Jacobians all belong to the same, final state.
# - Two unique points are never within `tol_unique` of each other.
# - `unique_fps.save("points.h5")` writes HDF5, not a pickle.
# - `verbose=False` silences everything.

# %% [markdown]
# **The figure** above shows trajectories of 30 trials (thin), the eight memories (filled) and
# the saddles between them, with their unstable directions.
#
# ## From a Keras pipeline of your own
#
# A saved model is enough. It may be any Keras model with a recurrent layer in it, its inputs of
# any number, custom cells included (their class must be registered with
# `keras.saving.register_keras_serializable`, as Keras asks). Nothing of it is changed.

# %%
folder = Path(tempfile.mkdtemp())
inputs = keras.Input((None, 3))
hidden = keras.layers.GRU(32, return_sequences=True, name="memory")(inputs)
mine = keras.Model(inputs, keras.layers.Dense(3)(hidden))
mine.compile("adam", "mse")
mine.fit(train_inputs, train_targets, epochs=2, verbose=0)  # or as long as you like
mine.save(folder / "mine.keras")

finder = FixedPointFinder(str(folder / "mine.keras"), effort=1, verbose=False)
states = finder.simulate(valid_inputs)
unique, all_points = finder.find_fixed_points(
    finder.sample_states(states, 256, noise_scale=0.5), np.zeros((1, 3))
)
print(finder.system)
print(unique)

# %% [markdown]
# Everything comes out as files that other programs read: HDF5 for numbers, PNG for figures. The
# answers to the questions of tutorial 7 save themselves in the same way.

# %%
unique.save(folder / "points.h5")
certificates = finder.certify(unique)
certificates.save(folder / "certificates.h5")
unique.plot(states)[0].savefig(folder / "points.png")
plt.close("all")
with h5py.File(folder / "points.h5") as file:
    print({name: dataset.shape for name, dataset in list(file.items())[:4]}, "...")
print(f"as they were: {FixedPoints.load(folder / 'points.h5').n == unique.n}")

# %% [markdown]
# The command line does it without any code, with white noise in the place of your trials
# (`--drive trials.npy` for yours): `python -m fixedpoint_tf find mine.keras --out found`.
#
# ## From spike times to rates
#
# What your recording system gives are times of spikes, in seconds, of each neuron, and times of
# events. `bin_spikes` counts, `segment` cuts trials around events.

# %%
rng = np.random.default_rng(0)
duration, n_neurons = 200.0, 20  # s; a made recording: neurons that follow a rhythm of 2 Hz
times = []
for phase in rng.uniform(0, 2 * np.pi, n_neurons):
    at = np.sort(rng.uniform(0, duration, rng.poisson(60 * duration)))
    times.append(at[rng.uniform(size=len(at)) < 0.5 + 0.45 * np.cos(4 * np.pi * at + phase)])
events = np.arange(1.0, duration - 1.0, 1.5)  # such as go cues

counts = bin_spikes(times, 0.02, 0.0, duration)
session = Session.from_arrays(segment(counts, events, 0.4, 0.6, 0.02, 0.0), 0.02)
print(session)

# %% [markdown]
# From here on it is Keras: `compile`, `fit`, `evaluate`, `save`. A model that is loaded again
# goes on as it was.

# %%
train_part, valid_part = session.split(0.2)
lfads = LFADS(LFADSConfig.for_data(train_part, n_factors=8, seed=0))
lfads.compile()
lfads.fit(train_part, validation_data=valid_part, epochs=30, verbose=0)
lfads.save(folder / "lfads.keras")
inferred = load_model(folder / "lfads.keras").infer(session)
inferred.save(folder / "inferred.h5")
same = np.array_equal(Inferred.load(folder / "inferred.h5").rates, inferred.rates)
print(f"rates {inferred.rates.shape} spikes/s; the file has the same: {same}")

# %% [markdown]
# ## From lfads-torch
#
# Its data are HDF5 files with `train_encod_data`, `train_recon_data`, `valid_encod_data` and
# so on; `Session.load` reads them, and `lfads_torch.write_data` writes them, so that both
# can be fitted to the same file. What lfads-torch inferred is read by
# `lfads_torch.read_output`.

# %%
lfads_torch.write_data(folder / "for_lfads_torch.h5", train_part, valid_part)
with h5py.File(folder / "for_lfads_torch.h5") as file:
    print(sorted(file))
again = Session.load(folder / "for_lfads_torch.h5", split="train", bin_width=0.02)
print(again)

# %% [markdown]
# Settings go by other names, and some by other units. The most used ones:
#
# | lfads-torch | `LFADSConfig` | |
# |---|---|---|
# | `encod_data_dim`, `encod_seq_len` | `n_neurons`, `n_bins` | `for_data` finds them |
# | `gen_dim`, `fac_dim`, `co_dim` | `generator_units`, `n_factors`, `n_inferred_inputs` | |
# | `cd_rate` | `coordinated_dropout` | |
# | `kl_ic_scale` | `kl_initial_condition_weight` | see below |
# | `kl_co_scale` | `kl_inferred_inputs_weight` | the same |
# | `lr_init`, `lr_patience` | `learning_rate`, `default_callbacks(lr_patience=...)` | |
#
# The page "Coming from FixedPointFinder, lfads-torch or autolfads-tf2" of the documentation has
# all of them. In lfads-torch a scale multiplies a KL divergence per trial while the likelihood
# is a mean over samples, so that the same scale means another thing for trials of another
# length. Here a weight of 1 is the evidence lower bound, and one method converts:

# %%
print(
    f"kl_co_scale 1e-5 is a weight of {lfads.config.kl_weight_from_lfads_torch(1e-5):.4f} here"
)
print(
    f"{fixed.n} fixed points of the flip-flop; {certificates.certified.sum()} of "
    f"{unique.n} points of a saved model certified; rates as saved: {same}"
)

# %% [markdown]
# Rates come in spikes/s (there: spikes a bin), and `inferred.rates_sd` says how far they
# spread over samples of the posterior.
#
# ## Exercise
#
# Let `python -m fixedpoint_tf find` look at the saved model of this page, `mine.keras`, or at
# one of your own. Which of its points are fixed, which are slow, and what is the estimated
# chance that one more start finds a new one?
#
# <details><summary>Answer</summary>
#
# The command prints all three. `mine.keras` is hardly trained and has one stable fixed point,
# as above: without input it forgets. Of a model of your own: where many starts did not
# converge, ask for more iterations in Python (`max_iters=`); where points are many and slow,
# the network may have a line (tutorial 8).
#
# </details>
#
# ## References
#
# - Golub MD, Sussillo D (2018). FixedPointFinder: a TensorFlow toolbox for identifying and
#   characterizing fixed points in recurrent neural networks. *JOSS* 3(31):1003.
# - Sedler AR, Pandarinath C (2023). lfads-torch: a modular and extensible implementation of
#   latent factor analysis via dynamical systems. *arXiv*:2309.01230.
