"""Solvers of a search, one method per module."""
