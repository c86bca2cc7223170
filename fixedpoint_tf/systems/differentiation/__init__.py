"""Jacobians, and products with them, by automatic differentiation or by differences."""
