"""The mutator makes each kind of slip, leaves sentences alone, and a mutant is what its name says."""

import pytest

from .mutants import mutants
from .run import DECISIONS, OWN_TESTS, read_reviewed


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("a = b < c", "module: b < c -> b <= c"),
        ("a = b < c", "module: b < c -> b >= c"),
        ("a = b is None", "module: b is None -> b is not None"),
        ("a = b and c", "module: b and c -> b or c"),
        ("a = b and c", "module: b and c -> c"),
        ("a = not b", "module: not b -> b"),
        ("a = b + 1", "module: b + 1 -> b - 1"),
        ("a = b + 1", "module: 1 -> 2"),
        ("a = True", "module: True -> False"),
        ("a = Rule('win', 'promote')", "module: 'promote' -> 'hold'"),
        ("a = (Rule(1), Rule(2))", "module: without Rule(1)"),
        ("a = (Rule(1), Rule(2))", "module: Rule(2) before Rule(1)"),
        ("a = any(b)", "module: any(b) -> all(b)"),
        ("a = b if c else d", "module: b if c else d -> d"),
        ("a = [b for b in c if b]", "module: for b in c if b -> for b in c"),
        ("def f():\n    return b", "f: return b -> return None"),
        ("def f():\n    if b:\n        g()", "f: without if b: g()"),
    ],
)
def test_each_kind_of_slip_is_made(source: str, name: str) -> None:
    assert name in {mutant.name for mutant in mutants("m.py", source)}


@pytest.mark.parametrize(
    "source",
    [
        '"""A sentence."""',
        "a = 'day 5 of at least 7'",
        "import b",
        "Kind = Literal['a', 'b']",
        "def f() -> 'a': ...",
    ],
)
def test_sentences_types_and_imports_are_left_alone(source: str) -> None:
    assert [mutant.name for mutant in mutants("m.py", source)] == []


def test_a_mutant_differs_from_the_source_in_one_place() -> None:
    (less,) = [
        one for one in mutants("m.py", "a = 1 < b\nc = 1 < d") if one.name == "module: 1 < d -> 1 <= d"
    ]
    assert (less.line, less.source) == (2, "a = 1 < b\nc = 1 <= d")


def test_what_somebody_has_reviewed_is_still_a_mutant_and_has_a_reason() -> None:
    for module, reviewed in read_reviewed().items():
        names = {mutant.name for mutant in mutants(module, (DECISIONS / module).read_text(encoding="utf-8"))}
        assert reviewed.keys() <= names
        assert module in OWN_TESTS
        assert all(len(why) > 20 for why in reviewed.values())
