"""Rates of single trials beside a local field potential (LFP), in time and by frequency."""
