"""One model of two days of a recording against a model of each: what stitching is worth.

    python benchmarks/real_data_stitched.py --data DIR [--folds 0 1 2 3 4] [--inputs 2]
        [--shares 1 0.5 0.25] [--keep FOLDER] [--figures FOLDER]

DIR holds ``jango_isometric_wrist.h5`` (macaque motor cortex, 96 channels, two days two weeks
apart). The fold of the file is held out on both days and has no part in any training. Of day16
all, half or a quarter of the other trials are known, drawn so that targets stay balanced, the
quarter from the half; of day0 all. An eighth of the known trials of each day decides on the
learning rate and the best weights. ``--keep`` holds what was inferred, so that the analysis
can be run again without training.

**single**: a model of each day. **stitched**: one of both. **added**: a model of day0 takes in
day16 (``add_session``, what the days share frozen): only read-in and read-out of day16 are
trained. All have the default configuration, two inferred inputs and default callbacks. Where
fewer known trials make fewer batches an epoch, epochs and patience of single and added models
grow by as much, which allows as many updates. A stitched model has as many epochs as a
single one of all trials: it meets each trial as often. That makes more updates, which do not
explain its gain: single models of all trials that were allowed as many scored the same.

**each day**: held-out R² of force (same-bin ridge from the rates, fitted to the known trials
of that day, pooled over dimensions) and bits/spike against the mean rates of all trials that
are not held out.

**across days**: a decoder (same-bin ridge) of force or EMG fitted to day0 and used on held-out
trials of day16, of which it has seen no behaviour. *As they are*, features go in unchanged;
*z-scored*, in units of their mean and standard deviation over the known trials of their day;
*by targets*, after ridge regression of day16's condition averages on those of day0, which
asks for the targets of day16's trials, as stitching does.

The file has the two columns of force the other way round on the two days: the same targets
pull the same muscles, but x of one day is y of the other. They are exchanged for day16 here.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import h5py
import numpy as np
from lfads_quality import DAYS, EPOCHS, fitted, trained
from real_data import FILE, SD, row, spread

from fixedpoint_tf._utils.figures import COLORS
from lfads_tf import LFADS, Inferred, Session, load_model
from lfads_tf.analysis import (
    Ridge,
    bits_per_spike,
    decoding_r_squared,
    fit_decoder,
    folds_by_trial,
    mean_rates,
    smooth_gaussian,
)
from lfads_tf.sessions.condition_averages import condition_averages
from lfads_tf.sessions.regression import regress

OLD, NEW = DAYS
SHARES = (1.0, 0.5, 0.25)
LABELS = {
    "smoothed": "Gaussian, 150 ms",
    "single": "single",
    "stitched": "stitched",
    "added": "added",
}
LOOKS = {
    "smoothed": (COLORS["grey"], "D"),
    "single": (COLORS["blue"], "o"),
    "stitched": (COLORS["vermillion"], "s"),
    "added": (COLORS["green"], "^"),
}
WAYS = ("as they are", "z-scored", "by targets")


class Day:
    """Trials of one day: known ones, of which models and decoders learn, and held-out ones."""

    def __init__(self, path: Path, name: str, fold: int, share: float = 1.0) -> None:
        whole = Session.load(path, group=f"{name}/trials")
        with h5py.File(path) as file:
            trials = file[f"{name}/trials"]
            outside, emg, force = trials["fold"][()], trials["emg"][()], trials["force"][()]
        if name == NEW:
            force = force[..., ::-1]
        self.name, inside = name, np.flatnonzero(outside != fold)
        train, held = whole.trials(inside), np.flatnonzero(outside == fold)
        self.means = mean_rates(train.spikes, train.bin_width)
        if share < 1:
            # Drawn once into quarters, so that the quarter is half of the half.
            quarter = folds_by_trial(len(inside), 4, conditions=train.conditions, seed=fold)
            inside = inside[quarter < 4 * share]
        self.known, self.held = whole.trials(inside), whole.trials(held)
        self.inner, self.judge = self.known.split(0.125)
        self.fold_of = outside[inside]
        self.targets = {"force": (force[inside], force[held]), "EMG": (emg[inside], emg[held])}
        self.smoothed = [smooth_gaussian(s.spikes, s.bin_width, SD) for s in self.sessions]

    @property
    def sessions(self) -> tuple[Session, Session]:
        return self.known, self.held

    def decoder(self, features: np.ndarray, what: str):
        """Fit same-bin ridge regression to the known trials."""
        targets = self.targets[what][0]
        return fit_decoder(Ridge(), features, targets, folds=self.fold_of)

    def decoded(self, features, what: str = "force") -> float:
        told = self.decoder(features[0], what).predict(features[1])
        return decoding_r_squared(self.targets[what][1], told)

    def bits(self, rates) -> float:
        s = self.held
        return float(bits_per_spike(rates[1], s.spikes, s.bin_width, reference=self.means))


class Fold:
    """All models of one fold: what they infer of each day, kept in files."""

    def __init__(self, options: argparse.Namespace, fold: int) -> None:
        self.options, self.fold = options, fold
        path = options.data / FILE
        self.old = Day(path, OLD, fold)
        self.new = {share: Day(path, NEW, fold, share) for share in options.shares}
        self.told: dict[tuple[str, str, float], dict] = {}
        self.inferred: dict[tuple[str, str, float], list[Inferred]] = {}
        self._kept("single", OLD, 1.0, [self.old], self._single)
        for share, new in self.new.items():
            self._kept("single", NEW, share, [new], self._single)
            self._kept("stitched", "both", share, [self.old, new], self._stitched)
            self._kept("added", NEW, share, [self.old, new], self._added)

    def _kept(self, kind: str, name: str, share: float, days: list[Day], train) -> None:
        """Return a model's inference on its days, from files if present."""
        name = f"{kind}_{name}_{self.fold}_{self.options.inputs}_{share:g}"
        log = self.options.keep / f"{name}.json"
        paths = [
            [self.options.keep / f"{name}_{day.name}_{part}.h5" for part in ("known", "held")]
            for day in days
        ]
        if not log.is_file():
            self.options.keep.mkdir(parents=True, exist_ok=True)
            model, told = train(days)
            for day, both in zip(days, paths, strict=True):
                for path, session in zip(both, day.sessions, strict=True):
                    model.infer(session).save(path, overwrite=True)
            log.write_text(json.dumps(told))
            print(f"<!-- {name}: {told} -->", flush=True)
        for day, both in zip(days, paths, strict=True):
            key = kind, day.name, share
            self.told[key] = json.loads(log.read_text())
            self.inferred[key] = [Inferred.load(path) for path in both]

    @property
    def changes(self) -> dict:
        return {"n_inferred_inputs": self.options.inputs}

    def _single(self, days: list[Day]) -> tuple[LFADS, dict]:
        (day,) = days
        stretch = self._stretch(day)
        return fitted(day.inner, day.judge, EPOCHS["wrist"], stretch=stretch, **self.changes)

    def _stretch(self, day: Day) -> int:
        """Return the ratio of batches per epoch between all trials and the known ones."""
        if day is self.old:
            return 1
        share = next(share for share, other in self.new.items() if other is day)
        return round(1 / share)

    def _stitched(self, days: list[Day]) -> tuple[LFADS, dict]:
        inner, judge = [day.inner for day in days], [day.judge for day in days]
        return fitted(inner, judge, EPOCHS["wrist"], **self.changes)

    def _added(self, days: list[Day]) -> tuple[LFADS, dict]:
        _, new = days
        path = self.options.keep / f"base_{OLD}_{self.fold}_{self.options.inputs}.keras"
        if path.is_file():
            base = load_model(path)
        else:
            old = self.old
            base, told = fitted([old.inner], [old.judge], EPOCHS["wrist"], **self.changes)
            print(f"<!-- the model of {OLD} to which {NEW} is added: {told} -->", flush=True)
            base.save(path)
        model = base.add_session(new.inner, reference_sessions=[self.old.inner])
        told = trained(model, new.inner, new.judge, EPOCHS["wrist"], stretch=self._stretch(new))
        return model, told

    # What comes of it.

    def is_new(self, kind: str, name: str, share: float) -> bool:
        """Test for another model, or other data, than for more trials of a day."""
        return name == NEW or kind == "stitched" or share == max(self.new)

    def model(self, kind: str, name: str, share: float) -> tuple[str, str, float]:
        """Return the key of a model, for the old day alone the same with all new days."""
        return kind, name, 1.0 if (kind, name) == ("single", OLD) else share

    def day(self, name: str, share: float) -> Day:
        return self.old if name == OLD else self.new[share]

    def features(self, kind: str, name: str, share: float, what: str) -> list[np.ndarray]:
        if kind == "smoothed":
            return self.day(name, share).smoothed
        key = self.model(kind, name, share)
        return [getattr(inferred, what) for inferred in self.inferred[key]]

    def force(self, kind: str, name: str, share: float) -> float:
        rates = self.features(kind, name, share, "rates")
        return self.day(name, share).decoded(rates)

    def bits(self, kind: str, name: str, share: float) -> float:
        return self.day(name, share).bits(self.features(kind, name, share, "rates"))

    def across(self, kind: str, share: float, way: str, what: str) -> float:
        """Apply a decoder of the old day to held-out trials of the new one."""
        new = self.new[share]
        before = self.features(kind, OLD, share, "factors")
        after = self.features(kind, NEW, share, "factors")
        if way == "z-scored":
            before, after = z_scored(before), z_scored(after)
        elif way == "by targets":
            after = like(before[0], self.old.known, after, new.known)
        told = self.old.decoder(before[0], what).predict(after[1])
        return decoding_r_squared(new.targets[what][1], told)


