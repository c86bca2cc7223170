"""Questions about fixed points: one folder each, with computation, result and picture."""
