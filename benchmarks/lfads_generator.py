"""The generators of trained models, opened with fixed points.

    python benchmarks/lfads_generator.py --data DIR [--only lorenz wrist] [--seeds 0]
        [--models DIR] [--out DIR]

DIR holds ``lorenz_known_rates.h5`` and ``jango_isometric_wrist.h5``. Models have the default
configuration and callbacks, with two inferred inputs on the wrist; those saved in ``--models``
are used again. ``LFADS.generator`` goes into ``fixedpoint_tf.FixedPointFinder`` as it is; the
search starts from states of the generator on single trials, with noise of half their standard
deviation, at a constant inferred input.

The generator is a GRU whose state is clipped. A fixed point of a GRU lies within -1 and 1,
where nothing is clipped, so that a Keras GRU of the same weights has the same fixed points:
on it ``fixedpoint_tf.analysis.certify`` proves them in closed form, and counts
their unstable directions.

- **unstable**: number of unstable directions, proved;
- **leading mode**: the eigenvalue of greatest size: how fast it grows or falls by a factor e,
  and the time of a turn if it turns;
- **turning**: the same of the slowest mode that turns, if that is another;
- **nearest state**: of any trial and bin, in units of the root mean square distance of all
  states from their centre.

**lorenz**: the true system has two foci, each with two unstable directions in which the state
spirals out, and a saddle between them with one. Its fixed points and their modes are those of
the polynomial system that is fitted to the true latents. Where the generator's lie is read
from its factors by a linear regression onto the latents, each scaled to variance 1. What to
expect: the foci are in the middle of where trials turn; the saddle is far below all of them,
and no trial tells how fast states leave it. The growth at the foci, by a factor e in five
times the length of a trial, is too slow to tell from a slow fall.

**wrist**: one search at each of three inputs: none, and the mean of the inferred inputs over
trials before go, and after it. Day 0, all trials.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
from scipy import optimize

from fixedpoint_tf import FixedPointFinder, FixedPoints
from fixedpoint_tf.analysis import Certificates, certify
from lfads_tf import LFADS, Inferred, LFADSConfig, Session, load_model

EPOCHS = {"lorenz": 250, "wrist": 350}
N_STARTS = 512
GO = 10  # the bin, of the wrist's trials
COLUMNS = (
    "unstable",
    "leading mode",
    "turning",
    "nearest state",
)


class Opened(NamedTuple):
    """The fixed points of a generator at one input."""

    points: FixedPoints
    certificates: Certificates
    seconds: float


def gru_of(cell: keras.layers.Layer) -> keras.layers.GRUCell:
    """Return a Keras GRU with the weights of a generator, equal where no state is clipped."""
    gru = keras.layers.GRUCell(cell.units, reset_after=False)
    gru.build((None, cell.kernel.shape[0]))
    gru.set_weights(cell.get_weights())
    return gru


def opened(model: LFADS, states: np.ndarray, u: np.ndarray, seed: int = 0) -> Opened:
    """Find the fixed points of a model's generator at a constant input.

    Args:
        model: trained.
        states: of the generator on trials, ``(n_trials, n_bins, generator_units)``.
        u: inferred inputs, then measured ones, ``(n_inputs,)``.
        seed: of the starts.
    """
    begin = time.perf_counter()
    finder = FixedPointFinder(model.generator, verbose=False, random_seed=seed)
    starts = finder.sample_states(states, N_STARTS, noise_scale=0.5 * states.std())
    unique, _ = finder.find_fixed_points(starts, u[None])
    points = unique.fixed
    # What is proved of the GRU holds for the generator where its states are not clipped.
    assert np.abs(points.xstar).max(initial=0.0) < min(1.0, model.generator.clip)
    certificates = certify(gru_of(model.generator), points)
    return Opened(points, certificates, time.perf_counter() - begin)


def trained(name: str, train: Session, valid: Session, seed: int, folder: Path | None) -> LFADS:
    path = None if folder is None else folder / f"{name}_{seed}.keras"
    if path is not None and path.exists():
        return load_model(path)
    n_inputs = 2 if name == "wrist" else 0
    model = LFADS(LFADSConfig.for_data(train, n_inferred_inputs=n_inputs, seed=seed))
    model.compile()
    model.fit(
        train,
        validation_data=valid,
        epochs=EPOCHS[name],
        callbacks=model.default_callbacks(),
        verbose=0,
    )
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(path)
    return model


# -- what is said of a point ---------------------------------------------------------------


def mode(value: complex, bin_width: float) -> str:
    """Describe a mode by its times to grow or decay by a factor e, and to turn once."""
    growth = np.log(np.abs(value))
    word = "grows" if growth > 0 else "falls"
    text = f"{word} in {abs(bin_width / growth):.2g} s"
    if abs(value.imag) < 1e-9:
        return text
    return f"{text}, turns in {2 * np.pi / abs(np.angle(value)) * bin_width:.2g} s"


def modes(values: np.ndarray, bin_width: float) -> tuple[str, str]:
    """Describe the leading mode, and the slowest that oscillates if that is another."""
    values = values[np.argsort(-np.abs(values), kind="stable")]
    turning = values[np.abs(values.imag) > 1e-9]
    if abs(values[0].imag) > 1e-9 or not len(turning):
        return mode(values[0], bin_width), "-"
    return mode(values[0], bin_width), mode(turning[0], bin_width)


def rows(found: Opened, states: np.ndarray, bin_width: float, extra: list[str]) -> list[str]:
    """Print a line of the table for each point."""
    flat = states.reshape(-1, states.shape[-1])
    scale = np.sqrt(np.mean(np.sum((flat - flat.mean(axis=0)) ** 2, axis=1)))
    lines = []
    for i in range(len(found.points)):
        sure = found.certificates.certified[i]
        n = f"{found.certificates.n_unstable[i]}" if sure else "not proved"
        leading, turning = modes(found.points.eigval_J_xstar[i], bin_width)
        distance = np.linalg.norm(flat - found.points.xstar[i], axis=1).min() / scale
        more = f" {extra[i]} |" if extra else ""
        lines.append(f"| {i} | {n} | {leading} | {turning} | {distance:.2f} |{more}")
    return lines


def heading(*extra: str) -> str:
    names = ("point", *COLUMNS, *extra)
    return f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}"


# -- the figure ----------------------------------------------------------------------------


def draw(
    model: LFADS,
    inferred: Inferred,
    conditions: np.ndarray,
    found: dict[str, Opened],
    path: Path,
    *,
    truth: np.ndarray | None = None,
    n_trials: int = 40,
) -> None:
    """Draw fixed points among the factors of trials and their means over conditions.

    Args:
        model: reads factors out of the states.
        inferred: of the trials.
        conditions: of the trials.
        found: fixed points, by the name of their input.
        path: of the figure.
        truth: factors at the true fixed points, ``(n, n_factors)``, if known.
        n_trials: drawn one by one.
    """
    from matplotlib import pyplot

    from fixedpoint_tf.plotting.projection import principal_components
    from lfads_tf.plotting.style import condition_key

    key = condition_key(conditions, len(conditions))
    means = np.stack([inferred.factors[rows].mean(axis=0) for _, _, rows in key])
    view = principal_components(means.reshape(-1, means.shape[-1]).astype(float), 3)
    fig, axes = pyplot.subplots(
        1, 2, figsize=(11, 4.4), subplot_kw={"projection": "3d"}, layout="constrained"
    )
    fig.get_layout_engine().set(w_pad=0.3)  # The labels of both vertical axes meet there.
    looks = {0: ("o", "full"), 1: ("D", "none"), 2: ("s", "none"), 3: ("^", "none")}
    colors = ("#D55E00", "#0072B2", "#CC79A7")
    for ax, angle in zip(axes, (-60, 30), strict=True):
        ax.computed_zorder = False
        ax.view_init(elev=22, azim=angle)
        ax.set_box_aspect(None, zoom=0.85)  # Room for the labels of the axes.
        for i, trial in enumerate(inferred.factors[:n_trials]):
            words = "single trials" if i == 0 else None
            ax.plot(*view.points(trial).T, color="0.8", linewidth=0.4, zorder=1, label=words)
        # Of many conditions a few, or nothing could be followed.
        shown = range(0, len(key), max(1, len(key) // 12))
        for k in shown:
            name, color, _ = key[k]
            words = "means of some conditions, a colour each" if k == 0 else None
            ax.plot(*view.points(means[k]).T, color=color, linewidth=1.2, zorder=2, label=words)
            ax.plot(*view.points(means[k, :1]).T, ".", color=color, markersize=5, zorder=2)
        # Points that hardly move with the input stand in each other: the first is widest.
        sizes = range(13, 0, -4) if len(found) > 1 else (9,)
        for (label, one), color, size in zip(found.items(), colors, sizes, strict=False):
            at = view.points(model.factors_of(one.points.xstar))
            for n in np.unique(one.points.n_unstable):
                marker, fill = looks.get(int(n), ("*", "none"))
                chosen = one.points.n_unstable == n
                words = f"{n} unstable direction{'' if n == 1 else 's'}" if n else "stable"
                ax.plot(
                    *at[chosen].T,
                    linestyle="",
                    marker=marker,
                    fillstyle=fill,
                    color=color,
                    markersize=size,
                    markeredgewidth=1.8,
                    label=f"{words}{f', {label}' if label else ''}",
                    zorder=4,
                )
        if truth is not None:
            ax.plot(
                *view.points(truth).T,
                linestyle="",
                marker="x",
                color="black",
                markersize=8,
                markeredgewidth=1.8,
                label="true fixed points",
                zorder=5,
            )
        for i, letter in enumerate("xyz"):
            ax.set(**{f"{letter}label": f"factor PC {i + 1} ({view.explained[i]:.0%})"})
            ax.locator_params(axis=letter, nbins=4)
    handles, labels = axes[0].get_legend_handles_labels()
    fig.legend(
        handles, labels, loc="upper center", bbox_to_anchor=(0.5, 0.97), ncols=3, frameon=False
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=110)
    pyplot.close(fig)


# -- lorenz --------------------------------------------------------------------------------


def true_points(latents: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the Lorenz system's fixed points in units of the latents, and modes per bin.

    The velocity in each coordinate is linear in x, y, z, xz, xy and 1, whatever the units and
    offsets; central differences over two bins fall short of it by 1%.
    """

    def terms(x: np.ndarray) -> np.ndarray:
        x = np.atleast_2d(x)
        return np.c_[x, x[:, 0] * x[:, 2], x[:, 0] * x[:, 1], np.ones(len(x))]

    middle = latents[:, 2:-2].reshape(-1, 3)
    slope = latents[:, :-4] - 8 * latents[:, 1:-3] + 8 * latents[:, 3:-1] - latents[:, 4:]
    weights = np.linalg.lstsq(terms(middle), slope.reshape(-1, 3) / 12, rcond=None)[0]

    def flow(x: np.ndarray) -> np.ndarray:
        return (terms(x) @ weights)[0]

    roots: list[np.ndarray] = []
    for start in np.random.default_rng(0).normal(scale=1.5, size=(200, 3)):
        root, _, flag, _ = optimize.fsolve(flow, start, full_output=True)
        if flag == 1 and all(np.linalg.norm(root - other) > 1e-3 for other in roots):
            roots.append(root)
    # The saddle first; then the foci.
    values = []
    for root in roots:
        jacobian = optimize.approx_fprime(root, flow, 1e-6)
        values.append(np.exp(np.linalg.eigvals(jacobian).astype(complex)))
    order = np.argsort([np.sum(np.abs(v) > 1) for v in values], kind="stable")
    return np.array([roots[i] for i in order]), [values[i] for i in order]


