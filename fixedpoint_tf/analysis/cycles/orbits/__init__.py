"""Periodic orbits: guess, solve, and tell one from another."""
