"""Latent factor analysis via dynamical systems (LFADS) on TensorFlow and Keras 3.

Spikes go in; rates, factors, inferred inputs and initial conditions come out (Sussillo,
Jozefowicz, Abbott & Pandarinath 2016, arXiv:1608.06315; Pandarinath et al. 2018, Nature
Methods 15:805-815). The model and its training are not here yet: this version reserves
the name and installs the dependencies.
"""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("fixedpoint-tf")
except PackageNotFoundError:  # a checkout on the path that was never installed
    __version__ = "0+unknown"