def lorenz(options: argparse.Namespace) -> None:
    path = options.data / "lorenz_known_rates.h5"
    train, valid = (Session.load(path, split=s, bin_width=0.01) for s in ("train", "valid"))
    import h5py

    with h5py.File(path) as file:
        latents = file["valid_lowd"][()].astype(np.float64)
        true, true_values = true_points(file["train_lowd"][()].astype(np.float64))
    print("\nTrue fixed points of the Lorenz system, in the units of its scaled latents")
    print("\n| point | x, y, z | unstable | leading mode | turning |\n|---|---|---|---|---|")
    for i, (point, values) in enumerate(zip(true, true_values, strict=True)):
        leading, turning = modes(values, 0.01)
        place = ", ".join(f"{x:.2f}" for x in point)
        n = int(np.sum(np.abs(values) > 1))
        print(f"| {'ABC'[i]} | {place} | {n} | {leading} | {turning} |")
    _, conditions = np.unique(
        valid.true_rates[:, :3].reshape(len(valid), -1), axis=0, return_inverse=True
    )
    for seed in options.seeds:
        model = trained("lorenz", train, valid, seed, options.models)
        inferred = model.infer(valid)
        found = opened(model, inferred.generator_states, np.zeros(0))
        flat = inferred.factors.reshape(-1, inferred.factors.shape[-1]).astype(np.float64)
        design, target = np.c_[flat, np.ones(len(flat))], latents.reshape(-1, 3)
        to_latents = np.linalg.lstsq(design, target, rcond=None)[0]
        error = np.mean((design @ to_latents - target) ** 2)
        factors = model.factors_of(found.points.xstar)
        places = np.c_[factors, np.ones(len(factors))] @ to_latents
        extra = []
        for place in places:
            distances = np.linalg.norm(place - true, axis=1)
            k = int(np.argmin(distances))
            where = ", ".join(f"{x:.2f}" for x in place)
            extra.append(f"{where} | {'ABC'[k]} ({distances[k]:.2f})")
        print(
            f"\nThe generator, seed {seed}: {found.points}; {found.certificates}. Found and "
            f"proved in {found.seconds:.0f} s. Latents from factors: R² "
            f"{1 - error / target.var():.3f}."
        )
        print(heading("x, y, z", "nearest true point (distance)"))
        print("\n".join(rows(found, inferred.generator_states, 0.01, extra)), flush=True)
        if options.out:
            from_latents = np.linalg.lstsq(
                np.c_[target, np.ones(len(target))], flat, rcond=None
            )[0]
            draw(
                model,
                inferred,
                conditions.reshape(-1),
                {"": found},
                options.out / f"generator_lorenz_{seed}.png",
                truth=np.c_[true, np.ones(len(true))] @ from_latents,
            )


