"""The configuration of a model that is stitched over several recording sessions."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

from lfads_tf.config import LFADSConfig
from lfads_tf.data.together import as_sessions

__all__ = ["StitchedConfig"]

STARTS = ("pcr", "random")


@dataclasses.dataclass(frozen=True, repr=False)
class StitchedConfig(LFADSConfig):
    """An :class:`LFADSConfig` with a read-in and a read-out for each session.

    Everything else is shared. :meth:`for_data` of sessions makes one. ``n_neurons`` and
    ``n_encode_neurons`` are those of the largest session, to which the others are padded.

    Attributes:
        session_names: of the sessions, each once.
        session_neurons: number of neurons of each.
        session_encode_neurons: how many of them the encoders see; empty: all.
        n_read_in: dimensions that every session's read-in leads to, in which the encoders
            see the spikes.
        read_in_start: ``"pcr"``: read-in and read-out begin by principal components
            regression (:mod:`lfads_tf.sessions.alignment`), for which all sessions have the
            same conditions; ``"random"``.
        read_in_trained: whether the read-ins are trained on; the read-outs always are.
        frozen_sessions: names of sessions whose read-in and read-out are not trained.
        shared_frozen: whether all that the sessions share is not trained.

    Example:
        >>> StitchedConfig(
        ...     n_neurons=9, n_bins=50, bin_width=0.01, n_factors=5,
        ...     session_names=("monday", "tuesday"), session_neurons=(6, 9), n_read_in=5,
        ... )
        StitchedConfig(n_neurons=9, n_bins=50, bin_width=0.01, n_factors=5, ...)
    """

    session_names: tuple[str, ...] = ()
    session_neurons: tuple[int, ...] = ()
    session_encode_neurons: tuple[int, ...] = ()
    n_read_in: int = 20
    read_in_start: str = "random"
    read_in_trained: bool = True
    frozen_sessions: tuple[str, ...] = ()
    shared_frozen: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self._one_of("read_in_start", STARTS)
        names, sizes = self.session_names, self.session_neurons
        if not names or len(set(names)) < len(names):
            raise ValueError(
                f"session_names: expected names of sessions, each once, received {names!r}."
            )
        if len(sizes) != len(names) or min(sizes, default=0) < 1:
            raise ValueError(
                f"session_neurons: expected the number of neurons of each of {len(names)} "
                f"sessions, received {sizes!r}."
            )
        if self.n_neurons != max(sizes):
            raise ValueError(
                f"n_neurons: expected that of the largest session ({max(sizes)}), received "
                f"{self.n_neurons}."
            )
        encoded = self.session_encode_neurons or sizes
        fits = len(encoded) == len(sizes)
        if not fits or not all(1 <= e <= n for e, n in zip(encoded, sizes, strict=True)):
            raise ValueError(
                "session_encode_neurons: expected from 1 to all neurons of each session "
                f"({sizes!r}), received {encoded!r}."
            )
        if self.encoded_neurons != max(encoded):
            raise ValueError(
                "n_encode_neurons: expected that of the session with the most encoded neurons "
                f"({max(encoded)}), received {self.encoded_neurons}."
            )
        unknown = set(self.frozen_sessions) - set(names)
        if unknown:
            raise ValueError(
                f"frozen_sessions: expected some of {', '.join(map(repr, names))}, received "
                f"{', '.join(map(repr, sorted(unknown)))}."
            )
        if not self.read_in_trained and self.read_in_start == "random":
            raise ValueError(
                "read_in_trained: expected True where read-ins begin at random "
                "(read_in_start='random'), received False."
            )

    def _checked(self, name: str, value: Any, kind: str) -> Any:
        if kind == "bool":
            if not isinstance(value, bool):
                raise TypeError(f"{name}: expected True or False, received {value!r}.")
            return value
        if not kind.startswith("tuple"):
            return super()._checked(name, value, kind)
        if isinstance(value, str) or not isinstance(value, list | tuple):
            raise TypeError(f"{name}: expected a tuple, received {value!r}.")
        if "int" in kind:
            return tuple(super(StitchedConfig, self)._checked(name, v, "int") for v in value)
        for item in value:
            if not isinstance(item, str):
                raise TypeError(f"{name}: expected strings, received {item!r}.")
        return tuple(value)

    @property
    def _most_factors(self) -> int:
        return sum(self.session_neurons)

    def index_of(self, session_name: str, argument: str = "session") -> int:
        """The place of a session among the sessions of the model.

        Raises:
            ValueError: the model does not know it.
        """
        if session_name not in self.session_names:
            raise ValueError(
                f"{argument}: expected a session that the model knows "
                f"({', '.join(map(repr, self.session_names))}), received {session_name!r}. "
                "add_session makes a new one known."
            )
        return self.session_names.index(session_name)

    def encoded_of(self, index: int) -> int:
        """How many neurons of a session the encoders see."""
        return (self.session_encode_neurons or self.session_neurons)[index]

    @classmethod
    def for_data(cls, session: Any, **changes: Any) -> StitchedConfig:
        """The configuration for several sessions, with what the data decide filled in.

        Args:
            session: the sessions that the model is for.
            **changes: any attribute. Sessions with conditions begin by principal components
                regression; ``read_in_start="random"`` does not ask for any.

        Raises:
            TypeError: no sessions, or an unknown attribute.
            ValueError: a value out of range, or sessions that do not go together.

        Example:
            >>> import numpy as np
            >>> from lfads_tf import Session
            >>> days = [Session(np.ones((4, 50, n)), 0.02, f"day{n}") for n in (6, 9)]
            >>> StitchedConfig.for_data(days).session_neurons
            (6, 9)
        """
        sessions = as_sessions(session, "session")
        for name in ("session_names", "session_neurons", "n_neurons"):
            if name in changes:
                raise TypeError(f"{name}: expected none, since the sessions decide it.")
        largest = max(sessions, key=lambda session: session.n_neurons)
        neurons = tuple(session.n_neurons for session in sessions)
        encoded = tuple(session.n_encode_neurons or session.n_neurons for session in sessions)
        n_factors = changes.get("n_factors", min(cls.n_factors, sum(neurons)))
        from_data: dict[str, Any] = {
            "session_names": tuple(session.name for session in sessions),
            "session_neurons": neurons,
            "n_factors": n_factors,
            "n_read_in": min(n_factors, min(encoded)),
            "read_in_start": "random",
        }
        from_data["n_encode_neurons"] = None
        if encoded != neurons:
            from_data["session_encode_neurons"] = encoded
            from_data["n_encode_neurons"] = max(encoded)
        if any(session.conditions is not None for session in sessions):
            from_data["read_in_start"] = "pcr"
        made = super().for_data(largest, **{**from_data, **changes})
        return cast(StitchedConfig, made)

    def of_session(self, index: int) -> LFADSConfig:
        """What a session's trials are checked against: its own neurons, and the rest."""
        own = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(LFADSConfig)
        }
        n_neurons = self.session_neurons[index]
        n_factors = min(self.n_factors, n_neurons)
        n_encoded = self.encoded_of(index) if self.session_encode_neurons else None
        sizes = {"n_neurons": n_neurons, "n_factors": n_factors, "n_encode_neurons": n_encoded}
        return LFADSConfig(**{**own, **sizes})

    def with_session(
        self, name: str, n_neurons: int, n_encoded: int, *, shared_frozen: bool
    ) -> StitchedConfig:
        """The configuration with one session more, whose weights alone are trained.

        Args:
            name: of the session.
            n_neurons: that it has.
            n_encoded: how many of them the encoders see.
            shared_frozen: False: what the sessions share is trained too.
        """
        neurons = (*self.session_neurons, n_neurons)
        encoded = (*(self.session_encode_neurons or self.session_neurons), n_encoded)
        return dataclasses.replace(
            self,
            session_names=(*self.session_names, name),
            session_neurons=neurons,
            session_encode_neurons=() if encoded == neurons else encoded,
            n_neurons=max(neurons),
            n_encode_neurons=None if encoded == neurons else max(encoded),
            read_in_trained=True,
            frozen_sessions=self.session_names,
            shared_frozen=shared_frozen,
        )

    def to_dict(self) -> dict[str, Any]:
        """All attributes as plain numbers, strings and lists."""
        values = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}
