"""Periodic orbits: guesses, solution, comparison."""
