"""Calls of ``fixedpoint_tf.analysis`` that succeed, and the kinds of their arguments."""

from __future__ import annotations

import numpy as np
from argument_kinds import array, instance, number, whole
from common_calls import points, system
from public_calls import Call, Excluded

CALLS: dict[str, Call | Excluded] = {
    "fixedpoint_tf.analysis.certify": Call(
        lambda: {
            "system": system(),
            "points": points(),
            "inputs": np.zeros((1, 1)),
            "n_directions": 2,
            "safety": 2.0,
            "seed": 0,
            "verbose": False,
        },
        {
            "system": instance(),
            "points": instance(np.ndarray, list),
            "inputs": array(tied=(1,)),
            "n_directions": whole(),
            "safety": number(low=1.0, closed="low"),
        },
    ),
}
