"""The same search over many networks, one row of numbers each."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from fixedpoint_tf._utils.checks import (
    ArgumentTypeError,
    as_numbers,
    check_choice,
    check_function,
    check_instance,
    check_mapping,
    check_switch,
    check_text,
    check_whole,
    shown,
)
from fixedpoint_tf._utils.interruption import SAID, Interruption
from fixedpoint_tf._utils.results import Result
from fixedpoint_tf.analysis.certificates import certify
from fixedpoint_tf.analysis.certificates.proofs import has_closed_form
from fixedpoint_tf.analysis.completeness.coverage import estimate_coverage
from fixedpoint_tf.config import FinderConfig
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.linearization import growth
from fixedpoint_tf.systems.convert.arguments import checked_box, sides_of
from fixedpoint_tf.systems.system import DynamicalSystem

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fixedpoint_tf.finder import FixedPointFinder

__all__ = ["Comparison", "compare_networks"]

#: From the finder of a network, its distinct points and all starts to a number.
Measure = Callable[[Any, FixedPoints, FixedPoints], float]


def _fastest_growth(finder: FixedPointFinder, unique: FixedPoints, _: FixedPoints) -> float:
    values = unique.fixed.eigval_J_xstar
    return np.nan if values is None or not values.size else growth(values, unique.time).max()


def _longest_decay(finder: FixedPointFinder, unique: FixedPoints, _: FixedPoints) -> float:
    """Return the longest time constant of a stable point, in steps (or units of time)."""
    if unique.eigval_J_xstar is None or not unique.stable.n:
        return np.nan
    return float(unique.stable.time_constants().max())


def _missing(finder: FixedPointFinder, _: FixedPoints, all_points: FixedPoints) -> float:
    missing = estimate_coverage(all_points).missing
    return float(np.max(missing)) if len(missing) else np.nan


def _proved(finder: FixedPointFinder, unique: FixedPoints, _: FixedPoints) -> float:
    return _certified(finder, unique) if has_closed_form(finder.system) else 0.0


def _supported(finder: FixedPointFinder, unique: FixedPoints, _: FixedPoints) -> float:
    """Compute the share supported by samples, of a system without closed form."""
    return 0.0 if has_closed_form(finder.system) else _certified(finder, unique)


def _certified(finder: FixedPointFinder, unique: FixedPoints) -> float:
    answer = certify(finder.system, unique.fixed)
    if answer.interrupted:  # it has caught the interruption, and counted too few
        raise KeyboardInterrupt(SAID)
    return float(answer.certified.sum())


#: What is measured of every network, from its finder, distinct points and all starts.
MEASURES: Mapping[str, Measure] = {
    "fixed": lambda _, unique, all_points: unique.fixed.n,
    "stable": lambda _, unique, all_points: unique.stable.n,
    "unstable": lambda _, unique, all_points: unique.unstable.n,
    "proved": _proved,
    "supported": _supported,
    "slow": lambda _, unique, all_points: unique.slow.n,
    "missing": _missing,
    "fastest growth": _fastest_growth,
    "longest decay": _longest_decay,
}


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """Measures of several networks, one row each, with NaN where not measured.

    Attributes:
        labels: labels of the networks.
        measures: names of the columns.
        values: ``(n_networks, n_measures)``.
        seconds: ``(n_networks,)``, of each search.
        reasons: for each network, why its numbers are missing; empty where they are not.
        interrupted: whether the keyboard put an end to it: the network that was being
            searched and those that had not been reached are left out.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> from fixedpoint_tf.analysis import compare_networks
        >>> networks = {
        ...     f"gain {gain}": as_system(
        ...         lambda h, u, gain=gain: h * gain / (1 + h * h), n_states=1, n_inputs=0
        ...     )
        ...     for gain in (0.5, 2.0)
        ... }
        >>> table, _ = compare_networks(networks, [[-1.0], [0.1], [1.0]])
        >>> table.labels, table["fixed"].tolist()
        (['gain 0.5', 'gain 2.0'], [1.0, 3.0])
    """

    labels: list[str]
    measures: list[str]
    values: np.ndarray
    seconds: np.ndarray
    reasons: list[str]
    interrupted: bool

    _axes = {
        "n_networks": "labels seconds reasons",
        "n_measures": "measures",
        "n_networks n_measures": "values",
    }
    _ranges = {"0 inf": "seconds"}

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, measure: str) -> np.ndarray:
        """Return one column, ``(n_networks,)``."""
        if measure not in self.measures:
            raise KeyError(f"measure: expected one of {self.measures}, received {measure!r}.")
        return self.values[:, self.measures.index(measure)]

    def __repr__(self) -> str:
        failed = sum(map(bool, self.reasons))
        text = f"{len(self)} network{'s' * (len(self) != 1)}: {', '.join(self.measures)}"
        text += f"; {failed} failed" if failed else ""
        return text + ("; interrupted" if self.interrupted else "")

    def __str__(self) -> str:
        return self.to_markdown()

    def to_markdown(self) -> str:
        """Return the table as text, one row per network."""
        head = ["network", *self.measures, "s"]
        rows = [head, ["---"] * len(head)]
        for i, label in enumerate(self.labels):
            numbers = [_shown(value) for value in self.values[i]]
            rows.append([label, *numbers, f"{self.seconds[i]:.1f}"])
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        failed = zip(self.labels, self.reasons, strict=True)
        return "\n".join([*lines, *(f"{label}: {why}" for label, why in failed if why)])

    def plot(
        self, measures: Iterable[str] | None = None, *, axes: list[Axes] | None = None
    ) -> tuple[Figure, np.ndarray]:
        """Draw each measure against the networks, in their order.

        Networks without a number leave a gap, so that checkpoints through training keep their
        places.

        Args:
            measures: those to draw; all by default.
            axes: one for each measure, to draw in.

        Returns:
            The figure and the axes, one for each measure.

        Raises:
            ValueError: a measure that there is not, or another number of axes.

        Example:
            >>> numbers = np.ones((2, 1)), np.ones(2)
            >>> table = Comparison(["0", "1"], ["fixed"], *numbers, ["", ""], False)
            >>> fig, axes = table.plot()
            >>> axes[0].get_ylabel()
            'fixed'
        """
        from fixedpoint_tf.analysis.comparison.plotting import plot_comparison

        return plot_comparison(self, measures, axes=axes)


def _shown(value: float) -> str:
    if np.isnan(value):
        return "-"
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e6 else f"{value:.3g}"


def compare_networks(
    networks: Mapping[str, Any] | Iterable[Any],
    initial_states: Any,
    inputs: Any = None,
    *,
    measures: Mapping[str, Measure] | None = None,
    config: FinderConfig | None = None,
    layer: str | None = None,
    n_states: int | None = None,
    n_inputs: int | None = None,
    time: str = "discrete",
    bounds: tuple[Any, Any] | None = None,
    derivatives: str = "automatic",
    verbose: bool = False,
) -> tuple[Comparison, list[FixedPoints | None]]:
    """Search many networks in the same way and put them into one table.

    Networks of several seeds, or one network at several times of its training, are read one
    after the other: a path to a ``.keras`` file is loaded only when its turn comes. A search or
    a measure that fails for one network is reported in its row, and the others are still
    searched.

    Cost: for each network one search, one certificate per fixed point, and the measures.

    Args:
        networks: label to network, or networks alone; each anything that
            :func:`fixedpoint_tf.as_system` takes.
        initial_states: ``(n, n_states)`` for all networks, or a function from a
            ``FixedPointFinder`` to them, for networks that have their own trajectories.
        inputs: ``(1, n_inputs)`` or ``(n, n_inputs)``, as for ``find_fixed_points``.
        measures: further columns: name to function of the finder, the distinct points and
            all starts (both results of ``find_fixed_points``), which returns a number.
        config: options of each search, which shows no bar of its own.
        layer, n_states, n_inputs, time, bounds, derivatives: properties of each network, see
            :func:`fixedpoint_tf.as_system`.
        verbose: show a progress bar over networks.

    Returns:
        The table, and the distinct points of each network (None where its search failed).

    Raises:
        TypeError, ValueError: no network, or an argument is not as described.

    References:
        Maheswaranathan, Williams, Golub, Ganguli & Sussillo (2019), "Universality and
        individuality in neural dynamics across large populations of recurrent networks".

    Example:
        >>> import keras
        >>> cells = {}
        >>> for gain in (0.5, 2.0):
        ...     cell = keras.layers.SimpleRNNCell(1)
        ...     cell.build((None, 1))
        ...     cell.set_weights([np.zeros((1, 1)), np.full((1, 1), gain), np.zeros(1)])
        ...     cells[f"gain {gain}"] = cell
        >>> table, points = compare_networks(cells, np.linspace(-1, 1, 9)[:, None], [[0.0]])
        >>> table["fixed"].tolist(), table["stable"].tolist()
        ([1.0, 3.0], [1.0, 2.0])
    """
    named = _named(networks)
    check_instance(config, "config", FinderConfig, none=True)
    check_mapping(measures, "measures", none=True)
    for function in (measures or {}).values():
        check_function(function, "measures", of="s of finder, distinct points and starts")
    check_text(layer, "layer", none=True)
    if n_states is not None:
        n_states = check_whole(n_states, "n_states")
    if n_inputs is not None:
        n_inputs = check_whole(n_inputs, "n_inputs", 0)
    check_choice(time, "time", ("discrete", "continuous"))
    check_choice(derivatives, "derivatives", ("automatic", "differences"))
    if bounds is not None:
        sides_of(bounds) if n_states is None else checked_box(bounds, n_states)
    check_switch(verbose, "verbose")
    n_starts = None
    if not callable(initial_states):
        n_starts = _check_states(initial_states, n_states)
    if inputs is not None:
        _check_inputs(inputs, n_inputs, n_starts)
    every_measure = {**MEASURES, **(measures or {})}
    options = {
        **dataclasses.asdict(FinderConfig() if config is None else config),
        "layer": layer,
        "n_states": n_states,
        "n_inputs": n_inputs,
        "time": time,
        "bounds": bounds,
        "derivatives": derivatives,
        "verbose": False,
    }
    done: list[tuple[list[float], str, FixedPoints | None, float]] = []
    stop = Interruption("the networks that were done by then are returned")
    with stop:
        for network in tqdm(named.values(), "networks", unit="network", disable=not verbose):
            begin = perf_counter()
            found = _row(network, initial_states, inputs, every_measure, options)
            done.append((*found, perf_counter() - begin))
    table = Comparison(
        labels=[str(label) for label in named][: len(done)],
        measures=list(every_measure),
        values=np.array([row for row, *_ in done]).reshape(len(done), len(every_measure)),
        seconds=np.array([seconds for *_, seconds in done]),
        reasons=[reason for _, reason, *_ in done],
        interrupted=stop.came,
    )
    return table, [points for _, _, points, _ in done]


def _named(networks: Any) -> dict[Any, Any]:
    """Return the networks by label, and refuse anything else."""
    if isinstance(networks, Mapping):
        named = dict(networks)
    elif isinstance(networks, Iterable) and not isinstance(networks, (str, bytes)):
        named = {str(i): network for i, network in enumerate(networks)}
    else:
        raise ArgumentTypeError(
            "networks: expected a list of networks, or a dictionary of them by label, "
            f"received {shown(networks)}."
        )
    if not named:
        raise ValueError("networks: expected at least one network, received none.")
    for network in named.values():
        if not isinstance(network, (DynamicalSystem, str, os.PathLike)) and not (
            callable(network) and not isinstance(network, type)
        ):
            raise ArgumentTypeError(
                "networks: expected networks as as_system takes them, such as cells, models "
                "and paths, "
                f"received {shown(network)}."
            )
    return named


_STARTS = "(n, n_states), or a function from a finder to such states,"


def _check_states(initial_states: Any, n_states: int | None) -> int:
    """Return the number of starts, and refuse starts of no network."""
    parts = [initial_states]
    if isinstance(initial_states, Mapping):
        parts = list(initial_states.values())
    elif isinstance(initial_states, (list, tuple)):
        leaves = tf.nest.flatten(initial_states)
        parts = leaves if all(getattr(leaf, "ndim", 0) == 2 for leaf in leaves) else parts
    arrays = [
        as_numbers(part, "initial_states", n_axes=(2,), shape=_STARTS, finite=True)
        for part in parts or [[]]
    ]
    width = sum(array.shape[1] for array in arrays)
    if n_states is not None and width != n_states:
        raise ValueError(
            f"initial_states: expected shape (n, n_states={n_states}), received width {width}."
        )
    return len(arrays[0])


def _check_inputs(inputs: Any, n_inputs: int | None, n_starts: int | None) -> None:
    """Refuse what can be constant inputs of no network."""
    shape = "(1, n_inputs)" if n_starts is None else f"(1, n_inputs) or ({n_starts}, n_inputs)"
    array = as_numbers(
        inputs,
        "inputs",
        n_axes=(2,),
        sizes=None if n_inputs is None else {1: n_inputs},
        shape=shape,
        empty=True,
        finite=True,
    )
    if not len(array) or (n_starts is not None and len(array) not in (1, n_starts)):
        raise ValueError(f"inputs: expected shape {shape}, received {array.shape}.")


def _row(
    network: Any,
    initial_states: Any,
    inputs: Any,
    measures: Mapping[str, Measure],
    options: Mapping[str, Any],
) -> tuple[list[float], str, FixedPoints | None]:
    """Return the numbers of one network, why some are missing, and its distinct points."""
    # The functions of the user's are given a finder, which stands above this room.
    from fixedpoint_tf.finder import FixedPointFinder

    nothing = [np.nan] * len(measures)
    try:
        finder = FixedPointFinder(network, **options)
        states = initial_states(finder) if callable(initial_states) else initial_states
        unique, all_points = finder.find_fixed_points(states, inputs)
        if finder.interrupted:  # it has caught the interruption, and found only a part
            raise KeyboardInterrupt(SAID)
    except Exception as error:  # the other networks are measured all the same
        return nothing, _said(error), None
    row, reasons = [], []
    for name, measure in measures.items():
        try:
            row.append(float(as_numbers(measure(finder, unique, all_points), name)))
        except Exception as error:  # measures are the user's own, and so are their errors
            row.append(np.nan)
            reasons.append(f"{name}: {_said(error)}")
    return row, "; ".join(reasons), unique


def _said(error: Exception) -> str:
    """Write an error in one line, with its type."""
    return f"{type(error).__name__}: {error}"
