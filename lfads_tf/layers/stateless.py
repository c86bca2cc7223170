"""Networks whose weights are arguments, one for all models of equal structure.

TensorFlow never frees a program that XLA compiled, and compiling LFADS takes seconds. A
compiled function therefore holds no model's network: it is of a :class:`StatelessNetwork`,
whose weights are arguments, and all models of the same sizes, likelihood and trained weights
call the same functions.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import weakref
from collections.abc import Callable, Hashable, Iterator
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from lfads_tf.layers.network import Network

__all__ = ["StatelessNetwork", "Weights", "stateless_network", "train_alike"]

#: Attributes of a configuration that no compiled function depends on: they set first weights,
#: are arguments, or are used outside of compiled functions. Which weights are trained, and the
#: number of sessions, are part of the structure otherwise.
_NOT_COMPILED = (
    "dropout",
    "coordinated_dropout",
    "spike_jitter",
    "temporal_shift",
    "kl_initial_condition_weight",
    "kl_inferred_inputs_weight",
    "l2_generator_weight",
    "l2_controller_weight",
    "l2_encoders_weight",
    "warm_up_steps",
    "learning_rate",
    "gradient_clip",
    "seed",
    "session_names",
    "read_in_start",
    "read_in_trained",
    "frozen_sessions",
    "shared_frozen",
)

#: Parts of a layer's configuration that set its first weights only.
_OF_START = ("name", "seed", "config", "time_constant")


class Weights(NamedTuple):
    """Values of a network's weights, in its order.

    Attributes:
        trained: of the weights that are trained.
        fixed: of the others.
    """

    trained: list[tf.Tensor]
    fixed: list[tf.Tensor]


class StatelessNetwork:
    """A network that computes with weights that are given.

    Args:
        network: whose layers compute; its own weights are not used.

    Attributes:
        network: as given.
        config: configuration of the network.

    Example:
        >>> from lfads_tf import LFADSConfig
        >>> network = Network(LFADSConfig(n_neurons=3, n_bins=2, bin_width=0.02, n_factors=2))
        >>> stateless = StatelessNetwork(network)
        >>> weights = stateless.weights_of(network)
        >>> weights.trained[-1] += 1.0
        >>> with stateless.with_weights(weights):
        ...     float(tf.convert_to_tensor(network.trainable_variables[-1])[0])
        1.0
    """

    def __init__(self, network: Network) -> None:
        self.network, self.config = network, network.config
        self._trained = [variable.trainable for variable in network.variables]
        self._functions: dict[Hashable, Callable] = {}

    def weights_of(self, network: Network) -> Weights:
        """Return the values of the weights of a network of this structure.

        Raises:
            ValueError: other weights are trained than those of this network.
        """
        self.check_trained(network)
        return Weights(
            [tf.convert_to_tensor(v) for v in network.trainable_variables],
            [tf.convert_to_tensor(v) for v in network.non_trainable_variables],
        )

    def check_trained(self, network: Network) -> None:
        """Raise ``ValueError`` if other weights are trained than those of this network."""
        if [variable.trainable for variable in network.variables] != self._trained:
            raise ValueError(
                "trainable: expected the same weights to be trained as when the model was "
                "compiled, received a model in which that has changed; compile it again."
            )

    @contextlib.contextmanager
    def with_weights(self, weights: Weights) -> Iterator[Network]:
        """Let the network's layers compute with the weights given."""
        trained = zip(self.network.trainable_variables, weights.trained, strict=True)
        fixed = zip(self.network.non_trainable_variables, weights.fixed, strict=True)
        with keras.StatelessScope(state_mapping=[*trained, *fixed]):
            yield self.network

    def function(self, key: Hashable, make: Callable[[], Callable]) -> Callable:
        """Return a function of this network, made at the first call.

        Args:
            key: by which later calls find it.
            make: makes the function.
        """
        with _LOCK:
            if key not in self._functions:
                self._functions[key] = make()
            return self._functions[key]


_LOCK = threading.RLock()
_KNOWN: weakref.WeakValueDictionary[Hashable, StatelessNetwork] = weakref.WeakValueDictionary()
_COMPILED: set[StatelessNetwork] = set()


def stateless_network(network: Network, *, compiled: bool) -> StatelessNetwork:
    """Return the stateless network of all networks of this structure.

    Under a ``tf.distribute`` strategy, whose variables have copies, and of a network that was
    changed by hand it is one of this network alone.

    Args:
        network: network of a model.
        compiled: its functions are compiled by XLA. Their programs stay in memory as long as
            the process, and so does then the stateless network, for later models.

    Example:
        >>> from lfads_tf import LFADSConfig
        >>> sizes = dict(n_neurons=3, n_bins=2, bin_width=0.02, n_factors=2)
        >>> a, b = (Network(LFADSConfig(**sizes, seed=seed)) for seed in range(2))
        >>> stateless_network(a, compiled=False) is stateless_network(b, compiled=False)
        True
    """
    if tf.distribute.has_strategy() or type(network) is not Network:
        return StatelessNetwork(network)
    key = _structure(network)
    with _LOCK:
        found = _KNOWN.get((key, compiled))
        if found is None:
            found = StatelessNetwork(_like(network))
            if _structure(found.network) != key:
                return StatelessNetwork(network)
            _KNOWN[key, compiled] = found
            if compiled:
                _COMPILED.add(found)
        return found


def _like(network: Network) -> Network:
    """Make another network of the same structure."""
    made = Network(network.config, name="stateless_network", dtype=network.dtype_policy)
    train_alike(made, network)
    return made


def train_alike(network: Network, other: Network) -> None:
    """Let the same weights of a network be trained as of another one of equal sizes."""
    for layer, like in zip(_layers(network), _layers(other), strict=False):
        layer.trainable = like.trainable
    for variable, like in zip(network.variables, other.variables, strict=False):
        variable.trainable = like.trainable


def _layers(network: Network) -> list[keras.layers.Layer]:
    return network._flatten_layers(include_self=False)


def _structure(network: Network) -> Hashable:
    """Return all that compiled functions of a network depend on, its weights' values apart."""
    config = dataclasses.asdict(network.config)
    sizes = {name: value for name, value in config.items() if name not in _NOT_COMPILED}
    if network.config.input_prior == "ar1":
        sizes.pop("input_prior_time_constant")  # the first value of a weight
    variables = [(tuple(v.shape), v.dtype, v.trainable) for v in network.variables]
    layers = [(type(layer), _plain(layer.get_config())) for layer in _layers(network)]
    return repr((sorted(sizes.items()), type(network.observation), variables, layers))


def _plain(config: Any) -> Any:
    """Return a layer's configuration without what sets its first weights."""
    if not isinstance(config, dict):
        return config
    return sorted(
        (name, _plain(value))
        for name, value in config.items()
        if name not in _OF_START and not name.endswith("initializer")
    )
