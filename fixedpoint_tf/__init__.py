"""Fixed points of trained recurrent networks: find, prove, linearise and draw them.

    from fixedpoint_tf import FixedPointFinder

    finder = FixedPointFinder(model)  # a Keras model, layer, cell, or a function
    states = finder.simulate_model(inputs)
    starts = finder.sample_states(states, n_inits=1024, noise_scale=0.5)
    unique, all_points = finder.find_fixed_points(starts, constant_input)

Methods of the finder analyse the points, as the functions of ``fixedpoint_tf.analysis`` do for
points of any origin.

Importing the package loads nothing else: each name below, and each sub-package, is loaded when
it is first used, so that results can be read and drawn without TensorFlow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixedpoint_tf._utils.lazy import attach

if TYPE_CHECKING:
    from fixedpoint_tf.config import FinderConfig
    from fixedpoint_tf.finder import FixedPointFinder
    from fixedpoint_tf.fixed_points.points import FixedPoints
    from fixedpoint_tf.fixed_points.search_end import SearchEnd
    from fixedpoint_tf.fixed_points.status import Status
    from fixedpoint_tf.systems.convert import as_system
    from fixedpoint_tf.systems.system import DynamicalSystem

__version__ = "0.1.0"

__all__ = [
    "DynamicalSystem",
    "FinderConfig",
    "FixedPointFinder",
    "FixedPoints",
    "SearchEnd",
    "Status",
    "__version__",
    "as_system",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "fixedpoint_tf.config": ["FinderConfig"],
        "fixedpoint_tf.finder": ["FixedPointFinder"],
        "fixedpoint_tf.fixed_points.points": ["FixedPoints"],
        "fixedpoint_tf.fixed_points.search_end": ["SearchEnd"],
        "fixedpoint_tf.fixed_points.status": ["Status"],
        "fixedpoint_tf.systems.convert": ["as_system"],
        "fixedpoint_tf.systems.system": ["DynamicalSystem"],
    },
    packages=["analysis", "linearization", "plotting", "tasks"],
)
