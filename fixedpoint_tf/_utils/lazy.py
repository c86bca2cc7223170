"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["attach"]


def attach(
    package: str, names_of: Mapping[str, Sequence[str]], packages: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` of a package from where its names are defined.

    Args:
        package: ``__name__`` of the package.
        names_of: names to be found in the package, by the module that defines them.
        packages: sub-packages of it.

    Example:
        >>> get, names = attach("json", {"json.decoder": ["JSONDecoder"]}, ["encoder"])
        >>> get("JSONDecoder")().decode("[1, 2]")
        [1, 2]
        >>> names()
        ['JSONDecoder', 'encoder']
    """
    homes = {name: home for home, names in names_of.items() for name in names}

    def get(name: str) -> Any:
        if name in packages:
            return importlib.import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)
        return value

    return get, lambda: sorted([*homes, *packages])
