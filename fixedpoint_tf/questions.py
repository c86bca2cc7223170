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

        See :func:`fixedpoint_tf.analysis.certificates.certify`.
        """
        from fixedpoint_tf.analysis.certificates import certify

        return certify(self.system, points, **self._with_verbose(options))

    def coverage(self, every: FixedPoints, **options: Any) -> Coverage:
        """Have all been found? See
        :func:`fixedpoint_tf.analysis.completeness.coverage.coverage`.

        Args:
            every: the second result of ``find_fixed_points``: where each start ended.
        """
        from fixedpoint_tf.analysis.completeness.coverage import coverage

        return coverage(every, **{"system": self.system, **options})

    def search_deflated(self, points: FixedPoints, **options: Any) -> Deflated:
        """Look away from these. See
        :func:`fixedpoint_tf.analysis.completeness.deflation.search_deflated`."""
        from fixedpoint_tf.analysis.completeness.deflation import search_deflated

        return search_deflated(self.system, points, **self._with_verbose(options))

    def slow_states(self, states: Any, inputs: Any = None, **options: Any) -> FixedPoints:
        """Where do states linger?

        See :func:`fixedpoint_tf.analysis.attractors.slow_states.slow_states`.
        """
        from fixedpoint_tf.analysis.attractors.slow_states import slow_states

        return slow_states(self.system, states, inputs, **self._with_verbose(options))

    def attractors(self, points: FixedPoints, **options: Any) -> Attractors:
        """Points, lines, rings, planes? See
        :func:`fixedpoint_tf.analysis.attractors.attractors`.

        Args:
            points: either result of ``find_fixed_points``, or ``slow_states``, or both
                joined by ``FixedPoints.concatenate([unique, slow], common=True)``.
        """
        from fixedpoint_tf.analysis.attractors import attractors

        return attractors(self.system, points, **self._with_verbose(options))

    def find_cycles(self, states: Any, inputs: Any = None, **options: Any) -> Cycles:
        """Does it oscillate? See :func:`fixedpoint_tf.analysis.cycles.find_cycles`."""
        from fixedpoint_tf.analysis.cycles import find_cycles

        return find_cycles(self.system, states, inputs, **self._with_verbose(options))

    def continue_in(self, points: FixedPoints, path: Any, **options: Any) -> Branches:
        """Where does the input move them?

        See :func:`fixedpoint_tf.analysis.continuation.continue_in`.
        """
        from fixedpoint_tf.analysis.continuation import continue_in

        return continue_in(self.system, points, path, **self._with_verbose(options))

    def connections(self, points: FixedPoints, **options: Any) -> Connections:
        """What leads where? See :func:`fixedpoint_tf.analysis.connections.connections`."""
        from fixedpoint_tf.analysis.connections import connections

        return connections(self.system, points, **self._with_verbose(options))

    def basins(
        self, points: FixedPoints, states: Any, inputs: Any = None, **options: Any
    ) -> Basins:
        """Where does each state go? See :func:`fixedpoint_tf.analysis.basins.basins`."""
        from fixedpoint_tf.analysis.basins import basins

        return basins(self.system, points, states, inputs, **self._with_verbose(options))

    def sensitivity(
        self, points: FixedPoints, readout: Any = None, **options: Any
    ) -> Sensitivity:
        """What does it listen to?

        See :func:`fixedpoint_tf.analysis.sensitivity.sensitivity`.
        """
        from fixedpoint_tf.analysis.sensitivity import sensitivity

        return sensitivity(self.system, points, readout, **self._with_verbose(options))

    def linear_error(self, points: FixedPoints, **options: Any) -> LinearError:
        """Where does linearisation hold?

        See :func:`fixedpoint_tf.analysis.sensitivity.linear_error`.
        """
        from fixedpoint_tf.analysis.sensitivity import linear_error

        return linear_error(self.system, points, **self._with_verbose(options))
