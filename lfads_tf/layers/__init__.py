"""The network: encoders, decoder, read-in and read-out, priors, observation models."""
