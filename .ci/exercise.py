"""Use what is installed, part by part: train, search, save, load, draw, the command lines.

For ``.ci/oldest_and_newest``, by the Python of the environment that is tried, in a folder for
the files. Prints a line for each part, ``ok`` or what is wrong; status 1 where a part failed.

    python exercise.py FOLDER [PART ...]     e.g. imports search lfads; all without
"""

import importlib
import os
import subprocess
import sys
import time
import traceback
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["MPLBACKEND"] = "Agg"

SEED = 3
PUBLIC = ("", ".analysis", ".plotting")


def imports(folder):
    """Every public name of both packages."""
    names = [package + part for package in ("fixedpoint_tf", "lfads_tf") for part in PUBLIC]
    for name in (*names, "fixedpoint_tf.tasks", "lfads_tf.data.synthetic"):
        module = importlib.import_module(name)
        for member in module.__all__:
            getattr(module, member)


def search(folder):
    """Fixed points of Keras's layers and of a function: found, linearised, saved, drawn."""
    import keras
    import numpy as np
    import tensorflow as tf

    from fixedpoint_tf import FixedPointFinder, FixedPoints

    random = np.random.default_rng(SEED)
    inputs = random.normal(size=(8, 15, 2)).astype("float32")
    keras.utils.set_random_seed(SEED)
    for layer in (keras.layers.GRU, keras.layers.LSTM, keras.layers.SimpleRNN):
        received = keras.Input((None, 2))
        outputs = keras.layers.Dense(1)(layer(4, return_sequences=True)(received))
        model = keras.Model(received, outputs)
        model.compile("adam", "mse")
        model.fit(inputs, inputs[..., :1], epochs=2, verbose=0)
        model.save(folder / "model.keras")
        model = keras.models.load_model(folder / "model.keras")
        finder = FixedPointFinder(model, random_seed=SEED, verbose=False)
        states = finder.simulate_model(inputs)
        starts = finder.sample_states(states, 64, noise_scale=0.5)
        points, every = finder.find_fixed_points(starts, np.zeros((1, 2)))
        expect(len(points) and np.isfinite(points.eigval_J_xstar).all(), every)
        moved = finder.system.step(points.xstar, points.inputs) - points.xstar
        expect(np.abs(moved).max() < 1e-4, f"{layer.__name__} moves its fixed points")
        points.save(folder / "points.h5")
        again = FixedPoints.load(folder / "points.h5")
        expect(np.array_equal(again.xstar, points.xstar), f"{again} was {points}")
        points.plot(states)[0].savefig(folder / f"{layer.__name__}.png")

    weights = tf.constant(random.normal(size=(3, 3)) / 3, tf.float32)
    finder = FixedPointFinder(
        lambda x, u: tf.tanh(tf.linalg.matmul(x, weights)) + 0.1 * u, n_states=3, n_inputs=1
    )
    points, _ = finder.find_fixed_points(np.zeros((16, 3)), [[0.5]])
    expect(len(points) == 1, f"a function that contracts has {points}")


def questions(folder):
    """What each question answers of the network that was searched last, drawn and saved."""
    import numpy as np

    from fixedpoint_tf import FixedPointFinder

    random = np.random.default_rng(SEED)
    finder = FixedPointFinder(folder / "model.keras", random_seed=SEED, verbose=False)
    states = finder.simulate_model(random.normal(size=(8, 30, 2)).astype("float32"))
    starts = finder.sample_states(states, 64, noise_scale=0.5)
    points, every = finder.find_fixed_points(starts, np.zeros((1, 2)))
    for answer in (
        finder.certify(points),
        finder.estimate_coverage(every),
        finder.prove_complete(points),
        finder.classify_attractors(points),
        finder.find_connections(points),
        finder.find_cycles(states, np.zeros((1, 2))),
        finder.continue_branches(points, [np.zeros(2), np.ones(2)]),
        finder.analyze_sensitivity(points),
    ):
        path = folder / f"{type(answer).__name__}.h5"
        answer.save(path)
        again = type(answer).load(path)
        expect(repr(again) == repr(answer), f"{answer} was loaded as {again}")
        answer.plot()


