"""Published and exact answers beside what ``fixedpoint_tf`` finds.

    python benchmarks/known_answers.py [--only PART ...] [--seeds 0 1 2] [--data DIR]

The parts: the tasks of ``fixedpoint_tf.tasks`` by name, each trained here with its default
recipe; ``normal_forms``, maps and flows whose points, folds, periods and multipliers are known
exactly; ``random_networks``; ``false_certificates``, slow points made on purpose, of which
none may be certified; and, given a folder of the networks, ``shared_networks``: trained
elsewhere, with their fixed points enumerated.

Prints a line for each fact: what is known, what was found, and whether they agree. Seconds are
those of the search and of all questions, training aside.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import answers_of_maps
import answers_of_tasks
from answers import Fact

PARTS: dict[str, Callable[[int], list[Fact]]] = {
    **answers_of_tasks.PARTS,
    **answers_of_maps.PARTS,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=[*PARTS, "shared_networks"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--data", type=Path, help="folder of the networks trained elsewhere")
    options = parser.parse_args()
    parts = dict(PARTS)
    if options.data is not None:
        parts["shared_networks"] = partial(answers_of_maps.shared_networks, options.data)
    chosen = options.only or list(parts)
    print("| case | seed | known | found | agree | s |")
    print("|---|---|---|---|---|---|")
    n, agreed = 0, 0
    for name in chosen:
        for seed in options.seeds if name in answers_of_tasks.PARTS else [0]:
            begin = time.perf_counter()
            facts = parts[name](seed)
            seconds = time.perf_counter() - begin
            for fact in facts:
                case, known, found, agrees, trained = fact
                took = f"{seconds - trained:.0f}" if fact is facts[0] else ""
                yes = "yes" if agrees else "**no**"
                print(f"| {case} | {seed} | {known} | {found} | {yes} | {took} |", flush=True)
                n, agreed = n + 1, agreed + bool(agrees)
    print(f"\n{agreed} of {n} facts agree.")


if __name__ == "__main__":
    main()
