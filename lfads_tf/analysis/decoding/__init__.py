"""Behaviour read from rates or factors, scored on trials that were held out."""
