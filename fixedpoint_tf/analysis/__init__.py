"""Analyses of fixed points, each a folder with computation, result and picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fixedpoint_tf._utils.lazy import attach

if TYPE_CHECKING:
    from fixedpoint_tf.analysis.attractors import Attractors, Group, classify_attractors
    from fixedpoint_tf.analysis.attractors.group_type import GroupType
    from fixedpoint_tf.analysis.attractors.slow_states import sample_slow_states
    from fixedpoint_tf.analysis.basins import Basins, estimate_basins
    from fixedpoint_tf.analysis.certificates import Certificates, certify
    from fixedpoint_tf.analysis.certificates.codes import CertificateCode
    from fixedpoint_tf.analysis.comparison.networks import Comparison, compare_networks
    from fixedpoint_tf.analysis.completeness.coverage import estimate_coverage
    from fixedpoint_tf.analysis.completeness.coverage_result import Coverage
    from fixedpoint_tf.analysis.completeness.deflation import search_deflated
    from fixedpoint_tf.analysis.completeness.deflation_result import Deflated
    from fixedpoint_tf.analysis.completeness.index import sum_index
    from fixedpoint_tf.analysis.completeness.proof.codes import CompletenessCode
    from fixedpoint_tf.analysis.completeness.proof.proving import prove_complete
    from fixedpoint_tf.analysis.completeness.proof.result import Completeness
    from fixedpoint_tf.analysis.connections import Connections, Transitions, find_connections
    from fixedpoint_tf.analysis.continuation import (
        Bifurcation,
        Branches,
        continue_branches,
        switch_branch,
    )
    from fixedpoint_tf.analysis.cycles import Cycles, find_cycles
    from fixedpoint_tf.analysis.outcomes import RunOutcome, StartOutcome
    from fixedpoint_tf.analysis.sensitivity import (
        LinearError,
        Sensitivity,
        analyze_sensitivity,
        linear_error,
    )
    from fixedpoint_tf.curves.ends import BifurcationType, BranchEnd
    from fixedpoint_tf.fixed_points.index import IndexStatus, IndexSum, SelfMap

__all__ = [
    "Attractors",
    "Basins",
    "Bifurcation",
    "BifurcationType",
    "BranchEnd",
    "Branches",
    "CertificateCode",
    "Certificates",
    "Comparison",
    "Completeness",
    "CompletenessCode",
    "Connections",
    "Coverage",
    "Cycles",
    "Deflated",
    "Group",
    "GroupType",
    "IndexStatus",
    "IndexSum",
    "LinearError",
    "RunOutcome",
    "SelfMap",
    "Sensitivity",
    "StartOutcome",
    "Transitions",
    "analyze_sensitivity",
    "certify",
    "classify_attractors",
    "compare_networks",
    "continue_branches",
    "estimate_basins",
    "estimate_coverage",
    "find_connections",
    "find_cycles",
    "linear_error",
    "prove_complete",
    "sample_slow_states",
    "search_deflated",
    "sum_index",
    "switch_branch",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "fixedpoint_tf.analysis.attractors": ["Attractors", "Group", "classify_attractors"],
        "fixedpoint_tf.analysis.attractors.slow_states": ["sample_slow_states"],
        "fixedpoint_tf.analysis.attractors.group_type": ["GroupType"],
        "fixedpoint_tf.analysis.basins": ["Basins", "estimate_basins"],
        "fixedpoint_tf.analysis.certificates": ["Certificates", "certify"],
        "fixedpoint_tf.analysis.certificates.codes": ["CertificateCode"],
        "fixedpoint_tf.analysis.comparison.networks": ["Comparison", "compare_networks"],
        "fixedpoint_tf.analysis.completeness.coverage": ["estimate_coverage"],
        "fixedpoint_tf.analysis.completeness.coverage_result": ["Coverage"],
        "fixedpoint_tf.analysis.completeness.deflation": ["search_deflated"],
        "fixedpoint_tf.analysis.completeness.deflation_result": ["Deflated"],
        "fixedpoint_tf.analysis.completeness.index": ["sum_index"],
        "fixedpoint_tf.analysis.completeness.proof.codes": ["CompletenessCode"],
        "fixedpoint_tf.analysis.completeness.proof.proving": ["prove_complete"],
        "fixedpoint_tf.analysis.completeness.proof.result": ["Completeness"],
        "fixedpoint_tf.analysis.connections": [
            "Connections",
            "Transitions",
            "find_connections",
        ],
        "fixedpoint_tf.analysis.continuation": [
            "Bifurcation",
            "Branches",
            "continue_branches",
            "switch_branch",
        ],
        "fixedpoint_tf.analysis.cycles": ["Cycles", "find_cycles"],
        "fixedpoint_tf.analysis.outcomes": ["RunOutcome", "StartOutcome"],
        "fixedpoint_tf.curves.ends": ["BifurcationType", "BranchEnd"],
        "fixedpoint_tf.fixed_points.index": ["IndexStatus", "IndexSum", "SelfMap"],
        "fixedpoint_tf.analysis.sensitivity": [
            "LinearError",
            "Sensitivity",
            "analyze_sensitivity",
            "linear_error",
        ],
    },
)
