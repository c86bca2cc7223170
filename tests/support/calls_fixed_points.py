"""Calls of sets of points, linearisation and figures that succeed, and their arguments."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import numpy as np
from argument_kinds import (
    array,
    booleans,
    choice,
    flag,
    instance,
    number,
    options,
    sequence_of,
    whole,
)
from common_calls import points, system
from public_calls import Call, Excluded

POINTS, LINEAR = "fixedpoint_tf.FixedPoints", "fixedpoint_tf.linearization"
PLOT = "fixedpoint_tf.plotting"


@functools.cache
def folder():
    """Return a folder that is removed with the process."""
    return tempfile.TemporaryDirectory()


@functools.cache
def file_of_points():
    path = Path(folder().name, "points.h5")
    points().save(path)
    return path


@functools.cache
def three_points():
    """Return three points of three states, with all arrays."""
    from fixedpoint_tf import FixedPoints

    return FixedPoints(**arrays())


def arrays():
    n, d = 3, 3
    return {
        "xstar": np.diag([1.0, 2.0, 3.0]),
        "x_init": np.zeros((n, d)),
        "inputs": np.zeros((n, 2)),
        "F_xstar": np.zeros((n, d)),
        "qstar": np.full(n, 1e-20),
        "dq": np.zeros(n),
        "n_iters": np.ones(n, int),
        "J_xstar": np.stack([np.diag([0.5, 0.2, 1.5])] * n),
        "dFdu": np.ones((n, d, 2)),
        "eigval_J_xstar": np.tile([1.5 + 0j, 0.5, 0.2], (n, 1)),
        "eigvec_J_xstar": np.stack([np.eye(d) + 0j] * n),
        "left_eigvec_J_xstar": np.stack([np.eye(d) + 0j] * n),
        "growth_at_kink": np.full(n, np.nan),
        "is_stable": np.zeros(n, bool),
        "cond_id": np.arange(n),
        "status": np.zeros(n, int),
        "newton_step": np.zeros(n),
        "smallest_singular_value": np.ones(n),
        "n_at_bound": np.zeros(n, int),
        "state_names": [("h", 1), ("c", 2)],
        "start_counts": {"FIXED_POINT": 3},
        "search_end": "settled",
    }


REAL = {"finite": False, "empty": True}
ROWS, PAIRS = array(tied=(0,), **REAL), array(tied=(0, 1), **REAL)
COUNTS = array(tied=(0,), whole=True, empty=True)
MODES = array(finite=False, tied=(0, 1, 2), empty=True, complex_too=True)
FIELDS = {
    "xstar": array(**REAL),  # other arrays follow its shape
    "x_init": PAIRS,
    "inputs": ROWS,
    "F_xstar": PAIRS,
    **dict.fromkeys(
        ("qstar", "dq", "growth_at_kink", "newton_step", "smallest_singular_value"), ROWS
    ),
    **dict.fromkeys(("n_iters", "cond_id", "n_at_bound"), COUNTS),
    "status": array(tied=(0,), whole=True, empty=True, low=0, high=5),
    "J_xstar": array(tied=(0, 1, 2), **REAL),
    "dFdu": array(tied=(0, 1, 2), **REAL),
    "eigval_J_xstar": array(finite=False, tied=(0,), empty=True, complex_too=True),
    "eigvec_J_xstar": MODES,
    "left_eigvec_J_xstar": MODES,
    "is_stable": booleans(tied=(0,)),
    "tol_unique": number(closed="low"),
    "time": choice(),
    "state_names": sequence_of(
        "ab",
        [("h", 1)],
        [("h", 3, 1)],
        [("h", 1.5), ("c", 1.5)],
        [(1, 3)],
        [("h", -1), ("c", 4)],
        [("h", True), ("c", 2)],
    ),
    "start_counts": options(),
    "search_end": choice(),
    "index": instance(dict),
}
DRAWN = {
    "fps": instance(),
    "state_traj": array(finite=False, axes=(2, 3), tied=(2,)),
    "plot_batch_idx": array(axes=1, whole=True, low=-4, high=3, empty=True),
    "plot_start_time": whole(-5),
    "plot_stop_time": whole(-5),
    "mode_scale": number(closed="low"),
    "max_n_modes": whole(0),
}
FIGURE = Call(
    lambda: {
        "fps": three_points(),
        "state_traj": np.random.default_rng(0).normal(size=(4, 5, 3)),
        "plot_batch_idx": [0, 2],
    },
    DRAWN,
)
VALUES = array(finite=False, axes=(0, 1, 2, 3, 4), empty=True, complex_too=True)
VALUES_OF_POINTS = array(finite=False, axes=(1, 2, 3, 4), empty=True, complex_too=True)
MATRICES = array(finite=False, tied=(1, 2), empty=True)


def of_modes(**kinds):
    return Call(
        lambda: {"eigenvalues": np.array([[0.5 + 0.1j, 0.5 - 0.1j], [0.9, 0.2]])},
        {"time": choice(), **kinds},
    )


def of_jacobians():
    return Call(
        lambda: {"jacobians": np.stack([np.eye(2), np.diag([0.5, 0.1])])},
        {"jacobians": MATRICES, "time": choice()},
    )


CALLS: dict[str, Call | Excluded] = {
    POINTS: Call(arrays, FIELDS),
    f"{POINTS}.concatenate": Call(
        lambda: {"parts": [points(), points()]},
        {"parts": sequence_of("ab", [], [1], [None], [points], ["a"]), "common": flag()},
    ),
    f"{POINTS}.decompose_jacobians": Call(on=three_points),
    f"{POINTS}.find": Call(
        lambda: {"point": three_points()[0]}, {"point": instance()}, on=three_points
    ),
    f"{POINTS}.frequencies": Call(dict, {"dt": number()}, on=three_points),
    f"{POINTS}.get_unique": Call(on=three_points),
    f"{POINTS}.load": Call(lambda: {"path": file_of_points()}),
    f"{POINTS}.plot": Call(
        lambda: {k: v for k, v in FIGURE.arguments().items() if k != "fps"},
        {k: v for k, v in DRAWN.items() if k != "fps"},
        on=three_points,
    ),
    f"{POINTS}.save": Call(lambda: {"path": Path(folder().name, "new.h5")}, on=three_points),
    f"{POINTS}.states": Call(lambda: {"name": "c"}, {"name": choice()}, on=three_points),
    f"{POINTS}.time_constants": Call(dict, {"dt": number()}, on=three_points),
    f"{POINTS}.to_dict": Call(on=three_points),
    f"{POINTS}.transform": Call(
        lambda: {"U": np.eye(3)[:, :2], "offset": np.zeros(2)},
        {"U": array(tied=(0,)), "offset": array(axes=(0, 1), tied=(0,))},
        on=three_points,
    ),
    f"{LINEAR}.growth": of_modes(eigenvalues=VALUES),
    f"{LINEAR}.time_constants": of_modes(eigenvalues=VALUES, dt=number()),
    f"{LINEAR}.frequencies": of_modes(eigenvalues=VALUES, dt=number()),
    f"{LINEAR}.n_unstable": of_modes(eigenvalues=VALUES_OF_POINTS, tol=number(closed="low")),
    f"{LINEAR}.is_stable": of_modes(eigenvalues=VALUES_OF_POINTS, tol=number(closed="low")),
    f"{LINEAR}.classify": of_modes(eigenvalues=VALUES_OF_POINTS, tol=number(closed="low")),
    f"{LINEAR}.decompose": of_jacobians(),
    f"{LINEAR}.right_eigenvectors": of_jacobians(),
    f"{LINEAR}.linear_trajectories": Call(
        lambda: {
            "xstar": np.ones(3),
            "jacobian": np.eye(3) / 2,
            "initial_states": np.ones((4, 3)),
            "n_steps": 5,
            "input_jacobian": np.ones((3, 2)),
            "input_deviation": np.ones((4, 5, 2)),
            "drift": np.zeros(3),
        },
        {
            "xstar": array(),  # others follow its size
            "jacobian": array(tied=(0, 1)),
            "initial_states": array(axes=(1, 2), tied=(0, 1)),
            "n_steps": whole(0),
            "input_jacobian": array(tied=(0,)),  # the deviation follows its inputs
            "input_deviation": array(axes=(1, 2, 3), tied=(0, 1, 2)),
            "drift": array(tied=(0,)),
            "time": choice(),
            "dt": number(),
        },
    ),
    f"{PLOT}.plot_fixed_points": FIGURE,
    f"{PLOT}.plot_fps": FIGURE,
    f"{PLOT}.plot_eigenvalues": Call(lambda: {"fps": three_points()}, {"fps": instance()}),
    f"{PLOT}.plot_q": Call(
        lambda: {"fps": three_points()},
        {"fps": instance(), "tol_q": number(closed="low"), "n_bins": whole()},
    ),
    f"{PLOT}.plot_flow": Call(
        lambda: {
            "system": system(),
            "points": np.eye(3, 2),
            "inputs": np.zeros(1),
            "fps": points(),
            "n_grid": 5,
            "n_arrows": 4,
        },
        {
            "system": instance(),
            "points": array(tied=(1,)),
            "inputs": array(axes=(1, 2), tied=(0,)),
            "fps": instance(),
            "margin": number(closed="low"),
            "n_grid": whole(2),
            "n_arrows": whole(2),
        },
    ),
}
