"""Conversion of anything trained into a system, one kind of object a module."""

from fixedpoint_tf.systems.convert.conversion import as_system, system_of

__all__ = ["as_system", "system_of"]
