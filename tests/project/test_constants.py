"""Each number at the level of a module has its reason beside it, and one place."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for package in ("fixedpoint_tf", "lfads_tf")
    for path in (ROOT / package).rglob("*.py")
)
MADE_OF_NUMBERS = {"float", "int", "range", "tuple", "list", "frozenset", "dict"}


def is_number(node: ast.expr) -> bool:
    """Numbers, what is computed from them, and tuples, lists and dictionaries of them."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (int, float, complex)) and not isinstance(
            node.value, bool
        )
    if isinstance(node, ast.UnaryOp):
        return is_number(node.operand)
    if isinstance(node, ast.BinOp):
        sides = (node.left, node.right)
        named = any(isinstance(side, (ast.Name, ast.Attribute, ast.Call)) for side in sides)
        return all(map(is_number, sides)) or (named and any(map(is_number, sides)))
    if isinstance(node, (ast.Tuple, ast.List, ast.Set)):
        return bool(node.elts) and all(map(is_number, node.elts))
    if isinstance(node, ast.Dict):
        return bool(node.values) and all(map(is_number, node.values))
    if isinstance(node, (ast.DictComp, ast.ListComp, ast.GeneratorExp, ast.SetComp)):
        return is_number(node.value if isinstance(node, ast.DictComp) else node.elt)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        # np.arange(...), (...).tolist()
        return any(map(is_number, node.args)) or is_number(node.func.value)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in MADE_OF_NUMBERS and any(map(is_number, node.args))
    return False


def bare_numbers(source: str) -> list[str]:
    """The constants of a module that are numbers with no reason, of three words at least."""
    return [name for name, said in numbers_of(source) if len(said.split()) < 3]


def numbers_of(source: str) -> list[tuple[str, str]]:
    """The constants of a module that are numbers, each with what is said beside it."""
    lines, found = source.splitlines(), []
    body = ast.parse(source).body
    for place, node in enumerate(body):
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            continue
        if not is_number(node.value):
            continue
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        said = [lines[n].partition("#")[2] for n in range(node.lineno - 1, node.end_lineno)]
        above = node.lineno - 2
        while above >= 0 and lines[above].startswith("#"):
            said.append(lines[above].lstrip("#:"))
            above -= 1
        after = body[place + 1] if place + 1 < len(body) else None
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            said.append(str(after.value.value))
        found.append((ast.unparse(target), " ".join(said)))
    return found


def test_each_number_has_its_reason_beside_it():
    """The fact it is of, its unit, and why it has this value."""
    bare = {
        module: numbers
        for module in MODULES
        if (numbers := bare_numbers((ROOT / module).read_text(encoding="utf-8")))
    }
    assert len(MODULES) > 300
    assert bare == {}


def test_the_check_meets_each_kind_of_number():
    source = """
BARE = 3
BARE_TOO: float = -1e-3
TUPLE = 1.0, 2.0
POWERS = 10.0 ** np.arange(3)
EACH = {"float32": 1e-3, "float64": 1e-7}
LENGTHS = {name: float(np.finfo(name).eps) ** (1 / 3) for name in ("float32",)}
ROUNDING = 4.0 * EPS
GRID = tuple(np.logspace(-4, 0, 9).tolist())
WORD, STYLE, SWITCH = "two", {"color": "red", "width": 1.0}, True
"""
    assert bare_numbers(source) == [
        "BARE", "BARE_TOO", "TUPLE", "POWERS", "EACH", "LENGTHS", "ROUNDING", "GRID",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "source",
    [
        "TOL = 1e-3  # of the size of a state",
        "#: Of the size of a state.\nTOL = 1e-3",
        'TOL = 1e-3\n"""Of the size of a state."""',
    ],
)
def test_a_reason_may_stand_on_the_line_above_it_or_below_it(source):
    ((name, said),) = numbers_of(source)
    assert name == "TOL"
    assert "size of a state" in said


def test_a_reason_of_another_number_does_not_count():
    source = "A = 1  # of the states\nB = 2\nC = 3  # cm"
    assert bare_numbers(source) == ["B", "C"]
