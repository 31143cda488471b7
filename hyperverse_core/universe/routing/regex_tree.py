"""Regular expressions as trees: the only module that uses ``re._parser``, a private name of Python.

The parser of regular expressions has no public name since Python 3.11, which deprecated ``sre_parse``. The tests in
``tests/universe_text/test_regex_tree.py`` check on each Python that its trees are what `path_cost` and `path_regex`
expect.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

__all__ = [
    "ANY",
    "ASSERT",
    "ASSERT_NOT",
    "AT",
    "ATOMIC_GROUP",
    "AT_BEGINNING",
    "AT_END",
    "AT_END_STRING",
    "BRANCH",
    "CATEGORY",
    "FAILURE",
    "GROUPREF",
    "GROUPREF_EXISTS",
    "IN",
    "LITERAL",
    "MAX_REPEAT",
    "MIN_REPEAT",
    "NEGATE",
    "NOT_LITERAL",
    "POSSESSIVE_REPEAT",
    "RANGE",
    "SUBPATTERN",
    "Items",
    "least_width",
    "parse_tree",
]

Items: TypeAlias = Sequence[tuple[Any, Any]]
"""A part of a tree: pairs of an operation, one of the constants below, and its argument."""

_parser: Final[Any] = importlib.import_module("re._parser")

ANY: Final[Any] = _parser.ANY
"""Any character. No argument."""
ASSERT: Final[Any] = _parser.ASSERT
"""A look-ahead or look-behind. Its direction, and the part."""
ASSERT_NOT: Final[Any] = _parser.ASSERT_NOT
"""A negative look-ahead or look-behind, with the same argument."""
AT: Final[Any] = _parser.AT
"""A position: one of `AT_BEGINNING`, `AT_END`, `AT_END_STRING` and others."""
AT_BEGINNING: Final[Any] = _parser.AT_BEGINNING
AT_END: Final[Any] = _parser.AT_END
AT_END_STRING: Final[Any] = _parser.AT_END_STRING
ATOMIC_GROUP: Final[Any] = _parser.ATOMIC_GROUP
"""A group that is matched in one way only. The part."""
BRANCH: Final[Any] = _parser.BRANCH
"""Alternatives. None, and a list of parts."""
CATEGORY: Final[Any] = _parser.CATEGORY
"""A class of characters, such as digits. Its name is the text of the argument."""
FAILURE: Final[Any] = _parser.FAILURE
"""A part that never matches, ``(?!)``: since Python 3.13. No argument."""
GROUPREF: Final[Any] = _parser.GROUPREF
"""A reference to a group. Its number."""
GROUPREF_EXISTS: Final[Any] = _parser.GROUPREF_EXISTS
"""A choice by whether a group took part. Its number, and two parts."""
IN: Final[Any] = _parser.IN
"""One of some characters. A list of `LITERAL`, `RANGE` and `CATEGORY`, perhaps with `NEGATE` in front."""
LITERAL: Final[Any] = _parser.LITERAL
"""A character. Its code."""
MAX_REPEAT: Final[Any] = _parser.MAX_REPEAT
"""A greedy repeat. The least and the greatest number of times, and the part."""
MIN_REPEAT: Final[Any] = _parser.MIN_REPEAT
"""A lazy repeat, with the same argument."""
NEGATE: Final[Any] = _parser.NEGATE
NOT_LITERAL: Final[Any] = _parser.NOT_LITERAL
"""Any character but one. Its code."""
POSSESSIVE_REPEAT: Final[Any] = _parser.POSSESSIVE_REPEAT
"""A possessive repeat, with the same argument as `MAX_REPEAT`."""
RANGE: Final[Any] = _parser.RANGE
"""A range of characters. The codes of the first and the last."""
SUBPATTERN: Final[Any] = _parser.SUBPATTERN
"""A group. Its number or None, flags that it adds, flags that it removes, and the part."""


def parse_tree(text: str) -> Items:
    """Returns the tree of the expression ``text``. Raises what ``re.compile`` raises."""
    tree: Items = _parser.parse(text)
    return tree


def least_width(items: Any) -> int:
    """Returns the number of characters that ``items``, a part of a tree, match at least."""
    width: int = items.getwidth()[0]
    return width
