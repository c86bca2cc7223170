"""Order of the axes in which files hold trials, and cell arrays of trials."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import listed

__all__ = ["AXES", "arrange_cells", "as_axes", "check_order", "count_labels", "stack_cells"]

_TIMES = (
    "Times of spikes are read by lfads_tf.data.formats.matlab.read and counted by bin_spikes."
)

#: The order of axes here, and of all files that do not say otherwise.
AXES = ("trials", "bins", "neurons")


def as_axes(axes: Any) -> tuple[str, ...] | None:
    """Return the order of axes that a user gave, or none.

    Raises:
        ValueError: anything but the three of :data:`AXES`, each once.

    Example:
        >>> as_axes(["neurons", "bins", "trials"])
        ('neurons', 'bins', 'trials')
    """
    if axes is None:
        return None
    names = tuple(axes) if isinstance(axes, list | tuple) else ()
    if len(names) != 3 or any(name not in names for name in AXES):
        raise ValueError(
            f"axes: expected {', '.join(map(repr, AXES))} in the file's order, received "
            f"{axes!r}."
        )
    return names


def arrange_cells(
    cells: np.ndarray,
    axes: Sequence[str] | None,
    key: str,
    lengths: Sequence[int] | None = None,
) -> list[np.ndarray]:
    """Return trials of a cell array with one matrix for each, bins first.

    Trials of different length tell which axis is that of bins, since neurons are the same in
    all. Where both axes are alike in all, only the user knows.

    Args:
        cells: of matrices, a row or a column.
        axes: of :func:`as_axes`; None: as the lengths tell.
        key: key of the file, for errors.
        lengths: lengths of the trials in bins, where they are known.

    Raises:
        ValueError: other cells than one matrix a trial, or axes that cannot be told apart.

    Example:
        >>> cells = np.empty((1, 2), dtype=object)
        >>> cells[0, 0], cells[0, 1] = np.ones((3, 50)), np.ones((3, 40))  # neurons x bins
        >>> [trial.shape for trial in arrange_cells(cells, None, "spikes")]
        [(50, 3), (40, 3)]
    """
    trials = _matrices(cells, key)
    sizes = [trial.shape for trial in trials]
    if lengths is not None and len(lengths) == len(sizes):
        fits = [[size[k] for size in sizes] == list(lengths) for k in (0, 1)]
        if fits[0] != fits[1]:
            return trials if fits[0] else [trial.T for trial in trials]
    if all(min(size, default=0) < 2 for size in sizes) and axes is None:
        raise ValueError(
            "axes: expected the order of axes, such as ('trials', 'bins', 'neurons'), for "
            f"counts of a single neuron or bin, since {key} holds a vector for each trial, "
            f"received None. {_TIMES}"
        )
    empty = [i for i, size in enumerate(sizes) if 0 in size]
    if empty:
        raise ValueError(
            f"path: expected counts in each cell of {key}, received none in {empty}."
        )
    if axes is not None:
        bins_first = axes.index("bins") < axes.index("neurons")
    else:
        alike = [len({size[k] for size in sizes}) == 1 for k in (0, 1)]
        if alike[0] == alike[1]:
            told = f"are all of shape {sizes[0]}" if alike[0] else "differ in both axes"
            raise ValueError(
                f"axes: expected the order of axes in the file, since trials in {key} {told}: "
                "('trials', 'bins', 'neurons') where a trial is a matrix of bins by neurons, "
                "received none."
            )
        bins_first = alike[1]
    return trials if bins_first else [trial.T for trial in trials]


def stack_cells(cells: np.ndarray, key: str) -> np.ndarray:
    """Return cells that hold matrices of one shape as an array, the axis of cells first.

    Args:
        cells: of matrices, a row or a column.
        key: key of the file, for errors.

    Raises:
        ValueError: matrices of different shapes, or something else.

    Example:
        >>> cells = np.empty((2, 1), dtype=object)  # a neuron each: trials x bins
        >>> cells[0, 0] = cells[1, 0] = np.ones((20, 50))
        >>> stack_cells(cells, "spikes").shape
        (2, 20, 50)
    """
    matrices = _matrices(cells, key)
    shapes = sorted({matrix.shape for matrix in matrices})
    if len(shapes) > 1:
        raise ValueError(
            f"path: expected matrices of one shape in {key}, since axes says that its cells "
            f"are not trials, received {listed(shapes)}."
        )
    return np.stack(matrices)


def _matrices(cells: np.ndarray, key: str) -> list[np.ndarray]:
    found = list(cells.ravel(order="F"))
    numeric = all(isinstance(one, np.ndarray) and one.dtype.kind in "biuf" for one in found)
    is_row = cells.size == max(cells.shape)
    if not numeric or not is_row or any(one.ndim != 2 for one in found):
        raise ValueError(
            f"path: expected {key} as one array, or as a cell array with a matrix of counts "
            f"for each trial, received cells of shape {cells.shape} that hold something else. "
            f"{_TIMES}"
        )
    return found


def count_labels(value: Any) -> int | None:
    """Return the number of labels in a row, a column or a cell array, else None.

    Lists of the trials of each condition are no labels.

    Example:
        >>> count_labels(np.ones((1, 4))), count_labels(np.ones((4, 2)))
        (4, None)
    """
    if isinstance(value, np.ndarray) and value.dtype == object:
        if any(isinstance(item, np.ndarray) and item.size > 1 for item in value.flat):
            return None
    if isinstance(value, str):
        return len(value) if len(value) > 1 else None
    size = np.size(value)
    return (
        size if isinstance(value, np.ndarray) and size == max(value.shape, default=0) else None
    )


def check_order(
    shape: Sequence[int],
    n_labels: int | None,
    beside: Sequence[Sequence[int]],
    *,
    key: str = "spikes",
    is_told: bool = False,
) -> None:
    """Refuse an array whose axes, by what stands beside it, are not trials, bins, neurons.

    MATLAB knows no names of axes. What stands beside the spikes may tell them: a label for each
    trial, and other arrays in the same order.

    Args:
        shape: shape of the spikes.
        n_labels: of :func:`count_labels`.
        beside: shapes of other arrays of three axes, which have the same trials and bins.
        key: key of the file, for errors.
        is_told: whether the file's format says that trials come first; then it is only
            contradicted.

    Raises:
        ValueError: other axes fit better, or as well where the format does not tell.

    Example:
        >>> check_order((20, 10, 6), 20, [(20, 10, 2)])
        >>> check_order((6, 10, 20), 20, [])
        Traceback (most recent call last):
        ...
        ValueError: axes: expected the order of the axes of spikes (6, 10, 20), since there ...
    """
    fitting = [
        order
        for order in itertools.permutations(range(3))
        if n_labels in (None, shape[order[0]])
        and all(
            len(other) == 3 and all(other[axis] == shape[axis] for axis in order[:2])
            for other in beside
        )
    ]
    as_ours = (0, 1, 2)
    if fitting == [as_ours] or not fitting or (is_told and as_ours in fitting):
        return  # Where nothing fits, the session says what is wrong.
    told = f"there are {n_labels} labels" if n_labels else "the axes of other arrays fit it"
    if as_ours in fitting:
        told = (
            f"{told}, and it is not the only one" if n_labels or beside else "nothing tells it"
        )
    likely = as_ours if as_ours in fitting else fitting[-1]
    names = tuple(AXES[likely.index(axis)] for axis in range(3))
    raise ValueError(
        f"axes: expected the order of the axes of {key} {tuple(shape)}, since {told}, such as "
        f"{names!r} (--axes {','.join(names)}), received none."
    )
