"""Keeps figures off the screen, warnings of the backend out of the report, memory low."""

import gc
import os
import sys

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(autouse=True, scope="module")
def _let_go():
    """Drop what a module leaves: figures, and graphs of models trained by Keras."""
    from fixedpoint_tf._utils.graph_gradients import gradients_kept_with_graphs

    with gradients_kept_with_graphs():
        yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")
    gc.collect()
