"""Curves of fixed points ``G(x, s) = 0``: step along them, over borders, to where they meet."""
