"""Standard cells in closed form: step, Jacobian, bounds."""
