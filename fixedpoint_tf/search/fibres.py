"""Directional fibres of a search: the states and directions of the next ones.

Where Newton's method seldom arrives, a fibre that begins at a known fixed point runs through
several others, saddles and all; one that begins at any other state may reach fixed points that
no fibre connects with the known ones. :mod:`.solvers.fibres` follows them.
"""

from __future__ import annotations

import collections
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf.search.solvers import fibres
from fixedpoint_tf.search.starts.distributions import ball_states, preimage_states
from fixedpoint_tf.systems.kinks.sides import is_smooth

if TYPE_CHECKING:
    import fixedpoint_tf.search.search

__all__ = ["Fibres"]

FROM_STATES = 0.25  # share of the fibres that begin at no known point
REACH = 3.0  # half-widths from the middle, to which fibres are followed: they come back
MAX_STEPS = (
    256  # each way; longer ones are no better than new ones from the points found by then
)


class Fibres:
    """Fibres of one search.

    Args:
        search: the search; its descents say within which box.
        centre: ``(n_states,)``, of where states are drawn.
        half: ``(n_states,)``, half its widths.
        rng: source of randomness.
    """

    def __init__(
        self,
        search: fixedpoint_tf.search.search.Search,
        centre: np.ndarray,
        half: np.ndarray,
        rng: np.random.Generator,
    ):
        self.search, self.centre, self.half, self.rng = search, centre, half, rng
        self.problem = search.descents.widest.settled()
        self.is_smooth = is_smooth(search.problem.system.equations)
        self.n_begun: collections.Counter[int] = collections.Counter()

    def follow(
        self, conditions: np.ndarray, isolated: np.ndarray, until: float
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """Follow a fibre under each of some inputs.

        Args:
            conditions: ``(m,)``, numbers of inputs.
            isolated: ``(n_ends,)`` boolean, the known points at which fibres may begin.
            until: time at which all are left.

        Returns:
            ``(k, n_states)``, states near the fixed points that were crossed; ``(k,)``, the
            number of the input of each; and how many Jacobians were factorised.
        """
        search, m = self.search, len(conditions)
        u = search.inputs[conditions]
        x = np.clip(ball_states(self.rng, m, self.centre, self.half), *self._box())
        one, other = (self._image(u) for _ in range(2))
        direction, from_states = one - other, self.rng.random(m) < FROM_STATES
        residual = self.problem.residual_at(x, u)
        for i, c in enumerate(conditions):
            known = np.flatnonzero(isolated & (search.ends.condition == c))
            if from_states[i] or not len(known):
                direction[i] = residual[i]
                continue
            known = self.rng.permutation(known)
            point = int(min(known, key=lambda k: self.n_begun[int(k)]))
            self.n_begun[point] += 1
            x[i] = search.ends.x[point]
        states, owner, n_solved = fibres.follow(
            self.problem,
            x,
            u,
            direction,
            dtype=search.descents.search_dtype,
            max_steps=MAX_STEPS,
            lower=self.centre - REACH * self.half,
            upper=self.centre + REACH * self.half,
            unit=float(np.median(self.half)),
            smooth=self.is_smooth,
            until=until,
            on_progress=search.descents.on_progress,
        )
        return states, conditions[owner], n_solved

    def _box(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the widest box, which the search does not leave."""
        return self.problem.lower, self.problem.upper

    def _image(self, u: np.ndarray) -> np.ndarray:
        """Return images of random states, or their velocities in continuous time."""
        x = preimage_states(self.rng, len(u), self.centre, self.half)
        x = np.clip(x, *self._box())
        r = self.problem.residual_at(x, u)
        return r + x if self.problem.system.time == "discrete" else r
