"""Pages that are made before each build: a page of reference a room, and the tutorials.

Both are written into folders that git ignores. That each page has its place in a table of
contents, and that each place has its page, Sphinx itself checks.
"""

from __future__ import annotations

import importlib
import pkgutil
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from sphinx.pycode import ModuleAnalyzer

PACKAGES = ("fixedpoint_tf", "lfads_tf")


def copy_tutorials(source: Path, target: Path) -> None:
    """The executed notebooks, which Sphinx only reads below its own folder."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for notebook in sorted(source.glob("*.ipynb")):
        shutil.copy2(notebook, target)


def write_reference(target: Path) -> dict[str, str]:
    """A page for every room of both packages: ``api/fixedpoint_tf.finder.md`` and so on.

    A page that would say the same is left alone, so that a second build has less to read.

    Returns:
        Where names are documented: the name under which users import it, by the name of
        the module that it is written in.
    """
    target.mkdir(exist_ok=True)
    pages, public = {}, {}
    for package in PACKAGES:
        for room in pkgutil.iter_modules(importlib.import_module(package).__path__):
            if room.name != "__main__":
                name = f"{package}.{room.name}"
                pages[f"{name}.md"] = _page(package, name, public)
    for old in set(target.glob("*")) - {target / page for page in pages}:
        old.unlink()
    for page, text in pages.items():
        path = target / page
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return public


def _page(package: str, name: str, public: dict[str, str]) -> str:
    room, *inner = _modules(name)
    homes = {module.__name__ for module in (room, *inner)}
    lines = [f"# {name}", "", "```{eval-rst}", *_about(room)]
    # Shortest first: names as users import them, from the package or from the room.
    for where in (importlib.import_module(package), room):
        for short in getattr(where, "__all__", ()):
            home = _home(getattr(where, short))
            if home and home.rpartition(".")[0] in homes and home not in public:
                public[home] = f"{where.__name__}.{short}"
                lines += _entry(public[home], getattr(where, short))
    for module in (room, *inner):
        rest = [
            (f"{module.__name__}.{key}", value)
            for key, value in vars(module).items()
            if not key.startswith("_")
            and _home(value) == f"{module.__name__}.{key}"
            and _home(value) not in public
            and value.__doc__
        ]
        constants = [
            f"{module.__name__}.{key}"
            for (scope, key) in ModuleAnalyzer.for_module(module.__name__).find_attr_docs()
            if not scope and not key.startswith("_")
        ]
        if module is not room and (rest or constants):
            lines += [f".. rubric:: {module.__name__}", "", *_about(module)]
        for constant in constants:
            lines += [f".. autodata:: {constant}", "   :no-value:", ""]
        for full, value in rest:
            lines += _entry(full, value)
    return "\n".join([*lines, "```", ""])


def _modules(name: str) -> Iterator[ModuleType]:
    """A room and, where it is a package, the modules in it."""
    module = importlib.import_module(name)
    yield module
    for inner in pkgutil.walk_packages(getattr(module, "__path__", []), f"{name}."):
        yield importlib.import_module(inner.name)


def _home(value: object) -> str | None:
    """The full name of a class or function where it is written; None of anything else."""
    names = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    return ".".join(names) if callable(value) and all(names) else None


def _about(module: ModuleType) -> list[str]:
    return [f".. automodule:: {module.__name__}", "   :no-members:", ""]


def _entry(full: str, value: object) -> list[str]:
    if isinstance(value, type):
        return [f".. autoclass:: {full}", "   :members:", ""]
    return [f".. autofunction:: {full}", ""]
