"""Write down the numbers that the project gives, and compare them after a change.

    python benchmarks/facts.py write [--file benchmarks/facts.json] [--only PREFIX ...]
    python benchmarks/facts.py compare [--file benchmarks/facts.json] [--only PREFIX ...]

Code is moved and renamed without any number changing. The facts are what a user sees:

- ``page/...``: each page of the documentation and README, run from top to bottom, LFADS trained
  for two epochs: what it prints, and each number, array and result that it leaves behind;
- ``command/...``: what README's commands print;
- ``benchmark/...``: the quick part of the benchmarks;
- ``case/...``: the scripts of a folder named by ``FIXEDPOINT_TF_CASES``, left out without it.

Times are left out. Numbers agree when they differ by less than 1e-6 of their size: the same
sums in another order, nothing else. ``compare`` prints a table of what changed and ends with
status 1 if anything did.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = {
    "flipflop": [["-m", "fixedpoint_tf", "flip_flop", "--out", "flipflop"]],
    "find": [
        ["-m", "fixedpoint_tf", "flip_flop", "--out", "flipflop", "--quiet"],
        ["-m", "fixedpoint_tf", "find", "flipflop/model.keras", "--out", "found"],
    ],
    "lfads_demo": [["-m", "lfads_tf", "demo", "--out", "lorenz"]],
}
BENCHMARKS = {
    "normal_forms": ["known_answers.py", "--only", "normal_forms"],
    "random_networks": ["known_answers.py", "--only", "random_networks"],
    "false_certificates": ["known_answers.py", "--only", "false_certificates"],
    "piecewise_linear": ["piecewise_linear.py", "--units", "2", "4", "--seeds", "1"],
}
NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])")
# The last columns of the tables of the benchmarks.
SECONDS = re.compile(r"(%\s+|\| yes \| )\d+(?:\.\d+)?( \|)?$", re.MULTILINE)
TIME = re.compile(r"\d+(?:\.\d+)?\s*(?:s|ms|seconds|minutes)\b")


def of_text(text: str) -> list[str]:
    """List the lines of a text, without times, progress bars and folders of this run."""
    text = re.sub(r"/\S*/", "", TIME.sub("(time)", text))
    text = SECONDS.sub(r"\1(time)\2", text)
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    # Which epochs are printed depends on the time; a bar is drawn by control characters.
    return [one for one in lines if not re.search("\x1b|\x08|^ *epoch .*,.*time", one)]


def of_value(value: Any) -> Any:
    """Summarise a value that a page leaves behind; None where it holds no number."""
    import numpy as np

    if isinstance(value, bool | int | str):
        return value if not isinstance(value, str) or len(value) < 200 else None
    if isinstance(value, float):
        return value
    if hasattr(value, "numpy") or isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
        if array.dtype.kind not in "biufc":
            return None
        if array.dtype.kind == "c":
            array = np.abs(array)
        held = array[np.isfinite(array)].astype(float)
        return [*array.shape, len(held), float(held.sum()), float(np.abs(held).sum())]
    if isinstance(value, dict) and value and all(isinstance(name, str) for name in value):
        return {name: of_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple) and 0 < len(value) < 100:
        return [of_value(part) for part in value]
    if type(value).__module__.split(".")[0] in ("fixedpoint_tf", "lfads_tf"):
        text = str(value)
        return None if " at 0x" in text else of_text(text)
    return None


def run_page(page: str) -> dict[str, Any]:
    """Run the code of a page in this process and collect its facts."""
    import contextlib
    import io

    import keras
    import numpy as np

    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from pages import runs

    text = (ROOT / page).read_text(encoding="utf-8")
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    names: dict[str, Any] = {"__name__": "__main__"}  # as dataclasses ask for
    if page == "README.md":  # what a reader of it has
        names["model"] = keras.Sequential([keras.Input((None, 2)), keras.layers.SimpleRNN(3)])
        names["inputs"] = rng.standard_normal((8, 20, 2))
        names["spikes"] = rng.poisson(0.5, (20, 10, 6))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for code, _ in runs(text):
            if "lfads_tf" in text:
                code = re.sub(r"\bepochs=\d+", "epochs=2", code)
            exec(compile(code, page, "exec", dont_inherit=True), names)
    facts: dict[str, Any] = {"printed": of_text(printed.getvalue())}
    for name, value in names.items():
        if not name.startswith("_") and (fact := of_value(value)) is not None:
            facts[name] = fact
    return facts


def run(arguments: list[str], folder: str) -> str:
    """Run Python in a folder and return what it prints."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MPLBACKEND": "Agg",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "PYTHONHASHSEED": "0",
    }
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        return "\n".join([done.stdout, f"ended with status {done.returncode}", *last])
    return done.stdout


