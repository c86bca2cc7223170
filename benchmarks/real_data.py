"""Value of LFADS rates on a real recording: behaviour and conditions.

    python benchmarks/real_data.py --data DIR [--only behavior separation]
        [--days day0 day16] [--folds 0 1 2 3 4] [--inputs 2] [--keep FOLDER] [--figures FOLDER]

DIR holds ``jango_isometric_wrist.h5`` (macaque motor cortex, 96 channels, isometric wrist force
and EMG, eight targets, two days, bins of 50 ms).

One model a day and fold of the file, with the default configuration, two inferred inputs, and
default callbacks. The held-out fold has no part in training: an eighth of the other trials
decides on the learning rate and the best weights. ``--keep`` holds what was inferred, so that
the analysis can be run again without training.

**behavior**: R² of the held-out trials, pooled over the dimensions of force (2) and of EMG
(14). Decoders are fitted to the training trials, and penalties, shrinkage and lags are chosen
inside them. *Same bin* decoders see one bin; the Wiener filter sees eight bins of counts.
``10 dimensions`` are the leading principal components over the training trials: of the log
rates, which are what the 40 factors do to the neurons, or of the smoothed rates; ``10 of its
factors``, of the factors as they are, in units of their own. ``model of 10 factors`` has no
others.

**separation**: the share of held-out trials whose target is told right from the factors of one
bin. Targets appear with the go cue at bin 10; what is told before is knowledge of later bins,
which the encoder reads and a Gaussian kernel too. The causal row has none of it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import h5py
import numpy as np
from lfads_quality import DAYS, EPOCHS, fitted

from lfads_tf import Inferred, Session
from lfads_tf.analysis import (
    Kalman,
    OptimalLinear,
    OverDimensions,
    Ridge,
    Separation,
    Wiener,
    bits_per_spike,
    decode_over_dimensions,
    decoding_r_squared,
    fit_decoder,
    mean_rates,
    principal_components,
    separate_conditions,
    smooth_causal_gaussian,
    smooth_gaussian,
)

FILE = "jango_isometric_wrist.h5"
SD = 0.15  # seconds; the width that decodes force best
NARROW = 0.05  # seconds; one that looks ahead less
FLOOR = 0.1  # spikes/s, under the logarithm: silent channels have next to none
GO, WIDTH = 10, 0.05  # bin of the go cue, and its width in seconds
FEW = 10
PARTS = ("behavior", "separation")
PENALTIES = (1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0)
DECODERS = {
    "ridge, same bin": Ridge(),
    "OLE, same bin": OptimalLinear(),
    "ridge, best lag": Ridge(lags=range(-1, 5), penalties=PENALTIES),
    "Wiener, 8 bins": Wiener(penalties=(0.01, 0.1, 1.0)),
    "Kalman": Kalman(),
}
#: Which decoders are tried on which features.
TRIED = {
    "counts": ("Wiener, 8 bins",),
    "causal": ("ridge, same bin",),
    "smoothed": ("ridge, same bin", "ridge, best lag", "OLE, same bin"),
    "smoothed, 10 dimensions": ("ridge, same bin", "OLE, same bin", "Wiener, 8 bins"),
    "LFADS rates": ("ridge, same bin", "ridge, best lag", "OLE, same bin", "Kalman"),
    "LFADS factors": ("ridge, same bin", "OLE, same bin", "Wiener, 8 bins"),
    "LFADS, 10 dimensions": (
        "ridge, same bin",
        "ridge, best lag",
        "OLE, same bin",
        "Wiener, 8 bins",
    ),
    "LFADS, 10 of its factors": ("ridge, same bin", "OLE, same bin", "Wiener, 8 bins"),
    "LFADS, model of 10 factors": ("ridge, same bin", "OLE, same bin", "Wiener, 8 bins"),
}


class Fold:
    """Training and held-out trials of one day, and all features of both."""

    def __init__(self, options: argparse.Namespace, day: str, fold: int) -> None:
        path = options.data / FILE
        session = Session.load(path, group=f"{day}/trials")
        with h5py.File(path) as file:
            trials = file[f"{day}/trials"]
            folds, emg = trials["fold"][()], trials["emg"][()]
        self.day, self.fold, outside = day, fold, folds == fold
        self.train, self.test = session.trials(~outside), session.trials(outside)
        self.inner = folds[~outside]
        self.targets = {
            "force": (self.train.behavior, self.test.behavior),
            "EMG": (emg[~outside], emg[outside]),
        }
        spikes = self.train.spikes, self.test.spikes
        smoothed = [smooth_gaussian(x, WIDTH, SD) for x in spikes]
        factors = self.inferred(options, "factors", None)
        rates = self.inferred(options, "rates", None)
        log_rates = [np.log(x + FLOOR) for x in rates]
        self.features = {
            "counts": spikes,
            "narrow": [smooth_gaussian(x, WIDTH, NARROW) for x in spikes],
            "causal": [smooth_causal_gaussian(x, WIDTH, SD) for x in spikes],
            "smoothed": smoothed,
            "smoothed, 10 dimensions": leading(*smoothed),
            "LFADS rates": rates,
            "LFADS factors": factors,
            "LFADS factors, 100 ms": [smooth_gaussian(x, WIDTH, 2 * NARROW) for x in factors],
            "LFADS log rates": log_rates,
            "LFADS, 10 dimensions": leading(*log_rates),
            "LFADS, 10 of its factors": leading(*factors),
        }
        if options.few:
            self.features["LFADS, model of 10 factors"] = self.inferred(options, "factors", FEW)
        means = mean_rates(self.train.spikes, WIDTH)
        self.bits = bits_per_spike(rates[1], spikes[1], WIDTH, reference=means)

    def inferred(self, options: argparse.Namespace, what: str, n_factors: int | None):
        """Infer with a model trained without the held-out trials, from its file if kept."""
        name = f"{self.day}_{self.fold}_{options.inputs}_{n_factors or 'default'}"
        paths = [options.keep / f"{name}_{part}.h5" for part in ("train", "test")]
        if not all(path.is_file() for path in paths):
            inner, judge = self.train.split(0.125)
            size = {} if n_factors is None else {"n_factors": n_factors}
            model, told = fitted(
                inner, judge, EPOCHS["wrist"], n_inferred_inputs=options.inputs, **size
            )
            print(
                f"<!-- {name}: {told['seconds']:.0f} s, {told['epochs']} epochs -->", flush=True
            )
            for path, part in zip(paths, (self.train, self.test), strict=True):
                model.infer(part).save(path, overwrite=True)
        return [getattr(Inferred.load(path), what) for path in paths]


def leading(train: np.ndarray, test: np.ndarray, n: int = FEW) -> list[np.ndarray]:
    """Return scores on the leading principal components of the training trials."""
    fitted_to = principal_components(train, n)
    return [fitted_to.project(part) for part in (train, test)]


DRAWN = (
    "LFADS factors",
    "LFADS, 10 dimensions",
    "smoothed, 150 ms",
    "smoothed, 50 ms",
    "causally smoothed, 150 ms",
)


def row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def spread(values: list[float]) -> str:
    return f"{np.mean(values):.3f}" + (f" ± {np.std(values):.3f}" if len(values) > 1 else "")


def behavior(options: argparse.Namespace, day: str, folds: list[Fold]) -> None:
    print(f"\n### {day}: held-out R² of behaviour, folds {[f.fold for f in folds]}\n")
    print(f"LFADS bits/spike of held-out trials: {spread([f.bits for f in folds])}\n")
    row("features", "decoder", "force", "EMG")
    row(*["---"] * 4)
    for name, kinds in TRIED.items():
        if name not in folds[0].features:
            continue
        for kind in kinds:
            scores = {
                what: [decoded(fold, name, kind, what) for fold in folds]
                for what in folds[0].targets
            }
            row(name, kind, *(spread(scores[what]) for what in scores))
    print(
        "\nThe same with a target that the decoder never saw, each in turn (same-bin ridge):\n"
    )
    row("features", "force", "EMG")
    row(*["---"] * 3)
    for name in ("smoothed", "LFADS rates", "LFADS factors"):
        row(
            name,
            *(
                spread([of_new_targets(fold, name, what) for fold in folds])
                for what in folds[0].targets
            ),
        )
    curves = {}
    for label, name in (
        ("LFADS log rates", "LFADS log rates"),
        ("LFADS factors", "LFADS factors"),
        ("smoothed spikes", "smoothed"),
    ):
        results = [
            decode_over_dimensions(
                fold.features[name][0],
                fold.targets["force"][0],
                folds=fold.inner,
                test=(fold.features[name][1], fold.targets["force"][1]),
            )
            for fold in folds
        ]
        curves[label] = OverDimensions(
            results[0].dimensions,
            np.concatenate([one.fold_r_squared for one in results], axis=1),
            np.concatenate([one.explained for one in results], axis=1),
        )
    print("\nR² of force from the leading dimensions (same-bin ridge):\n")
    tried = [1, 2, 3, 5, 10, 20, 40, "all"]
    row("features", *tried, "needed for 95%")
    row(*["---"] * (len(tried) + 2))
    for name, curve in curves.items():
        at = {int(n): value for n, value in zip(curve.dimensions, curve.r_squared, strict=True)}
        at["all"] = curve.r_squared[-1]
        cells = [f"{at[n]:.3f}" if n in at else "-" for n in tried]
        row(name, *cells, curve.needed())
    if options.figures:
        wiener = np.mean([decoded(fold, "counts", "Wiener, 8 bins", "force") for fold in folds])
        _save(
            options,
            f"{day}_dimensions",
            "plot_over_dimensions",
            curves,
            levels={"Wiener filter on all counts": wiener},
        )
        first = folds[0]
        told = {
            label: prediction(first, name, "ridge, same bin", "force")
            for label, name in (("LFADS rates", "LFADS rates"), ("smoothed", "smoothed"))
        }
        _save(
            options,
            f"{day}_force",
            "plot_decoded",
            first.targets["force"][1],
            told,
            bin_width=WIDTH,
            start=-GO * WIDTH,
            names=["force x", "force y"],
        )


def prediction(fold: Fold, name: str, kind: str, what: str) -> np.ndarray:
    (train, test), (targets, _) = fold.features[name], fold.targets[what]
    decoder = fit_decoder(DECODERS[kind], train, targets, folds=fold.inner)
    return decoder.predict(test)


def decoded(fold: Fold, name: str, kind: str, what: str) -> float:
    return decoding_r_squared(fold.targets[what][1], prediction(fold, name, kind, what))


def of_new_targets(fold: Fold, name: str, what: str) -> float:
    """Decode held-out trials of each target by a decoder of the other seven."""
    (train, test), (targets, truth) = fold.features[name], fold.targets[what]
    told = np.full(truth.shape, np.nan)
    for kind in np.unique(fold.test.conditions):
        rest, held = fold.train.conditions != kind, fold.test.conditions == kind
        one = fit_decoder(
            Ridge(), train[rest], targets[rest], folds=fold.train.conditions[rest]
        )
        told[held] = one.predict(test[held])
    return decoding_r_squared(truth, told)


def apart(folds: list[Fold], name: str) -> Separation:
    """Classify held-out trials of all folds, each by its training trials."""
    results = [
        separate_conditions(
            fold.features[name][0],
            fold.train.conditions,
            folds=fold.inner,
            test=(fold.features[name][1], fold.test.conditions),
        )
        for fold in folds
    ]
    told, true = (
        np.concatenate([getattr(result, what) for result in results])
        for what in ("predictions", "conditions")
    )
    chance = np.mean([result.chance for result in results])
    return Separation(results[0].kinds, true, told, float(chance))


def separate(options: argparse.Namespace, day: str, folds: list[Fold]) -> None:
    print(f"\n### {day}: accuracy of the target (8), from one bin of single held-out trials\n")
    names = {
        "LFADS factors": "LFADS factors",
        "LFADS factors, smoothed 100 ms": "LFADS factors, 100 ms",
        "LFADS, 10 dimensions": "LFADS, 10 dimensions",
        "smoothed, 150 ms": "smoothed",
        "smoothed, 10 dimensions": "smoothed, 10 dimensions",
        "smoothed, 50 ms": "narrow",
        "causally smoothed, 150 ms": "causal",
    }
    results = {label: apart(folds, name) for label, name in names.items()}
    shown = (5, 9, 11, 13, 15, 17, 20, 25, 30)
    row(
        "features",
        *(f"{1e3 * WIDTH * (t + 0.5 - GO):.0f} ms" for t in shown),
        "mean after go",
        "90% from",
    )
    row(*["---"] * (len(shown) + 3))
    for name, result in results.items():
        accuracy = result.accuracy
        first = result.first_bin(0.9, start=GO)
        when = "-" if first is None else f"{1e3 * WIDTH * (first + 0.5 - GO):.0f} ms"
        row(name, *(f"{accuracy[t]:.2f}" for t in shown), f"{accuracy[GO:].mean():.3f}", when)
    if options.figures:
        _save(
            options,
            f"{day}_separation",
            "plot_separation",
            {name: results[name] for name in DRAWN},
            bin_width=WIDTH,
            start=-GO * WIDTH,
            event=0.0,
            event_name="target and go",
        )


def _save(options: argparse.Namespace, name: str, function: str, *args, **kwargs) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from lfads_tf import analysis

    figure, _ = getattr(analysis, function)(*args, **kwargs)
    options.figures.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.figures / f"{name}.png", dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the recording")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--days", nargs="+", choices=DAYS, default=DAYS)
    parser.add_argument("--folds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--inputs", type=int, default=2, help="inferred inputs of the models")
    parser.add_argument("--few", action="store_true", help="also a model of 10 factors")
    parser.add_argument(
        "--keep", type=Path, default=Path("inferred"), help="of what is inferred"
    )
    parser.add_argument("--figures", type=Path, help="folder to write figures to")
    options = parser.parse_args()
    for day in options.days:
        folds = [Fold(options, day, fold) for fold in options.folds]
        for part in options.only:
            {"behavior": behavior, "separation": separate}[part](options, day, folds)


if __name__ == "__main__":
    main()
