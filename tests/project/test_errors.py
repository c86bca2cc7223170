"""Errors of both packages speak one dialect: "argument: expected ..., received ..."."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
ERRORS = {"ValueError", "TypeError", "ArgumentTypeError"}
DIALECT = re.compile(r"[^:]+(: [^:]+)*?: expected .+[,;] received ", re.DOTALL)

#: Files with errors of another form: how many, and why.
EXCEPTIONS = {
    "fixedpoint_tf/systems/cloning.py": (
        5,
        "why a cell cannot be copied: parts of the sentence of an error or a warning",
    ),
    "lfads_tf/training/checks.py": (
        1,
        "the sentence of another check, found in the message of TensorFlow's error",
    ),
}


def sources():
    for package in ("fixedpoint_tf", "lfads_tf"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), ast.parse(path.read_text())


def returned():
    """The expressions that functions return, by the functions' names."""
    found = {}
    for _, tree in sources():
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                found.setdefault(function.name, []).extend(
                    node.value for node in ast.walk(function) if isinstance(node, ast.Return)
                )
    return found


def text(node, names, functions, depth=0):
    """A message with ``{}`` for what is only known when it is raised."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text(part, names, functions, depth) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return text(node.value, names, functions, depth) if depth < 3 else "{}"
    if isinstance(node, ast.BinOp):
        return "".join(text(part, names, functions, depth) for part in (node.left, node.right))
    if isinstance(node, ast.Name) and len(names.get(node.id, [])) == 1:
        return text(names[node.id][0], {}, functions, depth + 1)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        texts = [text(value, {}, {}, depth + 1) for value in functions.get(node.func.id, [])]
        return next((t for t in texts if DIALECT.match(t)), "{}")
    return "{}"


def assigned(function):
    """The strings that a function gives to names of its own, by these names."""
    found = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    for name, values in found.items():
        same = {ast.dump(value) for value in values}
        found[name] = values[:1] if len(same) == 1 else values
    strings = (ast.Constant, ast.JoinedStr)
    return {n: v for n, v in found.items() if all(isinstance(value, strings) for value in v)}


def messages(tree, functions):
    """Line and message of each error that is raised, but for those raised again."""
    caught = {n.name for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler) and n.name}
    seen = set()
    for function in [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)] + [tree]:
        names = assigned(function)
        for node in ast.walk(function):
            if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
                continue
            if getattr(node.exc.func, "id", "") not in ERRORS or node.lineno in seen:
                continue
            seen.add(node.lineno)
            message = node.exc.args[0]
            first = message.values[0] if isinstance(message, ast.JoinedStr) else message
            again = getattr(first, "value", None)
            if not (isinstance(again, ast.Name) and again.id in caught):
                yield node.lineno, text(message, names, functions)


@pytest.mark.parametrize(
    ("message", "is_one"),
    [
        ("n: expected a whole number, received 2.5.", True),
        ("session 'a': n: expected a whole number; received 2.5.", True),
        ("n must be a whole number; got 2.5.", False),
        ("n: expected a whole number.", False),
        ("expected a whole number, received 2.5.", False),
    ],
)
def test_the_dialect(message, is_one):
    assert bool(DIALECT.match(message)) == is_one


def test_each_error_names_the_argument_what_was_expected_and_what_was_received():
    functions, others, n = returned(), {}, 0
    for path, tree in sources():
        found = list(messages(tree, functions))
        n += len(found)
        wrong = [f"{path}:{line}: {m}" for line, m in found if not DIALECT.match(m)]
        if wrong:
            others[path] = wrong
    assert n > 400
    allowed = {path: number for path, (number, _) in EXCEPTIONS.items()}
    for path, wrong in others.items():
        assert len(wrong) <= allowed.get(path, 0), "\n".join(wrong)
    counts = {path: len(others.get(path, [])) for path in allowed}
    assert counts == allowed, "fewer errors of another form than listed: lower the numbers"
