"""Python files of the user, which define the classes of a saved model."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

__all__ = ["run_file"]


def run_file(path: Path) -> dict[str, Any]:
    """Run a Python file as a module and return the classes and functions that it defines.

    Args:
        path: the file. Modules beside it can be imported by it.

    Raises:
        ValueError: no Python file, one that fails, or one called like a module in use.

    Example:
        >>> run_file(Path("cells.txt"))
        Traceback (most recent call last):
        ...
        ValueError: --import: expected a Python file, FILE.py, received 'cells.txt'.
    """
    if path.suffix != ".py" or not path.is_file():
        raise ValueError(f"--import: expected a Python file, FILE.py, received {str(path)!r}.")
    other = sys.modules.get(path.stem)
    if other is not None and getattr(other, "__file__", None) != str(path):
        raise ValueError(
            f"--import: expected a name of no other module, received {str(path)!r}; rename it."
        )
    spec: Any = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    before = list(sys.path)
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[path.stem] = module  # where Keras and dataclasses look for its classes
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with the file
        del sys.modules[path.stem]
        raise ValueError(
            f"--import: expected a Python file that runs, received {str(path)!r}: {error!r}"
        ) from error
    finally:
        sys.path[:] = before
    return {
        name: value
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == path.stem
    }
