"""Options of a search, one frozen object that checks its values."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable
from typing import Any

import numpy as np

from fixedpoint_tf._utils.checks import (
    check_choice,
    check_float_type,
    check_mapping,
    check_number,
    check_seed,
    check_switch,
    check_whole,
)
from fixedpoint_tf._utils.chunks import MEMORY_LIMIT
from fixedpoint_tf.search.descents import SolverOptions
from fixedpoint_tf.search.end_points import DEFAULT_TOL_UNIQUE
from fixedpoint_tf.search.solvers.adam import AdamOptions

__all__ = ["FinderConfig", "check_option_names"]

# FixedPointFinder's two ways of running Adam differ in nothing here: points are independent.
_MOST_EFFORT = 1000.0  # times the usual: a search of most of a day
_METHODS = {"newton": "newton", "adam": "adam", "joint": "adam", "sequential": "adam"}
# What FixedPointFinder takes besides, and passes on to as_system.
_OF_THE_NETWORK = ("layer", "n_states", "n_inputs", "time", "bounds", "derivatives")
_SWITCHES = (
    "do_rerun_q_outliers",
    "do_exclude_distance_outliers",
    "do_compute_jacobians",
    "do_decompose_jacobians",
    "verbose",
    "super_verbose",
    "share_descents",
)


_LEARNING_RATE = 'the learning rate of method="adam" is set by lr_init, lr_factor, lr_patience'
_OF_THE_ORIGINAL = {
    "feed_dict": "there are no sessions; bind such values in a function f(h, u)",
    "adam_hps": _LEARNING_RATE,
    "alr_hps": _LEARNING_RATE,
    "agnc_hps": "gradients are not clipped, since each point has its own step",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class FinderConfig:
    """Options of :class:`fixedpoint_tf.FixedPointFinder`.

    Names are those of FixedPointFinder (Golub & Sussillo 2018) where it has one.

    Attributes:
        tol_q: a fixed point has a speed ``q = 0.5 |F(x) - x|^2`` of at most this, each state
            measured in its own size. It must also pass the test of its Newton step.
        tol_dq: a descent ends where ``q`` falls by less (``"adam"``: by less than this
            times the learning rate).
        max_iters: iterations per point, in each phase of the search. ``"newton"`` seldom needs
            more than 100.
        method: ``"newton"`` (Levenberg-Marquardt with exact Jacobians) or ``"adam"``;
            FixedPointFinder's ``"joint"`` and ``"sequential"`` both mean ``"adam"``.
        do_rerun_q_outliers: give points that did not converge and whose ``q`` exceeds
            ``outlier_q_scale`` times the median another ``max_iters`` iterations.
        outlier_q_scale: factor of ``do_rerun_q_outliers``.
        do_exclude_distance_outliers: leave out of ``unique`` slow points, and points of a
            continuum, that lie further from the centroid of the initial states than
            ``outlier_distance_scale`` times their mean distance from it. Isolated fixed
            points are kept however far, and so is what the network reaches by itself.
        outlier_distance_scale: factor of ``do_exclude_distance_outliers``. It is also the half
            width of the box in which the search begins where the network has no bounds of its
            own; descents that press on such a box go on beyond it.
        tol_unique: no two points of ``unique`` lie nearer than this (Euclidean, states and
            inputs together, each relative to its size), but for isolated fixed points that
            are located apart from each other: they are kept however near, unless a value
            above the default asks for a coarser set, and then a warning counts them.
        max_n_unique: keep at most so many, chosen at random.
        do_compute_jacobians: compute dF/dx and dF/du at the points of ``unique``.
        do_decompose_jacobians: compute also their eigenvalues and eigenvectors.
        dtype: floating type of the broad search, ``"float32"`` or ``"float64"``. What is
            returned is located and linearised in float64 in any case.
        random_seed: seed of every random choice.
        effort: how long the search goes on from starts of its own once it has worked through
            those given: until it has made at least 256 times this many since the last new
            fixed point, 8 times this many for each point known, and this many times as many
            as until it was found. 0 searches from the given starts alone. (``"newton"``
            only.)
        max_seconds: seconds after the beginning of the search at which it ends, given starts
            that have not arrived by then included; None: 60 times the effort after it has
            worked through the given starts, for which there is no limit. A search
            that ends by time says so, and may end with other points on another machine.
        verbose: show a progress bar.
        super_verbose: also write lines on the progress of the search.
        n_iters_per_print_update: batches of iterations between these lines.
        lr_init: learning rate at which ``"adam"`` begins.
        lr_factor: factor by which it falls when ``q`` has not reached a new minimum for
            ``lr_patience`` iterations.
        lr_patience: iterations after which ``lr_factor`` acts.
        lr_cooldown: iterations after a fall in which it does not fall again.
        share_descents: give a start to a known end point where a straight line leads down
            to it, instead of descending once more. Switched off, every start that is not
            near a fixed point descends to the end by itself, which takes several times as
            long on large networks. (A start near a known fixed point is given to it in any
            case, if a Newton step lands there.)
        memory_limit: bytes for the matrices of one point, above which no Jacobian is
            formed; for what makes the Jacobians of the result, a chunk of points at a time;
            and, four times this, for those Jacobians. Other work on many points keeps to
            the default in chunks.

    Example:
        >>> FinderConfig(tol_unique=0.01)
        FinderConfig(tol_unique=0.01)
        >>> FinderConfig(tol_q=-1.0)
        Traceback (most recent call last):
        ...
        ValueError: tol_q: expected a number of at least 0, received -1.0.
    """

    tol_q: float = 1e-12
    tol_dq: float = 1e-20
    max_iters: int = 5000
    method: str = "newton"
    do_rerun_q_outliers: bool = False
    outlier_q_scale: float = 10.0
    do_exclude_distance_outliers: bool = True
    outlier_distance_scale: float = 10.0
    tol_unique: float = DEFAULT_TOL_UNIQUE
    max_n_unique: float = np.inf
    do_compute_jacobians: bool = True
    do_decompose_jacobians: bool = True
    dtype: str = "float32"
    random_seed: int = 0
    effort: float = 1.0
    max_seconds: float | None = None
    verbose: bool = True
    super_verbose: bool = False
    n_iters_per_print_update: int = 100
    lr_init: float = 0.05
    lr_factor: float = 0.95
    lr_patience: int = 5
    lr_cooldown: int = 0
    share_descents: bool = True
    memory_limit: float = MEMORY_LIMIT

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> FinderConfig:
        """Make a configuration from a dictionary, with a helpful word on an unknown option.

        Args:
            options: values by the names of the attributes.
        """
        check_mapping(options, "options")
        check_option_names(options)
        return cls(**options)

    def __post_init__(self):
        for name in ("tol_q", "tol_dq", "tol_unique"):
            check_number(getattr(self, name), name, closed="low")
        check_number(self.effort, "effort", 0.0, _MOST_EFFORT, closed="both")
        for name in (
            "outlier_q_scale",
            "outlier_distance_scale",
            "max_n_unique",
            "memory_limit",
        ):
            check_number(getattr(self, name), name, closed="high")
        if self.max_seconds is not None:
            check_number(self.max_seconds, "max_seconds", closed="high")
        check_number(self.lr_init, "lr_init")
        check_number(self.lr_factor, "lr_factor", high=1.0, closed="high")
        for name, least in (
            ("max_iters", 1),
            ("n_iters_per_print_update", 1),
            ("lr_patience", 0),
            ("lr_cooldown", 0),
        ):
            check_whole(getattr(self, name), name, least)
        check_seed(self.random_seed, "random_seed")
        if np.isfinite(float(self.max_n_unique)) and self.max_n_unique % 1:
            raise ValueError(
                "max_n_unique: expected a whole number or infinity, received "
                f"{self.max_n_unique!r}."
            )
        for name in _SWITCHES:
            check_switch(getattr(self, name), name)
        check_choice(self.method, "method", _METHODS)
        object.__setattr__(self, "dtype", check_float_type(self.dtype))

    def search_options(self) -> SolverOptions:
        """Return the options of the search itself."""
        return SolverOptions(
            method=_METHODS[self.method],
            tol_q=self.tol_q,
            tol_dq=self.tol_dq,
            max_iters=self.max_iters,
            dtype=self.dtype,
            share_descents=self.share_descents,
            memory_limit=self.memory_limit,
            random_seed=self.random_seed,
            effort=float(self.effort),
            max_seconds=self.max_seconds,
            adam=AdamOptions(self.lr_init, self.lr_factor, self.lr_patience, self.lr_cooldown),
        )

    def __repr__(self) -> str:
        changed = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        ]
        return f"FinderConfig({', '.join(changed)})"


def check_option_names(names: Iterable[str]) -> None:
    """Refuse names that are no option of a search, with a hint at what was meant.

    Args:
        names: names of options.

    Raises:
        TypeError: one of them is not an option.

    Example:
        >>> check_option_names(["tol_q"])
        >>> check_option_names(["tol_k"])  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        TypeError: FixedPointFinder: expected options among ['tol_q', ..., received 'tol_k'...
    """
    known = [field.name for field in dataclasses.fields(FinderConfig)]
    for name in names:
        if name in _OF_THE_ORIGINAL:
            raise TypeError(
                f"FixedPointFinder: expected its own options, received {name!r}, which the "
                f"original of 2018 had: {_OF_THE_ORIGINAL[name]}."
            )
        if name not in known:
            near = difflib.get_close_matches(name, [*known, *_OF_THE_NETWORK], n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise TypeError(
                f"FixedPointFinder: expected options among {known}, received {name!r}.{hint}"
            )
