"""Times and trains lfads-torch (Sedler & Pandarinath 2023), in a process of its own.

    PYTHON benchmarks/measure_lfads_torch.py step OPTIONS.json RESULT.json CHECKOUT
    PYTHON benchmarks/measure_lfads_torch.py fit OPTIONS.json DATA.npz RESULT.npz CHECKOUT

PYTHON has torch, pytorch-lightning, h5py and scikit-learn, and needs no TensorFlow;
CHECKOUT is a checkout of lfads-torch, which stays as it is. All cores, unless ``n_threads``
says otherwise: where other work holds a core, torch's threads wait for each other and steps
take several times as long as with one thread.

**OPTIONS.json** is one object. Its names are those of ``OPTIONS`` (sizes by the names of
``LFADSConfig``, everything else by the names of lfads-torch's own YAML files) and the
``settings`` to start from, one of ``SETTINGS``. What is not given is taken from there, then
from ``OPTIONS``. An unknown name is an error.

**step** writes ``milliseconds`` (median of ``n_repeats`` means over ``n_steps`` training
steps on one batch of Poisson counts: augmentation, loss, gradient, clipping, AdamW; without
Lightning's own work and without reading data, which favours the peer), ``all_milliseconds``,
``first_step_seconds`` (building the model and one step; imports are ``import_seconds``),
``n_parameters`` (trained ones), ``peak_megabytes`` of the process, and ``version``.

**fit** reads ``train_spikes`` and ``valid_spikes`` (n_trials, n_bins, n_neurons), and
``valid_truth`` in spikes per bin where it is known. It trains with a ``pl.Trainer`` for
``budget_seconds`` (model building included; the epoch that is running is finished),
validates after each epoch, puts back the weights of the best smoothed validation
likelihood, as lfads-torch's ``ModelCheckpoint`` does, and averages ``n_samples`` samples of
the posterior. It writes for train and valid ``*_rates`` (spikes per bin), ``*_factors``,
``*_inferred_input_mean``; ``curve_seconds``, ``curve_epoch``, ``curve_train_recon``,
``curve_valid_recon``, ``curve_valid_recon_smth``, ``curve_r2``, ``curve_r2_pooled``
(against the truth, of the weights at that epoch; NaN where not evaluated; the clock stands
still meanwhile), ``r2``, ``r2_pooled`` (of the rates that are written), ``seconds``,
``best_seconds``, ``best_epoch``, ``inference_seconds``, ``n_epochs``, ``n_parameters``,
``peak_megabytes``, ``version``, ``options``. It never stops before the budget is used up.
"""

from __future__ import annotations

import functools
import json
import logging
import os
import resource
import sys
import time
import types
import warnings
from typing import Any

import numpy as np

STARTED = time.perf_counter()

# What lfads-torch's own files say (configs/model/nlb_*.yaml, configs/single.yaml). Where
# they leave a value to a search ("sampled"), it is said here what stands in for it.
OPTIONS: dict[str, Any] = {
    # sizes; None: from the data, or as many as are reconstructed
    "n_neurons": None,
    "n_bins": None,
    "n_encode_neurons": None,
    "n_encode_bins": None,
    "encoder_units": 64,
    "n_initial_conditions": 64,
    "generator_units": 100,
    "n_factors": 40,
    "n_inferred_inputs": 0,  # 0: no controller
    "controller_encoder_units": 64,
    "controller_units": 64,
    "batch_size": 64,
    # as in all of its model files
    "ci_lag": 1,
    "ic_enc_seq_len": 0,
    "cd_rate": 0.3,
    "cd_pass_rate": 0.0,
    "co_prior_tau": 10.0,
    "co_prior_nvar": 0.1,
    "ic_prior_variance": 0.1,
    "ic_post_var_min": 1e-4,
    "cell_clip": 5.0,
    "loss_scale": 1e4,
    "recon_reduce_mean": True,
    "lr_init": 4e-3,
    "lr_stop": 1e-5,
    "lr_decay": 0.95,
    "lr_patience": 6,
    "lr_adam_beta1": 0.9,
    "lr_adam_beta2": 0.999,
    "lr_adam_epsilon": 1e-8,
    "weight_decay": 0.0,
    "l2_start_epoch": 0,
    "l2_increase_epoch": 80,
    "l2_ic_enc_scale": 0.0,
    "l2_ci_enc_scale": 0.0,
    "kl_start_epoch": 0,
    "kl_increase_epoch": 80,
    "gradient_clip_val": 200.0,
    # on in nlb_area2_bump and nlb_mc_rtt, off where a population-based search sets the rate
    "lr_scheduler": True,
    # sampled: inside the ranges of scripts/run_multi.py
    "dropout_rate": 0.1,
    "kl_ic_scale": 1e-5,
    "kl_co_scale": 1e-5,
    "l2_gen_scale": 1e-4,
    "l2_con_scale": 1e-4,
    # of this measurement
    "settings": None,
    "seed": 0,
    "n_threads": None,  # None: all cores
    "n_warm_up": 3,
    "n_steps": 3,
    "n_repeats": 7,
    "mean_count": 0.3,
    "budget_seconds": 60.0,
    "n_samples": 50,
    "curve_every_epochs": 5,
    "curve_samples": 10,
}

