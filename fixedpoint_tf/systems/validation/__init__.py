"""Checks of a network of a user's own: its derivatives, and that it is left unchanged."""
