"""Configuration of an LFADS model and of its training, checked when it is made."""

from __future__ import annotations

import dataclasses
import difflib
import warnings
from collections.abc import Sequence
from typing import Any

from fixedpoint_tf._utils.checks import (
    check_mapping,
    check_number,
    check_switch,
    check_text,
    check_whole,
    listed,
)
from lfads_tf._utils.checks import UNNAMED
from lfads_tf._utils.conditions import has_condition
from lfads_tf._utils.config_checks import check_sessions, check_together, plain_value
from lfads_tf.data.compatibility import as_sessions
from lfads_tf.data.session import Session

__all__ = ["LFADSConfig", "renamed"]

#: What attributes were called in files of before the first release.
_RENAMED = {
    "smallest_event": "gamma_location",
    "kl_initial_condition": "kl_initial_condition_weight",
    "kl_inferred_inputs": "kl_inferred_inputs_weight",
    "l2_generator": "l2_generator_weight",
    "l2_controller": "l2_controller_weight",
    "l2_encoders": "l2_encoders_weight",
}


def renamed(name: str) -> str:
    """Return the present name of an attribute in a saved file.

    Example:
        >>> renamed("smallest_event"), renamed("dropout")
        ('gamma_location', 'dropout')
    """
    return _RENAMED.get(name, name)


