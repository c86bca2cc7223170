"""``tf.function`` as this package uses it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

__all__ = ["compiled"]


def compiled(function: Callable, signature: Sequence[tf.TypeSpec] | None = None) -> Any:
    """Compile a function for batches of any length, once for each network it is made for.

    Args:
        function: of tensors, with TensorFlow's own control flow.
        signature: specs of the arguments; without it, they are relaxed as calls differ.

    Returns:
        The compiled function.
    """
    made = tf.function(
        function, input_signature=signature, reduce_retracing=signature is None, autograph=False
    )
    # TensorFlow warns of repeated tracing by the line that defines a function. Here the
    # same line serves every network, each of which is traced once.
    made._omit_frequent_tracing_warning = True
    return made
