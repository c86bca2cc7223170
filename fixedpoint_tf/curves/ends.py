"""Names of the places where a branch ends."""

__all__ = ["CLOSED", "END", "JUMP", "MEETING"]

CLOSED = "closed loop"
END = "end of path"
JUMP = "jump of the system"
MEETING = "border branch point"
