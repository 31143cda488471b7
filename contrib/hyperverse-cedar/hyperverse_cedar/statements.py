"""Splits the text of a policy file into statements, each with the line where it begins."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import attrs

__all__ = ["RuleText", "SyntaxFault", "Token", "split", "tokens_of", "where_it_fails"]

_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*|[0-9]+)
      | (?P<text>"(?:\\.|[^"\\\n])*")
      | (?P<sign>::|==|!=|<=|>=|&&|\|\||[^\s"])""",
    re.VERBOSE,
)
_SYNTAX = ("unexpected", "invalid token")
_TOO_EARLY = "unexpected token `;`"


class SyntaxFault(ValueError):
    """A policy file that cannot be read.

    Args:
        line: the line, from 1.
        what: the fault there.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line
        self.what = what


@attrs.frozen
class Token:
    """A word, a sign or a string: its text, and the offsets where it begins and ends in the file."""

    text: str
    start: int
    end: int


@attrs.frozen
class RuleText:
    """One policy of a file.

    Attributes:
        file: the path of the file, for people.
        line: where it begins, from 1.
        text: the policy itself, from its first annotation to its semicolon.
        name: the value of its annotation ``@id``; empty for none.
    """

    file: str
    line: int
    text: str
    name: str = ""

    @property
    def place(self) -> str:
        """``FILE:LINE``."""
        return f"{self.file}:{self.line}"


def tokens_of(text: str) -> list[Token]:
    """Returns the tokens of ``text``, without comments. Raises SyntaxFault for a string that does not end in its
    line."""
    found, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise SyntaxFault(_line(text, at), "a string that begins here does not end on the same line")
        if match.lastgroup != "skip":
            found.append(Token(match.group(), at, match.end()))
        at = match.end()
    return found


def split(file: str, text: str) -> list[RuleText]:
    """Returns the statements of a file in their order. Raises SyntaxFault if the last one does not end."""
    statements, first = [], None
    for token in tokens_of(text):
        first = first or token
        if token.text == ";":
            statements.append(RuleText(file, _line(text, first.start), text[first.start : token.end]))
            first = None
    if first is not None:
        raise SyntaxFault(_line(text, first.start), "the policy that begins here does not end with a semicolon")
    return statements


def where_it_fails(statement: RuleText, what: str, parse: Callable[[str], object]) -> int:
    """Returns the line at which a statement cannot be parsed.

    The parser does not report the place. Every prefix of the statement can be continued until it includes the wrong
    token, so the shortest prefix that cannot be continued ends with that token. For an error of meaning, it is the line
    of the word that the parser quotes.

    Args:
        statement: the statement that cannot be parsed.
        what: the message of the parser.
        parse: the parser. Raises ValueError.
    """
    tokens = tokens_of(statement.text)
    quoted = re.search(r"`([^`]+)`", what)
    if what.startswith(_SYNTAX):
        at = _first_wrong(statement.text, tokens, parse)
    else:
        word = quoted.group(1) if quoted else what.rpartition(": ")[2]
        at = next((token.start for token in tokens if token.text == word), 0)
    return statement.line + statement.text.count("\n", 0, at)


def _first_wrong(text: str, tokens: Sequence[Token], parse: Callable[[str], object]) -> int:
    low, high = 0, len(tokens) - 1
    while low < high:
        middle = (low + high) // 2
        if _is_unfinished(text[: tokens[middle].end], parse):
            low = middle + 1
        else:
            high = middle
    return tokens[low].start


def _is_unfinished(text: str, parse: Callable[[str], object]) -> bool:
    """Returns whether ``text`` could be continued: with a semicolon after it, only that semicolon is wrong."""
    try:
        parse(text + ";")
    except ValueError as exc:
        return not str(exc).startswith(_SYNTAX) or str(exc) == _TOO_EARLY
    return True


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
