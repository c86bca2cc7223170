"""Is it truly a fixed point? Proofs by the Newton-Kantorovich theorem."""

from fixedpoint_tf.analysis.certificates.answer import Certificates
from fixedpoint_tf.analysis.certificates.certifying import certify

__all__ = ["Certificates", "certify"]
