"""What may be asked about the points that a search found, as methods of the finder.

Each method hands the finder's network to the room that answers, and loads that room only
then. The answers are described there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fixedpoint_tf.analysis.attractors import Attractors
    from fixedpoint_tf.analysis.basins import Basins
    from fixedpoint_tf.analysis.certificates import Certificates
    from fixedpoint_tf.analysis.completeness.coverage import Coverage
    from fixedpoint_tf.analysis.completeness.deflation import Deflated
    from fixedpoint_tf.analysis.connections import Connections
    from fixedpoint_tf.analysis.continuation import Branches
    from fixedpoint_tf.analysis.cycles import Cycles
    from fixedpoint_tf.analysis.sensitivity import LinearError, Sensitivity
    from fixedpoint_tf.config import FinderConfig
    from fixedpoint_tf.fixed_points.points import FixedPoints
    from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["Questions"]


class Questions:
    """Questions about the points of one network; ``points`` are those of its search.

    Options are those of the functions named. ``verbose`` is by default what the finder was
    made with.
    """

    system: DynamicalSystem
    config: FinderConfig

    def _with_verbose(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"verbose": self.config.verbose, **options}

    def certify(self, points: FixedPoints, **options: Any) -> Certificates:
        """Is each truly a fixed point?

        See :func:`fixedpoint_tf.analysis.certify`.
        """
        from fixedpoint_tf.analysis.certificates import certify

        return certify(self.system, points, **self._with_verbose(options))

    def estimate_coverage(self, every: FixedPoints, **options: Any) -> Coverage:
        """Have all been found? See
        :func:`fixedpoint_tf.analysis.estimate_coverage`.

        Args:
            every: the second result of ``find_fixed_points``: where each start ended.
        """
        from fixedpoint_tf.analysis.completeness.coverage import estimate_coverage

        return estimate_coverage(every, **{"system": self.system, **options})

    def search_deflated(self, points: FixedPoints, **options: Any) -> Deflated:
        """Look away from these. See
        :func:`fixedpoint_tf.analysis.search_deflated`."""
        from fixedpoint_tf.analysis.completeness.deflation import search_deflated

        return search_deflated(self.system, points, **self._with_verbose(options))

    def sample_slow_states(
        self, states: Any, inputs: Any = None, **options: Any
    ) -> FixedPoints:
        """Where do states linger?

        See :func:`fixedpoint_tf.analysis.sample_slow_states`.
        """
        from fixedpoint_tf.analysis.attractors.slow_states import sample_slow_states

        return sample_slow_states(self.system, states, inputs, **self._with_verbose(options))

    def classify_attractors(self, points: FixedPoints, **options: Any) -> Attractors:
        """Points, lines, rings, planes? See
        :func:`fixedpoint_tf.analysis.classify_attractors`.

        Args:
            points: either result of ``find_fixed_points``, or ``sample_slow_states``, or both
                joined by ``FixedPoints.concatenate([unique, slow], common=True)``.
        """
        from fixedpoint_tf.analysis.attractors import classify_attractors

        return classify_attractors(self.system, points, **self._with_verbose(options))

    def find_cycles(self, states: Any, inputs: Any = None, **options: Any) -> Cycles:
        """Does it oscillate? See :func:`fixedpoint_tf.analysis.find_cycles`."""
        from fixedpoint_tf.analysis.cycles import find_cycles

        return find_cycles(self.system, states, inputs, **self._with_verbose(options))

    def continue_branches(self, points: FixedPoints, path: Any, **options: Any) -> Branches:
        """Where does the input move them?

        See :func:`fixedpoint_tf.analysis.continue_branches`.
        """
        from fixedpoint_tf.analysis.continuation import continue_branches

        return continue_branches(self.system, points, path, **self._with_verbose(options))

    def find_connections(self, points: FixedPoints, **options: Any) -> Connections:
        """What leads where? See :func:`fixedpoint_tf.analysis.find_connections`."""
        from fixedpoint_tf.analysis.connections import find_connections

        return find_connections(self.system, points, **self._with_verbose(options))

    def estimate_basins(
        self, points: FixedPoints, states: Any, inputs: Any = None, **options: Any
    ) -> Basins:
        """Where does each state go? See :func:`fixedpoint_tf.analysis.estimate_basins`."""
        from fixedpoint_tf.analysis.basins import estimate_basins

        return estimate_basins(
            self.system, points, states, inputs, **self._with_verbose(options)
        )

    def analyze_sensitivity(
        self, points: FixedPoints, readout: Any = None, **options: Any
    ) -> Sensitivity:
        """What does it listen to?

        See :func:`fixedpoint_tf.analysis.analyze_sensitivity`.
        """
        from fixedpoint_tf.analysis.sensitivity import analyze_sensitivity

        return analyze_sensitivity(self.system, points, readout, **self._with_verbose(options))

    def linear_error(self, points: FixedPoints, **options: Any) -> LinearError:
        """Where does linearisation hold?

        See :func:`fixedpoint_tf.analysis.linear_error`.
        """
        from fixedpoint_tf.analysis.sensitivity import linear_error

        return linear_error(self.system, points, **self._with_verbose(options))
