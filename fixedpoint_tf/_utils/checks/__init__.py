"""Checks of what a user passes, for both packages: each error names the argument, what was
expected and what was received."""

from fixedpoint_tf._utils.checks.arrays import (
    as_numbers,
    check_finite,
    check_rows,
    check_trajectories,
    checked_array,
    unmasked,
)
from fixedpoint_tf._utils.checks.numbers import (
    check_number,
    check_range,
    check_seed,
    check_sizes,
    check_switch,
    check_time_step,
    check_whole,
    is_number,
    is_whole,
)
from fixedpoint_tf._utils.checks.objects import (
    check_axes,
    check_choice,
    check_eager,
    check_figure,
    check_function,
    check_generator,
    check_instance,
    check_mapping,
    check_names,
    check_path,
    check_text,
)
from fixedpoint_tf._utils.checks.words import ArgumentTypeError, listed, shown

__all__ = [
    "ArgumentTypeError",
    "as_numbers",
    "check_axes",
    "check_choice",
    "check_eager",
    "check_figure",
    "check_finite",
    "check_function",
    "check_generator",
    "check_instance",
    "check_mapping",
    "check_names",
    "check_number",
    "check_path",
    "check_range",
    "check_rows",
    "check_seed",
    "check_sizes",
    "check_switch",
    "check_text",
    "check_time_step",
    "check_trajectories",
    "check_whole",
    "checked_array",
    "is_number",
    "is_whole",
    "listed",
    "shown",
    "unmasked",
]
