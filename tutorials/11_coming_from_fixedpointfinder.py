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
# # 11. Coming from FixedPointFinder
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
#   `fixedpoint_tf.trajectories.run` gives it for any model.

# %%
import numpy as np

from fixedpoint_tf import FixedPointFinder, as_system
from fixedpoint_tf.plotting import plot_fps
from fixedpoint_tf.tasks import flip_flop, recurrent_network, train
from fixedpoint_tf.trajectories import run

# %% [markdown]
# ## Train
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
valid_predictions = {"hidden": run(as_system(model), valid_inputs)}

# %% [markdown]
# ## Find the fixed points
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
# ## What there is to read
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
# ## What changed besides the names
#
# - The default method is Newton's, as a damped least-squares search on all states at once;
#   `method="adam"` is the original's.
# - `xstar`, `F_xstar`, `qstar` and the Jacobians all belong to the same, final state.
# - Two unique points are never within `tol_unique` of each other.
# - `unique_fps.save("points.h5")` writes HDF5, not a pickle.
# - `verbose=False` silences everything.
