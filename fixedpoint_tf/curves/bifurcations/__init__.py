"""Bifurcations along a curve of fixed points: noticed, separated, located."""
