"""``python -m lfads_tf``: the demonstration, and LFADS from the command line.

``python -m lfads_tf demo``
    makes Lorenz spikes, fits them and compares the rates with the true ones;
``python -m lfads_tf fit DATA.h5 ... --out DIR``
    fits a model to the trials of a file, or one model to several sessions;
``python -m lfads_tf infer MODEL DATA.h5 --out FILE.h5``
    runs trials through a trained model;
``python -m lfads_tf report DIR``
    draws and measures the run in a folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; those of the process if None.

    Returns:
        The exit status, 0. Arguments or data that do not fit end the process with status 2.
    """
    parser = _parser()
    args = parser.parse_args(argv)

    import matplotlib

    matplotlib.use("Agg")  # Files only: a machine without a display will do.
    # Here, not above: TensorFlow takes seconds to load, which --help need not wait for.
    from lfads_tf.cli import commands

    def say(text: str) -> None:
        if not args.quiet:
            print(text, flush=True)

    given = {k: v for k, v in vars(args).items() if k not in ("command", "quiet")}
    try:
        if args.command == "demo":
            result = commands.demo(**given, say=say)
        elif args.command == "fit":
            settings = {
                "seed": given.pop("seed"),
                "n_inferred_inputs": given.pop("inferred_inputs"),
            }
            settings = {name: value for name, value in settings.items() if value is not None}
            settings |= given.pop("set")
            names = commands.fit(**given, settings=settings, say=say)
            result = (f"Next: python -m lfads_tf report {args.out}", names)
        elif args.command == "infer":
            result = (repr(commands.infer(**given, say=say)), [])
        else:
            result = commands.report(**given, say=say)
    except (OSError, TypeError, ValueError, FloatingPointError) as error:
        parser.exit(2, f"{parser.prog} {args.command}: error: {error}\n")
    text, names = result
    print(text)
    print(f"Written to {args.out}{': ' if names else ''}{', '.join(names)}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lfads_tf",
        description="Infer rates, factors and inputs from spikes (LFADS).",
    )
    commands = parser.add_subparsers(dest="command", required=True)

    demo = commands.add_parser("demo", help="fit simulated spikes with known rates")
    demo.add_argument("--out", type=Path, default=Path("lfads_tf_demo"), help=_FOLDER)
    demo.add_argument("--seed", type=int, default=0, help="seed of all random numbers")
    demo.add_argument(
        "--epochs", type=_positive, default=200, help="largest number (default: %(default)s)"
    )

    fit = commands.add_parser("fit", help="fit a model to the trials of files")
    _add_data(
        fit,
        nargs="*",
        help="trials, HDF5 or MATLAB; several files make one model of all sessions; with "
        "--resume none are needed",
    )
    fit.add_argument("--out", type=Path, required=True, help=_FOLDER)
    fit.add_argument(
        "--inferred-inputs",
        type=int,
        metavar="N",
        help="number of inferred inputs (default: 0)",
    )
    fit.add_argument(
        "--set",
        type=_setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any attribute of LFADSConfig, e.g. --set n_factors=20; may be repeated",
    )
    fit.add_argument("--epochs", type=_positive, help="largest number (default: 1000)")
    fit.add_argument(
        "--patience",
        type=_positive,
        metavar="EPOCHS",
        help="epochs without a better validation likelihood until training stops (default: 80)",
    )
    fit.add_argument("--batch-size", type=_positive, help="trials per batch (default: 64)")
    fit.add_argument(
        "--valid-fraction",
        type=float,
        help="share of trials for validation, if the file does not name them (default: 0.2)",
    )
    fit.add_argument("--seed", type=int, help="seed of all random numbers (default: 0)")
    held = fit.add_mutually_exclusive_group()
    held.add_argument(
        "--resume",
        action="store_true",
        help="continue the run in --out with its files and settings; --epochs and "
        "--patience may be others",
    )
    held.add_argument("--overwrite", action="store_true", help="replace a run in --out")

    infer = commands.add_parser(
        "infer", help="infer rates, factors and inputs of trials by a trained model"
    )
    infer.add_argument("model", type=Path, help="a .keras file, or the folder of a run")
    _add_data(infer, help="trials, HDF5 or MATLAB")
    infer.add_argument(
        "--session",
        metavar="NAME",
        help="session of the trials, for a model of several (default: the file's name)",
    )
    infer.add_argument(
        "--out", type=Path, required=True, metavar="FILE.h5", help="file to write"
    )
    infer.add_argument(
        "--split",
        choices=("all", "train", "valid", "test"),
        default="all",
        help="trials of the file (default: %(default)s)",
    )
    infer.add_argument(
        "--n-samples", type=int, default=50, help="samples of the posterior (default: 50)"
    )
    infer.add_argument("--seed", type=int, default=0, help="seed of the samples")
    infer.add_argument("--overwrite", action="store_true", help="replace FILE.h5")

    report = commands.add_parser("report", help="evaluate the run in a folder, with figures")
    report.add_argument(
        "out", type=Path, metavar="DIR", help="folder of the run, the --out of fit"
    )
    for command in (demo, fit, infer, report):
        command.add_argument("--quiet", action="store_true", help="print the result only")
    return parser


_FOLDER = "folder to write (default: %(default)s)"


def _add_data(parser: argparse.ArgumentParser, **options: Any) -> None:
    parser.add_argument("data", type=Path, metavar="DATA.h5", **options)
    parser.add_argument("--group", help="group of the file, e.g. day0/trials")
    parser.add_argument(
        "--axes",
        type=lambda text: text.split(","),
        metavar="AXES",
        help="order of the axes in the file, e.g. neurons,bins,trials (default: "
        "trials,bins,neurons)",
    )
    parser.add_argument(
        "--bin-width", type=float, help="width of a bin in seconds, if the file lacks it"
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer, received {text}.")
    return number


def _setting(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE; got {text}")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value  # a word, such as gaussian


if __name__ == "__main__":
    raise SystemExit(main())