def sources() -> dict[str, Any]:
    """Name each source of facts, with how it is run."""
    pages = ["README.md"]
    for path in sorted((ROOT / "docs").rglob("*.md")):
        parts = path.relative_to(ROOT / "docs").parts
        if parts[0] not in {"_build", "reference", "tutorials"}:
            if "```python" in path.read_text(encoding="utf-8"):
                pages.append(path.relative_to(ROOT).as_posix())
    named: dict[str, Any] = {f"page/{page}": ("page", page) for page in pages}
    named |= {f"command/{name}": ("runs", runs) for name, runs in COMMANDS.items()}
    for name, (script, *options) in BENCHMARKS.items():
        named[f"benchmark/{name}"] = ("runs", [[str(ROOT / "benchmarks" / script), *options]])
    if folder := os.environ.get("FIXEDPOINT_TF_CASES"):
        for script in sorted(Path(folder).glob("*.py")):
            named[f"case/{script.stem}"] = ("runs", [[str(script.resolve())]])
    return named


def collect(only: list[str]) -> dict[str, Any]:
    """Collect the facts of each source, in a process of its own."""
    facts = {}
    for name, (kind, what) in sources().items():
        if only and not name.startswith(tuple(only)):
            continue
        with tempfile.TemporaryDirectory() as folder:
            if kind == "page":
                text = run([str(Path(__file__).resolve()), "page", "--file", what], folder)
                line = next((row for row in text.splitlines() if row.startswith("{")), None)
                facts[name] = json.loads(line) if line else {"printed": of_text(text)}
            else:
                facts[name] = {"printed": of_text("".join(run(one, folder) for one in what))}
        print(f"{name}: {len(flatten(facts[name]))} facts", file=sys.stderr, flush=True)
    return facts


def flatten(value: Any, name: str = "") -> dict[str, Any]:
    """Name each number and text of nested facts."""
    if isinstance(value, dict):
        parts = [flatten(part, f"{name}/{key}") for key, part in value.items()]
    elif isinstance(value, list):
        parts = [flatten(part, f"{name}[{i}]") for i, part in enumerate(value)]
    else:
        return {name: value}
    return {key: fact for part in parts for key, fact in part.items()}


def agree(old: Any, new: Any) -> bool:
    """Compare two facts: numbers to 1e-6 of their size, texts but for their numbers."""
    if isinstance(old, str) and isinstance(new, str):
        if NUMBER.sub("#", old) != NUMBER.sub("#", new):
            return False
        pairs = zip(NUMBER.findall(old), NUMBER.findall(new), strict=True)
        return all(agree(float(a), float(b)) for a, b in pairs)
    if isinstance(old, int | float) and isinstance(new, int | float):
        return old == new or math.isclose(old, new, rel_tol=1e-6, abs_tol=1e-9)
    return bool(old == new)


def compare(old: dict[str, Any], new: dict[str, Any], only: list[str]) -> int:
    """Print what changed as a table and return how many facts did."""
    before = {n: v for n, v in old.items() if not only or n.startswith(tuple(only))}
    first, second = flatten(before), flatten(new)
    rows = [
        f"| {name} | {first.get(name, '(none)')} | {second.get(name, '(none)')} |"
        for name in {**first, **second}
        if name not in first or name not in second or not agree(first[name], second[name])
    ]
    print("\n".join(["| fact | before | now |", "|---|---|---|", *rows]) if rows else "")
    print(f"{len(first) - len(rows)} of {len(first)} facts as before")
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["write", "compare", "page"])
    parser.add_argument("--file", default=str(ROOT / "benchmarks" / "facts.json"))
    parser.add_argument("--only", nargs="+", default=[], metavar="PREFIX")
    options = parser.parse_args()
    if options.what == "page":
        print(json.dumps(run_page(options.file)))
        return
    facts = collect(options.only)
    path = Path(options.file)
    if options.what == "write":
        kept = {}
        if options.only and path.exists():
            kept = json.loads(path.read_text(encoding="utf-8"))
        text = json.dumps({**kept, **facts}, indent=1, sort_keys=True)
        path.write_text(text + "\n", encoding="utf-8")
    elif compare(json.loads(path.read_text(encoding="utf-8")), facts, options.only):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
