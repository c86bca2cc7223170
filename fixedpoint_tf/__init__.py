"""Fixed points of trained recurrent networks: find, prove, linearise and draw them.

    from fixedpoint_tf import FixedPointFinder

    finder = FixedPointFinder(model)  # a Keras model, layer, cell, or a function
    states = finder.simulate_model(inputs)
    starts = finder.sample_states(states, n_inits=1024, noise_scale=0.5)
    unique, every = finder.find_fixed_points(starts, constant_input)

What the points mean is asked by methods of the finder (``fixedpoint_tf.questions``), or by
the functions of the rooms that answer: ``certificates``, ``coverage``, ``deflation``,
``attractors``, ``cycles``, ``continuation``, ``connections``, ``basins``, ``sensitivity``,
``comparison``.

Importing the package loads nothing else: each name below, and each room, brings what it
needs when it is first used, so that results can be read and drawn where TensorFlow is not
wanted.
"""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fixedpoint_tf.adapters import as_system
    from fixedpoint_tf.certificates import certify
    from fixedpoint_tf.comparison import compare
    from fixedpoint_tf.config import FinderConfig
    from fixedpoint_tf.continuation import continue_in
    from fixedpoint_tf.cycles import find_cycles
    from fixedpoint_tf.deflation import search_deflated
    from fixedpoint_tf.finder import FixedPointFinder
    from fixedpoint_tf.fixed_points import FixedPoints
    from fixedpoint_tf.status import Status
    from fixedpoint_tf.system import DynamicalSystem

__version__ = "0.1.0"

__all__ = [
    "DynamicalSystem",
    "FinderConfig",
    "FixedPointFinder",
    "FixedPoints",
    "Status",
    "__version__",
    "as_system",
    "certify",
    "compare",
    "continue_in",
    "find_cycles",
    "search_deflated",
]

_HOMES = {
    "DynamicalSystem": "system",
    "FinderConfig": "config",
    "FixedPointFinder": "finder",
    "FixedPoints": "fixed_points",
    "Status": "status",
    "as_system": "adapters",
    "certify": "certificates",
    "compare": "comparison",
    "continue_in": "continuation",
    "find_cycles": "cycles",
    "search_deflated": "deflation",
}


def _rooms() -> set[str]:
    return {module.name for module in pkgutil.iter_modules(__path__)} - {"__main__"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    if name in _rooms():  # a room that is imported becomes an attribute by itself
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*__all__, *_rooms()})
