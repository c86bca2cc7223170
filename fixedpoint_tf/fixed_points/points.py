"""Points of a search, with the status of each and the evidence for it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.checks import (
    ArgumentTypeError,
    check_choice,
    check_instance,
    check_mapping,
    check_number,
    checked_array,
    is_whole,
    shown,
)
from fixedpoint_tf._utils.hdf5_checks import Layout, nested_layout, parse_json
from fixedpoint_tf._utils.ranges import Agreement
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.fixed_points.agreements import agreements
from fixedpoint_tf.fixed_points.arrays import array_field, array_fields, arrays_of
from fixedpoint_tf.fixed_points.choosing import distinct_rows, find_point, rows_at
from fixedpoint_tf.fixed_points.concatenation import concatenate
from fixedpoint_tf.fixed_points.coordinates import transform
from fixedpoint_tf.fixed_points.index import IndexSum
from fixedpoint_tf.fixed_points.search_end import SearchEnd
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.fixed_points.summary import summarize
from fixedpoint_tf.linearization.stability import Stability
from fixedpoint_tf.linearization.time_units import check_time

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["FixedPoints", "Status"]

_IN_JSON = ("state_names", "start_counts", "search_end")


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class FixedPoints(Result):
    """Points of one search, one row each in every array.

    An empty set is a normal result, which can be indexed, saved, plotted and printed as any
    other. Objects cannot be changed; ``dataclasses.replace`` makes a changed copy.

    A small ``qstar`` alone does not make a fixed point: ``status`` states whether it is one,
        ``newton_step`` and ``smallest_singular_value`` how accurately it is located.

    Attributes:
        xstar: ``(n, n_states)``, the points.
        x_init: ``(n, n_states)``, the states from which each search began.
        inputs: ``(n, n_inputs)``, the constant input at each point.
        F_xstar: ``(n, n_states)``, ``F(x*)``, or ``dx/dt`` at ``x*`` in continuous time.
        qstar: ``(n,)``, the speed ``q = |F(x*) - x*|^2 / 2`` (continuous: ``|dx/dt|^2 / 2``).
        dq: ``(n,)``, the change of q in the last iteration.
        n_iters: ``(n,)``, iterations.
        J_xstar: ``(n, n_states, n_states)``, dF/dx, indexed [point, output, input].
        dFdu: ``(n, n_states, n_inputs)``, dF/du.
        eigval_J_xstar: ``(n, n_modes)``, fastest growing first, see
            :func:`fixedpoint_tf.linearization.decompose`.
        eigvec_J_xstar: ``(n, n_states, n_modes)``, right eigenvectors as columns.
        left_eigvec_J_xstar: ``(n, n_modes, n_states)``, left eigenvectors as rows, with
            ``left @ right`` the identity.
        growth_at_kink: ``(n,)``, for a fixed point on a kink (where a unit is at its threshold)
            the growth per step (continuous: the rate) of the fastest growing deviations, over
            all sides; NaN for other points. It decides stability; the eigenvalues, of the
            Jacobian on one side, may differ.
        is_stable: ``(n,)`` bool, True where all nearby states return; by default from the
            eigenvalues and ``growth_at_kink``.
        cond_id: ``(n,)`` int, the user's label of the condition, one for each input.
        status: ``(n,)``, of :class:`Status`.
        newton_step: ``(n,)``, length of the last Newton step: the estimated distance
            to the true fixed point.
        smallest_singular_value: ``(n,)``, of J - I (continuous: of J). Near zero the
            point is not isolated: a line attractor, or a bifurcation.
        n_at_bound: ``(n,)`` int, the number of coordinates at a bound of the search.
        tol_unique: points nearer than this, inputs included, are one and the same.
        time: ``"discrete"`` or ``"continuous"``.
        state_names: pairs ``(name, size)`` of the blocks of the flat state, or None.
        start_counts: number of starts that led to points of each status, by the status's name;
            None for a selection of points.
        search_end: the rule that ended the search, of :class:`SearchEnd`; None for a selection
            of points.
        index: sum of the indices of the fixed points found, for each input, as evidence on
            missing ones: an :class:`~fixedpoint_tf.analysis.IndexSum`; None for a selection of
            points.

    Raises:
        ValueError: an array of another shape, or a value out of range.
        TypeError: an array of another type.

    Example:
        >>> import numpy as np
        >>> points = FixedPoints(
        ...     xstar=np.zeros((2, 1)),
        ...     eigval_J_xstar=np.array([[0.5], [1.5]]),
        ...     status=[Status.FIXED_POINT, Status.FIXED_POINT],
        ... )
        >>> points
        2 fixed points: 1 stable, 1 with 1 unstable direction; 1 unit
        >>> len(points.stable), points[1].n_unstable.tolist()
        (1, [1])
    """

    xstar: np.ndarray = array_field("n_states", dtype=np.float64, default=dataclasses.MISSING)
    x_init: np.ndarray | None = array_field("n_states", dtype=np.float64)
    inputs: np.ndarray | None = array_field("n_inputs", dtype=np.float64)
    F_xstar: np.ndarray | None = array_field("n_states", dtype=np.float64)
    qstar: np.ndarray | None = array_field(dtype=np.float64)
    dq: np.ndarray | None = array_field(dtype=np.float64)
    n_iters: np.ndarray | None = array_field(dtype=np.int64)
    J_xstar: np.ndarray | None = array_field("n_states", "n_states", dtype=np.float64)
    dFdu: np.ndarray | None = array_field("n_states", "n_inputs", dtype=np.float64)
    eigval_J_xstar: np.ndarray | None = array_field("n_modes", dtype=np.complex128)
    eigvec_J_xstar: np.ndarray | None = array_field("n_states", "n_modes", dtype=np.complex128)
    left_eigvec_J_xstar: np.ndarray | None = array_field(
        "n_modes", "n_states", dtype=np.complex128
    )
    growth_at_kink: np.ndarray | None = array_field(dtype=np.float64)
    is_stable: np.ndarray | None = array_field(dtype=np.bool_)
    cond_id: np.ndarray | None = array_field(dtype=np.int64)
    status: np.ndarray | None = array_field(dtype=np.int8)
    newton_step: np.ndarray | None = array_field(dtype=np.float64)
    smallest_singular_value: np.ndarray | None = array_field(dtype=np.float64)
    n_at_bound: np.ndarray | None = array_field(dtype=np.int64)
    tol_unique: float = 1e-3
    time: str = "discrete"
    state_names: tuple[tuple[str, int], ...] | None = None
    start_counts: dict[str, int] | None = None
    search_end: str | None = None
    index: IndexSum | None = None

    _attribute_names = ("time", "tol_unique", *_IN_JSON)

    def __post_init__(self) -> None:
        check_time(self.time)
        check_number(self.tol_unique, "tol_unique", closed="low")
        sizes: dict[str, int] = {}
        for name, metadata in array_fields(self).items():
            value = getattr(self, name)
            if value is not None or name == "xstar":
                array = checked_array(name, value, metadata["axes"], metadata["dtype"], sizes)
                object.__setattr__(self, name, array)
        if self.status is not None and not np.isin(self.status, list(Status)).all():
            raise ValueError(
                f"status: expected values of Status, {min(Status)} to {max(Status)}, "
                f"received {np.setdiff1d(self.status, list(Status)).tolist()}."
            )
        if self.is_stable is None and self.eigval_J_xstar is not None:
            stable = self.stability_class == Stability.STABLE
            object.__setattr__(self, "is_stable", stable)
        if self.state_names is not None:
            blocks = _checked_blocks(self.state_names, self.n_states)
            object.__setattr__(self, "state_names", blocks)
        if self.start_counts is not None:
            check_mapping(self.start_counts, "start_counts", of="names of Status")
            counts = dict(self.start_counts)
            if not all(
                k in Status.__members__ and is_whole(v) and v >= 0 for k, v in counts.items()
            ):
                raise ValueError(
                    "start_counts: expected numbers of starts by names of Status, received "
                    f"{shown(counts)}."
                )
            object.__setattr__(self, "start_counts", counts)
        if self.search_end is not None:
            check_choice(self.search_end, "search_end", [str(end) for end in SearchEnd])
            object.__setattr__(self, "search_end", SearchEnd(self.search_end))
        if isinstance(self.index, Mapping):
            object.__setattr__(self, "index", IndexSum(**self.index))
        check_instance(self.index, "index", IndexSum, none=True)

    _ranges = {"0 inf": "qstar n_iters newton_step smallest_singular_value n_at_bound"}

    def _agreements(self) -> Iterator[Agreement]:
        return agreements(self)

    def _check_values(self) -> None:
        super()._check_values()
        if self.index is not None:
            self.index._check_values()
        fixed = np.zeros(self.n, bool)
        if self.status is not None:
            fixed = self.status == Status.FIXED_POINT
        if not np.isfinite(self.xstar[fixed]).all():
            raise ValueError("xstar: expected finite fixed points, received NaN or infinity")
        if self.inputs is not None and not np.isfinite(self.inputs[fixed]).all():
            raise ValueError("inputs: expected finite inputs, received NaN or infinity")
        if self.state_names is None:  # as of points in other coordinates
            return
        if self.n_at_bound is not None and (self.n_at_bound > self.n_states).any():
            raise ValueError(
                f"n_at_bound: expected at most {self.n_states}, received "
                f"{self.n_at_bound.max()}"
            )

    # ---- sizes ----

    @property
    def n(self) -> int:
        """Number of points."""
        return self.xstar.shape[0]

    @property
    def n_states(self) -> int:
        """Length of the flat state."""
        return self.xstar.shape[1]

    @property
    def n_inputs(self) -> int:
        """Number of inputs, or 0 if neither the inputs nor dFdu are known."""
        if self.inputs is not None:
            return self.inputs.shape[1]
        return 0 if self.dFdu is None else self.dFdu.shape[2]

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        return summarize(self)

    # ---- choosing points ----

    def __getitem__(self, index: Any) -> FixedPoints:
        """Return the points at an int (still one row), slice, boolean mask or integer array."""
        rows = rows_at(index, self.n)
        chosen = {name: array[rows] for name, array in arrays_of(self).items()}
        return dataclasses.replace(
            self, start_counts=None, search_end=None, index=None, **chosen
        )

    def __iter__(self) -> Iterator[FixedPoints]:
        return (self[i] for i in range(self.n))

    def _with_status(self, status: Status) -> np.ndarray:
        if self.status is None:
            raise ValueError(
                "status: expected one for each point to tell fixed points from slow ones, "
                "received None."
            )
        return self.status == status

    @property
    def fixed(self) -> FixedPoints:
        """The fixed points."""
        return self[self._with_status(Status.FIXED_POINT)]

    @property
    def slow(self) -> FixedPoints:
        """The slow points."""
        return self[self._with_status(Status.SLOW_POINT)]

    @property
    def stable(self) -> FixedPoints:
        """The stable ones among the fixed points."""
        return self[self._with_status(Status.FIXED_POINT) & self._needed("is_stable")]

    @property
    def unstable(self) -> FixedPoints:
        """The fixed points with at least one unstable direction, without marginal ones."""
        grows = self._needed("n_unstable", "eigval_J_xstar") > 0
        return self[self._with_status(Status.FIXED_POINT) & grows]

    def get_unique(self) -> FixedPoints:
        """Return the distinct points, in their present order.

        No two of them are nearer than ``tol_unique``, states and inputs together, and
        every point left out lies within it of a kept one of lower or equal ``qstar``.
        A line of points is thinned, not merged into one. Points that hold NaN or
        infinity are left out.

        Example:
            >>> points = FixedPoints(xstar=[[0.0], [1e-9], [1.0]], qstar=[0.0, 1e-20, 0.0])
            >>> points.get_unique().xstar.ravel().tolist()
            [0.0, 1.0]
        """
        return self[distinct_rows(self)]

    def find(self, point: FixedPoints) -> np.ndarray:
        """Find the indices of the points that coincide with one point.

        Args:
            point: exactly one point.

        Returns:
            The indices of the points within ``tol_unique`` of it, in states and inputs
            together (in states alone where either set has no inputs).

        Example:
            >>> points = FixedPoints(xstar=[[0.0], [1.0], [2.0]])
            >>> points.find(points[1]).tolist(), points[1] in points
            ([1], True)
        """
        check_instance(point, "point", FixedPoints)
        return find_point(self, point)

    def __contains__(self, point: object) -> bool:
        return len(self.find(point)) > 0  # type: ignore[arg-type]

    # ---- what the arrays say ----

    @property
    def n_unstable(self) -> np.ndarray | None:
        """``(n,)``, the number of unstable directions, or -1 where unknown.

        On a kink it is 0 where states come back, by ``growth_at_kink``; where they leave, it
        is the number of the side whose Jacobian is given, and at least 1.
        """
        if self.eigval_J_xstar is None:
            return None
        number = linearization.n_unstable(self.eigval_J_xstar, self.time)
        at_kink = self._class_at_kink()
        number = np.where(np.isin(at_kink, [Stability.STABLE, Stability.MARGINAL]), 0, number)
        return np.where(at_kink == Stability.UNSTABLE, np.maximum(number, 1), number)

    @property
    def stability_class(self) -> np.ndarray | None:
        """``(n,)``, words of :class:`fixedpoint_tf.linearization.Stability`.

        See :func:`fixedpoint_tf.linearization.classify`. On a kink ``growth_at_kink`` decides
        between stable, marginal and unstable.
        """
        if self.eigval_J_xstar is None:
            return None
        classes = linearization.classify(self.eigval_J_xstar, self.time)
        at_kink = self._class_at_kink()
        saddle = (at_kink == Stability.UNSTABLE) & (classes == Stability.SADDLE)
        return np.where((at_kink == Stability.UNKNOWN) | saddle, classes, at_kink)

    def _class_at_kink(self) -> np.ndarray:
        """Return the stability ``(n,)`` of points on kinks, unknown elsewhere."""
        growth = np.full(self.n, np.nan) if self.growth_at_kink is None else self.growth_at_kink
        return linearization.classify(growth[:, None], self.time)

    def time_constants(self, dt: float | None = None) -> np.ndarray:
        """Return the time constants ``(n, n_modes)`` in steps, or in seconds given ``dt``.

        They are in the order of ``eigval_J_xstar``, the fastest growing mode first: where a
        mode grows, the slowest is ``time_constants().max(axis=1)``.

        Args:
            dt: seconds per step.

        Example:
            >>> points = FixedPoints(xstar=[[0.0]], eigval_J_xstar=[[0.9]])
            >>> points.time_constants().round(2).tolist()  # steps
            [[9.49]]
            >>> points.time_constants(dt=0.01).round(4).tolist()  # in the unit of dt
            [[0.0949]]
        """
        return linearization.time_constants(self._needed("eigval_J_xstar"), self.time, dt)

    def frequencies(self, dt: float | None = None) -> np.ndarray:
        """Return the frequencies ``(n, n_modes)`` in cycles per step, or in Hz given ``dt``.

        Args:
            dt: seconds per step.

        Example:
            >>> points = FixedPoints(xstar=[[0.0, 0.0]], eigval_J_xstar=[[0.9j, -0.9j]])
            >>> points.frequencies().tolist()  # cycles a step
            [[0.25, 0.25]]
        """
        return linearization.frequencies(self._needed("eigval_J_xstar"), self.time, dt)

    def decompose_jacobians(self) -> FixedPoints:
        """Return the points with the eigenvalues and eigenvectors of ``J_xstar``.

        Example:
            >>> points = FixedPoints(xstar=[[0.0, 0.0]], J_xstar=[[[0.5, 1.0], [0.0, 2.0]]])
            >>> points.decompose_jacobians().eigval_J_xstar.real.tolist()
            [[2.0, 0.5]]
        """
        values, right, left = linearization.decompose(self._needed("J_xstar"), self.time)
        return dataclasses.replace(
            self,
            eigval_J_xstar=values,
            eigvec_J_xstar=right,
            left_eigvec_J_xstar=left,
            is_stable=None,
        )

    def states(self, name: str) -> np.ndarray:
        """Return one named block of ``xstar``, ``(n, size)``, such as ``"c"`` of an LSTM.

        Args:
            name: one of the names in ``state_names``.

        Example:
            >>> points = FixedPoints(xstar=[[1.0, 2.0, 3.0]], state_names=[("h", 1), ("c", 2)])
            >>> points.states("c").tolist()
            [[2.0, 3.0]]
        """
        start = 0
        for block, size in self.state_names or ():
            if isinstance(name, str) and block == name:
                return self.xstar[:, start : start + size]
            start += size
        names = [block for block, _ in self.state_names or ()]
        raise ValueError(f"name: expected one of {names}, received {shown(name)}.")

    def _needed(self, name: str, source: str | None = None) -> np.ndarray:
        value: np.ndarray | None = getattr(self, name)
        if value is None:
            name = source or name
            raise ValueError(f"{name}: expected an array, received None: not computed.")
        return value

    # ---- making others ----

    @staticmethod
    def concatenate(parts: Iterable[FixedPoints], *, common: bool = False) -> FixedPoints:
        """Join sets of points of the same system.

        Args:
            parts: at least one. Empty sets are ignored.
            common: keep only the arrays that all sets have. Points of a search come with
                Jacobians, for example, and slow states without.

        Returns:
            All points, with the smallest ``tol_unique``, so that points distinct in one set
            stay distinct.

        Raises:
            ValueError: no sets; or sets that differ in ``n_states``, ``time`` or
                ``state_names``; or, unless ``common``, an array that only some have.

        Example:
            >>> parts = FixedPoints(xstar=[[0.0]]), FixedPoints(xstar=[[1.0]], qstar=[1e-20])
            >>> FixedPoints.concatenate(parts, common=True).xstar.tolist()
            [[0.0], [1.0]]
        """
        sets = list(parts) if isinstance(parts, Iterable) else [parts]
        for each in sets:
            check_instance(each, "parts", FixedPoints)
        return concatenate(sets, common)

    def transform(self, U: np.ndarray, offset: float | np.ndarray = 0.0) -> FixedPoints:
        """Return the points in other coordinates, x @ U + offset.

        Right eigenvectors become U.T @ V, without the offset: a direction has no origin.
        Left ones and both Jacobians change so that they keep their meaning where U is
        invertible. Where U projects on fewer dimensions, ``J_xstar`` is the projected
        Jacobian, whose eigenvalues need not be ``eigval_J_xstar``, those of the system.
        What was measured in the search (q, singular values, bounds, status) stays.

        Args:
            U: ``(n_states, n_new)``.
            offset: a number or ``(n_new,)``.

        Raises:
            ValueError: shapes that do not fit the points.

        Example:
            >>> points = FixedPoints(xstar=[[1.0, 2.0]])
            >>> points.transform([[0.0], [1.0]], offset=10.0).xstar.tolist()
            [[12.0]]
        """
        return transform(self, U, offset)

    # ---- in and out ----

    def to_dict(self) -> dict[str, Any]:
        """Return all attributes by name, arguments of ``FixedPoints``.

        Example:
            >>> points = FixedPoints(xstar=[[0.0]], qstar=[1e-20])
            >>> FixedPoints(**points.to_dict()).qstar.tolist()
            [1e-20]
        """
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def _to_file(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return arrays as datasets and values as attributes, readable in any language."""
        index = {} if self.index is None else self.index.to_dict()
        return arrays_of(self) | {f"index.{name}": column for name, column in index.items()}, {
            "time": self.time,
            "tol_unique": self.tol_unique,
            **{name: json.dumps(getattr(self, name)) for name in _IN_JSON},
        }

    @classmethod
    def _from_file(
        cls, arrays: dict[str, np.ndarray], attributes: dict[str, Any]
    ) -> dict[str, Any]:
        index = {name: column for name, column in arrays.items() if name.startswith("index.")}
        own = {name: column for name, column in arrays.items() if name not in index}
        return {
            **own,
            **attributes,
            "index": {k.partition(".")[2]: v for k, v in index.items()} or None,
            **{name: parse_json(attributes[name], name) for name in _IN_JSON},
        }

    @classmethod
    def _layout(cls) -> Layout:
        kinds = {"c": "biufc"}
        own = {
            field.name: (
                kinds.get(field.metadata["dtype"].kind, "biuf"),
                field.metadata["axes"],
            )
            for field in dataclasses.fields(cls)
            if field.metadata
        }
        return {**own, **nested_layout("index", IndexSum._layout())}

    def plot(
        self,
        state_traj: Any = None,
        *,
        plot_batch_idx: Sequence[int] | np.ndarray | None = None,
        plot_start_time: int = 0,
        plot_stop_time: int | None = None,
        mode_scale: float = 0.25,
        max_n_modes: int = 3,
        fig: Figure | None = None,
        ax: Axes | None = None,
    ) -> tuple[Figure, Axes]:
        """Draw the points, among trajectories where given.

        See :func:`fixedpoint_tf.plotting.plot_fixed_points`.
        """
        from fixedpoint_tf.fixed_points.plotting import plot_fixed_points

        return plot_fixed_points(
            self,
            state_traj,
            plot_batch_idx=plot_batch_idx,
            plot_start_time=plot_start_time,
            plot_stop_time=plot_stop_time,
            mode_scale=mode_scale,
            max_n_modes=max_n_modes,
            fig=fig,
            ax=ax,
        )


def _checked_blocks(state_names: Any, n_states: int) -> tuple[tuple[str, int], ...]:
    """Return the blocks of the flat state as pairs of a name and a size."""
    blocks = list(state_names) if isinstance(state_names, (list, tuple)) else [None]
    pairs = [tuple(block) for block in blocks if isinstance(block, (list, tuple))]
    if len(pairs) < len(blocks) or not all(
        len(pair) == 2 and isinstance(pair[0], str) and is_whole(pair[1]) and pair[1] >= 0
        for pair in pairs
    ):
        raise ArgumentTypeError(
            f"state_names: expected pairs (name, size), received {shown(state_names)}."
        )
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        raise ValueError(f"state_names: expected each name once, received {shown(names)}.")
    if sum(size for _, size in pairs) != n_states:
        raise ValueError(
            "state_names: expected pairs (name, size) with sizes that add up to "
            f"n_states = {n_states}, received {tuple(pairs)}."
        )
    return tuple((str(name), int(size)) for name, size in pairs)
