"""Have all fixed points been found? Coverage by starts, and deflation."""
