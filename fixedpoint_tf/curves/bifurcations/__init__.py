"""Bifurcations along a curve of fixed points: detection, separation, location."""
