"""Result of a proof of completeness: enclosed fixed points, and undecided boxes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from fixedpoint_tf._utils.plurals import pluralize
from fixedpoint_tf._utils.ranges import Agreement
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.analysis.completeness.proof.codes import CompletenessCode
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Part of the methods of proofs whose box is the user's word.
WITHIN = "within the bounds given"

__all__ = ["Completeness"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Completeness(Result):
    """All fixed points of a network, by :func:`fixedpoint_tf.analysis.prove_complete`.

    Attributes:
        inputs: ``(p, n_inputs)``, the constant inputs that were examined.
        codes: a :class:`CompletenessCode` for each input.
        methods: in words, for each input.
        n_open: ``(p,)``, boxes or active sets that are left undecided.
        n_boxes: ``(p,)``, boxes that were looked at.
        xstar: ``(m, n_states)``, the fixed points that were enclosed.
        radius: ``(m,)``, the largest distance of a coordinate of ``xstar`` from the true one.
        input_number: ``(m,)``, the row of ``inputs`` under which each lies.
        known_row: ``(m,)``, the row of the points given that stands for it; -1: it is new.
        not_enclosed: rows of the points given for which no fixed point was enclosed; points
            that carry other inputs than those examined are not asked for.
        open_lower: ``(q, n_states)``, boxes of states left undecided, the first of them; in a
            stack the layers above one that is undecided have their whole range.
        open_upper: ``(q, n_states)``.
        open_input: ``(q,)``, the row of ``inputs`` of each.

    Example:
        >>> import keras
        >>> from fixedpoint_tf.analysis import prove_complete
        >>> cell = keras.layers.SimpleRNNCell(1)
        >>> cell.build((None, 1))
        >>> cell.set_weights([np.zeros((1, 1)), np.array([[2.0]]), np.zeros(1)])
        >>> found = prove_complete(cell, [[0.0]], inputs=[[0.0]])
        >>> found
        complete: exactly 3 fixed points, 2 of them new
        >>> np.sort(found.points.xstar.ravel()).round(4).tolist()
        [-0.9575, 0.0, 0.9575]
    """

    inputs: np.ndarray
    codes: tuple[CompletenessCode, ...]
    methods: tuple[str, ...]
    n_open: np.ndarray
    n_boxes: np.ndarray
    xstar: np.ndarray
    radius: np.ndarray
    input_number: np.ndarray
    known_row: np.ndarray
    not_enclosed: np.ndarray
    open_lower: np.ndarray
    open_upper: np.ndarray
    open_input: np.ndarray

    _axes = {
        "p": "codes methods n_open n_boxes",
        "p n_inputs": "inputs",
        "m n_states": "xstar",
        "m": "radius input_number known_row",
        "n_not_enclosed": "not_enclosed",
        "q n_states": "open_lower open_upper",
        "q": "open_input",
    }
    _ranges = {
        "0 inf": "n_open n_boxes radius not_enclosed",
        "0 <p": "input_number open_input",
        "-1 inf": "known_row",
    }

    def __post_init__(self) -> None:
        object.__setattr__(self, "codes", tuple(map(CompletenessCode, self.codes)))
        object.__setattr__(self, "methods", tuple(self.methods))

    def _agreements(self) -> Iterator[Agreement]:
        done = np.array([code == CompletenessCode.COMPLETE for code in self.codes], dtype=bool)
        yield "n_open", ~done | (self.n_open == 0), "0 at inputs whose code is 'complete'"
        yield (
            "open_input",
            ~done[self.open_input.astype(int)],
            "inputs whose code is not 'complete'",
        )
        yield "open_upper", self.open_upper >= self.open_lower, "at least open_lower"
        twice = np.isin(self.known_row, self.not_enclosed)
        yield "known_row", ~twice, "none of not_enclosed"

    @property
    def is_complete(self) -> bool:
        """Test for a proof at every input."""
        return all(code == CompletenessCode.COMPLETE for code in self.codes)

    @property
    def points(self) -> FixedPoints:
        """The fixed points that were enclosed, in the order of ``xstar``."""
        status = np.full(len(self.xstar), Status.FIXED_POINT)
        inputs = self.inputs[self.input_number]
        return FixedPoints(xstar=self.xstar, inputs=inputs, status=status)

    @property
    def new(self) -> FixedPoints:
        """Those that were not given."""
        return self.points[self.known_row < 0]

    def plot(self, *, fig: Figure | None = None, ax: Axes | None = None) -> tuple[Figure, Axes]:
        """Draw all fixed points, with a ring around each that was not given.

        Args:
            fig: the figure to add axes to.
            ax: the axes to draw in.

        Returns:
            The figure and the axes.

        Example:
            >>> import keras
            >>> from fixedpoint_tf.analysis import prove_complete
            >>> cell = keras.layers.SimpleRNNCell(2)
            >>> cell.build((None, 1))
            >>> cell.set_weights([np.zeros((1, 2)), 2.0 * np.eye(2), np.zeros(2)])
            >>> fig, ax = prove_complete(cell, [[0.0, 0.0]], inputs=[[0.0]]).plot()
            >>> [text.get_text() for text in ax.get_legend().texts]
            ['9 fixed points', '8 new']
        """
        from fixedpoint_tf.analysis.completeness.proof.plotting import plot_completeness

        return plot_completeness(self, fig=fig, ax=ax)

    def __repr__(self) -> str:
        lines = []
        for i, code in enumerate(self.codes):
            at = self.input_number == i
            n, n_new = int(at.sum()), int((self.known_row[at] < 0).sum())
            name = f"input {i}: " if len(self.codes) > 1 else ""
            exactly = "exactly " if code == CompletenessCode.COMPLETE else "at least "
            new = f", {n_new} of them new" if n_new else ""
            within = " within the bounds given" if WITHIN in self.methods[i] else ""
            ended = " of time or boxes" if code == CompletenessCode.LIMIT else ""
            text = f"{name}{code}{ended}{within}: {exactly}{pluralize(n, 'fixed point')}{new}"
            if code in (CompletenessCode.UNDECIDED, CompletenessCode.LIMIT):
                text += f"; {pluralize(int(self.n_open[i]), 'box', 'boxes')} undecided"
            elif code in (CompletenessCode.NO_BOUNDS, CompletenessCode.TOO_LARGE):
                text = f"{name}{code.text}"
            lines.append(text)
        examined = ~np.isin(
            self.codes, (CompletenessCode.NO_BOUNDS, CompletenessCode.TOO_LARGE)
        )
        if len(self.not_enclosed) and examined.any():
            lines.append(
                f"{pluralize(len(self.not_enclosed), 'point')} given without a fixed point "
                "enclosed"
            )
        return "\n".join(lines)
