"""Training: batches, noise, objective, compiled steps, callbacks, checkpoints."""
