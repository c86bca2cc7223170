"""Latent factor analysis via dynamical systems (LFADS) on TensorFlow and Keras 3.

Spikes go in; rates, factors, inferred inputs and initial conditions come out (Sussillo,
Jozefowicz, Abbott & Pandarinath 2016, arXiv:1608.06315; Pandarinath et al. 2018, Nature
Methods 15:805-815)::

    from lfads_tf import LFADS, LFADSConfig, Session

    train, valid = Session.from_arrays(spikes, bin_width=0.02).split()
    model = LFADS(LFADSConfig.for_data(train))
    model.compile()
    model.fit(
        train, validation_data=valid, epochs=1000, callbacks=model.default_callbacks("run")
    )
    inferred = model.infer(valid)  # inferred.rates, .factors, .initial_condition_mean, ...

Importing the package loads nothing else: each name below brings what it needs when it is
first used, so that data can be read and results drawn where TensorFlow is not wanted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixedpoint_tf._utils.lazy import attach

if TYPE_CHECKING:
    from lfads_tf.config import LFADSConfig
    from lfads_tf.data.binning import bin_spikes, chop, merge, rebin, segment
    from lfads_tf.data.session import Session
    from lfads_tf.inference.result import Inferred
    from lfads_tf.model import LFADS, load_model

__version__ = "0.1.0"

__all__ = [
    "LFADS",
    "Inferred",
    "LFADSConfig",
    "Session",
    "__version__",
    "bin_spikes",
    "chop",
    "load_model",
    "merge",
    "rebin",
    "segment",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "lfads_tf.config": ["LFADSConfig"],
        "lfads_tf.data.session": ["Session"],
        "lfads_tf.data.binning": ["bin_spikes", "chop", "merge", "rebin", "segment"],
        "lfads_tf.inference.result": ["Inferred"],
        "lfads_tf.model": ["LFADS", "load_model"],
    },
    packages=["analysis", "data", "plotting"],
)
