"""Checks of users' own networks: derivatives, repeatability, and no side effects."""
