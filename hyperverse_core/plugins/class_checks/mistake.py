"""One mistake in a class, with its place in the file."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Sequence

import attrs

from ...errors import BadRequest

__all__ = ["DECLARED", "Mistake", "refusal"]

DECLARED = "__hyperverse_declared__"
"""Attribute in which ``handler`` records the names and lines of the handlers in a class body."""


@attrs.frozen
class Mistake:
    """A mistake that the author of a class made.

    Attributes:
        cls: the class.
        what: what is wrong.
        cure: what to write instead.
        line: line in the file of the class; 0 if it is not known yet.
        name: name of the field, attribute or method concerned; empty for the class itself.
    """

    cls: type
    what: str
    cure: str
    line: int = 0
    name: str = ""

    def __str__(self) -> str:
        line = self.line or _line_of(self.cls, self.name)
        file = getattr(sys.modules.get(self.cls.__module__), "__file__", None) or self.cls.__module__
        place = f"{file}, line {line}" if line else file
        return f"class {self.cls.__qualname__} ({place}): {self.what}: {self.cure}"


def refusal(mistakes: Sequence[Mistake]) -> BadRequest:
    """Returns one error that lists all mistakes."""
    if len(mistakes) == 1:
        return BadRequest(str(mistakes[0]))
    return BadRequest(f"{len(mistakes)} mistakes:" + "".join(f"\n  {mistake}" for mistake in mistakes))


def _line_of(cls: type, name: str) -> int:
    """Returns the line that defines a class, or a name in its body; 0 if its source cannot be read."""
    try:
        lines, first = inspect.getsourcelines(cls)
    except (OSError, TypeError, IndexError, SyntaxError):  # entered at a prompt, generated, or changed since
        return getattr(cls, "__firstlineno__", 0)
    if name:
        found = re.compile(rf"\s+(?:async\s+def\s+|def\s+)?{re.escape(name)}\s*[:=(]")
        for number, line in enumerate(lines):
            if found.match(line):
                return first + number
    return first
