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

from typing import TYPE_CHECKING

from fixedpoint_tf._utils.lazy import attach

if TYPE_CHECKING:
    from fixedpoint_tf.analysis.certificates import certify
    from fixedpoint_tf.analysis.comparison.comparing import compare
    from fixedpoint_tf.analysis.completeness.deflation import search_deflated
    from fixedpoint_tf.analysis.continuation import continue_in
    from fixedpoint_tf.analysis.cycles import find_cycles
    from fixedpoint_tf.config import FinderConfig
    from fixedpoint_tf.finder import FixedPointFinder
    from fixedpoint_tf.fixed_points.points import FixedPoints
    from fixedpoint_tf.fixed_points.status import Status
    from fixedpoint_tf.systems.convert import as_system
    from fixedpoint_tf.systems.system import DynamicalSystem

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

__getattr__, __dir__ = attach(
    __name__,
    {
        "fixedpoint_tf.analysis.certificates": ["certify"],
        "fixedpoint_tf.analysis.comparison.comparing": ["compare"],
        "fixedpoint_tf.analysis.completeness.deflation": ["search_deflated"],
        "fixedpoint_tf.analysis.continuation": ["continue_in"],
        "fixedpoint_tf.analysis.cycles": ["find_cycles"],
        "fixedpoint_tf.config": ["FinderConfig"],
        "fixedpoint_tf.finder": ["FixedPointFinder"],
        "fixedpoint_tf.fixed_points.points": ["FixedPoints"],
        "fixedpoint_tf.fixed_points.status": ["Status"],
        "fixedpoint_tf.systems.convert": ["as_system"],
        "fixedpoint_tf.systems.system": ["DynamicalSystem"],
    },
    packages=["analysis", "linearization", "plotting", "tasks"],
)
