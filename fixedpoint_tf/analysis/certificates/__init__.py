"""Proofs of fixed points by the Newton-Kantorovich theorem."""

from fixedpoint_tf.analysis.certificates.certification import certify
from fixedpoint_tf.analysis.certificates.result import Certificates

__all__ = ["Certificates", "certify"]
