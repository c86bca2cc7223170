"""``FixedPointFinder``: from a trained network and some states to its fixed points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fixedpoint_tf import analysis
from fixedpoint_tf._utils.checks import as_numbers, check_float_type
from fixedpoint_tf._utils.chunks import MEMORY_LIMIT
from fixedpoint_tf.config import FinderConfig, check_option_names
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.search.end_points import DEFAULT_TOL_UNIQUE
from fixedpoint_tf.search.find import find_fixed_points
from fixedpoint_tf.systems import sampling
from fixedpoint_tf.systems.cells import PiecewiseLinear
from fixedpoint_tf.systems.convert import as_system
from fixedpoint_tf.systems.models.rnn_inputs import RNNInputs
from fixedpoint_tf.systems.system import DynamicalSystem

__all__ = ["FixedPointFinder"]


class FixedPointFinder:
    """Find the fixed points of a recurrent network, and the slow points between them.

    The question is Sussillo & Barak's (2013): where does the speed
    ``q(x) = 0.5 |F(x, u) - x|^2`` vanish, for a constant input ``u``? The interface follows
    FixedPointFinder (Golub & Sussillo 2018), and so do the names of the options, which are
    described in :class:`fixedpoint_tf.FinderConfig`. Further methods analyse the points found.
    They are the functions of ``fixedpoint_tf.analysis``, called for this network; the default
    of their ``verbose`` is that of the finder.

    Args:
        rnn: anything that :func:`fixedpoint_tf.as_system` takes.
        layer, n_states, n_inputs, time, bounds, derivatives: see that function.
        tol_q, tol_dq, ..., memory_limit: see :class:`fixedpoint_tf.FinderConfig`.
        **unknown: refused, with a hint at the option that was meant.

    Attributes:
        system: the network as a :class:`fixedpoint_tf.DynamicalSystem`.
        config: the options.
        interrupted: whether the last search, or the linearisation of its points, was
            interrupted from the keyboard.

    Raises:
        TypeError, ValueError: the network cannot be analysed, or an option is out of range.

    Example:
        >>> import keras
        >>> cell = keras.layers.SimpleRNNCell(2, activation="linear")
        >>> cell.build((None, 1))
        >>> cell.set_weights([np.zeros((1, 2)), np.diag([0.5, 2.0]), np.ones(2)])
        >>> finder = FixedPointFinder(cell, verbose=False)
        >>> unique, all_points = finder.find_fixed_points([[0.0, 0.0], [1.0, 3.0]], [[0.0]])
        >>> unique.fixed
        1 fixed point (1 unstable direction); 2 units
        >>> unique.xstar.round(6).tolist()
        [[2.0, -1.0]]
    """

    def __init__(
        self,
        rnn: Any,
        *,
        layer: str | None = None,
        n_states: int | None = None,
        n_inputs: int | None = None,
        time: str = "discrete",
        bounds: tuple[Any, Any] | None = None,
        derivatives: str = "automatic",
        tol_q: float = 1e-12,
        tol_dq: float = 1e-20,
        max_iters: int = 5000,
        method: str = "newton",
        do_rerun_q_outliers: bool = False,
        outlier_q_scale: float = 10.0,
        do_exclude_distance_outliers: bool = True,
        outlier_distance_scale: float = 10.0,
        tol_unique: float = DEFAULT_TOL_UNIQUE,
        max_n_unique: float = np.inf,
        do_compute_jacobians: bool = True,
        do_decompose_jacobians: bool = True,
        dtype: str = "float32",
        random_seed: int = 0,
        effort: float = 1.0,
        max_seconds: float | None = None,
        verbose: bool = True,
        super_verbose: bool = False,
        n_iters_per_print_update: int = 100,
        lr_init: float = 0.05,
        lr_factor: float = 0.95,
        lr_patience: int = 5,
        lr_cooldown: int = 0,
        share_descents: bool = True,
        memory_limit: float = MEMORY_LIMIT,
        **unknown: Any,
    ):
        check_option_names(unknown)
        self.config = FinderConfig(
            tol_q=tol_q,
            tol_dq=tol_dq,
            max_iters=max_iters,
            method=method,
            do_rerun_q_outliers=do_rerun_q_outliers,
            outlier_q_scale=outlier_q_scale,
            do_exclude_distance_outliers=do_exclude_distance_outliers,
            outlier_distance_scale=outlier_distance_scale,
            tol_unique=tol_unique,
            max_n_unique=max_n_unique,
            do_compute_jacobians=do_compute_jacobians,
            do_decompose_jacobians=do_decompose_jacobians,
            dtype=dtype,
            random_seed=random_seed,
            effort=effort,
            max_seconds=max_seconds,
            verbose=verbose,
            super_verbose=super_verbose,
            n_iters_per_print_update=n_iters_per_print_update,
            lr_init=lr_init,
            lr_factor=lr_factor,
            lr_patience=lr_patience,
            lr_cooldown=lr_cooldown,
            share_descents=share_descents,
            memory_limit=memory_limit,
        )
        self.system: DynamicalSystem = as_system(
            rnn,
            layer=layer,
            n_states=n_states,
            n_inputs=n_inputs,
            time=time,
            bounds=bounds,
            derivatives=derivatives,
        )
        self.rng = np.random.default_rng(self.config.random_seed)
        self.interrupted = False
        self._said: set[str] = set()  # what has been said once

    def __repr__(self) -> str:
        return f"FixedPointFinder({self.system!r})"

    def rnn_inputs(
        self, model_inputs: Any, *, call_arguments: dict[str, Any] | None = None
    ) -> RNNInputs:
        """Return the inputs of the RNN layer when the model is called.

        Layers before it (normalisation, embeddings, other recurrent layers) act as in
        inference, masks and initial states are recorded, and the model is unchanged. A constant
        input of the model is translated in the same way: ``rnn_inputs(x)[:, -1]``.

        Args:
            model_inputs: an array, or a list, tuple or dict of arrays, as the model takes
                them.
            call_arguments: further arguments of the model's call, by name.

        Returns:
            ``(n_batch, n_time, n_inputs)`` with mask and initial states, as :meth:`simulate`
            takes them; an array for NumPy.

        Raises:
            TypeError, ValueError: the model does not take these inputs, the RNN layer
                cannot be followed in it, or the finder was made without a model.

        Example:
            >>> import keras
            >>> from fixedpoint_tf import FixedPointFinder
            >>> model = keras.Sequential(
            ...     [keras.Input((None, 2)), keras.layers.Rescaling(0.5), keras.layers.GRU(3)]
            ... )
            >>> u = FixedPointFinder(model).rnn_inputs(np.ones((4, 5, 2)))
            >>> u, u[0, 0].tolist()
            (RNNInputs(4 trials, 5 steps, 2 inputs), [0.5, 0.5])
        """
        if self.system.path is None:
            raise ValueError(
                "rnn_inputs: expected a finder made from a model or an RNN layer, received "
                f"one made from {self.system.name!r} alone: its inputs are used as they are. "
                "Make the finder from the model, or pass the inputs to simulate."
            )
        u = self.system.path.rnn_inputs(model_inputs, call_arguments)
        if u.shape[2] != self.system.n_inputs:
            raise ValueError(
                f"model_inputs: expected those of which the RNN layer receives "
                f"{self.system.n_inputs} inputs a step, received some that give it "
                f"{u.shape[2]}."
            )
        if not np.isfinite(u.values[u.mask] if u.mask is not None else u.values).all():
            raise ValueError(
                "model_inputs: expected those of which the RNN layer receives finite numbers, "
                "received some that give it NaN or infinity."
            )
        return u

    def simulate(
        self,
        u: Any,
        initial_states: Any = None,
        *,
        mask: Any = None,
        dt: float | None = None,
        dtype: str | None = None,
    ) -> np.ndarray:
        """Return the states of the network for inputs ``u`` of its RNN layer.

        Args:
            u: ``(n_batch, n_time, n_inputs)``: what :meth:`rnn_inputs` returns, or an array
                of what the RNN layer receives (not the model's inputs, if there are layers
                before it).
            initial_states: ``(n_batch, n_states)`` or nested as the cell has them; default:
                those of ``u``, else where the layer starts by itself.
            mask: ``(n_batch, n_time)`` boolean, False where the state is kept; default:
                that of ``u``.
            dt: length of a step, for a continuous system (Runge-Kutta of fourth order).
            dtype: ``"float32"`` or ``"float64"``; default: the system's final one.

        Returns:
            ``(n_batch, n_time, n_states)``, the whole state after each step, for an LSTM both h
            and c. A layer that goes backwards returns them in the order in which it computes
            them.

        Raises:
            TypeError, ValueError: an argument is not as described, or the model adds a mask
                or initial states that were not given.

        Example:
            >>> from fixedpoint_tf import FixedPointFinder
            >>> finder = FixedPointFinder(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
            >>> finder.simulate([[[1.0], [0.0], [0.0]]]).ravel().tolist()
            [1.0, 0.5, 0.25]
        """
        return self.system.simulate(u, initial_states, mask=mask, dt=dt, dtype=dtype)

    def simulate_model(
        self,
        model_inputs: Any,
        *,
        call_arguments: dict[str, Any] | None = None,
        dtype: str | None = None,
    ) -> np.ndarray:
        """Return the states of the RNN layer when the model is called on its inputs.

        The same as ``simulate(rnn_inputs(model_inputs))``; where the model masks steps,
        ``rnn_inputs(...).valid_bxt`` also marks the steps that were taken.

        Args:
            model_inputs: an array, or a list, tuple or dict of arrays, as the model takes
                them.
            call_arguments: further arguments of the model's call, by name.
            dtype: ``"float32"`` or ``"float64"``; default: the system's final one.

        Returns:
            ``(n_batch, n_time, n_states)``, the state after each step.

        Raises:
            TypeError, ValueError: as :meth:`rnn_inputs`.

        Example:
            >>> import keras
            >>> from fixedpoint_tf import FixedPointFinder
            >>> rnn = keras.layers.GRU(3, return_sequences=True)
            >>> model = keras.Sequential(
            ...     [keras.Input((None, 2)), keras.layers.Rescaling(0.5), rnn]
            ... )
            >>> inputs = np.ones((4, 5, 2), "float32")
            >>> states = FixedPointFinder(model).simulate_model(inputs)
            >>> bool(np.allclose(states, model(inputs), atol=1e-5))
            True
        """
        dtype = None if dtype is None else check_float_type(dtype)
        if self.system.time != "discrete":
            raise ValueError(
                "simulate_model: expected a network in discrete time, as Keras runs it; "
                "received one made with time='continuous': simulate(u, dt=...) integrates it."
            )
        u = self.rnn_inputs(model_inputs, call_arguments=call_arguments)
        return self.simulate(u, dtype=dtype)

    def sample_states(
        self, state_traj: Any, n_inits: int, valid_bxt: Any = None, noise_scale: float = 0.0
    ) -> np.ndarray:
        """Draw initial states from trajectories, ``(n_inits, n_states)``.

        Args:
            state_traj: ``(n_batch, n_time, n_states)``, or nested as the cell has them.
            n_inits: number of samples.
            valid_bxt: ``(n_batch, n_time)`` boolean, times that may be drawn: where the
                model masks steps, ``rnn_inputs(model_inputs).valid_bxt``.
            noise_scale: standard deviation of Gaussian noise on the states. Wide noise
                finds saddles that trajectories pass at a distance.

        Returns:
            ``(n_inits, n_states)`` float64.

        Example:
            >>> from fixedpoint_tf import FixedPointFinder
            >>> finder = FixedPointFinder(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
            >>> states = finder.simulate(np.ones((4, 10, 1)))
            >>> finder.sample_states(states, 100, noise_scale=0.5).shape
            (100, 1)
        """
        return sampling.sample_states(
            self.system.layout,
            state_traj,
            n_inits,
            self.rng,
            valid_bxt=valid_bxt,
            noise_scale=noise_scale,
        )

    def sample_inputs_and_states(
        self,
        inputs: Any,
        state_traj: Any,
        n_inits: int,
        valid_bxt: Any = None,
        noise_scale: float = 0.0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw inputs and the states at the same times, see :meth:`sample_states`.

        Args:
            inputs: ``(n_batch, n_time, n_inputs)`` of the RNN layer, as :meth:`rnn_inputs`
                returns them, in the order of time; of a layer that goes backwards the last
                belongs to the first state.
            state_traj, n_inits, valid_bxt, noise_scale: see that method.

        Returns:
            Inputs ``(n_inits, n_inputs)``, states ``(n_inits, n_states)``.

        Example:
            >>> from fixedpoint_tf import FixedPointFinder
            >>> finder = FixedPointFinder(lambda h, u: 0.5 * h + u, n_states=1, n_inputs=1)
            >>> inputs = np.ones((4, 10, 1))
            >>> u, x = finder.sample_inputs_and_states(inputs, finder.simulate(inputs), 100)
            >>> u.shape, x.shape
            ((100, 1), (100, 1))
        """
        self._said.add("whose inputs")  # pairs of inputs and states are the layer's by nature
        path = self.system.path
        if path is not None and path.layer.go_backwards:
            inputs = as_numbers(inputs, "inputs")
            inputs = inputs[:, ::-1] if inputs.ndim == 3 else inputs
        return sampling.sample_inputs_and_states(
            self.system.layout,
            inputs,
            state_traj,
            n_inits,
            self.rng,
            n_inputs=self.system.n_inputs,
            valid_bxt=valid_bxt,
            noise_scale=noise_scale,
        )

    def find_fixed_points(
        self, initial_states: Any, inputs: Any = None, cond_ids: Any = None
    ) -> tuple[FixedPoints, FixedPoints]:
        """Search from every initial state.

        An interruption from the keyboard returns what has been found so far, and sets
        ``interrupted``: fixed points that starts have come near are still located exactly,
        other starts count as not converged. A second interruption leaves out this location
        too.

        Args:
            initial_states: ``(n, n_states)``, or nested as the cell has them.
            inputs: ``(1, n_inputs)``, one constant input for all, or ``(n, n_inputs)``, of
                the RNN layer: where layers stand before it, :meth:`rnn_inputs` translates
                the model's, ``finder.rnn_inputs(x)[:, -1]``. May be None for a network
                without inputs.
            cond_ids: ``(n,)`` whole numbers, a label of the condition of each start.

        Returns:
            ``unique``: the distinct fixed points and slow points, linearised (``.fixed``
            and ``.slow`` select). Fixed points may be among them that no start led to: an
            attractor met by running forward, a saddle found between others. ``all``: where
            each start ended, in the order of the starts, with a status; not linearised.

        Raises:
            TypeError, ValueError: an argument is not as described, or the network returns
                NaN or infinity at an initial state, or its Jacobians at the points are not the
                derivatives that differences give.

        Example:
            >>> from fixedpoint_tf import FixedPointFinder
            >>> finder = FixedPointFinder(
            ...     lambda h, u: h + 0.1 * (u + h - h**3), n_states=1, n_inputs=1, verbose=False
            ... )
            >>> starts = [[-2.0], [-1.5], [0.1], [2.0]]
            >>> unique, all_points = finder.find_fixed_points(starts, [[0.0]])
            >>> unique.xstar.round(6).ravel().tolist(), len(all_points)
            ([-1.0, 0.0, 1.0], 4)
        """
        self.interrupted = False
        found = find_fixed_points(
            self.system, initial_states, inputs, cond_ids, self.config, self.rng, self._said
        )
        self.interrupted = found.interrupted
        return found.unique, found.all_points

    # -- what the points mean ---------------------------------------------------------------

    def _is_verbose(self, verbose: bool | None) -> bool:
        return self.config.verbose if verbose is None else verbose

    def certify(
        self,
        points: Any,
        *,
        inputs: Any = None,
        n_directions: int = 8,
        safety: float = 2.0,
        seed: int = 0,
        verbose: bool | None = None,
    ) -> analysis.Certificates:
        """Prove that the points are true fixed points.

        See :func:`fixedpoint_tf.analysis.certify`.
        """
        return analysis.certify(
            self.system,
            points,
            inputs=inputs,
            n_directions=n_directions,
            safety=safety,
            seed=seed,
            verbose=self._is_verbose(verbose),
        )

    def estimate_coverage(
        self,
        points: FixedPoints,
        *,
        known: FixedPoints | None = None,
        of: str = "fixed",
        confidence: float = 0.95,
        seed: int = 0,
    ) -> analysis.Coverage:
        """Estimate the chance that one more start finds a new point.

        See :func:`fixedpoint_tf.analysis.estimate_coverage`.

        Args:
            points: second result of :meth:`find_fixed_points`, the state at which each start
                ended.
            known: first result, which may also hold points that no given start led to.
            of, confidence, seed: see that function.
        """
        return analysis.estimate_coverage(
            points,
            known=known,
            system=self.system,
            of=of,
            confidence=confidence,
            seed=seed,
        )

    def prove_complete(
        self,
        points: Any,
        *,
        inputs: Any = None,
        max_seconds: float = 60.0,
        max_boxes: int = 10_000_000,
        form: PiecewiseLinear | None = None,
    ) -> analysis.Completeness:
        """Prove that the given fixed points are complete, or find the missing ones.

        See :func:`fixedpoint_tf.analysis.prove_complete`.
        """
        return analysis.prove_complete(
            self.system,
            points,
            inputs=inputs,
            max_seconds=max_seconds,
            max_boxes=max_boxes,
            form=form,
        )

    def sum_index(self, points: FixedPoints, *, inputs: Any = None) -> analysis.IndexSum:
        """Add up the indices of the fixed points, +1 if none is missing.

        See :func:`fixedpoint_tf.analysis.sum_index`.
        """
        return analysis.sum_index(self.system, points, inputs=inputs)

    def search_deflated(
        self,
        points: FixedPoints,
        *,
        n_inits: int = 128,
        initial_states: Any = None,
        inputs: Any = None,
        length: float | None = None,
        max_rounds: int = 4,
        max_iters: int = 100,
        seed: int = 0,
        verbose: bool | None = None,
    ) -> analysis.Deflated:
        """Search for further fixed points, away from those known.

        See :func:`fixedpoint_tf.analysis.search_deflated`.
        """
        return analysis.search_deflated(
            self.system,
            points,
            n_inits=n_inits,
            initial_states=initial_states,
            inputs=inputs,
            length=length,
            max_rounds=max_rounds,
            max_iters=max_iters,
            seed=seed,
            verbose=self._is_verbose(verbose),
        )

    def sample_slow_states(
        self,
        states: Any,
        inputs: Any = None,
        *,
        n_steps: int = 50,
        max_points: int = 300,
        min_time_constant: float | None = None,
        dt: float | None = None,
        seed: int = 0,
        verbose: bool | None = None,
    ) -> FixedPoints:
        """Sample the states at which trajectories linger.

        See :func:`fixedpoint_tf.analysis.sample_slow_states`.
        """
        return analysis.sample_slow_states(
            self.system,
            states,
            inputs,
            n_steps=n_steps,
            max_points=max_points,
            min_time_constant=min_time_constant,
            dt=dt,
            seed=seed,
            verbose=self._is_verbose(verbose),
        )

    def classify_attractors(
        self,
        points: FixedPoints,
        *,
        min_time_constant: float = 100.0,
        min_points: int = 8,
        dt: float | None = None,
        verbose: bool | None = None,
    ) -> analysis.Attractors:
        """Sort points into isolated ones, lines, rings, planes and slow cycles.

        See :func:`fixedpoint_tf.analysis.classify_attractors`.

        Args:
            points: either result of :meth:`find_fixed_points`, or that of
                :meth:`sample_slow_states`, or both joined by
                ``FixedPoints.concatenate([unique, slow], common=True)``.
            min_time_constant, min_points, dt, verbose: see that function.
        """
        return analysis.classify_attractors(
            self.system,
            points,
            min_time_constant=min_time_constant,
            min_points=min_points,
            dt=dt,
            verbose=self._is_verbose(verbose),
        )

    def find_cycles(
        self,
        states: Any,
        inputs: Any = None,
        *,
        dt: float | None = None,
        n_transient: int = 1000,
        n_steps: int = 4096,
        max_period: int = 8,
        n_candidates: int = 64,
        n_extensions: int = 2,
        tol_unique: float = 1e-4,
        seed: int = 0,
        verbose: bool | None = None,
    ) -> analysis.Cycles:
        """Find the cycles of the network, their periods and their stability.

        See :func:`fixedpoint_tf.analysis.find_cycles`.
        """
        return analysis.find_cycles(
            self.system,
            states,
            inputs,
            dt=dt,
            n_transient=n_transient,
            n_steps=n_steps,
            max_period=max_period,
            n_candidates=n_candidates,
            n_extensions=n_extensions,
            tol_unique=tol_unique,
            seed=seed,
            verbose=self._is_verbose(verbose),
        )

    def continue_branches(
        self,
        points: Any,
        path: Any,
        *,
        start: float | None = None,
        s_range: tuple[float, float] | None = None,
        first_step: float = 0.01,
        max_step: float = 0.05,
        min_step: float = 1e-8,
        max_points: int = 1000,
        bounds: tuple[Any, Any] | None = None,
        verbose: bool | None = None,
    ) -> analysis.Branches:
        """Follow fixed points along a path of inputs, through bifurcations.

        See :func:`fixedpoint_tf.analysis.continue_branches`.
        """
        return analysis.continue_branches(
            self.system,
            points,
            path,
            start=start,
            s_range=s_range,
            first_step=first_step,
            max_step=max_step,
            min_step=min_step,
            max_points=max_points,
            bounds=bounds,
            verbose=self._is_verbose(verbose),
        )

    def find_connections(
        self,
        points: FixedPoints,
        *,
        n_directions: int = 16,
        tol: float = 0.01,
        max_steps: int = 10000,
        dt: float | None = None,
        seed: int = 0,
        verbose: bool | None = None,
    ) -> analysis.Connections:
        """Follow trajectories from each saddle along its unstable directions to their ends.

        See :func:`fixedpoint_tf.analysis.find_connections`.
        """
        return analysis.find_connections(
            self.system,
            points,
            n_directions=n_directions,
            tol=tol,
            max_steps=max_steps,
            dt=dt,
            seed=seed,
            verbose=self._is_verbose(verbose),
        )

    def estimate_basins(
        self,
        points: FixedPoints,
        states: Any,
        inputs: Any = None,
        *,
        tol: float = 0.01,
        max_steps: int = 10000,
        confidence: float = 0.95,
        dt: float | None = None,
        verbose: bool | None = None,
    ) -> analysis.Basins:
        """Estimate the share of states that each attractor attracts.

        See :func:`fixedpoint_tf.analysis.estimate_basins`.
        """
        return analysis.estimate_basins(
            self.system,
            points,
            states,
            inputs,
            tol=tol,
            max_steps=max_steps,
            confidence=confidence,
            dt=dt,
            verbose=self._is_verbose(verbose),
        )

    def analyze_sensitivity(
        self,
        points: FixedPoints,
        readout: Any = None,
        *,
        dt: float | None = None,
        n_modes: int | None = None,
        horizon: float | None = None,
        input_names: Sequence[str] | None = None,
        verbose: bool | None = None,
    ) -> analysis.Sensitivity:
        """Measure how each mode listens to each input, at each point.

        See :func:`fixedpoint_tf.analysis.analyze_sensitivity`.
        """
        return analysis.analyze_sensitivity(
            self.system,
            points,
            readout,
            dt=dt,
            n_modes=n_modes,
            horizon=horizon,
            input_names=input_names,
            verbose=self._is_verbose(verbose),
        )

    def linear_error(
        self,
        points: FixedPoints,
        distances: ArrayLike | None = None,
        n_steps: int = 10,
        seed: int = 0,
        *,
        n_directions: int = 32,
        directions: ArrayLike | None = None,
        dt: float | None = None,
        verbose: bool | None = None,
    ) -> analysis.LinearError:
        """Measure the error of the linearisation against the distance from the points.

        See :func:`fixedpoint_tf.analysis.linear_error`.
        """
        return analysis.linear_error(
            self.system,
            points,
            distances,
            n_steps,
            seed,
            n_directions=n_directions,
            directions=directions,
            dt=dt,
            verbose=self._is_verbose(verbose),
        )
