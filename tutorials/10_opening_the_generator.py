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
# # 10. Opening LFADS's generator
#
# **You will learn** how to analyse the network that LFADS has learned from spikes by its fixed
# points, first where the answer is known and then where it is not, and which results can be
# trusted. **Time:** about five minutes on two cores; `TUTORIALS_FAST=1` in the environment
# trains for fewer epochs. **You need** tutorials 3, 4 and 7. The second part uses the recording
# of tutorial 4, which is downloaded; without a network it uses simulated spikes, and its text
# says what to expect of them.
#
# LFADS explains spikes by a recurrent network of its own, the generator. If the rates are
# right, the generator must do something like what the recorded circuit does. So, what does it
# do? The generator is a GRU cell like any other, and `fixedpoint_tf` takes it directly. No
# special interface is needed: `model.generator` is a Keras cell.
#
# To know whether the answer is true we need a circuit whose answer is known. In the first part
# it is the Lorenz system,
#
# $$ \dot x = 10\,(y - x), \qquad \dot y = x\,(28 - z) - y, \qquad
#    \dot z = x y - \tfrac{8}{3} z, $$
#
# whose trajectories drive the spikes of sixty neurons. It has three fixed points: two foci at
# $(\pm 8.49, \pm 8.49, 27)$, about which the state turns, slowly spiralling out, and a saddle
# at the origin, below everything that the trajectories visit.

# %%
import os

import matplotlib.pyplot as plt
import numpy as np

from fixedpoint_tf import FixedPointFinder
from lfads_tf import LFADS, LFADSConfig
from lfads_tf.analysis import Ridge, condition_means, fit_decoder, r_squared
from lfads_tf.data import fetch_isometric_wrist
from lfads_tf.data.synthetic import lorenz, lorenz_days
from lfads_tf.plotting import condition_colors

FAST = bool(os.environ.get("TUTORIALS_FAST"))  # a shorter run, for tests

plt.rcParams["figure.dpi"] = 144  # sharp on any screen

# %% [markdown]
# ## A known circuit: spikes in, generator out

# %%
data = lorenz(
    n_trials=480 if FAST else 800, n_neurons=60, n_conditions=40, mean_rate=20.0, seed=1
)
train, valid = data.session.split(0.2)
print(data.session)

# %%
model = LFADS(LFADSConfig.for_data(train, seed=0))
model.compile()
model.fit(
    train,
    validation_data=valid,
    epochs=60 if FAST else 250,
    callbacks=model.default_callbacks(),
    verbose=0,
)
inferred = model.infer(data.session)
r2 = r_squared(data.session.true_rates, inferred.rates, average="pooled")
print(f"R² of the rates: {r2:.3f}")

# %% [markdown]
# ## Fixed points
#
# The search starts from states of the generator on the trials, with noise of half their
# standard deviation: trajectories circle *about* the foci and never come to them, so the starts
# must also lie off the trajectories. There is no input (this model infers none).

# %%
finder = FixedPointFinder(model.generator, effort=1, verbose=False, random_seed=0)
states = inferred.generator_states
starts = finder.sample_states(states, 512, noise_scale=0.5 * states.std())
unique, all_points = finder.find_fixed_points(starts)
points = unique.fixed
print(points)
print(finder.estimate_coverage(all_points, known=unique))

# %% [markdown]
# What kind of points are they? In each bin, a deviation along a mode with eigenvalue $\lambda$
# of the Jacobian grows by the factor $|\lambda|$ and turns by the angle $\arg \lambda$. At a
# focus of the Lorenz system a pair turns once in 0.62 units of time, which are 31 bins here,
# and grows by a factor $e$ in 10.6 units, 530 bins: five times the length of a trial.

# %%
turning = points.frequencies()
for i in range(points.n):
    values = points.eigval_J_xstar[i]
    k = int(np.argmax(np.abs(values)))
    turns = np.flatnonzero(turning[i] > 0)
    period = 1 / turning[i][turns[np.argmax(np.abs(values[turns]))]] if len(turns) else np.inf
    print(
        f"point {i}: {points.n_unstable[i]} unstable directions; "
        f"greatest |λ| {abs(values[k]):.4f}; "
        f"the leading pair turns once in {period:.1f} bins"
    )

# %% [markdown]
# ## Where are they?
#
# Factors have coordinates of their own. A linear map from factors to the true coordinates,
# fitted to the trials, shows where in the Lorenz system a point of the generator lies. (For a
# recording such coordinates are not known; there, points are drawn among the factors.)

