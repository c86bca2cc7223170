"""Proof that the fixed points of a network within a box are all known."""
