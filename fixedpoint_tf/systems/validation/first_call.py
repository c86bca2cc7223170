"""First call of a network, which tests its values and their derivatives."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from fixedpoint_tf.systems.system import DynamicalSystem
from fixedpoint_tf.systems.validation.derivative_errors import listed, unit_name

__all__ = ["check_differentiated", "check_numbers"]

SIZES = 10.0 ** np.arange(-3, 7)  # of the states at which an update is tried
N_EACH = 8  # states of each size, a half of them of one sign throughout
WAY_OUT = (
    "Write it with operations that TensorFlow differentiates, or give "
    "derivatives='differences'."
)


def check_numbers(system: DynamicalSystem, seed: int = 0) -> None:
    """Refuse an update that returns NaN or infinity wherever it is tried.

    States of sizes from 1e-3 to 1e6 are tried, with positive and with negative ones among
    them, and states within the bounds; one that is undefined at some is no matter.

    Args:
        system: what is tried.
        seed: seed of the states and inputs.

    Raises:
        ValueError: naming the units that are never numbers.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> check_numbers(as_system(lambda h, u: 0.5 * h, n_states=2, n_inputs=0))
    """
    rng = np.random.default_rng(seed)
    x = np.repeat(SIZES, N_EACH)[:, None] * rng.normal(
        size=(N_EACH * len(SIZES), system.n_states)
    )
    x[0::4], x[1::4] = np.abs(x[0::4]), -np.abs(x[1::4])
    low, high = (
        np.nan_to_num(b, posinf=1e6, neginf=-1e6) for b in (system.lower, system.upper)
    )
    x = np.concatenate([np.clip(x, low, high), rng.uniform(low, high, size=x.shape)])
    u = 0.1 * rng.normal(size=(len(x), system.n_inputs))
    try:
        image = system.step(x, u).numpy()
    except tf.errors.OpError:
        return  # it is defined at some states only
    never = np.flatnonzero(~np.isfinite(image.astype(np.float64)).any(axis=0))
    if len(never):
        names = listed([unit_name(system, int(i)) for i in never])
        raise ValueError(
            f"rnn: expected {system.name!r} to return finite states, received NaN or infinity "
            f"for {names} at each of {len(x)} states that were tried. Check its "
            "constants and weights, and bounds where it is defined within some only."
        )


def check_differentiated(system: DynamicalSystem) -> None:
    """Refuse operations whose derivatives TensorFlow does not make for many states at once.

    Args:
        system: of which the Jacobians are tried at two states.

    Raises:
        ValueError: with what TensorFlow says.

    Example:
        >>> from fixedpoint_tf import as_system
        >>> check_differentiated(as_system(lambda h, u: tf.tanh(h), n_states=2, n_inputs=0))
    """
    h = 0.1 + np.zeros((2, system.n_states))
    u = 0.1 + np.zeros((2, system.n_inputs))
    try:
        system.step(h, u)
    except tf.errors.OpError:
        return  # not defined there, so nothing is learnt
    for jacobian in (system.jacobian, system.input_jacobian):
        try:
            jacobian(h, u)
        except Exception as error:  # noqa: BLE001 - whatever TensorFlow makes of the operation
            text = " ".join(str(error).split())
            python = "EagerPyFunc" in text or "pyfunc" in text
            reason = "tf.py_function, which runs Python" if python else text[:200]
            raise ValueError(
                f"rnn: expected {system.name!r} to consist of operations that can be "
                f"differentiated for many states at once, received one that cannot: {reason}. "
                f"{WAY_OUT}"
            ) from error
