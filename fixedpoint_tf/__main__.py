"""``python -m fixedpoint_tf``: the demonstration, and a search from the command line.

``python -m fixedpoint_tf flip_flop``
    trains a network on the 3-bit flip-flop and finds its 27 fixed points;
``python -m fixedpoint_tf TASK``
    trains a network on another task of the field and finds the fixed points at its inputs;
``python -m fixedpoint_tf find MODEL.keras``
    finds those of a saved model (with cells or layers of your own: ``--import FILE.py``).

Each prints the result and writes the figures and the points into ``--out``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

__all__ = ["TASKS", "main"]

#: The tasks beside the flip-flop, by name: here, so that --help needs no TensorFlow.
TASKS = {
    "sine_waves": "sine waves of a frequency that a static input chooses",
    "two_point_average": "the moving average of white noise over two steps",
    "pulse_average": "the average of the last two pulses",
    "white_noise_integration": "the running sum of white noise",
    "binary_decision": "the sign of the sum of white noise",
    "context_dependent_integration": "the running sum of the stream that a context names",
    "ring_integration": "the heading that an angular velocity leads to",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; those of the process if None.

    Returns:
        The exit status, 0. Arguments that do not fit end the process with status 2.
    """
    parser = _parser()
    args = parser.parse_args(argv)

    import matplotlib

    matplotlib.use("Agg")  # Files only: a machine without a display will do.
    # Here, not above: TensorFlow takes seconds to load, which --help need not wait for.
    from fixedpoint_tf.cli import commands

    def say(text: str) -> None:
        if not args.quiet:
            print(text, flush=True)

    shared = {
        "seed": args.seed,
        "n_inits": args.n_inits,
        "verbose": not args.quiet,
        "say": say,
    }
    try:
        if args.command == "flip_flop":
            unique, names = commands.demonstrate(args.out, epochs=args.epochs, **shared)
        elif args.command in TASKS:
            unique, names = commands.study(
                args.command,
                args.out,
                cell=args.cell,
                units=args.units,
                epochs=args.epochs,
                **shared,
            )
        else:
            unique, names = commands.find(
                args.model,
                args.out,
                layer=args.layer,
                constant_input=args.input,
                drive=args.drive,
                imported=args.imported,
                **shared,
            )
    except (OSError, TypeError, ValueError) as error:
        parser.exit(2, f"{parser.prog} {args.command}: error: {error}\n")
    print(unique)
    print(f"Written to {args.out}: {', '.join(names)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fixedpoint_tf",
        description="Find the fixed points of recurrent neural networks.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser(
        "flip_flop", help="train a network on the 3-bit flip-flop and find its fixed points"
    )
    _add_shared(demo, out="fixedpoint_tf_flip_flop")
    demo.add_argument(
        "--epochs",
        type=_positive,
        default=100,
        help="epochs of training (default: %(default)s)",
    )

    for name, doing in TASKS.items():
        task = commands.add_parser(name, help=f"the same with {doing}")
        _add_shared(task, out=f"fixedpoint_tf_{name}")
        task.add_argument("--cell", help="tanh, gru or lstm (default: the task's own)")
        for option, of in (
            ("--units", "number of recurrent units"),
            ("--epochs", "epochs of training"),
        ):
            task.add_argument(option, type=_positive, help=f"{of} (default: the task's own)")

    find = commands.add_parser("find", help="find the fixed points of a saved Keras model")
    find.add_argument("model", type=Path, metavar="MODEL.keras", help="a saved keras.Model")
    _add_shared(find, out="fixedpoint_tf_find")
    find.add_argument("--layer", help="name of the RNN layer, for a model that has several")
    find.add_argument(
        "--input",
        type=float,
        nargs="+",
        metavar="U",
        help="constant input of the model, one number for each of its inputs, under which its "
        "RNN layer is analysed (default: zeros; without --drive, zeros at the RNN layer)",
    )
    find.add_argument(
        "--drive",
        type=Path,
        metavar="FILE.npy",
        help="inputs of the model (n_trials, n_time, n_inputs): the search starts around the "
        "states that the model visits under them; for several inputs a FILE.npz with their "
        "names (default: white noise of standard deviation 1 at the RNN layer)",
    )
    find.add_argument(
        "--import",
        dest="imported",
        type=Path,
        metavar="FILE.py",
        help="a Python file that is run first: it defines the model's own layers and cells "
        "(and trains nothing when it is imported)",
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
        raise argparse.ArgumentTypeError(
            f"expected a whole number of at least 1, received {text}."
        )
    return number


if __name__ == "__main__":
    raise SystemExit(main())
