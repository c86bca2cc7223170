"""Decoding of behaviour from rates or factors, scored on held-out trials."""
