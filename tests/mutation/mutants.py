"""Small changes to a module, one at a time: what a slip of the hand could make of a rule.

Sentences for people are left alone, and so are docstrings, types and decorators; words that the code itself compares
(verdicts, rules, labels, keys) are changed.
"""

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass

WORD = re.compile(r"[a-z_0-9]*[a-z][a-z_0-9]*")
NEXT = {
    "promote": "hold", "hold": "rollback", "rollback": "promote", "better": "worse", "worse": "better",
    "higher": "lower", "lower": "higher", "control": "treatment", "treatment": "control",
    "keep_control": "keep_split", "keep_split": "keep_control", "critical": "warning",
}  # fmt: skip
COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE), ast.LtE: (ast.Lt, ast.Gt), ast.Gt: (ast.GtE, ast.LtE), ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip
CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitOr: ast.BitAnd,
}  # fmt: skip
CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}
# how a node is reached from the module: the fields on the way, and the place in a list
Path = tuple[tuple[str, int | None], ...]
REMOVED = (ast.If, ast.AugAssign, ast.For)


@dataclass(frozen=True)
class Mutant:
    """One change: where it is, what became of what, and the module that it is made in.

    ``name`` has no line number, so that a reviewed mutant is found again when the lines above it move.
    """

    module: str
    line: int
    name: str
    whole: ast.Module
    path: Path
    new: ast.AST

    @property
    def source(self) -> str:
        """The module's text with the change in it."""
        return ast.unparse(_with(self.whole, self.path, self.new))


def mutants(module: str, source: str) -> list[Mutant]:
    """Every mutant of a module, in the order of its lines.

    Args:
        module: name of the module's file, for the mutants' names.
        source: its text.
    """
    tree = ast.parse(source)
    found: list[Mutant] = []
    names: dict[str, int] = {}
    for path, where in _places(tree):
        node = _at(tree, path)
        for new in _changes(node):
            if ast.unparse(new) == ast.unparse(node):
                continue
            name = f"{where}: {_said(node, new)}"
            names[name] = names.get(name, 0) + 1
            name += f" ({names[name]})" if names[name] > 1 else ""
            found.append(Mutant(module, _line(node), name, tree, path, new))
    return sorted(found, key=lambda mutant: mutant.line)


def _places(node: ast.AST, path: Path = (), where: str = "module") -> Iterator[tuple[Path, str]]:
    """Each statement and expression that may be changed, with the function that it is in."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params", "format_spec"):
            continue
        children = enumerate(value) if isinstance(value, list) else [(None, value)]
        for index, child in children:
            if not isinstance(child, ast.AST) or _is_text(child) or _is_alias(child):
                continue
            inside = (
                getattr(child, "name", where) if isinstance(child, ast.FunctionDef | ast.ClassDef) else where
            )
            at = (*path, (field, index))
            if isinstance(child, ast.stmt | ast.expr | ast.comprehension):
                yield at, inside
            yield from _places(child, at, inside)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_alias(node: ast.AST) -> bool:
    """A name for a type, or an import: nothing that runs."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
        return isinstance(node.targets[0], ast.Name) and node.targets[0].id.istitle()
    return isinstance(node, ast.Import | ast.ImportFrom)


def _at(tree: ast.AST, path: Path) -> ast.AST:
    node = tree
    for field, index in path:
        value = getattr(node, field)
        node = value if index is None else value[index]
    return node


def _with(tree: ast.Module, path: Path, new: ast.AST) -> ast.Module:
    changed = copy.deepcopy(tree)
    parent, (field, index) = _at(changed, path[:-1]), path[-1]
    if index is None:
        setattr(parent, field, new)
    else:
        getattr(parent, field)[index] = new
    return ast.fix_missing_locations(changed)


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 100 else f"{text[:60]} … {text[-38:]}"


def _said(node: ast.AST, new: ast.AST) -> str:
    """What was done, in the words of the code."""
    if isinstance(new, ast.Pass):
        return f"without {_short(node)}"
    if not (isinstance(node, ast.Tuple | ast.List) and isinstance(new, ast.Tuple | ast.List)):
        return f"{_short(node)} -> {_short(new)}"
    old, kept = [[_short(part) for part in parts.elts] for parts in (node, new)]
    if len(old) > len(kept):
        gone = next(number for number in range(len(old)) if old[:number] + old[number + 1 :] == kept)
        return f"without {old[gone]}"
    first = next(number for number in range(len(old)) if old[number] != kept[number])
    return f"{old[first + 1]} before {old[first]}"


def _edited(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _changes(node: ast.AST) -> Iterator[ast.AST]:
    """What one statement or expression may become."""
    if isinstance(node, ast.Compare):
        for other in COMPARED.get(type(node.ops[0]), ()):
            yield _edited(node, ops=[other(), *node.ops[1:]])
    elif isinstance(node, ast.BoolOp):
        yield _edited(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
        yield from (_without(node, "values", number) for number in range(len(node.values)))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in CALCULATED:
        yield _edited(node, op=CALCULATED[type(node.op)]())
    elif isinstance(node, ast.Constant):
        yield from (ast.Constant(value) for value in _other_values(node.value))
    elif isinstance(node, ast.IfExp):
        yield from (node.body, node.orelse)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLED:
        yield _edited(node, func=ast.Name(CALLED[node.func.id], ast.Load()))
    elif isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load):
        yield from _other_lists(node)
    elif isinstance(node, ast.comprehension):
        yield from (_without(node, "ifs", number) for number in range(len(node.ifs)))
    elif isinstance(node, ast.Return) and node.value and not _is_empty(node.value):
        yield _edited(node, value=ast.Constant(None))
    elif isinstance(node, REMOVED) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield ast.copy_location(ast.Pass(), node)
    if isinstance(node, ast.If):
        yield _edited(node, test=ast.Constant(True))
        if node.orelse:
            yield _edited(node, test=ast.Constant(False))


def _other_values(value: object) -> tuple[object, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int | float):
        return (value + 1, value - 1)
    if isinstance(value, str) and WORD.fullmatch(value):
        return (NEXT.get(value, f"{value}_"),)
    return ()


def _other_lists(node: ast.Tuple | ast.List) -> Iterator[ast.AST]:
    """Without each of its parts, and with each pair of neighbours the other way round."""
    parts = node.elts
    for number in range(len(parts)):
        yield _without(node, "elts", number)
    for number in range(len(parts) - 1):
        swapped = [*parts[:number], parts[number + 1], parts[number], *parts[number + 2 :]]
        yield _edited(node, elts=swapped)


def _without(node: ast.AST, field: str, number: int) -> ast.AST:
    kept = list(getattr(node, field))
    del kept[number]
    return kept[0] if field == "values" and len(kept) == 1 else _edited(node, **{field: kept})


def _is_empty(node: ast.expr) -> bool:
    return ast.unparse(node) in ("None", "()", "''", "[]", "False")


def _line(node: ast.AST) -> int:
    placed = node.target if isinstance(node, ast.comprehension) else node
    return int(getattr(placed, "lineno", 0))
