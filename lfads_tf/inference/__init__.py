"""Inference by a trained model: averages over posterior samples, and their result."""
