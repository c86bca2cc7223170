"""What the pages of the documentation show is true of this checkout, and runs."""

import dataclasses
import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from pages import runs

from fixedpoint_tf import Status
from lfads_tf import LFADSConfig

DOCS = Path(__file__).parents[2] / "docs"
WITHOUT_CODE = {"_build", "reference", "tutorials"}  # docstrings and notebooks have it
ALL = sorted(DOCS.rglob("*.md"))
PAGES = [page for page in ALL if page.relative_to(DOCS).parts[0] not in WITHOUT_CODE]
WITH_CODE = [page for page in PAGES if runs(page.read_text(encoding="utf-8"))]


def name(page):
    return page.relative_to(DOCS).with_suffix("").as_posix()


def shortened(code):
    """The same with less training, and without the seconds that XLA takes to compile."""
    code = re.sub(r"\bepochs=\d+", "epochs=1", code)
    return code.replace(".compile()", ".compile(jit_compile=False)")


def test_every_page_that_shows_how_has_code():
    with_code = {name(page) for page in WITH_CODE}
    for page in PAGES:
        if page.parent != DOCS and name(page) != "concepts/choosing":
            assert name(page) in with_code


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_CODE, ids=name)
def test_the_code_of_a_page_runs(page, monkeypatch, tmp_path, capsys):
    """All of it, from top to bottom; a block of text below one is what it prints."""
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for code, printed in runs(page.read_text(encoding="utf-8")):
        capsys.readouterr()
        exec(compile(shortened(code), str(page), "exec"), names)
        if printed is not None:
            assert capsys.readouterr().out == printed
    plt.close("all")


def test_defaults_are_those_of_the_configuration():
    defaults = {field.name: field.default for field in dataclasses.fields(LFADSConfig)}
    text = (DOCS / "concepts" / "choosing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `?([^|`]+)`? \|", text, flags=re.MULTILINE)
    assert len(rows) > 10
    for field, default in rows:
        assert str(defaults[field]) == default.strip('"'), field


def test_every_status_is_explained():
    text = (DOCS / "concepts" / "speed.md").read_text(encoding="utf-8")
    for status in Status:
        assert f"| `{status.name}` |" in text