# What did best for the peer of some settings tried with it, by data set.
SETTINGS: dict[str, dict[str, Any]] = {
    # Isometric wrist force, 96 channels, 34 bins: the options above as they are.
    "wrist": {},
    "wrist_inputs": {"n_inferred_inputs": 2},
    # Lorenz, 60 neurons, 100 bins, 0.018 spikes a bin. Still improving when the time was up.
    # Tried, one seed, 120 to 180 s, one or a few changes at a time: kl_ic_scale
    # 1e-6, 1e-5, 1e-4; lr_init 2e-3, 4e-3, 8e-3, 1e-2; cd_rate 0.3, 0.5; dropout_rate 0.02,
    # 0.05, 0.1; batches of 32 and 64; 3, 20 and 40 factors; generators of 64 and 100.
    "lorenz": {"generator_units": 64, "cd_rate": 0.5, "dropout_rate": 0.05},
}


def complete(given: dict[str, Any]) -> types.SimpleNamespace:
    """Return all options, given ones first, then named settings, then defaults."""
    name = given.get("settings")
    if name is not None and name not in SETTINGS:
        raise ValueError(f"settings: expected one of {sorted(SETTINGS)}, received {name!r}.")
    unknown = sorted(set(given) - set(OPTIONS))
    if unknown:
        raise ValueError(f"options: expected some of {sorted(OPTIONS)}, received {unknown}.")
    options = types.SimpleNamespace(**{**OPTIONS, **SETTINGS.get(name or "", {}), **given})
    options.n_encode_neurons = options.n_encode_neurons or options.n_neurons
    options.n_encode_bins = options.n_encode_bins or options.n_bins
    return options


