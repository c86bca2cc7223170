"""``python -m fixedpoint_tf``: the demonstration, and a search from the command line.

``python -m fixedpoint_tf flipflop``
    trains a network on the 3-bit flip-flop and finds its 27 fixed points;
``python -m fixedpoint_tf find MODEL.keras``
    finds those of a saved model.

Both print the result in one line and write the figures and the points into ``--out``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from fixedpoint_tf import trajectories
from fixedpoint_tf.finder import FixedPointFinder
from fixedpoint_tf.fixed_points import FixedPoints
from fixedpoint_tf.tasks import flip_flop, train_flip_flop

__all__ = ["main"]

N_BITS = 3
N_TRIALS = 128
# Trajectories seldom come near saddles, so the starting states are spread widely about
# them (Golub & Sussillo 2018).
NOISE_SCALE = 0.5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; those of the process if None.

    Returns:
        The exit status: 0, or 2 where the arguments do not fit the model.
    """
    parser = _parser()
    args = parser.parse_args(argv)
    try:
        args.run(args)
    except (TypeError, ValueError) as error:
        parser.exit(2, f"{parser.prog} {args.command}: error: {error}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fixedpoint_tf",
        description="Find the fixed points of recurrent neural networks.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "flipflop", help="train a network on the 3-bit flip-flop and find its fixed points"
    )
    demo.set_defaults(run=_run_flipflop)
    _add_shared(demo, out="fixedpoint_tf_flipflop")
    demo.add_argument(
        "--epochs", type=_positive, default=100, help="of training (default: %(default)s)"
    )

    find = commands.add_parser("find", help="find the fixed points of a saved Keras model")
    find.set_defaults(run=_run_find)
    find.add_argument("model", type=Path, metavar="MODEL.keras", help="a saved keras.Model")
    _add_shared(find, out="fixedpoint_tf_find")
    find.add_argument("--layer", help="name of the RNN layer, for a model that has several")
    find.add_argument(
        "--input",
        type=float,
        nargs="+",
        metavar="U",
        help="the constant input to study, a number for each input (default: zeros)",
    )
    find.add_argument(
        "--drive",
        type=Path,
        metavar="FILE.npy",
        help="inputs (n_trials, n_time, n_inputs) to run the network on: the search starts "
        "about the states it then visits (default: white noise of standard deviation 1)",
    )
    return parser


def _add_shared(parser: argparse.ArgumentParser, *, out: str) -> None:
    add = parser.add_argument
    add("--out", type=Path, default=Path(out), help="folder to write (default: %(default)s)")
    add("--seed", type=int, default=0, help="of all that is random (default: %(default)s)")
    add(
        "--n-inits",
        type=_positive,
        default=1024,
        help="number of states to search from (default: %(default)s)",
    )
    add("--quiet", action="store_true", help="print the result only")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a positive integer; got {text}")
    return number


def _run_flipflop(args: argparse.Namespace) -> None:
    def say(text: str) -> None:
        if not args.quiet:
            print(text, flush=True)

    def report(epoch: int, logs: dict[str, float]) -> None:
        if (epoch + 1) % 20 == 0:
            say(f"  epoch {epoch + 1:3d}: mean squared error {logs['loss']:.4f}")

    say(f"Training a network of 24 tanh units on the {N_BITS}-bit flip-flop ...")
    start = time.perf_counter()
    progress = keras.callbacks.LambdaCallback(on_epoch_end=report)
    model = train_flip_flop(args.seed, n_bits=N_BITS, epochs=args.epochs, callbacks=[progress])
    say(f"  trained in {time.perf_counter() - start:.1f} s")

    drive, _ = flip_flop(np.random.default_rng(args.seed + 1), N_TRIALS, n_bits=N_BITS)
    finder = FixedPointFinder(model, random_seed=args.seed, verbose=not args.quiet)
    unique, found, states = _search(finder, drive, np.zeros((1, N_BITS)), args.n_inits, say)

    figures = _figures(unique, found, states)
    bits = np.asarray(model.get_layer("readout")(unique.xstar.astype(np.float32)))
    face = unique[np.abs(bits[:, -1] - 1.0) < 0.5]  # points that remember +1 in the last bit
    if _spans_plane(face):
        figures["flow"] = _plot_flow(finder, face)
    args.out.mkdir(parents=True, exist_ok=True)
    model.save(args.out / "model.keras")
    _write(args.out, unique, figures)


def _run_find(args: argparse.Namespace) -> None:
    def say(text: str) -> None:
        if not args.quiet:
            print(text, flush=True)

    finder = FixedPointFinder(
        args.model, layer=args.layer, random_seed=args.seed, verbose=not args.quiet
    )
    n_inputs = finder.system.n_inputs
    constant = np.zeros((1, n_inputs)) if args.input is None else np.array([args.input])
    if args.drive is None:
        rng = np.random.default_rng(args.seed)
        drive = rng.standard_normal((N_TRIALS, 64, n_inputs))
    else:
        drive = np.load(args.drive, allow_pickle=False)
    unique, found, states = _search(finder, drive, constant, args.n_inits, say)
    args.out.mkdir(parents=True, exist_ok=True)
    _write(args.out, unique, _figures(unique, found, states))


def _search(finder, drive, constant, n_inits, say):
    """Run the network, start the search about the states it visits."""
    states = trajectories.run(finder.system, drive)
    initial = finder.sample_states(states, n_inits, noise_scale=NOISE_SCALE)
    say(f"Searching from {n_inits:,} states at the input {constant[0].tolist()} ...")
    start = time.perf_counter()
    unique, found = finder.find_fixed_points(initial, constant)
    say(f"  searched in {time.perf_counter() - start:.1f} s")
    return unique, found, states


def _figures(unique: FixedPoints, found: FixedPoints, states: np.ndarray) -> dict:
    import matplotlib

    matplotlib.use("Agg")  # Files only: a machine without a display will do.
    from fixedpoint_tf import plotting

    shown = range(min(30, len(states)))
    return {
        "state_space": plotting.plot_fixed_points(
            unique, states, plot_batch_idx=list(shown), plot_start_time=10
        )[0],
        "eigenvalues": plotting.plot_eigenvalues(unique)[0],
        "q": plotting.plot_q(found)[0],
    }


def _spans_plane(points: FixedPoints) -> bool:
    return points.n >= 3 and np.linalg.matrix_rank(points.xstar - points.xstar[0]) >= 2


def _plot_flow(finder: FixedPointFinder, points: FixedPoints):
    from fixedpoint_tf import plotting

    return plotting.plot_flow(finder.system, points)[0]


def _write(out: Path, unique: FixedPoints, figures: dict) -> None:
    unique.save(out / "fixed_points.h5")
    for name, figure in figures.items():
        figure.savefig(out / f"{name}.png", dpi=120)
    print(unique)
    names = ", ".join(["fixed_points.h5", *(f"{name}.png" for name in figures)])
    print(f"Written to {out}: {names}")


if __name__ == "__main__":
    raise SystemExit(main())