# %%
to_lorenz = fit_decoder(Ridge(), inferred.factors, data.latents)
found = to_lorenz.predict(model.factors_of(points.xstar))
fit = r_squared(data.latents, to_lorenz.predict(inferred.factors), average="pooled")
edge = np.sqrt(72.0)
true = np.array([[edge, edge, 27.0], [-edge, -edge, 27.0], [0.0, 0.0, 0.0]])
spread = np.sqrt(((data.latents - data.latents.mean(axis=(0, 1))) ** 2).sum(axis=-1).mean())
apart = np.linalg.norm(found[:, None] - true, axis=2) / spread
nearest = apart.min(axis=0)
for name, point, distance in zip(("focus", "focus", "saddle"), true, nearest, strict=True):
    print(f"{name} at {point.round(1)}: nearest point found {distance:.2f} spreads away")
print(
    f"R² of the rates {r2:.3f}, of the Lorenz coordinates {fit:.3f}; the two foci are found "
    f"{nearest[0]:.2f} and {nearest[1]:.2f} spreads away"
)

# %%
figure = plt.figure(figsize=(9, 4.4), layout="constrained")
for column, (azimuth, title) in enumerate(((-60, "from one side"), (20, "from another"))):
    axis = figure.add_subplot(1, 2, column + 1, projection="3d", computed_zorder=False)
    for trial in to_lorenz.predict(inferred.factors[:60]):
        axis.plot(*trial.T, color="0.75", linewidth=0.5, zorder=1)
    for n_unstable in np.unique(points.n_unstable):
        name = f"{n_unstable} unstable directions" if n_unstable else "stable"
        axis.plot(
            *found[points.n_unstable == n_unstable].T,
            {0: "o", 1: "D", 2: "s", 3: "^"}.get(int(n_unstable), "*"),
            color="#D55E00",
            fillstyle="none",
            markersize=9,
            markeredgewidth=1.8,
            linestyle="",
            label=f"found, {name}",
            zorder=3,
        )
    axis.plot(
        *true.T,
        "x",
        color="black",
        markersize=8,
        markeredgewidth=1.8,
        linestyle="",
        label="true",
        zorder=4,
    )
    axis.view_init(elev=15, azim=azimuth)
    axis.set(xlabel="x", ylabel="y", zlabel="z")
    axis.set_title(title, y=0.95)
    axis.locator_params(nbins=4)
    axis.set_box_aspect(None, zoom=0.9)
handles, labels = figure.axes[0].get_legend_handles_labels()
figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
plt.show()

# %% [markdown]
# **Figure 1.** Single trials (grey), read from the factors of LFADS in Lorenz coordinates, the
# fixed points of its generator and those of the Lorenz system. The generator, which was trained
# on spikes alone, has a fixed point in the middle of each wing. The saddle at the origin is not
# found: no trajectory comes near it, so the spikes carry no information about it. Further
# points that are found (between the wings, say) are the generator's own: the Lorenz system has
# none there.

# %%
print(finder.certify(points))

# %% [markdown]
# `certify` tests how certain it is that the *generator* has these points (by samples: its
# states are clipped, and the closed forms hold only for Keras's own cells). That the circuit
# has them too is an inference.
#
# ## An unknown circuit
#
# Now the recording of tutorial 4: motor cortex, while a monkey pushes towards one of eight
# targets. Its model has two inferred inputs, so the generator is driven, and its fixed points
# are those at a *constant* input. Here it is the mean of the inferred inputs over all trials,
# from half a second after a trial's beginning on (in the recording: from the go cue on).

# %%
try:
    session = fetch_isometric_wrist("day0", verbose=False)
    is_recording = True
except (OSError, ImportError) as error:  # no network, or no library to download with
    print(f"{error}\nSimulated spikes take its place: a Lorenz system drives them.\n")
    (session,) = lorenz_days(
        1, 160 if FAST else 296, 60, n_bins=34, n_conditions=8, bin_width=0.05
    )
    is_recording = False
print(session)

# %%
train, valid = session.split(0.125)
driven = LFADS(LFADSConfig.for_data(train, n_inferred_inputs=2, seed=0))
driven.compile()
driven.fit(
    train,
    validation_data=valid,
    epochs=60 if FAST else 350,
    callbacks=driven.default_callbacks(),
    verbose=0,
)
inferred = driven.infer(session)
constant = inferred.inferred_input_mean[:, 10:].mean(axis=(0, 1))

# %%
finder = FixedPointFinder(driven.generator, verbose=False, random_seed=0)
states = inferred.generator_states
starts = finder.sample_states(states, 256, noise_scale=0.5 * states.std())
unique, all_points = finder.find_fixed_points(starts, constant[None])
points = unique.fixed
print(f"constant input {constant.round(3)}: {points}")
print(finder.estimate_coverage(all_points, known=unique))