# -- wrist ---------------------------------------------------------------------------------


def wrist(options: argparse.Namespace) -> None:
    path = options.data / "jango_isometric_wrist.h5"
    session = Session.load(path, group="day0/trials")
    train, valid = session.split(0.125)
    for seed in options.seeds:
        model = trained("wrist", train, valid, seed, options.models)
        inferred = model.infer(session)
        u = inferred.inferred_input_mean
        inputs = {
            "no input": np.zeros(u.shape[-1]),
            "mean input before go": u[:, :GO].mean(axis=(0, 1)),
            "mean input after go": u[:, GO:].mean(axis=(0, 1)),
        }
        found = {}
        for name, value in inputs.items():
            one = opened(model, inferred.generator_states, value)
            if not len(one.points):
                print(f"\nwrist, seed {seed}, {name}: no fixed point in {one.seconds:.0f} s")
                continue
            found[name] = one
            print(
                f"\nwrist, seed {seed}, {name} ({', '.join(f'{x:.2f}' for x in value)}): "
                f"{one.points}; "
                f"{one.certificates}. Found and proved in {one.seconds:.0f} s."
            )
            print(heading())
            lines = rows(one, inferred.generator_states, session.bin_width, [])
            print("\n".join(lines), flush=True)
        if options.out:
            draw(
                model,
                inferred,
                session.conditions,
                found,
                options.out / f"generator_wrist_{seed}.png",
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the two files")
    parser.add_argument("--only", nargs="+", choices=EPOCHS, default=list(EPOCHS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--models", type=Path, help="folder in which models are kept")
    parser.add_argument("--out", type=Path, help="folder for the figures")
    options = parser.parse_args()
    for name in options.only:
        {"lorenz": lorenz, "wrist": wrist}[name](options)


if __name__ == "__main__":
    main()