def z_scored(features) -> list[np.ndarray]:
    mean, sd = features[0].mean(axis=(0, 1)), features[0].std(axis=(0, 1))
    return [(part - mean) / np.where(sd > 0, sd, 1.0) for part in features]


def like(before: np.ndarray, old: Session, after, new: Session) -> list[np.ndarray]:
    """Map features of the new day to those of the old one, by averages over targets."""
    labels = np.unique(old.conditions)
    wanted, have = (
        condition_averages(features, session.conditions, labels)[0]
        for features, session in ((before, old), (after[0], new))
    )
    kernel, bias = regress(have, wanted)
    return [part @ kernel + bias for part in after]


def each_day(options: argparse.Namespace, results: list[Fold]) -> None:
    print(f"\n### Each day, held-out trials, folds {[f.fold for f in results]}\n")
    row(
        "day", f"known trials of {NEW}", "model", "force R²", "bits/spike", "seconds", "updates"
    )
    row(*["---"] * 7)
    for name in DAYS:
        for share in options.shares:
            for kind in LABELS:
                if not results[0].is_new(kind, name, share):
                    continue
                cells = [spread([f.force(kind, name, share) for f in results])]
                if kind == "smoothed":
                    cells += ["-"] * 3
                else:
                    cells.append(spread([f.bits(kind, name, share) for f in results]))
                    for what in ("seconds", "updates"):
                        told = [f.told[f.model(kind, name, share)][what] for f in results]
                        cells.append(f"{np.mean(told):.0f}")
                n_known = len(results[0].new[share].known)
                row(name, n_known, LABELS[kind], *cells)


