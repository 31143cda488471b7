"""Python parses regular expressions into the trees that the rules for path expressions expect.

The parser is a private name of Python. If one of these tests fails on a new Python, its trees have changed: adapt
``routing/regex_tree.py``, and look through ``path_cost.py`` and ``path_regex.py``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import hyperverse_core
from hyperverse_core.errors import ParseError
from hyperverse_core.universe.routing import regex_tree
from hyperverse_core.universe.routing.path_cost import check_cost
from hyperverse_core.universe.routing.regex_tree import least_width, parse_tree

A, B, SLASH = ("LITERAL", 97), ("LITERAL", 98), ("LITERAL", 47)
MANY = "MAXREPEAT"


def plain(part: Any) -> Any:
    """A part of a tree with the names of operations, and lists for parts."""
    if isinstance(part, tuple):
        return tuple(plain(inner) for inner in part)
    if isinstance(part, list) or hasattr(part, "getwidth"):
        return [plain(inner) for inner in part]
    return str(part) if hasattr(part, "name") else part


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a/", [A, SLASH]),
        ("[^/]", [("NOT_LITERAL", 47)]),
        (".", [("ANY", None)]),
        ("[a-z_]", [("IN", [("RANGE", (97, 122)), ("LITERAL", 95)])]),
        ("[^ab]", [("IN", [("NEGATE", None), A, B])]),
        (r"\d", [("IN", [("CATEGORY", "CATEGORY_DIGIT")])]),
        (r"[\W\s]", [("IN", [("CATEGORY", "CATEGORY_NOT_WORD"), ("CATEGORY", "CATEGORY_SPACE")])]),
        ("a*", [("MAX_REPEAT", (0, MANY, [A]))]),
        ("a{2,3}?", [("MIN_REPEAT", (2, 3, [A]))]),
        ("a++", [("POSSESSIVE_REPEAT", (1, MANY, [A]))]),
        ("(?P<x>a)", [("SUBPATTERN", (1, 0, 0, [A]))]),
        ("(?i:a)(?-i:b)", [("SUBPATTERN", (None, 2, 0, [A])), ("SUBPATTERN", (None, 0, 2, [B]))]),
        ("(?>a)", [("ATOMIC_GROUP", [A])]),
        ("a|bb", [("BRANCH", (None, [[A], [B, B]]))]),
        ("(?=a)(?<!b)", [("ASSERT", (1, [A])), ("ASSERT_NOT", (-1, [B]))]),
        (r"^a$\Z", [("AT", "AT_BEGINNING"), A, ("AT", "AT_END"), ("AT", "AT_END_STRING")]),
        (r"(a)\1", [("SUBPATTERN", (1, 0, 0, [A])), ("GROUPREF", 1)]),
        ("(a)(?(1)a|b)", [("SUBPATTERN", (1, 0, 0, [A])), ("GROUPREF_EXISTS", (1, [A], [B]))]),
    ],
)
def test_the_tree_of_an_expression_is_as_the_rules_expect(text: str, tree: Any) -> None:
    assert plain(parse_tree(text)) == tree


def test_a_part_that_never_matches_is_an_operation_that_the_rules_allow() -> None:
    ((op, _),) = parse_tree("(?!)")
    assert op in (regex_tree.ASSERT_NOT, regex_tree.FAILURE)  # the latter since Python 3.13


@pytest.mark.parametrize(("text", "width"), [("a*", 0), ("a+b", 2), ("(?:aa|b)c", 2)])
def test_the_least_width_of_a_part_is_known(text: str, width: int) -> None:
    assert least_width(parse_tree(text)) == width


def test_operations_are_compared_by_identity() -> None:
    ((op, argument),) = parse_tree("^")
    assert op is regex_tree.AT
    assert argument is regex_tree.AT_BEGINNING


def test_an_operation_that_nobody_has_looked_at_is_refused() -> None:
    with pytest.raises(ParseError, match="is not allowed: a new one"):
        check_cost("x", [("A NEW ONE", None)])


def test_one_file_uses_the_private_parser() -> None:
    root = Path(hyperverse_core.__file__).parent
    users = [
        path.relative_to(root).as_posix() for path in root.rglob("*.py") if "re._parser" in path.read_text("utf-8")
    ]
    assert users == ["universe/routing/regex_tree.py"]