def peak_megabytes() -> float:
    """Return the peak resident memory of this process."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


# -- lfads-torch under today's Lightning ----------------------------------------------------


def import_peer(checkout: str, n_threads: int | None = None) -> types.SimpleNamespace:
    """Import lfads-torch's modules, with three corrections for today's versions."""
    # 1. CombinedLoader has moved.
    import pytorch_lightning as pl
    import torch
    from pytorch_lightning.utilities.combined_loader import CombinedLoader

    moved = types.ModuleType("pytorch_lightning.trainer.supporters")
    moved.CombinedLoader = CombinedLoader  # type: ignore[attr-defined]
    sys.modules[moved.__name__] = moved
    sys.path.insert(0, checkout)
    from lfads_torch import datamodules, tuples
    from lfads_torch.model import LFADS
    from lfads_torch.modules import augmentations, priors, readin_readout, recons

    class TodaysLFADS(LFADS):
        # 2. Lightning no longer passes the index of the optimizer.
        def on_before_optimizer_step(self, optimizer):
            super().on_before_optimizer_step(optimizer, 0)

        # 3. The scheduler no longer takes `verbose`.
        def configure_optimizers(self):
            schedulers = torch.optim.lr_scheduler
            original = schedulers.ReduceLROnPlateau

            def without_verbose(*arguments, verbose=None, **named):
                return original(*arguments, **named)

            schedulers.ReduceLROnPlateau = without_verbose
            try:
                return super().configure_optimizers()
            finally:
                schedulers.ReduceLROnPlateau = original

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    torch.set_num_threads(n_threads or cores or os.cpu_count() or 1)
    warnings.filterwarnings("ignore")
    for name in ("pytorch_lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    return types.SimpleNamespace(
        torch=torch,
        pl=pl,
        LFADS=TodaysLFADS,
        datamodules=datamodules,
        SessionBatch=tuples.SessionBatch,
        augmentations=augmentations,
        priors=priors,
        readin_readout=readin_readout,
        recons=recons,
        version=f"torch {torch.__version__}, pytorch-lightning {pl.__version__}, "
        f"{torch.get_num_threads()} threads",
        import_seconds=time.perf_counter() - STARTED,
    )


PASSED_ON = (
    "ic_enc_seq_len ci_lag dropout_rate ic_post_var_min cell_clip loss_scale "
    "recon_reduce_mean lr_scheduler lr_init lr_stop lr_decay lr_patience lr_adam_beta1 "
    "lr_adam_beta2 lr_adam_epsilon weight_decay l2_start_epoch l2_increase_epoch "
    "l2_ic_enc_scale l2_ci_enc_scale l2_gen_scale l2_con_scale kl_start_epoch "
    "kl_increase_epoch kl_ic_scale kl_co_scale"
).split()


def build(peer, options):
    """Build the model that its YAML files describe."""
    modules = peer.torch.nn
    has_controller = options.n_inferred_inputs > 0
    dropout = peer.augmentations.CoordinatedDropout(
        cd_rate=options.cd_rate,
        cd_pass_rate=options.cd_pass_rate,
        ic_enc_seq_len=options.ic_enc_seq_len,
    )
    readout = peer.readin_readout.FanInLinear(options.n_factors, options.n_neurons)
    co_prior = peer.priors.Null()
    if has_controller:
        co_prior = peer.priors.AutoregressiveMultivariateNormal(
            options.co_prior_tau, options.co_prior_nvar, options.n_inferred_inputs
        )
    return peer.LFADS(
        encod_data_dim=options.n_encode_neurons,
        encod_seq_len=options.n_encode_bins,
        recon_seq_len=options.n_bins,
        ext_input_dim=0,
        ic_enc_dim=options.encoder_units,
        ci_enc_dim=options.controller_encoder_units if has_controller else 0,
        con_dim=options.controller_units if has_controller else 0,
        co_dim=options.n_inferred_inputs,
        ic_dim=options.n_initial_conditions,
        gen_dim=options.generator_units,
        fac_dim=options.n_factors,
        reconstruction=modules.ModuleList([peer.recons.Poisson()]),
        variational=True,
        co_prior=co_prior,
        ic_prior=peer.priors.MultivariateNormal(
            0.0, options.ic_prior_variance, options.n_initial_conditions
        ),
        train_aug_stack=peer.augmentations.AugmentationStack([dropout], [0], [0]),
        infer_aug_stack=peer.augmentations.AugmentationStack(),
        readin=modules.ModuleList([modules.Identity()]),
        readout=modules.ModuleList([readout]),
        **{name: getattr(options, name) for name in PASSED_ON},
    )


def n_parameters(model) -> int:
    """Return the number of trained parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def as_batch(peer, options, spikes: np.ndarray):
    """Return trials as a batch of one session."""
    recon = peer.torch.tensor(spikes, dtype=peer.torch.float)
    n_trials = len(recon)
    empty = peer.torch.zeros(n_trials, 0, 0)
    session = peer.SessionBatch(
        encod_data=recon[:, : options.n_encode_bins, : options.n_encode_neurons],
        recon_data=recon,
        ext_input=peer.torch.zeros(n_trials, options.n_encode_bins, 0),
        truth=empty,
        sv_mask=empty,
    )
    return {0: (session, ())}


