"""Kinks, where the Jacobian jumps: its sides, and stability there."""
