"""``FixedPointFinder``: from a trained network and some states to its fixed points."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from fixedpoint_tf import linearization
from fixedpoint_tf._utils.batched import smallest_singular_values
from fixedpoint_tf._utils.checks import as_numbers, check_rows
from fixedpoint_tf._utils.filters import distance_outliers, is_slow, state_scale
from fixedpoint_tf.config import FinderConfig
from fixedpoint_tf.fixed_points.points import FixedPoints
from fixedpoint_tf.fixed_points.status import Status
from fixedpoint_tf.questions import Questions
from fixedpoint_tf.search.end_points import distinct_ends, nearest_distance
from fixedpoint_tf.search.evidence import DOUBLE, distance_tolerance
from fixedpoint_tf.search.progress import Progress
from fixedpoint_tf.search.region import Region, make_region
from fixedpoint_tf.search.search import Search
from fixedpoint_tf.search.solvers.base import Problem
from fixedpoint_tf.systems import trajectories
from fixedpoint_tf.systems.convert import as_system
from fixedpoint_tf.systems.differentiation.differenced import Differenced
from fixedpoint_tf.systems.differentiation.jacobians import Autodiff
from fixedpoint_tf.systems.kinks.stability import settle_at_kinks
from fixedpoint_tf.systems.models.rnn_inputs import LayerArray, RNNInputs
from fixedpoint_tf.systems.system import DynamicalSystem
from fixedpoint_tf.systems.validation.derivatives import check_jacobian, describe

__all__ = ["FixedPointFinder"]

logger = logging.getLogger(__name__)

#: Steps, or times of the fastest rate, that states must linger about a slow point.
LEAST_TIME_CONSTANT = 10.0

LEAST_RESOLUTION = 1e-4  # of how far states vary about an offset, that must be resolved
SYSTEM_OPTIONS = ("layer", "n_states", "n_inputs", "kind", "bounds", "derivatives")


class FixedPointFinder(Questions):
    """Finds the fixed points of a recurrent network, and the slow points between them.

    The question is Sussillo & Barak's (2013): where does the speed
    ``q(x) = 0.5 |F(x, u) - x|^2`` vanish, for a constant input ``u``? The interface follows
    FixedPointFinder (Golub & Sussillo 2018), and so do the names of the options, which are
    described in :class:`fixedpoint_tf.FinderConfig`. What the points mean, once found, is
    asked by further methods.

    Args:
        rnn: anything that :func:`fixedpoint_tf.as_system` takes.
        layer, n_states, n_inputs, kind, bounds, derivatives: see there.
        **options: see :class:`fixedpoint_tf.FinderConfig`.

    Attributes:
        system: the network as a :class:`fixedpoint_tf.DynamicalSystem`.
        config: the options.
        interrupted: whether the keyboard put an end to the last search, or to the
            linearisation of what it had found.

    Raises:
        TypeError, ValueError: the network cannot be analysed, or an option is bad.

    Example:
        >>> import keras
        >>> cell = keras.layers.SimpleRNNCell(2, activation="linear")
        >>> cell.build((None, 1))
        >>> cell.set_weights([np.zeros((1, 2)), np.diag([0.5, 2.0]), np.ones(2)])
        >>> finder = FixedPointFinder(cell, verbose=False)
        >>> unique, every = finder.find_fixed_points([[0.0, 0.0], [1.0, 3.0]], [[0.0]])
        >>> unique
        1 fixed point (1 unstable direction); 2 units
        >>> unique.xstar.round(6).tolist()
        [[2.0, -1.0]]
    """

    def __init__(self, rnn: Any, **options: Any):
        system_options = {k: options.pop(k) for k in SYSTEM_OPTIONS if k in options}
        self.config = FinderConfig.from_options(options)
        self.system: DynamicalSystem = as_system(rnn, **system_options)
        self._said_whose = False
        self.rng = np.random.default_rng(self.config.random_seed)
        self.interrupted = False
        self._said_precision = False

    def rnn_inputs(
        self, model_inputs: Any, *, call_arguments: dict[str, Any] | None = None
    ) -> RNNInputs:
        """Give what the RNN layer receives when the model is called on inputs.

        Layers before it (normalisation, embeddings, other recurrent layers) act as in
        inference, masks and initial states are noted, and the model stays as it was. A
        constant input of the model is translated so too: ``rnn_inputs(x)[:, -1]``.

        Args:
            model_inputs: an array, or a list, tuple or dict of arrays, as the model takes
                them.
            call_arguments: further arguments of the model's call, by name.

        Returns:
            ``(n_batch, n_time, n_inputs)`` with mask and initial states: what
            :meth:`simulate` takes, and an array to NumPy.

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
                f"one made from {self.system.name!r} alone: its inputs are those of its "
                "searches. Make the finder from the model, or give simulate the inputs."
            )
        u = self.system.path.rnn_inputs(model_inputs, call_arguments)
        if u.shape[2] != self.system.n_inputs:
            raise ValueError(
                f"model_inputs: expected those of which the RNN layer receives "
                f"{self.system.n_inputs} inputs a step, received some that give it "
                f"{u.shape[2]}."
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
        """Give the states of the network for inputs ``u`` of its RNN layer.

        Args:
            u: ``(n_batch, n_time, n_inputs)``: what :meth:`rnn_inputs` returns, or an array
                of what the RNN layer receives (not of the model's inputs, where layers
                stand before it).
            initial_states: ``(n_batch, n_states)`` or nested as the cell has them; default:
                those of ``u``, else where the layer starts by itself.
            mask: ``(n_batch, n_time)`` boolean, False where the state is kept; default:
                that of ``u``.
            dt: length of a step, for a continuous system (Runge-Kutta of fourth order).
            dtype: ``"float32"`` or ``"float64"``; default: the system's final one.

        Returns:
            ``(n_batch, n_time, n_states)``, the state after each step: all of it, of an LSTM
            both h and c. A layer that goes backwards gives them in the order in which it
            goes through them.

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
        """Give the states that the model itself goes through on its own inputs.

        The same as ``simulate(rnn_inputs(model_inputs))``; where the model masks steps,
        those two calls also tell by ``rnn_inputs(...).valid_bxt`` at which times a step was
        taken.

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
        if self.system.kind != "discrete":
            raise ValueError(
                "simulate_model: expected a network in discrete time, as Keras runs it; "
                "received one made with kind='continuous': simulate(u, dt=...) integrates it."
            )
        u = self.rnn_inputs(model_inputs, call_arguments=call_arguments)
        return self.simulate(u, dtype=dtype)

    def sample_states(
        self, state_traj: Any, n_inits: int, valid_bxt: Any = None, noise_scale: float = 0.0
    ) -> np.ndarray:
        """Draw initial states from trajectories, ``(n_inits, n_states)``.

        Args:
            state_traj: ``(n_batch, n_time, n_states)``, or nested as the cell has them.
            n_inits: how many.
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
        return trajectories.sample_states(
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
            state_traj, n_inits, valid_bxt, noise_scale: see there.

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
        self._said_whose = True  # pairs of inputs and states are the layer's by nature
        path = self.system.path
        if path is not None and path.layer.go_backwards:
            inputs = as_numbers(inputs, "inputs")
            inputs = inputs[:, ::-1] if inputs.ndim == 3 else inputs
        return trajectories.sample_inputs_and_states(
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

        Interrupted from the keyboard, it returns what has been found so far: fixed points
        that starts have come near are still located exactly, other starts stand as not
        converged. Interrupted once more, it leaves that out too. ``interrupted`` then
        says so.

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
            >>> unique, every = finder.find_fixed_points(starts, [[0.0]])
            >>> unique.xstar.round(6).ravel().tolist(), len(every)
            ([-1.0, 0.0, 1.0], 4)
        """
        self.interrupted = False
        x, u, cond_ids = self._check(initial_states, inputs, cond_ids)
        _check_image(self.system, x, u)
        region = self._region(x, u)
        if isinstance(self.system.equations, Differenced):
            self.system.equations.set_size(region.scale, region.origin)
        problem = Problem(self.system, region.lower, region.upper, region.scale, region.origin)
        with Progress(len(x), self.config) as progress:
            options = self.config.search_options()
            start = (x - region.origin) / region.scale
            search = Search(problem, start, u, region, options, progress.report)
            self._check_resolution(search, x)
            try:
                search.run()
                if self.config.do_rerun_q_outliers:
                    search.rerun(self.config.outlier_q_scale)
            except KeyboardInterrupt:
                self.interrupted = True
                search.wrap_up()
            progress.report(search, force=True)
        if self.interrupted:
            logger.warning("interrupted: what had been found by then is returned")
        self._say_precision(search)
        self._mark_outliers(search)
        self._mark_not_slow(search)
        unique, kept, singular = self._unique(search, cond_ids)
        return unique, self._all(search, cond_ids, kept, singular)

    # -- before the search ----------------------------------------------------------------

    def _say_whose(self, inputs: Any) -> None:
        """Say once that constant inputs are those of the RNN layer, where that matters."""
        path = self.system.path
        if self._said_whose or path is None or isinstance(inputs, LayerArray):
            return
        between = path.between()
        if between is not None:
            self._said_whose = True
            logger.warning(
                "inputs are taken as constants at the RNN layer %r, behind %s; "
                "finder.rnn_inputs(x)[:, -1] translates a constant input x of the model.",
                path.layer.name, between,
            )  # fmt: skip

    def _check(self, initial_states, inputs, cond_ids):
        system = self.system
        x = system.layout.pack(initial_states, "initial_states")
        check_rows(x, "initial_states", system.n_states, "n_states")
        if inputs is None and system.n_inputs == 0:
            inputs = np.zeros((1, 0))
        u = as_numbers(inputs, "inputs")
        _check_constant(system, u)
        self._say_whose(inputs)
        if len(u) not in (1, len(x)):
            raise ValueError(
                f"inputs must have one row, or one for each of the {len(x)} initial states; "
                f"got {len(u)} rows."
            )
        u = np.ascontiguousarray(np.broadcast_to(u, (len(x), system.n_inputs)))
        if cond_ids is not None:
            cond_ids = np.asarray(cond_ids)
            if cond_ids.shape != (len(x),) or not np.issubdtype(cond_ids.dtype, np.integer):
                raise ValueError(
                    f"cond_ids must be whole numbers of shape ({len(x)},), one for each "
                    f"initial state; got {cond_ids.dtype} of shape {cond_ids.shape}."
                )
        return x, u, cond_ids

    def _region(self, x: np.ndarray, u: np.ndarray) -> Region:
        """Units of the states and box of the search."""
        return make_region(self.system, x, u, self.config.outlier_distance_scale)

    def _check_resolution(self, search: Search, x: np.ndarray) -> None:
        """Refuse states that vary less about an offset than their arithmetic resolves."""
        eps, problem = search.descents.eps, search.problem
        if not problem.origin.any() or eps <= LEAST_RESOLUTION:
            return
        worst = int(np.argmax(np.abs(problem.origin) / problem.scale))
        raise ValueError(
            f"initial_states: expected states whose differences the arithmetic of the network "
            f"resolves, received state {worst} within {np.ptp(x[:, worst]):.1g} about "
            f"{problem.origin[worst]:g}, of which {self.system.name!r} rounds away {eps:.0e}. "
            "Measure the states from there (subtract it in the equations), or compute in "
            "double precision throughout."
        )

    # -- after the search -----------------------------------------------------------------

    def _say_precision(self, search: Search) -> None:
        """Say once where the network computes in less than double precision."""
        eps = search.descents.eps
        if eps < DOUBLE or self._said_precision:
            return
        self._said_precision = True
        problem = search.problem
        if problem.origin.any() and eps <= problem.resolution:
            logger.warning(
                "%s resolves %.0e of how far the states vary about their offset: points nearer "
                "to each other than %.0e of that are not told apart, and one that rounding "
                "could make of a ghost is a slow point.",
                problem.dtypes[1], eps, distance_tolerance(eps),
            )  # fmt: skip
            return
        logger.warning(
            "%r computes in single precision (its rounding is %.0e): fixed points are located "
            "to %.0e of the size of the states, and one that rounding could make of a ghost "
            "is a slow point. %s",
            self.system.name, eps, distance_tolerance(eps),
            getattr(self.system.equations, "to_double", ""),
        )  # fmt: skip

    def _mark_outliers(self, search: Search) -> None:
        """Mark what lies far from the starts and is no isolated fixed point, nor reached."""
        if not self.config.do_exclude_distance_outliers:
            return
        ends = search.ends
        reached = ends.x[sorted(search.reached)]
        far = distance_outliers(
            ends.x, search.start, self.config.outlier_distance_scale, reached=reached
        )
        far &= ~((ends.status == Status.FIXED_POINT) & np.isfinite(ends.radius))
        ends.status[far & (ends.status <= Status.SLOW_POINT)] = Status.OUTLIER

    def _mark_not_slow(self, search: Search) -> None:
        """A stationary point of the speed where states rush past is no slow point."""
        ends = search.ends
        rows = np.flatnonzero(ends.status == Status.SLOW_POINT)
        if not len(rows):
            return
        time = LEAST_TIME_CONSTANT
        if self.system.kind == "continuous":  # whose unit of time is anyone's
            u = search.inputs[ends.condition[rows[:16]]]
            x = search.problem.natural(ends.x[rows[:16]])
            jacobians = self._in_chunks(self.system.jacobian, x, u, self.system.n_states)
            fastest = float(np.abs(jacobians).sum(axis=-1).max())
            time = time / fastest if fastest > 0 else 0.0
        speed = np.sqrt(2.0 * ends.q[rows])
        scale = state_scale(search.start) or state_scale(ends.x[rows])
        slow = is_slow(speed, scale, time)
        ends.status[rows[~slow]] = Status.NOT_SLOW

    def _unique(self, search: Search, cond_ids):
        """The distinct end points, linearised; their numbers and smallest singular values."""
        ends = search.ends
        kept = distinct_ends(ends, search.inputs, self.config.tol_unique)
        if len(kept) > self.config.max_n_unique:
            chosen = self.rng.choice(len(kept), int(self.config.max_n_unique), replace=False)
            kept = kept[np.sort(chosen)]
        kept = kept[np.lexsort((ends.source[kept], ends.status[kept]))]
        source = ends.source[kept]
        u = search.inputs[ends.condition[kept]]
        columns = search.end_columns()
        own: dict[str, Any] = {name: values[kept] for name, values in columns.items()}
        try:
            linear = self._linearise(search, own, u, ends.radius[kept])
            unit = search.problem.scale
            away = (own["xstar"] - search.problem.origin) / unit
            size = np.sqrt(np.mean(away * away, axis=1))
            size = np.maximum(size, np.sqrt(np.mean(search.start**2)) or 1.0)
            self._check_jacobians(linear, own["xstar"], u, size, unit)
        except KeyboardInterrupt:
            self.interrupted = True
            logger.warning("interrupted: the points are returned without their Jacobians")
            linear = {}
        counts = search.count_starts()
        unique = FixedPoints(
            start_counts=counts,
            inputs=u,
            cond_id=None if cond_ids is None else cond_ids[source],
            **own,
            **linear,
            **self._common(search, np.hstack([own["xstar"], u])),
        )
        return unique, kept, linear.get("smallest_singular_value")

    def _linearise(
        self, search: Search, own: dict[str, Any], u: np.ndarray, located: np.ndarray
    ) -> dict[str, Any]:
        """Return Jacobians, on a kink of one side, and what follows from them."""
        x = own["xstar"]
        if not self.config.do_compute_jacobians:
            return {}
        n, d = x.shape
        if search.descents.matrix_free or 40.0 * n * d * d > 4.0 * self.config.memory_limit:
            logger.warning(
                "the Jacobians of %d points of %d states would need %.1f GB with their "
                "eigenvectors and are left out; raise memory_limit or tol_unique, or lower "
                "max_n_unique", n, d, 40.0 * n * d * d / 1e9,
            )  # fmt: skip
            return {}
        jacobians = self._in_chunks(self.system.jacobian, x, u, d)
        by_input = self._in_chunks(self.system.input_jacobian, x, u, u.shape[1])
        unit = search.problem.scale
        growth = settle_at_kinks(
            self.system,
            x,
            u,
            jacobians,
            by_input,
            fixed=own["status"] == Status.FIXED_POINT,
            size=np.linalg.norm((x - search.problem.origin) / unit, axis=1) + 1.0,
            # Of a random direction, the root of their number is left along any given one.
            located=np.sqrt(d) * located,
            unit=unit,
            eps=search.descents.eps,
        )
        shift = np.eye(d) if self.system.kind == "discrete" else 0.0
        linear = {
            "J_xstar": jacobians,
            "dFdu": by_input,
            "growth_at_kink": growth,
            "smallest_singular_value": smallest_singular_values(jacobians - shift),
        }
        if self.config.do_decompose_jacobians:
            values, right, left = linearization.decompose(jacobians, self.system.kind)
            linear |= {
                "eigval_J_xstar": values,
                "eigvec_J_xstar": right,
                "left_eigvec_J_xstar": left,
            }
        return linear

    def _check_jacobians(
        self, linear, x: np.ndarray, u: np.ndarray, scale: np.ndarray, unit: np.ndarray
    ) -> None:
        """Refuse Jacobians that are not the derivatives of the update at the points."""
        equations = self.system.equations
        if isinstance(equations, Differenced) and len(x):
            dtype = self.system.dtypes[1]
            error = equations.relative_error(self.system.weights(dtype), x, u, dtype)
            logger.warning(
                "the Jacobians of %r are central differences; at these points they are exact "
                "to %.0e of their size.", self.system.name, error,
            )  # fmt: skip
            return
        if "J_xstar" not in linear or not isinstance(equations, Autodiff):
            return  # closed forms are held against the cell when the system is made
        wrong = check_jacobian(
            self.system, x, u, linear["J_xstar"], linear["dFdu"], scale=scale, unit=unit
        )
        if wrong:
            raise ValueError(describe(self.system, wrong))

    def _in_chunks(self, jacobian, x: np.ndarray, u: np.ndarray, width: int) -> np.ndarray:
        """A Jacobian at every point, a bounded number at a time."""
        n, d = x.shape
        result = np.empty((n, d, width))
        chunk = max(1, 2**22 // (d * max(width, 1)))
        for i in range(0, n, chunk):
            result[i : i + chunk] = jacobian(x[i : i + chunk], u[i : i + chunk]).numpy()
        return result

    def _all(self, search: Search, cond_ids, kept, singular) -> FixedPoints:
        """Where each start ended; a start without an end point stands where it was left."""
        points, member = search.points, search.member
        ended = member >= 0
        columns = search.end_columns()
        x, image, q = search.final_states()
        status = np.full(len(x), Status.NOT_CONVERGED, dtype=np.int8)
        status[~np.isfinite(q)] = Status.DIVERGED
        known: dict[str, Any] = {
            "xstar": x,
            "F_xstar": image,
            "qstar": q,
            "dq": points.dq,
            "n_iters": points.n_iters,
            "newton_step": np.full(len(x), np.nan),
            "n_at_bound": np.zeros(len(x), dtype=int),
            "status": status,
        }
        for name, values in known.items():
            values[ended] = columns[name][member[ended]]
        sigma = np.full(len(search.ends) + 1, np.nan)
        if singular is not None:
            sigma[kept] = singular
        u = search.inputs[search.ends.condition[kept]]
        distinct = np.hstack([columns["xstar"][kept], u])
        return FixedPoints(
            x_init=search.problem.natural(search.start),
            inputs=points.u,
            cond_id=cond_ids,
            smallest_singular_value=sigma[member],
            **known,
            **self._common(search, distinct),
        )

    def _common(self, search: Search, distinct: np.ndarray) -> dict[str, Any]:
        """Return what all sets of points of one search share."""
        tol_unique = self.config.tol_unique * float(search.problem.scale.min())
        return {
            "tol_unique": min(tol_unique, 0.5 * nearest_distance(distinct)),
            "kind": self.system.kind,
            "state_names": self.system.state_names,
        }


def _check_constant(system: DynamicalSystem, u: np.ndarray) -> None:
    """Refuse constant inputs of another width, naming the layers before."""
    path = system.path
    try:
        check_rows(u, "inputs", system.n_inputs, "n_inputs")
    except ValueError as error:
        if path is None or u.shape[-1:] == (system.n_inputs,):
            raise
        raise ValueError(
            f"{error} These are {path.describe()}: finder.rnn_inputs(model_inputs)[:, -1] "
            "translates a constant input of the model."
        ) from None


def _check_image(system: DynamicalSystem, x: np.ndarray, u: np.ndarray) -> None:
    """Refuse a network that returns NaN or infinity where the search begins."""
    bad = 0
    for i in range(0, len(x), 4096):
        image = system.step(x[i : i + 4096], u[i : i + 4096]).numpy()
        bad += int((~np.isfinite(image)).any(axis=1).sum())
    if bad:
        raise ValueError(
            f"rnn must return finite states; it returns NaN or infinity at {bad} of the "
            f"{len(x)} initial states. Check its weights and the range of the states."
        )