def across_days(options: argparse.Namespace, results: list[Fold]) -> None:
    print(f"\n### A decoder of {OLD} on held-out trials of {NEW}, folds as above\n")
    both = [(what, way) for what in ("force", "EMG") for way in WAYS]
    row("features", f"known trials of {NEW}", *(f"{what}, {way}" for what, way in both))
    row(*["---"] * (len(both) + 2))
    for share in options.shares:
        for kind, label in LABELS.items():
            cells = [
                spread([f.across(kind, share, way, what) for f in results])
                for what, way in both
            ]
            row(
                label + ("" if kind == "smoothed" else ", factors"),
                len(results[0].new[share].known),
                *cells,
            )


def draw(options: argparse.Namespace, results: list[Fold]) -> None:
    """Force R² and bits/spike on the new day by the number of its trials, a point a fold."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.6), layout="constrained")
    scores = {
        f"force R² on {NEW}": lambda f, kind, share: f.force(kind, NEW, share),
        f"bits/spike on {NEW}": lambda f, kind, share: f.bits(kind, NEW, share),
        f"force R² on {NEW}, decoder of {OLD}": lambda f, kind, share: f.across(
            kind, share, "z-scored", "force"
        ),
    }
    across: dict[str, np.ndarray] = {}  # of the last panel in the end
    for ax, (title, score) in zip(axes, scores.items(), strict=True):
        for shift, (kind, label) in zip((-2, -0.7, 0.7, 2), LABELS.items(), strict=True):
            if kind == "smoothed" and title.startswith("bits"):
                continue
            at = np.array([[len(f.new[s].known) for s in options.shares] for f in results])
            values = np.array([[score(f, kind, s) for s in options.shares] for f in results])
            across[kind] = values
            color, marker = LOOKS[kind]
            ax.plot(at.mean(0) + shift, values.mean(0), color=color, zorder=2)
            ax.plot([], [], marker, ls="-", color=color, ms=5, label=label)
            ax.plot(at + shift, values, marker, color=color, ms=5, alpha=0.7, mec="w", mew=0.4)
        ax.set_xlabel(f"known trials of {NEW}")
        ax.set_ylabel(title)
        ax.set_xlim(0, None)
        if title.endswith(f"decoder of {OLD}"):
            ax.set_ylim(0, 1)
            lost = int((across["single"] < 0).sum())
            note = f"{lost} of {across['single'].size} of single models lie below 0"
            ax.text(0.03, 0.03, note, transform=ax.transAxes, fontsize="small")
        ax.spines[["top", "right"]].set_visible(False)
    handles = axes[0].get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="outside upper center", ncols=len(LABELS), frameon=False)
    options.figures.mkdir(parents=True, exist_ok=True)
    figure.savefig(options.figures / "stitched.png", dpi=120)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the recording")
    parser.add_argument("--folds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--inputs", type=int, default=2, help="inferred inputs of the models")
    parser.add_argument(
        "--shares", nargs="+", type=float, default=SHARES, help=f"of {NEW}'s trials"
    )
    parser.add_argument("--keep", type=Path, default=Path("inferred"))
    parser.add_argument("--figures", type=Path, help="folder to write the figure to")
    options = parser.parse_args()
    results = [Fold(options, fold) for fold in options.folds]
    each_day(options, results)
    across_days(options, results)
    if options.figures:
        draw(options, results)


if __name__ == "__main__":
    main()