flat = states.reshape(-1, states.shape[-1])
spread = np.sqrt(((flat - flat.mean(axis=0)) ** 2).sum(axis=1).mean())
for i in range(points.n):
    sizes, turning = np.abs(points.eigval_J_xstar[i]), points.frequencies()[i]
    k = int(np.argmax(sizes))
    turns = f"turns once in {session.bin_width / turning[k]:.1f} s" if turning[k] else "no turn"
    away = np.linalg.norm(flat - points.xstar[i], axis=1).min() / spread
    print(
        f"point {i}: {points.n_unstable[i]} unstable directions; leading mode |λ| "
        f"{sizes[k]:.3f}, {turns}; nearest state of a trial {away:.2f} spreads away"
    )

# %%
colors = condition_colors(session.conditions, cyclic=is_recording)
kinds, means = condition_means(inferred.factors, session.conditions)
center = means.mean(axis=(0, 1))
view = np.linalg.svd((means - center).reshape(-1, means.shape[-1]), full_matrices=False)[2][:2]
figure, axis = plt.subplots(figsize=(6, 4.4), layout="constrained")
for kind, mean in zip(kinds, (means - center) @ view.T, strict=True):
    axis.plot(*mean.T, color=colors[kind], label=kind)
    axis.plot(*mean[0], "o", color=colors[kind], markersize=4)
found = (driven.factors_of(points.xstar) - center) @ view.T
for is_stable, fill, name in ((True, "full", "stable"), (False, "none", "unstable")):
    some = found[points.is_stable == is_stable]
    if len(some):
        axis.plot(*some.T, "sk", fillstyle=fill, markersize=8, label=f"fixed point,\n{name}")
axis.set(xlabel="factors, PC 1 (a.u.)", ylabel="factors, PC 2 (a.u.)")
figure.legend(
    title="target" if is_recording else "initial state",
    loc="outside right upper",
    frameon=False,
    fontsize="small",
)
plt.show()

# %% [markdown]
# **Figure 2.** Factors averaged over each condition, a target of the recording or an initial
# state of the simulated system, in the two directions in which these averages vary most; a dot
# marks the beginning. Squares are the fixed points of the generator at the constant input,
# drawn where they project to: how far each is from every state of a trial is printed above, in
# units of the spread of all states.
#
# In the recording one point is found (seed 0). Its leading pair of modes grows and turns once
# in 0.6 s. No state of a trial comes near it, and many starts did not converge, so that further
# points cannot be excluded. Do not rely on its stability: the same model after 250 epochs in
# place of 350 had one point that was stable and turned once in 2 s. In simulated data, after
# the full training, two points lie in the middle of the two loops and are unstable: the foci of
# the Lorenz system. A third between them is the generator's own.
#
# ## What to believe
#
# - **Points within the data.** The foci of the Lorenz system are in the middle of the loops of
#   trials, and are found. Away from the data nothing constrains the generator: points there are
#   its own. A large distance to the nearest state is a warning.
# - **Rotation, yes; slow growth, no.** The period of 31 bins is seen in each trial of the first
#   part several times over. Growth by a factor $e$ in five trials is not seen, and a generator
#   whose foci attract weakly fits as well. So the stability of a point can be trusted only if
#   the data show its growth or decay. The same holds for a turn that takes longer than a trial.
# - **Seeds are the cheapest check.** Train again from another seed and keep what returns.

# %% [markdown]
# ## Exercises
#
# **1.** Train the model from another seed. Which points return?
#
# <details><summary>Answer</summary>
#
# `LFADSConfig.for_data(train, seed=1)`, and the rest as above. On a Lorenz recording with known
# rates (`benchmarks/lfads_generator.py`) the two foci returned from each of three seeds,
# within 0.03 to 0.17 of the true ones; the third point had three unstable directions in two
# of them and one in the other, at three different places.
#
# </details>
#
# **2.** At which other constant inputs should one search in the second part? Do the points
# move?
#
# <details><summary>Answer</summary>
#
# At their means over other parts of the trial, such as before the go cue, with
# `inferred.inferred_input_mean[:, :10]` in the place of `[:, 10:]`, and at zero. In the model
# of 250 epochs each of these inputs gave one point, with nearly the same leading pair (|λ| from
# 0.993 to 0.994, one turn in 1.9 to 2.0 s): there the point hardly depends on the constant
# input. Where the input varies much within a trial, its mean is a poor substitute.
#
# </details>
#
# ## References
#
# - Lorenz EN (1963). Deterministic nonperiodic flow. *Journal of the Atmospheric Sciences*
#   20:130-141.
# - Pandarinath C, O'Shea DJ, Collins J, et al. (2018). Inferring single-trial neural population
#   dynamics using sequential auto-encoders. *Nature Methods* 15:805-815.
# - Sussillo D, Barak O (2013). Opening the black box: low-dimensional dynamics in
#   high-dimensional recurrent neural networks. *Neural Computation* 25:626-649.
