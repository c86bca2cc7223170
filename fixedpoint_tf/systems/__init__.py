"""Dynamical systems: how they are made, checked, differentiated and simulated."""
