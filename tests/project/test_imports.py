"""How the packages import each other, and what importing them must not load."""

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Every room of both packages. A room imports only from those above it.
ROOMS = {}
ROOMS["fixedpoint_tf"] = [
    "_utils",
    "plotting",
    "linearization",
    "fixed_points",
    "systems",
    "curves",
    "search",
    "config",
    "analysis",
    "finder",
    "tasks",
    "cli",
    "__main__",
]
ROOMS["lfads_tf"] = [
    "_utils",
    "plotting",
    "data",
    "config",
    "layers",
    "training",
    "sessions",
    "inference",
    "model",
    "analysis",
    "cli",
    "__main__",
]


def modules(package):
    """Each module of a package by its dotted name."""
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        yield ".".join(parts), path


def imported(path, known, *, everywhere=False):
    """What a module imports of the ``known`` ones: when it is imported, or ``everywhere``.

    Imports inside functions are left out by default. That is how ``FixedPoints.plot``
    reaches the plots, and how matplotlib is kept from loading with the package.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= (inside & known) or {node.module}
    return names


def top_level(name):
    return name.split(".")[0]


@pytest.mark.parametrize("package", ROOMS)
def test_imports_run_down_the_list_of_rooms(package):
    known, rooms = dict(modules(package)), ROOMS[package]
    for name, path in known.items():
        room = (name.split(".") + [None])[1]
        if room is None:  # the package itself gathers what users import
            continue
        assert room in rooms, f"{name}: give it a place in the list of rooms"
        for other in imported(path, set(known)):
            if top_level(other) != package:
                continue
            assert other in known and "." in other, f"{name} imports {other}: name the room"
            above = rooms.index(other.split(".")[1]) <= rooms.index(room)
            assert above, f"{name} imports {other}, which comes later"


@pytest.mark.parametrize("package", ROOMS)
def test_figures_of_arrays_know_no_result(package):
    """Even inside functions, and for types alone; the room itself gathers what users import."""
    known = set(dict(modules("fixedpoint_tf"))) | set(dict(modules("lfads_tf")))
    rooms = ("fixedpoint_tf._utils", f"{package}._utils", f"{package}.plotting")
    computed = {"lfads_tf.analysis"}  # smoothed rates and R^2, arrays made of arrays
    for name, path in modules(package):
        if name.startswith(f"{package}.plotting."):
            for other in (imported(path, known, everywhere=True) & known) - computed:
                assert other.startswith(rooms), f"{name} imports {other}"


@pytest.mark.parametrize("package", ROOMS)
def test_every_room_in_the_list_exists(package):
    there = {name.split(".")[1] for name, _ in modules(package) if "." in name}
    assert set(ROOMS[package]) == there


@pytest.mark.parametrize("package", ROOMS)
def test_no_module_waits_for_itself(package):
    known = dict(modules(package))
    graph = {name: imported(path, set(known)) & set(known) for name, path in known.items()}
    list(graphlib.TopologicalSorter(graph).static_order())


def test_fixed_points_know_nothing_of_lfads():
    for name, path in modules("fixedpoint_tf"):
        found = {top_level(i) for i in imported(path, set(), everywhere=True)}
        assert "lfads_tf" not in found, name


def test_lfads_shares_utilities_and_the_equations_of_cells_and_nothing_else():
    shared = ("fixedpoint_tf._utils.", "fixedpoint_tf.systems.cells.")
    for name, path in modules("lfads_tf"):
        for other in imported(path, set(), everywhere=True):
            if top_level(other) == "fixedpoint_tf":
                assert f"{other}.".startswith(shared), f"{name} imports {other}"


@pytest.mark.parametrize(
    ("statement", "unwanted"),
    [
        (
            "import fixedpoint_tf",
            [
                "tensorflow",
                "keras",
                "tensorflow_probability",
                "tf_keras",
                "matplotlib",
                "sklearn",
            ],
        ),
        # Keras imports matplotlib and scikit-learn by itself.
        (
            "from fixedpoint_tf import *",
            ["tensorflow_probability", "tf_keras", "lfads_tf"],
        ),
        ("from fixedpoint_tf import FixedPoints", ["tensorflow", "matplotlib", "sklearn"]),
        (
            "import lfads_tf",
            ["tensorflow", "fixedpoint_tf.finder", "matplotlib", "numpy", "sklearn"],
        ),
        (
            "from lfads_tf import Session, bin_spikes, LFADSConfig, Inferred\n"
            "from lfads_tf import analysis, plotting",
            ["tensorflow", "keras", "fixedpoint_tf.finder", "matplotlib", "sklearn"],
        ),
        (
            "from lfads_tf import *\nfrom lfads_tf.layers.distributions import *",
            ["tensorflow_probability", "tf_keras", "fixedpoint_tf.finder"],
        ),
    ],
)
def test_imports_load_no_more_than_they_need(statement, unwanted):
    program = f"import sys\n{statement}\nprint([m for m in {unwanted} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_a_package_is_reached_after_a_plain_import_which_loads_none():
    """So that help(fixedpoint_tf.analysis) needs no second import."""
    program = (
        "import sys, pydoc, fixedpoint_tf\n"
        "print('fixedpoint_tf.analysis' in sys.modules, 'numpy' in sys.modules, end=' ')\n"
        "print('analysis' in dir(fixedpoint_tf), hasattr(fixedpoint_tf, 'no_room'))\n"
        "print(pydoc.render_doc(fixedpoint_tf.analysis).splitlines()[0])"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    first, help_text = run.stdout.splitlines()[:2]
    assert first == "False False True False"
    assert "package fixedpoint_tf.analysis" in help_text


@pytest.mark.parametrize("package", ["fixedpoint_tf", "lfads_tf"])
def test_packages_are_marked_as_typed(package):
    assert (ROOT / package / "py.typed").is_file()
