"""Results of a certificate, each as a word and as a sentence."""

from __future__ import annotations

from fixedpoint_tf._utils.enums import TextStrEnum

__all__ = ["CertificateCode"]


class CertificateCode(TextStrEnum):
    """Result of the certificate of one point.

    Example:
        >>> CertificateCode.SINGULAR, CertificateCode.SINGULAR.text
        ('singular', 'the Jacobian of the residual has no inverse: not isolated')
    """

    CERTIFIED = "certified", "proved: exactly one fixed point within the uniqueness radius"
    SUPPORTED = "supported", "the same by samples only, which is evidence and no proof"
    SLOW_POINT = "slow_point", "refused, and the residual is no rounding error"
    RESIDUAL = "residual", "refused: the Newton step is too long for the curvature there"
    SINGULAR = "singular", "the Jacobian of the residual has no inverse: not isolated"
    KINK = "kink", "a unit may cross its threshold within the Newton step: undecided"
    BORDER = (
        "border",
        "on thresholds whose sides disagree: several fixed points near, or none",
    )
    NOT_FINITE = "not_finite", "NaN or infinity"
    INTERRUPTED = "interrupted", "not examined"
