"""Separation of conditions in single trials, bin by bin."""
