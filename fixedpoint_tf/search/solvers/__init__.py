"""Solvers of a search, one method a module."""
