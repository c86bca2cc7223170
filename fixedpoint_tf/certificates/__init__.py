"""Is it truly a fixed point? Proofs by the Newton-Kantorovich theorem."""

from fixedpoint_tf.certificates.certifying import Certificates, certify

__all__ = ["Certificates", "certify"]
