"""Enclosures of a network over boxes of states."""
