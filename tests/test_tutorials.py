"""The tutorials run from top to bottom."""

import json
import re
import runpy
from pathlib import Path

import pytest

TUTORIALS = sorted((Path(__file__).parents[1] / "tutorials").glob("*.py"))


#: What each tutorial must print: a pattern, and the limits of the numbers in it.
PRINTED = {
    "from_fixedpointfinder": ("27 fixed points: 8 stable", []),
    "integrator_rnn": (r"squared error of the sum: (\S+), of a variance", [(0.0, 2e-4)]),
}


def test_it_is_known_what_every_tutorial_prints():
    assert [path.stem for path in TUTORIALS] == sorted(PRINTED)


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_runs(path, capsys):
    pattern, limits = PRINTED[path.stem]
    runpy.run_path(str(path), run_name="__main__")
    found = re.search(pattern, capsys.readouterr().out)
    assert found
    for number, (lower, upper) in zip(found.groups(), limits, strict=True):
        assert lower <= float(number) <= upper


def code_cells(script):
    """The code cells of a percent script."""
    cells = script.read_text(encoding="utf-8").split("# %%")[1:]
    return [cell.strip() for cell in cells if not cell.startswith(" [markdown]")]


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_is_paired_with_its_executed_notebook(path):
    notebook = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert ["".join(cell["source"]).strip() for cell in cells] == code_cells(path)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
