"""Completeness of a search: coverage by starts, and deflation."""
