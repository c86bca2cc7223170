"""Borders between the smooth pieces of a system, and curves that cross them."""