# -- step -----------------------------------------------------------------------------------


def measure_steps(peer, options) -> dict[str, Any]:
    """Measure the time of training steps."""
    generator = np.random.default_rng(options.seed)
    shape = (options.batch_size, options.n_bins, options.n_neurons)
    batch = as_batch(peer, options, generator.poisson(options.mean_count, shape))
    begin = time.perf_counter()
    peer.torch.manual_seed(options.seed)
    model = build(peer, options)
    # There is no Trainer to log to.
    model.log = model.log_dict = lambda *_, **__: None
    optimizer = model.configure_optimizers()
    if options.lr_scheduler:
        optimizer = optimizer["optimizer"]
    model.train()

    def step() -> float:
        optimizer.zero_grad()
        loss = model.training_step(batch, 0)
        loss.backward()
        model.on_before_optimizer_step(optimizer)
        peer.torch.nn.utils.clip_grad_norm_(model.parameters(), options.gradient_clip_val)
        optimizer.step()
        return float(loss)

    step()
    first = time.perf_counter() - begin
    for _ in range(options.n_warm_up):
        step()
    times = []
    for _ in range(options.n_repeats):
        begin = time.perf_counter()
        for _ in range(options.n_steps):
            loss = step()
        times.append(1e3 * (time.perf_counter() - begin) / options.n_steps)
    if not np.isfinite(loss):
        raise RuntimeError(f"the loss of lfads-torch is {loss}")
    return {
        "milliseconds": float(np.median(times)),
        "all_milliseconds": times,
        "first_step_seconds": first,
        "n_parameters": n_parameters(model),
    }


# -- fit ------------------------------------------------------------------------------------


