"""Curves of fixed points ``G(x, s) = 0``: steps along them, borders, and crossings."""