def lfads(folder):
    """LFADS: trained at a stretch and in two parts alike, saved, loaded, inferred, drawn."""
    import numpy as np

    from lfads_tf import LFADS, Inferred, LFADSConfig, Session, load_model, plotting

    spikes = np.random.default_rng(SEED).poisson(1.0, (24, 12, 5))
    Session.from_arrays(spikes, 0.02, conditions=np.arange(24) % 3).save(folder / "trials.h5")
    session = Session.load(folder / "trials.h5")
    expect(np.array_equal(session.spikes, spikes), "a session is loaded as another")
    train, valid = session.split(0.25)
    config = LFADSConfig.for_data(
        train, n_factors=3, n_inferred_inputs=1, generator_units=6, warm_up_steps=0
    )
    losses = {}
    for run, parts in {"whole": [4], "parts": [2, 4]}.items():
        for epochs in parts:
            model = LFADS(config)
            model.compile(jit_compile=False)
            callbacks = model.default_callbacks(folder / run, resume=epochs != parts[0])
            options = {"epochs": epochs, "batch_size": 6, "verbose": 0}
            model.fit(train, validation_data=valid, callbacks=callbacks, **options)
        losses[run] = model.evaluate(valid, verbose=0)
    expect(losses["whole"] == losses["parts"], f"a run that was resumed differs: {losses}")
    model.compile()  # by XLA
    expect(np.isfinite(model.fit(train, verbose=0).history["loss"]).all(), "no finite loss")
    model.save(folder / "lfads.keras")
    inferred = model.infer(session, n_samples=4)
    inferred.save(folder / "inferred.h5")
    again = load_model(folder / "lfads.keras").infer(session, n_samples=4)
    for other in (again, Inferred.load(folder / "inferred.h5")):
        expect(np.array_equal(other.rates, inferred.rates), "the rates are loaded as others")
    plotting.plot_trials(session, inferred)


def science(folder):
    """What scikit-learn and SciPy do for rates: decoding, separation, field potentials."""
    import numpy as np

    from lfads_tf import analysis

    random = np.random.default_rng(SEED)
    rates = random.normal(size=(24, 40, 4)).cumsum(axis=1)
    behavior = rates[..., :2] + 0.1 * random.normal(size=(24, 40, 2))
    for decoder in (
        analysis.Ridge(lags=range(2)),
        analysis.Wiener(n_lags=2),
        analysis.OptimalLinear(),
        analysis.Kalman(),
        analysis.RidgeRegressor(),
    ):
        found = analysis.cross_validate(rates, behavior, decoder)
        expect(found.r_squared > 0.5, f"{decoder}: {found}")
    analysis.separate_conditions(rates, np.arange(24) % 2)
    analysis.principal_components(rates, 2)
    analysis.smooth_gaussian(rates, 0.05, 0.02)
    analysis.band_pass(rates, 0.02, (2.0, 8.0))


def command_lines(folder):
    """The commands of both packages, each in a process of its own."""
    run(folder, "fixedpoint_tf", "flip_flop", "--epochs=2", "--n-inits=32", "--out=demo")
    run(folder, "fixedpoint_tf", "find", "model.keras", "--n-inits=32", "--out=found")
    run(folder, "lfads_tf", "fit", "trials.h5", "--epochs=2", "--out=run")
    run(folder, "lfads_tf", "infer", "run", "trials.h5", "--out=rates.h5", "--n-samples=4")
    run(folder, "lfads_tf", "report", "run")


def run(folder, package, *arguments):
    """Run a command; what it prints is shown where it fails."""
    done = subprocess.run(
        [sys.executable, "-m", package, *arguments, "--quiet"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    expect(done.returncode == 0, f"{package} {arguments[0]}: {done.stdout[-2000:]}")


def expect(holds, otherwise):
    """Fail with a sentence, under ``python -O`` too."""
    if not holds:
        raise RuntimeError(str(otherwise))


PARTS = (imports, search, questions, lfads, science, command_lines)


def main():
    folder, chosen = Path(sys.argv[1]), sys.argv[2:]
    failed = False
    parts = {part.__name__: part for part in PARTS}
    for name in chosen or parts:
        part = parts[name]
        begun = time.monotonic()
        try:
            part(folder)
            outcome = "ok"
        except Exception as error:  # the table has a line for each part, whatever it raises
            traceback.print_exc()
            outcome, failed = f"{type(error).__name__}: {error}".splitlines()[0], True
        seconds = time.monotonic() - begun
        print(f"{name:14} {seconds:4.0f} s  {outcome}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
