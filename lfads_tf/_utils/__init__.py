"""Checks and files that every room shares."""
