"""Evidence that a search has ended in a fixed point, in a slow point or in neither."""