def r_squared(rates: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return 1 - SS_res / SS_tot as mean over neurons, and pooled over them."""
    rates, truth = (a.reshape(-1, a.shape[-1]).astype(np.float64) for a in (rates, truth))
    residual = ((truth - rates) ** 2).sum(0)
    total = ((truth - truth.mean(0)) ** 2).sum(0)
    varies = total > 0
    each = 1.0 - residual[varies] / total[varies]
    return float(each.mean()), float(1.0 - residual.sum() / total.sum())


def infer(peer, options, model, spikes: np.ndarray, n_samples: int) -> dict[str, np.ndarray]:
    """Average over samples of the posterior, as lfads-torch's ``run_posterior_sampling``."""
    was_training = model.training
    model.eval()
    parts: list[list[np.ndarray]] = []
    with peer.torch.no_grad():
        for start in range(0, len(spikes), options.batch_size):
            batch = as_batch(peer, options, spikes[start : start + options.batch_size])
            samples = (
                model.predict_step(batch, 0, sample_posteriors=True)[0]
                for _ in range(n_samples)
            )
            wanted = ((s.output_params, s.factors, s.co_means) for s in samples)
            sums = functools.reduce(lambda a, b: tuple(map(peer.torch.add, a, b)), wanted)
            parts.append([(total / n_samples).numpy() for total in sums])
    model.train(was_training)
    rates, factors, inputs = (np.concatenate(p) for p in zip(*parts, strict=True))
    return {"rates": rates, "factors": factors, "inferred_input_mean": inputs}


def make_watch(peer, options, data: dict[str, np.ndarray], begin: float):
    """Make a callback of learning curve, best weights and end of the budget."""

    class Watch(peer.pl.Callback):
        paused = 0.0
        best = np.inf
        best_weights: dict | None = None
        best_epoch = -1
        best_seconds = np.nan

        def __init__(self):
            self.curve: list[tuple] = []

        def on_train_epoch_end(self, trainer, model):
            metrics, epoch = trainer.callback_metrics, trainer.current_epoch
            elapsed = time.perf_counter() - begin - self.paused
            smooth = float(metrics["valid/recon_smth"])
            if smooth < self.best:
                self.best, self.best_epoch, self.best_seconds = smooth, epoch, elapsed
                self.best_weights = {k: v.clone() for k, v in model.state_dict().items()}
            r2 = (np.nan, np.nan)
            if "valid_truth" in data and epoch % options.curve_every_epochs == 0:
                pause = time.perf_counter()
                random_state = peer.torch.get_rng_state()
                rates = infer(peer, options, model, data["valid_spikes"], options.curve_samples)
                r2 = r_squared(rates["rates"], data["valid_truth"])
                peer.torch.set_rng_state(random_state)
                self.paused += time.perf_counter() - pause
            recons = (float(metrics["train/recon"]), float(metrics["valid/recon"]), smooth)
            self.curve.append((elapsed, epoch, *recons, *r2))
            if elapsed > options.budget_seconds or not np.isfinite(smooth):
                trainer.should_stop = True

    return Watch()


CURVE = "seconds epoch train_recon valid_recon valid_recon_smth r2 r2_pooled".split()


def fit(peer, options, data: dict[str, np.ndarray]) -> dict[str, Any]:
    """Train for the budget, and return the best model's inference on the trials."""
    begin = time.perf_counter()
    peer.pl.seed_everything(options.seed)
    batch_size = min(options.batch_size, len(data["train_spikes"]))
    loaders = peer.datamodules.BasicDataModule(datafile_pattern="", batch_size=batch_size)
    bins, neurons = slice(options.n_encode_bins), slice(options.n_encode_neurons)
    arrays = {}
    for split in ("train", "valid"):
        spikes = data[f"{split}_spikes"]
        arrays[f"{split}_encod_data"] = spikes[:, bins, neurons]
        arrays[f"{split}_recon_data"] = spikes
    peer.datamodules.attach_tensors(loaders, [arrays])
    model = build(peer, options)
    watch = make_watch(peer, options, data, begin)
    trainer = peer.pl.Trainer(
        accelerator="cpu",
        gradient_clip_val=options.gradient_clip_val,
        max_epochs=1_000_000,
        log_every_n_steps=5,
        callbacks=[watch],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(model, loaders.train_dataloader(), loaders.val_dataloader())
    seconds = time.perf_counter() - begin - watch.paused
    if watch.best_weights is None:
        raise RuntimeError("the validation likelihood of lfads-torch was never finite")
    model.load_state_dict(watch.best_weights)
    begin = time.perf_counter()
    result: dict[str, Any] = {}
    for split in ("train", "valid"):
        inferred = infer(peer, options, model, data[f"{split}_spikes"], options.n_samples)
        result |= {f"{split}_{name}": value for name, value in inferred.items()}
    result["inference_seconds"] = time.perf_counter() - begin
    columns = zip(*watch.curve, strict=True)
    result |= {f"curve_{n}": np.array(c) for n, c in zip(CURVE, columns, strict=True)}
    if "valid_truth" in data:
        scores = r_squared(result["valid_rates"], data["valid_truth"])
        result["r2"], result["r2_pooled"] = scores
    return result | {
        "seconds": seconds,
        "n_epochs": len(watch.curve),
        "best_epoch": watch.best_epoch,
        "best_seconds": watch.best_seconds,
        "n_parameters": n_parameters(model),
        "options": json.dumps(vars(options)),
    }


def main() -> None:
    if sys.argv[1:2] not in (["step"], ["fit"]) or len(sys.argv) != 5 + (sys.argv[1] == "fit"):
        raise SystemExit(__doc__)
    command, options_path, *data_path, result_path, checkout = sys.argv[1:]
    with open(options_path) as file:
        given = json.load(file)
    peer = import_peer(checkout, given.get("n_threads"))
    if command == "step":
        result = measure_steps(peer, complete(given))
    else:
        with np.load(data_path[0], allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
        _, n_bins, n_neurons = data["train_spikes"].shape
        result = fit(peer, complete({"n_bins": n_bins, "n_neurons": n_neurons, **given}), data)
    result |= {
        "import_seconds": peer.import_seconds,
        "peak_megabytes": peak_megabytes(),
        "version": peer.version,
    }
    if command == "step":
        with open(result_path, "w") as file:
            json.dump(result, file, indent=1)
    else:
        np.savez(result_path, **result)


if __name__ == "__main__":
    main()
