"""Files of this and other programs, one module a format."""
