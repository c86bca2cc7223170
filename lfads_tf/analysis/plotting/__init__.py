"""Figures of what the analysis finds."""
