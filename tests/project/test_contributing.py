"""Files and folders named in CONTRIBUTING and in the layout exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LAYOUT = (ROOT / "docs/reference/layout.md").read_text(encoding="utf-8")


def code(text):
    return set(re.findall(r"`([^`\n]+)`", text))


def paths(text):
    """Names with a slash or a suffix; commands have spaces."""
    return {
        name for name in code(text) if re.fullmatch(r"[\w./<>*]*(/|\.py|\.md)[\w./<>*]*", name)
    }


def links(text):
    return {link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link}


def test_contributing_names_existing_files():
    named = paths(CONTRIBUTING)
    assert len(named) > 30
    for name in named | links(CONTRIBUTING):
        # A new file has a name like <cell>.py and lies in a folder that exists.
        folder = name.partition("<")[0] if "<" in name else name
        assert list(ROOT.glob(folder)), name


@pytest.mark.parametrize("package", ["fixedpoint_tf", "lfads_tf"])
def test_the_layout_names_existing_files(package):
    section = LAYOUT.partition(f"## {package}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`.+`) \| (.+) \|$", section, flags=re.MULTILINE)
    named = set()
    for first, contents in rows:
        for name in code(first):
            assert (ROOT / package / name).exists(), name
            named.add(name.strip("/"))
        for name in paths(contents):
            assert (ROOT / package / first.strip("`") / name).exists(), f"{first}: {name}"
    there = {
        path.name
        for path in (ROOT / package).iterdir()
        if path.suffix == ".py" or (path.is_dir() and path.name != "__pycache__")
    }
    assert named == there - {"__init__.py"}


@pytest.mark.parametrize("package", ["fixedpoint_tf", "lfads_tf"])
def test_tests_mirror_the_folders(package):
    for folder in (ROOT / "tests" / package).iterdir():
        if folder.is_dir() and folder.name not in ("__pycache__", "data"):
            assert (ROOT / package / folder.name).is_dir(), folder.name


def test_commands_of_contributing_are_those_of_the_readme_and_of_ci():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = code(CONTRIBUTING)
    assert "python -m pytest -n 2 --dist worksteal" in commands
    assert "python -m pytest -n 2 --dist worksteal\n" in readme
    for part in ("ruff check .", "mypy", "python docs/links.py", "sphinx-build -W"):
        assert any(part in command for command in commands), part
        assert part in ci, part