@dataclasses.dataclass(frozen=True)
class LFADSConfig:
    """Sizes, priors and regularisation of a model, checked on construction.

    :meth:`for_data` fills in what the data say. Sizes that are not given follow from the
    data or have the default written here.

    Weights of the loss are in units in which the evidence lower bound (ELBO) has weight 1
    whatever the number of bins and neurons: the loss is the negative ELBO of a batch
    divided by the number of its observed samples (bins x neurons). A scale ``s`` of
    lfads-torch (with its ``recon_reduce_mean``) is the weight ``s * n_bins * n_neurons``
    here, so its usual ``1e-7`` at 45 bins and 182 neurons is a weight of 0.0008, or 0.0027
    with its coordinated dropout of 0.3: see :meth:`kl_weight_from_lfads_torch`.

    A model always has a list of sessions, usually of one. With several, each has a read-in
    and a read-out of its own and shares everything else; ``n_neurons`` and
    ``n_encode_neurons`` are those of the largest, to which the others are padded.

    Attributes:
        n_neurons: number of neurons that are reconstructed.
        n_bins: number of bins that are reconstructed.
        bin_width: width of a bin in seconds.
        n_encode_neurons: the encoders see only the first neurons (co-smoothing).
        n_encode_bins: the encoders see only the first bins (forward prediction).
        n_external_inputs: number of measured inputs to the generator.
        n_inferred_inputs: number of inputs inferred by the controller; 0: no controller.
        encoder_units: units of each direction of the initial-condition encoder.
        n_initial_conditions: dimensions of the initial condition.
        generator_units: units of the generator.
        n_factors: number of factors.
        controller_encoder_units: units of each direction of the controller's encoder.
        controller_units: units of the controller.
        controller_lag: bins by which the controller's encoder lags behind, so that an input
            is inferred from its effects.
        initial_condition_bins: the first bins go to the initial-condition encoder only and
            the rest to the controller's only; 0: both see everything.
        state_clip: bound on the absolute value of every recurrent state.
        initial_condition_prior_variance: fixed variance of the prior; its mean is learned.
        input_prior: ``"ar1"`` (learned time constant and noise) or ``"gaussian"``, white:
            for inputs that are new in each bin, which an autoregressive prior may sum up in
            the generator's place.
        input_prior_time_constant: in seconds, at the start of training.
        input_prior_noise_variance: variance that each step adds, at the start.
        variance_floor: added to each posterior variance.
        observation: ``"poisson"``, ``"gaussian"``, ``"gamma"`` or ``"zero_inflated_gamma"``.
        gamma_location: location of the gamma part of the zero-inflated gamma.
        dropout: share of units dropped, at least 0 and below 1.
        coordinated_dropout: share of samples hidden from the encoder, on which alone the
            likelihood is then counted (Keshtkaran & Pandarinath 2019); 0, or at least
            1/65,536, the finest that a mask can draw.
        sample_validation: share of training samples that is never shown nor fitted, on
            which ``sv_nll`` is measured (Keshtkaran et al. 2022). Excludes ``spike_jitter``
            and ``temporal_shift``, which would move spikes out of those samples.
        spike_jitter: spikes move by up to this many bins during training.
        temporal_shift: standard deviation in bins by which a channel moves in training.
        kl_initial_condition_weight: of this KL divergence. 1 is the ELBO; the default is
            lower, since coordinated dropout regularises too, and recovers known rates
            better.
        kl_inferred_inputs_weight: of this KL divergence; 1 is the ELBO. Inputs that cost
            less come to copy the noise of single bins. Where the divergence itself falls
            to nothing in training, a bin tells too little of the inputs for this price,
            and they are not used: try 0.1.
        l2_generator_weight: times half the mean square of the generator's recurrent kernel.
        l2_controller_weight: the same of the controller.
        l2_encoders_weight: the same of the encoders, one weight for all.
        warm_up_steps: training steps over which the KL and L2 weights rise from 0.
        learning_rate: at the start of training.
        gradient_clip: bound on the norm of the whole gradient.
        seed: seed of the weights and of all noise in training.
        session_names: names of the sessions, each once.
        session_neurons: number of neurons of each; empty: ``n_neurons`` of the one session.
        session_encode_neurons: how many of them the encoders see; empty: the first
            ``n_encode_neurons`` of each.
        n_read_in: dimensions that every session's read-in leads to, in which the encoders
            see the spikes; 0: there is none, and the encoders see the neurons of the one
            session themselves.
        read_in_start: ``"pcr"``: read-in and read-out begin by principal components
            regression, for which all sessions have the same conditions; ``"random"``.
        read_in_trained: whether the read-ins are trained on; the read-outs always are.
        frozen_sessions: names of sessions whose read-in and read-out are not trained.
        shared_frozen: whether all that the sessions share is not trained.

    Example:
        >>> LFADSConfig(n_neurons=30, n_bins=50, bin_width=0.01, n_inferred_inputs=2)
        LFADSConfig(n_neurons=30, n_bins=50, bin_width=0.01, n_inferred_inputs=2)
    """

    n_neurons: int
    n_bins: int
    bin_width: float
    n_encode_neurons: int | None = None
    n_encode_bins: int | None = None
    n_external_inputs: int = 0
    n_inferred_inputs: int = 0
    encoder_units: int = 64
    n_initial_conditions: int = 64
    generator_units: int = 100
    n_factors: int = 40
    controller_encoder_units: int = 64
    controller_units: int = 64
    controller_lag: int = 1
    initial_condition_bins: int = 0
    state_clip: float = 5.0
    initial_condition_prior_variance: float = 0.1
    input_prior: str = "ar1"
    input_prior_time_constant: float = 0.1
    input_prior_noise_variance: float = 0.1
    variance_floor: float = 1e-4
    observation: str = "poisson"
    gamma_location: float = 0.1
    dropout: float = 0.1
    coordinated_dropout: float = 0.3
    sample_validation: float = 0.0
    spike_jitter: int = 0
    temporal_shift: float = 0.0
    kl_initial_condition_weight: float = 0.3
    kl_inferred_inputs_weight: float = 1.0
    l2_generator_weight: float = 0.0
    l2_controller_weight: float = 0.0
    l2_encoders_weight: float = 0.0
    warm_up_steps: int = 300
    learning_rate: float = 5e-3
    gradient_clip: float = 0.1
    seed: int = 0
    session_names: tuple[str, ...] = (UNNAMED,)
    session_neurons: tuple[int, ...] = ()
    session_encode_neurons: tuple[int, ...] = ()
    n_read_in: int = 0
    read_in_start: str = "random"
    read_in_trained: bool = True
    frozen_sessions: tuple[str, ...] = ()
    shared_frozen: bool = False

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = plain_value(field.name, getattr(self, field.name), str(field.type))
            object.__setattr__(self, field.name, value)
        if not self.session_neurons:
            object.__setattr__(self, "session_neurons", (self.n_neurons,))
        check_together(self)
        check_sessions(self)
        most_factors = sum(self.session_neurons)
        if self.n_factors > most_factors and self.n_factors != type(self).n_factors:
            warnings.warn(
                f"n_factors: {self.n_factors} factors for {most_factors} neurons are more "
                "than the data can determine.",
                stacklevel=3,
            )

    @property
    def encoded_bins(self) -> int:
        """Number of bins that the encoders see."""
        return self.n_bins if self.n_encode_bins is None else self.n_encode_bins

    @property
    def encoded_neurons(self) -> int:
        """Number of neurons that the encoders see."""
        return self.n_neurons if self.n_encode_neurons is None else self.n_encode_neurons

    @property
    def has_controller(self) -> bool:
        """True if inputs are inferred."""
        return self.n_inferred_inputs > 0

    def index_of(self, session_name: str, argument: str = "session") -> int:
        """Return the index of a session among the model's, 0 for any name of a single one.

        Args:
            session_name: one of ``session_names``.
            argument: name of the argument in an error.

        Raises:
            TypeError: a name that is no text.
            ValueError: none of several sessions has this name.
        """
        check_text(argument, "argument")
        check_text(session_name, argument)
        if len(self.session_names) == 1:
            return 0
        if session_name not in self.session_names:
            raise ValueError(
                f"{argument}: expected a session that the model knows "
                f"({', '.join(map(repr, self.session_names))}), received {session_name!r}. "
                "add_session makes a new one known."
            )
        return self.session_names.index(session_name)

    def encoded_of(self, index: int) -> int:
        """Count the neurons of a session that the encoders see.

        Args:
            index: place of the session in ``session_names``.
        """
        self._check_index(index)
        if self.session_encode_neurons:
            return self.session_encode_neurons[index]
        return min(self.encoded_neurons, self.session_neurons[index])

    def _check_index(self, index: int) -> None:
        """Refuse what is no place of a session."""
        check_whole(index, "index", 0, len(self.session_names) - 1)

    def of_session(self, index: int) -> LFADSConfig:
        """Return the configuration by which a session's own trials are checked.

        Args:
            index: place of the session in ``session_names``.
        """
        self._check_index(index)
        if len(self.session_names) == 1:
            return self
        n_neurons = self.session_neurons[index]
        return dataclasses.replace(
            self,
            session_names=(self.session_names[index],),
            session_neurons=(n_neurons,),
            session_encode_neurons=(),
            frozen_sessions=(),
            n_neurons=n_neurons,
            n_encode_neurons=None if self.n_encode_neurons is None else self.encoded_of(index),
            n_factors=min(self.n_factors, n_neurons),
        )

    def with_session(
        self, name: str, n_neurons: int, n_encoded: int, *, shared_frozen: bool
    ) -> LFADSConfig:
        """Add one session, whose weights alone are trained.

        Where there is no read-in, every session's leads to the encoded neurons of the first.

        Args:
            name: name of the session.
            n_neurons: that it has.
            n_encoded: number of them that the encoders see.
            shared_frozen: False: what the sessions share is trained too.

        Raises:
            TypeError: a name that is not text, or a value that is not a number.
            ValueError: a name that the model knows, or more encoded neurons than neurons.
        """
        check_text(name, "name")
        if name in self.session_names:
            raise ValueError(f"name: expected that of a new session, received {name!r}.")
        check_whole(n_neurons, "n_neurons")
        check_whole(n_encoded, "n_encoded", 1, n_neurons)
        check_switch(shared_frozen, "shared_frozen")
        neurons = (*self.session_neurons, n_neurons)
        encoded = (*map(self.encoded_of, range(len(self.session_names))), n_encoded)
        return dataclasses.replace(
            self,
            session_names=(*self.session_names, name),
            session_neurons=neurons,
            session_encode_neurons=() if encoded == neurons else encoded,
            n_neurons=max(neurons),
            n_encode_neurons=None if encoded == neurons else max(encoded),
            n_read_in=self.n_read_in or self.encoded_neurons,
            read_in_trained=True,
            frozen_sessions=self.session_names,
            shared_frozen=shared_frozen,
        )

    @classmethod
    def for_data(cls, session: Session | Sequence[Session], **changes: Any) -> LFADSConfig:
        """Make the configuration for sessions, with what the data decide filled in.

        Args:
            session: what the model is for: a session, or a list of sessions with different
                neurons, each of which then has a read-in. Those of a list with conditions
                begin by principal components regression; ``read_in_start="random"`` does not
                ask for any.
            **changes: any attribute.

        Raises:
            TypeError: no sessions, or an unknown attribute.
            ValueError: a value out of range, or sessions that do not go together.

        Example:
            >>> import numpy as np
            >>> from lfads_tf import Session
            >>> spikes = np.random.default_rng(0).poisson(1.0, (4, 20, 8))
            >>> LFADSConfig.for_data(Session.from_arrays(spikes, 0.02), n_factors=6)
            LFADSConfig(n_neurons=8, n_bins=20, bin_width=0.02, n_factors=6)
            >>> days = [Session(np.ones((4, 50, n)), 0.02, f"day{n}") for n in (6, 9)]
            >>> LFADSConfig.for_data(days).session_neurons
            (6, 9)
        """
        in_list = isinstance(session, list | tuple)
        if not in_list and not isinstance(session, Session):
            raise TypeError(
                "session: expected a Session (Session.from_arrays makes one of spikes) or a "
                f"list of them, received {type(session).__name__}."
            )
        cls._check_names(changes)
        sessions = as_sessions(session, "session")
        decided = ("session_names", "session_neurons", *(["n_neurons"] if in_list else []))
        for name in decided:
            if name in changes:
                raise TypeError(
                    f"{name}: expected none, since the sessions decide it, received "
                    f"{changes[name]!r}."
                )
        largest = max(sessions, key=lambda session: session.n_neurons)
        neurons = tuple(session.n_neurons for session in sessions)
        encoded = tuple(session.n_encode_neurons or session.n_neurons for session in sessions)
        external = largest.external_inputs
        from_data: dict[str, Any] = {
            "n_neurons": largest.n_neurons,
            "n_bins": largest.n_bins,
            "bin_width": float(largest.bin_width),
            "n_encode_neurons": largest.n_encode_neurons,
            "n_encode_bins": largest.n_encode_bins,
            "n_external_inputs": 0 if external is None else external.shape[-1],
            # More factors than neurons is more than the data can tell apart.
            "n_factors": min(cls.n_factors, sum(neurons)),
            "session_names": tuple(session.name for session in sessions),
        }
        if in_list:
            split = encoded != neurons
            n_factors = changes.get("n_factors", from_data["n_factors"])
            from_data["n_encode_neurons"] = max(encoded) if split else None
            from_data["session_neurons"] = neurons
            from_data["session_encode_neurons"] = encoded if split else ()
            from_data["n_read_in"] = min(n_factors, min(encoded))
            labels = [s.conditions for s in sessions if s.conditions is not None]
            if any(has_condition(of_session).any() for of_session in labels):
                from_data["read_in_start"] = "pcr"
        return cls(**{**from_data, **changes})

    @classmethod
    def _check_names(cls, changes: dict[str, Any]) -> None:
        """Refuse names of no attribute, and tell which was meant."""
        names = [field.name for field in dataclasses.fields(cls)]
        unknown = sorted(set(changes) - set(names))
        if unknown:
            near = [difflib.get_close_matches(name, names, 1) for name in unknown]
            meant = ", ".join(name for match in near for name in match)
            hint = f" Did you mean {meant}?" if meant else ""
            raise TypeError(
                f"{', '.join(unknown)}: expected attributes of {cls.__name__} "
                f"({', '.join(names)}), received unknown names.{hint}"
            )

    def replace(self, **changes: Any) -> LFADSConfig:
        """Return a copy with some attributes changed.

        Args:
            **changes: new values by the names of the attributes.

        Raises:
            TypeError: an unknown attribute.
            ValueError: a value out of range.

        Example:
            >>> LFADSConfig(30, 50, 0.01).replace(n_factors=8).n_factors
            8
        """
        self._check_names(changes)
        if len(self.session_names) == 1 and "n_neurons" in changes:
            changes = {"session_neurons": (), **changes}
        return dataclasses.replace(self, **changes)

    def kl_weight_from_lfads_torch(self, scale: float, cd_rate: float = 0.0) -> float:
        """Convert a ``kl_ic_scale`` or ``kl_co_scale`` of lfads-torch to the weight here.

        Under coordinated dropout the likelihood of lfads-torch has a gradient on the hidden
        samples only, a share ``cd_rate`` of all, and is not rescaled. Its KL terms therefore
        weigh ``1 / cd_rate`` times more than without dropout. Here the weights mean the same
        with and without it.

        Args:
            scale: value there, with ``recon_reduce_mean: True``, its default.
            cd_rate: rate of its ``CoordinatedDropout`` (``cd_pass_rate: 0``); 0: not used. The
                conversion is exact if all neurons and bins that are reconstructed are also
                encoded.

        Raises:
            ValueError: a number out of range.

        Example:
            >>> config = LFADSConfig(n_neurons=100, n_bins=50, bin_width=0.02)
            >>> config.kl_weight_from_lfads_torch(1e-5)
            0.05
            >>> config.kl_weight_from_lfads_torch(1e-5, cd_rate=0.5)
            0.1
        """
        check_number(scale, "scale", closed="low")
        check_number(cd_rate, "cd_rate", high=1.0, closed="low")
        return scale * self.n_bins * self.n_neurons / (cd_rate or 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return all attributes as plain numbers, strings and lists.

        Example:
            >>> config = LFADSConfig(30, 50, 0.01)
            >>> LFADSConfig.from_dict(config.to_dict()) == config
            True
        """
        values = dataclasses.asdict(self)
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> LFADSConfig:
        """Read the configuration that :meth:`to_dict` wrote.

        Args:
            values: values by the names of the attributes.

        Raises:
            TypeError: not a dictionary, or an unknown name in it.
            ValueError: a value out of range, or a size that is missing.

        Example:
            >>> old = {"n_neurons": 3, "n_bins": 9, "bin_width": 0.02, "l2_generator": 0.1}
            >>> LFADSConfig.from_dict(old)  # a name of before the first release
            LFADSConfig(n_neurons=3, n_bins=9, bin_width=0.02, l2_generator_weight=0.1)
        """
        check_mapping(values, "values", of="names of attributes")
        values = {renamed(name): value for name, value in values.items()}
        needed = [f.name for f in dataclasses.fields(cls) if f.default is dataclasses.MISSING]
        missing = [name for name in needed if name not in values]
        if missing:
            raise ValueError(
                f"values: expected {listed(needed)} among others, received none of "
                f"{listed(missing)}."
            )
        cls._check_names(values)
        return cls(**values)

    def __repr__(self) -> str:
        """Show the attributes that differ from the defaults."""
        defaults = {"session_neurons": (self.n_neurons,)}
        shown = [
            f"{field.name}={getattr(self, field.name)!r}"
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != defaults.get(field.name, field.default)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"
