"""The tutorials run from top to bottom."""

import json
import runpy
from pathlib import Path

import pytest

TUTORIALS = sorted((Path(__file__).parents[1] / "tutorials").glob("*.py"))


def test_every_tutorial_was_found():
    assert [path.name for path in TUTORIALS] == ["from_fixedpointfinder.py"]


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_tutorial_runs(path, capsys):
    runpy.run_path(str(path), run_name="__main__")
    assert "27 fixed points: 8 stable" in capsys.readouterr().out


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
