"""Motion on closed invariant curves, and families of cycles."""
