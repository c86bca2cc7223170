"""Several recording sessions in one model."""
